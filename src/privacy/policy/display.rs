//! A policy as people read it.

use std::fmt;

use super::{Base, Policy};
use crate::privacy::key_tables;
use crate::privacy::scan::{CustomSource, OnFinding};

/// All that the policy does: the rule for messages, the answers to findings, the application's rules with their reasons,
/// and the built-in tables behind them. The words of custom kinds are counted, not shown.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "policy {}", self.name)?;
        let message = self.decide_message();
        writeln!(f, "text of events: {} ({})", message.action, message.rule)?;
        let answer = self.on_finding.unwrap_or(OnFinding::Redact);
        writeln!(f, "a finding in text: {answer}")?;
        self.write_kinds(f)?;
        if let Some(unit) = self.record_times() {
            writeln!(f, "times of records: rounded to the {unit}")?;
        }
        if !self.rules.is_empty() {
            writeln!(f, "rules of the application; of those that match, the first listed decides:")?;
        }
        for rule in self.rules.iter().rev() {
            write!(f, "  `{}`: {}", rule.pattern, rule.action)?;
            match &rule.reason {
                Some(reason) => writeln!(f, " ({reason})")?,
                None => writeln!(f)?,
            }
        }
        match &self.base {
            Base::Declared(_) => return f.write_str("other keys: dropped, unless the inventory lists them\n"),
            Base::Automagik => f.write_str(
                "table of automagik: e-mail, phone, API key, IP, user id, content; its plain SHA-256 is REVERSIBLE\n",
            )?,
            Base::Builtin => {}
        }
        f.write_str("built-in tables of keys, for all others:\n")?;
        key_tables::tables().try_for_each(|(table, phrases, action)| writeln!(f, "  {table} ({phrases}): {action}"))?;
        f.write_str("any other key: kept, its text scanned\n")
    }
}

impl Policy {
    fn write_kinds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scanner = &self.scanner;
        for (kind, name) in scanner.kinds() {
            match scanner.own_answer(kind) {
                _ if scanner.is_off(kind) && scanner.is_usual(kind) => {}
                _ if scanner.is_off(kind) => writeln!(f, "  {name}: not looked for")?,
                Some(answer) => writeln!(f, "  {name}: {answer}")?,
                None if scanner.is_usual(kind) => {}
                None => writeln!(f, "  {name}: looked for")?,
            }
        }
        for custom in scanner.customs() {
            match custom.source() {
                CustomSource::Regex(pattern) => writeln!(f, "  also found: {} (`{pattern}`)", custom.name())?,
                CustomSource::Words { words, .. } => {
                    writeln!(f, "  also found: {} (a list of {})", custom.name(), words.len())?;
                }
            }
        }
        Ok(())
    }
}
