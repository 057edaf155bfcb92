//! What a span or an event costs the thread that makes it.
//!
//! `cargo bench --bench hot_path` (`-- times`, `-- instructions` for one part; `-- times 100` for a hundred rounds)
//!
//! Compared are: nothing (`bare`: a registry alone; `host`: a registry with a layer that does nothing), the same with our
//! layer while off, ours, and the pair tracing-opentelemetry 0.34 + opentelemetry-appender-tracing 0.33 over the SDK's
//! batch processors. Ours runs as it would in an application: standard policy, SQLite store and an OTLP endpoint, a
//! loopback server that answers 200. The pair filters nothing and its exporters discard.
//!
//! Equal work: before anything is timed, both sides' records are decoded and compared: names, targets, levels, messages,
//! attributes, trace context and times are the same. For that, tracing-opentelemetry is told to carry target and level and
//! no source location, thread, busy or idle time, and has a filter for spans, since events go to the logs on both sides.
//! In W2 ours carries less, by design: that is checked too.
//!
//! Each subject is a process of its own with a global subscriber, since callsites are shared by all subscribers of a
//! process. Rounds are interleaved, each begins with another subject; the figure is the median. In a round, a subject makes
//! bursts: a short warm-up and the measured part, both together no more than every queue holds. After each, and not
//! measured, everything is flushed: stored and sent on our side, exported on the other. At the end each side must have
//! delivered every record: dropping one is cheaper than keeping it. The first burst of a round is thrown away: with caches
//! that somebody else has filled the pair is up to twice as slow as later on, ours hardly at all.
//!
//! What the background threads do costs the caller only where it overlaps a burst: SQLite and upload never do (the worker
//! gathers for 150 ms), the pair's exports do when a batch of 512 is full. `end_to_end` measures the background.
//!
//! # Results
//!
//! AMD EPYC (family 26, 2 vCPUs, KVM), Linux, rustc 1.95, `bench` profile (release, no LTO).
//! `default` is the pair as it comes, for information: more attributes, and events in spans too. Valgrind knows no SHA
//! instructions: of W2's count some 6,700 are SHA-256 in software, for one pseudonym.
//!
//! ns, one core, 2026-11-22, nothing else running, nine rounds (`both`: events into spans and logs on both sides)
//!
//! | per time |      bare |       off |      host |  host+off |      ours |      pair | ours both | pair both |   default | ours/pair | both      | gate |
//! |----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|------|
//! | W0       |       6.2 |       0.3 |       6.5 |       6.8 |      82.6 |     266.7 |      83.5 |     290.7 |     272.6 |   0.310   |   0.287   |      |
//! | W1       |       9.5 |       1.9 |       9.8 |      11.0 |     137.4 |     472.7 |     139.6 |     527.1 |     498.4 |   0.291 + |   0.265 + | 0.35 |
//! | W2       |       8.7 |       0.7 |       8.7 |       9.0 |     304.0 |     480.3 |     314.2 |     545.5 |     497.5 |   0.633   |   0.576   |      |
//! | W3       |      84.0 |       0.7 |      57.8 |      66.4 |     223.5 |     841.3 |     224.2 |     840.0 |    1141.9 |   0.266 + |   0.267 + | 0.27 |
//! | W4       |     106.6 |       4.6 |      86.5 |      95.2 |     677.5 |    2322.1 |     754.1 |    3927.8 |    4654.4 |   0.292 - |   0.192 + | 0.20 |
//!
//! ns, two cores, the same day
//!
//! | per time |      bare |       off |      host |  host+off |      ours |      pair | ours both | pair both |   default | ours/pair | both      | gate |
//! |----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|------|
//! | W0       |       6.3 |       0.3 |       6.5 |       6.8 |      90.9 |     346.5 |      89.8 |     301.4 |     283.2 |   0.262   |   0.298   |      |
//! | W1       |       9.5 |       1.9 |       9.7 |      12.1 |     150.3 |     545.9 |     224.8 |     507.0 |     622.3 |   0.275 - |   0.443 - | 0.20 |
//! | W2       |       8.7 |       0.7 |       8.7 |       9.2 |     360.7 |     810.6 |     340.1 |     571.5 |     563.0 |   0.445   |   0.595   |      |
//! | W3       |      84.0 |       0.7 |      57.5 |      65.6 |     237.2 |     892.8 |     265.6 |     871.5 |    1412.7 |   0.266 - |   0.305 - | 0.22 |
//! | W4       |     104.8 |       4.6 |      86.8 |     117.4 |     748.6 |    3352.6 |    1064.6 |    6539.1 |    7729.4 |   0.223 - |   0.163 - | 0.11 |
//!
//! allocations on the calling thread
//!
//! | per time |     bare |      off |     host | host+off |     ours |     pair |  default | ours/pair | gate |        |
//! |----------|----------|----------|----------|----------|----------|----------|----------|-----------|------|--------|
//! | W0       |    0.000 |    0.000 |    0.000 |    0.000 |    0.001 |    3.000 |    3.000 |     0.000 |      |        |
//! | W1       |    0.000 |    0.000 |    0.000 |    0.000 |    0.004 |    8.000 |    8.000 |     0.001 |      |        |
//! | W2       |    0.000 |    0.000 |    0.000 |    0.000 |    0.005 |    9.000 |    9.000 |     0.001 |      |        |
//! | W3       |    0.000 |    0.000 |    0.000 |    0.000 |    1.002 |    7.000 |   11.000 |     0.143 |      |        |
//! | W4       |    0.000 |    0.000 |    0.000 |    0.000 |    1.015 |   31.000 |   66.000 |     0.033 |      |        |
//!
//! allocations: held
//!
//! instructions on the calling thread
//!
//! | per time |      bare |       off |      host |  host+off |      ours |      pair | ours both | pair both |   default | ours/pair | both      | gate |
//! |----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|-----------|------|
//! | W0       |      97.0 |       5.0 |      98.0 |     103.0 |     892.0 |    2093.4 |     892.0 |    2106.5 |    2093.7 |   0.426   |   0.423   |      |
//! | W1       |     151.0 |      20.0 |     152.0 |     157.0 |    1849.4 |    4523.2 |    1849.5 |    4510.3 |    4526.0 |   0.409 + |   0.410 + | 0.42 |
//! | W2       |     139.0 |      10.0 |     140.0 |     145.0 |    9797.9 |    4248.5 |    9798.0 |    4264.5 |    4252.0 |   2.306   |   2.298   |      |
//! | W3       |     762.9 |       9.0 |     818.0 |     915.0 |    2621.8 |    6735.8 |    2621.9 |    6748.3 |    8981.0 |   0.389 - |   0.389 - | 0.37 |
//! | W4       |    1183.9 |      70.1 |    1270.1 |    1382.1 |    8715.2 |   20828.2 |    8970.9 |   35588.0 |   41287.4 |   0.418 - |   0.252 - | 0.25 |
//!
//! Measured at the last change of the hot path (the ns before it). `-` is a gate that is missed; `both` is ours and the pair with
//! events in spans and logs. Ours moves by less than one per cent from build to build with what the compiler happens to inline.
//! The pair's rows move from process to process of one build with what `malloc` finds: of its W1 4,280 to 4,523 were seen, most
//! near either end, so that W1 is 0.41 or 0.43 by the day.

mod support;

use std::hint::black_box;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use support::allocations::{Counting, counted};
use support::discard::Discard;
use support::home::home;
use support::process::{Cores, Helper, answer, is_installed, this_program};
use support::seen::{Seen, normalised};
use support::sink::{Keep, Sink};
use support::subject::{Running, Subject};
use support::workload::{Burst, Workload};
use tracing_privacy::{Events, Memory};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROUNDS: usize = 9;
/// Processes that count the pair's instructions; the figure is their median. What its calls to `malloc` and `free` find depends
/// on how far its threads have come. Of the others each process counts the same.
const COUNTS: usize = 5;
/// Bursts of a round; one more goes before them.
const BURSTS: usize = 5;
/// Times that a workload runs while nothing records it: enough for the clock.
const IDLE_TIMES: u64 = 100_000;

/// What ours may cost at most, as a part of what the pair costs: one core, two cores, instructions; and allocations.
const GATES: [(Workload, [f64; 3], f64); 3] = [
    (Workload::Fields, [0.35, 0.20, 0.42], 0.0),
    (Workload::Span, [0.27, 0.22, 0.37], 1.0),
    (Workload::SpanWithEvents, [0.20, 0.11, 0.25], 1.0),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["child", subject, cores, home, endpoint] => {
            let (subject, cores) = (Subject::of(subject).expect("a subject"), Cores::of(cores).expect("cores"));
            child(subject, cores, Path::new(home), endpoint)
        }
        ["once", subject, workload, times, home, endpoint] => {
            let subject = Subject::of(subject).expect("a subject").start(Path::new(home), endpoint);
            once(&subject, Workload::of(workload).expect("a workload"), times.parse().expect("a number"));
        }
        ["times", rounds] => times(rounds.parse().expect("a number of rounds")),
        ["times"] => times(ROUNDS),
        ["instructions"] => instructions(),
        [] => {
            times(ROUNDS);
            instructions();
        }
        _ => panic!("`times [rounds]` or `instructions`, not {arguments:?}"),
    }
}

fn times(rounds: usize) {
    let sink = Sink::start(Keep::No);
    compare(sink.address());
    println!("every record of both sides is the same\n");
    if !is_installed("taskset") {
        println!("ATTENTION: `taskset` is not installed, nothing is pinned: both tables are of all cores\n");
    }
    for cores in [Cores::One, Cores::Two] {
        let mut helpers = Subject::ALL.map(|subject| {
            let home = home(&format!("hot_path-{}", subject.name()));
            let home = home.to_str().expect("the path is text");
            (subject, Helper::start(cores, &["child", subject.name(), cores.list(), home, sink.address()]))
        });
        let mut nanos = vec![vec![Vec::with_capacity(rounds); Subject::ALL.len()]; Workload::ALL.len()];
        let mut allocations = vec![vec![0.0; Subject::ALL.len()]; Workload::ALL.len()];
        // The first round warms up.
        for round in 0..=rounds {
            for (row, workload) in Workload::ALL.into_iter().enumerate() {
                // Nobody always follows the same one.
                for place in 0..helpers.len() {
                    let column = (place + round) % helpers.len();
                    let nanos_once = number(&helpers[column].1.ask(&format!("time {}", workload.name())));
                    if round > 0 {
                        nanos[row][column].push(nanos_once);
                    }
                }
            }
        }
        for (row, workload) in Workload::ALL.into_iter().enumerate() {
            for (column, (_, helper)) in helpers.iter_mut().enumerate() {
                allocations[row][column] = number(&helper.ask(&format!("count {}", workload.name())));
            }
        }
        for (_, helper) in &mut helpers {
            helper.ask("check");
        }
        let nanos = nanos.into_iter().map(|row| row.into_iter().map(median).collect()).collect();
        table(&format!("ns, {}", cores.name()), nanos, if cores == Cores::One { 0 } else { 1 });
        if cores == Cores::Two {
            let bound = |workload| GATES.iter().find(|gate| gate.0 == workload).map_or(0.0, |gate| gate.2);
            let held = Workload::ALL.iter().zip(&allocations).all(|(workload, row)| row[4] <= bound(*workload) + 0.05);
            table("allocations on the calling thread", allocations, usize::MAX);
            println!("allocations: {}\n", if held { "held" } else { "MISSED" });
        }
    }
}

/// One subject in its own process: `time W1`, `count W1`, `check`.
fn child(subject: Subject, cores: Cores, home: &Path, endpoint: &str) {
    let timed = if cores == Cores::One { Burst::Short } else { Burst::Long };
    let running = subject.start(home, endpoint);
    tracing::dispatcher::set_global_default(running.dispatch.clone()).expect("it is the only one");
    let mut records = 0;
    answer(|words| {
        let [what, name] = match *words {
            [what, name] => [what, name],
            _ => {
                running.check(records);
                return "checked".to_owned();
            }
        };
        let workload = Workload::of(name).expect("a workload");
        let times = match what {
            _ if running.is_idle() => IDLE_TIMES,
            "time" => workload.burst(timed),
            _ => workload.burst(Burst::Short),
        };
        // Times after which caches hold what they will.
        let warm_up = workload.burst(Burst::Short) / 5;
        let mut burst = |measured: &dyn Fn() -> f64| {
            records += (warm_up + times) * workload.records();
            workload.run(black_box(warm_up));
            let figure = measured() / times as f64;
            running.flush();
            figure
        };
        let figure = match what {
            "time" => {
                let mut bursts = std::iter::repeat_with(|| {
                    burst(&|| {
                        let start = Instant::now();
                        workload.run(black_box(times));
                        start.elapsed().as_nanos() as f64
                    })
                });
                median(bursts.by_ref().skip(1).take(BURSTS).collect())
            }
            _ => burst(&|| counted(|| workload.run(black_box(times))) as f64),
        };
        format!("{figure}")
    });
}

/// Runs a workload with one part for valgrind to look at.
fn once(subject: &Running, workload: Workload, times: u64) {
    tracing::dispatcher::set_global_default(subject.dispatch.clone()).expect("it is the only one");
    for round in 1..=2 {
        workload.run(black_box(times));
        subject.flush();
        subject.check(round * times * workload.records());
    }
    counted_by_valgrind(workload, times);
    subject.flush();
    subject.check(3 * times * workload.records());
}

/// Valgrind counts while this function runs.
#[inline(never)]
fn counted_by_valgrind(workload: Workload, times: u64) {
    workload.run(black_box(times));
    // So that the call above is no tail call.
    black_box(());
}

fn instructions() {
    if !is_installed("valgrind") {
        println!("instructions are not counted: valgrind is not installed");
        return;
    }
    let sink = Sink::start(Keep::No);
    let rows = Workload::ALL.map(|workload| {
        let row = Subject::ALL.map(|subject| {
            let counts = match subject {
                Subject::Pair | Subject::PairBoth | Subject::PairAsItComes => COUNTS,
                _ => 1,
            };
            median((0..counts).map(|_| callgrind(subject, workload, sink.address())).collect())
        });
        row.to_vec()
    });
    table("instructions on the calling thread", rows.to_vec(), 2);
}

/// Instructions of one time.
fn callgrind(subject: Subject, workload: Workload, endpoint: &str) -> f64 {
    let home = home(&format!("hot_path-callgrind-{}-{}", subject.name(), workload.name()));
    let out = home.join("callgrind.out");
    let times = workload.burst(Burst::Short);
    let home = home.to_str().expect("the path is text");
    let arguments = ["once", subject.name(), workload.name(), &times.to_string(), home, endpoint];
    let output = std::process::Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted_by_valgrind*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(this_program(None).get_program())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("valgrind can be started");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let collected = report.lines().find_map(|line| line.split("Collected :").nth(1));
    number(collected.expect("valgrind tells what it counted").trim()) / times as f64
}

/// Checks that both sides make the same records.
fn compare(endpoint: &str) {
    let all = Workload::ALL.into_iter().flat_map(|workload| [(workload, Events::Logs), (workload, Events::Both)]);
    for (workload, events) in all {
        let (ours, pair) = (seen_by_ours(workload, events, endpoint), seen_by_pair(workload, events));
        assert_eq!(ours.len() as u64, 2 * workload.records());
        if workload != Workload::Personal {
            assert_eq!(ours, pair, "{}", workload.name());
            continue;
        }
        for (ours, pair) in ours.iter().zip(&pair) {
            for (key, stays) in [("items", true), ("plan", true), ("user_id", false), ("password", false)] {
                assert!(pair.attribute(key).is_some(), "{key}");
                assert_eq!(ours.attribute(key), pair.attribute(key).filter(|_| stays), "{key}");
            }
            assert!(ours.attribute("user_id_hash").is_some());
            assert_ne!(ours.attribute("email"), pair.attribute("email"));
        }
    }
}

fn seen_by_ours(workload: Workload, events: Events, endpoint: &str) -> Vec<Seen> {
    let memory = Memory::new();
    let running = Running::ours(&home("hot_path-compare"), endpoint, events, Some(&memory));
    tracing::dispatcher::with_default(&running.dispatch, || workload.run(2));
    running.flush();
    running.check(2 * workload.records());
    normalised(memory.rows().iter().map(|row| Seen::of_row(row.as_str())).collect())
}

fn seen_by_pair(workload: Workload, events: Events) -> Vec<Seen> {
    let (spans, logs) = (Discard::keeping(), Discard::keeping());
    let taken = (spans.clone(), logs.clone());
    let running = Running::pair(spans.clone(), logs.clone(), events, move || taken.0.taken() + taken.1.taken());
    tracing::dispatcher::with_default(&running.dispatch, || workload.run(2));
    running.flush();
    running.check(2 * workload.records());
    normalised(logs.kept().into_iter().chain(spans.kept()).collect())
}

/// Prints what was measured, and ours as a part of the pair beside its gate.
fn table(title: &str, rows: Vec<Vec<f64>>, gate: usize) {
    println!("{title}");
    print!("| per time |");
    Subject::ALL.iter().for_each(|subject| print!(" {:>9} |", subject.name()));
    println!(" ours/pair | both      | gate |");
    println!("|----------|{}-----------|-----------|------|", "-----------|".repeat(Subject::ALL.len()));
    for (workload, row) in Workload::ALL.into_iter().zip(rows) {
        print!("| {:<8} |", workload.name());
        let digits = if title.starts_with("alloc") { 3 } else { 1 };
        row.iter().for_each(|figure| print!(" {figure:>9.digits$} |"));
        let figure = |subject: Subject| row[Subject::ALL.iter().position(|other| *other == subject).unwrap_or(0)];
        let ratio = figure(Subject::Ours) / figure(Subject::Pair);
        let both = figure(Subject::OursBoth) / figure(Subject::PairBoth);
        let bound = GATES.iter().find(|(gated, ..)| *gated == workload).and_then(|(_, bounds, _)| bounds.get(gate));
        let held = |ratio: f64| bound.map_or(' ', |bound| if ratio <= *bound { '+' } else { '-' });
        let bound = bound.map_or_else(String::new, |bound| format!("{bound:.2}"));
        println!(" {ratio:>7.3} {} | {both:>7.3} {} | {bound:>4} |", held(ratio), held(both));
    }
    println!();
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}
