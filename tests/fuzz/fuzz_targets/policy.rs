//! Any text as a policy's file.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz policy`

#![no_main]

#[path = "../../support/harmless.rs"]
mod harmless;

libfuzzer_sys::fuzz_target!(|file: &str| harmless::policy(file));
