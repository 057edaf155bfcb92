//! What users of other scanners complain about in their public trackers: each complaint by its name.

use super::*;

/// Complaint, key, and what happens to a text under it.
const KEYS: &[(&str, &str, Action)] = &[
    ("sentry#2871: `cc` hits `Accept`", "Accept", Action::Keep),
    ("sentry#2871: `cc` hits `Accept`", "http.request.header.accept", Action::Keep),
    ("sentry#2871: `cc` hits `success`", "success_rate", Action::Keep),
    ("sentry#6114: `auth` hits `authenticated`", "authenticated", Action::Keep),
    ("sentry#6114: `auth` hits `author`", "author", Action::Keep),
    ("sentry#6114: `auth` hits `authority`", "url.authority", Action::Keep),
    ("gitleaks#1578", "public_key", Action::Keep),
    ("gitleaks#1578", "keyword", Action::Keep),
    ("gitleaks#1578", "monkey", Action::Keep),
    ("gitleaks#1578", "rapid", Action::Keep),
    ("gitleaks#1578", "api_version", Action::Keep),
    ("gitleaks#1578", "secret_name", Action::Keep),
    ("gitleaks#1578: and the real ones go", "api_key", Action::Drop),
    ("gitleaks#1231: a secret of letters alone is one", "client_secret", Action::Drop),
    ("gitleaks#805: a password with punctuation is one", "db.password", Action::Drop),
    ("gitleaks#805: a key with the form of a UUID is one", "x-api-key", Action::Drop),
    ("relay#3917: a user id that is an IP address", "user.id", Action::Hash),
    ("relay#3917: and the address itself", "user.ip_address", Action::Drop),
];

#[test]
fn keys_are_read_word_by_word() {
    for (complaint, key, action) in KEYS {
        let explained = Policy::standard().explain(key);
        assert_eq!(explained.action(), *action, "{complaint}: {explained}");
    }
}

#[test]
fn sentry_2614_and_5302_true_and_false_under_a_password_stay() {
    for key in ["password", "user.password", "has_token", "secret", "pin", "email"] {
        assert!(Policy::standard().explain(key).bools_stay(), "{key}");
    }
    for text in ["True", "false", "password", "wrong password", "the password was changed", "User authenticated"] {
        assert_eq!(Policy::standard().scrub(text).as_deref(), Some(text), "sentry#2614, #5302, #6114");
    }
}

#[test]
fn sentry_60570_and_relay_1808_a_rule_can_be_switched_off_by_its_users() {
    for text in ["in AppDelegate.requestAuthorization()", "at acme::auth::check_authorization (src/auth.rs:12)"] {
        assert_eq!(Policy::standard().scrub(text).as_deref(), Some(text));
    }
    let policy = Policy::standard().keep("authorization", "the name of a function").without_kind(Kind::KeyedSecret);
    assert_eq!(policy.explain("authorization").action(), Action::Keep);
    assert_eq!(policy.scrub("authorization=granted42x").as_deref(), Some("authorization=granted42x"));
}

#[test]
fn collector_contrib_37591_and_36684_numbers_are_matched_too() {
    let policy = Policy::standard();
    for key in ["pin", "otp", "ssn", "phone", "card", "cvv", "lat", "zip", "dob"] {
        let explained = policy.explain(key);
        assert!(explained.action() == Action::Drop && !explained.numbers_stay(), "{explained}");
    }
    for key in ["token", "email", "session", "cookie"] {
        assert!(policy.explain(key).numbers_stay(), "{key}: a number there is a count");
    }
    for key in ["user_id", "user.id", "*_ref"] {
        let explained = policy.clone().hash("*_ref").explain(key);
        assert!(
            explained.action() == Action::Hash && !explained.numbers_stay() && !explained.bools_stay(),
            "{explained}"
        );
    }
}

#[test]
fn collector_contrib_43826_what_is_kept_is_scanned_all_the_same() {
    let policy = Policy::standard().keep("password", "for the test");
    assert_eq!(policy.explain("password").action(), Action::Keep);
    assert_eq!(policy.scrub("bob@example.com").as_deref(), Some("[EMAIL]"), "kept text is scanned");
}

#[test]
fn collector_contrib_42659_rules_hold_on_every_path() {
    let policy = Policy::standard().drop_field("acme.*");
    for site in [Site::event(""), Site::event("named"), Site::span("span"), Site::log_record(), Site::resource()] {
        assert_eq!(policy.explain_in(site, "acme.note").action(), Action::Drop, "{site:?}");
        assert_eq!(policy.explain_in(site, "db.password").action(), Action::Drop, "{site:?}");
    }
}

#[test]
fn influxdb_3883_an_empty_secret_is_no_kind() {
    assert!(Policy::standard().custom_words("SECRET", [""]).is_err());
    let policy = Policy::standard().custom_pattern("SECRET", "x*").unwrap();
    assert_eq!(policy.scrub("abc").as_deref(), Some("abc"));
}
