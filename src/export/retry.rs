//! When a batch that failed is tried again.

use std::time::{Duration, SystemTime};

/// How often, and after what delay: exponential backoff with full jitter.
///
/// Full jitter (a delay drawn evenly between nothing and the backoff) is what brings a fleet of clients back spread
/// out instead of all at once; see Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    /// Tries of one batch in one round, the first included. Afterwards it waits in the store for the next round.
    pub(crate) attempts: u32,
    /// The backoff after the first failure.
    pub(crate) base: Duration,
    /// What the backoff grows by with each failure.
    pub(crate) factor: u32,
    /// No delay is longer, whatever the server asks for.
    pub(crate) cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 3, base: Duration::from_secs(1), factor: 2, cap: LONGEST_DELAY }
    }
}

impl RetryPolicy {
    /// How long to wait after the `failed`-th failure in a row (counted from 1); `None` when this round is over.
    ///
    /// A server that asked for a delay gets at least that; the jitter is added on top, because all of its clients were
    /// told the same number. `random` is any evenly distributed number.
    pub(crate) fn delay(&self, failed: u32, retry_after: Option<Duration>, random: u64) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let growth = self.factor.saturating_pow(failed.saturating_sub(1));
        let backoff = self.base.saturating_mul(growth).min(self.cap);
        let jitter = fraction_of(backoff, random);
        Some(retry_after.unwrap_or_default().saturating_add(jitter).min(self.cap))
    }
}

/// The longest time that a server can send us away for.
pub(crate) const LONGEST_DELAY: Duration = Duration::from_secs(60 * 60);

/// Reads a `Retry-After` header: seconds, or a date. At most one hour.
///
/// A date is compared with the `Date` header of the same answer and not with our clock, which may be years off;
/// without that header a date says nothing, and neither does a header that is not readable.
pub(crate) fn retry_after(value: &str, answered_at: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // All digits and not a number: too many of them.
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_DELAY));
    }
    let then = http_date(value)?;
    let answered_at = http_date(answered_at?.trim())?;
    Some(then.duration_since(answered_at).unwrap_or_default().min(LONGEST_DELAY))
}

fn http_date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

/// `random / 2⁶⁴` of the duration.
fn fraction_of(duration: Duration, random: u64) -> Duration {
    let nanos = u128::from(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    Duration::from_nanos(((nanos * u128::from(random)) >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: u64 = 1 << 63;

    #[test]
    fn the_backoff_doubles_from_one_second_and_the_third_failure_ends_the_round() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(1, None, HALF), Some(Duration::from_millis(500)));
        assert_eq!(policy.delay(2, None, HALF), Some(Duration::from_secs(1)));
        assert_eq!(policy.delay(3, None, HALF), None);
        assert_eq!(policy.delay(u32::MAX, None, HALF), None);
    }

    #[test]
    fn jitter_covers_everything_from_nothing_to_the_whole_backoff() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(1, None, 0), Some(Duration::ZERO));
        let most = policy.delay(1, None, u64::MAX).unwrap();
        assert!(most < Duration::from_secs(1) && most > Duration::from_millis(999), "{most:?}");
    }

    #[test]
    fn a_server_that_asks_for_a_delay_gets_at_least_that_up_to_an_hour() {
        let policy = RetryPolicy::default();
        let asked = Duration::from_secs(30);
        assert_eq!(policy.delay(1, Some(asked), 0), Some(asked));
        assert_eq!(policy.delay(1, Some(asked), HALF), Some(asked + Duration::from_millis(500)));
        assert_eq!(policy.delay(1, Some(Duration::MAX), HALF), Some(LONGEST_DELAY));
        assert_eq!(policy.delay(3, Some(asked), HALF), None);
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let policy = RetryPolicy { attempts: u32::MAX, ..RetryPolicy::default() };
        for failed in [0, 12, 31, 32, 33, 1000, u32::MAX - 1] {
            let delay = policy.delay(failed, Some(Duration::from_secs(1)), u64::MAX).unwrap();
            assert!(delay <= LONGEST_DELAY, "{failed}: {delay:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_relative_to_the_servers_own() {
        let date = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        for (value, answered_at, expected) in [
            ("0", None, Some(0)),
            ("7", None, Some(7)),
            (" 120 ", date, Some(120)),
            ("3600", None, Some(3600)),
            ("3601", None, Some(3600)),
            ("99999999999999999999999999", None, Some(3600)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", date, Some(30)),
            ("Wednesday, 21-Oct-15 07:28:30 GMT", date, Some(30)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", date, Some(0)),
            ("Wed, 21 Oct 2099 07:28:00 GMT", date, Some(3600)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", None, None),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some("today"), None),
            ("", date, None),
            ("-1", date, None),
            ("1.5", date, None),
            ("soon", date, None),
            ("١٢", date, None),
        ] {
            assert_eq!(retry_after(value, answered_at), expected.map(Duration::from_secs), "{value:?}");
        }
    }
}
