//! The real ClickHouse engine behind HTTP: chdb, installed from PyPI at a pinned version and started for one test.
//!
//! It is installed once, into cargo's target directory, by whichever test comes first. `clickhouse_http.py` beside this
//! file says what its front is, and what it is not.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

#[allow(clippy::duplicate_mod, reason = "a test may use several of them")]
#[path = "pypi.rs"]
mod pypi;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// Its Python packages. Only the first is the engine; the others decode what its front gets from some clients.
const PACKAGES: &[&str] = &["chdb-core==26.9.0", "lz4==4.4.5", "zstandard==0.25.0", "clickhouse-cityhash==1.0.2.6"];

const NEEDS: &str = "Python 3.9 or later with venv, 1 GB of disk";

/// More than anything here takes on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(120);

/// A running engine, killed when dropped.
#[derive(Debug)]
pub struct ClickHouse {
    process: Child,
    address: String,
    credentials: Option<(String, String)>,
}

/// What the engine says when it does not do as told.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// ClickHouse's own number, from the header.
    pub code: Option<u32>,
    pub text: String,
}

impl ClickHouse {
    /// An engine with an empty data directory of its own, which is removed with it; `/_stats` and `/_fault` are served.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// As [`ClickHouse::start`], with more arguments for `clickhouse_http.py`.
    pub fn start_with(arguments: &[&str]) -> Self {
        let front = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/clickhouse_http.py");
        let mut command = Command::new(pypi::environment(PACKAGES, NEEDS).join("bin/python"));
        command.arg(front).args(["--test-api", "--exit-on-stdin-eof"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
        let mut first = String::new();
        let mut output = BufReader::new(process.stdout.take().expect("it is piped"));
        output.read_line(&mut first).expect("the front prints text");
        let address = first.trim().strip_prefix("LISTENING ");
        let address = address.unwrap_or_else(|| panic!("{command:?} did not start; it said {first:?}")).to_owned();
        let credentials =
            arguments.windows(2).find(|pair| pair[0] == "--user").and_then(|pair| pair[1].split_once(':'));
        let credentials = credentials.map(|(name, password)| (name.to_owned(), password.to_owned()));
        ClickHouse { process, address, credentials }
    }

    /// The address, as `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.address
    }

    /// Runs statements, given one after the other with `;` at the ends of lines.
    ///
    /// # Panics
    /// The engine refuses one.
    pub fn run(&self, statements: &str) {
        for statement in statements.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
            self.query(statement);
        }
    }

    /// What a statement answers, as tab separated text.
    ///
    /// # Panics
    /// The engine refuses it.
    pub fn query(&self, sql: &str) -> String {
        let answer = self.try_query(sql).unwrap_or_else(|refusal| panic!("{sql}\n{refusal:?}"));
        String::from_utf8(answer).expect("ClickHouse answers in UTF-8").trim_end_matches('\n').to_owned()
    }

    /// The rows that a query answers, as JSON objects whose 64-bit integers are strings.
    ///
    /// # Panics
    /// The engine refuses it.
    pub fn rows(&self, sql: &str) -> Vec<Value> {
        let sql = format!(
            "{sql} FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 1, \
             output_format_json_quote_denormals = 1"
        );
        let answer = self.try_query(&sql).unwrap_or_else(|refusal| panic!("{sql}\n{refusal:?}"));
        let rows = serde_json::Deserializer::from_slice(&answer).into_iter();
        rows.map(|row| row.expect("ClickHouse writes JSON")).collect()
    }

    /// What a statement answers.
    ///
    /// # Errors
    /// The engine refuses it.
    pub fn try_query(&self, sql: &str) -> Result<Vec<u8>, Refusal> {
        self.post("", None, sql.as_bytes())
    }

    /// Inserts rows, strictly: what the engine does not know is refused, not left out.
    ///
    /// # Errors
    /// The engine refuses them.
    pub fn insert(&self, statement: &str, content_encoding: Option<&str>, body: &[u8]) -> Result<(), Refusal> {
        let settings = [("async_insert", "0"), ("input_format_skip_unknown_fields", "0")];
        self.insert_with(statement, &settings, content_encoding, body)
    }

    /// Inserts rows with settings.
    ///
    /// # Errors
    /// The engine refuses them.
    pub fn insert_with(
        &self,
        statement: &str,
        settings: &[(&str, &str)],
        content_encoding: Option<&str>,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let mut query = format!("query={}", percent_encoded(statement));
        for (name, value) in settings {
            let _ = write!(query, "&{name}={}", percent_encoded(value));
        }
        self.post(&query, content_encoding, body).map(|_| ())
    }

    /// Connections, requests and recent parameters, as `clickhouse_http.py` counts them.
    pub fn stats(&self) -> Value {
        let answer = self.exchange("GET", "/_stats", None, b"").expect("the front answers");
        serde_json::from_slice(&answer).expect("the front writes JSON")
    }

    /// Makes the front do something wrong; see `Faults` in `clickhouse_http.py`.
    pub fn fault(&self, rule: &Value) {
        self.exchange("POST", "/_fault", None, rule.to_string().as_bytes()).expect("the front knows the fault");
    }

    /// Kills it where it is.
    pub fn kill(&mut self) {
        self.process.kill().expect("it is ours");
        self.process.wait().expect("it has ended");
    }

    fn post(&self, query: &str, content_encoding: Option<&str>, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.exchange("POST", &format!("/?{query}"), content_encoding, body)
    }

    /// One request on a connection of its own.
    fn exchange(&self, method: &str, path: &str, encoding: Option<&str>, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        let host = self.address.strip_prefix("http://").expect("tests here use plain HTTP");
        let mut stream = TcpStream::connect(host).expect("the front takes connections");
        stream.set_read_timeout(Some(LONG)).expect("it is more than nothing");
        let length = body.len();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        let _ = write!(head, "Accept-Encoding: identity\r\nContent-Length: {length}\r\n");
        if let Some(encoding) = encoding {
            let _ = write!(head, "Content-Encoding: {encoding}\r\n");
        }
        if let Some((user, password)) = &self.credentials {
            let _ = write!(head, "X-ClickHouse-User: {user}\r\nX-ClickHouse-Key: {password}\r\n");
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("the front reads requests");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the front answers within two minutes");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has headers");
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let body = answer.split_off(end + 4);
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer has a status");
        if status == 200 {
            return Ok(body);
        }
        let code = head.lines().find_map(|line| line.strip_prefix("X-ClickHouse-Exception-Code: "));
        let code = code.and_then(|code| code.parse().ok());
        Err(Refusal { status, code, text: String::from_utf8_lossy(&body).into_owned() })
    }
}

impl Drop for ClickHouse {
    fn drop(&mut self) {
        // At the end of its input it removes its data and ends; what hangs is killed.
        drop(self.process.stdin.take());
        for _ in 0..500 {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => encoded.push(byte.into()),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}
