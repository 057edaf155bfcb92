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

    /// Whether all that lack a load and can be asked now are not to be asked to take it as it is: then its rows need not go
    /// through the filter.
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
        let sizes: Vec<usize> = claimed.iter().map(|batch| batch.rows.len()).collect();
        let all: usize = sizes.iter().sum();
        let of_first = if let [Claimed { batch, rows, .. }] = claimed {
            let others: Vec<i64> = rows[all / 2..].iter().map(|(seq, _)| *seq).collect();
            self.outbox.part(*batch, &others, Part::Divided(halves[1]), now)?;
            self.outbox.note(&[*batch], halves[0], Answers::default())?;
            all / 2
        } else {
            // As whole batches, which stay claimed until all are noted. If anybody could claim a part of a half, the rest would
            // go out under its number later, and be taken for the same.
            let (first, of_first) = nearest_to_half(&sizes);
            let batches: Vec<i64> = claimed.iter().map(|batch| batch.batch).collect();
            self.outbox.note(&batches[..first], halves[0], Answers::default())?;
            self.outbox.note(&batches[first..], halves[1], Answers::default())?;
            of_first
        };
        self.refused.divided(number, [(halves[0], of_first as u64), (halves[1], (all - of_first) as u64)]);
        let remembered = self.suspects.halved(number, halves);
        self.outbox.suspect(&remembered)?;
        self.release(claimed)
    }
}

/// How many batches of these sizes are the first half, at least one and not all, and how many rows are in them.
fn nearest_to_half(sizes: &[usize]) -> (usize, usize) {
    let all: usize = sizes.iter().sum();
    let mut so_far = 0;
    let ends = sizes[..sizes.len().saturating_sub(1)].iter().enumerate().map(|(place, size)| {
        so_far += size;
        (place + 1, so_far)
    });
    ends.min_by_key(|(_, rows)| (2 * rows).abs_diff(all)).unwrap_or((sizes.len(), all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_batches_are_divided_where_the_halves_differ_least() {
        for (sizes, expected) in [
            (&[4, 4, 4][..], (1, 4)),
            (&[1, 1, 1, 1], (2, 2)),
            (&[1, 1, 1, 9], (3, 3)),
            (&[9, 1, 1], (1, 9)),
            (&[0, 2], (1, 0)),
        ] {
            assert_eq!(nearest_to_half(sizes), expected, "{sizes:?}");
        }
    }
}
