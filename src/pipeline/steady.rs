//! The time by which the claims of others have run out.

use std::time::Duration;

/// The calendar, but for jumps: a clock that is set forward, or a machine that slept, makes every claim look as if it had run
/// out, also those of processes that are in the middle of a request. So after a jump they are judged for a while by how time
/// went on before it.
///
/// A process that begins after a jump knows nothing of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steady {
    /// Where the monotonic clock's zero was in the calendar, in seconds.
    zero: i64,
    /// When that was seen to have changed, in seconds of the monotonic clock.
    jumped: Option<i64>,
}

/// A calendar that is put right by less than this is not set.
const DRIFT: u64 = 2;

impl Steady {
    pub(super) fn new(monotonic: i64, calendar: i64) -> Self {
        Steady { zero: calendar - monotonic, jumped: None }
    }

    /// The time in the calendar by which claims are judged now; for so long after a jump it is the one from before it.
    pub(super) fn at(&mut self, monotonic: i64, calendar: i64, patience: Duration) -> i64 {
        let zero = calendar - monotonic;
        let is_over = |jumped: i64| (monotonic - jumped).unsigned_abs() > patience.as_secs();
        if zero.abs_diff(self.zero) <= DRIFT || self.jumped.is_some_and(is_over) {
            *self = Steady::new(monotonic, calendar);
        } else {
            self.jumped.get_or_insert(monotonic);
        }
        monotonic + self.zero
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_believed_after_a_while_and_drift_at_once() {
        const PATIENCE: Duration = Duration::from_secs(65);
        for jump in [1_000_000, -1_000_000] {
            let mut steady = Steady::new(5, 1_000);
            assert_eq!(steady.at(10, 1_005, PATIENCE), 1_005);
            assert_eq!(steady.at(11, 1_008, PATIENCE), 1_008, "a clock that is put right");
            assert_eq!(steady.at(20, 1_017 + jump, PATIENCE), 1_017);
            assert_eq!(steady.at(85, 1_082 + jump, PATIENCE), 1_082);
            assert_eq!(steady.at(86, 1_083 + jump, PATIENCE), 1_083 + jump);
            assert_eq!(steady.at(90, 1_087 + jump, PATIENCE), 1_087 + jump);
            assert_eq!(steady.at(91, 1_088, PATIENCE), 1_088 + jump, "and back");
        }
    }
}
