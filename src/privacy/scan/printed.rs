//! National numbers that need no word beside them: what is printed on them, and a check, tell them from all else.

use std::ops::Range;

use super::bytes::{DIGIT, LETTER, after, alnum, before, head, is, run};
use super::nearby::Nearby;
use super::numbers::Cluster;
use super::{Finding, Kind, Severity, checks, national};

type Check = fn(&[u8]) -> bool;

/// Forms with letters, as they stand in tokens: pattern (see [`national::matched`]), check.
const TOKENS: [(&[u8], Check); 6] = [
    (b"AAAAAA99A99A999A", checks::codice_fiscale),
    (b"AAAA999999AAAAAA*9", checks::curp),
    (b"99999999999999999A", checks::resident_id),
    (b"999999999999999999", checks::resident_id),
    (b"999999999A", checks::hetu),
    (b"999999A999*", checks::hetu),
];

/// Where a number that starts at `start` of a token ends.
pub(super) fn token(text: &[u8], start: usize) -> Option<usize> {
    if alnum(before(text, start)) || matches!(before(text, start), b'-' | b'_' | b'.' | b'/') {
        return None;
    }
    // As long as one of them, or up to the sign in the middle of the Finnish number.
    let length = match run(head(text, start, 19), start, alnum) - start {
        length @ (10 | 11 | 16 | 18) => length,
        6 if after(text, start + 6) == b'-' => 10,
        _ => return None,
    };
    TOKENS.iter().filter(|(pattern, _)| pattern.len() == length).find_map(|(pattern, check)| {
        let (end, number, len) = national::matched(text, start, pattern)?;
        // As printed: without separators but the one sign in the middle of the Finnish number.
        let whole = end - start == len || len == 10 && end - start == 11 && text[start + 6] == b'-';
        let goes_on = matches!(after(text, end), b'-' | b'_') && alnum(after(text, end + 1));
        (whole && !goes_on && check(&number[..len])).then_some(end)
    })
}

/// The Finnish and the British number, which are too short for a token, by the six digits inside them.
pub(super) fn six_digits(text: &[u8], digits: usize) -> Option<std::ops::Range<usize>> {
    static WORDS: Nearby = Nearby::of(words!(
        "payroll" "tax" "hmrc" "paye" "employee" "benefit" "pension" "national insurance"
    ));
    if let Some(end) = token(text, digits) {
        return Some(digits..end);
    }
    let start = digits.checked_sub(2)?;
    let (end, number, len) = national::matched(text, start, b"AA999999A")?;
    let alone =
        end - start == len && !alnum(before(text, start)) && text[start..digits].iter().all(u8::is_ascii_uppercase);
    (alone && checks::nino(&number[..len]) && WORDS.stand_before(text, start, 48)).then_some(start..end)
}

/// Numbers of one piece with letters at their ends: how many stand before the digits, how many digits, and the check. Where a check
/// lets one of 23 or 26 pass, a number of this form by itself, in capitals, is hardly anything else.
const LETTERED: [(usize, usize, Check); 4] = [
    // Spain: persons, and foreigners, whose letters may stand off by a dash.
    (0, 8, checks::dni),
    (1, 7, checks::dni),
    // Singapore, and the United Kingdom, of which the letters alone tell.
    (1, 7, checks::nric),
    (2, 6, checks::nino),
];

/// The number whose first digits a cluster begins with, if its check tells it from all else without a word.
#[inline]
pub(super) fn checked(cluster: &Cluster<'_>) -> Option<Range<usize>> {
    let groups = cluster.groups().len();
    // Nearly all have neither.
    let next = after(cluster.text, cluster.end());
    if groups != 2 && !next.is_ascii_uppercase() && !is(after(cluster.text, cluster.end() + 1), LETTER) {
        return None;
    }
    match cluster.group(0).len() {
        6 | 8 if groups == 2 && matches!(cluster.separator(1), b'-' | b'+') => dashed(cluster),
        6..=8 if groups == 1 => lettered(cluster, 0),
        // `LY 89 89 11 D`
        2 if groups == 3 && cluster.shaped(0, &[2, 2, 2]) && cluster.joined(0, 3, b' ') => lettered(cluster, b' '),
        // `63.441.765-Z`
        2 if groups == 3 && cluster.shaped(0, &[2, 3, 3]) && cluster.joined(0, 3, b'.') => lettered(cluster, b'-'),
        _ => None,
    }
}

/// The same with letters at its ends, which stand off by `apart` or, unless that is a space, not at all.
fn lettered(cluster: &Cluster<'_>, apart: u8) -> Option<Range<usize>> {
    let text = cluster.text;
    let (first, last) = (cluster.groups()[0].0, cluster.end());
    let joint = |byte: u8| if apart == b' ' { byte == b' ' } else { byte == b'-' };
    let end = last + usize::from(joint(after(text, last)));
    let suffix = after(text, end);
    let next = after(text, end + 1);
    if !suffix.is_ascii_uppercase()
        || apart == b' ' && end == last
        || alnum(next)
        || matches!(next, b'_' | b'-') && alnum(after(text, end + 2))
    {
        return None;
    }
    LETTERED.iter().find_map(|(letters, digits, check)| {
        let joined = *letters > 0 && joint(before(text, first));
        let start = first.checked_sub(letters + usize::from(joined))?;
        let head = &text[start..start + letters];
        let prior = before(text, start);
        if cluster.digits != *digits
            || apart == b' ' && !joined
            || !head.iter().all(u8::is_ascii_uppercase)
            || alnum(prior)
            || matches!(prior, b'_' | b'-' | b'.' | b'/') && alnum(before(text, start - 1))
        {
            return None;
        }
        let mut number = [0u8; 12];
        number[..*letters].copy_from_slice(head);
        let len = letters + collect(&text[first..last], &mut number[*letters..]);
        number[len] = suffix;
        check(&number[..=len]).then_some(start..end + 1)
    })
}

/// `850709-9805` (Sweden), `850803-2011771` (Korea): a date of birth and what tells those of one day apart. What a clock or a
/// name of a file with its time could be is left.
fn dashed(cluster: &Cluster<'_>) -> Option<Range<usize>> {
    let (text, (start, date), (rest, end)) = (cluster.text, cluster.groups()[0], cluster.groups()[1]);
    let (prior, next) = (before(text, start), after(text, end));
    if alnum(prior)
        || matches!(prior, b'_' | b'-' | b'.' | b'/' | b'+')
        || alnum(next)
        || matches!(next, b'_' | b'-') && alnum(after(text, end + 1))
    {
        return None;
    }
    let mut digits = [0u8; 16];
    let len = collect(&text[start..end], &mut digits);
    let number = &digits[..len];
    let right = match (date - start, end - rest) {
        (6, 7) => cluster.separator(1) == b'-' && checks::resident_registration(number),
        // Finland, where the day stands first.
        (6, 4) if checks::hetu(number) && checks::is_day(&[number[2], number[3], number[0], number[1]]) => {
            // `240315-1530` is rather a file's.
            let stamped = checks::is_day(&number[2..6]) && number[6..8] < b"24"[..] && number[8] < b'6';
            cluster.separator(1) == b'-' && !stamped
        }
        (short @ (6 | 8), 4) => {
            let two = |at: usize| (number[at] - b'0') * 10 + (number[at + 1] - b'0');
            let clock = two(len - 4) < 24 && two(len - 2) < 60;
            let old = if short == 6 { !(10..40).contains(&two(0)) } else { two(0) < 20 };
            let century = short == 6 || matches!(&number[..2], b"18" | b"19" | b"20");
            (old || !clock) && century && checks::is_day(&number[short - 4..short]) && checks::personnummer(number)
        }
        _ => false,
    };
    right.then_some(start..end)
}

/// Forms in groups of digits: lengths, separators between them, check.
const GROUPS: [(&[usize], &[u8], Check); 6] = [
    (&[3, 3, 3, 2], b"..-", checks::cpf),
    (&[2, 3, 3, 4, 2], b"../-", checks::cnpj),
    (&[3, 4, 4, 2], b"...", checks::ahv),
    (&[1, 2, 2, 2, 3, 3, 2], b"      ", checks::nir),
    (&[15], b"", checks::nir),
    (&[2, 2, 2, 3, 2], b"..-.", checks::rijksregister),
];

/// Finds the one that a cluster begins with.
pub(super) fn groups(cluster: &Cluster<'_>, found: &mut Vec<Finding>) -> bool {
    // Most clusters begin otherwise.
    let fewest = match cluster.group(0).len() {
        15 => 1,
        3 => 4,
        2 => 5,
        1 => 7,
        _ => return false,
    };
    if cluster.groups().len() < fewest {
        return false;
    }
    for (lengths, separators, check) in GROUPS {
        let joined = || (1..lengths.len()).all(|group| cluster.separator(group) == separators[group - 1]);
        if !cluster.shaped(0, lengths) || !joined() || !cluster.stands_apart(0, lengths.len()) {
            continue;
        }
        let (start, end) = (cluster.groups()[0].0, cluster.groups()[lengths.len() - 1].1);
        let mut digits = [0u8; 20];
        let len = collect(&cluster.text[start..end], &mut digits);
        if check(&digits[..len]) {
            found.push(Finding::new(Kind::NationalId, Severity::Validated, start..end));
            return true;
        }
    }
    false
}

fn collect(text: &[u8], digits: &mut [u8]) -> usize {
    let mut len = 0;
    for (slot, digit) in digits.iter_mut().zip(text.iter().filter(|byte| is(**byte, DIGIT))) {
        *slot = *digit;
        len += 1;
    }
    len
}

/// US social security numbers.
pub(super) fn ssn(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
    static WORDS: Nearby = Nearby::of(words!("ssn" "social security" "social" "itin"));
    let text = cluster.text;
    for at in 0..cluster.groups().len() {
        let len = cluster.group(at).len();
        let grouped = len == 3 && cluster.shaped(at, &[3, 2, 4]);
        let bare = len == 9;
        if !(grouped || bare) {
            continue;
        }
        let count = if grouped { 3 } else { 1 };
        let (start, end) = (cluster.groups()[at].0, cluster.groups()[at + count - 1].1);
        let mut digits = [0u8; 9];
        collect(&text[start..end], &mut digits);
        let number = |range: std::ops::Range<usize>| {
            digits[range].iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
        };
        let valid = matches!(number(0..3), 1..=665 | 667..=899) && number(3..5) != 0 && number(5..9) != 0;
        let dashed = grouped
            && cluster.joined(at, 3, b'-')
            && cluster.separator(at) != b'-'
            && cluster.separator(at + 3) != b'-';
        let (prior, next) = (before(text, start), after(text, end));
        let alone = (cluster.stands_alone(at, count) || dashed && cluster.stands_apart(at, count))
            && !matches!(prior, b'-' | b'/' | b'+')
            && next != b'-';
        if valid && alone && (dashed || WORDS.stand_before(text, start, 28)) {
            let severity = if dashed { Severity::Likely } else { Severity::Contextual };
            found.push(Finding::new(Kind::Ssn, severity, start..end));
        }
    }
}
