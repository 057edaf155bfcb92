//! Any key through the tokenizer and the rules.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz keys`

#![no_main]

#[path = "../../support/harmless.rs"]
mod harmless;

libfuzzer_sys::fuzz_target!(|key: &str| harmless::key(key));
