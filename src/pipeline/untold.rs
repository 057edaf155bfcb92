//! What became of loads, and the store was not told yet: it may be locked, or its disk full, when a server answers.
//!
//! Nothing else is claimed before it is told, or what a server has taken would go there again.

use super::counters::Loss;
use super::outbox::Trouble;
use super::uploader::Uploader;
use crate::record::claim::{Answers, Verdict};

/// Something about batches that are still claimed.
pub(super) struct Untold {
    pub(super) batches: Vec<i64>,
    pub(super) news: News,
}

pub(super) enum News {
    /// Some receivers are not asked to take them any more, in this load or another one.
    Done { load: i64, answers: Answers },
    /// Some receiver has them. So many rows were made by this run, and so many of all were not taken.
    Sent { own: u64, rejected: u64 },
    /// No receiver has them, for this reason.
    Lost { own: u64, why: Loss },
    /// They wait for another receiver.
    Left,
}

impl Uploader<'_> {
    /// Tells the store what it does not know yet, in order. What was taken counts as sent only then: until then it can still
    /// be cleared.
    pub(super) fn tell(&mut self) -> Result<(), Trouble> {
        while let Some(Untold { batches, news }) = self.untold.front() {
            let now = self.shared.noted_at();
            let counters = &self.shared.queue.counters;
            match *news {
                News::Done { load, answers } => self.outbox.note(batches, load, answers)?,
                News::Sent { own, rejected } => {
                    // What was cleared meanwhile is counted as cleared.
                    let own = self.outbox.settle(batches, Verdict::Sent(now))?.min(own);
                    // A server does not say which ones it left out; they count as this run's first.
                    let rejected = own.min(rejected);
                    counters.sent.add(own - rejected);
                    counters.lose_stored(Loss::Rejected, rejected);
                }
                News::Lost { own, why } => {
                    let own = self.outbox.settle(batches, Verdict::Rejected(now))?.min(own);
                    counters.lose_stored(why, own);
                }
                News::Left => drop(self.outbox.settle(batches, Verdict::Released)?),
            }
            self.untold.pop_front();
        }
        Ok(())
    }
}
