//! Making room: what is too old goes, and of what is too much the oldest.

use rusqlite::{Connection, params};

use super::append::{ROW_OVERHEAD, Row, disk_bytes_of};
use super::claim::live_until;
use super::schema;
use super::{Limits, StoreError};

/// What was deleted: all rows, those nobody had sent, and of these the run's own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    pub(super) rows: u64,
    pub(super) unsent: u32,
    pub(super) unsent_own: u32,
}

impl Losses {
    fn add(&mut self, batch: &Doomed, rows: u64, own: Option<u64>) {
        self.rows += rows;
        if batch.is_unsent {
            let rows = u32::try_from(rows).unwrap_or(u32::MAX);
            self.unsent += rows;
            self.unsent_own += if own == Some(batch.run) { rows } else { 0 };
        }
    }
}

/// A batch that is to lose rows.
struct Doomed {
    id: i64,
    run: u64,
    is_unsent: bool,
    first: i64,
    last: i64,
    rows: u64,
    bytes: u64,
}

/// How much is to be deleted.
enum Need {
    Rows(u64),
    Bytes(u64),
}

/// Batches that no upload holds, oldest first, as long as the condition allows.
fn doomed(
    connection: &Connection,
    and: &str,
    day: i64,
    now: i64,
    mut is_wanted: impl FnMut(&Doomed) -> bool,
) -> Result<Vec<Doomed>, StoreError> {
    let mut select = connection.prepare(&format!(
        "SELECT id, run, state IN ('kept','local','claimed'), first, last, rows, bytes FROM batches
         WHERE NOT (state = 'claimed' AND claimed_until > ?2 AND claimed_until <= ?3) AND {and}"
    ))?;
    let mut found = select.query(params![day, now, live_until(now)])?;
    let mut doomed = Vec::new();
    while let Some(row) = found.next()? {
        let number = |at: usize| -> Result<u64, StoreError> { Ok(u64::try_from(row.get::<_, i64>(at)?).unwrap_or(0)) };
        let batch = Doomed {
            id: row.get(0)?,
            run: row.get::<_, i64>(1)?.cast_unsigned(),
            is_unsent: row.get(2)?,
            first: row.get(3)?,
            last: row.get(4)?,
            rows: number(5)?,
            bytes: number(6)?,
        };
        if !is_wanted(&batch) {
            break;
        }
        doomed.push(batch);
    }
    Ok(doomed)
}

pub(super) fn expire(
    connection: &Connection,
    limits: &Limits,
    now: i64,
    own: Option<u64>,
) -> Result<Losses, StoreError> {
    let mut losses = Losses::default();
    if limits.age.is_zero() {
        return Ok(losses);
    }
    for batch in doomed(connection, "day < ?1", limits.first_day(now), now, |_| true)? {
        losses.add(&batch, erase(connection, &batch)?, own);
    }
    Ok(losses)
}

/// Deletes a batch; returns how many rows it had.
fn erase(connection: &Connection, batch: &Doomed) -> Result<u64, StoreError> {
    let rows = connection.execute(
        "DELETE FROM lines WHERE seq BETWEEN ?1 AND ?2 AND batch=?3",
        params![batch.first, batch.last, batch.id],
    )?;
    connection.execute("DELETE FROM batches WHERE id=?1", [batch.id])?;
    Ok(rows as u64)
}

/// Deletes the oldest rows of a batch.
fn erase_some(connection: &Connection, batch: &Doomed, count: u64) -> Result<u64, StoreError> {
    let mut delete = connection.prepare(
        "DELETE FROM lines WHERE seq IN (
           SELECT seq FROM lines WHERE seq BETWEEN ?1 AND ?2 AND batch=?3 ORDER BY seq LIMIT ?4)
         RETURNING octet_length(json)",
    )?;
    let (mut rows, mut bytes) = (0_i64, 0_i64);
    let mut gone =
        delete.query(params![batch.first, batch.last, batch.id, i64::try_from(count).unwrap_or(i64::MAX)])?;
    while let Some(row) = gone.next()? {
        rows += 1;
        bytes += row.get::<_, i64>(0)?;
    }
    connection.execute(
        "UPDATE batches SET rows = max(rows - ?2, 0), bytes = max(bytes - ?3, 0) WHERE id=?1",
        params![batch.id, rows, bytes],
    )?;
    Ok(rows.cast_unsigned())
}

/// Makes room for rows. Returns how many of them there is room for: not for all where uploads hold the rest.
pub(super) fn make_room(
    connection: &Connection,
    limits: &Limits,
    rows: &[Row<'_>],
    now: i64,
    own: Option<u64>,
    spare: u64,
    lost: &mut Losses,
) -> Result<usize, StoreError> {
    let held = || schema::number(connection, "SELECT coalesce(sum(rows), 0) FROM batches INDEXED BY batches_by_day");
    let excess = (held()? + rows.len() as u64).saturating_sub(limits.records());
    let mut room = rows.len();
    if excess > 0 {
        evict(connection, Need::Rows(excess), now, own, lost)?;
        room = usize::try_from(limits.records().saturating_sub(held()?)).unwrap_or(usize::MAX).min(room);
    }
    let page = schema::page_bytes(connection)?;
    let incoming = disk_bytes_of(rows);
    // Deleting fills no page: what one deletion frees is known only afterwards, so look again.
    loop {
        let free = schema::number(connection, "PRAGMA freelist_count")?;
        let used = schema::number(connection, "PRAGMA page_count")?.saturating_sub(free);
        let wanted = used * page + incoming * spare + 4 * page;
        let missing = wanted.saturating_sub(limits.file_bytes());
        if missing == 0 {
            return Ok(room);
        }
        if evict(connection, Need::Bytes(missing), now, own, lost)? == 0 {
            // Rows of a batch that somebody deleted by hand are nobody's.
            connection.execute("DELETE FROM lines WHERE batch NOT IN (SELECT id FROM batches)", [])?;
            return Ok(room);
        }
    }
}

/// Deletes the oldest rows that no upload holds; returns how many there were.
fn evict(
    connection: &Connection,
    need: Need,
    now: i64,
    own: Option<u64>,
    lost: &mut Losses,
) -> Result<u64, StoreError> {
    let before = lost.rows;
    let mut left = match need {
        Need::Rows(count) | Need::Bytes(count) => count,
    };
    let size = |batch: &Doomed| match need {
        Need::Rows(_) => batch.rows,
        Need::Bytes(_) => batch.bytes + batch.rows * ROW_OVERHEAD,
    };
    let mut summed = 0;
    let oldest = doomed(connection, "id > ?1 ORDER BY id", -1, now, |batch| {
        let is_wanted = summed < left;
        summed += size(batch);
        is_wanted
    })?;
    for batch in oldest {
        let size = size(&batch);
        let gone = if size <= left {
            erase(connection, &batch)?
        } else {
            erase_some(connection, &batch, left.div_ceil((size / batch.rows.max(1)).max(1)))?
        };
        left = left.saturating_sub(size);
        lost.add(&batch, gone, own);
    }
    Ok(lost.rows - before)
}
