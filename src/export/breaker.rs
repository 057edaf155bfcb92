//! Stops asking a server that does not answer, and finds out cheaply when it does again.

use std::time::Duration;

/// A circuit breaker: closed while the server answers, open after some failures in a row, and then one probe at a time.
///
/// It owns no clock: the caller passes monotonic nanoseconds, so that a changed wall clock moves nothing.
#[derive(Clone, Debug)]
pub(crate) struct Breaker {
    threshold: u32,
    cool_down: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed {
        failures: u32,
    },
    /// Nothing goes out before `until`.
    Open {
        until: u64,
    },
    /// One request is on its way. If nobody reports how it went, another may go at `until`.
    Probing {
        until: u64,
    },
}

/// Whether a request may go out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// As ever.
    Send,
    /// Just this one; its result decides.
    Probe,
    /// Not before this much time has passed.
    Wait(Duration),
}

/// Whether requests go to a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// As ever.
    #[default]
    Closed,
    /// None goes out: too many failed in a row, or the server asked for rest.
    Open,
    /// One goes out, and its result decides.
    HalfOpen,
}

impl std::fmt::Display for BreakerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        })
    }
}

impl Default for Breaker {
    /// Opens after 5 failures in a row, and probes every 60 seconds.
    fn default() -> Self {
        Self::new(5, Duration::from_secs(60))
    }
}

impl Breaker {
    /// Opens after `threshold` failures in a row, and lets one probe through after each `cool_down`.
    pub(crate) fn new(threshold: u32, cool_down: Duration) -> Self {
        Self {
            threshold: threshold.max(1),
            cool_down: u64::try_from(cool_down.as_nanos()).unwrap_or(u64::MAX),
            state: State::Closed { failures: 0 },
        }
    }

    /// Asks to send at `now`. After [`Admission::Send`] and [`Admission::Probe`] the caller reports how it went.
    pub(crate) fn admit(&mut self, now: u64) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Send,
            State::Open { until } | State::Probing { until } if now < until => {
                Admission::Wait(Duration::from_nanos(until - now))
            }
            State::Open { .. } | State::Probing { .. } => {
                self.state = State::Probing { until: now.saturating_add(self.cool_down) };
                Admission::Probe
            }
        }
    }

    /// The server answered: any answer shows that it is there and not overloaded.
    pub(crate) fn succeeded(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// The server could not be reached, or said that it cannot take more.
    pub(crate) fn failed(&mut self, now: u64) {
        let failures = match self.state {
            State::Closed { failures } => failures.saturating_add(1),
            State::Open { .. } | State::Probing { .. } => self.threshold,
        };
        self.state = if failures >= self.threshold {
            State::Open { until: now.saturating_add(self.cool_down) }
        } else {
            State::Closed { failures }
        };
    }

    /// What was admitted did not go out: the next one may be the probe.
    pub(crate) fn unasked(&mut self) {
        if let State::Probing { .. } = self.state {
            self.state = State::Open { until: 0 };
        }
    }

    /// Holds everything back for so long, whatever went before: the server said that nothing is welcome.
    pub(crate) fn trip(&mut self, now: u64, rest: Duration) {
        let rest = u64::try_from(rest.as_nanos()).unwrap_or(u64::MAX);
        let earlier = match self.state {
            State::Open { until } | State::Probing { until } => until,
            State::Closed { .. } => 0,
        };
        self.state = State::Open { until: now.saturating_add(rest).max(earlier) };
    }

    /// How long requests are held back; `None` when one may go out.
    pub(crate) fn remaining(&self, now: u64) -> Option<Duration> {
        match self.state {
            State::Open { until } | State::Probing { until } if now < until => Some(Duration::from_nanos(until - now)),
            _ => None,
        }
    }

    /// What it does now.
    pub(crate) fn state(&self, now: u64) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until } if now < until => BreakerState::Open,
            State::Open { .. } | State::Probing { .. } => BreakerState::HalfOpen,
        }
    }

    /// Whether the last request failed.
    pub(crate) fn is_troubled(&self) -> bool {
        !matches!(self.state, State::Closed { failures: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn opened_at(now: u64) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            assert_eq!(breaker.admit(now), Admission::Send);
            breaker.failed(now);
        }
        breaker
    }

    #[test]
    fn it_opens_at_the_fifth_failure_in_a_row() {
        let mut breaker = Breaker::default();
        for round in 0..3 {
            for _ in 0..4 {
                breaker.failed(round);
            }
            assert_eq!(breaker.admit(round), Admission::Send);
            breaker.succeeded();
        }
        let mut breaker = opened_at(0);
        assert!(breaker.is_troubled());
        assert_eq!(breaker.admit(0), Admission::Wait(Duration::from_secs(60)));
        assert_eq!(breaker.admit(59 * SECOND), Admission::Wait(Duration::from_secs(1)));
    }

    #[test]
    fn after_a_minute_one_probe_goes_and_only_one() {
        let mut breaker = opened_at(0);
        assert_eq!(breaker.admit(60 * SECOND), Admission::Probe);
        assert_eq!(breaker.admit(61 * SECOND), Admission::Wait(Duration::from_secs(59)));
    }

    #[test]
    fn a_probe_that_succeeds_closes_and_one_that_fails_waits_again() {
        let mut breaker = opened_at(0);
        assert_eq!(breaker.admit(60 * SECOND), Admission::Probe);
        breaker.failed(65 * SECOND);
        assert_eq!(breaker.admit(66 * SECOND), Admission::Wait(Duration::from_secs(59)));
        assert_eq!(breaker.admit(125 * SECOND), Admission::Probe);
        breaker.succeeded();
        assert!(!breaker.is_troubled());
        for _ in 0..4 {
            breaker.failed(126 * SECOND);
            assert_eq!(breaker.admit(126 * SECOND), Admission::Send);
        }
    }

    #[test]
    fn a_probe_whose_end_nobody_reports_does_not_block_for_ever() {
        let mut breaker = opened_at(0);
        assert_eq!(breaker.admit(60 * SECOND), Admission::Probe);
        assert_eq!(breaker.admit(120 * SECOND), Admission::Probe);
    }

    #[test]
    fn after_a_probe_that_did_not_go_out_another_one_goes_at_once() {
        let mut breaker = opened_at(0);
        assert_eq!(breaker.admit(60 * SECOND), Admission::Probe);
        breaker.unasked();
        assert_eq!((breaker.remaining(60 * SECOND), breaker.state(60 * SECOND)), (None, BreakerState::HalfOpen));
        assert_eq!(breaker.admit(60 * SECOND), Admission::Probe);
        breaker.failed(61 * SECOND);
        breaker.unasked();
        assert_eq!(breaker.admit(62 * SECOND), Admission::Wait(Duration::from_secs(59)), "that one was none");
    }

    #[test]
    fn a_clock_at_its_end_does_not_overflow() {
        let mut breaker = opened_at(u64::MAX);
        assert_eq!(breaker.admit(u64::MAX), Admission::Probe);
        assert_eq!(Breaker::new(0, Duration::MAX).admit(0), Admission::Send);
    }
}
