//! Writes single values into a scratch: formats within bounds, scans, replaces, cuts.
//!
//! Every value of every record comes through here, from the host's threads and from disk alike.

use std::fmt::{self, Write as _};

use super::chunk::{Clean, Tally};
use super::format::{self, HEADER, INLINE_KEY, Key};
use super::generalize::{self, Rest};
use super::page::Page;
use super::plan::{FieldPlan, Role, Scalars};
use super::policy::{Action, Policy};
use super::pseudonym::Pseudonymizer;
use super::resource::Source;
use super::scan::{Finding, OnFinding};
use super::text::{Bounded, Whole, bare, bounded, floor_boundary, is_struct, settled};

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

/// A value that has a type of its own on the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scalar {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
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

    /// Scans the text from `at` on, replaces what is found, cuts it to its cap and notes its length.
    #[inline(always)]
    fn settle(&mut self, entry: usize, at: usize, whole: Whole, plan: &FieldPlan) {
        let record = &mut self.scratch.record;
        let length = record.len() - at;
        let scanner = self.engine.policy.text_scanner();
        if length > plan.cap() || whole == Whole::No || !scanner.looks_clean(&record[at..]) {
            return self.settle_odd(entry, at, whole, plan);
        }
        // The cast keeps the value: every cap is below 65,536.
        record[at - 2..at].copy_from_slice(&(length as u16).to_le_bytes());
    }

    #[inline(never)]
    fn settle_odd(&mut self, entry: usize, at: usize, whole: Whole, plan: &FieldPlan) {
        let Scratch { record, findings, .. } = &mut *self.scratch;
        self.engine.policy.text_scanner().scan_settled(&record[at..], findings);
        if findings.is_empty() {
            return self.close_text(at, whole, plan.cap());
        }
        self.redact(entry, at, whole, plan);
    }

    #[inline(never)]
    fn redact(&mut self, entry: usize, at: usize, whole: Whole, plan: &FieldPlan) {
        let Scratch { record, text, findings } = &mut *self.scratch;
        let answer = match plan.action {
            Action::Redact => OnFinding::Redact,
            _ => self.engine.policy.answer(findings),
        };
        self.condemned |= answer == OnFinding::DropRecord;
        text.clear();
        match std::str::from_utf8(&record[at..]) {
            Ok(raw) if answer == OnFinding::Redact => text.push_str(raw),
            _ => {
                record.truncate(entry);
                return self.drop_field();
            }
        }
        self.tally.redacted = self.tally.redacted.saturating_add(1);
        record.truncate(at);
        let end = if whole == Whole::Yes { text.len() } else { floor_boundary(text.as_bytes(), SAFE) };
        self.engine
            .policy
            .text_scanner()
            .redact(&text[..end], findings, |piece| record.extend_from_slice(piece.as_bytes()));
        text.clear();
        self.close_text(at, whole, plan.cap());
    }

    /// Cuts the text from `at` on to its cap and notes its length. Of what is not whole all that is kept was seen whole:
    /// every cap is smaller than what is safe.
    #[inline]
    fn close_text(&mut self, at: usize, whole: Whole, cap: usize) {
        let Scratch { record, findings, .. } = &mut *self.scratch;
        let kept = floor_boundary(&record[at..], cap);
        if whole == Whole::No || at + kept < record.len() {
            let kept = settled(self.engine.policy.text_scanner(), &record[at..at + kept], findings);
            record.truncate(at + kept);
        }
        let length = record.len() - at;
        // The cast keeps the value: every cap is below 65,536.
        record[at - 2..at].copy_from_slice(&(length as u16).to_le_bytes());
    }

    /// Replaces the text from `at` on by a pseudonym of it, or by something coarser.
    fn transform(&mut self, entry: usize, at: usize, whole: Whole, plan: &FieldPlan) {
        let Scratch { record, text, findings } = &mut *self.scratch;
        text.clear();
        if let Ok(raw) = std::str::from_utf8(&record[at..]) {
            text.push_str(bare(raw));
        }
        if whole == Whole::No && !plan.action.is_hash() {
            // What becomes shorter may bring the window's edge within what is kept: nothing may be cut in two there.
            self.engine.policy.text_scanner().scan(text.as_bytes(), findings);
            let end = floor_boundary(text.as_bytes(), SAFE);
            let found = findings.iter().map(Finding::span).find(|span| span.contains(&end));
            let end = found.map_or(end, |span| span.start);
            text.truncate(text[..end].rfind(char::is_whitespace).unwrap_or(0));
        }
        record.truncate(at);
        let is_hash = plan.action.is_hash();
        if is_hash && *text == "None" {
            // Nobody is not somebody: all whose id is missing would be one.
            record.truncate(entry);
            text.clear();
            return self.drop_field();
        }
        let source = if plan.readmits_pseudonyms { Source::Disk } else { Source::Application };
        let made = generalize::apply(plan.action, &plan.source, text, source, &self.engine.pseudonyms, |made| {
            record.extend_from_slice(made.as_bytes());
        });
        if made.is_some() {
            let count = if is_hash { &mut self.tally.hashed } else { &mut self.tally.redacted };
            // What a table of values has nothing to say about stays as it is.
            *count = count.saturating_add(u32::from(is_hash || record[at..] != *text.as_bytes()));
        }
        text.clear();
        match made {
            Some(Rest::Known) => self.close_text(at, Whole::Yes, VALUE_CAP),
            Some(Rest::Text) => self.settle(entry, at, Whole::Yes, plan),
            None => {
                record.truncate(entry);
                self.drop_field();
            }
        }
    }

    /// Leaves of the text from `at` on what it says; `false` if that is not what the inventory says of it.
    fn undress(&mut self, at: usize, plan: &FieldPlan) -> bool {
        let record = &mut self.scratch.record;
        let Ok(text) = std::str::from_utf8(&record[at..]) else { return false };
        let plain = bare(text);
        if !plan.admits(plain) {
            return false;
        }
        let (from, len) = (text.find(plain).unwrap_or(0), plain.len());
        record.copy_within(at + from..at + from + len, at);
        record.truncate(at + len);
        true
    }

    /// Replaces the text from `at` on by the one byte it stands for.
    fn code(&mut self, entry: usize, at: usize, role: Role) {
        let record = &mut self.scratch.record;
        let code = std::str::from_utf8(&record[at..]).ok().and_then(|text| role.code(bare(text)));
        record.truncate(entry);
        match code {
            Some((tag, byte)) => record.extend_from_slice(&[tag, byte]),
            None => self.drop_field(),
        }
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

impl Scalar {
    /// Whether the number has about as many digits as a card number.
    #[inline]
    pub(super) fn is_long(self) -> bool {
        match self {
            Scalar::Bool(_) => false,
            Scalar::I64(value) => value.unsigned_abs() >= CARD_LIKE,
            Scalar::U64(value) => value >= CARD_LIKE,
            Scalar::F64(value) => value.abs() >= CARD_LIKE as f64,
        }
    }

    /// As an attribute with its key in text.
    fn write(self, record: &mut Page, key: Key<'_>) {
        let (tag, bytes) = match self {
            Scalar::Bool(value) => {
                open(record, format::BOOL, key);
                return record.push(u8::from(value));
            }
            Scalar::I64(value) => (format::I64, value.to_le_bytes()),
            Scalar::U64(value) => (format::U64, value.to_le_bytes()),
            Scalar::F64(value) => (format::F64, value.to_le_bytes()),
        };
        open(record, tag, key);
        record.extend_from_slice(&bytes);
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(value) => value.fmt(f),
            Scalar::I64(value) => value.fmt(f),
            Scalar::U64(value) => value.fmt(f),
            Scalar::F64(value) => value.fmt(f),
        }
    }
}

/// Starts an attribute.
#[inline]
fn open(record: &mut Page, tag: u8, key: Key<'_>) {
    match key {
        Key::Index(index) => {
            let [low, high] = index.to_le_bytes();
            record.extend_from_slice(&[tag, low, high]);
        }
        Key::Text(text) => {
            let text = &text[..floor_boundary(text, KEY_CAP)];
            record.extend_from_slice(&[tag | INLINE_KEY, text.len() as u8]);
            record.extend_from_slice(text);
        }
        Key::None => record.push(tag),
    }
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
            open(record, format::STR, key);
            record.extend_from_slice(&[few, many]);
        }
        (role, _) => record.extend_from_slice(&[role.tag(), few, many]),
    }
    record.len()
}
