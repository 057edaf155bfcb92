//! Addresses in groups of hex digits: IPv6 and MAC.

use super::anchors::Anchors;
use super::bytes::{DIGIT, HEX, LETTER, after, alnum, before, head, is, run, run_back, starts_with};
use super::classes::{Block, Class};
use super::ipv4::octet;
use super::nearby::Nearby;
use super::starts::Start;
use super::starts::ahead;
use super::{Finding, Kind, Severity};

/// The longest run that is still an address.
const RUN: usize = 64;

pub(super) fn find(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    if anchors.begins(Start::Colons) {
        colon_groups(anchors, found);
    }
    if anchors.begins(Start::Marks) {
        mark_groups(anchors, anchors.any(Class::Digit), found);
    }
}

/// The colons of a block with a second at their side, or two more near them: no group has more than four digits.
#[inline]
pub(super) fn colons(blocks: &[Block], block: usize) -> u64 {
    let here = blocks[block][Class::Colon as usize];
    // Most have less than three.
    let few = |colons: u64| colons & colons.wrapping_sub(1);
    let next = blocks.get(block + 1).map_or(0, |next| next[Class::Colon as usize]);
    if here == 0 || few(few(here)) | here & here >> 1 | next & NEAR == 0 {
        return 0;
    }
    let colons = u128::from(here) | u128::from(next) << 64;
    let near = |colons: u128| {
        let two = colons >> 1 | colons >> 2;
        two | two >> 2 | colons >> 5
    };
    (colons & (colons >> 1 | near(colons & near(colons)))) as u64
}

/// How far into the next block a third colon may be near to one of this.
const NEAR: u64 = (1 << 10) - 1;

/// The dots and dashes of a block between which a MAC may stand: behind the first comes a second at its place.
#[inline]
pub(super) fn marks(blocks: &[Block], block: usize) -> u64 {
    let here = blocks[block][Class::Mark as usize];
    if here == 0 {
        return 0;
    }
    let ahead = |by| ahead(blocks, block, by, |block| block[Class::Mark as usize]);
    here & (ahead(5) | ahead(3) & ahead(6) & ahead(9) & ahead(12))
}

/// Every maximal run of hex digits and colons, anchored on its first colon.
fn colon_groups(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let text = anchors.text;
    let mut signs = anchors.starts(Start::Colons);
    while let Some(sign) = signs.next() {
        let part = |byte: u8| is(byte, HEX) || byte == b':';
        // `a::b`, as paths in code have it.
        if after(text, sign + 1) == b':' && !part(after(text, sign + 2)) && !is(before(text, sign), HEX) {
            signs.pass(sign + 2);
            continue;
        }
        let end = run(text, sign, part);
        signs.pass(end);
        if !may_be_address(anchors, sign, end) {
            continue;
        }
        let start = run_back(text, sign, 5, |byte| is(byte, HEX));
        if end - start >= 6 {
            colon_run(text, start, end, found);
        }
    }
}

/// Every address has `::` or five colons at least; a clock time has not.
#[inline]
fn may_be_address(anchors: &Anchors<'_>, sign: usize, end: usize) -> bool {
    if end - sign > RUN {
        // Too long, or with the groups before the sign just not.
        return end - sign <= RUN + 5;
    }
    let mut colons = anchors.bits(Class::Colon, sign) & (!0 >> (RUN - (end - sign)));
    let double = colons & colons >> 1 != 0;
    for _ in 0..4 {
        colons &= colons.wrapping_sub(1);
    }
    double || colons != 0
}

/// The same for dashes and dots.
fn mark_groups(anchors: &Anchors<'_>, digit: bool, found: &mut Vec<Finding>) {
    let text = anchors.text;
    let mut signs = anchors.starts(Start::Marks);
    while let Some(sign) = signs.next() {
        let separator = text[sign];
        let (width, len) = if separator == b'-' { (3, 17) } else { (5, 14) };
        if after(text, sign + width) != separator || separator == b'.' && !digit {
            continue;
        }
        let end = run(text, sign, |byte| is(byte, HEX) || byte == separator);
        let start = run_back(text, sign, 5, |byte| is(byte, HEX));
        signs.pass(end);
        if end - start == len {
            mac(text, start, end, separator, found);
        }
    }
}

/// A maximal run of hex digits and colons.
fn colon_run(text: &[u8], mut start: usize, mut end: usize, found: &mut Vec<Finding>) {
    // `fe80::1:` before more text.
    if end > start && text[end - 1] == b':' && !text[..end].ends_with(b"::") {
        end -= 1;
    }
    let prior = before(text, start);
    // `id:2001:db8::1`: the `d` is the end of a word. After `::` it is a path's.
    let worded = |prior: u8| alnum(prior) || prior == b'_' && !is_mac(&text[start..end]) || prior == b'-';
    if worded(prior) && text[start] != b':' {
        let group = run(text, start, |byte| is(byte, HEX));
        if text[group..].starts_with(b"::") {
            return;
        }
        start = group + 1;
    } else if worded(prior) && text[start..].starts_with(b"::") {
        return;
    }
    // `origin:2001:..` and `:120:5`.
    if text.get(start) == Some(&b':') && after(text, start + 1) != b':' {
        start += 1;
    }
    if end < start + 6 || end - start > RUN {
        return;
    }
    let next = after(text, end);
    if is(next, LETTER | DIGIT) || next == b'_' && !is_mac(&text[start..end]) {
        return;
    }
    if mac(text, start, end, b':', found) {
        return;
    }
    // `fd00::/48` is a network.
    if text[..end].ends_with(b"::") && next == b'/' {
        return;
    }
    let whole = ipv6(text, start, end);
    if let Some(end) = whole.or_else(|| ipv6(text, start, before_port(text, start, end)?)) {
        found.push(Finding::new(Kind::Ipv6, Severity::Validated, start..end));
    }
}

/// Where the address ends behind which a port stands without brackets: `2001:db8::1:55546`, as HAProxy and Apache write them.
#[inline(never)]
fn before_port(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let port = run_back(text, end, 5, |byte| is(byte, DIGIT));
    let colon = port.checked_sub(1).filter(|colon| *colon > start && text[*colon] == b':')?;
    let decimal = after(text, end) == b'.' && is(after(text, end + 1), DIGIT);
    (is_port(&text[port..end]) && text[colon - 1] != b':' && !decimal).then_some(colon)
}

fn is_port(digits: &[u8]) -> bool {
    matches!(digits, [b'1'..=b'9', ..])
        && digits.len() <= 5
        && digits.iter().fold(0u32, |sum, byte| sum * 10 + u32::from(byte & 15)) <= 0xffff
        && digits.iter().all(u8::is_ascii_digit)
}

/// The end of the IPv6 address that is `start..end`, or, with an IPv4 tail or a zone, beyond it.
fn ipv6(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let mut groups = 0;
    let mut compressed = false;
    let mut digits = 0;
    let mut first = 0;
    let mut all_pairs = true;
    let mut at = start;
    let mut last = start;
    while at < end {
        let group = run(&text[..end], at, |byte| is(byte, HEX));
        let len = group - at;
        if len > 4 {
            return None;
        }
        if len > 0 {
            if groups == 0 && at == start {
                first = len;
            }
            groups += 1;
            digits += len;
            all_pairs &= len == 2;
            last = at;
        }
        at = group;
        if text[at..end].starts_with(b"::") {
            if compressed || text[at..end].starts_with(b":::") {
                return None;
            }
            compressed = true;
            at += 2;
        } else if at < end {
            at += 1;
        }
    }
    let mut end = end;
    // `::ffff:10.0.0.1`
    if after(text, end) == b'.' {
        let tail = run(text, last, |byte| is(byte, DIGIT) || byte == b'.');
        let quad = text[last..tail].split(|byte| *byte == b'.').filter(|part| octet(part)).count();
        if quad == 4 && groups <= 7 {
            groups += 1;
            digits += 4;
            end = tail;
        } else if alnum(after(text, end + 1)) && !is_dotted_port(text, end) {
            return None;
        }
    }
    let whole = &text[start..end];
    let known_start = match whole {
        [b'2' | b'3', _, _, _, b':', ..] | [b'f' | b'F', b'c'..=b'e' | b'C'..=b'E', _, _, b':', ..] => first == 4,
        [b':', b':', rest @ ..] => rest.len() >= 6 && (rest[..4].eq_ignore_ascii_case(b"ffff") || groups >= 3),
        [b'6', b'4', b':', ..] => whole.len() > 7 && whole[3..7].eq_ignore_ascii_case(b"ff9b"),
        _ => false,
    };
    let plausible =
        if compressed { groups <= 7 && known_start && digits >= 4 } else { groups == 8 && !all_pairs && digits >= 8 };
    // `abc1::feed` may be a path; an address of the known ranges has a digit or several groups.
    let digit = whole.iter().any(u8::is_ascii_digit);
    if !plausible || !(digit || groups >= 4) {
        return None;
    }
    if after(text, end) == b'%' {
        let zone = run(text, end + 1, |byte| alnum(byte) || matches!(byte, b'.' | b'_' | b'-'));
        if zone > end + 1 {
            end = zone;
        }
    }
    Some(end)
}

/// `2001:db8::1.443 >`: a port as tcpdump writes it.
fn is_dotted_port(text: &[u8], dot: usize) -> bool {
    let end = run(head(text, dot, 8), dot + 1, |byte| is(byte, DIGIT));
    is_port(&text[dot + 1..end]) && matches!(after(text, end), b' ' | b':' | b',')
}

/// `74:36:0a:cb:b9:c3`, by its length and letters: all digits may be a time.
fn is_mac(run: &[u8]) -> bool {
    run.len() == 17 && run.iter().any(|byte| is(*byte, LETTER))
}

/// `mac address 00163e112233`: twelve hex digits without signs between them, right behind the words that say so.
pub(super) fn is_bare_mac(text: &[u8], start: usize, end: usize) -> bool {
    const WORDS: [&[u8]; 5] = [b"mac address ", b"mac addr ", b"hwaddr ", b"lladdr ", b"bssid "];
    let address = &text[start..end];
    let named = || WORDS.iter().any(|word| start.checked_sub(word.len()).is_some_and(|at| starts_with(text, at, word)));
    text[..start].last_chunk().is_some_and(|[last, blank]| *blank == b' ' && matches!(last, b's' | b'r' | b'd' | b'S' | b'R' | b'D'))
        && named()
        && address.iter().all(|byte| is(*byte, HEX))
        // Fewer digits may be a word's.
        && address.iter().filter(|byte| is(**byte, DIGIT)).count() >= 5
}

/// Six groups of two, or, with dots, three of four; not part of a longer run, as fingerprints are.
fn mac(text: &[u8], start: usize, end: usize, separator: u8, found: &mut Vec<Finding>) -> bool {
    let run = &text[start..end];
    let width = if separator == b'.' { 4 } else { 2 };
    let right = match width {
        4 => run.len() == 14,
        _ => run.len() == 17,
    };
    if !right
        || !run.chunks(width + 1).all(|group| {
            group[..width].iter().all(|byte| is(*byte, HEX)) && group.get(width).is_none_or(|byte| *byte == separator)
        })
    {
        return false;
    }
    let (prior, next) = (before(text, start), after(text, end));
    if alnum(prior) || matches!(prior, b'-' | b'.') || alnum(next) || next == b'-' {
        return false;
    }
    let letters = run.iter().any(|byte| is(*byte, LETTER));
    let digits = run.iter().any(u8::is_ascii_digit);
    static WORDS: Nearby = Nearby::of(words!(
        "mac" "cisco" "arp" "vlan" "ether" "hwaddr" "bssid" "lladdr" "link" "bluetooth" "hardware"
    ));
    let named = || WORDS.stand_before(text, start, 24);
    let counted = match separator {
        b':' => letters || named() || run.iter().filter(|byte| **byte == b'0').count() < 6,
        b'-' => letters || named(),
        _ => (letters && digits) || named(),
    };
    let nobody = run.iter().all(|byte| matches!(byte, b'0') || *byte == separator)
        || run.iter().all(|byte| matches!(byte, b'f' | b'F') || *byte == separator);
    if counted && !nobody {
        found.push(Finding::new(Kind::Mac, Severity::Validated, start..end));
    }
    counted
}
