//! A real OpenTelemetry collector: rotel, installed from PyPI at a pinned version and started for one test.
//!
//! It is installed once, into cargo's target directory, by whichever test comes first. Its debug log prints every record
//! that it takes, attribute by attribute.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

#[allow(clippy::duplicate_mod, reason = "a test may use several of them")]
#[path = "ports.rs"]
mod ports;
#[allow(clippy::duplicate_mod, reason = "a test may use several of them")]
#[path = "pypi.rs"]
mod pypi;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ports::free_port;

const PACKAGE: &str = "rotel==0.0.1a15";
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// After so long without a line the last one was printed.
const QUIET: Duration = Duration::from_millis(300);
/// Somebody else may take a port between its being found free and its being bound.
const TRIES: usize = 5;

/// A running collector, killed when dropped.
#[derive(Debug)]
pub struct Rotel {
    process: Child,
    port: u16,
    grpc_port: u16,
    log: Arc<Log>,
}

/// What the collector has printed so far.
#[derive(Debug, Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

impl Rotel {
    /// A collector that listens, on ports of its own, and forgets what it has printed.
    pub fn start() -> Self {
        Self::start_with(&["--exporter", "blackhole"])
    }

    /// As [`Rotel::start`], with exporters of its own.
    pub fn start_with(exporters: &[&str]) -> Self {
        let agent = agent();
        for _ in 0..TRIES {
            let (http, grpc) = (free_port(), free_port());
            let mut rotel = Rotel::spawn(&agent, exporters, http, grpc);
            if rotel.listens() {
                return rotel;
            }
            eprintln!("note: rotel did not start:\n{}", rotel.log());
        }
        panic!("rotel does not start on any port; its output is above");
    }

    /// The address for OTLP over HTTP.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The address for OTLP over gRPC.
    pub fn grpc_endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc_port)
    }

    /// Sends it a message of OTLP, to `/v1/traces`, `/v1/logs` or `/v1/metrics`.
    ///
    /// # Panics
    /// It does not take it.
    pub fn send(&self, path: &str, message: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(STARTS_WITHIN)).expect("it is more than nothing");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/x-protobuf\r\n\
             Content-Length: {}\r\n\r\n",
            message.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(message)).expect("it reads requests");
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).expect("it answers in text");
        assert!(answer.contains(" 200 "), "{path}: {answer}\n{}", self.log());
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        self.log.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Log records and spans that it has printed so far.
    pub fn taken(&self) -> Taken {
        Taken::in_log(&self.log())
    }

    /// Waits until it has printed this many and no more comes, and returns its log. It prints shortly after it has answered,
    /// line by line.
    ///
    /// # Panics
    /// It does not within half a minute, or it prints more.
    pub fn await_taken(&self, expected: Taken) -> String {
        let end = Instant::now() + Duration::from_secs(30);
        let mut text = self.log.text.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let taken = Taken::in_log(&text);
            let left = end.saturating_duration_since(Instant::now());
            let is_all = taken.logs >= expected.logs && taken.spans >= expected.spans;
            let patience = if is_all { left.min(QUIET) } else { left };
            let (grown, waited) = self.log.grown.wait_timeout(text, patience).unwrap_or_else(PoisonError::into_inner);
            text = grown;
            if waited.timed_out() {
                assert_eq!(Taken::in_log(&text), expected, "in the collector's log:\n{text}");
                return text.clone();
            }
        }
    }

    fn spawn(agent: &Path, exporters: &[&str], http: u16, grpc: u16) -> Self {
        let mut command = Command::new(agent);
        command.arg("start").args(exporters);
        command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
        command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
        command.args(["--debug-log", "traces", "--debug-log", "logs", "--debug-log-verbosity", "detailed"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{} cannot be run: {error}", agent.display()));
        let log = Arc::new(Log::default());
        log.follow(process.stdout.take().expect("it is piped"));
        log.follow(process.stderr.take().expect("it is piped"));
        Rotel { process, port: http, grpc_port: grpc, log }
    }

    /// Waits until it takes connections; no if it ends instead.
    fn listens(&mut self) -> bool {
        let end = Instant::now() + STARTS_WITHIN;
        while Instant::now() < end {
            if matches!(self.process.try_wait(), Ok(Some(_)) | Err(_)) {
                return false;
            }
            if [self.port, self.grpc_port].iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Records, by signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub logs: usize,
    pub spans: usize,
}

impl Taken {
    /// Counts the headings that the detailed log gives each record.
    fn in_log(log: &str) -> Self {
        let count = |heading: &str| log.lines().filter(|line| line.starts_with(heading)).count();
        Taken { logs: count("LogRecord #"), spans: count("Span #") }
    }
}

impl Log {
    fn follow(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        let log = Arc::clone(self);
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                log.text.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&line));
                log.grown.notify_all();
                line.clear();
            }
        });
    }
}

/// The collector's program.
fn agent() -> PathBuf {
    let venv = pypi::environment(&[PACKAGE], "Python 3.8 or later with venv");
    let libraries = fs::read_dir(venv.join("lib")).expect("a Python environment has libraries");
    let agents = libraries.flatten().map(|python| python.path().join("site-packages/rotel/rotel-agent"));
    agents.into_iter().find(|agent| agent.exists()).unwrap_or_else(|| panic!("no rotel-agent below {}", venv.display()))
}
