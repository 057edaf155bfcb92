//! Promise: records of the `log` crate are collected only if the application says so, and then by the target that each
//! one names, not by that of the bridge. A process has one logger, hence a binary of its own.

mod support;

use std::sync::Once;

use support::{Record, alone, logged, on, on_with, records, settle, span};
use tracing::dispatcher::with_default;
use tracing_privacy::privacy::{Inventory, Policy};

fn bridge() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_log::LogTracer::init().expect("no other logger is there"));
}

fn log_some() {
    bridge();
    log::info!("own info");
    log::debug!("own debug");
    log::info!(target: "other", "other info");
    log::warn!(target: "other", "other warn");
    log::warn!(target: "log", "of the bridge itself, it seems");
    log::error!(target: "opentelemetry_sdk", "of our own machinery");
    tracing::info!("an event");
}

fn bodies(records: &[Record]) -> Vec<&str> {
    records.iter().filter_map(Record::body).collect()
}

#[test]
fn they_stay_out_by_default() {
    let records = logged("ignored", |builder| builder.targets("other=warn"), log_some);
    assert_eq!(bodies(&records), ["an event"]);
}

#[test]
fn they_come_in_by_the_targets_and_levels_of_all_others() {
    let records = logged("collected", tracing_privacy::Builder::log_records, log_some);
    assert_eq!(bodies(&records), ["own info", "an event"]);
    let records = logged("targets", |builder| builder.log_records().targets("other=warn"), log_some);
    assert_eq!(bodies(&records), ["own info", "other warn", "an event"]);
}

#[test]
fn no_rule_for_fields_decides_whether_they_come_in() {
    let policy = Policy::standard().drop_field("*").keep("message", "a test");
    let records = logged("rules", |builder| builder.log_records().policy(policy), log_some);
    assert_eq!(bodies(&records), ["own info", "an event"]);
}

#[test]
fn they_have_their_own_target_and_no_place_in_the_source_tree() {
    let records = logged(
        "shape",
        |builder| builder.log_records().targets("other=warn"),
        || {
            bridge();
            tracing::info_span!("around").in_scope(|| log::warn!(target: "other", "mind {}", "the gap"));
            log::info!("mail ann@example.com");
        },
    );
    let record = &records[0];
    assert_eq!((record.body(), record.target(), record.level()), (Some("mind the gap"), "other", "WARN"));
    assert_eq!(record.attributes(), [""; 0]);
    assert_eq!(record.span_id(), span(&records, "around").span_id());
    assert!(!record.contains(file!()) && !record.contains("module_path"), "{record:?}");
    let mail = &records[2];
    assert!(mail.target() == module_path!() && !mail.contains("ann@"), "{mail:?}");
}

#[test]
fn of_a_declared_policy_they_come_in_as_the_event_that_the_bridge_makes_of_them() {
    let head = include_str!("inventory/telemetry.toml").split("[resource]").next().expect("it has one");
    let lines = r#"
        [events."log event"]
        purpose = "a test"
        fields.message = { kind = "enum", values = ["all is well"], purpose = "a test" }
        fields."log.target" = { kind = "enum", values = ["MODULE"], purpose = "a test" }
    "#
    .replace("MODULE", module_path!());
    let inventory = Inventory::parse(&format!("{head}{lines}")).unwrap_or_else(|error| panic!("{error}"));
    let log = || {
        bridge();
        log::info!("all is well");
        log::info!("all is well with Ann");
        // A target is a text like any other in `log`, and no list names this one.
        log::info!(target: concat!(module_path!(), "::Ann Lee, Main Street 1"), "all is well");
    };
    let policy = Policy::declared(inventory);
    let records = logged("declared", |builder| builder.log_records().policy(policy), log);
    assert_eq!(records.len(), 3);
    assert_eq!((records[0].body(), records[0].target()), (Some("all is well"), module_path!()));
    assert_eq!((records[1].body(), records[1].dropped_attributes()), (None, 1));
    assert_eq!((records[2].target(), records[2].dropped_attributes()), ("log", 1));
    let listed = lines.lines().find(|line| line.contains("log.target")).expect("it is there");
    let without = format!("{head}{}", lines.replace(listed, ""));
    let without = Inventory::parse(&without).unwrap_or_else(|error| panic!("{error}"));
    let records = logged("without", |builder| builder.log_records().policy(Policy::declared(without)), log);
    assert!(records.iter().all(|record| record.target() == "log"), "{records:?}");
    let none = Inventory::parse(head).unwrap_or_else(|error| panic!("{error}"));
    assert!(logged("none", |builder| builder.log_records().policy(Policy::declared(none)), log).is_empty());
}

#[test]
fn an_error_that_is_not_let_in_fails_nobodys_span() {
    let records = logged("errors", tracing_privacy::Builder::log_records, || {
        bridge();
        tracing::info_span!("theirs").in_scope(|| log::error!(target: "other", "not ours"));
        tracing::info_span!("ours").in_scope(|| log::error!("ours"));
    });
    assert_eq!(span(&records, "theirs").text("status"), None);
    assert_eq!(span(&records, "ours").text("status"), Some("error"));
}

#[test]
fn what_was_turned_away_is_not_kept_and_balances() {
    let (telemetry, memory, _directory) = on("balance");
    with_default(&alone(&telemetry), || (0..5).for_each(|_| log_some()));
    settle(&telemetry);
    assert_eq!(records(&memory).len(), 5);
    let status = telemetry.status();
    assert_eq!(status.counts().produced(), 5);
    assert!(status.turned_away().iter().any(|(target, count)| target == "log" && *count > 0), "{status}");
    assert!(status.to_string().contains(".log_records() would let them in"), "{status}");
}

#[test]
fn the_remedy_for_what_was_turned_away_is_one_that_helps() {
    let (telemetry, _memory, _directory) = on_with("remedy", tracing_privacy::Builder::log_records);
    with_default(&alone(&telemetry), log_some);
    let status = telemetry.status().to_string();
    assert!(status.contains("`log`; .targets(\"..=info\") with the targets of these records would let"), "{status}");
    assert!(!status.contains(".log_records()"), "{status}");
}
