//! What happens to each field of a callsite, decided when the callsite is first seen.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{Level, Metadata};

use super::format::{self, Entry, Key};
use super::inventory::{FieldKind, ScalarType};
use super::policy::{Action, Policy, Site, SiteKind, Verdict};
use super::quick::Quick;
use crate::app::Date;
use crate::privacy::format::Shape;

/// The decisions about one callsite.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Where the plan stands in the [`Plans`]; records in a chunk name it by this.
    id: u32,
    /// Address of the callsite's metadata, which is unique for the life of the process.
    address: usize,
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

/// What happens to one field.
#[derive(Debug, Clone)]
pub(crate) struct FieldPlan {
    /// The key as the application wrote it; pseudonyms are separated by it.
    pub(super) source: Box<str>,
    /// The key as it leaves.
    pub(crate) key: Box<str>,
    pub(super) role: Role,
    pub(super) action: Action,
    /// Numbers may stay although the key's text would go: under `token` they are counts.
    pub(super) integers: Scalars,
    pub(super) floats: Scalars,
    pub(super) bools: Scalars,
    /// What an inventory says that it is; a value of another type goes. None where any text will do.
    pub(super) kind: Option<Box<FieldKind>>,
    /// The first day on which it may not exist any more.
    pub(super) expires: Option<Date>,
    /// A value that prints as a struct goes: nobody has looked at its fields.
    pub(super) drops_structs: bool,
    /// A value that is a pseudonym already stays one: set for rows that come back from disk.
    pub(super) readmits_pseudonyms: bool,
}

impl FieldPlan {
    /// The same for a row that comes back from disk: what was hashed or made coarser before is so already.
    #[cfg(feature = "upload")]
    pub(super) fn readmitting(self, carries_its_name: bool) -> Self {
        // What was made coarser is of another type now.
        let kind = self.kind.filter(|_| self.action.keeps_text());
        FieldPlan { kind, readmits_pseudonyms: carries_its_name, ..self }
    }

    /// Whether any value of it leaves.
    fn leaves(&self) -> bool {
        self.action != Action::Drop || [self.integers, self.floats, self.bools].contains(&Scalars::Stay)
    }

    /// Whether clean text leaves as it is.
    #[inline]
    pub(super) fn keeps_text(&self) -> bool {
        self.action.keeps_text() && !self.role.is_code() && self.kind.is_none()
    }

    /// Whether a value that is text now may be what the inventory says.
    pub(super) fn admits(&self, text: &str) -> bool {
        match self.kind.as_deref() {
            None => true,
            Some(kind) if kind.is_scalar() && self.action == Action::Keep => false,
            Some(kind) => kind.admits(text),
        }
    }

    /// Bytes of a text that stay.
    #[inline]
    pub(super) fn cap(&self) -> usize {
        self.action.cap()
    }
}

/// What happens to numbers, or to truth values, of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalars {
    /// They are kept with their type.
    Stay,
    Drop,
    /// They are treated as the text that they print as.
    Text,
}

impl Scalars {
    fn under(role: Role, action: Action, stays_when_dropped: bool) -> Self {
        match action {
            _ if role != Role::Attribute => Scalars::Text,
            // Of a number as of a text so many bytes stay: `phone = 1701234567` cut to 3 is `170`.
            Action::Truncate(_) if !stays_when_dropped => Scalars::Text,
            _ if action.keeps_text() => Scalars::Stay,
            Action::Drop if stays_when_dropped => Scalars::Stay,
            Action::Drop => Scalars::Drop,
            // The table and the parser are about text.
            Action::Automagik | Action::Parameterize if stays_when_dropped => Scalars::Stay,
            _ => Scalars::Text,
        }
    }

    /// Under what an inventory says.
    fn of_kind(role: Role, kind: &FieldKind, action: Action, scalar: ScalarType) -> Self {
        match kind.admits_scalar(scalar) {
            _ if action == Action::Drop => Scalars::Drop,
            false => Scalars::Drop,
            true if kind.is_scalar() && action == Action::Keep && role == Role::Attribute => Scalars::Stay,
            true => Scalars::Text,
        }
    }
}

/// What a field is to the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Attribute,
    /// The text of `info!("…")`.
    Body,
    /// `otel.name`
    Name,
    /// `otel.kind`
    SpanKind,
    /// `otel.status_code`
    Status,
    /// `otel.status_description`, also `otel.status_message`
    StatusMessage,
    /// `log.target` of a bridged record.
    Target,
    /// Places in a build machine's source tree.
    Ignored,
}

impl Role {
    /// Of a field.
    fn of(site: SiteKind, key: &str) -> Role {
        match (key, site) {
            ("message", SiteKind::Event | SiteKind::LogRecord) => Role::Body,
            ("otel.name", SiteKind::Span) => Role::Name,
            ("otel.kind", SiteKind::Span) => Role::SpanKind,
            ("otel.status_code", SiteKind::Span) => Role::Status,
            ("otel.status_description" | "otel.status_message", SiteKind::Span) => Role::StatusMessage,
            ("log.target", SiteKind::LogRecord) => Role::Target,
            ("log.module_path" | "log.file" | "log.line", SiteKind::LogRecord) => Role::Ignored,
            _ => Role::Attribute,
        }
    }

    pub(super) fn tag(self) -> u8 {
        match self {
            Role::Attribute | Role::Ignored => format::STR,
            Role::Body => format::BODY,
            Role::Name => format::NAME,
            Role::SpanKind => format::SPAN_KIND,
            Role::Status => format::STATUS,
            Role::StatusMessage => format::STATUS_MESSAGE,
            Role::Target => format::TARGET,
        }
    }

    /// Whether the value is one of a few words, kept as a byte.
    pub(super) fn is_code(self) -> bool {
        matches!(self, Role::SpanKind | Role::Status)
    }

    /// The tag and byte that a word stands for; `None` for a word that OpenTelemetry does not know.
    pub(super) fn code(self, word: &str) -> Option<(u8, u8)> {
        let words: &[&str] = match self {
            Role::SpanKind => &["internal", "server", "client", "producer", "consumer"],
            Role::Status => &["unset", "ok", "error"],
            _ => return None,
        };
        let byte = words.iter().position(|known| known.eq_ignore_ascii_case(word))?;
        Some((self.tag(), byte as u8))
    }
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
            name: policy.clean_name(name),
            target: policy.clean_name(metadata.target()),
            is_span: metadata.is_span(),
            level: *metadata.level(),
            origin,
            first_expiry: fields.iter().filter_map(|field| field.expires).min(),
            expires,
            objection,
            quick: Quick::of_all(&fields),
            fields,
            turned_away: AtomicU64::new(0),
        }
    }

    /// Stands where a plan would that could not be made, so that it is tried once.
    pub(super) fn failed(id: u32, metadata: &'static Metadata<'static>) -> Self {
        Plan {
            id,
            address: failed(address(metadata)),
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

    /// What it says about usual values of a field.
    #[inline(always)]
    pub(super) fn quick(&self, index: usize) -> Option<&Quick> {
        self.quick.get(index)
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
        Some((super::inventory::header_of(site), objection))
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

impl Policy {
    /// The plan of a field.
    pub(super) fn plan(&self, site: Site<'_>, key: &str) -> FieldPlan {
        self.judge(site, key).0
    }

    /// The plan of a field, and the rule behind it, which [`Policy::explain_in`] tells.
    pub(super) fn judge(&self, site: Site<'_>, key: &str) -> (FieldPlan, Cow<'static, str>) {
        let key = key.strip_prefix("r#").unwrap_or(key);
        self.judge_as(site, Role::of(site.kind(), key), key)
    }

    fn judge_as(&self, site: Site<'_>, role: Role, key: &str) -> (FieldPlan, Cow<'static, str>) {
        let verdict = self.decide_as(site, role, key);
        let scalars = |scalar, stays| match &verdict.kind {
            Some(kind) => Scalars::of_kind(role, kind, verdict.action, scalar),
            None => Scalars::under(role, verdict.action, stays),
        };
        let plan = FieldPlan {
            source: key.into(),
            key: self.key_for(verdict.action, key),
            role,
            action: verdict.action,
            integers: scalars(ScalarType::Integer, verdict.numbers_stay),
            floats: scalars(ScalarType::Float, verdict.numbers_stay),
            bools: scalars(ScalarType::Bool, verdict.bools_stay),
            drops_structs: site.kind() == SiteKind::Span && role == Role::Attribute && !verdict.by_application,
            readmits_pseudonyms: false,
            expires: verdict.expires,
            kind: verdict.kind.filter(|kind| !kind.is_any()).map(Box::new),
        };
        (plan, verdict.rule)
    }

    /// The verdict about a field with its part in the record: an application's rule holds whatever the part is.
    fn decide_as(&self, site: Site<'_>, role: Role, key: &str) -> Verdict {
        let by_rule = || self.decide_by_rule(site, key);
        match role {
            Role::Attribute => self.decide(site, key),
            // What a failure is described with is a message too.
            Role::Body | Role::StatusMessage => {
                let listed = by_rule().filter(|verdict| verdict.kind.is_none() || !self.drops_messages());
                listed.unwrap_or_else(|| self.decide_message())
            }
            Role::Name => by_rule().unwrap_or_else(|| Verdict::by_application(Action::Keep, "the span's name")),
            // The running program may write anything into it: beside a list it is what the list says, or the bridge's own.
            Role::Target if self.inventory().is_some() => self.decide(site, key),
            // Of these the words are few and known: no list has to name them.
            Role::SpanKind | Role::Status | Role::Target => by_rule()
                .filter(|verdict| verdict.by_application)
                .unwrap_or_else(|| Verdict::by_application(Action::Keep, "part of the record itself")),
            Role::Ignored => Verdict::drop("a place in the build machine's source tree"),
        }
    }

    /// The plan of a text that no rule is about: it is scanned.
    #[cfg(feature = "upload")]
    pub(super) fn plan_kept(&self, key: &str) -> FieldPlan {
        FieldPlan {
            source: key.into(),
            key: key.into(),
            role: Role::Attribute,
            action: Action::Keep,
            integers: Scalars::Text,
            floats: Scalars::Text,
            bools: Scalars::Text,
            kind: None,
            expires: None,
            drops_structs: false,
            readmits_pseudonyms: false,
        }
    }

    /// The plan of an attribute that a row from disk has under `key`: that of the key it was logged under.
    #[cfg(feature = "upload")]
    pub(super) fn plan_row(&self, site: Site<'_>, key: &str) -> FieldPlan {
        let origin = self.hashed_from(site, key);
        let (plan, _) = self.judge_as(site, Role::Attribute, origin.as_deref().unwrap_or(key));
        let carries_its_name = *plan.key == *key;
        plan.readmitting(carries_its_name)
    }

    /// The key of which `key` is what a hash got: `order_id` for `order_id_hash`, where the policy hashes that.
    pub(super) fn hashed_from(&self, site: Site<'_>, key: &str) -> Option<String> {
        let origin = match key.strip_suffix("_hash") {
            Some(origin) => origin.to_owned(),
            None => format!("{}.id", key.strip_suffix(".hash")?),
        };
        let action = self.decide(site, &origin).action;
        (action.is_hash() && action.rename(&origin) == key).then_some(origin)
    }
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
