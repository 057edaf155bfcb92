//! What a policy makes of a field: the one function behind plans and explanations.

use std::borrow::Cow;

use super::field::{FieldPlan, Role, Scalars};
use crate::privacy::inventory::ScalarType;
use crate::privacy::policy::{Action, Policy, Site, SiteKind, Verdict};

impl Policy {
    /// The plan of a field.
    pub(in crate::privacy) fn plan(&self, site: Site<'_>, key: &str) -> FieldPlan {
        self.judge(site, key).0
    }

    /// The plan of a field, and the rule behind it, which [`Policy::explain_in`] tells.
    pub(in crate::privacy) fn judge(&self, site: Site<'_>, key: &str) -> (FieldPlan, Cow<'static, str>) {
        let key = super::plain(key);
        self.judge_as(site, Role::of(site.kind(), key), key)
    }

    fn judge_as(&self, site: Site<'_>, role: Role, key: &str) -> (FieldPlan, Cow<'static, str>) {
        let verdict = self.decide_as(site, role, key);
        let scalars = |scalar, stays| match &verdict.kind {
            Some(kind) => Scalars::of_kind(role, kind, verdict.action, scalar),
            None => Scalars::under(role, verdict.action, stays),
        };
        let plan = FieldPlan {
            source: key.into(),
            key: self.key_for(verdict.action, key),
            role,
            action: verdict.action,
            integers: scalars(ScalarType::Integer, verdict.numbers_stay),
            floats: scalars(ScalarType::Float, verdict.numbers_stay),
            bools: scalars(ScalarType::Bool, verdict.bools_stay),
            drops_structs: site.kind() == SiteKind::Span && !self.is_ruled(site, role, key, &verdict),
            readmits_pseudonyms: false,
            expires: verdict.expires,
            kind: verdict.kind.filter(|kind| !kind.is_any()).map(Box::new),
        };
        (plan, verdict.rule)
    }

    /// The verdict about a field with its part in the record: an application's rule holds whatever the part is.
    fn decide_as(&self, site: Site<'_>, role: Role, key: &str) -> Verdict {
        let by_rule = || self.decide_by_rule(site, key);
        match role {
            Role::Attribute => self.decide(site, key),
            // What a failure is described with is a message too.
            Role::Body | Role::StatusMessage => {
                let listed = by_rule().filter(|verdict| verdict.kind.is_none() || !self.drops_messages());
                listed.unwrap_or_else(|| self.decide_message())
            }
            // What the running program makes up says as much as a message does.
            Role::Name => by_rule().unwrap_or_else(|| match self.drops_messages() {
                true => self.decide_message(),
                false => Verdict::by_application(Action::Keep, "the span's name"),
            }),
            // The running program may write anything into it: beside a list it is what the list says, or the bridge's own.
            Role::Target if self.inventory().is_some() => self.decide(site, key),
            // Of these the words are few and known: no list has to name them.
            Role::SpanKind | Role::Status | Role::Target => by_rule()
                .filter(|verdict| verdict.by_application)
                .unwrap_or_else(|| Verdict::by_application(Action::Keep, "part of the record itself")),
            Role::Ignored => Verdict::drop("a place in the build machine's source tree"),
        }
    }

    /// Whether a rule of the application names the field, or one for its part in the record.
    fn is_ruled(&self, site: Site<'_>, role: Role, key: &str, verdict: &Verdict) -> bool {
        match role {
            Role::Name | Role::StatusMessage => self.decide_by_rule(site, key).is_some(),
            _ => verdict.by_application,
        }
    }

    /// The plan of a text that no rule is about: it is scanned.
    #[cfg(feature = "upload")]
    pub(in crate::privacy) fn plan_kept(&self, key: &str) -> FieldPlan {
        FieldPlan {
            source: key.into(),
            key: key.into(),
            role: Role::Attribute,
            action: Action::Keep,
            integers: Scalars::Text,
            floats: Scalars::Text,
            bools: Scalars::Text,
            kind: None,
            expires: None,
            drops_structs: false,
            readmits_pseudonyms: false,
        }
    }

    /// The plan of an attribute that a row from disk has under `key`: that of the key it was logged under.
    #[cfg(feature = "upload")]
    pub(in crate::privacy) fn plan_row(&self, site: Site<'_>, key: &str) -> FieldPlan {
        let origin = self.hashed_from(site, key);
        let (plan, _) = self.judge_as(site, Role::Attribute, origin.as_deref().unwrap_or(key));
        let carries_its_name = *plan.key == *key;
        plan.readmitting(carries_its_name)
    }

    /// The key of which `key` is what a hash got: `order_id` for `order_id_hash`, where the policy hashes that.
    pub(in crate::privacy) fn hashed_from(&self, site: Site<'_>, key: &str) -> Option<String> {
        let origin = match key.strip_suffix("_hash") {
            Some(origin) => origin.to_owned(),
            None => format!("{}.id", key.strip_suffix(".hash")?),
        };
        let action = self.decide(site, &origin).action;
        (action.is_hash() && action.rename(&origin) == key).then_some(origin)
    }
}
