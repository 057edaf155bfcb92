//! What the application told a scanner to look for, beside what is built in.

use std::ops::Range;

use super::anchors::Anchors;
use super::custom::Custom;
use super::finding::Finding;
use super::kind::{CustomKind, Kind, KindSet, OPTIONAL};
use super::ruled::{KeyRules, Said};
use super::scanner::OnFinding;
use super::uuid;

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) off: KindSet,
    pub(super) answers: Vec<(KindSet, OnFinding)>,
    pub(super) custom: Vec<Custom>,
    pub(super) rules: KeyRules,
}

impl Settings {
    /// All kinds that are on, in a text however it is read.
    #[inline(never)]
    pub(super) fn detect(&self, text: &[u8], source: super::Source, found: &mut Vec<Finding>) {
        let mut own = Own { settings: self, said: Said::default() };
        super::detect(text, source, Some(&mut own), found);
        own.said.settle(text, found);
        found.retain(|finding| !self.off.meets(finding.kinds));
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings { off: OPTIONAL, answers: Vec::new(), custom: Vec::new(), rules: KeyRules::default() }
    }
}

/// The settings while a text is read, and what its rules for keys have said so far.
pub(super) struct Own<'s> {
    settings: &'s Settings,
    said: Said,
}

impl Own<'_> {
    /// What the application looks for in one reading of a text.
    #[inline(never)]
    pub(super) fn read(&mut self, anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
        for (at, custom) in self.settings.custom.iter().enumerate() {
            // At most MOST_CUSTOM are there.
            let kind = Kind::Custom(CustomKind(at as u8));
            custom.find(anchors.text, |start, end| found.push(Finding::new(kind, custom.certainty(), start..end)));
        }
        if !self.settings.rules.is_empty() {
            self.settings.rules.read(anchors, &mut self.said);
            self.settings.rules.read_renamed(anchors, found, &mut self.said);
        }
        if !self.settings.off.meets(OPTIONAL) {
            uuid::find(anchors.text, found);
        }
    }

    /// The same settings, for a text that this one stands for.
    pub(super) fn of_inner(&self) -> Self {
        Own { settings: self.settings, said: Said::default() }
    }

    /// Also goes by what was said of such a text, of which `original` knows the places in this one.
    pub(super) fn extend(&mut self, inner: Self, original: impl Fn(Range<usize>) -> Range<usize>) {
        self.said.extend(inner.said, original);
    }

    /// All kinds that are on, in what a list of bytes spells.
    pub(super) fn detect_spelled(&self, spelled: &[u8], found: &mut Vec<Finding>) {
        self.settings.detect(spelled, super::Source::List, found);
    }
}
