//! Sends straight to ClickHouse, and prints what it answered and how to look at what arrived.
//!
//! ```text
//! CLICKHOUSE_TELEMETRY_ENABLED=true cargo run --example clickhouse
//! ```
//!
//! ClickHouse is at `CLICKHOUSE_URL`, or else at `http://localhost:8123`; `CLICKHOUSE_USER`, `CLICKHOUSE_PASSWORD` and
//! `CLICKHOUSE_DATABASE` are what its own clients call them too. Tables are made where they are missing. It is this example
//! that reads these variables: the library reads `{P}_TELEMETRY_CLICKHOUSE_ENDPOINT` and its siblings.

use std::process::ExitCode;
use std::time::Duration;

use tracing_privacy::clickhouse::ClickHouseExporter;
use tracing_privacy::{Loss, Telemetry, app};
use tracing_subscriber::prelude::*;

#[path = "quickstart/shop.rs"]
mod shop;

fn main() -> ExitCode {
    let database = variable("CLICKHOUSE_DATABASE").unwrap_or_else(|| "default".to_owned());
    let url = variable("CLICKHOUSE_URL").unwrap_or_else(|| "http://localhost:8123".to_owned());
    let mut clickhouse = ClickHouseExporter::builder(url).database(&database);
    if let Some(user) = variable("CLICKHOUSE_USER") {
        clickhouse = clickhouse.user(&user, &variable("CLICKHOUSE_PASSWORD").unwrap_or_default());
    }
    let telemetry = match Telemetry::builder(app!()).clickhouse(clickhouse).start() {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    tracing_subscriber::registry().with(telemetry.layer()).init();

    let orders = shop::open();

    println!("orders taken:   {orders}");
    if !telemetry.is_on() {
        println!("telemetry is    {}", telemetry.decision().reason());
        println!("to turn it on   CLICKHOUSE_TELEMETRY_ENABLED=true cargo run --example clickhouse");
        return ExitCode::SUCCESS;
    }
    let flushed = telemetry.flush(Duration::from_secs(15));
    let status = telemetry.status();
    let counts = status.counts();
    println!("ClickHouse:     {}", status.endpoint().unwrap_or("none"));
    println!("it answered:    {}", status.last_answer().unwrap_or("nothing"));
    println!("                (to the last insert; what its views have written is among written_rows)");
    println!("logs taken:     {}", counts.logs_taken());
    println!("spans taken:    {}", counts.spans_taken());
    println!("refused:        {}", counts.lost(Loss::Rejected));
    println!("failed tries:   {}", counts.uploads_failed());
    for note in status.notes() {
        println!("note:           {note}");
    }
    println!("\n{counts}");
    if let Err(unfinished) = flushed {
        // Nothing is lost by it: what is stored is sent by the next run.
        println!("\nnot everything was sent yet ({unfinished:?}); run it again when ClickHouse is there");
        return ExitCode::FAILURE;
    }
    let database = format!("`{}`", database.replace('\\', "\\\\").replace('`', "\\`"));
    println!("\nto look at it:\n");
    println!(
        "SELECT timestamp, span_name, duration_ms, status_code, attributes FROM {database}.traces ORDER BY timestamp DESC \
         LIMIT 10;\n"
    );
    println!(
        "SELECT Timestamp, SeverityText, Body, LogAttributes FROM {database}.otel_logs ORDER BY Timestamp DESC LIMIT 10;\n"
    );
    println!(
        "SELECT SpanName, sum(Spans) AS Spans, sum(Errors) AS Errors, \
         quantilesTDigestMerge(0.5, 0.9, 0.95, 0.99)(Duration) AS Nanoseconds FROM {database}.otel_traces_per_minute \
         GROUP BY SpanName ORDER BY Spans DESC;"
    );
    ExitCode::SUCCESS
}

/// What a variable says; nothing if it is empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
