//! Promise: what an application logs arrives as it was logged: every type of field, each span with its parent, its
//! status and its links, each event in its span, and from those crates alone that were let in.

mod support;

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Barrier};

use serde_json::{Value, json};
use support::{Host, Record, alone, callsite, event, logged, off, on, on_with, only, records, settle, span};
use tracing::dispatcher::with_default;
use tracing::field::Empty;
use tracing::instrument::{Instrument, WithSubscriber};
use tracing::metadata::Kind;
use tracing::{Dispatch, Event, Level, Span, Subscriber};
use tracing_privacy::{Events, Memory, Telemetry};
use tracing_subscriber::layer::Identity;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry};

// ---- fields -------------------------------------------------------------------------------------------------------

#[derive(Debug)]
enum Tier {
    Paying,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("paying tier")
    }
}

#[derive(Debug)]
struct Failure(&'static str, Option<Box<Failure>>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|error| error as _)
    }
}

fn failure() -> Failure {
    Failure("no answer", Some(Box::new(Failure("connection lost", Some(Box::new(Failure("reset by peer", None)))))))
}

#[derive(Debug)]
#[expect(dead_code, reason = "its fields are printed")]
struct Order {
    plan: &'static str,
    contact: &'static str,
    password: &'static str,
}

const ORDER: Order = Order { plan: "pro", contact: "ann.smith@example.com", password: "hunter2" };

#[test]
fn every_type_of_field_arrives_as_what_it_is() {
    let records = logged(
        "types",
        |builder| builder,
        || {
            tracing::info!(
                tries = 3_u64,
                large = u64::MAX,
                small = 4_u8,
                delta = -4_i64,
                least = i64::MIN,
                ratio = 0.5_f64,
                half = 1.5_f32,
                odd = f64::NAN,
                fast = true,
                plan = "pro",
                owned = String::from("basic"),
                shown = %Tier::Paying,
                seen = ?Tier::Paying,
                cause = &failure() as &(dyn Error + 'static),
                raw = &b"plain bytes"[..],
                binary = &[0xff_u8, 0xfe][..],
                narrow = -7_i128,
                wide = i128::MIN,
                slim = 8_u128,
                given = Some(5_u64),
                absent = Option::<u64>::None,
                empty = Empty,
                boxed = Box::new(6_i64),
                nested.key = "dotted",
                "typed"
            );
        },
    );
    let record = event(&records, "typed");
    let expected = [
        ("tries", json!(3)),
        ("large", json!(u64::MAX)),
        ("small", json!(4)),
        ("delta", json!(-4)),
        ("least", json!(i64::MIN)),
        ("ratio", json!(0.5)),
        ("half", json!(1.5)),
        ("odd", json!("NaN")),
        ("fast", json!(true)),
        ("plan", json!("pro")),
        ("owned", json!("basic")),
        ("shown", json!("paying tier")),
        ("seen", json!("Paying")),
        ("cause", json!("no answer: connection lost: reset by peer")),
        ("raw", json!("plain bytes")),
        ("narrow", json!(-7)),
        ("slim", json!(8)),
        ("given", json!(5)),
        ("boxed", json!(6)),
        ("nested.key", json!("dotted")),
    ];
    for (key, value) in &expected {
        assert_eq!(record.attribute(key), value, "{key} of {record:?}");
    }
    for key in ["binary", "absent", "empty"] {
        assert_eq!(record.attribute(key), &Value::Null, "{key} of {record:?}");
    }
    assert!(record.attribute("wide").is_string(), "a number too wide for its type is text: {record:?}");
    assert_eq!(record.dropped_attributes(), 1, "bytes that are no text are dropped and counted: {record:?}");
    assert_eq!((record.level(), record.target()), ("INFO", module_path!()));
}

#[test]
fn a_span_keeps_the_same_types() {
    let records = logged(
        "span-types",
        |builder| builder,
        || {
            let _span = tracing::info_span!(
                "typed", tries = 3_u64, delta = -4_i64, ratio = 0.5, fast = true, plan = "pro", shown = %Tier::Paying,
                seen = ?Tier::Paying, cause = &failure() as &(dyn Error + 'static), raw = &b"plain bytes"[..], slim = 8_u128,
                absent = Option::<&str>::None,
            );
        },
    );
    let record = span(&records, "typed");
    let expected = json!({
        "tries": 3, "delta": -4, "ratio": 0.5, "fast": true, "plan": "pro", "shown": "paying tier", "seen": "Paying",
        "cause": "no answer: connection lost: reset by peer", "raw": "plain bytes", "slim": 8,
    });
    assert_eq!(record.json()["attributes"], expected);
}

#[test]
fn of_values_that_are_recorded_late_the_last_one_wins() {
    let records = logged(
        "late",
        |builder| builder,
        || {
            let span =
                tracing::info_span!("work", plan = "basic", step = Empty, outcome = Empty, never = Empty, rows = 1_u64);
            span.record("step", 1_u64);
            span.record("step", 2_u64);
            span.record("plan", "pro");
            span.record("outcome", "begun");
            span.record("outcome", tracing::field::debug(Tier::Paying));
            span.record("rows", "many");
            span.record("no such field", 1_u64);
        },
    );
    let work = span(&records, "work");
    assert_eq!(work.json()["attributes"], json!({"plan": "pro", "step": 2, "outcome": "Paying", "rows": "many"}));
}

#[test]
fn key_rules_hold_for_late_values_too() {
    let records = logged(
        "late-keys",
        |builder| builder,
        || {
            let span = tracing::info_span!("login", user_id = Empty, password = Empty);
            span.record("user_id", 42_u64);
            span.record("password", "hunter2");
        },
    );
    let record = span(&records, "login");
    assert_eq!(record.attributes(), ["user_id_hash"]);
    assert_eq!(record.dropped_attributes(), 1);
}

#[test]
fn the_text_of_a_message_is_the_body() {
    let records = logged(
        "bodies",
        |builder| builder,
        || {
            tracing::info!("literal");
            tracing::info!("with {} parts", 2);
            tracing::info!(message = "by name", tries = 1_u64);
            tracing::info!(tries = 2_u64);
            tracing::info!(name: "checkout.done", "named");
        },
    );
    let bodies: Vec<_> = records.iter().map(Record::body).collect();
    assert_eq!(bodies, [Some("literal"), Some("with 2 parts"), Some("by name"), None, Some("named")]);
    let names: Vec<_> = records.iter().map(Record::name).collect();
    assert_eq!(names, ["", "", "", "", "checkout.done"], "an event's place in the source tree is no name");
}

#[test]
fn a_struct_is_dropped_as_an_argument_and_scanned_in_an_event() {
    #[tracing::instrument]
    fn place(order: &Order, tries: u32) {}

    let records = logged(
        "structs",
        |builder| builder,
        || {
            place(&ORDER, 1);
            tracing::info!(order = ?ORDER, "placed");
        },
    );
    let place = span(&records, "place");
    assert_eq!(place.attributes(), ["tries"], "{place:?}");
    assert_eq!(place.dropped_attributes(), 1);
    let placed = event(&records, "placed");
    let text = placed.attribute("order").as_str().expect("the struct's text stays in an event");
    assert!(text.contains("plan: \"pro\""), "{text}");
    for secret in ["ann.smith", "hunter2"] {
        assert!(!records.iter().any(|record| record.contains(secret)), "{secret} is in {records:#?}");
    }
}

/// The scan window ends in the middle of the last address, and what is replaced before it shrinks.
#[test]
fn a_value_longer_than_is_looked_at_leaves_no_half_of_a_finding() {
    let text =
        format!("{}{}", "hildegard.of.bingen.and.everywhere@monastery-of-disibodenberg.example.com ".repeat(60), "end");
    let seen = &text[..4096];
    let head = &seen[seen.rfind(' ').expect("there are spaces") + 1..];
    assert!(head.len() > 8 && !head.contains(".com"), "the window must cut an address: {head}");
    let records = logged(
        "window",
        |builder| builder,
        || {
            tracing::info!(raw = text.as_bytes(), "bytes");
            tracing::info!(plain = text.as_str(), "text");
            tracing::info!(shown = %text, "display");
        },
    );
    for (body, key) in [("bytes", "raw"), ("text", "plain"), ("display", "shown")] {
        let record = event(&records, body);
        let kept = record.attribute(key).as_str().expect("the text stays");
        assert!(kept.starts_with("[EMAIL] [EMAIL]"), "{kept}");
        assert!(!kept.contains("hildegard"), "{key}: {kept}");
    }
}

// ---- #[instrument] ------------------------------------------------------------------------------------------------

#[tracing::instrument(err, skip(right))]
fn divide(left: i64, right: i64) -> Result<i64, Failure> {
    if right == 0 { Err(Failure("division by zero", None)) } else { Ok(left / right) }
}

#[tracing::instrument(ret, fields(step = Empty))]
fn double(number: u64) -> u64 {
    Span::current().record("step", "doubling");
    number * 2
}

#[tracing::instrument(err(Debug), level = "warn", name = "renamed")]
fn refuse() -> Result<(), Failure> {
    Err(Failure("refused", None))
}

#[test]
fn instrumented_functions_give_spans_results_and_errors() {
    let records = logged(
        "instrument",
        |builder| builder,
        || {
            assert!(divide(1, 0).is_err());
            assert_eq!(divide(6, 3).ok(), Some(2));
            assert_eq!(double(4), 8);
            assert!(refuse().is_err());
        },
    );
    let divides: Vec<_> = records.iter().filter(|record| record.name() == "divide").collect();
    assert_eq!(divides.len(), 2);
    assert_eq!((divides[0].text("status"), divides[1].text("status")), (Some("error"), None));
    assert_eq!(divides[0].json()["attributes"], json!({"left": 1}));
    let error = only(&records, |record| record.attribute("error") == "division by zero");
    assert_eq!((error.level(), error.span_id()), ("ERROR", divides[0].span_id()));
    assert_eq!(span(&records, "double").json()["attributes"], json!({"number": 4, "step": "doubling"}));
    let returned = only(&records, |record| !record.attribute("return").is_null());
    assert_eq!(returned.span_id(), span(&records, "double").span_id());
    assert_eq!((span(&records, "renamed").level(), span(&records, "renamed").text("status")), ("WARN", Some("error")));
}

#[tracing::instrument]
async fn outer(tries: u32) -> u32 {
    tokio::task::yield_now().await;
    let inner = inner().await;
    tracing::info!("after the inner one");
    inner + tries
}

#[tracing::instrument]
async fn inner() -> u32 {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    tracing::info!("inside");
    1
}

#[test]
fn async_functions_give_one_span_each_whatever_runs_them() {
    for host in [Host::CurrentThread, Host::MultiThread] {
        let (telemetry, memory, _directory) = on("async");
        let dispatch = alone(&telemetry);
        let mut runtime = match host {
            Host::MultiThread => tokio::runtime::Builder::new_multi_thread(),
            _ => tokio::runtime::Builder::new_current_thread(),
        };
        let runtime = runtime.worker_threads(2).build().expect("a runtime");
        runtime.block_on(async {
            let tasks: Vec<_> =
                (0..20).map(|tries| tokio::spawn(outer(tries).with_subscriber(dispatch.clone()))).collect();
            for task in tasks {
                task.await.expect("nothing panics");
            }
        });
        settle(&telemetry);
        let records = records(&memory);
        let named = |name: &str| records.iter().filter(|record| record.name() == name).cloned().collect::<Vec<_>>();
        let (outers, inners) = (named("outer"), named("inner"));
        assert_eq!((outers.len(), inners.len(), records.len()), (20, 20, 80), "{host:?}");
        for outer in &outers {
            assert_eq!(outer.parent_id(), None);
            let inner = only(&inners, |inner| inner.trace_id() == outer.trace_id());
            assert_eq!(inner.parent_id(), outer.span_id(), "{host:?}");
            let of =
                |body| only(&records, |record| record.body() == Some(body) && record.trace_id() == outer.trace_id());
            assert_eq!(of("inside").span_id(), inner.span_id(), "{host:?}");
            assert_eq!(of("after the inner one").span_id(), outer.span_id(), "{host:?}");
        }
    }
}

// ---- spans and their places ---------------------------------------------------------------------------------------

#[test]
fn children_events_and_traces_are_linked() {
    let records = logged(
        "links",
        |builder| builder,
        || {
            tracing::info!("outside");
            let _first = tracing::info_span!("first").entered();
            tracing::info!("in first");
            {
                let _second = tracing::info_span!("second").entered();
                tracing::info!("in second");
                tracing::info_span!("third").in_scope(|| tracing::info!("in third"));
            }
            drop(_first);
            let _other = tracing::info_span!("other").entered();
        },
    );
    let [first, second, third, other] = ["first", "second", "third", "other"].map(|name| span(&records, name));
    let outside = event(&records, "outside");
    assert_eq!((outside.trace_id(), outside.span_id()), (None, None), "an event outside spans belongs to no trace");
    assert_eq!([first.parent_id(), other.parent_id()], [None, None]);
    assert_eq!([second.parent_id(), third.parent_id()], [first.span_id(), second.span_id()]);
    assert!(first.trace_id().is_some_and(|id| id.len() == 32) && first.span_id().is_some_and(|id| id.len() == 16));
    for (body, span) in [("in first", &first), ("in second", &second), ("in third", &third)] {
        let event = event(&records, body);
        assert_eq!((event.span_id(), event.trace_id()), (span.span_id(), first.trace_id()), "{body}");
        assert_eq!(event.parent_id(), None);
    }
    assert_eq!([second.trace_id(), third.trace_id()], [first.trace_id(); 2]);
    assert_ne!(first.trace_id(), other.trace_id());
    let ids: std::collections::BTreeSet<_> = [&first, &second, &third, &other].map(|span| span.span_id()).into();
    assert_eq!(ids.len(), 4);
    let order: Vec<_> = records.iter().filter(|record| record.is_span()).map(Record::name).collect();
    assert_eq!(order, ["third", "second", "first", "other"], "a child is kept before its parent");
    assert!(first.text("start") <= second.text("start") && second.text("end") <= first.text("end"));
}

#[test]
fn parents_are_contextual_unless_they_are_given() {
    let records = logged(
        "parents",
        |builder| builder,
        || {
            let given = tracing::info_span!("given");
            let _around = tracing::info_span!("around").entered();
            let _contextual = tracing::info_span!("contextual");
            let _explicit = tracing::info_span!(parent: &given, "explicit");
            let _by_id = tracing::info_span!(parent: given.id(), "by id");
            let _root = tracing::info_span!(parent: None, "root");
            tracing::info!(parent: &given, "explicit event");
            tracing::info!(parent: None, "root event");
            tracing::info!("contextual event");
        },
    );
    let [given, around, contextual, explicit, by_id, root] =
        ["given", "around", "contextual", "explicit", "by id", "root"].map(|name| span(&records, name));
    assert_eq!(contextual.parent_id(), around.span_id());
    assert_eq!([explicit.parent_id(), by_id.parent_id()], [given.span_id(); 2]);
    assert_eq!([explicit.trace_id(), by_id.trace_id()], [given.trace_id(); 2]);
    assert_eq!(root.parent_id(), None);
    assert!(root.trace_id() != around.trace_id() && root.trace_id().is_some());
    assert_eq!(event(&records, "explicit event").span_id(), given.span_id());
    assert_eq!(event(&records, "root event").trace_id(), None);
    assert_eq!(event(&records, "contextual event").span_id(), around.span_id());
}

/// Each event says in which span it is.
#[test]
fn an_event_is_in_the_span_that_the_thread_is_in_however_it_came_there() {
    let ((here, its, _first), (elsewhere, others, _second)) = (on("here"), on("elsewhere"));
    let elsewhere_too = Dispatch::new(tracing_subscriber::registry().with(elsewhere.layer()));
    // Somebody wants the span that our gate turns away.
    let subscriber = tracing_subscriber::registry().with(here.layer()).with(Identity::new());
    with_default(&Dispatch::new(subscriber), || {
        tracing::info!("0 none");
        let (a, b) = (tracing::info_span!("a"), tracing::info_span!("b"));
        let turned_away = tracing::info_span!(target: "other", parent: None, "turned away");
        tracing::info!("1 none");
        let in_a = a.enter();
        tracing::info!("2 a");
        tracing::info!("3 a");
        let in_b = b.enter();
        tracing::info!("4 b");
        drop(in_a);
        tracing::info!("5 b");
        let in_b_again = b.enter();
        tracing::info!("6 b");
        drop(in_b_again);
        tracing::info!("7 b");
        let in_another = turned_away.enter();
        tracing::info!("8 b");
        drop(in_b);
        tracing::info!("9 none");
        let in_a = a.enter();
        tracing::info!("10 a");
        drop(in_another);
        tracing::info!("11 a");
        let in_b = b.enter();
        with_default(&elsewhere_too, || tracing::info!("12 none"));
        tracing::info!(parent: &a, "13 a");
        tracing::info!("14 b");
        let in_a_again = a.enter();
        tracing::info!("15 b");
        let dispatch = tracing::dispatcher::get_default(Dispatch::clone);
        std::thread::scope(|scope| {
            scope.spawn(|| with_default(&dispatch, || tracing::info!("16 none")));
        });
        drop((in_a_again, in_b));
        tracing::info!("17 a");
        drop(in_a);
        drop((a, b));
        tracing::info!("18 none");
    });
    settle(&here);
    settle(&elsewhere);
    let (records, elsewhere) = (records(&its), records(&others));
    assert_eq!(event(&elsewhere, "12 none").span_id(), None);
    let bodies: Vec<_> = records.iter().filter(|record| !record.is_span()).map(|record| record.text("body")).collect();
    assert_eq!(bodies.len(), 18);
    for body in bodies.into_iter().flatten() {
        let expected = match body.split_once(' ') {
            Some((_, name @ ("a" | "b"))) => span(&records, name).span_id().map(str::to_owned),
            _ => None,
        };
        assert_eq!(event(&records, body).span_id(), expected.as_deref(), "{body}");
    }
}

#[test]
fn a_span_of_two_threads_that_is_closed_in_a_third_is_one_span() {
    let (telemetry, memory, _directory) = on("threads");
    let dispatch = alone(&telemetry);
    let span = with_default(&dispatch, || tracing::info_span!("shared", step = Empty));
    let both = Arc::new(Barrier::new(2));
    let workers: Vec<_> = ["left", "right"]
        .into_iter()
        .map(|side| {
            let (dispatch, span, both) = (dispatch.clone(), span.clone(), Arc::clone(&both));
            std::thread::spawn(move || {
                with_default(&dispatch, || {
                    let _entered = span.enter();
                    both.wait();
                    tracing::info!("on the {side}");
                    tracing::info_span!("child", side).in_scope(|| span.record("step", side));
                    both.wait();
                });
            })
        })
        .collect();
    workers.into_iter().for_each(|worker| worker.join().expect("nothing panics"));
    std::thread::spawn(move || drop(span)).join().expect("nothing panics");
    settle(&telemetry);
    let records = records(&memory);
    assert_eq!(records.len(), 5, "{records:#?}");
    let shared = support::span(&records, "shared");
    for side in ["left", "right"] {
        assert_eq!(event(&records, &format!("on the {side}")).span_id(), shared.span_id());
        let child = only(&records, |record| record.attribute("side") == side);
        assert_eq!(child.parent_id(), shared.span_id());
    }
    assert!(shared.attribute("step") == "left" || shared.attribute("step") == "right");
}

#[test]
fn a_span_links_to_what_it_follows_from() {
    let records = logged(
        "follows",
        |builder| builder,
        || {
            let (cause, reason) = (tracing::info_span!("cause"), tracing::info_span!("reason"));
            let effect = tracing::info_span!("effect", plan = "pro");
            effect.follows_from(&cause);
            effect.follows_from(reason.id());
        },
    );
    let [cause, reason, effect] = ["cause", "reason", "effect"].map(|name| span(&records, name));
    let link = |to: &Record| json!({"trace_id": to.trace_id(), "span_id": to.span_id()});
    assert_eq!(effect.json()["links"], json!([link(&cause), link(&reason)]));
    assert_eq!(effect.parent_id(), None);
    assert_ne!(effect.trace_id(), cause.trace_id());
    assert_eq!(effect.attribute("plan"), "pro");
    assert!(cause.json().get("links").is_none());
}

#[test]
fn an_error_event_fails_its_own_span_alone() {
    let records = logged(
        "status",
        |builder| builder,
        || {
            tracing::error!("outside");
            let _around = tracing::info_span!("around").entered();
            tracing::info_span!("failed").in_scope(|| tracing::error!("inside"));
            tracing::info_span!("warned").in_scope(|| tracing::warn!("careful"));
            tracing::info_span!("forgiven", otel.status_code = "OK").in_scope(|| tracing::error!("expected"));
            let late = tracing::info_span!("forgiven late", otel.status_code = Empty);
            late.in_scope(|| tracing::error!("expected as well"));
            late.record("otel.status_code", "ok");
            tracing::error!(target: "elsewhere", "somebody else's");
        },
    );
    let status = |name| span(&records, name).text("status").map(str::to_owned);
    assert_eq!(status("failed").as_deref(), Some("error"));
    assert_eq!(status("warned"), None);
    assert_eq!(status("around"), None, "neither a child's error nor one that was turned away is its own");
    assert_eq!(status("forgiven").as_deref(), Some("ok"));
    assert_eq!(status("forgiven late").as_deref(), Some("ok"));
}

#[test]
fn otel_fields_say_what_a_span_is() {
    let records = logged(
        "otel",
        |builder| builder,
        || {
            let _span = tracing::info_span!(
                "plain",
                otel.name = "GET /orders",
                otel.kind = "server",
                otel.status_code = "ERROR",
                otel.status_description = "upstream is down",
                plan = "pro"
            );
            let late = tracing::info_span!("late", otel.name = Empty, otel.kind = Empty, otel.status_message = Empty);
            late.record("otel.name", tracing::field::display("GET /late"));
            late.record("otel.kind", tracing::field::debug(Client));
            late.record("otel.status_message", "took too long");
            let _unknown = tracing::info_span!("unknown", otel.kind = "sideways", otel.status_code = "maybe");
        },
    );
    let record = span(&records, "GET /orders");
    assert_eq!(record.json()["attributes"], json!({"plan": "pro"}));
    assert_eq!([record.text("span_kind"), record.text("status")], [Some("server"), Some("error")]);
    assert_eq!(record.text("status_message"), Some("upstream is down"));
    let late = span(&records, "GET /late");
    assert_eq!([late.text("span_kind"), late.text("status_message")], [Some("client"), Some("took too long")]);
    let unknown = span(&records, "unknown");
    assert_eq!([unknown.text("span_kind"), unknown.text("status")], [None, None]);
    assert_eq!(unknown.dropped_attributes(), 2);
    assert!(!records.iter().any(|record| record.name() == "plain" || record.name() == "late"));
}

#[derive(Debug)]
struct Client;

// ---- who is let in ------------------------------------------------------------------------------------------------

fn of_all_levels() {
    tracing::trace!("own trace");
    tracing::debug!("own debug");
    tracing::info!("own info");
    tracing::warn!("own warn");
    tracing::error!("own error");
    tracing::info!(target: "other", "other info");
    tracing::warn!(target: "other", "other warn");
    tracing::warn!(target: "other::inner", "inner warn");
    tracing::warn!(target: "otherwise", "otherwise warn");
}

fn bodies(records: &[Record]) -> Vec<&str> {
    records.iter().filter_map(Record::body).collect()
}

#[test]
fn only_the_applications_own_crates_are_let_in() {
    let records = logged("own", |builder| builder, of_all_levels);
    assert_eq!(bodies(&records), ["own info", "own warn", "own error"]);
}

#[test]
fn other_targets_are_let_in_by_name_and_level() {
    let records = logged("other", |builder| builder.targets("other=warn"), of_all_levels);
    assert_eq!(
        bodies(&records),
        ["own info", "own warn", "own error", "other warn", "inner warn", "otherwise warn"],
        "a target is a prefix, as it is for `Targets`"
    );
    let records =
        logged("two", |builder| builder.targets("other::inner=warn").targets("otherwise=error"), of_all_levels);
    assert_eq!(bodies(&records), ["own info", "own warn", "own error", "inner warn"]);
}

#[test]
fn the_level_is_the_least_severe_that_is_collected() {
    let records = logged("debug", |builder| builder.level(Level::DEBUG), of_all_levels);
    assert_eq!(bodies(&records), ["own debug", "own info", "own warn", "own error"]);
    let records = logged("error", |builder| builder.level(Level::ERROR), of_all_levels);
    assert_eq!(bodies(&records), ["own error"]);
    let records = logged("trace", |builder| builder.level(Level::TRACE), of_all_levels);
    assert_eq!(bodies(&records), ["own trace", "own debug", "own info", "own warn", "own error"]);
}

#[test]
fn a_filter_that_cannot_be_read_is_an_error_that_names_the_setting() {
    for environment in ["true", "false"] {
        let directory = support::TempDir::new("unreadable");
        let builder = support::builder(&directory, &Memory::new())
            .environment(tracing_privacy::Environment::fixed([("ACME_TELEMETRY_ENABLED", environment)]));
        let error = builder.targets("other=loud").start().map(drop).expect_err("`loud` is no level").to_string();
        assert!(error.contains(".targets") && error.contains("other=loud") && error.contains("sqlx=warn"), "{error}");
    }
}

#[test]
fn what_was_turned_away_is_counted_by_target() {
    let (telemetry, _memory, _directory) = on("turned-away");
    with_default(&alone(&telemetry), || {
        for _ in 0..7 {
            tracing::info!(target: "sqlx::query", "select");
        }
        for _ in 0..3 {
            tracing::warn!(target: "hyper", "slow");
        }
        tracing::debug!(target: "hyper", "too detailed to be of interest");
        tracing::debug!("our own, too detailed");
        tracing::info!("our own");
    });
    settle(&telemetry);
    let status = telemetry.status();
    assert_eq!(status.turned_away(), [("sqlx::query".to_owned(), 7), ("hyper".to_owned(), 3)]);
    assert_eq!(status.counts().produced(), 1);
    assert!(status.to_string().contains(".targets(\"sqlx::query=info\")"), "{status}");
}

#[test]
fn a_span_that_was_turned_away_is_no_ones_parent() {
    let records = logged(
        "between",
        |builder| builder,
        || {
            let _own = tracing::info_span!("own").entered();
            let _other = tracing::info_span!(target: "other", "other").entered();
            let _child = tracing::info_span!("child").entered();
            tracing::info!("inside");
        },
    );
    assert_eq!(span(&records, "child").parent_id(), span(&records, "own").span_id());
    assert_eq!(event(&records, "inside").span_id(), span(&records, "child").span_id());
    assert_eq!(records.len(), 3);
}

// ---- plans --------------------------------------------------------------------------------------------------------

#[test]
fn a_callsites_key_rules_hold_from_its_first_event_on_and_in_every_thread() {
    const THREADS: usize = 8;
    let (telemetry, memory, _directory) = on("plans");
    let (dispatch, start) = (alone(&telemetry), Arc::new(Barrier::new(THREADS)));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (dispatch, start) = (dispatch.clone(), Arc::clone(&start));
            std::thread::spawn(move || {
                with_default(&dispatch, || {
                    start.wait();
                    for _ in 0..20 {
                        tracing::info!(user_id = 42_u64, password = "hunter2", plan = "pro", "in");
                    }
                });
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("nothing panics"));
    settle(&telemetry);
    let records = records(&memory);
    assert_eq!(records.len(), THREADS * 20);
    let hash = records[0].attribute("user_id_hash").clone();
    assert!(hash.is_string());
    for record in &records {
        assert_eq!(record.json()["attributes"], json!({"user_id_hash": hash, "plan": "pro"}));
        assert_eq!(record.dropped_attributes(), 1);
    }
}

#[test]
fn callsites_that_many_threads_see_first_at_once_are_all_collected() {
    const THREADS: usize = 4;
    const SITES: usize = 900;
    let start = Arc::new(Barrier::new(THREADS));
    for _ in 0..8 {
        let (telemetry, _memory, _directory) = on("first-seen");
        let dispatch = alone(&telemetry);
        let sites: Arc<Vec<_>> = Arc::new((0..SITES).map(|_| callsite("event", &["tries"], Kind::EVENT)).collect());
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (dispatch, start, sites) = (dispatch.clone(), Arc::clone(&start), Arc::clone(&sites));
                std::thread::spawn(move || {
                    with_default(&dispatch, || {
                        start.wait();
                        // Each thread begins elsewhere, so that they make plans of different callsites at a time.
                        for site in sites.iter().cycle().skip(number * SITES / THREADS).take(SITES) {
                            let tries: &dyn tracing::Value = &1_u64;
                            Event::dispatch(site, &site.fields().value_set_all(&[Some(tries)]));
                        }
                    });
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("nothing panics"));
        settle(&telemetry);
        let counts = *telemetry.status().counts();
        assert_eq!(counts.produced(), (THREADS * SITES) as u64, "{counts}");
    }
}

// ---- the layer as a layer -----------------------------------------------------------------------------------------

fn a_bit_of_everything() {
    let span = tracing::info_span!("work", step = Empty).entered();
    span.record("step", 1_u64);
    tracing::info!("inside");
    tracing::error!("failing");
    drop(span);
    tracing::info!("outside");
}

/// The layer for any subscriber, as a library of the application's might install it.
fn generic<S>(telemetry: &Telemetry) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    telemetry.layer()
}

#[test]
fn two_telemetry_layers_in_one_registry_both_get_everything() {
    let ((one, its, _first), (two, others, _second)) =
        (on("one"), on_with("two", |builder| builder.level(Level::WARN)));
    let subscriber = tracing_subscriber::registry().with(one.layer()).with(two.layer());
    with_default(&Dispatch::new(subscriber), a_bit_of_everything);
    settle(&one);
    settle(&two);
    let (its, others) = (records(&its), records(&others));
    assert_eq!(bodies(&its), ["inside", "failing", "outside"]);
    assert_eq!(span(&its, "work").json()["attributes"], json!({"step": 1}));
    assert_eq!(event(&its, "inside").span_id(), span(&its, "work").span_id());
    assert_eq!(bodies(&others), ["failing"], "each has its own level");

    let ((one, its, _first), (two, others, _second)) = (on("one"), on("two"));
    let subscriber = tracing_subscriber::registry().with(one.layer()).with(two.layer());
    with_default(&Dispatch::new(subscriber), a_bit_of_everything);
    settle(&one);
    settle(&two);
    for records in [records(&its), records(&others)] {
        let work = span(&records, "work");
        assert_eq!(bodies(&records), ["inside", "failing", "outside"]);
        assert_eq!((work.attribute("step"), work.text("status")), (&json!(1), Some("error")));
        assert_eq!(event(&records, "inside").span_id(), work.span_id());
        assert_eq!(event(&records, "outside").span_id(), None);
    }
}

#[test]
fn the_layer_works_boxed_in_an_option_generic_and_under_a_filter() {
    type Install = fn(&Telemetry) -> Dispatch;
    let installs: [(&str, Install); 7] = [
        ("plain", |telemetry| Dispatch::new(tracing_subscriber::registry().with(telemetry.layer()))),
        ("boxed", |telemetry| {
            let layer: Box<dyn Layer<Registry> + Send + Sync> = Box::new(telemetry.layer());
            Dispatch::new(tracing_subscriber::registry().with(layer))
        }),
        ("boxed inside", |telemetry| {
            let layer: Option<Box<dyn Layer<Registry> + Send + Sync>> = telemetry.layer().map(Layer::boxed);
            Dispatch::new(tracing_subscriber::registry().with(layer))
        }),
        ("in two options", |telemetry| Dispatch::new(tracing_subscriber::registry().with(Some(telemetry.layer())))),
        ("generic, over another layer", |telemetry| {
            Dispatch::new(tracing_subscriber::registry().with(Identity::new()).with(generic(telemetry)))
        }),
        ("under a filter that lets it be", |telemetry| {
            Dispatch::new(tracing_subscriber::registry().with(telemetry.layer().with_filter(EnvFilter::new("trace"))))
        }),
        ("in a vector", |telemetry| {
            Dispatch::new(tracing_subscriber::registry().with(vec![telemetry.layer().boxed(), Identity::new().boxed()]))
        }),
    ];
    for (name, install) in installs {
        let (telemetry, memory, _directory) = on("installed");
        with_default(&install(&telemetry), || {
            a_bit_of_everything();
            tracing::info!(target: "elsewhere", "not ours");
        });
        settle(&telemetry);
        let records = records(&memory);
        assert_eq!(bodies(&records), ["inside", "failing", "outside"], "{name}");
        let work = span(&records, "work");
        assert_eq!((work.attribute("step"), work.text("status")), (&json!(1), Some("error")), "{name}");
        assert_eq!(event(&records, "inside").span_id(), work.span_id(), "{name}");

        let (telemetry, memory, directory) = off("installed-off");
        with_default(&install(&telemetry), a_bit_of_everything);
        assert!(memory.rows().is_empty() && directory.contents().is_empty(), "{name}");
    }
}

#[test]
fn a_filter_in_front_of_the_layer_holds_for_it() {
    let (telemetry, memory, _directory) = on("filtered");
    let layer = telemetry.layer().with_filter(EnvFilter::new("warn,elsewhere=info"));
    with_default(&Dispatch::new(tracing_subscriber::registry().with(layer)), || {
        a_bit_of_everything();
        tracing::info!(target: "elsewhere", "not ours, whatever the filter says");
    });
    settle(&telemetry);
    let records = records(&memory);
    assert_eq!(bodies(&records), ["failing"]);
    assert_eq!(event(&records, "failing").span_id(), None, "its span was filtered out");
}

#[test]
fn a_span_that_outlives_its_scope_is_kept_once_it_closes() {
    let (telemetry, memory, _directory) = on("long");
    let dispatch = alone(&telemetry);
    let span = with_default(&dispatch, || tracing::info_span!("long"));
    with_default(&dispatch, || span.in_scope(|| tracing::info!("inside")));
    settle(&telemetry);
    assert_eq!(bodies(&records(&memory)), ["inside"]);
    let future = async {}.instrument(span);
    drop(future);
    settle(&telemetry);
    assert_eq!(support::span(&records(&memory), "long").span_id(), event(&records(&memory), "inside").span_id());
}

#[test]
fn thousands_of_spans_open_at_once_keep_their_fields_and_parents() {
    const SPANS: u64 = 3_000;
    let records = logged(
        "thousands",
        |builder| builder,
        || {
            let open: Vec<_> = (0..SPANS).map(|number| tracing::info_span!("outer", number)).collect();
            let inner: Vec<_> = open.iter().map(|outer| tracing::info_span!(parent: outer, "inner")).collect();
            for (number, span) in (0..SPANS).zip(&inner) {
                span.in_scope(|| tracing::info!(number, "inside"));
            }
        },
    );
    let outers: Vec<_> = records.iter().filter(|record| record.name() == "outer").collect();
    assert_eq!(outers.len() as u64, SPANS);
    let spans = records.iter().filter(|record| record.body().is_none());
    let spans: HashMap<_, _> = spans.map(|record| (record.span_id(), record)).collect();
    for inside in records.iter().filter(|record| record.body() == Some("inside")) {
        let inner = spans[&inside.span_id()];
        let outer = spans[&inner.text("parent_span_id")];
        assert_eq!((inner.name(), outer.attribute("number")), ("inner", inside.attribute("number")));
    }
}

// ---- events in spans ----------------------------------------------------------------------------------------------

/// Events in a recorded span, in a span inside it that is not recorded, and outside of spans.
fn log_in_and_out_of_spans() {
    tracing::info_span!("job", step = 1).in_scope(|| {
        tracing::info!(tries = 1_u64, "inside");
        tracing::info_span!(target: "somebody::else", "foreign").in_scope(|| tracing::warn!("deeper"));
    });
    tracing::info!("outside");
}

#[test]
fn events_are_log_records_unless_they_are_asked_into_spans() {
    let records = logged("events-logs", |builder| builder, log_in_and_out_of_spans);
    assert_eq!(records.len(), 4);
    assert!(span(&records, "job").json().get("events").is_none());
}

#[test]
fn events_in_spans_leave_with_their_span() {
    let records = logged("events-spans", |builder| builder.events(Events::SpanEvents), log_in_and_out_of_spans);
    assert_eq!(records.len(), 2, "{records:#?}");
    let job = span(&records, "job");
    let events = &job.json()["events"];
    let events = events.as_array().expect("the span has events");
    assert_eq!(events.len(), 2, "{events:#?}");
    assert_eq!((&events[0]["body"], &events[0]["attributes"]), (&json!("inside"), &json!({"tries": 1})));
    assert_eq!((&events[1]["body"], &events[1]["level"]), (&json!("deeper"), &json!("WARN")));
    event(&records, "outside");
}

#[test]
fn events_can_be_both() {
    let records = logged("events-both", |builder| builder.events(Events::Both), log_in_and_out_of_spans);
    assert_eq!(records.len(), 4, "{records:#?}");
    let job = span(&records, "job");
    assert_eq!(job.json()["events"].as_array().map(Vec::len), Some(2));
    assert_eq!(event(&records, "deeper").span_id(), job.span_id());
}

#[test]
fn a_span_counts_the_events_that_it_has_no_room_for() {
    let long = "word ".repeat(190);
    let records = logged(
        "events-many",
        |builder| builder.events(Events::SpanEvents),
        || {
            tracing::info_span!("many").in_scope(|| (0..200_u64).for_each(|number| tracing::info!(number)));
            tracing::info_span!("large").in_scope(|| (0..40).for_each(|_| tracing::info!(long, "large")));
            tracing::info_span!("after").in_scope(|| tracing::info!("one"));
        },
    );
    let count = |name: &str| {
        let record = span(&records, name);
        let json = record.json();
        (json["events"].as_array().map_or(0, Vec::len) as u64, json["dropped_events"].as_u64().unwrap_or(0))
    };
    assert_eq!(count("many"), (128, 72));
    let (kept, dropped) = count("large");
    assert!(kept > 5 && kept + dropped == 40, "{kept} {dropped}");
    assert_eq!(count("after"), (1, 0));
}

#[test]
fn an_event_that_a_finding_condemns_is_in_no_span() {
    let records = logged(
        "events-strict",
        |builder| builder.policy(tracing_privacy::privacy::Policy::strict()).events(Events::SpanEvents),
        || {
            tracing::info_span!("job").in_scope(|| {
                tracing::info!(note = "mail ann.smith@mail.example");
                tracing::info!(note = "all went well");
            });
        },
    );
    let job = span(&records, "job");
    let events = &job.json()["events"];
    assert_eq!(events.as_array().map(Vec::len), Some(1), "{events}");
    assert!(!records.iter().any(|record| record.contains("ann.smith")), "{records:#?}");
}

#[test]
fn events_in_a_span_that_is_too_deep_leave_with_the_deepest_that_is_recorded() {
    let records = logged(
        "events-too-deep",
        |builder| builder.events(Events::SpanEvents),
        || {
            let spans: Vec<_> = (0..140_u64).map(|depth| tracing::info_span!("nested", depth).entered()).collect();
            tracing::info!("at the bottom");
            spans.into_iter().rev().for_each(drop);
        },
    );
    let deepest = only(&records, |record| *record.attribute("depth") == 127);
    assert_eq!(deepest.json()["events"].as_array().map(Vec::len), Some(1), "{deepest:?}");
}

// ---- values and keys that meet ------------------------------------------------------------------------------------

#[test]
fn a_later_value_that_is_dropped_takes_the_earlier_one_with_it() {
    let records = logged(
        "dropped-later",
        |builder| builder,
        || {
            #[derive(Debug)]
            #[expect(dead_code, reason = "it is printed")]
            struct Failed {
                code: u8,
            }
            let span = tracing::info_span!("job", state = "started", step = 1, note = "kept", otel.status_code = "ok");
            span.record("state", tracing::field::debug(Failed { code: 3 }));
            span.record("step", tracing::field::debug(Failed { code: 3 }));
            span.record("otel.status_code", "no word that is known");
        },
    );
    let job = span(&records, "job");
    assert_eq!((job.attributes(), job.dropped_attributes()), (vec!["note"], 3), "{job:?}");
    assert!(job.json().get("status").is_none(), "{job:?}");
}

#[test]
fn of_two_fields_that_would_leave_under_one_key_the_first_does() {
    let records = logged(
        "one-key",
        |builder| builder,
        || {
            tracing::info!(user_id_hash = "raw value", user_id = 7, "raw first");
            tracing::info!(user_id = 7, user_id_hash = "raw value", "raw last");
            tracing::info_span!("in a span", user_id_hash = "raw value", user_id = 7, plan = "pro");
        },
    );
    for record in [event(&records, "raw first"), event(&records, "raw last"), span(&records, "in a span")] {
        assert_eq!(record.dropped_attributes(), 1, "{record:?}");
        assert!(!record.contains("raw value") && record.attribute("user_id_hash").is_string(), "{record:?}");
    }
}

// ---- what was turned away -----------------------------------------------------------------------------------------

#[test]
fn what_is_only_asked_for_is_not_counted_as_turned_away() {
    let (telemetry, _memory, _directory) = on("asked");
    with_default(&Dispatch::new(tracing_subscriber::registry().with(Identity::new()).with(telemetry.layer())), || {
        for _ in 0..3 {
            let _ = tracing::enabled!(target: "hyper", Level::INFO);
            let _ = tracing::event_enabled!(target: "hyper", Level::INFO);
            let _ = tracing::span_enabled!(target: "hyper", Level::INFO);
        }
        tracing::info!(target: "hyper", "one");
    });
    assert_eq!(telemetry.status().turned_away(), [("hyper".to_owned(), 1)]);
}

#[test]
fn links_that_a_span_has_no_room_for_are_no_attributes() {
    let records = logged(
        "many-links",
        |builder| builder,
        || {
            let (cause, effect) = (tracing::info_span!("cause"), tracing::info_span!("effect"));
            (0..40).for_each(|_| {
                effect.follows_from(&cause);
            });
        },
    );
    let effect = span(&records, "effect");
    assert_eq!(effect.json()["links"].as_array().map(Vec::len), Some(32));
    assert_eq!((effect.dropped_attributes(), &effect.json()["dropped_links"]), (0, &json!(8)), "{effect:?}");
}
