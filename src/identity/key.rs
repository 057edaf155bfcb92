//! The installation's secret, under which pseudonyms and session ids are made.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::file::{self, Found};
use crate::app::Date;
use crate::app::random::{self, NoRandomness};

/// 32 random bytes that never leave this machine, and the day on which they were drawn.
///
/// Erased from memory when dropped; `Debug` shows nothing of them.
#[derive(Clone)]
pub(crate) struct InstallKey {
    bytes: Zeroizing<[u8; 32]>,
    created: Date,
}

impl InstallKey {
    /// Takes the key that lies in this directory, or draws a new one if there is none for this period.
    ///
    /// Writes nothing: a new key is written by [`PendingKey::persist`], later and off the caller's thread. Costs the
    /// reading of one small file, and one system call for a new key.
    ///
    /// # Errors
    /// A new key was needed and the operating system gave no randomness: then there are no pseudonyms.
    pub(crate) fn load(directory: &Path, today: Date, rotation: Rotation) -> Result<Loaded, NoRandomness> {
        if let Found::Usable(key) = file::read(directory)
            && rotation.keeps(key.created, today)
        {
            return Ok(Loaded { key, pending: None });
        }
        let key = Self::draw(today)?;
        let pending = PendingKey { key: key.clone(), directory: directory.to_owned(), rotation };
        Ok(Loaded { key, pending: Some(pending) })
    }

    /// A new key that is written nowhere, for when there is no directory.
    ///
    /// # Errors
    /// The operating system gave no randomness.
    pub(crate) fn draw(today: Date) -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; 32]);
        random::fill(bytes.as_mut_slice())?;
        Ok(Self { bytes, created: today })
    }

    /// The secret itself, for HMAC and nothing else.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The day on which it was drawn.
    pub(crate) fn created(&self) -> Date {
        self.created
    }

    pub(super) fn from_parts(bytes: [u8; 32], created: Date) -> Self {
        Self { bytes: Zeroizing::new(bytes), created }
    }
}

impl fmt::Debug for InstallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstallKey").field("created", &self.created).finish_non_exhaustive()
    }
}

/// The key to use, and what the worker has to write.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) key: InstallKey,
    /// `None` if the key is the one on disk.
    pub(crate) pending: Option<PendingKey>,
}

/// A new key that is not on disk yet. Dropped without [`persist`](Self::persist), it leaves no trace.
#[derive(Debug)]
#[must_use]
pub(crate) struct PendingKey {
    key: InstallKey,
    directory: PathBuf,
    rotation: Rotation,
}

impl PendingKey {
    /// Writes the key into its directory, which must exist, in place of an outworn or unusable one.
    ///
    /// Gives the key that holds from now on. It is another one if another process of the application was faster: that
    /// one is used, so that all processes make the same pseudonyms.
    ///
    /// # Errors
    /// The file cannot be written; the drawn key holds for this process.
    pub(crate) fn persist(self) -> std::io::Result<InstallKey> {
        let today = self.key.created;
        file::write(&self.directory, self.key, |key| self.rotation.keeps(key.created, today))
    }
}

/// For how long one key holds. A new key makes new pseudonyms, which cannot be linked to the old ones.
///
/// It is looked at when the program starts: a program that runs for months keeps its key for as long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rotation {
    /// A day in UTC.
    Daily,
    /// An ISO week, from Monday in UTC.
    #[default]
    Weekly,
    /// A calendar month in UTC.
    Monthly,
    /// For ever.
    Never,
}

impl Rotation {
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
            let rotations = [Rotation::Daily, Rotation::Weekly, Rotation::Monthly, Rotation::Never];
            assert_eq!(rotations.map(|r| r.keeps(date(created), date(today))), expected, "{created} {today}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        let key = InstallKey::from_parts([0xAB; 32], date("2026-03-01"));
        let shown = format!("{key:?} {:#?}", Loaded { key: key.clone(), pending: None });
        assert!(!shown.contains("171") && !shown.to_lowercase().contains("ab,") && !shown.contains("abab"), "{shown}");
    }
}
