//! Payment cards: the issuer's digits, the length it gives out, and the check digit.

use super::bytes::{DIGIT, LETTER, after, alnum, before, head, is, run, run_back};
use super::numbers::Cluster;
use super::{Finding, Kind, Severity};

/// Finds the cards among the groups of a cluster.
pub(super) fn find(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
    let mut at = 0;
    while at < cluster.groups().len() {
        let count = card_at(cluster, at);
        if count > 0 {
            let end = cluster.groups()[at + count - 1].1;
            let end = if count == 1 { float_end(cluster, at).unwrap_or(end) } else { end };
            let span = cluster.groups()[at].0..end;
            found.push(Finding::new(Kind::Card, Severity::Validated, span));
        }
        at += count.max(1);
    }
}

/// How many groups from `at` are a card.
fn card_at(cluster: &Cluster<'_>, at: usize) -> usize {
    // Most groups are shorter.
    if !matches!(cluster.group(at).len(), 4 | 6 | 8 | 14..=19) {
        return 0;
    }
    let valid = |count: usize| {
        let is_float = || count == 1 && float_end(cluster, at).is_some();
        if !cluster.stands_apart(at, count) && !is_track(cluster, at) && !is_float() {
            return false;
        }
        let mut digits = [0u8; 19];
        let mut len = 0;
        for group in at..at + count {
            for digit in cluster.group(group) {
                let Some(slot) = digits.get_mut(len) else {
                    return false;
                };
                *slot = digit - b'0';
                len += 1;
            }
        }
        is_card(&digits[..len])
    };
    let separator = cluster.spacing(at + 1);
    if matches!(separator, b' ' | b'-') {
        for shape in CARD_SHAPES {
            // `chr14:64892592-51560214` is a range.
            let range = separator == b'-' && shape.len() == 2;
            if !range && cluster.shaped(at, shape) && cluster.spaced(at, shape.len(), separator) && valid(shape.len()) {
                return shape.len();
            }
        }
    }
    usize::from((14..=19).contains(&cluster.group(at).len()) && !is_clock(cluster, at) && valid(1))
}

/// The card whose first four digits are `text[start..end]` and whose groups are apart by a tab, two blanks or `_`; where it ends. A row
/// of a table with more such groups is none.
#[inline(never)]
pub(super) fn spread(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let apart = SPREADS.iter().find(|apart| text[end..].starts_with(apart))?;
    let prior = text[..start]
        .strip_suffix(*apart)
        .map_or(0, |left| left.len() - run_back(left, left.len(), LONG, |byte| is(byte, DIGIT)));
    // Behind an escape the number begins all the same.
    let escaped = matches!(text[..start], [.., b'\\', b't' | b'n' | b'r']);
    if alnum(before(text, start)) && !escaped || before(text, start) == b'.' || prior >= LONG {
        return None;
    }
    let mut digits = [0u8; 19];
    let (mut lengths, mut ends) = ([0usize; 6], [0usize; 6]);
    let (mut len, mut count, mut at) = (0, 0, start);
    while count < lengths.len() {
        let group = run(head(text, at, digits.len()), at, |byte| is(byte, DIGIT));
        (lengths[count], ends[count]) = (group - at, group);
        for (slot, digit) in digits.iter_mut().skip(len).zip(&text[at..group]) {
            *slot = digit - b'0';
        }
        (len, count) = (len + group - at, count + 1);
        if !(text[group..].starts_with(apart) && is(after(text, group + apart.len()), DIGIT)) {
            break;
        }
        at = group + apart.len();
    }
    let goes_on = |end| alnum(after(text, end)) || after(text, end) == b'.' && is(after(text, end + 1), DIGIT);
    let shape = CARD_SHAPES.iter().find(|shape| {
        // What follows may be the date and the check number on the card.
        lengths[..count].starts_with(shape)
            && lengths.get(shape.len()).is_none_or(|next| *next < LONG)
            && !goes_on(ends[shape.len() - 1])
            && is_card(&digits[..shape.iter().sum()])
    })?;
    Some(ends[shape.len() - 1])
}

/// What stands between the groups of a card that do not follow each other closely; the tab also as JSON writes it.
const SPREADS: [&[u8]; 4] = [b"\t", b"  ", b"_", b"\\t"];

/// How many digits are rather a group of their own than what is printed beside a card's number.
const LONG: usize = 4;

/// `4111111111111111.0`: where the zeros end with which a whole number is written that is held as a float.
fn float_end(cluster: &Cluster<'_>, at: usize) -> Option<usize> {
    let (text, (start, end)) = (cluster.text, cluster.groups()[at]);
    let zeros = run(text, end + 1, |byte| byte == b'0');
    let (prior, next) = (before(text, start), after(text, zeros));
    let goes_on = alnum(next) || matches!(next, b'_' | b'-' | b'.') && alnum(after(text, zeros + 1));
    (after(text, end) == b'.' && zeros > end + 1 && !goes_on && !alnum(prior) && prior != b'.').then_some(zeros)
}

/// `%B4111111111111111^DOE/J^`, as a magnetic stripe holds it.
fn is_track(cluster: &Cluster<'_>, at: usize) -> bool {
    let (start, end) = cluster.groups()[at];
    after(cluster.text, end) == b'^' && cluster.text[..start].ends_with(b"%B")
}

/// Whether these digits, not as ASCII, are a card's.
fn is_card(digits: &[u8]) -> bool {
    issuer(digits) && luhn(digits) && digits[1..].iter().any(|digit| *digit != digits[0])
}

/// Issuers by their first digits, and the lengths they give out.
fn issuer(digits: &[u8]) -> bool {
    let head = digits.iter().take(6).fold(0u32, |sum, digit| sum * 10 + u32::from(*digit));
    let (two, three, four) = (head / 10_000, head / 1_000, head / 100);
    match digits.len() {
        14 => two == 36 || two == 38 || two == 39 || (300..=305).contains(&three),
        15 => two == 34 || two == 37 || four == 2131 || four == 1800,
        16..=19 => {
            let visa = two / 10 == 4 && matches!(digits.len(), 16 | 19);
            let mastercard = ((51..=55).contains(&two) || (2221..=2720).contains(&four)) && digits.len() == 16;
            // All others but these give out 16 digits, whatever the standard would let them; many ids have 17 or 18.
            let short = digits.len() == 16;
            let mir = (2200..=2204).contains(&four) && short;
            let discover = (four == 6011 || two == 65 || (644..=649).contains(&three)) && (short || digits.len() == 19);
            let union_pay = two == 62 || two == 81 && short;
            let jcb = (3528..=3589).contains(&four) && (short || digits.len() == 19);
            let maestro = matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761 | 6762 | 6763 | 6771 | 6766);
            let diners = (two == 36 || two == 38 || two == 39 || (300..=305).contains(&three)) && digits.len() == 16;
            let rupay = matches!(two, 60 | 82 | 50) && short;
            visa || mastercard || mir || discover || union_pay || jcb || maestro || diners || rupay
        }
        _ => false,
    }
}

pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(*digit);
            if at % 2 == 0 { digit } else { digit * 2 - if digit > 4 { 9 } else { 0 } }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// How cards are written: the lengths of their groups.
const CARD_SHAPES: [&[usize]; 9] = [
    &[4, 4, 4, 4, 3],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4],
    &[4, 4, 4, 2],
    &[4, 6, 5],
    &[4, 6, 4],
    &[6, 10],
    &[8, 8],
];

/// Whether a key to the left says that the digits count time or bytes.
fn is_clock(cluster: &Cluster<'_>, at: usize) -> bool {
    let start = cluster.groups()[at].0;
    let word_end = run_back(cluster.text, start, 4, |byte| matches!(byte, b' ' | b'=' | b':' | b'"' | b'\\'));
    let word = run_back(cluster.text, word_end, 24, |byte| is(byte, LETTER));
    const CLOCKS: &[&[u8]] = words!(
        "ns" "nanos" "us" "micros" "ms" "ts" "time" "timestamp" "bytes" "size" "offset" "hash" "checksum" "seq"
    );
    word_end < start && CLOCKS.iter().any(|clock| cluster.text[word..word_end].eq_ignore_ascii_case(clock))
}
