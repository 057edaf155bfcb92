//! Inserts that wait for the server, bounded in bytes where they come in: the thread that sends them may be busy for long.

use std::collections::VecDeque;

use super::insert::Insert;
use super::table::Table;

/// Inserts in order, and the one that is being sent. All of them count.
pub(super) struct Backlog {
    waiting: VecDeque<Placed>,
    /// The place of the next one that comes in.
    next: u64,
    in_hand: Size,
    all: Size,
    limit: usize,
}

/// An insert, and its place: inserts are sent in their order.
struct Placed {
    place: u64,
    insert: Insert,
}

#[derive(Clone, Copy, Default)]
struct Size {
    bytes: usize,
    rows: u64,
}

impl Backlog {
    pub(super) fn new(limit: usize) -> Self {
        Self { waiting: VecDeque::new(), next: 0, in_hand: Size::default(), all: Size::default(), limit }
    }

    /// Takes inserts in; the oldest that wait make room. Returns how many rows these had.
    pub(super) fn push(&mut self, inserts: Vec<Insert>) -> u64 {
        for insert in inserts {
            self.push_one(insert);
        }
        let before = self.all.rows;
        // One insert is always tried.
        let spared = usize::from(self.in_hand.bytes == 0);
        while self.all.bytes > self.limit && self.waiting.len() > spared {
            let Some(Placed { insert, .. }) = self.waiting.pop_front() else { break };
            self.all.subtract(Size::of(&insert));
        }
        before - self.all.rows
    }

    /// The first insert of these places that is wanted, to be sent. It counts until it is [settled](Self::settled).
    pub(super) fn take(
        &mut self,
        places: std::ops::Range<u64>,
        is_wanted: impl Fn(&Insert) -> bool,
    ) -> Option<(u64, Insert)> {
        let at = self.waiting.iter().position(|one| places.contains(&one.place) && is_wanted(&one.insert))?;
        let Placed { place, insert } = self.waiting.remove(at)?;
        self.in_hand = Size::of(&insert);
        Some((place, insert))
    }

    /// Whether [`take`](Self::take) would give one.
    pub(super) fn has(&self, places: std::ops::Range<u64>, is_wanted: impl Fn(&Insert) -> bool) -> bool {
        self.waiting.iter().any(|one| places.contains(&one.place) && is_wanted(&one.insert))
    }

    /// What was taken waits no more, or in the form that is put back next. Returns its rows.
    pub(super) fn settled(&mut self) -> u64 {
        let Size { rows, .. } = self.in_hand;
        self.all.subtract(std::mem::take(&mut self.in_hand));
        rows
    }

    /// Puts inserts where the one was that they are of.
    pub(super) fn put_back(&mut self, place: u64, inserts: impl IntoIterator<Item = Insert>) {
        let at = self.waiting.partition_point(|one| one.place < place);
        for (number, insert) in inserts.into_iter().enumerate() {
            self.all.add(Size::of(&insert));
            self.waiting.insert(at + number, Placed { place, insert });
        }
    }

    /// Puts an insert behind all others.
    pub(super) fn push_one(&mut self, insert: Insert) {
        self.all.add(Size::of(&insert));
        self.waiting.push_back(Placed { place: self.next, insert });
        self.next += 1;
    }

    /// The place that the next insert gets.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Rows that wait, with those that are being sent.
    pub(super) fn rows(&self) -> u64 {
        self.all.rows
    }

    /// Rows that wait in the places before this one.
    pub(super) fn rows_before(&self, place: u64) -> u64 {
        self.waiting.iter().take_while(|one| one.place < place).map(|one| one.insert.rows).sum()
    }

    /// The tables that something waits for.
    pub(super) fn tables(&self) -> impl Iterator<Item = Table> {
        self.waiting.iter().map(|one| one.insert.table)
    }

    /// Drops everything; returns how many rows that were.
    pub(super) fn clear(&mut self) -> u64 {
        let rows = self.all.rows;
        *self = Self::new(self.limit);
        rows
    }
}

impl Size {
    fn of(insert: &Insert) -> Self {
        Self { bytes: insert.bytes() + size_of::<Placed>(), rows: insert.rows }
    }

    fn add(&mut self, Size { bytes, rows }: Size) {
        (self.bytes, self.rows) = (self.bytes + bytes, self.rows + rows);
    }

    fn subtract(&mut self, Size { bytes, rows }: Size) {
        (self.bytes, self.rows) = (self.bytes - bytes, self.rows - rows);
    }
}

#[cfg(test)]
mod tests {
    use super::super::compression::Compression;
    use super::super::encoder::{Batch, Format};
    use super::*;
    use crate::export::Earlier;

    fn insert(number: u64, bytes: usize) -> Insert {
        let (format, compression) = (Format::Native, Compression::None);
        let (clamped, uncompressed, body) = (0, 0, vec![0; bytes]);
        let batch =
            Batch { table: Table::Logs, day: 1, rows: number, clamped, format, compression, uncompressed, body };
        Insert::seal(batch, String::new(), Earlier::Nothing)
    }

    /// All that waits, as it would be sent. The rows tell one insert from another.
    fn order(backlog: &mut Backlog) -> Vec<u64> {
        std::iter::from_fn(|| {
            let taken = backlog.take(0..u64::MAX, |_| true)?;
            backlog.settled();
            Some(taken.1.rows)
        })
        .collect()
    }

    #[test]
    fn what_is_being_sent_counts_and_the_oldest_that_wait_make_room() {
        let mut backlog = Backlog::new(2_500);
        assert_eq!(backlog.push(vec![insert(1, 9_999)]), 0, "one is always tried");
        assert_eq!(backlog.push(vec![insert(2, 500), insert(4, 500)]), 1);
        let (place, in_hand) = backlog.take(0..u64::MAX, |_| true).unwrap();
        assert_eq!((backlog.rows(), backlog.push(vec![insert(8, 500)])), (6, 0));
        assert_eq!(backlog.push(vec![insert(16, 1_400)]), 4 + 8, "not what is being sent");
        assert_eq!(backlog.push(vec![insert(32, 9_999)]), 16 + 32);
        assert_eq!(backlog.settled(), 2);
        backlog.push_one(insert(64, 9));
        backlog.put_back(place, [in_hand]);
        assert_eq!((backlog.rows(), order(&mut backlog)), (66, vec![2, 64]));
        assert_eq!((backlog.all.bytes, backlog.all.rows), (0, 0));
    }

    #[test]
    fn halves_take_the_place_of_the_whole_also_when_others_were_dropped_meanwhile() {
        let mut backlog = Backlog::new(100_000);
        backlog.push([1, 2, 3, 4].map(|number| insert(number, 1)).into());
        let (place, _) = backlog.take(1..4, |insert| insert.rows > 2).unwrap();
        assert_eq!(place, 2);
        assert!(!backlog.has(2..3, |_| true) && backlog.has(3..4, |_| true));
        backlog.waiting.pop_front();
        backlog.settled();
        backlog.put_back(place, [insert(30, 1), insert(31, 1)]);
        assert_eq!(order(&mut backlog), [2, 30, 31, 4]);
    }
}
