//! One insert in its final form: the same bytes and the same token at every try.

use std::fmt;

use bytes::Bytes;

use super::compression::Compression;
use super::cut;
use super::encoder::{Batch, Format};
use super::errors::Fate;
use super::table::Table;

/// An insert for which there is no memory is halved down to this many rows.
const WORTH_HALVING: u64 = 2_000;

/// Rows that are sent together, taken together, and counted once.
#[derive(Clone)]
pub(crate) struct Insert {
    pub(crate) table: Table,
    /// In UTC, counted from 1970-01-01.
    pub(crate) day: u16,
    pub(crate) rows: u64,
    pub(crate) format: Format,
    pub(crate) body: Bytes,
    pub(crate) content_encoding: Option<&'static str>,
    /// The server drops an insert whose token it knows. Whatever is sent under it stands for the same rows.
    pub(crate) token: String,
    /// What the body was compressed from, for the cuts that some refusals ask for.
    plain: Bytes,
    compression: Compression,
    /// No try so far can have left a row behind.
    pub(crate) is_certainly_absent: bool,
    /// The table was described after a refusal of this insert.
    pub(crate) is_redescribed: bool,
    /// What the last try left open, if it failed.
    pub(super) fate: Option<Fate>,
    /// Rounds of tries that the server itself ended.
    pub(crate) rounds: u32,
}

impl Insert {
    /// Compresses a batch. No other insert may ever have this token.
    pub(crate) fn seal(batch: Batch, compression: Compression, token: String) -> Self {
        let Batch { table, day, rows, format, body, .. } = batch;
        Self::of(table, day, rows, format, body.into(), compression, token)
    }

    fn of(
        table: Table,
        day: u16,
        rows: u64,
        format: Format,
        plain: Bytes,
        compression: Compression,
        token: String,
    ) -> Self {
        let compressed =
            compression.content_encoding().map(|encoding| (compression.compress(plain.to_vec()), encoding));
        let (body, content_encoding) = match compressed {
            Some((body, encoding)) if body.len() < plain.len() => (Bytes::from(body), Some(encoding)),
            _ => (plain.clone(), None),
        };
        Insert {
            table,
            day,
            rows,
            format,
            body,
            content_encoding,
            token,
            plain,
            compression,
            is_certainly_absent: true,
            is_redescribed: false,
            fate: None,
            rounds: 0,
        }
    }

    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        let plain = if self.content_encoding.is_some() { self.plain.len() } else { 0 };
        self.body.len() + plain
    }

    /// Takes columns out. The rows are the same, so the token is.
    pub(crate) fn leave_out(&mut self, columns: &[String]) {
        let Some(plain) = cut::without(&self.plain, self.format, columns) else { return };
        let Insert { is_certainly_absent, is_redescribed, rounds, .. } = *self;
        let sealed = Self::of(
            self.table,
            self.day,
            self.rows,
            self.format,
            plain.into(),
            self.compression,
            std::mem::take(&mut self.token),
        );
        *self = Insert { is_certainly_absent, is_redescribed, rounds, ..sealed };
    }

    /// Two halves, if the server has no memory for the whole.
    pub(super) fn halves_for_memory(&self) -> Option<[Self; 2]> {
        let would_help = self.fate == Some(Fate::NoMemory) && self.rows >= WORTH_HALVING;
        would_help.then(|| self.halves()).flatten()
    }

    /// Two halves with tokens of their own; none while a row of it may be in the server, or if there is just one.
    pub(crate) fn halves(&self) -> Option<[Self; 2]> {
        if !self.is_certainly_absent {
            return None;
        }
        let halves = cut::halves(&self.plain, self.format)?;
        let mut number = 0;
        Some(halves.map(|(plain, rows)| {
            let token = format!("{}-{number}", self.token);
            number += 1;
            let half = Self::of(self.table, self.day, rows, self.format, plain.into(), self.compression, token);
            Insert { is_redescribed: self.is_redescribed, ..half }
        }))
    }
}

/// Bodies hold what the application logged.
impl fmt::Debug for Insert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Insert")
            .field("table", &self.table)
            .field("day", &self.day)
            .field("rows", &self.rows)
            .field("bytes", &self.body.len())
            .field("content_encoding", &self.content_encoding)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
