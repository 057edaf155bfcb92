use proptest::prelude::*;

use super::*;
use crate::app::Rotation;
use crate::privacy::policy::TimeUnit;

fn made(action: Action, value: &str, source: Source) -> Option<String> {
    let mut out = String::new();
    apply(action, "field", value, source, &Pseudonymizer::with_key(&[7; 32]), |made| out.push_str(made))?;
    Some(out)
}

fn coarse(action: Action, value: &str) -> Option<String> {
    made(action, value, Source::Application)
}

fn all() -> Vec<Action> {
    let mut all = vec![
        Action::Hash,
        Action::HashFor(Rotation::Never),
        Action::ReversibleSha256,
        Action::Bucket,
        Action::Buckets(Bounds::new(&[0, 10]).unwrap()),
        Action::Round(TimeUnit::Hour),
        Action::Round(TimeUnit::Day),
        Action::Round(TimeUnit::Week),
        Action::Generalize,
        Action::Parameterize,
        Action::Automagik,
    ];
    all.extend(Form::ALL.map(Action::GeneralizeTo));
    all
}

const VALUES: &[&str] = &[
    "alice@example.com",
    "+49 170 1234567",
    "203.0.113.77",
    "2001:db8:1:2::3",
    "/home/alice/thesis.pdf",
    "https://bob:pw@shop.example/v1/users/8812/cart?token=x#y",
    "42",
    "-250.5",
    "1e20",
    "2026-03-04T05:06:07.89Z",
    "1772600767890",
    r#"Os { code: 2, kind: NotFound, message: "no" }"#,
    "SELECT a FROM users WHERE name = 'Bob Stone' AND b = 7",
    "   1: acme::db::connect\n   2: core::ops::function::FnOnce::call_once",
];

#[test]
fn what_was_made_coarser_is_read_back_as_it_is() {
    for action in all() {
        let mut some = false;
        for value in VALUES {
            if let Some(once) = coarse(action, value) {
                some = true;
                assert_eq!(made(action, &once, Source::Disk), Some(once), "{action:?} of {value}");
            }
        }
        assert!(some, "{action:?} was never seen at work");
    }
}

#[test]
fn what_only_looks_as_if_it_was_made_coarser_is_not_believed_but_from_disk() {
    let hash = "0123456789abcdef0123456789abcdef";
    for (action, value) in [
        (Action::Hash, hash),
        (Action::ReversibleSha256, &hash.repeat(2)),
        (Action::GeneralizeTo(Form::EmailDomain), "@0123456789abcdef0123456789abcdef"),
        (Action::GeneralizeTo(Form::ErrorType), "type=Alice"),
        (Action::GeneralizeTo(Form::Frames), "alice::smith"),
    ] {
        assert_eq!(made(action, value, Source::Disk).as_deref(), Some(value));
        assert_ne!(coarse(action, value).as_deref(), Some(value), "{action:?}");
    }
}

#[test]
fn hashes_are_those_of_their_rotation() {
    let pseudonyms = Pseudonymizer::with_key(&[7; 32]);
    assert_eq!(coarse(Action::Hash, "42"), Some(pseudonyms.pseudonym("field", "42").to_string()));
    assert_eq!(coarse(Action::HashFor(Rotation::Daily), "42"), coarse(Action::Hash, "42"), "one key for all");
    assert_eq!(coarse(Action::ReversibleSha256, "123").unwrap().len(), 64);
}

#[test]
fn a_value_is_generalized_to_what_it_is() {
    for (value, kept) in [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("+49 170 1234567", "+49"),
        ("+1 415 555 2671", "+1"),
        (
            "https://bob:pw@shop.example/v1/users/8812/cart?token=x#y",
            "https://shop.example/v1/users/{id}/cart?token=REDACTED",
        ),
        ("/home/alice/thesis.pdf", "*.pdf"),
    ] {
        assert_eq!(coarse(Action::Generalize, value).as_deref(), Some(kept), "{value}");
    }
    let mail = coarse(Action::Generalize, "alice@Example.com").expect("an e-mail has a domain");
    assert_eq!(Some(mail), coarse(Action::Generalize, "bob@example.com"));
    for lost in
        ["Alice Smith", "http://203.0.113.77:8080/x", "https://a b@x.com ssn 123-45-6789", "https://shop card 4"]
    {
        assert_eq!(coarse(Action::Generalize, lost), None, "{lost}");
    }
}

#[test]
fn actions_that_keep_text_or_drop_it_make_nothing() {
    for action in [Action::Keep, Action::Drop, Action::Redact, Action::Truncate(9)] {
        assert_eq!(coarse(action, "42"), None, "{action:?}");
    }
    assert!(all().into_iter().all(|action| coarse(action, "").is_none()));
    assert_eq!(coarse(Action::Automagik, " "), None);
}

proptest! {
    #[test]
    fn what_is_read_back_changes_no_more(value in "\\PC{0,60}|[0-9+.:@a-f%/ -]{0,30}") {
        for action in all() {
            if let Some(once) = coarse(action, &value) {
                prop_assert_eq!(made(action, &once, Source::Disk), Some(once), "{:?}", action);
            }
        }
    }
}
