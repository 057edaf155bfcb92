//! What each byte of a text is, as bits: a byte's classes are one bit in each byte of a `u64`, eight of those shifted by their
//! place make eight bits of each class, and eight such words, transposed, are 64 bits of each.

/// What a byte may be the start of.
#[derive(Clone, Copy)]
pub(super) enum Class {
    Digit,
    /// What a key or the name of a struct may stand left of: `:`, `=`, `(`, `>`, `{`; and `}`.
    Pair,
    /// `:`
    Colon,
    /// `/` and `\`.
    Slash,
    /// `@`
    At,
    /// `[A-Za-z0-9_-]`
    Token,
    /// `.` and `-`.
    Mark,
    /// What other signs or colours may be written with: `%`, `\`, `&`, `#`, ESC, and the first byte of a full-width form; and `'`.
    Escape,
}

/// Bits of 64 bytes, by class.
pub(super) type Block = [u64; 8];

/// One bit per byte in each class's byte.
#[inline]
pub(super) fn classes(bytes: &[u8; 8]) -> u64 {
    // Two halves, so that one shift need not wait for the other's.
    let half = |from: usize| (from..from + 4).rev().fold(0, |word, at| word << 1 | CLASSES[usize::from(bytes[at])]);
    half(0) | half(4) << 4
}

/// The same of the last bytes of a text, fewer than eight.
#[inline]
pub(super) fn classes_of_last(text: &[u8], last: &[u8]) -> u64 {
    const LOWS: u64 = 0x0101_0101_0101_0101;
    match text.last_chunk::<8>() {
        // The last eight, without those that stand in the word before.
        Some(eight) => classes(eight) >> (8 - last.len()) & (LOWS * (0xff >> (8 - last.len()))),
        None => last.iter().rev().fold(0, |word, byte| word << 1 | CLASSES[usize::from(*byte)]),
    }
}

/// The eight bytes of eight words: byte `n` of word `m` becomes byte `m` of word `n`.
#[inline]
pub(super) fn transposed(mut words: Block) -> Block {
    for at in 0..4 {
        let swap = (words[at] >> 32 ^ words[at + 4]) & 0x0000_0000_ffff_ffff;
        words[at] ^= swap << 32;
        words[at + 4] ^= swap;
    }
    for at in [0, 1, 4, 5] {
        let swap = (words[at] >> 16 ^ words[at + 2]) & 0x0000_ffff_0000_ffff;
        words[at] ^= swap << 16;
        words[at + 2] ^= swap;
    }
    for at in [0, 2, 4, 6] {
        let swap = (words[at] >> 8 ^ words[at + 1]) & 0x00ff_00ff_00ff_00ff;
        words[at] ^= swap << 8;
        words[at + 1] ^= swap;
    }
    words
}

static CLASSES: [u64; 256] = class_table();

const fn class_table() -> [u64; 256] {
    const fn bit(class: Class) -> u64 {
        1 << (8 * class as u32)
    }
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => bit(Class::Digit) | bit(Class::Token),
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => bit(Class::Token),
            b'-' => bit(Class::Token) | bit(Class::Mark),
            b'.' => bit(Class::Mark),
            b':' => bit(Class::Pair) | bit(Class::Colon),
            b'=' | b'(' | b'>' | b'{' | b'}' => bit(Class::Pair),
            b'/' => bit(Class::Slash),
            b'\\' => bit(Class::Slash) | bit(Class::Escape),
            b'@' => bit(Class::At),
            b'%' | b'&' | b'#' | b'\'' | 0x1b | 0xef => bit(Class::Escape),
            _ => 0,
        };
        byte += 1;
    }
    table
}
