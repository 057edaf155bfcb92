//! When the uploader looks again.

use std::time::{Duration, Instant};

use super::upload::{State, Tuning};

/// How long is waited after trouble with the store, and for what somebody else holds.
const PAUSE: Duration = Duration::from_secs(5);
/// How long is waited at most for what somebody else holds, after many looks in vain: such a wait ends at the latest when the time that
/// it took so far has gone by again.
const LONGEST: Duration = Duration::from_secs(600);

/// What the uploader knows of the time after its last pass.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// Rows that were left by the last pass. The others that wait came since.
    left: u64,
    /// When it is their turn.
    again: Option<Instant>,
    /// After trouble with the store, nothing is tried before this.
    rest: Option<Instant>,
    /// Passes in a row that found nothing to do, although rows wait.
    in_vain: u32,
}

/// Why rows were left by a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// A destination was asked, or none could be.
    Tried,
    /// A destination failed at them, and is left alone with them for so long.
    Resting(Duration),
    /// There was nothing to be had: somebody else holds them, or nobody takes their kind now.
    Held,
    /// The store is in trouble.
    Stuck,
}

impl Agenda {
    /// Nothing was left by a pass.
    pub(super) fn clear(&mut self) {
        *self = Agenda::default();
    }

    /// So many rows were left by a pass that ended now.
    pub(super) fn leave(&mut self, rows: u64, why: Left, tuning: Tuning, now: Instant) {
        self.in_vain = if why == Left::Held { self.in_vain.saturating_add(1) } else { 0 };
        let pause = match why {
            Left::Tried => tuning.interval(),
            Left::Resting(rest) => rest.max(PAUSE),
            Left::Held => (PAUSE * 2_u32.pow((self.in_vain - 1).min(8))).min(LONGEST),
            Left::Stuck => PAUSE,
        };
        self.left = rows;
        self.again = (rows > 0).then_some(now + pause);
        self.rest = (why == Left::Stuck).then_some(now + pause);
    }

    /// When there is something to do for a schedule that sends by itself; `None` when there is nothing. `held_back` says
    /// how long no destination can be asked.
    pub(super) fn due(
        &self,
        state: &State,
        tuning: Tuning,
        held_back: Option<Duration>,
        is_troubled: bool,
    ) -> Option<Instant> {
        let are_enough = state.waiting.saturating_sub(self.left) >= u64::from(tuning.records()) && !is_troubled;
        let new = state.since.map(|since| if are_enough { since } else { since + tuning.interval() });
        let due = [new, self.again].into_iter().flatten().min().filter(|_| state.waiting > 0)?;
        let held_back = held_back.map(|rest| Instant::now() + rest);
        [held_back, self.rest].into_iter().flatten().fold(due, Instant::max).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn state(waiting: u64, since: Option<Instant>) -> State {
        let mut state = State::default();
        (state.waiting, state.since) = (waiting, since);
        state
    }

    /// How long after `now` something is due.
    fn after(agenda: &Agenda, state: &State, now: Instant) -> Option<Duration> {
        agenda.due(state, Tuning::default(), None, false).map(|due| due.saturating_duration_since(now))
    }

    #[test]
    fn what_is_left_alone_wakes_nobody_before_its_time_and_what_is_new_does_not_wait_for_it() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        agenda.leave(500, Left::Resting(60 * MINUTE), Tuning::default(), now);
        assert_eq!(after(&agenda, &state(500, None), now), Some(60 * MINUTE));
        assert_eq!(after(&agenda, &state(501, Some(now)), now), Some(PAUSE), "one more waits for others");
        assert_eq!(after(&agenda, &state(600, Some(now)), now), Some(Duration::ZERO), "a hundred more are enough");
        agenda.clear();
        assert_eq!(after(&agenda, &state(0, None), now), None);
    }

    #[test]
    fn what_somebody_else_holds_is_looked_for_more_and_more_rarely() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        let pauses: Vec<_> = (0..100)
            .map(|_| {
                agenda.leave(1, Left::Held, Tuning::default(), now);
                after(&agenda, &state(1, None), now).unwrap().as_secs()
            })
            .collect();
        assert_eq!(pauses[..9], [5, 10, 20, 40, 80, 160, 320, 600, 600]);
        assert_eq!(pauses[99], 600);
        agenda.leave(1, Left::Tried, Tuning::default(), now);
        agenda.leave(1, Left::Held, Tuning::default(), now);
        assert_eq!(after(&agenda, &state(1, None), now), Some(PAUSE));
    }

    #[test]
    fn nothing_is_due_before_somebody_can_be_asked_or_told() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        agenda.leave(1, Left::Tried, Tuning::default(), now);
        let due = agenda.due(&state(300, Some(now)), Tuning::default(), Some(MINUTE), true).unwrap();
        assert!(due >= now + MINUTE);
        agenda.leave(1, Left::Stuck, Tuning::default(), now);
        assert_eq!(after(&agenda, &state(300, Some(now)), now), Some(PAUSE));
    }
}
