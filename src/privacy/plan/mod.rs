//! What happens to each field of a callsite, decided when the callsite is first seen.

mod field;
mod judge;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::callsite::Identifier;
use tracing::field::Field;
use tracing::{Level, Metadata};

pub(super) use field::{FieldPlan, Role, Scalars};

use super::format::{Entry, Key, Shape};
use super::policy::{Action, Policy, Site};
use super::quick::Quick;
use crate::app::Date;

/// The decisions about one callsite.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Where the plan stands in the [`Plans`]; records in a chunk name it by this.
    id: u32,
    /// Address of the callsite's metadata, which is unique for the life of the process.
    address: usize,
    /// What the callsite's fields say of where they come from.
    callsite: Identifier,
    /// Whether no other callsite says the same.
    is_unmistakable: bool,
    /// Span name, or the name given to an event; empty for an event without one.
    pub(crate) name: Box<str>,
    pub(crate) target: Box<str>,
    is_span: bool,
    pub(crate) level: Level,
    pub(crate) origin: Origin,
    fields: Box<[FieldPlan]>,
    /// The same about usual values, field by field.
    quick: Box<[Quick]>,
    /// Why an inventory does not let it in; only with [`Origin::Undeclared`].
    objection: Option<Box<str>>,
    /// The first day on which it may not exist any more.
    expires: Option<Date>,
    /// The earliest such day of any of its fields.
    first_expiry: Option<Date>,
    /// Events of a callsite that was not let in.
    turned_away: AtomicU64,
}

/// Where a callsite's records come from, as the layer's gate sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The application's own crates, or a target that it let in.
    Admitted,
    /// Somebody else's, at a level that would be collected.
    TurnedAway,
    /// The application's, but its inventory does not list it.
    Undeclared,
    /// Never of interest: too verbose, or our own machinery.
    Never,
    /// The `log` crate's bridge: each record names its own target.
    LogBridge,
}

/// Fields of a callsite that may be kept: planning happens on the host's threads.
const PLANNED: usize = 1024;

impl Plan {
    pub(super) fn new(id: u32, metadata: &'static Metadata<'static>, policy: &Policy, origin: Origin) -> Self {
        let shape = if metadata.is_span() { Shape::Span } else { Shape::Event };
        let name = match shape {
            // An event's default name is its place in the source tree: `event src/main.rs:12`.
            Shape::Event if metadata.name().starts_with("event ") => "",
            _ => metadata.name(),
        };
        let site = match shape {
            Shape::Event if origin == Origin::LogBridge => Site::log_record(),
            Shape::Event => Site::event(name),
            Shape::Span => Site::span(name),
        };
        let site = site.target(metadata.target());
        let fields = metadata.fields().iter().take(PLANNED);
        let mut fields: Box<[FieldPlan]> = fields.map(|field| policy.plan(site, field.name())).collect();
        drop_doubles(&mut fields);
        let (origin, expires, objection) = match origin {
            Origin::Admitted | Origin::LogBridge => match policy.admits(site) {
                Ok(expires) => (origin, expires, None),
                Err(why) => (Origin::Undeclared, None, Some(why.into_owned().into_boxed_str())),
            },
            _ => (origin, None, None),
        };
        Plan {
            id,
            address: address(metadata),
            callsite: metadata.callsite(),
            is_unmistakable: is_unmistakable(metadata),
            name: policy.clean_name(name),
            target: policy.clean_name(metadata.target()),
            is_span: metadata.is_span(),
            level: *metadata.level(),
            origin,
            first_expiry: fields.iter().filter_map(|field| field.expires).min(),
            expires,
            objection,
            quick: if is_unmistakable(metadata) { Quick::of_all(&fields) } else { Box::default() },
            fields,
            turned_away: AtomicU64::new(0),
        }
    }

    /// Stands where a plan would that could not be made, so that it is tried once.
    pub(super) fn failed(id: u32, metadata: &'static Metadata<'static>) -> Self {
        Plan {
            id,
            address: failed(address(metadata)),
            callsite: metadata.callsite(),
            is_unmistakable: is_unmistakable(metadata),
            name: Box::default(),
            target: Box::default(),
            is_span: metadata.is_span(),
            level: *metadata.level(),
            origin: Origin::Never,
            first_expiry: None,
            expires: None,
            objection: None,
            quick: Box::default(),
            fields: Box::default(),
            turned_away: AtomicU64::new(0),
        }
    }

    /// Whether it is the callsite's whose metadata is at this address.
    #[inline]
    pub(super) fn is_of(&self, address: usize) -> bool {
        self.address == address
    }

    /// Whether it stands for the plan that could not be made of that callsite.
    pub(super) fn failed_for(&self, address: usize) -> bool {
        self.address == failed(address)
    }

    #[inline]
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    #[inline]
    pub(super) fn field(&self, index: u16) -> Option<&FieldPlan> {
        self.fields.get(usize::from(index))
    }

    /// What it says about a field, and the field's place in it; `None` for one of another callsite, as a value set made by hand
    /// may bring it: that has another key at this place, of which nothing was decided here.
    #[inline]
    pub(super) fn of_field(&self, field: &Field) -> Option<(u16, &FieldPlan)> {
        let index = u16::try_from(field.index()).ok()?;
        let plan = self.field(index).filter(|_| field.callsite() == self.callsite)?;
        (self.is_unmistakable || *plan.source == *plain(field.name())).then_some((index, plan))
    }

    /// What it says about usual values of a field of its callsite, if nothing else can pass for one.
    #[inline(always)]
    pub(super) fn quick(&self, field: &Field) -> Option<&Quick> {
        if field.callsite() != self.callsite {
            return None;
        }
        self.quick.get(field.index())
    }

    /// The plan by which an entry of such a record was written.
    pub(super) fn of_entry(&self, entry: &Entry<'_>) -> Option<&FieldPlan> {
        match entry.key {
            Key::Index(index) => self.field(index),
            Key::Text(_) => None,
            Key::None => self.fields.iter().find(|field| field.role.tag() == entry.tag),
        }
    }

    /// The key under which a field leaves.
    pub(crate) fn key(&self, index: u16) -> Option<&str> {
        self.field(index).map(|field| &*field.key)
    }

    /// The keys under which fields leave.
    #[cfg(feature = "upload")]
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|field| field.action != Action::Drop).map(|field| &*field.key)
    }

    /// Whether its records may not exist any more on this day, although they could when the plan was made.
    pub(crate) fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|day| today >= day)
    }

    /// Whether any of its fields will expire.
    #[inline]
    pub(crate) fn expires_in_part(&self) -> bool {
        self.first_expiry.is_some()
    }

    /// Whether an entry of a record is of a field that may not exist any more on this day.
    pub(crate) fn hides(&self, entry: &Entry<'_>, today: Date) -> bool {
        self.of_entry(entry).and_then(|field| field.expires).is_some_and(|day| today >= day)
    }

    /// Where an inventory would declare it, and why that does not let it in.
    pub(crate) fn objection(&self) -> Option<(String, &str)> {
        let objection = self.objection.as_deref()?;
        let site = match self.is_span {
            true => Site::span(&self.name),
            false => Site::event(&self.name).target(&self.target),
        };
        Some((crate::privacy::inventory::header_of(site), objection))
    }

    /// Counts an event that was not let in.
    pub(crate) fn turn_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// Events that were not let in.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }
}

/// Whether no other callsite can pass for this one: `tracing` tells them apart by their addresses, of which those without a
/// size may share one.
fn is_unmistakable(metadata: &Metadata<'_>) -> bool {
    size_of_val(metadata.callsite().0) > 0
}

/// A field's key without the mark of a raw identifier.
fn plain(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// Two attributes never leave under one key, as `user_id` and `user_id_hash` would: the first one does.
fn drop_doubles(fields: &mut [FieldPlan]) {
    let mut keys = HashSet::new();
    for field in fields.iter_mut().filter(|field| field.role == Role::Attribute && field.leaves()) {
        if !keys.insert(field.key.clone()) {
            field.action = Action::Drop;
            (field.integers, field.floats, field.bools) = (Scalars::Drop, Scalars::Drop, Scalars::Drop);
        }
    }
}

#[inline]
pub(super) fn address(metadata: &'static Metadata<'static>) -> usize {
    std::ptr::from_ref(metadata).addr()
}

/// What is noted in the place of a callsite's address where its plan could not be made. Metadata is aligned, so that this is
/// no other callsite's address.
fn failed(address: usize) -> usize {
    !address
}
