//! Writes single values into a scratch: formats within bounds, scans, replaces, cuts.
//!
//! Every value of every record comes through here, from the host's threads and from disk alike.

mod scalar;
mod settle;

use std::fmt::{self, Write as _};

pub(crate) use scalar::Scalar;

use super::chunk::{Clean, Tally};
use super::format::{self, HEADER, Key};
use super::page::Page;
use super::plan::{FieldPlan, Role, Scalars};
use super::policy::{Action, Policy};
use super::pseudonym::Pseudonymizer;
use super::scan::Finding;
use super::text::{Bounded, Whole, bounded, floor_boundary, is_struct};

/// Bytes of a value that are kept; it is scanned first and cut after.
pub(crate) const VALUE_CAP: usize = 1024;
/// Bytes of a key.
pub(crate) const KEY_CAP: usize = u8::MAX as usize;
/// Bytes of a record; what does not fit is left out and counted.
pub(crate) const RECORD_CAP: usize = 16 * 1024;
/// Bytes of a record that comes back from disk: it names target, level and keys in text where a fresh one has numbers.
#[cfg(feature = "upload")]
pub(super) const READMITTED_CAP: usize = 16 * RECORD_CAP;
/// Fields of a record; what comes after is left out and counted.
pub(crate) const FIELD_CAP: u32 = 64;
/// Bytes of a value that are formatted and scanned. A finding that this window cuts in two lies beyond what is kept.
pub(super) const WINDOW: usize = 4 * VALUE_CAP;
/// Of a value longer than the window, what may be kept starts before this.
const SAFE: usize = WINDOW - VALUE_CAP;
const _: () = assert!(VALUE_CAP <= SAFE);
/// The smallest number with as many digits as the shortest card number has, less one.
pub(super) const CARD_LIKE: u64 = 1_000_000_000_000;
/// Bytes of the largest number.
pub(super) const SCALAR: usize = 8;

/// Buffers that a thread writes its records in, one after the other.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(super) record: Page,
    text: String,
    findings: Vec<Finding>,
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scratch")
    }
}

/// What every writer of a pipeline shares: the rules, and the key of the pseudonyms.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) policy: Policy,
    pub(crate) pseudonyms: Pseudonymizer,
}

/// Writes values at the end of a scratch and remembers what it did to them.
pub(super) struct Pen<'a> {
    pub(super) engine: &'a Engine,
    pub(super) scratch: &'a mut Scratch,
    pub(super) tally: Tally,
    /// A finding that the policy answers by dropping the whole record.
    pub(super) condemned: bool,
    pub(super) fields: u32,
    /// Bytes that the record may have.
    cap: usize,
}

impl<'a> Pen<'a> {
    pub(super) fn new(engine: &'a Engine, scratch: &'a mut Scratch) -> Self {
        Pen { engine, scratch, tally: Tally::default(), condemned: false, fields: 0, cap: RECORD_CAP }
    }

    /// A pen for what was stored: there is room for all that a record can have grown by.
    #[cfg(feature = "upload")]
    pub(super) fn readmitting(engine: &'a Engine, scratch: &'a mut Scratch) -> Self {
        Pen { cap: READMITTED_CAP, ..Pen::new(engine, scratch) }
    }

    /// The finished record; `None` when a finding condemned it.
    #[cfg(feature = "upload")]
    pub(super) fn finish(self) -> Option<Clean<'a>> {
        finished(&mut self.scratch.record, self.tally, self.condemned)
    }

    /// Whether there is room for one more field.
    #[inline(always)]
    pub(super) fn admit(&mut self) -> bool {
        self.fields += 1;
        if self.fields > FIELD_CAP {
            self.drop_field();
        }
        self.fields <= FIELD_CAP
    }

    /// Writes an event inside the span that is being written; what there is no room for is counted.
    #[cfg(feature = "upload")]
    pub(super) fn event(&mut self, header: &format::Header, write: impl FnOnce(&mut Self)) {
        let entry = self.scratch.record.len();
        self.scratch.record.extend_from_slice(&[format::EVENT, 0, 0]);
        self.scratch.record.extend_from_slice(&header.encode()[format::LENGTH..]);
        let outer = (std::mem::take(&mut self.tally), std::mem::take(&mut self.fields));
        write(self);
        let record = &mut self.scratch.record;
        if let Some(tally) = self.tally.encode() {
            record.extend_from_slice(&tally);
        }
        (self.tally, self.fields) = outer;
        match u16::try_from(record.len() - entry - 3) {
            Ok(length) if record.len() <= self.cap => {
                record[entry + 1..entry + 3].copy_from_slice(&length.to_le_bytes())
            }
            _ => {
                record.truncate(entry);
                self.tally.events = self.tally.events.saturating_add(1);
            }
        }
    }

    #[cold]
    pub(super) fn drop_field(&mut self) {
        self.tally.drop_one();
    }

    /// Writes a number or a truth value.
    #[inline(always)]
    pub(super) fn scalar(&mut self, key: Key<'_>, plan: &FieldPlan, value: Scalar) {
        let rule = match value {
            Scalar::Bool(_) => plan.bools,
            Scalar::I64(_) | Scalar::U64(_) => plan.integers,
            Scalar::F64(_) => plan.floats,
        };
        if rule == Scalars::Stay && !value.is_long() {
            self.entry(key, value);
        } else {
            self.odd_scalar(key, plan, rule, value);
        }
    }

    #[inline(never)]
    fn odd_scalar(&mut self, key: Key<'_>, plan: &FieldPlan, rule: Scalars, value: Scalar) {
        match rule {
            Scalars::Stay if !self.is_found(value) => self.entry(key, value),
            Scalars::Stay if plan.action == Action::Drop => self.drop_field(),
            Scalars::Drop => self.drop_field(),
            Scalars::Stay | Scalars::Text => self.formatted(key, plan, |out| write!(out, "{value}")),
        }
    }

    /// Text that exists already.
    #[inline(always)]
    pub(super) fn text(&mut self, key: Key<'_>, plan: &FieldPlan, value: &str) {
        // Clean and short, as most are: written once, with its length in front.
        if plan.keeps_text()
            && value.len() <= plan.cap()
            && !self.is_full(VALUE_CAP)
            && self.engine.policy.text_scanner().looks_clean(value.as_bytes())
        {
            let record = &mut self.scratch.record;
            // The cast keeps the value: every cap is below 65,536.
            open_text(record, plan.role, key, value.len() as u16);
            return record.extend_from_slice(value.as_bytes());
        }
        self.odd_text(key, plan, value);
    }

    #[inline(never)]
    fn odd_text(&mut self, key: Key<'_>, plan: &FieldPlan, value: &str) {
        if !plan.keeps_text() {
            return self.formatted(key, plan, |out| out.write_str(value));
        }
        if self.is_full(VALUE_CAP) {
            return self.drop_field();
        }
        let record = &mut self.scratch.record;
        let entry = record.len();
        let at = open_text(record, plan.role, key, 0);
        let seen = floor_boundary(value.as_bytes(), WINDOW);
        record.extend_from_slice(&value.as_bytes()[..seen]);
        let whole = if seen == value.len() { Whole::Yes } else { Whole::No };
        self.settle(entry, at, whole, plan);
    }

    /// Text that `write` makes, within bounds and without trusting it not to panic.
    #[inline]
    pub(super) fn formatted(
        &mut self,
        key: Key<'_>,
        plan: &FieldPlan,
        write: impl FnOnce(&mut Bounded<'_>) -> fmt::Result,
    ) {
        if plan.action == Action::Drop || self.is_full(VALUE_CAP) {
            return self.drop_field();
        }
        let record = &mut self.scratch.record;
        let entry = record.len();
        let at = open_text(record, plan.role, key, 0);
        let written = bounded(record, write);
        self.settle_written(entry, at, written, plan);
    }

    /// Does with text that was written from `at` on what its plan says; `None` is a value that failed.
    #[inline(never)]
    pub(super) fn settle_written(&mut self, entry: usize, at: usize, written: Option<Whole>, plan: &FieldPlan) {
        match written {
            Some(whole) if plan.keeps_text() => self.settle(entry, at, whole, plan),
            _ => self.formatted_odd(entry, at, written, plan),
        }
    }

    #[inline(never)]
    fn formatted_odd(&mut self, entry: usize, at: usize, whole: Option<Whole>, plan: &FieldPlan) {
        match whole {
            None => {
                self.scratch.record.truncate(entry);
                self.drop_field();
            }
            Some(_) if plan.role.is_code() => self.code(entry, at, plan.role),
            Some(_) if plan.kind.is_some() && !self.undress(at, plan) => {
                self.scratch.record.truncate(entry);
                self.drop_field();
            }
            Some(whole) if plan.action.keeps_text() => self.settle(entry, at, whole, plan),
            Some(whole) => self.transform(entry, at, whole, plan),
        }
    }

    /// Text that `write` makes by somebody's `Debug`: what looks like a whole struct goes where the plan says so.
    #[inline]
    pub(super) fn debug(&mut self, key: Key<'_>, plan: &FieldPlan, value: &dyn fmt::Debug) {
        let entry = self.scratch.record.len();
        self.formatted(key, plan, |out| write!(out, "{value:?}"));
        if plan.drops_structs {
            self.drop_struct(entry);
        }
    }

    #[inline(never)]
    fn drop_struct(&mut self, entry: usize) {
        let written = &self.scratch.record[entry..];
        if format::Entries(written).next().is_some_and(|entry| is_struct(entry.value)) {
            self.scratch.record.truncate(entry);
            self.drop_field();
        }
    }

    #[inline(always)]
    fn entry(&mut self, key: Key<'_>, value: Scalar) {
        if self.is_full(SCALAR) {
            return self.drop_field();
        }
        let record = &mut self.scratch.record;
        let Key::Index(index) = key else { return value.write(record, key) };
        let [low, high] = index.to_le_bytes();
        // In one piece: this is what nearly every number is.
        let (tag, bits) = match value {
            Scalar::Bool(value) => return record.extend_from_slice(&[format::BOOL, low, high, u8::from(value)]),
            Scalar::I64(value) => (format::I64, value as u64),
            Scalar::U64(value) => (format::U64, value),
            Scalar::F64(value) => (format::F64, value.to_bits()),
        };
        let mut entry = [tag, low, high, 0, 0, 0, 0, 0, 0, 0, 0];
        entry[3..].copy_from_slice(&bits.to_le_bytes());
        record.extend_from_slice(&entry);
    }

    #[inline]
    fn is_full(&self, more: usize) -> bool {
        self.scratch.record.len() + more + HEADER > self.cap
    }

    /// Whether the scanner finds something in a number.
    fn is_found(&mut self, number: Scalar) -> bool {
        let Scratch { text, findings, .. } = &mut *self.scratch;
        text.clear();
        // Writing to a String does not fail.
        let _ = write!(text, "{number}");
        self.engine.policy.text_scanner().scan(text.as_bytes(), findings);
        !findings.is_empty()
    }
}

/// The record with what was done to it; `None` when a finding condemned it.
#[inline(always)]
pub(super) fn finished(record: &mut Page, tally: Tally, condemned: bool) -> Option<Clean<'_>> {
    if let Some(entry) = tally.encode() {
        record.extend_from_slice(&entry);
    }
    (!condemned).then(|| Clean::seal(record))
}

/// Starts a text of so many bytes and returns where they begin; the two before them hold the length.
#[inline(always)]
fn open_text(record: &mut Page, role: Role, key: Key<'_>, size: u16) -> usize {
    let [few, many] = size.to_le_bytes();
    match (role, key) {
        (Role::Attribute, Key::Index(index)) => {
            let [low, high] = index.to_le_bytes();
            record.extend_from_slice(&[format::STR, low, high, few, many]);
        }
        (Role::Attribute, key) => {
            scalar::open(record, format::STR, key);
            record.extend_from_slice(&[few, many]);
        }
        (role, _) => record.extend_from_slice(&[role.tag(), few, many]),
    }
    record.len()
}
