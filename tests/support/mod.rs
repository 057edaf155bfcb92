//! What the tests of the layer share: telemetry that an injected environment turns on, in a directory of its own, and
//! records to look into.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

#[allow(clippy::duplicate_mod, reason = "a test may use several that use it")]
#[path = "midnight.rs"]
mod midnight;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tracing::callsite::{Callsite, Identifier};
use tracing::field::FieldSet;
use tracing::metadata::Kind;
use tracing::subscriber::Interest;
use tracing::{Dispatch, Level, Metadata};
use tracing_privacy::{Builder, Environment, Memory, Telemetry, Unfinished, app};
use tracing_subscriber::prelude::*;

/// More than anything here takes on a machine that has other things to do.
pub const LONG: Duration = Duration::from_secs(120);

/// Telemetry that is on, what it keeps, and where.
pub fn on(name: &str) -> (Telemetry, Memory, TempDir) {
    on_with(name, |builder| builder)
}

/// As [`on`], with settings of the test's own.
pub fn on_with(name: &str, settings: impl FnOnce(Builder) -> Builder) -> (Telemetry, Memory, TempDir) {
    let (memory, directory) = (Memory::new(), TempDir::new(name));
    let telemetry = settings(builder(&directory, &memory)).start().expect("the settings are right");
    assert!(telemetry.is_on(), "{}", telemetry.status());
    (telemetry, memory, directory)
}

/// Telemetry that nobody said yes to, installed all the same.
pub fn switchable(name: &str) -> (Telemetry, Memory, TempDir) {
    let (memory, directory) = (Memory::new(), TempDir::new(name));
    let off = Environment::fixed([("UNRELATED", "1")]).home(directory.path());
    let telemetry = builder(&directory, &memory).environment(off).switchable().start().expect("the settings are right");
    assert!(!telemetry.is_on(), "{}", telemetry.status());
    (telemetry, memory, directory)
}

/// Telemetry that nobody said yes to.
pub fn off(name: &str) -> (Telemetry, Memory, TempDir) {
    let (memory, directory) = (Memory::new(), TempDir::new(name));
    let off = Environment::fixed([("UNRELATED", "1")]).home(directory.path());
    let telemetry = builder(&directory, &memory).environment(off).start().expect("the settings are right");
    assert!(!telemetry.is_on(), "{}", telemetry.status());
    (telemetry, memory, directory)
}

/// Settings under which telemetry is on, here and where `CI=true` is set.
pub fn builder(directory: &TempDir, memory: &Memory) -> Builder {
    let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(directory.path());
    Telemetry::builder(app!("acme")).environment(environment).memory(memory)
}

/// A subscriber of nothing but the registry and the layer.
pub fn alone(telemetry: &Telemetry) -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(telemetry.layer()))
}

/// Runs `log` under the layer alone and returns what was kept, in the order of logging.
pub fn logged(name: &str, settings: impl FnOnce(Builder) -> Builder, log: impl FnOnce()) -> Vec<Record> {
    let (telemetry, memory, _directory) = on_with(name, settings);
    tracing::dispatcher::with_default(&alone(&telemetry), log);
    settle(&telemetry);
    records(&memory)
}

/// Waits until everything is stored, and checks that the books balance.
pub fn settle(telemetry: &Telemetry) {
    telemetry.flush(LONG).expect("there is time enough");
    let counts = *telemetry.status().counts();
    assert_eq!(counts.pending(), 0, "{counts}");
    assert_eq!(counts.produced(), counts.sent() + counts.stored() + counts.dropped(), "{counts}");
}

/// Flushes for so long, and what is stored is not sent. On a machine that has other things to do, storing alone may take longer.
#[track_caller]
pub fn flush_in_vain(telemetry: &Telemetry, deadline: Duration) {
    let start = Instant::now();
    loop {
        match telemetry.flush(deadline) {
            Err(Unfinished::Upload) => return,
            flushed => assert!(
                flushed == Err(Unfinished::Store) && start.elapsed() < LONG,
                "{flushed:?}: {}",
                telemetry.status()
            ),
        }
    }
}

/// The stored records, once there are so many; nothing is sent meanwhile.
pub fn stored(telemetry: &Telemetry, count: usize) -> Vec<String> {
    let start = Instant::now();
    loop {
        match telemetry.records(100) {
            Ok(rows) if rows.len() >= count => return rows,
            rows => assert!(start.elapsed() < LONG, "{rows:?}"),
        }
        std::thread::yield_now();
    }
}

/// What a memory holds.
pub fn records(memory: &Memory) -> Vec<Record> {
    memory.rows().iter().map(|row| Record::parse(row.as_str())).collect()
}

/// The one record that `is` tells from all others.
pub fn only(records: &[Record], is: impl Fn(&Record) -> bool) -> Record {
    let found: Vec<_> = records.iter().filter(|record| is(record)).collect();
    assert_eq!(found.len(), 1, "one of {records:#?}");
    found[0].clone()
}

/// The record of the one span with this name.
pub fn span(records: &[Record], name: &str) -> Record {
    only(records, |record| record.is_span() && record.name() == name)
}

/// The record of the one event with this message.
pub fn event(records: &[Record], body: &str) -> Record {
    only(records, |record| record.body() == Some(body))
}

/// A record as it was kept, read back from its line of JSON.
#[derive(Clone)]
pub struct Record(Value);

impl Record {
    pub fn parse(line: &str) -> Self {
        let Unique(value) = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Record(value)
    }

    pub fn is_span(&self) -> bool {
        self.0["kind"] == "span"
    }

    pub fn name(&self) -> &str {
        self.text("name").unwrap_or("")
    }

    pub fn target(&self) -> &str {
        self.text("target").expect("every record has a target")
    }

    pub fn level(&self) -> &str {
        self.text("level").expect("every record has a level")
    }

    pub fn body(&self) -> Option<&str> {
        self.text("body")
    }

    pub fn trace_id(&self) -> Option<&str> {
        self.text("trace_id")
    }

    pub fn span_id(&self) -> Option<&str> {
        self.text("span_id")
    }

    pub fn parent_id(&self) -> Option<&str> {
        self.text("parent_span_id")
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    pub fn json(&self) -> &Value {
        &self.0
    }

    /// An attribute; null if there is none.
    pub fn attribute(&self, key: &str) -> &Value {
        &self.0["attributes"][key]
    }

    pub fn attributes(&self) -> Vec<&str> {
        self.0["attributes"].as_object().expect("attributes are a map").keys().map(String::as_str).collect()
    }

    pub fn dropped_attributes(&self) -> u64 {
        self.0["dropped_attributes"].as_u64().unwrap_or(0)
    }

    /// The whole record, to look for what must not be there.
    pub fn contains(&self, text: &str) -> bool {
        self.0.to_string().contains(text)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// JSON in which no key comes twice: most readers would take the last one and never tell.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Unique;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON as rows have it")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
                let mut object = serde_json::Map::new();
                while let Some((key, Unique(value))) = map.next_entry::<String, Unique>()? {
                    if object.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format_args!("the key {key} comes twice")));
                    }
                }
                Ok(Unique(Value::Object(object)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Unique, A::Error> {
                let mut array = Vec::new();
                while let Some(Unique(value)) = seq.next_element()? {
                    array.push(value);
                }
                Ok(Unique(Value::Array(array)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Unique, E> {
                Ok(Unique(value.into()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Unique, E> {
                Ok(Unique(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Unique, E> {
                Ok(Unique(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Unique, E> {
                Ok(Unique(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Unique, E> {
                Ok(Unique(value.into()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A directory that is gone when the test is.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new(name: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        midnight::pass();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("cargo gives a directory to write to");
        TempDir(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Every file below, with its bytes.
    pub fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(directory: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    walk(&path, files);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    files.push((path, bytes));
                }
            }
        }
        let mut files = Vec::new();
        walk(&self.0, &mut files);
        files.sort();
        files
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a host application runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    Plain,
    CurrentThread,
    MultiThread,
}

impl Host {
    pub const ALL: [Host; 3] = [Host::Plain, Host::CurrentThread, Host::MultiThread];

    /// Runs `work` on a thread of such a host: for tokio, inside a task.
    pub fn run<R: Send + 'static>(self, work: impl FnOnce() -> R + Send + 'static) -> R {
        let mut runtime = match self {
            Host::Plain => return work(),
            Host::CurrentThread => tokio::runtime::Builder::new_current_thread(),
            Host::MultiThread => tokio::runtime::Builder::new_multi_thread(),
        };
        let runtime = runtime.worker_threads(2).enable_all().build().expect("there are threads to be had");
        runtime.block_on(async { tokio::spawn(async { work() }).await }).expect("the work does not panic")
    }
}

/// Waits for something that happens on another thread; how long it took, or `None` when it never did.
pub fn await_that(deadline: Duration, mut happened: impl FnMut() -> bool) -> Option<Duration> {
    let start = Instant::now();
    loop {
        if happened() {
            return Some(start.elapsed());
        }
        if start.elapsed() > deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A callsite that is made while the program runs and never registered, as bindings of other languages do it. It stays
/// for the rest of the process.
pub fn callsite(name: &'static str, fields: &'static [&'static str], kind: Kind) -> &'static Metadata<'static> {
    let site: &'static Leaked = Box::leak(Box::default());
    let fields = FieldSet::new(fields, Identifier(site));
    site.0.get_or_init(|| Metadata::new(name, module_path!(), Level::INFO, None, None, None, fields, kind))
}

#[derive(Default)]
struct Leaked(OnceLock<Metadata<'static>>);

impl Callsite for Leaked {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().expect("it is set where the callsite is made")
    }
}

/// Threads of ours that run in this process, by name; empty where the system does not tell.
pub fn our_threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.map(|name| name.trim().to_owned()).filter(|name| name.starts_with("telem-")).collect()
}
