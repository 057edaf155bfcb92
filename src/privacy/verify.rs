//! The second check: what is about to leave is scanned again, as it will be encoded.
//!
//! The filter has replaced or dropped whatever it found, so nothing is left to be found; what is, got past it by a defect of
//! this crate, and must not leave the machine. Here it is only looked for: nothing is mended.

use std::fmt::Write as _;

use super::format::Entry;
use super::generalize;
use super::pen::{Engine, Scalar};
use super::plan::Plan;
use super::policy::{Action, Site};
use super::resource::{self, Resource, Source};

/// A text that is about to leave holds something that the filter should have found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Defect;

/// Looks at the texts of records, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check<'a>(pub(crate) &'a Engine);

impl Check<'_> {
    /// A name, a key, or anything that no field's rule is about.
    #[inline]
    pub(crate) fn text(self, text: &str) -> Result<(), Defect> {
        self.made(text, || Action::Keep)
    }

    /// A text of a record: its part, or an attribute. `plan` is that of the record's callsite; a record that came back from
    /// disk has none, and says where it was made.
    #[inline]
    pub(crate) fn entry<'s>(
        self,
        entry: &Entry<'_>,
        plan: Option<&Plan>,
        site: impl FnOnce() -> Site<'s>,
    ) -> Result<(), Defect> {
        // Of what is no text the reader makes nothing.
        let Ok(text) = std::str::from_utf8(entry.value) else { return Ok(()) };
        self.made(text, || match plan {
            Some(plan) => plan.of_entry(entry).map_or(Action::Keep, |field| field.action),
            None => self.0.policy.plan_entry(site(), entry).action,
        })
    }

    /// A text that this action has made or let stand. It is asked for only where the scanner sees something.
    #[inline]
    fn made(self, text: &str, by: impl FnOnce() -> Action) -> Result<(), Defect> {
        if self.0.policy.findings(text).is_empty() { Ok(()) } else { self.judge(text, by()) }
    }

    /// A text of which the reader makes nothing if it is none.
    #[inline]
    pub(crate) fn bytes(self, text: &[u8]) -> Result<(), Defect> {
        std::str::from_utf8(text).map_or(Ok(()), |text| self.text(text))
    }

    /// A number. Short ones are not scanned where they come in either.
    #[inline]
    pub(crate) fn number(self, number: Scalar) -> Result<(), Defect> {
        if number.is_long() { self.long_number(number) } else { Ok(()) }
    }

    /// What the scanner sees in text that the filter has made: a network is no address, and a hash no number, whatever it
    /// looks like.
    #[cold]
    fn judge(self, text: &str, action: Action) -> Result<(), Defect> {
        match generalize::is_made_by(action, text, &self.0.pseudonyms) {
            true => Ok(()),
            false => Err(Defect),
        }
    }

    #[cold]
    fn long_number(self, number: Scalar) -> Result<(), Defect> {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = write!(text, "{number}");
        self.text(&text)
    }
}

impl Resource {
    /// Whether nothing is found in keys and values.
    pub(crate) fn verify(&self, engine: &Engine) -> Result<(), Defect> {
        let check = Check(engine);
        self.iter().try_for_each(|(key, value)| {
            check.text(key)?;
            // By the rule for what comes back from disk: it goes by the key under which an attribute leaves.
            check.made(value, || resource::decide(&engine.policy, Source::Disk, key).action)
        })
    }
}
