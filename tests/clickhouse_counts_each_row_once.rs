//! Whatever happens between us and ClickHouse, each row is there once in the end: in the table, and in what views make of
//! it. With the real engine, which loses answers, fails, and is killed in the middle of an insert.
#![cfg(all(feature = "clickhouse", feature = "real-components"))]

#[path = "support/chdb.rs"]
mod chdb;
#[path = "support/data.rs"]
mod data;
#[path = "support/spans.rs"]
mod spans;

use std::time::{Duration, Instant};

use chdb::ClickHouse;
use data::{Data, free_port};
use serde_json::json;
use spans::{export_spans as export, now, spans};
use tracing_privacy::clickhouse::{ClickHouseBuilder, ClickHouseExporter, CreateSchema, Format, Schema, Table};
use tracing_privacy::{BreakerState, Clock};

/// More than anything here takes on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(60);

/// An exporter with the engine's address; its requests may take long, since the engine shares two cores with the tests.
fn exporter(server: &ClickHouse) -> ClickHouseBuilder {
    ClickHouseExporter::builder(server.endpoint()).timeout(LONG)
}

/// A clock that stands still, at a time when no row of today has expired.
fn still_clock() -> Clock {
    Clock::manual("2020-01-01T00:00:00Z")
}

/// Rows of the table, spans in what its views made of it, and how many different ones there are.
fn counts(server: &ClickHouse) -> (u64, u64, u64, u64) {
    let number = |sql: &str| server.query(sql).parse().unwrap();
    (
        number("SELECT count() FROM otel_traces"),
        number("SELECT uniqExact(SpanId) FROM otel_traces"),
        number("SELECT sum(Spans) FROM otel_traces_per_minute"),
        // Each trace has one span here. A merge, or FINAL, would make one of a row that came twice.
        number("SELECT count() FROM otel_traces_trace_id_ts"),
    )
}

/// As many rows as traces, once each, everywhere.
fn each_once(rows: u64) -> (u64, u64, u64, u64) {
    (rows, rows, rows, rows)
}

#[test]
fn a_fault_before_or_after_the_insert_changes_no_count() {
    let server = ClickHouse::start();
    let exporter = exporter(&server).build().unwrap();
    let mut sent = 0;
    let mut failed = 0;
    export(&exporter, spans(now(), 10)).unwrap();
    sent += 10;
    for fault in [
        json!({"mode": "drop_before", "match": "INSERT"}),
        json!({"mode": "drop_after", "match": "INSERT"}),
        json!({"mode": "drop_after", "match": "INSERT", "count": 2}),
        json!({"mode": "truncate", "match": "INSERT"}),
        json!({"mode": "status", "match": "INSERT", "http": 503}),
        json!({"mode": "exception", "match": "INSERT", "code": 241, "message": "Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)"}),
        json!({"mode": "exception", "match": "INSERT", "code": 16, "message": "No such column X in table. (NO_SUCH_COLUMN_IN_TABLE)"}),
        json!({"mode": "exception", "match": "INSERT", "code": 999, "message": "Coordination::Exception. (KEEPER_EXCEPTION)"}),
    ] {
        let tries = fault["count"].as_u64().unwrap_or(1);
        server.fault(&fault);
        export(&exporter, spans(now(), 100)).unwrap_or_else(|error| panic!("{fault}: {error}"));
        sent += 100;
        failed += tries;
        assert_eq!(counts(&server), each_once(sent), "{fault}");
        assert_eq!(exporter.status().tries_failed(), failed, "{fault}");
    }
    let status = exporter.status();
    assert_eq!((status.rows_sent(), status.rows_waiting(), status.breaker()), (sent, 0, BreakerState::Closed));
    let stats = server.stats();
    let inserts: Vec<_> =
        stats["recent"].as_array().unwrap().iter().filter(|one| one["statement"] == "INSERT").collect();
    for insert in inserts {
        let parameters = &insert["params"];
        assert_eq!(parameters["async_insert"], "0");
        assert_eq!(parameters["input_format_skip_unknown_fields"], "0");
        assert!(parameters["insert_deduplication_token"].as_str().unwrap().contains("-otel_traces-"));
        let names: Vec<_> = insert["headers"].as_object().unwrap().keys().map(|name| name.to_lowercase()).collect();
        assert!(names.contains(&"content-length".into()) && !names.contains(&"transfer-encoding".into()));
    }
}

#[test]
fn what_the_server_does_not_take_waits_and_arrives_once() {
    let server = ClickHouse::start();
    let clock = still_clock();
    let exporter = exporter(&server).clock(&clock).build().unwrap();
    let at = now();
    export(&exporter, spans(at, 10)).unwrap();
    let mut sent = 10;
    for (code, message) in [
        (252, "Too many parts (3000 with average size of 1.00 KiB). Merges are processing slower. (TOO_MANY_PARTS)"),
        (516, "otel: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)"),
    ] {
        server.fault(&json!({"mode": "exception", "match": "INSERT", "code": code, "message": message, "count": 1}));
        let error = export(&exporter, spans(at, 50)).unwrap_err();
        assert!(error.contains("50 rows wait") && error.contains(&code.to_string()), "{error}");
        assert_eq!(exporter.status().breaker(), BreakerState::Open);
        // Nothing goes out meanwhile, and nothing is lost.
        let before = server.stats()["requests"].as_u64().unwrap();
        let error = export(&exporter, spans(at, 50)).unwrap_err();
        assert!(error.contains("100 rows wait"), "{error}");
        assert_eq!(server.stats()["requests"].as_u64().unwrap(), before + 1, "only this question");
        clock.advance(Duration::from_secs(60));
        exporter.flush(LONG).unwrap();
        sent += 100;
        assert_eq!(counts(&server), each_once(sent), "{code}");
        assert_eq!(exporter.status().breaker(), BreakerState::Closed);
    }
}

#[test]
fn a_table_that_is_not_there_holds_up_no_other() {
    let server = ClickHouse::start();
    server.run(&Schema::new().to_sql());
    let clock = still_clock();
    let exporter = exporter(&server).create_schema(CreateSchema::Off).clock(&clock).build().unwrap();
    let logs = || server.query("SELECT count() FROM otel_logs").parse::<u64>().unwrap();
    let (mut spans_sent, mut logs_sent) = (0, 0);
    for missing in ["otel_logs", "otel_traces"] {
        server.query(&format!("RENAME TABLE {missing} TO elsewhere"));
        let results = [export(&exporter, spans(now(), 5)), spans::export_logs(&exporter, 7)];
        (spans_sent, logs_sent) = (spans_sent + 5, logs_sent + 7);
        let error = if missing == "otel_logs" { &results[1] } else { &results[0] }.as_ref().unwrap_err();
        assert!(error.contains("rows wait") && error.contains("60"), "{error}");
        assert_eq!(exporter.status().breaker(), BreakerState::Closed);
        // The other one is written to meanwhile.
        let is_there =
            if missing == "otel_logs" { counts(&server) == each_once(spans_sent) } else { logs() == logs_sent };
        assert!(is_there, "{missing}");
        server.query(&format!("RENAME TABLE elsewhere TO {missing}"));
        clock.advance(Duration::from_secs(60));
        exporter.flush(LONG).unwrap();
        assert_eq!((counts(&server), logs()), (each_once(spans_sent), logs_sent), "{missing}");
    }
}

#[test]
fn a_column_that_is_not_there_is_left_out_and_named() {
    let server = ClickHouse::start();
    server.run(&Schema::new().to_sql());
    let off = || exporter(&server).create_schema(CreateSchema::Off);
    for (rows, format) in [(5, Format::Native), (10, Format::JsonEachRow)] {
        // It goes while the exporter believes that it is there.
        let exporter = off().format(format).build().unwrap();
        server.query("ALTER TABLE otel_logs ADD COLUMN IF NOT EXISTS EventName String");
        spans::export_logs(&exporter, 1).unwrap();
        server.query("ALTER TABLE otel_logs DROP COLUMN EventName");
        spans::export_logs(&exporter, 2).unwrap();
        spans::export_logs(&exporter, 2).unwrap();
        let status = exporter.status();
        assert!(status.notes().iter().any(|note| note.contains("no column EventName")), "{status:?}");
        assert_eq!((status.rows_sent(), status.tries_failed()), (5, 1), "{status:?}");
        assert_eq!(server.query("SELECT count(), countIf(Body != '') FROM otel_logs"), format!("{rows}\t{rows}"));
    }
    // One that is the operator's own keeps what it is filled with by default.
    server.query("ALTER TABLE otel_logs ADD COLUMN Tenant String DEFAULT 'acme'");
    let exporter = off().build().unwrap();
    spans::export_logs(&exporter, 2).unwrap();
    assert_eq!(server.query("SELECT count(), countIf(Tenant = 'acme') FROM otel_logs"), "12\t12");
    // And an operator who wants to hear of it does.
    let exporter = off().create_schema(CreateSchema::Verify).build().unwrap();
    let error = spans::export_logs(&exporter, 3).unwrap_err();
    assert!(error.contains("no column EventName") && error.contains("CreateSchema::Verify"), "{error}");
    server.query("ALTER TABLE otel_logs ADD COLUMN EventName LowCardinality(String)");
    let exporter = off().create_schema(CreateSchema::Verify).build().unwrap();
    spans::export_logs(&exporter, 3).unwrap();
}

#[test]
fn a_table_of_the_operators_own_is_filled_by_a_map_of_columns() {
    let server = ClickHouse::start();
    for (table, format) in [("mine", Format::Native), ("ours", Format::JsonEachRow)] {
        server.query(&format!(
            "CREATE TABLE {table} (ts DateTime64(6, 'UTC'), id String, name LowCardinality(String), Duration UInt64 \
             DEFAULT 42, StatusCode String, tenant String DEFAULT 'acme') ENGINE = MergeTree ORDER BY (tenant, ts)"
        ));
        let exporter = exporter(&server)
            .create_schema(CreateSchema::Off)
            .format(format)
            .table(Table::Traces, table)
            .rename_column(Table::Traces, "Timestamp", "ts")
            .rename_column(Table::Traces, "SpanId", "id")
            .rename_column(Table::Traces, "SpanName", "name")
            .leave_out_column(Table::Traces, "Duration")
            .build()
            .unwrap();
        let mut expected = Vec::new();
        let mut send = || {
            let mut some = spans(now(), 3);
            for (number, span) in some.iter_mut().enumerate() {
                span.start_time += Duration::from_micros(number as u64 + 1);
                let micros = span.start_time.duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
                expected.push(format!("{}\t{micros}\tcheckout\t42\tacme", span.span_context.span_id()));
            }
            export(&exporter, some).unwrap();
            let rows =
                format!("SELECT id, toUnixTimestamp64Micro(ts), name, Duration, tenant FROM {table} ORDER BY id");
            assert_eq!(server.query(&rows).lines().collect::<Vec<_>>(), expected, "{format:?} {}", exporter.status());
        };
        // The second one is encoded by what was learned from the first.
        send();
        send();
        // A column goes while the exporter believes that it is there: what is learned now keeps the map.
        server.query(&format!("ALTER TABLE {table} DROP COLUMN StatusCode"));
        send();
        send();
        let status = exporter.status();
        assert_eq!((status.rows_sent(), status.tries_failed()), (12, 1), "{status:?}");
        // Only what was to be sent is named as missing.
        assert!(status.notes().iter().any(|note| note.contains("no column") && note.contains("SpanAttributes")));
        assert!(
            !status.notes().iter().any(|note| note.contains("Duration") || note.contains(" SpanId,")),
            "{status:?}"
        );
    }
}

#[test]
fn a_table_of_thousands_of_columns_gets_those_that_it_has() {
    let server = ClickHouse::start();
    let others: Vec<_> =
        (0..3_000).map(|n| format!("an_attribute_of_the_operators_number_{n} UInt8 DEFAULT 7")).collect();
    server.query(&format!(
        "CREATE TABLE mine (SpanId String, SpanName LowCardinality(String), Duration UInt64 ALIAS 1, {}) \
         ENGINE = MergeTree ORDER BY SpanId SETTINGS non_replicated_deduplication_window = 10",
        others.join(", ")
    ));
    assert!(server.query("DESCRIBE TABLE mine").len() > 64 * 1024);
    let exporter = exporter(&server).create_schema(CreateSchema::Off).table(Table::Traces, "mine").build().unwrap();
    export(&exporter, spans(now(), 3)).unwrap();
    let (rows, notes) = (server.query("SELECT count(), uniqExact(SpanId), any(SpanName) FROM mine"), exporter.status());
    assert_eq!(rows, "3\t3\tcheckout", "{notes}");
    assert!(notes.notes().iter().any(|note| note.contains("no column") && note.contains("Duration")), "{notes:?}");
}

#[test]
fn an_insert_of_too_many_partitions_or_bytes_is_halved_and_arrives_once() {
    let server = ClickHouse::start_with(&["--max-body", "20000"]);
    // An operator's own table, with a partition for each span.
    let schema = Schema::new();
    server.run(&schema.to_sql());
    let create = server.query("SHOW CREATE TABLE otel_traces FORMAT TSVRaw").replace("toDate(Timestamp)", "SpanId");
    server.query("DROP TABLE otel_traces");
    server.query(&create);
    let exporter = exporter(&server).build().unwrap();
    export(&exporter, spans(now(), 333)).unwrap();
    assert_eq!(counts(&server), each_once(333));
    let status = exporter.status();
    assert!(status.tries_failed() >= 3 && status.rows_refused() == 0, "{status}");
}

#[test]
fn an_insert_for_which_there_is_no_memory_is_halved_unless_a_view_may_have_it() {
    let server = ClickHouse::start();
    let exporter = exporter(&server).clock(&still_clock()).build().unwrap();
    export(&exporter, spans(now(), 1)).unwrap();
    let tokens = || -> Vec<String> {
        let stats = server.stats();
        let inserts = stats["recent"].as_array().unwrap().iter().filter(|one| one["statement"] == "INSERT");
        inserts.map(|one| one["params"]["insert_deduplication_token"].as_str().unwrap().to_owned()).collect()
    };
    let no_memory = |message: &str| {
        server.fault(&json!({"mode": "exception", "match": "INSERT", "code": 241, "message": message, "count": 3}));
    };
    no_memory("Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)");
    export(&exporter, spans(now(), 4_000)).unwrap();
    let sent = tokens();
    let [whole, again, last, one, other] = &sent[sent.len() - 5..] else { panic!("{sent:?}") };
    assert!(whole == again && again == last, "{sent:?}");
    assert_eq!([one, other], [&format!("{whole}-0"), &format!("{whole}-1")]);
    assert_eq!(counts(&server), each_once(4_001));
    // The table itself may have its part already.
    no_memory("Memory limit exceeded: while pushing to view otel_traces_per_minute_mv. (MEMORY_LIMIT_EXCEEDED)");
    export(&exporter, spans(now(), 4_000)).unwrap_err();
    exporter.flush(LONG).unwrap();
    let sent = tokens();
    assert!(sent[sent.len() - 4..].iter().all(|token| *token == sent[sent.len() - 1]), "{sent:?}");
    assert_eq!(counts(&server), each_once(8_001));
}

#[test]
fn lines_of_json_are_read_whatever_the_server_takes_for_granted() {
    // As servers before 26.5 are.
    let settings = Data::new("basic-times");
    std::fs::create_dir_all(settings.path()).unwrap();
    let file = settings.path().join("init.sql");
    std::fs::write(&file, "SET date_time_input_format = 'basic', precise_float_parsing = 0;\n").unwrap();
    let server = ClickHouse::start_with(&["--init-sql", file.to_str().unwrap()]);
    assert_eq!(server.query("SELECT getSetting('date_time_input_format')"), "basic");
    let exporter = exporter(&server).format(Format::JsonEachRow).build().unwrap();
    let at = now() + Duration::from_nanos(123_456_789);
    export(&exporter, spans(at, 3)).unwrap();
    let nanos = at.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos().to_string();
    let stored = "SELECT DISTINCT toUnixTimestamp64Nano(Timestamp) FROM otel_traces";
    assert_eq!((server.query(stored), counts(&server)), (nanos, each_once(3)));
}

/// An insert fails after its table has the rows and before a view has them; the token is known then.
#[test]
fn a_view_gets_what_it_missed_whatever_the_server_takes_for_granted() {
    // As servers before 26.2 are, and some operators' profiles.
    let settings = Data::new("old-views");
    std::fs::create_dir_all(settings.path()).unwrap();
    let file = settings.path().join("init.sql");
    std::fs::write(&file, "SET compatibility = '25.8', insert_deduplicate = 0;\n").unwrap();
    let server = ClickHouse::start_with(&["--init-sql", file.to_str().unwrap()]);
    assert_eq!(server.query("SELECT getSetting('deduplicate_blocks_in_dependent_materialized_views')"), "false");
    server.run(&Schema::new().to_sql());
    for format in [Format::Native, Format::JsonEachRow] {
        let clock = still_clock();
        let exporter = exporter(&server).create_schema(CreateSchema::Off).format(format).clock(&clock).build().unwrap();
        let before = counts(&server).0;
        server.query("DETACH TABLE otel_traces_per_minute_mv");
        server.fault(&json!({"mode": "drop_after", "match": "INSERT", "count": 3}));
        export(&exporter, spans(now(), 10)).unwrap_err();
        assert_eq!(counts(&server), (before + 10, before + 10, before, before + 10), "the view has missed them");
        server.query("ATTACH TABLE otel_traces_per_minute_mv");
        clock.advance(Duration::from_secs(60));
        exporter.flush(LONG).unwrap();
        assert_eq!(counts(&server), each_once(before + 10), "{format:?}");
    }
}

/// The rest is taken: rows that a server would refuse again and again must not stand in the way.
#[test]
fn rows_that_break_a_rule_of_the_operators_are_refused_for_good_and_hold_up_no_others() {
    let server = ClickHouse::start();
    server.run(&Schema::new().to_sql());
    server.query("ALTER TABLE otel_traces ADD CONSTRAINT named CHECK SpanName != ''");
    server.run(
        "CREATE TABLE halves (Half UInt64) ENGINE = Null;
        CREATE MATERIALIZED VIEW halves_mv TO halves AS SELECT intDiv(Duration, Duration - 13) AS Half FROM otel_traces",
    );
    let exporter = exporter(&server).create_schema(CreateSchema::Off).build().unwrap();
    let send = |change: fn(&mut opentelemetry_sdk::trace::SpanData)| {
        let mut some = spans(now(), 2);
        some.iter_mut().for_each(change);
        export(&exporter, some)
    };
    let nameless = send(|span| span.name = "".into()).unwrap_err();
    assert!(nameless.contains("2 rows were lost") && nameless.contains("Code: 469"), "{nameless}");
    let divided = send(|span| span.end_time = span.start_time + Duration::from_nanos(13)).unwrap_err();
    assert!(divided.contains("2 rows were lost") && divided.contains("Code: 153"), "{divided}");
    send(|_| {}).unwrap();
    let status = exporter.status();
    assert_eq!((status.rows_refused(), status.rows_sent(), status.breaker()), (4, 2, BreakerState::Closed), "{status}");
}

#[test]
fn a_table_that_cannot_be_made_costs_no_row() {
    let server = ClickHouse::start();
    let clock = still_clock();
    // Which ends in ARGUMENT_OUT_OF_BOUND, and would be the rows' own fault after an insert.
    let exporter = exporter(&server).table(Table::Traces, "x".repeat(250)).clock(&clock).build().unwrap();
    for code in [69, 16, 36, 497] {
        if code != 69 {
            let fault = json!({"mode": "exception", "match": "CREATE", "code": code, "message": "Somehow."});
            server.fault(&fault);
        }
        let error = export(&exporter, spans(now(), 3)).unwrap_err();
        assert!(error.contains("rows wait") && error.contains(&format!("Code: {code}")), "{error}");
        assert_eq!(error.contains("CreateSchema::Off"), code == 497, "{error}");
        assert_eq!((exporter.status().rows_refused(), exporter.status().breaker()), (0, BreakerState::Open));
        clock.advance(Duration::from_secs(60));
    }
    assert_eq!(exporter.status().rows_waiting(), 12);
}

/// A server that was told to skip what it cannot read says 200.
#[test]
fn rows_that_a_server_takes_and_does_not_write_are_told() {
    let server = ClickHouse::start();
    server
        .query("CREATE TABLE mine (SpanId String, SpanName Enum8('checkout' = 1)) ENGINE = MergeTree ORDER BY SpanId");
    let builder = exporter(&server).create_schema(CreateSchema::Off).table(Table::Traces, "mine");
    let lenient = builder.format(Format::JsonEachRow).insert_setting("input_format_allow_errors_num", "1000");
    let exporter = lenient.build().unwrap();
    let mut some = spans(now(), 5);
    export(&exporter, some.clone()).unwrap();
    assert!(!exporter.status().notes().iter().any(|note| note.contains("wrote")), "{:?}", exporter.status());
    some[..3].iter_mut().for_each(|span| span.name = "another".into());
    for (sent, written) in [(5, 2), (3, 0)] {
        export(&exporter, some[..sent].to_vec()).unwrap();
        let said = format!("took {sent} rows for the table mine and says that it wrote {written}");
        assert!(exporter.status().notes().iter().any(|note| note.contains(&said)), "{:?}", exporter.status());
    }
    assert_eq!(server.query("SELECT count() FROM mine"), "7");
}

#[test]
fn rows_at_which_the_server_fails_again_and_again_are_given_up_and_hold_up_no_others() {
    let server = ClickHouse::start();
    let clock = still_clock();
    // Code 1002 is for what nobody expects.
    let poisoned = |builder: ClickHouseBuilder| builder.insert_setting("allow_custom_error_code_in_throwif", "1");
    let exporter = poisoned(exporter(&server)).clock(&clock).build().unwrap();
    export(&exporter, spans(now(), 1)).unwrap();
    server.query(
        "ALTER TABLE otel_traces ADD CONSTRAINT poison CHECK throwIf(SpanName = 'poison', 'Somehow.', toInt16(1002)) = 0",
    );
    let mut poison = spans(now(), 5);
    poison.iter_mut().for_each(|span| span.name = "poison".into());
    export(&exporter, poison).unwrap_err();
    // Alone with them it may be the server.
    for _ in 0..12 {
        clock.advance(Duration::from_secs(600));
        exporter.flush(LONG).unwrap_err();
    }
    assert_eq!(exporter.status().rows_refused(), 0, "{}", exporter.status());
    let mut others = 1;
    while exporter.status().rows_refused() == 0 {
        assert!(others < 20, "{}", exporter.status());
        clock.advance(Duration::from_secs(600));
        let _ = export(&exporter, spans(now(), 1));
        others += 1;
        // They may have come after those that failed, and then have their turn first.
        clock.advance(Duration::from_secs(600));
        let _ = exporter.flush(LONG);
        assert_eq!(counts(&server), each_once(others), "{}", exporter.status());
    }
    let status = exporter.status();
    assert_eq!((status.rows_refused(), status.rows_waiting(), status.rows_sent()), (5, 0, others), "{status}");
    assert!(status.notes().iter().any(|note| note.contains("given up")), "{status:?}");
}

#[test]
fn a_value_of_a_setting_that_the_server_cannot_use_costs_no_row() {
    let server = ClickHouse::start();
    server.run(&Schema::new().to_sql());
    for (name, value) in [
        ("max_insert_block_size", "many"),
        ("input_format_null_as_default", "perhaps"),
        ("date_time_input_format", "somehow"),
        ("network_compression_method", "foo"),
        ("insert_deduplication_version", "7"),
        ("insert_quorum", "-1"),
        ("max_memory_usage", "1e"),
        ("no_such_setting_at_all", "1"),
    ] {
        for format in [Format::Native, Format::JsonEachRow] {
            let clock = still_clock();
            let builder = exporter(&server).create_schema(CreateSchema::Off).format(format).clock(&clock);
            let exporter = builder.insert_setting(name, value).build().unwrap();
            let said = export(&exporter, spans(now(), 3));
            let status = exporter.status();
            eprintln!("{name}={value}: {said:?}");
            assert_eq!(status.rows_refused(), 0, "{name}={value}: {status:?}");
            assert_eq!(status.rows_waiting() + status.rows_sent(), 3, "{name}={value}: {status:?}");
        }
    }
}

#[test]
fn days_and_expired_rows_are_told_apart() {
    let server = ClickHouse::start();
    let exporter = exporter(&server).build().unwrap();
    let day = Duration::from_secs(86_400);
    let all: Vec<_> = (0..101).flat_map(|days| spans(now() - day * days, 1)).collect();
    let error = export(&exporter, all).unwrap_err();
    let status = exporter.status();
    assert_eq!((status.rows_sent() + status.rows_expired(), status.rows_refused()), (101, 0), "{status}");
    assert!((69..=71).contains(&status.rows_expired()), "{status}");
    assert!(error.contains("rows were lost: the notes of"), "{error}");
    assert!(status.notes().iter().any(|note| note.contains("TTL")), "{status:?}");
    // The last day is half gone, and the server drops that half itself.
    let there: u64 = server.query("SELECT count() FROM otel_traces").parse().unwrap();
    assert!((status.rows_sent() - 1..=status.rows_sent()).contains(&there), "{there} {status}");
    // Where nothing expires, all arrive, a day at a time.
    server.query("ALTER TABLE otel_traces REMOVE TTL");
    let other = ClickHouseExporter::builder(server.endpoint()).timeout(LONG).build().unwrap();
    let all: Vec<_> = (0..101).flat_map(|days| spans(now() - day * days, 1)).collect();
    export(&other, all).unwrap();
    assert_eq!(server.query("SELECT count() FROM otel_traces").parse::<u64>().unwrap(), there + 101);
    // A TTL in another unit is one too.
    server.query("TRUNCATE TABLE otel_traces");
    server.query("ALTER TABLE otel_traces MODIFY TTL toDateTime(Timestamp) + toIntervalHour(12)");
    let hours = ClickHouseExporter::builder(server.endpoint()).timeout(LONG).build().unwrap();
    export(&hours, spans(now() - day * 3, 4)).unwrap_err();
    export(&hours, spans(now(), 6)).unwrap();
    assert_eq!((hours.status().rows_expired(), hours.status().rows_sent()), (4, 6), "{}", hours.status());
    assert_eq!(server.query("SELECT count() FROM otel_traces"), "6");
    // What was learned of it does not outlast the TTL.
    server.query("ALTER TABLE otel_traces MODIFY TTL toDateTime(Timestamp) + toIntervalDay(30)");
    export(&hours, spans(now() - day * 3, 4)).unwrap();
    assert_eq!((hours.status().rows_expired(), hours.status().rows_sent()), (4, 10), "{}", hours.status());
    assert_eq!(server.query("SELECT count() FROM otel_traces"), "10");
}

#[test]
fn a_table_that_remembers_no_insert_is_named_and_with_the_remedy_it_does() {
    let server = ClickHouse::start();
    server.run(&Schema::new().to_sql());
    let warned = |exporter: &ClickHouseExporter| {
        let status = exporter.status();
        let named: Vec<_> = status.notes().iter().filter(|note| note.contains("no deduplication")).cloned().collect();
        assert!(named.len() < 2, "{status:?}");
        named.into_iter().next()
    };
    let send = || {
        let exporter = exporter(&server).create_schema(CreateSchema::Off).build().unwrap();
        server.fault(&json!({"mode": "drop_after", "match": "INSERT"}));
        export(&exporter, spans(now(), 10)).unwrap();
        exporter
    };
    let count = || server.query("SELECT count() FROM otel_traces").parse::<u64>().unwrap();
    assert_eq!((warned(&send()), count()), (None, 10));
    server.query("ALTER TABLE otel_traces MODIFY SETTING non_replicated_deduplication_window = 0");
    let note = warned(&send()).unwrap();
    assert_eq!(count(), 30, "as the note says: {note}");
    let (_, remedy) = note.split_once('(').unwrap();
    server.query(remedy.split_once(" makes").unwrap().0);
    assert_eq!((warned(&send()), count()), (None, 40));
    // A table that says nothing has what the server has.
    server.query("ALTER TABLE otel_traces RESET SETTING non_replicated_deduplication_window");
    let default =
        "SELECT value = '0' FROM system.merge_tree_settings WHERE name = 'non_replicated_deduplication_window'";
    let forgets = server.query(default) == "1";
    assert_eq!((warned(&send()).is_some(), count()), (forgets, if forgets { 60 } else { 50 }));
    // One that cannot keep any has no such remedy.
    server.query("CREATE TABLE mine (SpanId String) ENGINE = Log");
    let builder = exporter(&server).create_schema(CreateSchema::Off).table(Table::Traces, "mine");
    let mine = builder.build().unwrap();
    server.fault(&json!({"mode": "drop_after", "match": "INSERT"}));
    export(&mine, spans(now(), 10)).unwrap();
    let note = warned(&mine).unwrap();
    assert!(note.contains("the engine Log") && !note.contains("MODIFY SETTING"), "{note}");
    assert_eq!(server.query("SELECT count() FROM mine"), "20", "as the note says: {note}");
}

#[test]
fn a_wrong_password_is_said_and_kept_to_ourselves() {
    let server = ClickHouse::start_with(&["--user", "otel:right"]);
    let clock = still_clock();
    let wrong = exporter(&server).user("otel", "hunter2").clock(&clock).build().unwrap();
    let error = export(&wrong, spans(now(), 3)).unwrap_err();
    let status = wrong.status();
    assert!(error.contains("3 rows wait") && error.contains("516"), "{error}");
    assert_eq!((status.rows_waiting(), status.breaker()), (3, BreakerState::Open));
    assert!(!format!("{error} {status:?} {wrong:?}").contains("hunter2"));
    let right = exporter(&server).user("otel", "right").build().unwrap();
    export(&right, spans(now(), 3)).unwrap();
    let basic = exporter(&server).basic("otel", "right").build().unwrap();
    export(&basic, spans(now(), 3)).unwrap();
    assert_eq!(counts(&server), each_once(6));
    assert!(!server.stats().to_string().contains("hunter2"));
}

/// Days of the tables are days of the server's time zone, and those of an insert days in UTC: two partitions, of which a server
/// that dies in between has one.
#[test]
fn a_day_that_is_two_of_the_servers_is_there_once_whatever_it_took_of_it() {
    const DAY: u64 = 86_400;
    const PARTS: &str = "SELECT partition, sum(rows) FROM system.parts WHERE table = 'otel_traces' AND active \
                         GROUP BY partition ORDER BY partition";
    let server = ClickHouse::start();
    server.run(&Schema::new().to_sql());
    // As on a server there.
    let create = server.query("SHOW CREATE TABLE otel_traces FORMAT TSVRaw");
    let theirs = create.replace("PARTITION BY toDate(Timestamp)", "PARTITION BY toDate(Timestamp, 'Asia/Kolkata')");
    assert_ne!(theirs, create);
    server.query("DROP TABLE otel_traces");
    server.query(&theirs);
    // Midnight is at half past six in the evening.
    let today = now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / DAY * DAY;
    let midnight = std::time::UNIX_EPOCH + Duration::from_secs(today - 2 * DAY + 18 * 3600 + 1800);
    let second = Duration::from_secs(1);
    for (format, lost) in [(Format::Native, None), (Format::Native, Some(0)), (Format::JsonEachRow, Some(1))] {
        let clock = still_clock();
        let exporter = exporter(&server).create_schema(CreateSchema::Off).format(format).clock(&clock).build().unwrap();
        server.run("TRUNCATE TABLE otel_traces;\nTRUNCATE TABLE otel_traces_per_minute;\nTRUNCATE TABLE otel_traces_trace_id_ts");
        server.query("DETACH TABLE otel_traces_per_minute_mv");
        server.fault(&json!({"mode": "drop_after", "match": "INSERT", "count": 3}));
        export(&exporter, [spans(midnight - second, 5), spans(midnight + second, 7)].concat()).unwrap_err();
        let parts = server.query(PARTS);
        let partitions: Vec<_> = parts.lines().map(|line| line.split_once('\t').unwrap()).collect();
        assert_eq!(partitions.iter().map(|(_, rows)| *rows).collect::<Vec<_>>(), ["5", "7"], "one insert");
        // What it has not taken it does not remember either.
        if let Some(lost) = lost {
            let (partition, rows) = partitions[lost];
            server.query(&format!("ALTER TABLE otel_traces DROP PARTITION '{partition}'"));
            assert_eq!(counts(&server).0, 12 - rows.parse::<u64>().unwrap());
        }
        server.query("ATTACH TABLE otel_traces_per_minute_mv");
        clock.advance(Duration::from_secs(60));
        exporter.flush(LONG).unwrap();
        assert_eq!(counts(&server), each_once(12), "{format:?} {lost:?} {}", exporter.status());
        assert_eq!(exporter.status().rows_sent(), 12);
    }
}

#[test]
fn a_killed_engine_loses_and_doubles_nothing() {
    const ROWS: usize = 10_000;
    // Takes its time for each block, so that there is a middle to be killed in.
    const SLOW: &str = "CREATE TABLE slow (Rest UInt8) ENGINE = Null;
        CREATE MATERIALIZED VIEW slow_mv TO slow AS SELECT max(sleep(0.05)) AS Rest FROM otel_traces";
    let home = Data::new("killed");
    let port = free_port().to_string();
    // A merge could make one of two rows that stand for the same one.
    let start = || {
        let server = ClickHouse::start_with(&["--path", home.text(), "--port", &port]);
        server.query("SYSTEM STOP MERGES");
        server
    };
    let clock = still_clock();
    let mut server = start();
    server.run(&Schema::new().to_sql());
    server.run(SLOW);
    let mut sent = 0;
    // A Native body is one block, which is there or not, while the views may lack it; lines of JSON are cut into blocks, of
    // which some are there. Where the kill came too late or too early, it comes again.
    for (format, blocks) in
        [(Format::Native, 1), (Format::JsonEachRow, 1), (Format::JsonEachRow, 3), (Format::JsonEachRow, 8)]
    {
        let mut kills = 0;
        loop {
            let exporter = exporter(&server)
                .format(format)
                .insert_setting("max_block_size", "1000")
                .insert_setting("min_insert_block_size_rows", "1000")
                .insert_setting("min_insert_block_size_bytes", "0")
                .clock(&clock)
                .build()
                .unwrap();
            export(&exporter, spans(now(), 1)).unwrap();
            sent += 1;
            let before = home.newest_part();
            let exporting = std::thread::spawn({
                let exporter = exporter.clone();
                move || export(&exporter, spans(now(), ROWS))
            });
            while home.newest_part() < before + blocks {
                assert!(!exporting.is_finished(), "it was to be killed in the middle");
                std::thread::yield_now();
            }
            server.kill();
            server = start();
            let (rows, _, in_a_view, in_the_other) = counts(&server);
            let in_all = [rows, in_a_view, in_the_other];
            let is_partial =
                in_all.iter().any(|rows| *rows > sent) && in_all.iter().any(|rows| *rows < sent + ROWS as u64);
            sent += ROWS as u64;
            // It says that rows wait, unless its third try found the engine back.
            let _ = exporting.join().unwrap();
            let deadline = Instant::now() + LONG;
            while let Err(error) = exporter.flush(LONG) {
                assert!(Instant::now() < deadline, "{error}");
                clock.advance(Duration::from_secs(60));
            }
            assert_eq!(counts(&server), each_once(sent), "{format:?} {}", exporter.status());
            kills += 1;
            if is_partial {
                break;
            }
            assert!(kills < 10, "{format:?}: no kill came in the middle of an insert");
        }
    }
}
