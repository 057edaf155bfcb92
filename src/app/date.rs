//! Points in time and calendar days, in UTC: what the crate needs of a calendar and nothing more.
//!
//! Days are counted from 1970-01-01 in the proleptic Gregorian calendar.

use std::fmt;
use std::str::FromStr;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_DAY: i64 = 86_400 * NANOS_PER_SECOND;

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, from the year 1677 to 2262. A clock beyond that is taken
/// as the nearer end.
///
/// Written as RFC 3339 in UTC with nanoseconds, `2026-03-01T12:00:00.000000001Z`, and read back from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Timestamp(i64);

impl Timestamp {
    /// From nanoseconds since 1970.
    pub(crate) const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970.
    pub(crate) const fn nanos(self) -> i64 {
        self.0
    }

    /// The day it falls on, in UTC.
    pub(crate) const fn date(self) -> Date {
        Date(self.0.div_euclid(NANOS_PER_DAY) as i32)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_day = self.0.rem_euclid(NANOS_PER_DAY);
        let (seconds, nanos) = (of_day / NANOS_PER_SECOND, of_day % NANOS_PER_SECOND);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z", self.date())
    }
}

impl FromStr for Timestamp {
    type Err = NotATime;

    /// Reads RFC 3339 with any fraction and any offset; a leap second is read as the second after it.
    fn from_str(text: &str) -> Result<Self, NotATime> {
        let (date, rest) = text.split_at_checked(10).ok_or(NotATime)?;
        let date: Date = date.parse()?;
        let time = rest.strip_prefix(['T', 't', ' ']).ok_or(NotATime)?;
        let (clock, rest) = time.split_at_checked(8).ok_or(NotATime)?;
        let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
        if hour > 23 || minute > 59 || second > 60 {
            return Err(NotATime);
        }
        let zone_at = rest.find(['Z', 'z', '+', '-']).ok_or(NotATime)?;
        let (fraction, zone) = rest.split_at(zone_at);
        let nanos = match fraction.strip_prefix('.') {
            None if fraction.is_empty() => 0,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.bytes().chain(std::iter::repeat(b'0')).take(9).fold(0, |sum, b| sum * 10 + i64::from(b - b'0'))
            }
            _ => return Err(NotATime),
        };
        let offset = match zone {
            "Z" | "z" => 0,
            _ => {
                let [hours, minutes] = numbers(zone.get(1..).ok_or(NotATime)?, ':', [2, 2])?;
                if hours > 23 || minutes > 59 {
                    return Err(NotATime);
                }
                (hours * 60 + minutes) * 60 * if zone.starts_with('-') { -1 } else { 1 }
            }
        };
        let seconds = i64::from(date.0) * 86_400 + i64::from(hour * 3600 + minute * 60 + second - offset);
        Ok(Self(seconds.checked_mul(NANOS_PER_SECOND).and_then(|n| n.checked_add(nanos)).ok_or(NotATime)?))
    }
}

/// A day in UTC, written `2026-03-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Date(i32);

impl Date {
    /// From days since 1970-01-01. Meant for days whose year has four digits.
    pub(crate) const fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    pub(crate) const fn days(self) -> i32 {
        self.0
    }

    /// Year, month 1 to 12, day 1 to 31.
    pub(crate) fn civil(self) -> (i64, u8, u8) {
        // Eras of 400 years, each starting on a 1 March, so that the leap day is the last day of a year and of an era.
        let days = i64::from(self.0) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        (year, month as u8, day as u8)
    }

    /// The day, unless there is no such day.
    pub(crate) fn from_civil(year: i64, month: u8, day: u8) -> Option<Self> {
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let shifted_year = year.checked_sub(i64::from(month <= 2))?;
        let (era, year_of_era) = (shifted_year.div_euclid(400), shifted_year.rem_euclid(400));
        let shifted_month = i64::from(if month > 2 { month - 3 } else { month + 9 });
        let of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        let days = era.checked_mul(146_097)?.checked_add(of_era)?.checked_sub(719_468)?;
        let date = Self(i32::try_from(days).ok()?);
        // 31 April comes back as 1 May.
        (date.civil() == (year, month, day)).then_some(date)
    }

    /// The ISO 8601 week it belongs to: weeks begin on Monday, and week 1 is the one with the year's first Thursday.
    pub(crate) fn week(self) -> Week {
        // 1970-01-01 was a Thursday; the week belongs to the year of its Thursday.
        let from_monday = (i64::from(self.0) + 3).rem_euclid(7);
        let monday = i64::from(self.0) - from_monday;
        let thursday = Self(i32::try_from(monday + 3).unwrap_or(self.0));
        let (year, ..) = thursday.civil();
        let first = Self::from_civil(year, 1, 1).unwrap_or(thursday);
        Week { year, number: ((thursday.0 - first.0) / 7 + 1) as u8 }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Date {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let [year, month, day] = numbers(text, '-', [4, 2, 2])?;
        Self::from_civil(i64::from(year), month as u8, day as u8).ok_or(NotATime)
    }
}

/// A week of ISO 8601, written `2026-W09`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Week {
    pub(crate) year: i64,
    /// 1 to 53.
    pub(crate) number: u8,
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-W{:02}", self.year, self.number)
    }
}

/// The text is not a date or time of RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotATime;

impl fmt::Display for NotATime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a time such as 2026-03-01T12:00:00Z between the years 1677 and 2262")
    }
}

impl std::error::Error for NotATime {}

/// Reads numbers of exactly these widths with one separator between them.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Result<[i32; N], NotATime> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next().ok_or(NotATime)?;
        if part.len() != width || !part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotATime);
        }
        *number = part.parse().map_err(|_| NotATime)?;
    }
    if parts.next().is_some() { Err(NotATime) } else { Ok(numbers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (days, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (19_782, "2024-02-29"),
            (20_454, "2026-01-01"),
            (-25_567, "1900-01-01"),
            (-25_508, "1900-03-01"),
            (47_541, "2100-03-01"),
            (2_932_896, "9999-12-31"),
        ] {
            assert_eq!(Date::from_days(days).to_string(), text);
            assert_eq!(text.parse(), Ok(Date::from_days(days)));
        }
    }

    #[test]
    fn every_day_of_a_thousand_years_follows_the_day_before_and_reads_back() {
        let mut before = Date::from_civil(1599, 12, 31).unwrap();
        while before < Date::from_civil(2600, 1, 1).unwrap() {
            let date = Date::from_days(before.days() + 1);
            let (year, month, day) = date.civil();
            assert_eq!(Date::from_civil(year, month, day), Some(date));
            let (year_before, month_before, day_before) = before.civil();
            let next = (year, month, day) == (year_before, month_before, day_before + 1);
            let turn = day == 1 && (year * 12 + i64::from(month)) == (year_before * 12 + i64::from(month_before)) + 1;
            assert!(next || turn, "{before} {date}");
            let (week, week_before) = (date.week(), before.week());
            let monday = (date.days() + 3).rem_euclid(7) == 0;
            assert_eq!(week != week_before, monday, "{date} {week}");
            assert!((1..=53).contains(&week.number));
            before = date;
        }
    }

    #[test]
    fn known_weeks() {
        // From the examples of ISO 8601 and `date -u +%G-W%V`.
        for (date, week) in [
            ("2005-01-01", "2004-W53"),
            ("2005-12-31", "2005-W52"),
            ("2006-01-01", "2005-W52"),
            ("2007-12-31", "2008-W01"),
            ("2008-12-29", "2009-W01"),
            ("2010-01-03", "2009-W53"),
            ("2024-11-14", "2024-W46"),
            ("1969-12-31", "1970-W01"),
        ] {
            assert_eq!(date.parse::<Date>().unwrap().week().to_string(), week, "{date}");
        }
    }

    #[test]
    fn times_are_written_and_read_back() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (1, "1970-01-01T00:00:00.000000001Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (1_709_210_096_123_456_789, "2024-02-29T12:34:56.123456789Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
            (i64::MIN + 999_999_999, "1677-09-21T00:12:44.145224191Z"),
        ] {
            assert_eq!(Timestamp(nanos).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp(nanos)), "{text}");
        }
        let _ = Timestamp(i64::MIN).to_string();
        let mut nanos: i64 = 1;
        for _ in 0..20_000 {
            nanos = nanos.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let time = Timestamp(nanos / 2);
            assert_eq!(time.to_string().parse(), Ok(time));
        }
    }

    #[test]
    fn other_forms_of_rfc_3339_are_read() {
        let noon = "2024-02-29T12:00:00Z".parse::<Timestamp>();
        for text in
            ["2024-02-29t12:00:00z", "2024-02-29 12:00:00.0Z", "2024-02-29T14:00:00+02:00", "2024-02-29T06:30:00-05:30"]
        {
            assert_eq!(text.parse(), noon, "{text}");
        }
        assert_eq!("2016-12-31T23:59:60Z".parse::<Timestamp>(), "2017-01-01T00:00:00Z".parse());
    }

    #[test]
    fn what_is_no_time_is_an_error() {
        for text in [
            "",
            "2024",
            "2024-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00.xZ",
            "2024-01-01T00:00:00+25:00",
            "2024-01-01T00:00:00+",
            "2024-01-01T00:00:00Zjunk",
            "+024-01-01T00:00:00Z",
            "2024-01-01T00:00:00\u{0660}Z",
            "２０２４-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotATime), "{text}");
        }
    }
}
