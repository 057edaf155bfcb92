//! The gate: whether one pass over a text proves that no detector would find anything in it.
//!
//! Text that is clean consists of lower-case letters and spaces above all. These are passed over eight at a time, in plain
//! arithmetic on a `u64`; where there is another byte, the eight are counted by class, one byte lane per class, and the counts
//! decide.

use super::bytes::{JOINT, LETTER, SPACE, after, alnum, before, first, is, run, run_back};

/// The shortest token that is looked for by its own looks.
pub(super) const TOKEN: usize = 16;

/// The shortest run that is looked at.
pub(super) const RUN: usize = 12;

/// How what leads to an account ends: `for user "alice"`.
pub(super) const ACCOUNT: &[u8] = b"user \"";

const DIGITS: u32 = 0;
/// `:`; `=`, `(` and `>`, after which a value may stand: `pin=1`, `UserId(1)`, `<pin>1</pin>`; `@`, and `%` and `&`, which may hide
/// one; `/` and `\`; [`FULL_WIDTH`]. Of these a single one makes a detector look.
const ALARMS: u32 = 8;
const DOTS: u32 = 16;
const DASHES: u32 = 24;
const UPPERS: u32 = 32;
/// `'`, of which two stand around a word of SQL: `identified by 'x'`.
const QUOTES: u32 = 40;
/// `[`, which begins a terminal's colours, which may stand in the middle of anything, or a key and its value: `["pin","x7"]`.
const BRACKETS: u32 = 48;
/// `"`, in which an account may stand: `user "alice"`.
const DOUBLES: u32 = 56;

static LANES: [u64; 256] = lanes();

const fn lanes() -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => 1 << DIGITS,
            b':' | b'=' | b'(' | b'>' | b'@' | b'%' | b'&' | b'/' | b'\\' | FULL_WIDTH => 1 << ALARMS,
            b'.' => 1 << DOTS,
            b'-' => 1 << DASHES,
            b'\'' => 1 << QUOTES,
            b'[' => 1 << BRACKETS,
            b'"' => 1 << DOUBLES,
            b'A'..=b'Z' => 1 << UPPERS,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// Added to the counts, this sets the highest bit of a lane that alone calls for a detector: one alarm, five digits (no
/// number with fewer that has not two dots as well), two dashes (`--password`), two
/// quotes.
const LIMITS: u64 = 127 << ALARMS | 123 << DIGITS | 126 << DASHES | 126 << QUOTES;
const REACHED: u64 = 0x80 << ALARMS | 0x80 << DIGITS | 0x80 << DASHES | 0x80 << QUOTES;

const LOWS: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Bytes whose counts, limits added, fit the lanes.
const BLOCK: usize = 64;

/// Whether one pass proves that no detector would find anything. Not inlined: it needs no more than the registers that are
/// free to take, and who calls it would lose those that it keeps its own things in.
#[inline(never)]
pub(super) fn is_clean(text: &[u8]) -> bool {
    are_plain(text) || is_clean_odd(text)
}

/// Whether all bytes are of those that are not counted. Of fewer than eight it says no.
#[inline(always)]
fn are_plain(text: &[u8]) -> bool {
    // The last eight may overlap those before.
    text.last_chunk().is_some_and(|last| is_plain(*last) && text.as_chunks().0.iter().all(|eight| is_plain(*eight)))
}

/// The same of a text in which something is to be counted.
#[inline(never)]
fn is_clean_odd(text: &[u8]) -> bool {
    if text.len() > BLOCK {
        return is_clean_long(text);
    }
    let lanes = counted_bytes(text);
    // Mostly there is no more than a full stop, a capital or a number.
    if lanes & !(0xff << DIGITS | 1 << DOTS | 0xff << UPPERS | 1 << QUOTES) != 0 || lanes >> DIGITS & 0xff > 4 {
        return are_clean(lanes, text);
    }
    text.len() < RUN || !may_have_token(lanes) || !has_long_run(text)
}

/// Whether the counts of a whole text, and what they ask to look at, prove it.
#[inline(never)]
fn are_clean(lanes: u64, text: &[u8]) -> bool {
    let has_token = || may_have_token(lanes) && has_long_run(text);
    lanes_are_clean(lanes)
        && !has_token()
        && !may_have_option(lanes, text)
        && !may_have_colour(lanes, text)
        && !may_have_account(lanes, text)
        && !may_have_dots(lanes, text)
}

/// The same, block by block; most texts of this length that are not clean say so at their start.
#[inline(never)]
fn is_clean_long(text: &[u8]) -> bool {
    let mut lanes = 0;
    let (head, rest) = text.split_at(16);
    for block in head.chunks(8).chain(rest.chunks(BLOCK)) {
        lanes += counted(block);
        if !lanes_are_clean(lanes) {
            return false;
        }
        // What was reached stays reached, and the next block's counts fit. The other lanes are below their limits.
        let capped = |shift: u32, most: u64| (lanes >> shift & 0xff).min(most) << shift;
        lanes = lanes & (0xff << DIGITS | 0xff << DASHES | 0xff << QUOTES)
            | capped(DOTS, 2)
            | capped(UPPERS, 1)
            | capped(BRACKETS, 1)
            | capped(DOUBLES, 1);
    }
    are_clean(lanes, text)
}

#[inline]
fn lanes_are_clean(lanes: u64) -> bool {
    let dotted = lanes >> DOTS & 0xff >= 2 && lanes >> DIGITS & 0xff >= 4;
    (lanes + LIMITS) & REACHED == 0 && !dotted
}

/// A token has a digit or a capital.
#[inline]
fn may_have_token(lanes: u64) -> bool {
    lanes & (0xff << DIGITS | 0xff << UPPERS) != 0
}

/// Whether the only dash begins an option: `mysql -phunter2`.
#[inline]
fn may_have_option(lanes: u64, text: &[u8]) -> bool {
    lanes & 0xff << DASHES != 0 && has_option(text)
}

/// Whether a terminal's colours may stand in the middle of what would be found without them, or strings in a list.
#[inline]
fn may_have_colour(lanes: u64, text: &[u8]) -> bool {
    lanes & 0xff << BRACKETS != 0 && has_colour(text)
}

/// Whether an account may be named in quotes.
#[inline]
fn may_have_account(lanes: u64, text: &[u8]) -> bool {
    lanes & 0xff << DOUBLES != 0 && has_account(text)
}

/// Whether two dots may stand in a token or in the address of a device, of which a digit may be anywhere.
#[inline]
fn may_have_dots(lanes: u64, text: &[u8]) -> bool {
    lanes >> DOTS & 0xff >= 2 && lanes >> DIGITS & 0xff >= 1 && has_dotted_run(text)
}

#[inline(never)]
fn has_dotted_run(text: &[u8]) -> bool {
    let part = |byte: u8| byte == b'.' || alnum(byte) || is(byte, JOINT);
    let mut from = 0;
    while let Some(dot) = first(&text[from..], b'.') {
        let dot = from + dot;
        let (start, end) = (run_back(text, dot, dot - from, part), run(text, dot, part));
        if end - start >= RUN && text[dot + 1..end].contains(&b'.') {
            return true;
        }
        from = end;
    }
    false
}

#[inline(never)]
fn has_colour(text: &[u8]) -> bool {
    let mut from = 0;
    while let Some(bracket) = first(&text[from..], b'[') {
        let bracket = from + bracket;
        if matches!(before(text, bracket), 0x1b | b'3') || matches!(text.get(bracket + 1), Some(b' ' | b'"' | b'\'')) {
            return true;
        }
        from = bracket + 1;
    }
    false
}

#[inline(never)]
fn has_account(text: &[u8]) -> bool {
    text.windows(ACCOUNT.len()).any(|window| window == ACCOUNT)
}

#[inline(never)]
fn has_option(text: &[u8]) -> bool {
    let dash = text.iter().position(|byte| *byte == b'-').unwrap_or(text.len());
    is(before(text, dash), SPACE) && is(after(text, dash + 1), LETTER)
}

/// How many bytes of each class there are in a block.
#[inline]
fn counted(block: &[u8]) -> u64 {
    let mut lanes = 0;
    let (eights, rest) = block.as_chunks::<8>();
    for eight in eights {
        if !is_plain(*eight) {
            lanes += counted_bytes(eight);
        }
    }
    match block.last_chunk() {
        // The last eight: of some it is known already.
        Some(last) if is_plain(*last) => lanes,
        _ => lanes + counted_bytes(rest),
    }
}

/// Whether eight bytes are all of those that are not counted: small letters and spaces, and what lies near them.
#[inline(always)]
fn is_plain(eight: [u8; 8]) -> bool {
    let word = u64::from_le_bytes(eight);
    let at_least = |least: u8| word.wrapping_add(LOWS * (0x80 - u64::from(least)));
    // What is carried over from a byte that is not ASCII does no harm: there is one, and so they are not plain.
    (at_least(b'"') & !at_least(b']') | word) & HIGHS == 0
}

/// Four at a time, for the sake of the loop around them.
#[inline(always)]
fn counted_bytes(bytes: &[u8]) -> u64 {
    let lanes = |lanes: u64, byte: &u8| lanes + LANES[usize::from(*byte)];
    let (fours, rest) = bytes.as_chunks::<4>();
    let most = fours.iter().fold(0, |sum, four| four.iter().fold(sum, lanes));
    rest.iter().fold(most, lanes)
}

/// The first byte of U+FF01 to U+FF5E, which stand for the signs of ASCII.
const FULL_WIDTH: u8 = 0xef;

/// Sets the highest bit of each byte that is ASCII and at least `least`; that of others may be set or not.
#[inline]
const fn at_least(word: u64, least: u8) -> u64 {
    (word & !HIGHS) + LOWS * (0x80 - least as u64)
}

/// Whether twelve bytes of `[A-Za-z0-9_-]` stand together that may be a token: such a run covers a byte at a multiple of twelve, so only those
/// are probed.
#[inline(never)]
fn has_long_run(text: &[u8]) -> bool {
    let mut probe = RUN - 1;
    while probe < text.len() {
        if may_be_in_long_run(text, probe) {
            return has_long_run_from(text, probe);
        }
        probe += RUN;
    }
    false
}

/// The same from a probe on. Apart, so that the search for one needs no registers but those that are free to take.
#[inline(never)]
fn has_long_run_from(text: &[u8], mut probe: usize) -> bool {
    while probe < text.len() {
        if may_be_in_long_run(text, probe) && is_in_long_run(text, probe) {
            return true;
        }
        probe += RUN;
    }
    false
}

/// Of the eleven other bytes, six are on one side. Words are rarely so long, so spaces decide nearly always.
#[inline]
fn may_be_in_long_run(text: &[u8], probe: usize) -> bool {
    // The highest bit of each byte that is no space nor one of `!"#$`.
    let solid = |eight: &[u8; 8]| {
        let word = u64::from_le_bytes(*eight);
        (at_least(word, b'%') | word) & HIGHS
    };
    let left = text[..=probe].last_chunk().is_some_and(|eight| solid(eight) >> 8 == HIGHS >> 8);
    left || text[probe..].first_chunk().map_or(text.len() - probe > 6, |eight| solid(eight) << 8 == HIGHS << 8)
}

#[inline(never)]
fn is_in_long_run(text: &[u8], probe: usize) -> bool {
    let token = |byte: &&u8| alnum(**byte) || is(**byte, JOINT);
    let left = text[..probe].iter().rev().take(TOKEN - 1).take_while(token).count();
    let right = text[probe..].iter().take(TOKEN).take_while(token).count();
    let (start, end) = (probe - left, probe + right);
    right > 0 && (end - start >= TOKEN || end - start >= RUN && !is_name(text, start, end))
}

/// Whether a run that is shorter than a token stands between spaces and the like, and not behind `Bearer` or `Basic`.
fn is_name(text: &[u8], start: usize, end: usize) -> bool {
    let apart = match before(text, start) {
        0 => true,
        b' ' => !matches!(before(text, start - 1), b'c' | b'r' | b'C' | b'R'),
        _ => false,
    };
    apart && matches!(after(text, end), 0 | b' ' | b',' | b';')
}

#[cfg(test)]
mod tests {
    use super::super::tests::draws;
    use super::*;

    /// What the gate promises, byte by byte.
    fn plainly_clean(text: &[u8]) -> bool {
        let count = |wanted: &[u8]| text.iter().filter(|byte| wanted.contains(byte)).count();
        let digits = count(b"0123456789");
        let uppers = text.iter().filter(|byte| byte.is_ascii_uppercase()).count();
        let token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let option = text.iter().position(|byte| *byte == b'-').is_some_and(|dash| {
            let starts = dash == 0 || b" \t\n\r\0\x0b\x0c".contains(&text[dash - 1]);
            starts && text.get(dash + 1).is_some_and(u8::is_ascii_alphabetic)
        });
        let dotted = text
            .split(|byte| !token(byte) && *byte != b'.')
            .any(|run| run.len() >= RUN && run.iter().filter(|byte| **byte == b'.').count() >= 2);
        let held = |run: &[u8]| {
            let start = run.as_ptr() as usize - text.as_ptr() as usize;
            let (left, right) = (&text[..start], &text[start + run.len()..]);
            let apart =
                matches!(left, [] | [.., 0] | [b' ']) || matches!(left, [.., last, b' '] if !b"crCR".contains(last));
            run.len() >= 16 || run.len() >= 12 && !(apart && matches!(right, [] | [0 | b' ' | b',' | b';', ..]))
        };
        let held = text.split(|byte| !token(byte)).any(held);
        count(b":=(>@%&/\\\xef") == 0
            && digits < 5
            && count(b"-") < 2
            && count(b"'") < 2
            && !option
            && (digits < 4 || count(b".") < 2)
            && (digits == 0 || !dotted)
            && (digits + uppers == 0 || !held)
            && !text.windows(2).any(|pair| [b"\x1b[", b"3[", b"[ ", b"[\"", b"['"].iter().any(|known| pair == *known))
            && !text.windows(6).any(|six| six == b"user \"")
    }

    #[test]
    fn the_gate_says_what_a_look_at_each_byte_says() {
        let alphabet = b"abr Z09.-:=@/_,(>%&\\]$'\"zA\xc3\xa9\0\xef\x1b[";
        let mut draw = draws();
        let mut settled = 0;
        for round in 0..60_000_usize {
            let length = draw(match round % 100 {
                0 => 600,
                1..20 => 130,
                _ => 40,
            });
            // Few of the letters at a time, or no text would be clean.
            let letters = 2 + draw(alphabet.len() - 1);
            let plain = draw(3);
            let text: Vec<u8> =
                (0..length).map(|_| if draw(4) < plain { b"e "[draw(2)] } else { alphabet[draw(letters)] }).collect();
            let clean = is_clean(&text);
            settled += u32::from(clean);
            assert_eq!(clean, plainly_clean(&text), "{}", String::from_utf8_lossy(&text));
        }
        assert!((5_000..55_000).contains(&settled), "{settled}");
    }

    #[test]
    fn every_byte_counts_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for length in [1, 7, 8, 9, 16, 40, 63, 64, 65, 81, 200] {
                for at in 0..length {
                    let mut text = vec![b'a'; length];
                    text[at] = byte;
                    assert_eq!(is_clean(&text), plainly_clean(&text), "{byte} at {at} of {length}");
                }
            }
        }
        // As many of one class as no lane holds.
        for byte in *b".A9-'a" {
            for length in [255, 256, 257, 512, 1024] {
                let mut text = vec![byte; length];
                text.extend(b" 1");
                assert_eq!(is_clean(&text), plainly_clean(&text), "{byte} {length} times");
            }
        }
    }
}
