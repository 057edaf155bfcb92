//! Which rule decides about a field, and what a finding in text leads to.

use std::borrow::Cow;
use std::fmt;

use super::keys::{self, KeyClass, NumericRule};
use super::scan::{Finding, OnFinding, Scanner};

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
    rules: Vec<Rule>,
    message: Action,
    on_finding: OnFinding,
    scanner: Scanner,
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
        let verdict = self.decide(key);
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

    /// The verdict about an attribute's key.
    pub(super) fn decide(&self, key: &str) -> Verdict {
        let key = key.strip_prefix("r#").unwrap_or(key);
        if let Some(verdict) = self.decide_by_rule(key) {
            return verdict;
        }
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

    /// What the application said about a key, if anything.
    pub(super) fn decide_by_rule(&self, key: &str) -> Option<Verdict> {
        let rule = self.rules.iter().rev().find(|rule| rule.pattern.matches(key))?;
        Some(Verdict {
            action: rule.action,
            rule: Cow::Owned(rule.why.clone()),
            numbers_stay: false,
            bools_stay: false,
            by_application: true,
        })
    }

    pub(super) fn decide_message(&self) -> Verdict {
        Verdict::plain(self.message)
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

/// A decision about a key.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) action: Action,
    pub(super) rule: Cow<'static, str>,
    pub(super) numbers_stay: bool,
    pub(super) bools_stay: bool,
    /// The application itself said so: it has looked at what the field prints.
    pub(super) by_application: bool,
}

impl Verdict {
    pub(super) fn plain(action: Action) -> Self {
        Verdict { action, rule: Cow::Borrowed(""), numbers_stay: false, bools_stay: false, by_application: true }
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
