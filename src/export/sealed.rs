//! A batch in its final form, and what became of it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::record::Signal;

/// The bytes of one request, made once: every try sends the same ones.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) signal: Signal,
    /// Records inside.
    pub(crate) records: u32,
    pub(crate) body: Bytes,
    pub(crate) content_type: &'static str,
    pub(crate) content_encoding: Option<&'static str>,
    /// Tells this batch from all others, for receivers that can drop a batch which they already have.
    pub(crate) token: Token,
}

/// 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Token(pub(crate) [u8; 16]);

/// What became of a batch that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server has it: never to be sent again.
    Delivered {
        /// Records that the server took no part of; at most as many as were sent.
        rejected: u64,
        /// What the server had to say, or what was odd about its answer; fit to be shown.
        message: Option<String>,
    },
    /// It may work later.
    Retry {
        /// The least time that the server wants to be left alone, at most an hour.
        after: Option<Duration>,
        why: Cow<'static, str>,
    },
    /// The server will never take this batch.
    Rejected { status: u16, why: Cow<'static, str> },
    /// The server takes nothing from us as things are: a matter of address or authorization, not of this batch.
    Paused { status: u16, why: Cow<'static, str> },
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("signal", &self.signal)
            .field("records", &self.records)
            .field("bytes", &self.body.len())
            .field("content_encoding", &self.content_encoding)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_as_hex() {
        let token = Token([0xab; 16]);
        assert_eq!(format!("{token} {token:?}"), format!("{0} Token({0})", "ab".repeat(16)));
    }
}
