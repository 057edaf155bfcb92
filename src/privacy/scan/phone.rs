//! Telephone numbers: international by the length their country gives them, national by a clear form or a word nearby.

use super::bytes::{DIGIT, HIGH, LETTER, SPACE, WordSet, after, alnum, before, is, run};
use super::dates::date_at;
use super::nearby::Nearby;
use super::numbers::Cluster;
use super::{Finding, Kind, Severity, codes};

/// Words that announce a telephone number.
static WORDS: Nearby = Nearby::of(words!(
    "phone" "telephone" "tel" "mobile" "cell" "cellphone" "call" "caller" "called" "calling" "dial" "dialed" "fax"
    "msisdn" "sms" "wa.me" "whatsapp" "texted" "contact" "ring" "telefon" "handy" "rufnummer" "mobil"
    "phones" "viber" "dialled" "dialling" "callback" "cellular" "landline" "handset" "sim" "telefono" "movil" "celular"
    "portable" "mobiel" "telefoon" "puhelin" "puh" "gsm" "tlf" "telefone" "komorka"
    "teléfono" "móvil" "tél" "téléphone" "елефон" "обильн" "电话" "電話" "手机" "手機" "携帯" "전화" "휴대폰" "फ़ोन" "फोन" "هاتف" "τηλ" "טלפון"
));

/// The longest number there is (E.164), and the shortest that is looked for.
const MOST: usize = 15;
const FEWEST: usize = 7;

pub(super) fn find(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
    let text = cluster.text;
    let start = cluster.groups()[0].0;
    if let Some(sign) = plus(text, start) {
        if let Some(end) = international(cluster).filter(|end| !is_difference(text, sign, *end)) {
            found.push(Finding::new(Kind::Phone, Severity::Validated, sign..end));
            return;
        }
        if is(before(text, sign), DIGIT) {
            return;
        }
    }
    let mut at = 0;
    let known = found.len();
    while at < cluster.groups().len() {
        if let Some((from, count)) = clear_form(cluster, at) {
            found.push(Finding::new(Kind::Phone, Severity::Likely, from..cluster.groups()[at + count - 1].1));
            at += count;
        } else {
            at += 1;
        }
    }
    if found.len() > known {
        return;
    }
    if let Some(span) = announced(cluster) {
        found.push(Finding::new(Kind::Phone, Severity::Contextual, span));
    }
}

/// Where the `+` before the digits is, also as `(+` or `+(`.
fn plus(text: &[u8], start: usize) -> Option<usize> {
    let at = match before(text, start) {
        b'+' => start - 1,
        b'(' if before(text, start.saturating_sub(1)) == b'+' => start - 2,
        b' ' if before(text, start.saturating_sub(1)) == b'+'
            && !alnum(before(text, start.saturating_sub(2)))
            && before(text, start.saturating_sub(2)) != b' ' =>
        {
            start - 2
        }
        _ => return None,
    };
    // `1+2`, `1.0+20240101`
    (!is(before(text, at), DIGIT)).then_some(at)
}

/// Where the number that starts with a country code ends.
fn international(cluster: &Cluster<'_>) -> Option<usize> {
    let groups = cluster.groups();
    let mut digits = [0u8; MOST];
    // Digits up to and with each group.
    let mut sums = [0usize; super::numbers::GROUPS];
    let (mut len, mut count) = (0, 0);
    while let Some(group) = groups.get(count).map(|_| cluster.group(count)).filter(|group| len + group.len() <= MOST) {
        digits[len..len + group.len()].copy_from_slice(group);
        len += group.len();
        sums[count] = len;
        count += 1;
    }
    let (fewest, most) = codes::lengths(&digits[..len])?;
    // `+44 (0)20 ...`: a trunk zero in brackets is not dialled.
    let slack = usize::from(count > 1 && cluster.group(1).first() == Some(&b'0'));
    let last = sums[..count].iter().rposition(|sum| (fewest..=most + slack).contains(sum))?;
    // Digits that go on are a longer number, and no phone.
    let ends = last + 1 == groups.len() || matches!(cluster.separator(last + 1), b' ' | 0);
    ends.then_some(groups[last].1)
}

/// A form that nothing else has; where it starts, and how many groups it takes.
fn clear_form(cluster: &Cluster<'_>, at: usize) -> Option<(usize, usize)> {
    let text = cluster.text;
    let groups = cluster.groups();
    // Every form begins with three digits, with `1` and three, or with a zero.
    let begins = |group: &[u8]| group.len() == 3 || group[0] == b'0';
    if !(begins(cluster.group(at)) || cluster.group(at) == b"1" && groups.len() > at + 3) {
        return None;
    }
    let start = groups[at].0;
    let prior = before(text, start);
    let free = |count: usize| {
        let end = groups[at + count - 1].1;
        let next = after(text, end);
        let goes_on = matches!(next, b'-' | b'.' | b'/' | b':') && is(after(text, end + 1), DIGIT | LETTER);
        let glued = is(prior, LETTER) || matches!(prior, b'_' | b'-' | b'.' | b'/' | b'#' | b'$');
        !(alnum(next) || next == b'_' || goes_on || glued)
    };
    let north_american = |at: usize| {
        cluster.shaped(at, &[3, 3, 4])
            && matches!(cluster.group(at)[0], b'2'..=b'9')
            && matches!(cluster.group(at + 1)[0], b'2'..=b'9')
    };
    // `(415) 555-2671`
    if prior == b'(' && north_american(at) && text[groups[at].1] == b')' {
        let end = groups[at + 2].1;
        if !alnum(after(text, end)) {
            let from = if at > 0 && cluster.group(at - 1) == b"1" && cluster.separator(at) == 0 {
                groups[at - 1].0
            } else {
                start - 1
            };
            return Some((from, 3));
        }
    }
    if north_american(at) && free(3) && (cluster.joined(at, 3, b'-') || cluster.joined(at, 3, b'.')) {
        return Some((start, 3));
    }
    if cluster.group(at) == b"1"
        && at + 4 <= groups.len()
        && north_american(at + 1)
        && free(4)
        && (cluster.joined(at, 4, b'-') || cluster.joined(at, 4, b'.'))
    {
        return Some((start, 4));
    }
    // `01 23 45 67 89`
    let separator = cluster.separator(at + 1);
    let first_of_all = at == 0 || cluster.separator(at) != b' ';
    let zero =
        first_of_all && cluster.group(at)[0] == b'0' && cluster.group(at).get(1).is_some_and(|digit| *digit != b'0');
    if zero
        && matches!(separator, b' ' | b'.')
        && cluster.shaped(at, &[2, 2, 2, 2, 2])
        && cluster.joined(at, 5, separator)
        && free(5)
        && groups.len() == at + 5
    {
        return Some((start, 5));
    }
    // `020 7946 0958`, `0171/1234567`
    let first = cluster.group(at).len();
    // `011 44 20 7946 0958`: as they are dialled from North America.
    if cluster.group(at) == b"011" && at == 0 && groups.len() >= 4 && free(groups.len()) {
        let digits: usize = (1..groups.len()).map(|group| cluster.group(group).len()).sum();
        let right = |(fewest, most)| (fewest..=most).contains(&digits);
        if codes::lengths(cluster.group(1)).is_some_and(right) {
            return Some((start, groups.len()));
        }
    }
    if zero && (3..=5).contains(&first) && matches!(separator, b' ' | b'-' | b'/') {
        for count in [4, 3, 2] {
            if at + count > groups.len() {
                continue;
            }
            let digits: usize = (at..at + count).map(|group| cluster.group(group).len()).sum();
            let tail = (at + 1..at + count)
                .all(|group| cluster.group(group).len() >= 2 && matches!(cluster.separator(group), b' ' | b'-' | b'/'));
            if (10..=12).contains(&digits) && tail && free(count) {
                return Some((start, count));
            }
        }
    }
    if is_dialled_abroad(cluster, at) {
        return Some((start, 1));
    }
    if at == 0 && free(groups.len()) && is_dialled_in_two(cluster) {
        return Some((start, 2));
    }
    // `0044 20 7946 0958`
    if cluster.group(at).starts_with(b"00")
        && at == 0
        && groups.len() >= 3
        && (!is(prior, LETTER | HIGH)
            || super::bytes::char_before(text, start)
                .is_some_and(|letter| !letter.is_alphanumeric() || super::email::unspaced(letter)))
        && prior != b'.'
    {
        let code = &cluster.group(0)[2..];
        let digits: usize = (0..groups.len()).map(|group| cluster.group(group).len()).sum();
        if (1..=3).contains(&code.len())
            && code[0] != b'0'
            && codes::lengths(code).is_some_and(|(fewest, most)| digits >= fewest + 2 && digits <= most + 3)
        {
            return Some((start, groups.len()));
        }
    }
    None
}

/// `"0033612688469"`, in one piece: of the length that its country's numbers have. With one zero more it would be padded.
fn is_dialled_abroad(cluster: &Cluster<'_>, at: usize) -> bool {
    static OTHERS: Nearby = Nearby::of(words!(
        "sku" "ean" "gtin" "upc" "barcode" "isbn" "code" "serial" "batch" "ref" "reference" "invoice" "number" "nr" "no" "account"
        "counter" "seq" "sequence" "row" "index" "idx" "ticket" "txn" "block" "iccid" "imei" "imsi" "range" "offset" "lsn" "hash"
    ));
    // These only right beside it: `order 7 to=0033612688469`.
    static KEYS: Nearby = Nearby::of(words!(
        "part" "order" "item" "lot" "parcel" "tracking" "article" "id"
    ));
    let (text, (start, end)) = (cluster.text, cluster.groups()[at]);
    let Some(digits) = cluster.group(at).strip_prefix(b"00") else { return false };
    let (prior, next) = (before(text, start), after(text, end));
    let beyond = after(text, end + 1);
    // Part of a longer number, of a name or a path.
    let glued = alnum(prior)
        || matches!(prior, b'_' | b'-' | b'.' | b'/' | b'#' | b'$' | b'%' | b'+' | b'*')
        || alnum(next)
        || matches!(next, b'_' | b'/' | b'%' | b'*')
        || matches!(next, b'-' | b'.' | b':' | b'+') && alnum(beyond)
        || at > 0 && cluster.group(at - 1).len() > BESIDE && prior == b' '
        || cluster.groups().get(at + 1).is_some_and(|(from, to)| next == b' ' && to - from > BESIDE);
    // Those of North America and Russia are too like numbers that are padded.
    let right = digits.first().is_some_and(|first| matches!(first, b'2'..=b'6' | b'8' | b'9'))
        && codes::lengths(digits).is_some_and(|(fewest, most)| {
            let one_length = fewest + 1 >= most && digits.len() == most;
            one_length || digits.len() >= ABROAD && (fewest..=most).contains(&digits.len())
        });
    !glued
        && right
        && !is_padded(digits)
        && !is_id(text, start)
        && !OTHERS.stand_before(text, start, 16)
        && !is_beside(text, start, &KEYS)
}

/// `0049 1701234567`: the country's code by itself, and a number of the longest its country has.
fn is_dialled_in_two(cluster: &Cluster<'_>) -> bool {
    let (text, (start, end)) = (cluster.text, cluster.groups()[0]);
    let (Some(code), [_, _]) = (cluster.group(0).strip_prefix(b"00"), cluster.groups()) else { return false };
    let number = cluster.group(1);
    let digits = &text[start + 2..end + 1 + number.len()];
    let apart = is(before(text, start), SPACE)
        || matches!(before(text, start), b'"' | b'\'' | b'=' | b':' | b'(' | b',' | b';');
    (2..=3).contains(&code.len())
        && cluster.separator(1) == b' '
        && matches!(code[0], b'2'..=b'6' | b'8' | b'9')
        && number[0] != b'0'
        && apart
        && codes::lengths(code).is_some_and(|(fewest, most)| {
            let count = digits.len() - 1;
            count >= ABROAD && (fewest..=most).contains(&count)
        })
        && !is_id(text, start)
}

/// The fewest digits from the country's code on where a country has numbers of many lengths.
const ABROAD: usize = 11;

/// The most digits of another number beside a blank, for longer ones go on.
const BESIDE: usize = 3;

/// `34000012345`: behind the code of a country no number begins with a zero, and of the few that keep theirs (Italy) none with two.
fn is_padded(digits: &[u8]) -> bool {
    (1..=3).any(|code| codes::lengths(&digits[..code]).is_some() && digits[code..].starts_with(b"00"))
}

/// Seven to thirteen digits, or more with a country's code, soon after a word that announces them.
fn announced(cluster: &Cluster<'_>) -> Option<std::ops::Range<usize>> {
    let text = cluster.text;
    let groups = cluster.groups();
    let mut start = groups[0].0;
    if is(before(text, start), LETTER | DIGIT) || before(text, start) == b'_' || date_at(cluster, 0) {
        return None;
    }
    let mut count = groups.len();
    let mut digits = cluster.digits;
    // With `00` and the country's code a number is longer.
    let most = if cluster.group(0).starts_with(b"00") { MOST + 2 } else { 13 };
    // A number in one piece is whole.
    if cluster.group(0).len() >= 8 {
        (count, digits) = (1, cluster.group(0).len());
    }
    while digits > most && count > 1 {
        count -= 1;
        digits -= cluster.group(count).len();
    }
    // Only a plain run of digits may be as short as it likes to be written.
    if !(FEWEST..=most).contains(&digits)
        || (count == 1 && digits < 8)
        || (0..count).any(|group| cluster.group(group).len() == 1 && count > 2 && group > 0)
    {
        return None;
    }
    let end = groups[count - 1].1;
    let next = after(text, end);
    if alnum(next) || next == b'_' || next == b':' || (next == b'.' && is(after(text, end + 1), DIGIT)) {
        return None;
    }
    if has_unit(text, end) {
        return None;
    }
    if !WORDS.stand_before(text, start, 20) || is_id(text, start) || count == 1 && !introduced(text, start) {
        return None;
    }
    if before(text, start) == b'(' && text[groups[0].1..end].contains(&b')') {
        start -= 1;
    }
    Some(start..end)
}

/// `took 12345678 ms`
fn has_unit(text: &[u8], end: usize) -> bool {
    static UNITS: WordSet = WordSet::of(words!(
        "ms" "us" "ns" "s" "sec" "secs" "seconds" "bytes" "byte" "b" "kb" "mb" "kib" "mib" "times" "took" "rows" "entries" "cycles" "ticks"
        "items" "records" "events" "messages" "blocks" "pages" "points" "units" "samples" "lines" "drift" "nanos" "micros" "millis"
        "instructions" "gas" "wei" "sat" "sats"
    ));
    after(text, end) == b' ' && UNITS.holds(&text[end + 1..run(text, end + 1, |byte| is(byte, LETTER))])
}

/// `delta +352582589 bytes`, `offset +2079937623`: a signed number, which has no separators and beside it a word that says so.
fn is_difference(text: &[u8], sign: usize, end: usize) -> bool {
    const WORDS: &[&[u8]] = words!(
        "delta" "offset" "diff" "difference" "drift" "skew" "shift" "seek" "increment" "lag" "bias" "jitter"
    );
    let word_end = super::bytes::run_back(text, sign, 3, |byte| matches!(byte, b' ' | b'=' | b':'));
    let word = super::bytes::run_back(text, word_end, 16, |byte| is(byte, LETTER));
    is_monotonic(text, sign, end)
        || text[sign + 1..end].iter().all(|byte| is(*byte, DIGIT))
            && (has_unit(text, end) || WORDS.iter().any(|known| text[word..word_end].eq_ignore_ascii_case(known)))
}

/// `m=+35.562393158`: seconds of Go's monotonic clock.
fn is_monotonic(text: &[u8], sign: usize, end: usize) -> bool {
    let mut parts = text[sign + 1..end].split(|byte| *byte == b'.');
    text[..sign].ends_with(b"m=")
        && !alnum(before(text, sign - 2))
        && parts.next().is_some_and(|seconds| seconds.iter().all(|byte| is(*byte, DIGIT)))
        && parts.next().is_some_and(|nanos| nanos.len() >= 6 && nanos.iter().all(|byte| is(*byte, DIGIT)))
        && parts.next().is_none()
}

/// Whether the word just left of a number in one piece is a telephone's or leads to it: `SMS to 07700900123`, not
/// `call stack depth 12345678`.
fn introduced(text: &[u8], start: usize) -> bool {
    const LEADS: &[&[u8]] = words!(
        "number" "numbers" "no" "nr" "num" "is" "was" "to" "at" "from" "me" "us" "on" "for" "by" "via" "via" "home" "work"
        "office" "msg" "message" "sent" "recipient" "user" "customer" "client" "line" "back" "nummer" "numero" "número" "le" "el" "an" "von" "de"
        "auf" "unter" "al" "ext" "verified" "notify" "notified" "with" "and" "or" "rejected" "invalid" "unknown" "blocked"
    );
    let end = super::bytes::run_back(text, start, 6, |byte| !is(byte, LETTER | DIGIT | HIGH) && byte != b'\n');
    let word = super::bytes::run_back(text, end, 24, |byte| is(byte, LETTER | HIGH));
    let known = |words: &[&[u8]]| words.iter().any(|known| text[word..end].eq_ignore_ascii_case(known));
    word == end
        || text[word..end].iter().any(|byte| is(*byte, HIGH))
        || known(LEADS)
        || WORDS.stand_before(text, end, end - word)
}

/// Whether the word just left of the number is one of these, or ends in one: `parcelId`.
fn is_beside(text: &[u8], start: usize, words: &Nearby) -> bool {
    let sign = |byte| matches!(byte, b' ' | b'=' | b':' | b'"' | b'\'' | b'#' | b'\\');
    let end = super::bytes::run_back(text, start, 4, sign);
    let word = super::bytes::run_back(text, end, 24, |byte| is(byte, LETTER));
    end < start && words.stand_before(text, end, end - word)
}

/// Whether the word just left of the number makes it some other number: `call id 12345678`, `sms_count=12345678`.
fn is_id(text: &[u8], start: usize) -> bool {
    let word_end =
        super::bytes::run_back(text, start, 4, |byte| matches!(byte, b' ' | b'=' | b':' | b'"' | b'#' | b'\\'));
    let word = super::bytes::run_back(text, word_end, 24, |byte| is(byte, LETTER));
    const OTHERS: &[&[u8]] = words!(
        "id" "count" "total" "took" "duration" "in" "after" "size" "bytes" "at" "ts" "time" "timestamp" "line" "pid"
        "order" "seq" "offset" "version" "ms"
    );
    word_end < start && OTHERS.iter().any(|other| text[word..word_end].eq_ignore_ascii_case(other))
}
