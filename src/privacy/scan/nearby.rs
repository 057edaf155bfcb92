//! Words that tell what stands near them: `phone` before a number makes it a phone's.

use super::bytes::{HIGH, LETTER, is, starts_with};

/// Such words, in lower case and none of them shorter than two bytes.
pub(super) struct Nearby {
    words: &'static [&'static [u8]],
    /// By the first byte, without its case: a bit for each second one.
    starts: [u32; 32],
}

impl Nearby {
    pub(super) const fn of(words: &'static [&'static [u8]]) -> Self {
        let mut starts = [0; 32];
        let mut at = 0;
        while at < words.len() {
            let word = words[at];
            starts[word[0] as usize & 31] |= 1 << (word[1] & 31);
            at += 1;
        }
        Nearby { words, starts }
    }

    /// Whether one of them stands, as a word of its own, in the `within` bytes before `at`.
    pub(super) fn stand_before(&self, text: &[u8], at: usize, within: usize) -> bool {
        let window = &text[at.saturating_sub(within)..at];
        // The window may begin in the middle of a word.
        let cut = at > window.len() && is(text[at - window.len() - 1], LETTER | HIGH);
        window.windows(2).enumerate().any(|(start, pair)| {
            self.starts[usize::from(pair[0] & 31)] >> (pair[1] & 31) & 1 == 1
                && self.starts_at(window, start)
                && !(start == 0 && cut && is(pair[0], LETTER))
        })
    }

    #[inline(never)]
    fn starts_at(&self, window: &[u8], start: usize) -> bool {
        let byte = window[start];
        // camelCase and snake_case names count: `userPhone`, `home_phone`.
        // Words of scripts without spaces stand anywhere.
        let prior = if start == 0 { 0 } else { window[start - 1] };
        let inside = is(prior, LETTER | HIGH) && !(byte.is_ascii_uppercase() && prior.is_ascii_lowercase());
        if !is(byte, LETTER | HIGH) || inside && !is(byte, HIGH) {
            return false;
        }
        self.words.iter().any(|word| {
            let end = start + word.len();
            starts_with(window, start, word)
                && (is(byte, HIGH)
                    || end == window.len()
                    || !window[end].is_ascii_lowercase()
                    || window[end - 1] == b' ')
        })
    }
}
