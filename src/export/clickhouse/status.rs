//! How delivery goes.

use std::fmt;

use crate::export::{BreakerState, topic};

/// What has become of an exporter's rows so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClickHouseStatus {
    pub(super) sent: u64,
    pub(super) refused: u64,
    pub(super) expired: u64,
    pub(super) overflowed: u64,
    pub(super) clamped: u64,
    pub(super) waiting: u64,
    pub(super) failed: u64,
    pub(super) breaker: BreakerState,
    pub(super) answer: Option<String>,
    pub(super) notes: Vec<String>,
}

/// Notes that are kept; the oldest go.
const NOTES: usize = 16;

impl ClickHouseStatus {
    /// Rows that the server has.
    pub fn rows_sent(&self) -> u64 {
        self.sent
    }

    /// Rows that the server will never take; the notes say why.
    pub fn rows_refused(&self) -> u64 {
        self.refused
    }

    /// Rows older than their table keeps any: the server would drop them and say nothing, so they are not sent.
    ///
    /// Whole days alone are told: on the day that a TTL ends in, a server may drop rows that count as sent.
    pub fn rows_expired(&self) -> u64 {
        self.expired
    }

    /// Rows dropped because too many waited for the server.
    pub fn rows_dropped(&self) -> u64 {
        self.overflowed
    }

    /// Rows whose time is before 1970 or after 2099; they are sent with the nearest time in between.
    pub fn rows_clamped(&self) -> u64 {
        self.clamped
    }

    /// Rows that wait for the server.
    pub fn rows_waiting(&self) -> u64 {
        self.waiting
    }

    /// Tries that failed, whatever became of the rows.
    pub fn tries_failed(&self) -> u64 {
        self.failed
    }

    /// Whether requests go out.
    pub fn breaker(&self) -> BreakerState {
        self.breaker
    }

    /// The server's own summary of the last insert that it took, as it was sent (JSON).
    pub fn last_answer(&self) -> Option<&str> {
        self.answer.as_deref()
    }

    /// What went wrong or is odd, oldest first: of each thing, and of each of the server's codes, the last word.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(super) fn note(&mut self, note: String) {
        let about = topic(&note);
        self.notes.retain(|earlier| topic(earlier) != about);
        if self.notes.len() == NOTES {
            self.notes.remove(0);
        }
        self.notes.push(note);
    }

    /// Rows that will never arrive.
    pub(super) fn lost(&self) -> u64 {
        self.refused + self.expired + self.overflowed
    }
}

impl fmt::Display for ClickHouseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rows: {} sent, {} waiting, {} refused, {} expired, {} dropped; {} tries failed; breaker {}",
            self.sent, self.waiting, self.refused, self.expired, self.overflowed, self.failed, self.breaker
        )
    }
}
