//! Bank account numbers: length by country, then the check digits (ISO 13616, mod 97).

use super::bytes::{DIGIT, LETTER, after, alnum, before, is};
use super::{Finding, Kind, Severity};

/// Country and length.
const LENGTHS: [(&[u8; 2], u8); 82] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NL", 18),
    (b"NO", 15),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"MN", 20),
    (b"NI", 28),
];

/// Those whose accounts are digits only: what begins as one and has letters is hex.
const NUMERIC: &[&[u8]] = words!(
    "AE" "AT" "BA" "BE" "CZ" "DE" "DK" "EE" "ES" "FI" "FO" "GL" "HR" "HU" "IL" "IS" "LT" "ME" "NO" "PL" "PT" "RS" "SE" "SI" "SK" "TN"
);

/// The longest of them.
const LONGEST: usize = 34;

/// The lengths by country, zero where there is none.
static BY_COUNTRY: [u8; 26 * 26] = {
    let mut table = [0; 26 * 26];
    let mut at = 0;
    while at < LENGTHS.len() {
        table[place(*LENGTHS[at].0)] = LENGTHS[at].1;
        at += 1;
    }
    table
};

/// Where two capitals stand in the table.
const fn place([first, second]: [u8; 2]) -> usize {
    (first - b'A') as usize * 26 + (second - b'A') as usize
}

/// Tries the two letters before the check digits at `digits`.
pub(super) fn try_at(text: &[u8], digits: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let start = digits.checked_sub(2)?;
    let checked = is(after(text, digits + 1), DIGIT);
    if !(checked && is(text[start], LETTER) && is(text[start + 1], LETTER)) || alnum(before(text, start)) {
        return None;
    }
    let end = iban(text, start)?;
    found.push(Finding::new(Kind::Iban, Severity::Validated, start..end));
    Some(end)
}

fn iban(text: &[u8], start: usize) -> Option<usize> {
    let country = [text[start].to_ascii_uppercase(), text[start + 1].to_ascii_uppercase()];
    let length = usize::from(*BY_COUNTRY.get(place(country)).filter(|length| **length > 0)?);
    let mut number = [0; LONGEST];
    let mut count = 0;
    let mut at = start;
    while count < length {
        let byte = after(text, at);
        if alnum(byte) {
            number[count] = byte;
            count += 1;
            at += 1;
            continue;
        }
        // One space or dash between groups, and what a form makes of the space.
        let width = match text.get(at..)? {
            [b' ' | b'-' | b'+', ..] => 1,
            // Those at which no line breaks.
            [0xc2, 0xa0, ..] => 2,
            [0xe2, 0x80, 0xaf | 0x90 | 0x91, ..] => 3,
            _ => return None,
        };
        if count == 0 || !alnum(after(text, at + width)) {
            return None;
        }
        at += width;
    }
    let (country, account) = number[..length].split_at(4);
    let check = remainder(remainder(0, account), country);
    let digits_only = || account.iter().all(u8::is_ascii_digit);
    let built = || digits_only() || !NUMERIC.iter().any(|numeric| country[..2].eq_ignore_ascii_case(numeric));
    // In one case, as it is printed or typed.
    let mixed = |whole: &[u8]| whole.iter().any(u8::is_ascii_uppercase) && whole.iter().any(u8::is_ascii_lowercase);
    (check == 1 && built() && !mixed(&text[start..at]) && !alnum(after(text, at))).then_some(at)
}

/// Of the decimals so far and those behind them, divided by 97. A letter is two.
fn remainder(so_far: u64, number: &[u8]) -> u64 {
    // Eight letters are sixteen decimals, which fit.
    number.chunks(8).fold(so_far, |sum, part| {
        let decimals = part.iter().fold(sum, |sum, byte| match byte {
            b'0'..=b'9' => sum * 10 + u64::from(byte - b'0'),
            _ => sum * 100 + u64::from(byte.to_ascii_uppercase() - b'A') + 10,
        });
        decimals % 97
    })
}
