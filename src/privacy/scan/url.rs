//! User and password inside URLs: `postgres://user:password@host/db`.

use super::anchors::Anchors;
use super::bytes::{SPACE, STOP, alnum, before, head, is, run, run_back};
use super::classes::Class;
use super::starts::ahead;
use super::value::is_placeholder;
use super::words::is_status;
use super::{Finding, Kind, Severity};

pub(super) fn find(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let text = anchors.text;
    let mut colons = anchors.places(|blocks, block| {
        blocks[block][Class::Colon as usize] & ahead(blocks, block, 1, |block| block[Class::Slash as usize])
    });
    let mut reader = Authorities::of(anchors);
    while let Some(colon) = colons.next() {
        let start = match &text[colon + 1..] {
            [b'/', b'/', ..] => colon + 3,
            // JSON may escape the slash.
            [b'\\', b'/', b'\\', b'/', ..] => colon + 5,
            _ => continue,
        };
        if !alnum(before(text, colon)) {
            continue;
        }
        if let Some(end) = reader.userinfo(start) {
            let user = text[start..end].split(|byte| *byte == b':').next().unwrap_or_default();
            let password = &text[(start + user.len() + 1).min(end)..end];
            let bare = password.is_empty();
            let public = bare && matches!(user, b"git" | b"hg" | b"svn");
            // `alice:***@host` still names her.
            let template = is_placeholder(&text[start..end])
                || is_placeholder(password) && (is_placeholder(user) || is_status(user));
            if !(public || template || bare && user.is_empty()) {
                found.push(Finding::new(Kind::UrlUserinfo, Severity::Validated, start..end));
            }
            colons.pass(end);
        } else {
            colons.pass(start);
        }
    }
    go_style(anchors, found);
}

/// Reads authorities from the first to the last. A password may be as long as it likes; however many of them there are, each byte is
/// looked at but once or twice.
struct Authorities<'t> {
    text: &'t [u8],
    /// Where the last `@` is; behind it none has a user.
    last_sign: Option<usize>,
    /// The word that an authority stood in: where it ends, and its last `@`.
    word: (usize, Option<usize>),
}

impl<'t> Authorities<'t> {
    fn of(anchors: &Anchors<'t>) -> Self {
        Authorities { text: anchors.text, last_sign: anchors.last(Class::At), word: (0, None) }
    }

    /// Where the userinfo that starts at `start` ends: the last `@` of the authority.
    fn userinfo(&mut self, start: usize) -> Option<usize> {
        let text = self.text;
        self.last_sign.filter(|sign| *sign >= start)?;
        let stop = |byte: u8| is(byte, SPACE) || matches!(byte, b'"' | b'<' | b'>' | b'`');
        // The next authority is behind a slash, which ends this one.
        let end = run(text, start, |byte| !stop(byte) && !matches!(byte, b'/' | b'?' | b'#' | b'\\'));
        if let Some(at) = text[start..end].iter().rposition(|byte| *byte == b'@') {
            // A comma may list hosts (`mongodb://u:p@a,b`) or end the URL; the last `@` before either is the one.
            return Some(start + at).filter(|end| *end > start);
        }
        // A password that should have been encoded: `user:pa/ss@host`. A port is all digits, so this is none.
        let colon = text[start..end].iter().position(|byte| *byte == b':')? + start;
        if text[colon + 1..end].iter().all(u8::is_ascii_digit) {
            return None;
        }
        if end > self.word.0 {
            let word = run(text, end, |byte| !stop(byte));
            self.word = (word, text[end..word].iter().rposition(|byte| *byte == b'@').map(|at| end + at));
        }
        self.word.1.filter(|at| *at >= end)
    }
}

/// `user:password@tcp(host:3306)/db`
fn go_style(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let text = anchors.text;
    let mut signs = anchors.all(Class::At);
    // Where what stands before the last of these signs begins, where it ends, and whether it has a colon.
    let mut last = (0..0, false);
    while let Some(at) = signs.next() {
        if !(text[at..].starts_with(b"@tcp(") || text[at..].starts_with(b"@unix(")) {
            found
                .extend(bare_userinfo(text, at).map(|span| Finding::new(Kind::UrlUserinfo, Severity::Validated, span)));
            continue;
        }
        let done = last.0.end;
        let part = |byte| !is(byte, SPACE) && !matches!(byte, b'"' | b'\'' | b'=' | b'/');
        let start = run_back(text, at, at - done, part);
        let colon = text[start..at].contains(&b':');
        // Nothing between the two ends the one.
        last = if start == done && done > 0 { (last.0.start..at, last.1 || colon) } else { (start..at, colon) };
        let (span, colon) = last.clone();
        if colon && !span.is_empty() && !is_placeholder(&text[start..at]) {
            found.push(Finding::new(Kind::UrlUserinfo, Severity::Validated, span));
        }
    }
}

/// User and password without a `//` before them, of which the first `@` is at `at`: `jdbc:oracle:thin:user/password@host`, and
/// `authority: "user:password@host"`, as a URL is printed in parts.
fn bare_userinfo(text: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let part = |byte: u8| !is(byte, SPACE | STOP) && !matches!(byte, b'=' | b':' | b'@');
    // Neither goes beyond the sign before, so that both may be as long as they like.
    let last = run_back(text, at, at, part);
    let left = text[..last].strip_suffix(b":").filter(|_| last < at)?;
    let (span, password) = if left.ends_with(b"oracle:thin") || left.ends_with(b"oracle:oci") {
        // A password may hold the sign.
        let end = run(head(text, at, 64), at, |byte| part(byte) && byte != b'/' || byte == b'@');
        let end = at + text[at..end].iter().rposition(|byte| *byte == b'@')?;
        let slash = text[last..at].iter().position(|byte| *byte == b'/')?;
        (last..end, last + slash + 1)
    } else {
        let user = run_back(text, left.len(), left.len(), part);
        (names_authority(&text[..user]) && user < left.len()).then_some((user..at, last))?
    };
    (span.start + 1 < password && password < span.end && !is_placeholder(&text[password..span.end])).then_some(span)
}

/// `authority: "`, `"authority":"`
fn names_authority(left: &[u8]) -> bool {
    let end = run_back(left, left.len(), 6, |byte| matches!(byte, b' ' | b'"' | b'\'' | b'\\' | b':' | b'='));
    end < left.len() && left[..end].ends_with(b"authority")
}
