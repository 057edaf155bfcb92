//! Promise: what names a person leaves as a pseudonym whatever its type is; it is never dropped and never passes. The same
//! value has the same pseudonym in all types that print it alike.

mod support;

use std::collections::BTreeMap;

use support::{Record, alone, callsite, logged, on, records, settle};
use tracing::field::Empty;
use tracing::metadata::Kind;
use tracing::{Event, Value, field};

/// The ids of the rules, as Rust code writes them. Machines' own ids are not among them.
const IDS: &[&str] = &[
    "user_id",
    "uid",
    "account_id",
    "customer_id",
    "tenant_id",
    "org_id",
    "organization_id",
    "member_id",
    "subscriber_id",
    "employee_id",
    "patient_id",
    "client_id",
    "device_id",
    "machine_id",
    "session_id",
    "installation_id",
    "visitor_id",
    "profile_id",
    "enduser.id",
    "user.id",
];

const NUMBER: u64 = 900_719_925_474;

/// The id in each spelling that is an id too, with the key it leaves under.
fn spellings(id: &str) -> Vec<(String, String)> {
    let words: Vec<&str> = id.split(['_', '.']).collect();
    let camel: String = words
        .iter()
        .enumerate()
        .map(|(at, word)| match at {
            0 => (*word).to_owned(),
            _ => word[..1].to_uppercase() + &word[1..],
        })
        .collect();
    let mut keys = vec![words.join("_"), words.join("."), words.join("-"), camel, format!("db.{}", words.join("_"))];
    keys.dedup();
    let renamed = |key: &str| match key.strip_suffix(".id") {
        Some(owner) => format!("{owner}.hash"),
        None => format!("{key}_hash"),
    };
    keys.into_iter().map(|key| (renamed(&key), key)).map(|(renamed, key)| (key, renamed)).collect()
}

/// Logs a field whose name is known only now, once per value.
fn log(key: &str, values: &[&dyn Value]) {
    let fields: &'static [&'static str] = Box::leak(Box::new([&*key.to_owned().leak()]));
    let metadata = callsite("an event", fields, Kind::EVENT);
    for value in values {
        Event::dispatch(metadata, &metadata.fields().value_set_all(&[Some(*value)]));
    }
}

/// The one pseudonym of a record, under the key given.
#[track_caller]
fn pseudonym<'r>(record: &'r Record, key: &str) -> &'r str {
    assert_eq!(record.attributes(), [key], "{record:?}");
    let hash = record.attribute(key).as_str().expect("a pseudonym is a text");
    assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{record:?}");
    assert_eq!(record.dropped_attributes(), 0, "{record:?}");
    hash
}

#[test]
fn an_id_of_any_name_and_any_type_is_hashed() {
    let text = NUMBER.to_string();
    let (telemetry, memory, _directory) = on("ids");
    let all: Vec<_> = IDS.iter().flat_map(|id| spellings(id)).collect();
    let mut count = 0;
    tracing::dispatcher::with_default(&alone(&telemetry), || {
        for (key, _) in &all {
            let some = Some(NUMBER);
            let debugged = Some(text.as_str());
            let values: &[&dyn Value] = &[
                &NUMBER,
                &(NUMBER as i64),
                &u128::from(NUMBER),
                &i128::from(NUMBER),
                &(NUMBER as f64),
                &text.as_str(),
                &text,
                &field::display(&text),
                &field::debug(&text),
                &some,
                &field::debug(&some),
                &field::debug(&debugged),
                &text.as_bytes(),
            ];
            count = values.len();
            log(key, values);
        }
    });
    settle(&telemetry);
    let records = records(&memory);
    assert_eq!(records.len(), all.len() * count, "no record is lost");
    for ((key, renamed), records) in all.iter().zip(records.chunks(count)) {
        for record in records {
            assert!(!record.contains(&text), "{key}: {record:?}");
            assert_eq!(pseudonym(record, renamed), pseudonym(&records[0], renamed), "{key}: {record:?}");
        }
    }
}

#[test]
fn two_keys_and_two_values_have_different_pseudonyms() {
    let records = logged(
        "ids",
        |builder| builder,
        || {
            log("user_id", &[&1_u64, &2_u64, &(u128::MAX - 1), &(i128::MIN), &u64::MAX, &-1_i64, &0.5, &true]);
            log("device_id", &[&1_u64]);
        },
    );
    let (device, users) = records.split_last().expect("there are records");
    let mut seen = BTreeMap::new();
    for record in users {
        assert!(seen.insert(pseudonym(record, "user_id_hash").to_owned(), record.clone()).is_none(), "{record:?}");
    }
    assert!(!seen.contains_key(pseudonym(device, "device_id_hash")), "the same value under another key");
}

#[test]
fn what_is_recorded_late_in_a_span_is_hashed_too() {
    let records = logged(
        "ids",
        |builder| builder,
        || {
            let span = tracing::info_span!("late", user_id = Empty, "enduser.id" = Empty);
            span.record("user_id", NUMBER);
            span.record("enduser.id", field::debug(Some(NUMBER)));
            tracing::info_span!("early", user_id = NUMBER, "enduser.id" = %NUMBER);
        },
    );
    assert_eq!(records.len(), 2);
    for record in &records {
        assert!(!record.contains(&NUMBER.to_string()), "{record:?}");
        assert_eq!(record.attributes(), ["enduser.hash", "user_id_hash"], "{record:?}");
    }
    for key in ["user_id_hash", "enduser.hash"] {
        assert_eq!(records[0].attribute(key), records[1].attribute(key));
    }
}

/// Sixteen bytes, as drivers of databases give a UUID.
#[test]
fn bytes_that_are_no_text_are_hashed_as_their_digits() {
    let uuid: [u8; 16] = [0xff, 0x00, 0x80, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let digits = "ff0080fe0102030405060708090a0b0c";
    let records = logged(
        "ids",
        |builder| builder,
        || {
            log("user_id", &[&&uuid[..], &digits]);
            log("note", &[&&uuid[..]]);
        },
    );
    assert_eq!(pseudonym(&records[0], "user_id_hash"), pseudonym(&records[1], "user_id_hash"));
    assert!(!records[0].contains(digits));
    assert_eq!(records[2].dropped_attributes(), 1, "bytes of nobody's are dropped");
}

/// An id that prints as a struct is an id.
#[test]
fn an_id_in_a_type_of_its_own_is_hashed() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "it is printed")]
    struct UserId(u64);

    let records = logged(
        "ids",
        |builder| builder,
        || {
            log("user_id", &[&field::debug(UserId(NUMBER))]);
            tracing::info_span!("span", user_id = ?UserId(NUMBER));
        },
    );
    assert_eq!(pseudonym(&records[0], "user_id_hash"), pseudonym(&records[1], "user_id_hash"));
}

#[test]
fn ids_that_name_no_person_stay() {
    let keys = ["trace_id", "span_id", "request_id", "correlation_id", "event_id", "build_id", "job_id", "requestId"];
    let records = logged(
        "ids",
        |builder| builder,
        || {
            for key in keys {
                log(key, &[&NUMBER, &"7f3a-22"]);
            }
        },
    );
    for (key, records) in keys.iter().zip(records.chunks(2)) {
        assert_eq!(
            (records[0].attribute(key), records[1].attribute(key)),
            (&NUMBER.into(), &"7f3a-22".into()),
            "{key}"
        );
    }
}
