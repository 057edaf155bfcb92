//! What became of a try to send a batch.

use std::borrow::Cow;
use std::time::Duration;

/// What became of a batch that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server has it: never to be sent again.
    Delivered {
        /// Records that the server took no part of; at most as many as were sent.
        rejected: u64,
        /// What the server had to say, or what was odd about its answer; fit to be shown.
        message: Option<String>,
    },
    /// It may work later.
    Retry {
        /// The least time that the server wants to be left alone, at most an hour.
        after: Option<Duration>,
        why: Cow<'static, str>,
    },
    /// It may work later, and until then nothing else is welcome either.
    Overloaded {
        /// The least time that the server wants to be left alone, at most an hour.
        after: Option<Duration>,
        why: Cow<'static, str>,
    },
    /// The server will never take this batch.
    Rejected { status: u16, why: Cow<'static, str> },
    /// The server does not take so much at once; of less it may take each part.
    TooLarge { status: u16, why: Cow<'static, str> },
    /// The server takes nothing from us as things are: a matter of address or authorization, not of this batch.
    Paused { status: u16, why: Cow<'static, str> },
    /// The server has no table for records of this kind; for others it may have one.
    NoTable { why: Cow<'static, str> },
}

#[cfg(test)]
impl Outcome {
    /// Its name, for tables of what each answer comes to.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Outcome::Delivered { .. } => "delivered",
            Outcome::Retry { .. } => "retry",
            Outcome::Overloaded { .. } => "overloaded",
            Outcome::Rejected { .. } => "rejected",
            Outcome::TooLarge { .. } => "too large",
            Outcome::Paused { .. } => "paused",
            Outcome::NoTable { .. } => "no table",
        }
    }
}
