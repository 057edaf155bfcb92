//! What waited in the outbox comes back: each row goes through the filter again before it is sent.

use std::collections::HashSet;
use std::sync::Arc;

use super::counters::Loss;
use super::load::{Group, Judged, Kind, Loaded, Step, guarded};
use super::outbox::Trouble;
use super::uploader::Uploader;
use crate::app::Timestamp;
use crate::privacy::format::Shape;
use crate::privacy::{Chunk, Readmitted, Readmitter, Refused, Resource};
use crate::record::claim::{Claimed, Lease, Part, Verdict};
use crate::record::{Batch, Signal};

/// Readmitted records carry their time as nanoseconds since 1970.
const EPOCH: Timestamp = Timestamp::from_nanos(0);

/// Rows of one kind and resource that came back from disk.
struct Returned {
    kind: Kind,
    resource: Arc<Resource>,
    chunk: Chunk,
    /// Batch and number of each row in the chunk.
    rows: Vec<(i64, i64)>,
    batches: Vec<i64>,
    /// Batches of this run.
    own: HashSet<i64>,
    /// Receivers of other runs lack some of them.
    is_owed: bool,
    /// Of the routes that know tokens, those on which some of them may have arrived, a bit for each.
    asked: u8,
}

impl Uploader<'_> {
    /// Lets what waited in the outbox through the filter again. What does not pass is never sent.
    pub(super) fn load_stored(&mut self, claimed: Vec<Claimed>, lease: Lease) -> Result<Loaded, Trouble> {
        let shared = self.shared;
        let rows = claimed.iter().map(|batch| batch.rows.len() as u64).sum();
        let mut returned: Vec<Returned> = Vec::new();
        for batch in claimed {
            self.readmit(batch, &mut returned)?;
        }
        let mut groups = Vec::with_capacity(returned.len());
        for Returned { kind, resource, chunk, rows, batches, own, is_owed, asked } in &returned {
            let records = Batch { chunk, plans: None, resource, zero: EPOCH }.records();
            let is_clean_resource = self.is_clean_resource(resource);
            let (records_of, batches) = (Vec::with_capacity(rows.len()), batches.clone());
            let mut group =
                Group { records: records_of, kind: *kind, batches, own: 0, is_owed: *is_owed, asked: *asked };
            let mut unwanted = Vec::new();
            for ((batch, seq), record) in rows.iter().zip(records) {
                let is_own = own.contains(batch);
                match self.judge(&record, is_clean_resource) {
                    Judged::Wanted => {
                        group.own += u64::from(is_own);
                        group.records.push(record);
                    }
                    // Somebody else may have a use for it.
                    Judged::Unwanted if *is_owed => {}
                    Judged::Unwanted => unwanted.push((*batch, *seq)),
                    Judged::Defect => {
                        if self.erase(*batch, &[*seq])? > 0 && is_own {
                            shared.queue.counters.lose_stored(Loss::Defect, 1);
                        }
                    }
                }
            }
            for of_batch in unwanted.chunk_by(|(batch, _), (other, _)| batch == other) {
                let seqs: Vec<i64> = of_batch.iter().map(|(_, seq)| *seq).collect();
                self.outbox.part(of_batch[0].0, &seqs, Part::Rejected, lease.now)?;
            }
            groups.push(group);
        }
        let loads = self.seal(groups, lease)?;
        Ok(Loaded { loads, rows })
    }

    /// Lets the rows of a batch through the filter again, into the group of their kind and resource.
    fn readmit(&mut self, claimed: Claimed, returned: &mut Vec<Returned>) -> Result<(), Trouble> {
        let Claimed { batch, own, signal, load, done, has_arrived, barred, is_owed, asked, rows, .. } = claimed;
        let kind = Kind { signal, load, done, has_arrived, barred };
        let now = self.shared.noted_at();
        // A batch is settled as a whole, so it goes into one group.
        let mut group = None;
        let (mut refused, mut undeclared, mut odd) = (Vec::new(), Vec::new(), Vec::new());
        for (seq, json) in rows {
            let readmitted = match guarded(self.shared, Step::Readmit, || self.readmitter.readmit(&json)) {
                Some(Ok(readmitted)) if signal_of(readmitted.shape) == signal => readmitted,
                Some(Ok(_) | Err(Refused::Found | Refused::NotARecord)) => {
                    refused.push(seq);
                    continue;
                }
                Some(Err(Refused::Undeclared)) => {
                    undeclared.push(seq);
                    continue;
                }
                None => {
                    // It may have stopped half way.
                    self.readmitter = Readmitter::new(Arc::clone(&self.shared.engine));
                    refused.push(seq);
                    continue;
                }
            };
            let Readmitted { clean, resource, .. } = readmitted;
            let place = *group.get_or_insert_with(|| {
                let known = returned.iter().position(|group| group.is_for(&resource, kind));
                let place = known.unwrap_or_else(|| {
                    returned.push(Returned::new(Arc::clone(&resource), kind));
                    returned.len() - 1
                });
                returned[place].batches.push(batch);
                returned[place].is_owed |= is_owed;
                returned[place].asked |= asked;
                if own {
                    returned[place].own.insert(batch);
                }
                place
            });
            let group = &mut returned[place];
            if group.is_for(&resource, kind) {
                group.chunk.append(clean);
                group.rows.push((batch, seq));
            } else {
                // Somebody edited it. It goes out with the next claim.
                odd.push(seq);
            }
        }
        self.outbox.part(batch, &odd, Part::Released, now)?;
        for (rows, loss) in [(refused, Loss::NotReadmitted), (undeclared, Loss::Undeclared)] {
            let marked = self.outbox.part(batch, &rows, Part::Rejected, now)?;
            if own {
                self.shared.queue.counters.lose_stored(loss, marked);
            }
        }
        if group.is_none() {
            self.outbox.settle(&[batch], Verdict::Rejected(now))?;
        }
        Ok(())
    }
}

impl Returned {
    fn new(resource: Arc<Resource>, kind: Kind) -> Self {
        let (rows, batches) = (Vec::new(), Vec::new());
        let (chunk, own) = (Chunk::default(), HashSet::new());
        Returned { kind, resource, chunk, rows, batches, own, is_owed: false, asked: 0 }
    }

    fn is_for(&self, resource: &Arc<Resource>, kind: Kind) -> bool {
        self.kind == kind && (Arc::ptr_eq(&self.resource, resource) || self.resource == *resource)
    }
}

fn signal_of(shape: Shape) -> Signal {
    match shape {
        Shape::Event => Signal::Log,
        Shape::Span => Signal::Span,
    }
}
