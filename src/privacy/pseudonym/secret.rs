//! A secret that many hosts share, so that the same person has the same pseudonym on all of them.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::hmac::KeyState;
use crate::app::{Date, Rotation};

/// Bytes that an operator gives to all hosts of an application; 32 or more, drawn at random, such as by
/// `openssl rand -hex 32`.
///
/// Erased from memory when dropped; `Debug` shows nothing of them.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Bytes of the shortest secret that is taken.
    pub const MIN: usize = 32;

    /// A secret of these bytes, or of a text's bytes as they are.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Secret(Zeroizing::new(bytes.into()))
    }

    /// Whether nobody can try out all such secrets.
    pub(crate) fn is_long_enough(&self) -> bool {
        self.0.len() >= Self::MIN
    }

    /// The key of an application and a period: HMAC-SHA-256 under the secret, of `tracing-privacy pseudonym key 1`, the
    /// application's name and the period's name (`2026-03-01`, `2026-W09`, `2026-03` or `ever`), each with its length
    /// in bytes as a little-endian `u32` before it.
    pub(super) fn key(&self, application: &str, rotation: Rotation, today: Date) -> Zeroizing<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        for part in ["tracing-privacy pseudonym key 1", application, &rotation.period(today)] {
            mac.update(&(part.len() as u32).to_le_bytes());
            mac.update(part.as_bytes());
        }
        Zeroizing::new(mac.finalize().into_bytes().into())
    }

    pub(super) fn states(&self, application: &str, today: Date) -> [KeyState; 4] {
        Rotation::ALL.map(|rotation| KeyState::of(&self.key(application, rotation, today)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_that_of_an_independent_implementation() {
        // python3: p=lambda s: len(s).to_bytes(4,"little")+s.encode()
        // hmac.new(bytes(range(32)), p("tracing-privacy pseudonym key 1")+p("acme")+p("2026-W09"), "sha256").hexdigest()
        let secret = Secret::new((0..32).collect::<Vec<u8>>());
        let key = secret.key("acme", Rotation::Weekly, "2026-03-01".parse().unwrap());
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, PYTHON);
    }

    const PYTHON: &str = "70c10851b5e805d9c4d70915c436e5f4a55783b73250e7e1d1596dbacb498ac8";

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        let secret = Secret::new("correct horse battery staple, 40 times over");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(secret.is_long_enough() && !Secret::new([0; 31]).is_long_enough());
    }
}
