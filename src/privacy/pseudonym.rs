//! Keyed pseudonyms: the same person stays the same person, and nobody without the key learns who.

use std::fmt;
use std::sync::{Arc, RwLock};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Makes pseudonyms: HMAC-SHA-256 under a key that never leaves the machine, cut to 128 bits.
///
/// Values are separated by field: the same value under two keys has two pseudonyms. Pseudonyms are pseudonymous, not
/// anonymous: whoever holds the key can tell whose they are.
#[derive(Clone)]
pub struct Pseudonymizer {
    // Replaced whole when the key is: readers hold the lock for a copy of a few hundred bytes.
    keyed: Arc<RwLock<Hmac<Sha256>>>,
}

impl Pseudonymizer {
    /// A pseudonymizer with this key. Hosts that share a key make the same pseudonyms.
    pub fn with_key(key: &[u8; 32]) -> Self {
        Pseudonymizer { keyed: Arc::new(RwLock::new(keyed(key))) }
    }

    /// The pseudonym of a field's value.
    pub fn pseudonym(&self, field: &str, value: &str) -> Pseudonym {
        // Nothing panics under the lock, so a poisoned one still holds a whole state.
        let mut mac = self.keyed.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        // Lengths first: no two pairs of field and value give the same bytes.
        mac.update(&(field.len() as u32).to_le_bytes());
        mac.update(field.as_bytes());
        mac.update(&(value.len() as u32).to_le_bytes());
        mac.update(value.as_bytes());
        let digest = mac.finalize().into_bytes();
        let mut hex = [0; 32];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(digest.iter()) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        Pseudonym(hex)
    }

    /// Goes on with another key.
    pub(crate) fn rekey(&self, key: &[u8; 32]) {
        *self.keyed.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = keyed(key);
    }
}

impl fmt::Debug for Pseudonymizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonymizer(..)")
    }
}

/// 128 bits as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pseudonym([u8; 32]);

impl Pseudonym {
    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a pseudonym consists of ASCII digits and letters")
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a text has the form of a pseudonym.
pub(super) fn is_pseudonym(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_same_for_the_same_key_field_and_value_alone() {
        let one = Pseudonymizer::with_key(&[1; 32]);
        let same = one.pseudonym("user_id", "42");
        assert_eq!(same, Pseudonymizer::with_key(&[1; 32]).pseudonym("user_id", "42"));
        assert_ne!(same, one.pseudonym("user_id", "43"));
        assert_ne!(same, one.pseudonym("device_id", "42"));
        assert_ne!(same, Pseudonymizer::with_key(&[2; 32]).pseudonym("user_id", "42"));
        assert_ne!(one.pseudonym("ab", "c"), one.pseudonym("a", "bc"));
        assert!(is_pseudonym(same.as_str()));
    }

    #[test]
    fn a_pseudonym_is_hmac_sha_256_cut_to_128_bits() {
        // Checked with Python: hmac.new(bytes(32), b"\x01\0\0\0k\x01\0\0\0v", "sha256").hexdigest()[:32]
        let pseudonym = Pseudonymizer::with_key(&[0; 32]).pseudonym("k", "v");
        assert_eq!(pseudonym.as_str(), PYTHON);
    }

    const PYTHON: &str = "90a6f13a7a553c5dd57adea7f0d213a0";

    #[test]
    fn another_key_takes_effect_at_once() {
        let pseudonyms = Pseudonymizer::with_key(&[1; 32]);
        let before = pseudonyms.pseudonym("user_id", "42");
        pseudonyms.rekey(&[2; 32]);
        assert_ne!(before, pseudonyms.pseudonym("user_id", "42"));
    }
}
