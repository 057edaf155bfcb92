//! PLACEHOLDER

#[path = "support/process.rs"]
#[allow(dead_code, reason = "written for a bench with more children")]
mod process;
#[path = "support/texts.rs"]
mod texts;

use std::hint::black_box;
use std::process::Stdio;
use std::time::{Duration, Instant};

use regex::{Regex, RegexSet};
use tracing_privacy::privacy::{Policy, Pseudonymizer};

use process::{is_installed, this_program};

/// Ten patterns as people write them for their logs.
const PATTERNS: [&str; 10] = [
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
    r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
    r"\b(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}\b",
    r"\b(?:\d[ -]?){13,16}\b",
    r"\b\d{3}-\d{2}-\d{4}\b",
    r"\+\d{1,3}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}",
    r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
    r"(?i)\b(?:password|passwd|secret|token|api_?key)\b\s*[:=]\s*\S+",
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[opsu]_[A-Za-z0-9]{36}\b",
];

const ROUNDS: usize = 15;
/// How long one measurement takes.
const SAMPLE: Duration = Duration::from_millis(4);
/// A long text.
const LONG: usize = 64 * 1024;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["scan", unit, size] => {
            let text =
                repeated(texts::HOSTILE[unit.parse::<usize>().expect("a number")].1, size.parse().expect("a number"));
            counted_by_valgrind(&Policy::standard(), &text);
        }
        ["times"] => times(),
        ["instructions"] => instructions(),
        [] => {
            times();
            instructions();
        }
        _ => panic!("`times` or `instructions`, not {arguments:?}"),
    }
}

/// Something to be timed: how much it does in one run, and the run.
struct Task<'a> {
    name: String,
    units: f64,
    run: Box<dyn FnMut() + 'a>,
    nanos: Vec<f64>,
}

impl<'a> Task<'a> {
    fn new(name: impl Into<String>, units: usize, run: impl FnMut() + 'a) -> Self {
        Task { name: name.into(), units: units as f64, run: Box::new(run), nanos: Vec::new() }
    }

    fn sample(&mut self) -> f64 {
        let start = Instant::now();
        let mut runs = 0;
        loop {
            (self.run)();
            runs += 1;
            let gone = start.elapsed();
            if gone >= SAMPLE {
                return gone.as_nanos() as f64 / f64::from(runs) / self.units;
            }
        }
    }

    /// Median of the nanoseconds per unit.
    fn median(&self) -> f64 {
        let mut sorted = self.nanos.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

/// Interleaved rounds; each begins with another task.
fn measure(tasks: &mut [Task<'_>]) {
    for round in 0..=ROUNDS {
        for place in 0..tasks.len() {
            let at = (place + round) % tasks.len();
            let nanos = tasks[at].sample();
            if round > 0 {
                tasks[at].nanos.push(nanos);
            }
        }
    }
}

struct Rivals {
    set: RegexSet,
    row: Vec<Regex>,
}

impl Rivals {
    fn new() -> Self {
        Rivals {
            set: RegexSet::new(PATTERNS).expect("the patterns are right"),
            row: PATTERNS.iter().map(|pattern| Regex::new(pattern).expect("the pattern is right")).collect(),
        }
    }

    fn set(&self, text: &str) -> usize {
        self.set.matches(text).iter().count()
    }

    fn row(&self, text: &str) -> usize {
        self.row.iter().map(|pattern| pattern.find_iter(text).count()).sum()
    }
}

fn times() {
    let policy = Policy::standard();
    let rivals = Rivals::new();

    println!("ns for a clean text of 40 bytes");
    let mut tasks = vec![
        Task::new("ours", texts::SHORT.len(), || {
            texts::SHORT.iter().for_each(|text| {
                black_box(policy.scrub(black_box(text)));
            })
        }),
        Task::new("RegexSet", texts::SHORT.len(), || {
            texts::SHORT.iter().for_each(|text| {
                black_box(rivals.set(black_box(text)));
            })
        }),
        Task::new("ten Regexes", texts::SHORT.len(), || {
            texts::SHORT.iter().for_each(|text| {
                black_box(rivals.row(black_box(text)));
            })
        }),
    ];
    measure(&mut tasks);
    for task in &tasks {
        println!("| {:<24} | {:>8.1} |", task.name, task.median());
    }

    println!("\nns for a text with one finding");
    let kinds = texts::with_one_finding();
    let mut tasks: Vec<_> = kinds
        .iter()
        .map(|(kind, texts)| {
            Task::new(format!("{kind} ({})", texts.len()), texts.len(), || {
                texts.iter().for_each(|text| {
                    black_box(policy.scrub(black_box(text)));
                })
            })
        })
        .collect();
    measure(&mut tasks);
    tasks.sort_by(|one, other| one.median().total_cmp(&other.median()));
    for task in &tasks {
        println!("| {:<24} | {:>8.1} |", task.name, task.median());
    }
    println!("median {:.0}", tasks[tasks.len() / 2].median());

    println!("\nMB/s of log text, in lines and in buffers of 64 KiB");
    for lines in texts::logs().into_iter().chain([texts::other_scripts()]) {
        let bytes = lines.lines.iter().map(String::len).sum();
        let long = repeated(&(lines.lines.join("\n") + "\n"), LONG);
        let found: usize = lines.lines.iter().map(|line| policy.findings(line).len()).sum();
        let mut tasks = vec![
            Task::new("ours, lines", bytes, || {
                lines.lines.iter().for_each(|line| {
                    black_box(policy.scrub(black_box(line)));
                })
            }),
            Task::new("ours, buffer", long.len(), || {
                black_box(policy.scrub(black_box(&long)));
            }),
            Task::new("RegexSet, lines", bytes, || {
                lines.lines.iter().for_each(|line| {
                    black_box(rivals.set(black_box(line)));
                })
            }),
            Task::new("ten Regexes, lines", bytes, || {
                lines.lines.iter().for_each(|line| {
                    black_box(rivals.row(black_box(line)));
                })
            }),
        ];
        measure(&mut tasks);
        println!(
            "{}: {} lines of {} bytes, {found} findings",
            lines.name,
            lines.lines.len(),
            bytes / lines.lines.len()
        );
        for task in &tasks {
            println!("| {:<24} | {:>8.0} |", task.name, 1000.0 / task.median());
        }
    }

    println!("\nMB/s of hostile text of 64 KiB");
    let hostile: Vec<_> = texts::HOSTILE.iter().map(|(kind, unit)| (*kind, *unit, repeated(unit, LONG))).collect();
    let mut tasks: Vec<_> = hostile
        .iter()
        .map(|(kind, unit, text)| {
            Task::new(format!("{kind} {unit:?}"), text.len(), || {
                black_box(policy.findings(black_box(text)));
            })
        })
        .collect();
    measure(&mut tasks);
    tasks.sort_by(|one, other| other.median().total_cmp(&one.median()));
    for task in tasks.iter().take(20) {
        println!("| {:<50} | {:>8.0} |", task.name, 1000.0 / task.median());
    }

    let pseudonyms = Pseudonymizer::with_key(&[7; 32]);
    let mut tasks = vec![Task::new("pseudonym", 1, || {
        black_box(pseudonyms.pseudonym(black_box("user_id"), black_box("40017")));
    })];
    measure(&mut tasks);
    println!("\nns for one pseudonym: {:.1}", tasks[0].median());
}

fn repeated(unit: &str, size: usize) -> String {
    unit.repeat(size / unit.len())
}

/// Valgrind counts while this function runs.
#[inline(never)]
fn counted_by_valgrind(policy: &Policy, text: &str) {
    black_box(policy.findings(black_box(text)));
    black_box(());
}

fn instructions() {
    if !is_installed("valgrind") {
        println!("instructions are not counted: valgrind is not installed");
        return;
    }
    println!("\ninstructions per byte of hostile text, and how they grow");
    for (at, (kind, unit)) in texts::HOSTILE.iter().enumerate() {
        let counts = [64, 128, 256].map(|kib| callgrind(at, kib * 1024));
        let growth = [counts[1] / counts[0], counts[2] / counts[1]];
        let verdict = if growth.iter().all(|growth| *growth <= 2.2) { "held" } else { "MISSED" };
        println!(
            "| {:<50} | {:>7.1} | {:>5.2} | {:>5.2} | {verdict:<6} |",
            format!("{kind} {unit:?}"),
            counts[0] / LONG as f64,
            growth[0],
            growth[1],
        );
    }
}

fn callgrind(unit: usize, size: usize) -> f64 {
    let output = std::process::Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted_by_valgrind*"])
        .arg("--callgrind-out-file=/dev/null")
        .arg(this_program(None).get_program())
        .args(["scan", &unit.to_string(), &size.to_string()])
        .stdin(Stdio::null())
        .output()
        .expect("valgrind can be started");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let collected = report.lines().find_map(|line| line.split("Collected :").nth(1));
    collected.expect("valgrind tells what it counted").trim().parse().expect("a number")
}
