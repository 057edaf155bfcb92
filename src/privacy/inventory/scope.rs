//! The scope of consent: what is collected, in a form that two versions can be compared by.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::Contents;
use super::entry::{Facts, Field, Record};
use super::kind::FieldKind;
use crate::app::Date;
use crate::privacy::policy::{Action, TimeUnit};

/// What an inventory collects, as consent sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) version: u32,
    /// SHA-256 over the entries, in hexadecimal digits. The order of the file, its comments and its wording change nothing,
    /// but for the purposes: these are a part of what is agreed to.
    pub(crate) digest: String,
    pub(crate) entries: Vec<Entry>,
}

/// A record or field that can be agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// 64 bits of SHA-256 over what it collects, how, what for, for how long it is kept, how exact its times are,
    /// until when, and whether somebody holds a secret of its pseudonyms.
    pub(crate) id: String,
    /// The version of the inventory that it came with.
    pub(crate) since: u32,
    /// What collects more, so that a yes to that is one to this: the same with more exact times, without an end, or under a
    /// secret that somebody holds.
    pub(crate) wider: Vec<String>,
}

/// What is to be agreed to.
pub(super) fn of(contents: &Contents) -> Scope {
    let mut hashes: Vec<[u8; 32]> = Vec::new();
    let mut entries = Vec::new();
    contents.entries(|hash, since, wider| {
        hashes.push(hash);
        entries.push(Entry { id: short(&hash), since, wider });
    });
    hashes.sort_unstable();
    let mut all = Sha256::new();
    hashes.iter().for_each(|hash| all.update(hash));
    Scope { version: contents.version, digest: hex(&all.finalize()), entries }
}

impl Contents {
    fn entries(&self, mut entry: impl FnMut([u8; 32], u32, Vec<String>)) {
        let mut fields = Vec::new();
        for record in &self.records {
            let hash = hash_record(record, self.document.times, record.facts.expires);
            entry(hash, record.facts.since, self.wider_records(record));
            fields.extend(record.fields.iter().map(|field| (Within::Record(record), field)));
        }
        fields.extend(self.shared.iter().map(|field| (Within::EveryRecord, field)));
        fields.extend(self.resource.iter().map(|field| (Within::Resource, field)));
        for (within, field) in fields {
            let hash = hash_field(within, field, field.facts.expires, self.keys());
            entry(hash, field.facts.since, self.wider_fields(within, field));
        }
    }

    /// The id of a record's entry.
    pub(super) fn record_id(&self, record: &Record) -> String {
        short(&hash_record(record, self.document.times, record.facts.expires))
    }

    /// The id of a field's entry.
    pub(super) fn field_id(&self, within: Within<'_>, field: &Field) -> String {
        short(&hash_field(within, field, field.facts.expires, self.keys()))
    }

    /// The ids of a record with more exact times, without an end, or both.
    fn wider_records(&self, record: &Record) -> Vec<String> {
        let own = self.record_id(record);
        let finer = [None, Some(TimeUnit::Hour), Some(TimeUnit::Day), Some(TimeUnit::Week)];
        let upto = finer.iter().position(|unit| *unit == self.document.times).unwrap_or_default();
        let ends =
            |unit: &Option<TimeUnit>| [None, record.facts.expires].map(|end| short(&hash_record(record, *unit, end)));
        finer[..=upto].iter().flat_map(ends).filter(|id| *id != own).collect()
    }

    /// The ids of a field without an end, with pseudonyms that somebody else can make too, or both.
    fn wider_fields(&self, within: Within<'_>, field: &Field) -> Vec<String> {
        let own = self.field_id(within, field);
        let ends = |keys| [None, field.facts.expires].map(|end| short(&hash_field(within, field, end, keys)));
        let ids: BTreeSet<_> = [self.keys(), Keys::Shared].into_iter().flat_map(ends).collect();
        ids.into_iter().filter(|id| *id != own).collect()
    }

    fn keys(&self) -> Keys {
        self.document.pseudonym_secret.as_ref().map_or(Keys::OfTheMachine, |_| Keys::Shared)
    }
}

/// Where a field is declared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Within<'a> {
    Record(&'a Record),
    EveryRecord,
    Resource,
}

/// Who can make a pseudonym again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    OfTheMachine,
    Shared,
}

fn hash_record(record: &Record, times: Option<TimeUnit>, expires: Option<Date>) -> [u8; 32] {
    let times = times.map_or_else(String::new, |unit| format!(" by the {}", unit_name(unit)));
    let what = until(&format!("record{times}"), expires);
    let Facts { purpose, retention, .. } = &record.facts;
    hash(&[&what, record.sort.table(), &record.name, purpose, retention])
}

fn hash_field(within: Within<'_>, field: &Field, expires: Option<Date>, keys: Keys) -> [u8; 32] {
    let (sort, name) = match within {
        Within::Record(record) => (record.sort.table(), &*record.name),
        Within::EveryRecord => ("every record", ""),
        Within::Resource => ("the resource", ""),
    };
    let under = if field.makes_pseudonyms() && keys == Keys::Shared { " under a secret" } else { "" };
    let action = format!("{}{under}", Spelled(field.action));
    let what = until("field", expires);
    let Facts { purpose, retention, .. } = &field.facts;
    let mut parts = vec![&what, sort, name, &field.key, field.kind.name(), &action, purpose, retention];
    if let FieldKind::Enum(values) = &field.kind {
        let mut values: Vec<&str> = values.iter().map(|value| &**value).collect();
        values.sort_unstable();
        parts.extend(values);
    }
    hash(&parts)
}

/// What is agreed to for as long as it is collected: who prolongs it has to ask again.
fn until(what: &str, expires: Option<Date>) -> String {
    expires.map_or_else(|| what.to_owned(), |day| format!("{what} until {day}"))
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Hour => "hour",
        TimeUnit::Day => "day",
        TimeUnit::Week => "week",
    }
}

/// An action as it is hashed: this spelling must never change, since users agreed to it.
struct Spelled(Action);

impl std::fmt::Display for Spelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::app::Rotation;
        match self.0 {
            Action::Keep => f.write_str("keep"),
            Action::Drop => f.write_str("drop"),
            Action::Hash => f.write_str("hash"),
            Action::HashFor(Rotation::Daily) => f.write_str("hash daily"),
            Action::HashFor(Rotation::Weekly) => f.write_str("hash weekly"),
            Action::HashFor(Rotation::Monthly) => f.write_str("hash monthly"),
            Action::HashFor(Rotation::Never) => f.write_str("hash never"),
            Action::Redact => f.write_str("redact"),
            Action::Truncate(bytes) => write!(f, "truncate {bytes}"),
            Action::Bucket => f.write_str("bucket"),
            Action::Buckets(bounds) => write!(f, "buckets {bounds}"),
            Action::Round(unit) => write!(f, "round {}", unit_name(unit)),
            Action::Generalize => f.write_str("generalize"),
            Action::GeneralizeTo(form) => write!(f, "generalize to {form}"),
            Action::Parameterize => f.write_str("parameterize"),
            Action::ReversibleSha256 => f.write_str("reversible sha256"),
            Action::Automagik => f.write_str("automagik"),
        }
    }
}

/// Lengths first: no two lists of texts give the same bytes.
fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

fn short(hash: &[u8; 32]) -> String {
    hex(&hash[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
