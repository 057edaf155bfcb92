//! Who sends: the attributes that all records of a run share.

use super::generalize::{self, Rest};
use super::inventory::FieldKind;
use super::pen::{Engine, FIELD_CAP};
use super::policy::{Action, Policy, Site};
use super::text::cut;

/// Attributes of the application and its run, cleaned once at start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    attributes: Vec<(String, String)>,
}

/// Keys that the crate itself always gives and that need no rule.
const OWN: &[&str] = &["service.name", "service.version", "session.id"];

/// Keys that the crate gives where the application asks for it. Of these an inventory has to say so.
const ASKED_FOR: &[&str] = &["app.installation.id", "geo.country.iso_code"];

/// Where attributes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Application,
    /// The crate itself: of [`OWN`] keys and those [`ASKED_FOR`].
    Crate,
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
            // As a field's key is read, and as it is explained.
            let key = key.strip_prefix("r#").map_or(key.clone(), str::to_owned);
            let Decision { action, kind, origin } = decide(policy, source, &key);
            if source != Source::Disk && kind.is_some_and(|kind| !kind.admits(&value)) {
                return None;
            }
            let value = match action {
                Action::Drop => return None,
                action if action.keeps_text() => value,
                action => {
                    // Under another key it cannot be what was stored.
                    let is_named = origin.is_some() || *action.rename(&key) == key;
                    let source = if is_named { source } else { Source::Application };
                    let field = origin.as_deref().unwrap_or(&key);
                    let mut made = String::new();
                    let write = |piece: &str| made.push_str(piece);
                    let rest = generalize::apply(action, field, &value, source, &engine.pseudonyms, write)?;
                    if rest == Rest::Known {
                        // What comes from the store has its suffix.
                        let added = if origin.is_some() { Action::Keep } else { action };
                        return Some((policy.key_for(added, &key).into_string(), made));
                    }
                    made
                }
            };
            let clean = cut(policy.text_scanner(), policy.redacted(value.into())?.into_owned(), action.cap());
            Some((policy.key_for(action, &key).into_string(), clean))
        });
        Resource { attributes: attributes.take(FIELD_CAP as usize).collect() }
    }

    /// Both, as far as 64 attributes go.
    pub(crate) fn and(mut self, more: Resource) -> Self {
        self.attributes.extend(more.attributes);
        self.attributes.truncate(FIELD_CAP as usize);
        self
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

/// What happens to an attribute.
pub(super) struct Decision {
    pub(super) action: Action,
    /// What an inventory says that it is.
    kind: Option<FieldKind>,
    /// The key that it had before it was hashed, if it comes from disk and was.
    origin: Option<String>,
}

pub(super) fn decide(policy: &Policy, source: Source, key: &str) -> Decision {
    let site = Site::resource();
    let origin = if source == Source::Disk { policy.hashed_from(site, key) } else { None };
    let by = origin.as_deref().unwrap_or(key);
    let verdict = policy.decide_by_rule(site, by);
    let kind = verdict.as_ref().and_then(|verdict| verdict.kind.clone());
    let action = match verdict {
        Some(verdict) if verdict.by_application => verdict.action,
        _ if source != Source::Application && OWN.contains(&key) => Action::Keep,
        None if source != Source::Application && ASKED_FOR.contains(&key) => Action::Keep,
        _ => policy.decide(site, by).action,
    };
    Decision { action, kind, origin }
}

impl serde::Serialize for Resource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::Pseudonymizer;

    fn clean(policy: Policy, source: Source, key: &str, value: &str) -> Option<String> {
        let engine = Engine { policy, pseudonyms: Pseudonymizer::with_key(&[7; 32]) };
        let resource = Resource::clean(&engine, source, [(key.to_owned(), value.to_owned())]);
        resource.value(key).map(str::to_owned)
    }

    #[test]
    fn what_the_crate_says_of_the_application_stays_as_it_is() {
        // To row 30 of automagik's table these are phone numbers, but for the first.
        for (key, value) in [
            ("service.name", "acme"),
            ("service.name", "1024"),
            ("service.version", "2024-11-14"),
            ("session.id", "4827163905182736"),
        ] {
            for source in [Source::Crate, Source::Disk] {
                assert_eq!(clean(Policy::automagik(), source, key, value).as_deref(), Some(value), "{key} {source:?}");
            }
            assert_ne!(clean(Policy::automagik(), Source::Application, "note", "2024-11-14").as_deref(), Some(value));
        }
    }

    #[test]
    fn an_attribute_is_made_into_something_else_once() {
        for (policy, value) in [
            (Policy::automagik(), "mail bob@example.com. Or not."),
            (Policy::automagik(), "+49 170 1234567"),
            (Policy::automagik(), "from 203.0.113.7"),
            (Policy::standard().field("note", Action::Bucket), "250"),
            (Policy::standard().field("note", Action::Parameterize), "SELECT 'a', `a b`, \"c\" FROM t"),
        ] {
            let once = clean(policy.clone(), Source::Application, "note", value).expect("the value stays");
            assert_ne!(once, value);
            assert_eq!(clean(policy, Source::Disk, "note", &once), Some(once), "{value}");
        }
    }
}
