//! The whole way, from `info!` and `#[instrument]` through the filter and the store into the real engine: no canary
//! arrives, no row twice, and while telemetry is off nobody is asked.
#![cfg(all(feature = "store", feature = "otlp", feature = "clickhouse", feature = "real-components"))]

#[path = "support/canaries.rs"]
mod canaries;
#[path = "support/chdb.rs"]
mod chdb;
#[path = "support/data.rs"]
mod data;
#[path = "support/home.rs"]
mod home;
#[path = "support/receiver.rs"]
mod receiver;

use std::path::Path;
use std::time::Duration;

use chdb::ClickHouse;
use data::{Data, free_port};
use receiver::{Behaviour, Receiver};
use serde_json::json;
use tracing_privacy::clickhouse::{ClickHouseBuilder, ClickHouseExporter, CreateSchema, Schema};
use tracing_privacy::{BreakerState, Clock, Environment, Loss, Schedule, Telemetry};
use tracing_subscriber::prelude::*;

/// More than anything here takes on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(60);

const CANARY: &str = "alice.canary@example.com";

fn clickhouse(server: &ClickHouse) -> ClickHouseBuilder {
    ClickHouseExporter::builder(server.endpoint()).timeout(LONG)
}

fn builder(environment: Environment) -> tracing_privacy::Builder {
    Telemetry::builder(tracing_privacy::app!("shop"))
        .environment(environment)
        .targets("records_reach_clickhouse_clean_and_once=info")
        .schedule(Schedule::Manual)
}

#[tracing::instrument(fields(user_email = CANARY))]
fn order(number: usize) {
    tracing::info!(number, note = CANARY, "order placed for {CANARY}");
}

fn log(telemetry: &Telemetry, orders: usize) {
    tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), || {
        (0..orders).for_each(order);
    });
}

#[track_caller]
fn arrived(server: &ClickHouse, orders: u64) {
    let counts = "SELECT (SELECT count() FROM otel_traces), (SELECT uniqExact(span_id) FROM traces WHERE span_name = \
                  'order'), (SELECT sum(Spans) FROM otel_traces_per_minute), (SELECT count() FROM otel_logs)";
    assert_eq!(server.query(counts), format!("{orders}\t{orders}\t{orders}\t{orders}"));
}

#[test]
fn every_record_arrives_once_and_no_canary_at_all() {
    let server = ClickHouse::start();
    let environment = home::yes("SHOP", &home::home("clickhouse-clean"));
    let telemetry = builder(environment).clickhouse(clickhouse(&server)).start().unwrap();
    log(&telemetry, 300);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    arrived(&server, 300);
    let status = telemetry.status();
    assert_eq!((status.counts().sent(), status.counts().stored()), (600, 0), "{status}");
    assert_eq!(status.endpoint(), Some(server.endpoint()));
    let pairs = "SELECT count() FROM otel_logs AS logs JOIN otel_traces AS spans ON logs.SpanId = spans.SpanId \
                 WHERE logs.TraceId = spans.TraceId AND spans.ServiceName = 'shop'";
    assert_eq!(server.query(pairs), "300");
    let everything = server.query("SELECT * FROM otel_traces") + &server.query("SELECT * FROM otel_logs");
    assert!(!everything.contains("canary") && everything.contains("order placed for [EMAIL]"), "{everything:.2000}");
}

#[test]
fn no_canary_reaches_a_table_by_any_way() {
    let server = ClickHouse::start();
    tracing_log::LogTracer::init().expect("no other logger is there");
    let environment = home::yes("SHOP", &home::home("clickhouse-canaries"));
    let telemetry = builder(environment)
        .targets("records_reach_clickhouse_clean_and_once=trace")
        .log_records()
        .clickhouse(clickhouse(&server))
        .start()
        .unwrap();
    let layer = tracing_subscriber::registry().with(telemetry.layer());
    tracing::subscriber::with_default(layer, canaries::log_in_every_way);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    let (spans, logs) = (server.query("SELECT * FROM otel_traces"), server.query("SELECT * FROM otel_logs"));
    let others = server.query("SELECT * FROM traces")
        + &server.query("SELECT ServiceName, SpanName FROM otel_traces_per_minute");
    let marked =
        canaries::count(spans.as_bytes(), canaries::MARKER) + canaries::count(logs.as_bytes(), canaries::MARKER);
    assert_eq!(marked, canaries::WAYS, "the marker is there by each way: {spans}{logs}");
    canaries::clean("the tables", (spans + &logs + &others).as_bytes());
}

#[test]
fn while_off_nobody_is_asked() {
    let server = ClickHouse::start();
    let connections = |server: &ClickHouse| server.stats()["connections"].as_u64().unwrap();
    let before = connections(&server);
    let off = Environment::fixed([("UNRELATED", "1")]).home(home::home("clickhouse-off"));
    let telemetry = builder(off).clickhouse(clickhouse(&server)).start().unwrap();
    log(&telemetry, 10);
    telemetry.flush(LONG).unwrap();
    assert!(!telemetry.is_on());
    assert_eq!(connections(&server), before + 1, "only this question");
}

#[test]
fn an_answer_that_is_lost_counts_nothing_twice_whoever_sends_it_again() {
    let server = ClickHouse::start();
    let home = home::home("clickhouse-lost");
    let run = |home: &Path, clock: &Clock| {
        let environment = home::yes("SHOP", home).clock(clock.clone());
        builder(environment).clickhouse(clickhouse(&server)).start().unwrap()
    };
    let now = || {
        let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        server.query(&format!("SELECT formatDateTime(toDateTime({seconds}), '%Y-%m-%dT%H:%i:%SZ', 'UTC')"))
    };
    let clock = Clock::manual(&now());
    let first = run(&home, &clock);
    log(&first, 40);
    // All tries of the round arrive, and nothing of it is known here.
    server.fault(&json!({"mode": "drop_after", "match": "INSERT", "count": 3}));
    first.flush(LONG).unwrap_err();
    // More is logged before it is tried again, and would go along with it.
    log(&first, 7);
    drop(first);
    let second = run(&home, &clock);
    log(&second, 5);
    clock.advance(Duration::from_secs(600));
    second.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", second.status()));
    arrived(&server, 52);
}

/// The server's own time, for a clock of ours, so many days ago.
fn days_ago(server: &ClickHouse, days: u64) -> Clock {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() - days * 86_400;
    Clock::manual(&server.query(&format!("SELECT formatDateTime(toDateTime({seconds}), '%Y-%m-%dT%H:%i:%SZ', 'UTC')")))
}

#[test]
fn each_trouble_ends_as_stated_for_stored_records_too() {
    let server = ClickHouse::start();
    let clock = days_ago(&server, 0);
    let environment = home::yes("SHOP", &home::home("clickhouse-troubles")).clock(clock.clone());
    let telemetry = builder(environment).clickhouse(clickhouse(&server)).start().unwrap();
    let exception =
        |code: u32, message: &str| json!({"mode": "exception", "match": "INSERT", "code": code, "message": message});
    let mut sent = 0;
    for (fault, waits) in [
        (json!({"mode": "drop_before", "match": "INSERT"}), false),
        (json!({"mode": "drop_after", "match": "INSERT"}), false),
        (json!({"mode": "drop_after", "match": "INSERT", "count": 2}), false),
        (json!({"mode": "truncate", "match": "INSERT"}), false),
        (json!({"mode": "status", "match": "INSERT", "http": 503}), false),
        (exception(241, "Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)"), false),
        (exception(999, "Coordination::Exception. (KEEPER_EXCEPTION)"), false),
        (exception(16, "No such column X in table. (NO_SUCH_COLUMN_IN_TABLE)"), false),
        (exception(60, "Table otel_traces does not exist. (UNKNOWN_TABLE)"), true),
        (exception(252, "Too many parts (3000). Merges are slower than inserts. (TOO_MANY_PARTS)"), true),
        (exception(516, "otel: Authentication failed. (AUTHENTICATION_FAILED)"), true),
    ] {
        server.fault(&fault);
        log(&telemetry, 20);
        sent += 20;
        let flushed = telemetry.flush(LONG);
        assert_eq!(flushed.is_err(), waits, "{fault}: {}", telemetry.status());
        if waits {
            let before = server.stats()["requests"].as_u64().unwrap();
            telemetry.flush(LONG).unwrap_err();
            assert_eq!(server.stats()["requests"].as_u64().unwrap(), before + 1, "{fault}: only this question");
            clock.advance(Duration::from_secs(60));
            telemetry.flush(LONG).unwrap_or_else(|error| panic!("{fault} {error}: {}", telemetry.status()));
        }
        arrived(&server, sent);
        let status = telemetry.status();
        assert_eq!((status.counts().sent(), status.counts().stored()), (2 * sent, 0), "{fault}: {status}");
        assert!(status.destinations().iter().all(|(_, breaker)| *breaker == BreakerState::Closed), "{fault}: {status}");
    }
}

#[test]
fn a_killed_engine_has_stored_records_once_as_well() {
    // A view of the operator's that takes its time: the table has the rows by then, and it has them not. Its parts are of no day,
    // so that the newest part of a day is the table's.
    const SLOW: &str = "CREATE TABLE slow (SpanId String, Rest UInt8) ENGINE = MergeTree ORDER BY SpanId
            SETTINGS non_replicated_deduplication_window = 1000;
        CREATE MATERIALIZED VIEW slow_mv TO slow AS SELECT SpanId, sleep(1) AS Rest FROM otel_traces";
    let (data, port) = (Data::new("killed-stored"), free_port().to_string());
    // A merge could make one of two rows that stand for the same one.
    let start_at = |port: &str| {
        let server = ClickHouse::start_with(&["--path", data.text(), "--port", port]);
        server.query("SYSTEM STOP MERGES");
        server
    };
    let mut server = start_at(&port);
    server.run(&Schema::new().to_sql());
    server.run(SLOW);
    let clock = days_ago(&server, 0);
    let environment = home::yes("SHOP", &home::home("clickhouse-killed")).clock(clock.clone());
    let telemetry = builder(environment).clickhouse(clickhouse(&server)).start().unwrap();
    let counts = |server: &ClickHouse| {
        let counts = "SELECT count(), uniqExact(SpanId), (SELECT sum(Spans) FROM otel_traces_per_minute), \
                      (SELECT count() FROM otel_traces_trace_id_ts), (SELECT count() FROM slow) FROM otel_traces";
        let found = server.query(counts);
        found.split('\t').map(|count| count.parse().unwrap()).collect::<Vec<u64>>()
    };
    let mut sent = 0;
    for _ in 0..3 {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), || {
            (0..50).for_each(|number| drop(tracing::info_span!("order", number)));
        });
        let before = data.newest_part();
        std::thread::scope(|scope| {
            let flushing = scope.spawn(|| telemetry.flush(LONG));
            while data.newest_part() == before {
                assert!(!flushing.is_finished(), "it was to be killed in the middle");
                std::thread::yield_now();
            }
            server.kill();
            // Looked at where nobody sends anything: at its own place the insert may be there again at once.
            let found = counts(&start_at(&free_port().to_string()));
            assert_eq!((found[0], found[4]), (sent + 50, sent), "it was killed in the middle");
            server = start_at(&port);
            let _ = flushing.join().unwrap();
        });
        sent += 50;
        for _ in 0..5 {
            clock.advance(Duration::from_secs(60));
            if telemetry.flush(LONG).is_ok() {
                break;
            }
        }
        assert_eq!(counts(&server), [sent; 5], "{}", telemetry.status());
        assert_eq!((telemetry.status().counts().sent(), telemetry.status().counts().stored()), (sent, 0));
    }
}

#[test]
fn records_that_are_refused_for_good_stay_where_they_can_be_read() {
    let server = ClickHouse::start();
    let environment = home::yes("SHOP", &home::home("clickhouse-refused"));
    let telemetry = builder(environment).clickhouse(clickhouse(&server)).start().unwrap();
    log(&telemetry, 3);
    // A rule of the operator's. What is refused without any rows is not for what is in them.
    server.run(&tracing_privacy::clickhouse::Schema::new().to_sql());
    let both = |change: &str| {
        for table in ["otel_logs", "otel_traces"] {
            server.query(&format!("ALTER TABLE {table} {change}"));
        }
    };
    both("ADD CONSTRAINT never CHECK ServiceName = 'nobody'");
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    arrived(&server, 0);
    let status = telemetry.status();
    assert_eq!((status.counts().sent(), status.counts().lost(Loss::Rejected)), (0, 6), "{status}");
    assert_eq!(telemetry.records(100).unwrap().len(), 6, "they can be read, and nobody sends them again");
    both("DROP CONSTRAINT never");
    log(&telemetry, 2);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    arrived(&server, 2);
    assert_eq!(telemetry.records(100).unwrap().len(), 10);
}

/// The engine fails at it in a view of the operator's, when the table has it: nobody can tell whether it has all of it, so
/// it stays one insert under one token.
#[test]
fn what_the_engine_goes_on_failing_at_is_given_up_and_everything_else_arrives_once() {
    let server = ClickHouse::start();
    server.run(&Schema::new().to_sql());
    server.run(
        "CREATE TABLE unsealed (Body String) ENGINE = MergeTree ORDER BY Body;
         CREATE MATERIALIZED VIEW unsealed_mv TO unsealed AS
             SELECT decrypt('aes-128-ecb', if(Body = 'sealed', Body, encrypt('aes-128-ecb', Body, 'sixteen letters.')),
                 'sixteen letters.') AS Body FROM otel_logs",
    );
    let clock = days_ago(&server, 0);
    let environment = home::yes("SHOP", &home::home("clickhouse-poison")).clock(clock.clone());
    let telemetry = builder(environment).clickhouse(clickhouse(&server)).start().unwrap();
    let say = |bodies: &[&str]| {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), || {
            bodies.iter().for_each(|body| tracing::info!("{body}"));
        });
    };
    say(&["fine", "sealed", "fine"]);
    let mut rounds = 0;
    while telemetry.status().counts().lost(Loss::GivenUp) == 0 {
        let _ = telemetry.flush(LONG);
        say(&["later"]);
        let _ = telemetry.flush(LONG);
        rounds += 1;
        let later = server.query("SELECT count() FROM otel_logs WHERE Body = 'later'");
        assert_eq!(later, rounds.to_string(), "{}", telemetry.status());
        clock.advance(Duration::from_secs(3_600));
        assert!(rounds < 20, "{}", telemetry.status());
    }
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    let status = telemetry.status();
    let counts = status.counts();
    assert_eq!((counts.sent(), counts.lost(Loss::GivenUp), counts.stored()), (rounds, 3, 0), "{status}");
    assert!(status.notes().iter().any(|note| note.contains("given up")), "{status}");
    assert!(rounds >= 10, "{rounds}");
    let twice = server.query("SELECT countIf(Body = 'sealed') > 1 OR countIf(Body = 'fine') > 2 FROM otel_logs");
    assert_eq!(twice, "0", "what it may have of them it has once");
}

#[test]
fn a_table_that_is_missing_holds_up_its_own_kind_of_records_alone() {
    for schedule in [Schedule::Manual, Schedule::Live] {
        let server = ClickHouse::start();
        let schema = || Schema::new().to_sql();
        server.run(&schema());
        let clock = days_ago(&server, 0);
        let environment = home::yes("SHOP", &home::home(&format!("clickhouse-missing-{schedule:?}")));
        let off = clickhouse(&server).create_schema(CreateSchema::Off);
        let telemetry = builder(environment.clock(clock.clone())).schedule(schedule).clickhouse(off).start().unwrap();
        let mut logged = 0;
        for (missing, kept) in [("otel_traces", "otel_logs"), ("otel_logs", "otel_traces")] {
            let found = |table: &str| server.query(&format!("SELECT count() FROM {table}"));
            server.query(&format!("RENAME TABLE {missing} TO elsewhere"));
            // More often than a load may fail.
            for _ in 0..12 {
                log(&telemetry, 5);
                logged += 5;
                telemetry.flush(LONG).unwrap_err();
                assert_eq!(found(kept), logged.to_string(), "{schedule:?} {missing}: {}", telemetry.status());
                clock.advance(Duration::from_secs(600));
            }
            let status = telemetry.status();
            assert_eq!((status.counts().stored(), status.counts().dropped()), (60, 0), "{schedule:?} {status}");
            assert!(status.notes().iter().any(|note| note.contains("UNKNOWN_TABLE")), "{schedule:?} {status}");
            assert!(status.destinations().iter().all(|(_, breaker)| *breaker == BreakerState::Closed), "{status}");
            // The operator brings it back.
            server.query(&format!("RENAME TABLE elsewhere TO {missing}"));
            telemetry.flush(LONG).unwrap_or_else(|error| panic!("{schedule:?} {error}: {}", telemetry.status()));
            arrived(&server, logged);
        }
        assert_eq!(telemetry.status().counts().sent(), 2 * logged, "{schedule:?} {}", telemetry.status());
    }
}

#[test]
fn stored_records_that_are_too_many_for_one_insert_arrive_in_halves() {
    let server = ClickHouse::start_with(&["--max-body", "20000"]);
    let environment = home::yes("SHOP", &home::home("clickhouse-halves"));
    let telemetry = builder(environment).clickhouse(clickhouse(&server)).start().unwrap();
    log(&telemetry, 700);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    arrived(&server, 700);
    let status = telemetry.status();
    assert!(status.notes().iter().any(|note| note.contains("sent by halves")), "{status}");
    assert_eq!((status.counts().sent(), status.counts().dropped()), (1_400, 0), "{status}");
}

#[test]
fn stored_records_older_than_the_tables_keep_any_are_counted_as_lost() {
    let server = ClickHouse::start();
    let clock = days_ago(&server, 6);
    let environment = home::yes("SHOP", &home::home("clickhouse-expired")).clock(clock.clone());
    let schema = Schema::new().trace_days(3).log_days(3);
    let telemetry = builder(environment).clickhouse(clickhouse(&server).schema(schema)).start().unwrap();
    log(&telemetry, 8);
    // They are stored while nobody takes them.
    server.fault(&json!({"mode": "exception", "code": 516, "message": "otel: Authentication failed."}));
    telemetry.flush(LONG).unwrap_err();
    clock.advance(Duration::from_secs(6 * 86_400));
    log(&telemetry, 5);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    arrived(&server, 5);
    let status = telemetry.status();
    let counts = status.counts();
    assert_eq!((counts.sent(), counts.lost(Loss::Rejected), counts.stored()), (10, 16, 0), "{status}");
    assert!(status.notes().iter().any(|note| note.contains("TTL")), "{status}");
}

/// An order of so many items, paid by somebody whom no table of metrics knows either.
#[cfg(feature = "metrics")]
fn measure(telemetry: &Telemetry, orders: usize) {
    tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), || {
        for number in 1..=orders {
            tracing::info!(
                monotonic_counter.orders = 1,
                counter.carts = -1,
                histogram.took_ms = 2.5,
                gauge.items = number,
                user_email = CANARY,
                plan = "pro",
                "order placed for {CANARY}"
            );
        }
        tracing::info!("nothing was measured");
    });
}

/// What the tables of metrics add up to, and how many rows of the log there are.
#[cfg(feature = "metrics")]
#[track_caller]
fn measured(server: &ClickHouse, orders: u64, records: u64) {
    let sums = "SELECT (SELECT sum(Value) FROM otel_metrics_sum WHERE MetricName = 'orders' AND IsMonotonic), \
                (SELECT sum(Value) FROM otel_metrics_sum WHERE MetricName = 'carts' AND NOT IsMonotonic), \
                (SELECT (sum(Count), sum(Sum)) FROM otel_metrics_histogram), (SELECT count() FROM otel_logs)";
    let sum = orders as f64 * 2.5;
    assert_eq!(server.query(sums), format!("{orders}\t-{orders}\t({orders},{sum})\t{records}"));
}

#[cfg(feature = "metrics")]
#[test]
fn what_events_measured_is_in_the_tables_of_metrics_once() {
    let server = ClickHouse::start();
    let home = home::home("clickhouse-metrics");
    let clock = days_ago(&server, 0);
    let run = |is_asked_for: bool| {
        let environment = home::yes("SHOP", &home).clock(clock.clone());
        let settings = clickhouse(&server);
        let settings = if is_asked_for { settings.event_metrics() } else { settings };
        builder(environment).clickhouse(settings).start().unwrap()
    };
    let telemetry = run(true);
    measure(&telemetry, 2);
    clock.advance(Duration::from_secs(5));
    measure(&telemetry, 3);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    measured(&server, 5, 7);
    let status = telemetry.status();
    assert_eq!((status.counts().sent(), status.counts().stored()), (7, 0), "records alone are counted: {status}");
    let times = server.query(
        "SELECT min(Timestamp), max(Timestamp) FROM otel_logs WHERE LogAttributes['plan'] = 'pro' \
         HAVING max(Timestamp) >= min(Timestamp) + INTERVAL 5 SECOND",
    );
    let told = "SELECT DISTINCT Attributes, ServiceName, AggregationTemporality, StartTimeUnix, TimeUnix FROM otel_metrics_sum";
    assert_eq!(server.query(told), format!("{{'plan':'pro'}}\tshop\t1\t{times}"));
    assert_eq!(server.query("SELECT Value, StartTimeUnix, TimeUnix FROM otel_metrics_gauge"), format!("3\t{times}"));
    let names = ["gauge", "sum", "histogram"];
    let everything = names.map(|name| server.query(&format!("SELECT * FROM otel_metrics_{name}"))).concat();
    assert!(!everything.contains("canary") && !everything.contains("order placed"), "{everything}");

    // All inserts of a round arrive, and nothing of it is known here; what comes meanwhile goes out by itself.
    for (table, count) in [("otel_metrics_sum", 3), ("otel_metrics_histogram", 3), ("otel_logs", 3)] {
        server.fault(&json!({"mode": "drop_after", "match": table, "count": count}));
    }
    measure(&telemetry, 10);
    telemetry.flush(LONG).unwrap_err();
    measure(&telemetry, 4);
    drop(telemetry);
    let telemetry = run(true);
    measure(&telemetry, 1);
    for _ in 0..6 {
        clock.advance(Duration::from_secs(600));
        if telemetry.flush(LONG).is_ok() {
            break;
        }
    }
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    measured(&server, 20, 25);

    // What a table of metrics refuses is told, and costs no record.
    server.fault(
        &json!({"mode": "exception", "match": "otel_metrics_sum", "code": 27, "message": "Cannot parse input."}),
    );
    measure(&telemetry, 2);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    let status = telemetry.status();
    assert!(status.notes().iter().any(|note| note.contains("2 metrics of events were refused")), "{status}");
    assert_eq!(
        server.query(
            "SELECT (SELECT sum(Value) FROM otel_metrics_sum WHERE IsMonotonic), (SELECT count() FROM otel_logs)"
        ),
        "20\t28"
    );
    assert_eq!(status.counts().lost(Loss::Rejected), 0, "{status}");
    drop(telemetry);

    // Nobody gets metrics who did not ask.
    let telemetry = run(false);
    measure(&telemetry, 2);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    assert_eq!(
        server.query(
            "SELECT (SELECT sum(Value) FROM otel_metrics_sum WHERE IsMonotonic), (SELECT count() FROM otel_logs)"
        ),
        "20\t31"
    );
    let hidden = builder(home::yes("SHOP", &home)).clickhouse(clickhouse(&server).event_metrics());
    let error = hidden.events(tracing_privacy::Events::SpanEvents).start().expect_err("it would miss some");
    assert!(error.setting().contains("event_metrics"), "{error}");
}

#[cfg(feature = "metrics")]
#[test]
fn metrics_older_than_their_tables_keep_any_cost_no_record() {
    let server = ClickHouse::start();
    let clock = days_ago(&server, 6);
    let environment = home::yes("SHOP", &home::home("clickhouse-old-metrics")).clock(clock.clone());
    let settings = clickhouse(&server).schema(Schema::new().metric_days(3)).event_metrics();
    let telemetry = builder(environment).clickhouse(settings).start().unwrap();
    measure(&telemetry, 2);
    server.fault(&json!({"mode": "exception", "code": 516, "message": "otel: Authentication failed."}));
    telemetry.flush(LONG).unwrap_err();
    clock.advance(Duration::from_secs(6 * 86_400));
    measure(&telemetry, 4);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    measured(&server, 4, 8);
    let status = telemetry.status();
    let counts = status.counts();
    assert_eq!((counts.sent(), counts.lost(Loss::Rejected), counts.stored()), (8, 0, 0), "{status}");
    assert!(status.notes().iter().any(|note| note.contains("otel_metrics_sum") && note.contains("TTL")), "{status}");
}

#[test]
fn of_two_destinations_the_one_that_is_there_gets_everything_once() {
    let server = ClickHouse::start();
    let collector = Receiver::always(Behaviour::Status(503));
    let home = home::home("clickhouse-both");
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let settings = || {
        let environment = home::yes("SHOP", &home).clock(clock.clone());
        builder(environment).otlp(collector.url()).clickhouse(clickhouse(&server))
    };
    server.run(&tracing_privacy::clickhouse::Schema::new().trace_days(0).log_days(0).to_sql());
    let telemetry = settings().start().unwrap();
    log(&telemetry, 30);
    telemetry.flush(LONG).unwrap_err();
    log(&telemetry, 20);
    telemetry.flush(LONG).unwrap_err();
    arrived(&server, 50);
    assert_eq!(telemetry.status().counts().sent(), 0, "sent is what all have");
    // The collector comes back, in another run.
    drop(telemetry);
    collector.afterwards(Behaviour::Ok);
    let failed = collector.requests().len();
    clock.advance(Duration::from_secs(600));
    let telemetry = settings().start().unwrap();
    log(&telemetry, 3);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    arrived(&server, 53);
    let requests = &collector.requests()[failed..];
    assert_eq!(requests.iter().map(|request| request.logs().len()).sum::<usize>(), 53);
    assert_eq!(requests.iter().map(|request| request.spans().len()).sum::<usize>(), 53);
}

#[test]
fn the_users_variables_alone_lead_there() {
    let server = ClickHouse::start_with(&["--user", "me:hunter2"]);
    server.query("CREATE DATABASE theirs");
    let says = |variable: &str, value: &str| (format!("SHOP_TELEMETRY_{variable}"), value.to_owned());
    let run = |home: &str, user: &str, password: &str| {
        let environment = Environment::fixed([
            says("ENABLED", "true"),
            says("BACKEND", "clickhouse"),
            says("CLICKHOUSE_ENDPOINT", server.endpoint()),
            says("CLICKHOUSE_DATABASE", "theirs"),
            says("CLICKHOUSE_USERNAME", user),
            says("CLICKHOUSE_PASSWORD", password),
        ]);
        let telemetry = builder(environment.home(home::home(home))).start().unwrap();
        log(&telemetry, 3);
        let flushed = telemetry.flush(LONG);
        let shown = format!("{telemetry:?} {0:?} {0}", telemetry.status());
        assert!(!shown.contains("hunter2"), "{shown}");
        (flushed, telemetry.status().counts().sent(), shown)
    };
    let (flushed, sent, shown) = run("clickhouse-variables", "me", "hunter2");
    assert_eq!((flushed, sent), (Ok(()), 6), "{shown}");
    let counts = "SELECT (SELECT count() FROM theirs.otel_traces), (SELECT count() FROM theirs.otel_logs), \
                  (SELECT count() FROM system.tables WHERE database = 'default')";
    assert_eq!(server.query(counts), "3\t3\t0");
    for (home, user, password) in
        [("clickhouse-other-user", "default", "hunter2"), ("clickhouse-other-password", "me", "hunter22")]
    {
        let (flushed, sent, shown) = run(home, user, password);
        assert!(flushed.is_err() && sent == 0 && shown.contains("516"), "{shown}");
    }
}
