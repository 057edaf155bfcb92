//! What the quickstart prints, 100 columns wide.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;
use tracing_privacy::Telemetry;
use tracing_privacy::consent::Row;
use tracing_privacy::privacy::{Action, Policy};

use crate::recorder::Logged;

const WIDTH: usize = 100;
const KEY: usize = 13;
const LEFT: usize = 32;
/// What the key, the left column and four, one and three characters between them leave.
const RIGHT: usize = WIDTH - 4 - KEY - 1 - LEFT - 3;

/// That telemetry is off, why, and how to turn it on.
pub(crate) fn off(out: &mut impl Write, telemetry: &Telemetry, orders: usize) -> io::Result<()> {
    let decision = telemetry.decision();
    let nobody_said_no = decision.decided_by().is_some_and(|decisive| decisive.row() == Row::Yes);
    writeln!(out, "The shop took {orders} of 4 orders. Its telemetry is off, so nothing of that was kept or sent:")?;
    writeln!(out, "no file was written, no thread started, no connection opened.\n")?;
    paragraph(out, "why", decision.reason())?;
    for note in telemetry.status().notes() {
        paragraph(out, "note", note)?;
    }
    let line = "QUICKSTART_TELEMETRY_ENABLED=true cargo run --example quickstart";
    let introduction = if nobody_said_no { "turn it on" } else { "and then" };
    writeln!(out, "  {introduction:KEY$} {line}")
}

/// Each record as the application logged it, beside the same record as it was kept.
pub(crate) fn records(out: &mut impl Write, logged: &[Logged], kept: &[Value]) -> io::Result<()> {
    writeln!(
        out,
        "{} records were logged, {} were kept. Left: what the application logged.",
        logged.len(),
        kept.len()
    )?;
    writeln!(out, "Right: what is in the file, which is what a server would get.")?;
    let mut kept = kept.iter().peekable();
    for (number, logged) in logged.iter().enumerate() {
        let name = if logged.kind == "span" { logged.name } else { logged.level };
        writeln!(out, "\n{:2}  {} {}  {}", number + 1, logged.kind, name, logged.target)?;
        match kept.next_if(|record| is_of(record, logged)) {
            Some(record) => fields(out, logged, record)?,
            None => {
                for (key, value) in &logged.fields {
                    row(out, key, value, "(gone)")?;
                }
                writeln!(out, "    not kept: `{}` is not one of the application's own crates", logged.target)?;
            }
        }
    }
    if kept.peek().is_some() {
        return Err(io::Error::other("records were kept that this run did not log"));
    }
    Ok(())
}

/// That a user can be followed through the records without anybody knowing who it is.
pub(crate) fn pseudonyms(out: &mut impl Write, logged: &[Logged], kept: &[Value]) -> io::Result<()> {
    let orders = |record: &&Value| record["kind"] == "span" && record["name"] == "checkout";
    let ids = logged
        .iter()
        .filter(|span| span.kind == "span")
        .flat_map(|span| &span.fields)
        .filter(|(key, _)| *key == "user_id");
    let hashes =
        kept.iter().filter(orders).map(|record| record["attributes"]["user_id_hash"].as_str().unwrap_or("(gone)"));
    let mut users: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for ((_, id), hash) in ids.zip(hashes) {
        let (orders, known_as) = users.entry(id).or_default();
        *orders += 1;
        known_as.insert(hash);
    }
    rule(out, "a user has one pseudonym, and each user another")?;
    for (id, (orders, known_as)) in users {
        let known_as: Vec<_> = known_as.into_iter().collect();
        writeln!(out, "  user {id}, checkouts: {orders}   {}", known_as.join(" and "))?;
    }
    Ok(())
}

/// What became of everything, and what the user can do with it.
pub(crate) fn summary(out: &mut impl Write, telemetry: &Telemetry, newest: Option<&Value>) -> io::Result<()> {
    let status = telemetry.status();
    rule(out, "counters")?;
    for line in status.counts().to_string().lines() {
        writeln!(out, "  {line}")?;
    }
    for (target, count) in status.turned_away() {
        writeln!(out, "  turned away: {count} of `{target}`; .targets(\"{target}=info\") would let it in")?;
    }
    for note in status.notes() {
        paragraph(out, "note", note)?;
    }
    if let Some(record) = newest {
        rule(out, "one record in full, its times, ids and sender included")?;
        for line in serde_json::to_string_pretty(record)?.lines() {
            writeln!(out, "  {line}")?;
        }
    }
    rule(out, "your data")?;
    match status.endpoint() {
        Some(endpoint) => writeln!(out, "  sent to       {endpoint}")?,
        None => writeln!(out, "  sent to       nobody: this example keeps everything on this machine")?,
    }
    let Some(store) = status.store() else {
        return writeln!(out, "  kept in       memory only, gone when the program ends");
    };
    let (file, directory) = (in_shell(store), in_shell(store.parent().unwrap_or(store)));
    writeln!(out, "  kept in       {}", store.display())?;
    writeln!(out, "\n  To see it, to export it, to delete it, and to say no for ever:\n")?;
    writeln!(out, "    sqlite3 {file} \"select json from records\"")?;
    writeln!(out, "    sqlite3 {file} \"select json from records\" > kept.jsonl")?;
    writeln!(out, "    rm -r {directory}")?;
    writeln!(out, "    touch ~/.quickstart-no-telemetry")
}

/// Whether a kept record is this one: both lists are in the order of the run, and the kept one has gaps.
fn is_of(record: &Value, logged: &Logged) -> bool {
    let text = |key: &str| record[key].as_str().unwrap_or_default();
    text("kind") == logged.kind
        && text("level") == logged.level
        && text("target") == logged.target
        && (logged.kind == "log" || text("name") == logged.name)
}

fn fields(out: &mut impl Write, logged: &Logged, record: &Value) -> io::Result<()> {
    let policy = Policy::standard();
    for (key, value) in &logged.fields {
        if *key == "message" {
            row(out, "message", value, record["body"].as_str().unwrap_or("(gone)"))?;
            continue;
        }
        let explanation = policy.explain(key);
        let kept = match &record["attributes"][explanation.renamed()] {
            Value::Null if explanation.action() == Action::Drop => format!("(gone: {})", explanation.rule()),
            Value::Null => "(gone)".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match explanation.renamed() {
            same if same == *key => row(out, key, value, &kept)?,
            renamed => row(out, key, value, &format!("{renamed} = {kept}"))?,
        }
    }
    Ok(())
}

/// One field: its key, its value as logged, and what was kept.
fn row(out: &mut impl Write, key: &str, logged: &str, kept: &str) -> io::Result<()> {
    let (left, right) = (wrapped(logged, LEFT), wrapped(kept, RIGHT));
    for line in 0..left.len().max(right.len()) {
        let key = if line == 0 { key } else { "" };
        let part = |lines: &[String]| lines.get(line).cloned().unwrap_or_default();
        let text = format!("    {key:KEY$} {:LEFT$} │ {}", part(&left), part(&right));
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

fn rule(out: &mut impl Write, title: &str) -> io::Result<()> {
    writeln!(out, "\n── {title} {}\n", "─".repeat(WIDTH.saturating_sub(title.chars().count() + 4)))
}

fn paragraph(out: &mut impl Write, label: &str, text: &str) -> io::Result<()> {
    for (line, text) in wrapped(text, WIDTH - KEY - 3).iter().enumerate() {
        let label = if line == 0 { label } else { "" };
        writeln!(out, "  {label:KEY$} {}", text.trim_end())?;
    }
    Ok(())
}

/// Lines of at most `width` characters, broken between words where that is possible.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut room = width;
    for word in text.split_inclusive(' ') {
        let word: Vec<char> = word.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        let needed = word.len() - usize::from(word.last() == Some(&' '));
        if needed > room && needed <= width {
            lines.push(String::new());
            room = width;
        }
        for c in word {
            if room == 0 {
                lines.push(String::new());
                room = width;
                if c == ' ' {
                    continue;
                }
            }
            lines.last_mut().expect("it is never empty").push(c);
            room -= 1;
        }
    }
    lines
}

/// A path as one word of a POSIX shell, from the home directory on where it lies below it.
fn in_shell(path: &Path) -> String {
    let below_home = std::env::var_os("HOME").and_then(|home| path.strip_prefix(home).ok());
    match below_home {
        Some(rest) => format!("~/{}", quoted(rest)),
        None => quoted(path),
    }
}

fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    if path.chars().all(|c| c.is_alphanumeric() || "/._-+@".contains(c)) {
        return path;
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}
