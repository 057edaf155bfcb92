//! What a destination failed at: it comes after everything else, and is halved until the record at fault is alone.

use super::load::Loaded;
use super::outbox::Trouble;
use super::uploader::Uploader;
use crate::record::claim::{Answers, Claimed, Lease, Part, Routes, Verdict};

impl Uploader<'_> {
    /// Claims a load at which a destination failed, if it is any load's turn.
    pub(super) fn load_suspect(&mut self, lease: Lease) -> Result<Option<Loaded>, Trouble> {
        while let Some(number) = self.suspects.next(lease.now) {
            let rested = !self.suspects.resting(number, lease.now);
            let Routes { logs, spans, all } = lease.routes;
            let routes = Routes { logs: logs & rested, spans: spans & rested, all };
            let claimed = self.outbox.claim_load(number, Lease { routes, ..lease })?;
            if self.is_to_be_halved(number, &claimed) {
                self.halve(number, &claimed, lease.now)?;
            } else if self.is_too_large_for_all(number, &claimed, routes) {
                self.release(&claimed)?;
            } else if !claimed.is_empty() {
                return self.load_stored(claimed, lease).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether enough counts against a load, and halves of it can count nothing twice: a destination that knows it by a token,
    /// also one of another run, would take a half for something else, if it has rows of it.
    fn is_to_be_halved(&self, number: i64, claimed: &[Claimed]) -> bool {
        let closed = claimed.first().map_or(0, |batch| batch.done | batch.barred);
        let asked = claimed.iter().fold(0, |bits, batch| bits | batch.asked);
        let mut lacking = self.routes.iter().filter(|route| closed & route.bit == 0);
        claimed.iter().map(|batch| batch.rows.len()).sum::<usize>() > 1
            && lacking.clone().any(|route| self.suspects.is_to_be_halved(number, route.bit))
            && lacking.all(|route| asked & route.bit == 0)
            && !claimed.iter().any(|batch| batch.is_asked_elsewhere)
    }

    /// Whether all that lack a load and can be asked now are not to be asked to take it as it is: then it need not be read.
    fn is_too_large_for_all(&self, number: i64, claimed: &[Claimed], routes: Routes) -> bool {
        let Some(first) = claimed.first() else { return false };
        let lacking = routes.all & !(first.done | first.barred);
        let mut to_ask = self.routes.iter().filter(|route| lacking & routes.open(first.signal) & route.bit != 0);
        lacking != 0
            && claimed.iter().map(|batch| batch.rows.len()).sum::<usize>() > 1
            && to_ask.all(|route| self.suspects.is_too_large(number, route.bit))
    }

    fn release(&mut self, claimed: &[Claimed]) -> Result<(), Trouble> {
        let batches: Vec<i64> = claimed.iter().map(|batch| batch.batch).collect();
        self.outbox.settle(&batches, Verdict::Released).map(drop)
    }

    /// Makes two loads of one that is claimed, and gives them back: each has a turn of its own.
    fn halve(&mut self, number: i64, claimed: &[Claimed], now: i64) -> Result<(), Trouble> {
        let halves = [self.rng.next_u64().cast_signed(), self.rng.next_u64().cast_signed()];
        let all = claimed.iter().map(|batch| batch.rows.len()).sum::<usize>();
        let mut left = all / 2;
        for Claimed { batch, rows, .. } in claimed {
            let of_first = left.min(rows.len());
            left -= of_first;
            let half = if of_first == 0 { halves[1] } else { halves[0] };
            if of_first > 0 {
                let others: Vec<i64> = rows[of_first..].iter().map(|(seq, _)| *seq).collect();
                self.outbox.part(*batch, &others, Part::Divided(halves[1]), now)?;
            }
            self.outbox.note(&[*batch], half, Answers::default())?;
        }
        let (first, second) = (all as u64 / 2, (all - all / 2) as u64);
        self.refused.divided(number, [(halves[0], first), (halves[1], second)]);
        let remembered = self.suspects.halved(number, halves);
        self.outbox.suspect(&remembered)?;
        self.release(claimed)
    }
}
