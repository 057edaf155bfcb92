//! What the README and the crate's first page say of their five lines is what these do.

mod support;

use serde_json::json;
use support::logged;

#[tracing::instrument]
fn checkout(user_id: u64) {
    tracing::info!(plan = "pro", items = 3, "order placed");
}

#[test]
fn they_keep_one_log_record_and_one_span_of_an_order_and_nobodys_id() {
    let readme = include_str!("../README.md");
    assert!(
        readme.contains("fn checkout(user_id: u64) { tracing::info!(plan = \"pro\", items = 3, \"order placed\"); }")
    );
    let records = logged("five-lines", |builder| builder, || checkout(4711));
    let [log, span] = &records[..] else { panic!("{records:?}") };
    assert_eq!((log.body(), &log.json()["attributes"]), (Some("order placed"), &json!({"plan": "pro", "items": 3})));
    let hash = span.attribute("user_id_hash").as_str().expect("it is there").to_owned();
    assert_eq!((span.name(), &span.json()["attributes"]), ("checkout", &json!({"user_id_hash": hash})));
    assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    assert_eq!(log.json()["span_id"], span.json()["span_id"]);
}
