//! From the application's thread to the collector: how many records a second, and what each costs in processor time.
//!
//! `cargo bench --bench end_to_end` (`-- 5` for five rounds)
//!
//! One thread logs, OTLP over HTTP with gzip goes to a loopback server in another process that answers 200 and keeps
//! what it got; afterwards that is decoded and counted: nothing may be missing. So that nothing is lost, the thread
//! sleeps a millisecond whenever too many records are on their way: 8,000 for ours, 1,500 for the pair, whose queues hold
//! 2,048. Time runs from the first record until the last one was answered for; processor time is that of the whole process,
//! all its threads, user and system (`/proc/self/stat`). Rounds are interleaved, each in a new process; figures are medians.
//!
//! Ours runs as it does in an application: standard policy, every record in the SQLite store before it is sent, checked a
//! second time before it leaves, and marked as sent. What the worker has just stored goes to the uploader in the clean bytes
//! it was made of; what does not fit there is read back. The pair (batch processors with their defaults) filters and keeps
//! nothing. It gets the leaner client: std's sockets and no runtime, and gzip as opentelemetry-otlp's own feature does it.
//! Both sides compress with zlib-rs; ours at level 1.
//!
//! # Results
//!
//! AMD EPYC (family 26, 2 vCPUs, KVM), Linux, rustc 1.95, `bench` profile (release, no LTO), 2026-11-21, nothing else running.
//!
//! OTLP/HTTP + gzip to loopback, 100000 records a round
//!
//! | workload | side | records/s | µs CPU/record | bytes/record | requests |
//! |----------|------|-----------|---------------|--------------|----------|
//! | W1       | ours |    169204 |          6.60 |         13.2 |       99 |
//! | W1       | pair |    373311 |          3.10 |          6.8 |      236 |
//! |          | ratio |     0.45 |          2.13 |              |          |
//! | W4       | ours |    136454 |          8.20 |         29.2 |      210 |
//! | W4       | pair |    314348 |          4.70 |         21.8 |      300 |
//! |          | ratio |     0.43 |          1.74 |              |          |
//! aim: ratio of records/s at least 2, of CPU at most 0.5
//!
//! The pair's figures differ from run to run more than ours: on a loaded machine the ratios of processor time were 2.23 and 2.29. An earlier
//! version took 3.1 times the pair's.
//!
//! What holds ours, by `callgrind`, of 45,200 instructions in user space for a record of W1: 54 % the uploader, of which the SDK's
//! types and exporters take 40 points (log records are made, turned into protobuf's types and those encoded, as the pair does it
//! too: 31 % of the processor time, by `perf`), gzip 6, the second check 5; 36 % the worker, of which SQLite takes 21 points
//! (half of that making room by deleting the oldest rows), the JSON text 13; 10 % the caller. What callgrind does not see is
//! the kernel, a quarter of the processor time: by `perf` SQLite takes a third of the whole, half of it to write the log,
//! fold it into the file, and `fsync`. So storing alone costs what the pair costs as a whole, and sending by the same
//! exporters nearly as much: the aim is out of reach for whatever keeps records on disk before it sends them.

mod support;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use support::client::exporters;
use support::home::home;
use support::process::{Cores, Helper, answer, run};
use support::sink::{Keep, Request, Sink};
use support::subject::Running;
use support::workload::Workload;
use tracing_privacy::Events;

const ROUNDS: usize = 3;
/// Records of a round: a second or more.
const RECORDS: u64 = 100_000;
/// Records between two looks at how many are on their way.
const STEP: u64 = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["sink"] => sink(),
        [side, workload, home, endpoint] => {
            produce(side, Workload::of(workload).expect("a workload"), Path::new(home), endpoint);
        }
        [rounds] => compare(rounds.parse().expect("a number of rounds")),
        _ => compare(ROUNDS),
    }
}

fn compare(rounds: usize) {
    println!("OTLP/HTTP + gzip to loopback, {RECORDS} records a round");
    println!("| workload | side | records/s | µs CPU/record | bytes/record | requests |");
    println!("|----------|------|-----------|---------------|--------------|----------|");
    for workload in [Workload::Fields, Workload::SpanWithEvents] {
        let sides = ["ours", "pair"];
        let mut found: [Vec<[f64; 4]>; 2] = Default::default();
        for _ in 0..rounds {
            for (side, found) in sides.iter().zip(&mut found) {
                found.push(round(side, workload));
            }
        }
        let medians = found.map(|rounds| {
            std::array::from_fn::<f64, 4, _>(|figure| {
                let mut figures: Vec<f64> = rounds.iter().map(|round| round[figure]).collect();
                figures.sort_by(f64::total_cmp);
                figures[figures.len() / 2]
            })
        });
        for (side, [rate, cpu, bytes, requests]) in sides.iter().zip(&medians) {
            let name = workload.name();
            println!("| {name:<8} | {side} | {rate:>9.0} | {cpu:>13.2} | {bytes:>12.1} | {requests:>8.0} |");
        }
        let [ours, pair] = medians;
        println!(
            "|          | ratio | {:>8.2} | {:>13.2} |              |          |",
            ours[0] / pair[0],
            ours[1] / pair[1]
        );
    }
    println!("aim: ratio of records/s at least 2, of CPU at most 0.5");
}

/// Records per second, microseconds of processor time per record, bytes per record, requests.
fn round(side: &str, workload: Workload) -> [f64; 4] {
    let mut sink = Helper::start(Cores::Two, &["sink"]);
    let endpoint = sink.ask("address");
    let home = home("end_to_end");
    let printed = run(&[side, workload.name(), home.to_str().expect("the path is text"), &endpoint]);
    let [rate, cpu] = numbers(&printed);
    let [records, requests, bytes] = numbers(&sink.ask("count"));
    assert_eq!(records, RECORDS as f64, "records arrived at the server");
    [rate, cpu, bytes / records, requests]
}

fn numbers<const N: usize>(line: &str) -> [f64; N] {
    let numbers: Vec<f64> = line.split(' ').map(|word| word.parse().expect("a number")).collect();
    numbers.try_into().expect("as many as expected")
}

/// The server, in its own process: what it does is nobody's processor time.
fn sink() {
    let sink = Sink::start(Keep::Yes);
    answer(|words| match *words {
        ["address"] => sink.address().to_owned(),
        _ => {
            let requests = sink.take();
            let records: usize = requests.iter().map(records).sum();
            let bytes: usize = requests.iter().map(|request| request.body.len()).sum();
            format!("{records} {} {bytes}", requests.len())
        }
    });
}

fn records(request: &Request) -> usize {
    let mut body = Vec::new();
    match request.is_gzip {
        true => drop(GzDecoder::new(&request.body[..]).read_to_end(&mut body).expect("the body is gzip")),
        false => body.clone_from(&request.body),
    }
    if request.path == "/v1/logs" {
        let request = ExportLogsServiceRequest::decode(&body[..]).expect("the body is OTLP");
        let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        scopes.map(|scope| scope.log_records.len()).sum()
    } else {
        let request = ExportTraceServiceRequest::decode(&body[..]).expect("the body is OTLP");
        let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        scopes.map(|scope| scope.spans.len()).sum()
    }
}

/// Logs, and prints records per second and microseconds of processor time per record.
fn produce(side: &str, workload: Workload, home: &Path, endpoint: &str) {
    let (running, bound) = match side {
        "ours" => (Running::ours(home, endpoint, Events::Logs, None), 8_000),
        "pair" => {
            let taken = Arc::new(AtomicU64::new(0));
            let (spans, logs) = exporters(endpoint, &taken);
            (Running::pair(spans, logs, Events::Logs, move || taken.load(Ordering::Relaxed)), 1_500)
        }
        other => panic!("`{other}` is no side"),
    };
    tracing::dispatcher::set_global_default(running.dispatch.clone()).expect("it is the only one");
    let (begin, processor) = (Instant::now(), processor_time());
    let mut produced = 0;
    while produced < RECORDS {
        workload.run(STEP / workload.records());
        produced += STEP;
        while produced - running.delivered() > bound {
            sleep(Duration::from_millis(1));
        }
    }
    running.flush();
    let (wall, processor) = (begin.elapsed(), processor_time() - processor);
    running.check(RECORDS);
    println!("{} {}", RECORDS as f64 / wall.as_secs_f64(), processor.as_secs_f64() * 1e6 / RECORDS as f64);
}

/// User and system time of all threads of this process so far; Linux counts it in hundredths of a second.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux has it");
    let after_name = stat.rsplit_once(')').expect("the name stands in parentheses").1;
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(10 * ticks)
}
