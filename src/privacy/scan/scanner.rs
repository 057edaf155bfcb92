//! Which kinds are looked for, and what each of them leads to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::custom::{Custom, CustomError};
use super::finding::{Finding, place_back, redact, redacted, settle};
use super::kind::{CustomKind, Kind, KindSet, MOST_CUSTOM, OPTIONAL, Severity};
use super::profile;
use super::ruled::KeyRules;
use super::settings::Settings;
use super::{Source, detect};

/// The text scanner: which kinds are on, what a finding of each leads to, and the kinds that the application added.
///
/// Cheap to clone. Start from [`Scanner::standard`] and give it to a policy by
/// [`Policy::scanner`](crate::privacy::Policy::scanner).
///
/// ```
/// use tracing_privacy::privacy::{Kind, OnFinding, Policy, Scanner};
///
/// let scanner = Scanner::standard().without(Kind::Ipv4).on_finding(Kind::Card, OnFinding::DropRecord);
/// let policy = Policy::standard().scanner(scanner);
/// assert_eq!(policy.scrub("bob@example.com at 203.0.113.7").as_deref(), Some("[EMAIL] at 203.0.113.7"));
/// assert_eq!(policy.scrub("paid with 4111 1111 1111 1111"), None);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Scanner {
    /// `None` is the standard, which costs one look at it.
    settings: Option<Arc<Settings>>,
}

/// What a finding in text leads to. The later of two is the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum OnFinding {
    /// The finding is replaced by its placeholder, such as `[EMAIL]`; the rest stays.
    Redact,
    /// The whole field goes.
    DropField,
    /// The whole record goes. As a policy's answer to all kinds it takes a validated finding to do so, and a less certain
    /// one is replaced; as the answer to one kind it does so in any case.
    DropRecord,
    /// The whole record goes, whatever the severity of the finding: also where only the word before it tells what it is
    /// (`passport 123456789`). A false alarm costs a record then.
    DropRecordOnAny,
}

/// How often a text is looked at again. Two looks are enough for nearly all there is.
const MOST_LOOKS: usize = 8;

impl Scanner {
    /// All built-in kinds but [`Kind::Uuid`], each with the policy's own answer.
    #[must_use]
    pub const fn standard() -> Self {
        Scanner { settings: None }
    }

    /// Looks for a kind no longer. What two kinds would find goes on being found by the other.
    #[must_use]
    pub fn without(self, kind: Kind) -> Self {
        self.change(|settings| settings.off = settings.off.and(KindSet::of(kind)))
    }

    /// Looks for a kind, again or at all.
    #[must_use]
    pub fn with(self, kind: Kind) -> Self {
        self.change(|settings| settings.off = settings.off.without(KindSet::of(kind)))
    }

    /// What a finding of one kind leads to, whatever the policy says of findings.
    #[must_use]
    pub fn on_finding(self, kind: Kind, answer: OnFinding) -> Self {
        let kind = KindSet::of(kind);
        self.change(|settings| {
            settings.answers.retain(|(known, _)| *known != kind);
            settings.answers.push((kind, answer));
        })
    }

    /// Adds a kind. Its findings are shown as `[NAME]`.
    ///
    /// # Errors
    /// If there is one of this name already, or there are 32.
    pub fn custom(self, custom: Custom) -> Result<Self, CustomError> {
        let known = self.customs();
        if known.iter().any(|known| known.name() == custom.name()) {
            return Err(CustomError::taken(custom.name()));
        }
        if known.len() == MOST_CUSTOM {
            return Err(CustomError::too_many(custom.name()));
        }
        Ok(self.change(|settings| settings.custom.push(custom)))
    }

    /// Also goes by the application's rules for keys, and by no others that it was given before.
    pub(crate) fn ruled(self, rules: KeyRules) -> Self {
        if rules.is_empty() && self.settings.is_none() {
            return self;
        }
        self.change(|settings| settings.rules = rules)
    }

    /// The kind of this name, of those that are built in (`email`) and those that were added (`ORDER`).
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<Kind> {
        let custom = self.customs().iter().position(|custom| custom.name() == name);
        // At most MOST_CUSTOM are there.
        custom.map(|at| Kind::Custom(CustomKind(at as u8))).or_else(|| name.parse().ok())
    }

    /// The name of a kind, also of one that was added to this scanner.
    #[must_use]
    pub fn name(&self, kind: Kind) -> &str {
        self.custom_of(kind).map_or(kind.name(), Custom::name)
    }

    /// What stands in place of a finding of this kind.
    #[must_use]
    pub fn placeholder(&self, kind: Kind) -> &str {
        self.custom_of(kind).map_or(kind.placeholder(), Custom::placeholder)
    }

    /// Whether one pass over the bytes proves that [`Scanner::scan`] would find nothing. `false` says nothing.
    #[inline]
    pub(crate) fn looks_clean(&self, text: &[u8]) -> bool {
        self.settings.as_ref().is_none_or(|settings| settings.custom.is_empty()) && profile::is_clean(text)
    }

    /// Finds everything in `text`, which is UTF-8 but for a last char that may be cut.
    ///
    /// `found` is cleared first; afterwards its findings are sorted and do not overlap. Should a detector fail, the whole
    /// text is one finding.
    pub(crate) fn scan(&self, text: &[u8], found: &mut Vec<Finding>) {
        found.clear();
        guarded(text, found, |found| self.look(text, found));
    }

    /// As [`Scanner::scan`], and what is left is looked at again until there is nothing to find: a placeholder may end what
    /// went on before, or bring a word nearer to a number. Scrubbing what comes of it changes nothing, so the second check finds
    /// nothing in it either. A text that is not settled after some looks is one finding.
    pub(crate) fn scan_settled(&self, text: &[u8], found: &mut Vec<Finding>) {
        let _ = self.scrub(text, found);
    }

    /// As [`Scanner::scan_settled`]; what is left of the text, or `None` if that is not known yet.
    pub(crate) fn scrub(&self, text: &[u8], found: &mut Vec<Finding>) -> Option<Vec<u8>> {
        self.scan(text, found);
        let mut settled = None;
        guarded(text, found, |found| {
            for _ in 0..MOST_LOOKS {
                if found.is_empty() {
                    break;
                }
                let clean = redacted(text, found, |kind| self.placeholder(kind));
                let mut more = Vec::new();
                if !self.looks_clean(&clean) {
                    self.look(&clean, &mut more);
                    if !more.is_empty() {
                        place_back(text, found, |kind| self.placeholder(kind), &mut more);
                    }
                }
                if more.is_empty() {
                    settled = Some(clean);
                    break;
                }
                found.extend(more);
                settle(found);
            }
        });
        if settled.is_none() && !found.is_empty() {
            // What is left would be found again, at the latest by the second check, which drops the record.
            unscanned(text, found);
        }
        settled
    }

    /// One look at a text.
    fn look(&self, text: &[u8], found: &mut Vec<Finding>) {
        match &self.settings {
            Some(settings) => settings.detect(text, Source::Value, found),
            None => detect(text, Source::Value, None, found),
        }
        settle(found);
    }

    /// Gives `text` piece by piece to `push`, each finding replaced by its placeholder. Findings that begin behind the
    /// text are passed over.
    pub(crate) fn redact(&self, text: &str, found: &[Finding], push: impl FnMut(&str)) {
        redact(text, found, |kind| self.placeholder(kind), push);
    }

    /// What these findings lead to under a policy whose answer is `default`: the strongest that one of them asks for.
    pub(crate) fn answer(&self, found: &[Finding], default: OnFinding) -> OnFinding {
        let answers = self.settings.as_ref().map_or(&[][..], |settings| &settings.answers);
        let strongest = found.iter().map(|finding| answer(finding, answers, default)).max();
        // Whatever made it go, a record that goes is gone.
        strongest.map_or(OnFinding::Redact, |strongest| strongest.min(OnFinding::DropRecord))
    }

    /// Whether a kind is looked for no longer.
    pub(crate) fn is_off(&self, kind: Kind) -> bool {
        self.settings.as_ref().map_or(OPTIONAL, |settings| settings.off).meets(KindSet::of(kind))
    }

    /// Whether a kind is looked for or not as it is by the standard.
    pub(crate) fn is_usual(&self, kind: Kind) -> bool {
        self.is_off(kind) == OPTIONAL.meets(KindSet::of(kind))
    }

    /// What a finding of this kind leads to, if it is not what the policy says of findings.
    pub(crate) fn own_answer(&self, kind: Kind) -> Option<OnFinding> {
        let answers = self.settings.as_ref().map_or(&[][..], |settings| &settings.answers);
        answers.iter().find(|(known, _)| *known == KindSet::of(kind)).map(|(_, answer)| *answer)
    }

    /// This scanner with all that another was told.
    pub(crate) fn and(mut self, other: &Scanner) -> Result<Self, CustomError> {
        for custom in other.customs() {
            self = self.custom(custom.clone())?;
        }
        for (there, name) in other.kinds() {
            // A kind that was added has another number here.
            let Some(here) = self.kind(name) else { continue };
            if !other.is_usual(there) {
                self = if other.is_off(there) { self.without(here) } else { self.with(here) };
            }
            if let Some(answer) = other.own_answer(there) {
                self = self.on_finding(here, answer);
            }
        }
        Ok(self)
    }

    /// All kinds with their names, those that were added at the end.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (Kind, &str)> {
        let built_in = Kind::BUILT_IN.iter().map(|kind| (*kind, kind.name()));
        // At most MOST_CUSTOM are there.
        let added =
            self.customs().iter().enumerate().map(|(at, added)| (Kind::Custom(CustomKind(at as u8)), added.name()));
        built_in.chain(added)
    }

    /// The kinds that were added.
    pub(crate) fn customs(&self) -> &[Custom] {
        self.settings.as_ref().map_or(&[], |settings| &settings.custom)
    }

    fn custom_of(&self, kind: Kind) -> Option<&Custom> {
        match kind {
            Kind::Custom(CustomKind(at)) => self.customs().get(usize::from(at)),
            _ => None,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(self.settings.get_or_insert_default()));
        self
    }
}

/// Does the work; should it fail, the whole text is one finding.
fn guarded(text: &[u8], found: &mut Vec<Finding>, work: impl FnOnce(&mut Vec<Finding>)) {
    if catch_unwind(AssertUnwindSafe(|| work(found))).is_err() {
        unscanned(text, found);
    }
}

/// Makes the whole text one finding, which drops its field at least.
fn unscanned(text: &[u8], found: &mut Vec<Finding>) {
    found.clear();
    found.push(Finding::new(Kind::Unscanned, Severity::Validated, 0..text.len()));
}

fn answer(finding: &Finding, answers: &[(KindSet, OnFinding)], default: OnFinding) -> OnFinding {
    if finding.kind == Kind::Unscanned {
        return default.max(OnFinding::DropField);
    }
    let default = match default {
        OnFinding::DropRecord if finding.severity != Severity::Validated => OnFinding::Redact,
        default => default,
    };
    let mut rest = finding.kinds;
    let mut strongest = None;
    for (kind, answer) in answers.iter().filter(|(kind, _)| kind.meets(finding.kinds)) {
        rest = rest.without(*kind);
        strongest = strongest.max(Some(*answer));
    }
    // Kinds without an answer of their own have the policy's.
    if rest == KindSet::default() {
        strongest.unwrap_or(default)
    } else {
        strongest.map_or(default, |own| own.max(default))
    }
}
