//! Promise: over gRPC goes what goes over HTTP, and everything that holds there holds here: at the wire, when the server
//! misbehaves, and when the user says no or somewhere else. Proven with a server that speaks HTTP/2 and with a real collector.
#![cfg(feature = "otlp-grpc")]

#[path = "support/grpc.rs"]
mod grpc;
#[path = "support/receiver.rs"]
mod receiver;
#[cfg(all(unix, feature = "real-components"))]
#[path = "support/rotel.rs"]
mod rotel;
mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use grpc::{Collector, LONG, Reply, Value};
use receiver::{Behaviour, Receiver};
use support::{TempDir, alone, await_that, flush_in_vain, on_with, records, settle, stored};
use tracing::dispatcher::with_default;
use tracing_privacy::{
    BreakerState, Builder, Environment, Loss, Memory, OtlpProtocol, Schedule, Telemetry, Unfinished, app,
};

const SECRETS: [&str; 3] = ["ann.lee", "471108154711", "correct-horse-battery"];

/// Spans and events, with what nobody may see.
fn work() {
    let span =
        tracing::info_span!("checkout", user_id = 471_108_154_711_u64, plan = "pro", otel.kind = "client", ratio = 0.5);
    span.in_scope(|| {
        tracing::info!(
            items = 3,
            gift = true,
            password = "correct-horse-battery",
            "receipt goes to ann.lee@example.com"
        );
        tracing::error!(name: "declined", reason = "no money", "payment declined");
    });
    tracing::warn!("outside of spans");
}

/// Telemetry that speaks gRPC to this address, when it is told to.
fn telemetry(name: &str, url: impl Into<String>) -> (Telemetry, Memory, TempDir) {
    on_with(name, |builder| to(builder, url))
}

fn to(builder: Builder, url: impl Into<String>) -> Builder {
    builder.otlp(url).otlp_protocol(OtlpProtocol::Grpc).schedule(Schedule::Manual)
}

fn log(telemetry: &Telemetry, records: usize) {
    with_default(&alone(telemetry), || {
        (0..records).for_each(|number| tracing::info!(number, plan = "pro", "order placed"))
    });
}

/// Attributes of a row as a receiver has them.
fn attributes(row: &support::Record) -> BTreeMap<String, Value> {
    let value = |value: &serde_json::Value| match value {
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Double(number.as_f64().unwrap()), Value::Int)
        }
        other => Value::Str(other.as_str().expect("text").to_owned()),
    };
    row.json()["attributes"].as_object().expect("a map").iter().map(|(key, of)| (key.clone(), value(of))).collect()
}

#[test]
fn spans_and_logs_arrive_as_they_were_kept() {
    let collector = Collector::start();
    let (telemetry, memory, _directory) = telemetry("grpc-kept", collector.url());
    with_default(&alone(&telemetry), work);
    settle(&telemetry);
    let (logs, spans) = (collector.logs(), collector.spans());
    let kept = records(&memory);
    assert_eq!((logs.len(), spans.len(), kept.len()), (3, 1, 4));
    let text = |of: &str| (!of.is_empty()).then(|| of.to_owned());
    for log in &logs {
        let row = support::event(&kept, log.body.as_deref().expect("each has one"));
        assert_eq!(attributes(&row), log.attributes);
        assert_eq!(
            (row.target(), row.level(), row.name()),
            (log.scope.as_str(), log.severity.as_str(), log.name.as_str())
        );
        assert_eq!((row.trace_id(), row.span_id()), (text(&log.trace_id).as_deref(), text(&log.span_id).as_deref()));
    }
    let row = support::span(&kept, &spans[0].name);
    assert_eq!(attributes(&row), spans[0].attributes);
    assert_eq!((row.trace_id(), row.span_id()), (Some(&*spans[0].trace_id), Some(&*spans[0].span_id)));
    for request in collector.requests() {
        let shown = String::from_utf8_lossy(&request.body).into_owned();
        assert!(!SECRETS.iter().any(|secret| shown.contains(secret)), "{shown}");
    }
    assert_eq!(collector.connections(), 1, "both signals share a connection");
}

#[test]
fn a_call_carries_these_headers_and_no_others() {
    let (collector, http) = (Collector::start(), Receiver::start());
    let (telemetry, _memory, _directory) = telemetry("grpc-headers", collector.url());
    log(&telemetry, 1);
    settle(&telemetry);
    log(&telemetry, 100);
    with_default(&alone(&telemetry), || drop(tracing::info_span!("span")));
    settle(&telemetry);
    let requests = collector.requests();
    let paths: Vec<_> = requests.iter().map(|request| request.path.as_str()).collect();
    let (logs, traces) = (
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    );
    assert_eq!(paths[0], logs);
    assert!(paths[1..].contains(&logs) && paths[1..].contains(&traces), "{paths:?}");
    for request in &requests {
        let is_large = request.body.len() > 1024;
        let mut names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let encoding = is_large.then_some("grpc-encoding");
        let expected =
            ["accept", "content-length", "content-type"].into_iter().chain(encoding).chain(["te", "user-agent"]);
        assert!(names.iter().copied().eq(expected), "{names:?}");
        assert_eq!(
            (request.header("content-type"), request.header("te")),
            (Some("application/grpc"), Some("trailers"))
        );
        assert_eq!((request.header("grpc-encoding"), request.raw[0]), (is_large.then_some("gzip"), u8::from(is_large)));
        assert_eq!(request.method, "POST");
    }
    assert!(requests.iter().any(|request| request.raw[0] == 1) && requests.iter().any(|request| request.raw[0] == 0));

    // It says no more of itself than over HTTP.
    let (other, _memory, _directory) = on_with("grpc-beside-http", |builder| builder.otlp(http.url()));
    log(&other, 1);
    settle(&other);
    assert_eq!(requests[0].header("user-agent"), http.requests()[0].header("user-agent"));
    assert!(collector.logs()[0].resource.keys().eq(http.logs()[0].resource.keys()));
}

#[test]
fn a_retry_sends_the_same_bytes_until_the_server_takes_them() {
    // CANCELLED, UNAVAILABLE.
    for script in [[Reply::Status(1), Reply::Close], [Reply::LateStatus(14), Reply::Reset]] {
        let collector = Collector::scripted(script);
        let (telemetry, _memory, _directory) = telemetry("grpc-retry", collector.url());
        log(&telemetry, 20);
        settle(&telemetry);
        let requests = collector.requests();
        assert_eq!(requests.len(), 3);
        let first = &requests[0];
        assert!(requests.iter().all(|request| request.raw == first.raw && request.headers == first.headers));
        assert_eq!(telemetry.status().counts().sent(), 20);
        assert_eq!(telemetry.status().counts().uploads_failed(), 2);
    }
}

#[test]
fn a_server_that_asks_for_time_gets_it() {
    // RESOURCE_EXHAUSTED, which without a time means that there is no use in trying again.
    let collector = Collector::scripted([Reply::RetryInfo(8, 1)]);
    let (telemetry, _memory, _directory) = telemetry("grpc-retry-info", collector.url());
    log(&telemetry, 1);
    let start = Instant::now();
    settle(&telemetry);
    assert!(start.elapsed() >= Duration::from_secs(1), "it came back after {:?}", start.elapsed());
    assert_eq!((collector.requests().len(), telemetry.status().counts().sent()), (2, 1));

    collector.then([Reply::RetryInfo(14, 90)]);
    log(&telemetry, 1);
    assert_eq!(telemetry.flush(LONG), Err(Unfinished::Upload));
    assert_eq!(telemetry.flush(LONG), Err(Unfinished::Upload));
    assert_eq!(telemetry.status().destinations()[0].1, BreakerState::Open);
    assert_eq!(collector.requests().len(), 3, "a longer time is left to the breaker");
}

#[test]
fn a_partial_success_is_counted_and_never_sent_again() {
    let collector = Collector::scripted([Reply::Partial { rejected: 3, message: "three were odd".to_owned() }]);
    let (telemetry, _memory, _directory) = telemetry("grpc-partial", collector.url());
    log(&telemetry, 10);
    settle(&telemetry);
    settle(&telemetry);
    let status = telemetry.status();
    assert_eq!((status.counts().sent(), status.counts().lost(Loss::Rejected)), (7, 3), "{status}");
    assert!(status.notes().iter().any(|note| note.contains("three were odd")), "{status}");
    assert_eq!(collector.requests().len(), 1);
}

#[test]
fn a_batch_that_the_server_refuses_for_good_is_counted_and_never_sent_again() {
    // INVALID_ARGUMENT, and RESOURCE_EXHAUSTED without a time.
    for (code, name) in [(3, "INVALID_ARGUMENT"), (8, "RESOURCE_EXHAUSTED")] {
        let collector = Collector::scripted([Reply::Status(code)]);
        let (telemetry, _memory, _directory) = telemetry("grpc-refused", collector.url());
        log(&telemetry, 5);
        settle(&telemetry);
        settle(&telemetry);
        let status = telemetry.status();
        assert_eq!((status.counts().lost(Loss::Rejected), collector.requests().len()), (5, 1), "{status}");
        assert!(status.notes().iter().any(|note| note.contains(name)), "{status}");
        assert!(!status.to_string().contains("hunter2"), "what a server says of an error is not repeated: {status}");
    }
}

#[test]
fn a_server_that_does_not_want_us_is_left_alone_and_nothing_is_lost() {
    // UNIMPLEMENTED, UNAUTHENTICATED, and what is not a collector at all.
    let redirect = Reply::Http(307, vec![("location", "http://127.0.0.1:9/".to_owned())]);
    for reply in [Reply::Status(12), Reply::LateStatus(16), Reply::Http(403, vec![]), redirect, Reply::Page] {
        let collector = Collector::always(reply.clone());
        let (telemetry, _memory, _directory) = telemetry("grpc-paused", collector.url());
        log(&telemetry, 5);
        for _ in 0..3 {
            assert_eq!(telemetry.flush(LONG), Err(Unfinished::Upload), "{reply:?}");
        }
        let status = telemetry.status();
        assert_eq!((status.counts().stored(), status.counts().dropped()), (5, 0), "{reply:?}: {status}");
        assert_eq!((collector.requests().len(), collector.connections()), (1, 1), "{reply:?}");
        assert_eq!(status.destinations()[0].1, BreakerState::Open, "{reply:?}");
    }
}

#[test]
fn no_behaviour_of_a_server_costs_a_record_or_holds_a_flush_beyond_its_deadline() {
    for reply in [
        Reply::Hang,
        Reply::HangAfterHead,
        Reply::Reset,
        Reply::Close,
        Reply::Http(503, vec![]),
        Reply::Status(14),
        Reply::Http(307, vec![("location", "http://127.0.0.1:9/".to_owned())]),
    ] {
        let collector = Collector::always(reply.clone());
        held(&format!("{reply:?}"), collector.url());
    }
    // And those that do not speak HTTP/2.
    for behaviour in [Behaviour::Ok, Behaviour::Rubbish, Behaviour::Trickle, Behaviour::CloseBeforeAnswer] {
        let receiver = Receiver::always(behaviour.clone());
        held(&format!("{behaviour:?}"), receiver.url());
    }
}

fn held(what: &str, url: String) {
    let (telemetry, _memory, _directory) = telemetry("grpc-faults", url);
    log(&telemetry, 100);
    // So that the deadline is for the server alone.
    assert_eq!(stored(&telemetry, 100).len(), 100, "{what}");
    let start = Instant::now();
    flush_in_vain(&telemetry, Duration::from_millis(700));
    assert!(start.elapsed() < Duration::from_secs(15), "{what}: the flush took {:?}", start.elapsed());
    let counts = *telemetry.status().counts();
    assert_eq!((counts.stored(), counts.dropped()), (100, 0), "{what}: {counts}");
    let start = Instant::now();
    drop(telemetry);
    // A call to a server that hangs goes on for four seconds more: the drop does not wait for it.
    assert!(start.elapsed() < Duration::from_secs(3), "{what}: the drop took {:?}", start.elapsed());
}

#[test]
fn a_server_of_http_1_is_told_from_one_of_grpc() {
    let receiver = Receiver::always(Behaviour::Rubbish);
    let (telemetry, _memory, _directory) = telemetry("grpc-http1", receiver.url());
    log(&telemetry, 1);
    assert_eq!(telemetry.flush(LONG), Err(Unfinished::Upload));
    assert!(telemetry.status().to_string().contains("4317"), "{}", telemetry.status());
}

#[test]
fn a_hundred_megabytes_of_answer_are_not_read() {
    let collector = Collector::scripted([Reply::Huge(100 << 20)]);
    let (telemetry, _memory, _directory) = telemetry("grpc-huge", collector.url());
    log(&telemetry, 10);
    settle(&telemetry);
    assert_eq!((telemetry.status().counts().sent(), collector.requests().len()), (10, 1));
    assert!(collector.written() <= 256 * 1024, "{} bytes were let through", collector.written());
}

#[test]
fn an_answer_without_a_status_counts_if_the_service_had_answered() {
    let collector = Collector::scripted([Reply::NoStatus]);
    let (telemetry, _memory, _directory) = telemetry("grpc-no-status", collector.url());
    log(&telemetry, 10);
    settle(&telemetry);
    assert_eq!((telemetry.status().counts().sent(), collector.requests().len()), (10, 1));
}

#[test]
fn a_connection_is_used_again_but_never_one_that_ended_or_failed() {
    let collector = Collector::scripted([Reply::Ok, Reply::OkThenClose]);
    let (telemetry, _memory, _directory) = telemetry("grpc-again", collector.url());
    let send = || {
        log(&telemetry, 1);
        settle(&telemetry);
        (collector.connections(), telemetry.status().counts().uploads_failed())
    };
    assert_eq!((send(), send()), ((1, 0), (1, 0)));
    // Nobody drives our side meanwhile.
    await_that(LONG, || collector.open() == 0).expect("the server ends it");
    assert_eq!(send(), (2, 0));
    // The server waits until we know, and may let one more through.
    collector.then([Reply::OkThenGoAway]);
    assert_eq!(send(), (2, 0));
    assert_eq!((send().1, send(), collector.logs().len()), (0, (3, 0), 6));
    // A call that is given up says nothing about its connection, which may be dead.
    collector.then([Reply::Hang]);
    assert_eq!((send(), collector.requests().len()), ((4, 1), 8));
    assert_eq!(telemetry.status().counts().sent(), 7);
}

#[test]
fn while_off_and_after_a_withdrawal_nothing_connects() {
    let collector = Collector::start();
    let directory = TempDir::new("grpc-off");
    for variables in [&[("UNRELATED", "1")][..], &[("ACME_TELEMETRY_ENABLED", "true"), ("DO_NOT_TRACK", "1")]] {
        let environment = Environment::fixed(variables.iter().copied()).home(directory.path());
        let builder = to(Telemetry::builder(app!("acme")).environment(environment).switchable(), collector.url());
        let telemetry = builder.start().expect("no mistake of the code");
        with_default(&alone(&telemetry), work);
        let _ = telemetry.shutdown(Duration::from_secs(5));
    }
    assert_eq!(collector.connections(), 0);

    let (telemetry, _memory, _directory) = telemetry("grpc-withdrawn", collector.url());
    log(&telemetry, 5);
    telemetry.withdraw();
    log(&telemetry, 5);
    let _ = telemetry.flush(LONG);
    let _ = telemetry.shutdown(Duration::from_secs(5));
    assert_eq!(collector.connections(), 0);
}

#[test]
fn a_withdrawal_cuts_a_call_that_is_out_and_its_connection() {
    let collector = Collector::always(Reply::Hang);
    let (telemetry, _memory, _directory) =
        on_with("grpc-cut", |builder| to(builder, collector.url()).schedule(Schedule::Live));
    std::thread::scope(|scope| {
        log(&telemetry, 1);
        scope.spawn(|| telemetry.flush(LONG));
        await_that(LONG, || collector.requests().len() == 1).expect("a call is out");
        telemetry.withdraw();
    });
    await_that(LONG, || collector.open() == 0).expect("the connection ends");
    log(&telemetry, 100);
    assert_eq!(telemetry.flush(LONG), Err(Unfinished::Upload));
    assert_eq!((collector.requests().len(), collector.connections()), (1, 1));
    assert_eq!(telemetry.status().counts().sent(), 0);
}

#[test]
fn a_user_can_ask_for_it_and_send_their_data_elsewhere_without_the_applications_keys() {
    let (own, users) = (Collector::start(), Collector::start());
    let run = |variables: &[(&'static str, String)], settings: fn(Builder) -> Builder| {
        let directory = TempDir::new("grpc-user");
        let enabled = [("ACME_TELEMETRY_ENABLED", "true".to_owned())];
        let environment =
            Environment::fixed(enabled.into_iter().chain(variables.iter().cloned())).home(directory.path());
        let builder = Telemetry::builder(app!("acme")).environment(environment).otlp(own.url());
        let builder = builder.bearer("hunter2").header("x-api-key", "hunter2");
        let telemetry = settings(builder).start().expect("no mistake of the code");
        log(&telemetry, 1);
        let _ = telemetry.flush(LONG);
        telemetry.status().notes().join("; ")
    };
    let by_user = ("ACME_TELEMETRY_PROTOCOL", " gRPC ".to_owned());
    assert_eq!(run(std::slice::from_ref(&by_user), |builder| builder), "");
    assert_eq!(own.logs().len(), 1);
    assert_eq!(own.requests()[0].header("authorization"), Some("Bearer hunter2"));
    assert_eq!(own.requests()[0].header("x-api-key"), Some("hunter2"));

    let elsewhere = ("ACME_TELEMETRY_ENDPOINT", users.url().replace("127.0.0.1", "localhost"));
    assert_eq!(run(&[by_user, elsewhere.clone()], |builder| builder), "");
    let request = users.requests().pop().expect("it was sent");
    assert!(request.header("authorization").is_none() && request.header("x-api-key").is_none(), "{request:?}");
    assert_eq!((own.logs().len(), users.logs().len()), (1, 1));

    let grpc: fn(Builder) -> Builder = |builder| builder.otlp_protocol(OtlpProtocol::Grpc);
    assert_eq!(run(std::slice::from_ref(&elsewhere), grpc), "", "the user's address, and the code's protocol");
    let pinned: fn(Builder) -> Builder = |builder| builder.otlp_protocol(OtlpProtocol::Grpc).pin_endpoint();
    assert_eq!(run(&[elsewhere, ("ACME_TELEMETRY_PROTOCOL", "http/json".to_owned())], pinned), "");
    assert_eq!((own.logs().len(), users.logs().len()), (2, 2));
}

#[test]
fn without_encryption_it_goes_to_this_machine_only() {
    let (memory, directory) = (Memory::new(), TempDir::new("grpc-plain"));
    let error = to(support::builder(&directory, &memory), "http://telemetry.example.com:4317").start().unwrap_err();
    assert!(error.to_string().contains(".allow_plaintext_to("), "{error}");
}

#[cfg(all(unix, feature = "real-components"))]
#[test]
fn a_real_collector_takes_what_was_kept() {
    let collector = rotel::Rotel::start();
    let (telemetry, memory, _directory) = telemetry("grpc-rotel", collector.grpc_endpoint());
    with_default(&alone(&telemetry), work);
    // Enough to be compressed.
    log(&telemetry, 50);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    assert_eq!((telemetry.status().counts().sent(), telemetry.status().counts().uploads_failed()), (54, 0));
    let log = collector.await_taken(rotel::Taken { logs: 53, spans: 1 });
    assert!(!SECRETS.iter().any(|secret| log.contains(secret)), "{log}");
    for row in records(&memory) {
        let parts = [row.body().map(|body| format!("Body: Str({body})")), row.trace_id().map(str::to_owned)];
        let attributes = attributes(&row).into_iter().map(|(key, value)| match value {
            Value::Str(text) => format!("{key}: Str({text})"),
            Value::Int(number) => format!("{key}: Int({number})"),
            Value::Double(number) => format!("{key}: Double({number})"),
            Value::Bool(value) => format!("{key}: Bool({value})"),
            Value::Other(other) => other,
        });
        for part in parts.into_iter().flatten().chain(attributes) {
            assert!(log.contains(&part), "{part:?} in\n{log}");
        }
    }
}
