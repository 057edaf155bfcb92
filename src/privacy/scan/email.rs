//! E-mail addresses: out from each `@`, with the grammar of a host name on its right.

use super::anchors::Anchors;
use super::bytes::{DIGIT, HIGH, LETTER, WordSet, after, alnum, before, char_at, char_before, is, run, run_back};
use super::classes::Class;
use super::{Finding, Kind, Severity};

/// The longest local part that is read.
const LOCAL: usize = 96;
/// The longest host name.
const DOMAIN: usize = 253;

/// Last labels that are no top-level domain but the end of a file's or unit's name.
static FILE_ENDS: WordSet = WordSet::of(words!(
    "png" "jpg" "jpeg" "gif" "svg" "webp" "ico" "bmp" "tif" "tiff" "avif" "css" "scss" "js" "mjs" "jsx" "ts" "tsx"
    "json" "yaml" "yml" "toml" "xml" "html" "htm" "txt" "pdf" "csv" "log" "lock" "gz" "tgz" "tar" "xz" "bz" "exe"
    "dll" "bin" "dat" "conf" "cfg" "ini" "map" "woff" "ttf" "wasm" "service" "socket" "timer" "mount" "target"
    "slice" "scope" "device" "crate" "whl" "jar" "deb" "rpm" "apk" "rc" "alpha"
    "rb" "kt" "java" "cpp" "cxx" "hpp" "go" "php" "hs" "exs" "erl" "clj" "scala" "swift" "vue" "sql" "pyc" "pyi" "bat" "dart" "lua"
    "zig" "jl" "elm" "proto" "rst" "bak" "tmp" "pid" "sock"
));

/// Of them those of files that are called by the address of whom they are about, and what such an address ends in.
static FILES: WordSet =
    WordSet::of(words!("csv" "json" "txt" "pdf" "log" "xml" "html" "gz" "tgz" "tar" "jpg" "jpeg" "png"));
static DOMAINS: WordSet = WordSet::of(words!(
    "com" "org" "net" "edu" "gov" "info" "de" "fr" "it" "es" "nl" "pl" "ru" "uk" "ch" "at" "be" "br" "jp" "cn" "in" "au" "ca" "us" "eu"
));

/// Hosts whose `name@host` are names of SSH algorithms and extensions.
const ALGORITHM_HOSTS: [&[u8]; 5] =
    [b"openssh.com", b"libssh.org", b"lysator.liu.se", b"putty.projects.tartarus.org", b"ssh.com"];

pub(super) fn find(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let text = anchors.text;
    let mut signs = anchors.all(Class::At);
    while let Some(at) = signs.next() {
        let Some(end) = domain(text, at + 1) else {
            continue;
        };
        let Some(start) = local(text, at).or_else(|| quoted_local(text, at)) else {
            continue;
        };
        if is_other(text, start..at, at + 1..end) {
            continue;
        }
        signs.pass(end);
        found.push(Finding::new(Kind::Email, Severity::Validated, start..end));
    }
}

/// `alice@192.168.1.4`, `alice@[IPv6:2001:db8::17]`: of the addresses that were found, those that have a name in front of them go with it.
pub(super) fn find_logins(text: &[u8], found: &mut Vec<Finding>) {
    for address in 0..found.len() {
        let Finding { kind: Kind::Ipv4 | Kind::Ipv6, start, end, .. } = found[address] else { continue };
        let left = &text[..start];
        let (left, end) = match left.strip_suffix(b"[").or_else(|| left.strip_suffix(b"[IPv6:")) {
            Some(left) => (left, end + usize::from(after(text, end) == b']')),
            None => (left, end),
        };
        let Some(name) = left.strip_suffix(b"@") else { continue };
        let Some(start) = local(text, name.len()).or_else(|| quoted_local(text, name.len())) else { continue };
        if !matches!(&name[start..], b"git" | b"hg") && !is_userinfo(text, start) {
            found.push(Finding::new(Kind::Email, Severity::Likely, start..end));
        }
    }
}

/// Where the local part that ends at `to` begins.
fn local(text: &[u8], to: usize) -> Option<usize> {
    let floor = to.saturating_sub(LOCAL);
    let mut start = to;
    let mut ascii = false;
    while start > floor {
        let byte = text[start - 1];
        if alnum(byte) || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'%') {
            ascii = true;
            start -= 1;
        } else if byte >= 0x80 {
            let Some(letter) = char_before(text, start) else {
                break;
            };
            // Chinese and its neighbours are written without spaces: `用户alice@..` is a word and an address.
            if !(letter.is_alphanumeric() || is_unseen(letter)) || (ascii && unspaced(letter)) {
                break;
            }
            start -= letter.len_utf8();
        } else if matches!(byte, b'\'' | b'!' | b'#' | b'$' | b'*' | b'^' | b'~')
            && alnum(after(text, start))
            && alnum(before(text, start.saturating_sub(1)))
        {
            start -= 1;
        } else {
            break;
        }
    }
    while start < to {
        start += match text[start] {
            b'.' | b'-' | b'+' | b'%' | b'*' | b'~' => 1,
            0x80.. => match char_at(text, start).filter(|letter| is_unseen(*letter)) {
                Some(letter) => letter.len_utf8(),
                None => break,
            },
            _ => break,
        };
    }
    // An escape such as the `n` of `\n` belongs to the text before.
    if before(text, start) == b'\\' {
        start += match after(text, start) {
            b'u' if text[start + 1..].iter().take(4).all(u8::is_ascii_hexdigit) => 5,
            b'n' | b'r' | b't' | b'b' | b'f' => 1,
            _ => 0,
        };
    }
    (start < to).then_some(start)
}

/// Where the local part in quotes that ends at `to` begins: `"john doe"@example.com`.
fn quoted_local(text: &[u8], to: usize) -> Option<usize> {
    let inside = to.checked_sub(1).filter(|quote| text[*quote] == b'"')?;
    let close = run_back(text, inside, 4, |byte| byte == b'\\');
    let quote = run_back(text, close, LOCAL, |byte| !matches!(byte, b'"' | b'\n' | b'\\' | b':' | b',' | b'{' | b'}'));
    // Escaped as often as the one that closes.
    let open = quote.checked_sub(1 + inside - close).filter(|_| before(text, quote) == b'"')?;
    (quote < close && text[open..quote - 1].iter().all(|byte| *byte == b'\\')).then_some(open)
}

/// Whether the letter is of a script that is written without spaces.
pub(super) fn unspaced(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' | '\u{0e00}'..='\u{0eff}')
}

/// Whether a char takes no room (soft hyphen, U+200B to U+200D, U+2060, U+FEFF): it is put inside words to break lines, or to hide them.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Where the host name that starts at `from` ends: two labels at least, and a last one that may be a top-level domain.
fn domain(text: &[u8], from: usize) -> Option<usize> {
    let ceiling = text.len().min(from + DOMAIN);
    let (mut at, mut label, mut labels) = (from, from, 0);
    let mut end = None;
    let mut ascii = false;
    loop {
        let byte = if at < ceiling { text[at] } else { b' ' };
        if alnum(byte) || (byte == b'-' && at > label) {
            // A Chinese label ends where Latin letters begin, and the other way round.
            if at > label && is(byte, LETTER) && before(text, at) >= 0x80 && char_before(text, at).is_some_and(unspaced)
            {
                break;
            }
            ascii = true;
            at += 1;
        } else if byte >= 0x80 {
            let Some(letter) = char_at(text, at).filter(|letter| letter.is_alphanumeric() || is_unseen(*letter)) else {
                break;
            };
            if ascii && at > label && unspaced(letter) {
                break;
            }
            at += letter.len_utf8();
        } else if byte == b'.' && at > label {
            labels += 1;
            at += 1;
            label = at;
            ascii = false;
            continue;
        } else {
            break;
        }
        if labels > 0 && !char_before(text, at).is_some_and(is_unseen) {
            end = Some(at);
        }
    }
    let mut end = end?;
    while before(text, end) == b'-' {
        end -= 1;
    }
    // `bob@example.com.` ends before the dot, and so does `bob@example.com.\n`.
    let mut last = run_back(text, end, DOMAIN, |byte| byte != b'.' && byte != b'@');
    if last == from {
        return None;
    }
    if last == end {
        end -= 1;
        last = run_back(text, end, DOMAIN, |byte| byte != b'.' && byte != b'@');
    }
    let tld = &text[last..end];
    let real = match tld {
        [b'x' | b'X', b'n' | b'N', b'-', b'-', rest @ ..] => !rest.is_empty(),
        _ => {
            tld.iter().all(|byte| is(*byte, LETTER | HIGH))
                && (tld.len() >= 2 && tld.len() <= 24 || tld[0] >= 0x80)
                && !FILE_ENDS.holds(tld)
        }
    };
    if real { (last > from + 1).then_some(end) } else { before_file_end(text, from, last, end) }
}

/// `example.com.csv`, `example.com.json.gz`: where the host ends by whose address a file is called. Its last label is `text[last..end]`.
fn before_file_end(text: &[u8], from: usize, last: usize, end: usize) -> Option<usize> {
    let (mut label, mut stop) = (last, end);
    while label > from && FILES.holds(&text[label..stop]) {
        stop = label - 1;
        label = run_back(text, stop, DOMAIN, |byte| byte != b'.' && byte != b'@');
    }
    (stop < end && label > from + 1 && DOMAINS.holds(&text[label..stop])).then_some(stop)
}

/// What has the form of an address and is none.
fn is_other(text: &[u8], local: std::ops::Range<usize>, domain: std::ops::Range<usize>) -> bool {
    let name = &text[local.clone()];
    let host = &text[domain.clone()];
    // `git@github.com:org/repo`
    if name == b"git" || name == b"hg" {
        return true;
    }
    // `logo@2x.png`, `pkg@1.2.3-beta`, `bar@v0.1.0-rc`
    let version = host.strip_prefix(b"v").unwrap_or(host);
    let first = version.iter().take_while(|byte| is(**byte, DIGIT)).count();
    if first > 0 && matches!(version.get(first), Some(b'x')) && version.get(first + 1) == Some(&b'.') {
        return true;
    }
    if first > 0 && version.get(first) == Some(&b'.') && version.get(first + 1).is_some_and(u8::is_ascii_digit) {
        return true;
    }
    if ALGORITHM_HOSTS.iter().any(|known| host.eq_ignore_ascii_case(known))
        && (name.contains(&b'-') || host != b"ssh.com")
    {
        return true;
    }
    if is_place(text, name, host, domain.end) {
        return true;
    }
    is_userinfo(text, local.start)
}

/// Whether the name at `start` is in a URL, of which user and password are found as such.
fn is_userinfo(text: &[u8], start: usize) -> bool {
    let authority =
        run_back(text, start, LOCAL, |byte| !matches!(byte, b' ' | b'/' | b'"' | b'\'' | b'<' | b'>' | b'\n' | b'\t'));
    authority >= 3 && text[..authority].ends_with(b"//") && matches!(text[authority - 3], b':' | b'/' | b'\\')
}

/// `closure@build.rs:10:60`: a line and a column of a file, whose name ends as hosts of Serbia and Paraguay do. One number may be a
/// port: `marko@telekom.rs:587`.
fn is_place(text: &[u8], name: &[u8], host: &[u8], end: usize) -> bool {
    let (Some(file), b':') = (host.strip_suffix(b".rs").or_else(|| host.strip_suffix(b".py")), after(text, end)) else {
        return false;
    };
    let plain = name.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'));
    let line = run(text, end + 1, |byte| is(byte, DIGIT));
    let has_column = after(text, line) == b':' && is(after(text, line + 1), DIGIT);
    let is_place = line > end + 1 && (has_column || name == b"closure");
    is_place && !file.contains(&b'.') && plain
}
