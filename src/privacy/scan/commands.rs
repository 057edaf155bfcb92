//! Secrets that commands take without an option of their own: `smbclient -U app%hunter2`, `htpasswd -b file app hunter2`,
//! `sqlplus app/hunter2@orcl`.

use super::anchors::Anchors;
use super::bytes::{LETTER, SPACE, STOP, WordSet, after, alnum, before, head, is, rfind, run, run_back};
use super::classes::Class;
use super::key::KEY;
use super::value::is_placeholder;
use super::{Finding, Kind, Severity};

/// How far before an argument its program is looked for.
const PROGRAM: usize = 96;

/// Programs that take `user%password`, as Samba's do.
const SAMBA: [&[u8]; 6] = [b"smbclient", b"rpcclient", b"smbget", b"smbcacls", b"wbinfo", b"net"];

/// Programs that take `user/password@database`, as Oracle's do.
static ORACLE: WordSet = WordSet::of(words!("sqlplus" "sqlldr" "sqlcl" "expdp" "impdp" "exp" "imp" "rman"));

/// The arguments of the option at `dash`, if its program is one of these; says where to go on.
pub(super) fn option(text: &[u8], dash: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let end = run(head(text, dash, 6), dash + 1, |byte| is(byte, LETTER));
    if after(text, end) != b' ' {
        return None;
    }
    match &text[dash + 1..end] {
        b"U" if runs_any(line(text, dash), &SAMBA) => {
            let start = end + 1 + usize::from(matches!(after(text, end + 1), b'\'' | b'"'));
            let last = argument(text, start);
            let sign = run(&text[..last], start, |byte| byte != b'%');
            let user = is(after(text, start), LETTER);
            if user { take(text, sign + 1, last, found) } else { None }
        }
        letters if letters.contains(&b'b') && runs(line(text, dash), b"htpasswd") => {
            // A file, a user and the password; without the file if it is only to be printed.
            let mut last = end;
            for _ in 0..if letters.contains(&b'n') { 2 } else { 3 } {
                let start = run(head(text, last, 8), last, |byte| byte == b' ');
                if start == last {
                    return None;
                }
                let quoted = usize::from(matches!(after(text, start), b'\'' | b'"'));
                last = argument(text, start + quoted) + quoted;
            }
            let quoted = usize::from(matches!(before(text, last), b'\'' | b'"'));
            let start = run_back(text, last - quoted, KEY, |byte| !is(byte, SPACE | STOP));
            take(text, start, last - quoted, found)
        }
        _ => None,
    }
}

/// `app/hunter2@orcl` behind the name of its program.
pub(super) fn find_connects(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let text = anchors.text;
    let mut signs = anchors.all(Class::At);
    while let Some(at) = signs.next() {
        let slashes = anchors.bits_before(|block| block[Class::Slash as usize], at);
        let Some(slash) = at.checked_sub(slashes.leading_zeros() as usize + 1).filter(|_| slashes != 0) else {
            continue;
        };
        let user = anchors.run_back(Class::Token, slash);
        if user < slash && before(text, user) == b' ' && follows_program(text, user) {
            let whole = !text[slash..at].iter().any(|byte| is(*byte, SPACE | STOP));
            if whole {
                take(text, slash + 1, at, found);
            }
        }
    }
}

/// Whether the argument at `at` is the first behind one of Oracle's programs, but for options: `sqlplus -s `.
fn follows_program(text: &[u8], at: usize) -> bool {
    let mut end = at - 1;
    for _ in 0..4 {
        let word = run_back(text, end, 12, |byte| alnum(byte) || byte == b'-');
        if after(text, word) != b'-' || before(text, word) != b' ' {
            return ORACLE.holds(&text[word..end]);
        }
        end = word - 1;
    }
    false
}

/// Where the argument that begins at `start` ends.
fn argument(text: &[u8], start: usize) -> usize {
    run(head(text, start, KEY), start, |byte| !is(byte, SPACE) && !matches!(byte, b'\'' | b'"'))
}

fn take(text: &[u8], start: usize, end: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let value = text.get(start..end)?;
    if value.len() < 2 || is_placeholder(value) || value[0] == b'$' {
        return None;
    }
    found.push(Finding::new(Kind::KeyedSecret, Severity::Likely, start..end));
    Some(end)
}

/// What of a command line stands before `at`.
pub(super) fn line(text: &[u8], at: usize) -> &[u8] {
    &text[run_back(text, at, PROGRAM, |byte| !matches!(byte, b'|' | b';' | b'&' | b'\n'))..at]
}

/// Whether what follows this line is an argument of this program: its name stands before.
pub(super) fn runs(line: &[u8], program: &[u8]) -> bool {
    rfind(line, program).is_some_and(|start| {
        !alnum(before(line, start)) && before(line, start) != b'-' && after(line, start + program.len()) == b' '
    })
}

fn runs_any(line: &[u8], programs: &[&[u8]]) -> bool {
    programs.iter().any(|program| runs(line, program))
}
