//! What must hold for any input: the fuzz targets and the test that replays their corpus check the same.

#![allow(dead_code, unreachable_pub)]

use std::sync::LazyLock;

use tracing_privacy::privacy::{Action, Custom, Policy, Scanner};

static STANDARD: LazyLock<Policy> = LazyLock::new(Policy::standard);
static STRICT: LazyLock<Policy> = LazyLock::new(Policy::strict);
static AUTOMAGIK: LazyLock<Policy> = LazyLock::new(Policy::automagik);

/// With a kind of its own, which nothing here is, a scanner looks at every text: it has no gate.
static UNGATED: LazyLock<Policy> = LazyLock::new(|| {
    let nothing = Custom::words("NOTHING", ["\u{10fffd}\u{10fffd}\u{10fffd}"]).expect("it is a word");
    Policy::standard().scanner(Scanner::standard().custom(nothing).expect("it is the only one"))
});

/// Findings are in order, apart and between characters; the gate lets nothing pass that the detectors find; what is
/// replaced is gone and is not found a second time; and text without findings stays as it is.
pub fn text(text: &str) {
    let findings = UNGATED.findings(text);
    assert_eq!(STANDARD.findings(text), findings, "with and without the gate, in {text:?}");
    let mut done = 0;
    for finding in &findings {
        let span = finding.span();
        assert!(done <= span.start && span.start < span.end, "{finding:?} in {text:?}");
        assert!(text.get(span.clone()).is_some(), "{finding:?} cuts a character in {text:?}");
        done = span.end;
    }
    let clean = STANDARD.scrub(text).expect("the standard policy drops no text");
    if findings.is_empty() {
        assert_eq!(clean, text);
    }
    let again = STANDARD.findings(&clean);
    assert!(again.is_empty(), "{again:?} in {clean:?}, which is what is left of {text:?}");
    // A validated finding drops the text, and others are replaced as ever.
    assert!(STRICT.scrub(text).is_none_or(|strict| strict == clean), "{text:?}");
    if let Some(made) = AUTOMAGIK.scrub(text) {
        assert!(STANDARD.findings(&made).is_empty(), "something is found in {made:?}, made of {text:?}");
    }
}

/// The rules speak about every key, the same each time; and a key in text does not make the scanner stumble.
pub fn key(key: &str) {
    let said = STANDARD.explain(key);
    assert_eq!(said, STANDARD.explain(key));
    if !key.starts_with("r#") {
        assert_eq!(said.action(), STANDARD.explain(&format!("r#{key}")).action(), "a raw identifier, {key:?}");
    }
    // What the scanner finds in a key does not leave with it.
    if said.action() != Action::Hash {
        let plain = key.strip_prefix("r#").unwrap_or(key);
        assert!(said.renamed() == plain || !STANDARD.findings(plain).is_empty(), "{key:?} leaves as {said}");
    } else if said.renamed() != said.key() {
        assert_eq!(
            STANDARD.explain(said.renamed()).renamed(),
            said.renamed(),
            "the name of a pseudonym stays, {key:?}"
        );
    }
    for pair in [format!("{key}=aB3dE6gH9jK"), format!("\"{key}\":\"12345\""), format!("User {{ {key}: Some(7) }}")] {
        text(&pair);
    }
}

/// A file is a policy or an error that says where; a policy is written as what it is read from, and explains every key.
pub fn policy(file: &str) {
    match Policy::from_toml(file) {
        Ok(policy) => {
            let written = policy.to_toml();
            let again = Policy::from_toml(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
            assert_eq!(again.to_toml(), written, "from {file:?}");
            assert_eq!(policy.explain("user.id").action(), again.explain("user.id").action(), "from {file:?}");
            policy.scrub("mail bob@example.com now");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
