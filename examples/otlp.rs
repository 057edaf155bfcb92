//! Sends to an OpenTelemetry collector, and prints what it answered.
//!
//! ```text
//! OTLP_TELEMETRY_ENABLED=true cargo run --example otlp
//! ```
//!
//! The collector is at `OTEL_EXPORTER_OTLP_ENDPOINT`, or else at `http://localhost:4318`. It is this example that reads
//! that variable: the library does not, since it may have been set for other telemetry of the same process. With
//! `--features otlp-grpc` and `OTLP_TELEMETRY_PROTOCOL=grpc`, gRPC is spoken to it, or else to `http://localhost:4317`.

use std::process::ExitCode;
use std::time::Duration;

use tracing_privacy::{Loss, Telemetry, app};
use tracing_subscriber::prelude::*;

#[path = "quickstart/shop.rs"]
mod shop;

fn main() -> ExitCode {
    let endpoint = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").unwrap_or_default();
    let is_grpc = std::env::var("OTLP_TELEMETRY_PROTOCOL").is_ok_and(|protocol| protocol == "grpc");
    let endpoint = match endpoint.trim() {
        "" if is_grpc => "http://localhost:4317",
        "" => "http://localhost:4318",
        endpoint => endpoint,
    };
    let telemetry = match Telemetry::builder(app!()).otlp(endpoint).start() {
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
        println!("to turn it on   OTLP_TELEMETRY_ENABLED=true cargo run --example otlp");
        return ExitCode::SUCCESS;
    }
    let flushed = telemetry.flush(Duration::from_secs(15));
    let status = telemetry.status();
    let counts = status.counts();
    println!("collector:      {}", status.endpoint().unwrap_or("none"));
    println!("logs taken:     {}", counts.logs_taken());
    println!("spans taken:    {}", counts.spans_taken());
    println!("refused:        {}", counts.lost(Loss::Rejected));
    println!("failed tries:   {}", counts.uploads_failed());
    for note in status.notes() {
        println!("note:           {note}");
    }
    println!("\n{counts}");
    match flushed {
        Ok(()) => ExitCode::SUCCESS,
        Err(unfinished) => {
            // Nothing is lost by it: what is stored is sent by the next run.
            println!("\nnot everything was sent yet ({unfinished:?}); run it again when the collector is there");
            ExitCode::FAILURE
        }
    }
}
