//! What may be declared at all: an inventory is no way around the key rules, only an explained exception to them.

use super::kind::FieldKind;
use crate::privacy::keys::{self, KeyClass, NumericRule};
use crate::privacy::policy::Action;

/// Keys that name or describe the record itself, not a part of it.
const RESERVED: [(&str, &str); 4] = [
    ("otel.name", "would give the record a name that is not declared; give the text a field of its own"),
    ("otel.kind", "has fixed words and needs no declaration; remove it here"),
    ("otel.status_code", "has fixed words and needs no declaration; remove it here"),
    ("otel.status_message", "is declared as `otel.status_description`; rename it here"),
];

/// Why a field cannot be declared like this, as the end of a sentence about it.
pub(super) fn check(key: &str, kind: &FieldKind, action: Action, reason: Option<&str>) -> Result<(), String> {
    if let Some((_, why)) = RESERVED.iter().find(|(reserved, _)| *reserved == key) {
        return Err((*why).to_owned());
    }
    if let Some(plain) = key.strip_prefix("r#") {
        return Err(format!("is logged as `{plain}`; write it without `r#`"));
    }
    // The text of an event, and what a failure is described with.
    let is_text = matches!(key, "message" | "otel.status_description");
    if is_text && !matches!(kind, FieldKind::Enum(_) | FieldKind::Word | FieldKind::Text) {
        return Err("is text; make it kind `enum`, `word` or `text`".to_owned());
    }
    // In `log` it is whatever text the running program gives.
    if key == "log.target" && !matches!(kind, FieldKind::Enum(_)) {
        return Err("can be any text; make it kind `enum`, of the targets that there are".to_owned());
    }
    let known = keys::classify(key);
    let may_hide = match kind {
        FieldKind::Boolean => false,
        FieldKind::Integer | FieldKind::Number => known.numeric == NumericRule::Goes || known.class == KeyClass::Id,
        _ => true,
    };
    let needs_reason = match known.class {
        KeyClass::Secret if may_hide => {
            return Err(format!(
                "has a key that announces a secret ({}): it cannot be declared; rename the field if it \
                 holds none",
                known.rule
            ));
        }
        KeyClass::Id | KeyClass::Pii | KeyClass::Content | KeyClass::Sql if may_hide && action != Action::Hash => {
            !is_text
        }
        _ => *kind == FieldKind::Id && action != Action::Hash,
    };
    if needs_reason && reason.is_none() {
        let why = if known.rule.is_empty() { kind.name() } else { known.rule };
        return Err(format!(
            "would be hashed or dropped by the standard policy ({why}); say why it must be kept: `reason = \"..\"` \
             is shown to users, or make it kind `id`, which keeps a pseudonym"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_key_rules_would_take_needs_a_reason_or_cannot_be() {
        let listed = FieldKind::Enum(["a".into()].into());
        for (key, kind, action) in [
            ("items", FieldKind::Integer, Action::Keep),
            ("plan", listed.clone(), Action::Keep),
            ("has_email", FieldKind::Boolean, Action::Keep),
            ("user_id", FieldKind::Id, Action::Hash),
            ("email", FieldKind::Id, Action::Hash),
            ("tokens_used", FieldKind::Integer, Action::Keep),
            ("message", FieldKind::Text, Action::Keep),
        ] {
            assert_eq!(check(key, &kind, action, None), Ok(()), "{key}");
        }
        for (key, kind, action) in [
            ("city", FieldKind::Text, Action::Keep),
            ("city", listed.clone(), Action::Keep),
            ("phone", FieldKind::Integer, Action::Keep),
            ("user_id", FieldKind::Integer, Action::Bucket),
            ("user_id", FieldKind::Id, Action::Keep),
            ("serial", FieldKind::Word, Action::Keep),
            ("prompt", FieldKind::Text, Action::Truncate(10)),
            ("order", FieldKind::Id, Action::Keep),
        ] {
            assert!(check(key, &kind, action, None).is_err_and(|error| error.contains("reason = ")), "{key}");
            assert_eq!(check(key, &kind, action, Some("sales report")), Ok(()), "{key}");
        }
        for key in ["password", "api_key", "session_token"] {
            for kind in [FieldKind::Text, FieldKind::Word, FieldKind::Id, listed.clone()] {
                assert!(
                    check(key, &kind, Action::Hash, Some("why")).is_err_and(|error| error.contains("secret")),
                    "{key}"
                );
            }
            assert_eq!(check(key, &FieldKind::Boolean, Action::Keep, None), Ok(()), "{key}");
        }
        assert!(check("otel.name", &FieldKind::Text, Action::Keep, None).is_err());
    }
}
