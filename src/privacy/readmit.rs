//! The way back from disk: a row is read as raw text and goes through the filter again, like anything else.

use std::collections::HashMap;
use std::sync::Arc;

use super::chunk::Clean;
use super::format::{self, Entry, Header, Key, NO_PLAN, Shape};
use super::json::{Raw, RawMap};
use super::pen::{Engine, Pen, Scalar, Scratch};
use super::plan::{FieldPlan, Role};
use super::policy::{Policy, Site, TimeUnit};
use super::resource::{Resource, Source};
use super::row as key;
use crate::app::{Date, Timestamp};

/// Why a row was not let in again. It never says what the row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not a record as this crate writes them.
    NotARecord,
    /// The scanner found something that the policy answers by dropping the record.
    Found,
    /// The inventory does not list it, or not any more, or the user has not agreed to it.
    Undeclared,
}

/// A row that passed, clean again.
#[derive(Debug)]
pub(crate) struct Readmitted<'a> {
    pub(crate) clean: Clean<'a>,
    pub(crate) shape: Shape,
    pub(crate) resource: Arc<Resource>,
}

/// Lets rows through the filter, and remembers what it decided about keys and resources: they recur in row after row.
pub(crate) struct Readmitter {
    engine: Arc<Engine>,
    scratch: Scratch,
    plans: RowPlans,
    /// The day that the plans and the resource hold for, under a policy that cares.
    today: Option<Date>,
    /// The resource of the row before, as the row had it and as it was let in.
    resource: (Vec<(String, String)>, Arc<Resource>),
}

/// The plans of keys seen in rows.
#[derive(Default)]
struct RowPlans {
    plans: HashMap<Box<str>, FieldPlan>,
    /// Kind, name and target of the records whose plans these are, under a policy that cares.
    site: (Option<Shape>, String, String),
}

/// Keys whose plans are remembered.
const PLANS: usize = 4096;

impl Readmitter {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Readmitter {
            engine,
            scratch: Scratch::default(),
            plans: RowPlans::default(),
            today: None,
            resource: Default::default(),
        }
    }

    /// Lets a row through the filter.
    pub(crate) fn readmit(&mut self, row: &str) -> Result<Readmitted<'_>, Refused> {
        let row = RawMap::parse(row).ok_or(Refused::NotARecord)?;
        let header = header(&row, self.engine.policy.record_times()).ok_or(Refused::NotARecord)?;
        let today = self.engine.policy.today();
        if today != self.today {
            // Something may have expired at midnight.
            self.today = today;
            self.plans = RowPlans::default();
            self.resource = Default::default();
        }
        let resource = self.resource(&row);
        if self.engine.policy.admits(site(&row, header.shape)).is_err() {
            return Err(Refused::Undeclared);
        }
        let clean = self.write(&row, &header).ok_or(Refused::Found)?;
        Ok(Readmitted { clean, shape: header.shape, resource })
    }

    fn resource(&mut self, row: &RawMap<'_>) -> Arc<Resource> {
        let Some(Raw::Map(RawMap(pairs))) = row.value(key::RESOURCE) else { return Arc::default() };
        let texts = || {
            pairs.iter().filter_map(|(key, value)| match value {
                Raw::Text(text) => Some((key.as_ref(), text.as_ref())),
                _ => None,
            })
        };
        let (known, resource) = &mut self.resource;
        if !known.iter().map(|(key, value)| (key.as_str(), value.as_str())).eq(texts()) {
            *known = texts().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            *resource = Arc::new(Resource::clean(&self.engine, Source::Disk, known.iter().cloned()));
        }
        Arc::clone(resource)
    }

    fn write(&mut self, row: &RawMap<'_>, header: &Header) -> Option<Clean<'_>> {
        let Readmitter { engine, scratch, plans, .. } = self;
        scratch.record.clear();
        scratch.record.extend_from_slice(&header.encode());
        let mut pen = Pen::readmitting(engine, scratch);
        entries(&mut pen, plans, row, header.shape);
        if let Some(Raw::List(events)) = row.value(key::EVENTS).filter(|_| header.shape == Shape::Span) {
            for event in events {
                let Raw::Map(event) = event else { continue };
                let Some(time) = time(event, key::TIME, engine.policy.record_times()) else { continue };
                if engine.policy.admits(site(event, Shape::Event)).is_err() {
                    pen.tally.events = pen.tally.events.saturating_add(1);
                    continue;
                }
                let header = Header { shape: Shape::Event, start: time, end: 0, parent_id: 0, ..*header };
                pen.event(&header, |pen| entries(pen, plans, event, Shape::Event));
            }
        }
        if let Some(Raw::I64(dropped)) = row.value(key::DROPPED_EVENTS) {
            pen.tally.events = pen.tally.events.saturating_add(u32::try_from(*dropped).unwrap_or(u32::MAX));
        }
        if let Some(Raw::I64(dropped)) = row.value(key::DROPPED_LINKS) {
            pen.tally.links = u32::try_from(*dropped).unwrap_or(u32::MAX);
        }
        pen.finish()
    }
}

/// The target of the events that a bridge makes of records of the `log` crate.
const BRIDGE: &str = "log";

/// The parts of a record beside its attributes: where they stand in a row, and the names of the fields that they were
/// logged as.
const PARTS: [(&str, Role, &str); 6] = [
    (key::NAME, Role::Name, "otel.name"),
    (key::TARGET, Role::Target, "log.target"),
    (key::BODY, Role::Body, "message"),
    (key::SPAN_KIND, Role::SpanKind, "otel.kind"),
    (key::STATUS, Role::Status, "otel.status_code"),
    (key::STATUS_MESSAGE, Role::StatusMessage, "otel.status_description"),
];

impl Policy {
    /// The plan of a part, by the name that the field had where it was logged.
    fn plan_part(&self, site: Site<'_>, role: Role, logged_as: &str) -> FieldPlan {
        let plan = match role {
            // It may have been kept under a policy that let any text through.
            Role::Target if self.inventory().is_some() && site.is_bridged() => self.plan(Site::log_record(), logged_as),
            // Most are given in source code, of which no rule for fields speaks; to the others it was applied already.
            Role::Name | Role::Target => self.plan_kept(logged_as),
            _ => self.plan(site, logged_as),
        };
        FieldPlan { role, ..plan.readmitting(true) }
    }

    /// The plan by which an entry of a record from disk was written.
    pub(super) fn plan_entry(&self, site: Site<'_>, entry: &Entry<'_>) -> FieldPlan {
        let part = || PARTS.iter().find(|(_, role, _)| role.tag() == entry.tag);
        match (entry.key, part()) {
            (Key::None, Some((_, role, logged_as))) => self.plan_part(site, *role, logged_as),
            (Key::Text(key), _) => self.plan_row(site, &String::from_utf8_lossy(key)),
            _ => self.plan_row(site, ""),
        }
    }
}

/// Writes what a record says: itself, or an event inside it.
fn entries(pen: &mut Pen<'_>, plans: &mut RowPlans, row: &RawMap<'_>, shape: Shape) {
    let site = plans.site(&pen.engine.policy, row, shape);
    for (name, role, logged_as) in PARTS {
        let Some(mut text) = row.text(name) else { continue };
        let policy = &pen.engine.policy;
        let mut plan = policy.plan_part(site, role, logged_as);
        if role == Role::Target && !(plan.action.keeps_text() && plan.admits(text)) {
            // What the filter leaves of such a target where it is logged: that of the bridge.
            (plan, text) = (FieldPlan { role, ..policy.plan_kept(logged_as) }, BRIDGE);
        }
        pen.text(Key::None, &plan, text);
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
                attribute(pen, &mut plans.plans, site, name, value);
            }
        }
    }
    if let Some(Raw::I64(dropped)) = row.value(key::DROPPED_ATTRIBUTES) {
        pen.tally.dropped = pen.tally.dropped.saturating_add(u32::try_from(*dropped).unwrap_or(u32::MAX));
    }
    // Redactions and pseudonyms were counted when the record was made.
    (pen.tally.hashed, pen.tally.redacted) = (0, 0);
}

impl RowPlans {
    /// Where a row comes from; plans made for elsewhere are forgotten.
    fn site<'a>(&mut self, policy: &Policy, row: &'a RawMap<'_>, shape: Shape) -> Site<'a> {
        let site = site(row, shape);
        let (name, target) = (site.name(), site.target_name());
        let known = (self.site.0, &*self.site.1, &*self.site.2);
        if policy.depends_on_site() && known != (Some(shape), name, target) {
            self.site = (Some(shape), name.to_owned(), target.to_owned());
            self.plans.clear();
        }
        site
    }
}

/// Where a row comes from.
fn site<'a>(row: &'a RawMap<'_>, shape: Shape) -> Site<'a> {
    let name = row.text(key::NAME).unwrap_or_default();
    let site = match shape {
        Shape::Event => Site::event(name),
        Shape::Span => Site::span(name),
    };
    site.target(row.text(key::TARGET).unwrap_or_default())
}

/// A time, rounded as today's policy has it.
fn time(row: &RawMap<'_>, name: &str, unit: Option<TimeUnit>) -> Option<u64> {
    let at = row.text(name)?.parse::<Timestamp>().ok()?;
    Some(unit.map_or(Some(at), |unit| unit.floor(at))?.nanos() as u64)
}

fn header(row: &RawMap<'_>, unit: Option<TimeUnit>) -> Option<Header> {
    let time = |name: &str| time(row, name, unit);
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

fn attribute(pen: &mut Pen<'_>, plans: &mut HashMap<Box<str>, FieldPlan>, site: Site<'_>, name: &str, value: &Raw<'_>) {
    let made;
    let plan = match plans.get(name) {
        Some(plan) => plan,
        None if plans.len() < PLANS => plans.entry(name.into()).or_insert(pen.engine.policy.plan_row(site, name)),
        None => {
            made = pen.engine.policy.plan_row(site, name);
            &made
        }
    };
    let key = Key::Text(plan.key.as_bytes());
    match value {
        Raw::Bool(value) => pen.scalar(key, plan, Scalar::Bool(*value)),
        Raw::I64(value) => pen.scalar(key, plan, Scalar::I64(*value)),
        Raw::U64(value) => pen.scalar(key, plan, Scalar::U64(*value)),
        Raw::F64(value) => pen.scalar(key, plan, Scalar::F64(*value)),
        Raw::Text(text) => pen.text(key, plan, text),
        Raw::Null | Raw::List(_) | Raw::Map(_) => pen.drop_field(),
    }
}
