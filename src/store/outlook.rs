//! For whom a batch waits, as one handle sees it.

use rusqlite::Row;

use crate::record::{Answered, Hosts};

/// What follows from what is noted of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outlook {
    /// Receivers of this handle that may have it, a bit for each.
    pub(super) permitted: u8,
    /// Receivers of this handle that are not asked any more, a bit for each.
    pub(super) done: u8,
    /// Some receiver has it, perhaps one that is none of this handle's.
    pub(super) has_arrived: bool,
    /// A receiver that it was kept for lacks it, and is none of this handle's.
    pub(super) is_owed: bool,
    /// Receivers of this handle that may have rows of it, a bit for each.
    pub(super) asked: u8,
    /// Whether another one that has not answered may.
    pub(super) is_asked_elsewhere: bool,
}

impl Outlook {
    /// Of a row that has `hosts`, `receivers` and `done` from this column on. Somebody may have edited them.
    pub(super) fn of(row: &Row<'_>, from: usize, hosts: &Hosts) -> rusqlite::Result<Self> {
        let text = |at: usize| Ok::<_, rusqlite::Error>(row.get_ref(from + at)?.as_str().unwrap_or(""));
        let (noted, receivers, answers) = (text(0)?, text(1)?, text(2)?);
        let Answered { done, has_arrived, asked, is_asked_elsewhere } = hosts.answered(answers);
        let (permitted, is_owed) = (hosts.permitted(noted), hosts.is_owed(receivers, answers));
        Ok(Outlook { permitted, done, has_arrived, is_owed, asked, is_asked_elsewhere })
    }

    /// Those of this handle's that lack it, a bit for each.
    pub(super) fn lacking(self) -> u8 {
        self.permitted & !self.done
    }

    /// Whether it waits for this handle: somebody here lacks it, or nobody does at all and that could not be noted.
    pub(super) fn is_here(self) -> bool {
        self.lacking() != 0 || (self.permitted != 0 && !self.is_owed)
    }
}
