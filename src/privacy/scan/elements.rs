//! The elements of lists, tuples and sets, as JSON and `Debug` write them: `["a", "b"]`, `("a", 13)`, `{1, 2}`,
//! `[Some("a"), None]`.

use std::ops::Range;

use super::bytes::{LETTER, SPACE, after, alnum, head, is, run};
use super::key::KEY;
use super::pairs::placeholder_end;
use super::take::INDENT;
use super::value::{self, Bare, JUDGED, is_placeholder};
use super::words;

/// What an element is written as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Quoted,
    Number,
    /// Neither in quotes nor a number.
    Word,
}

/// One of them, without its quotes and what is around it.
pub(super) struct Element {
    pub(super) form: Form,
    pub(super) span: Range<usize>,
    /// Whether no bracket stands between it and the element before.
    pub(super) goes_on: bool,
}

/// Reads what stands in a bracket and in those inside it up to the end of the bracket, or to what is no element: a key, an object.
pub(super) struct Elements<'t> {
    text: &'t [u8],
    /// Behind the last element, and from there on behind the brackets that close.
    pub(super) at: usize,
    depth: usize,
}

/// How deep brackets may lie in each other.
const DEEPEST: usize = 8;

impl<'t> Elements<'t> {
    /// Those behind the bracket that opens at `open`.
    pub(super) fn of(text: &'t [u8], open: usize) -> Self {
        Elements { text, at: open + 1, depth: 0 }
    }

    fn number_or_word(&self) -> Option<(Form, usize)> {
        let (text, at) = (self.text, self.at);
        let end = value::bare(head(text, at, JUDGED), at, Bare::Strict, false);
        let number = words::begins_number(text[at]) && words::is_number(&text[at..end]);
        let form = if number { Form::Number } else { Form::Word };
        (end > at).then_some((form, end))
    }
}

impl Iterator for Elements<'_> {
    type Item = Element;

    fn next(&mut self) -> Option<Element> {
        let text = self.text;
        let mut goes_on = true;
        loop {
            self.at = run(text, self.at, |byte| is(byte, SPACE) && byte != 0 || byte == b',');
            let at = self.at;
            // What was an element is replaced.
            if let Some(end) = placeholder_end(text, at) {
                (self.at, goes_on) = (end, false);
                continue;
            }
            match *text.get(at)? {
                b'[' | b'(' if self.depth < DEEPEST => {
                    (self.depth, self.at, goes_on) = (self.depth + 1, at + 1, false);
                    continue;
                }
                b']' | b')' if self.depth > 0 => {
                    (self.depth, self.at, goes_on) = (self.depth - 1, at + 1, false);
                    continue;
                }
                b'[' | b'(' | b']' | b')' | b'{' | b'}' => return None,
                b'&' => {
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            if names_list(text, at) {
                return None;
            }
            if let Some(inner) = wrapped(text, at).filter(|_| self.depth < DEEPEST) {
                (self.depth, self.at, goes_on) = (self.depth + 1, inner, false);
                continue;
            }
            if let Some(quoted) = value::quoted(text, at) {
                let next = run(head(text, quoted.next, 8), quoted.next, |byte| byte == b' ');
                if after(text, next) == b':' {
                    return None;
                }
                self.at = quoted.next;
                return Some(Element { form: Form::Quoted, span: quoted.start..quoted.end, goes_on });
            }
            let (form, end) = self.number_or_word()?;
            if form == Form::Word && matches!(after(text, end), b':' | b'=' | b'{' | b'[' | b'(') {
                return None;
            }
            self.at = end;
            // `None`, `null`
            if !(form == Form::Word && is_placeholder(&text[at..end])) {
                return Some(Element { form, span: at..end, goes_on });
            }
        }
    }
}

/// Whether a key with a list or an object of its own stands at `at`: `tokens:[`.
fn names_list(text: &[u8], at: usize) -> bool {
    let end = run(head(text, at, KEY), at, |byte| is(byte, LETTER) || byte == b'_');
    end > at && matches!(after(text, end), b':' | b'=') && matches!(after(text, end + 1), b'[' | b'{')
}

/// Behind the bracket of a variant or a type at `at`, whose name begins with a capital or ends in such a one: `Some(`, `a::B(`, `Foo::<u8>(`.
pub(super) fn wrapped(text: &[u8], at: usize) -> Option<usize> {
    if !is(after(text, at), LETTER) {
        return None;
    }
    let end = run(head(text, at, KEY), at, |byte| alnum(byte) || matches!(byte, b'_' | b':' | b'<' | b'>'));
    let name = &text[at..end];
    let path = super::bytes::find(name, 0, b"::<").map_or(name, |generic| &name[..generic]);
    let last = path.rsplit(|byte| *byte == b':').next().unwrap_or_default();
    let named =
        name[0].is_ascii_uppercase() || path.windows(2).any(|two| two == b"::") && last.first()?.is_ascii_uppercase();
    (after(text, end) == b'(' && named).then_some(end + 1)
}

/// Whether the bracket at `open`, `(` or `{`, is that of a tuple or a set: behind its first element, which is no word, stands a comma or its end.
pub(super) fn is_group(text: &[u8], open: usize) -> bool {
    let mut elements = Elements::of(text, open);
    let Some(first) = elements.next() else { return false };
    let next = after(text, run(head(text, elements.at, INDENT), elements.at, |byte| matches!(byte, b' ' | b'\n')));
    let closes = matches!(next, b'}' | b')' | b']');
    match first.form {
        Form::Quoted => next == b',' || closes,
        // `{0}` is a template, and `(415)` is part of a number.
        Form::Number => next == b',' || elements.depth > 0 && closes || next == b'}' && first.span.len() > 2,
        Form::Word => false,
    }
}
