//! What an application does while it is watched.

use std::fmt;
use std::hint::black_box;

use tracing::{info, info_span};

/// One thing done again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// W0: an event with a message.
    Message,
    /// W1: an event with a message and five fields: `u64`, `bool`, `f64`, a text of 20 bytes, `%Display`.
    Fields,
    /// W2: an event with a message and five fields, of which an e-mail address, a user's id and a password.
    Personal,
    /// W3: a span with four fields, entered, exited and closed.
    Span,
    /// W4: W3 with three events of W1 inside.
    SpanWithEvents,
}

/// How much is done at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Burst {
    /// No more than every queue holds, with a warm-up of a fifth: the pair's hold 2,048 logs and as many spans. It is over
    /// before the threads behind the queues have begun.
    Short,
    /// Several times as much as the pair's queues hold, and so much that ours calls its worker before its pause is over:
    /// the threads behind the queues work meanwhile, and if they did not, records would be lost.
    Long,
}

/// A price as an application's own type prints it.
struct Price {
    euros: u64,
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} EUR", self.euros)
    }
}

impl Workload {
    pub(crate) const ALL: [Workload; 5] =
        [Workload::Message, Workload::Fields, Workload::Personal, Workload::Span, Workload::SpanWithEvents];

    /// `W0` to `W4`.
    pub(crate) fn name(self) -> &'static str {
        ["W0", "W1", "W2", "W3", "W4"][self as usize]
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workload| workload.name() == name)
    }

    /// Records that one time makes.
    pub(crate) fn records(self) -> u64 {
        if self == Workload::SpanWithEvents { 4 } else { 1 }
    }

    /// Times that are done at once.
    pub(crate) fn burst(self, burst: Burst) -> u64 {
        match (burst, self) {
            (Burst::Short, Workload::SpanWithEvents) => 400,
            (Burst::Short, _) => 1_500,
            (Burst::Long, Workload::SpanWithEvents) => 1_500,
            (Burst::Long, _) => 6_000,
        }
    }

    /// Does it so many times.
    pub(crate) fn run(self, times: u64) {
        match self {
            Workload::Message => (0..times).for_each(|_| info!("order placed by a known customer")),
            Workload::Fields => (0..times).for_each(fields),
            Workload::Personal => (0..times).for_each(personal),
            Workload::Span => (0..times).for_each(|number| span(number, || ())),
            Workload::SpanWithEvents => {
                (0..times).for_each(|number| span(number, || (0..3).for_each(|step| fields(number + step))));
            }
        }
    }
}

fn fields(number: u64) {
    let price = Price { euros: black_box(49) };
    info!(
        items = black_box(number % 100),
        express = black_box(true),
        weight = black_box(12.75),
        shipping = black_box("standard parcel, v.2"),
        price = %price,
        "order placed"
    );
}

fn personal(number: u64) {
    info!(
        items = black_box(number % 100),
        email = black_box("maria.lopez@example.com"),
        user_id = black_box(40_000 + number % 100),
        password = black_box("correct horse battery"),
        plan = black_box("professional"),
        "signed in"
    );
}

fn span(number: u64, inside: impl FnOnce()) {
    let span = info_span!(
        "checkout",
        // Signed, since tracing-opentelemetry makes a text of an unsigned one.
        items = black_box((number % 100) as i64),
        express = black_box(true),
        weight = black_box(12.75),
        shipping = black_box("standard parcel, v.2"),
    );
    span.in_scope(inside);
}
