//! Promise (rows 29 to 34 of the requirements): the automagik policy does what that system's table says, row by row, and
//! calls what can be undone REVERSIBLE.

#[cfg(unix)]
#[path = "support/example.rs"]
mod example;
mod support;

use support::{Record, logged};
use tracing_privacy::privacy::{Action, Policy};

/// SHA-256 in hexadecimal, as `printf %s … | sha256sum` writes it.
const OF_123: &str = "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3";
const OF_EXAMPLE_COM: &str = "a379a6f6eeafb9a55e378c118034e2751e682fab9f2d30ab13d2125586ce1947";

fn automagik(log: impl FnOnce()) -> Vec<Record> {
    logged("automagik", |builder| builder.policy(Policy::automagik()), log)
}

fn text<'r>(record: &'r Record, key: &str) -> &'r str {
    record.attribute(key).as_str().unwrap_or_else(|| panic!("{key} is a text of {record:?}"))
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[test]
fn row_29_of_an_email_the_local_part_goes_and_the_domain_is_hashed() {
    let records = automagik(|| {
        tracing::info!(email = "bob@example.com", contact = "alice@Example.com", note = "mail bob@example.com now");
        // The expression `.*@.*\..*` says no more of an e-mail than this.
        tracing::info!(owner = "a@b.c", image = "logo@2x.png", two = "bob@x and alice@y.z");
        tracing::info!(owner = "no mail", handle = "@bob", version = "1.2.3");
    });
    let hashed = format!("@{OF_EXAMPLE_COM}");
    assert_eq!(text(&records[0], "email"), hashed);
    assert_eq!(text(&records[0], "contact"), hashed, "a domain has no case");
    assert_eq!(text(&records[0], "note"), format!("mail {hashed} now"));
    for (key, gone) in [("owner", "b.c"), ("image", "logo"), ("two", "alice")] {
        let text = text(&records[1], key);
        assert!(text.contains('@') && !text.contains(gone), "{key} is {text}");
    }
    assert!(!text(&records[1], "two").contains("bob"));
    assert_eq!(
        (text(&records[2], "owner"), text(&records[2], "handle"), text(&records[2], "version")),
        ("no mail", "@bob", "1.2.3")
    );
}

#[test]
fn row_29_the_local_part_goes_whole_whatever_it_is_made_of() {
    let records = automagik(|| {
        tracing::info!(note = "bounce+alice=corp.com@example.com", reply = "\"alice smith\"@example.com");
    });
    let hashed = format!("@{OF_EXAMPLE_COM}");
    assert_eq!((text(&records[0], "note"), text(&records[0], "reply")), (&*hashed, &*hashed));
}

#[test]
fn what_the_crate_says_of_the_application_is_no_value() {
    let records = logged(
        "automagik",
        |builder| {
            builder
                .policy(Policy::automagik())
                .resource("deployment.note", "mail bob@example.com. Or not.")
                .resource("support.line", "+49 170 1234567")
        },
        || tracing::info!("one"),
    );
    let resource = &records[0].json()["resource"];
    assert_eq!(resource["service.name"], "acme");
    assert_eq!(resource["session.id"].as_str().expect("it is a text").len(), 16);
    // Once, not twice.
    assert_eq!(resource["deployment.note"], format!("mail @{OF_EXAMPLE_COM}. Or not."));
    assert_eq!(resource["support.line"], "+49");
}

#[test]
fn rows_that_go_by_a_key_are_about_every_type_and_rows_that_go_by_the_value_about_text() {
    let records = automagik(|| {
        tracing::info!(count = 123, phone = 1_701_234_567_u64, user_id = 123, share = 0.5, active = true);
        tracing::info!(token = 7, secret = true, content = 1.5, plan = "pro");
    });
    assert_eq!(records[0].attributes(), ["active", "count", "phone", "share", "user_id_hash"], "{records:?}");
    assert!(is_sha256(text(&records[0], "phone")) && records[0].attribute("count") == 123);
    assert_eq!(records[1].attributes(), ["plan"], "{records:?}");
}

#[test]
fn row_30_a_phone_number_is_hashed_or_becomes_its_country_code() {
    let records = automagik(|| {
        tracing::info!(phone = "+49 170 1234567", mobile = "+1 (415) 555-2671", tel = "0170 1234567");
        // The expression `^\+?[\d\s\-\(\)]+$` takes each of these for a phone number.
        tracing::info!(reply = "123", day = "2024-11-14", code = "(7)");
        tracing::info!(reply = "123a", day = "2024-11-14T", code = "7.5", count = 123);
    });
    assert_eq!((text(&records[0], "phone"), text(&records[0], "mobile")), ("+49", "+1"));
    assert!(is_sha256(text(&records[0], "tel")), "{:?}", records[0]);
    assert_eq!(text(&records[1], "reply"), OF_123);
    assert!(is_sha256(text(&records[1], "day")) && is_sha256(text(&records[1], "code")), "{:?}", records[1]);
    assert_eq!((text(&records[2], "reply"), text(&records[2], "code")), ("123a", "7.5"));
    assert_eq!(records[2].attribute("count"), 123, "a number has a type that tells it from a phone number");
}

#[test]
fn row_31_what_a_key_calls_an_api_key_is_removed_completely() {
    let records = automagik(|| {
        tracing::info!(api_key = "k", apikey = "k", "api-key" = "k", my_api_keys = "k", plan = "pro");
        tracing::info!(token = "t", token_count = 7, secret = true, secretary = "s", "x.token.y" = 1.5, plan = "pro");
    });
    for record in &records {
        assert_eq!(record.attributes(), ["plan"], "{record:?}");
    }
    assert_eq!((records[0].dropped_attributes(), records[1].dropped_attributes()), (4, 5));
}

#[test]
fn row_32_an_ip_address_is_hashed_with_a_salt() {
    let log = || {
        tracing::info!(ip = "203.0.113.7", peer = "2001:db8::7", note = "from 203.0.113.7 to port 443");
        tracing::info!(ip = "203.0.113.7", peer = "203.0.113.8", note = "from home");
    };
    let (one, other) = (automagik(log), automagik(log));
    let ip = text(&one[0], "ip");
    assert!(ip.len() == 32 && ip.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ip}");
    assert_eq!(ip, text(&one[1], "ip"), "the same address has the same hash");
    assert_ne!(text(&one[0], "peer"), text(&one[1], "peer"), "and another another");
    assert_ne!(ip, text(&other[0], "ip"), "in another installation the salt is another");
    let note = text(&one[0], "note");
    let hash = note.strip_prefix("from ").and_then(|note| note.strip_suffix(" to port 443"));
    assert!(hash.is_some_and(|hash| hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())), "{note}");
    assert!(!one.iter().any(|record| record.contains("203.0.113") || record.contains("2001:db8")), "{one:?}");
}

#[test]
fn row_33_a_user_id_becomes_its_sha_256_under_the_key_of_a_hash() {
    let records = automagik(|| {
        tracing::info!(user_id = "123");
        tracing::info!(user_id = 123);
        tracing::info!(user_id = ?Some("123"));
        tracing::info!("user.id" = "123");
    });
    for record in &records[..3] {
        assert_eq!((record.attributes(), text(record, "user_id_hash")), (vec!["user_id_hash"], OF_123));
    }
    assert_eq!(text(&records[3], "user.hash"), OF_123);
}

#[test]
fn row_33_which_ids_these_are_can_be_set() {
    let policy = Policy::automagik().field("*_ref", Action::ReversibleSha256).keep("user_id", "counts of a test");
    let records = logged(
        "automagik",
        |builder| builder.policy(policy),
        || {
            tracing::info!(order_ref = "123", user_id = "u-7");
        },
    );
    assert_eq!(text(&records[0], "order_ref_hash"), OF_123);
    assert_eq!(text(&records[0], "user_id"), "u-7");
}

#[test]
fn row_34_content_is_removed_if_enabled() {
    let log = || tracing::info!(content = "what somebody wrote", plan = "pro", "what somebody said");
    let records = automagik(log);
    assert_eq!((records[0].attributes(), records[0].body()), (vec!["plan"], None));
    // Enabled it is by default; the text of events can be had.
    let policy = Policy::automagik().message(Action::Redact).keep("content", "for the test");
    let records = logged("automagik", |builder| builder.policy(policy), log);
    assert_eq!(records[0].body(), Some("what somebody said"));
    assert_eq!(text(&records[0], "content"), "what somebody wrote");
}

#[test]
fn where_the_table_is_silent_the_standard_rules_speak() {
    let records = automagik(|| {
        tracing::info!(
            password = "hunter2",
            city = "Turin",
            name = "contacts",
            feature_name = "contacts",
            os = "linux",
            note = "paid with 4111 1111 1111 1111",
            share = 0.5,
            active = true
        );
    });
    let record = &records[0];
    assert_eq!(record.attributes(), ["active", "feature_name", "name", "note", "os", "share"], "{record:?}");
    assert_eq!(text(record, "note"), "paid with [CARD]");
}

#[test]
fn a_span_follows_the_table_too() {
    let records = automagik(|| {
        tracing::info_span!("run", user_id = 123, email = "bob@example.com", plan = "pro");
    });
    assert_eq!(text(&records[0], "user_id_hash"), OF_123);
    assert_eq!(text(&records[0], "email"), format!("@{OF_EXAMPLE_COM}"));
}

#[test]
fn a_text_alone_is_scrubbed_by_the_table() {
    let policy = Policy::automagik();
    let scrub = |text: &str| policy.scrub(text).map(std::borrow::Cow::into_owned);
    assert_eq!(scrub("bob@example.com").as_deref(), Some(&*format!("@{OF_EXAMPLE_COM}")));
    assert_eq!(scrub("+49 170 1234567").as_deref(), Some("+49"));
    assert_eq!(scrub("123").as_deref(), Some(OF_123));
    assert_eq!(scrub("contacts listed").as_deref(), Some("contacts listed"));
    let hashed = scrub("from 203.0.113.7").expect("the text stays");
    assert!(hashed.len() == "from ".len() + 32 && !hashed.contains("203.0"), "{hashed}");
    assert_eq!(scrub("password=hunter2!x").as_deref(), Some("password=[SECRET]"));
}

#[test]
fn what_can_be_undone_says_so() {
    let policy = Policy::automagik();
    for key in ["user_id", "email", "note"] {
        assert!(policy.explain(key).to_string().contains("REVERSIBLE"), "{key}");
    }
    assert!(policy.to_string().contains("REVERSIBLE"));
}

#[cfg(unix)]
#[test]
fn the_example_obeys_the_vendors_switch() {
    use example::Example;

    const ENABLED: &str = "AUTOMAGIK_TELEMETRY_ENABLED";
    let off = Example::new("automagik").var("AUTOMAGIK_OMNI_TELEMETRY_ENABLED", "true").run();
    assert_eq!((off.code, off.stderr.as_str()), (Some(0), ""), "{off:?}");
    assert!(
        off.stdout.contains("off: nobody has said yes; to turn it on set AUTOMAGIK_TELEMETRY_ENABLED=true"),
        "{off:?}"
    );
    let refused = Example::new("automagik").var(ENABLED, "true").file(".automagik-no-telemetry", "").run();
    assert!(refused.stdout.contains("telemetry is off") && refused.stdout.contains("produced = 0"), "{refused:?}");

    let on = Example::new("automagik").var(ENABLED, "true").var("AUTOMAGIK_TELEMETRY_VERBOSE", "true").run();
    assert_eq!(on.code, Some(0), "{on:?}");
    assert!(on.stdout.contains("2 produced"), "{on:?}");
    assert!(on.stderr.contains("[Telemetry] Sending event: automagik.feature.used"), "{on:?}");
    assert!(on.stderr.contains("\"feature_name\": \"contacts\""), "{on:?}");
    // As a value: a time or a random id may have these digits.
    assert!(!on.stderr.contains("\"4711\"") && !on.stderr.contains(": 4711"), "{on:?}");
}
