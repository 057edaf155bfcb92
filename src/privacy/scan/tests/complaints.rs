//! What users of other scanners complain about, each as a test named by the complaint (`PRIVACY-RULES` §3).

use super::scrub;
use crate::privacy::{Action, Policy};

/// Complaint, text, and what is to be left of it.
const IN_TEXT: &[(&str, &str, &str)] = &[
    (
        "sentry#2871: `cc` in `Accept`",
        "Accept: text/html, success: yes, account=open",
        "Accept: text/html, success: yes, account=open",
    ),
    (
        "sentry#6114: `auth` in prose",
        "User authenticated, author=Knuth authority=root",
        "User authenticated, author=Knuth authority=root",
    ),
    (
        "sentry#2614, #5302: True, False and words under a password",
        "password=True secret: False token=none",
        "password=True secret: False token=none",
    ),
    ("sentry#2614: an answer is no password", "password: incorrect", "password: incorrect"),
    (
        "sentry#60570: names of functions",
        "called checkAuthorization() and get_password()",
        "called checkAuthorization() and get_password()",
    ),
    (
        "relay#1808: names of functions",
        "at app::auth::Authorization::verify()",
        "at app::auth::Authorization::verify()",
    ),
    ("relay#3917: an id made of an address", "user_id=ip:203.0.113.9", "user_id=[ID]"),
    (
        "relay#2956: message and parameters alike",
        "login of bob@example.com params=[\"bob@example.com\"]",
        "login of [EMAIL] params=[\"[EMAIL]\"]",
    ),
    (
        "gitleaks#1578: public_key, keyword, monkey, rapid, api_version, secret_name",
        "public_key=AAAAB3Nz keyword=search monkey=george rapid=yes api_version=2024-01 secret_name=prod/db",
        "public_key=AAAAB3Nz keyword=search monkey=george rapid=yes api_version=2024-01 secret_name=prod/db",
    ),
    (
        "gitleaks#1830: plain identifiers pass for random",
        "handler=getUserByIdV2WithRetry3TimesOrFail",
        "handler=getUserByIdV2WithRetry3TimesOrFail",
    ),
    ("gitleaks#1231: secrets of letters alone", "api_key=sunsetBatteryHorse", "api_key=[SECRET]"),
    ("gitleaks#805: passwords with punctuation", "password=\"p@ss, w0rd!;\"", "password=\"[SECRET]\""),
    ("gitleaks#805: keys in the shape of a UUID", "api_key=0f8fad5b-d9cb-469f-a165-70867728950e", "api_key=[SECRET]"),
    (
        "gitleaks#1331: short values in a query",
        "GET /v1/items?apikey=ab12&page=2",
        "GET /v1/items?apikey=[SECRET]&page=2",
    ),
    (
        "gitleaks#1579: placeholders of X",
        "api_key=XXXXXXXXXXXX token=<token> secret=${SECRET}",
        "api_key=XXXXXXXXXXXX token=<token> secret=${SECRET}",
    ),
    (
        "collector-contrib#37591: numbers never matched",
        "{\"pin\":1234,\"cvv\":987}",
        "{\"pin\":\"[SECRET]\",\"cvv\":\"[SECRET]\"}",
    ),
    (
        "collector-contrib#36684: arrays never matched",
        "{\"emails\":[\"a@example.com\",\"b@example.com\"]}",
        "{\"emails\":[\"[EMAIL]\",\"[EMAIL]\"]}",
    ),
    (
        "presidio#71: part of a GUID read as a phone",
        "0f8fad5b-4155-5526-7100-708677289501",
        "0f8fad5b-4155-5526-7100-708677289501",
    ),
    ("presidio#1311: a phone glued to a word", "用户+14155552671已注册", "用户[PHONE]已注册"),
    (
        "paperclip#9856: the quoting of JSON inside",
        r#"{"body":"{\"password\":\"a\\\"b\",\"n\":1}"}"#,
        r#"{"body":"{\"password\":\"[SECRET]\",\"n\":1}"}"#,
    ),
    (
        "PostHog#55059: JSON bodies",
        r#"{"user":{"email":"bob","password":"x1"}}"#,
        r#"{"user":{"email":"[PII]","password":"[SECRET]"}}"#,
    ),
    ("influxdb#3883: an empty secret", "password= token=\"\" next=1", "password= token=\"\" next=1"),
    (
        "plx-native#82: `::` paths cut up",
        "std::sync::mpsc core::fmt::Debug abe::cafe::bead",
        "std::sync::mpsc core::fmt::Debug abe::cafe::bead",
    ),
    ("plx-native#82: the guard missed this", "origin:2001:db8::1", "origin:[IP]"),
    ("relay: text without spaces", "用户217.251.153.63已存在", "用户[IP]已存在"),
    (
        "all four: digit runs",
        "ts=1714564800123456789 bytes=4294967296 seq=20240501120000",
        "ts=1714564800123456789 bytes=4294967296 seq=20240501120000",
    ),
    ("all four: versions", "Chrome/120.0.0.0 v4.18.0.1", "Chrome/120.0.0.0 v4.18.0.1"),
    ("all four: words in prose", "token expired, password reset requested", "token expired, password reset requested"),
    (
        "all four: `@` that is no mail",
        "logo@2x.png serde@1.0.193 curve25519-sha256@libssh.org git@github.com:org/repo",
        "logo@2x.png serde@1.0.193 curve25519-sha256@libssh.org git@github.com:org/repo",
    ),
    ("half of a secret is a leak", "password=correct,horse;battery", "password=[SECRET];battery"),
];

/// Complaint, key, and what happens to its text.
const BY_KEY: &[(&str, &str, Action)] = &[
    ("sentry#2871", "http.request.header.accept", Action::Keep),
    ("sentry#2871", "success_count", Action::Keep),
    ("sentry#6114", "author", Action::Keep),
    ("gitleaks#1578", "public_key", Action::Keep),
    ("gitleaks#1578", "keyword", Action::Keep),
    ("gitleaks#1578", "monkey", Action::Keep),
    ("gitleaks#1578", "api_version", Action::Keep),
    ("gitleaks#1578", "secret_name", Action::Keep),
    ("collector-contrib#42659", "rpc.server.user_id", Action::Hash),
];

#[test]
fn every_complaint_about_text_is_met() {
    let unmet: Vec<_> = IN_TEXT
        .iter()
        .filter_map(|(complaint, text, wanted)| {
            let (clean, _) = scrub(text);
            (clean != *wanted).then(|| format!("{complaint}\n    {text}\n -> {clean}\n    {wanted}"))
        })
        .collect();
    assert!(unmet.is_empty(), "{}", unmet.join("\n"));
}

#[test]
fn every_complaint_about_keys_is_met() {
    for (complaint, key, action) in BY_KEY {
        assert_eq!(Policy::standard().explain(key).action(), *action, "{complaint}: {key}");
    }
}

/// sentry#60570, relay#1808: what is found cannot be switched off; collector-contrib#43826: an allowed value takes the
/// blocked ones with it.
#[test]
fn one_kind_is_switched_off_and_the_others_go_on() {
    use crate::privacy::{Kind, Scanner};
    let policy = Policy::standard().scanner(Scanner::standard().without(Kind::Ipv4));
    assert_eq!(policy.scrub("bob@example.com 203.0.113.7").as_deref(), Some("[EMAIL] 203.0.113.7"));
}

/// simstudio#5732: a scanner that gave up let the text pass. PostHog#55059: bodies were given up for their cost.
/// presidio#2063: 31 s for 4 kB of dots, which is what `work.rs` counts.
#[test]
fn a_scanner_that_fails_lets_nothing_pass() {
    use super::super::{Custom, Scanner};
    let policy = Policy::standard().scanner(Scanner::standard().custom(Custom::failing()).expect("it is the first"));
    assert_eq!(policy.scrub("blue heron"), None);
}
