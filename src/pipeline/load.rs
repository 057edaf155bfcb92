//! What goes out in one request: claimed, checked a second time, and sealed.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Shared;
use super::counters::Loss;
use super::lots::{Lot, Swept};
use super::outbox::Trouble;
use super::queue::lock;
use super::uploader::{Uploader, Whose};
use crate::export::{Earlier, Parcel};
use crate::privacy::Resource;
use crate::record::claim::{Answers, Lease, Part, Verdict};
use crate::record::{Batch, RecordRef, Signal};

/// Rows and bytes of one claim, unless a single batch has more.
const CLAIM: u32 = 1024;
const CLAIM_BYTES: u64 = 512 * 1024;

/// What goes out together, and the batches that it settles.
pub(super) struct Load {
    /// Its own number, the same whenever these batches go out.
    pub(super) number: i64,
    /// For each route that does not have it yet, by its place.
    pub(super) parcels: Vec<(usize, Parcel)>,
    /// The routes on which it is given up, by their places.
    pub(super) given_up: Vec<usize>,
    /// Some routes that do not have it are to be left alone with it now.
    pub(super) is_left: bool,
    /// Some routes have it, from an earlier round.
    pub(super) has_arrived: bool,
    /// The routes that have no use for it, a bit for each.
    pub(super) unwanted: u8,
    pub(super) signal: Signal,
    pub(super) batches: Vec<i64>,
    pub(super) rows: u64,
    /// How many were made by this run.
    pub(super) own: u64,
    /// As they were claimed.
    pub(super) lease: Lease,
    /// Receivers of other runs lack it, so that those of this run are noted by what they answered.
    pub(super) is_owed: bool,
}

impl Load {
    /// What is known of it before anybody is asked.
    pub(super) fn unwanted(&self) -> Answers {
        Answers { unwanted: self.unwanted, ..Answers::default() }
    }
}

/// What a claim of so many rows came to.
pub(super) struct Loaded {
    pub(super) loads: Vec<Load>,
    pub(super) rows: u64,
}

/// What batches must have in common to go into one request, beside their resource.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) signal: Signal,
    /// What they were sent in before, and who is not asked any more.
    pub(super) load: Option<i64>,
    pub(super) done: u8,
    /// Whether somebody has them.
    pub(super) has_arrived: bool,
    /// Who may not have them.
    pub(super) barred: u8,
}

/// Records that go into one request: of one kind and one resource.
pub(super) struct Group<'r> {
    pub(super) records: Vec<RecordRef<'r>>,
    pub(super) kind: Kind,
    pub(super) batches: Vec<i64>,
    pub(super) own: u64,
    pub(super) is_owed: bool,
    /// Of the routes that know tokens, those on which some of them may have arrived, a bit for each.
    pub(super) asked: u8,
}

impl Group<'_> {
    /// For records that were never sent.
    fn fresh(signal: Signal) -> Self {
        let kind = Kind { signal, load: None, done: 0, has_arrived: false, barred: 0 };
        Group { records: Vec::new(), kind, batches: Vec::new(), own: 0, is_owed: false, asked: 0 }
    }
}

impl Uploader<'_> {
    /// Claims what is next and makes it ready to be sent; `None` when there is nothing.
    pub(super) fn load(&mut self, whose: Whose) -> Result<Option<Loaded>, Trouble> {
        let lease = self.lease();
        if whose == Whose::Suspects {
            return self.load_suspect(lease);
        }
        // What is older than all that the worker has handed over was left behind, by others or by a burst: it comes first.
        // Rows that the worker has stored and not handed over yet may be among it, which costs reading them and no more.
        let before = lock(&self.upload.lots).first().unwrap_or(i64::MAX);
        let claimed = self.outbox.claim(self.rows(), CLAIM_BYTES, lease, before)?;
        if !claimed.is_empty() {
            return self.load_stored(claimed, lease).map(Some);
        }
        match self.load_lots(lease)? {
            None => self.load_suspect(lease),
            loaded => Ok(loaded),
        }
    }

    fn load_lots(&mut self, lease: Lease) -> Result<Option<Loaded>, Trouble> {
        let lots = lock(&self.upload.lots).take(self.rows().into());
        if lots.is_empty() { Ok(None) } else { self.load_fresh(lots, lease).map(Some) }
    }

    /// The most rows of one claim.
    fn rows(&self) -> u32 {
        CLAIM.max(self.upload.destination.tuning.records())
    }

    /// Claims what the worker has handed over.
    fn load_fresh(&mut self, lots: Vec<Lot>, lease: Lease) -> Result<Loaded, Trouble> {
        let shared = self.shared;
        // What nobody takes now stays in the store.
        let is_open = |signal| lease.routes.open(signal) != 0;
        let open = |lot: &Lot| -> Vec<(i64, Signal, u64)> {
            let batches = lot.batches.iter().zip(&lot.rows_of).map(|((batch, signal), rows)| (*batch, *signal, *rows));
            batches.filter(|(_, signal, _)| is_open(*signal)).collect()
        };
        let batches = |lots: &[&Lot]| lots.iter().flat_map(|lot| open(lot)).map(|(batch, ..)| batch).collect();
        let all: Vec<(i64, u64)> = lots.iter().flat_map(open).map(|(batch, _, rows)| (batch, rows)).collect();
        let claimed: HashSet<i64> = self.outbox.claim_known(&all, lease)?.into_iter().collect();
        // What was cleared meanwhile, or taken by somebody else, is not ours to send; what has lost rows is read back.
        let is_ours = |lot: &&Lot| open(lot).iter().all(|(batch, ..)| claimed.contains(batch));
        let (ours, others): (Vec<&Lot>, Vec<&Lot>) = lots.iter().partition(is_ours);
        let others: Vec<i64> = batches(&others);
        self.outbox.settle(&others, Verdict::Released)?;
        // The resource changes at midnight at most: there is nearly always one.
        let mut groups: Vec<(&Resource, bool, [Group<'_>; 2])> = Vec::new();
        for lot in ours {
            let resource: &Resource = &lot.resource;
            if groups.last().is_none_or(|(last, ..)| *last != resource) {
                let fresh = [Signal::Log, Signal::Span].map(Group::fresh);
                groups.push((resource, self.is_clean_resource(resource), fresh));
            }
            let Some((_, is_clean_resource, [logs, spans])) = groups.last_mut() else { continue };
            for (batch, signal, _) in open(lot) {
                let group = if signal == Signal::Log { &mut *logs } else { &mut *spans };
                group.batches.push(batch);
            }
            let (mut defects, mut unwanted) = (Vec::new(), Vec::new());
            let in_order = lot.chunks.iter().flat_map(|Swept { chunk, zero }| {
                Batch { chunk, plans: Some(&shared.plans), resource, zero: *zero }.records()
            });
            for (seq, record) in (lot.first..).zip(in_order).filter(|(_, record)| is_open(record.signal())) {
                match self.judge(&record, *is_clean_resource) {
                    Judged::Defect => {
                        defects.push(seq);
                        continue;
                    }
                    Judged::Unwanted => {
                        unwanted.push(seq);
                        continue;
                    }
                    Judged::Wanted => {}
                }
                let group = if record.signal() == Signal::Log { &mut *logs } else { &mut *spans };
                group.own += 1;
                group.records.push(record);
            }
            for (batch, ..) in open(lot) {
                let erased = self.erase(batch, &defects)?;
                shared.queue.counters.lose_stored(Loss::Defect, erased);
                self.outbox.part(batch, &unwanted, Part::Rejected, lease.now)?;
            }
        }
        let groups: Vec<Group<'_>> = groups.into_iter().flat_map(|(.., groups)| groups).collect();
        let rows = groups.iter().map(|group| group.own).sum();
        let loads = self.seal(groups, lease)?;
        lots.into_iter().flat_map(|lot| lot.chunks).for_each(|swept| shared.queue.reuse(swept.chunk));
        Ok(Loaded { loads, rows })
    }

    /// Seals groups of records that passed. One that cannot be sealed is never sent.
    pub(super) fn seal<'r>(
        &mut self,
        groups: impl IntoIterator<Item = Group<'r>>,
        lease: Lease,
    ) -> Result<Vec<Load>, Trouble> {
        let mut loads = Vec::new();
        for Group { records, kind, batches, own, is_owed, asked } in groups {
            let Kind { signal, load, done, has_arrived, barred } = kind;
            let number = load.unwrap_or_else(|| self.rng.next_u64().cast_signed());
            if records.is_empty() {
                // All that was in them was refused, or is for receivers of another run.
                if is_owed {
                    let unwanted = lease.routes.all & !barred;
                    self.outbox.note(&batches, number, Answers { unwanted, ..Answers::default() })?;
                }
                self.outbox.settle(&batches, Verdict::Rejected(self.shared.noted_at()))?;
                continue;
            }
            let (mut parcels, mut given_up, mut refused, mut unwanted) = (Vec::new(), Vec::new(), None, 0);
            let (resting, mut is_left, mut unsealed) = (self.suspects.resting(number, lease.now), false, 0);
            for (place, route) in self.routes.iter_mut().enumerate() {
                if !records.iter().any(|record| route.exporter.takes(record)) {
                    unwanted |= route.bit;
                    continue;
                }
                if (done | barred) & route.bit != 0 {
                    continue;
                }
                let is_too_large = records.len() > 1 && self.suspects.is_too_large(number, route.bit);
                if resting & route.bit != 0 || is_too_large {
                    is_left = true;
                    continue;
                }
                if self.suspects.is_given_up(number, route.bit) {
                    given_up.push(place);
                    continue;
                }
                let earlier = if asked & route.bit == 0 { Earlier::Nothing } else { Earlier::Perhaps };
                match guarded(self.shared, Step::Seal, || route.exporter.seal(&records, number, earlier)) {
                    Some(Ok(parcel)) => parcels.push((place, parcel)),
                    Some(Err(why)) => {
                        unsealed |= route.bit;
                        refused = Some(why);
                    }
                    None => {
                        unsealed |= route.bit;
                        refused = Some("records could not be made ready to be sent: a panic of our own".to_owned());
                        // It may have stopped half way. What it has sealed can be sent by another one just as well.
                        if let Some(Ok(exporter)) = self
                            .upload
                            .receivers()
                            .get(place)
                            .map(|receiver| receiver.exporter(self.in_hand.permit(self.shared)))
                        {
                            route.exporter = exporter;
                        }
                    }
                }
            }
            if is_owed && unsealed != 0 {
                self.outbox.note(&batches, number, Answers { refused: unsealed, ..Answers::default() })?;
            }
            if let Some(why) = refused {
                self.shared.note(why);
                if parcels.is_empty() && given_up.is_empty() && !is_left && !has_arrived {
                    let marked = self.outbox.settle(&batches, Verdict::Rejected(self.shared.noted_at()))?;
                    self.shared.queue.counters.lose_stored(Loss::Rejected, own.min(marked));
                    continue;
                }
            }
            let rows = records.len() as u64;
            loads.push(Load {
                number,
                parcels,
                given_up,
                is_left,
                has_arrived,
                unwanted,
                signal,
                batches,
                rows,
                own,
                lease,
                is_owed,
            });
        }
        Ok(loads)
    }

    /// The second check of a record that is about to leave. One over which that panics has not passed it.
    pub(super) fn judge(&mut self, record: &RecordRef<'_>, is_clean_resource: bool) -> Judged {
        let shared = self.shared;
        let verify = || record.verify(&shared.checked_by, &mut self.clean_plans).is_ok();
        match is_clean_resource && guarded(shared, Step::Verify, verify) == Some(true) {
            false => Judged::Defect,
            true if self.is_wanted(record) => Judged::Wanted,
            true => Judged::Unwanted,
        }
    }

    /// Whether some destination has a use for a record. What none has stays stored, to be seen.
    fn is_wanted(&self, record: &RecordRef<'_>) -> bool {
        self.routes.iter().any(|route| route.exporter.takes(record))
    }

    /// Deletes rows in which the second check found something: a raw value is not to be kept either.
    pub(super) fn erase(&mut self, batch: i64, seqs: &[i64]) -> Result<u64, Trouble> {
        if seqs.is_empty() {
            return Ok(0);
        }
        self.shared.note("a record failed the check before sending and was deleted: please report this".to_owned());
        self.outbox.part(batch, seqs, Part::Erased, self.shared.now_seconds())
    }

    pub(super) fn is_clean_resource(&self, resource: &Resource) -> bool {
        let verify = || resource.verify(&self.shared.checked_by).is_ok();
        guarded(self.shared, Step::Resource, verify) == Some(true)
    }
}

/// What the second check said about a record.
pub(super) enum Judged {
    Wanted,
    /// No destination has a use for it.
    Unwanted,
    /// It must not leave.
    Defect,
}

/// What is done to records here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Readmit,
    Verify,
    Resource,
    Seal,
    Prepare,
    Send,
}

/// Does one step; `None` when it panicked. That costs the records it was about, and not all uploads of the process.
#[cfg_attr(not(test), expect(unused_variables, reason = "only tests break a step"))]
pub(super) fn guarded<R>(shared: &Shared, step: Step, work: impl FnOnce() -> R) -> Option<R> {
    let work = || {
        #[cfg(test)]
        if lock(&shared.breaks).take_if(|breaks| *breaks == step).is_some() {
            std::panic::resume_unwind(Box::new("a defect"));
        }
        work()
    };
    catch_unwind(AssertUnwindSafe(work)).ok()
}
