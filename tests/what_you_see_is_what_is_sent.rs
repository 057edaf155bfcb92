//! Promise 6: what `records`, `export`, an exporter in memory and verbose mode show is what goes over the wire, no more
//! and no less.

#![cfg(feature = "otlp")]

#[path = "support/example.rs"]
mod example;
#[path = "support/home.rs"]
mod home;
#[path = "support/receiver.rs"]
mod receiver;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use receiver::{Receiver, Value};
use serde_json::Value as Json;
use tracing_privacy::{Events, Memory, Telemetry};
use tracing_subscriber::prelude::*;

fn log() {
    let span = tracing::info_span!(
        "charge",
        user_id = 4711,
        amount = 49.9,
        small = -3,
        card = "4111 1111 1111 1111",
        note = "mail bob@mail.example",
        "otel.kind" = "client",
        "otel.status_description" = "gateway of bob@mail.example declined",
    );
    let other = tracing::info_span!("other");
    span.follows_from(&other);
    span.in_scope(|| {
        tracing::info_span!("inner", retry = true)
            .in_scope(|| tracing::error!(code = 502, "gateway declined card 4111 1111 1111 1111"));
        tracing::info!(name: "charge.tried", plan = "pro", password = "hunter2");
    });
    tracing::warn!(big = u64::MAX, "outside of spans");
}

#[test]
fn every_record_on_the_wire_is_the_record_that_was_shown() {
    every_record_is(Events::Logs, 6);
}

#[test]
fn every_event_in_a_span_on_the_wire_is_the_one_that_was_shown() {
    every_record_is(Events::Both, 6);
    every_record_is(Events::SpanEvents, 4);
}

fn every_record_is(events: Events, records: usize) {
    let receiver = Receiver::start();
    let memory = Memory::new();
    let telemetry = Telemetry::builder(tracing_privacy::app!("seen"))
        .environment(home::yes("SEEN", &home::home(&format!("seen-{events:?}"))))
        .events(events)
        .targets("what_you_see_is_what_is_sent=info")
        .resource("deployment.environment.name", "test")
        .memory(&memory)
        .otlp(receiver.url())
        .start()
        .expect("the settings are right");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), log);
    telemetry.flush(Duration::from_secs(10)).expect("the server takes everything");

    let shown = telemetry.records(100).expect("the store can be read");
    assert_eq!(shown.len(), records, "{shown:#?}");
    assert_eq!(shown, memory.rows().iter().map(|row| row.as_str().to_owned()).collect::<Vec<_>>());
    let mut exported = Vec::new();
    assert_eq!(telemetry.export(&mut exported).expect("the store can be read"), records as u64);
    assert_eq!(String::from_utf8(exported).expect("rows are text"), shown.join("\n") + "\n");

    let mut shown: Vec<Sent> = shown.iter().map(|row| Sent::of_row(row)).collect();
    let mut sent: Vec<Sent> = receiver.logs().iter().map(Sent::of_log).collect();
    sent.extend(receiver.spans().iter().map(Sent::of_span));
    shown.sort_by(|one, other| one.order().cmp(&other.order()));
    sent.sort_by(|one, other| one.order().cmp(&other.order()));
    assert_eq!(shown, sent);
    assert!(shown.iter().any(|record| !record.links.is_empty()) && shown.iter().any(|record| record.status == "error"));
    assert!(shown.iter().any(|record| record.dropped > 0 && record.kind == "span"));
    let in_spans: Vec<_> = shown.iter().flat_map(|record| &record.events).collect();
    assert_eq!(in_spans.len(), if events == Events::Logs { 0 } else { 2 }, "{in_spans:#?}");
    if events != Events::Logs {
        assert!(in_spans.iter().any(|event| event.name == "charge.tried" && event.dropped == 1), "{in_spans:#?}");
        assert!(in_spans.iter().any(|event| event.name.starts_with("gateway declined card [CARD]")), "{in_spans:#?}");
    }
}

#[cfg(feature = "store")]
#[test]
fn verbose_mode_prints_what_is_kept() {
    let quickstart = example::Example::new("quickstart")
        .var("QUICKSTART_TELEMETRY_ENABLED", "true")
        .var("QUICKSTART_TELEMETRY_VERBOSE", "true");
    let said = quickstart.run();
    let printed: Vec<Json> = said
        .stderr
        .split("[Telemetry] Sending event: ")
        .skip(1)
        .map(|record| {
            let (_, json) = record.split_once('\n').expect("the name stands on a line of its own");
            serde_json::Deserializer::from_str(json).into_iter().next().expect("there is JSON").expect("it can be read")
        })
        .collect();
    let database = quickstart.home().path().join(".local/share/quickstart/telemetry/telemetry.db");
    let database = rusqlite::Connection::open(database).expect("the store can be opened");
    let mut select = database.prepare("SELECT json FROM records ORDER BY seq").expect("the store has its table");
    let rows = select.query_map([], |row| row.get::<_, String>(0)).expect("rows can be read");
    let kept: Vec<Json> =
        rows.map(|row| serde_json::from_str(&row.expect("a row is text")).expect("a row is JSON")).collect();
    assert!(printed.len() > 20, "{}", said.stderr);
    assert_eq!(printed, kept);
}

/// A record in the words that both sides share.
#[derive(Debug, PartialEq)]
struct Sent {
    kind: &'static str,
    name: String,
    target: String,
    body: Option<String>,
    severity: Option<String>,
    trace_id: String,
    span_id: String,
    parent: String,
    start: u64,
    end: u64,
    status: String,
    status_message: String,
    span_kind: String,
    links: Vec<(String, String)>,
    events: Vec<SpanEvent>,
    attributes: BTreeMap<String, String>,
    resource: BTreeMap<String, String>,
    /// The SDK's log records have no place for it.
    dropped: u32,
}

impl Sent {
    fn order(&self) -> (u64, &str) {
        (self.start, &self.name)
    }

    fn of_row(row: &str) -> Self {
        let row: Json = serde_json::from_str(row).expect("a row is JSON");
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let is_span = row["kind"] == "span";
        let map = |key: &str| {
            let pairs = row[key].as_object().expect("an object").iter();
            pairs
                .map(|(key, value)| (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
                .collect()
        };
        let links = row["links"].as_array().into_iter().flatten();
        let id = |link: &Json, key: &str| link[key].as_str().expect("an id").to_owned();
        Sent {
            kind: if is_span { "span" } else { "log" },
            name: text("name"),
            target: text("target"),
            body: row["body"].as_str().map(str::to_owned),
            severity: (!is_span).then(|| text("level")),
            trace_id: text("trace_id"),
            span_id: text("span_id"),
            parent: text("parent_span_id"),
            start: nanos(&text(if is_span { "start" } else { "time" })),
            end: if is_span { nanos(&text("end")) } else { 0 },
            status: text("status"),
            status_message: text("status_message"),
            span_kind: match (is_span, text("span_kind")) {
                (true, kind) if kind.is_empty() => "internal".to_owned(),
                (_, kind) => kind,
            },
            events: row["events"].as_array().into_iter().flatten().map(SpanEvent::of_row).collect(),
            links: links.map(|link| (id(link, "trace_id"), id(link, "span_id"))).collect(),
            attributes: map("attributes"),
            resource: map("resource"),
            dropped: if is_span { row["dropped_attributes"].as_u64().unwrap_or(0) as u32 } else { 0 },
        }
    }

    fn of_log(log: &receiver::Log) -> Self {
        Sent {
            kind: "log",
            name: log.name.clone(),
            target: log.scope.clone(),
            body: log.body.clone(),
            severity: Some(log.severity.clone()),
            trace_id: log.trace_id.clone(),
            span_id: log.span_id.clone(),
            parent: String::new(),
            start: log.unix_nanos,
            end: 0,
            status: String::new(),
            status_message: String::new(),
            span_kind: String::new(),
            links: Vec::new(),
            events: Vec::new(),
            attributes: texts(&log.attributes),
            resource: texts(&log.resource),
            dropped: 0,
        }
    }

    fn of_span(span: &receiver::Span) -> Self {
        Sent {
            kind: "span",
            name: span.name.clone(),
            target: span.scope.clone(),
            body: None,
            severity: None,
            trace_id: span.trace_id.clone(),
            span_id: span.span_id.clone(),
            parent: span.parent_span_id.clone(),
            start: span.start_unix_nanos,
            end: span.end_unix_nanos,
            status: ["", "ok", "error"][span.status as usize].to_owned(),
            status_message: span.status_message.clone(),
            span_kind: ["", "internal", "server", "client", "producer", "consumer"][span.kind as usize].to_owned(),
            links: span.links.clone(),
            events: span.events.iter().map(SpanEvent::of_wire).collect(),
            attributes: texts(&span.attributes),
            resource: texts(&span.resource),
            dropped: span.dropped_attributes,
        }
    }
}

/// An event inside a span.
#[derive(Debug, PartialEq)]
struct SpanEvent {
    name: String,
    time: u64,
    attributes: BTreeMap<String, String>,
    dropped: u32,
}

impl SpanEvent {
    fn of_row(event: &Json) -> Self {
        let text = |key: &str| event[key].as_str().map(str::to_owned);
        let attributes = event["attributes"].as_object().expect("an object").iter();
        let mut attributes: BTreeMap<_, _> = attributes
            .map(|(key, value)| (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        attributes.insert("level".to_owned(), text("level").expect("each event has a level"));
        attributes.insert("target".to_owned(), text("target").expect("each event has a target"));
        SpanEvent {
            name: text("name").or(text("body")).unwrap_or_default(),
            time: nanos(&text("time").expect("each event has a time")),
            attributes,
            dropped: event["dropped_attributes"].as_u64().unwrap_or(0) as u32,
        }
    }

    fn of_wire(event: &receiver::SpanEvent) -> Self {
        SpanEvent {
            name: event.name.clone(),
            time: event.unix_nanos,
            attributes: texts(&event.attributes),
            dropped: event.dropped_attributes,
        }
    }
}

fn texts(attributes: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Double(value) => serde_json::to_string(value).expect("a number is JSON"),
        Value::Str(value) | Value::Other(value) => value.clone(),
    };
    attributes.iter().map(|(key, value)| (key.clone(), text(value))).collect()
}

/// Nanoseconds since 1970 of a time as rows have it, whose date is today's.
fn nanos(time: &str) -> u64 {
    let (_, clock) = time.split_once('T').expect("a time of RFC 3339");
    let mut parts = clock.trim_end_matches('Z').splitn(3, ':');
    let mut part = || parts.next().expect("hours, minutes, seconds").to_owned();
    let (hours, minutes, seconds) = (part(), part(), part());
    let (seconds, fraction) = seconds.split_once('.').expect("nanoseconds");
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let of_day = (number(&hours) * 60 + number(&minutes)) * 60 + number(seconds);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970").as_secs();
    // Yesterday's, if midnight came between.
    let day = if now % 86_400 < of_day { now / 86_400 - 1 } else { now / 86_400 };
    (day * 86_400 + of_day) * 1_000_000_000 + number(fraction)
}
