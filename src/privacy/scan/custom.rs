//! Kinds that an application adds: by regular expression, or by a list of words.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

use super::bytes::alnum;
use super::kind::Severity;

/// A kind that an application adds to a [`Scanner`](super::Scanner).
///
/// ```
/// use tracing_privacy::privacy::{Custom, Policy, Scanner};
///
/// let scanner = Scanner::standard()
///     .custom(Custom::regex("ORDER", r"ORD-[0-9]{8}")?)?
///     .custom(Custom::words("PROJECT", ["blue heron", "Nightjar"])?.any_case())?;
/// let policy = Policy::standard().scanner(scanner);
/// assert_eq!(policy.scrub("ORD-00420017 for Blue Heron").as_deref(), Some("[ORDER] for [PROJECT]"));
/// # Ok::<(), tracing_privacy::privacy::CustomError>(())
/// ```
#[derive(Clone)]
pub struct Custom {
    name: Box<str>,
    placeholder: Box<str>,
    severity: Severity,
    matcher: Matcher,
}

#[derive(Clone)]
enum Matcher {
    Regex {
        regex: Regex,
        group: Option<usize>,
    },
    Words(Words),
    #[cfg(test)]
    Fails,
}

/// What a [`Custom`] looks for, as it was given.
#[derive(Clone, Copy)]
pub(crate) enum CustomSource<'a> {
    Regex(&'a str),
    Words { words: &'a [Box<[u8]>], any_case: bool },
}

/// The longest name.
const NAME: usize = 32;
/// Bytes that a compiled expression may take, and the cache it builds while searching.
const SIZE: usize = 1 << 20;
/// Words in a list, and bytes in each.
const WORDS: usize = 100_000;
const WORD: usize = 256;
/// How much text one search sees, and how much two neighbouring ones share. A search is linear, but a pattern may look far
/// ahead for each of many short matches; this keeps the whole linear.
const PIECE: usize = 16 * 1024;
const OVERLAP: usize = 2 * 1024;

impl Custom {
    /// What a regular expression matches, in the syntax of the crate [`regex`](https://docs.rs/regex), which searches in
    /// linear time. With a group named `value`, that group alone is the finding. Matches of more than 2 KiB may be cut in text of
    /// more than 16 KiB, and an empty match is none.
    ///
    /// # Errors
    /// If the name is not 1 to 32 of `A-Z`, `0-9` and `_`, or the pattern cannot be read or is larger than 1 MiB compiled.
    pub fn regex(name: &str, pattern: &str) -> Result<Self, CustomError> {
        let regex = RegexBuilder::new(pattern)
            .size_limit(SIZE)
            .dfa_size_limit(SIZE)
            .build()
            .map_err(|error| CustomError::of(name, Problem::Pattern(pattern.into(), error)))?;
        let group = regex.capture_names().position(|group| group == Some("value"));
        Self::new(name, Matcher::Regex { regex, group })
    }

    /// The words or phrases of a list, where they stand as words of their own.
    ///
    /// # Errors
    /// If the name is not 1 to 32 of `A-Z`, `0-9` and `_`, the list is empty or longer than 100,000, or a word is empty or longer
    /// than 256 bytes.
    pub fn words<W: AsRef<str>>(name: &str, words: impl IntoIterator<Item = W>) -> Result<Self, CustomError> {
        let mut list: Vec<Box<[u8]>> = Vec::new();
        for word in words {
            let word = word.as_ref();
            if word.is_empty() || word.len() > WORD || list.len() == WORDS {
                return Err(CustomError::of(name, Problem::Words));
            }
            list.push(word.as_bytes().into());
        }
        if list.is_empty() {
            return Err(CustomError::of(name, Problem::Words));
        }
        Self::new(name, Matcher::Words(Words::new(list, Case::Exact)))
    }

    fn new(name: &str, matcher: Matcher) -> Result<Self, CustomError> {
        let good = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || name.len() > NAME || !name.bytes().all(good) {
            return Err(CustomError::of(name, Problem::Name));
        }
        Ok(Custom { name: name.into(), placeholder: format!("[{name}]").into(), severity: Severity::Likely, matcher })
    }

    /// How sure its findings are. Default: [`Severity::Likely`].
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The words of a list match in any ASCII case. An expression says `(?i)` itself. Default: exactly as written.
    #[must_use]
    pub fn any_case(mut self) -> Self {
        if let Matcher::Words(words) = self.matcher {
            self.matcher = Matcher::Words(Words::new(words.list, Case::Any));
        }
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it looks for.
    pub(crate) fn source(&self) -> CustomSource<'_> {
        match &self.matcher {
            Matcher::Regex { regex, .. } => CustomSource::Regex(regex.as_str()),
            Matcher::Words(words) => CustomSource::Words { words: &words.list, any_case: words.case == Case::Any },
            #[cfg(test)]
            Matcher::Fails => CustomSource::Regex(""),
        }
    }

    pub(super) fn placeholder(&self) -> &str {
        &self.placeholder
    }

    pub(crate) fn certainty(&self) -> Severity {
        self.severity
    }

    /// Gives the span of each match, in order; two may be the same.
    pub(super) fn find(&self, text: &[u8], mut push: impl FnMut(usize, usize)) {
        let mut whole = |start: usize, end: usize| {
            // A pattern may match parts of chars if it asks to, or nothing at all.
            if start < end {
                push(floor_char(text, start), ceil_char(text, end));
            }
        };
        match &self.matcher {
            Matcher::Regex { regex, group } => find_regex(regex, *group, text, &mut whole),
            Matcher::Words(words) => words.find(text, &mut whole),
            #[cfg(test)]
            Matcher::Fails => panic!("a detector fails"),
        }
    }

    #[cfg(test)]
    pub(in crate::privacy) fn failing() -> Self {
        Self::new("FAILS", Matcher::Fails).expect("the name is good")
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The words may be the very names that must not be shown.
        f.debug_struct("Custom").field("name", &self.name).field("severity", &self.severity).finish_non_exhaustive()
    }
}

fn find_regex(regex: &Regex, group: Option<usize>, text: &[u8], push: &mut impl FnMut(usize, usize)) {
    let mut at = 0;
    loop {
        let end = text.len().min(at + PIECE);
        let piece = &text[..end];
        let mut from = at;
        while from <= end {
            let (start, stop) = match group {
                None => match regex.find_at(piece, from) {
                    Some(whole) => {
                        push(whole.start(), whole.end());
                        (whole.start(), whole.end())
                    }
                    None => break,
                },
                Some(group) => match regex.captures_at(piece, from) {
                    Some(captures) => {
                        // Group 0 is always there.
                        let whole = captures.get(0).map_or(end..end, |whole| whole.range());
                        if let Some(value) = captures.get(group) {
                            push(value.start(), value.end());
                        }
                        (whole.start, whole.end)
                    }
                    None => break,
                },
            };
            from = if stop > start { stop } else { stop + 1 };
        }
        if end == text.len() {
            return;
        }
        at = end - OVERLAP;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Exact,
    Any,
}

/// A sorted list, searched byte by byte from each place where a word may start.
#[derive(Clone)]
struct Words {
    list: Vec<Box<[u8]>>,
    case: Case,
}

impl Words {
    fn new(mut list: Vec<Box<[u8]>>, case: Case) -> Self {
        if case == Case::Any {
            list.iter_mut().for_each(|word| word.make_ascii_lowercase());
        }
        list.sort_unstable();
        list.dedup();
        Words { list, case }
    }

    fn find(&self, text: &[u8], push: &mut impl FnMut(usize, usize)) {
        let mut at = 0;
        while at < text.len() {
            match self.longest_at(text, at) {
                Some(end) => {
                    push(at, end);
                    at = end;
                }
                None => at += 1,
            }
        }
    }

    /// The end of the longest word that stands at `at`.
    fn longest_at(&self, text: &[u8], at: usize) -> Option<usize> {
        if at > 0 && alnum(text[at]) && alnum(text[at - 1]) {
            return None;
        }
        let mut longest = None;
        // The words that agree with the text so far.
        let mut left = &self.list[..];
        for depth in 0.. {
            if left.first().is_some_and(|word| word.len() == depth) {
                let end = at + depth;
                if depth > 0 && !(alnum(text[end - 1]) && text.get(end).is_some_and(|next| alnum(*next))) {
                    longest = Some(end);
                }
                left = &left[1..];
            }
            let Some(byte) = text.get(at + depth).filter(|_| !left.is_empty()) else { break };
            let byte = if self.case == Case::Any { byte.to_ascii_lowercase() } else { *byte };
            let from = left.partition_point(|word| word[depth] < byte);
            let to = left.partition_point(|word| word[depth] <= byte);
            left = &left[from..to];
        }
        longest
    }
}

fn floor_char(text: &[u8], mut at: usize) -> usize {
    while at > 0 && text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80) {
        at -= 1;
    }
    at
}

fn ceil_char(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80) {
        at += 1;
    }
    at
}

/// Why a kind cannot be added. Its text names the kind and the remedy.
#[derive(Debug, Clone)]
pub struct CustomError {
    name: Box<str>,
    problem: Problem,
}

#[derive(Debug, Clone)]
enum Problem {
    Name,
    Pattern(Box<str>, regex::Error),
    Words,
    Taken,
    TooMany,
}

impl CustomError {
    fn of(name: &str, problem: Problem) -> Self {
        CustomError { name: name.into(), problem }
    }

    pub(super) fn taken(name: &str) -> Self {
        Self::of(name, Problem::Taken)
    }

    pub(super) fn too_many(name: &str) -> Self {
        Self::of(name, Problem::TooMany)
    }
}

impl fmt::Display for CustomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "custom kind `{}`: ", self.name)?;
        match &self.problem {
            Problem::Name => write!(f, "the name must be 1 to {NAME} of A-Z, 0-9 and _"),
            Problem::Pattern(pattern, regex::Error::CompiledTooBig(_)) => write!(
                f,
                "the pattern `{pattern}` takes more than {SIZE} bytes compiled; use fewer or smaller repetitions, ASCII \
                 classes such as [0-9], or several kinds"
            ),
            Problem::Pattern(pattern, error) => {
                write!(f, "the pattern `{pattern}` cannot be read; correct it (syntax: https://docs.rs/regex): {error}")
            }
            Problem::Words => write!(f, "give 1 to {WORDS} words of 1 to {WORD} bytes each"),
            Problem::Taken => write!(f, "there is a kind of this name already; give it another"),
            Problem::TooMany => {
                write!(f, "there are {} custom kinds already; join some into one", super::kind::MOST_CUSTOM)
            }
        }
    }
}

impl std::error::Error for CustomError {}
