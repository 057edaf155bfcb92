//! The session id, which is the same all day and says nothing about the day before.

use std::fmt;

use crate::app::{Date, KeyState, RotatingKeys, Rotation};

/// 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionId([u8; 16]);

impl SessionId {
    pub(crate) fn as_str(&self) -> &str {
        // Only digits of `HEX` are ever written into it.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({})", self.as_str())
    }
}

/// The session id of this installation on this day.
///
/// Keyed, so that nobody without the key can compute the id of another day, as anybody could who hashes a machine id
/// with a date; under the day's own key, so that nobody at all can once the day is over.
pub(crate) fn session_id(keys: &RotatingKeys, date: Date) -> SessionId {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    // The use goes first with its length, so that no other use of the key can give the same input.
    const USE: &[u8] = b"session";
    let mut key = KeyState::blank();
    key.set(keys.key(Rotation::Daily).bytes());
    let tag = key.tag(&[&(USE.len() as u64).to_le_bytes(), USE, date.to_string().as_bytes()]);
    let mut id = [0; 16];
    for (digits, byte) in id.chunks_exact_mut(2).zip(tag.iter()) {
        digits.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    SessionId(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::RotatingKey;

    #[test]
    fn the_id_is_that_of_an_independent_implementation() {
        // python3 -c 'import hmac; print(hmac.new(bytes(range(32)), (7).to_bytes(8,"little")+b"session2026-03-01",
        //   "sha256").hexdigest()[:16])'
        let key = |first: u8| RotatingKey::from_parts(&std::array::from_fn(|i| i as u8 + first), Date::from_days(0));
        let keys = RotatingKeys::from_keys([key(0), key(1), key(2), key(3)]);
        assert_eq!(session_id(&keys, "2026-03-01".parse().unwrap()).as_str(), "c477787cea5f7a32");
    }

    #[test]
    fn it_changes_with_the_day_and_with_the_key() {
        let today: Date = "2026-03-01".parse().unwrap();
        let (a, b) = (RotatingKeys::draw(today).unwrap(), RotatingKeys::draw(today).unwrap());
        assert_eq!(session_id(&a, today), session_id(&a.clone(), today));
        assert_ne!(session_id(&a, today), session_id(&a, Date::from_days(today.days() + 1)));
        assert_ne!(session_id(&a, today), session_id(&b, today));
    }
}
