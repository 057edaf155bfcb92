//! Any text through the scanner.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz scanner`

#![no_main]

#[path = "../../support/harmless.rs"]
mod harmless;

libfuzzer_sys::fuzz_target!(|text: &str| harmless::text(text));
