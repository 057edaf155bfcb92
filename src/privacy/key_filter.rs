//! Which words may be in a list, told at once for most that are not: a Bloom filter built at compile time.

use std::ops::Range;

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

/// The first eight bytes of a word and its last eight, which overlap or, in a shorter word, are the same.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    first: u64,
    last: u64,
    /// Whether all of them are small letters, and there is none between them.
    small: bool,
}

impl Ends {
    #[inline]
    pub(super) const fn of(word: &[u8]) -> Self {
        let len = word.len();
        let (first, last) = match *word {
            [] => (0, 0),
            [first, ..] if len < 4 => {
                // The middle one and the last one may be the same.
                let (middle, last) = (word[len / 2] as u64, word[len - 1] as u64);
                let word = first as u64 | middle << (8 * (len / 2)) | last << (8 * (len - 1));
                (word, word)
            }
            _ => match (word.first_chunk(), word.last_chunk()) {
                (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
                _ => {
                    let word = four(word.first_chunk()) | four(word.last_chunk()) << (8 * (len - 4));
                    (word, word)
                }
            },
        };
        let all = if len < 8 { (1 << (8 * len)) - 1 } else { u64::MAX };
        Ends { first, last, small: len > 0 && len <= 16 && (others(first) | others(last)) & all == 0 }
    }

    /// Those of the word at `word` in a text: the bytes before it are read along, and cut off.
    #[inline(always)]
    pub(super) fn within(text: &[u8], word: Range<usize>) -> Self {
        let len = word.len();
        match text.get(..word.end).and_then(<[u8]>::last_chunk) {
            Some(last) if (1..=8).contains(&len) => {
                let (eight, cut) = (u64::from_le_bytes(*last), 64 - 8 * len);
                Ends { first: eight >> cut, last: eight >> cut, small: others(eight) >> cut == 0 }
            }
            _ => Self::of(&text[word]),
        }
    }

    /// The same for the words of a phrase, one after the other, so that each phrase has a number of its own, or nearly.
    #[inline]
    pub(super) const fn after(self, phrase: u64) -> u64 {
        (phrase.rotate_left(23) ^ self.mixed()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[inline]
    const fn mixed(self) -> u64 {
        let lower = 0x2020_2020_2020_2020;
        (self.first | lower).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ (self.last | lower).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
    }

    /// Whether all of it is known to be small letters: what is longer than both ends is not.
    #[inline]
    pub(super) fn are_all_small(self) -> bool {
        self.small
    }

    /// Where in a word there are bytes that are no small letters, if it is not longer than 64.
    #[inline]
    pub(super) fn places_of_others(word: &[u8]) -> Option<impl Iterator<Item = usize> + use<>> {
        let mut places = 0;
        let (eights, rest) = word.as_chunks::<8>();
        if eights.len() + usize::from(!rest.is_empty()) > 8 {
            return None;
        }
        // The highest bits of eight bytes, side by side.
        let gathered = |eight: u64| (others(eight) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        for (at, eight) in eights.iter().enumerate() {
            places |= gathered(u64::from_le_bytes(*eight)) << (8 * at);
        }
        if !rest.is_empty() {
            let last = rest.iter().rev().fold(0, |eight, byte| eight << 8 | u64::from(*byte));
            places |= gathered(last) << (8 * eights.len()) & (!0 >> (64 - word.len()));
        }
        Some(std::iter::from_fn(move || {
            let place = (places != 0).then(|| places.trailing_zeros() as usize);
            places &= places.wrapping_sub(1);
            place
        }))
    }
}

/// Eight bytes of a key from `at`, zeros beyond its end; and how many of them are small letters before another byte.
#[inline]
pub(super) fn small_letters(key: &[u8], at: usize) -> ([u8; 8], usize) {
    let eight = match (key[at..].first_chunk(), key.last_chunk()) {
        (Some(eight), _) => u64::from_le_bytes(*eight),
        (None, Some(last)) => u64::from_le_bytes(*last) >> (8 * (8 - (key.len() - at))),
        (None, None) => Ends::of(&key[at..]).first,
    };
    (eight.to_le_bytes(), others(eight).trailing_zeros() as usize / 8)
}

/// The highest bit of each byte that is no small letter.
#[inline]
const fn others(eight: u64) -> u64 {
    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    let low = eight & each(0x7f);
    (!(low + each(0x80 - b'a')) | (low + each(0x7f - b'z')) | eight) & each(0x80)
}

const fn four(bytes: Option<&[u8; 4]>) -> u64 {
    match bytes {
        Some(bytes) => u32::from_le_bytes(*bytes) as u64,
        None => 0,
    }
}

#[inline]
const fn slots(word: Ends) -> (usize, usize) {
    let mixed = word.mixed();
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
    fn the_ends_of_a_word_are_the_same_within_a_text() {
        let text = b"the quick-brown_fox.jumps over the lazy dog";
        for start in 0..text.len() {
            for end in start..=text.len() {
                let (alone, within) = (Ends::of(&text[start..end]), Ends::within(text, start..end));
                assert_eq!((alone.first, alone.last, alone.small), (within.first, within.last, within.small));
                let others = text[start..end].iter().enumerate().filter(|(_, byte)| !byte.is_ascii_lowercase());
                let places = Ends::places_of_others(&text[start..end]).expect("it is short");
                assert!(places.eq(others.map(|(at, _)| at)));
            }
        }
    }

    #[test]
    fn small_letters_are_counted_up_to_another_byte_or_the_end() {
        for key in [&b"a"[..], b"user", b"userId", b"access_token", b"accesstoken", b"abcdefghijklmnop", b"\xc3\xa9te"]
        {
            for at in 0..key.len() {
                let (eight, count) = small_letters(key, at);
                let rest = &key[at..key.len().min(at + 8)];
                assert_eq!(count, rest.iter().take_while(|byte| byte.is_ascii_lowercase()).count());
                assert_eq!((&eight[..rest.len()], &eight[rest.len()..]), (rest, &[0; 8][rest.len()..]));
            }
        }
    }

    #[test]
    fn small_letters_are_told_from_all_else() {
        for len in 1..=16 {
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
        assert!(!Ends::of(b"").are_all_small() && !Ends::of(&[b'a'; 17]).are_all_small());
    }
}
