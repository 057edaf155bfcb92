//! Numbers that name somebody: cards, IPv4 addresses, phones, social security numbers, dates of birth, positions.
//!
//! The text is cut into clusters: groups of digits with one separator between them. Each detector looks at the groups, so that
//! `order 12345 4111 1111 1111 1111` is a number and a card.

use super::anchors::Anchors;
use super::bytes::{DIGIT, HEX, LETTER, STOP, after, alnum, before, is, run, run_back};
use super::classes::{Block, Class};
use super::national::Announcers;
use super::starts::behind;
use super::{Finding, Kind, Severity, card, dates, geo, iban, ipv4, phone, printed};

/// The most groups a cluster holds; a longer one is cut.
pub(super) const GROUPS: usize = 16;

/// Digit groups with single separators between them.
pub(super) struct Cluster<'t> {
    pub(super) text: &'t [u8],
    groups: [(usize, usize); GROUPS],
    /// What stands before each group; 0 before the first, or if it is longer than one byte.
    separators: [u8; GROUPS],
    len: usize,
    /// All digits of all groups.
    pub(super) digits: usize,
}

impl<'t> Cluster<'t> {
    /// The cluster whose first digit is at `from`.
    #[inline(always)]
    pub(super) fn at(text: &'t [u8], from: usize) -> Self {
        let mut cluster = Cluster { text, groups: [(0, 0); GROUPS], separators: [0; GROUPS], len: 0, digits: 0 };
        let mut at = from;
        while cluster.len < GROUPS {
            let end = run(text, at, |byte| is(byte, DIGIT));
            cluster.groups[cluster.len] = (at, end);
            cluster.len += 1;
            cluster.digits += end - at;
            let Some(next) = past_separator(text, end) else {
                break;
            };
            if let Some(separator) = cluster.separators.get_mut(cluster.len).filter(|_| next == end + 1) {
                // One of a URL's query.
                *separator = if text[end] == b'+' { b' ' } else { text[end] };
            }
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
        self.separators.get(at).copied().unwrap_or(0)
    }

    /// The same of the spaces and hyphens at which no line breaks, which are longer.
    pub(super) fn spacing(&self, at: usize) -> u8 {
        match (self.separator(at), self.groups().get(at).map(|group| &self.text[..group.0])) {
            (0, Some([.., 0xc2, 0xa0] | [.., 0xe2, 0x80, 0xaf])) => b' ',
            (0, Some([.., 0xe2, 0x80, 0x90 | 0x91])) => b'-',
            (separator, _) => separator,
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

    /// The same of [`Cluster::spacing`].
    pub(super) fn spaced(&self, at: usize, count: usize, separator: u8) -> bool {
        (at + 1..at + count).all(|group| self.spacing(group) == separator)
    }

    /// Whether the bytes around groups `at..at + count` let them be a number of their own.
    pub(super) fn stands_alone(&self, at: usize, count: usize) -> bool {
        let (start, end) = (self.groups[at].0, self.groups[at + count - 1].1);
        before(self.text, start) != b'_' && after(self.text, end) != b'_' && self.stands_apart(at, count)
    }

    /// The same also in a name between underscores: `user_078-05-1120_profile`.
    pub(super) fn stands_apart(&self, at: usize, count: usize) -> bool {
        let (start, end) = (self.groups[at].0, self.groups[at + count - 1].1);
        let (prior, next) = (before(self.text, start), after(self.text, end));
        // A decimal's whole or fraction.
        let decimal = prior == b'.' && is(before(self.text, start.saturating_sub(1)), DIGIT)
            || next == b'.' && is(after(self.text, end + 1), DIGIT);
        !(alnum(prior) || alnum(next) || decimal)
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
        [b'+', next, ..] if is(*next, DIGIT) && is_query_space(text, end) => end + 1,
        _ => return None,
    };
    Some(at)
}

/// `?card=4111+1111+1111+1111`: between digits of a URL's query a plus is a space.
#[inline(never)]
fn is_query_space(text: &[u8], plus: usize) -> bool {
    let value = run_back(text, plus, 40, |byte| is(byte, DIGIT) || byte == b'+');
    let name = run_back(text, value.saturating_sub(1), 40, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b'.'));
    before(text, value) == b'=' && matches!(before(text, name), b'?' | b'&')
}

/// Finds the card whose first group is `text[start..end]`, where what is behind that joins no cluster; says where it ends.
#[inline]
fn spread(text: &[u8], start: usize, end: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let card = matches!(after(text, end), b'\t' | b' ' | b'_' | b'\\').then(|| card::spread(text, start, end))??;
    found.push(Finding::new(Kind::Card, Severity::Validated, start..card));
    Some(card)
}

/// Whether a group follows that ends at `end`.
#[inline]
fn goes_on(text: &[u8], end: usize) -> bool {
    let next = after(text, end);
    matches!(next, b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b'+' | 0xc2 | 0xe2)
        && !is(after(text, end + 1), LETTER)
        && past_separator(text, end).is_some()
}

/// Finds them; of a number that none of them knows the words before it may yet say what it is.
pub(super) fn find(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let text = anchors.text;
    let mut announcers = Announcers::default();
    let mut digits = anchors.places(firsts);
    while let Some(start) = digits.next() {
        let at = anchors.run(Class::Digit, start);
        let apart = !goes_on(text, at);
        // Behind a letter may be an IBAN, before one a UUID.
        if (!(apart && at - start < 6) || is(before(text, start), LETTER) || is(after(text, at), HEX))
            && let Some(end) = past_common(anchors, start).or_else(|| iban::try_at(text, start, found))
        {
            digits.pass(end);
            continue;
        }
        if at - start == 4
            && let Some(end) = spread(text, start, at, found)
        {
            digits.pass(end);
            continue;
        }
        digits.pass(at);
        // A few digits by themselves, as most are.
        if at - start < 6 && apart {
            if is_year(&text[start..at]) {
                dates::written(text, start..at, found);
            }
            if is_inside(text, start, at) || at - start == 5 && !is_apart(text, start, at) {
                announcers.find_before(anchors, start, found);
            }
            continue;
        }
        let cluster = Cluster::at(text, start);
        let mut end = cluster.end();
        if let Some((last, _)) = cluster.groups().last()
            && end - last == 4
            && let Some(card) = spread(text, *last, end, found)
        {
            end = card;
        }
        if cluster.digits >= 4 && dates::date_at(&cluster, 0) {
            dates::birth_date(&cluster, found);
            // What follows a date after a space is another number.
            digits.pass(cluster.groups().get(3).map_or(end, |group| group.0));
            continue;
        }
        digits.pass(end);
        if cluster.digits < 4 {
            if is_inside(text, start, end) {
                announcers.find_before(anchors, start, found);
            }
            continue;
        }
        if is_year(cluster.group(0)) {
            dates::written(text, cluster.groups()[0].0..cluster.groups()[0].1, found);
        }
        let known = found.len();
        judge(&cluster, found);
        // `NHS 424-952-2083` has the form of a phone's.
        if cluster.digits >= 5 && found[known..].iter().all(|finding| finding.kind == Kind::Phone) {
            announcers.find_before(anchors, start, found);
        }
    }
}

/// The digits of a block that a number may begin with.
#[inline]
fn firsts(blocks: &[Block], block: usize) -> u64 {
    blocks[block][Class::Digit as usize] & !idle(blocks, block)
}

/// The digits that stand by themselves, at most three, also with a dot or dash among them, with nothing of a name beside them
/// and none behind whatever could join the two: `step 3 of 17`, `"level":20,`, `ratio=0.97`. No detector begins with one.
/// Of the next block nothing is known here, so that none is told that could reach it.
#[inline]
fn idle(blocks: &[Block], block: usize) -> u64 {
    let [digits, tokens, colons, marks] =
        [Class::Digit, Class::Token, Class::Colon, Class::Mark].map(|class| blocks[block][class as usize]);
    if digits == 0 {
        return 0;
    }
    let starts = digits & !behind(blocks, block, |block| block[Class::Token as usize]);
    // Whether nothing goes on so many bytes behind; no number goes on behind a colon.
    let joined = digits >> 1 | digits >> 2 | digits >> 3 | 7 << 61;
    let ends = !(tokens | joined & !colons);
    let (second, third) = (digits >> 1, digits >> 2);
    let one = starts & ends >> 1;
    let two = starts & second & ends >> 2;
    let three = starts & third & ends >> 3 & (second | marks >> 1);
    let four = starts & digits >> 3 & ends >> 4 & (second & marks >> 2 | marks >> 1 & third);
    one | two | two << 1 | (three | three << 1 | three << 2 | four | four << 1 | four << 2 | four << 3) & digits
}

fn is_year(digits: &[u8]) -> bool {
    matches!(digits, [b'1' | b'2', b'0' | b'8' | b'9', _, _])
}

/// `[20316]`, `port=51883,`: no more than these digits, and no number that a word announces has five.
#[inline]
fn is_apart(text: &[u8], start: usize, end: usize) -> bool {
    let stop = |byte: u8| is(byte, STOP) || matches!(byte, 0 | b':' | b'=' | b'#' | b'\n');
    stop(before(text, start)) && stop(after(text, end))
}

/// `C01X00T47`: a number with letters in it.
#[inline]
fn is_inside(text: &[u8], start: usize, end: usize) -> bool {
    before(text, start).is_ascii_uppercase() && after(text, end).is_ascii_uppercase()
}

/// Where a time stamp or UUID that starts at `at` ends: the two numbers that logs are full of.
#[inline]
fn past_common(anchors: &Anchors<'_>, at: usize) -> Option<usize> {
    let text = anchors.text;
    // `9999-99-99T99:99:99`, its digits by their bits.
    if anchors.bits(Class::Digit, at) & 0x7_ffff == 0b110_1101_1011_0110_1111
        && let Some([_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b' ', _, _, b':', _, _, b':', _, _]) =
            text.get(at..at + 19)
    {
        let end = at + 19;
        let fraction = matches!(after(text, end), b'.' | b',') && is(after(text, end + 1), DIGIT);
        let end = if fraction { anchors.run(Class::Digit, end + 1) } else { end };
        // `+02:00`, behind which a number may stand.
        let zone =
            matches!(text.get(end..end + 6), Some([b'+' | b'-', h, _, b':', m, _]) if is(*h, DIGIT) && is(*m, DIGIT));
        return Some(if zone { end + 6 } else { end });
    }
    let form = |pattern: &[u8]| {
        text.get(at..at + pattern.len()).is_some_and(|head| {
            head.iter().zip(pattern).all(|(byte, want)| byte == want || *want == b'f' && is(*byte, HEX))
        })
    };
    if after(text, at + 8) == b'-' && !is(before(text, at), HEX) && form(b"ffffffff-ffff-ffff-ffff-ffffffffffff") {
        return Some(at + 36);
    }
    None
}

/// `your verification code is 482913`
fn one_time_code(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
    const WORDS: &[&[u8]] = words!(
        "otp" "otp is" "otp code" "passcode" "passcode is" "verification code" "verification code is" "security code"
        "security code is" "one-time code" "one-time code is" "one-time password" "one-time password is" "login code" "login code is"
        "2fa code" "mfa code" "totp" "totp code" "pin is" "sms code" "auth code is" "bestätigungscode" "验证码" "認証コード" "인증번호"
    );
    let text = cluster.text;
    let (start, end) = cluster.groups()[0];
    let word = run_back(text, start, 4, |byte| matches!(byte, b' ' | b':' | b'#' | b'='));
    let longest = text[..word].len().min(24);
    if (4..=8).contains(&(end - start)) && cluster.stands_alone(0, 1) && context_ends(text, word, longest, WORDS) {
        found.push(Finding::new(Kind::KeyedSecret, Severity::Contextual, start..end));
    }
}

/// Whether one of the words ends at `at`.
fn context_ends(text: &[u8], at: usize, within: usize, words: &[&[u8]]) -> bool {
    words.iter().filter(|word| word.len() <= within).any(|word| {
        let start = at - word.len();
        text[start..at].eq_ignore_ascii_case(word) && (word[0] >= 0x80 || !alnum(before(text, start)))
    })
}

/// Looks at one cluster.
fn judge(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
    let known = found.len();
    let groups = cluster.groups().len();
    if groups >= 4 {
        ipv4::find(cluster, found);
    }
    if cluster.digits >= 14 {
        card::find(cluster, found);
    }
    if cluster.digits >= 9 {
        printed::ssn(cluster, found);
    }
    if cluster.group(0).len() == 6
        && let Some(span) = printed::six_digits(cluster.text, cluster.groups()[0].0)
    {
        found.push(Finding::new(Kind::NationalId, Severity::Validated, span));
    }
    if found.len() == known
        && cluster.digits <= 13
        && let Some(span) = printed::checked(cluster)
    {
        // Without a word: one of some twenty numbers of this form passes the check by chance.
        found.push(Finding::new(Kind::NationalId, Severity::Likely, span));
    }
    if found.len() == known
        && cluster.digits >= 5
        && !(cluster.group(0).len() == 8 && groups == 1 && dates::compact(cluster, found))
        && !(groups >= 2 && geo::position(cluster, found))
        && cluster.digits >= 6
        && !printed::groups(cluster, found)
        && cluster.digits >= 7
    {
        phone::find(cluster, found);
    }
    if found.len() == known && groups == 1 {
        one_time_code(cluster, found);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::draws;
    use super::*;

    #[test]
    fn idle_digits_are_apart_from_every_other_number_and_name() {
        let mut draw = draws();
        let mut count = 0;
        for _ in 0..20_000 {
            let text: Vec<u8> = (0..draw(200)).map(|_| b"1234:-. /()[,aZ_\xc2\xa0"[draw(18)]).collect();
            Anchors::with(&text, |anchors| {
                let mut digits = anchors.places(idle);
                while let Some(start) = digits.next() {
                    let mark = |at: usize| matches!(after(&text, at), b'.' | b'-') && is(after(&text, at + 1), DIGIT);
                    let mut end = run(&text, start, |byte| is(byte, DIGIT));
                    let mut count_of_digits = end - start;
                    if mark(end) {
                        let whole = end;
                        end = run(&text, whole + 1, |byte| is(byte, DIGIT));
                        count_of_digits += end - whole - 1;
                    }
                    let token = |byte: u8| alnum(byte) || byte == b'_' || byte == b'-';
                    let told = String::from_utf8_lossy(&text);
                    assert!(
                        count_of_digits <= 3 && !token(before(&text, start)) && !token(after(&text, end)),
                        "{told}"
                    );
                    assert!(!goes_on(&text, end) && past_separator(&text, end).is_none(), "{told}");
                    digits.pass(end);
                    count += 1;
                }
            });
        }
        assert!(count > 1000, "{count}");
    }
}
