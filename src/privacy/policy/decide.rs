//! What a policy says about a field, a key and a text.

use std::borrow::Cow;

use super::automagik::{self, Salt, replace};
use super::rule::Rule;
use super::{Action, Base, Explanation, Listed, Policy, Site, Verdict};
use crate::privacy::keys::{self, KeyClass, NumericRule};
use crate::privacy::pen::KEY_CAP;
use crate::privacy::resource::Source;
use crate::privacy::scan::{Finding, OnFinding, Scanner};
use crate::privacy::text::cut;

impl Policy {
    /// What would happen to a field of an event under this key. It is the function by which callsites are planned.
    ///
    /// The key `message` is the text of `info!("…")`. A field that prints as a struct is dropped in a span unless a rule of
    /// the application names it.
    pub fn explain(&self, key: &str) -> Explanation {
        self.explain_in(Site::event(""), key)
    }

    /// What would happen to a field of this event, span or resource: see [`Policy::explain`].
    pub fn explain_in(&self, site: Site<'_>, key: &str) -> Explanation {
        let (plan, rule) = self.judge(site, key);
        Explanation::new(key, &plan, &rule)
    }

    /// The text as a kept text field would leave: findings replaced; `None` where the policy drops the text.
    ///
    /// The whole text is scanned and nothing is cut: use it on anybody's logs. Under [`Policy::automagik`] its table
    /// comes first, with a salt that is drawn anew in each process.
    pub fn scrub<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        let text = match self.base {
            Base::Automagik => replace("", text, Salt::OfProcess, Source::Application)?,
            Base::Builtin | Base::Declared(_) => Cow::Borrowed(text),
        };
        self.redacted(text)
    }

    /// The text without what the scanner finds in it; `None` where the policy drops it for that.
    pub(in crate::privacy) fn redacted<'t>(&self, text: Cow<'t, str>) -> Option<Cow<'t, str>> {
        if self.scanner.looks_clean(text.as_bytes()) {
            return Some(text);
        }
        let mut findings = Vec::new();
        let clean = self.scanner.scrub(text.as_bytes(), &mut findings);
        if findings.is_empty() {
            return Some(text);
        }
        if self.answer(&findings) != OnFinding::Redact {
            return None;
        }
        if let Some(Ok(clean)) = clean.map(String::from_utf8) {
            return Some(Cow::Owned(clean));
        }
        let mut clean = String::with_capacity(text.len());
        self.scanner.redact(&text, &findings, |piece| clean.push_str(piece));
        Some(Cow::Owned(clean))
    }

    /// What the scanner finds in a text, in order and without overlaps.
    ///
    /// Findings that overlap are joined, since a part of a secret left standing would be a leak: the one that is left covers all
    /// of them. The longest gives it its kind; among equally long ones, the first of this list does. The surest gives it its
    /// severity, and the strongest answer that any of the kinds has is followed.
    ///
    /// 1. [`Unscanned`](crate::privacy::Kind::Unscanned)
    /// 2. kinds that the application added
    /// 3. [`Jwt`](crate::privacy::Kind::Jwt), [`Bearer`](crate::privacy::Kind::Bearer), [`ApiKey`](crate::privacy::Kind::ApiKey), [`Pem`](crate::privacy::Kind::Pem), [`UrlUserinfo`](crate::privacy::Kind::UrlUserinfo)
    /// 4. [`UrlSecret`](crate::privacy::Kind::UrlSecret)
    /// 5. [`Card`](crate::privacy::Kind::Card), [`Iban`](crate::privacy::Kind::Iban), [`Ssn`](crate::privacy::Kind::Ssn), [`NationalId`](crate::privacy::Kind::NationalId), [`Wallet`](crate::privacy::Kind::Wallet)
    /// 6. [`Email`](crate::privacy::Kind::Email)
    /// 7. [`Ipv4`](crate::privacy::Kind::Ipv4), [`Ipv6`](crate::privacy::Kind::Ipv6), [`Mac`](crate::privacy::Kind::Mac)
    /// 8. [`Phone`](crate::privacy::Kind::Phone), [`Geo`](crate::privacy::Kind::Geo), [`BirthDate`](crate::privacy::Kind::BirthDate), [`KeyedSecret`](crate::privacy::Kind::KeyedSecret)
    /// 9. [`KeyedId`](crate::privacy::Kind::KeyedId), [`KeyedPii`](crate::privacy::Kind::KeyedPii)
    /// 10. [`HomePath`](crate::privacy::Kind::HomePath), [`Host`](crate::privacy::Kind::Host), [`Uuid`](crate::privacy::Kind::Uuid)
    /// 11. [`HighEntropy`](crate::privacy::Kind::HighEntropy)
    pub fn findings(&self, text: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !self.scanner.looks_clean(text.as_bytes()) {
            self.scanner.scan_settled(text.as_bytes(), &mut findings);
        }
        findings
    }

    /// What these findings lead to.
    pub(in crate::privacy) fn answer(&self, findings: &[Finding]) -> OnFinding {
        self.scanner.answer(findings, self.on_finding.unwrap_or(OnFinding::Redact))
    }

    /// What text is scanned with.
    #[inline]
    pub(in crate::privacy) fn text_scanner(&self) -> &Scanner {
        &self.scanner
    }

    /// A name given in source code, such as a target: what the scanner finds in it is replaced all the same.
    pub(in crate::privacy) fn clean_name(&self, name: &str) -> Box<str> {
        let mut clean = String::new();
        self.scanner.redact(name, &self.findings(name), |piece| clean.push_str(piece));
        clean.into_boxed_str()
    }

    /// The key under which a value leaves: looked through as a name is, with what `action` adds to it, 255 bytes at most.
    ///
    /// Nothing that is found in a key takes away what tells its readers, and the next reading, that it holds a pseudonym.
    pub(in crate::privacy) fn key_for(&self, action: Action, key: &str) -> Box<str> {
        let clean = self.clean_name(key);
        if !action.is_hash() {
            return cut(&self.scanner, clean.into_string(), KEY_CAP).into_boxed_str();
        }
        // With the suffix, the end of the key may be a finding: then that goes before the suffix is added.
        let named = action.rename(&clean);
        let looked = self.clean_name(&named);
        let base = if *looked == *named { clean } else { looked };
        let suffix = action.rename(&base).len() - base.len();
        let fits = cut(&self.scanner, base.into_string(), KEY_CAP - suffix);
        self.clean_name(&action.rename(&fits))
    }

    /// The verdict about an attribute.
    pub(in crate::privacy) fn decide(&self, site: Site<'_>, key: &str) -> Verdict {
        let key = key.strip_prefix("r#").unwrap_or(key);
        self.decide_by_rule(site, key).unwrap_or_else(|| match self.base {
            Base::Automagik => automagik::verdict(key),
            Base::Builtin | Base::Declared(_) => by_key(key),
        })
    }

    /// What the application or its inventory said about a key, if anything.
    pub(in crate::privacy) fn decide_by_rule(&self, site: Site<'_>, key: &str) -> Option<Verdict> {
        let listed = self.listed().map(|declared| match declared.verdict(site, key) {
            Listed::No(why) => Verdict::drop(why),
            Listed::Yes(verdict) => verdict,
        });
        // Beside an inventory, rules may only take: it is what users were told.
        let holds = |rule: &&Rule| listed.is_none() || rule.action == Action::Drop;
        self.rules.iter().rev().filter(holds).find(|rule| rule.pattern.matches(key)).map(Rule::verdict).or(listed)
    }

    pub(in crate::privacy) fn decide_message(&self) -> Verdict {
        let (action, rule) = match (self.message, &self.base) {
            (Some(action), _) => (action, format!("message rule of `{}`", self.name)),
            (None, Base::Automagik) => (Action::Drop, automagik::CONTENT.to_owned()),
            (None, Base::Builtin | Base::Declared(_)) => (Action::Keep, "message rule: its text is scanned".to_owned()),
        };
        Verdict::by_application(action, rule)
    }
}

/// What the crate's own key rules say.
pub(super) fn by_key(key: &str) -> Verdict {
    let known = keys::classify(key);
    let action = match known.class {
        KeyClass::Id => Action::Hash,
        KeyClass::Secret | KeyClass::Pii | KeyClass::Content => Action::Drop,
        KeyClass::Sql => Action::Parameterize,
        KeyClass::Safe | KeyClass::Free => Action::Keep,
    };
    Verdict {
        action,
        rule: Cow::Borrowed(known.rule),
        numbers_stay: known.numeric == NumericRule::Stays,
        bools_stay: known.class != KeyClass::Id,
        by_application: false,
        kind: None,
        expires: None,
    }
}
