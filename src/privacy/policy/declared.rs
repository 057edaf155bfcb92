//! A policy whose fields are listed one by one: what is not listed does not exist.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Action;
use super::site::{LOG_EVENT, Site, SiteKind};
use super::verdict::Verdict;
use crate::app::{Clock, Date};
use crate::privacy::inventory::{FieldKind, Inventory};

/// The listed fields, by the event, span or resource they belong to.
///
/// [`Declared::verdict`] is asked once per field of a callsite, when the callsite is first seen, once per resource attribute
/// at start, and once per key of a row that comes back from disk. A row's key may be the one that a pseudonym got; the
/// policy asks for the key that it had before.
#[derive(Debug, Clone)]
pub(in crate::privacy) struct Declared {
    inventory: Inventory,
    clock: Clock,
    /// By kind and name; events without a name by their target.
    records: HashMap<(SiteKind, Name), Record>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    Own(Box<str>),
    Target(Box<str>),
}

/// What one event or span may carry.
#[derive(Debug, Clone, Default)]
struct Record {
    expires: Option<Date>,
    withheld: bool,
    fields: HashMap<Box<str>, Listing>,
}

/// A listed field.
#[derive(Debug, Clone)]
pub(in crate::privacy) struct Listing {
    pub(in crate::privacy) action: Action,
    pub(in crate::privacy) kind: FieldKind,
    /// The first day on which it does not exist any more.
    pub(in crate::privacy) expires: Option<Date>,
    /// Its user has not agreed to it.
    pub(in crate::privacy) withheld: bool,
    /// What `explain` shows.
    pub(in crate::privacy) rule: String,
}

impl Declared {
    /// A list with nothing on it.
    pub(in crate::privacy) fn new(inventory: Inventory, clock: Clock) -> Self {
        Declared { inventory, clock, records: HashMap::new() }
    }

    /// Lists a field. The text of an event has the key `message`.
    pub(in crate::privacy) fn list(&mut self, site: Site<'_>, key: &str, listing: Listing) {
        self.records.entry(key_of(site)).or_default().fields.insert(key.into(), listing);
    }

    /// Lists an event or span.
    pub(in crate::privacy) fn list_record(&mut self, site: Site<'_>, expires: Option<Date>, withheld: bool) {
        let record = self.records.entry(key_of(site)).or_default();
        (record.expires, record.withheld) = (expires, withheld);
    }

    /// Where the list comes from.
    pub(in crate::privacy) fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    pub(in crate::privacy) fn today(&self) -> Date {
        self.clock.wall().date()
    }

    /// Whether the event or span may exist, and until when.
    pub(in crate::privacy) fn admits(&self, site: Site<'_>) -> Result<Option<Date>, Cow<'static, str>> {
        self.record(site).map(|record| record.expires)
    }

    /// The verdict about a field.
    pub(in crate::privacy) fn verdict(&self, site: Site<'_>, key: &str) -> Listed {
        let record = match self.record(site) {
            Ok(record) => record,
            Err(why) => return Listed::No(why),
        };
        let Some(field) = record.fields.get(key) else {
            return Listed::No(Cow::Borrowed("not in the inventory"));
        };
        if let Some(why) = self.objection(field.withheld, field.expires) {
            return Listed::No(Cow::Owned(format!("{}, but {why}", field.rule)));
        }
        Listed::Yes(Verdict {
            kind: Some(field.kind.clone()),
            expires: field.expires,
            ..Verdict::by_application(field.action, field.rule.clone())
        })
    }

    fn record(&self, site: Site<'_>) -> Result<&Record, Cow<'static, str>> {
        let Some(record) = self.records.get(&key_of(site)) else {
            return Err(Cow::Borrowed(match site.kind() {
                SiteKind::Resource => "not in the inventory",
                SiteKind::Event if site.name().is_empty() => {
                    "the event has no name, and its target is not in the inventory"
                }
                SiteKind::Event | SiteKind::LogRecord | SiteKind::Span => "its event or span is not in the inventory",
            }));
        };
        match self.objection(record.withheld, record.expires) {
            Some(why) => Err(Cow::Owned(format!("its event or span is in the inventory, but {why}"))),
            None => Ok(record),
        }
    }

    /// Why what is listed is not collected all the same.
    fn objection(&self, withheld: bool, expires: Option<Date>) -> Option<String> {
        match expires {
            _ if withheld => Some("it is newer than the user's yes".to_owned()),
            Some(day) if self.today() >= day => Some(format!("it expired on {day}")),
            _ => None,
        }
    }
}

/// What an inventory says about a field.
pub(in crate::privacy) enum Listed {
    Yes(Verdict),
    /// It is dropped, whatever rules the application added: this is why.
    No(Cow<'static, str>),
}

fn key_of(site: Site<'_>) -> (SiteKind, Name) {
    match (site.kind(), site.name()) {
        (SiteKind::Event, "") => (SiteKind::Event, Name::Target(site.target_name().into())),
        // A bridge gives all its events one name, by which a row that comes back from disk knows them.
        (SiteKind::LogRecord, _) => (SiteKind::Event, Name::Own(LOG_EVENT.into())),
        (kind, name) => (kind, Name::Own(name.into())),
    }
}
