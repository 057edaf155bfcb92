//! Promise 3: whatever way a secret takes into a record, it is in no sink: not in the store's files, memory, the text that
//! `records` and `export` show, the status, or on the wire. A harmless marker that takes the same ways is in all of them.
//! (The queue's bytes are looked at in `privacy::tests`, verbose mode in `what_you_see_is_what_is_sent`, ClickHouse's rows
//! in `records_reach_clickhouse_clean_and_once`, what SDK exporters get in `any_opentelemetry_pipeline_gets_what_was_kept`.)

#[path = "support/canaries.rs"]
mod canaries;
#[cfg(feature = "otlp")]
#[path = "support/receiver.rs"]
mod receiver;
#[path = "support/home.rs"]
mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use canaries::{MARKER, RECORDS, WAYS, clean, contains, count, log_in_every_way};
#[cfg(feature = "otlp")]
use opentelemetry_sdk::{logs::InMemoryLogExporter, trace::InMemorySpanExporter};
use tracing_privacy::Events;
#[cfg(feature = "otlp")]
use tracing_privacy::OtlpProtocol;
use tracing_subscriber::prelude::*;

#[test]
fn no_canary_reaches_a_sink_by_any_way() {
    tracing_log::LogTracer::init().expect("no other logger is there");
    // One after the other: callsites know the filters of all subscribers of the process.
    for (events, ways) in [(Events::Logs, WAYS), (Events::SpanEvents, WAYS), (Events::Both, WAYS + 4)] {
        no_canary_reaches_a_sink(
            events,
            ways,
            #[cfg(feature = "otlp")]
            OtlpProtocol::HttpProtobuf,
        );
    }
    #[cfg(feature = "otlp")]
    no_canary_reaches_a_sink(Events::Logs, WAYS, OtlpProtocol::HttpJson);
}

fn no_canary_reaches_a_sink(events: Events, ways: usize, #[cfg(feature = "otlp")] protocol: OtlpProtocol) {
    let home = support::home(&format!("no-canary-{events:?}"));
    let memory = tracing_privacy::Memory::new();
    let builder = tracing_privacy::Telemetry::builder(tracing_privacy::app!("canaries"))
        .environment(support::yes("CANARIES", &home))
        .targets("no_canary_reaches_a_sink=trace")
        .log_records()
        .memory(&memory);
    #[cfg(feature = "otlp")]
    let receiver = receiver::Receiver::start();
    #[cfg(feature = "otlp")]
    let (spans, logs) = (InMemorySpanExporter::default(), InMemoryLogExporter::default());
    #[cfg(feature = "otlp")]
    let builder =
        builder.otlp(receiver.url()).otlp_protocol(protocol).span_exporter(spans.clone()).log_exporter(logs.clone());
    let telemetry = builder.events(events).start().expect("the settings are right");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), log_in_every_way);
    telemetry.flush(Duration::from_secs(10)).expect("the server takes everything");

    let shown = telemetry.records(1000).expect("the store can be read").join("\n");
    let memory: Vec<String> = memory.rows().iter().map(|row| row.as_str().to_owned()).collect();
    let memory = memory.join("\n");
    assert_eq!(shown, memory, "what is shown is what was kept");
    assert!(events != Events::Logs || shown.lines().count() == RECORDS, "{shown}");
    assert_eq!(shown.matches(MARKER).count(), ways, "the marker comes through by each way:\n{shown}");
    assert!(shown.contains("[EMAIL]") && shown.contains("user_id_hash"), "{shown}");

    #[cfg(feature = "otlp")]
    {
        let requests = receiver.requests();
        let marked: usize = requests.iter().map(|request| count(&request.body, MARKER)).sum();
        assert_eq!(marked, ways, "the marker is on the wire by each way");
        for request in requests {
            clean("the wire", &request.body);
            clean("the head of a request", &request.raw);
        }
        let (spans, logs) = (spans.get_finished_spans().expect("it works"), logs.get_emitted_logs().expect("it works"));
        let exported = format!("{spans:?}{logs:?}");
        assert_eq!(count(exported.as_bytes(), MARKER), ways, "the marker is in the SDK's records by each way");
        clean("the SDK's exporters", exported.as_bytes());
    }
    clean("what is shown", shown.as_bytes());
    let mut exported = Vec::new();
    telemetry.export(&mut exported).expect("the store can be read");
    assert_eq!(count(&exported, MARKER), ways, "the marker is exported by each way");
    clean("what is exported", &exported);
    clean("status", telemetry.status().to_string().as_bytes());
    let mut files = 0;
    let mut marked = false;
    support::each_file(&home, &mut |path: &Path, bytes: &[u8]| {
        files += 1;
        marked |= contains(bytes, MARKER);
        clean(&path.display().to_string(), bytes);
    });
    assert!(files > 0, "a key was to be kept below {}", home.display());
    assert_eq!(marked, cfg!(feature = "store"), "records are in files where there is a store");
}

/// Not a test of its own: the host of the next one.
#[test]
fn a_host_that_prints() {
    let Ok(home) = std::env::var(HOST) else { return };
    let telemetry = tracing_privacy::Telemetry::builder(tracing_privacy::app!("canaries"))
        .environment(support::yes("CANARIES", Path::new(&home)))
        .targets("no_canary_reaches_a_sink=trace")
        .log_records()
        .verbose()
        .start()
        .expect("the settings are right");
    tracing_subscriber::registry().with(telemetry.layer()).init();
    log_in_every_way();
    telemetry.flush(Duration::from_secs(10)).expect("there is time enough");
}

const HOST: &str = "HOME_OF_A_HOST_THAT_PRINTS";

#[test]
fn no_canary_is_printed() {
    let output = Command::new(std::env::current_exe().expect("it runs"))
        .args(["a_host_that_prints", "--exact", "--test-threads=1", "--nocapture"])
        .env(HOST, support::home("no-canary-printed"))
        .output()
        .expect("it runs again");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // A line with a name, and then the record.
    let (names, records): (Vec<_>, Vec<_>) =
        said.lines().partition(|line| line.starts_with("[Telemetry] Sending event: "));
    assert_eq!(names.len(), RECORDS, "{said}");
    assert_eq!(records.join("\n").matches(MARKER).count(), WAYS, "the marker is printed by each way: {said}");
    clean("what is printed", &output.stderr);
}
