//! The scanner against its own sets, and against hostile text.

mod negatives;
mod positives;

use super::*;

fn scrub(text: &str) -> (String, Vec<Finding>) {
    let mut found = Vec::new();
    scan(text.as_bytes(), &mut found);
    let mut out = String::new();
    redact(text, &found, &mut out);
    (out, found)
}

#[test]
fn what_must_be_found_is_gone() {
    let mut missed = Vec::new();
    for (kind, text, secrets) in positives::POSITIVES {
        let text = text.replace('§', "");
        let (clean, found) = scrub(&text);
        for secret in *secrets {
            assert!(text.contains(secret), "{secret} is not in {text}");
            if clean.contains(secret) {
                missed.push(format!("{kind}: {text}\n    -> {clean}"));
                break;
            }
        }
        assert!(
            found.is_empty() || !looks_clean(text.as_bytes()),
            "the gate lets {text} pass"
        );
    }
    let all = positives::POSITIVES.len();
    assert!(
        missed.is_empty(),
        "{} of {all} missed:\n{}",
        missed.len(),
        missed.join("\n")
    );
}

#[test]
fn what_must_stay_stays() {
    let mut changed = Vec::new();
    for text in negatives::NEGATIVES {
        let (clean, found) = scrub(text);
        if !found.is_empty() {
            changed.push(format!(
                "{text}\n    -> {clean} {:?}",
                found.iter().map(Finding::kind).collect::<Vec<_>>()
            ));
        }
    }
    let all = negatives::NEGATIVES.len();
    assert!(
        changed.is_empty(),
        "{} of {all} changed:\n{}",
        changed.len(),
        changed.join("\n")
    );
}
