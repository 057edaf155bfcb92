//! Promise: the document that users read is made of the inventory, says all that a telemetry policy must say, and cannot be
//! turned into something else by what is written in the inventory.

mod support;
#[path = "support/inventory.rs"]
mod with_head;

use serde_json::json;
use tracing_privacy::privacy::{Inventory, Policy};
use tracing_privacy::{App, app, inventory};
use tracing_subscriber::prelude::*;

const DOCUMENT: &str = "tests/inventory/TELEMETRY.md";

fn printernizer() -> (Inventory, App) {
    (inventory!("tests/inventory/telemetry.toml").expect("the inventory is right"), app!("printernizer"))
}

/// Set `UPDATE` to write the document anew, and read what changed.
#[test]
fn the_published_document_is_what_the_inventory_says() {
    let (inventory, app) = printernizer();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/inventory/TELEMETRY.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, inventory.to_markdown(&app)).expect("the document can be written");
    }
    let published = std::fs::read_to_string(path).expect("the document can be read");
    inventory.check_document(&app, DOCUMENT, &published).unwrap_or_else(|drift| panic!("{drift}"));
    inventory.check_document(&app, DOCUMENT, &published.replace('\n', "\r\n")).expect("line ends do not count");
}

#[test]
fn it_has_every_section_that_a_telemetry_policy_has() {
    let (inventory, app) = printernizer();
    let document = inventory.to_markdown(&app);
    let headings: Vec<_> = document.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(
        headings,
        [
            "In short (TL;DR)",
            "What is collected, and what for",
            "What is not collected",
            "Exceptions",
            "How long it is kept",
            "Who gets it",
            "Your choices",
            "Your rights",
            "Contacts",
            "What we promise",
            "Changes",
        ]
    );
    for part in [
        "Version 2, in force from 2026-03-01.",
        &inventory.digest()[..16],
        // What, purpose, retention, kept exceptions.
        "| `installation_id` | an identifier | replaced by a pseudonym | Not to count an installation twice | 90 days |",
        "| `outcome` | one of `done`, `failed`, `cancelled` | kept as it is | Rates by version | 2 years |",
        "| `country` | every record | taken from the time zone, and nothing finer is known |",
        "| `session.id` |",
        "| What you click, type or look at |",
        // Who, whom to ask, what one can do.
        "| Printernizer e. V. | everything on this page | ClickHouse, on our own server in Frankfurt | 2 years, then only sums are kept | three maintainers |",
        "| Privacy | privacy@printernizer.example |",
        "| Data protection officer | none is appointed; write to the privacy contact |",
        "| Security | security@printernizer.example |",
        "`PRINTERNIZER_TELEMETRY_ENABLED=false`",
        "`~/.printernizer-no-telemetry`",
        "`DO_NOT_TRACK=1`",
        "GDPR",
        "CCPA",
        "have it rectified",
        "| 2 | 2026-03-01 | Counts of errors by component. |",
    ] {
        assert!(document.contains(part), "{part:?} in\n{document}");
    }
    assert!(!document.contains("anonym"), "no more is promised than is so");
}

#[test]
fn every_declared_field_has_its_row_and_nothing_else_has() {
    let (inventory, app) = printernizer();
    let document = inventory.to_markdown(&app);
    let source = include_str!("inventory/telemetry.toml");
    let declared: Vec<_> = source.lines().filter_map(|line| line.strip_prefix("fields.")?.split(' ').next()).collect();
    assert!(declared.len() > 10);
    for key in &declared {
        assert!(document.contains(&format!("\n| `{key}` | ")), "{key} in\n{document}");
    }
    let rows = document.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() >= 4).count();
    assert_eq!(rows, declared.len() + 2, "and `country` and `os.type`");
}

/// What somebody might write into an inventory, or copy there, that Markdown or HTML would take for its own.
const HOSTILE: [&str; 9] = [
    "a | b |",
    "</td><script>alert(1)</script>",
    "# Heading",
    "- item",
    "1. item",
    "[here](javascript:alert(1)) ![x](y)",
    "`code` **bold** _it_ ~~no~~ $x$",
    "--> <!-- &lt;b&gt;",
    "\\\\| turn\\u202Eed \\\\",
];

#[test]
fn no_text_can_change_the_documents_form() {
    let inventory = |text: &str| {
        let text = text.replace('"', "'");
        // Names are shown as code, which is tested beside its code; here its end must be easy to find.
        let name = text.replace('`', "'");
        let source = format!(
            r#"
            version = 1
            [document]
            controller = "{text}"
            effective = 2026-03-01
            privacy = "{text}"
            dpo = "{text}"
            security = "{text}"
            owner = "{text}"
            retention = "{text}"
            review = "{text}"
            summary = ["{text}"]
            not_collected = ["{text}"]
            commitments = ["{text}"]
            announcement = "{text}"
            recipients = [{{ name = "{text}", receives = "{text}", storage = "{text}", retention = "{text}", access = "{text}" }}]
            [[changes]]
            version = 1
            date = 2026-03-01
            text = "{text}"
            [events."{name}"]
            purpose = "{text}"
            fields."{name}" = {{ kind = "enum", values = ["{name}"], purpose = "{text}" }}
            fields.city = {{ kind = "word", purpose = "{text}", reason = "{text}" }}
            "#
        );
        Inventory::parse(&source).unwrap_or_else(|error| panic!("{error}"))
    };
    let app = app!("acme");
    let plain = inventory("plain").to_markdown(&app);
    let form = |document: &str| -> Vec<(usize, String)> {
        let in_table = |line: &str| line.starts_with('|');
        let bars = |line: &str| match in_table(line) {
            true => line.replace("\\\\", "").replace("\\|", "").matches('|').count(),
            false => 0,
        };
        let start = |line: &str| line.chars().take_while(|c| "#|-<>*+ ".contains(*c)).collect::<String>();
        document.lines().skip(1).map(|line| (bars(line), start(line).trim().to_owned())).collect()
    };
    for text in HOSTILE {
        let document = inventory(text).to_markdown(&app);
        assert_eq!(form(&document), form(&plain), "{text}\n{document}");
        for line in document.lines().skip(1) {
            let number = line.trim_start_matches(['-', ' ']).trim_start_matches(|c: char| c.is_ascii_digit());
            assert!(!number.starts_with(". ") && !number.starts_with(") "), "a list in {line}");
            // Of what is not code, nothing may begin HTML, a link, an entity or code.
            let outside: String = line.replace("\\\\", "").split('`').step_by(2).collect();
            for markup in ['<', '[', '&', '*', '_', '~', '$'] {
                let loose = outside.replace(&format!("\\{markup}"), "").replace("**", "").contains(markup);
                assert!(!loose, "{markup} of {text} in {line}");
            }
        }
        assert!(!document.contains('\u{202e}'));
    }
}

#[test]
fn a_stale_document_is_told_by_file_and_line() {
    let (inventory, app) = printernizer();
    let document = inventory.to_markdown(&app);
    let line = document.lines().position(|line| line.contains("`outcome`")).expect("it is there") + 1;
    let stale = document.replace("Rates by version", "Something else");
    let drift = inventory.check_document(&app, "docs/TELEMETRY.md", &stale).expect_err("it is stale");
    assert_eq!(drift.lines().len(), 1);
    assert!(drift.lines()[0].starts_with(&format!("docs/TELEMETRY.md:{line}: ")), "{drift}");
    assert!(drift.to_string().contains("Something else") && drift.to_string().contains("Rates by version"), "{drift}");
    let cut = document.lines().next().expect("it has lines");
    let drift = inventory.check_document(&app, "docs/TELEMETRY.md", cut).expect_err("it is cut");
    assert!(
        drift.to_string().contains("docs/TELEMETRY.md:2: ") && drift.to_string().contains("nothing more"),
        "{drift}"
    );
}

#[test]
fn a_program_that_logs_what_it_declares_passes() {
    let (inventory, app) = printernizer();
    let recorder = inventory.recorder(app);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(recorder.clone()), || {
        tracing::info!(name: "fleet.counted", printers = 3, bambu = 2, prusa = 1, country = "DE", "counted");
        tracing::info!(name: "week.ended", period = 1_731_542_400, jobs = 5, uptime_hours = 1.5, timelapse_enabled = true, watch_folders_enabled = false);
        tracing::info!(name: "job.finished", outcome = ?Some("done"), printer_type = %"bambu", installation_id = 7, layer_count = 120);
        tracing::info!(name: "error.counted", error_type = "timeout", component = "mqtt", count = 1, "an error was counted");
        tracing::info_span!("slice", "otel.kind" = "internal")
            .in_scope(|| tracing::info!(name: "printer.reset", serial = "XYZ"));
    });
    recorder.check().unwrap_or_else(|drift| panic!("{drift}"));
}

#[test]
fn what_it_says_that_happens_to_a_kind_is_what_happens() {
    let inventory = with_head::inventory(
        1,
        "",
        r#"
        [events.paid]
        purpose = "a test"
        fields.whole = { kind = "integer", purpose = "-" }
        fields.number = { kind = "number", purpose = "-" }
        fields.range = { kind = "integer", action = "bucket", purpose = "-" }
        fields.flag = { kind = "boolean", purpose = "-" }
        fields.plan = { kind = "enum", values = ["pro"], purpose = "-" }
        fields.who = { kind = "id", action = "keep", reason = "a test", purpose = "-" }
        fields.at = { kind = "time", action = "keep", purpose = "-" }
        fields.version = { kind = "word", purpose = "-" }
        fields.remark = { kind = "text", purpose = "-" }
        "#,
    );
    let document = inventory.to_markdown(&app!("acme"));
    let settings = |builder: tracing_privacy::Builder| builder.policy(Policy::declared(inventory));
    let records = support::logged("what-happens", settings, || {
        for n in [7, 4_111_111_111_111_111_i64] {
            let [number, range, who, at, version, remark] = [n; 6];
            let (flag, plan) = (true, "pro");
            tracing::info!(name: "paid", whole = n, number, range, flag, plan, who, at, version, remark);
        }
    });
    const LEFT_OUT: &str = "kept as it is, unless it has 13 digits or more and looks like personal data, such as a card \
                            number: then it is left out";
    const SEARCHED: &str = "searched for personal data, which is replaced";
    for (key, words, short, card) in [
        ("whole", LEFT_OUT, json!(7), json!(null)),
        ("number", LEFT_OUT, json!(7), json!(null)),
        ("range", "only its range is kept, such as 10-99", json!("1-9"), json!("1000000000000000 or more")),
        ("flag", "kept as it is", json!(true), json!(true)),
        ("plan", "kept as it is", json!("pro"), json!("pro")),
        ("who", SEARCHED, json!("7"), json!("[CARD]")),
        ("at", SEARCHED, json!("7"), json!("[CARD]")),
        ("version", SEARCHED, json!("7"), json!("[CARD]")),
        ("remark", SEARCHED, json!("7"), json!("[CARD]")),
    ] {
        let row = document.lines().find(|line| line.starts_with(&format!("| `{key}` |"))).expect("it has a row");
        assert_eq!(row.split(" | ").nth(2), Some(words), "{row}");
        assert_eq!([records[0].attribute(key), records[1].attribute(key)], [&short, &card], "{key}");
    }
}
