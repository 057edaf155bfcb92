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
use std::time::Duration;

use canaries::{MARKER, WAYS, clean, contains, count, log_in_every_way};
use tracing_privacy::Events;
use tracing_subscriber::prelude::*;

#[test]
fn no_canary_reaches_a_sink_by_any_way() {
    tracing_log::LogTracer::init().expect("no other logger is there");
    // One after the other: callsites know the filters of all subscribers of the process.
    for (events, ways) in [(Events::Logs, WAYS), (Events::SpanEvents, WAYS), (Events::Both, WAYS + 4)] {
        no_canary_reaches_a_sink(events, ways);
    }
}

fn no_canary_reaches_a_sink(events: Events, ways: usize) {
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
    let builder = builder.otlp(receiver.url());
    let telemetry = builder.events(events).start().expect("the settings are right");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), log_in_every_way);
    telemetry.flush(Duration::from_secs(10)).expect("the server takes everything");

    let shown = telemetry.records(1000).expect("the store can be read").join("\n");
    let memory: Vec<String> = memory.rows().iter().map(|row| row.as_str().to_owned()).collect();
    let memory = memory.join("\n");
    assert_eq!(shown, memory, "what is shown is what was kept");
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
    assert!(files > 0, "records were to be stored below {}", home.display());
    assert!(marked, "the marker is in no file");
}
