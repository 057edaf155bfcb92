//! How many records of loads that wait for one destination no other one took.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

/// Loads that are remembered; beyond it, what was refused counts as sent.
const MOST: usize = 1024;

/// By the load's number.
#[derive(Debug, Default)]
pub(super) struct Refused(HashMap<i64, Part>);

/// What is known of a load.
#[derive(Debug)]
struct Part {
    /// Of its records, at most so many were refused.
    most: u64,
    /// Of the load that it is a half of, or a half of a half, so many are not counted yet. Nobody knows in which half they are.
    of_whole: Rc<Cell<u64>>,
}

impl Refused {
    /// Records of a load that no destination took so far.
    pub(super) fn of(&self, load: i64) -> u64 {
        self.0.get(&load).map_or(0, |part| part.most.min(part.of_whole.get()))
    }

    /// A load goes on waiting, and so many of its records were refused.
    pub(super) fn remember(&mut self, load: i64, records: u64) {
        if records == 0 {
            self.0.remove(&load);
        } else if let Some(part) = self.0.get_mut(&load) {
            part.most = records;
        } else {
            if self.0.len() >= MOST {
                self.0.clear();
            }
            self.0.insert(load, Part { most: records, of_whole: Rc::new(Cell::new(records)) });
        }
    }

    /// A load goes on as these, each of so many records.
    pub(super) fn divided(&mut self, load: i64, halves: [(i64, u64); 2]) {
        let Some(Part { most, of_whole }) = self.0.remove(&load) else { return };
        for (half, records) in halves {
            self.0.insert(half, Part { most: most.min(records), of_whole: Rc::clone(&of_whole) });
        }
    }

    /// A load is settled, and so many of its records are counted as refused.
    pub(super) fn settled(&mut self, load: i64, counted: u64) {
        if let Some(part) = self.0.remove(&load) {
            part.of_whole.set(part.of_whole.get().saturating_sub(counted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_together_what_was_refused_of_the_whole() {
        let mut refused = Refused::default();
        refused.remember(1, 3);
        refused.divided(1, [(2, 2), (3, 2)]);
        assert_eq!((refused.of(1), refused.of(2), refused.of(3)), (0, 2, 2));
        refused.divided(3, [(4, 1), (5, 1)]);
        refused.settled(2, 2);
        assert_eq!((refused.of(2), refused.of(4), refused.of(5)), (0, 1, 1));
        refused.settled(4, 1);
        assert_eq!(refused.of(5), 0, "all three are counted");
        refused.settled(5, 0);
        assert!(refused.0.is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut refused = Refused::default();
        (0..5_000).for_each(|load| refused.remember(load, 1));
        assert!(refused.0.len() <= MOST && refused.of(4_999) == 1);
        refused.remember(4_999, 0);
        assert_eq!(refused.of(4_999), 0);
    }
}
