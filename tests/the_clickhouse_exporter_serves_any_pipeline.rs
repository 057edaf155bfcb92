//! The exporter under the SDK's own providers and tracing-opentelemetry, in a process without tokio: everything arrives,
//! at a server that wants TLS and certificates as well, and a server that misbehaves ends in the stated way.
#![cfg(feature = "clickhouse")]

#[cfg(feature = "real-components")]
#[path = "support/chdb.rs"]
mod chdb;
#[cfg(all(unix, feature = "real-components"))]
#[path = "support/fork.rs"]
mod fork;
#[cfg(feature = "otlp")]
#[path = "support/receiver.rs"]
mod receiver;
#[path = "support/spans.rs"]
mod spans;

use std::time::Duration;

use tracing_privacy::clickhouse::ClickHouseExporter;

/// More than anything here takes on a machine that has other things to do.
#[cfg_attr(not(any(feature = "otlp", feature = "real-components")), expect(dead_code, reason = "there is no server"))]
const LONG: Duration = Duration::from_secs(60);

#[cfg(feature = "otlp")]
mod a_server_that {
    use super::receiver::{Behaviour, Receiver};
    use super::spans::{export_spans, now, spans};
    use super::*;
    use tracing_privacy::clickhouse::{ClickHouseBuilder, CreateSchema, Layout, Table};
    use tracing_privacy::{BreakerState, Clock};

    fn exporter(receiver: &Receiver) -> ClickHouseBuilder {
        ClickHouseExporter::builder(receiver.url()).create_schema(CreateSchema::Off).timeout(LONG)
    }

    /// What the questions about the table are answered with.
    fn described() -> [Behaviour; 2] {
        Behaviour::described(Layout::columns(Table::Traces))
    }

    #[test]
    fn hangs_is_left_at_the_deadline_and_its_rows_wait() {
        let receiver = Receiver::start();
        receiver.then(described());
        receiver.afterwards(Behaviour::Hang);
        let exporter = exporter(&receiver).timeout(Duration::from_secs(2)).build().unwrap();
        let error = export_spans(&exporter, spans(now(), 4)).unwrap_err();
        assert!(error.contains("4 rows wait") && error.contains("no answer in time"), "{error}");
        let inserts: Vec<_> = receiver.requests().into_iter().filter(|one| one.path.contains("INSERT")).collect();
        assert_eq!(inserts.len(), 3, "three tries");
        assert!(inserts.iter().all(|one| one.raw == inserts[0].raw && one.path == inserts[0].path), "the same bytes");
        assert_eq!(exporter.status().tries_failed(), 3);
    }

    #[test]
    fn says_200_and_then_fails_has_not_taken_anything() {
        let receiver = Receiver::start();
        receiver.then(described());
        receiver.then([
            Behaviour::said(200, "\nCode: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)"),
            Behaviour::CutBody,
            Behaviour::said(200, ""),
        ]);
        let exporter = exporter(&receiver).build().unwrap();
        export_spans(&exporter, spans(now(), 4)).unwrap();
        let status = exporter.status();
        assert_eq!((status.tries_failed(), status.rows_sent()), (2, 4), "{status:?}");
    }

    #[test]
    fn is_no_clickhouse_gets_nothing() {
        for answer in [
            Behaviour::said(200, "<html>sign in</html>"),
            Behaviour::said(404, "not found"),
            Behaviour::said(200, "Ok.\n"),
        ] {
            let receiver = Receiver::always(answer);
            let clock = Clock::manual("2020-01-01T00:00:00Z");
            let exporter = exporter(&receiver).clock(&clock).build().unwrap();
            let error = export_spans(&exporter, spans(now(), 4)).unwrap_err();
            let status = exporter.status();
            assert!(error.contains("4 rows wait"), "{error}");
            assert_eq!((status.breaker(), status.rows_sent()), (BreakerState::Open, 0), "{status:?}");
            assert!(receiver.requests().iter().all(|one| !one.path.contains("INSERT")));
        }
    }

    #[test]
    fn refuses_a_batch_for_good_gets_the_next_one() {
        let receiver = Receiver::start();
        receiver.then(described());
        receiver.then([
            Behaviour::said(400, "Code: 27. DB::Exception: Cannot parse input. (CANNOT_PARSE_INPUT)"),
            Behaviour::said(200, ""),
        ]);
        let exporter = exporter(&receiver).build().unwrap();
        let error = export_spans(&exporter, spans(now(), 4)).unwrap_err();
        assert!(error.contains("4 rows were lost") && error.contains("Code: 27"), "{error}");
        export_spans(&exporter, spans(now(), 2)).unwrap();
        let status = exporter.status();
        assert_eq!((status.rows_refused(), status.rows_sent()), (4, 2), "{status:?}");
    }

    #[test]
    fn has_other_columns_is_asked_about_them_once_and_keeps_the_token() {
        let receiver = Receiver::start();
        let missing = "Code: 16. DB::Exception: No such column Duration in table. (NO_SUCH_COLUMN_IN_TABLE)";
        let fewer =
            || Behaviour::described(Layout::columns(Table::Traces).into_iter().filter(|(name, _)| *name != "Duration"));
        receiver.then(described());
        receiver.then([Behaviour::said(500, missing)].into_iter().chain(fewer()).chain([Behaviour::said(200, "")]));
        let exporter = exporter(&receiver).build().unwrap();
        export_spans(&exporter, spans(now(), 4)).unwrap();
        let inserts: Vec<_> = receiver.requests().into_iter().filter(|one| one.path.contains("INSERT")).collect();
        assert_eq!(inserts.len(), 2);
        assert!(inserts[0].path == inserts[1].path && inserts[0].raw != inserts[1].raw, "the same token, other bytes");
        // If that does not help, the batch is at fault.
        receiver
            .then([Behaviour::said(500, missing)].into_iter().chain(fewer()).chain([Behaviour::said(500, missing)]));
        let error = export_spans(&exporter, spans(now(), 3)).unwrap_err();
        assert!(error.contains("3 rows were lost"), "{error}");
    }

    #[test]
    fn asks_for_rest_again_and_again_loses_no_row() {
        let receiver = Receiver::start();
        receiver.then(described());
        let clock = Clock::manual("2020-01-01T00:00:00Z");
        let exporter = exporter(&receiver).clock(&clock).build().unwrap();
        export_spans(&exporter, spans(now(), 1)).unwrap();
        receiver.afterwards(Behaviour::RetryAfter(502, 30));
        export_spans(&exporter, spans(now(), 4)).unwrap_err();
        for _ in 0..15 {
            clock.advance(Duration::from_secs(60));
            exporter.flush(LONG).unwrap_err();
        }
        let status = exporter.status();
        assert_eq!((status.rows_waiting(), status.rows_refused()), (4, 0), "{status:?}");
        receiver.afterwards(Behaviour::said(200, ""));
        clock.advance(Duration::from_secs(60));
        exporter.flush(LONG).unwrap();
        assert_eq!(exporter.status().rows_sent(), 5);
    }

    #[test]
    fn fails_at_everything_makes_no_row_suspect() {
        let receiver = Receiver::start();
        receiver.then(described());
        receiver.afterwards(Behaviour::said(500, "Code: 1002. DB::Exception: Unknown."));
        let clock = Clock::manual("2020-01-01T00:00:00Z");
        let exporter = exporter(&receiver).clock(&clock).build().unwrap();
        for rows in 1..4 {
            export_spans(&exporter, spans(now(), rows)).unwrap_err();
        }
        for _ in 0..40 {
            clock.advance(Duration::from_secs(60));
            exporter.flush(LONG).unwrap_err();
        }
        let status = exporter.status();
        assert_eq!((status.rows_waiting(), status.rows_refused()), (6, 0), "{status:?}");
    }

    #[test]
    fn hangs_fills_the_backlog_up_to_its_bytes() {
        use opentelemetry_sdk::trace::SpanExporter as _;

        let receiver = Receiver::always(Behaviour::Hang);
        let exporter = exporter(&receiver).timeout(LONG).backlog(1_000_000).build().unwrap();
        for _ in 0..100 {
            let mut some = spans(now(), 1);
            // Random, or it would be small when it is compressed.
            some[0].name = (0..12_500).map(|_| format!("{:016x}", fastrand())).collect::<String>().into();
            drop(exporter.export(some));
        }
        // The thread is with the first of them, or has not begun: nobody has to wait for it to count the others.
        let status = exporter.status();
        let waiting = status.rows_waiting();
        assert!((4..=9).contains(&waiting) && waiting + status.rows_dropped() == 100, "{status}");
        assert!(status.notes().iter().any(|note| note.contains(".backlog(")), "{status:?}");
    }

    /// Numbers that no compression makes small.
    fn fastrand() -> u64 {
        use std::hash::{BuildHasher, RandomState};

        RandomState::new().hash_one(0)
    }

    #[test]
    fn is_gone_fills_the_backlog_up_to_its_bytes() {
        let clock = Clock::manual("2020-01-01T00:00:00Z");
        let exporter = ClickHouseExporter::builder("http://127.0.0.1:9").backlog(6_000).clock(&clock).build().unwrap();
        for _ in 0..30 {
            export_spans(&exporter, spans(now(), 10)).unwrap_err();
        }
        let status = exporter.status();
        assert!(status.rows_dropped() >= 100 && status.rows_waiting() >= 10, "{status}");
        assert_eq!(status.rows_dropped() + status.rows_waiting(), 300, "{status}");
        assert!(status.notes().iter().any(|note| note.contains(".backlog(")), "{status:?}");
    }
}

#[cfg(feature = "real-components")]
mod the_engine {
    use opentelemetry::logs::{LogRecord as _, Logger as _, LoggerProvider as _};
    use opentelemetry::metrics::MeterProvider as _;
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::logs::SdkLoggerProvider;
    use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_privacy::clickhouse::ClickHouseBuilder;
    use tracing_subscriber::prelude::*;

    use super::chdb::ClickHouse;
    use super::*;

    #[test]
    fn gets_everything_from_stock_providers_without_tokio() {
        let server = ClickHouse::start();
        let exporter = ClickHouseExporter::builder(server.endpoint()).timeout(LONG).build().unwrap();
        let resource = Resource::builder_empty().with_service_name("shop").build();
        let spans =
            SdkTracerProvider::builder().with_batch_exporter(exporter.clone()).with_resource(resource.clone()).build();
        let logs =
            SdkLoggerProvider::builder().with_batch_exporter(exporter.clone()).with_resource(resource.clone()).build();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let metrics = SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build();

        let layer = tracing_opentelemetry::layer().with_tracer(spans.tracer("shop"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            for number in 0..1000 {
                let _order = tracing::info_span!("order", number).entered();
                let _pay = tracing::info_span!("pay").entered();
            }
        });
        let logger = logs.logger("shop");
        for _ in 0..1000 {
            let mut record = logger.create_log_record();
            record.set_body("order placed".into());
            logger.emit(record);
        }
        let meter = metrics.meter("shop");
        meter.u64_counter("orders").build().add(7, &[]);
        meter.f64_histogram("latency").build().record(0.25, &[]);

        metrics.shutdown().unwrap();
        logs.shutdown().unwrap();
        spans.shutdown().unwrap();
        assert_eq!(
            server.query("SELECT count(), uniqExact(SpanId), any(ServiceName) FROM otel_traces"),
            "2000\t2000\tshop"
        );
        let pairs = "SELECT count() FROM otel_traces AS pay JOIN otel_traces AS order ON pay.ParentSpanId = order.SpanId \
                     WHERE pay.SpanName = 'pay' AND order.SpanName = 'order' AND pay.TraceId = order.TraceId";
        assert_eq!(server.query(pairs), "1000");
        assert_eq!(server.query("SELECT count() FROM otel_logs WHERE Body = 'order placed'"), "1000");
        assert_eq!(server.query("SELECT MetricName, Value FROM otel_metrics_sum"), "orders\t7");
        assert_eq!(server.query("SELECT MetricName, Count, Sum FROM otel_metrics_histogram"), "latency\t1\t0.25");
        let status = exporter.status();
        assert_eq!((status.rows_sent(), status.tries_failed()), (3002, 0), "{status:?}");
        assert!(status.last_answer().is_some_and(|answer| answer.contains("written_rows")), "{status:?}");
    }

    #[test]
    fn has_totals_or_what_was_added_as_the_exporter_was_told_and_neither_twice() {
        for (temporality, number, expected) in
            [(Temporality::Cumulative, 2, ["3", "7", "7"]), (Temporality::Delta, 1, ["3", "4", "0"])]
        {
            let server = ClickHouse::start();
            let builder = ClickHouseExporter::builder(server.endpoint()).timeout(LONG);
            let exporter = builder.temporality(temporality).build().unwrap();
            let metrics =
                SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
            let orders = metrics.meter("shop").u64_counter("orders").build();
            // The answer to the first one is lost, and the second one fails and waits, while the third is made.
            let fault = |fault: serde_json::Value| server.fault(&fault);
            orders.add(3, &[]);
            fault(serde_json::json!({"mode": "drop_after", "match": "INSERT"}));
            metrics.force_flush().unwrap();
            orders.add(4, &[]);
            fault(serde_json::json!({"mode": "status", "match": "INSERT", "http": 503, "count": 3}));
            assert!(metrics.force_flush().is_err());
            assert_eq!(exporter.status().rows_waiting(), 1, "{}", exporter.status());
            metrics.force_flush().unwrap();
            // Without anything new the reader does not ask.
            exporter.flush(LONG).unwrap();
            let rows = server.query(
                "SELECT Value, AggregationTemporality, IsMonotonic FROM otel_metrics_sum WHERE Value > 0 ORDER BY TimeUnix",
            );
            let expected: Vec<_> = expected
                .iter()
                .filter(|value| **value != "0")
                .map(|value| format!("{value}\t{number}\ttrue"))
                .collect();
            assert_eq!(rows.lines().collect::<Vec<_>>(), expected, "{temporality:?} {}", exporter.status());
            metrics.shutdown().unwrap();
        }
    }

    /// Both go on counting where the parent stood, and mean other rows by the same number.
    #[cfg(unix)]
    #[test]
    fn has_the_rows_of_a_process_and_of_its_forked_child() {
        use super::spans::{export_spans, now, spans};

        let server = ClickHouse::start();
        let exporter = ClickHouseExporter::builder(server.endpoint()).timeout(LONG).build().unwrap();
        export_spans(&exporter, spans(now(), 1)).unwrap();
        let (of_parent, of_child) = (spans(now(), 2), spans(now(), 4));
        // The front serves one at a time, so the child has its turn alone.
        super::fork::in_a_child(|| export_spans(&exporter, of_child).unwrap()).unwrap();
        export_spans(&exporter, of_parent).unwrap();
        assert_eq!(server.query("SELECT count(), uniqExact(SpanId) FROM otel_traces"), "7\t7");
    }

    #[test]
    fn with_a_private_authority_asks_for_our_certificate_and_a_token() {
        const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/export/http/testdata");
        let file = |name: &str| format!("{DATA}/{name}");
        let text = |name: &str| std::fs::read_to_string(file(name)).unwrap();
        // Without a user of its own the front lets everybody in who shows nothing at all.
        let server = ClickHouse::start_with(&[
            "--user",
            "nobody:else",
            "--token",
            "hunter2",
            "--tls-cert",
            &file("server.pem"),
            "--tls-key",
            &file("server-key.pem"),
            "--tls-client-ca",
            &file("authority.pem"),
        ]);
        let port = server.endpoint().rsplit_once(':').unwrap().1;
        let builder = || ClickHouseExporter::builder(format!("https://localhost:{port}")).timeout(LONG);
        let token = |builder: ClickHouseBuilder| builder.bearer("hunter2");
        let authority = |builder: ClickHouseBuilder| builder.ca_certificate(text("authority.pem"));
        let certificate =
            |builder: ClickHouseBuilder| builder.client_certificate(text("client.pem"), text("client-key.pem"));
        let send = |builder: ClickHouseBuilder| {
            let exporter = builder.build().unwrap();
            let sent = super::spans::export_spans(&exporter, super::spans::spans(super::spans::now(), 5));
            assert!(!format!("{exporter:?} {:?} {sent:?}", exporter.status()).contains("hunter2"));
            (sent, exporter.status().rows_sent())
        };
        assert_eq!(send(certificate(authority(token(builder())))), (Ok(()), 5));
        // Without any of the three, nothing gets through.
        let without_token = send(certificate(authority(builder())));
        assert!(without_token.0.is_err_and(|why| why.contains("Code: 516")) && without_token.1 == 0);
        for stranger in [certificate(token(builder())), authority(token(builder()))] {
            let (sent, rows) = send(stranger);
            assert!(sent.is_err_and(|why| why.contains("5 rows wait") && !why.contains("Code: ")) && rows == 0);
        }
    }
}
