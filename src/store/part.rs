//! Single rows of a batch that an upload holds, and that fare otherwise than the rest of it.

use rusqlite::{Transaction, params};

use super::append::Patience;
use super::{Store, StoreError};
use crate::record::claim::Part;

/// Single rows of a batch, as long as this owner holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldRows<'a> {
    pub(crate) batch: i64,
    pub(crate) seqs: &'a [i64],
    pub(crate) owner: u64,
}

impl Store {
    /// Takes single rows out of a batch that is held. Returns how many there were.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn part(&mut self, rows: HeldRows<'_>, part: Part, now: i64) -> Result<u32, StoreError> {
        if rows.seqs.is_empty() {
            return Ok(0);
        }
        self.mending(|store| {
            let transaction = store.write()?;
            let parted = take_out(&transaction, rows, part, now)?;
            transaction.commit()?;
            if part == Part::Erased && parted > 0 {
                // A raw value was in them: it is to leave the log as well. What cannot be done now is done by the next fold.
                let _ = store.fold_log(Patience::Usual);
            }
            Ok(parted)
        })
    }
}

/// Takes rows out of a batch that is held, into one of their own or out of the store.
pub(super) fn take_out(
    transaction: &Transaction<'_>,
    HeldRows { batch, seqs, owner }: HeldRows<'_>,
    part: Part,
    now: i64,
) -> Result<u32, StoreError> {
    let held = "SELECT EXISTS(SELECT 1 FROM batches WHERE id=?1 AND state='claimed' AND owner=?2)";
    if !transaction.query_row(held, params![batch, owner.cast_signed()], |row| row.get::<_, bool>(0))? {
        return Ok(0);
    }
    let state = match part {
        Part::Rejected => Some(("rejected", Some(now), None)),
        Part::Released => Some(("kept", None, None)),
        Part::Divided(load) => Some(("kept", None, Some(load))),
        Part::Erased => None,
    };
    let (mut parted, mut bytes) = (0, 0);
    let mut length = transaction.prepare("SELECT octet_length(json) FROM lines WHERE seq=?1 AND batch=?2")?;
    let mut erase = transaction.prepare("DELETE FROM lines WHERE seq=?1 AND batch=?2")?;
    let mut move_to = transaction.prepare("UPDATE lines SET batch=?3 WHERE seq=?1 AND batch=?2")?;
    let mut other = None;
    for seq in seqs {
        let mut found = length.query(params![seq, batch])?;
        let Some(row) = found.next()? else { continue };
        bytes += row.get::<_, i64>(0)?;
        drop(found);
        // Only now, or batches without rows would pile up.
        if let (None, Some((state, at, load))) = (other, state) {
            transaction.execute(
                "INSERT INTO batches(run, day, signal, state, sent_at, first, last, rows, bytes, load, done, hosts, receivers)
                 SELECT run, day, signal, ?2, ?3, first, last, 0, 0, ?4, iif(?4 IS NULL, '', done), hosts, receivers FROM batches
                 WHERE id=?1",
                params![batch, state, at, load],
            )?;
            other = Some(transaction.last_insert_rowid());
        }
        parted += match other {
            Some(other) => move_to.execute(params![seq, batch, other])?,
            None => erase.execute(params![seq, batch])?,
        };
    }
    let mut resize =
        transaction.prepare("UPDATE batches SET rows = max(rows + ?2, 0), bytes = max(bytes + ?3, 0) WHERE id=?1")?;
    let rows = i64::try_from(parted).unwrap_or(i64::MAX);
    resize.execute(params![batch, -rows, -bytes])?;
    if let Some(other) = other {
        resize.execute(params![other, rows, bytes])?;
    }
    Ok(u32::try_from(parted).unwrap_or(u32::MAX))
}
