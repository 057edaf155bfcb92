//! The keys of a row: a record as one line of JSON text.

/// Declares the keys once, for `record`, which writes rows, and for `readmit`, which reads them.
macro_rules! keys {
    ($($name:ident = $text:literal),* $(,)?) => { $(pub(crate) const $name: &str = $text;)* };
}

keys! {
    KIND = "kind",
    LOG = "log",
    SPAN = "span",
    TIME = "time",
    START = "start",
    END = "end",
    LEVEL = "level",
    NAME = "name",
    TARGET = "target",
    BODY = "body",
    TRACE_ID = "trace_id",
    SPAN_ID = "span_id",
    PARENT_SPAN_ID = "parent_span_id",
    SPAN_KIND = "span_kind",
    STATUS = "status",
    STATUS_MESSAGE = "status_message",
    ATTRIBUTES = "attributes",
    LINKS = "links",
    DROPPED_LINKS = "dropped_links",
    EVENTS = "events",
    DROPPED_EVENTS = "dropped_events",
    DROPPED_ATTRIBUTES = "dropped_attributes",
    RESOURCE = "resource",
}

/// OpenTelemetry's number of a level's name.
#[cfg(feature = "upload")]
pub(super) fn severity_number(level: &str) -> Option<u8> {
    let numbers = [("TRACE", 1), ("DEBUG", 5), ("INFO", 9), ("WARN", 13), ("ERROR", 17)];
    numbers.into_iter().find(|(name, _)| *name == level).map(|(_, number)| number)
}
