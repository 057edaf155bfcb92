//! Promise: when a period is over its key is gone from memory too, and so is all that could stand in for it.
//!
//! A program of its own logs, rolls over and then looks through all of its memory. What it looks for comes from outside and
//! masked, so that it is nowhere because it is looked for; that the search can find something is shown with the keys that
//! hold.
#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use sha2::block_api::compress256;
use support::{LONG, TempDir, alone, await_that, settle};
use tracing::dispatcher::with_default;
use tracing_privacy::privacy::Policy;
use tracing_privacy::{Clock, Environment, Rotation, Telemetry, app};
use zeroize::Zeroizing;

/// The name of the test that is the program when it runs as a process of its own.
const PROCESS: &str = "a_program_that_looks_into_its_memory";
const HOME: &str = "OLD_KEY_HOME";
/// A Thursday.
const NOON: &str = "2026-03-05T12:00:00Z";
const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// What is looked for is not in memory as it is.
const MASK: u8 = 0xa7;
const PAGE: usize = 4096;

/// Telemetry with fields of a daily and of a weekly key; the session id is of the daily one as well.
fn start(home: &std::path::Path, clock: &Clock) -> Telemetry {
    let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(home).clock(clock.clone());
    let policy = Policy::standard().hash_for("visitor", Rotation::Daily);
    let telemetry = Telemetry::builder(app!("acme")).environment(environment).policy(policy).start();
    telemetry.expect("the settings are right")
}

fn log() {
    for visitor in 0..100 {
        tracing::info!(user_id = "alice", visitor, "seen");
    }
}

/// Not a test of its own: the body of the process below.
#[test]
fn a_program_that_looks_into_its_memory() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let clock = Clock::manual(NOON);
    let mut orders = std::io::stdin().lines();
    // On threads that do nothing else afterwards: what they leave on their stacks stays there.
    let mut idle = Vec::new();
    let telemetry = on_a_thread(&mut idle, {
        let clock = clock.clone();
        move || start(home.as_ref(), &clock)
    });
    let dispatch = alone(&telemetry);
    on_a_thread(&mut idle, {
        let dispatch = dispatch.clone();
        move || with_default(&dispatch, log)
    });
    while let Some(Ok(order)) = orders.next() {
        let mut said = String::new();
        match order.split_once(' ') {
            Some(("look", traces)) => said = look(traces),
            None if order == "log" => {
                with_default(&dispatch, log);
                settle(&telemetry);
            }
            None if order == "week" => clock.advance(WEEK),
            // The first that logs after the period's end replaces its keys.
            None if order == "turn" => on_a_thread(&mut idle, {
                let dispatch = dispatch.clone();
                move || with_default(&dispatch, log)
            }),
            _ => unreachable!("{order}"),
        }
        // Not by `println`, which tests catch.
        let mut out = std::io::stdout();
        writeln!(out, "\n{said}done").and_then(|()| out.flush()).expect("somebody reads");
    }
}

/// Does the work on a thread that lives as long as its place in `idle`.
fn on_a_thread<T: Send + 'static>(idle: &mut Vec<Sender<()>>, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (end, ends) = channel();
    let (done, result) = channel();
    std::thread::spawn(move || {
        let _ = done.send(work());
        let _ = ends.recv();
    });
    idle.push(end);
    result.recv().expect("the work does not panic")
}

/// A line for each place in memory where one of these is, written `name=hex,…`.
fn look(traces: &str) -> String {
    let traces: Vec<(&str, [u8; 16])> = traces
        .split(',')
        .map(|trace| {
            let (name, hex) = trace.split_once('=').expect("a trace has a name");
            let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("two digits");
            (name, std::array::from_fn(byte))
        })
        .collect();
    let mut begins = [false; 256];
    traces.iter().for_each(|(_, trace)| begins[usize::from(trace[0] ^ MASK)] = true);
    // Room that is reserved, so that no longer line is put elsewhere while the search runs.
    let mut said = String::with_capacity(1 << 20);
    let maps = std::fs::read_to_string("/proc/self/maps").expect("it can be read");
    let mut memory = File::open("/proc/self/mem").expect("it can be read");
    let mut bytes = Zeroizing::new(vec![0; 1 << 20]);
    let zeros = [0; PAGE + 15];
    for map in maps.lines().filter(|map| map.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
        let (from, to) = map.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let address = |hex| u64::from_str_radix(hex, 16).expect("an address");
        let (mut from, to) = (address(from), address(to));
        while from < to {
            let some = usize::try_from(to - from).unwrap_or(usize::MAX).min(bytes.len());
            memory.seek(SeekFrom::Start(from)).expect("it is mapped");
            // What cannot be read, such as a device's memory, holds nothing of ours.
            let Ok(read) = memory.read(&mut bytes[..some]) else { break };
            // Most of it is zeros, which a debug build compares at once and looks through slowly.
            for start in (0..read).step_by(PAGE) {
                let page = &bytes[start..read.min(start + PAGE + 15)];
                if page == &zeros[..page.len()] {
                    continue;
                }
                let begun = (0..page.len().saturating_sub(15)).filter(|at| begins[usize::from(page[*at])]);
                for at in begun {
                    for (name, trace) in &traces {
                        if page[at..].iter().zip(trace).all(|(byte, masked)| byte ^ MASK == *masked) {
                            let _ = writeln!(said, "{name} at {:x} of {map}", from + (start + at) as u64);
                        }
                    }
                }
            }
            // What was seen here is not seen again where this lies itself.
            bytes[..read].fill(0);
            // What lies across two windows is seen by the second.
            from += if read == some && from + (read as u64) < to { read as u64 - 15 } else { (read as u64).max(1) };
        }
    }
    said
}

/// The program, seen from outside.
struct Program {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Program {
    fn say(&mut self, order: &str) -> Vec<String> {
        writeln!(self.orders, "{order}").expect("it listens");
        let mut said = Vec::new();
        for line in (&mut self.answers).lines() {
            match line.expect("it speaks").as_str() {
                "done" => return said,
                line if line.contains(" at ") => said.push(line.to_owned()),
                // What the test harness says.
                _ => {}
            }
        }
        panic!("it ended: {said:?}");
    }

    /// Where it has traces of a key, as `name at address of map`.
    fn look(&mut self, key: &[u8; 32]) -> BTreeSet<String> {
        let traces = traces(key).into_iter().map(|(name, trace)| {
            let masked = trace.map(|byte| format!("{:02x}", byte ^ MASK)).concat();
            format!("{name}={masked}")
        });
        let order = format!("look {}", traces.collect::<Vec<_>>().join(","));
        self.say(&order).into_iter().collect()
    }

    /// Checks that a key that holds is where it is needed, once as it is and once as HMAC works with it, and nowhere else.
    fn is_where_it_belongs(&mut self, key: &[u8; 32]) {
        let seen = self.look(key);
        let names: Vec<_> = seen.iter().filter_map(|place| place.split(' ').next()).collect();
        let whole = ["inner-state-0", "inner-state-1", "key-0", "key-1", "outer-state-0", "outer-state-1"];
        assert_eq!(names, whole, "{seen:#?}");
    }
}

/// The halves of the key, of the blocks that HMAC makes of it, and of the states after these, in the orders in which
/// they are worked on.
fn traces(key: &[u8; 32]) -> Vec<(String, [u8; 16])> {
    let mut traces = Vec::new();
    let mut add = |name: &str, bytes: &[u8]| {
        for (half, bytes) in bytes.chunks_exact(16).enumerate() {
            traces.push((format!("{name}-{half}"), bytes.try_into().expect("16 bytes")));
        }
    };
    let words = |words: [u32; 8]| words.map(u32::to_ne_bytes).concat();
    add("key", key);
    for (name, pad) in [("inner", 0x36), ("outer", 0x5c)] {
        let mut block = [pad; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        add(&format!("{name}-block"), &block[..32]);
        let big: Vec<u8> = block[..32].chunks_exact(4).flat_map(|word| word.iter().rev().copied()).collect();
        add(&format!("{name}-schedule"), &big);
        let mut state =
            [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
        compress256(&mut state, &[block]);
        let [a, b, c, d, e, f, g, h] = state;
        add(&format!("{name}-state"), &words(state));
        // As the processor's own instructions want it.
        add(&format!("{name}-shuffled"), &words([f, e, b, a, h, g, d, c]));
        add(&format!("{name}-hash"), &state.map(u32::to_be_bytes).concat());
    }
    traces
}

fn key_file(home: &TempDir) -> PathBuf {
    let files = home.contents().into_iter().map(|(path, _)| path);
    files.into_iter().find(|path| path.ends_with("pseudonym.key")).expect("the keys are on disk")
}

/// The daily, weekly, monthly and lasting key of an installation.
fn keys(home: &TempDir) -> [[u8; 32]; 4] {
    let bytes = std::fs::read(key_file(home)).expect("the key can be read by its owner");
    std::array::from_fn(|at| bytes[4 + at * 36 + 4..][..32].try_into().expect("a key has 32 bytes"))
}

#[test]
fn after_a_rollover_no_byte_of_memory_holds_the_old_key() {
    let home = TempDir::new("old-key");
    let telemetry = start(home.path(), &Clock::manual(NOON));
    with_default(&alone(&telemetry), log);
    settle(&telemetry);
    drop(telemetry);
    let old = keys(&home);

    let mut child = Command::new(std::env::current_exe().expect("it runs"))
        .args([PROCESS, "--exact", "--test-threads=1"])
        .env(HOME, home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs again");
    let (orders, answers) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    let mut program = Program { orders, answers: BufReader::new(answers) };
    program.say("log");
    old.iter().for_each(|key| program.is_where_it_belongs(key));

    program.say("week");
    program.say("turn");
    program.say("log");
    assert!(await_that(LONG, || keys(&home)[1] != old[1]).is_some(), "the new keys are on disk");
    program.say("log");
    let new = keys(&home);
    let [daily, weekly, ..] = old.map(|key| program.look(&key));
    new.iter().for_each(|key| program.is_where_it_belongs(key));
    let Program { orders, mut answers } = program;
    drop(orders);
    std::io::copy(&mut answers, &mut std::io::sink()).expect("it speaks to its end");
    assert!(child.wait().expect("it is our child").success());
    assert!(daily.is_empty() && weekly.is_empty(), "{daily:#?} {weekly:#?}");
}
