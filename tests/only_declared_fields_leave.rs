//! Promise: of a declared policy only what the inventory lists exists, in the types that it gives, however it was logged.

#[cfg(feature = "otlp")]
#[path = "support/receiver.rs"]
mod receiver;
mod support;
#[path = "support/inventory.rs"]
mod with_head;

use std::time::Duration;

use serde_json::{Value, json};
#[cfg(feature = "otlp")]
use support::stored;
use support::{alone, logged, on_with, only, records, settle, span};
use tracing::field::Empty;
use tracing_privacy::privacy::{Action, Inventory, Kind, Policy, Site};
use tracing_privacy::{Builder, Clock, Environment, Loss, Memory, Telemetry, app, inventory};

fn declared() -> Policy {
    Policy::declared(inventory!("tests/inventory/telemetry.toml").expect("the inventory is right"))
}

fn under_the_inventory(builder: Builder) -> Builder {
    builder.policy(declared()).resource("os.type", "linux")
}

/// An inventory of its own, with these lines after the usual ones.
fn inventory_with(lines: &str) -> Inventory {
    with_head::inventory(1, "", lines)
}

#[test]
fn an_inventory_that_cannot_be_read_is_an_error_at_start_with_file_line_column_and_remedy() {
    fn start() -> Result<Telemetry, tracing_privacy::Error> {
        let inventory = inventory!("tests/inventory/broken.toml")?;
        Telemetry::builder(app!("acme")).policy(Policy::declared(inventory)).start()
    }
    let error = start().expect_err("it cannot be read");
    assert_eq!(error.setting(), "inventory");
    let text = error.to_string();
    let place = "telemetry cannot start: inventory: tests/inventory/broken.toml:16:24: ";
    assert!(text.starts_with(place), "{text}");
    assert!(
        text.ends_with("write one of `boolean`, `integer`, `number`, `enum`, `id`, `time`, `word` or `text`"),
        "{text}"
    );
}

#[test]
fn the_bad_insights_are_impossible_however_they_are_logged() {
    let ip = "192.168.1.100";
    let records = logged("bad", under_the_inventory, || {
        // "User John Doe printed 'Secret_Project.3mf' 5 times"
        tracing::info!(name: "job.finished", user = "John Doe", file = "Secret_Project.3mf", count = 5, "John Doe printed Secret_Project.3mf");
        tracing::info!(name: "job.finished", outcome = "John Doe printed Secret_Project.3mf", printer_type = ?Some("John Doe"));
        tracing::info!("User John Doe printed 'Secret_Project.3mf' 5 times");
        // "Installation abc123 is located at 192.168.1.100"
        tracing::info!(name: "week.ended", jobs = ip, uptime_hours = %ip, period = "Installation abc123 is located at 192.168.1.100");
        tracing::info!(name: "fleet.counted", printers = ip, country = ip, "installation abc123 at {ip}");
        // "clicked 'Settings' 47 times last week"
        tracing::info!(name: "button.clicked", element = "Settings", clicks = 47);
        tracing::info!(element = "Settings", clicks = 47, "clicked 'Settings' 47 times last week");
        // "serial XYZ123 is running firmware 1.2.3"
        tracing::info!(name: "fleet.counted", serial = "XYZ123", firmware = "1.2.3", bambu = "XYZ123", prusa = 1.5);
        tracing::info_span!("slice", file = "Secret_Project.3mf", "otel.name" = "Secret_Project.3mf", late = Empty)
            .record("late", "serial XYZ123 is running firmware 1.2.3");
        tracing::info_span!("John Doe", file = "Secret_Project.3mf").in_scope(|| {});
    });
    for part in ["John", "Doe", "Secret", "3mf", "abc123", "192.168", "Settings", "47", "XYZ123", "1.2.3", "clicked"] {
        let told: Vec<_> = records
            .iter()
            .filter(|record| {
                record.json()["attributes"].to_string().contains(part)
                    || record.body().is_some_and(|body| body.contains(part))
                    || record.name().contains(part)
            })
            .collect();
        assert!(told.is_empty(), "{part:?} in {told:#?}");
    }
    // What was declared of it came through, and the rest was counted.
    assert_eq!(records.len(), 6, "{records:#?}");
    let first = only(&records, |record| record.name() == "job.finished" && record.dropped_attributes() == 4);
    assert_eq!(first.attributes().len(), 0, "{first:?}");
}

#[test]
fn the_good_insights_are_possible() {
    let records = logged("good", under_the_inventory, || {
        tracing::info!(name: "fleet.counted", printers = 3_u64, bambu = 2, prusa = 1_u8, country = "DE");
        tracing::info!(
            name: "week.ended",
            period = "2024-11-14T12:34:56Z",
            jobs = 47,
            uptime_hours = 161.5,
            timelapse_enabled = true,
            watch_folders_enabled = false,
            "the week ended"
        );
        tracing::info!(name: "job.finished", outcome = ?Outcome::done, printer_type = %"prusa", installation_id = "0b6c…");
        tracing::warn!(name: "error.counted", error_type = "connection_timeout", component = "mqtt", count = 4, "an error was counted");
        tracing::info_span!("slice").in_scope(|| {});
    });
    let named = |name: &str| only(&records, |record| record.name() == name).json()["attributes"].clone();
    assert_eq!(named("fleet.counted"), json!({"printers": 3, "bambu": 2, "prusa": 1, "country": "DE"}));
    assert_eq!(
        named("week.ended"),
        json!({"period": "2024-11-11T00:00:00Z", "jobs": "10-99", "uptime_hours": 161.5, "timelapse_enabled": true, "watch_folders_enabled": false})
    );
    let job = named("job.finished");
    assert_eq!((&job["outcome"], &job["printer_type"]), (&json!("done"), &json!("prusa")));
    assert_eq!(job["installation_id_hash"].as_str().map(str::len), Some(32), "{job}");
    assert_eq!(job.get("installation_id"), None);
    assert_eq!(named("error.counted"), json!({"error_type": "connection_timeout", "component": "mqtt", "count": 4}));
    let error = only(&records, |record| record.name() == "error.counted");
    assert_eq!(error.body(), Some("an error was counted"));
    assert_eq!(span(&records, "slice").json()["resource"]["os.type"], "linux");
    // Rates by version: the version is with every record.
    assert_eq!(error.json()["resource"]["service.version"], env!("CARGO_PKG_VERSION"));
}

#[allow(non_camel_case_types, reason = "prints as the listed word")]
#[derive(Debug)]
enum Outcome {
    done,
}

#[test]
fn a_value_of_another_type_than_declared_is_dropped() {
    let inventory = inventory_with(
        r#"
        [events.typed]
        purpose = "a test"
        fields.whole = { kind = "integer", purpose = "-" }
        fields.range = { kind = "integer", action = "bucket", purpose = "-" }
        fields.number = { kind = "number", purpose = "-" }
        fields.flag = { kind = "boolean", purpose = "-" }
        fields.word = { kind = "word", purpose = "-" }
        fields.remark = { kind = "text", action = "truncate(12)", purpose = "-" }
        fields.at = { kind = "time", purpose = "-" }
        fields.who = { kind = "id", purpose = "-" }
        "#,
    );
    macro_rules! typed {
        ($($field:tt)*) => { tracing::info!(name: "typed", $($field)*) };
    }
    let policy = Policy::declared(inventory);
    let records = logged(
        "typed",
        |builder| builder.policy(policy),
        || {
            typed!(
                whole = 7,
                range = 7,
                number = 7,
                flag = true,
                word = "v1.2",
                remark = "plain words and more",
                at = 1_731_542_400
            );
            typed!(whole = "7", range = "John", number = "7", flag = "true", word = "two words", at = "noon");
            typed!(whole = %7, range = %"1 2", number = ?"7", flag = 1, word = "a@b", remark = "mail bob@example.com", at = true);
            typed!(whole = 7.5, range = 7.5, number = true, flag = 0.5, word = "", at = 1.5, who = 1.5);
            typed!(whole = true, range = true, number = 0.5, word = 7, remark = 7, who = 7);
            typed!(whole = 4_111_111_111_111_111_u64, word = "203.0.113.9", who = "ann");
        },
    );
    let attributes: Vec<&Value> = records.iter().map(|record| &record.json()["attributes"]).collect();
    let first = json!({"whole": 7, "range": "1-9", "number": 7, "flag": true, "word": "v1.2", "remark": "plain words ", "at": "2024-11-14T00:00:00Z"});
    assert_eq!(attributes[0], &first);
    assert_eq!(attributes[1], &json!({}));
    assert_eq!(attributes[2], &json!({"remark": "mail [EMAIL]"}));
    assert_eq!(attributes[3], &json!({}));
    let who = attributes[4]["who_hash"].as_str().expect("an id may be a number");
    assert_eq!(attributes[4], &json!({"number": 0.5, "word": "7", "remark": "7", "who_hash": who}));
    let who = attributes[5]["who_hash"].as_str().expect("an id may be a word");
    assert_eq!(attributes[5], &json!({"word": "[IP]", "who_hash": who}));
    assert_eq!(records[1].dropped_attributes(), 6);
}

#[test]
fn what_is_not_declared_is_counted_and_the_status_tells_what_would_declare_it() {
    let (telemetry, memory, _directory) = on_with("counted", under_the_inventory);
    tracing::dispatcher::with_default(&alone(&telemetry), || {
        for _ in 0..3 {
            tracing::info!(name: "button.clicked", element = "Settings");
        }
        tracing::info!("a log line");
        tracing::info_span!("checkout").in_scope(|| tracing::info!(name: "job.finished", coupon = 1, "text"));
    });
    settle(&telemetry);
    assert_eq!(records(&memory).len(), 1);
    let status = telemetry.status();
    assert_eq!(status.counts().fields_dropped(), 2);
    let undeclared = status.undeclared();
    for (header, count) in
        [("[events.\"button.clicked\"]", 3), ("[unnamed.only_declared_fields_leave]", 1), ("[spans.checkout]", 1)]
    {
        assert!(undeclared.iter().any(|(what, times)| what.starts_with(header) && *times == count), "{undeclared:?}");
    }
    assert!(
        status.to_string().contains("not collected: 3 of [events.\"button.clicked\"]: its event or span is not in"),
        "{status}"
    );
    assert!(status.turned_away().is_empty(), "{status}");
}

#[test]
fn events_without_a_name_are_declared_by_their_target() {
    let inventory = inventory_with(
        r#"
        [unnamed.only_declared_fields_leave]
        purpose = "a test"
        fields.plan = { kind = "enum", values = ["pro"], purpose = "-" }
        "#,
    );
    let policy = Policy::declared(inventory);
    let records = logged(
        "unnamed",
        |builder| builder.policy(policy).targets("elsewhere"),
        || {
            tracing::info!(plan = "pro", items = 3, "order placed");
            tracing::info!(target: "elsewhere", plan = "pro", "order placed");
            tracing::info!(name: "order.placed", plan = "pro");
        },
    );
    assert_eq!(records.len(), 1, "{records:#?}");
    assert_eq!(records[0].json()["attributes"], json!({"plan": "pro"}));
    assert_eq!(records[0].body(), None);
}

#[test]
fn the_resource_is_declared_like_everything_else() {
    let settings = |builder: Builder| {
        under_the_inventory(builder)
            .resource("deployment.environment.name", "production")
            .resource("os.type", "Ann's Mac")
    };
    let records = logged("resource", settings, || tracing::info!(name: "job.finished", outcome = "done"));
    let resource = records[0].json()["resource"].as_object().expect("it is a map");
    let keys: Vec<_> = resource.keys().collect();
    assert_eq!(keys, ["os.type", "service.name", "service.version", "session.id"]);
    assert_eq!(resource["os.type"], "linux");
}

#[test]
fn rules_may_take_what_the_crate_adds_as_well() {
    let settings = |builder: Builder| builder.policy(declared().drop_field("session.id"));
    let records = logged("taken", settings, || tracing::info!(name: "job.finished", outcome = "done"));
    let resource = records[0].json()["resource"].as_object().expect("it is a map");
    assert_eq!(resource.keys().collect::<Vec<_>>(), ["service.name", "service.version"]);
}

#[test]
fn rules_may_take_from_what_is_declared_and_change_nothing_else() {
    let job = Site::event("job.finished");
    let policy = declared().drop_field("outcome");
    assert_eq!(policy.explain_in(job, "outcome").action(), Action::Drop);
    assert_eq!(policy.explain_in(job, "printer_type").action(), Action::Keep);
    let loosened = declared().keep("installation_id", "we want it").keep("coupon", "we want it");
    assert_eq!(loosened.explain_in(job, "installation_id").action(), Action::Hash);
    assert_eq!(loosened.explain_in(job, "coupon").action(), Action::Drop);
    let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "false")]);
    let error = Telemetry::builder(app!("acme")).environment(environment).policy(loosened).start().unwrap_err();
    assert_eq!(error.setting(), ".policy");
    assert!(error.to_string().contains("`installation_id`") && error.to_string().contains(".drop_field"), "{error}");
    // The document says that text is searched.
    let blind = declared().without_kind(Kind::Email);
    let error = Telemetry::builder(app!("acme")).environment(Environment::empty()).policy(blind).start().unwrap_err();
    assert!(error.to_string().contains("`.without_kind(Kind::Email)` would leave text unsearched"), "{error}");
}

#[test]
fn an_explanation_names_the_line_that_declares_a_field() {
    let policy = declared();
    let explanation = policy.explain_in(Site::event("job.finished"), "outcome").to_string();
    assert!(explanation.contains("declared in tests/inventory/telemetry.toml:68"), "{explanation}");
    let explanation = policy.explain_in(Site::event("job.finished"), "coupon").to_string();
    assert!(explanation.contains("not in the inventory"), "{explanation}");
}

/// Telemetry by a clock of the test's own.
fn timed(name: &str, clock: &Clock) -> (Telemetry, Memory, support::TempDir) {
    let clock = clock.clone();
    on_with(name, |builder| {
        let home = builder_home(name);
        let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(home).clock(clock);
        under_the_inventory(builder).environment(environment)
    })
}

fn builder_home(name: &str) -> std::path::PathBuf {
    support::TempDir::new(&format!("{name}-home")).path().to_path_buf()
}

fn week_and_slice() {
    tracing::info!(name: "week.ended", watch_folders_enabled = true, timelapse_enabled = true);
    tracing::info_span!("slice").in_scope(|| {});
}

#[test]
fn what_has_expired_is_not_collected_any_more_also_by_a_program_that_runs_on() {
    let clock = Clock::manual("2026-12-31T23:59:59Z");
    let (telemetry, memory, _directory) = timed("expiry", &clock);
    let layer = alone(&telemetry);
    let log = || {
        let before = memory.rows().len();
        tracing::dispatcher::with_default(&layer, week_and_slice);
        telemetry.flush(Duration::from_secs(30)).expect("there is time enough");
        records(&memory).split_off(before)
    };
    let day_before = log();
    assert_eq!(day_before[0].json()["attributes"], json!({"watch_folders_enabled": true, "timelapse_enabled": true}));
    assert_eq!(day_before.len(), 2);
    clock.advance(Duration::from_secs(1));
    let day = log();
    assert_eq!(day[0].json()["attributes"], json!({"timelapse_enabled": true}), "the field expired at midnight");
    assert_eq!(day.len(), 2);
    clock.advance(Duration::from_secs(180 * 86_400));
    let later = log();
    assert_eq!(later.len(), 1, "the span expired as a whole");
    let counts = *telemetry.status().counts();
    assert_eq!((counts.produced(), counts.lost(Loss::Undeclared)), (6, 1), "{counts}");

    // A program that starts only then does not even make them.
    let (telemetry, memory, _directory) = timed("expired", &clock);
    tracing::dispatcher::with_default(&alone(&telemetry), week_and_slice);
    settle(&telemetry);
    let records = records(&memory);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].json()["attributes"], json!({"timelapse_enabled": true}));
    let status = telemetry.status();
    assert!(
        status.undeclared()[0]
            .0
            .contains("[spans.slice]: its event or span is in the inventory, but it expired on 2027-01-10"),
        "{status}"
    );
}

#[test]
fn what_expires_before_its_span_ends_is_not_in_the_span() {
    let inventory = inventory_with(
        r#"
        [events.step]
        purpose = "a test"
        fields.number = { kind = "integer", purpose = "-" }
        fields.old = { kind = "integer", purpose = "-", expires = 2027-01-01 }
        [events.dying]
        purpose = "a test"
        expires = 2027-01-01
        [spans.job]
        purpose = "a test"
        "#,
    );
    let clock = Clock::manual("2026-12-31T23:59:59Z");
    let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(builder_home("in-span"));
    let environment = environment.clock(clock.clone());
    let settings = |builder: Builder| {
        let builder = builder.environment(environment).policy(Policy::declared(inventory));
        builder.events(tracing_privacy::Events::SpanEvents)
    };
    let records = logged("in-span", settings, || {
        let job = |pass: u64| {
            tracing::info_span!("job").in_scope(|| {
                tracing::info!(name: "step", number = 1, old = 2, coupon = 3, "text");
                tracing::info!(name: "dying", "text");
                tracing::info!(name: "undeclared", number = 4, "text");
                clock.advance(Duration::from_secs(pass));
            });
        };
        job(0);
        job(1);
    });
    let events: Vec<&Value> = records.iter().map(|record| &record.json()["events"]).collect();
    let names = |events: &Value| -> Vec<String> {
        events.as_array().expect("a list").iter().map(|event| event["name"].as_str().unwrap_or("").to_owned()).collect()
    };
    assert_eq!(names(events[0]), ["step", "dying"], "{records:#?}");
    assert_eq!(events[0][0]["attributes"], json!({"number": 1, "old": 2}));
    assert_eq!(names(events[1]), ["step"], "{records:#?}");
    assert_eq!(events[1][0]["attributes"], json!({"number": 1}));
}

#[cfg(feature = "otlp")]
#[test]
fn what_expires_while_it_is_stored_is_not_sent() {
    use receiver::Receiver;

    let clock = Clock::manual("2026-12-31T12:00:00Z");
    let receiver = Receiver::start();
    let (url, home) = (receiver.url(), support::TempDir::new("stored"));
    let telemetry = |policy: Policy| {
        let environment =
            Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(home.path()).clock(clock.clone());
        let (url, memory) = (url.clone(), Memory::new());
        let builder = Telemetry::builder(app!("acme")).environment(environment).memory(&memory).policy(policy);
        builder.otlp(url).schedule(tracing_privacy::Schedule::Manual).start().expect("the settings are right")
    };
    let first = telemetry(declared());
    tracing::dispatcher::with_default(&alone(&first), || {
        week_and_slice();
        tracing::info!(name: "job.finished", installation_id = "0b6c", outcome = "failed", jobs = 3);
        tracing::info!(name: "week.ended", jobs = 47, period = "2024-11-14T10:00:00Z", uptime_hours = 1.5);
        tracing::info!(name: "error.counted", error_type = "x", "an error was counted");
    });
    let stored: Vec<_> = stored(&first, 5).iter().map(|row| support::Record::parse(row)).collect();
    drop(first);
    let hash = only(&stored, |row| row.name() == "job.finished").attribute("installation_id_hash").clone();

    clock.set("2027-01-15T12:00:00Z");
    let later = telemetry(declared());
    later.flush(Duration::from_secs(30)).expect("the receiver is there");
    let logs = receiver.logs();
    assert!(receiver.spans().is_empty(), "the span expired");
    let named = |name: &str, key: &str| {
        let found: Vec<_> = logs.iter().filter(|log| log.name == name && log.attributes.contains_key(key)).collect();
        assert_eq!(found.len(), 1, "{name} {key}: {logs:#?}");
        found[0].attributes.clone()
    };
    assert_eq!(logs.len(), 4, "{logs:#?}");
    let keys = |attributes: &std::collections::BTreeMap<String, receiver::Value>| {
        attributes.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys(&named("week.ended", "timelapse_enabled")), ["timelapse_enabled"], "the field expired");
    assert_eq!(keys(&named("week.ended", "jobs")), ["jobs", "period", "uptime_hours"]);
    let job = named("job.finished", "outcome");
    assert_eq!(keys(&job), ["installation_id_hash", "outcome"]);
    assert!(format!("{:?}", job["installation_id_hash"]).contains(hash.as_str().unwrap()), "{job:?} {hash}");
    assert!(logs.iter().any(|log| log.body.as_deref() == Some("an error was counted")));
}
