//! Secrets in every way that a value can take into a record, each beside a harmless marker.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]

use std::error::Error;
use std::fmt;

use tracing::callsite::Callsite as _;
use tracing::field::Empty;
use tracing::metadata::Kind;
use tracing::{Event, Level, Span, Value};

/// Secrets in forms that the standard policy promises to find, wherever they stand.
pub const MAIL: &str = "canary.person@leaky-mail.example";
const CARD: &str = "4111 1111 1111 1111";
const CARD_NUMBER: u64 = 4_111_111_111_111_111;
const KEY: &str = "AKIAIOSFODNN7CANARY1";
const PASSWORD: &str = "hunter2-canary";
const ID: &str = "canary-user-77812";
const PARTS: &[&str] =
    &["canary.person", "leaky-mail", "4111 1111", "4111111111111111", "AKIAIOSFODNN7", "hunter2", "canary-user"];

/// What must arrive, by each way, or the test proves nothing.
pub const MARKER: &str = "harmless-marker";

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
pub fn log_in_every_way() {
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
    tracing::info!(target: concat!(module_path!(), "::canary.person@leaky-mail.example"), "{MARKER} target");
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

    // Values of another callsite, given by hand: at the same places its fields are others.
    let mine = tracing::info_span!("mine", note = MARKER, hint = Empty);
    let theirs = tracing::info_span!("theirs", password = Empty, user_id = Empty);
    let event = tracing::callsite!(name: "event", kind: Kind::EVENT, level: Level::INFO, fields: note, hint).metadata();
    let fields = theirs.metadata().expect("it is enabled").fields();
    let values: [Option<&dyn Value>; 2] = [Some(&PASSWORD), Some(&ID)];
    mine.record_all(&fields.value_set_all(&values));
    drop(Span::new(mine.metadata().expect("it is enabled"), &fields.value_set_all(&values)));
    Event::dispatch(event, &fields.value_set_all(&values));
    let field = fields.field("password").expect("it has one");
    Event::dispatch(event, &fields.value_set(&[(&field, values[0])]));
    drop((mine, theirs));

    log::info!("{MARKER} log bridge {MAIL}");

    // A hook that logs panics, as applications set one.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "{MARKER} panic hook")));
    let _ = std::panic::catch_unwind(|| {
        let _span = tracing::info_span!("panicking", note = MARKER).entered();
        panic!("panic with {MAIL}, {KEY}");
    });
    std::panic::set_hook(usual);
}

/// How often the marker is kept of it, where events are logs.
pub const WAYS: usize = 43;

/// How many records are kept of it, spans included, where events are logs.
pub const RECORDS: usize = 36;

/// Fails where a part of a secret is found.
#[track_caller]
pub fn clean(place: &str, bytes: &[u8]) {
    for part in PARTS {
        if contains(bytes, part) {
            let text = String::from_utf8_lossy(bytes);
            let line = text.lines().find(|line| line.contains(part)).unwrap_or("(binary)");
            panic!("`{part}` is in {place}: {line}");
        }
    }
}

pub fn contains(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

pub fn count(bytes: &[u8], part: &str) -> usize {
    bytes.windows(part.len()).filter(|window| *window == part.as_bytes()).count()
}
