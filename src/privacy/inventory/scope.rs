//! The scope of consent: what is collected, in a form that two versions can be compared by.

use sha2::{Digest, Sha256};

use super::Contents;
use super::entry::{Field, Record};
use super::kind::FieldKind;
use crate::privacy::policy::Action;

/// What an inventory collects, as consent sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) version: u32,
    /// SHA-256 over the entries, in hexadecimal digits. The order of the file, its comments and its wording change nothing,
    /// but for the purposes: these are a part of what is agreed to.
    pub(crate) digest: String,
    /// Records and fields that can be agreed to: 64 bits of SHA-256 over what each collects, how and what for, and the
    /// version of the inventory that it came with.
    pub(crate) entries: Vec<(String, u32)>,
}

/// What is to be agreed to.
pub(super) fn of(contents: &Contents) -> Scope {
    let mut hashes: Vec<[u8; 32]> = Vec::new();
    let mut entries = Vec::new();
    contents.entries(|hash, since| {
        hashes.push(hash);
        entries.push((short(&hash), since));
    });
    hashes.sort_unstable();
    let mut all = Sha256::new();
    hashes.iter().for_each(|hash| all.update(hash));
    Scope { version: contents.version, digest: hex(&all.finalize()), entries }
}

impl Contents {
    fn entries(&self, mut entry: impl FnMut([u8; 32], u32)) {
        for record in &self.records {
            entry(hash_record(record), record.facts.since);
            for field in &record.fields {
                entry(hash_field(Some(record), "", field), field.facts.since);
            }
        }
        for field in &self.shared {
            entry(hash_field(None, "every record", field), field.facts.since);
        }
        for field in &self.resource {
            entry(hash_field(None, "the resource", field), field.facts.since);
        }
    }
}

/// The id of a record's entry.
pub(super) fn record_id(record: &Record) -> String {
    short(&hash_record(record))
}

/// The id of a field's entry, by the record that declares it.
pub(super) fn field_id(record: &Record, field: &Field) -> String {
    short(&hash_field(Some(record), "", field))
}

/// The id of the entry of a field that all records share.
pub(super) fn shared_id(field: &Field) -> String {
    short(&hash_field(None, "every record", field))
}

/// The id of the entry of an attribute of the resource.
pub(super) fn resource_id(field: &Field) -> String {
    short(&hash_field(None, "the resource", field))
}

fn hash_record(record: &Record) -> [u8; 32] {
    hash(&["record", record.sort.table(), &record.name, &record.facts.purpose])
}

fn hash_field(record: Option<&Record>, place: &str, field: &Field) -> [u8; 32] {
    let (sort, name) = record.map_or((place, ""), |record| (record.sort.table(), &record.name));
    let action = Spelled(field.action).to_string();
    let mut parts = vec!["field", sort, name, &field.key, field.kind.name(), &action, &field.facts.purpose];
    if let FieldKind::Enum(values) = &field.kind {
        let mut values: Vec<&str> = values.iter().map(|value| &**value).collect();
        values.sort_unstable();
        parts.extend(values);
    }
    hash(&parts)
}

/// An action as it is hashed: this spelling must never change, since users agreed to it.
struct Spelled(Action);

impl std::fmt::Display for Spelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::privacy::policy::TimeUnit;
        match self.0 {
            Action::Keep => f.write_str("keep"),
            Action::Drop => f.write_str("drop"),
            Action::Hash => f.write_str("hash"),
            Action::Redact => f.write_str("redact"),
            Action::Truncate(bytes) => write!(f, "truncate {bytes}"),
            Action::Bucket => f.write_str("bucket"),
            Action::Round(TimeUnit::Hour) => f.write_str("round hour"),
            Action::Round(TimeUnit::Day) => f.write_str("round day"),
            Action::Round(TimeUnit::Week) => f.write_str("round week"),
            Action::Generalize => f.write_str("generalize"),
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
