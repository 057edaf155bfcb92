//! A real OpenTelemetry collector: rotel, installed from PyPI at a pinned version and started for one test.
//!
//! It is installed once, into cargo's target directory, by whichever test comes first. Its debug log prints every record
//! that it takes, attribute by attribute.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

const VERSION: &str = "0.0.1a15";
const STARTS_WITHIN: Duration = Duration::from_secs(20);
/// Somebody else may take a port between its being found free and its being bound.
const TRIES: usize = 5;

/// A running collector, killed when dropped.
#[derive(Debug)]
pub struct Rotel {
    process: Child,
    port: u16,
    log: Arc<Log>,
}

/// What the collector has printed so far.
#[derive(Debug, Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

impl Rotel {
    /// A collector that listens, on ports of its own.
    pub fn start() -> Self {
        let agent = agent();
        for _ in 0..TRIES {
            let (http, grpc) = free_ports();
            let mut rotel = Rotel::spawn(&agent, http, grpc);
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

    /// What it has printed so far.
    pub fn log(&self) -> String {
        self.log.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Log records and spans that it has printed so far.
    pub fn taken(&self) -> Taken {
        Taken::in_log(&self.log())
    }

    /// Waits until it has printed this many, and returns its log. It prints shortly after it has answered.
    ///
    /// # Panics
    /// It does not within ten seconds, or it prints more.
    pub fn await_taken(&self, expected: Taken) -> String {
        let end = Instant::now() + Duration::from_secs(10);
        let mut text = self.log.text.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let taken = Taken::in_log(&text);
            let left = end.saturating_duration_since(Instant::now());
            if taken.logs >= expected.logs && taken.spans >= expected.spans || left.is_zero() {
                assert_eq!(taken, expected, "in the collector's log:\n{text}");
                return text.clone();
            }
            text = self.log.grown.wait_timeout(text, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn spawn(agent: &Path, http: u16, grpc: u16) -> Self {
        let mut command = Command::new(agent);
        command.arg("start").args(["--exporter", "blackhole"]);
        command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
        command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
        command.args(["--debug-log", "traces", "--debug-log", "logs", "--debug-log-verbosity", "detailed"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{} cannot be run: {error}", agent.display()));
        let log = Arc::new(Log::default());
        log.follow(process.stdout.take().expect("it is piped"));
        log.follow(process.stderr.take().expect("it is piped"));
        Rotel { process, port: http, log }
    }

    /// Waits until it takes connections; no if it ends instead.
    fn listens(&mut self) -> bool {
        let end = Instant::now() + STARTS_WITHIN;
        while Instant::now() < end {
            if matches!(self.process.try_wait(), Ok(Some(_)) | Err(_)) {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
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

/// Two ports that are free now, found at the same time so that they differ.
fn free_ports() -> (u16, u16) {
    let any = || TcpListener::bind(("127.0.0.1", 0)).expect("this machine has free ports");
    let port = |listener: &TcpListener| listener.local_addr().expect("a bound socket has an address").port();
    let (one, other) = (any(), any());
    (port(&one), port(&other))
}

/// The collector's program, installed if it is not yet. Other test processes wait meanwhile.
fn agent() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let venv = target.join(format!("rotel-{VERSION}"));
    let lock =
        File::create(target.join(format!("rotel-{VERSION}.lock"))).expect("cargo gives tests a directory to write to");
    lock.lock().expect("files below the target directory can be locked");
    // Written last, so an installation that was cut off is made again.
    let complete = venv.join("complete");
    if !complete.exists() {
        let _ = fs::remove_dir_all(&venv);
        install(&venv);
        fs::write(&complete, VERSION).expect("the new directory can be written to");
    }
    let libraries = fs::read_dir(venv.join("lib")).expect("a Python environment has libraries");
    let agents = libraries.flatten().map(|python| python.path().join("site-packages/rotel/rotel-agent"));
    agents.into_iter().find(|agent| agent.exists()).unwrap_or_else(|| panic!("no rotel-agent below {}", venv.display()))
}

fn install(venv: &Path) {
    let run = |command: &mut Command| {
        let remedy = format!(
            "the tests with real components need Python 3.8 or later with venv, and a way to PyPI, to install \
             rotel {VERSION} into {}. Without them, run `cargo test` instead of `cargo test --all-features`",
            venv.display()
        );
        match command.stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => panic!("{command:?} failed; {remedy}\n{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => panic!("{command:?} cannot be run: {error}; {remedy}"),
        }
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(venv));
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
    run(Command::new(venv.join("bin/python")).args(pip).arg(format!("rotel=={VERSION}")));
}
