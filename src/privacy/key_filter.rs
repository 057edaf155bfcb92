//! Which words may be in a list, told at once for most that are not: a Bloom filter built at compile time.

/// A set of words that may hold more than was put in, and never less. Case does not count, and of a long word only its ends.
pub(super) struct Filter([u64; SLOTS / 64]);

/// Two of these per word: of words that are in no list of hundreds, one in some hundred passes.
const SLOTS: usize = 16384;

impl Filter {
    pub(super) const fn new() -> Self {
        Filter([0; SLOTS / 64])
    }

    /// The same with one more word.
    pub(super) const fn with(mut self, word: &[u8]) -> Self {
        let (one, other) = slots(Ends::of(word));
        self.0[one / 64] |= 1 << (one % 64);
        self.0[other / 64] |= 1 << (other % 64);
        self
    }

    #[inline]
    pub(super) fn may_hold(&self, word: Ends) -> bool {
        let (one, other) = slots(word);
        self.0[one / 64] >> (one % 64) & 1 == 1 && self.0[other / 64] >> (other % 64) & 1 == 1
    }
}

/// The first eight bytes of a word and its last eight; of a shorter word as many as fit a half, so that the two overlap.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    first: u64,
    last: u64,
    len: usize,
}

impl Ends {
    #[inline]
    pub(super) const fn of(word: &[u8]) -> Self {
        let (first, last) = match *word {
            [] => (0, 0),
            [byte] => (byte as u64, 0),
            [first, second, ..] if word.len() < 4 => (first as u64 | (second as u64) << 8, word[word.len() - 1] as u64),
            _ => match (word.first_chunk(), word.last_chunk()) {
                (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
                _ => (four(word.first_chunk()), four(word.last_chunk())),
            },
        };
        Ends { first, last, len: word.len() }
    }

    /// Whether all of it is known to be small letters: what is longer than both ends, or shorter than one, is not.
    #[inline]
    pub(super) fn are_all_small(self) -> bool {
        let each = |byte: u8| u64::from_le_bytes([byte; 8]);
        // Sets the highest bit of each byte that is less than `a`, beyond `z`, or not ASCII.
        let other = |eight: u64| {
            let low = eight & each(0x7f);
            !(low + each(0x80 - b'a')) | (low + each(0x7f - b'z')) | eight
        };
        let all = if self.len < 8 { u64::MAX >> 32 } else { u64::MAX };
        (4..=16).contains(&self.len) && (other(self.first) | other(self.last)) & each(0x80) & all == 0
    }
}

const fn four(bytes: Option<&[u8; 4]>) -> u64 {
    match bytes {
        Some(bytes) => u32::from_le_bytes(*bytes) as u64,
        None => 0,
    }
}

#[inline]
const fn slots(word: Ends) -> (usize, usize) {
    let lower = 0x2020_2020_2020_2020;
    let mixed = (word.first | lower).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (word.last | lower).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    ((mixed >> 50) as usize % SLOTS, (mixed >> 36) as usize % SLOTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_held_and_little_else() {
        static FILTER: Filter = Filter::new().with(b"id").with(b"key").with(b"user").with(b"phonenumber");
        for word in ["id", "ID", "key", "user", "User", "phonenumber"] {
            assert!(FILTER.may_hold(Ends::of(word.as_bytes())), "{word}");
        }
        for word in ["", "i", "ids", "keys", "uses", "users", "phonenumbers", "phone"] {
            assert!(!FILTER.may_hold(Ends::of(word.as_bytes())), "{word}");
        }
    }

    #[test]
    fn small_letters_are_told_from_all_else() {
        for len in 4..=16 {
            let word = vec![b'k'; len];
            assert!(Ends::of(&word).are_all_small());
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    let mut other = word.clone();
                    other[at] = byte;
                    assert_eq!(Ends::of(&other).are_all_small(), byte.is_ascii_lowercase(), "{byte} at {at} of {len}");
                }
            }
        }
        assert!(!Ends::of(b"abc").are_all_small() && !Ends::of(&[b'a'; 17]).are_all_small());
    }
}
