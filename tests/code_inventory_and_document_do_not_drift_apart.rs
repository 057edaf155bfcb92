//! Promise: an application's own test fails, and names file, line and field, when what it logs, what its inventory declares
//! and what its document says drift apart.

use std::sync::Arc;

use tracing::field::Empty;
use tracing_privacy::app;
use tracing_privacy::privacy::Inventory;
use tracing_privacy::privacy::inventory::{Drift, Recorder};
use tracing_subscriber::prelude::*;

/// A small program with a drift of each sort; the numbers of its lines are what the test is about.
mod shop {
    pub struct Lines {
        pub coupon: u32,
        pub secret_name: u32,
        pub undeclared: u32,
        pub span: u32,
        pub unnamed: u32,
        pub text: u32,
        pub listed: u32,
    }

    #[tracing::instrument(skip_all)]
    pub fn checkout() -> u32 {
        line!() - 2
    }

    pub fn run() -> Lines {
        let coupon = line!() + 1;
        tracing::info!(name: "order.placed", plan = "pro", items = 3, coupon = "ANN-10", "order placed for Ann");
        let text = line!() + 1;
        tracing::info!(name: "order.placed", plan = "pro", items = %3, country = "DE");
        let listed = line!() + 1;
        tracing::info!(name: "order.placed", plan = ?Some("gold for Ann"), items = 4);
        let secret_name = line!() + 1;
        tracing::warn!(name: "order.sent", carrier = true, retries = 0.5);
        let undeclared = line!() + 1;
        tracing::info!(name: "order.lost", why = "rain");
        let unnamed = line!() + 1;
        tracing::info!(basket = 7, "a basket was left");
        let span = checkout();
        // No drift: log lines, and what is local on purpose or is not collected at all.
        tracing::info!("started");
        tracing::debug!(name: "too.verbose", x = 1);
        tracing::info!(name: "cache.warmed", x = 1);
        tracing::info!(name: "other.event", target: "somebody::else", x = 1);
        tracing::info_span!("job", id = tracing::field::Empty, worker = 1, "otel.kind" = "server").record("id", 7);
        Lines { coupon, secret_name, undeclared, span, unnamed, text, listed }
    }
}

const DECLARED: &str = concat!(
    "local = [\"cache.warmed\"]\n",
    include_str!("inventory/head.toml"),
    r#"
[fields]
country = { kind = "enum", values = ["DE", "FR"], purpose = "languages" }
colour = { kind = "word", purpose = "nobody logs it" }
[events."order.placed"]
purpose = "sales"
fields.plan = { kind = "enum", values = ["free", "pro"], purpose = "by plan" }
fields.items = { kind = "integer", purpose = "how large" }
fields.discount = { kind = "integer", purpose = "nobody logs it" }
[events."order.sent"]
purpose = "delivery"
fields.carrier = { kind = "enum", values = ["a", "b"], purpose = "by carrier" }
fields.retries = { kind = "integer", purpose = "how hard" }
[events."order.returned"]
purpose = "nobody logs it"
[spans.job]
purpose = "how long"
local = ["worker"]
fields.id = { kind = "id", purpose = "which one" }
"#
);

fn seen_by(recorder: &Recorder) -> shop::Lines {
    tracing::subscriber::with_default(tracing_subscriber::registry().with(recorder.clone()), shop::run)
}

fn drift(result: Result<(), Drift>) -> Drift {
    result.expect_err("the program drifts")
}

fn declared() -> Inventory {
    Inventory::parse_file("shop/telemetry.toml", DECLARED).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn each_drift_is_named_by_file_line_and_field() {
    let recorder = declared().recorder(app!("acme"));
    let lines = seen_by(&recorder);
    let drift = drift(recorder.check());
    let code = |line: u32, words: &str| (format!("{}:{line}: ", file!()), words.to_owned());
    let file = |line: usize, words: &str| (format!("shop/telemetry.toml:{line}: "), words.to_owned());
    let line_of = |part: &str| DECLARED.lines().position(|line| line.contains(part)).expect("it is there") + 1;
    let wanted = [
        code(
            lines.coupon,
            "the event `order.placed` records `coupon`, which is not declared: write `fields.coupon = { .. }` under [events.\"order.placed\"]",
        ),
        code(lines.text, "logs `items` as text, and it is declared as `integer` in shop/telemetry.toml:22"),
        code(lines.listed, "logs `plan` as text that it cannot be"),
        code(lines.secret_name, "logs `carrier` as a truth value"),
        code(lines.secret_name, "logs `retries` as a fraction"),
        code(lines.undeclared, "the event `order.lost` is not declared: write [events.\"order.lost\"]"),
        code(lines.unnamed, "an event without a name records `message`, `basket`: give it a name"),
        code(lines.span, "the span `checkout` is not declared: write [spans.checkout]"),
        file(line_of("colour"), "no record has `colour`"),
        file(line_of("discount"), "the event `order.placed` never records `discount`"),
        file(line_of("order.returned"), "the event `order.returned` is declared and nothing logs it"),
    ];
    for (place, words) in &wanted {
        let found = drift.lines().iter().any(|line| line.starts_with(place) && line.contains(words));
        assert!(found, "{place}{words}\nin {drift}");
    }
    // Another test of this binary may have come by a callsite of its own already.
    let own = drift.lines().iter().filter(|line| !line.contains("`late`"));
    assert_eq!(own.count(), wanted.len(), "{drift}");
    let text = drift.to_string();
    assert!(text.starts_with("code, inventory and document drift apart in 1"), "{text}");
    assert!(!text.contains("Ann") && !text.contains("ANN-10") && !format!("{recorder:?}").contains("Ann"), "{text}");
}

#[test]
fn a_test_of_a_part_of_the_program_says_nothing_of_the_rest() {
    let recorder = declared().recorder(app!("acme")).partial();
    seen_by(&recorder);
    let drift = drift(recorder.check());
    assert!(drift.lines().iter().all(|line| line.starts_with(file!())), "{drift}");
}

#[test]
fn what_was_seen_elsewhere_before_is_seen_and_levels_and_targets_are_those_of_the_application() {
    fn log() {
        tracing::debug!(name: "verbose.event", x = 1);
        tracing::info!(name: "db.event", target: "sqlx::query", x = 1);
        tracing::info_span!("late", x = Empty).record("x", 1);
    }
    // Callsites that another subscriber met first are known to the process already.
    tracing::subscriber::with_default(tracing_subscriber::registry(), log);
    let recorder = declared().recorder(app!("acme")).partial();
    let sees = |recorder: &Recorder| -> Vec<String> {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(recorder.clone()), log);
        drift(recorder.check()).lines().to_vec()
    };
    let default = sees(&recorder);
    assert!(default.iter().any(|line| line.contains("`late`")), "{default:?}");
    assert!(!default.iter().any(|line| line.contains("verbose.event") || line.contains("db.event")), "{default:?}");
    let targets = "sqlx=info".parse().expect("it is a filter");
    let wide = declared().recorder(app!("acme")).partial().level(tracing::Level::DEBUG).targets(targets);
    let all = sees(&wide);
    for name in ["late", "verbose.event", "db.event"] {
        assert!(all.iter().any(|line| line.contains(name)), "{name} in {all:?}");
    }
}

#[test]
fn a_value_of_another_callsite_is_no_drift_of_this_one() {
    let recorder = declared().recorder(app!("acme")).partial();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(recorder.clone()), || {
        let job = tracing::info_span!("job", id = 7, worker = Empty);
        let theirs = tracing::info_span!(target: "somebody::else", "theirs", country = Empty);
        let fields = theirs.metadata().expect("it is enabled").fields();
        let text: &dyn tracing::Value = &"Ann";
        job.record_all(&fields.value_set_all(&[Some(text)]));
    });
    let lines = recorder.check().map_or_else(|drift| drift.lines().to_vec(), |()| Vec::new());
    assert!(!lines.iter().any(|line| line.contains("`id`")), "{lines:?}");
}

#[test]
fn a_value_that_logs_or_panics_while_it_prints_does_no_harm() {
    struct Chatty;
    impl std::fmt::Debug for Chatty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            tracing::info!(name: "order.sent", carrier = "a");
            f.write_str("pro")
        }
    }
    let recorder = declared().recorder(app!("acme")).partial();
    let shared = Arc::new(recorder.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(recorder), || {
        tracing::info!(name: "order.placed", plan = ?Chatty);
    });
    let lines = shared.check().map_or_else(|drift| drift.lines().to_vec(), |()| Vec::new());
    assert!(!lines.iter().any(|line| line.contains("`plan`")), "{lines:?}");
}
