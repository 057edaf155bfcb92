//! An inventory that has all that each of them needs, for tests that are about the rest.

use tracing_privacy::privacy::Inventory;

/// With these lines in `[document]`, and these after it.
pub fn inventory(version: u32, document: &str, lines: &str) -> Inventory {
    let text = format!(
        r#"
        version = {version}
        [document]
        controller = "Acme"
        effective = 2026-03-01
        privacy = "p@acme.example"
        security = "s@acme.example"
        owner = "us"
        retention = "90 days"
        not_collected = ["names"]
        {document}
        [[changes]]
        version = {version}
        date = 2026-03-01
        text = "A version."
        {lines}
        "#
    );
    Inventory::parse(&text).unwrap_or_else(|error| panic!("{error}"))
}
