//! The corpora of the fuzz targets in `tests/fuzz`, replayed without a fuzzer: what they found once, and one input for
//! each way through the code.

#[path = "support/harmless.rs"]
mod harmless;

use std::fs;
use std::path::Path;

fn replay(corpus: &str, fewest: usize, check: impl Fn(&str)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(corpus);
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is there") {
        let input = fs::read(entry.expect("the folder can be read").path()).expect("the input can be read");
        // As the fuzzer itself does with what is no text.
        if let Ok(input) = str::from_utf8(&input) {
            check(input);
            count += 1;
        }
    }
    assert!(count >= fewest, "{count} inputs in {}", folder.display());
}

#[test]
fn of_the_scanner() {
    replay("scanner", 100, harmless::text);
}

#[test]
fn of_the_keys() {
    replay("keys", 40, harmless::key);
}

#[test]
fn of_the_policy_files() {
    replay("policy", 20, harmless::policy);
}
