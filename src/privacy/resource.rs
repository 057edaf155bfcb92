//! Who sends: the attributes that all records of a run share.

use super::pen::{Engine, FIELD_CAP, VALUE_CAP};
use super::policy::{self, Action, Site, Verdict};
use super::pseudonym::is_pseudonym;
use super::text::floor_boundary;
use super::{generalize, keys};

/// Attributes of the application and its run, cleaned once at start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    attributes: Vec<(String, String)>,
}

/// Keys that the crate itself gives and that need no rule.
const OWN: &[&str] = &["service.name", "service.version", "session.id"];

/// Where attributes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Application,
    /// A row that was stored: its pseudonyms are pseudonyms already.
    Disk,
}

impl Resource {
    /// Cleans attributes as fields of a record are cleaned; the first 64 stay.
    pub(crate) fn clean(engine: &Engine, source: Source, raw: impl IntoIterator<Item = (String, String)>) -> Self {
        let policy = &engine.policy;
        let attributes = raw.into_iter().filter_map(|(key, value)| {
            if value.is_empty() {
                return None;
            }
            let site = Site::resource();
            let origin = if source == Source::Disk { policy.hashed_from(site, &key) } else { None };
            let action = match policy.decide_by_rule(site, origin.as_deref().unwrap_or(&key)) {
                Some(Verdict { kind: Some(kind), .. }) if !kind.admits(&value) && source == Source::Application => {
                    return None;
                }
                Some(verdict) if verdict.by_application => verdict.action,
                _ if OWN.contains(&key.as_str()) => Action::Keep,
                _ => policy.decide(site, origin.as_deref().unwrap_or(&key)).action,
            };
            let value = match action {
                Action::Drop => return None,
                action if action.keeps_text() => value,
                Action::Hash | Action::ReversibleSha256 => {
                    let is_reversible = action == Action::ReversibleSha256;
                    let is_hash = is_pseudonym(&value) || is_reversible && policy::is_sha256(&value);
                    let is_named = origin.is_some() || keys::is_pseudonym_key(&key);
                    let is_known = source == Source::Disk && is_named && is_hash;
                    let value = match is_reversible {
                        _ if is_known => value,
                        true => policy::reversible_sha256(&value),
                        false => engine.pseudonyms.pseudonym(&key, &value).to_string(),
                    };
                    let renamed = if origin.is_some() { key.into() } else { action.rename(&key) };
                    return Some((policy.clean_name(&renamed).into_string(), value));
                }
                action if source == Source::Application => generalize::apply(action, &key, &value, &engine.pseudonyms)?,
                _ => value,
            };
            let mut clean = policy.scrub(&value)?.into_owned();
            let cap = if let Action::Truncate(bytes) = action { bytes.min(VALUE_CAP) } else { VALUE_CAP };
            clean.truncate(floor_boundary(clean.as_bytes(), cap));
            Some((policy.clean_name(&action.rename(&key)).into_string(), clean))
        });
        Resource { attributes: attributes.take(FIELD_CAP as usize).collect() }
    }

    /// Keys and values, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value of an attribute.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }
}

impl serde::Serialize for Resource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
