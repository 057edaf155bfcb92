//! What happens to each field of a callsite, decided when the callsite is first seen.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{Level, Metadata};

use super::format;
use super::pen::VALUE_CAP;
use super::policy::{Action, Policy, Verdict};
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
    pub(crate) level: Level,
    pub(crate) origin: Origin,
    fields: Box<[FieldPlan]>,
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
    pub(super) numbers: Scalars,
    pub(super) bools: Scalars,
    /// A value that prints as a struct goes: nobody has looked at its fields.
    pub(super) drops_structs: bool,
    /// A value that is a pseudonym already stays one: set for rows that come back from disk.
    pub(super) readmits_pseudonyms: bool,
}

impl FieldPlan {
    /// The same for a row that comes back from disk: what was hashed or made coarser before is so already.
    #[cfg(feature = "upload")]
    pub(super) fn readmitting(self, carries_its_name: bool) -> Self {
        let action = match self.action {
            Action::Bucket | Action::Round(_) | Action::Generalize => Action::Redact,
            action => action,
        };
        FieldPlan { action, readmits_pseudonyms: carries_its_name, ..self }
    }

    /// Whether clean text leaves as it is.
    #[inline]
    pub(super) fn keeps_text(&self) -> bool {
        matches!(self.action, Action::Keep | Action::Redact | Action::Truncate(_)) && !self.role.is_code()
    }

    /// Bytes of a text that stay.
    #[inline]
    pub(super) fn cap(&self) -> usize {
        match self.action {
            Action::Truncate(bytes) => bytes.min(VALUE_CAP),
            _ => VALUE_CAP,
        }
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
            Action::Keep | Action::Redact | Action::Truncate(_) => Scalars::Stay,
            Action::Drop if stays_when_dropped => Scalars::Stay,
            Action::Drop => Scalars::Drop,
            Action::Hash | Action::Bucket | Action::Round(_) | Action::Generalize => Scalars::Text,
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
    /// Of a field of an event or span.
    fn of(key: &str, shape: Shape, bridged: bool) -> Role {
        match (key, shape) {
            ("message", Shape::Event) => Role::Body,
            ("otel.name", Shape::Span) => Role::Name,
            ("otel.kind", Shape::Span) => Role::SpanKind,
            ("otel.status_code", Shape::Span) => Role::Status,
            ("otel.status_description" | "otel.status_message", Shape::Span) => Role::StatusMessage,
            ("log.target", Shape::Event) if bridged => Role::Target,
            ("log.module_path" | "log.file" | "log.line", Shape::Event) if bridged => Role::Ignored,
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
    fn new(id: u32, metadata: &'static Metadata<'static>, policy: &Policy, origin: Origin) -> Self {
        let shape = if metadata.is_span() { Shape::Span } else { Shape::Event };
        let name = match shape {
            // An event's default name is its place in the source tree: `event src/main.rs:12`.
            Shape::Event if metadata.name().starts_with("event ") => "",
            _ => metadata.name(),
        };
        let fields = metadata.fields().iter().take(PLANNED);
        let fields = fields.map(|field| policy.plan(field.name(), shape, origin == Origin::LogBridge));
        Plan {
            id,
            address: address(metadata),
            name: policy.clean_name(name),
            target: policy.clean_name(metadata.target()),
            level: *metadata.level(),
            origin,
            fields: fields.collect(),
            turned_away: AtomicU64::new(0),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    #[inline]
    pub(super) fn field(&self, index: u16) -> Option<&FieldPlan> {
        self.fields.get(usize::from(index))
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
    /// The verdict about a field with its part in the record: an application's rule holds whatever the part is.
    pub(super) fn decide_as(&self, role: Role, key: &str) -> Verdict {
        if role == Role::Attribute {
            return self.decide(key);
        }
        self.decide_by_rule(key).unwrap_or_else(|| match role {
            // What a failure is described with is a message too.
            Role::Body | Role::StatusMessage => self.decide_message(),
            _ => Verdict::plain(Action::Keep),
        })
    }

    /// The plan of a field named `key`: what [`Policy::explain`] tells, with what the field is to its record.
    pub(super) fn plan(&self, key: &str, shape: Shape, bridged: bool) -> FieldPlan {
        let key = key.strip_prefix("r#").unwrap_or(key);
        let role = Role::of(key, shape, bridged);
        let verdict = self.decide_as(role, key);
        FieldPlan {
            source: key.into(),
            key: self.clean_name(&verdict.action.rename(key)),
            role,
            action: verdict.action,
            numbers: Scalars::under(role, verdict.action, verdict.numbers_stay),
            bools: Scalars::under(role, verdict.action, verdict.bools_stay),
            drops_structs: shape == Shape::Span && role == Role::Attribute && !verdict.by_application,
            readmits_pseudonyms: false,
        }
    }
}

/// The plans of all callsites seen: append-only, read without a lock.
///
/// Open addressing in segments that double in size; a callsite that finds no place in the last one gets no plan, and
/// is not collected: that takes more than ten thousand callsites.
pub(crate) struct Plans {
    policy: Policy,
    segments: [OnceLock<Box<[Slot]>>; SEGMENTS],
}

type Slot = OnceLock<Arc<Plan>>;

const SEGMENTS: usize = 5;
const FIRST_SEGMENT: usize = 1024;
/// Slots looked at in a segment.
const PROBES: usize = 8;

impl Plans {
    pub(crate) fn new(policy: Policy) -> Self {
        Plans { policy, segments: Default::default() }
    }

    /// The plan of a callsite, made now if it is new. `origin` is asked only then, and again where another callsite was
    /// quicker to take the place.
    #[inline]
    pub(crate) fn plan(
        &self,
        metadata: &'static Metadata<'static>,
        origin: impl Fn(&Metadata<'_>) -> Origin,
    ) -> Option<&Arc<Plan>> {
        let address = address(metadata);
        if let Some(slots) = self.segments[0].get()
            && let Some(plan) = slots[spread(address) & (slots.len() - 1)].get()
            && plan.address == address
        {
            return Some(plan);
        }
        self.search(metadata, origin)
    }

    /// The same where the plan is not in its first place.
    #[cold]
    fn search(
        &self,
        metadata: &'static Metadata<'static>,
        origin: impl Fn(&Metadata<'_>) -> Origin,
    ) -> Option<&Arc<Plan>> {
        let address = address(metadata);
        for (number, segment) in self.segments.iter().enumerate() {
            let slots = segment.get_or_init(|| (0..FIRST_SEGMENT << number).map(|_| Slot::new()).collect());
            for probe in 0..PROBES {
                let place = (spread(address) + probe) & (slots.len() - 1);
                let slot = &slots[place];
                let plan = match slot.get() {
                    Some(plan) => plan,
                    None => {
                        let id = ((number as u32) << 24) | place as u32;
                        // Built before the slot is touched: nothing of this can be seen half done.
                        let plan = Arc::new(Plan::new(id, metadata, &self.policy, origin(metadata)));
                        slot.get_or_init(|| plan)
                    }
                };
                if plan.address == address {
                    return Some(plan);
                }
            }
        }
        None
    }

    /// The plan of a callsite, if it was made.
    pub(crate) fn find(&self, metadata: &Metadata<'_>) -> Option<&Arc<Plan>> {
        let address = std::ptr::from_ref(metadata).addr();
        for segment in &self.segments {
            let slots = segment.get()?;
            for probe in 0..PROBES {
                let plan = slots[(spread(address) + probe) & (slots.len() - 1)].get()?;
                if plan.address == address {
                    return Some(plan);
                }
            }
        }
        None
    }

    /// The plan that a record names.
    pub(crate) fn get(&self, id: u32) -> Option<&Plan> {
        let slots = self.segments.get((id >> 24) as usize)?.get()?;
        slots.get((id & 0x00ff_ffff) as usize)?.get().map(|plan| &**plan)
    }

    /// Every plan made so far.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Plan> {
        self.segments
            .iter()
            .filter_map(OnceLock::get)
            .flat_map(|slots| slots.iter())
            .filter_map(|slot| slot.get())
            .map(|plan| &**plan)
    }
}

impl std::fmt::Debug for Plans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plans").field("count", &self.iter().count()).finish()
    }
}

#[inline]
fn address(metadata: &'static Metadata<'static>) -> usize {
    std::ptr::from_ref(metadata).addr()
}

/// Statics lie close together: mix their addresses before the low bits choose a slot.
#[inline]
fn spread(address: usize) -> usize {
    (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_right(40) as usize
}
