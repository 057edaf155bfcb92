//! The claim of what is being sent: asked for before each request, and made to last for the length of one more.
//!
//! A load can take many requests, one after the other, of which the exporter alone knows. So the question stands where each of
//! them goes out, beside the one for a no: in the one door of the HTTP client.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Shared;
use super::outbox::{Outbox, Trouble};
use super::queue::lock;
use crate::app::Clock;
use crate::export::Permit;
use crate::record::claim::{Lease, Verdict};

/// A claim older than this is looked at again before a request: its rows may have been erased by another process.
const FRESH: Duration = Duration::from_secs(2);

/// What is in hand now, if anything is.
#[derive(Clone, Default)]
pub(super) struct InHand(Arc<Mutex<Option<Hold>>>);

/// The claim of one load.
pub(super) struct Hold {
    pub(super) outbox: Outbox,
    pub(super) batches: Vec<i64>,
    /// As it was claimed.
    pub(super) lease: Lease,
    /// The longest that a request can take.
    pub(super) longest: Duration,
    pub(super) clock: Clock,
    /// How often the records were erased by this process, and how often when they were claimed.
    pub(super) erasures: Arc<AtomicU64>,
    pub(super) erasures_seen: u64,
    /// Why no more of its requests may go: some batches are somebody else's by now, or nobody's, or the store could not say.
    pub(super) end: Option<Result<(), Trouble>>,
}

/// How old an answer of the store may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It will do if it is fresh.
    Fresh,
    Anew,
}

impl InHand {
    /// This is in hand from now on.
    pub(super) fn take(&self, hold: Hold) {
        *lock(&self.0) = Some(hold);
    }

    /// Nothing is in hand any more.
    pub(super) fn let_go(&self) {
        *lock(&self.0) = None;
    }

    /// Whether what is in hand is ours for the length of one more request.
    pub(super) fn is_held(&self, look: Look) -> Result<bool, Trouble> {
        lock(&self.0).as_mut().map_or(Ok(true), |hold| hold.is_held(look))
    }

    /// Why a request was held back, if one was for the sake of the claim.
    pub(super) fn end(&self) -> Option<Result<(), Trouble>> {
        lock(&self.0).as_ref().and_then(|hold| hold.end.clone())
    }

    /// What each request asks before it goes: whether nobody has said no, and what it sends is in our hands.
    pub(super) fn permit(&self, shared: &Shared) -> Permit {
        let (objection, in_hand) = (Arc::clone(&shared.objection), self.clone());
        Arc::new(move || objection().is_none() && in_hand.is_held(Look::Fresh).unwrap_or(false))
    }
}

impl Hold {
    /// Its rows can have been erased meanwhile, or the claim can have run out and another process can have taken them. The
    /// store is asked unless it has just been.
    fn is_held(&mut self, look: Look) -> Result<bool, Trouble> {
        if self.end.is_some() {
            return Ok(false);
        }
        let held = self.look(look);
        self.end = match &held {
            Ok(true) => None,
            Ok(false) => Some(Ok(())),
            Err(trouble) => Some(Err(trouble.clone())),
        };
        held
    }

    fn look(&mut self, look: Look) -> Result<bool, Trouble> {
        let now = self.clock.wall().nanos().div_euclid(1_000_000_000);
        let is_within = |time: Duration| {
            let claimed_at = self.lease.now;
            (claimed_at..claimed_at.saturating_add_unsigned(time.as_secs())).contains(&now)
        };
        let is_untouched = self.erasures.load(Ordering::SeqCst) == self.erasures_seen;
        if look == Look::Fresh && is_untouched && is_within(FRESH) {
            return Ok(true);
        }
        let held = match self.outbox.renew(&self.batches, Lease { now, ..self.lease }) {
            Ok(held) => held,
            // It lasts for one more request all the same.
            Err(_) if look == Look::Fresh && is_untouched && is_within(self.lease.length - self.longest) => {
                return Ok(true);
            }
            Err(trouble) => return Err(trouble),
        };
        self.lease.now = now;
        if held.len() < self.batches.len() {
            // The rest goes out with the next claim.
            self.outbox.settle(&held, Verdict::Released)?;
            return Ok(false);
        }
        Ok(true)
    }
}
