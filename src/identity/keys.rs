//! The keys on disk: `pseudonym.key`, one for each rotation.
//!
//! 148 bytes: `TPK` and the version, then for daily, weekly, monthly and never the day of creation as a little-endian
//! `i32` of days since 1970, and 32 bytes of key.

use zeroize::Zeroizing;

use super::private_file::{Found, PrivateFile};
use crate::app::private_directory::PrivateDirectory;
use crate::app::random::NoRandomness;
use crate::app::{Date, Renewed, RotatingKey, RotatingKeys, Rotation};

const NAME: &str = "pseudonym.key";
const HEAD: [u8; 4] = *b"TPK\x02";
const KEY: usize = 36;
const LENGTH: usize = HEAD.len() + Rotation::ALL.len() * KEY;

/// Takes the keys that lie in this directory, and draws new ones where there is none for today; tells whether it did.
///
/// Writes nothing: new keys are written by [`save_keys`], later and off the caller's thread. Costs the reading of one
/// small file.
///
/// # Errors
/// A new key was needed and the operating system gave no randomness: then there are no pseudonyms.
pub(crate) fn load_keys(directory: &PrivateDirectory, today: Date) -> Result<(RotatingKeys, Renewed), NoRandomness> {
    match read(directory) {
        Some(mut keys) => {
            let renewed = keys.renew(today);
            Ok((keys, renewed))
        }
        None => Ok((RotatingKeys::draw(today)?, Renewed::Yes)),
    }
}

/// Writes keys into their directory in place of outworn or unusable ones, whose bytes are overwritten.
///
/// Gives the keys that hold from now on. They are others if another process of the application was faster: those are
/// used, so that all processes make the same pseudonyms.
///
/// # Errors
/// The file cannot be written; the keys hold for this process, and an old file stays.
pub(crate) fn save_keys(
    directory: &PrivateDirectory,
    keys: &RotatingKeys,
    today: Date,
) -> std::io::Result<RotatingKeys> {
    let mut keys = keys.clone();
    PrivateFile::new(directory, NAME).update(|there| {
        let renewed = match there.and_then(decode) {
            Some(theirs) => keys.agree(&theirs, today),
            None => Renewed::Yes,
        };
        (renewed == Renewed::Yes).then(|| encode(&keys))
    })?;
    Ok(keys)
}

fn read(directory: &PrivateDirectory) -> Option<RotatingKeys> {
    match PrivateFile::new(directory, NAME).read() {
        Found::Bytes(bytes) => decode(&bytes),
        Found::Unusable | Found::Missing => None,
    }
}

fn encode(keys: &RotatingKeys) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH));
    bytes.extend_from_slice(&HEAD);
    for rotation in Rotation::ALL {
        let key = keys.key(rotation);
        bytes.extend_from_slice(&key.created().days().to_le_bytes());
        bytes.extend_from_slice(key.bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<RotatingKeys> {
    let rest = bytes.strip_prefix(&HEAD)?;
    let (keys, rest) = rest.as_chunks::<KEY>();
    let keys: &[[u8; KEY]; 4] = keys.try_into().ok().filter(|_| rest.is_empty())?;
    let decode = |bytes: &[u8; KEY]| {
        let (created, key) = bytes.split_first_chunk::<4>()?;
        let key: &[u8; 32] = key.try_into().ok()?;
        // A file of zeros is what a crashed file system leaves, and is no secret.
        (*key != [0; 32]).then(|| RotatingKey::from_parts(key, Date::from_days(i32::from_le_bytes(*created))))
    };
    let [daily, weekly, monthly, never] = keys;
    Some(RotatingKeys::from_keys([decode(daily)?, decode(weekly)?, decode(monthly)?, decode(never)?]))
}

#[cfg(all(test, unix))]
mod tests;
