//! The application's own rules for keys, inside text: what it drops or hashes as a field goes from `key=value`, JSON and
//! `Debug` output too, and what it keeps as a field is there read as it would be under no key at all.
//!
//! Runs only where a policy has such rules, and only on text that the gate does not let pass.

use std::ops::Range;

use super::anchors::Anchors;
use super::bytes::{DIGIT, HIGH, JOINT, LETTER, SPACE, after, alnum, before, char_before, head, is, run, run_back};
use super::classes::Class;
use super::elements::{self, Elements};
use super::email::unspaced;
use super::key::KEY;
use super::key::Key;
use super::take::{below, inside};
use super::value::{self, Bare, is_placeholder};
use super::words::is_status;
use super::{Finding, Kind, Severity, key, pairs};
use crate::privacy::policy::KeyPattern;

/// What a rule for a field says about its value in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InText {
    /// It stays, and is scanned by itself.
    Stays,
    /// It is somebody's id.
    Id,
    /// It goes for another reason.
    Goes,
}

/// Rules for keys. Of those that are about a key, the last one decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeyRules {
    rules: Vec<(KeyPattern, InText)>,
    /// The [`letters`] that the keys of each have, so that most words are passed by at once.
    letters: Vec<u32>,
}

/// The longest value that may stay: a longer one is read with its key.
const LONGEST: usize = value::JUDGED;

/// How much may stand around a value: quotes, `Some(`.
const DRESS: usize = 16;

/// As far as a value without quotes is followed, so that many keys in a row cost no more than their bytes.
const MOST: usize = 4 * LONGEST;

impl KeyRules {
    /// Rules that are about every key are about fields alone: not everything in front of a colon is a key.
    pub(crate) fn push(&mut self, pattern: &KeyPattern, fate: InText) {
        if !pattern.is_about_all() {
            self.rules.push((pattern.clone(), fate));
            self.letters.push(letters(pattern.bytes()));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Adds what the rules say of the pairs in one reading of a text.
    pub(super) fn read(&self, anchors: &Anchors<'_>, said: &mut Said) {
        let text = anchors.text;
        let mut signs = anchors.all(Class::Pair);
        while let Some(sign) = signs.next() {
            let Some(pair) = self.of_pair(anchors, sign) else { continue };
            let taken = match pair.fate {
                InText::Stays => {
                    let near = head(text, pair.value, LONGEST + DRESS);
                    let value = single(near, pair.value, Bare::Strict, false);
                    said.stays.extend(value.filter(|value| value.len() <= LONGEST));
                    None
                }
                InText::Id => take(text, &pair, Kind::KeyedId, &mut said.goes),
                InText::Goes => take(text, &pair, Kind::KeyedPii, &mut said.goes),
            };
            if let Some(end) = taken {
                said.read.push(pair.key);
                signs.pass(end);
            }
        }
    }

    /// What the rules say about the pair at `sign`.
    fn of_pair(&self, anchors: &Anchors<'_>, sign: usize) -> Option<Pair> {
        let text = anchors.text;
        let colon = match text[sign] {
            b':' => true,
            b'=' => false,
            // SQL's `order_ref <> 'A-7'`
            b'>' if before(text, sign) == b'<' => false,
            b'(' => return self.of_bracket(text, sign),
            _ => return None,
        };
        // Paths (`a::b`), URLs (`http://`), and signs of which this is not the last: `:=`, `==`.
        let next = after(text, sign + 1);
        if matches!(next, b'=' | b':')
            || text[..sign].ends_with(b"::")
            || colon && (before(text, sign) == b':' || next == b'/')
        {
            return None;
        }
        // `:=`, `==`, `!=`, `+=`
        let is_sign = |byte: u8| matches!(byte, b'=' | b':' | b'!' | b'<' | b'>' | b'+' | b'~' | b'?');
        let first = if colon { sign } else { run_back(text, sign, 2, is_sign) };
        let key = index_before(text, first).or_else(|| key::key_before(anchors, first))?;
        let fate = self.of_key(&text[key.start..key.end])?;
        let value = sign + 1 + usize::from(!colon && next == b'>');
        let value = run(head(text, value, 8), value, |byte| matches!(byte, b' ' | b'\t'));
        // `x[order_ref]=A-7&x[n]=1`
        let in_form = text[key.end..sign].starts_with(b"]");
        let in_url = !colon && (in_form || matches!(before(text, key.start), b'?' | b'&' | b'#'));
        let bare = if key.quoted { Bare::Strict } else { Bare::Loose };
        let in_sentence =
            colon && !key.quoted && is(after(text, sign + 1), SPACE) && !key::opens_field(text, key.start);
        Some(Pair { key: key.end, fate, value, bare, in_url, in_sentence })
    }

    /// The same of `("order_ref", "..")`, and of `OrderRef("..")`.
    fn of_bracket(&self, text: &[u8], paren: usize) -> Option<Pair> {
        let first = below(text, paren + 1);
        let string = || value::quoted(head(text, first, 2 * KEY), first);
        let (name, value) = if alnum(before(text, paren)) {
            let name = run_back(text, paren, KEY, alnum);
            let holds = is(after(text, first), DIGIT) || string().is_some();
            (holds && text[name].is_ascii_uppercase()).then_some((name..paren, first))?
        } else {
            let key = string().filter(|key| key.end - key.start <= KEY)?;
            let comma = run(head(text, key.next, 8), key.next, |byte| byte == b' ');
            let value = comma + 1;
            let near = head(text, value, 8);
            let value = if first > paren + 1 { below(text, value) } else { run(near, value, |byte| byte == b' ') };
            (after(text, comma) == b',').then_some((key.start..key.end, value))?
        };
        let (end, fate) = (name.end, self.of_key(&text[name])?);
        Some(Pair { key: end, fate, value, bare: Bare::Strict, in_url: false, in_sentence: false })
    }

    /// Whether a key has the letters that one of the rules asks for.
    #[inline]
    pub(super) fn may_match(&self, key: &[u8]) -> bool {
        let here = letters(key.iter().copied());
        self.letters.iter().any(|letters| letters & !here == 0)
    }

    /// What the rules say about a key, which stands alone, behind the dashes of an option, in quotes of any kind, or right behind a word of a
    /// script that has no spaces.
    pub(super) fn of_key(&self, key: &[u8]) -> Option<InText> {
        // Clock times and positions in files.
        if key.iter().all(|byte| is(*byte, DIGIT)) {
            return None;
        }
        // Java's `-Dorder_ref=`
        let key = key.strip_prefix(b"-D").unwrap_or(key);
        if !self.may_match(key) {
            return None;
        }
        let fate =
            |name: &str| self.rules.iter().rev().find(|(pattern, _)| pattern.matches(name)).map(|(_, fate)| *fate);
        let is_around = |letter: char| letter == '-' || !letter.is_ascii() && !letter.is_alphanumeric();
        if let Some(fate) = std::str::from_utf8(key).ok().and_then(|name| fate(name.trim_matches(is_around))) {
            return Some(fate);
        }
        let foreign = key.iter().rposition(|byte| is(*byte, HIGH))?;
        let parts = char_before(key, foreign + 1).is_none_or(|letter| !letter.is_alphanumeric() || unspaced(letter));
        std::str::from_utf8(&key[foreign + 1..]).ok().filter(|name| parts && !name.is_empty()).and_then(fate)
    }
}

/// The last five bits of each byte, which tell letters from each other and not their case.
fn letters(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0, |letters, byte| letters | 1 << (byte & 31))
}

/// What rules say of a text.
#[derive(Default)]
pub(super) struct Said {
    pub(super) goes: Vec<Finding>,
    stays: Vec<Range<usize>>,
    /// Where the keys end whose values were read.
    pub(super) read: Vec<usize>,
}

impl Said {
    /// Adds what was said of what the text stands for, of which `original` knows the places in the text.
    pub(super) fn extend(&mut self, inner: Self, original: impl Fn(Range<usize>) -> Range<usize>) {
        self.goes
            .extend(inner.goes.into_iter().map(|goes| Finding::new(goes.kind, goes.severity, original(goes.span()))));
        self.stays.extend(inner.stays.into_iter().map(original));
    }

    /// Takes away what was found in values that stay for their key alone, and adds what goes. What goes by a rule goes from within
    /// what stays by another one, too.
    pub(super) fn settle(mut self, text: &[u8], found: &mut Vec<Finding>) {
        // A value that is the same in two readings is one.
        self.stays.sort_unstable_by_key(|value| (value.start, value.end));
        self.stays.dedup();
        // Each is read once more; where values lie in each other so deep that this would cost much, their keys count.
        let mut budget = 2 * text.len();
        for value in self.stays {
            let Some(left) = budget.checked_sub(value.len() + found.len() + 1) else { break };
            budget = left;
            let is_inside = |finding: &Finding| value.start <= finding.start && finding.end <= value.end;
            if found.iter().any(is_inside) {
                found.retain(|finding| !is_inside(finding) || !is_by_key(finding.kind));
                let mut alone = Vec::new();
                super::detect(&text[value.clone()], super::Source::Value, None, &mut alone);
                found.extend(alone.into_iter().map(|mut finding| {
                    finding.start += value.start;
                    finding.end += value.start;
                    finding
                }));
            }
        }
        found.append(&mut self.goes);
    }
}

/// A pair that the rules are about.
struct Pair {
    /// Where its key ends.
    key: usize,
    fate: InText,
    /// Where its value begins, and what may stand in it.
    value: usize,
    bare: Bare,
    in_url: bool,
    /// Whether what reads as a key may be a word of a sentence.
    in_sentence: bool,
}

/// The key in the last bracket that says more than a number, glued to what it is a part of: `order[ref]=`, `order["ref"] = `,
/// `order[ref][]=`; or what the brackets are glued to: `order_ref[0]=`.
fn index_before(text: &[u8], sign: usize) -> Option<Key> {
    let mut close = run_back(text, sign, 8, |byte| byte == b' ');
    for _ in 0..DEEPEST {
        if before(text, close) != b']' {
            break;
        }
        let open = run_back(text, close - 1, KEY, |byte| !matches!(byte, b'[' | b']' | b'\n'));
        if before(text, open) != b'[' || !(alnum(before(text, open - 1)) || before(text, open - 1) == b']') {
            return None;
        }
        let is_dress = |byte: u8| matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b':');
        let start = run(&text[..close - 1], open, is_dress);
        let end = run_back(text, close - 1, close - 1 - start, is_dress);
        if !text[start..end].iter().all(|byte| is(*byte, DIGIT)) {
            return Some(Key { start, end, quoted: false });
        }
        close = open - 1;
    }
    let start = run_back(text, close, KEY, |byte| is(byte, LETTER | DIGIT | HIGH | JOINT) || byte == b'.');
    (close < sign && start < close && after(text, close) == b'[').then_some(Key { start, end: close, quoted: false })
}

/// How many brackets may follow each other.
const DEEPEST: usize = 8;

/// Whether findings of this kind are so for a key.
fn is_by_key(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::KeyedId | Kind::KeyedPii | Kind::KeyedSecret | Kind::UrlSecret | Kind::HighEntropy | Kind::BirthDate
    )
}

/// Takes the value of a pair, or each element of a list, a tuple or a set; says where to go on. Nothing where no value stands, or none
/// that is written as here.
fn take(text: &[u8], pair: &Pair, kind: Kind, found: &mut Vec<Finding>) -> Option<usize> {
    let from = pair.value;
    let at = within(text, from);
    // What was a value is replaced; of an object, its own keys decide.
    if pairs::is_redacted(text, at) {
        return Some(from);
    }
    let mut push = |value: Range<usize>| {
        let raw = &text[value.clone()];
        // In a sentence, `missing` and the like say nothing.
        let reports = pair.in_sentence && is_status(raw) && !matches!(before(text, value.start), b'"' | b'\'' | b'`');
        if !is_placeholder(raw) && !reports {
            found.push(Finding::new(kind, Severity::Likely, value));
        }
    };
    let has_elements = match after(text, at) {
        b'[' => value::first_bracket(text, at).is_none() && pairs::placeholder_end(text, at).is_none(),
        b'(' | b'{' => elements::is_group(text, at),
        _ => false,
    };
    if has_elements {
        let mut elements = Elements::of(text, at);
        for element in &mut elements {
            push(element.span);
        }
        return Some(elements.at.max(from));
    }
    if matches!(after(text, at), b'[' | b'{') && value::first_bracket(text, at).is_none() {
        return Some(at.max(from));
    }
    let mut value = single(text, from, pair.bare, pair.in_url).filter(|value| !value.is_empty())?;
    // `nickname=Blue Heron`
    let begins_words = text[at].is_ascii_uppercase() || is(text[at], HIGH);
    if kind == Kind::KeyedPii && value.start == at && begins_words && !pair.in_url {
        value.end = value::words(text, value.end, true);
    }
    push(value.clone());
    Some(value.end)
}

/// Where the value at `from` begins inside of what `Debug` wraps it in: `Some(`, `a::B(`.
fn within(text: &[u8], from: usize) -> usize {
    let at = inside(text, from);
    match elements::wrapped(text, at).filter(|_| after(text, at).is_ascii_lowercase()) {
        Some(inner) => inside(text, below(text, inner)),
        None => at,
    }
}

/// The one value at `from`, without its quotes; none where a list or an object begins.
fn single(text: &[u8], from: usize, bare: Bare, in_url: bool) -> Option<Range<usize>> {
    let at = within(text, from);
    if let Some(quoted) = value::quoted(text, at) {
        return Some(quoted.start..quoted.end);
    }
    let end = value::bare(head(text, at, MOST), at, bare, in_url);
    let bracketed = after(text, at) == b'[' && value::first_bracket(text, at).is_some();
    (bracketed || !matches!(after(text, at), b'{' | b'[')).then_some(at..end)
}
