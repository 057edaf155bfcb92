//! Promise: a metric exporter gets what events measured, each measurement once, and nothing of an event that its record does
//! not say.
#![cfg(all(feature = "otlp", feature = "metrics"))]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, InMemoryMetricExporterBuilder, Temporality};
use support::{LONG, TempDir, alone, builder, on_with, records, settle};
use tracing::dispatcher::with_default;
use tracing_privacy::{Builder, Events, Memory, Schedule, Telemetry, Unfinished};

fn delta() -> InMemoryMetricExporter {
    InMemoryMetricExporterBuilder::new().with_temporality(Temporality::Delta).build()
}

fn manual(builder: Builder) -> Builder {
    builder.schedule(Schedule::Manual)
}

type Points = BTreeMap<String, f64>;

/// What was exported, a text for each series; the exports added up.
fn points(exports: &[ResourceMetrics]) -> Points {
    let mut points = Points::new();
    for export in exports {
        for scope in export.scope_metrics() {
            assert_eq!(scope.scope().name(), module_path!());
            for metric in scope.metrics() {
                match metric.data() {
                    AggregatedMetrics::F64(data) => add(&format!("f64 {}", metric.name()), data, |n| n, &mut points),
                    AggregatedMetrics::U64(data) => {
                        add(&format!("u64 {}", metric.name()), data, |n| n as f64, &mut points)
                    }
                    AggregatedMetrics::I64(data) => {
                        add(&format!("i64 {}", metric.name()), data, |n| n as f64, &mut points)
                    }
                }
            }
        }
    }
    points
}

fn add<T: Copy>(name: &str, data: &MetricData<T>, number: impl Fn(T) -> f64, points: &mut Points) {
    let mut put = |what: &str, attributes: &mut dyn Iterator<Item = &KeyValue>, value: f64| {
        let mut attributes: Vec<_> = attributes.map(|one| format!("{}={}", one.key, one.value)).collect();
        attributes.sort();
        *points.entry(format!("{name} {what} {}", attributes.join(" "))).or_default() += value;
    };
    match data {
        MetricData::Gauge(gauge) => {
            gauge.data_points().for_each(|one| put("gauge", &mut one.attributes(), number(one.value())));
        }
        MetricData::Sum(sum) => {
            assert_eq!(sum.temporality(), Temporality::Delta);
            let what = if sum.is_monotonic() { "up" } else { "up and down" };
            sum.data_points().for_each(|one| put(what, &mut one.attributes(), number(one.value())));
        }
        MetricData::Histogram(histogram) => {
            assert_eq!(histogram.temporality(), Temporality::Delta);
            for one in histogram.data_points() {
                put("count", &mut one.attributes(), one.count() as f64);
                put("sum", &mut one.attributes(), number(one.sum()));
            }
        }
        MetricData::ExponentialHistogram(_) => panic!("nobody asked for one"),
    }
}

/// Series by name, as [`points`] shows them.
fn expected<const N: usize>(points: [(&str, f64); N]) -> Points {
    points.into_iter().map(|(series, value)| (series.to_owned(), value)).collect()
}

#[test]
fn each_kind_is_summed_up_with_clean_attributes() {
    let metrics = delta();
    let (telemetry, memory, _directory) =
        on_with("metrics-kinds", |builder| manual(builder).metric_exporter(metrics.clone()));
    with_default(&alone(&telemetry), || {
        for (items, took) in [(1, 2.5), (3, 4.0)] {
            tracing::info!(
                monotonic_counter.orders = items,
                counter.open_carts = -1,
                histogram.took_ms = took,
                histogram.items = items as u64,
                gauge.queue.length = items,
                plan = "pro",
                email = "ann.lee@example.com",
                "an order of ann.lee@example.com"
            );
        }
        tracing::info!(monotonic_counter.orders = 0.5, plan = "free");
        tracing::info!(counter.balance = 1.5);
        tracing::info!(gauge.load = 0.25);
        tracing::info!(gauge.big = u64::MAX);
    });
    settle(&telemetry);
    let exports = metrics.get_finished_metrics().unwrap();
    assert_eq!(exports.len(), 1);
    let resource: BTreeMap<_, _> =
        exports[0].resource().iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let kept = records(&memory);
    let known = kept[0].json()["resource"].as_object().unwrap();
    assert_eq!(resource, known.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect());
    let expected = expected([
        ("f64 orders up plan=pro", 4.0),
        ("f64 orders up plan=free", 0.5),
        ("i64 open_carts up and down plan=pro", -2.0),
        ("f64 took_ms count plan=pro", 2.0),
        ("f64 took_ms sum plan=pro", 6.5),
        ("u64 items count plan=pro", 2.0),
        ("u64 items sum plan=pro", 4.0),
        ("i64 queue.length gauge plan=pro", 3.0),
        ("f64 balance up and down ", 1.5),
        ("f64 load gauge ", 0.25),
        ("f64 big gauge ", u64::MAX as f64),
    ]);
    assert_eq!(points(&exports), expected);
    assert!(!format!("{exports:?}").contains("ann.lee") && !format!("{exports:?}").contains("an order of"));
    // They are records like any other, and numbers there too.
    assert_eq!(kept[0].attribute("histogram.took_ms"), 2.5);
    assert_eq!(kept[0].attribute("counter.open_carts"), -1);
    let status = telemetry.status();
    assert_eq!((kept.len(), status.counts().sent()), (6, 6), "{status}");
}

#[test]
fn whole_numbers_whose_sum_is_none_are_floating_point() {
    let metrics = delta();
    let (telemetry, _memory, _directory) =
        on_with("metrics-sums", |builder| manual(builder).metric_exporter(metrics.clone()));
    let most = i64::MAX;
    with_default(&alone(&telemetry), || {
        for _ in 0..3 {
            tracing::info!(
                monotonic_counter.up = most,
                counter.down = -most,
                counter.least = i64::MIN,
                histogram.took = most,
                gauge.last = most
            );
        }
        tracing::info!(monotonic_counter.once = most, counter.once = -most, histogram.once = most);
    });
    settle(&telemetry);
    let most = most as f64;
    let expected = expected([
        ("f64 up up ", 3.0 * most),
        ("f64 down up and down ", -3.0 * most),
        ("f64 least up and down ", -3.0 * most),
        ("f64 took count ", 3.0),
        ("f64 took sum ", 3.0 * most),
        ("i64 last gauge ", most),
        ("u64 once up ", most),
        ("i64 once up and down ", -most),
        ("u64 once count ", 1.0),
        ("u64 once sum ", most),
    ]);
    assert_eq!(points(&metrics.get_finished_metrics().unwrap()), expected, "{}", telemetry.status());
}

#[test]
fn what_a_rule_is_about_is_no_measurement() {
    let metrics = delta();
    let (telemetry, memory, _directory) =
        on_with("metrics-rules", |builder| manual(builder).metric_exporter(metrics.clone()));
    with_default(&alone(&telemetry), || {
        tracing::info!(
            gauge.user_id = 4711,
            gauge.latitude = 48.2,
            monotonic_counter.password = 1,
            monotonic_counter.backwards = -1,
            histogram.negative = -0.5,
            histogram.text = "3",
            gauge.not_a_number = f64::NAN,
            gauge.endless = f64::INFINITY,
            gauge.user_count = 2,
            user_id = 4711,
        );
        // These have no name that OpenTelemetry has for an instrument.
        tracing::info!("gauge." = 1, "gauge.1st" = 1, "gauge.über" = 1, "gauge.a b" = 1, gauge = 1, "gauges.x" = 1);
    });
    settle(&telemetry);
    let exports = metrics.get_finished_metrics().unwrap();
    let points = points(&exports);
    let id = records(&memory)[0].attribute("user_id_hash").as_str().unwrap().to_owned();
    assert_eq!(points, expected([(format!("i64 user_count gauge user_id_hash={id}").as_str(), 2.0)]));
    let status = telemetry.status();
    assert_eq!((status.counts().sent(), status.counts().stored()), (1, 1), "what measures nothing stays: {status}");
    assert_eq!(telemetry.records(10).unwrap().len(), 2);
}

/// Keeps what it gets, after so many failures.
struct Failing {
    left: AtomicUsize,
    got: Arc<Mutex<Vec<Points>>>,
}

impl PushMetricExporter for Failing {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.got.lock().unwrap().push(points(std::slice::from_ref(metrics)));
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Err(OTelSdkError::Timeout(Duration::from_secs(1))),
            Err(_) => Ok(()),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Delta
    }
}

#[test]
fn a_try_that_fails_is_repeated_with_the_same_numbers() {
    let got = Arc::default();
    let failing = Failing { left: AtomicUsize::new(2), got: Arc::clone(&got) };
    let (telemetry, _memory, _directory) = on_with("metrics-retry", |builder| manual(builder).metric_exporter(failing));
    with_default(&alone(&telemetry), || (0..7).for_each(|_| tracing::info!(monotonic_counter.tries = 3)));
    settle(&telemetry);
    let got = got.lock().unwrap();
    assert_eq!(*got, vec![expected([("u64 tries up ", 21.0)]); 3]);
}

/// A log exporter that takes nothing.
#[derive(Debug)]
struct Down(Arc<AtomicUsize>);

impl LogExporter for Down {
    async fn export(&self, _: LogBatch<'_>) -> OTelSdkResult {
        self.0.fetch_add(1, Ordering::SeqCst);
        Err(OTelSdkError::AlreadyShutdown)
    }
}

#[test]
fn what_waits_for_another_destination_is_not_counted_twice() {
    let (metrics, tries) = (delta(), Arc::default());
    let (directory, memory) = (TempDir::new("metrics-once"), Memory::new());
    for run in 0..2 {
        let telemetry: Telemetry = manual(builder(&directory, &memory))
            .log_exporter(Down(Arc::clone(&tries)))
            .metric_exporter(metrics.clone())
            .start()
            .unwrap();
        for _ in 0..3 {
            with_default(&alone(&telemetry), || tracing::info!(monotonic_counter.once = 1, run));
            assert_eq!(telemetry.flush(LONG), Err(Unfinished::Upload));
        }
        assert_eq!((telemetry.status().counts().sent(), telemetry.status().counts().stored()), (0, 3));
    }
    assert!(tries.load(Ordering::SeqCst) > 0, "as a control: there was something to try again");
    let exports = metrics.get_finished_metrics().unwrap();
    assert!(exports.len() > 2);
    assert_eq!(points(&exports), expected([("u64 once up run=0", 3.0), ("u64 once up run=1", 3.0)]));
}

#[test]
fn what_could_only_give_wrong_numbers_is_refused_at_start() {
    let (directory, memory) = (TempDir::new("metrics-refused"), Memory::new());
    let cumulative = builder(&directory, &memory).metric_exporter(InMemoryMetricExporter::default());
    let error = cumulative.start().expect_err("there is no total to continue");
    assert!(error.setting() == ".metric_exporter" && error.to_string().contains("Temporality::Delta"), "{error}");
    let hidden = builder(&directory, &memory).metric_exporter(delta()).events(Events::SpanEvents);
    assert_eq!(hidden.start().expect_err("it would miss some").setting(), ".metric_exporter");
    let both = builder(&directory, &memory).metric_exporter(delta()).events(Events::Both).start();
    assert!(both.is_ok());
}

#[test]
fn an_event_that_is_kept_twice_is_counted_once() {
    let metrics = delta();
    let (telemetry, _memory, _directory) =
        on_with("metrics-both", |builder| builder.events(Events::Both).metric_exporter(metrics.clone()));
    with_default(&alone(&telemetry), || {
        tracing::info_span!("around").in_scope(|| tracing::info!(monotonic_counter.seen = 1));
    });
    settle(&telemetry);
    assert_eq!(points(&metrics.get_finished_metrics().unwrap()), expected([("u64 seen up ", 1.0)]));
}
