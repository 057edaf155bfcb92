//! Promise 1: while nobody has said yes there is no thread, no file and no socket, wherever the data would be sent to: seen
//! from outside of the process. (That they are seen where there are some is a part of each test.)

#![cfg(unix)]

#[path = "support/example.rs"]
mod example;
#[cfg(feature = "otlp")]
#[path = "support/receiver.rs"]
mod receiver;

use example::Example;

/// Runs it off and on; the calls that are to be seen when it is on.
fn off_and_on(off: &Example, on: &Example, seen: &[&str]) {
    let Some((deeds, said)) = off.trace() else { return };
    assert!(said.stdout.contains("off: nobody has said yes") || said.stdout.contains("telemetry is off"), "{said:?}");
    // The first is that it is run.
    let deeds: Vec<_> = deeds.iter().filter(|deed| !deed.contains("execve(")).collect();
    assert!(deeds.is_empty(), "{deeds:#?}");
    assert!(off.home().paths().is_empty(), "{:?}", off.home().paths());

    let Some((deeds, said)) = on.trace() else { return };
    for call in seen {
        assert!(deeds.iter().any(|deed| deed.contains(call)), "{call}: {said:?} {deeds:#?}");
    }
}

#[cfg(feature = "store")]
const STORED: &[&str] = &["clone", "mkdir", "O_CREAT"];

#[cfg(feature = "store")]
#[test]
fn the_quickstart_does_nothing_while_off() {
    let on = Example::new("quickstart").var("QUICKSTART_TELEMETRY_ENABLED", "true");
    off_and_on(&Example::new("quickstart"), &on, STORED);
}

#[cfg(feature = "store")]
#[test]
fn an_application_with_a_vendors_switch_does_nothing_while_off() {
    let on = Example::new("automagik").var("AUTOMAGIK_TELEMETRY_ENABLED", "true");
    off_and_on(&Example::new("automagik"), &on, STORED);
}

/// The name is one that has to be looked up.
#[cfg(feature = "otlp")]
#[test]
fn an_application_with_a_collector_neither_looks_it_up_nor_connects_while_off() {
    let receiver = receiver::Receiver::start();
    let url = receiver.url().replace("127.0.0.1", "localhost");
    let example = || Example::new("otlp").var("OTEL_EXPORTER_OTLP_ENDPOINT", &url);
    off_and_on(&example(), &example().var("OTLP_TELEMETRY_ENABLED", "true"), &["clone", "socket(", "connect("]);
    assert!(!receiver.requests().is_empty());
}

#[cfg(feature = "clickhouse")]
#[test]
fn an_application_with_clickhouse_neither_looks_it_up_nor_connects_while_off() {
    let example = || Example::new("clickhouse").var("CLICKHOUSE_URL", "http://localhost:9");
    off_and_on(&example(), &example().var("CLICKHOUSE_TELEMETRY_ENABLED", "true"), &["clone", "socket(", "connect("]);
}
