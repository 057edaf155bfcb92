//! Handing batches to an upload, and hearing what became of them.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::outlook::Outlook;
use super::part::{HeldRows, take_out};
use super::{Store, StoreError, schema};
use crate::record::Hosts;
use crate::record::claim::{Answers, Claimed, Lease, Part, Verdict};

/// The longest claim. A claim that ends later than this from now was made under another clock, and does not count: a clock
/// that was set back must not lock rows away for years.
const LONGEST: Duration = Duration::from_secs(2 * 3600);

/// The latest end that a claim which still counts can have.
pub(super) fn live_until(now: i64) -> i64 {
    now.saturating_add_unsigned(LONGEST.as_secs())
}

/// The end of a claim that is made now.
fn until(lease: &Lease) -> i64 {
    lease.now.saturating_add_unsigned(lease.length.min(LONGEST).as_secs().max(1))
}

impl Store {
    /// Takes the oldest unsent batches for an upload: as many as fit into `records` and `bytes` of text, but at least one
    /// if there is any, and all of those that were sent together with one of them. Nobody else is offered them for the
    /// length of the lease. Rows past their age are not offered, nor those that only wait for receivers which cannot be
    /// asked now, nor those from the batch `before` on that were never sent, nor loads at which a receiver failed.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn claim(
        &mut self,
        records: u32,
        bytes: u64,
        lease: Lease,
        before: i64,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.mending(|store| store.try_claim(records, bytes, lease, Wanted::Before(before)))
    }

    /// Takes what was sent together under this number, under the same conditions, whoever failed at it.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn claim_load(&mut self, load: i64, lease: Lease) -> Result<Vec<Claimed>, StoreError> {
        self.mending(|store| store.try_claim(u32::MAX, u64::MAX, lease, Wanted::Load(load)))
    }

    /// Notes of batches that the owner holds in what they are sent together, and what is known of receivers.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn note(&mut self, batches: &[i64], owner: u64, load: i64, answers: Answers) -> Result<(), StoreError> {
        self.mending(|store| {
            let transaction = store.write()?;
            {
                let mut select =
                    transaction.prepare("SELECT done FROM batches WHERE id=?1 AND state='claimed' AND owner=?2")?;
                let mut update = transaction.prepare("UPDATE batches SET load=?2, done=?3 WHERE id=?1")?;
                for batch in batches {
                    let mut held = select.query(params![batch, owner.cast_signed()])?;
                    let Some(row) = held.next()? else { continue };
                    // Somebody may have edited it.
                    let done = store.hosts.adding(answers, row.get_ref(0)?.as_str().unwrap_or(""));
                    drop(held);
                    update.execute(params![batch, load, done])?;
                }
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// Takes these batches, of which the caller has so many rows at hand. Returns those that it got: the others were erased
    /// or taken by somebody else meanwhile, who may have sent them, or have lost rows, by the limits or by their owner's hand.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn claim_known(&mut self, batches: &[(i64, u64)], lease: Lease) -> Result<Vec<i64>, StoreError> {
        self.take(
            batches,
            "UPDATE batches SET state='claimed', owner=?2, claimed_until=?3
             WHERE id=?1 AND state='kept' AND load IS NULL AND rows=?4 AND (?5 OR (rows, bytes) = (
               SELECT count(*), coalesce(sum(octet_length(json)), 0) FROM lines
               WHERE seq BETWEEN first AND last AND batch=batches.id))
             RETURNING id",
            lease,
        )
    }

    /// Makes the claim of these batches last anew. Returns those that are still held: a claim that ran out may have
    /// passed to somebody else.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn renew(&mut self, batches: &[i64], lease: Lease) -> Result<Vec<i64>, StoreError> {
        let batches: Vec<_> = batches.iter().map(|batch| (*batch, 0)).collect();
        self.take(
            &batches,
            // Rows are only of interest above.
            "UPDATE batches SET claimed_until=?3 WHERE id=?1 AND state='claimed' AND owner=?2 AND ?4=0 AND ?5 IN (0,1)
             RETURNING id",
            lease,
        )
    }

    /// Ends the owner's claim of these batches. Returns how many rows were still claimed by it; those missing were erased
    /// or passed to somebody else meanwhile. A batch that is owed to receivers of another handle goes on waiting for these,
    /// whatever became of it here: what was answered here was [noted](Store::note).
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn settle(&mut self, batches: &[i64], owner: u64, verdict: Verdict) -> Result<u32, StoreError> {
        if batches.is_empty() {
            return Ok(0);
        }
        let (state, at) = match verdict {
            Verdict::Sent(at) => ("sent", Some(at)),
            Verdict::Rejected(at) => ("rejected", Some(at)),
            Verdict::Released => ("kept", None),
        };
        self.mending(|store| {
            let transaction = store.write()?;
            let mut settled = 0;
            {
                let mut select = transaction.prepare(
                    "SELECT rows, hosts, receivers, done FROM batches WHERE id=?1 AND state='claimed' AND owner=?2",
                )?;
                let mut update = transaction
                    .prepare("UPDATE batches SET state=?2, owner=NULL, claimed_until=NULL, sent_at=?3 WHERE id=?1")?;
                for batch in batches {
                    let mut held = select.query(params![batch, owner.cast_signed()])?;
                    let Some(row) = held.next()? else { continue };
                    let rows = u32::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
                    let (state, at) = match Outlook::of(row, 1, &store.hosts)? {
                        Outlook { is_owed: true, .. } if rows > 0 => ("kept", None),
                        _ => (state, at),
                    };
                    drop(held);
                    update.execute(params![batch, state, at])?;
                    settled += rows;
                }
            }
            transaction.commit()?;
            Ok(settled)
        })
    }

    fn take(&mut self, batches: &[(i64, u64)], sql: &str, lease: Lease) -> Result<Vec<i64>, StoreError> {
        if batches.is_empty() {
            return Ok(Vec::new());
        }
        self.mending(|store| {
            let transaction = store.write()?;
            let mut taken = Vec::with_capacity(batches.len());
            {
                let mut update = transaction.prepare(sql)?;
                for (batch, rows) in batches {
                    // To read the rows once more takes as long as to put them in.
                    let is_untouched = store.untouched.has(*batch);
                    let (owner, until) = (lease.owner.cast_signed(), until(&lease));
                    let mut changed = update.query(params![batch, owner, until, rows.cast_signed(), is_untouched])?;
                    while let Some(row) = changed.next()? {
                        taken.push(row.get(0)?);
                    }
                }
            }
            transaction.commit()?;
            Ok(taken)
        })
    }

    fn try_claim(
        &mut self,
        records: u32,
        bytes: u64,
        lease: Lease,
        wanted: Wanted,
    ) -> Result<Vec<Claimed>, StoreError> {
        let (only, number) = wanted.condition();
        let any = format!("SELECT EXISTS(SELECT 1 FROM batches WHERE state IN ('kept','claimed') AND {only})");
        if records == 0 || !self.connection()?.query_row(&any, [number], |row| row.get(0))? {
            // Looking takes no lock, so an idle uploader is in nobody's way.
            return Ok(Vec::new());
        }
        let transaction = self.write()?;
        let budget = Budget { records, bytes, first_day: self.limits.first_day(lease.now) };
        let mut claimed = Vec::new();
        for noted in places(&transaction, wanted)? {
            claimed = offered(&transaction, &budget, lease, wanted, &self.hosts, &noted)?;
            // What goes to different hosts is never sent together.
            if !claimed.is_empty() {
                break;
            }
        }
        {
            let mut update = transaction
                .prepare("UPDATE batches SET state='claimed', owner=?2, claimed_until=?3, sent_at=NULL WHERE id=?1")?;
            let mut select = transaction
                .prepare("SELECT seq, json FROM lines WHERE seq BETWEEN ?1 AND ?2 AND batch=?3 ORDER BY seq")?;
            for (batch, range) in &mut claimed {
                update.execute(params![batch.batch, lease.owner.cast_signed(), until(&lease)])?;
                let mut broken = Vec::new();
                let mut rows = select.query(params![range.0, range.1, batch.batch])?;
                while let Some(row) = rows.next()? {
                    let seq = row.get(0)?;
                    match row.get_ref(1)?.as_str() {
                        Ok(json) => batch.rows.push((seq, json.to_owned())),
                        // Not text any more. It would be offered for ever.
                        Err(_) => broken.push(seq),
                    }
                }
                drop(rows);
                if !broken.is_empty() {
                    let rows = HeldRows { batch: batch.batch, seqs: &broken, owner: lease.owner };
                    take_out(&transaction, rows, Part::Rejected, lease.now)?;
                }
            }
        }
        transaction.commit()?;
        Ok(claimed.into_iter().map(|(batch, _)| batch).collect())
    }
}

/// What a claim is about.
#[derive(Clone, Copy)]
enum Wanted {
    /// Batches before this one, and those that were sent once, but for what a receiver failed at.
    Before(i64),
    /// What went out under this number.
    Load(i64),
}

impl Wanted {
    /// The condition, and the number that it is about.
    fn condition(self) -> (&'static str, i64) {
        match self {
            Wanted::Before(batch) => {
                ("(id < ?1 OR load IS NOT NULL) AND (load IS NULL OR load NOT IN (SELECT load FROM suspects))", batch)
            }
            Wanted::Load(load) => ("load = ?1", load),
        }
    }
}

/// A batch that may be claimed, still without its rows, and the numbers of the first and the last of them.
type Offered = (Claimed, (i64, i64));

/// How much is claimed at most, and from which day on.
struct Budget {
    records: u32,
    bytes: u64,
    first_day: i64,
}

/// The lists of hosts that batches wait for, those of the oldest first.
fn places(connection: &Connection, wanted: Wanted) -> Result<Vec<String>, StoreError> {
    let (only, number) = wanted.condition();
    let mut select = connection.prepare(&format!(
        "SELECT hosts FROM batches INDEXED BY batches_to_send WHERE state IN ('kept','claimed') AND {only}
         GROUP BY hosts ORDER BY min(day), min(id)"
    ))?;
    let found = select.query_map([number], |row| row.get(0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The batches that were kept for the hosts in `noted` and may be claimed, oldest first. Whoever sends to other hosts has no part in
/// them.
fn offered(
    connection: &Connection,
    budget: &Budget,
    lease: Lease,
    wanted: Wanted,
    hosts: &Hosts,
    noted: &str,
) -> Result<Vec<Offered>, StoreError> {
    let Lease { now, steady, routes, .. } = lease;
    let &Budget { records, bytes, first_day } = budget;
    let (only, number) = wanted.condition();
    let mut select = connection.prepare(&format!(
        "SELECT id, run, signal, first, last, rows, bytes, load, hosts, receivers, done FROM batches INDEXED BY batches_to_send
         WHERE state IN ('kept','claimed') AND day >= ?2
           AND NOT (state = 'claimed' AND (claimed_until > ?3 AND claimed_until <= ?4 OR claimed_until > ?6 AND claimed_until <= ?7))
           AND hosts = ?5 AND {only} ORDER BY day, id"
    ))?;
    let mut found =
        select.query(params![number, first_day, now, live_until(now), noted, steady, live_until(steady)])?;
    let (mut loads, mut is_full) = (Vec::new(), false);
    let (mut offered, mut records, mut bytes) =
        (Vec::new(), i64::from(records), i64::try_from(bytes).unwrap_or(i64::MAX));
    while let Some(row) = found.next()? {
        let signal = schema::signal_of(row.get_ref(2)?.as_str().unwrap_or(""));
        let outlook = Outlook::of(row, 8, hosts)?;
        // Somebody who can be asked now lacks it, or it only has to be settled.
        let lacking = outlook.lacking() & routes.all;
        if !outlook.is_here() || (lacking != 0 && lacking & routes.open(signal) == 0) {
            continue;
        }
        let (rows, length): (i64, i64) = (row.get(5)?, row.get(6)?);
        let load: Option<i64> = row.get(7)?;
        // What was sent together goes together again, or under the old name there would be other rows.
        if load.is_none_or(|load| !loads.contains(&load)) {
            (records, bytes) = (records.saturating_sub(rows), bytes.saturating_sub(length));
            // Nothing after it may overtake it: uploads keep the order.
            is_full |= (records < 0 || bytes < 0) && !offered.is_empty();
            if is_full {
                if loads.is_empty() {
                    break;
                }
                continue;
            }
            loads.extend(load);
        }
        let batch = Claimed {
            batch: row.get(0)?,
            own: row.get::<_, i64>(1)?.cast_unsigned() == lease.owner,
            signal,
            load,
            done: outlook.done,
            has_arrived: outlook.has_arrived,
            barred: routes.all & !outlook.permitted,
            is_owed: outlook.is_owed,
            asked: outlook.asked,
            is_asked_elsewhere: outlook.is_asked_elsewhere,
            rows: Vec::new(),
        };
        offered.push((batch, (row.get(3)?, row.get(4)?)));
    }
    Ok(offered)
}
