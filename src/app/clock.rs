//! The one place that knows the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::date::{Date, Timestamp};

/// A monotonic clock for the hot path, and where its zero lies in the calendar for those who write dates.
///
/// Callers of the layer read only `now`; the worker adds `wall_offset`, asked
/// afresh for each sweep, so that dates stay right when the machine's clock is set.
///
/// Where the monotonic clock stands still while the machine sleeps (Linux, macOS), sleep is no part of a span's duration, and a span
/// that was open then, or a record that waited for the worker, is dated later by as long as it slept.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System(Instant),
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    ticks: AtomicU64,
    offset: AtomicI64,
}

/// Nanoseconds since the clock was made; enough for 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticks(pub(crate) u64);

impl Ticks {
    /// The point in time, given where tick zero lies.
    pub(crate) const fn at(self, zero: Timestamp) -> Timestamp {
        let ticks = if self.0 > i64::MAX as u64 { i64::MAX } else { self.0 as i64 };
        Timestamp::from_nanos(zero.nanos().saturating_add(ticks))
    }
}

impl Clock {
    /// The machine's clock; its ticks begin now.
    pub(crate) fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock for tests that stands still at a time of RFC 3339 until it is moved.
    ///
    /// # Panics
    /// If the text is not a time.
    #[doc(hidden)]
    #[must_use]
    pub fn manual(at: &str) -> Self {
        let at: Timestamp = at.parse().expect("the time of a manual clock is written by the test's author");
        Self(Source::Manual(Arc::new(Manual { ticks: AtomicU64::new(0), offset: AtomicI64::new(at.nanos()) })))
    }

    /// Lets time pass on a manual clock and its clones.
    #[doc(hidden)]
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
            manual.ticks.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Sets the calendar of a manual clock and its clones without letting time pass, as an administrator might.
    ///
    /// # Panics
    /// If the text is not a time.
    #[doc(hidden)]
    pub fn set(&self, to: &str) {
        if let Source::Manual(manual) = &self.0 {
            let to: Timestamp = to.parse().expect("the time of a manual clock is written by the test's author");
            let ticks = i64::try_from(manual.ticks.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
            manual.offset.store(to.nanos().saturating_sub(ticks), Ordering::Relaxed);
        }
    }

    /// Nanoseconds since the clock was made. One reading of the monotonic clock, nothing else.
    #[inline]
    pub(crate) fn now(&self) -> Ticks {
        match &self.0 {
            Source::System(origin) => {
                let passed = origin.elapsed();
                // 64 bits hold 584 years of uptime; the plain arithmetic spares the 128-bit path of `as_nanos`.
                Ticks(passed.as_secs().wrapping_mul(1_000_000_000).wrapping_add(u64::from(passed.subsec_nanos())))
            }
            Source::Manual(manual) => Ticks(manual.ticks.load(Ordering::Relaxed)),
        }
    }

    /// The point in time at which this clock read zero, by the calendar as it is set now.
    pub(crate) fn wall_offset(&self) -> Timestamp {
        match &self.0 {
            Source::System(_) => {
                let ticks = i64::try_from(self.now().0).unwrap_or(i64::MAX);
                Timestamp::from_nanos(unix_nanos(SystemTime::now()).saturating_sub(ticks))
            }
            Source::Manual(manual) => Timestamp::from_nanos(manual.offset.load(Ordering::Relaxed)),
        }
    }

    /// The day today, by the calendar as it is set now. One reading of the machine's clock.
    #[inline]
    pub(crate) fn today(&self) -> Date {
        match &self.0 {
            Source::System(_) => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                match since.map(|since| i32::try_from(since.as_secs() / 86_400)) {
                    Ok(Ok(days)) => Date::from_days(days),
                    _ => self.wall().date(),
                }
            }
            Source::Manual(_) => self.wall().date(),
        }
    }

    /// The point in time now.
    pub(crate) fn wall(&self) -> Timestamp {
        self.now().at(self.wall_offset())
    }
}

/// Nanoseconds since 1970, as near as an `i64` can say.
fn unix_nanos(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_never_go_back_and_wall_time_is_the_machines() {
        let clock = Clock::system();
        let (a, b) = (clock.now(), clock.clone().now());
        assert!(a <= b);
        let machine = unix_nanos(SystemTime::now());
        assert!((clock.wall().nanos() - machine).abs() < 1_000_000_000);
        assert!((clock.wall_offset().nanos() - machine).abs() < 1_000_000_000);
        let (before, today, after) = (clock.wall().date(), clock.today(), clock.wall().date());
        assert!(before <= today && today <= after);
    }

    #[test]
    fn a_manual_clock_moves_for_all_its_clones() {
        let clock = Clock::manual("2026-03-01T00:00:00Z");
        let other = clock.clone();
        clock.advance(Duration::from_secs(90));
        assert_eq!(other.now(), Ticks(90_000_000_000));
        assert_eq!(other.wall().to_string(), "2026-03-01T00:01:30.000000000Z");
        clock.set("2016-03-01T00:00:00Z");
        assert_eq!(other.now(), Ticks(90_000_000_000), "setting the calendar is not time passing");
        assert_eq!(other.wall().to_string(), "2016-03-01T00:00:00.000000000Z");
        assert_eq!(other.today().to_string(), "2016-03-01");
    }

    #[test]
    fn a_clock_that_is_centuries_off_is_clamped() {
        let day = Duration::from_secs(86_400);
        for time in
            [SystemTime::UNIX_EPOCH.checked_sub(day * 200_000), SystemTime::UNIX_EPOCH.checked_add(day * 2_932_896)]
        {
            let nanos = unix_nanos(time.unwrap());
            assert!(nanos == i64::MIN || nanos == i64::MAX);
            let _ = Ticks(u64::MAX).at(Timestamp::from_nanos(nanos)).to_string();
        }
        assert_eq!(unix_nanos(SystemTime::UNIX_EPOCH.checked_sub(day).unwrap()), -86_400_000_000_000);
    }
}
