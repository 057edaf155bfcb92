//! What an application can tell its user about its telemetry.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::consent::Decision;
use crate::layer::LogRecords;
use crate::pipeline::Counts;

/// Whether telemetry is on and why, what it did so far, where its data is, and what went wrong.
#[derive(Debug, Clone)]
pub struct Status {
    pub(super) decision: Decision,
    pub(super) withdrawn: bool,
    pub(super) counts: Counts,
    pub(super) events_in_open_spans: u64,
    pub(super) store: Option<PathBuf>,
    /// Where earlier runs have kept records, while this one keeps none.
    pub(super) left: Option<PathBuf>,
    #[cfg(feature = "upload")]
    pub(super) destinations: Vec<(String, crate::export::BreakerState)>,
    pub(super) last_answer: Option<String>,
    pub(super) turned_away: Vec<(String, u64)>,
    pub(super) log_records: LogRecords,
    pub(super) undeclared: Vec<(String, u64)>,
    pub(super) notes: Vec<String>,
}

impl Status {
    /// Whether telemetry may be, and why.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whether consent was withdrawn since the start.
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }

    /// What became of this run's records.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Events in spans that are open now. They are no records yet, and will not be if the program ends before their spans
    /// do; none with [`Events::Logs`](crate::Events::Logs).
    pub fn events_in_open_spans(&self) -> u64 {
        self.events_in_open_spans
    }

    /// The file that records are kept in; none while off, and when they are kept in memory only.
    pub fn store(&self) -> Option<&Path> {
        self.store.as_deref()
    }

    /// Where records are sent, or the first of several; none if they stay on this machine.
    pub fn endpoint(&self) -> Option<&str> {
        #[cfg(feature = "upload")]
        return self.destinations.first().map(|(endpoint, _)| endpoint.as_str());
        #[cfg(not(feature = "upload"))]
        None
    }

    /// All places where records are sent, and whether requests go there now.
    #[cfg(feature = "upload")]
    pub fn destinations(&self) -> &[(String, crate::export::BreakerState)] {
        &self.destinations
    }

    /// ClickHouse's own summary of the last insert that it took, as it was sent (JSON); none from a collector.
    pub fn last_answer(&self) -> Option<&str> {
        self.last_answer.as_deref()
    }

    /// The five targets of other crates from which most records were turned away, with how many.
    pub fn turned_away(&self) -> &[(String, u64)] {
        &self.turned_away
    }

    /// The five records of the application most often left out by its [`Inventory`](crate::privacy::Inventory): the header
    /// that declares or would declare each and why it is left out, with how many.
    pub fn undeclared(&self) -> &[(String, u64)] {
        &self.undeclared
    }

    /// What went wrong, each thing once.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "telemetry is {}", self.decision.reason())?;
        if self.withdrawn {
            writeln!(f, "consent was withdrawn since: nothing more is stored or sent")?;
        }
        match (&self.store, &self.left) {
            (Some(path), _) => writeln!(f, "kept in {}", path.display())?,
            (None, Some(path)) => writeln!(f, "nothing is kept now; what was kept before is in {}", path.display())?,
            (None, None) => writeln!(f, "kept nowhere on disk")?,
        }
        #[cfg(feature = "upload")]
        for (endpoint, breaker) in &self.destinations {
            match breaker {
                crate::export::BreakerState::Closed => writeln!(f, "sent to {endpoint}")?,
                _ => writeln!(f, "sent to {endpoint}, which is left alone for a while (breaker {breaker})")?,
            }
        }
        if self.endpoint().is_none() {
            writeln!(f, "sent nowhere")?;
        }
        writeln!(f, "{}", self.counts)?;
        if self.events_in_open_spans > 0 {
            writeln!(f, "in spans that are still open: {} events", self.events_in_open_spans)?;
        }
        for (target, count) in &self.turned_away {
            let remedy = match (target.as_str(), self.log_records) {
                ("log", LogRecords::Ignored) => ".log_records()".to_owned(),
                // They are collected, and each has a target of its own that was the reason.
                ("log", LogRecords::Collected) => ".targets(\"..=info\") with the targets of these records".to_owned(),
                (target, _) => format!(".targets(\"{target}=info\")"),
            };
            writeln!(f, "turned away: {count} of `{target}`; {remedy} would let them in")?;
        }
        for (what, count) in &self.undeclared {
            writeln!(f, "not collected: {count} of {what}")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}
