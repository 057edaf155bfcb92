//! The scope of consent: what is collected, in a form that two versions can be compared by.

use sha2::{Digest, Sha256};

use super::Contents;
use super::entry::{Field, Record};
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
    /// 64 bits of SHA-256 over what it collects, how, what for, how exact its times are and until when.
    pub(crate) id: String,
    /// The version of the inventory that it came with.
    pub(crate) since: u32,
    /// What collects more, so that a yes to that is one to this: the same with more exact times, or without an end.
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
        let times = self.document.times;
        for record in &self.records {
            entry(hash_record(record, times, record.facts.expires), record.facts.since, wider_records(record, times));
            for field in &record.fields {
                let wider = wider_fields(Some(record), "", field);
                entry(hash_field(Some(record), "", field, field.facts.expires), field.facts.since, wider);
            }
        }
        let shared = self.shared.iter().map(|field| (EVERY, field));
        for (place, field) in shared.chain(self.resource.iter().map(|field| (RESOURCE, field))) {
            let wider = wider_fields(None, place, field);
            entry(hash_field(None, place, field, field.facts.expires), field.facts.since, wider);
        }
    }
}

/// The ids of a record with more exact times, without an end, or both.
fn wider_records(record: &Record, times: Option<TimeUnit>) -> Vec<String> {
    let own = record_id(record, times);
    let finer = [None, Some(TimeUnit::Hour), Some(TimeUnit::Day), Some(TimeUnit::Week)];
    let upto = finer.iter().position(|unit| *unit == times).unwrap_or_default();
    let ends =
        |unit: &Option<TimeUnit>| [None, record.facts.expires].map(|end| short(&hash_record(record, *unit, end)));
    finer[..=upto].iter().flat_map(ends).filter(|id| *id != own).collect()
}

/// The id of a field without an end.
fn wider_fields(record: Option<&Record>, place: &str, field: &Field) -> Vec<String> {
    field.facts.expires.map(|_| short(&hash_field(record, place, field, None))).into_iter().collect()
}

/// Where a field is that no record declares.
const EVERY: &str = "every record";
const RESOURCE: &str = "the resource";

/// The id of a record's entry, in an inventory that rounds times to this unit.
pub(super) fn record_id(record: &Record, times: Option<TimeUnit>) -> String {
    short(&hash_record(record, times, record.facts.expires))
}

/// The id of a field's entry, by the record that declares it.
pub(super) fn field_id(record: &Record, field: &Field) -> String {
    short(&hash_field(Some(record), "", field, field.facts.expires))
}

/// The id of the entry of a field that all records share.
pub(super) fn shared_id(field: &Field) -> String {
    short(&hash_field(None, EVERY, field, field.facts.expires))
}

/// The id of the entry of an attribute of the resource.
pub(super) fn resource_id(field: &Field) -> String {
    short(&hash_field(None, RESOURCE, field, field.facts.expires))
}

fn hash_record(record: &Record, times: Option<TimeUnit>, expires: Option<Date>) -> [u8; 32] {
    let times = times.map_or_else(String::new, |unit| format!(" by the {}", unit_name(unit)));
    let what = until(&format!("record{times}"), expires);
    hash(&[&what, record.sort.table(), &record.name, &record.facts.purpose])
}

fn hash_field(record: Option<&Record>, place: &str, field: &Field, expires: Option<Date>) -> [u8; 32] {
    let (sort, name) = record.map_or((place, ""), |record| (record.sort.table(), &record.name));
    let action = Spelled(field.action).to_string();
    let what = until("field", expires);
    let mut parts = vec![&what, sort, name, &field.key, field.kind.name(), &action, &field.facts.purpose];
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
