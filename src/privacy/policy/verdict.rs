//! A decision about a key.

use std::borrow::Cow;

use super::Action;
use crate::app::Date;
use crate::privacy::inventory::FieldKind;

/// What happens to a field, and the rule that says so.
#[derive(Debug)]
pub(in crate::privacy) struct Verdict {
    pub(in crate::privacy) action: Action,
    pub(in crate::privacy) rule: Cow<'static, str>,
    pub(in crate::privacy) numbers_stay: bool,
    pub(in crate::privacy) bools_stay: bool,
    /// The application itself said so: it has looked at what the field prints.
    pub(in crate::privacy) by_application: bool,
    /// The type that the inventory gives it; a value of another type is dropped.
    pub(in crate::privacy) kind: Option<FieldKind>,
    /// The first day on which the field does not exist any more.
    pub(in crate::privacy) expires: Option<Date>,
}

impl Verdict {
    /// What the application itself said: it holds for every type.
    pub(in crate::privacy) fn by_application(action: Action, rule: impl Into<Cow<'static, str>>) -> Self {
        Verdict {
            action,
            rule: rule.into(),
            numbers_stay: false,
            bools_stay: false,
            by_application: true,
            kind: None,
            expires: None,
        }
    }

    /// The field disappears, whatever its type.
    pub(in crate::privacy) fn drop(rule: impl Into<Cow<'static, str>>) -> Self {
        Verdict { by_application: false, ..Self::by_application(Action::Drop, rule) }
    }
}
