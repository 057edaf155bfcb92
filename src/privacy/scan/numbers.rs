//! Numbers that name somebody: cards, IPv4 addresses, phones, social security numbers, dates of birth, positions.
//!
//! The text is cut into clusters: groups of digits with one separator between them. Each detector looks at the groups, so that
//! `order 12345 4111 1111 1111 1111` is a number and a card.

use super::bytes::{DIGIT, LETTER, after, alnum, before, context, is, run, run_back, starts_with};
use super::net::octet;
use super::{Finding, Kind, Severity, iban, national, phone};

/// The most groups a cluster holds; a longer one is cut.
pub(super) const GROUPS: usize = 16;

/// Digit groups with single separators between them.
pub(super) struct Cluster<'t> {
    pub(super) text: &'t [u8],
    groups: [(usize, usize); GROUPS],
    len: usize,
    /// All digits of all groups.
    pub(super) digits: usize,
}

impl<'t> Cluster<'t> {
    /// The cluster whose first digit is at `from`.
    fn at(text: &'t [u8], from: usize) -> Self {
        let mut cluster = Cluster { text, groups: [(0, 0); GROUPS], len: 0, digits: 0 };
        let mut at = from;
        while cluster.len < GROUPS {
            let end = run(text, at, |byte| is(byte, DIGIT));
            cluster.groups[cluster.len] = (at, end);
            cluster.len += 1;
            cluster.digits += end - at;
            let Some(next) = past_separator(text, end) else {
                break;
            };
            at = next;
        }
        cluster
    }

    pub(super) fn groups(&self) -> &[(usize, usize)] {
        &self.groups[..self.len]
    }

    pub(super) fn end(&self) -> usize {
        self.groups[self.len - 1].1
    }

    pub(super) fn group(&self, at: usize) -> &'t [u8] {
        let (start, end) = self.groups[at];
        &self.text[start..end]
    }

    /// The separator before a group; 0 before the first, or if it is longer than one byte.
    pub(super) fn separator(&self, at: usize) -> u8 {
        match at.checked_sub(1) {
            Some(prior) if at < self.len && self.groups[at].0 - self.groups[prior].1 == 1 => {
                self.text[self.groups[prior].1]
            }
            _ => 0,
        }
    }

    /// Whether `count` groups from `at` have these lengths.
    pub(super) fn shaped(&self, at: usize, lengths: &[usize]) -> bool {
        at + lengths.len() <= self.len
            && lengths.iter().enumerate().all(|(offset, len)| self.group(at + offset).len() == *len)
    }

    /// Whether all separators inside `count` groups from `at` are `separator`.
    pub(super) fn joined(&self, at: usize, count: usize, separator: u8) -> bool {
        (at + 1..at + count).all(|group| self.separator(group) == separator)
    }

    /// Whether the bytes around groups `at..at + count` let them be a number of their own.
    pub(super) fn stands_alone(&self, at: usize, count: usize) -> bool {
        let (start, end) = (self.groups[at].0, self.groups[at + count - 1].1);
        let (prior, next) = (before(self.text, start), after(self.text, end));
        !alnum(prior)
            && prior != b'_'
            && !alnum(next)
            && next != b'_'
            // A decimal's whole or fraction.
            && !(prior == b'.' && is(before(self.text, start.saturating_sub(1)), DIGIT))
            && !(next == b'.' && is(after(self.text, end + 1), DIGIT))
    }
}

/// Where the next group starts if only a separator is between.
fn past_separator(text: &[u8], end: usize) -> Option<usize> {
    let at = match &text[end..] {
        [b' ' | b'-' | b'.' | b'/', next, ..] if is(*next, DIGIT) => end + 1,
        [b')', next, ..] if is(*next, DIGIT) => end + 1,
        [b')', b' ' | b'-' | b'/' | b'.', next, ..] if is(*next, DIGIT) => end + 2,
        [b' ' | b'-' | b'.', b'(', next, ..] if is(*next, DIGIT) => end + 2,
        [b'(', next, ..] if is(*next, DIGIT) => end + 1,
        [b' ', b'-' | b'/', b' ', next, ..] if is(*next, DIGIT) => end + 3,
        // No-break space and hyphen.
        [0xc2, 0xa0, next, ..] if is(*next, DIGIT) => end + 2,
        [0xe2, 0x80, 0xaf | 0x90..=0x93, next, ..] if is(*next, DIGIT) => end + 3,
        _ => return None,
    };
    Some(at)
}

pub(super) fn find(text: &[u8], found: &mut Vec<Finding>) {
    let mut at = 0;
    while let Some(start) = text[at..].iter().position(|byte| is(*byte, DIGIT)).map(|offset| at + offset) {
        if let Some(end) = iban::try_at(text, start, found) {
            at = end;
            continue;
        }
        let cluster = Cluster::at(text, start);
        at = cluster.end();
        if cluster.digits < 4 {
            continue;
        }
        judge(&cluster, found);
    }
}

fn judge(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
    let known = found.len();
    let groups = cluster.groups().len();
    if groups >= 4 {
        ipv4(cluster, found);
    }
    if cluster.digits >= 14 {
        card(cluster, found);
    }
    if cluster.digits >= 9 {
        ssn(cluster, found);
    }
    if found.len() == known && cluster.digits >= 6 {
        if groups >= 2 && position(cluster, found) {
            return;
        }
        if birth_date(cluster, found) || imei(cluster, found) || cpf(cluster, found) {
            return;
        }
        if cluster.digits >= 7 {
            phone::find(cluster, found);
        }
    }
}

/// Words before a dotted number that make it a version.
const VERSION_WORDS: [&[u8]; 16] = [
    b"version",
    b"ver",
    b"v",
    b"release",
    b"build",
    b"rev",
    b"revision",
    b"firmware",
    b"fw",
    b"driver",
    b"schema",
    b"assembly",
    b"oid",
    b"section",
    b"versions",
    b"sdk",
];

fn ipv4(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
    let text = cluster.text;
    let mut at = 0;
    while at + 4 <= cluster.groups().len() {
        // The longest dotted run from here.
        let mut count = 1;
        while at + count < cluster.groups().len() && cluster.separator(at + count) == b'.' {
            count += 1;
        }
        if count == 4 && (at..at + 4).all(|group| octet(cluster.group(group))) {
            let (start, end) = (cluster.groups()[at].0, cluster.groups()[at + 3].1);
            if is_address(text, start, end) {
                found.push(Finding::new(Kind::Ipv4, Severity::Validated, start..end));
            }
        } else if (at..at + 4).all(|group| octet(cluster.group(group))) && cluster.joined(at, 4, b'-') && count == 1 {
            // `ip-10-0-0-1`, as cloud providers name hosts.
            let (start, end) = (cluster.groups()[at].0, cluster.groups()[at + 3].1);
            let named = starts_with(text, start.saturating_sub(3), b"ip-")
                && !alnum(before(text, start.saturating_sub(3)))
                || starts_with(text, start.saturating_sub(4), b"ec2-");
            if named && start >= 3 && !alnum(after(text, end)) {
                found.push(Finding::new(Kind::Ipv4, Severity::Likely, start..end));
            }
        }
        at += count;
    }
}

fn is_address(text: &[u8], start: usize, end: usize) -> bool {
    let (prior, next) = (before(text, start), after(text, end));
    if alnum(prior) || matches!(prior, b'_' | b'.') || alnum(next) || matches!(next, b'_' | b'+') {
        return false;
    }
    if next == b'-' && is(after(text, end + 1), LETTER) || next == b'.' && is(after(text, end + 1), DIGIT) {
        return false;
    }
    let ported = next == b':' && is(after(text, end + 1), DIGIT);
    let masked = next == b'/' && is(after(text, end + 1), DIGIT);
    let word_end = match prior {
        // `Chrome/120.0.0.0` is a product, `http://` and `kafka/10.0.0.1:9092` are not.
        b'/' if is(before(text, start.saturating_sub(1)), LETTER | DIGIT) && !ported => {
            return false;
        }
        // `openssl-1.1.1.0`
        b'-' if is(before(text, start.saturating_sub(1)), LETTER) => return false,
        b' ' | b'=' | b':' | b'"' | b'\'' | b'(' => {
            run_back(text, start, 4, |byte| matches!(byte, b' ' | b'=' | b':' | b'"' | b'\'' | b'(' | b'\\'))
        }
        _ => start,
    };
    if word_end < start {
        let word = run_back(text, word_end, 16, |byte| is(byte, LETTER));
        if VERSION_WORDS.iter().any(|known| text[word..word_end].eq_ignore_ascii_case(known)) {
            return false;
        }
        // `Chrome 120.0.0.0`
        if text[start..end].ends_with(b".0.0.0")
            && !masked
            && !ported
            && word < word_end
            && text[word_end..start] == *b" "
            && text[word].is_ascii_uppercase()
        {
            return false;
        }
    }
    // These name no machine but the own one, or a mask.
    let address = &text[start..end];
    !(address.starts_with(b"127.") || address == b"0.0.0.0" || address.starts_with(b"255.255."))
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
            let mir = (2200..=2204).contains(&four);
            let discover = four == 6011 || two == 65 || (644..=649).contains(&three);
            let union_pay = two == 62 || two == 81;
            let jcb = (3528..=3589).contains(&four);
            let maestro = matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761 | 6762 | 6763 | 6771 | 6766);
            let diners = (two == 36 || two == 38 || two == 39 || (300..=305).contains(&three)) && digits.len() == 16;
            let rupay = matches!(two, 60 | 82 | 50);
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
    sum % 10 == 0
}

/// How cards are written: the lengths of their groups.
const CARD_SHAPES: [&[usize]; 8] =
    [&[4, 4, 4, 4, 3], &[4, 4, 4, 4, 2], &[4, 4, 4, 4, 1], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[6, 10], &[8, 8]];

fn card(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
    let mut at = 0;
    while at < cluster.groups().len() {
        let count = card_at(cluster, at);
        if count > 0 {
            let span = cluster.groups()[at].0..cluster.groups()[at + count - 1].1;
            found.push(Finding::new(Kind::Card, Severity::Validated, span));
        }
        at += count.max(1);
    }
}

/// How many groups from `at` are a card.
fn card_at(cluster: &Cluster<'_>, at: usize) -> usize {
    let valid = |count: usize| {
        if !cluster.stands_alone(at, count) {
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
        let digits = &digits[..len];
        issuer(digits) && luhn(digits) && digits[1..].iter().any(|digit| *digit != digits[0])
    };
    let separator = cluster.separator(at + 1);
    if matches!(separator, b' ' | b'-') {
        for shape in CARD_SHAPES {
            if cluster.shaped(at, shape) && cluster.joined(at, shape.len(), separator) && valid(shape.len()) {
                return shape.len();
            }
        }
    }
    usize::from((14..=19).contains(&cluster.group(at).len()) && !is_clock(cluster, at) && valid(1))
}

/// Whether a key to the left says that the digits count time or bytes.
fn is_clock(cluster: &Cluster<'_>, at: usize) -> bool {
    let start = cluster.groups()[at].0;
    let word_end = run_back(cluster.text, start, 4, |byte| matches!(byte, b' ' | b'=' | b':' | b'"' | b'\\'));
    let word = run_back(cluster.text, word_end, 24, |byte| is(byte, LETTER));
    const CLOCKS: [&[u8]; 14] = [
        b"ns",
        b"nanos",
        b"us",
        b"micros",
        b"ms",
        b"ts",
        b"time",
        b"timestamp",
        b"bytes",
        b"size",
        b"offset",
        b"hash",
        b"checksum",
        b"seq",
    ];
    word_end < start && CLOCKS.iter().any(|clock| cluster.text[word..word_end].eq_ignore_ascii_case(clock))
}

fn ssn(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
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

fn imei(cluster: &Cluster<'_>, found: &mut Vec<Finding>) -> bool {
    let digits = cluster.group(0);
    let mut values = [0u8; 15];
    if digits.len() != 15 || !context(cluster.text, cluster.groups()[0].0, 16, &[b"imei"]) {
        return false;
    }
    for (slot, digit) in values.iter_mut().zip(digits) {
        *slot = digit - b'0';
    }
    if luhn(&values) {
        found.push(Finding::new(Kind::NationalId, Severity::Validated, cluster.groups()[0].0..cluster.groups()[0].1));
    }
    luhn(&values)
}

fn cpf(cluster: &Cluster<'_>, found: &mut Vec<Finding>) -> bool {
    let text = cluster.text;
    if cluster.separator(3) != b'-' || !cluster.shaped(0, &[3, 3, 3, 2]) || !cluster.joined(0, 3, b'.') {
        return false;
    }
    let (start, end) = (cluster.groups()[0].0, cluster.groups()[3].1);
    let mut digits = [0u8; 11];
    for (slot, digit) in digits.iter_mut().zip(text[start..end].iter().filter(|byte| is(**byte, DIGIT))) {
        *slot = *digit;
    }
    if national::is_cpf(&digits) && cluster.stands_alone(0, 4) {
        found.push(Finding::new(Kind::NationalId, Severity::Validated, start..end));
        return true;
    }
    false
}

/// Whether the groups from `at` read as a date, and how many they are.
pub(super) fn date_at(cluster: &Cluster<'_>, at: usize) -> bool {
    let separator = cluster.separator(at + 1);
    if !matches!(separator, b'-' | b'/' | b'.') || at + 3 > cluster.groups().len() || !cluster.joined(at, 3, separator)
    {
        return false;
    }
    let value = |group: usize| {
        cluster
            .group(group)
            .iter()
            .fold(0u32, |sum, digit| sum.saturating_mul(10).saturating_add(u32::from(*digit - b'0')))
    };
    let year = |group: usize| cluster.group(group).len() == 4 && (1850..=2100).contains(&value(group));
    let part = |group: usize| cluster.group(group).len() <= 2 && (1..=31).contains(&value(group));
    year(at) && part(at + 1) && part(at + 2)
        || part(at) && part(at + 1) && (year(at + 2) || cluster.group(at + 2).len() == 2)
}

fn birth_date(cluster: &Cluster<'_>, found: &mut Vec<Finding>) -> bool {
    const WORDS: [&[u8]; 8] =
        [b"dob", b"born", b"birth", b"birthday", b"birthdate", b"date of birth", b"geboren", b"geburtsdatum"];
    if !date_at(cluster, 0) {
        return false;
    }
    let (start, end) = (cluster.groups()[0].0, cluster.groups()[2].1);
    if context(cluster.text, start, 24, &WORDS) {
        found.push(Finding::new(Kind::BirthDate, Severity::Contextual, start..end));
        return true;
    }
    false
}

/// `52.5200, 13.4050`: two numbers with four decimals at least, and a word that says what they are.
fn position(cluster: &Cluster<'_>, found: &mut Vec<Finding>) -> bool {
    const WORDS: [&[u8]; 15] = [
        b"lat",
        b"latitude",
        b"lon",
        b"coord",
        b"coords",
        b"coordinate",
        b"coordinates",
        b"gps",
        b"location",
        b"geo",
        b"position",
        b"point",
        b"located",
        b"near",
        b"latlng",
    ];
    let text = cluster.text;
    let last = cluster.groups().len() - 2;
    let precise = |cluster: &Cluster<'_>, at: usize| {
        cluster.separator(at + 1) == b'.' && cluster.group(at).len() <= 3 && cluster.group(at + 1).len() >= 4
    };
    // Two numbers with only a space between are one cluster, else the second is the next one.
    let (first, end) =
        if cluster.groups().len() == 4 && cluster.separator(2) == b' ' && precise(cluster, 0) && precise(cluster, 2) {
            (0, cluster.end())
        } else {
            if !precise(cluster, last) || !matches!(after(text, cluster.end()), b',' | b';' | b'/' | b' ') {
                return false;
            }
            let next = run(text, cluster.end(), |byte| matches!(byte, b',' | b';' | b' ' | b'-' | b'/'));
            if next == text.len() || next - cluster.end() > 4 {
                return false;
            }
            let other = Cluster::at(text, next);
            if !(is(text[next], DIGIT) && other.groups().len() >= 2 && precise(&other, 0)) {
                return false;
            }
            (last, other.groups()[1].1)
        };
    let mut start = cluster.groups()[first].0;
    if before(text, start) == b'-' {
        start -= 1;
    }
    if !context(text, start, 32, &WORDS) {
        return false;
    }
    found.push(Finding::new(Kind::Geo, Severity::Contextual, start..end));
    true
}
