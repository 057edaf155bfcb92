//! Policies in TOML files.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::{Action, Base, KeyPattern, Policy, PolicyError, TimeUnit};
use crate::privacy::scan::{Custom, CustomSource, Kind, OnFinding, Severity};

/// The bases that a file can name.
const BASES: [&str; 3] = ["standard", "strict", "automagik"];

/// What a policy that is made of an inventory is written with for a base; no file can name it.
const DECLARED: &str = "declared";

fn base(name: &str) -> Option<Policy> {
    match name {
        "standard" => Some(Policy::standard()),
        "strict" => Some(Policy::strict()),
        "automagik" => Some(Policy::automagik()),
        _ => None,
    }
}

const SEVERITIES: [(&str, Severity); 3] =
    [("contextual", Severity::Contextual), ("likely", Severity::Likely), ("validated", Severity::Validated)];

/// What a kind that is not looked for has for an answer.
const OFF: &str = "off";
/// What a kind that is looked for only where somebody asks for it has, if the policy's own answer is good for it.
const ON: &str = "on";

impl Policy {
    /// Reads a policy from TOML. Every setting can be left out; what is not known is an error.
    ///
    /// ```
    /// use tracing_privacy::privacy::{Action, Policy};
    ///
    /// let policy = Policy::from_toml(r#"
    /// base = "standard"            # or "strict", "automagik"; default: "standard"
    /// message = "drop"             # an action, for the text of events
    /// on_finding = "drop_field"    # or "redact", "drop_record", "drop_record_on_any"
    /// times = "hour"               # or "day", "week"; default: times of records are exact
    ///
    /// [kinds]                      # answers for single kinds of findings
    /// card = "drop_record"
    /// mac = "off"
    /// uuid = "on"                  # the one kind that is looked for only if asked for
    /// ORDER = "drop_field"
    ///
    /// [[custom]]                   # kinds of your own: `regex`, or `words` and `any_case`
    /// name = "ORDER"
    /// regex = 'ORD-[0-9]{8}'
    /// severity = "validated"       # or "likely", "contextual"; default: "likely"
    ///
    /// [[field]]                    # rules; the last that matches wins
    /// key = "user.*"               # as in `KeyPattern`
    /// action = "drop"              # as `Action` is displayed
    ///
    /// [[field]]
    /// key = "user.plan"
    /// action = "keep"
    /// reason = "which plans sell"  # whatever lets a value through needs one
    /// "#)?;
    /// assert_eq!(policy.explain("user.name").action(), Action::Drop);
    /// assert_eq!(policy.explain("user.plan").rule(), "rule `user.plan` of the application: which plans sell");
    /// # Ok::<(), tracing_privacy::privacy::PolicyError>(())
    /// ```
    ///
    /// # Errors
    /// With line, column and remedy: text that is no TOML, a setting, action, kind or base that is not known, a value of the
    /// wrong type, a rule without key or action, a value that is let through (`keep`, `redact`, `truncate(..)`, what begins
    /// with `REVERSIBLE`) without a reason, a custom kind that cannot be.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let table = DeTable::parse(text).map_err(|error| {
            PolicyError::at(
                text,
                error.span().map_or(0, |span| span.start),
                format!("this is not TOML: {}; correct it there (syntax: https://toml.io)", error.message()),
            )
        })?;
        Reader { text }.policy(table.get_ref())
    }

    /// Reads a policy from a TOML file: see [`Policy::from_toml`].
    ///
    /// # Errors
    /// As [`Policy::from_toml`], with the file's name; also if the file cannot be read.
    pub fn from_toml_file(path: impl AsRef<Path>) -> Result<Self, PolicyError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| {
            PolicyError::unreadable(path, format!("the policy cannot be read ({error}); give the path of a TOML file"))
        })?;
        let read = match std::str::from_utf8(&bytes) {
            Ok(text) => Self::from_toml(text),
            Err(error) => {
                let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                let problem = "this is not UTF-8; save the file as UTF-8, the only encoding of TOML";
                Err(PolicyError::at(&before, before.len(), problem))
            }
        };
        read.map_err(|error| error.in_file(path))
    }

    /// Writes the policy as TOML, from which [`Policy::from_toml`] makes the same. The words of custom kinds are written
    /// out; rules that no key can match are left out.
    ///
    /// A policy that comes from an inventory is written without it, and its base `declared` is refused by
    /// [`Policy::from_toml`]: the rules alone would let through what the inventory does not list.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        // Writing to a String does not fail.
        let _ = self.write_toml(&mut out);
        out
    }

    fn write_toml(&self, out: &mut String) -> std::fmt::Result {
        let base = match self.base {
            Base::Builtin => "standard",
            Base::Automagik => "automagik",
            Base::Declared(_) => DECLARED,
        };
        writeln!(out, "base = {}", quoted(base))?;
        if let Some(action) = self.message {
            writeln!(out, "message = {}", quoted(&action.to_string()))?;
        }
        if let Some(answer) = self.on_finding {
            writeln!(out, "on_finding = {}", quoted(&answer.to_string()))?;
        }
        if let Some(unit) = self.times {
            writeln!(out, "times = {}", quoted(&unit.to_string()))?;
        }
        let scanner = &self.scanner;
        let mut heading = "\n[kinds]\n";
        for (kind, name) in scanner.kinds() {
            let answer = match scanner.own_answer(kind) {
                _ if scanner.is_off(kind) && scanner.is_usual(kind) => continue,
                _ if scanner.is_off(kind) => OFF.to_owned(),
                Some(answer) => answer.to_string(),
                None if scanner.is_usual(kind) => continue,
                None => ON.to_owned(),
            };
            writeln!(out, "{}{} = {}", std::mem::take(&mut heading), quoted(name), quoted(&answer))?;
        }
        for custom in scanner.customs() {
            writeln!(out, "\n[[custom]]\nname = {}", quoted(custom.name()))?;
            match custom.source() {
                CustomSource::Regex(pattern) => writeln!(out, "regex = {}", quoted(pattern))?,
                CustomSource::Words { words, any_case } => {
                    let words = words.iter().map(|word| quoted(&String::from_utf8_lossy(word)));
                    writeln!(out, "words = [{}]", words.collect::<Vec<_>>().join(", "))?;
                    if any_case {
                        writeln!(out, "any_case = true")?;
                    }
                }
            }
            let severity = SEVERITIES.iter().find(|(_, severity)| *severity == custom.certainty());
            if let Some((word, Severity::Contextual | Severity::Validated)) = severity {
                writeln!(out, "severity = {}", quoted(word))?;
            }
        }
        for rule in self.rules.iter().filter(|rule| !rule.pattern.is_void()) {
            writeln!(out, "\n[[field]]\nkey = {}", quoted(&rule.pattern.to_string()))?;
            writeln!(out, "action = {}", quoted(&rule.action.to_string()))?;
            if let Some(reason) = &rule.reason {
                writeln!(out, "reason = {}", quoted(reason))?;
            }
        }
        Ok(())
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // Writing to a String does not fail.
            c if c.is_control() => drop(write!(out, "\\U{:08X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

type Value<'i> = Spanned<DeValue<'i>>;

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn policy(&self, table: &DeTable<'_>) -> Result<Policy, PolicyError> {
        self.known(table, &["base", "message", "on_finding", "times", "kinds", "custom", "field"], "setting")?;
        let mut policy = match find(table, "base") {
            None => Policy::standard(),
            Some(value) => {
                let name = self.string(value, "base")?;
                if name == DECLARED {
                    let problem = "the base `declared` is an inventory, which no policy file holds; leave `base` out and \
                                   put this policy on top of `Policy::declared(..)`";
                    return Err(self.error(value.span(), problem));
                }
                base(name).ok_or_else(|| {
                    let known = BASES.map(|name| format!("`{name}`")).join(", ");
                    self.error(value.span(), format!("there is no base `{name}`; there are {known}"))
                })?
            }
        };
        if let Some(value) = find(table, "message") {
            policy = policy.message(self.action(value, "message", "message")?);
        }
        if let Some(value) = find(table, "on_finding") {
            let text = self.string(value, "on_finding")?;
            policy = policy.on_finding(OnFinding::parse(text).ok_or_else(|| {
                let known = OnFinding::spellings();
                self.error(value.span(), format!("there is no answer `{text}` to a finding; there are {known}"))
            })?);
        }
        if let Some(value) = find(table, "times") {
            let text = self.string(value, "times")?;
            policy = policy.times(TimeUnit::parse(text).ok_or_else(|| {
                let known = TimeUnit::spellings();
                self.error(value.span(), format!("times are not rounded to `{text}`; there are {known}"))
            })?);
        }
        for entry in self.entries(table, "custom")? {
            policy = self.custom(policy, entry)?;
        }
        if let Some(value) = find(table, "kinds") {
            policy = self.kinds(policy, value)?;
        }
        for entry in self.entries(table, "field")? {
            policy = self.field(policy, entry)?;
        }
        Ok(policy)
    }

    fn kinds(&self, mut policy: Policy, value: &Value<'_>) -> Result<Policy, PolicyError> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.error(value.span(), "`kinds` is a table: write `[kinds]` on a line of its own"));
        };
        for (name, value) in table.iter() {
            let Some(kind) = policy.scanner.kind(name.get_ref()).filter(|kind| *kind != Kind::Unscanned) else {
                let known = policy.scanner.kinds().filter(|(kind, _)| *kind != Kind::Unscanned);
                let known = known.map(|(_, name)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                let problem = format!("there is no kind `{}`; there are {known}", name.get_ref());
                return Err(self.error(name.span(), problem));
            };
            let text = self.string(value, name.get_ref())?;
            policy = match OnFinding::parse(text) {
                Some(answer) => policy.kind(kind, answer),
                None if text == OFF => policy.without_kind(kind),
                None if text == ON => policy.with_kind(kind),
                None => {
                    let known = OnFinding::spellings();
                    let problem = format!(
                        "`{name}` has no answer `{text}`; there are `{ON}`, `{OFF}`, {known}",
                        name = name.get_ref()
                    );
                    return Err(self.error(value.span(), problem));
                }
            };
        }
        Ok(policy)
    }

    fn custom(&self, mut policy: Policy, entry: Entry<'_, '_>) -> Result<Policy, PolicyError> {
        self.known(entry.table, &["name", "regex", "words", "any_case", "severity"], "setting of a custom kind")?;
        let name_value = self.required(&entry, "name", "a custom kind")?;
        let name = self.string(name_value, "name")?;
        let (place, custom) = match (find(entry.table, "regex"), find(entry.table, "words")) {
            (Some(regex), None) => (regex, Custom::regex(name, self.string(regex, "regex")?)),
            (None, Some(words)) => {
                let list = self.array(words, "words")?;
                let list = list.iter().map(|word| self.string(word, "words")).collect::<Result<Vec<_>, _>>()?;
                (words, Custom::words(name, list))
            }
            _ => {
                let problem = format!("the custom kind `{name}` needs either `regex` or `words`");
                return Err(self.error(name_value.span(), problem));
            }
        };
        let mut custom = custom.map_err(|error| self.error(place.span(), error.to_string()))?;
        if let Some(value) = find(entry.table, "any_case") {
            match value.get_ref() {
                DeValue::Boolean(true) => custom = custom.any_case(),
                DeValue::Boolean(false) => {}
                _ => return Err(self.error(value.span(), "`any_case` is `true` or `false`")),
            }
        }
        if let Some(value) = find(entry.table, "severity") {
            let word = self.string(value, "severity")?;
            let Some((_, severity)) = SEVERITIES.iter().find(|(known, _)| *known == word) else {
                let known = SEVERITIES.map(|(word, _)| format!("`{word}`")).join(", ");
                return Err(self.error(value.span(), format!("there is no severity `{word}`; there are {known}")));
            };
            custom = custom.severity(*severity);
        }
        policy.scanner =
            policy.scanner.custom(custom).map_err(|error| self.error(name_value.span(), error.to_string()))?;
        Ok(policy)
    }

    fn field(&self, policy: Policy, entry: Entry<'_, '_>) -> Result<Policy, PolicyError> {
        self.known(entry.table, &["key", "action", "reason"], "setting of a field")?;
        let key_value = self.required(&entry, "key", "a field")?;
        let key = self.string(key_value, "key")?;
        let pattern = KeyPattern::from(key);
        if let Some(problem) = pattern.mistake() {
            return Err(self.error(key_value.span(), problem));
        }
        let action_value = self.required(&entry, "action", &format!("the field `{key}`"))?;
        let action = self.action(action_value, "action", key)?;
        let reason = find(entry.table, "reason").map(|value| self.string(value, "reason")).transpose()?;
        if action.needs_reason() && reason.is_none_or(|reason| reason.trim().is_empty()) {
            let problem = format!(
                "`{action}` lets `{key}` through without a reason; add `reason = \"…\"`, which is shown with the rule"
            );
            return Err(self.error(action_value.span(), problem));
        }
        Ok(policy.rule(pattern, action, reason))
    }

    fn action(&self, value: &Value<'_>, setting: &str, of: &str) -> Result<Action, PolicyError> {
        let text = self.string(value, setting)?;
        Action::parse(text).ok_or_else(|| {
            let known = Action::spellings();
            self.error(value.span(), format!("there is no action `{text}` for `{of}`; there are {known}"))
        })
    }

    /// The tables of an array.
    fn entries<'a, 'i>(&self, table: &'a DeTable<'i>, name: &str) -> Result<Vec<Entry<'a, 'i>>, PolicyError> {
        let Some(value) = find(table, name) else { return Ok(Vec::new()) };
        let array = match value.get_ref() {
            DeValue::Array(array) => array,
            _ => return Err(self.error(value.span(), format!("`{name}` is a list of tables: write `[[{name}]]`"))),
        };
        let entry = |value: &'a Value<'i>| match value.get_ref() {
            DeValue::Table(table) => Ok(Entry { table, span: value.span() }),
            _ => Err(self.error(value.span(), format!("`{name}` is a list of tables: write `[[{name}]]`"))),
        };
        array.iter().map(entry).collect()
    }

    fn required<'a, 'i>(&self, entry: &Entry<'a, 'i>, name: &str, of: &str) -> Result<&'a Value<'i>, PolicyError> {
        find(entry.table, name)
            .ok_or_else(|| self.error(entry.span.clone(), format!("{of} needs `{name}`; add `{name} = \"…\"`")))
    }

    fn string<'a>(&self, value: &'a Value<'_>, name: &str) -> Result<&'a str, PolicyError> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.error(value.span(), format!("`{name}` is a text: put it in quotes"))),
        }
    }

    fn array<'a, 'i>(&self, value: &'a Value<'i>, name: &str) -> Result<&'a DeArray<'i>, PolicyError> {
        match value.get_ref() {
            DeValue::Array(array) => Ok(array),
            _ => Err(self.error(value.span(), format!("`{name}` is a list: write `{name} = [\"…\", \"…\"]`"))),
        }
    }

    /// No key but these.
    fn known(&self, table: &DeTable<'_>, names: &[&str], what: &str) -> Result<(), PolicyError> {
        let strangers = table.iter().filter(|(key, _)| !names.contains(&key.get_ref().as_ref()));
        match strangers.min_by_key(|(key, _)| key.span().start) {
            None => Ok(()),
            Some((key, _)) => {
                let known = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                Err(self.error(key.span(), format!("there is no {what} `{}`; there are {known}", key.get_ref())))
            }
        }
    }

    fn error(&self, span: Range<usize>, problem: impl Into<String>) -> PolicyError {
        PolicyError::at(self.text, span.start, problem)
    }
}

/// One of an array's tables, and where it stands.
struct Entry<'a, 'i> {
    table: &'a DeTable<'i>,
    span: Range<usize>,
}

fn find<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<&'a Value<'i>> {
    table.iter().find(|(key, _)| key.get_ref().as_ref() == name).map(|(_, value)| value)
}
