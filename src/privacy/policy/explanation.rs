//! What would happen to a field, in words.

use std::fmt;

use super::Action;
use crate::privacy::plan::{FieldPlan, Scalars};

/// What would happen to a field, and which rule says so.
///
/// `Display` writes it in one line: ``"`token`: drop (secret word `token`), numbers and truth values stay"``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    key: String,
    renamed: String,
    action: Action,
    rule: String,
    numbers_stay: bool,
    bools_stay: bool,
}

impl Explanation {
    pub(super) fn new(key: &str, plan: &FieldPlan, rule: &str) -> Self {
        Explanation {
            key: key.to_owned(),
            renamed: plan.key.clone().into_string(),
            action: plan.action,
            rule: rule.to_owned(),
            numbers_stay: plan.integers == Scalars::Stay,
            bools_stay: plan.bools == Scalars::Stay,
        }
    }

    /// The key that was asked about.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key under which the field leaves.
    pub fn renamed(&self) -> &str {
        &self.renamed
    }

    /// What happens to a text, and to any value whose type does not stay.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Whether a number stays as it is, unless the scanner finds something in it: under `token` it is a count.
    pub fn numbers_stay(&self) -> bool {
        self.numbers_stay
    }

    /// Whether a truth value stays as it is.
    pub fn bools_stay(&self) -> bool {
        self.bools_stay
    }

    /// The rule that decided; empty if none has anything to say about the key.
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.action)?;
        if self.renamed != self.key {
            write!(f, " as `{}`", self.renamed)?;
        }
        write!(f, " ({})", if self.rule.is_empty() { "no rule is about this key" } else { &self.rule })?;
        let keeps_all = matches!(self.action, Action::Keep | Action::Redact | Action::Truncate(_));
        match (self.numbers_stay, self.bools_stay) {
            _ if keeps_all => Ok(()),
            (true, true) => f.write_str(", numbers and truth values stay"),
            (false, true) => f.write_str(", truth values stay"),
            (true, false) => f.write_str(", numbers stay"),
            (false, false) => Ok(()),
        }
    }
}
