//! What it costs to look for personal data and secrets in text, beside others that do.
//!
//! `cargo bench --bench scanner` (`-- times`, `-- instructions` for one part)
//!
//! Ours is `Policy::standard().scrub(text)`, replacing included. Beside it, in the same run and on the same texts, are ten
//! patterns as people write them for their logs ([`PATTERNS`]): in one `regex::RegexSet`, which tells only whether they match;
//! as ten `Regex`es in a row; and as ten rules of dd-sensitive-data-scanner 0.1.0-20261029, Datadog's, without its
//! validators. The last has 190 crates behind it and is a program of its own: it takes part if it was built by
//! `cargo build --release --manifest-path benches/rivals/Cargo.toml`, or is named by `RIVALS`. All three look for ten
//! kinds and ours for all of its own, with key rules and check digits.
//!
//! The texts are in `support/texts`: lines as `tracing_subscriber::fmt` prints them, records in JSON, excerpts from the
//! logs of seven services that nobody here wrote (git, memcached, mosquitto, nginx, PostgreSQL, Redis, Rotel), other
//! scripts; and the scanner's own sets. Figures are medians of interleaved rounds, each of which begins with another task.
//!
//! # Results
//!
//! AMD EPYC (family 26, 2 vCPUs, KVM), Linux, rustc 1.95, `bench` profile (release, no LTO), 2026-11-22, on a machine that others
//! share: from run to run the same program differs by a tenth and more. Without dd-sensitive-data-scanner, which takes 1,047 ns for the
//! clean text and reads 23 to 66 MB/s of ASCII and 52 MB/s of other scripts (an earlier run).
//!
//! Instructions were counted on the same day, some changes before. Of hostile texts they are 473 a byte at most
//! (`entropy "k=.."`, of which 211 are SHA-256); growth under callgrind, from 64 to 128 to 256 KiB of a hostile text: at most 2.0.
//! Valgrind knows no SHA-NI.
//!
//! ```text
//! ns for a clean text of 40 bytes
//! | ours                                               |    24.6 |
//! | RegexSet                                           |   108.6 |
//! | ten Regexes                                        |   430.0 |
//! at most 25: held
//!
//! ns for a text of 40 bytes with one finding, by its kind
//! | Email                                              |   228.2 |
//! | BirthDate                                          |   238.8 |
//! | Ssn                                                |   246.3 |
//! | ApiKey                                             |   247.3 |
//! | Iban                                               |   249.8 |
//! | Jwt                                                |   263.2 |
//! | Pem                                                |   267.8 |
//! | Phone                                              |   278.9 |
//! | HomePath                                           |   316.2 |
//! | Ipv4                                               |   344.6 |
//! | Ipv6                                               |   376.3 |
//! | Card                                               |   418.4 |
//! | NationalId                                         |   467.4 |
//! | Mac                                                |   475.4 |
//! | Geo                                                |   520.5 |
//! | KeyedPii                                           |   536.8 |
//! | Wallet                                             |   549.4 |
//! | UrlUserinfo                                        |   636.4 |
//! | KeyedSecret                                        |   684.9 |
//! | UrlSecret                                          |   698.7 |
//! | KeyedId                                            |   773.7 |
//! | HighEntropy                                        |   967.0 |
//! | Bearer                                             |  1090.2 |
//! median: 418, mean: 473
//! median at most 400: MISSED
//!
//! ns for one of the tests' texts with one finding, mean over the texts of each kind
//! | Iban (22)                                          |   474.8 |
//! | HomePath (70)                                      |   513.4 |
//! | BirthDate (17)                                     |   574.1 |
//! | Ssn (15)                                           |   575.8 |
//! | Phone (79)                                         |   584.6 |
//! | Card (37)                                          |   599.1 |
//! | Ipv4 (39)                                          |   628.6 |
//! | Mac (19)                                           |   630.8 |
//! | NationalId (75)                                    |   680.3 |
//! | Ipv6 (25)                                          |   681.0 |
//! | ApiKey (60)                                        |   705.0 |
//! | Email (81)                                         |   792.8 |
//! | Geo (20)                                           |   879.9 |
//! | KeyedPii (93)                                      |   962.9 |
//! | KeyedId (53)                                       |   986.3 |
//! | Pem (5)                                            |  1002.4 |
//! | UrlUserinfo (24)                                   |  1005.7 |
//! | Bearer (33)                                        |  1044.5 |
//! | HighEntropy (6)                                    |  1053.1 |
//! | UrlSecret (17)                                     |  1095.0 |
//! | Jwt (7)                                            |  1176.8 |
//! | Wallet (11)                                        |  1627.3 |
//! | KeyedSecret (269)                                  |  1965.5 |
//! median over the kinds: 793, worst kind: KeyedSecret (269)
//!
//! MB/s of log text
//! tracing's fmt lines: 20 lines of 135 bytes, 0 findings
//! | ours, line by line                                 |   249.5 |
//! | ours, 64 KiB at once                               |   334.5 |
//! | RegexSet                                           |   428.8 |
//! | ten Regexes                                        |    97.5 |
//! at least 1000: MISSED
//! JSON records: 7 lines of 214 bytes, 0 findings
//! | ours, line by line                                 |   145.3 |
//! | ours, 64 KiB at once                               |   132.0 |
//! | RegexSet                                           |   458.1 |
//! | ten Regexes                                        |   109.1 |
//! at least 1000: MISSED
//! seven real services: 142 lines of 107 bytes, 6 findings
//! | ours, line by line                                 |   127.5 |
//! | ours, 64 KiB at once                               |    71.3 |
//! | RegexSet                                           |   390.4 |
//! | ten Regexes                                        |   103.7 |
//! at least 1000: MISSED
//! the tests' clean lines: 1243 lines of 30 bytes, 0 findings
//! | ours, line by line                                 |    40.7 |
//! | ours, 64 KiB at once                               |    14.5 |
//! | RegexSet                                           |   274.9 |
//! | ten Regexes                                        |    70.8 |
//! at least 1000: MISSED
//! ten other languages: 14 lines of 124 bytes, 0 findings
//! | ours, line by line                                 |   356.7 |
//! | ours, 64 KiB at once                               |   467.4 |
//! | RegexSet                                           |     4.9 |
//! | ten Regexes                                        |     8.3 |
//! at least 400: MISSED
//!
//! MB/s of hostile text of 64 KiB
//! | keys "pin:\""                                      |    50.1 |
//! | entropy "k=\"aB3dE6gH9jK2mN5pQ8sT1vW4yZ7\" "       |    52.7 |
//! | numbers "1-"                                       |    53.2 |
//! | keys "tokens:["                                    |    56.7 |
//! | IPv4 "1.1.1.1 "                                    |    60.1 |
//! | keys "user:{"                                      |    66.1 |
//! | wallet "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 "       |    67.6 |
//! | IBAN "DE89 "                                       |    71.4 |
//! | position "1.2345,"                                 |    76.2 |
//! | keys "password='"                                  |    83.9 |
//! | card "4111 "                                       |    91.5 |
//! | phone "phone 1234567 "                             |    91.8 |
//! | keys "password:\""                                 |   101.6 |
//! | e-mail "a%40b."                                    |   103.5 |
//! | home "\\\\a"                                       |   108.8 |
//! at least 50: held
//!
//! ns for one pseudonym
//! | pseudonym                                          |   148.8 |
//! at most 200: held
//!
//! instructions per byte and per text
//! | clean texts of 40 bytes                            |     9.6 |        386 |
//! | texts with one finding                             |   269.7 |       9852 |
//! | tracing's fmt lines, 64 KiB at once                |    49.7 |    3256164 |
//! | tracing's fmt lines                                |    55.0 |       7451 |
//! | JSON records, 64 KiB at once                       |   126.3 |    8173077 |
//! | JSON records                                       |    90.5 |      19366 |
//! | seven real services, 64 KiB at once                |   175.8 |   10808904 |
//! | seven real services                                |    92.1 |       9876 |
//! | the tests' clean lines, 64 KiB at once             |   459.7 |   16921139 |
//! | the tests' clean lines                             |   135.2 |       4157 |
//! | ten other languages, 64 KiB at once                |    33.1 |    2154123 |
//! | ten other languages                                |    39.6 |       4944 |
//! ```

#[path = "support/process.rs"]
#[allow(dead_code, reason = "written for a bench with more children")]
mod process;
#[path = "support/texts.rs"]
mod texts;

use std::cell::RefCell;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
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
        ["lines", set] => {
            let policy = Policy::standard();
            let set = sets().swap_remove(set.parse().expect("a number")).1;
            scrub(&policy, &set);
            scrubbed_by_valgrind(&policy, &set);
        }
        ["forty", at] => {
            let policy = Policy::standard();
            let text = [texts::ONE_FINDING[at.parse::<usize>().expect("a number")].to_owned()];
            println!("{}", text[0]);
            scrub(&policy, &text);
            scrubbed_by_valgrind(&policy, &text);
        }
        ["kind", at] => {
            let policy = Policy::standard();
            let (kind, texts) = texts::with_one_finding().swap_remove(at.parse().expect("a number"));
            println!("{kind} {}", texts.len());
            scrub(&policy, &texts);
            scrubbed_by_valgrind(&policy, &texts);
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

/// Something to be timed: how much it does in one run, and the nanoseconds that a run takes.
struct Task<'a> {
    name: String,
    units: f64,
    sample: Box<dyn FnMut() -> f64 + 'a>,
    nanos: Vec<f64>,
}

impl<'a> Task<'a> {
    fn new(name: impl Into<String>, units: usize, mut run: impl FnMut() + 'a) -> Self {
        Self::asking(name, units, move || {
            let start = Instant::now();
            let mut runs = 0;
            loop {
                run();
                runs += 1;
                let gone = start.elapsed();
                if gone >= SAMPLE {
                    return gone.as_nanos() as f64 / f64::from(runs);
                }
            }
        })
    }

    fn asking(name: impl Into<String>, units: usize, sample: impl FnMut() -> f64 + 'a) -> Self {
        Task { name: name.into(), units: units as f64, sample: Box::new(sample), nanos: Vec::new() }
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
            let task = &mut tasks[at];
            let nanos = (task.sample)() / task.units;
            if round > 0 {
                task.nanos.push(nanos);
            }
        }
    }
}

struct Rivals {
    set: RegexSet,
    row: Vec<Regex>,
    /// Datadog's scanner, a program of its own; `None` where it was not built.
    dd: Option<RefCell<DdScanner>>,
}

impl Rivals {
    fn new() -> Self {
        Rivals {
            set: RegexSet::new(PATTERNS).expect("the patterns are right"),
            row: PATTERNS.iter().map(|pattern| Regex::new(pattern).expect("the pattern is right")).collect(),
            dd: DdScanner::start().map(RefCell::new),
        }
    }

    /// A task for each of them on the same texts.
    fn tasks<'a>(&'a self, units: usize, texts: &'a [String]) -> Vec<Task<'a>> {
        let mut tasks = vec![
            Task::new("RegexSet", units, move || {
                texts.iter().for_each(|text| _ = black_box(self.set.matches(black_box(text)).iter().count()));
            }),
            Task::new("ten Regexes", units, move || {
                for text in texts {
                    let found = self.row.iter().map(|pattern| pattern.find_iter(black_box(text)).count());
                    black_box(found.sum::<usize>());
                }
            }),
        ];
        if let Some(dd) = &self.dd {
            let file = std::env::temp_dir().join(format!("scanner-bench-{}", std::process::id()));
            tasks.push(Task::asking("dd-sensitive-data-scanner", units, move || dd.borrow_mut().nanos(&file, texts)));
        }
        tasks
    }
}

struct DdScanner {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl DdScanner {
    fn start() -> Option<Self> {
        let program = std::env::var_os("RIVALS").unwrap_or_else(|| {
            concat!(env!("CARGO_MANIFEST_DIR"), "/benches/rivals/target/release/tracing-privacy-rivals").into()
        });
        let child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut child) = child else {
            println!("dd-sensitive-data-scanner is left out: benches/rivals was not built\n");
            return None;
        };
        let answers = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let input = child.stdin.as_mut().expect("its input is a pipe");
        writeln!(input, "{}\n", PATTERNS.join("\n")).expect("it listens");
        Some(DdScanner { child, answers })
    }

    fn nanos(&mut self, file: &Path, texts: &[String]) -> f64 {
        std::fs::write(file, texts.join("\0")).expect("the file can be written");
        let input = self.child.stdin.as_mut().expect("its input is a pipe");
        writeln!(input, "{} {}", SAMPLE.as_millis(), file.display()).expect("it listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        std::fs::remove_file(file).expect("the file is there");
        answer.trim().parse().expect("a number")
    }
}

impl Drop for DdScanner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn times() {
    let policy = Policy::standard();
    let rivals = Rivals::new();

    println!("ns for a clean text of 40 bytes");
    let short = texts::SHORT.map(str::to_owned);
    let mut tasks = vec![Task::new("ours", short.len(), || scrub(&policy, &short))];
    tasks.extend(rivals.tasks(short.len(), &short));
    measure(&mut tasks);
    print(&tasks, |nanos| nanos);
    verdict("at most 25", tasks[0].median() <= 25.0);

    println!("\nns for a text of 40 bytes with one finding, by its kind");
    let forty: Vec<_> = texts::ONE_FINDING
        .iter()
        .map(|text| {
            let [finding] = &policy.findings(text)[..] else { panic!("not one finding: {text}") };
            assert_eq!(text.len(), 40, "{text}");
            // Some of it at a time, since looking at the clock takes its time as well.
            (format!("{:?}", finding.kind()), vec![(*text).to_owned(); 32])
        })
        .collect();
    let mut tasks: Vec<_> =
        forty.iter().map(|(kind, texts)| Task::new(kind, texts.len(), || scrub(&policy, texts))).collect();
    measure(&mut tasks);
    tasks.sort_by(|one, other| one.median().total_cmp(&other.median()));
    print(&tasks, |nanos| nanos);
    let median = tasks[tasks.len() / 2].median();
    let mean = tasks.iter().map(Task::median).sum::<f64>() / tasks.len() as f64;
    println!("median: {median:.0}, mean: {mean:.0}");
    verdict("median at most 400", median <= 400.0);

    println!("\nns for one of the tests' texts with one finding, mean over the texts of each kind");
    let kinds = texts::with_one_finding();
    let mut tasks: Vec<_> = kinds
        .iter()
        .map(|(kind, texts)| Task::new(format!("{kind} ({})", texts.len()), texts.len(), || scrub(&policy, texts)))
        .collect();
    measure(&mut tasks);
    tasks.sort_by(|one, other| one.median().total_cmp(&other.median()));
    print(&tasks, |nanos| nanos);
    let median = tasks[tasks.len() / 2].median();
    println!("median over the kinds: {median:.0}, worst kind: {}", tasks[tasks.len() - 1].name);

    println!("\nMB/s of log text");
    for (lines, least) in
        texts::logs().into_iter().map(|lines| (lines, 1000.0)).chain([(texts::other_scripts(), 400.0)])
    {
        let bytes = lines.lines.iter().map(String::len).sum();
        let long = [repeated(&(lines.lines.join("\n") + "\n"), LONG)];
        let found: usize = lines.lines.iter().map(|line| policy.findings(line).len()).sum();
        println!(
            "{}: {} lines of {} bytes, {found} findings",
            lines.name,
            lines.lines.len(),
            bytes / lines.lines.len()
        );
        let mut tasks = vec![
            Task::new("ours, line by line", bytes, || scrub(&policy, &lines.lines)),
            Task::new("ours, 64 KiB at once", long[0].len(), || scrub(&policy, &long)),
        ];
        tasks.extend(rivals.tasks(bytes, &lines.lines));
        measure(&mut tasks);
        print(&tasks, |nanos| 1000.0 / nanos);
        verdict(&format!("at least {least}"), tasks[..2].iter().all(|task| 1000.0 / task.median() >= least));
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
    print(&tasks[..15], |nanos| 1000.0 / nanos);
    verdict("at least 50", 1000.0 / tasks[0].median() >= 50.0);

    println!("\nns for one pseudonym");
    let pseudonyms = Pseudonymizer::with_key(&[7; 32]);
    let mut tasks = vec![Task::new("pseudonym", 1, || {
        black_box(pseudonyms.pseudonym(black_box("user_id"), black_box("40017")));
    })];
    measure(&mut tasks);
    print(&tasks, |nanos| nanos);
    verdict("at most 200", tasks[0].median() <= 200.0);
}

fn scrub(policy: &Policy, texts: &[String]) {
    for text in texts {
        black_box(policy.scrub(black_box(text)));
    }
}

fn print(tasks: &[Task<'_>], figure: impl Fn(f64) -> f64) {
    for task in tasks {
        println!("| {:<50} | {:>7.1} |", task.name, figure(task.median()));
    }
}

fn verdict(bound: &str, held: bool) {
    println!("{bound}: {}", if held { "held" } else { "MISSED" });
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

/// The same for texts one after the other, replacing included.
#[inline(never)]
fn scrubbed_by_valgrind(policy: &Policy, texts: &[String]) {
    scrub(policy, texts);
    black_box(1);
}

/// What is timed, as sets of texts with a name.
fn sets() -> Vec<(String, Vec<String>)> {
    let mut sets = vec![
        ("clean texts of 40 bytes".to_owned(), texts::SHORT.map(str::to_owned).to_vec()),
        ("texts with one finding".to_owned(), texts::with_one_finding().into_iter().flat_map(|kind| kind.1).collect()),
    ];
    for lines in texts::logs().into_iter().chain([texts::other_scripts()]) {
        let long = repeated(&(lines.lines.join("\n") + "\n"), LONG);
        sets.push((format!("{}, 64 KiB at once", lines.name), vec![long]));
        sets.push((lines.name.to_owned(), lines.lines));
    }
    sets
}

fn instructions() {
    if !is_installed("valgrind") {
        println!("instructions are not counted: valgrind is not installed");
        return;
    }
    println!("\ninstructions per byte and per text");
    for (at, (name, set)) in sets().iter().enumerate() {
        let count = callgrind(&["lines", &at.to_string()]);
        let bytes: usize = set.iter().map(String::len).sum();
        println!("| {name:<50} | {:>7.1} | {:>10.0} |", count / bytes as f64, count / set.len() as f64);
    }
    println!("\ninstructions per text of 40 bytes with one finding");
    for (at, text) in texts::ONE_FINDING.iter().enumerate() {
        println!("| {text:<50?} | {:>7.0} |", callgrind(&["forty", &at.to_string()]));
    }
    println!("\ninstructions per text with one finding, by kind");
    let mut kinds: Vec<_> = texts::with_one_finding()
        .into_iter()
        .enumerate()
        .map(|(at, (kind, texts))| (callgrind(&["kind", &at.to_string()]) / texts.len() as f64, kind))
        .collect();
    kinds.sort_by(|one, other| one.0.total_cmp(&other.0));
    for (count, kind) in kinds {
        println!("| {kind:<50} | {count:>7.0} |");
    }
    println!("\ninstructions per byte of hostile text, and how they grow");
    for (at, (kind, unit)) in texts::HOSTILE.iter().enumerate() {
        let counts = [64, 128, 256].map(|kib| callgrind(&["scan", &at.to_string(), &(kib * 1024).to_string()]));
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

fn callgrind(what: &[&str]) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*ed_by_valgrind*"])
        .arg("--callgrind-out-file=/dev/null")
        .arg(this_program(None).get_program())
        .args(what)
        .stdin(Stdio::null())
        .output()
        .expect("valgrind can be started");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let collected = report.lines().find_map(|line| line.split("Collected :").nth(1));
    collected.expect("valgrind tells what it counted").trim().parse().expect("a number")
}
