//! The way to one destination.

use std::time::Duration;

use crate::export::{Admission, Delivery, Exporter, Outcome, Permit, Receiver, Step};
use crate::record::Signal;

/// How long a destination that lacks the place for records of one kind is left alone with these.
const REST: Duration = Duration::from_secs(60);

pub(super) struct Route {
    pub(super) exporter: Exporter,
    /// What a status calls it.
    pub(super) label: String,
    /// Tells it from the others in the store.
    pub(super) bit: u8,
    /// Its rows must go out again as they went out before.
    pub(super) knows_tokens: bool,
    pub(super) delivery: Delivery,
    /// Until when it is left alone with log records, and with spans.
    held_up: [u64; 2],
}

impl Route {
    pub(super) fn new(receiver: &Receiver, permit: Permit) -> Result<Self, String> {
        Ok(Route {
            exporter: receiver.exporter(permit)?,
            label: receiver.label(),
            bit: receiver.bit(),
            knows_tokens: receiver.knows_tokens(),
            delivery: Delivery::default(),
            held_up: [0; 2],
        })
    }

    /// Whether a request with such records may go out now; then it is reported with [`step`](Self::step).
    pub(super) fn admits(&mut self, signal: Signal, now: u64) -> bool {
        self.remaining(signal, now).is_none() && !matches!(self.delivery.admit(now), Admission::Wait(_))
    }

    /// What follows from the outcome of a try.
    pub(super) fn step(&mut self, outcome: &Outcome, signal: Signal, failed: &mut u32, now: u64) -> Step {
        if let Outcome::NoTable { .. } = outcome {
            self.held_up[signal as usize] = now.saturating_add(u64::try_from(REST.as_nanos()).unwrap_or(u64::MAX));
        }
        self.delivery.step(outcome, failed, now)
    }

    /// How long such records are held back; `None` when some may go out.
    pub(super) fn remaining(&self, signal: Signal, now: u64) -> Option<Duration> {
        let held_up = self.held_up[signal as usize].checked_sub(now).filter(|rest| *rest > 0).map(Duration::from_nanos);
        self.delivery.remaining(now).max(held_up)
    }
}
