//! Times rounded down.

use crate::app::{Date, Timestamp};
use crate::privacy::policy::TimeUnit;

/// A time rounded down: RFC 3339, what `chrono`, `time` and `SystemTime` print of a time in UTC or with an offset, a day,
/// or a UNIX time whose unit its size tells. A time without a zone is none.
pub(super) fn round(value: &str, unit: TimeUnit) -> Option<String> {
    let at = calendar(value).or_else(|| system_time(value)).or_else(|| unix(value))?;
    Some(unit.floor(at)?.to_string().replace(".000000000", ""))
}

impl TimeUnit {
    /// When the unit began that a time lies in; none for one before the first that can be told.
    pub(crate) fn floor(self, at: Timestamp) -> Option<Timestamp> {
        const DAY: i64 = 86_400_000_000_000;
        const HOUR: i64 = 3_600_000_000_000;
        let start = match self {
            TimeUnit::Hour => at.nanos().checked_sub(at.nanos().rem_euclid(HOUR))?,
            TimeUnit::Day => i64::from(at.date().days()).checked_mul(DAY)?,
            TimeUnit::Week => i64::from(monday(at.date())).checked_mul(DAY)?,
        };
        Some(Timestamp::from_nanos(start))
    }
}

fn calendar(value: &str) -> Option<Timestamp> {
    if let Ok(at) = value.parse() {
        return Some(at);
    }
    if value.len() == 10 {
        let day: Date = value.parse().ok()?;
        return i64::from(day.days()).checked_mul(86_400_000_000_000).map(Timestamp::from_nanos);
    }
    // `2026-03-04 05:06:07 UTC` and `2026-03-04 05:06:07 +00:00`
    if let Some(plain) = value.strip_suffix(" UTC") {
        return format!("{plain}Z").parse().ok();
    }
    let (plain, offset) = value.rsplit_once(' ')?;
    offset.starts_with(['+', '-']).then(|| format!("{plain}{offset}").parse().ok())?
}

/// What `Debug` of the standard library's `SystemTime` prints.
fn system_time(value: &str) -> Option<Timestamp> {
    let seconds = value.strip_prefix("SystemTime { tv_sec: ")?.split_once(", tv_nsec: ")?.0;
    Some(Timestamp::from_nanos(seconds.parse::<i64>().ok()?.checked_mul(1_000_000_000)?))
}

fn unix(value: &str) -> Option<Timestamp> {
    let whole = match value.split_once('.') {
        // Seconds with a fraction; a part of one never changes the hour.
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit()) => whole,
        Some(_) => return None,
        None => value,
    };
    let number: i64 = whole.parse().ok()?;
    // Seconds until the year 5138, then the next finer unit.
    let scale = match number.unsigned_abs() {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    Some(Timestamp::from_nanos(number.checked_mul(scale)?))
}

/// Days since 1970 of the week's Monday; 1970-01-01 was a Thursday.
fn monday(date: Date) -> i32 {
    date.days() - (date.days() + 3).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_down_however_they_are_written() {
        for value in [
            "2026-03-04T05:06:07.89Z",
            "2026-03-04T06:06:07+01:00",
            "2026-03-04 05:06:07.89 UTC",
            "2026-03-04 06:06:07 +01:00",
            "2026-03-04 05:06:07.890123456 +00:00",
            "SystemTime { tv_sec: 1772600767, tv_nsec: 890000000 }",
            "1772600767",
            "1772600767.89",
            "1772600767890",
            "1772600767890000",
            "1772600767890000000",
        ] {
            assert_eq!(round(value, TimeUnit::Hour).as_deref(), Some("2026-03-04T05:00:00Z"), "{value}");
            assert_eq!(round(value, TimeUnit::Day).as_deref(), Some("2026-03-04T00:00:00Z"), "{value}");
            assert_eq!(round(value, TimeUnit::Week).as_deref(), Some("2026-03-02T00:00:00Z"), "{value}");
        }
        assert_eq!(round("2026-03-04", TimeUnit::Week).as_deref(), Some("2026-03-02T00:00:00Z"));
        assert_eq!(round("-1", TimeUnit::Hour).as_deref(), Some("1969-12-31T23:00:00Z"));
    }

    #[test]
    fn a_rounded_time_is_rounded_to_itself() {
        for unit in [TimeUnit::Hour, TimeUnit::Day, TimeUnit::Week] {
            let once = round("2026-03-04T05:06:07.89Z", unit).unwrap();
            assert_eq!(round(&once, unit), Some(once));
        }
    }

    #[test]
    fn what_is_no_time_is_dropped() {
        for value in [
            "",
            "soon",
            "2026-03-04T05:06:07",
            "2026-13-04",
            "05:06:07",
            "2026-03-04 05:06:07 CET",
            "1.5.2",
            "1.",
            "1e9",
            "99999999999999999999",
            "SystemTime { tv_sec: x, tv_nsec: 0 }",
            "born 1990-01-01",
        ] {
            assert_eq!(round(value, TimeUnit::Day), None, "{value}");
        }
        // What it would be rounded to lies before all times.
        for unit in [TimeUnit::Hour, TimeUnit::Day, TimeUnit::Week] {
            assert_eq!(round(&i64::MIN.to_string(), unit), None, "{unit}");
        }
    }
}
