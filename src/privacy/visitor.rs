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
        let Some((index, plan)) = self.plan.of_field(field) else {
            self.pen.drop_field();
            return None;
        };
        (plan.role != Role::Ignored && self.pen.admit()).then_some((Key::Index(index), plan))
    }

    /// What is known about usual values of a field, if it takes such.
    #[inline(always)]
    fn quick(&self, field: &Field, kind: u8) -> Option<(u16, &'a Quick)> {
        // The cast keeps the value: plans have far fewer fields.
        self.plan.quick(field).filter(|quick| quick.takes(kind)).map(|quick| (field.index() as u16, quick))
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
            let Some((index, plan)) = self.0.of_field(field) else { return };
            let key = if plan.role == Role::Attribute { Key::Index(index) } else { Key::None };
            self.1.push(Entry { tag: plan.role.tag(), key, value: &[] });
        }
    }

    let mut named = Named(plan, Vec::new());
    values.record(&mut named);
    named.1.retain(|dropped| !Entries(written).any(|entry| dropped.replaces(&entry)));
    named.1
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tracing::callsite::{Callsite, Identifier};
    use tracing::field::{FieldSet, Value, ValueSet};
    use tracing::metadata::Kind;
    use tracing::subscriber::Interest;
    use tracing::{Level, Metadata};

    use super::*;
    use crate::app::Timestamp;
    use crate::privacy::format::Shape;
    use crate::privacy::policy::tests::properties::callsite;
    use crate::privacy::{Chunk, Origin, Plans, Policy, Pseudonymizer, Resource};
    use crate::record::{Batch, Row};

    const VALUES: [&dyn Value; 4] = [&"a word", &7_u64, &true, &1.5];

    fn engine() -> Engine {
        Engine { policy: Policy::standard(), pseudonyms: Pseudonymizer::with_key(&[7; 32]) }
    }

    /// What a span of `metadata` holds that begins with the first values, and then gets each of the others.
    fn row(metadata: &'static Metadata<'static>, first: &ValueSet<'_>, others: &[ValueSet<'_>]) -> serde_json::Value {
        let (engine, plans, mut scratch) = (engine(), Plans::new(Policy::standard()), Scratch::default());
        let plan = plans.plan(metadata, |_| Origin::Admitted).unwrap();
        let header =
            Header { shape: Shape::Span, plan: plan.id(), start: 0, end: 0, trace_id: 1, span_id: 1, parent_id: 0 };
        let mut visitor = PrivacyVisitor::record(&engine, plan, &mut scratch, &header);
        first.record(&mut visitor);
        let mut span = CleanSpan::default();
        visitor.open(&mut span);
        for values in others {
            let mut visitor = PrivacyVisitor::later(&engine, plan, &mut scratch);
            values.record(&mut visitor);
            span.amend(visitor.into_later(&Record::new(values)));
        }
        let chunk = Chunk::of(span.close(0).unwrap());
        let (plans, resource, zero) = (Some(&plans), &Resource::default(), Timestamp::from_nanos(0));
        let batch = Batch { chunk: &chunk, plans, resource, zero };
        serde_json::from_str(Row::of(&batch.records().next().unwrap()).as_str()).unwrap()
    }

    #[test]
    fn a_value_of_another_callsite_is_dropped_and_counted_and_replaces_none() {
        let (mine, theirs) = (callsite("note", Shape::Span), callsite("password", Shape::Span));
        for value in VALUES {
            let (all, field) = (&[Some(value)], theirs.fields().field("password").unwrap());
            let one = [(&field, Some(value))];
            let others = || [theirs.fields().value_set_all(all), theirs.fields().value_set(&one)];
            for first in others() {
                let row = row(mine, &first, &[]);
                assert_eq!((&row["attributes"], &row["dropped_attributes"]), (&json!({}), &json!(1)), "{row}");
            }
            let row = row(mine, &mine.fields().value_set_all(&[Some(&"ours")]), &others());
            assert_eq!(
                (&row["attributes"], &row["dropped_attributes"]),
                (&json!({"note": "ours"}), &json!(2)),
                "{row}"
            );
        }
    }

    #[test]
    fn callsites_that_are_one_to_tracing_are_told_apart_by_the_keys() {
        /// Without a size: of several, all may have one address.
        struct Nowhere;

        impl Callsite for Nowhere {
            fn set_interest(&self, _: Interest) {}

            fn metadata(&self) -> &Metadata<'_> {
                unreachable!("it is never registered")
            }
        }

        static NOWHERE: Nowhere = Nowhere;
        let site = |names: &'static [&'static str]| -> &'static Metadata<'static> {
            let fields = FieldSet::new(names, Identifier(&NOWHERE));
            Box::leak(Box::new(Metadata::new("a name", "target", Level::INFO, None, None, None, fields, Kind::SPAN)))
        };
        let (mine, theirs) = (site(&["r#note"]), site(&["password"]));
        assert_eq!(mine.callsite(), theirs.callsite());
        for value in VALUES {
            let field = theirs.fields().field("password").unwrap();
            for values in
                [theirs.fields().value_set_all(&[Some(value)]), mine.fields().value_set(&[(&field, Some(value))])]
            {
                let row = row(mine, &values, &[]);
                assert_eq!((&row["attributes"], &row["dropped_attributes"]), (&json!({}), &json!(1)), "{row}");
            }
            let row = row(mine, &mine.fields().value_set_all(&[Some(value)]), &[]);
            assert!(!row["attributes"]["note"].is_null() && row.get("dropped_attributes").is_none(), "{row}");
        }
    }
}
