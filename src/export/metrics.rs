//! From records to metrics, by the convention of tracing-opentelemetry: the fields `monotonic_counter.NAME`, `counter.NAME`,
//! `histogram.NAME` and `gauge.NAME` of an event are measurements, and its other fields are their attributes.
//!
//! It is done here, from what was filtered, stored and claimed, and not where the event happens: a metric says nothing that the
//! record does not. Each batch is counted by itself (delta temporality), since there is no total that it could be added to:
//! batches wait, are given again, and are given by other runs of the program.
//!
//! The SDK alone can make what its exporters take, and gives it the time of the counting.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, MeterProvider as _, UpDownCounter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality};

use super::sdk::SdkRecords;
use crate::record::{RecordRef, Signal, ValueRef};

/// The longest name of an instrument, by OpenTelemetry's specification.
const LONGEST_NAME: usize = 255;

/// Whether a record holds a measurement.
pub(super) fn has_any(record: &RecordRef<'_>) -> bool {
    record.signal() == Signal::Log && measurements(record).next().is_some()
}

/// What the records measured, summed up.
///
/// # Errors
/// The SDK did not do it. In words, for the status.
pub(super) fn of(
    records: &[RecordRef<'_>],
    resource: Resource,
    sdk: &mut SdkRecords,
) -> Result<ResourceMetrics, String> {
    let reader = Reader(Arc::default());
    let provider = SdkMeterProvider::builder().with_resource(resource).with_reader(reader.clone()).build();
    // The size of all numbers of a series together while it has whole ones alone, and their sum is one that the SDK can
    // hold, which does not look: else all of them are floating point.
    let mut wholes: HashMap<Series<'_>, Option<i64>> = HashMap::new();
    for (record, measurement) in all(records) {
        let sum = wholes.entry(measurement.series(record)).or_insert(Some(0));
        *sum = sum.zip(measurement.whole()).and_then(|(sum, whole)| match measurement.kind {
            // The last one counts.
            Kind::Gauge => Some(sum),
            _ => sum.checked_add(whole.checked_abs()?),
        });
    }
    let mut instruments: HashMap<Series<'_>, Instrument> = HashMap::new();
    for (record, measurement) in all(records) {
        let series = measurement.series(record);
        let instrument = instruments.entry(series).or_insert_with(|| {
            let meter = provider.meter_with_scope(sdk.scope(series.target));
            Instrument::new(&meter, series, wholes.get(&series).is_some_and(Option::is_some))
        });
        instrument.record(&measurement, &attributes(record, sdk));
    }
    let mut metrics = ResourceMetrics::default();
    reader.collect(&mut metrics).map_err(|error| format!("the SDK made no metrics of the records: {error}"))?;
    Ok(metrics)
}

fn all<'r, 'a>(records: &'r [RecordRef<'a>]) -> impl Iterator<Item = (&'r RecordRef<'a>, Measurement<'a>)> {
    let logs = records.iter().filter(|record| record.signal() == Signal::Log);
    logs.flat_map(|record| measurements(record).map(move |measurement| (record, measurement)))
}

/// The measurements in a record's fields. What its instrument could not take, or has no name for, is none.
fn measurements<'a>(record: &RecordRef<'a>) -> impl Iterator<Item = Measurement<'a>> + use<'a> {
    record.attributes().filter_map(|(key, value)| {
        let (kind, name) = Kind::of(key)?;
        let is_positive = match value {
            ValueRef::I64(number) => number >= 0,
            ValueRef::U64(_) => true,
            ValueRef::F64(number) if number.is_finite() => number >= 0.0,
            _ => return None,
        };
        let is_valid = is_name(name) && (is_positive || matches!(kind, Kind::Counter | Kind::Gauge));
        is_valid.then_some(Measurement { kind, name, value })
    })
}

/// The other fields.
fn attributes(record: &RecordRef<'_>, sdk: &mut SdkRecords) -> Vec<KeyValue> {
    record
        .attributes()
        .filter(|(key, _)| Kind::of(key).is_none())
        .map(|(key, value)| sdk.attribute(key, value))
        .collect()
}

fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/'))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    MonotonicCounter,
    Counter,
    Histogram,
    Gauge,
}

impl Kind {
    fn of(key: &str) -> Option<(Self, &str)> {
        let (prefix, name) = key.split_once('.')?;
        let kind = match prefix {
            "monotonic_counter" => Kind::MonotonicCounter,
            "counter" => Kind::Counter,
            "histogram" => Kind::Histogram,
            "gauge" => Kind::Gauge,
            _ => return None,
        };
        Some((kind, name))
    }
}

struct Measurement<'a> {
    kind: Kind,
    name: &'a str,
    value: ValueRef<'a>,
}

/// What is summed up together, but for its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Series<'a> {
    target: &'a str,
    kind: Kind,
    name: &'a str,
}

impl<'a> Measurement<'a> {
    fn series(&self, record: &RecordRef<'a>) -> Series<'a> {
        Series { target: record.target(), kind: self.kind, name: self.name }
    }

    /// The value, if it is a whole number that fits both kinds of integers.
    fn whole(&self) -> Option<i64> {
        match self.value {
            ValueRef::I64(number) => Some(number),
            ValueRef::U64(number) => i64::try_from(number).ok(),
            _ => None,
        }
    }

    fn float(&self) -> f64 {
        match self.value {
            ValueRef::I64(number) => number as f64,
            ValueRef::U64(number) => number as f64,
            ValueRef::F64(number) => number,
            _ => 0.0,
        }
    }
}

enum Instrument {
    MonotonicCounter(Counter<u64>),
    MonotonicFloatCounter(Counter<f64>),
    Counter(UpDownCounter<i64>),
    FloatCounter(UpDownCounter<f64>),
    Histogram(Histogram<u64>),
    FloatHistogram(Histogram<f64>),
    Gauge(Gauge<i64>),
    FloatGauge(Gauge<f64>),
}

impl Instrument {
    fn new(meter: &Meter, series: Series<'_>, is_whole: bool) -> Self {
        let name = series.name.to_owned();
        match (series.kind, is_whole) {
            (Kind::MonotonicCounter, true) => Self::MonotonicCounter(meter.u64_counter(name).build()),
            (Kind::MonotonicCounter, false) => Self::MonotonicFloatCounter(meter.f64_counter(name).build()),
            (Kind::Counter, true) => Self::Counter(meter.i64_up_down_counter(name).build()),
            (Kind::Counter, false) => Self::FloatCounter(meter.f64_up_down_counter(name).build()),
            (Kind::Histogram, true) => Self::Histogram(meter.u64_histogram(name).build()),
            (Kind::Histogram, false) => Self::FloatHistogram(meter.f64_histogram(name).build()),
            (Kind::Gauge, true) => Self::Gauge(meter.i64_gauge(name).build()),
            (Kind::Gauge, false) => Self::FloatGauge(meter.f64_gauge(name).build()),
        }
    }

    fn record(&self, measurement: &Measurement<'_>, attributes: &[KeyValue]) {
        let (whole, float) = (measurement.whole().unwrap_or_default(), measurement.float());
        match self {
            Self::MonotonicCounter(counter) => counter.add(whole.unsigned_abs(), attributes),
            Self::MonotonicFloatCounter(counter) => counter.add(float, attributes),
            Self::Counter(counter) => counter.add(whole, attributes),
            Self::FloatCounter(counter) => counter.add(float, attributes),
            Self::Histogram(histogram) => histogram.record(whole.unsigned_abs(), attributes),
            Self::FloatHistogram(histogram) => histogram.record(float, attributes),
            Self::Gauge(gauge) => gauge.record(whole, attributes),
            Self::FloatGauge(gauge) => gauge.record(float, attributes),
        }
    }
}

/// Collects when it is asked to, without a thread, and each kind of instrument by itself: the SDK's own reader would call a
/// batch of up-down counters a total.
#[derive(Clone, Debug)]
struct Reader(Arc<ManualReader>);

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, _: InstrumentKind) -> Temporality {
        Temporality::Delta
    }
}
