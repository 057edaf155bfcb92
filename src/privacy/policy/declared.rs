//! A policy whose fields are listed one by one: what is not listed does not exist.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Action;
use super::site::{Site, SiteKind};
use super::verdict::Verdict;

/// The listed fields, by the event, span or resource they belong to.
///
/// This is all that a policy knows of an inventory: [`Declared::verdict`] is asked once per field of a callsite, when the
/// callsite is first seen, once per resource attribute at start, and once per key of a row that comes back from disk.
/// A row's key may be the one that a pseudonym got; the policy asks for the key that it had before. A span's row bears
/// the name that `otel.name` gave it, if the application did.
#[derive(Debug, Clone, Default)]
pub(in crate::privacy) struct Declared {
    records: HashMap<SiteKind, HashMap<Box<str>, Record>>,
}

/// What one event or span may carry.
type Record = HashMap<Box<str>, Field>;

/// A listed field.
#[derive(Debug, Clone)]
struct Field {
    action: Action,
    rule: Cow<'static, str>,
}

#[allow(dead_code, reason = "inventories fill it, and are under way")]
impl Declared {
    /// Lists a field. The text of an event has the key `message`. `rule` is what `explain` shows.
    pub(in crate::privacy) fn list(
        &mut self,
        site: Site<'_>,
        key: &str,
        action: Action,
        rule: impl Into<Cow<'static, str>>,
    ) {
        let record = self.records.entry(site.kind()).or_default().entry(site.name().into()).or_default();
        record.insert(key.into(), Field { action, rule: rule.into() });
    }

    /// Lists an event or span without fields.
    pub(in crate::privacy) fn list_record(&mut self, site: Site<'_>) {
        self.records.entry(site.kind()).or_default().entry(site.name().into()).or_default();
    }

    /// Whether the event or span is listed at all.
    pub(in crate::privacy) fn lists(&self, site: Site<'_>) -> bool {
        self.record(site).is_some()
    }

    /// The verdict about a field.
    pub(in crate::privacy) fn verdict(&self, site: Site<'_>, key: &str) -> Listed {
        let Some(record) = self.record(site) else {
            return Listed::No(Cow::Borrowed("its event or span is not in the inventory"));
        };
        match record.get(key) {
            Some(field) => Listed::Yes(Verdict::by_application(field.action, field.rule.clone())),
            None => Listed::No(Cow::Borrowed("not in the inventory")),
        }
    }

    fn record(&self, site: Site<'_>) -> Option<&Record> {
        self.records.get(&site.kind())?.get(site.name())
    }
}

/// What an inventory says about a field.
pub(in crate::privacy) enum Listed {
    Yes(Verdict),
    /// It is dropped, whatever rules the application added: this is why.
    No(Cow<'static, str>),
}
