//! Keys that are thrown away: one for each period, drawn anew when it is over.

use std::fmt;

use zeroize::Zeroizing;

use super::random::{self, NoRandomness};
use super::{Date, KeyState};

/// For how long one key holds. A new key makes new pseudonyms, which cannot be linked to the old ones.
///
/// Periods begin and end at midnight in UTC, also while the program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rotation {
    /// A day.
    Daily,
    /// An ISO week, from Monday.
    #[default]
    Weekly,
    /// A calendar month.
    Monthly,
    /// For ever, or until the key's file is deleted.
    Never,
}

impl Rotation {
    /// In the order in which keys are kept.
    pub(crate) const ALL: [Rotation; 4] = [Rotation::Daily, Rotation::Weekly, Rotation::Monthly, Rotation::Never];

    /// Where this rotation's key stands among those of all rotations.
    #[inline]
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// Whether a key of that day still holds today. One from the future does not: the clock was wrong when it was
    /// drawn, or is now, and a key that waits for its day would hold too long.
    pub(crate) fn keeps(self, created: Date, today: Date) -> bool {
        let month = |date: Date| {
            let (year, month, _) = date.civil();
            (year, month)
        };
        match self {
            Self::Daily => created == today,
            Self::Weekly => created.week() == today.week(),
            Self::Monthly => month(created) == month(today),
            Self::Never => true,
        }
    }

    /// The period's name: `2026-03-01`, `2026-W09`, `2026-03`, or `ever`.
    pub(crate) fn period(self, today: Date) -> String {
        match self {
            Self::Daily => today.to_string(),
            Self::Weekly => today.week().to_string(),
            Self::Monthly => {
                let (year, month, _) = today.civil();
                format!("{year:04}-{month:02}")
            }
            Self::Never => "ever".to_owned(),
        }
    }
}

/// 32 random bytes and the day on which they were drawn. Erased from memory when dropped; `Debug` shows nothing of them.
///
/// The bytes stay where they were drawn: what is moved leaves a copy where it was.
pub(crate) struct RotatingKey {
    bytes: Box<Zeroizing<[u8; 32]>>,
    created: Date,
}

impl RotatingKey {
    /// A new key.
    ///
    /// # Errors
    /// The operating system gave no randomness.
    pub(crate) fn draw(today: Date) -> Result<Self, NoRandomness> {
        let mut key = Self::blank(today);
        random::fill(key.bytes.as_mut_slice())?;
        Ok(key)
    }

    pub(crate) fn from_parts(bytes: &[u8; 32], created: Date) -> Self {
        let mut key = Self::blank(created);
        key.bytes.copy_from_slice(bytes);
        key
    }

    /// Zeros, to be filled.
    fn blank(created: Date) -> Self {
        Self { bytes: Box::new(Zeroizing::new([0; 32])), created }
    }

    /// The secret itself, for HMAC and for the key's file.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The day on which it was drawn.
    pub(crate) fn created(&self) -> Date {
        self.created
    }

    /// The key that comes after this one where the operating system gives no randomness: it does not lead back to
    /// this one, and none outside the machine can make it.
    fn derive_next(&self, today: Date) -> Self {
        let mut state = KeyState::blank();
        state.set(self.bytes());
        let mut next = Self::blank(today);
        state.tag_into(&[b"next key", today.to_string().as_bytes()], &mut next.bytes);
        next
    }
}

impl Clone for RotatingKey {
    fn clone(&self) -> Self {
        Self::from_parts(self.bytes(), self.created)
    }
}

impl fmt::Debug for RotatingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotatingKey").field("created", &self.created).finish_non_exhaustive()
    }
}

/// One key for each [`Rotation`], drawn independently: who has the monthly one learns nothing of the daily ones.
#[derive(Clone, Debug)]
pub(crate) struct RotatingKeys([RotatingKey; 4]);

impl RotatingKeys {
    /// New keys.
    ///
    /// # Errors
    /// The operating system gave no randomness.
    pub(crate) fn draw(today: Date) -> Result<Self, NoRandomness> {
        let draw = || RotatingKey::draw(today);
        Ok(Self([draw()?, draw()?, draw()?, draw()?]))
    }

    /// In the order of [`Rotation::ALL`].
    pub(crate) fn from_keys(keys: [RotatingKey; 4]) -> Self {
        Self(keys)
    }

    /// The key of a rotation.
    pub(crate) fn key(&self, rotation: Rotation) -> &RotatingKey {
        &self.0[rotation.index()]
    }

    /// Replaces the keys whose period is over; tells whether there were any.
    pub(crate) fn renew(&mut self, today: Date) -> Renewed {
        let mut renewed = Renewed::No;
        for (rotation, key) in Rotation::ALL.into_iter().zip(&mut self.0) {
            if !rotation.keeps(key.created, today) {
                *key = RotatingKey::draw(today).unwrap_or_else(|NoRandomness| key.derive_next(today));
                renewed = Renewed::Yes;
            }
        }
        renewed
    }

    /// Takes another's keys where they still hold, so that all processes of an application come to have the same;
    /// tells whether some did not hold.
    pub(crate) fn agree(&mut self, others: &RotatingKeys, today: Date) -> Renewed {
        let mut renewed = Renewed::No;
        for (rotation, (key, other)) in Rotation::ALL.into_iter().zip(self.0.iter_mut().zip(&others.0)) {
            if rotation.keeps(other.created, today) {
                key.clone_from(other);
            } else {
                renewed = Renewed::Yes;
            }
        }
        renewed
    }
}

/// Whether a key had to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewed {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_holds_for_its_period() {
        let cases = [
            ("2026-03-02", "2026-03-02", [true, true, true, true]),
            ("2026-03-02", "2026-03-08", [false, true, true, true]),
            ("2026-03-08", "2026-03-09", [false, false, true, true]),
            ("2026-03-30", "2026-04-01", [false, true, false, true]),
            ("2025-03-03", "2026-03-03", [false, false, false, true]),
            ("2025-12-29", "2026-01-01", [false, true, false, true]),
            ("2036-03-03", "2026-03-03", [false, false, false, true]),
        ];
        for (created, today, expected) in cases {
            let keeps = Rotation::ALL.map(|rotation| rotation.keeps(date(created), date(today)));
            assert_eq!(keeps, expected, "{created} {today}");
            let names = Rotation::ALL.map(|rotation| rotation.period(date(created)) == rotation.period(date(today)));
            assert_eq!(names, expected, "{created} {today}");
        }
        assert_eq!(Rotation::ALL.map(Rotation::index), [0, 1, 2, 3]);
        let names = Rotation::ALL.map(|rotation| rotation.period(date("2026-03-01")));
        assert_eq!(names, ["2026-03-01", "2026-W09", "2026-03", "ever"]);
    }

    #[test]
    fn only_the_keys_whose_period_is_over_are_renewed() {
        let before = RotatingKeys::draw(date("2026-03-05")).unwrap();
        for (today, stays) in [
            ("2026-03-05", [true, true, true, true]),
            ("2026-03-06", [false, true, true, true]),
            ("2026-03-09", [false, false, true, true]),
            ("2026-04-05", [false, false, false, true]),
            ("2016-03-05", [false, false, false, true]),
        ] {
            let mut keys = before.clone();
            let renewed = keys.renew(date(today));
            assert_eq!(renewed == Renewed::No, stays == [true; 4], "{today}");
            for (rotation, stays) in Rotation::ALL.into_iter().zip(stays) {
                let (key, old) = (keys.key(rotation), before.key(rotation));
                assert_eq!(key.bytes() == old.bytes(), stays, "{today} {rotation:?}");
                assert!(rotation.keeps(key.created(), date(today)));
            }
        }
    }

    #[test]
    fn keys_are_independent_of_each_other() {
        let keys = RotatingKeys::draw(date("2026-03-05")).unwrap();
        let mut bytes = Rotation::ALL.map(|rotation| *keys.key(rotation).bytes()).to_vec();
        bytes.sort_unstable();
        bytes.dedup();
        assert_eq!(bytes.len(), 4);
        let key = keys.key(Rotation::Daily);
        assert_ne!(key.derive_next(date("2026-03-06")).bytes(), key.bytes());
    }

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        let key = RotatingKey::from_parts(&[0xAB; 32], date("2026-03-01"));
        let keys = RotatingKeys::from_keys([key.clone(), key.clone(), key.clone(), key]);
        let shown = format!("{keys:?} {keys:#?}").to_lowercase();
        assert!(!shown.contains("171") && !shown.contains("ab,") && !shown.contains("abab"), "{shown}");
    }
}
