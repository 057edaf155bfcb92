//! The one door: raw values go in by [`Visit`], clean bytes come out.
//!
//! A value is decided by its field's plan before it is looked at, so a dropped field is never even formatted.

use std::error::Error;
use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::span::Record;

use super::chunk::Clean;
use super::format::{self, Entries, Entry, Header, Key, START};
use super::open::{CleanSpan, Later};
use super::pen::{CARD_LIKE, Engine, Pen, Scalar, Scratch, WINDOW, finished};
use super::plan::{FieldPlan, Plan, Role};
use super::quick::{self, Quick, is_short};

/// Errors of a chain that are written.
const CHAIN_CAP: usize = 8;

/// Writes one event, or fields of one span.
pub(crate) struct PrivacyVisitor<'a> {
    pen: Pen<'a>,
    plan: &'a Plan,
}

impl<'a> PrivacyVisitor<'a> {
    /// A visitor that writes an event, or a span with its first fields.
    #[inline]
    pub(crate) fn record(engine: &'a Engine, plan: &'a Plan, scratch: &'a mut Scratch, header: &Header) -> Self {
        scratch.record.clear();
        match scratch.record.next(START).and_then(|head| head.first_chunk_mut()) {
            Some(head) => *head = header.encode(),
            None => scratch.record.extend_from_slice(&header.encode()),
        }
        PrivacyVisitor { pen: Pen::new(engine, scratch), plan }
    }

    /// A visitor that writes fields which a span gets after its start.
    pub(crate) fn later(engine: &'a Engine, plan: &'a Plan, scratch: &'a mut Scratch) -> Self {
        scratch.record.clear();
        PrivacyVisitor { pen: Pen::new(engine, scratch), plan }
    }

    /// Says in which span an event happened.
    #[inline]
    pub(crate) fn place(&mut self, trace_id: u128, span_id: u64) {
        format::set_place(&mut self.pen.scratch.record, trace_id, span_id);
    }

    /// The finished event; `None` when a finding condemned it.
    #[inline]
    pub(crate) fn finish(&mut self) -> Option<Clean<'_>> {
        finished(&mut self.pen.scratch.record, self.pen.tally, self.pen.condemned)
    }

    /// Lets a span begin with what was written.
    #[inline]
    pub(crate) fn open(&self, span: &mut CleanSpan) {
        span.begin(&self.pen.scratch.record, self.pen.tally, self.pen.condemned);
    }

    /// What a span got after its start; `values` is what was visited.
    pub(crate) fn into_later(self, values: &Record<'_>) -> Later<'a> {
        let Pen { scratch, tally, condemned, .. } = self.pen;
        let dropped = match tally.dropped {
            0 => Vec::new(),
            _ => dropped(self.plan, values, &scratch.record),
        };
        Later::new(&scratch.record, dropped, tally, condemned)
    }

    /// Decides about a field; what is returned is to be written.
    #[inline]
    fn admit(&mut self, field: &Field) -> Option<(Key<'static>, &'a FieldPlan)> {
        let index = u16::try_from(field.index()).ok();
        let Some((index, plan)) = index.and_then(|index| Some((index, self.plan.field(index)?))) else {
            self.pen.drop_field();
            return None;
        };
        (plan.role != Role::Ignored && self.pen.admit()).then_some((Key::Index(index), plan))
    }

    /// What is known about usual values of a field, if it takes such.
    #[inline(always)]
    fn quick(&self, field: &Field, kind: u8) -> Option<(u16, &'a Quick)> {
        let index = field.index();
        // The cast keeps the value: plans have far fewer fields.
        self.plan.quick(index).filter(|quick| quick.takes(kind)).map(|quick| (index as u16, quick))
    }

    /// Whether a number was written the short way.
    #[inline(always)]
    fn wrote_number(&mut self, field: &Field, kind: u8, tag: u8, bits: u64) -> bool {
        self.quick(field, kind).is_some_and(|(index, _)| self.pen.quick_number(tag, index, bits))
    }

    #[inline(never)]
    fn scalar(&mut self, field: &Field, value: Scalar) {
        if let Some((key, plan)) = self.admit(field) {
            self.pen.scalar(key, plan, value);
        }
    }

    #[inline(never)]
    fn odd_text(&mut self, field: &Field, value: &str) {
        if let Some((key, plan)) = self.admit(field) {
            self.pen.text(key, plan, value);
        }
    }

    #[inline(never)]
    fn odd_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if let Some((key, plan)) = self.admit(field) {
            self.pen.debug(key, plan, value);
        }
    }
}

impl Visit for PrivacyVisitor<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        if !self.quick(field, quick::BOOL).is_some_and(|(index, _)| self.pen.quick_bool(index, value)) {
            self.scalar(field, Scalar::Bool(value));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        let is_short = is_short(value.unsigned_abs());
        if !(is_short && self.wrote_number(field, quick::INTEGER, format::I64, value as u64)) {
            self.scalar(field, Scalar::I64(value));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if !(is_short(value) && self.wrote_number(field, quick::INTEGER, format::U64, value)) {
            self.scalar(field, Scalar::U64(value));
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let is_short = value.abs() < CARD_LIKE as f64;
        if !(is_short && self.wrote_number(field, quick::FLOAT, format::F64, value.to_bits())) {
            self.scalar(field, Scalar::F64(value));
        }
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.record_u64(field, value),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let quick = self.quick(field, quick::TEXT);
        if !quick.is_some_and(|(index, quick)| self.pen.quick_text(quick, index, value)) {
            self.odd_text(field, value);
        }
    }

    /// Bytes that are text are treated as text; others are dropped, since nothing can be told about them. Those of an id are
    /// hashed as the hexadecimal digits they are written with.
    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        let Some((key, plan)) = self.admit(field) else { return };
        // A little more than is looked at, so that the pen sees that there is more; the cut may fall into a character.
        let seen = &value[..value.len().min(WINDOW + 4)];
        let text = std::str::from_utf8(seen).or_else(|error| match error.error_len() {
            None if seen.len() < value.len() => std::str::from_utf8(&seen[..error.valid_up_to()]),
            _ => Err(error),
        });
        match text {
            // UTF-16 is UTF-8 as well, with a zero beside each letter that hides it from the scanner.
            Ok(text) if !text.trim_end_matches('\0').contains('\0') => self.pen.text(key, plan, text),
            _ if plan.action.is_hash() => {
                self.pen.formatted(key, plan, |out| value.iter().try_for_each(|byte| write!(out, "{byte:02x}")));
            }
            _ => self.pen.drop_field(),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let Some((key, plan)) = self.admit(field) else { return };
        self.pen.formatted(key, plan, |out| {
            write!(out, "{value}")?;
            let mut source = value.source();
            for _ in 0..CHAIN_CAP {
                let Some(error) = source else { break };
                write!(out, ": {error}")?;
                source = error.source();
            }
            Ok(())
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let quick = self.quick(field, quick::DEBUG);
        let plan = self.plan;
        let is_written =
            quick.is_some_and(|(index, quick)| self.pen.quick_debug(quick, index, value, || plan.field(index)));
        if !is_written {
            self.odd_debug(field, value);
        }
    }
}

/// The fields of which nothing was written, as entries without a value. No value is formatted for it.
#[cold]
fn dropped(plan: &Plan, values: &Record<'_>, written: &[u8]) -> Vec<Entry<'static>> {
    struct Named<'a>(&'a Plan, Vec<Entry<'static>>);

    impl Visit for Named<'_> {
        fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
            let Ok(index) = u16::try_from(field.index()) else { return };
            let Some(plan) = self.0.field(index) else { return };
            let key = if plan.role == Role::Attribute { Key::Index(index) } else { Key::None };
            self.1.push(Entry { tag: plan.role.tag(), key, value: &[] });
        }
    }

    let mut named = Named(plan, Vec::new());
    values.record(&mut named);
    named.1.retain(|dropped| !Entries(written).any(|entry| dropped.replaces(&entry)));
    named.1
}
