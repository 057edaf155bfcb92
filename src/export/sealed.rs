//! A batch in its final form.

use std::fmt;

use bytes::Bytes;

use crate::record::Signal;

/// The bytes of one request, made once: every try sends the same ones.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(super) signal: Signal,
    /// Records inside.
    pub(super) records: u32,
    pub(super) body: Bytes,
    pub(super) content_type: &'static str,
    pub(super) content_encoding: Option<&'static str>,
    /// Tells this batch from all others, for receivers that can drop a batch which they already have.
    pub(super) token: Token,
}

/// 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Token(pub(super) [u8; 16]);

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
