//! The filter alone, on anybody's logs: text in, JSON lines out.
//!
//! ```text
//! journalctl -o cat | cargo run --release --example scrub
//! cargo run --release --example scrub -- --json < logs.jsonl
//! cargo run --release --example scrub -- --policy strict < access.log
//! cargo run --release --example scrub -- --policy acme-policy.toml --explain user.email
//! ```
//!
//! Without an option each line of stdin is a text. With `--json` each line is a JSON object, and the string under its key
//! `text` is; other keys are not read, and blank lines are skipped. For each text one line comes out,
//! `{"text":…,"clean_text":…}`: the text, and what the policy leaves of it, or `null` where it leaves nothing. The policy is
//! `standard`, `strict`, `automagik` or a TOML file; without `--policy` it is `standard`. `--print` prints it, and
//! `--explain KEY` says what it does to a field of that name, instead of reading anything.
//!
//! Bytes that are not UTF-8 become `U+FFFD`. A line that holds no text ends the run with exit code 2 and its number on
//! stderr, since a filter that guesses would let something through. A reader that goes away ends it quietly.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use tracing_privacy::privacy::Policy;

const USAGE: &str = "usage: scrub [--json] [--policy standard|strict|automagik|FILE.toml] [--print | --explain KEY]
    lines on stdin, JSON lines {\"text\":…,\"clean_text\":…} on stdout";
const BUFFER: usize = 256 * 1024;

#[derive(Clone, Copy)]
enum Input {
    Plain,
    Json,
}

/// What is asked for.
enum Task {
    Scrub(Input, Policy),
    Say(String),
}

fn main() -> ExitCode {
    let (input, policy) = match task(std::env::args().skip(1)) {
        Ok(Task::Scrub(input, policy)) => (input, policy),
        Ok(Task::Say(text)) => {
            // A reader that went away has seen enough.
            let _ = io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprintln!("{mistake}");
            return ExitCode::from(2);
        }
    };
    let mut reader = BufReader::with_capacity(BUFFER, io::stdin().lock());
    let mut writer = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let outcome = scrub(input, &policy, &mut reader, &mut writer);
    // What came before a bad line is good.
    match outcome.and_then(|()| writer.flush().map_err(Failure::Writing)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Writing(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            // The rest of the buffer has nowhere to go either.
            let _ = writer.into_parts();
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let _ = writer.flush();
            eprintln!("scrub: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Reads the arguments.
fn task(mut arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let (mut input, mut policy, mut explained, mut print) = (Input::Plain, Policy::standard(), None, false);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| USAGE.to_owned());
        match argument.as_str() {
            "--json" => input = Input::Json,
            "--policy" => policy = policy_of(&value()?)?,
            "--explain" => explained = Some(value()?),
            "--print" => print = true,
            "--help" | "-h" => return Ok(Task::Say(format!("{USAGE}\n"))),
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(match explained {
        Some(key) => Task::Say(format!("{}\n", policy.explain(&key))),
        None if print => Task::Say(policy.to_string()),
        None => Task::Scrub(input, policy),
    })
}

fn policy_of(name: &str) -> Result<Policy, String> {
    match name {
        "standard" => Ok(Policy::standard()),
        "strict" => Ok(Policy::strict()),
        "automagik" => Ok(Policy::automagik()),
        file if file.ends_with(".toml") => Policy::from_toml_file(file).map_err(|error| format!("scrub: {error}")),
        _ => Err(format!("scrub: there is no policy `{name}`\n{USAGE}")),
    }
}

fn scrub<R: io::Read>(
    input: Input,
    policy: &Policy,
    reader: &mut BufReader<R>,
    writer: &mut impl Write,
) -> Result<(), Failure> {
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        // Whoever watches a log that grows wants to see what there is before the next line is waited for.
        if reader.buffer().is_empty() {
            writer.flush().map_err(Failure::Writing)?;
        }
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(Failure::Reading)? == 0 {
            return Ok(());
        }
        number += 1;
        let content = line.strip_suffix(b"\n").unwrap_or(&line);
        let content = String::from_utf8_lossy(content.strip_suffix(b"\r").unwrap_or(content));
        let text = match input {
            Input::Plain => content,
            Input::Json if content.trim().is_empty() => continue,
            Input::Json => text_of(&content).map(Cow::Owned).map_err(|why| Failure::Line(number, why))?,
        };
        write(writer, &text, policy.scrub(&text).as_deref()).map_err(Failure::Writing)?;
    }
}

fn write(writer: &mut impl Write, text: &str, clean: Option<&str>) -> io::Result<()> {
    writer.write_all(b"{\"text\":")?;
    serde_json::to_writer(&mut *writer, text)?;
    writer.write_all(b",\"clean_text\":")?;
    serde_json::to_writer(&mut *writer, &clean)?;
    writer.write_all(b"}\n")
}

/// The string under the key `text`; the last one if there are several, as most parsers have it.
fn text_of(line: &str) -> Result<String, String> {
    let mut json = serde_json::Deserializer::from_str(line);
    let text = json.deserialize_map(Line).and_then(|text| json.end().map(|()| text));
    match text {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err("there is no `text` key".to_owned()),
        // The parser's own words may quote the line, which is what this program is there to keep back.
        Err(error) if error.is_data() => Err("it is not an object with a string under `text`".to_owned()),
        Err(error) => Err(format!("it is not JSON from column {} on", error.column())),
    }
}

struct Line;

impl<'de> Visitor<'de> for Line {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a `text` key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut text = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == "text" {
                text = Some(map.next_value::<Text>()?.0);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(text)
    }
}

/// A string that may hold halves of surrogate pairs, as logs from JavaScript and Windows do; they become `U+FFFD`.
struct Text(String);

impl<'de> serde::Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string under `text`")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
        Ok(Text(String::from_utf8_lossy(bytes).into_owned()))
    }
}

enum Failure {
    Reading(io::Error),
    Writing(io::Error),
    Line(u64, String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Reading(error) => write!(f, "stdin cannot be read: {error}"),
            Failure::Writing(error) => write!(f, "stdout cannot be written: {error}"),
            Failure::Line(number, why) => write!(f, "line {number}: {why}"),
        }
    }
}
