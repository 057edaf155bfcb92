//! One insert in its final form: the same bytes and the same token at every try.

use std::fmt;

use bytes::Bytes;

use super::compression::{self, Compression};
use super::cut;
use super::encoder::{Batch, Format};
use super::errors::Fate;
use super::table::Table;
use crate::export::Earlier;

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
    compression: Compression,
    /// No try so far can have left a row behind.
    pub(crate) is_certainly_absent: bool,
    /// The table was described after a refusal of this insert.
    pub(crate) is_redescribed: bool,
    /// The number of the description of the table that it was made to fit.
    pub(super) fits: u64,
    /// What the last try left open, if it failed.
    pub(super) fate: Option<Fate>,
    /// Rounds of tries at which the server failed, and after which it took others of the table.
    pub(crate) rounds: u32,
    /// How many others it had taken when it failed the last time.
    taken_before: Option<u64>,
}

impl Insert {
    /// Makes an insert of a batch. No other rows may ever have this token; these may have been sent with it earlier.
    pub(crate) fn seal(batch: Batch, token: String, earlier: Earlier) -> Self {
        let Batch { table, day, rows, format, compression, body, .. } = batch;
        Insert {
            table,
            day,
            rows,
            format,
            body: body.into(),
            content_encoding: compression.content_encoding(),
            token,
            compression,
            is_certainly_absent: earlier == Earlier::Nothing,
            is_redescribed: false,
            fits: 0,
            fate: None,
            rounds: 0,
            taken_before: None,
        }
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.body.len() + self.token.len()
    }

    /// The server failed at it in a round of tries, and has taken so many others of its table so far. A server that is in trouble
    /// fails at everything, which says nothing about an insert: so a failure counts only if it took others since the last one.
    pub(super) fn failed(&mut self, taken: u64) {
        self.rounds += u32::from(self.taken_before.is_some_and(|before| before < taken));
        self.taken_before = Some(taken);
    }

    /// Whether the server failed at it in a round of tries, and said so.
    pub(super) fn is_suspect(&self) -> bool {
        self.taken_before.is_some()
    }

    /// Takes columns out. The rows are the same, so the token is.
    pub(crate) fn leave_out(&mut self, columns: &[String]) {
        let less = self.plain().and_then(|plain| cut::without(&plain, self.format, columns));
        if let Some(less) = less {
            self.body = self.compression.compress(less).into();
            self.fate = None;
        }
    }

    /// Writes columns in plain strings. The rows are the same, so the token is.
    pub(super) fn spell_out(&mut self, columns: &[String]) {
        let plain = self.plain().and_then(|plain| cut::in_plain_strings(&plain, self.format, columns));
        if let Some(plain) = plain {
            self.body = self.compression.compress(plain).into();
        }
    }

    /// Two halves, if the server has no memory for the whole. For the exporter's own worker alone, as [`halves`](Self::halves).
    pub(super) fn halves_for_memory(&self) -> Option<[Self; 2]> {
        let would_help = self.fate == Some(Fate::NoMemory) && self.rows >= WORTH_HALVING;
        would_help.then(|| self.halves()).flatten()
    }

    /// Two halves with tokens of their own; none while a row of it may be in the server, or if there is just one.
    ///
    /// For inserts that are made once. Stored records are sealed anew in each round: of those the store makes two loads.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        if !self.is_certainly_absent {
            return None;
        }
        let halves = cut::halves(&self.plain()?, self.format)?;
        let mut number = 0;
        Some(halves.map(|(plain, rows)| {
            let token = format!("{}-{number}", self.token);
            number += 1;
            Insert {
                rows,
                body: self.compression.compress(plain).into(),
                token,
                fate: None,
                rounds: 0,
                taken_before: None,
                ..self.clone()
            }
        }))
    }

    /// The body as it was encoded, for the cuts that some refusals ask for.
    fn plain(&self) -> Option<Vec<u8>> {
        compression::decompressed(self.content_encoding, &self.body)
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
