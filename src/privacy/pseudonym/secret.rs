//! A secret that many hosts share, so that the same person has the same pseudonym on all of them.

use std::fmt;

use zeroize::Zeroizing;

use crate::app::{Date, KeyState, Rotation};

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
    pub(super) fn key(&self, application: &str, rotation: Rotation, today: Date) -> Box<Zeroizing<[u8; 32]>> {
        let period = rotation.period(today);
        let texts = ["tracing-privacy pseudonym key 1", application, &period];
        let lengths = texts.map(|text| (text.len() as u32).to_le_bytes());
        let [label, application, period] = texts.map(str::as_bytes);
        let mut secret = KeyState::blank();
        secret.set(&self.0);
        let mut key = Box::new(Zeroizing::new([0; 32]));
        secret.tag_into(&[&lengths[0], label, &lengths[1], application, &lengths[2], period], &mut key);
        key
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
