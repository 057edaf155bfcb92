//! Promise: a program that logs nothing is not woken by us, also when it logged before and everything was stored and sent.
//! Counted by the kernel, for each of our threads.
#![cfg(all(target_os = "linux", feature = "otlp"))]

#[path = "support/home.rs"]
mod home;
#[path = "support/receiver.rs"]
mod receiver;

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use receiver::Receiver;
use tracing_privacy::{Telemetry, app};
use tracing_subscriber::prelude::*;

const LONG: Duration = Duration::from_secs(30);

/// How often each of our threads was woken so far.
fn woken() -> BTreeMap<String, u64> {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux has it").map(|task| task.expect("it can be read").path());
    let of_task = tasks.filter_map(|task| {
        let name = fs::read_to_string(task.join("comm")).ok()?.trim().to_owned();
        let status = fs::read_to_string(task.join("status")).ok()?;
        let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        name.starts_with("telem-").then(|| (name, switches.trim().parse().expect("a number")))
    });
    of_task.collect()
}

/// Waits until none of our threads was woken for three seconds in a row, and tells how often each was so far: on a busy
/// machine, what was begun before may take its time.
#[track_caller]
fn at_rest(when: &str) -> BTreeMap<String, u64> {
    let mut seen = vec![woken()];
    while seen.len() < 30 {
        sleep(Duration::from_secs(1));
        seen.push(woken());
        if let [.., first, second, third, last] = &seen[..]
            && [second, third, last] == [first; 3]
        {
            return last.clone();
        }
    }
    panic!("they are woken again and again, {when}: {seen:#?}");
}

#[test]
fn our_threads_sleep_while_nothing_is_logged() {
    let receiver = Receiver::start();
    let telemetry = Telemetry::builder(app!("silent"))
        .environment(home::yes("SILENT", &home::home("silent")))
        .targets("a_silent_program_is_not_woken=info")
        .otlp(receiver.url())
        .start()
        .expect("the settings are right");
    let log = tracing_subscriber::registry().with(telemetry.layer());
    tracing::subscriber::set_global_default(log).expect("it is the only one");

    let start = at_rest("before anything was logged");
    assert_eq!(start.keys().collect::<Vec<_>>(), ["telem-silent"], "nothing is to be sent yet");

    (0..100).for_each(|_| tracing::info!("logged"));
    telemetry.flush(LONG).expect("there is time enough");
    assert_eq!(telemetry.status().counts().sent(), 100);
    let rest = at_rest("after everything was sent");
    assert_eq!(rest.keys().collect::<Vec<_>>(), ["telem-silent", "telem-up-silent"]);
    assert!(rest["telem-silent"] > start["telem-silent"], "it was woken to store them");
}
