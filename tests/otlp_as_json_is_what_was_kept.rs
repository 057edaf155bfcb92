//! Promise: OTLP as JSON is what its specification says, and says what was kept. It is decoded here by hand, from nothing but
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>, and by a real collector.
#![cfg(feature = "otlp")]

#[path = "support/receiver.rs"]
mod receiver;
#[cfg(all(unix, feature = "real-components"))]
#[path = "support/rotel.rs"]
mod rotel;
mod support;

use std::time::{Duration, SystemTime};

use receiver::{Behaviour, Receiver};
use serde_json::{Map, Value, json};
use support::{LONG, TempDir, alone, on_with, records, settle};
use tracing::dispatcher::with_default;
use tracing_privacy::{Environment, Events, Memory, OtlpProtocol, Telemetry, app};

/// Spans and events with everything that they can have.
fn work() {
    let cause = tracing::info_span!("cause", plan = "pro", user_id = 4711);
    let call = tracing::info_span!(
        "call",
        otel.kind = "client",
        otel.status_code = "ERROR",
        otel.status_description = "upstream \"eu\" is down\n",
        big = u64::MAX,
        most = i64::MAX,
        negative = -5,
        zero = 0,
        ratio = 0.5,
        tiny = 5e-324,
        odd = f64::NAN,
        gift = true,
        no = false,
        empty = "",
    );
    call.follows_from(&cause);
    cause.in_scope(|| {
        tracing::info!(items = 3, email = "ann.lee@example.com", "Größe: 日本 \"x\" 🚀");
        let _call = call.enter();
        tracing::error!(name: "declined", reason = "the card of ann.lee@example.com", "payment declined");
        tracing::info_span!("fine", otel.kind = "server", otel.status_code = "OK").in_scope(|| {});
    });
    tracing::warn!("outside of spans");
}

/// Takes fields out of a message; what is left over at the end is nothing that we know of.
struct Message(Map<String, Value>);

impl Message {
    fn new(value: Value) -> Self {
        let Value::Object(map) = value else { panic!("a message is an object: {value}") };
        Message(map)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).map(|value| value.as_str().unwrap_or_else(|| panic!("{name} is text: {value}")).to_owned())
    }

    /// An id: hexadecimal digits in small letters, so many.
    fn hex(&mut self, name: &str, digits: usize) -> Option<String> {
        let text = self.text(name)?;
        assert!(text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{name}: {text}");
        Some(text)
    }

    /// A 64-bit integer: decimal digits in a string.
    fn nanos(&mut self, name: &str) -> u64 {
        self.text(name).expect(name).parse().expect("it is a number")
    }

    /// An enum or a 32-bit integer: a number.
    fn number(&mut self, name: &str) -> u64 {
        self.0.remove(name).map_or(0, |value| value.as_u64().unwrap_or_else(|| panic!("{name} is a number: {value}")))
    }

    fn list(&mut self, name: &str) -> Vec<Value> {
        self.0.remove(name).map_or(Vec::new(), |value| value.as_array().expect("a list").clone())
    }

    fn message(&mut self, name: &str) -> Message {
        Message::new(self.0.remove(name).unwrap_or_else(|| json!({})))
    }

    fn attributes(&mut self) -> Value {
        let pair = |pair| {
            let mut pair = Message::new(pair);
            let (key, value) = (pair.text("key").expect("a key"), value(pair.message("value")));
            pair.end();
            (key, value)
        };
        Value::Object(self.list("attributes").into_iter().map(pair).collect())
    }

    fn end(self) {
        assert!(self.0.is_empty(), "unknown: {:?}", self.0);
    }
}

fn value(mut value: Message) -> Value {
    assert_eq!(value.0.len(), 1, "a value has one kind: {:?}", value.0);
    if let Some(number) = value.text("intValue") {
        return json!(number.parse::<i64>().expect("an integer"));
    }
    let (kind, value) = value.0.into_iter().next().expect("it is one");
    match kind.as_str() {
        "stringValue" => assert!(value.is_string()),
        "boolValue" => assert!(value.is_boolean()),
        "doubleValue" => assert!(value.is_f64()),
        _ => panic!("{kind} is not what a record has"),
    }
    value
}

/// What the request says, as rows.
fn rows(body: &[u8]) -> Vec<Value> {
    let mut request = Message::new(serde_json::from_slice(body).expect("it is JSON"));
    let mut rows = Vec::new();
    for (outer, inner, leaf, row) in [
        ("resourceSpans", "scopeSpans", "spans", span as fn(Message) -> Value),
        ("resourceLogs", "scopeLogs", "logRecords", log),
    ] {
        for of_resource in request.list(outer) {
            let mut of_resource = Message::new(of_resource);
            let mut resource = of_resource.message("resource");
            let attributes = resource.attributes();
            resource.end();
            for of_scope in of_resource.list(inner) {
                let mut of_scope = Message::new(of_scope);
                let mut scope = of_scope.message("scope");
                let target = scope.text("name").expect("a target");
                scope.end();
                for one in of_scope.list(leaf) {
                    let mut row = row(Message::new(one));
                    (row["target"], row["resource"]) = (json!(target), attributes.clone());
                    rows.push(row);
                }
                of_scope.end();
            }
            of_resource.end();
        }
    }
    request.end();
    rows
}

fn put(row: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        row[key] = value.into();
    }
}

fn span(mut span: Message) -> Value {
    let mut row = json!({ "kind": "span", "attributes": span.attributes() });
    row["start"] = json!(span.nanos("startTimeUnixNano"));
    row["end"] = json!(span.nanos("endTimeUnixNano"));
    put(&mut row, "name", span.text("name"));
    put(&mut row, "trace_id", span.hex("traceId", 32));
    put(&mut row, "span_id", span.hex("spanId", 16));
    put(&mut row, "parent_span_id", span.hex("parentSpanId", 16));
    let kinds = [None, None, Some("server"), Some("client"), Some("producer"), Some("consumer")];
    let kind = span.number("kind");
    assert_ne!(kind, 0, "each span has a kind");
    put(&mut row, "span_kind", kinds[kind as usize]);
    let mut status = span.message("status");
    put(&mut row, "status", [None, Some("ok"), Some("error")][status.number("code") as usize]);
    put(&mut row, "status_message", status.text("message"));
    status.end();
    let dropped = span.number("droppedAttributesCount");
    put(&mut row, "dropped_attributes", (dropped > 0).then_some(dropped));
    let links: Vec<Value> = span.list("links").into_iter().map(link).collect();
    put(&mut row, "links", (!links.is_empty()).then_some(links));
    let events: Vec<Value> = span.list("events").into_iter().map(event).collect();
    put(&mut row, "events", (!events.is_empty()).then_some(events));
    assert_eq!(span.number("flags") & 1, 1, "sampled");
    span.end();
    row
}

fn link(link: Value) -> Value {
    let mut link = Message::new(link);
    let (trace, span) = (link.hex("traceId", 32), link.hex("spanId", 16));
    link.number("flags");
    link.end();
    json!({ "trace_id": trace, "span_id": span })
}

fn event(event: Value) -> Value {
    let mut event = Message::new(event);
    let row = json!({
        "name": event.text("name"), "time": event.nanos("timeUnixNano"), "attributes": event.attributes(),
    });
    event.number("droppedAttributesCount");
    event.end();
    row
}

fn log(mut log: Message) -> Value {
    let mut row = json!({ "kind": "log", "attributes": log.attributes() });
    row["time"] = json!(log.nanos("timeUnixNano"));
    assert_eq!(row["time"], log.nanos("observedTimeUnixNano"));
    put(&mut row, "level", log.text("severityText"));
    let number = log.number("severityNumber");
    let known = [("TRACE", 1), ("DEBUG", 5), ("INFO", 9), ("WARN", 13), ("ERROR", 17)];
    assert!(known.contains(&(row["level"].as_str().expect("a level"), number)), "{number}");
    put(&mut row, "name", log.text("eventName"));
    put(&mut row, "body", Some(value(log.message("body"))));
    put(&mut row, "trace_id", log.hex("traceId", 32));
    put(&mut row, "span_id", log.hex("spanId", 16));
    log.number("flags");
    log.end();
    row
}

/// Rows as a decoder of OTLP can have them: times as numbers, integers of 64 bits, no level of a span.
fn kept(memory: &Memory) -> Vec<Value> {
    let mut rows: Vec<Value> = records(memory).iter().map(|record| record.json().clone()).collect();
    for row in &mut rows {
        for key in ["time", "start", "end"] {
            if let Some(text) = row[key].as_str().map(str::to_owned) {
                row[key] = json!(nanos(&text));
            }
        }
        for value in row["attributes"].as_object_mut().expect("a map").values_mut() {
            if value.as_u64().is_some_and(|number| i64::try_from(number).is_err()) {
                *value = json!(value.to_string());
            }
        }
        let map = row.as_object_mut().expect("a map");
        map.remove(if map["kind"] == "span" { "level" } else { "dropped_attributes" });
        map.retain(|_, value| !value.is_null());
    }
    sorted(rows)
}

fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(Value::to_string);
    rows
}

/// Nanoseconds since 1970 of a time of the last or the next day, from its time of day.
fn nanos(text: &str) -> u64 {
    const DAY: u64 = 86_400_000_000_000;
    let number = |range: std::ops::Range<usize>| text[range].parse::<u64>().expect("a number");
    let of_day = ((number(11..13) * 60 + number(14..16)) * 60 + number(17..19)) * 1_000_000_000 + number(20..29);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970").as_nanos() as u64;
    let today = now / DAY * DAY + of_day;
    if today > now + DAY / 2 { today - DAY } else { today }
}

#[test]
fn a_decoder_written_by_the_specification_reads_what_the_memory_holds() {
    let receiver = Receiver::start();
    let (telemetry, memory, _directory) =
        on_with("json", |builder| builder.otlp(receiver.url()).otlp_protocol(OtlpProtocol::HttpJson));
    with_default(&alone(&telemetry), work);
    settle(&telemetry);
    let requests = receiver.requests();
    let mut paths: Vec<_> = requests.iter().map(|request| request.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/v1/logs", "/v1/traces"]);
    for request in &requests {
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("content-encoding"), (request.body.len() > 1024).then_some("gzip"));
    }
    let arrived = requests.iter().flat_map(|request| rows(&request.body)).collect();
    assert_eq!(sorted(arrived), kept(&memory));
}

#[test]
fn events_in_spans_are_read_too() {
    let receiver = Receiver::start();
    let (telemetry, memory, _directory) = on_with("json-events", |builder| {
        builder.otlp(receiver.url()).otlp_protocol(OtlpProtocol::HttpJson).events(Events::SpanEvents)
    });
    with_default(&alone(&telemetry), work);
    settle(&telemetry);
    let arrived: Vec<_> = receiver.requests().iter().flat_map(|request| rows(&request.body)).collect();
    let events = |row: &Value| row["events"].as_array().cloned().unwrap_or_default();
    let mut seen = 0;
    for row in kept(&memory) {
        let same = arrived.iter().find(|other| other["span_id"] == row["span_id"]).expect("it arrived");
        for (kept, arrived) in events(&row).iter().zip(events(same)) {
            assert_eq!(json!(nanos(kept["time"].as_str().expect("a time"))), arrived["time"]);
            let text = if kept["name"].is_null() { &kept["body"] } else { &kept["name"] };
            assert_eq!((text, &kept["level"]), (&arrived["name"], &arrived["attributes"]["level"]));
            seen += 1;
        }
    }
    assert_eq!(seen, 2);
}

#[test]
fn a_retry_sends_the_same_bytes_and_an_answer_in_json_is_read() {
    let json = |status, body: &str| Behaviour::Custom {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.as_bytes().to_vec(),
    };
    let receiver = Receiver::scripted([
        Behaviour::Status(503),
        json(200, r#"{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}"#),
    ]);
    let (telemetry, _memory, _directory) =
        on_with("json-retry", |builder| builder.otlp(receiver.url()).otlp_protocol(OtlpProtocol::HttpJson));
    with_default(&alone(&telemetry), || (0..5).for_each(|n| tracing::info!(n, "again")));
    settle(&telemetry);
    let requests = receiver.requests();
    assert!(requests.len() == 2 && requests[0].raw == requests[1].raw);
    let counts = *telemetry.status().counts();
    assert_eq!((counts.sent(), counts.dropped()), (3, 2), "{}", telemetry.status());
}

#[test]
fn a_user_may_ask_for_it_and_a_mistake_sends_nothing() {
    let run = |protocol: &'static str, pinned: bool| {
        let (receiver, directory) = (Receiver::start(), TempDir::new("json-user"));
        let variables = [("ACME_TELEMETRY_ENABLED", "true"), ("ACME_TELEMETRY_PROTOCOL", protocol)];
        let environment = Environment::fixed(variables).home(directory.path());
        let builder = Telemetry::builder(app!("acme")).environment(environment).otlp(receiver.url());
        let telemetry = if pinned { builder.pin_endpoint() } else { builder }.start().expect("no mistake of the code");
        with_default(&alone(&telemetry), || tracing::info!("hello"));
        let _ = telemetry.flush(Duration::from_secs(5));
        let types: Vec<_> =
            receiver.requests().iter().map(|request| request.header("content-type").unwrap_or("").to_owned()).collect();
        (types, telemetry.status().notes().join("; "))
    };
    assert_eq!(run("http/json", false), (vec!["application/json".to_owned()], String::new()));
    assert_eq!(run("http/json", true), (vec!["application/x-protobuf".to_owned()], String::new()));
    assert_eq!(run(" HTTP/protobuf ", false), (vec!["application/x-protobuf".to_owned()], String::new()));
    let (types, notes) = run("carrier pigeon", false);
    assert!(types.is_empty() && notes.contains("ACME_TELEMETRY_PROTOCOL is not a protocol"), "{notes}");
    assert!(notes.contains("http/protobuf or http/json"), "{notes}");
}

#[cfg(all(unix, feature = "real-components"))]
#[test]
fn a_real_collector_reads_it() {
    let collector = rotel::Rotel::start();
    let (telemetry, _memory, _directory) =
        on_with("json-rotel", |builder| builder.otlp(collector.endpoint()).otlp_protocol(OtlpProtocol::HttpJson));
    with_default(&alone(&telemetry), work);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    assert_eq!(telemetry.status().counts().sent(), 6);
    let log = collector.await_taken(rotel::Taken { logs: 3, spans: 3 });
    for part in
        ["plan: Str(pro)", "items: Int(3)", "ratio: Double(0.5)", "gift: Bool(true)", "most: Int(9223372036854775807)"]
    {
        assert!(log.contains(part), "{part:?} in\n{log}");
    }
}
