//! Promise (row 100 of the requirements): of what an application logs, the sentences about one person cannot be put
//! together again under the strict policy, and the insights that a product lives by can.

mod support;

use std::collections::BTreeMap;

use support::{Record, logged};
use tracing_privacy::privacy::{OnFinding, Policy};

/// Every piece of the four sentences that says who, what or where.
const BAD: &[&str] = &[
    "User John Doe printed 'Secret_Project.3mf' 5 times",
    "Installation abc123 is located at 192.168.1.100",
    "clicked 'Settings' 47 times last week",
    "serial XYZ123 is running firmware 1.2.3",
];
/// No random id and no hash can hold one: `abc123` alone is also some of their digits, now and then.
const PIECES: &[&str] = &[
    "John",
    "Doe",
    "Secret_Project",
    "3mf",
    "Installation abc123",
    "\"abc123\"",
    "192.168.1.100",
    "'Settings'",
    "XYZ123",
];

#[derive(Debug)]
#[expect(dead_code, reason = "it is printed")]
struct Printer {
    serial: &'static str,
    name: &'static str,
    firmware: &'static str,
}

fn strict(log: impl FnOnce()) -> Vec<Record> {
    logged("sentences", |builder| builder.policy(Policy::strict()), log)
}

#[track_caller]
fn is_clean(records: &[Record]) {
    for record in records {
        for piece in PIECES {
            assert!(!record.contains(piece), "{piece}: {record:?}");
        }
    }
}

#[test]
fn the_sentences_themselves_are_gone() {
    let records = strict(|| {
        for sentence in BAD {
            tracing::info!(plan = "pro", "{sentence}");
            tracing::info_span!("job", plan = "pro", "otel.status_description" = sentence).in_scope(|| {
                tracing::error!(plan = "pro", "{sentence}");
            });
        }
    });
    is_clean(&records);
    assert_eq!(records.len(), 3 * BAD.len(), "what stands beside them stays");
    assert!(records.iter().all(|record| record.body().is_none() && record.attribute("plan") == "pro"), "{records:?}");
}

#[test]
fn their_parts_cannot_be_put_together_from_fields() {
    let records = strict(|| {
        tracing::info!(user = "John Doe", file = "Secret_Project.3mf", prints = 5, "printed");
        tracing::info!(user_name = "John Doe", "file.name" = "Secret_Project.3mf", prints = 5, "printed");
        tracing::info!(installation_id = "abc123", location = "192.168.1.100", "located");
        tracing::info!(installation_id = "abc123", ip = "192.168.1.100", "located");
        tracing::info!(user_id = "John Doe", clicks = 47, "clicked");
        tracing::info!(serial = "XYZ123", firmware = "1.2.3", "running");
        tracing::info!(serial_number = "XYZ123", firmware = "1.2.3", "running");
        tracing::info_span!("print", printer = ?Printer { serial: "XYZ123", name: "John", firmware: "1.2.3" });
    });
    assert_eq!(records.len(), 8);
    is_clean(&records);
    // What is left tells one installation from another, not which it is.
    assert_eq!(records[2].attributes(), ["installation_id_hash"]);
    assert_eq!(records[5].attributes(), ["firmware"]);
    assert_eq!(records[7].attributes(), [""; 0]);
}

#[test]
fn an_address_in_a_text_that_stays_takes_the_record_with_it() {
    let records = strict(|| {
        tracing::info!(reason = "no answer from 192.168.1.100", "failed");
        tracing::info!(reason = "no answer", "failed");
    });
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].attribute("reason"), "no answer");
}

/// Row 50, as `caro` words it: any hit drops the whole event, before anything is stored.
#[test]
fn any_finding_drops_the_whole_record_where_the_policy_says_so() {
    let log = || {
        tracing::info!(reason = "no answer from 192.168.1.100", step = 1, "failed");
        tracing::info!(reason = "passport 123456789", step = 2, "failed");
        tracing::info!(reason = "left /home/ann/thesis.odt", step = 3, "failed");
        tracing::info!(step = 4, "password=hunter2");
        tracing::info_span!("job", note = "passport 123456789", step = 5);
        tracing::info!(serial = 123_456_789, reason = "no answer", step = 6, "failed");
    };
    let steps = |policy: Policy| {
        let records = logged("any-finding", |builder| builder.policy(policy), log);
        is_clean(&records);
        let steps = records.iter().filter_map(|record| record.attribute("step").as_u64());
        steps.collect::<Vec<_>>()
    };
    assert_eq!(steps(Policy::standard().on_finding(OnFinding::DropRecordOnAny)), [6]);
    assert_eq!(steps(Policy::strict().on_finding(OnFinding::DropRecordOnAny)), [4, 6], "its text was gone before");
    let of_file = Policy::from_toml("on_finding = 'drop_record_on_any'").expect("it can be read");
    assert_eq!(steps(Policy::strict().and(of_file).expect("nothing was added")), [4, 6]);
    assert_eq!(steps(Policy::standard()), [1, 2, 3, 4, 5, 6], "the control: replaced, they stay");
    assert_eq!(steps(Policy::strict()), [2, 3, 4, 5, 6], "and strict looks at what was validated alone");
}

/// Shares, feature adoption, error rates by version.
#[test]
fn the_good_insights_are_there() {
    let records = strict(|| {
        for (printer_type, version, outcome, watches) in [
            ("bambu_lab", "1.2.3", "ok", true),
            ("bambu_lab", "1.2.3", "connection_timeout", true),
            ("prusa", "1.3.0", "ok", false),
            ("bambu_lab", "1.3.0", "ok", true),
        ] {
            tracing::info!(
                name: "job.finished",
                printer_type, app_version = version, outcome, watch_folders_enabled = watches, file_count = 5,
                installation_id = "abc123", "job finished"
            );
        }
    });
    is_clean(&records);
    let share = |key: &str, value: &str| records.iter().filter(|record| record.attribute(key) == value).count();
    assert_eq!((share("printer_type", "bambu_lab"), records.len()), (3, 4), "three in four are of one make");
    let adopted = records.iter().filter(|record| record.attribute("watch_folders_enabled") == true).count();
    assert_eq!(adopted, 3, "three in four watch folders");
    let mut failures = BTreeMap::new();
    for record in &records {
        let (failed, all) = failures.entry(record.attribute("app_version").to_string()).or_insert((0, 0));
        *failed += u32::from(record.attribute("outcome") != "ok");
        *all += 1;
    }
    assert_eq!(failures.into_values().collect::<Vec<_>>(), [(1, 2), (0, 2)], "of 1.2.3 one job in two failed");
    let installations: std::collections::BTreeSet<_> =
        records.iter().map(|record| record.attribute("installation_id_hash").to_string()).collect();
    assert_eq!(installations.len(), 1, "all of one installation");
    let files: u64 = records.iter().filter_map(|record| record.attribute("file_count").as_u64()).sum();
    assert_eq!(files, 20);
}
