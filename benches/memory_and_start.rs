//! What telemetry costs a program beside its records: starting, memory, and the peace of a silent process.
//!
//! `cargo bench --bench memory_and_start`
//!
//! - `start()` in a process of its own, the first one there: with a home that nothing was ever in, and with one that an
//!   earlier run left its key and store in. 30 processes each.
//! - Resident memory of a program that logs without a pause until the queue is full and records are dropped, over that of
//!   the same program with a layer that does nothing: when that happens for the second time, after a flush, and the most
//!   that it ever was until everything was stored and sent. `VmRSS` and `VmHWM` count the pages of code that were touched,
//!   SQLite's and the HTTP client's among them; `RssAnon` does not.
//! - Context switches within three seconds of all threads of a process but its main one: that never logged, and that
//!   logged, stored and sent a while ago.
//!
//! # Results
//!
//! AMD EPYC (family 26, 2 vCPUs, KVM), Linux, rustc 1.95, `bench` profile (release, no LTO), 2026-11-21, nothing else running.
//! The difference between `VmRSS` and `RssAnon` is pages of the program's own file, which are code.
//!
//! start(), 30 processes
//!
//! | home     | median, µs | worst, µs | limit |        |
//! |----------|------------|-----------|-------|--------|
//! | fresh    |        375 |       895 |  1000 | held   |
//! | existing |        352 |      3690 |  1000 | held   |
//!
//! memory over the bare program, KiB, 2026-11-22
//!
//! | program      | VmRSS, full | VmHWM | RssAnon, full | dropped | limit |        |
//! |--------------|-------------|-------|---------------|---------|-------|--------|
//! | store        |        7688 |  7688 |          3704 |     272 |  8192 | held   |
//! | store + OTLP |       11696 | 11832 |          5184 |     656 |  8192 | MISSED |
//!
//! By `/proc/self/smaps`, with OTLP, the day before: 5.6 MiB are code and constants of the program's file, of whose 7.6 MiB of code 6.3 are mapped then,
//! since Linux maps 64 KiB at a time and code that is used lies beside code that is not; 1.8 MiB of them come with OTLP. Of the rest
//! some 2.3 MiB are chunks, in the queue and beside their rows; 1.1 the worker's (SQLite's pages of one append), 0.4 the text of the rows of one
//! append, 0.8 the uploader's, 0.3 the gzip encoder's tables, 0.3 a request. Built with `lto = "fat"` and `codegen-units = 1`, `VmRSS` is 7160
//! and 9840.
//!
//! context switches of our threads in 3 s
//!
//! | process                | threads | switches | limit |        |
//! |------------------------|---------|----------|-------|--------|
//! | never logged            |      1 |        0 |     0 | held   |
//! | logged, stored and sent |      2 |        0 |     0 | held   |

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::home::{home, yes};
use support::process::run;
use support::sink::{Keep, Sink};
use support::subject::Subject;
use support::workload::Workload;
use tracing_privacy::{Loss, Telemetry, app};
use tracing_subscriber::prelude::*;

/// Processes that start once each.
const STARTS: usize = 30;
const START_LIMIT: Duration = Duration::from_millis(1);
const MEMORY_LIMIT: i64 = 8 * 1024;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["start", home] => start_once(Path::new(home)),
        ["memory", "host"] => memory_of_the_host(),
        ["memory", home, endpoint] => memory_with_a_full_queue(Path::new(home), endpoint),
        ["silent", home, endpoint, records] => silent(Path::new(home), endpoint, records.parse().expect("a number")),
        [] => {
            start();
            memory();
            wake_ups();
        }
        _ => panic!("no arguments, not {arguments:?}"),
    }
}

/// Ours in this home; an empty endpoint is none.
fn telemetry(home: &Path, endpoint: &str) -> Telemetry {
    let builder = Telemetry::builder(app!("bench")).environment(yes("BENCH", home));
    let builder = if endpoint.is_empty() { builder } else { builder.otlp(endpoint) };
    builder.start().expect("the settings are right")
}

fn start() {
    println!("start(), {STARTS} processes");
    println!("| home     | median, µs | worst, µs | limit |        |");
    println!("|----------|------------|-----------|-------|--------|");
    for kind in ["fresh", "existing"] {
        let mut times: Vec<f64> = (0..STARTS)
            .map(|number| {
                let number = if kind == "fresh" { number } else { 0 };
                let name = format!("start-{kind}-{number}");
                let known = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
                let home = if kind == "existing" && known.exists() { known } else { home(&name) };
                run(&["start", home.to_str().expect("the path is text")]).parse().expect("a number")
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let (median, worst) = (times[STARTS / 2], times[STARTS - 1]);
        let limit = START_LIMIT.as_micros() as f64;
        println!("| {kind:<8} | {median:>10.0} | {worst:>9.0} | {limit:>5} | {:<6} |", verdict(median <= limit));
    }
    println!();
}

fn start_once(home: &Path) {
    let begin = Instant::now();
    let telemetry = Telemetry::builder(app!("bench"))
        .environment(yes("BENCH", home))
        .otlp("https://telemetry.example.com")
        .start()
        .expect("the settings are right");
    println!("{}", begin.elapsed().as_nanos() as f64 / 1_000.0);
    assert!(telemetry.is_on(), "{}", telemetry.status());
    // So that the next process finds a key and a store.
    tracing::dispatcher::with_default(&tracing_subscriber::registry().with(telemetry.layer()).into(), || {
        Workload::Message.run(1);
    });
    drop(telemetry);
}

fn memory() {
    let sink = Sink::start(Keep::No);
    println!("memory over the bare program, KiB");
    println!("| program      | VmRSS, full | VmHWM | RssAnon, full | dropped | limit |        |");
    println!("|--------------|-------------|-------|---------------|---------|-------|--------|");
    let host = figures(&run(&["memory", "host"]));
    for (name, endpoint) in [("store", ""), ("store + OTLP", sink.address())] {
        let home = home(&format!("memory-{name}"));
        let ours = figures(&run(&["memory", home.to_str().expect("the path is text"), endpoint]));
        let over = |key: &str| ours[key] - host[key];
        let (full, peak) = (over("VmRSS"), over("VmHWM"));
        println!(
            "| {name:<12} | {full:>11} | {peak:>5} | {:>13} | {:>7} | {MEMORY_LIMIT:>5} | {:<6} |",
            over("RssAnon"),
            ours["dropped"],
            verdict(full <= MEMORY_LIMIT),
        );
    }
    println!();
}

/// As many records as fill the queue, to a layer that does nothing.
fn memory_of_the_host() {
    let running = Subject::Host.start(Path::new(""), "");
    tracing::dispatcher::set_global_default(running.dispatch).expect("it is the only one");
    Workload::SpanWithEvents.run(100_000);
    print_figures(status_of("/proc/self/status"), 0);
}

fn memory_with_a_full_queue(home: &Path, endpoint: &str) {
    let telemetry = telemetry(home, endpoint);
    tracing::dispatcher::set_global_default(tracing_subscriber::registry().with(telemetry.layer()).into())
        .expect("it is the only one");
    let mut dropped = 0;
    let mut fill = || loop {
        Workload::SpanWithEvents.run(100);
        let lost = telemetry.status().counts().lost(Loss::QueueFull);
        if lost > dropped {
            dropped = lost;
            break status_of("/proc/self/status");
        }
    };
    fill();
    telemetry.flush(Duration::from_secs(120)).expect("the sink takes everything");
    // Once more, now that store and client are there and warm.
    let mut figures = fill();
    let _ = telemetry.flush(Duration::from_secs(120));
    figures.insert("VmHWM".to_owned(), status_of("/proc/self/status")["VmHWM"]);
    print_figures(figures, dropped as i64);
}

fn print_figures(figures: BTreeMap<String, i64>, dropped: i64) {
    let figure = |key: &str| figures[key];
    println!("VmRSS {} VmHWM {} RssAnon {} dropped {dropped}", figure("VmRSS"), figure("VmHWM"), figure("RssAnon"));
}

fn figures(line: &str) -> BTreeMap<String, i64> {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].parse().expect("a number"))).collect()
}

fn wake_ups() {
    let sink = Sink::start(Keep::No);
    println!("context switches of our threads in 3 s");
    println!("| process                | threads | switches | limit |        |");
    println!("|------------------------|---------|----------|-------|--------|");
    for (name, records) in [("never logged", "0"), ("logged, stored and sent", "500")] {
        let home = home(&format!("silent-{records}"));
        let found = figures(&run(&["silent", home.to_str().expect("the path is text"), sink.address(), records]));
        let (threads, switches) = (found["threads"], found["switches"]);
        println!("| {name:<23} | {threads:>6} | {switches:>8} | {:>5} | {:<6} |", 0, verdict(switches == 0));
    }
    println!();
}

fn silent(home: &Path, endpoint: &str, records: u64) {
    let telemetry = telemetry(home, endpoint);
    tracing::dispatcher::set_global_default(tracing_subscriber::registry().with(telemetry.layer()).into())
        .expect("it is the only one");
    Workload::Message.run(records);
    telemetry.flush(Duration::from_secs(60)).expect("the sink takes everything");
    assert_eq!(telemetry.status().counts().sent(), records);
    // Until then, whoever was busy has come to rest.
    sleep(Duration::from_secs(1));
    let before = switches();
    sleep(Duration::from_secs(3));
    let after = switches();
    println!("threads {} switches {}", after.len(), after.values().sum::<i64>() - before.values().sum::<i64>());
}

/// Context switches so far of every thread but the main one.
fn switches() -> BTreeMap<String, i64> {
    let main = std::process::id().to_string();
    let tasks = fs::read_dir("/proc/self/task").expect("Linux has it").map(|task| task.expect("it can be read").path());
    tasks
        .filter(|task| !task.ends_with(&main))
        .map(|task| {
            let status = status_of(task.join("status").to_str().expect("the path is text"));
            (task.display().to_string(), status["voluntary_ctxt_switches"] + status["nonvoluntary_ctxt_switches"])
        })
        .collect()
}

/// The numbers of a status file of Linux.
fn status_of(path: &str) -> BTreeMap<String, i64> {
    let text = fs::read_to_string(path).expect("Linux has it");
    let numbers = text.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        Some((key.to_owned(), value.split_whitespace().next()?.parse().ok()?))
    });
    numbers.collect()
}

fn verdict(held: bool) -> &'static str {
    if held { "held" } else { "MISSED" }
}
