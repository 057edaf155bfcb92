//! Points of metrics.

use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Exemplar, Metric, MetricData, ResourceMetrics};

use super::super::blocks::Points;
use super::super::columns::DateTime64;
use super::super::tables::{Exemplars, Series};
use super::{Origin, Scope, nanos, push_attributes};

/// When points were measured, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Period {
    pub(in super::super) start: i64,
    pub(in super::super) end: i64,
}

/// Appends the points of all metrics; with this period, if there is one, in the place of their own.
pub(in super::super) fn metrics(metrics: &ResourceMetrics, period: Option<Period>, to: &mut Points) {
    let origin = Origin::new(metrics.resource());
    for scope_metrics in metrics.scope_metrics() {
        let scope = Scope::new(scope_metrics.scope());
        for metric in scope_metrics.metrics() {
            let from = From { origin: &origin, scope: &scope, metric, period };
            match metric.data() {
                AggregatedMetrics::F64(data) => from.append(data, to),
                AggregatedMetrics::U64(data) => from.append(data, to),
                AggregatedMetrics::I64(data) => from.append(data, to),
            }
        }
    }
}

/// Who measured, and what.
#[derive(Clone, Copy)]
struct From<'a> {
    origin: &'a Origin,
    scope: &'a Scope,
    metric: &'a Metric,
    period: Option<Period>,
}

impl From<'_> {
    fn append<T: Number>(self, data: &MetricData<T>, to: &mut Points) {
        match data {
            MetricData::Gauge(gauge) => {
                for point in self.in_order(gauge.data_points(), |point| label(point.attributes())) {
                    let (row, time) = to.gauge.row(self.end(gauge.time()));
                    self.series(&mut row.point.series, point.attributes(), gauge.start_time(), time);
                    exemplars(&mut row.point, point.exemplars());
                    row.value.push(point.value().to_f64());
                }
            }
            MetricData::Sum(sum) => {
                for point in self.in_order(sum.data_points(), |point| label(point.attributes())) {
                    let (row, time) = to.sum.row(self.end(sum.time()));
                    self.series(&mut row.point.series, point.attributes(), Some(sum.start_time()), time);
                    exemplars(&mut row.point, point.exemplars());
                    row.value.push(point.value().to_f64());
                    row.aggregation_temporality.push(temporality(sum.temporality()));
                    row.is_monotonic.push(sum.is_monotonic());
                }
            }
            MetricData::Histogram(histogram) => {
                for point in self.in_order(histogram.data_points(), |point| label(point.attributes())) {
                    let (row, time) = to.histogram.row(self.end(histogram.time()));
                    self.series(&mut row.point.series, point.attributes(), Some(histogram.start_time()), time);
                    exemplars(&mut row.point, point.exemplars());
                    row.count.push(point.count());
                    row.sum.push(point.sum().to_f64());
                    let before = row.bucket_counts.items.len();
                    point.bucket_counts().for_each(|count| row.bucket_counts.items.push(count));
                    row.bucket_counts.end_row(row.bucket_counts.items.len() - before);
                    let before = row.explicit_bounds.items.len();
                    point.bounds().for_each(|bound| row.explicit_bounds.items.push(bound));
                    row.explicit_bounds.end_row(row.explicit_bounds.items.len() - before);
                    row.min.push(point.min().map_or(0.0, T::to_f64));
                    row.max.push(point.max().map_or(0.0, T::to_f64));
                    row.aggregation_temporality.push(temporality(histogram.temporality()));
                }
            }
            MetricData::ExponentialHistogram(histogram) => {
                for point in self.in_order(histogram.data_points(), |point| label(point.attributes())) {
                    let (row, time) = to.exponential_histogram.row(self.end(histogram.time()));
                    self.series(&mut row.point.series, point.attributes(), Some(histogram.start_time()), time);
                    exemplars(&mut row.point, point.exemplars());
                    row.count.push(point.count() as u64);
                    row.sum.push(point.sum().to_f64());
                    row.scale.push(point.scale().into());
                    row.zero_count.push(point.zero_count());
                    for (buckets, offset, counts) in [
                        (point.positive_bucket(), &mut row.positive_offset, &mut row.positive_bucket_counts),
                        (point.negative_bucket(), &mut row.negative_offset, &mut row.negative_bucket_counts),
                    ] {
                        offset.push(buckets.offset());
                        let before = counts.items.len();
                        buckets.counts().for_each(|count| counts.items.push(count));
                        counts.end_row(counts.items.len() - before);
                    }
                    row.min.push(point.min().map_or(0.0, T::to_f64));
                    row.max.push(point.max().map_or(0.0, T::to_f64));
                    row.aggregation_temporality.push(temporality(histogram.temporality()));
                }
            }
        }
    }

    /// The SDK has the points of a metric in another order each time. What our layer makes of records may have to be made once
    /// more, and then must be the same rows: a part of it may be there already.
    fn in_order<'p, P>(self, points: impl Iterator<Item = &'p P>, label: impl Fn(&P) -> String) -> Vec<&'p P> {
        let mut points: Vec<_> = points.collect();
        if self.period.is_some() {
            points.sort_by_cached_key(|point| label(point));
        }
        points
    }

    fn end(self, own: SystemTime) -> i64 {
        self.period.map_or_else(|| nanos(own), |period| period.end)
    }

    fn series<'a>(
        self,
        to: &mut Series,
        attributes: impl Iterator<Item = &'a KeyValue>,
        start: Option<SystemTime>,
        time: DateTime64,
    ) {
        let From { origin, scope, metric, period } = self;
        to.resource_attributes.push_row_of(&origin.resource_attributes);
        to.resource_schema_url.push_encoded(&origin.schema_url.bytes);
        to.scope_name.push_encoded(&scope.name.bytes);
        to.scope_version.push_encoded(&scope.version.bytes);
        to.scope_attributes.push_row_of(&scope.attributes);
        to.scope_dropped_attributes.push(0);
        to.scope_schema_url.push_encoded(&scope.schema_url.bytes);
        to.service_name.push_encoded(&origin.service_name.bytes);
        to.metric_name.push(metric.name());
        to.metric_description.push(metric.description());
        to.metric_unit.push(metric.unit());
        push_attributes(&mut to.attributes, attributes);
        to.start_time.push(DateTime64(period.map_or_else(|| start.map_or(0, nanos), |period| period.start)));
        to.time.push(time);
        to.flags.push(0);
    }
}

/// What tells the points of a metric from each other.
fn label<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    attributes.map(|attribute| format!("{}\0{}\0", attribute.key, attribute.value)).collect()
}

fn exemplars<'a, T: Number + 'a>(to: &mut Exemplars, exemplars: impl Iterator<Item = &'a Exemplar<T>>) {
    let mut count = 0;
    for exemplar in exemplars {
        push_attributes(&mut to.exemplar_attributes.items, exemplar.filtered_attributes());
        to.exemplar_time.items.push(DateTime64(nanos(exemplar.time())));
        to.exemplar_value.items.push(exemplar.value.to_f64());
        to.exemplar_span_id.items.push_id(*exemplar.span_id());
        to.exemplar_trace_id.items.push_id(*exemplar.trace_id());
        count += 1;
    }
    to.exemplar_attributes.end_row(count);
    to.exemplar_time.end_row(count);
    to.exemplar_value.end_row(count);
    to.exemplar_span_id.end_row(count);
    to.exemplar_trace_id.end_row(count);
}

/// OTLP's numbers.
fn temporality(temporality: Temporality) -> i32 {
    match temporality {
        Temporality::Delta => 1,
        Temporality::Cumulative => 2,
        // It is chosen for an instrument, and its points then say one of the others.
        _ => 0,
    }
}

/// A measured number. The tables have `Float64` for all; integers beyond 2⁵³ are rounded.
trait Number: Copy {
    fn to_f64(self) -> f64;
}

impl Number for f64 {
    fn to_f64(self) -> f64 {
        self
    }
}

impl Number for u64 {
    fn to_f64(self) -> f64 {
        self as f64
    }
}

impl Number for i64 {
    fn to_f64(self) -> f64 {
        self as f64
    }
}
