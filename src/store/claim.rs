//! Handing rows to an upload, and hearing what became of them.

use std::time::Duration;

use rusqlite::{Connection, Params, params};

use super::{Signal, Store, StoreError, schema};

/// The longest claim. A claim that ends later than this from now was made under another clock, and does not count: a clock
/// that was set back must not lock rows away for years.
const LONGEST: Duration = Duration::from_secs(2 * 3600);

/// The latest end that a claim which still counts can have.
pub(super) fn live_until(now: i64) -> i64 {
    now.saturating_add_unsigned(LONGEST.as_secs())
}

/// A row that an upload holds until its claim ends.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Claimed {
    /// Its number, never given twice.
    pub(crate) seq: i64,
    /// The process run that stored it.
    pub(crate) run: u64,
    /// What kind of record it is.
    pub(crate) signal: Signal,
    /// The record, exactly as it was stored.
    pub(crate) json: String,
}

impl std::fmt::Debug for Claimed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claimed").field("seq", &self.seq).finish_non_exhaustive()
    }
}

impl Store {
    /// Takes the oldest unsent rows for an upload: at most `max_records`, and as many as fit into `max_bytes` of text, but
    /// at least one if there is any. Nobody else is offered them for `lease` (two hours at most). Rows past their age are
    /// not offered.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn claim(
        &mut self,
        max_records: u32,
        max_bytes: u64,
        now: i64,
        lease: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.mending(|store| store.try_claim(max_records, max_bytes, now, lease))
    }

    /// Gives rows back, to be offered again at once. Returns how many were still claimed.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn release(&mut self, seqs: &[i64]) -> Result<u32, StoreError> {
        self.settle(seqs, "UPDATE records SET state='kept', claimed_until=NULL WHERE seq=?1 AND state='claimed'", None)
    }

    /// Records that a receiver confirmed these rows. Returns how many were unsent until now; those missing were erased or
    /// settled meanwhile.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn mark_sent(&mut self, seqs: &[i64], now: i64) -> Result<u32, StoreError> {
        self.settle(
            seqs,
            "UPDATE records SET state='sent', claimed_until=NULL, sent_at=?2 WHERE seq=?1 AND state='claimed'",
            Some(now),
        )
    }

    /// Records that a receiver refused these rows for good: they stay visible but are never offered again. Returns how many
    /// were unsent until now.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn mark_rejected(&mut self, seqs: &[i64], now: i64) -> Result<u32, StoreError> {
        self.settle(
            seqs,
            "UPDATE records SET state='rejected', claimed_until=NULL, sent_at=?2 WHERE seq=?1 AND state='claimed'",
            Some(now),
        )
    }

    fn try_claim(
        &mut self,
        max_records: u32,
        max_bytes: u64,
        now: i64,
        lease: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        let any = "SELECT EXISTS(SELECT 1 FROM records WHERE state IN ('kept','claimed'))";
        if schema::number(self.connection()?, any)? == 0 {
            // Looking takes no lock, so an idle uploader is in nobody's way.
            return Ok(Vec::new());
        }
        let transaction = self.write()?;
        let mut taking = Taking { rows: Vec::new(), broken: Vec::new(), records: max_records, bytes: max_bytes };
        let first_day = self.limits.first_day(now);
        // Claims that ran out come first: they are the oldest.
        taking.take(
            &transaction,
            "SELECT seq, run, signal, json FROM records INDEXED BY records_by_state WHERE state = 'claimed' AND day >= ?1
             AND NOT (claimed_until > ?2 AND claimed_until <= ?3) ORDER BY day, seq",
            params![first_day, now, live_until(now)],
        )?;
        taking.take(
            &transaction,
            "SELECT seq, run, signal, json FROM records INDEXED BY records_by_state WHERE state = 'kept' AND day >= ?1
             ORDER BY day, seq",
            params![first_day],
        )?;
        let until = now.saturating_add_unsigned(lease.min(LONGEST).as_secs().max(1));
        {
            // One row at a time: a statement over many would keep a copy of their pages in case it failed half-way.
            let mut update =
                transaction.prepare("UPDATE records SET state='claimed', claimed_until=?2 WHERE seq=?1")?;
            for row in &taking.rows {
                update.execute(params![row.seq, until])?;
            }
            let mut reject =
                transaction.prepare("UPDATE records SET state='rejected', claimed_until=NULL WHERE seq=?1")?;
            for seq in &taking.broken {
                reject.execute(params![seq])?;
            }
        }
        transaction.commit()?;
        Ok(taking.rows)
    }

    fn settle(&mut self, seqs: &[i64], sql: &str, now: Option<i64>) -> Result<u32, StoreError> {
        if seqs.is_empty() {
            return Ok(0);
        }
        self.mending(|store| {
            let transaction = store.write()?;
            let mut changed = 0;
            {
                let mut update = transaction.prepare(sql)?;
                for seq in seqs {
                    changed += match now {
                        None => update.execute(params![seq])?,
                        Some(now) => update.execute(params![seq, now])?,
                    };
                }
            }
            transaction.commit()?;
            Ok(u32::try_from(changed).unwrap_or(u32::MAX))
        })
    }
}

struct Taking {
    rows: Vec<Claimed>,
    /// Rows that are not text any more. They would be offered for ever.
    broken: Vec<i64>,
    records: u32,
    bytes: u64,
}

impl Taking {
    fn take(&mut self, connection: &Connection, sql: &str, params: impl Params) -> Result<(), StoreError> {
        if self.records == 0 {
            return Ok(());
        }
        let mut select = connection.prepare(sql)?;
        let mut found = select.query(params)?;
        while let Some(row) = found.next()? {
            let seq = row.get(0)?;
            let Ok(json) = row.get_ref(3)?.as_str() else {
                self.broken.push(seq);
                continue;
            };
            let length = json.len() as u64;
            if length > self.bytes && !self.rows.is_empty() {
                // Nothing after it may overtake it: uploads keep the order.
                self.records = 0;
                break;
            }
            self.bytes = self.bytes.saturating_sub(length);
            self.rows.push(Claimed {
                seq,
                run: row.get::<_, i64>(1)?.cast_unsigned(),
                signal: Signal::of(row.get_ref(2)?.as_str().unwrap_or("")),
                json: json.to_owned(),
            });
            self.records -= 1;
            if self.records == 0 {
                break;
            }
        }
        Ok(())
    }
}
