//! What whoever keeps records and whoever sends them say to each other: what is claimed, for how long, and what became of it.

use std::fmt;
use std::time::Duration;

use super::Signal;

/// Who claims, when, for which receivers, and for how long: at least a second, at most two hours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    /// The claiming process run: nobody else can settle what it claimed.
    pub(crate) owner: u64,
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// The time by which claims of others have not run out either: the same, but for a while after the calendar was set.
    pub(crate) steady: i64,
    pub(crate) length: Duration,
    pub(crate) routes: Routes,
}

/// The receivers that rows are for, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Routes {
    /// Those that can be asked to take log records now.
    pub(crate) logs: u8,
    /// And those that can be asked to take spans.
    pub(crate) spans: u8,
    pub(crate) all: u8,
}

impl Routes {
    /// Those that can be asked now to take records of this kind.
    pub(crate) fn open(&self, signal: Signal) -> u8 {
        match signal {
            Signal::Log => self.logs,
            Signal::Span => self.spans,
        }
    }
}

/// A batch of rows that an upload holds until its claim ends.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Claimed {
    /// Its number, never given twice.
    pub(crate) batch: i64,
    /// Made by the run that claims it; others are sent, but not counted as this run's.
    pub(crate) own: bool,
    /// What kind of records these are.
    pub(crate) signal: Signal,
    /// The number of what it was sent in, if it was.
    pub(crate) load: Option<i64>,
    /// The receivers that have it already or were asked in vain, a bit for each.
    pub(crate) done: u8,
    /// Some receiver has it.
    pub(crate) has_arrived: bool,
    /// The receivers that may not have it, a bit for each: it was kept before the user agreed to them.
    pub(crate) barred: u8,
    /// A receiver that it was kept for lacks it, and is none of this run's: whoever has that one sends it there.
    pub(crate) is_owed: bool,
    /// The receivers of this run that may have rows of it under the number of its load and know these by a token, a bit for each.
    pub(crate) asked: u8,
    /// And whether one of another run may.
    pub(crate) is_asked_elsewhere: bool,
    /// Numbers and texts of the rows, oldest first, exactly as they were stored.
    pub(crate) rows: Vec<(i64, String)>,
}

impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimed").field("batch", &self.batch).field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

/// What is known of receivers and a batch, a bit for each. Those of the first three are not asked any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) took: u8,
    /// They refused it for good, or fail at it for ever.
    pub(crate) refused: u8,
    /// They have no use for it.
    pub(crate) unwanted: u8,
    /// They are about to be asked: whatever becomes of that, they may have rows of it from now on.
    pub(crate) asked: u8,
    /// They were asked, and certainly have none of its rows.
    pub(crate) absent: u8,
}

/// What may become of a claimed batch. What is owed to the receivers of another run goes on waiting for these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A receiver confirmed it, at this time.
    Sent(i64),
    /// It will never be sent, as was decided at this time: it stays visible and is never offered again.
    Rejected(i64),
    /// It is offered again at once.
    Released,
}

/// What may become of single rows of a claimed batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// They stay visible and are never offered again.
    Rejected,
    /// They are deleted.
    Erased,
    /// They are offered again at once, as a batch of their own.
    Released,
    /// The same, and they go out in this load.
    Divided(i64),
}

/// A load at which a receiver failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suspect {
    /// Its number.
    pub(crate) load: i64,
    /// The receiver's bit; the bits of those that did not fail at it, of whom there may be none.
    pub(crate) receiver: u8,
    pub(crate) signal: Signal,
    /// Rounds of tries that failed, and after which the receiver took other records of the kind.
    pub(crate) rounds: u32,
    /// Whether the last failure is among these.
    pub(crate) is_counted: bool,
    /// It was too much at once for the receiver, which is not asked to take all of it again.
    pub(crate) is_too_large: bool,
    /// When that was, in seconds since 1970.
    pub(crate) failed_at: i64,
    /// Until then it is left alone.
    pub(crate) rests_until: i64,
}

impl Suspect {
    /// One at which a receiver fails now: nothing counts against it so far.
    pub(crate) fn new(load: i64, receiver: u8, signal: Signal, now: i64) -> Self {
        let (rounds, is_counted, is_too_large, failed_at, rests_until) = (0, false, false, now, now);
        Suspect { load, receiver, signal, rounds, is_counted, is_too_large, failed_at, rests_until }
    }

    /// What is known of a load that these receivers of the run lack, of which `failed` have failed at it, perhaps with others.
    ///
    /// Whoever has answered since or is none of this run's is left out, and nobody waits for what another one rests from.
    pub(crate) fn of_load(failed: &[Suspect], load: i64, lacking: u8) -> Vec<Suspect> {
        let of_load = || failed.iter().filter(|suspect| suspect.load == load);
        let mut known: Vec<_> = of_load().filter(|suspect| suspect.receiver & lacking != 0).cloned().collect();
        let others = known.iter().fold(lacking, |bits, suspect| bits & !suspect.receiver);
        let first = of_load().min_by_key(|suspect| suspect.failed_at);
        if let Some(first) = first.filter(|_| others != 0 || known.is_empty()) {
            // That is no failure that could count.
            let others = Suspect::new(load, others, first.signal, first.failed_at);
            known.push(Suspect { is_counted: true, rests_until: 0, ..others });
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_what_another_receiver_rests_from() {
        let of = |load, receiver, failed_at| {
            let suspect = Suspect::new(load, receiver, Signal::Log, failed_at);
            Suspect { rounds: 5, is_counted: true, rests_until: failed_at + 100, ..suspect }
        };
        let failed = [of(7, 1, 30), of(7, 2, 20), of(8, 4, 10), of(7, 0, 25)];
        let others = |receiver| Suspect { receiver, rounds: 0, rests_until: 0, ..of(7, 0, 20) };
        for (lacking, expected) in [
            (3, vec![of(7, 1, 30), of(7, 2, 20)]),
            (1, vec![of(7, 1, 30)]),
            (15, vec![of(7, 1, 30), of(7, 2, 20), others(12)]),
            (6, vec![of(7, 2, 20), others(4)]),
            // It lacks nobody any more, and that is to be noted.
            (0, vec![others(0)]),
            (8, vec![others(8)]),
        ] {
            assert_eq!(Suspect::of_load(&failed, 7, lacking), expected, "{lacking}");
        }
        assert_eq!(Suspect::of_load(&failed, 9, 1), []);
    }
}
