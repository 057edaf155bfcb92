//! The gate: what a text is made of, found in one pass, which decides the detectors that need to look at all.

use super::bytes::{JOINT, alnum, is};

/// How often each class of byte occurs.
///
/// One byte lane per class in a `u64`, so that counting is one load and one add per byte.
#[derive(Clone, Copy, Default)]
pub(super) struct Profile {
    pub(super) digits: usize,
    /// `:`
    pub(super) colons: usize,
    /// `=`, `(` and `>`, after which a value may stand: `pin=1`, `UserId(1)`, `<pin>1</pin>`.
    pub(super) equals: usize,
    pub(super) dots: usize,
    pub(super) dashes: usize,
    /// `@` and `%`, which may hide one.
    pub(super) ats: usize,
    /// `/` and `\`.
    pub(super) slashes: usize,
    pub(super) uppers: usize,
}

const DIGITS: u32 = 0;
const COLONS: u32 = 8;
const EQUALS: u32 = 16;
const DOTS: u32 = 24;
const DASHES: u32 = 32;
const ATS: u32 = 40;
const SLASHES: u32 = 48;
const UPPERS: u32 = 56;

static LANES: [u64; 256] = lanes();

const fn lanes() -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => 1 << DIGITS,
            b':' => 1 << COLONS,
            b'=' | b'(' | b'>' => 1 << EQUALS,
            b'.' => 1 << DOTS,
            b'-' => 1 << DASHES,
            b'@' | b'%' => 1 << ATS,
            b'/' | b'\\' => 1 << SLASHES,
            b'A'..=b'Z' => 1 << UPPERS,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// The most bytes whose counts fit the lanes.
const BLOCK: usize = 255;

#[inline]
fn count(block: &[u8]) -> u64 {
    let mut sums = [0u64; 4];
    let (eights, rest) = block.as_chunks::<8>();
    for eight in eights {
        // Four sums, so that one addition need not wait for the one before.
        for place in 0..8 {
            sums[place % 4] += LANES[usize::from(eight[place])];
        }
    }
    for byte in rest {
        sums[0] += LANES[usize::from(*byte)];
    }
    sums[0] + sums[1] + sums[2] + sums[3]
}

/// Lanes of which a single byte makes a detector look.
const ALARMING: u64 = 0xff << COLONS | 0xff << EQUALS | 0xff << ATS | 0xff << SLASHES;

/// Whether one pass proves that no detector would find anything.
#[inline]
pub(super) fn is_clean(text: &[u8]) -> bool {
    if text.len() > BLOCK {
        return Profile::of(text).is_clean(text);
    }
    // Texts this short are decided by the lanes as they are: `Profile::is_clean` with what the alarming ones leave of it.
    let lanes = count(text);
    if lanes & ALARMING != 0 {
        return false;
    }
    let lane = |shift: u32| (lanes >> shift) as u8;
    let digits = lane(DIGITS);
    if digits >= 6 || lane(DASHES) >= 2 || (digits >= 1 && lane(DOTS) >= 2) {
        return false;
    }
    text.len() < RUN || digits | lane(UPPERS) == 0 || !has_long_run(text)
}

impl Profile {
    #[inline]
    pub(super) fn of(text: &[u8]) -> Self {
        let mut profile = Profile::default();
        for block in text.chunks(BLOCK) {
            profile = profile.and(count(block));
        }
        profile
    }

    /// With the counts of one more block.
    #[inline]
    fn and(self, lanes: u64) -> Self {
        let lane = |shift: u32| (lanes >> shift) as u8 as usize;
        Profile {
            digits: self.digits + lane(DIGITS),
            colons: self.colons + lane(COLONS),
            equals: self.equals + lane(EQUALS),
            dots: self.dots + lane(DOTS),
            dashes: self.dashes + lane(DASHES),
            ats: self.ats + lane(ATS),
            slashes: self.slashes + lane(SLASHES),
            uppers: self.uppers + lane(UPPERS),
        }
    }

    /// Nothing that any detector needs is there. What each family needs is stated here once; `scan` asks the same.
    #[inline]
    pub(super) fn is_clean(&self, text: &[u8]) -> bool {
        self.colons == 0
            && self.equals == 0
            && self.ats == 0
            && self.slashes == 0
            && !self.may_hold_numbers()
            && !self.may_hold_hex_groups()
            && !self.may_hold_command_line()
            && !self.may_hold_tokens(text)
    }

    #[inline]
    pub(super) fn may_hold_pairs(&self) -> bool {
        self.colons | self.equals != 0
    }

    /// Cards, phones, addresses, dates: the shortest is an IPv4 address of four digits and three dots.
    #[inline]
    pub(super) fn may_hold_numbers(&self) -> bool {
        self.digits >= 6 || (self.digits >= 4 && (self.dots >= 2 || self.dashes >= 4))
    }

    /// Addresses written as groups of hex digits: `fe80::1`, `00-1a-2b-..`, `001a.2b3c.4d5e`.
    #[inline]
    pub(super) fn may_hold_hex_groups(&self) -> bool {
        self.colons >= 2 || self.dashes >= 5 || (self.dots >= 2 && self.digits >= 1)
    }

    /// `--password hunter2`
    #[inline]
    pub(super) fn may_hold_command_line(&self) -> bool {
        self.dashes >= 2
    }

    /// `-----BEGIN`
    #[inline]
    pub(super) fn may_hold_pem(&self) -> bool {
        self.dashes >= 10
    }

    /// A run of twelve bytes beside a digit or capital: no token is shorter, and the shortest stand behind `Bearer`.
    #[inline]
    pub(super) fn may_hold_tokens(&self, text: &[u8]) -> bool {
        (self.digits | self.uppers != 0) && has_long_run(text)
    }
}

/// The shortest token that is looked for by its own looks.
pub(super) const TOKEN: usize = 16;

/// The shortest run that is looked at.
pub(super) const RUN: usize = 12;

/// Whether twelve bytes of `[A-Za-z0-9_-]` stand together: such a run covers a byte at a multiple of twelve, so only those
/// are probed.
#[inline]
fn has_long_run(text: &[u8]) -> bool {
    let token = |byte: u8| alnum(byte) || is(byte, JOINT);
    let mut probe = RUN - 1;
    while probe < text.len() {
        if token(text[probe]) {
            let left = text[..probe].iter().rev().take(RUN - 1).take_while(|byte| token(**byte)).count();
            let right = text[probe..].iter().take(RUN - left).take_while(|byte| token(**byte)).count();
            if left + right >= RUN {
                return true;
            }
        }
        probe += RUN;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_settle_a_text_agree() {
        let alphabet = b"ab Z09.-:=@/_,";
        let mut number = 1_u64;
        let mut settled = 0;
        for round in 0..50_000_usize {
            let mut draw = |below: usize| {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (number >> 33) as usize % below
            };
            let length = draw(if round % 100 == 0 { 600 } else { 40 });
            // Few of the letters at a time, or no text would be clean.
            let letters = 2 + draw(alphabet.len() - 1);
            let text: Vec<u8> = (0..length).map(|_| alphabet[draw(letters)]).collect();
            let clean = is_clean(&text);
            settled += u32::from(clean);
            assert_eq!(clean, Profile::of(&text).is_clean(&text), "{}", String::from_utf8_lossy(&text));
        }
        assert!((5_000..45_000).contains(&settled), "{settled}");
    }
}
