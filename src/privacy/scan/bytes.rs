//! What a byte is, and the few ways of looking around in text that every detector needs.

/// Classes of one byte, or-ed together.
pub(super) const DIGIT: u8 = 1;
pub(super) const LETTER: u8 = 2;
pub(super) const HEX: u8 = 4;
/// `_` and `-`, which names hold inside.
pub(super) const JOINT: u8 = 8;
pub(super) const SPACE: u8 = 16;
pub(super) const HIGH: u8 = 32;
/// What ends a bare value: quotes, brackets, list separators.
pub(super) const STOP: u8 = 64;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT | HEX,
            b'a'..=b'f' | b'A'..=b'F' => LETTER | HEX,
            b'g'..=b'z' | b'G'..=b'Z' => LETTER,
            b'_' | b'-' => JOINT,
            0 | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => SPACE,
            0x80..=0xff => HIGH,
            b'{' | b'}' | b'(' | b')' | b'[' | b']' | b'<' | b'>' => STOP,
            b'"' | b'\'' | b'`' | b',' | b';' | b'|' => STOP,
            _ => 0,
        };
        byte += 1;
    }
    table
}

#[inline]
pub(super) fn is(byte: u8, class: u8) -> bool {
    #[cfg(test)]
    work::look(1);
    CLASSES[usize::from(byte)] & class != 0
}

#[inline]
pub(super) fn alnum(byte: u8) -> bool {
    is(byte, DIGIT | LETTER)
}

/// The byte before `at`, zero (which is of class [`SPACE`]) at the start of the text.
#[inline]
pub(super) fn before(text: &[u8], at: usize) -> u8 {
    if at == 0 { 0 } else { text[at - 1] }
}

/// The byte at `at`, zero (which is of class [`SPACE`]) beyond the end of the text.
#[inline]
pub(super) fn after(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// Where the run of `accept`ed bytes from `from` ends.
#[inline]
pub(super) fn run(text: &[u8], from: usize, accept: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let end = rest.iter().position(|byte| !accept(*byte)).map_or(from.max(text.len()), |len| from + len);
    #[cfg(test)]
    work::look(end - from);
    end
}

/// The text up to `most` bytes behind `from`.
#[inline]
pub(super) fn head(text: &[u8], from: usize, most: usize) -> &[u8] {
    &text[..text.len().min(from + most)]
}

/// Where the run of `accept`ed bytes that ends at `to` begins, at most `most` bytes before it.
#[inline]
pub(super) fn run_back(text: &[u8], to: usize, most: usize, accept: impl Fn(u8) -> bool) -> usize {
    let floor = to.saturating_sub(most);
    let start = text[floor..to].iter().rposition(|byte| !accept(*byte)).map_or(floor, |at| floor + at + 1);
    #[cfg(test)]
    work::look(to - start);
    start
}

/// The same, where bytes beyond ASCII are accepted: of those it takes eight at a time.
#[inline]
pub(super) fn run_back_high(text: &[u8], to: usize, most: usize, accept: impl Fn(u8) -> bool) -> usize {
    let floor = to.saturating_sub(most);
    let mut at = to;
    loop {
        if let Some(eight) = text[floor..at].last_chunk() {
            let high = (!u64::from_le_bytes(*eight) & HIGHS).leading_zeros() as usize / 8;
            at -= high;
            if high == 8 {
                continue;
            }
        }
        if at == floor || !accept(text[at - 1]) {
            break;
        }
        at -= 1;
    }
    #[cfg(test)]
    work::look(to - at);
    at
}

/// The highest bit of each byte.
const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

/// Where the first of these bytes is.
#[inline]
pub(super) fn first(text: &[u8], wanted: u8) -> Option<usize> {
    let blocks = text.as_chunks().0;
    let passed = blocks.iter().take_while(|block| !block_holds(block, wanted)).count();
    let mut at = 32 * passed;
    #[cfg(test)]
    work::look(text.len().min(at + 32) - at);
    if passed == blocks.len() && text.last_chunk().is_some_and(|last| !block_holds(last, wanted)) {
        return None;
    }
    while let Some(eight) = text[at..].first_chunk() {
        match in_eight(*eight, wanted) {
            Some(place) => return Some(at + place),
            None => at += 8,
        }
    }
    match text.last_chunk() {
        // Those of them that stand before `at` are others.
        Some(last) => in_eight(*last, wanted).map(|place| text.len() - 8 + place),
        None => text.iter().position(|byte| *byte == wanted),
    }
}

/// Whether there is one of these bytes.
#[inline]
pub(super) fn holds(text: &[u8], wanted: u8) -> bool {
    match text.last_chunk() {
        Some(last) => block_holds(last, wanted) || text.as_chunks().0.iter().any(|block| block_holds(block, wanted)),
        None => text.iter().fold(false, |any, byte| any | (*byte == wanted)),
    }
}

/// Compared side by side, since most do not hold what they are asked for.
#[inline(always)]
fn block_holds(block: &[u8; 32], wanted: u8) -> bool {
    block.iter().fold(false, |any, byte| any | (*byte == wanted))
}

/// The first of these bytes among eight.
#[inline(always)]
fn in_eight(eight: [u8; 8], wanted: u8) -> Option<usize> {
    let zeroed = u64::from_le_bytes(eight) ^ u64::from_le_bytes([wanted; 8]);
    let hits = zeroed.wrapping_sub(u64::from_le_bytes([1; 8])) & !zeroed & HIGHS;
    (hits != 0).then(|| (hits.trailing_zeros() / 8) as usize)
}

/// The first `needle` at or after `from`.
pub(super) fn find(text: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    #[cfg(test)]
    work::look(text.len().saturating_sub(from).min(64));
    let first = needle[0];
    let mut at = from;
    while at + needle.len() <= text.len() {
        at += text[at..=text.len() - needle.len()].iter().position(|byte| *byte == first)?;
        if text[at..].starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// A list of words that is asked often and seldom holds what it is asked for.
pub(super) struct WordSet {
    words: &'static [&'static [u8]],
    /// By first and last byte, without their case: a bit for each length.
    shapes: [u32; 1024],
}

impl WordSet {
    /// The words, in lower case and none of them empty.
    pub(super) const fn of(words: &'static [&'static [u8]]) -> Self {
        let mut shapes = [0; 1024];
        let mut at = 0;
        while at < words.len() {
            let word = words[at];
            shapes[Self::place(word[0], word[word.len() - 1])] |= 1 << (word.len() & 31);
            at += 1;
        }
        WordSet { words, shapes }
    }

    /// Whether one of them is this word in any case.
    #[inline]
    pub(super) fn holds(&self, word: &[u8]) -> bool {
        let [first, ..] = word else { return false };
        self.shapes[Self::place(*first, word[word.len() - 1])] >> (word.len() & 31) & 1 == 1
            && self.words.iter().any(|known| word.eq_ignore_ascii_case(known))
    }

    const fn place(first: u8, last: u8) -> usize {
        (first as usize & 31) << 5 | last as usize & 31
    }
}

/// The last `needle`, in a short text.
pub(super) fn rfind(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).rposition(|window| window == needle)
}

/// Whether `text` starts with `word` in any case at `at`.
#[inline]
pub(super) fn starts_with(text: &[u8], at: usize, word: &[u8]) -> bool {
    text.get(at..at + word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

/// The decoded char that ends at `to`, if the bytes before it are one.
pub(super) fn char_before(text: &[u8], to: usize) -> Option<char> {
    let start = (to.saturating_sub(4)..to).rev().find(|at| text[*at] & 0xc0 != 0x80)?;
    std::str::from_utf8(&text[start..to]).ok()?.chars().next()
}

/// The decoded char that starts at `from`, if the bytes there are one.
pub(super) fn char_at(text: &[u8], from: usize) -> Option<char> {
    let len = match text.get(from)? {
        0x00..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
        0x80..=0xbf => return None,
    };
    std::str::from_utf8(text.get(from..from + len)?).ok()?.chars().next()
}

/// How many bytes the detectors looked at, so that a test can tell work that grows with the text from work that grows faster.
#[cfg(test)]
pub(super) mod work {
    use std::cell::Cell;

    thread_local!(static LOOKS: Cell<usize> = const { Cell::new(0) });

    pub(in crate::privacy::scan) fn look(bytes: usize) {
        LOOKS.set(LOOKS.get() + bytes);
    }

    /// Those since the last call.
    pub(in crate::privacy::scan) fn taken() -> usize {
        LOOKS.replace(0)
    }
}
