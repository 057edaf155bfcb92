//! An inventory that has all that each of them needs, for tests that are about the rest.

use tracing_privacy::privacy::Inventory;

/// With these lines in `[document]`, and these after it.
pub fn inventory(version: u32, document: &str, lines: &str) -> Inventory {
    let head = include_str!("../inventory/head.toml").replace("version = 2", &format!("version = {version}"));
    let text = head.replace("[[changes]]", &format!("{document}\n[[changes]]")) + lines;
    Inventory::parse(&text).unwrap_or_else(|error| panic!("{error}"))
}
