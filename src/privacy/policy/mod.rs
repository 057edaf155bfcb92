//! Which rule decides about a field, and what a finding in text leads to.

mod action;
mod automagik;
mod decide;
mod declared;
mod display;
mod error;
mod explanation;
mod key_pattern;
mod rule;
mod site;
#[cfg(test)]
pub(in crate::privacy) mod tests;
mod toml;
mod verdict;

use std::borrow::Cow;
use std::sync::Arc;

pub use action::{Action, TimeUnit};
pub(in crate::privacy) use declared::{Declared, Listed, Listing};
pub use error::PolicyError;
pub use explanation::Explanation;
pub use key_pattern::KeyPattern;
use rule::Rule;
pub use site::Site;
pub(in crate::privacy) use site::SiteKind;
pub(in crate::privacy) use verdict::Verdict;

pub(in crate::privacy) use automagik::{Salt, replace};

use super::inventory::Inventory;
use super::scan::{Custom, CustomError, InText, KeyRules, Kind, OnFinding, Scanner};
use crate::app::{Clock, Date, Rotation};

/// The rules by which values are kept, hashed, coarsened or dropped.
///
/// Start from [`Policy::standard`] and add what the application knows better. The rule added last wins over the ones
/// before it, and every rule added wins over the built-in ones. A policy can also be [read from a file](Policy::from_toml),
/// and put [on top of another](Policy::and). `Display` writes all of it for people to read.
///
/// ```
/// use tracing_privacy::privacy::{Action, Policy};
///
/// let policy = Policy::standard().hash("order_id").drop_field("coupon").keep("city", "sales report 2026-03");
/// assert_eq!(policy.explain("order_id").action(), Action::Hash);
/// assert_eq!(policy.explain("user.email").action(), Action::Drop);
/// assert_eq!(policy.scrub("mail bob@example.com now").as_deref(), Some("mail [EMAIL] now"));
/// ```
#[derive(Debug, Clone)]
pub struct Policy {
    name: Cow<'static, str>,
    base: Base,
    rules: Vec<Rule>,
    /// `None` is the base's own.
    message: Option<Action>,
    /// `None` is [`OnFinding::Redact`].
    on_finding: Option<OnFinding>,
    scanner: Scanner,
    /// `None` leaves records their exact times.
    times: Option<TimeUnit>,
}

/// What decides where no rule of the application does.
#[derive(Debug, Clone)]
enum Base {
    /// The crate's own key rules.
    Builtin,
    /// The published table of the system of that name, and the crate's own key rules where it is silent.
    Automagik,
    /// Fields that are listed one by one; the application's rules hold for these alone.
    Declared(Arc<Declared>),
}

impl Policy {
    /// Key rules and scanner: ids of people, accounts and devices hashed, text under personal, secret or content keys dropped, with
    /// the numbers that can be such a thing, other text scanned, the text of `info!("…")` scanned, findings replaced. Truth values,
    /// and numbers that can only be counts (`token = 4711`), stay under keys whose text goes. The default.
    pub fn standard() -> Self {
        Policy {
            name: Cow::Borrowed("standard"),
            base: Base::Builtin,
            rules: Vec::new(),
            message: None,
            on_finding: None,
            scanner: Scanner::standard(),
            times: None,
        }
    }

    /// As [`Policy::standard`], but the text of `info!("…")` is dropped, with what a span is named or described by while the program
    /// runs (`otel.name`, `otel.status_description`), and a validated finding drops the record.
    pub fn strict() -> Self {
        Policy {
            name: Cow::Borrowed("strict"),
            message: Some(Action::Drop),
            on_finding: Some(OnFinding::DropRecord),
            ..Self::standard()
        }
    }

    /// REVERSIBLE: the rule table that the automagik system publishes, to the letter. For parity with that system; the plain
    /// SHA-256 it prescribes can be undone by guessing, and [`Policy::standard`] is the better choice everywhere else.
    ///
    /// | what | how it is told | what happens |
    /// |---|---|---|
    /// | e-mail | text that `.*@.*\..*` matches | each local part gone, each domain as REVERSIBLE plain SHA-256: `@a379…` |
    /// | phone | text that `^\+?[\d\s\-\(\)]+$` matches | the country code if it is international, else REVERSIBLE plain SHA-256 |
    /// | API key | key that `(api[_-]?key\|token\|secret)` matches | dropped |
    /// | IP | IPv4 and IPv6 addresses in text | keyed hash, which is a hash with a salt |
    /// | user id | keys of ids, and those given [`Action::ReversibleSha256`] | REVERSIBLE plain SHA-256 under `…_hash` |
    /// | content | the keys `message` and `content` | dropped; [`Policy::message`] gives the text of events another action |
    ///
    /// Rows that go by a key are about values of every type: `token = 7` is dropped, and so is `secret = true`. Rows that go by
    /// the value are about text. A typed number or truth value stays where [`Policy::standard`] would let it stay
    /// (`count = 123`), and is taken as the text that it prints as elsewhere (`phone = 1701234567`).
    ///
    /// Where the table is silent the key rules of [`Policy::standard`] hold, and what it leaves of a text is scanned. What the
    /// crate itself says of the application (`service.name`, `service.version`, `session.id`, `app.installation.id`, `geo.country.iso_code`) is no
    /// value of a user's: it stays as it is, even where an expression matches it.
    pub fn automagik() -> Self {
        automagik::prepare();
        Policy { name: Cow::Borrowed("automagik"), base: Base::Automagik, ..Self::standard() }
    }

    /// Only the fields listed there exist, the text of events among them. What the scanner finds in them is replaced.
    pub(in crate::privacy) fn from_declared(declared: Arc<Declared>) -> Self {
        Policy { name: Cow::Borrowed("declared"), base: Base::Declared(declared), ..Self::standard() }
    }

    /// Keeps a field that a built-in rule would drop or hash. Its text is still scanned. The reason is shown by
    /// [`Policy::explain`] and where the policy is written, and so is that none was given. For patterns see [`KeyPattern`].
    #[must_use]
    pub fn keep(self, key: impl Into<KeyPattern>, reason: &str) -> Self {
        self.rule(key.into(), Action::Keep, Some(reason))
    }

    /// Drops a field; for patterns see [`KeyPattern`]. A pattern that no key can match, such as an empty text, is a mistake that
    /// [`Builder::start`](crate::Builder::start) refuses.
    #[must_use]
    pub fn drop_field(self, key: impl Into<KeyPattern>) -> Self {
        self.rule(key.into(), Action::Drop, None)
    }

    /// Replaces a field by its pseudonym; for patterns see [`KeyPattern`]. `.hash("*_id")` hashes all ids.
    #[must_use]
    pub fn hash(self, key: impl Into<KeyPattern>) -> Self {
        self.rule(key.into(), Action::Hash, None)
    }

    /// Replaces a field by a pseudonym that changes as often as said here; for patterns see [`KeyPattern`].
    #[must_use]
    pub fn hash_for(self, key: impl Into<KeyPattern>, rotation: Rotation) -> Self {
        self.rule(key.into(), Action::HashFor(rotation), None)
    }

    /// Gives a field any action; for patterns see [`KeyPattern`]. An action that lets a value through, such as
    /// [`Action::Truncate`], has a reason as [`Policy::keep`] has one: see [`Policy::because`].
    #[must_use]
    pub fn field(self, key: impl Into<KeyPattern>, action: Action) -> Self {
        self.rule(key.into(), action, None)
    }

    /// Gives a reason for the rule that was added last, if any was. A blank one is none.
    ///
    /// ```
    /// use tracing_privacy::privacy::{Action, Policy};
    ///
    /// let policy = Policy::standard().field("city", Action::Truncate(16)).because("sales report 2026-03");
    /// assert_eq!(policy.explain("city").rule(), "rule `city` of the application: sales report 2026-03");
    /// ```
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        if let Some(rule) = self.rules.pop() {
            self.rules.push(Rule::new(rule.pattern, rule.action, Some(reason)));
        }
        self
    }

    /// What happens to the text of `info!("…")` and to a span's status description. Default: [`Action::Keep`], which scans
    /// it; [`Action::Drop`] in [`Policy::strict`] and [`Policy::automagik`].
    #[must_use]
    pub fn message(mut self, action: Action) -> Self {
        self.message = Some(action);
        self
    }

    /// What a finding in text leads to, unless the field's rule is [`Action::Redact`]. Default: [`OnFinding::Redact`];
    /// [`OnFinding::DropRecord`] in [`Policy::strict`].
    ///
    /// ```
    /// use tracing_privacy::privacy::{OnFinding, Policy};
    ///
    /// let unsure = "passport 123456789"; // only the word before it says what it is
    /// assert_eq!(Policy::strict().scrub(unsure).as_deref(), Some("passport [NATIONAL_ID]"));
    /// assert_eq!(Policy::strict().on_finding(OnFinding::DropRecordOnAny).scrub(unsure), None);
    /// ```
    #[must_use]
    pub fn on_finding(mut self, answer: OnFinding) -> Self {
        self.on_finding = Some(answer);
        self
    }

    /// What a finding of one kind leads to, however sure it is. Default: the answer of [`Policy::on_finding`].
    #[must_use]
    pub fn kind(mut self, kind: Kind, answer: OnFinding) -> Self {
        self.scanner = self.scanner.with(kind).on_finding(kind, answer);
        self
    }

    /// Rounds down the times of records themselves, in UTC: when an event happened, when a span began and when it ended, so that
    /// its duration goes as well. Nothing finer is in what is stored, shown or sent; whoever receives records still sees when they
    /// arrive, for which there are [schedules](crate::Builder), and metrics made of events for an exporter of the SDK have the time of
    /// their counting. Times in fields have rules of their own:
    /// [`Action::Round`]. Of two settings, also that of an inventory, the coarser holds. Default: exact, to the nanosecond.
    #[must_use]
    pub fn times(mut self, unit: TimeUnit) -> Self {
        self.times = Some(unit);
        self
    }

    /// Looks for a kind, again or at all. Default: all are looked for but [`Kind::Uuid`].
    #[must_use]
    pub fn with_kind(mut self, kind: Kind) -> Self {
        self.scanner = self.scanner.with(kind);
        self
    }

    /// Looks for a kind no longer.
    #[must_use]
    pub fn without_kind(mut self, kind: Kind) -> Self {
        self.scanner = self.scanner.without(kind);
        self
    }

    /// Also finds what a regular expression matches, and replaces it by `[NAME]`: see [`Custom::regex`].
    ///
    /// # Errors
    /// As [`Custom::regex`] and [`Scanner::custom`].
    pub fn custom_pattern(self, name: &str, pattern: &str) -> Result<Self, CustomError> {
        self.custom(Custom::regex(name, pattern)?)
    }

    /// Also finds the words of a list, and replaces them by `[NAME]`: see [`Custom::words`].
    ///
    /// # Errors
    /// As [`Custom::words`] and [`Scanner::custom`].
    pub fn custom_words<W: AsRef<str>>(
        self,
        name: &str,
        words: impl IntoIterator<Item = W>,
    ) -> Result<Self, CustomError> {
        self.custom(Custom::words(name, words)?)
    }

    /// Which kinds are looked for in text, and what each leads to, in place of all that was said of them before: by [`Policy::kind`],
    /// [`Policy::with_kind`], [`Policy::without_kind`], [`Policy::custom_words`] and [`Policy::custom_pattern`]. Call it before these.
    /// Default: [`Scanner::standard`].
    #[must_use]
    pub fn scanner(mut self, scanner: Scanner) -> Self {
        self.scanner = scanner;
        self.with_rules_in_text()
    }

    /// Puts another policy on top of this one. Its rules come after this policy's own, so that they win; so do the actions
    /// and answers that it was given, and its table if it has another than the built-in one. Kinds that one of the two does
    /// not look for are not looked for. An inventory stays: only another inventory takes its place.
    ///
    /// ```
    /// use tracing_privacy::privacy::{Action, Policy};
    ///
    /// let shop = Policy::standard().hash("order_id").drop_field("coupon");
    /// let policy = Policy::strict().and(shop)?;
    /// assert_eq!(policy.explain("order_id").action(), Action::Hash);
    /// assert_eq!(policy.explain("message").action(), Action::Drop);
    /// assert_eq!(policy.name(), "strict + standard");
    /// # Ok::<(), tracing_privacy::privacy::CustomError>(())
    /// ```
    ///
    /// # Errors
    /// If both have a custom kind of the same name, or more than 32 between them.
    pub fn and(mut self, other: Policy) -> Result<Self, CustomError> {
        self.name = Cow::Owned(format!("{} + {}", self.name, other.name));
        self.message = other.message.or(self.message).or(match (&self.base, &other.base) {
            // What its table says of messages is stricter than what a list may say.
            (Base::Declared(_), Base::Automagik) | (Base::Automagik, Base::Declared(_)) => Some(Action::Drop),
            _ => None,
        });
        match (&self.base, &other.base) {
            (_, Base::Builtin) | (Base::Declared(_), Base::Automagik) => {}
            _ => self.base = other.base,
        }
        self.rules.extend(other.rules);
        self.on_finding = other.on_finding.or(self.on_finding);
        self.times = self.times.max(other.times);
        self.scanner = self.scanner.and(&other.scanner)?;
        Ok(self.with_rules_in_text())
    }

    fn custom(mut self, custom: Custom) -> Result<Self, CustomError> {
        self.scanner = self.scanner.custom(custom)?;
        Ok(self)
    }

    fn rule(mut self, pattern: KeyPattern, action: Action, reason: Option<&str>) -> Self {
        self.rules.push(Rule::new(pattern, action, reason));
        self.with_rules_in_text()
    }

    /// Lets the rules hold for keys inside text.
    fn with_rules_in_text(mut self) -> Self {
        let mut rules = KeyRules::default();
        for rule in &self.rules {
            let fate = match rule.action {
                Action::Hash | Action::HashFor(_) | Action::ReversibleSha256 => InText::Id,
                // In text nothing is cut, and a rule that leaves a part of a value must not let all of it through there.
                Action::Truncate(_) => InText::Goes,
                action if action.keeps_text() => InText::Stays,
                _ => InText::Goes,
            };
            // Beside an inventory rules may only take.
            if self.listed().is_none() || rule.action == Action::Drop {
                rules.push(&rule.pattern, fate);
            }
        }
        self.scanner = self.scanner.ruled(rules);
        self
    }

    /// The policy's name: `standard`, `strict`, `automagik`, `declared`, or several of them with a `+` between them.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The inventory that this policy is made of.
    pub(crate) fn inventory(&self) -> Option<&Inventory> {
        self.listed().map(Declared::inventory)
    }

    /// What the times of records are rounded to.
    pub(crate) fn record_times(&self) -> Option<TimeUnit> {
        self.times.max(self.inventory().and_then(Inventory::times))
    }

    /// The same policy by this clock, without what the user has not agreed to; `covers` knows the ids of the inventory's
    /// scope.
    pub(crate) fn agreed(&self, clock: &Clock, covers: &dyn Fn(&str) -> bool) -> Self {
        let base = self.listed().map(|declared| {
            let declared = declared.inventory().declared(clock.clone(), covers);
            Base::Declared(Arc::new(declared))
        });
        Policy { base: base.unwrap_or_else(|| self.base.clone()), ..self.clone() }
    }

    /// The first rule that no key can match, or the first setting that would change what an inventory declares.
    pub(crate) fn mistake(&self) -> Option<String> {
        let void =
            |rule: &Rule| Some(format!("a rule ({}) is about nothing: {}", rule.action, rule.pattern.mistake()?));
        self.rules.iter().find_map(void).or_else(|| self.contradiction())
    }

    /// The first setting that would change what an inventory declares, instead of taking from it.
    fn contradiction(&self) -> Option<String> {
        self.listed()?;
        let remedy = "would change what the inventory declares and users are told; change the `action` there, or take \
                      fields away by `.drop_field(..)`";
        if let Some(action) = self.message.filter(|action| *action != Action::Drop) {
            return Some(format!("the rule for messages ({action}) {remedy}"));
        }
        if let Some(rule) = self.rules.iter().find(|rule| rule.action != Action::Drop) {
            return Some(format!("the rule for `{}` ({}) {remedy}", rule.pattern, rule.action));
        }
        let off = Kind::BUILT_IN.iter().find(|kind| self.scanner.is_off(**kind) && !self.scanner.is_usual(**kind))?;
        Some(format!(
            "`.without_kind(Kind::{off:?})` would leave text unsearched of which users are told that it is searched; look for all \
             kinds, or give fields in which that alarms another `kind` in the inventory"
        ))
    }

    /// Whether records of this event or span may exist at all, and the first day on which they may not.
    pub(in crate::privacy) fn admits(&self, site: Site<'_>) -> Result<Option<Date>, Cow<'static, str>> {
        self.listed().map_or(Ok(None), |declared| declared.admits(site))
    }

    /// Whether a key can mean different things in different events.
    #[cfg(feature = "upload")]
    pub(in crate::privacy) fn depends_on_site(&self) -> bool {
        self.listed().is_some()
    }

    /// The day by which an inventory's expiries are judged; none without one.
    #[cfg(feature = "upload")]
    pub(in crate::privacy) fn today(&self) -> Option<Date> {
        self.listed().map(Declared::today)
    }

    /// Whether the text of events goes whatever an inventory says.
    pub(in crate::privacy) fn drops_messages(&self) -> bool {
        self.message == Some(Action::Drop)
    }

    fn listed(&self) -> Option<&Declared> {
        match &self.base {
            Base::Declared(declared) => Some(declared),
            Base::Builtin | Base::Automagik => None,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::standard()
    }
}
