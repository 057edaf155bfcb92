use super::*;

type Change = fn(ClickHouseBuilder) -> ClickHouseBuilder;

fn mistake(url: &str, change: Change) -> Option<String> {
    change(ClickHouseExporter::builder(url)).build().err().map(|error| error.to_string())
}

#[test]
fn a_mistake_is_an_error_that_names_the_setting_and_the_remedy() {
    const OK: &str = "http://localhost:8123";
    let same: Change = |b| b;
    for (url, change, words) in [
        ("clickhouse.example.com", same, ["ClickHouseExporter::builder", "https://"]),
        ("http://clickhouse.example.com:8123", same, ["ClickHouseExporter::builder", ".allow_plaintext_to("]),
        ("https://otel:hunter2@example.com", same, ["ClickHouseExporter::builder", ".basic("]),
        ("https://example.com/?password=hunter2", same, ["ClickHouseExporter::builder", ".header("]),
        (OK, |b| b.database(""), [".database(", "SHOW DATABASES"]),
        (OK, |b| b.table(Table::Logs, "hunter2\n"), [".table(", "SHOW TABLES"]),
        (OK, |b| b.rename_column(Table::Logs, "Body", ""), [".rename_column(", "control"]),
        (OK, |b| b.rename_column(Table::Logs, "hunter2", "x"), [".rename_column(", "collector"]),
        (OK, |b| b.leave_out_column(Table::Logs, "SpanName"), [".leave_out_column(", "collector"]),
        (OK, |b| b.user("", "hunter2"), [".user(", "server knows"]),
        (OK, |b| b.bearer("hunter2\n"), [".bearer(", "visible ASCII"]),
        (OK, |b| b.ca_certificate("hunter2"), [".ca_certificate(", "BEGIN CERTIFICATE"]),
        (OK, |b| b.insert_setting("x&y", "hunter2"), [".insert_setting(", "underscores"]),
        (OK, |b| b.insert_setting("password", "hunter2"), [".insert_setting(", "of their own"]),
    ] {
        let error = mistake(url, change).unwrap_or_else(|| panic!("{words:?}"));
        assert!(words.iter().all(|word| error.contains(word)), "{words:?}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert_eq!(mistake(OK, |b| b.allow_plaintext_to("x").database("päth").user("otel", "")), None);
    assert_eq!(mistake("http://ch.lan:8123", |b| b.allow_plaintext_to("ch.lan")), None);
}

#[test]
fn debug_shows_no_secret() {
    let builder = ClickHouseExporter::builder("https://example.com/hunter2").user("otel", "hunter2");
    let exporter = builder.clone().build().unwrap();
    let shown = format!("{builder:?} {exporter:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn columns_can_be_renamed_and_left_out() {
    let builder = ClickHouseExporter::builder("http://localhost:8123")
        .rename_column(Table::Logs, "Body", "message")
        .leave_out_column(Table::Logs, "ScopeAttributes");
    let columns = builder.target.columns(Table::Logs);
    assert!(columns.iter().any(|(own, sent, _)| *own == "Body" && sent == "message"));
    assert!(columns.iter().all(|(own, ..)| *own != "ScopeAttributes"));
}

#[test]
fn inserts_are_strict_unless_told_otherwise() {
    let builder = ClickHouseExporter::builder("http://localhost:8123").insert_setting("async_insert", "1");
    let settings: Vec<_> = builder.target.settings(Format::Native).collect();
    assert_eq!(
        settings,
        [("input_format_skip_unknown_fields", "0"), ("insert_deduplicate", "1"), ("async_insert", "1")]
    );
    let builder = builder.insert_setting("precise_float_parsing", "0");
    let settings: Vec<_> = builder.target.settings(Format::JsonEachRow).skip(3).collect();
    assert_eq!(settings, [("precise_float_parsing", "0"), ("date_time_input_format", "best_effort")]);
    let bare = builder.no_insert_settings();
    assert!(bare.target.settings(Format::JsonEachRow).next().is_none() && !bare.target.sends_token());
}
