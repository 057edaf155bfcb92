//! Numbers by which a state knows one person: by their form beside a word that announces them, and a few by form and check.

use super::bytes::{DIGIT, HIGH, LETTER, after, alnum, before, context, is, run, starts_with};
use super::numbers::Cluster;
use super::{Finding, Kind, Severity};

/// What follows an announcing word: the pattern's letters stand for a digit (`9`), a letter (`A`) and either (`*`).
struct Form {
    words: &'static [&'static [u8]],
    patterns: &'static [&'static [u8]],
}

const FORMS: [Form; 23] = [
    Form { words: &[b"nino", b"national insurance", b"ni number"], patterns: &[b"AA999999A"] },
    Form { words: &[b"imei", b"imsi"], patterns: &[b"999999999999999"] },
    Form { words: &[b"iccid"], patterns: &[b"9999999999999999999", b"99999999999999999999"] },
    Form { words: &[b"nhs"], patterns: &[b"9999999999"] },
    Form { words: &[b"cpf"], patterns: &[b"99999999999"] },
    Form { words: &[b"cnpj"], patterns: &[b"99999999999999"] },
    Form { words: &[b"dni"], patterns: &[b"99999999A"] },
    Form { words: &[b"nie"], patterns: &[b"A9999999A"] },
    Form { words: &[b"nif"], patterns: &[b"99999999A", b"A9999999A", b"999999999"] },
    Form { words: &[b"pesel"], patterns: &[b"99999999999"] },
    Form { words: &[b"aadhaar", b"aadhar"], patterns: &[b"999999999999"] },
    Form { words: &[b"bsn", b"burgerservicenummer"], patterns: &[b"999999999", b"99999999"] },
    Form { words: &[b"personnummer", b"personal number"], patterns: &[b"9999999999", b"999999999999"] },
    Form { words: &[b"hetu", b"henkilotunnus"], patterns: &[b"999999999A", b"9999999999", b"999999A999*"] },
    Form {
        words: &[b"steuer-id", b"steuerid", b"steuer id", b"idnr", b"steuernummer"],
        patterns: &[b"99999999999", b"9999999999"],
    },
    Form { words: &[b"tfn", b"tax file"], patterns: &[b"999999999", b"99999999"] },
    Form {
        words: &[b"nir", b"insee", b"secu"],
        patterns: &[b"999999999999999", b"9999999999999", b"99999A999999999", b"99999A9999999"],
    },
    Form { words: &[b"routing", b"aba"], patterns: &[b"999999999"] },
    Form { words: &[b"sin"], patterns: &[b"999999999"] },
    Form { words: &[b"curp"], patterns: &[b"AAAA999999AAAAAA*9"] },
    Form {
        words: &[b"passport", b"reisepass", b"passeport"],
        patterns: &[
            b"999999999",
            b"A99999999",
            b"A9999999",
            b"AA9999999",
            b"AA999999",
            b"99AA99999",
            b"A*********",
            b"C********",
        ],
    },
    Form { words: &[b"sort code"], patterns: &[b"999999"] },
    Form { words: &[b"codice fiscale"], patterns: &[b"AAAAAA99A99A999A"] },
];

/// The longest number, without separators.
const MOST: usize = 20;

pub(super) fn find(text: &[u8], found: &mut Vec<Finding>) {
    let mut at = 0;
    while let Some(start) = text[at..].iter().position(|byte| is(*byte, LETTER | HIGH)).map(|offset| at + offset) {
        at = run(text, start, |byte| is(byte, LETTER | HIGH));
        if !may_announce(&text[start..at]) && !starts_with(text, start, b"ni number") {
            continue;
        }
        for form in &FORMS {
            let Some(word) = form.words.iter().find(|word| super::bytes::starts_with(text, start, word)) else {
                continue;
            };
            let end = start + word.len();
            if is(after(text, end), LETTER | HIGH) {
                continue;
            }
            if let Some((from, to)) = announced(text, end, form) {
                found.push(Finding::new(Kind::NationalId, Severity::Contextual, from..to));
                at = at.max(to);
                break;
            }
        }
    }
}

/// A filter that lets most words pass by: the first two letters of the words above.
fn may_announce(word: &[u8]) -> bool {
    let [first, second, _, ..] = word else { return false };
    matches!(
        [first | 0x20, second | 0x20],
        [b'a', b'a' | b'b']
            | [b'b', b's' | b'u']
            | [b'c', b'n' | b'o' | b'p' | b'u']
            | [b'd', b'n']
            | [b'h', b'e']
            | [b'i', b'c' | b'd' | b'm' | b'n']
            | [b'n', b'a' | b'h' | b'i']
            | [b'p', b'a' | b'e']
            | [b'r', b'e' | b'o']
            | [b's', b'e' | b'i' | b'o' | b't']
            | [b't', b'a' | b'f']
    )
}

/// The number after an announcing word, over `number`, `no.`, `:` and the like.
fn announced(text: &[u8], end: usize, form: &Form) -> Option<(usize, usize)> {
    const FILL: &[&[u8]] = words!(
        "number" "no" "nr" "num" "id" "is" "was" "code" "of"
    );
    let mut at = end;
    for _ in 0..3 {
        at = run(text, at, |byte| {
            matches!(byte, b' ' | b':' | b'=' | b'#' | b'"' | b'\'' | b'.' | b'_' | b'-' | b'\\' | b'(')
        });
        let word = run(text, at, |byte| is(byte, LETTER));
        if FILL.iter().any(|fill| text[at..word].eq_ignore_ascii_case(fill)) && !is(after(text, word), DIGIT) {
            at = word;
        } else {
            break;
        }
    }
    if at == end || at >= text.len() {
        return None;
    }
    form.patterns.iter().find_map(|pattern| matched(text, at, pattern)).map(|to| (at, to))
}

/// Where a number of this pattern that starts at `from` ends. Single separators between its characters are passed over.
fn matched(text: &[u8], from: usize, pattern: &[u8]) -> Option<usize> {
    let mut at = from;
    for (index, want) in pattern.iter().enumerate() {
        if index > 0 && matches!(after(text, at), b' ' | b'-' | b'.' | b'/' | b'+') && alnum(after(text, at + 1)) {
            at += 1;
        }
        let byte = after(text, at);
        let fits = match want {
            b'9' => is(byte, DIGIT),
            b'A' => is(byte, LETTER),
            b'C' => matches!(byte.to_ascii_uppercase(), b'C' | b'F' | b'G' | b'H' | b'J' | b'K' | b'L'),
            _ => alnum(byte) && (is(byte, DIGIT) || byte.is_ascii_uppercase()),
        };
        if !fits || index >= MOST {
            return None;
        }
        at += 1;
    }
    let digits = text[from..at].iter().filter(|byte| is(**byte, DIGIT)).count();
    (!alnum(after(text, at)) && digits >= 5).then_some(at)
}

/// The Italian code is so long that its form and check letter are enough.
pub(super) fn fiscal_code(text: &[u8], start: usize) -> Option<usize> {
    const ODD: [u8; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let code = text.get(start..start + 16)?;
    let form = code
        .iter()
        .zip(b"AAAAAA99A99A999A")
        .all(|(byte, want)| if *want == b'9' { alnum(*byte) } else { is(*byte, LETTER) });
    if !form || alnum(before(text, start)) || alnum(after(text, start + 16)) {
        return None;
    }
    let value = |byte: u8| if is(byte, DIGIT) { byte - b'0' } else { byte.to_ascii_uppercase() - b'A' };
    let sum: u32 = code[..15]
        .iter()
        .enumerate()
        .map(|(at, byte)| u32::from(if at % 2 == 0 { ODD[usize::from(value(*byte))] } else { value(*byte) }))
        .sum();
    (u32::from(value(code[15])) == sum % 26).then_some(start + 16)
}

/// US social security numbers.
pub(super) fn ssn(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
    const WORDS: [&[u8]; 4] = [b"ssn", b"social security", b"social", b"itin"];
    let text = cluster.text;
    for at in 0..cluster.groups().len() {
        let grouped = cluster.shaped(at, &[3, 2, 4]);
        let bare = cluster.group(at).len() == 9;
        if !(grouped || bare) {
            continue;
        }
        let count = if grouped { 3 } else { 1 };
        let (start, end) = (cluster.groups()[at].0, cluster.groups()[at + count - 1].1);
        let mut digits = [0u8; 9];
        for (slot, digit) in digits.iter_mut().zip(text[start..end].iter().filter(|byte| is(**byte, DIGIT))) {
            *slot = digit - b'0';
        }
        let number =
            |range: std::ops::Range<usize>| digits[range].iter().fold(0u32, |sum, digit| sum * 10 + u32::from(*digit));
        let valid = matches!(number(0..3), 1..=665 | 667..=899) && number(3..5) != 0 && number(5..9) != 0;
        let dashed = grouped
            && cluster.joined(at, 3, b'-')
            && cluster.separator(at) != b'-'
            && cluster.separator(at + 3) != b'-';
        let (prior, next) = (before(text, start), after(text, end));
        let alone = cluster.stands_alone(at, count) && !matches!(prior, b'-' | b'/' | b'+') && next != b'-';
        if valid && alone && (dashed || context(text, start, 28, &WORDS)) {
            found.push(Finding::new(
                Kind::Ssn,
                if dashed { Severity::Likely } else { Severity::Contextual },
                start..end,
            ));
        }
    }
}

/// The Brazilian number as it is printed.
pub(super) fn cpf(cluster: &Cluster<'_>, found: &mut Vec<Finding>) -> bool {
    let text = cluster.text;
    if cluster.separator(3) != b'-' || !cluster.shaped(0, &[3, 3, 3, 2]) || !cluster.joined(0, 3, b'.') {
        return false;
    }
    let (start, end) = (cluster.groups()[0].0, cluster.groups()[3].1);
    let mut digits = [0u8; 11];
    for (slot, digit) in digits.iter_mut().zip(text[start..end].iter().filter(|byte| is(**byte, DIGIT))) {
        *slot = *digit;
    }
    if is_cpf(&digits) && cluster.stands_alone(0, 4) {
        found.push(Finding::new(Kind::NationalId, Severity::Validated, start..end));
        return true;
    }
    false
}

/// `111.444.777-35`: the Brazilian number as it is printed, with both check digits right.
fn is_cpf(digits: &[u8]) -> bool {
    let check = |len: usize| {
        let sum: usize =
            digits[..len].iter().enumerate().map(|(at, digit)| usize::from(*digit - b'0') * (len + 1 - at)).sum();
        (sum * 10 % 11 % 10) as u8 + b'0'
    };
    digits.len() == 11 && digits[9] == check(9) && digits[10] == check(10)
}
