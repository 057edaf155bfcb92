//! Where a field stands.

/// An event, a span or the resource, as a policy sees it: in a policy that is an inventory, a field belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site<'a> {
    kind: SiteKind,
    name: &'a str,
    target: &'a str,
}

/// The name that `tracing-log` gives to the events it makes.
pub(super) const LOG_EVENT: &str = "log event";

/// What a field is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SiteKind {
    Event,
    /// An event that a bridge made of a record of the `log` crate.
    LogRecord,
    Span,
    /// What all records of a run share.
    Resource,
}

impl<'a> Site<'a> {
    /// An event with the name that `info!(name: "…")` gives it; empty for an event without one.
    pub const fn event(name: &'a str) -> Self {
        Site { kind: SiteKind::Event, name, target: "" }
    }

    /// A record of the `log` crate that a bridge made an event of.
    pub const fn log_record() -> Self {
        Site { kind: SiteKind::LogRecord, name: "", target: "" }
    }

    /// A span of this name.
    pub const fn span(name: &'a str) -> Self {
        Site { kind: SiteKind::Span, name, target: "" }
    }

    /// The attributes that all records of a run share.
    pub const fn resource() -> Self {
        Site { kind: SiteKind::Resource, name: "", target: "" }
    }

    /// The same under this target. Default: none, which is no target's.
    #[must_use]
    pub const fn target(self, target: &'a str) -> Self {
        Site { target, ..self }
    }

    /// Whether a bridge made it of a record of the `log` crate; a row that comes back from disk shows it by its name.
    #[cfg(feature = "upload")]
    pub(in crate::privacy) fn is_bridged(self) -> bool {
        self.kind == SiteKind::LogRecord || (self.kind == SiteKind::Event && self.name == LOG_EVENT)
    }

    pub(in crate::privacy) const fn kind(self) -> SiteKind {
        self.kind
    }

    pub(in crate::privacy) const fn name(self) -> &'a str {
        self.name
    }

    pub(in crate::privacy) const fn target_name(self) -> &'a str {
        self.target
    }
}
