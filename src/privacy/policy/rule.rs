//! A rule of the application.

use super::{Action, KeyPattern, Verdict};

/// What the application says about some keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) pattern: KeyPattern,
    pub(super) action: Action,
    pub(super) reason: Option<Box<str>>,
}

/// What stands where a reason should.
const NO_REASON: &str = "no reason was given";

impl Rule {
    pub(super) fn new(pattern: KeyPattern, action: Action, reason: Option<&str>) -> Self {
        let given = reason.map(str::trim).filter(|reason| !reason.is_empty());
        let missing = action.needs_reason().then_some(NO_REASON);
        Rule { pattern, action, reason: given.or(missing).map(Box::from) }
    }

    pub(super) fn verdict(&self) -> Verdict {
        let reason = self.reason.iter().map(|reason| format!(": {reason}")).collect::<String>();
        Verdict::by_application(self.action, format!("rule `{}` of the application{reason}", self.pattern))
    }
}
