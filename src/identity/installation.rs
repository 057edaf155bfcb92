//! The installation id: random, written nowhere but in its own file, and another one every 90 days.

use std::fmt;

use zeroize::Zeroizing;

use super::private_file::{Found, PrivateFile};
use crate::app::private_directory::PrivateDirectory;
use crate::app::random::{self, NoRandomness};
use crate::app::{Date, Renewed};

const NAME: &str = "installation.id";
/// Days for which an id holds.
const DAYS: i32 = 90;

/// A UUID of version 4, and the day on which it was drawn. Its file holds both as one line of text; deleting it makes a
/// new one at the next start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InstallationId {
    uuid: u128,
    created: Date,
}

impl InstallationId {
    /// Takes the id that lies in this directory, or draws a new one if there is none for today; tells whether it did.
    /// Writes nothing.
    ///
    /// # Errors
    /// A new id was needed and the operating system gave no randomness.
    pub(crate) fn load(directory: &PrivateDirectory, today: Date) -> Result<(Self, Renewed), NoRandomness> {
        if let Found::Bytes(bytes) = PrivateFile::new(directory, NAME).read()
            && let Some(id) = Self::decode(&bytes)
            && id.holds(today)
        {
            return Ok((id, Renewed::No));
        }
        Ok((Self::draw(today)?, Renewed::Yes))
    }

    /// A new id.
    ///
    /// # Errors
    /// The operating system gave no randomness.
    pub(crate) fn draw(today: Date) -> Result<Self, NoRandomness> {
        let mut bytes = [0; 16];
        random::fill(&mut bytes)?;
        let random = u128::from_be_bytes(bytes);
        // Version 4, variant 1 of RFC 9562.
        let uuid = random & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        Ok(InstallationId { uuid, created: today })
    }

    /// Writes the id into its directory. Gives the one that holds: another process's, if it was faster.
    ///
    /// # Errors
    /// The file cannot be written; the id holds for this process.
    pub(crate) fn save(self, directory: &PrivateDirectory, today: Date) -> std::io::Result<Self> {
        let mut id = self;
        PrivateFile::new(directory, NAME).update(|there| {
            if let Some(theirs) = there.and_then(Self::decode).filter(|theirs| theirs.holds(today)) {
                id = theirs;
                return None;
            }
            Some(Zeroizing::new(format!("{id} {}\n", id.created).into_bytes()))
        })?;
        Ok(id)
    }

    /// Whether it may still be used; not if it comes from the future.
    pub(crate) fn holds(&self, today: Date) -> bool {
        (0..DAYS).contains(&today.days().saturating_sub(self.created.days()))
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (uuid, created) = std::str::from_utf8(bytes).ok()?.trim_end().split_once(' ')?;
        let id = InstallationId {
            uuid: u128::from_str_radix(&uuid.replace('-', ""), 16).ok()?,
            created: created.parse().ok()?,
        };
        // What is written in any other way was not written here.
        (id.to_string() == uuid && id.uuid >> 76 & 0xf == 4).then_some(id)
    }
}

impl fmt::Display for InstallationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.uuid);
        let [a, b, c, d] = [8, 12, 16, 20];
        write!(f, "{}-{}-{}-{}-{}", &digits[..a], &digits[a..b], &digits[b..c], &digits[c..d], &digits[d..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn an_id_is_a_uuid_of_version_4_and_random() {
        for _ in 0..100 {
            let id = InstallationId::draw(date("2026-03-01")).unwrap();
            let text = id.to_string();
            assert_eq!(text.len(), 36);
            assert!(text.as_bytes()[14] == b'4' && b"89ab".contains(&text.as_bytes()[19]), "{text}");
            assert_ne!(id.uuid, InstallationId::draw(date("2026-03-01")).unwrap().uuid);
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_id_holds_for_90_days_and_can_be_deleted() {
        let directory = std::env::temp_dir().join(format!("tracing-privacy-installation-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir(&directory).unwrap();
        let private = PrivateDirectory::find(&crate::app::Environment::empty(), &directory).unwrap().unwrap();
        let start = |today: &str| {
            let (id, renewed) = InstallationId::load(&private, date(today)).unwrap();
            (id.save(&private, date(today)).unwrap(), renewed)
        };
        let (first, renewed) = start("2026-03-01");
        assert_eq!(renewed, Renewed::Yes);
        assert_eq!(start("2026-05-29"), (first.clone(), Renewed::No));
        let line = std::fs::read_to_string(directory.join(NAME)).unwrap();
        assert_eq!(line, format!("{first} 2026-03-01\n"));
        let (second, _) = start("2026-05-30");
        assert_ne!(first.uuid, second.uuid);
        assert_ne!(start("2026-05-29").0.uuid, second.uuid, "one from the future does not hold");
        std::fs::remove_file(directory.join(NAME)).unwrap();
        assert_eq!(start("2026-05-30").1, Renewed::Yes);
        for line in ["", "x 2026-05-30", &line.to_uppercase(), "123e4567-e89b-12d3-a456-426614174000 2026-05-30"] {
            std::fs::write(directory.join(NAME), line).unwrap();
            assert_eq!(start("2026-05-30").1, Renewed::Yes, "{line}");
        }
        let _ = std::fs::remove_dir_all(&directory);
    }
}
