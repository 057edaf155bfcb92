//! What ClickHouse's answer means for an insert.
//!
//! Its own code decides: of the HTTP statuses, 500 stands for refusals that are final (16, no such column) and for those
//! that pass (241, memory), and 200 can be followed by an exception. The codes are those of the server's
//! `src/Common/ErrorCodes.cpp`; which of them pass is also what the connector for Kafka goes by (`Utils.java`).

use std::borrow::Cow;
use std::time::Duration;

use crate::export::http::{Answer, BodyEnd, HttpFailure};
use crate::export::text::printable;

/// Characters of a server's message that are kept.
const LONGEST_MESSAGE: usize = 300;

/// What is to be done about an insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The server has it; with its summary, if it gave one.
    Delivered { summary: Option<String> },
    /// It may work later, with the same bytes and the same token.
    Retry { after: Option<Duration>, fate: Fate, why: Why },
    /// The same, and nothing else is welcome meanwhile.
    Overloaded { after: Option<Duration>, why: Why },
    /// The table has other columns than we believed: it is to be described again.
    Columns { why: Why },
    /// There is no such table.
    NoTable { why: Why },
    /// There is too much in one insert, and nothing of it was taken.
    TooLarge { why: Why },
    /// The server takes nothing from us as things are: a matter of address, authorization or tables.
    Paused { status: u16, why: Why },
    /// The server will never take this insert.
    Refused { status: u16, why: Why },
}

/// A reason, fit to be shown.
pub(crate) type Why = Cow<'static, str>;

/// Whether a part of an insert that failed may be in the server nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// No byte of it has left.
    NotSent,
    /// No memory for an insert of this size, and nothing of it was taken: smaller ones are safe, and likely to fit.
    NoMemory,
    /// It may be there: only the same token is safe.
    Unknown,
    /// The same, and the server did not say a word.
    NoAnswer,
}

/// What a code means, before the HTTP status is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Retry,
    Memory,
    TooMany,
    Columns,
    Table,
    Configuration,
    Batch,
}

/// Reads the answer to an `INSERT`, which is empty when all went well.
pub(crate) fn verdict(result: Result<&Answer, &HttpFailure>) -> Verdict {
    let answer = match result {
        Ok(answer) => answer,
        Err(failure) => {
            let fate = if failure.is_unsent() { Fate::NotSent } else { Fate::NoAnswer };
            return Verdict::Retry { after: None, fate, why: failure.to_string().into() };
        }
    };
    match exception(answer) {
        Some(exception) => exception.verdict(answer),
        None => by_status(answer),
    }
}

/// What went wrong with a statement that is no insert; `None` if nothing did.
pub(crate) fn failure(result: Result<&Answer, &HttpFailure>) -> Option<Verdict> {
    match result {
        Ok(answer) if (200..300).contains(&answer.status) && answer.end == BodyEnd::Whole => {
            exception(answer).map(|exception| exception.verdict(answer))
        }
        _ => Some(verdict(result)),
    }
}

impl Verdict {
    /// Whether the insert that this was said about certainly left no row behind.
    pub(super) fn leaves_nothing(&self) -> bool {
        matches!(self, Verdict::TooLarge { .. } | Verdict::Retry { fate: Fate::NotSent | Fate::NoMemory, .. })
    }

    /// The same for rows that were not sent yet, because a statement before them failed: they are not at fault.
    pub(crate) fn of_a_statement(self) -> Self {
        match self {
            Verdict::Refused { status, why } => Verdict::Paused { status, why },
            Verdict::Columns { why } | Verdict::TooLarge { why } => Verdict::Paused { status: 400, why },
            other => other,
        }
    }
}

/// An exception of the server's, as its header or its text has it.
struct Exception<'a> {
    code: u32,
    text: Cow<'a, str>,
}

impl Exception<'_> {
    fn verdict(&self, answer: &Answer) -> Verdict {
        let Exception { code, text } = self;
        let status = answer.status;
        let after = answer.retry_after;
        let why = |meaning: &str| -> Why { format!("{meaning}: {}", self.shown()).into() };
        // A view's target failed after the table itself may have been written.
        let reached_a_view = text.contains("pushing to view");
        match class(*code) {
            _ if status == 413 => Verdict::TooLarge { why: why("the insert is too large for the server") },
            Some(Class::TooMany) if text.to_ascii_lowercase().contains("partitions") => {
                if reached_a_view {
                    return Verdict::Refused { status, why: why("the rows are of too many partitions") };
                }
                Verdict::TooLarge { why: why("the rows are of too many partitions") }
            }
            Some(Class::TooMany) => Verdict::Overloaded { after, why: why("the server has to merge first") },
            Some(Class::Memory) => {
                let fate = if reached_a_view { Fate::Unknown } else { Fate::NoMemory };
                Verdict::Retry { after, fate, why: why("the server has no memory for it now") }
            }
            Some(Class::Retry) if matches!(status, 429 | 503) && after.is_some() => {
                Verdict::Overloaded { after, why: why("the server cannot take it now") }
            }
            Some(Class::Retry) => {
                Verdict::Retry { after, fate: Fate::Unknown, why: why("the server cannot take it now") }
            }
            Some(Class::Columns) => Verdict::Columns { why: why("the table has other columns") },
            Some(Class::Table) => Verdict::NoTable { why: why("the table is not there") },
            Some(Class::Configuration) => {
                Verdict::Paused { status, why: why("the server takes nothing as things are") }
            }
            Some(Class::Batch) => Verdict::Refused { status, why: why("the server does not accept the insert") },
            None => match status {
                401 | 403 | 404 | 407 => Verdict::Paused { status, why: why("the server takes nothing as things are") },
                400..=499 | 501 if !matches!(status, 408 | 425 | 429) => {
                    Verdict::Refused { status, why: why("the server does not accept the insert") }
                }
                _ => Verdict::Retry { after, fate: Fate::Unknown, why: why("the server failed") },
            },
        }
    }

    /// `Code: 60. DB::Exception: …`, without version, stack and what would not be fit for a terminal.
    fn shown(&self) -> String {
        let text = self.text.split("(version ").next().unwrap_or_default();
        let text = text.split("Stack trace").next().unwrap_or_default().trim();
        match text {
            "" => format!("Code: {}", self.code),
            text => printable(text, LONGEST_MESSAGE),
        }
    }
}

/// TRAPS: what each code is to us. None: one that says nothing by itself.
fn class(code: u32) -> Option<Class> {
    Some(match code {
        // 3 the answer's end is missing; 159 time-out; 198 DNS; 202 too many queries; 203, 209, 210 network; 242 the table
        // is read-only now; 243 the disk is full; 279 no connection to a shard; 285 too few replicas; 319 whether it was
        // inserted is not known; 425 system error; 439 no thread; 999 Keeper; 1002 unknown.
        3 | 159 | 198 | 202 | 203 | 209 | 210 | 242 | 243 | 279 | 285 | 319 | 425 | 439 | 999 | 1002 => Class::Retry,
        241 => Class::Memory,
        252 => Class::TooMany,
        // 6, 53, 70 a type does not fit; 16, 117 there is no such column.
        6 | 16 | 53 | 70 | 117 => Class::Columns,
        // 192 to 194, 511, 512, 516 who we are; 497, 164 and 452 what we may; 62 statement; 73 format; 81 database;
        // 115 setting; 48 something is not built in, such as the compression.
        60 => Class::Table,
        // 43 and 386 are types that do not go together, as in a view of the operator's that an ALTER has broken.
        43 | 48 | 62 | 73 | 81 | 115 | 164 | 192..=194 | 386 | 452 | 497 | 511 | 512 | 516 => Class::Configuration,
        // What could not be read, and would not be the next time: 40 is the checksum, 89 and 271 are compression.
        27 | 33 | 36 | 38 | 40 | 41 | 44 | 72 | 89 | 271 => Class::Batch,
        // What these rows do to the operator's own constraints (469), and to functions of views (69, 128, 131, 153, 190, 349, 395,
        // 407): the status is 500 for most, and they would do it again for ever, in front of all others.
        69 | 128 | 131 | 153 | 190 | 349 | 395 | 407 | 469 => Class::Batch,
        _ => return None,
    })
}

/// The exception in an answer: by its header, or else in its text, also where a 200 came first.
fn exception(answer: &Answer) -> Option<Exception<'_>> {
    let text = String::from_utf8_lossy(&answer.body);
    let in_text = find_code(&text);
    let code = answer.exception_code.filter(|code| *code != 0).or(in_text.map(|(code, _)| code))?;
    let start = in_text.map_or(0, |(_, at)| at);
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[start..]),
        Cow::Owned(text) => Cow::Owned(text[start..].to_owned()),
    };
    Some(Exception { code, text })
}

/// Finds `Code: N. DB::Exception` and the older `Code: N, e.displayText() = DB::Exception`: the code, and where it begins.
fn find_code(text: &str) -> Option<(u32, usize)> {
    text.match_indices("Code: ").find_map(|(at, word)| {
        let rest = &text[at + word.len()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let code = rest[..digits].parse().ok().filter(|code| *code != 0)?;
        let after = rest[digits..].strip_prefix(['.', ','])?;
        after.trim_start().starts_with(['D', 'e']).then_some((code, at))
    })
}

fn by_status(answer: &Answer) -> Verdict {
    let (status, after) = (answer.status, answer.retry_after);
    let said = |meaning: &str| -> Why { format!("HTTP {status}: {meaning}").into() };
    match status {
        200..=299 => match answer.end {
            BodyEnd::Whole if answer.body.trim_ascii().is_empty() => {
                Verdict::Delivered { summary: answer.summary.clone() }
            }
            // An insert that succeeded says nothing; this is a proxy, a portal or another service.
            BodyEnd::Whole | BodyEnd::TooLong => {
                Verdict::Paused { status, why: said("something else than ClickHouse answers at this address") }
            }
            BodyEnd::TimedOut | BodyEnd::Cut => {
                Verdict::Retry { after, fate: Fate::Unknown, why: said("the answer did not end") }
            }
        },
        300..=399 => {
            let target = answer.redirect_to.as_deref().unwrap_or("another address");
            let meaning = format!("the server redirects to {target}; set the endpoint to where it should go");
            Verdict::Paused { status, why: said(&meaning) }
        }
        401 | 403 | 407 => Verdict::Paused { status, why: said("the server does not accept our authorization") },
        404 | 405 => Verdict::Paused { status, why: said("there is no ClickHouse at this address") },
        413 => Verdict::TooLarge { why: said("the insert is too large for the server") },
        429 | 503 if after.is_some() => Verdict::Overloaded { after, why: said("the server cannot take it now") },
        408 | 425 | 429 | 500 | 502..=599 => {
            Verdict::Retry { after, fate: Fate::Unknown, why: said("the server cannot take it now") }
        }
        _ => Verdict::Refused { status, why: said("the server does not accept the insert") },
    }
}

#[cfg(test)]
mod tests;
