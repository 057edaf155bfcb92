//! Hands records to an OpenTelemetry pipeline of your own: here the SDK's stock batch processors, with exporters that keep in
//! memory what they get.
//!
//! ```text
//! SDK_PIPELINE_TELEMETRY_ENABLED=true cargo run --example sdk_pipeline
//! ```
//!
//! What they get was filtered, stored and agreed to, as for any destination. The program has no runtime, and the global
//! providers of OpenTelemetry are not touched.

use std::process::ExitCode;
use std::time::Duration;

use opentelemetry_sdk::logs::{BatchLogProcessor, InMemoryLogExporter};
use opentelemetry_sdk::trace::{BatchSpanProcessor, InMemorySpanExporter};
use tracing_privacy::{Telemetry, app};
use tracing_subscriber::prelude::*;

#[path = "quickstart/shop.rs"]
mod shop;

fn main() -> ExitCode {
    let (spans, logs) = (InMemorySpanExporter::default(), InMemoryLogExporter::default());
    let telemetry = Telemetry::builder(app!())
        .span_processor(BatchSpanProcessor::builder(spans.clone()).build())
        .log_processor(BatchLogProcessor::builder(logs.clone()).build())
        .start();
    let telemetry = match telemetry {
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
        println!("to turn it on   SDK_PIPELINE_TELEMETRY_ENABLED=true cargo run --example sdk_pipeline");
        return ExitCode::SUCCESS;
    }
    let flushed = telemetry.flush(Duration::from_secs(15));
    let (Ok(spans), Ok(logs)) = (spans.get_finished_spans(), logs.get_emitted_logs()) else {
        eprintln!("an exporter has lost what it was given");
        return ExitCode::FAILURE;
    };
    println!("spans received: {}", spans.len());
    for span in &spans {
        let took = span.end_time.duration_since(span.start_time).unwrap_or_default();
        println!("  {} {:?} {took:.1?}", span.name, span.status);
        for attribute in &span.attributes {
            println!("    {} = {}", attribute.key, attribute.value);
        }
    }
    println!("logs received:  {}", logs.len());
    for log in &logs {
        println!("  {} {:?}", log.record.severity_text().unwrap_or_default(), log.record.body());
        for (key, value) in log.record.attributes_iter() {
            println!("    {key} = {value:?}");
        }
    }
    println!("\n{}", telemetry.status());
    if let Err(unfinished) = flushed {
        // Nothing is lost by it: what is stored is handed over by the next run.
        println!("\nnot everything was handed over yet ({unfinished:?})");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
