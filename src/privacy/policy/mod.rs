//! Which rule decides about a field, and what a finding in text leads to.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::keys::{self, KeyClass, NumericRule};
use super::scan::{Finding, OnFinding, Scanner};

mod declared;
mod site;
mod verdict;

pub(in crate::privacy) use declared::{Declared, Listed};
pub use site::Site;
pub(in crate::privacy) use site::SiteKind;
pub(in crate::privacy) use verdict::Verdict;

/// The rules by which values are kept, hashed, coarsened or dropped.
///
/// Start from [`Policy::standard`] and add what the application knows better. The rule added last wins over the ones
/// before it, and every rule added wins over the built-in ones.
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
    name: &'static str,
    base: Base,
    rules: Vec<Rule>,
    message: Action,
    on_finding: OnFinding,
    scanner: Scanner,
}

/// What decides where no rule of the application does.
#[derive(Debug, Clone)]
enum Base {
    /// The crate's own key rules.
    Builtin,
    /// Fields that are listed one by one; the application's rules hold for these alone.
    Declared(Arc<Declared>),
}

/// What happens to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The value stays; text is scanned, and a finding has the policy's [`OnFinding`] answer.
    Keep,
    /// The field disappears and is counted.
    Drop,
    /// A keyed pseudonym takes the value's place; the key gets the suffix `_hash` (`user.id` becomes `user.hash`).
    Hash,
    /// The value stays; text is scanned, and findings are replaced whatever the policy says of them.
    Redact,
    /// Text is scanned and then cut to so many bytes, at a character boundary; 1,024 at most.
    Truncate(usize),
    /// A number becomes its range: `0`, `1-9`, `10-99`, `100-999` and so on by powers of ten.
    Bucket,
    /// A time (RFC 3339, or a UNIX time in s, ms, µs or ns) is rounded down.
    Round(TimeUnit),
    /// Something coarser of the same kind: an e-mail becomes a hashed domain, a phone number its country code, IPv4
    /// its /24, IPv6 its /48, a URL its scheme, host and route, a path its extension. Other text is dropped.
    Generalize,
}

/// What times are rounded to, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeUnit {
    /// The full hour.
    Hour,
    /// Midnight.
    Day,
    /// Midnight of the ISO week's Monday.
    Week,
}

/// What would happen to a field, and which rule says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    key: String,
    renamed: String,
    action: Action,
    rule: String,
}

impl Policy {
    /// Key rules and scanner: ids hashed, fields with personal, secret or content keys dropped, other text scanned,
    /// the text of `info!("…")` scanned, findings replaced. The default.
    pub fn standard() -> Self {
        Policy {
            name: "standard",
            base: Base::Builtin,
            rules: Vec::new(),
            message: Action::Keep,
            on_finding: OnFinding::Redact,
            scanner: Scanner::standard(),
        }
    }

    /// As [`Policy::standard`], but the text of `info!("…")` is dropped, and a validated finding drops the record.
    pub fn strict() -> Self {
        Policy { name: "strict", message: Action::Drop, on_finding: OnFinding::DropRecord, ..Self::standard() }
    }

    /// Only the fields listed there exist, the text of events among them. What the scanner finds in them is replaced.
    #[cfg_attr(not(test), expect(dead_code, reason = "inventories make such policies, and are under way"))]
    pub(in crate::privacy) fn from_declared(declared: Arc<Declared>) -> Self {
        Policy { name: "declared", base: Base::Declared(declared), ..Self::standard() }
    }

    /// Whether records of this event or span may exist at all.
    #[cfg_attr(not(test), expect(dead_code, reason = "inventories make such policies, and are under way"))]
    pub(in crate::privacy) fn admits(&self, site: Site<'_>) -> bool {
        match &self.base {
            Base::Declared(declared) => declared.lists(site),
            Base::Builtin => true,
        }
    }

    /// Whether a key can mean different things in different events.
    pub(in crate::privacy) fn depends_on_site(&self) -> bool {
        matches!(self.base, Base::Declared(_))
    }

    /// Keeps a field that a built-in rule would drop or hash. Its text is still scanned. The reason is shown by
    /// [`Policy::explain`]. `key` is a whole key, or a pattern in which `*` stands for any text.
    #[must_use]
    pub fn keep(self, key: &str, reason: &str) -> Self {
        self.rule(key, Action::Keep, format!("kept by the application: {reason}"))
    }

    /// Drops a field; for patterns see [`Policy::keep`].
    #[must_use]
    pub fn drop_field(self, key: &str) -> Self {
        self.rule(key, Action::Drop, "dropped by the application".to_owned())
    }

    /// Replaces a field by its pseudonym; for patterns see [`Policy::keep`]. `.hash("*_id")` hashes all ids.
    #[must_use]
    pub fn hash(self, key: &str) -> Self {
        self.rule(key, Action::Hash, "hashed by the application".to_owned())
    }

    /// Gives a field any action; for patterns see [`Policy::keep`].
    #[must_use]
    pub fn field(self, key: &str, action: Action) -> Self {
        self.rule(key, action, "set by the application".to_owned())
    }

    /// What happens to the text of `info!("…")`. Default: [`Action::Keep`], which scans it.
    #[must_use]
    pub fn message(mut self, action: Action) -> Self {
        self.message = action;
        self
    }

    /// What a finding in text leads to. Default: [`OnFinding::Redact`].
    #[must_use]
    pub fn on_finding(mut self, answer: OnFinding) -> Self {
        self.on_finding = answer;
        self
    }

    /// Which kinds are looked for in text, and what each leads to. Default: [`Scanner::standard`].
    #[must_use]
    pub fn scanner(mut self, scanner: Scanner) -> Self {
        self.scanner = scanner;
        self
    }

    fn rule(mut self, key: &str, action: Action, why: String) -> Self {
        self.rules.push(Rule { pattern: Pattern::parse(key), action, why });
        self
    }

    /// What would happen to a text under this key. It is the function by which callsites are planned.
    ///
    /// Truth values stay under keys that are dropped, and so do counts under keys like `token`. A span's field that prints
    /// as a struct is dropped unless a rule of the application names it. The text of `info!("…")` has the key `message`,
    /// but follows [`Policy::message`] unless such a rule names it.
    pub fn explain(&self, key: &str) -> Explanation {
        self.explain_in(Site::event(""), key)
    }

    /// What would happen to a text under this key of this event, span or resource: see [`Policy::explain`].
    pub fn explain_in(&self, site: Site<'_>, key: &str) -> Explanation {
        let verdict = self.decide(site, key);
        Explanation {
            key: key.to_owned(),
            renamed: verdict.action.rename(key).into_owned(),
            action: verdict.action,
            rule: verdict.rule.into_owned(),
        }
    }

    /// The text as a kept text field would leave: findings replaced; `None` where the policy drops the text.
    ///
    /// The whole text is scanned and nothing is cut: use it on anybody's logs.
    pub fn scrub<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        let findings = self.findings(text);
        if findings.is_empty() {
            return Some(Cow::Borrowed(text));
        }
        if self.answer(&findings) != OnFinding::Redact {
            return None;
        }
        let mut clean = String::with_capacity(text.len());
        self.scanner.redact(text, &findings, |piece| clean.push_str(piece));
        Some(Cow::Owned(clean))
    }

    /// What the scanner finds in a text, in order and without overlaps.
    pub fn findings(&self, text: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !self.scanner.looks_clean(text.as_bytes()) {
            self.scanner.scan(text.as_bytes(), &mut findings);
        }
        findings
    }

    /// The policy's name: `standard` or `strict`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What these findings lead to.
    pub(super) fn answer(&self, findings: &[Finding]) -> OnFinding {
        self.scanner.answer(findings, self.on_finding)
    }

    /// What text is scanned with.
    #[inline]
    pub(super) fn text_scanner(&self) -> &Scanner {
        &self.scanner
    }

    /// A name given in source code, such as a target: what the scanner finds in it is replaced all the same.
    pub(super) fn clean_name(&self, name: &str) -> Box<str> {
        let mut clean = String::new();
        self.scanner.redact(name, &self.findings(name), |piece| clean.push_str(piece));
        clean.into_boxed_str()
    }

    /// The verdict about an attribute.
    pub(super) fn decide(&self, site: Site<'_>, key: &str) -> Verdict {
        let key = key.strip_prefix("r#").unwrap_or(key);
        self.decide_by_rule(site, key).unwrap_or_else(|| by_key(key))
    }

    /// What the application or its inventory said about a key, if anything.
    pub(super) fn decide_by_rule(&self, site: Site<'_>, key: &str) -> Option<Verdict> {
        let listed = match &self.base {
            Base::Builtin => None,
            Base::Declared(declared) => match declared.verdict(site, key) {
                Listed::Yes(verdict) => Some(verdict),
                Listed::No(why) => return Some(Verdict::drop(why)),
            },
        };
        let rule = self.rules.iter().rev().find(|rule| rule.pattern.matches(key));
        rule.map(|rule| Verdict::by_application(rule.action, rule.why.clone())).or(listed)
    }

    pub(super) fn decide_message(&self) -> Verdict {
        Verdict::by_application(self.message, "")
    }
}

/// What the crate's own key rules say.
fn by_key(key: &str) -> Verdict {
    let known = keys::classify(key);
    let action = match known.class {
        KeyClass::Id => Action::Hash,
        KeyClass::Secret | KeyClass::Pii | KeyClass::Content => Action::Drop,
        KeyClass::Safe | KeyClass::Free => Action::Keep,
    };
    Verdict {
        action,
        rule: Cow::Borrowed(known.rule),
        numbers_stay: known.numeric == NumericRule::Stays,
        bools_stay: known.class != KeyClass::Id,
        by_application: false,
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::standard()
    }
}

impl Explanation {
    /// The key that was asked about.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key under which the field leaves.
    pub fn renamed(&self) -> &str {
        &self.renamed
    }

    /// What happens to the value.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The rule that decided.
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {:?}", self.key, self.action)?;
        if self.renamed != self.key {
            write!(f, " as `{}`", self.renamed)?;
        }
        write!(f, " ({})", self.rule)
    }
}

impl Action {
    /// The key under which a value leaves.
    pub(super) fn rename(self, key: &str) -> Cow<'_, str> {
        match self {
            Action::Hash if keys::is_pseudonym_key(key) => Cow::Borrowed(key),
            Action::Hash => match key.strip_suffix(".id") {
                Some(owner) => Cow::Owned(format!("{owner}.hash")),
                None => Cow::Owned(format!("{key}_hash")),
            },
            _ => Cow::Borrowed(key),
        }
    }
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: Pattern,
    action: Action,
    why: String,
}

/// A key in which `*` stands for any text, also for none: the pieces between the stars.
#[derive(Debug, Clone)]
struct Pattern(Vec<String>);

impl Pattern {
    fn parse(text: &str) -> Self {
        Pattern(text.split('*').map(str::to_owned).collect())
    }

    fn matches(&self, key: &str) -> bool {
        let Some((first, rest)) = self.0.split_first() else { return false };
        let Some((last, middle)) = rest.split_last() else { return key == first };
        let Some(mut left) = key.strip_prefix(first.as_str()) else { return false };
        for piece in middle {
            match left.find(piece.as_str()) {
                Some(at) => left = &left[at + piece.len()..],
                None => return false,
            }
        }
        left.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_added_last_wins() {
        let policy = Policy::standard().hash("*_id").keep("trace_id", "joins logs and traces").drop_field("trace_id");
        assert_eq!(policy.explain("order_id").action(), Action::Hash);
        assert_eq!(policy.explain("trace_id").action(), Action::Drop);
        assert_eq!(policy.explain("identity").action(), Policy::standard().explain("identity").action());
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, key, matches) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "a", true),
            ("*_id", "order_id", true),
            ("*_id", "order_ids", false),
            ("*coupon*", "my.coupon.code", true),
            ("*coupon*", "cupon", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
        ] {
            assert_eq!(Pattern::parse(pattern).matches(key), matches, "{pattern} {key}");
        }
    }

    #[test]
    fn an_id_leaves_under_the_key_of_its_hash() {
        let policy = Policy::standard();
        for (key, renamed) in [
            ("user_id", "user_id_hash"),
            ("user.id", "user.hash"),
            ("userId", "userId_hash"),
            ("user_id_hash", "user_id_hash"),
        ] {
            assert_eq!(policy.explain(key).renamed(), renamed, "{key}");
        }
    }

    #[test]
    fn of_a_declared_policy_only_what_is_listed_exists() {
        let mut declared = Declared::default();
        declared.list(Site::event("order.placed"), "plan", Action::Keep, "listed: which plans sell");
        declared.list(Site::event("order.placed"), "user_id", Action::Hash, "listed: returning customers");
        let policy = Policy::from_declared(Arc::new(declared)).keep("coupon", "not listed").drop_field("plan");
        let placed = Site::event("order.placed");
        let of = |site, key| policy.explain_in(site, key).action();
        assert_eq!(of(placed, "plan"), Action::Drop, "a rule may take away what is listed");
        assert_eq!(of(placed, "user_id"), Action::Hash);
        assert_eq!(of(placed, "coupon"), Action::Drop, "a rule adds nothing to the list");
        assert_eq!(of(Site::event("order.sent"), "user_id"), Action::Drop);
        assert_eq!(of(Site::span("order.placed"), "user_id"), Action::Drop);
        assert!(policy.admits(placed) && !policy.admits(Site::span("order.placed")));
        assert!(policy.explain("user_id").to_string().contains("not in the inventory"));
    }

    #[test]
    fn an_explanation_names_key_action_and_rule() {
        let text = Policy::standard().keep("city", "sales report").explain("city").to_string();
        assert_eq!(text, "`city`: Keep (kept by the application: sales report)");
    }

    #[test]
    fn strict_drops_a_text_with_a_validated_finding() {
        assert_eq!(Policy::strict().scrub("mail bob@example.com"), None);
        assert_eq!(Policy::strict().scrub("order placed").as_deref(), Some("order placed"));
    }
}
