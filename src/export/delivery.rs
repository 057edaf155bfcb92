//! The one delivery policy: what follows from an outcome, for every destination alike.

use std::time::Duration;

use super::breaker::{Admission, Breaker, BreakerState};
use super::outcome::Outcome;
use super::retry::RetryPolicy;
use crate::app::random::IdRng;

/// The longest wait for another try with a batch in hand; longer ones are left to the breaker.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long a server that refuses us, or has too much to do, is left alone.
const REST: Duration = Duration::from_secs(60);

/// Rounds of tries at which a batch may be at fault itself before it is given up.
pub(crate) const ROUNDS: u32 = 10;

/// Retry and breaker of one destination. It owns no clock: the caller passes monotonic nanoseconds.
pub(crate) struct Delivery {
    breaker: Breaker,
    retry: RetryPolicy,
    random: IdRng,
}

/// What to do with a batch after a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is done with, one way or the other.
    Settled,
    /// The same bytes again after this time.
    Again(Duration),
    /// Not now: it is kept until the breaker lets something through.
    Later,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { breaker: Breaker::default(), retry: RetryPolicy::default(), random: IdRng::new() }
    }
}

impl Delivery {
    /// Asks to send at `now`; what is admitted is reported with [`step`](Self::step).
    pub(crate) fn admit(&mut self, now: u64) -> Admission {
        self.breaker.admit(now)
    }

    /// What follows from the outcome of a try. `failed` counts this batch's failures in this round.
    pub(crate) fn step(&mut self, outcome: &Outcome, failed: &mut u32, now: u64) -> Step {
        match outcome {
            Outcome::Delivered { .. } | Outcome::Rejected { .. } | Outcome::TooLarge { .. } => {
                self.breaker.succeeded();
                Step::Settled
            }
            Outcome::NoTable { .. } => {
                self.breaker.succeeded();
                Step::Later
            }
            Outcome::Paused { .. } => {
                self.breaker.trip(now, REST);
                Step::Later
            }
            Outcome::Overloaded { after, .. } => {
                self.breaker.trip(now, after.unwrap_or(REST));
                Step::Later
            }
            Outcome::Retry { after, .. } => {
                *failed += 1;
                self.breaker.failed(now);
                match self.retry.delay(*failed, *after, self.random.next_u64()) {
                    Some(delay) if delay > LONGEST_PAUSE => {
                        self.breaker.trip(now, delay);
                        Step::Later
                    }
                    Some(delay) => Step::Again(delay),
                    None => {
                        if let Some(after) = after {
                            self.breaker.trip(now, *after);
                        }
                        Step::Later
                    }
                }
            }
        }
    }

    /// What was admitted did not go out.
    pub(crate) fn unasked(&mut self) {
        self.breaker.unasked();
    }

    /// How long everything is held back; `None` when something may go out.
    pub(crate) fn remaining(&self, now: u64) -> Option<Duration> {
        self.breaker.remaining(now)
    }

    /// Whether the last try failed.
    pub(crate) fn is_troubled(&self) -> bool {
        self.breaker.is_troubled()
    }

    /// The breaker as it is now.
    pub(crate) fn breaker(&self) -> Breaker {
        self.breaker.clone()
    }

    /// Whether requests go out.
    pub(crate) fn state(&self, now: u64) -> BreakerState {
        self.breaker.state(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn retry(after: Option<u64>) -> Outcome {
        Outcome::Retry { after: after.map(Duration::from_secs), why: "".into() }
    }

    fn step(delivery: &mut Delivery, outcome: &Outcome, failed: &mut u32, now: u64) -> Step {
        delivery.step(outcome, failed, now)
    }

    #[test]
    fn a_batch_has_three_tries_in_a_round() {
        let (mut delivery, mut failed) = (Delivery::default(), 0);
        for backoff in [1, 2] {
            match step(&mut delivery, &retry(None), &mut failed, 0) {
                Step::Again(delay) => assert!(delay <= Duration::from_secs(backoff)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(step(&mut delivery, &retry(None), &mut failed, 0), Step::Later);
        assert_eq!((delivery.admit(0), delivery.state(0)), (Admission::Send, BreakerState::Closed));
    }

    #[test]
    fn the_fifth_failure_in_a_row_opens_whichever_batch_it_is() {
        let mut delivery = Delivery::default();
        for batch in [3, 2] {
            let mut failed = 0;
            for _ in 0..batch {
                step(&mut delivery, &retry(None), &mut failed, 0);
            }
        }
        assert_eq!(delivery.state(0), BreakerState::Open);
        assert_eq!(delivery.admit(60 * SECOND), Admission::Probe);
        assert_eq!(delivery.state(60 * SECOND), BreakerState::HalfOpen);
        let delivered = Outcome::Delivered { rejected: 0, message: None };
        assert_eq!(step(&mut delivery, &delivered, &mut 0, 61 * SECOND), Step::Settled);
        assert_eq!((delivery.state(61 * SECOND), delivery.is_troubled()), (BreakerState::Closed, false));
    }

    #[test]
    fn refusals_of_us_and_too_much_work_hold_everything_back_at_once() {
        let overloaded =
            |after: Option<u64>| Outcome::Overloaded { after: after.map(Duration::from_secs), why: "".into() };
        for (outcome, rest) in [
            (Outcome::Paused { status: 403, why: "".into() }, 60),
            (overloaded(None), 60),
            (overloaded(Some(7)), 7),
            (retry(Some(30)), 30),
        ] {
            let mut delivery = Delivery::default();
            assert_eq!(step(&mut delivery, &outcome, &mut 0, 0), Step::Later, "{outcome:?}");
            assert!(delivery.remaining(0).is_some_and(|left| left >= Duration::from_secs(rest)), "{outcome:?}");
            assert_eq!(delivery.state(0), BreakerState::Open);
        }
    }

    #[test]
    fn a_batch_that_is_refused_shows_that_the_server_is_there() {
        let (mut delivery, mut failed) = (Delivery::default(), 0);
        step(&mut delivery, &retry(None), &mut failed, 0);
        assert!(delivery.is_troubled());
        let refused = Outcome::Rejected { status: 400, why: "".into() };
        assert_eq!(step(&mut delivery, &refused, &mut failed, 0), Step::Settled);
        assert!(!delivery.is_troubled());
    }
}
