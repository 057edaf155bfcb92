//! Values that no rule speaks about and that are random all the same: long, all base64, and in no order.

use super::anchors::Anchors;
use super::bytes::{DIGIT, JOINT, LETTER, after, alnum, head, is, run, run_back, starts_with};
use super::classes::Class;
use super::pairs::Style;
use super::take::inside;
use super::value::{self, Bare};
use super::{Finding, Kind, Severity};

/// The shortest value that may be taken for random.
const SHORTEST_RANDOM: usize = 24;

/// A random value under a key that no rule knows.
pub(super) fn random(
    anchors: &Anchors<'_>,
    key: &[u8],
    from: usize,
    style: Style,
    in_url: bool,
    found: &mut Vec<Finding>,
) -> Option<usize> {
    let text = anchors.text;
    if style == Style::Newtype || !may_be_random(anchors, from) {
        return None;
    }
    let from = inside(text, from);
    let (start, end, next) = match value::quoted(text, from) {
        Some(quoted) => (quoted.start, quoted.end, quoted.next),
        None => {
            let end = value::bare(head(text, from, value::JUDGED), from, Bare::Strict, in_url);
            (from, end, end)
        }
    };
    let value = &text[start..end];
    if value.len() < SHORTEST_RANDOM || value.len() > 512 || !looks_random(value) || names_public(key) {
        return None;
    }
    found.push(Finding::new(Kind::HighEntropy, Severity::Contextual, start..end));
    Some(next)
}

/// Whether what stands at `from` is long enough and all base64: most values end before that.
#[inline(always)]
pub(super) fn may_be_random(anchors: &Anchors<'_>, from: usize) -> bool {
    let quoted = after(anchors.text, from) == b'"';
    let start = from + usize::from(quoted);
    let word = anchors.bits(Class::Token, start).trailing_ones() as usize;
    let ends = match after(anchors.text, start + word) {
        b' ' | b',' | b'}' | b')' | b'.' | b'\n' | 0 => word > 0 && word < SHORTEST_RANDOM,
        b'"' => quoted && word > 0 && word < SHORTEST_RANDOM,
        _ => false,
    };
    !ends && is_long(anchors, from)
}

fn is_long(anchors: &Anchors<'_>, from: usize) -> bool {
    let text = anchors.text;
    let from = inside(text, from);
    let from = run(head(text, from, 8), from, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let word = anchors.bits(Class::Token, from).trailing_ones() as usize;
    word >= SHORTEST_RANDOM
        || matches!(after(text, from + word), b'+' | b'/')
            && text
                .get(from..from + SHORTEST_RANDOM)
                .is_some_and(|value| value.iter().all(|byte| is_base64(*byte) && *byte != b'='))
}

/// Letters of both cases and digits, in no order: nearly all that differ from each other, hardly any words, and the class of
/// one rarely that of the next. Of random base64 one in a thousand fails; of names in code one in a thousand passes.
pub(super) fn looks_random(value: &[u8]) -> bool {
    // Of each class: digits, capitals, small letters, signs between words (as paths and names have them), padding.
    let mut counts = [0; 5];
    let (mut changes, mut last) = (0, None);
    // Letters that stand in runs of three small ones or more, as those of words do.
    let (mut worded, mut small) = (0, 0);
    for byte in value {
        let class = match byte {
            b'0'..=b'9' => 0,
            b'A'..=b'Z' => 1,
            b'a'..=b'z' => 2,
            b'/' | b'_' | b'-' => 3,
            b'+' | b'=' => 4,
            _ => return false,
        };
        counts[class] += 1;
        changes += usize::from(last.is_some_and(|last| last != class.min(3)));
        last = Some(class.min(3));
        small = if class == 2 { small + 1 } else { 0 };
        worded += match small {
            0..=2 => 0,
            3 => 3,
            _ => 1,
        };
    }
    let [digits, capitals, smalls, signs, _] = counts;
    if capitals == 0 || smalls == 0 || value.iter().all(u8::is_ascii_hexdigit) {
        return false;
    }
    // One in seventy of 24 letters and digits has no digit; nor have names, whose letters stand in more order.
    (if digits == 0 { changes * 5 > value.len() * 2 && signs == 0 } else { changes * 3 > value.len() })
        && worded * 5 < value.len() * 2
        && signs * 7 <= value.len()
        && entropy(value) >= 0.80
}

pub(super) fn is_base64(byte: u8) -> bool {
    alnum(byte) || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-')
}

/// Shannon entropy of the bytes, as a part of what `value.len()` different bytes of base64 could have; 0 to 1.
fn entropy(value: &[u8]) -> f32 {
    let mut counts = [0u16; 128];
    let len = value.len().min(512);
    for byte in &value[..len] {
        counts[usize::from(byte & 127)] += 1;
    }
    let total = len as f32;
    // Most bytes are there as often as the last.
    let mut last = (0, 0.0);
    let bits: f32 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            if *count != last.0 {
                let part = f32::from(*count) / total;
                last = (*count, -part * part.log2());
            }
            last.1
        })
        .sum();
    bits / total.min(64.0).log2().max(1.0)
}

/// Keys whose values are random and public.
fn names_public(key: &[u8]) -> bool {
    const PUBLIC: &[&[u8]] = words!(
        "id" "hash" "sha" "digest" "checksum" "etag" "integrity" "trace" "span" "cursor" "page" "commit" "rev"
        "revision" "build" "image" "version" "fingerprint" "traceparent" "uuid" "md5" "nonce" "sum" "ref" "boundary"
    );
    // `x-amz-id-2`
    let end = run_back(key, key.len(), 4, |byte| is(byte, DIGIT | JOINT));
    let key = if end > 0 { &key[..end] } else { key };
    let start = run_back(key, key.len(), 24, |byte| is(byte, LETTER | DIGIT));
    let last = &key[start..];
    PUBLIC.iter().any(|public| last.eq_ignore_ascii_case(public))
        || last.ends_with(b"Id")
        || last.ends_with(b"ID")
        || last.ends_with(b"Hash")
        || starts_with(last, 0, b"sha")
}
