//! Promise 3: whatever way a secret takes into a record, it is in no sink: not in the store's files, memory, the text that
//! `records` shows, the status, or on the wire. A harmless marker that takes the same ways is in all of them. (The queue's
//! bytes are looked at in `privacy::tests`, verbose mode in `what_you_see_is_what_is_sent`.)

#[cfg(feature = "otlp")]
#[path = "support/receiver.rs"]
mod receiver;
#[path = "support/home.rs"]
mod support;

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use tracing::field::Empty;
use tracing_privacy::Events;
use tracing_subscriber::prelude::*;

/// Secrets in forms that the standard policy promises to find, wherever they stand.
const MAIL: &str = "canary.person@leaky-mail.example";
const CARD: &str = "4111 1111 1111 1111";
const CARD_NUMBER: u64 = 4_111_111_111_111_111;
const KEY: &str = "AKIAIOSFODNN7CANARY1";
const PASSWORD: &str = "hunter2-canary";
const ID: &str = "canary-user-77812";
const PARTS: &[&str] =
    &["canary.person", "leaky-mail", "4111 1111", "4111111111111111", "AKIAIOSFODNN7", "hunter2", "canary-user"];

/// What must arrive, by each way, or the test proves nothing.
const MARKER: &str = "harmless-marker";

#[derive(Debug)]
#[expect(dead_code, reason = "read by Debug alone")]
struct User {
    id: &'static str,
    email: &'static str,
    password: &'static str,
    plan: &'static str,
}

const USER: User = User { id: ID, email: MAIL, password: PASSWORD, plan: MARKER };

#[derive(Debug)]
struct Outer(Inner);

#[derive(Debug)]
struct Inner;

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARKER} outer, mail to {MAIL} failed")
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "card {CARD} refused")
    }
}

impl Error for Inner {}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[tracing::instrument]
fn argument(user: &User, password: &str, user_id: &str, note: &str) {}

#[tracing::instrument(err, ret)]
fn failing(answer: Result<String, String>) -> Result<String, String> {
    answer
}

/// Logs the canaries in every way there is; each way takes the marker along.
fn log_in_every_way() {
    let text = format!("{MARKER} str {MAIL}");
    tracing::info!(detail = text.as_str(), "{MARKER} str");
    tracing::info!(detail = %text, "{MARKER} display");
    tracing::info!(detail = ?text, "{MARKER} debug");
    tracing::info!(detail = ?USER, "{MARKER} struct");
    tracing::info!(detail = ?Some(&USER), list = ?[&USER, &USER], "{MARKER} nested structs");
    let error = Outer(Inner);
    tracing::info!(cause = &error as &(dyn Error + 'static), "{MARKER} error chain");
    tracing::info!("{MARKER} message {MAIL} and {CARD} and {KEY}");
    tracing::info!(name: "canary.person@leaky-mail.example", "{MARKER} event name");
    tracing::info!(target: "no_canary_reaches_a_sink::canary.person@leaky-mail.example", "{MARKER} target");
    tracing::info!(detail = text.as_bytes(), "{MARKER} bytes");
    tracing::info!(detail = &[0xff_u8, 0x61, 0x40][..], "{MARKER} bytes that are no text");
    tracing::info!(count = CARD_NUMBER, "{MARKER} u64");
    tracing::info!(count = CARD_NUMBER as i64, "{MARKER} i64");
    tracing::info!(count = i128::from(CARD_NUMBER), "{MARKER} i128");
    tracing::info!(count = u128::from(CARD_NUMBER), "{MARKER} u128");
    tracing::info!(count = CARD_NUMBER as f64, "{MARKER} f64");
    tracing::info!(password = PASSWORD, email = MAIL, user_id = ID, "{MARKER} keys");
    tracing::info!("user.id" = ID, "http.request.header.authorization" = PASSWORD, userId = ID, "{MARKER} more keys");
    tracing::info!(detail = r#"{"user":"x","password":"hunter2-canary","note":"harmless-marker"}"#, "{MARKER} JSON");
    tracing::info!(detail = "https://shop.example/?token=hunter2-canary&page=2", "{MARKER} query");

    let span = tracing::info_span!("outer", password = PASSWORD, note = text.as_str(), late = Empty, user_id = Empty);
    span.record("late", format!("{MARKER} late {CARD}").as_str());
    span.record("user_id", ID);
    span.in_scope(|| {
        let inner = tracing::info_span!("inner", note = %format!("{MARKER} nested {MAIL}"), "otel.name" = MAIL);
        inner.in_scope(|| tracing::error!("{MARKER} inside {KEY}"));
    });
    argument(&USER, PASSWORD, ID, MARKER);
    let _ = failing(Err(format!("{MARKER} err {MAIL}")));
    let _ = failing(Ok(format!("{MARKER} ret {MAIL}")));

    log::info!("{MARKER} log bridge {MAIL}");

    // A panic's message is nobody's field: it must not be picked up.
    let _ = std::panic::catch_unwind(|| {
        let _span = tracing::info_span!("panicking", note = MARKER).entered();
        std::panic::resume_unwind(Box::new(format!("panic with {MAIL}")));
    });
}

#[test]
fn no_canary_reaches_a_sink_by_any_way() {
    tracing_log::LogTracer::init().expect("no other logger is there");
    // One after the other: callsites know the filters of all subscribers of the process.
    for (events, ways) in [(Events::Logs, 41), (Events::SpanEvents, 41), (Events::Both, 44)] {
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
    for request in receiver.requests() {
        assert!(contains(&request.body, MARKER), "the marker is on the wire");
        clean("the wire", &request.body);
    }
    clean("what is shown", shown.as_bytes());
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

fn clean(place: &str, bytes: &[u8]) {
    for part in PARTS {
        if contains(bytes, part) {
            let text = String::from_utf8_lossy(bytes);
            let line = text.lines().find(|line| line.contains(part)).unwrap_or("(binary)");
            panic!("`{part}` is in {place}: {line}");
        }
    }
}

fn contains(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}
