//! Numbers as ranges.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// The bounds of an [`Action::Buckets`](crate::privacy::Action::Buckets): of 0, 10 and 100 come the ranges `<0`, `0..10`,
/// `10..100` and `>=100`, each with its lower bound and without its upper one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds(&'static [i64]);

impl Bounds {
    /// The most bounds there can be.
    pub const MOST: usize = 64;

    /// Bounds in rising order. Each list is kept once, for as long as the program runs.
    ///
    /// # Errors
    /// There are none, more than 64, or they do not rise.
    ///
    /// ```
    /// use tracing_privacy::privacy::{Action, Bounds, Policy};
    ///
    /// let sizes = Bounds::new(&[1, 10, 100]).expect("they rise");
    /// let policy = Policy::standard().field("basket_size", Action::Buckets(sizes));
    /// ```
    pub fn new(bounds: &[i64]) -> Result<Self, UnusableBounds> {
        static KNOWN: Mutex<Vec<&'static [i64]>> = Mutex::new(Vec::new());
        if bounds.is_empty() || bounds.len() > Self::MOST || bounds.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(UnusableBounds);
        }
        // A list is added whole or not at all, so a poisoned lock holds nothing half done.
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match known.iter().find(|kept| **kept == bounds) {
            Some(kept) => kept,
            None => {
                let kept: &'static [i64] = Box::leak(bounds.into());
                known.push(kept);
                kept
            }
        };
        Ok(Bounds(kept))
    }

    /// The range that a number lies in.
    pub(super) fn range(self, value: &str) -> Option<String> {
        let below = match Number::parse(value)? {
            Number::Whole(number) => self.0.partition_point(|bound| i128::from(*bound) <= number),
            Number::Fraction(number) => self.0.partition_point(|bound| *bound as f64 <= number),
        };
        Some(self.label(below))
    }

    /// Whether a text is one of the ranges.
    pub(super) fn is_range(self, text: &str) -> bool {
        (0..=self.0.len()).any(|below| self.label(below) == text)
    }

    /// The range above so many bounds.
    fn label(self, below: usize) -> String {
        match (below.checked_sub(1).map(|low| self.0[low]), self.0.get(below)) {
            (Some(low), Some(high)) => format!("{low}..{high}"),
            (Some(low), None) => format!(">={low}"),
            (None, high) => format!("<{}", high.copied().unwrap_or_default()),
        }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comma = |at: usize| if at == 0 { "" } else { ", " };
        self.0.iter().enumerate().try_for_each(|(at, bound)| write!(f, "{}{bound}", comma(at)))
    }
}

impl FromStr for Bounds {
    type Err = UnusableBounds;

    /// Reads what `Display` writes, such as `1, 10, 100`.
    fn from_str(text: &str) -> Result<Self, UnusableBounds> {
        let bounds: Result<Vec<i64>, _> = text.split(',').map(|bound| bound.trim().parse()).collect();
        Self::new(&bounds.map_err(|_| UnusableBounds)?)
    }
}

impl fmt::Debug for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Bounds that make no ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnusableBounds;

impl fmt::Display for UnusableBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "bounds of buckets are 1 to {} numbers, each larger than the one before, such as 1, 10, 100",
            Bounds::MOST
        )
    }
}

impl std::error::Error for UnusableBounds {}

enum Number {
    Whole(i128),
    Fraction(f64),
}

impl Number {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse() {
            return Some(Number::Whole(number));
        }
        text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Number::Fraction)
    }
}

/// The power-of-ten range that a number lies in.
pub(super) fn by_powers_of_ten(value: &str) -> Option<String> {
    let number: f64 = value.parse().ok()?;
    if !number.is_finite() {
        return None;
    }
    let sign = if number < 0.0 { "-" } else { "" };
    let size = number.abs().trunc();
    if size < 1.0 {
        return Some("0".to_owned());
    }
    if size >= 1e15 {
        return Some(format!("{sign}1000000000000000 or more"));
    }
    let mut low = 1_u64;
    while size >= (low * 10) as f64 {
        low *= 10;
    }
    Some(format!("{sign}{low}-{sign}{high}", high = low * 10 - 1))
}

/// Whether a text is one of those ranges.
pub(super) fn is_power_of_ten_range(text: &str) -> bool {
    let sign = usize::from(text.starts_with('-'));
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    by_powers_of_ten(&text[..sign + digits]).is_some_and(|range| range == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fall_between_their_bounds() {
        let bounds = Bounds::new(&[-5, 0, 10, 100]).unwrap();
        for (value, range) in [
            ("-6", "<-5"),
            ("-5", "-5..0"),
            ("-0.1", "-5..0"),
            ("0", "0..10"),
            ("9.99", "0..10"),
            ("10", "10..100"),
            ("100", ">=100"),
            ("18446744073709551615", ">=100"),
            ("1e300", ">=100"),
            ("-1e300", "<-5"),
        ] {
            assert_eq!(bounds.range(value).as_deref(), Some(range), "{value}");
            assert!(bounds.is_range(range));
        }
        for value in ["", "NaN", "inf", "ten", "1_000", "12ms", "0x10", "10..100"] {
            assert_eq!(bounds.range(value), None, "{value}");
        }
        assert!(!bounds.is_range("10") && !bounds.is_range("0..100"));
    }

    #[test]
    fn large_whole_numbers_keep_their_last_digit() {
        let bounds = Bounds::new(&[9_007_199_254_740_993]).unwrap();
        assert_eq!(bounds.range("9007199254740992").as_deref(), Some("<9007199254740993"));
        assert_eq!(bounds.range("9007199254740993").as_deref(), Some(">=9007199254740993"));
    }

    #[test]
    fn bounds_rise() {
        for bounds in [&[][..], &[1, 1], &[2, 1], &(0..65).collect::<Vec<_>>()] {
            assert_eq!(Bounds::new(bounds), Err(UnusableBounds));
        }
        let (one, same) = (Bounds::new(&[1, 2]).unwrap(), Bounds::new(&[1, 2]).unwrap());
        assert!(std::ptr::eq(one.0, same.0), "a list is kept once");
        assert_eq!(format!("{one:?}"), "[1, 2]");
    }

    #[test]
    fn numbers_fall_into_powers_of_ten() {
        for (value, range) in [
            ("0", "0"),
            ("0.9", "0"),
            ("7", "1-9"),
            ("10", "10-99"),
            ("99.9", "10-99"),
            ("-250", "-100--999"),
            ("1e20", "1000000000000000 or more"),
            ("-1e20", "-1000000000000000 or more"),
        ] {
            assert_eq!(by_powers_of_ten(value).as_deref(), Some(range), "{value}");
            assert!(is_power_of_ten_range(range), "{range}");
        }
        assert_eq!(by_powers_of_ten("NaN"), None);
        assert_eq!(by_powers_of_ten("alice"), None);
        for other in ["7", "10-98", "11-99", "1234 or more", "-", "", "é"] {
            assert!(!is_power_of_ten_range(other), "{other}");
        }
    }
}
