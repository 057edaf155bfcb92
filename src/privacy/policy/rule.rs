//! A rule of the application.

use super::{Action, KeyPattern, Verdict};

/// What the application says about some keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) pattern: KeyPattern,
    pub(super) action: Action,
    pub(super) reason: Option<Box<str>>,
}

impl Rule {
    pub(super) fn verdict(&self) -> Verdict {
        let reason = self.reason.iter().map(|reason| format!(": {reason}")).collect::<String>();
        Verdict::by_application(self.action, format!("rule `{}` of the application{reason}", self.pattern))
    }
}
