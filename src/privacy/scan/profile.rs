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
    let mut quads = block.chunks_exact(4);
    for quad in &mut quads {
        // Four sums, so that one addition need not wait for the one before.
        sums[0] += LANES[usize::from(quad[0])];
        sums[1] += LANES[usize::from(quad[1])];
        sums[2] += LANES[usize::from(quad[2])];
        sums[3] += LANES[usize::from(quad[3])];
    }
    for byte in quads.remainder() {
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
    // Most texts are decided by the lanes alone.
    let lanes = count(text);
    lanes == 0 || (lanes & ALARMING == 0 && Profile::default().and(lanes).is_clean(text))
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
