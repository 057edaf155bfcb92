//! IPv4 addresses among clusters of digits, told from versions by what stands left of them.

use super::bytes::{DIGIT, LETTER, WordSet, after, alnum, before, head, is, run, run_back, starts_with};
use super::nearby::Nearby;
use super::numbers::Cluster;
use super::{Finding, Kind, Severity};

/// Words before a dotted number that make it a version.
static VERSION_WORDS: WordSet = WordSet::of(words!(
    "version" "ver" "v" "release" "build" "rev" "revision" "firmware" "fw" "driver" "schema" "assembly" "oid"
    "section" "versions" "vers" "rel" "sdk"
));

/// Words before four single digits that make them an address for all that.
static PLACE_WORDS: WordSet = WordSet::of(words!(
    "ip" "from" "to" "host" "addr" "address" "client" "peer" "dns" "nameserver" "server" "via" "remote" "src" "dst" "source"
    "at" "by" "for" "gateway" "resolver" "using" "ping" "lookup" "resolved" "ips" "blocked" "banned" "on" "and" "with"
));

pub(super) fn find(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
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
        } else if count == 1 && cluster.joined(at, 4, b'-') && (at..at + 4).all(|group| octet(cluster.group(group))) {
            let (start, end) = (cluster.groups()[at].0, cluster.groups()[at + 3].1);
            if !alnum(after(text, end)) && (is_host(text, start) || is_reverse(text, start, end)) {
                found.push(Finding::new(Kind::Ipv4, Severity::Likely, start..end));
            }
        }
        at += count;
    }
}

/// Whether a number at `start` may begin an address as cloud providers name hosts: `ip-10-0-0-1`.
fn is_host(text: &[u8], start: usize) -> bool {
    let name = |word: &[u8]| start.checked_sub(word.len()).filter(|name| starts_with(text, *name, word));
    before(text, start) == b'-' && (name(b"ip-").is_some_and(|at| !alnum(before(text, at))) || name(b"ec2-").is_some())
}

/// `198-51-100-7.dsl.example.net`, `host-198-51-100-7.example.net`: an address in the name that its provider gives it, no time or version.
fn is_reverse(text: &[u8], start: usize, end: usize) -> bool {
    const FILES: &[&[u8]] = words!("gz" "xz" "bz" "zip" "tar" "log" "txt" "json" "csv" "rpm" "deb" "sql" "bak" "tmp");
    if after(text, end) != b'.' || !is(after(text, end + 1), LETTER) {
        return false;
    }
    let prior = before(text, start);
    let apart = match prior {
        b'-' => is(before(text, start - 1), LETTER),
        b'_' | b'/' | b'.' => false,
        _ => !alnum(prior),
    };
    let label = run(head(text, end, 64), end + 1, |byte| alnum(byte) || byte == b'-');
    let host = run(head(text, end, 96), end, |byte| alnum(byte) || matches!(byte, b'-' | b'.'));
    let last = text[label..host].rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let named = label < host && last.len() >= 2 && last.iter().all(|byte| is(*byte, LETTER)) && !FILES.contains(&last);
    let octets = octets(text[start..end].split(|byte| *byte == b'-'));
    apart && named && octets[0] > 10 && high(octets) >= 2 && octets.iter().any(|octet| *octet >= 100)
}

fn is_address(text: &[u8], start: usize, end: usize) -> bool {
    let (prior, next) = (before(text, start), after(text, end));
    let glued = alnum(prior) || matches!(prior, b'_' | b'+') || matches!(next, b'_' | b'+');
    if prior == b'.' && !ends_range(text, start) || alnum(next) || glued && !is_glued_address(text, start, end) {
        return false;
    }
    if next == b'-' && is(after(text, end + 1), LETTER) || next == b'.' && is(after(text, end + 1), DIGIT) {
        return false;
    }
    // `1.2.5.1-2` is a package's version, `10.0.0.1-10.0.0.9` a range.
    let tail = run(text, end + 1, |byte| is(byte, DIGIT));
    if next == b'-' && tail > end + 1 && after(text, tail) != b'.' {
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
        b' ' | b'=' | b':' | b'"' | b'\'' | b'(' | b'#' => {
            run_back(text, start, 4, |byte| matches!(byte, b' ' | b'=' | b':' | b'"' | b'\'' | b'(' | b'#' | b'\\'))
        }
        _ => start,
    };
    if word_end < start {
        let word = run_back(text, word_end, 16, |byte| is(byte, LETTER));
        if names_version(text, word_end) && !leads(&text[word..word_end], &text[word_end..start], &text[start..end]) {
            return false;
        }
        // `flask==1.0.0.5`: what a program of Python wants installed; `ip.addr==10.0.0.1` is a filter.
        let pinned = text[word_end..start] == *b"==" && word < word_end;
        if pinned && !PLACE_WORDS.holds(&text[word..word_end]) && !is_large(dotted(&text[start..end])) {
            return false;
        }
        // `Chrome 120.0.0.0`, `step 1.1.1.1`
        let single = end - start == 7;
        let worded = word < word_end && text[word_end..start] == *b" " && !(masked || ported);
        if worded && (text[start..end].ends_with(b".0.0.0") || single) && !PLACE_WORDS.holds(&text[word..word_end]) {
            return false;
        }
    }
    let address = &text[start..end];
    // A network, and what was installed or upgraded to.
    if masked && is_network(address, &text[end + 1..tail]) || is_release(text, start, end) {
        return false;
    }
    // These name no machine but the own one, or a mask.
    !(address.starts_with(b"127.") || address == b"0.0.0.0" || address.starts_with(b"255.255."))
}

/// Whether what starts at `start` is the end of a range that begins with an address, `10.40.0.11..10.40.0.19`, or of a tunnel, as
/// strongSwan writes them: `10.40.0.11[gw]...10.40.0.19[peer]`.
#[inline(never)]
fn ends_range(text: &[u8], start: usize) -> bool {
    let Some(left) = text[..start].strip_suffix(b"..") else { return false };
    let tunnel = left.strip_suffix(b".");
    if let Some([rest @ .., b']']) = tunnel {
        // A name, or what an address was replaced by; no number.
        return before(rest, run_back(rest, rest.len(), 4, |byte| is(byte, DIGIT))) != b'[';
    }
    let left = tunnel.unwrap_or(left);
    let first = run_back(text, left.len(), 16, |byte| is(byte, DIGIT) || byte == b'.');
    let quad = left[first..].split(|byte| *byte == b'.');
    let word = run_back(text, first, 4, |byte| matches!(byte, b' ' | b'=' | b':'));
    quad.clone().count() == 4
        && quad.clone().all(octet)
        && !alnum(before(text, first))
        && !names_version(text, word)
        // Three dots stand also between what is compared.
        && (tunnel.is_none() || is_private(dotted(&left[first..])) || high(dotted(&left[first..])) >= 2)
}

/// Whether the word that ends at `end` says that a version follows: `rev`, `ver.`, `build number`.
fn names_version(text: &[u8], end: usize) -> bool {
    static SHORTENED: WordSet = WordSet::of(words!("ver" "vers" "v" "rev" "rel" "fw"));
    static NUMBERS: WordSet = WordSet::of(words!("number" "no" "nr" "num"));
    let word = |end: usize| &text[run_back(text, end, 16, |byte| is(byte, LETTER))..end];
    // A sentence may end before an address.
    let shortened = before(text, end) == b'.';
    let last = word(end - usize::from(shortened));
    if if shortened { SHORTENED.holds(last) } else { VERSION_WORDS.holds(last) } {
        return true;
    }
    let prior = end - usize::from(shortened) - last.len();
    NUMBERS.holds(last) && before(text, prior) == b' ' && VERSION_WORDS.holds(word(prior - 1))
}

/// Whether a word of the versions has its other meaning, by the address behind it: French `vers` is `to`, and a driver is a program.
fn leads(word: &[u8], between: &[u8], address: &[u8]) -> bool {
    if between != b" " {
        return false;
    }
    let octets = dotted(address);
    if word.eq_ignore_ascii_case(b"vers") {
        return is_private(octets) || high(octets) >= 2 && octets.iter().any(|octet| *octet >= 100);
    }
    (word.eq_ignore_ascii_case(b"driver") || word.eq_ignore_ascii_case(b"sdk")) && is_large(octets)
}

/// Whether a number is hardly a version: those have few large parts, and many begin with 10.
fn is_large(octets: [u32; 4]) -> bool {
    let large = high(octets) >= 3 && octets.iter().any(|octet| *octet >= 100);
    octets[0] > 10 && (large || is_private(octets))
}

fn dotted(address: &[u8]) -> [u32; 4] {
    octets(address.split(|byte| *byte == b'.'))
}

fn octets<'t>(parts: impl Iterator<Item = &'t [u8]>) -> [u32; 4] {
    let mut octets = [0u32; 4];
    for (octet, part) in octets.iter_mut().zip(parts) {
        *octet = part.iter().fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'));
    }
    octets
}

fn is_private(octets: [u32; 4]) -> bool {
    matches!(octets, [10, ..] | [192, 168, ..] | [172, 16..=31, ..])
}

/// How many parts are larger than most parts of versions.
fn high(octets: [u32; 4]) -> usize {
    octets.iter().filter(|octet| **octet >= 20).count()
}

/// Whether an address that is glued to something is one and no version: `IP113.66.24.8`, `lock_54.7.77.193`, `10.0.0.1+10.0.0.2`.
fn is_glued_address(text: &[u8], start: usize, end: usize) -> bool {
    const PLACES: &[&[u8]] = words!("ip" "ipv4" "src" "dst" "srcip" "dstip" "host" "addr" "peer" "client" "from" "to");
    let (prior, next) = (before(text, start), after(text, end));
    if is(prior, DIGIT) {
        return false;
    }
    if is(prior, LETTER) {
        let word = run_back(text, start, 8, |byte| is(byte, LETTER));
        return !matches!(next, b'_' | b'+')
            && PLACES.iter().any(|place| text[word..start].eq_ignore_ascii_case(place));
    }
    // Versions that long begin with a small number and have few others.
    let octets = dotted(&text[start..end]);
    let (private, high) = (is_private(octets), high(octets));
    // `1.2.3.4+build.5` is a version's.
    let metadata = next == b'+' && is(after(text, end + 1), LETTER);
    !metadata
        && octets[0] >= 10
        && (private || high >= 3 || high >= 2 && octets.iter().any(|octet| *octet >= 100))
        && (private || octets[1..].iter().filter(|octet| **octet == 0).count() < 2)
}

/// Whether the bits behind the mask are zero.
fn is_network(address: &[u8], mask: &[u8]) -> bool {
    let number = |digits: &[u8]| digits.iter().fold(0u32, |sum, byte| (sum * 10 + u32::from(byte - b'0')) & 0xffff);
    let bits = address.split(|byte| *byte == b'.').fold(0u32, |bits, part| bits << 8 | number(part));
    let mask = number(mask);
    mask < 32 && bits << mask == 0
}

/// `upgrade from 2.3.4.5 to 2.3.4.6`, `libssl 1.1.1.21 installed`
fn is_release(text: &[u8], start: usize, end: usize) -> bool {
    static WORDS: Nearby = Nearby::of(words!(
        "version" "versions" "upgrade" "upgraded" "upgrading" "downgrade" "downgraded" "bump" "bumped" "assemblyversion"
    ));
    static UPDATE: Nearby = Nearby::of(words!("update from"));
    starts_with(text, end, b" installed")
        || starts_with(text, end, b" loaded")
        || WORDS.stand_before(text, start, 28)
        // They come from machines too.
        || !is_large(dotted(&text[start..end])) && UPDATE.stand_before(text, start, 28)
}

pub(super) fn octet(part: &[u8]) -> bool {
    matches!(part.len(), 1..=3)
        && part.iter().all(u8::is_ascii_digit)
        && (part.len() == 1 || part[0] != b'0')
        && part.iter().fold(0u32, |sum, byte| sum * 10 + u32::from(byte - b'0')) <= 255
}
