//! The way back from disk: a row is read as raw text and goes through the filter again, like anything else.

use std::borrow::Cow;

use super::chunk::Clean;
use super::format::{self, Header, Key, NO_PLAN, Shape};
use super::json::{Raw, RawMap};
use super::pen::{Engine, Pen, Scalar, Scratch};
use super::plan::{FieldPlan, Role};
use super::policy::Action;
use super::resource::Resource;
use super::row as key;
use crate::app::Timestamp;

/// Why a row was not let in again. It never says what the row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not a record as this crate writes them.
    NotARecord,
    /// The scanner found something that the policy answers by dropping the record.
    Found,
}

/// A row that passed, clean again.
#[derive(Debug)]
pub(crate) struct Readmitted<'a> {
    pub(crate) clean: Clean<'a>,
    pub(crate) shape: Shape,
    pub(crate) resource: Resource,
}

/// Lets a row through the filter.
pub(crate) fn readmit<'a>(engine: &'a Engine, row: &str, scratch: &'a mut Scratch) -> Result<Readmitted<'a>, Refused> {
    let row = RawMap::parse(row).ok_or(Refused::NotARecord)?;
    let resource = match row.value(key::RESOURCE) {
        Some(Raw::Map(raw)) => {
            let text = |(key, value): &(Cow<'_, str>, Raw<'_>)| match value {
                Raw::Text(text) => Some((key.to_string(), text.to_string())),
                _ => None,
            };
            Resource::clean(engine, raw.0.iter().filter_map(text))
        }
        _ => Resource::default(),
    };
    let header = header(&row).ok_or(Refused::NotARecord)?;
    let clean = write(engine, &row, &header, scratch).ok_or(Refused::Found)?;
    Ok(Readmitted { clean, shape: header.shape, resource })
}

fn header(row: &RawMap<'_>) -> Option<Header> {
    let time = |name: &str| Some(row.text(name)?.parse::<Timestamp>().ok()?.nanos() as u64);
    let id = |name: &str| match row.value(name) {
        None => Some(0),
        Some(Raw::Text(text)) => u128::from_str_radix(text, 16).ok(),
        Some(_) => None,
    };
    let (shape, start, end) = match row.text(key::KIND)? {
        key::LOG => (Shape::Event, time(key::TIME)?, 0),
        key::SPAN => (Shape::Span, time(key::START)?, time(key::END)?),
        _ => return None,
    };
    Some(Header {
        shape,
        plan: NO_PLAN,
        start,
        end,
        trace_id: id(key::TRACE_ID)?,
        span_id: u64::try_from(id(key::SPAN_ID)?).ok()?,
        parent_id: u64::try_from(id(key::PARENT_SPAN_ID)?).ok()?,
    })
}

fn write<'a>(engine: &'a Engine, row: &RawMap<'_>, header: &Header, scratch: &'a mut Scratch) -> Option<Clean<'a>> {
    scratch.record.clear();
    scratch.record.extend_from_slice(&[0; format::LENGTH]);
    scratch.record.extend_from_slice(&header.encode());
    let mut pen = Pen::new(engine, scratch);
    for (name, role) in [
        (key::NAME, Role::Name),
        (key::TARGET, Role::Target),
        (key::BODY, Role::Body),
        (key::SPAN_KIND, Role::SpanKind),
        (key::STATUS, Role::Status),
        (key::STATUS_MESSAGE, Role::StatusMessage),
    ] {
        if let Some(text) = row.text(name) {
            let mut plan = engine.policy.plan("", header.shape, false);
            plan.role = role;
            plan.action = match role {
                Role::Body => engine.policy.decide_message().action,
                _ => Action::Redact,
            };
            pen.text(Key::None, &plan, text);
        }
    }
    if let Some(level) = row.text(key::LEVEL).and_then(key::severity_number) {
        pen.scratch.record.extend_from_slice(&[format::SEVERITY, level]);
    }
    if let Some(Raw::List(links)) = row.value(key::LINKS) {
        for link in links {
            let Raw::Map(link) = link else { continue };
            let id = |name: &str| u128::from_str_radix(link.text(name)?, 16).ok();
            let (Some(trace), Some(span)) = (id(key::TRACE_ID), id(key::SPAN_ID)) else { continue };
            pen.scratch.record.push(format::LINK);
            pen.scratch.record.extend_from_slice(&trace.to_be_bytes());
            pen.scratch.record.extend_from_slice(&(span as u64).to_be_bytes());
        }
    }
    if let Some(Raw::Map(attributes)) = row.value(key::ATTRIBUTES) {
        for (name, value) in &attributes.0 {
            if pen.admit() {
                attribute(&mut pen, name, value, header.shape);
            }
        }
    }
    if let Some(Raw::I64(dropped)) = row.value(key::DROPPED_ATTRIBUTES) {
        pen.tally.dropped = pen.tally.dropped.saturating_add(u32::try_from(*dropped).unwrap_or(u32::MAX));
    }
    // Redactions and pseudonyms were counted when the record was made.
    (pen.tally.hashed, pen.tally.redacted) = (0, 0);
    let Pen { scratch, tally, condemned, .. } = pen;
    (!condemned).then(|| Clean::seal(&mut scratch.record, tally))
}

fn attribute(pen: &mut Pen<'_>, name: &str, value: &Raw<'_>, shape: Shape) {
    let mut plan = FieldPlan { readmits_pseudonyms: true, ..pen.engine.policy.plan(name, shape, false) };
    // A row's `message` or `otel.name` attribute is an attribute; what it was to its record stands elsewhere.
    plan.role = Role::Attribute;
    let renamed = plan.key.clone();
    let key = Key::Text(renamed.as_bytes());
    match value {
        Raw::Bool(value) => pen.scalar(key, &plan, Scalar::Bool(*value)),
        Raw::I64(value) => pen.scalar(key, &plan, Scalar::I64(*value)),
        Raw::U64(value) => pen.scalar(key, &plan, Scalar::U64(*value)),
        Raw::F64(value) => pen.scalar(key, &plan, Scalar::F64(*value)),
        Raw::Text(text) => {
            // What a policy made coarser is already coarse; its form is its own.
            if matches!(plan.action, Action::Bucket | Action::Round(_) | Action::Generalize) {
                plan.action = Action::Redact;
            }
            pen.text(key, &plan, text);
        }
        Raw::Null | Raw::List(_) | Raw::Map(_) => pen.drop_field(),
    }
}
