//! What happens to one field's values.

use crate::app::Date;
use crate::privacy::format;
use crate::privacy::inventory::{FieldKind, ScalarType};
use crate::privacy::policy::{Action, SiteKind};

/// What happens to one field.
#[derive(Debug, Clone)]
pub(crate) struct FieldPlan {
    /// The key as the application wrote it; pseudonyms are separated by it.
    pub(in crate::privacy) source: Box<str>,
    /// The key as it leaves.
    pub(crate) key: Box<str>,
    pub(in crate::privacy) role: Role,
    pub(in crate::privacy) action: Action,
    /// Numbers may stay although the key's text would go: under `token` they are counts.
    pub(in crate::privacy) integers: Scalars,
    pub(in crate::privacy) floats: Scalars,
    pub(in crate::privacy) bools: Scalars,
    /// What an inventory says that it is; a value of another type goes. None where any text will do.
    pub(in crate::privacy) kind: Option<Box<FieldKind>>,
    /// The first day on which it may not exist any more.
    pub(in crate::privacy) expires: Option<Date>,
    /// A value that prints as a struct goes: nobody has looked at its fields.
    pub(in crate::privacy) drops_structs: bool,
    /// A value that is a pseudonym already stays one: set for rows that come back from disk.
    pub(in crate::privacy) readmits_pseudonyms: bool,
}

impl FieldPlan {
    /// The same for a row that comes back from disk: what was hashed or made coarser before is so already.
    #[cfg(feature = "upload")]
    pub(in crate::privacy) fn readmitting(self, carries_its_name: bool) -> Self {
        // What was made coarser is of another type now.
        let kind = self.kind.filter(|_| self.action.keeps_text());
        FieldPlan { kind, readmits_pseudonyms: carries_its_name, ..self }
    }

    /// Whether any value of it leaves.
    pub(super) fn leaves(&self) -> bool {
        self.action != Action::Drop || [self.integers, self.floats, self.bools].contains(&Scalars::Stay)
    }

    /// Whether clean text leaves as it is.
    #[inline]
    pub(in crate::privacy) fn keeps_text(&self) -> bool {
        self.action.keeps_text() && !self.role.is_code() && self.kind.is_none()
    }

    /// Whether a value that is text now may be what the inventory says.
    pub(in crate::privacy) fn admits(&self, text: &str) -> bool {
        match self.kind.as_deref() {
            None => true,
            Some(kind) if kind.is_scalar() && self.action == Action::Keep => false,
            Some(kind) => kind.admits(text),
        }
    }

    /// Bytes of a text that stay.
    #[inline]
    pub(in crate::privacy) fn cap(&self) -> usize {
        self.action.cap()
    }
}

/// What happens to numbers, or to truth values, of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::privacy) enum Scalars {
    /// They are kept with their type.
    Stay,
    Drop,
    /// They are treated as the text that they print as.
    Text,
}

impl Scalars {
    pub(super) fn under(role: Role, action: Action, stays_when_dropped: bool) -> Self {
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
    pub(super) fn of_kind(role: Role, kind: &FieldKind, action: Action, scalar: ScalarType) -> Self {
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
    pub(super) fn of(site: SiteKind, key: &str) -> Role {
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

    pub(in crate::privacy) fn tag(self) -> u8 {
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
    pub(in crate::privacy) fn is_code(self) -> bool {
        matches!(self, Role::SpanKind | Role::Status)
    }

    /// The tag and byte that a word stands for; `None` for a word that OpenTelemetry does not know.
    pub(in crate::privacy) fn code(self, word: &str) -> Option<(u8, u8)> {
        let words: &[&str] = match self {
            Role::SpanKind => &["internal", "server", "client", "producer", "consumer"],
            Role::Status => &["unset", "ok", "error"],
            _ => return None,
        };
        let byte = words.iter().position(|known| known.eq_ignore_ascii_case(word))?;
        Some((self.tag(), byte as u8))
    }
}
