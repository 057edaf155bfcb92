//! Who sends: the attributes that all records of a run share.

use super::pen::Engine;
use super::policy::Action;

/// Attributes of the application and its run, cleaned once at start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    attributes: Vec<(String, String)>,
}

/// Keys that the crate itself gives and that need no rule.
const OWN: &[&str] = &["service.name", "service.version", "session.id"];

impl Resource {
    /// Cleans attributes as fields of a record are cleaned.
    pub(crate) fn clean(engine: &Engine, raw: impl IntoIterator<Item = (String, String)>) -> Self {
        let attributes = raw.into_iter().filter_map(|(key, value)| {
            if OWN.contains(&key.as_str()) {
                return Some((key, engine.policy.scrub(&value)?.into_owned()));
            }
            let verdict = engine.policy.decide(&key);
            let renamed = verdict.action.rename(&key).into_owned();
            match verdict.action {
                Action::Drop => None,
                Action::Keep | Action::Redact | Action::Truncate(_) => {
                    Some((renamed, engine.policy.scrub(&value)?.into_owned()))
                }
                Action::Hash if super::keys::is_pseudonym_key(&key) && super::pseudonym::is_pseudonym(&value) => {
                    Some((renamed, value))
                }
                Action::Hash => Some((renamed, engine.pseudonyms.pseudonym(&key, &value).to_string())),
                action => Some((renamed, super::generalize::apply(action, &key, &value, &engine.pseudonyms)?)),
            }
        });
        Resource { attributes: attributes.collect() }
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
