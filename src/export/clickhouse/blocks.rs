//! Rows, apart by the insert that they go into: each has those of one day.

use std::collections::BTreeMap;

use super::columns::DateTime64;
use super::tables::{Columns, ExponentialHistogram, Gauge, Histogram, Sum};

/// The rows of one table, apart by day.
#[derive(Debug)]
pub(super) struct Blocks<C> {
    blocks: Vec<Block<C>>,
    /// The block that a day's next row goes to.
    of_day: BTreeMap<u16, usize>,
    /// The one that the last row went to, as the next one nearly always does.
    last: usize,
}

/// The points of metrics, apart by kind.
#[derive(Debug, Default)]
pub(super) struct Points {
    pub(super) gauge: Blocks<Gauge>,
    pub(super) sum: Blocks<Sum>,
    pub(super) histogram: Blocks<Histogram>,
    pub(super) exponential_histogram: Blocks<ExponentialHistogram>,
}

/// Rows of one day.
#[derive(Debug)]
pub(super) struct Block<C> {
    pub(super) day: u16,
    pub(super) rows: u64,
    pub(super) clamped: u64,
    pub(super) columns: C,
}

/// The server would cut what is longer into several blocks, and could then take a part of it (`max_insert_block_size` is
/// 1,048,449). A hundred where this is tested.
const MOST_ROWS: u64 = if cfg!(test) { 100 } else { 1_000_000 };

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// 2099-12-31T23:59:59.999999999Z. `DateTime` ends in February 2106, and the TTLs are added to a `DateTime`.
const LATEST: i64 = 47_482 * NANOS_PER_DAY - 1;

impl<C: Columns> Blocks<C> {
    /// In the order of their days.
    pub(super) fn in_order(mut self) -> Vec<Block<C>> {
        self.blocks.sort_by_key(|block| block.day);
        self.blocks
    }

    /// Begins a row with this time, given in nanoseconds since 1970: returns the columns to fill, and the time to store.
    #[inline]
    pub(super) fn row(&mut self, nanos: i64) -> (&mut C, DateTime64) {
        let clamped = nanos.clamp(0, LATEST);
        // At most 47,481.
        let day = (clamped / NANOS_PER_DAY) as u16;
        if self.blocks.get(self.last).is_none_or(|block| block.day != day || block.rows == MOST_ROWS) {
            self.last = self.block_of(day);
        }
        let block = &mut self.blocks[self.last];
        block.rows += 1;
        block.clamped += u64::from(clamped != nanos);
        (&mut block.columns, DateTime64(clamped))
    }

    #[cold]
    fn block_of(&mut self, day: u16) -> usize {
        if let Some(&known) = self.of_day.get(&day)
            && self.blocks[known].rows < MOST_ROWS
        {
            return known;
        }
        self.blocks.push(Block { day, rows: 0, clamped: 0, columns: C::default() });
        let new = self.blocks.len() - 1;
        self.of_day.insert(day, new);
        new
    }
}

impl<C> Default for Blocks<C> {
    fn default() -> Self {
        Self { blocks: Vec::new(), of_day: BTreeMap::new(), last: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::Logs;
    use super::*;

    #[test]
    fn what_a_server_would_cut_is_cut_here_day_by_day() {
        const HOUR: i64 = NANOS_PER_DAY / 24;
        // Two days by turns, the first of which has more rows.
        let mut blocks = Blocks::<Logs>::default();
        for row in 0..250 {
            blocks.row(row);
            if row % 2 == 0 {
                blocks.row(NANOS_PER_DAY + row * HOUR / 250);
            }
        }
        let cut: Vec<_> = blocks.blocks.iter().map(|block| (block.day, block.rows)).collect();
        assert_eq!(cut, [(0, 100), (1, 100), (0, 100), (0, 50), (1, 25)]);
    }
}
