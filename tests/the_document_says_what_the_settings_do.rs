//! Promise: settings that would make the users' document untrue are refused until the inventory, of which the document is
//! made, tells what they do.

mod support;
#[path = "support/inventory.rs"]
mod with_head;

use tracing_privacy::privacy::{Inventory, Policy, Secret};
use tracing_privacy::{Builder, Memory, app};

const LINES: &str = r#"
    [events."order.placed"]
    purpose = "sales"
    fields.user_id = { kind = "id", action = "hash", purpose = "how many people" }
"#;

/// What an inventory with this line in `[document]` makes of such settings: the error, and its document.
fn outcome(line: &str, settings: fn(Builder) -> Builder) -> (Option<String>, String) {
    let home = support::TempDir::new("document");
    let inventory: Inventory = with_head::inventory(1, line, LINES);
    let builder = support::builder(&home, &Memory::new()).policy(Policy::declared(inventory.clone()));
    (settings(builder).start().err().map(|error| error.to_string()), inventory.to_markdown(&app!("acme")))
}

#[test]
fn a_secret_that_others_hold_is_told() {
    let settings = |builder: Builder| builder.pseudonym_secret(Secret::new([7; 32]));
    let (error, document) = outcome("", settings);
    let error = error.expect("users are told that the key is random and stays");
    assert!(error.contains(".pseudonym_secret") && error.contains("`pseudonym_secret = "), "{error}");
    assert!(document.contains("a random key that never leaves your machine"), "{document}");
    assert!(document.contains("Without them we cannot tell which records are yours."), "{document}");

    let (error, document) = outcome("pseudonym_secret = \"the operators, in Frankfurt\"", settings);
    assert_eq!(error, None);
    assert!(
        document.contains("who holds it can tell whose a pseudonym is (the operators, in Frankfurt)"),
        "{document}"
    );
    assert!(
        !document.contains("never leaves your machine") && !document.contains("we cannot tell which"),
        "{document}"
    );
    assert_eq!(outcome("", |builder| builder).0, None, "the control: without a secret there is nothing to tell");
}

#[test]
fn a_yes_that_nobody_was_asked_for_is_told() {
    let settings = |builder: Builder| builder.assume_consent("our own servers");
    let (error, document) = outcome("", settings);
    let error = error.expect("users are told that nothing is collected until they say yes");
    assert!(error.contains(".assume_consent") && error.contains("`assumed_consent = "), "{error}");
    assert!(document.contains("Nothing is collected until you say yes, and"), "{document}");
    assert!(document.contains("Telemetry is off until you turn it on. "), "{document}");

    let (error, document) = outcome("assumed_consent = \"on our own servers, which have no user\"", settings);
    assert_eq!(error, None);
    for sentence in [
        "until you say yes (but where nobody is asked: on our own servers, which have no user), and",
        "off until you turn it on (but where nobody is asked: on our own servers, which have no user). ",
        "where nobody is asked, p@acme.example tells on what ground. You can",
    ] {
        assert!(document.contains(sentence), "{sentence}: {document}");
    }
}
