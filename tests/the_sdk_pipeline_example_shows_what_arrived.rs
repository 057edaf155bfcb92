//! The example as its user runs it: stock processors get the shop's records, and nothing that only the shop may see.
#![cfg(all(unix, feature = "otlp"))]

#[path = "support/example.rs"]
mod example;

use example::{Example, HARMLESS, PLANTED, contains};

#[test]
fn stock_processors_get_clean_records() {
    let said = Example::new("sdk_pipeline").var("SDK_PIPELINE_TELEMETRY_ENABLED", "true").run();
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.stdout);
    assert_eq!(said.number("spans received"), 8, "{}", said.stdout);
    assert!(said.number("logs received") > 10, "{}", said.stdout);
    assert!(said.stdout.contains("sent to span processor BatchSpanProcessor\n"), "{}", said.stdout);
    for text in HARMLESS {
        assert!(said.stdout.contains(text), "{text:?} in {}", said.stdout);
    }
    for secret in PLANTED {
        assert!(!contains(said.stdout.as_bytes(), secret), "{secret:?} in {}", said.stdout);
    }
}

#[test]
fn without_a_yes_they_get_nothing() {
    let said = Example::new("sdk_pipeline").run();
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.stdout);
    assert!(said.stdout.contains("off: nobody has said yes") && !said.stdout.contains("received"), "{}", said.stdout);
}
