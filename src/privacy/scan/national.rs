//! Numbers by which a state, a bank or a maker of devices knows one person: by form and check digit beside a word that
//! announces them.

use super::anchors::Anchors;
use super::bytes::{DIGIT, HIGH, LETTER, after, alnum, before, head, is, run, starts_with};
use super::classes::{Block, Class};
use super::forms::{FORMS, Form, Proof};
use super::{Finding, Kind, Severity};

/// The longest number, without separators.
const MOST: usize = 20;

/// How far before a number what announces it may start: a phrase, what goes on with its name, and the letters that a number may
/// begin with.
const REACH: usize = 144;

/// What announces the numbers that no other detector knew, asked for one number after the other.
#[derive(Default)]
pub(super) struct Announcers {
    /// Up to where they were asked for.
    asked: usize,
}

impl Announcers {
    /// Finds the numbers that the words before `number` announce.
    #[inline(never)]
    pub(super) fn find_before(&mut self, anchors: &Anchors<'_>, number: usize, found: &mut Vec<Finding>) {
        let text = anchors.text;
        let from = self.asked.max(number.saturating_sub(REACH));
        self.asked = self.asked.max(number);
        if text[from..self.asked].is_ascii() {
            let mut parts =
                anchors.places_in(|blocks, block| may_start(blocks, block, &text[block * 64..]), from..number);
            while let Some(start) = parts.next().filter(|start| *start < number) {
                if may_announce(text, start) && starts_part(text, start) {
                    let end = ask(text, start, found);
                    parts.pass(end);
                    self.asked = self.asked.max(end);
                }
            }
            return;
        }
        // In the middle of a word none starts.
        let inside = is(text[from], LETTER) && is(before(text, from), LETTER);
        let mut at = if inside { run(text, from, |byte| is(byte, LETTER)) } else { from };
        while let Some(start) = next_part(&text[..number], at) {
            at = hump(text, start).max(ask(text, start, found));
        }
        self.asked = self.asked.max(at);
    }
}

/// Asks for the number that the part of a name at `start` announces; says where to go on.
fn ask(text: &[u8], start: usize, found: &mut Vec<Finding>) -> usize {
    let head = folded([0, 1, 2, 3].map(|at| after(text, start + at)));
    // Of a form's words the first that stands there is asked.
    let mut asked = None;
    let announced = words_with(text[start]).iter().find_map(|known| {
        if head & known.mask != known.head {
            return None;
        }
        let form = &FORMS[usize::from(known.form)];
        let word = form.words[usize::from(known.word)];
        let end = phrase(text, start, word).filter(|_| asked != Some(form.words))?;
        asked = Some(form.words);
        announced(text, end, form)
    });
    match announced {
        Some(finding) => {
            let end = finding.end;
            found.push(finding);
            end
        }
        None => start,
    }
}

/// Where the next part of a name at or after `from` starts that may announce a number.
fn next_part(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let start = run(text, at, |byte| !is(byte, LETTER | HIGH));
        if start >= text.len() || may_announce(text, start) {
            return Some(start).filter(|start| *start < text.len());
        }
        at = hump(text, start);
    }
}

/// The same in ASCII, for the bytes of a block that `rest` begins with: letters behind other bytes, and those that are
/// capitals or stand beside a joint.
fn may_start(blocks: &[Block], block: usize, rest: &[u8]) -> u64 {
    const LOWS: u64 = 0x0101_0101_0101_0101;
    let letters =
        |block: &Block| block[Class::Token as usize] & !block[Class::Digit as usize] & !block[Class::Mark as usize];
    let letter = letters(&blocks[block]);
    let mut small = 0;
    for (at, eight) in rest.chunks(8).take(8).enumerate() {
        let word = eight.first_chunk().map_or_else(
            || eight.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
            |eight| u64::from_le_bytes(*eight),
        );
        // The bit by which small letters differ from capitals and `_`, of each byte.
        small |= (word >> 5 & LOWS).wrapping_mul(0x0102_0408_1020_4080) >> 56 << (8 * at);
    }
    let large = letter & !small;
    // What stands left of the block is not known here, so that its first byte may start one.
    letter & (large | large << 1 | !(letter << 1))
}

fn starts_part(text: &[u8], at: usize) -> bool {
    let (byte, prior) = (text[at], before(text, at));
    is(byte, LETTER) && (!is(prior, LETTER) || byte.is_ascii_uppercase() && prior.is_ascii_lowercase())
}

/// Whether a key names one of them: `nhs_no`, `taxFileNumber`.
pub(super) fn names(key: &[u8]) -> bool {
    let starts = |start: &usize| *start == 0 || !is(key[start - 1], LETTER) || key[*start].is_ascii_uppercase();
    (0..key.len()).filter(starts).any(|start| {
        may_announce(key, start)
            && FORMS.iter().any(|form| form.words.iter().any(|word| phrase(key, start, word).is_some()))
    })
}

/// Where the part of a name that starts at `start` ends: `tax` in `taxFile`. A char of a script without spaces is a part.
fn hump(text: &[u8], start: usize) -> usize {
    if is(text[start], HIGH) {
        return start + 1;
    }
    let capitals = run(text, start, |byte| byte.is_ascii_uppercase());
    let end = run(text, capitals, |byte| byte.is_ascii_lowercase() || is(byte, HIGH));
    end.max(start + 1)
}

/// The first three bytes of the words above, without their case, so that most words are passed by at once.
static STARTS: [u32; 1024] = starts();

/// Where in the table the first two bytes stand.
const fn place(first: u8, second: u8) -> usize {
    (first as usize & 31) << 5 | second as usize & 31
}

const fn starts() -> [u32; 1024] {
    let mut table = [0; 1024];
    let mut form = 0;
    while form < FORMS.len() {
        let mut word = 0;
        while word < FORMS[form].words.len() {
            let bytes = FORMS[form].words[word];
            // A space stands for whatever joins two words.
            let third = if bytes[2] == b' ' { !0 } else { 1 << (bytes[2] & 31) };
            table[place(bytes[0], bytes[1])] |= third;
            word += 1;
        }
        form += 1;
    }
    table
}

#[inline]
fn may_announce(text: &[u8], start: usize) -> bool {
    STARTS[place(text[start], after(text, start + 1))] >> (after(text, start + 2) & 31) & 1 == 1
}

/// A word of a form, and its first letters up to a space.
#[derive(Clone, Copy)]
struct Word {
    head: u32,
    mask: u32,
    form: u8,
    word: u8,
}

impl Word {
    const fn of(form: usize, word: usize) -> Self {
        let bytes = FORMS[form].words[word];
        let (mut first, mut mask, mut at) = ([0; 4], [0; 4], 0);
        while at < 4 && at < bytes.len() && bytes[at] != b' ' {
            (first[at], mask[at]) = (bytes[at], 31);
            at += 1;
        }
        // Both are below 256.
        Word { head: folded(first), mask: u32::from_le_bytes(mask), form: form as u8, word: word as u8 }
    }
}

/// Bytes without the case of letters.
const fn folded(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes) & u32::from_le_bytes([31; 4])
}

/// All words, those that begin alike together, in the order of the forms.
static WORDS: [Word; WORD_COUNT] = sorted_words().0;

/// Where the words that begin with a byte, without its case, start among them.
static FIRSTS: [u8; 33] = sorted_words().1;

const WORD_COUNT: usize = {
    let (mut form, mut count) = (0, 0);
    while form < FORMS.len() {
        count += FORMS[form].words.len();
        form += 1;
    }
    count
};

const fn sorted_words() -> ([Word; WORD_COUNT], [u8; 33]) {
    assert!(WORD_COUNT < 256 && FORMS.len() < 256);
    let mut words = [Word::of(0, 0); WORD_COUNT];
    let mut firsts = [0; 33];
    let (mut first, mut count) = (0, 0);
    while first < 32 {
        firsts[first] = count as u8;
        let mut form = 0;
        while form < FORMS.len() {
            let mut word = 0;
            while word < FORMS[form].words.len() {
                if FORMS[form].words[word][0] as usize & 31 == first {
                    words[count] = Word::of(form, word);
                    count += 1;
                }
                word += 1;
            }
            form += 1;
        }
        first += 1;
    }
    firsts[32] = count as u8;
    (words, firsts)
}

fn words_with(first: u8) -> &'static [Word] {
    let first = usize::from(first & 31);
    &WORDS[usize::from(FIRSTS[first])..usize::from(FIRSTS[first + 1])]
}

/// Where a phrase that starts at `start` ends, if it is there and no word goes on behind it.
fn phrase(text: &[u8], start: usize, phrase: &[u8]) -> Option<usize> {
    let mut at = start;
    for part in phrase.split(|byte| *byte == b' ') {
        if at > start && matches!(after(text, at), b' ' | b'_' | b'-') {
            at += 1;
        }
        if !starts_with(text, at, part) {
            return None;
        }
        at += part.len();
    }
    let (last, next) = (text[at - 1], after(text, at));
    let goes_on = is(next, LETTER) && !(next.is_ascii_uppercase() && last.is_ascii_lowercase());
    let goes_on = goes_on || is(next, HIGH) && is(last, LETTER) && !digit_follows(text, at);
    (is(last, HIGH) || !goes_on).then_some(at)
}

/// `身份证号`, `संख्या`: words of other scripts between a word and its number.
fn digit_follows(text: &[u8], at: usize) -> bool {
    is(after(text, run(text, at, |byte| is(byte, HIGH))), DIGIT)
}

/// The number after an announcing word, over the rest of its name, `number`, `no.`, `:` and the like.
fn announced(text: &[u8], end: usize, form: &Form) -> Option<Finding> {
    const FILL: &[&[u8]] = words!(
        "number" "numbers" "no" "nr" "num" "id" "is" "was" "code" "of" "some" "nummer" "numero" "for" "card" "holder" "the" "value"
    );
    let mut at = end;
    // `cnpj_emitente`, `abaRouting`
    if matches!(after(text, at), b'_' | b'-') || is(after(text, at), LETTER) {
        at = run(head(text, end, 80), at, |byte| is(byte, LETTER) || byte == b'_' || byte == b'-');
    }
    for _ in 0..4 {
        at = run(text, at, |byte| {
            matches!(
                byte,
                b' ' | b':'
                    | b'='
                    | b'#'
                    | b'"'
                    | b'\''
                    | b'`'
                    | b'.'
                    | b'_'
                    | b'-'
                    | b'\\'
                    | b'('
                    | b')'
                    | b'['
                    | b']'
                    | b'>'
                    | b','
            )
        });
        let word = run(text, at, |byte| is(byte, LETTER));
        if FILL.iter().any(|fill| text[at..word].eq_ignore_ascii_case(fill)) && !is(after(text, word), DIGIT) {
            at = word;
        } else if word == at && is(after(text, at), HIGH) {
            // A few chars of another script.
            at = run(text, at, |byte| is(byte, HIGH)).min(at + 32);
        } else {
            break;
        }
    }
    if at >= text.len() || at > end + 80 {
        return None;
    }
    // `imei1`
    if at == end
        && is(before(text, end), LETTER)
        && is(after(text, at), DIGIT)
        && matches!(after(text, at + 1), b'=' | b'"')
    {
        return announced(text, at + 1, form);
    }
    form.patterns.iter().find_map(|pattern| {
        let (to, number, len) = matched(text, at, pattern)?;
        let checked = (form.check)(&number[..len]);
        let severity = match form.proof {
            _ if checked => Severity::Validated,
            Proof::Word => Severity::Contextual,
            Proof::Check => return None,
        };
        Some(Finding::new(Kind::NationalId, severity, at..to))
    })
}

/// Where a number of this pattern that starts at `from` ends, and its characters without the single separators between them.
pub(super) fn matched(text: &[u8], from: usize, pattern: &[u8]) -> Option<(usize, [u8; MOST], usize)> {
    let mut at = from;
    let mut number = [0; MOST];
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
        if !fits {
            return None;
        }
        *number.get_mut(index)? = byte.to_ascii_uppercase();
        at += 1;
    }
    let digits = number.iter().filter(|byte| is(**byte, DIGIT)).count();
    (!alnum(after(text, at)) && digits >= 4).then_some((at, number, pattern.len()))
}
