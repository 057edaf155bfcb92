//! Loads at which a destination failed: when they have their turn again, and when that ends.
//!
//! A load that a server fails at for ever must hold nothing back, and must not wait for ever itself. But a server that is
//! down fails at everything, which says nothing about a load: so a failure counts against it only once the same destination
//! has taken another load of the same kind of records.

use std::collections::HashSet;
use std::time::Duration;

use crate::export::ROUNDS;
use crate::record::Signal;
use crate::record::claim::Suspect;

/// Rounds that count until a load is halved: one of its records is at fault, or it is too large.
const WHOLE: u32 = 3;

/// How long a load is left alone after the second round that counts, in seconds; twice as long after each further one. With
/// the last it is 85 minutes in all.
const REST: i64 = 10;
const MOST_REST: i64 = 60 * 60;

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    known: Vec<Suspect>,
    /// Those that had their turn in this pass.
    had_turn: HashSet<i64>,
}

impl Suspects {
    /// Begins a pass with what the outbox remembers.
    pub(super) fn begin(&mut self, known: Vec<Suspect>) {
        self.known = known;
        self.had_turn.clear();
    }

    /// The one whose turn it is: that had none for the longest time. Each has one in a pass.
    pub(super) fn next(&mut self, now: i64) -> Option<i64> {
        let next = self.due(now)?;
        self.had_turn.insert(next);
        Some(next)
    }

    /// Whether it is anybody's turn.
    pub(super) fn is_any_due(&self, now: i64) -> bool {
        self.due(now).is_some()
    }

    /// How long until it is somebody's turn in the next pass; `None` if there are none.
    pub(super) fn due_in(&self, now: i64) -> Option<Duration> {
        let rest = |suspect: &Suspect| if is_resting(suspect, now) { suspect.rests_until.abs_diff(now) } else { 0 };
        self.known.iter().map(rest).min().map(Duration::from_secs)
    }

    fn due(&self, now: i64) -> Option<i64> {
        let waits = |suspect: &&Suspect| !self.had_turn.contains(&suspect.load) && !is_resting(suspect, now);
        self.known.iter().filter(waits).min_by_key(|suspect| suspect.failed_at).map(|suspect| suspect.load)
    }

    /// The destinations that are to be left alone with a load, a bit for each.
    pub(super) fn resting(&self, load: i64, now: i64) -> u8 {
        let resting = self.known.iter().filter(|suspect| suspect.load == load && is_resting(suspect, now));
        resting.fold(0, |bits, suspect| bits | suspect.receiver)
    }

    /// The rounds that count against a load.
    pub(super) fn rounds(&self, load: i64, receiver: u8) -> u32 {
        self.known.iter().find(|suspect| is_of(suspect, load, receiver)).map_or(0, |suspect| suspect.rounds)
    }

    /// Whether the last failure counts against a load: the destination took others since.
    pub(super) fn is_blamed(&self, load: i64, receiver: u8) -> bool {
        let mut blamed = self.known.iter().filter(|suspect| suspect.is_counted && suspect.rounds > 0);
        blamed.any(|suspect| is_of(suspect, load, receiver))
    }

    /// Whether a load is to be halved before it is tried again by this destination.
    pub(super) fn is_to_be_halved(&self, load: i64, receiver: u8) -> bool {
        self.rounds(load, receiver) >= WHOLE || self.is_too_large(load, receiver)
    }

    /// Whether this destination is not to be asked to take a load again as it is.
    pub(super) fn is_too_large(&self, load: i64, receiver: u8) -> bool {
        self.known.iter().any(|suspect| suspect.is_too_large && is_of(suspect, load, receiver))
    }

    /// Whether a load that cannot be halved is not to be tried again by this destination.
    pub(super) fn is_given_up(&self, load: i64, receiver: u8) -> bool {
        self.rounds(load, receiver) >= ROUNDS
    }

    /// A round of tries has failed. Returns what is to be remembered.
    #[must_use]
    pub(super) fn failed(&mut self, load: i64, signal: Signal, receiver: u8, now: i64) -> Suspect {
        self.had_turn.insert(load);
        let suspect = self.of(load, signal, receiver, now);
        (suspect.is_counted, suspect.failed_at) = (false, now);
        suspect.clone()
    }

    /// A destination said that a load is too much at once. Its halves have their turn in this pass. Returns what is to be
    /// remembered.
    #[must_use]
    pub(super) fn too_large(&mut self, load: i64, signal: Signal, receiver: u8, now: i64) -> Suspect {
        self.had_turn.remove(&load);
        let suspect = self.of(load, signal, receiver, now);
        // That says nothing about what is in it.
        (suspect.is_counted, suspect.is_too_large, suspect.failed_at, suspect.rests_until) = (true, true, now, now);
        suspect.clone()
    }

    /// A destination has or refused a load that another one is not to be asked to take as it is: it may be halved now.
    pub(super) fn look_again(&mut self, load: i64) {
        if self.known.iter().any(|suspect| suspect.load == load && suspect.is_too_large) {
            self.had_turn.remove(&load);
        }
    }

    fn of(&mut self, load: i64, signal: Signal, receiver: u8, now: i64) -> &mut Suspect {
        let place = self.known.iter().position(|suspect| is_of(suspect, load, receiver)).unwrap_or_else(|| {
            self.known.push(Suspect::new(load, receiver, signal, now));
            self.known.len() - 1
        });
        &mut self.known[place]
    }

    /// A destination took a load, so that what it failed at before is at fault itself. Returns what is to be remembered.
    #[must_use]
    pub(super) fn took(&mut self, load: i64, signal: Signal, receiver: u8) -> Vec<Suspect> {
        self.known.retain(|suspect| !is_of(suspect, load, receiver));
        let failed = self
            .known
            .iter_mut()
            .filter(|suspect| (suspect.receiver, suspect.signal, suspect.is_counted) == (receiver, signal, false));
        failed
            .map(|suspect| {
                (suspect.is_counted, suspect.rounds) = (true, suspect.rounds.saturating_add(1));
                suspect.rests_until = suspect.failed_at.saturating_add(rest(suspect.rounds));
                suspect.clone()
            })
            .collect()
    }

    /// A load goes on as these two. Each is halved again after one more round that counts. Returns what is to be remembered.
    #[must_use]
    pub(super) fn halved(&mut self, load: i64, halves: [i64; 2]) -> Vec<Suspect> {
        let (whole, others): (Vec<_>, Vec<_>) = self.known.drain(..).partition(|suspect| suspect.load == load);
        let halves: Vec<_> = halves
            .into_iter()
            .flat_map(|half| whole.iter().map(move |suspect| (half, suspect)))
            .map(|(load, suspect)| Suspect {
                load,
                rounds: suspect.rounds.min(WHOLE - 1),
                is_counted: true,
                is_too_large: false,
                rests_until: suspect.failed_at,
                ..suspect.clone()
            })
            .collect();
        self.known = others;
        self.known.extend_from_slice(&halves);
        halves
    }
}

fn is_of(suspect: &Suspect, load: i64, receiver: u8) -> bool {
    (suspect.load, suspect.receiver) == (load, receiver)
}

/// Whether its time has not come. A rest that ends later than any can was begun under another clock, and is over.
fn is_resting(suspect: &Suspect, now: i64) -> bool {
    (now + 1..=now.saturating_add(MOST_REST)).contains(&suspect.rests_until)
}

/// How long a load is left alone after so many rounds that count. One alone may be a server that was away for a moment.
fn rest(rounds: u32) -> i64 {
    match rounds.checked_sub(2) {
        None => 0,
        Some(doubled) => REST.saturating_mul(1 << doubled.min(16)).min(MOST_REST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: Signal = Signal::Log;

    #[test]
    fn only_what_the_same_destination_takes_of_the_same_kind_afterwards_counts() {
        let mut suspects = Suspects::default();
        assert_eq!(suspects.took(1, LOG, 1), [], "before it failed");
        let _ = suspects.failed(7, LOG, 1, 0);
        assert_eq!(suspects.took(1, LOG, 2), [], "another one took it");
        assert_eq!(suspects.took(1, Signal::Span, 1), [], "another kind");
        assert_eq!((suspects.rounds(7, 1), suspects.took(1, LOG, 1).len()), (0, 1));
        assert!(suspects.is_blamed(7, 1) && !suspects.is_blamed(7, 2));
        assert_eq!(suspects.took(2, LOG, 1), [], "a failure counts once");
        let _ = suspects.failed(7, LOG, 1, 0);
        assert!(!suspects.is_blamed(7, 1), "nothing was taken since");
        assert_eq!((suspects.rounds(7, 1), suspects.rounds(7, 2)), (1, 0));
        assert_eq!(suspects.took(7, LOG, 1), [], "and not against itself");
        assert_eq!(suspects.rounds(7, 1), 0);
    }

    #[test]
    fn a_server_that_is_down_counts_against_nobody_however_long() {
        let mut suspects = Suspects::default();
        for now in 0..1000 {
            suspects.begin(suspects.known.clone());
            for load in 0..5 {
                let _ = suspects.failed(load, LOG, 1, now);
            }
        }
        assert!((0..5).all(|load| suspects.rounds(load, 1) == 0 && suspects.resting(load, 1000) == 0));
    }

    #[test]
    fn each_has_one_turn_in_a_pass_and_the_one_that_waited_longest_has_the_first() {
        let mut suspects = Suspects::default();
        for (load, at) in [(1, 30), (2, 10), (3, 20)] {
            let _ = suspects.failed(load, LOG, 1, at);
        }
        assert!(!suspects.is_any_due(40), "they failed in this pass");
        suspects.begin(suspects.known.clone());
        let turns: Vec<_> = std::iter::from_fn(|| suspects.next(40)).collect();
        assert_eq!(turns, [2, 3, 1]);
    }

    #[test]
    fn ten_rounds_take_eighty_five_minutes_and_a_clock_that_was_set_back_makes_no_rest_longer() {
        let (mut suspects, mut now) = (Suspects::default(), 1_000_000);
        while !suspects.is_given_up(7, 1) {
            let _ = suspects.failed(7, LOG, 1, now);
            let _ = suspects.took(1, LOG, 1);
            while suspects.resting(7, now) != 0 {
                now += 1;
            }
        }
        assert_eq!((now - 1_000_000, suspects.rounds(7, 1)), (5110, ROUNDS));
        let _ = suspects.failed(7, LOG, 1, now);
        let _ = suspects.took(1, LOG, 1);
        assert_eq!((suspects.resting(7, now), suspects.resting(7, now - 100_000)), (1, 0));
        assert_eq!(suspects.due_in(now + 1), Some(Duration::from_secs(3_599)));
        assert_eq!(suspects.due_in(now - 100_000), Some(Duration::ZERO));
    }

    #[test]
    fn halves_are_halved_again_after_one_more_round() {
        let mut suspects = Suspects::default();
        for _ in 0..WHOLE {
            assert!(!suspects.is_to_be_halved(7, 1));
            let _ = suspects.failed(7, LOG, 1, 0);
            let _ = suspects.took(1, LOG, 1);
        }
        assert!(suspects.is_to_be_halved(7, 1));
        assert_eq!(suspects.halved(7, [8, 9]).len(), 2);
        assert_eq!((suspects.rounds(7, 1), suspects.resting(8, 0)), (0, 0));
        assert!(!suspects.is_to_be_halved(8, 1));
        suspects.begin(suspects.known.clone());
        let _ = suspects.failed(8, LOG, 1, 0);
        let _ = suspects.took(9, LOG, 1);
        assert!(suspects.is_to_be_halved(8, 1) && !suspects.is_to_be_halved(9, 1));
    }

    #[test]
    fn what_is_too_large_is_halved_at_once_and_as_often_as_that_is_said() {
        let mut suspects = Suspects::default();
        let _ = suspects.failed(7, LOG, 2, 0);
        assert!(!suspects.is_any_due(0), "it failed in this pass");
        suspects.look_again(7);
        assert!(!suspects.is_any_due(0), "and is not too large for anybody");
        let _ = suspects.too_large(7, LOG, 1, 0);
        assert!(suspects.is_to_be_halved(7, 1) && !suspects.is_to_be_halved(7, 2));
        assert_eq!(suspects.next(0), Some(7));
        assert_eq!((suspects.halved(7, [8, 9]).len(), suspects.took(1, LOG, 1).len()), (4, 0), "nothing counts");
        assert!([8, 9].iter().all(|half| !suspects.is_to_be_halved(*half, 1)));
        assert_eq!((suspects.next(0), suspects.next(0), suspects.next(0)), (Some(8), Some(9), None));
        let _ = suspects.too_large(9, LOG, 1, 0);
        assert!(suspects.is_to_be_halved(9, 1) && !suspects.is_given_up(9, 1));
        // It may not be halved now, and then somebody else takes it.
        assert_eq!((suspects.next(0), suspects.next(0)), (Some(9), None));
        suspects.look_again(9);
        assert_eq!(suspects.next(0), Some(9));
    }
}
