//! The words that a record is told in: its signal, severity, kind, status, values.

use crate::privacy::format::{self, Entry};

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// An event, as an OpenTelemetry log record.
    Log,
    /// A closed span.
    Span,
}

#[cfg(feature = "upload")]
impl Signal {
    /// What several of them are called.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Signal::Log => "log records",
            Signal::Span => "spans",
        }
    }
}

/// How severe a record is: the levels of `tracing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Severity {
    Trace = 1,
    Debug = 5,
    Info = 9,
    Warn = 13,
    Error = 17,
}

/// How a span ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Nobody said.
    Unset,
    /// The application said that it went well.
    Ok,
    /// The application said that it failed, or described a failure, or an `error!` event happened in it.
    Error,
}

/// A span's part in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are OpenTelemetry's")]
pub enum SpanKind {
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// A value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub enum ValueRef<'a> {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Str(&'a str),
}

impl Severity {
    /// From OpenTelemetry's number.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1..=4 => Severity::Trace,
            5..=8 => Severity::Debug,
            9..=12 => Severity::Info,
            13..=16 => Severity::Warn,
            17..=24 => Severity::Error,
            _ => return None,
        })
    }

    /// `TRACE`, `DEBUG`, `INFO`, `WARN` or `ERROR`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Trace => "TRACE",
            Severity::Debug => "DEBUG",
            Severity::Info => "INFO",
            Severity::Warn => "WARN",
            Severity::Error => "ERROR",
        }
    }
}

impl From<tracing::Level> for Severity {
    fn from(level: tracing::Level) -> Self {
        match level {
            tracing::Level::TRACE => Severity::Trace,
            tracing::Level::DEBUG => Severity::Debug,
            tracing::Level::INFO => Severity::Info,
            tracing::Level::WARN => Severity::Warn,
            tracing::Level::ERROR => Severity::Error,
        }
    }
}

impl SpanKind {
    pub(super) fn of(byte: Option<u8>) -> Self {
        match byte {
            Some(1) => SpanKind::Server,
            Some(2) => SpanKind::Client,
            Some(3) => SpanKind::Producer,
            Some(4) => SpanKind::Consumer,
            _ => SpanKind::Internal,
        }
    }
}

impl<'a> ValueRef<'a> {
    /// Of an attribute's entry.
    pub(super) fn of(entry: &Entry<'a>) -> Option<Self> {
        Some(match entry.tag {
            format::BOOL => ValueRef::Bool(*entry.value.first()? != 0),
            format::I64 => ValueRef::I64(i64::from_le_bytes(entry.value.try_into().ok()?)),
            format::U64 => ValueRef::U64(u64::from_le_bytes(entry.value.try_into().ok()?)),
            format::F64 => ValueRef::F64(f64::from_le_bytes(entry.value.try_into().ok()?)),
            format::STR => ValueRef::Str(std::str::from_utf8(entry.value).ok()?),
            _ => return None,
        })
    }
}
