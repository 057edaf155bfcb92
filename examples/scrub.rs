//! The filter alone, on anybody's logs: text in, JSON lines out.
//!
//! ```text
//! journalctl -o cat | cargo run --release --example scrub
//! cargo run --release --example scrub -- --json < logs.jsonl
//! ```
//!
//! Without an option each line of stdin is a text. With `--json` each line is a JSON object, and the string under its key
//! `text` is; other keys are not read, and blank lines are skipped. For each text one line comes out,
//! `{"text":…,"clean_text":…}`: the text, and what the standard policy leaves of it, or `null` where it leaves nothing.
//!
//! Bytes that are not UTF-8 become `U+FFFD`. A line that holds no text ends the run with exit code 2 and its number on
//! stderr, since a filter that guesses would let something through. A reader that goes away ends it quietly.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use tracing_privacy::privacy::Policy;

const USAGE: &str = "usage: scrub [--json]    lines on stdin, JSON lines {\"text\":…,\"clean_text\":…} on stdout";
const BUFFER: usize = 256 * 1024;

#[derive(Clone, Copy)]
enum Input {
    Plain,
    Json,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let input = match arguments.iter().map(|argument| argument.to_str()).collect::<Vec<_>>()[..] {
        [] => Input::Plain,
        [Some("--json")] => Input::Json,
        [Some("--help" | "-h")] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut reader = BufReader::with_capacity(BUFFER, io::stdin().lock());
    let mut writer = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let outcome = scrub(input, &mut reader, &mut writer);
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

fn scrub<R: io::Read>(input: Input, reader: &mut BufReader<R>, writer: &mut impl Write) -> Result<(), Failure> {
    let policy = Policy::standard();
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
