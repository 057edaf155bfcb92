//! Promise 4, at the wire: whatever the server does, the application waits for nothing, nothing is lost without being
//! counted, and what cannot be sent now stays stored.

#![cfg(feature = "otlp")]

#[path = "support/home.rs"]
mod home;
#[path = "support/receiver.rs"]
mod receiver;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use receiver::{Behaviour, Receiver, Value};
use tracing_privacy::{BreakerState, Clock, Loss, Schedule, Telemetry, Tuning, Unfinished};
use tracing_subscriber::prelude::*;

/// More than anything here takes on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(30);

/// Telemetry of a test that sends to this address.
fn telemetry(name: &'static str, url: &str) -> Telemetry {
    Telemetry::builder(tracing_privacy::app!("delivery"))
        .environment(home::yes("DELIVERY", &home::home(name)))
        .targets("the_server_never_hurts_the_host=info")
        .otlp(url)
        .schedule(Schedule::Manual)
        .start()
        .expect("the settings are right")
}

fn log(telemetry: &Telemetry, records: usize) {
    tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), || {
        for number in 0..records {
            tracing::info!(number, plan = "pro", "order placed");
        }
    });
}

/// Flushes what is stored already for so long, and it is not sent; tells how long the flush took. On a machine that has other
/// things to do, even to see that nothing is left to be stored may take longer.
#[track_caller]
fn flush_in_vain(telemetry: &Telemetry, records: u64, deadline: Duration) -> Duration {
    let begun = Instant::now();
    while telemetry.status().counts().stored() < records {
        assert!(begun.elapsed() < LONG, "{}", telemetry.status());
        std::thread::yield_now();
    }
    loop {
        let start = Instant::now();
        match telemetry.flush(deadline) {
            Err(Unfinished::Upload) => return start.elapsed(),
            flushed => assert!(
                flushed == Err(Unfinished::Store) && begun.elapsed() < LONG,
                "{flushed:?}: {}",
                telemetry.status()
            ),
        }
    }
}

#[track_caller]
fn balanced(telemetry: &Telemetry) {
    let counts = *telemetry.status().counts();
    assert_eq!(
        counts.produced(),
        counts.sent() + counts.stored() + counts.dropped() + counts.pending(),
        "the counts do not add up: {counts}"
    );
}

#[test]
fn what_the_server_takes_is_counted_as_sent_and_is_what_was_kept() {
    let receiver = Receiver::start();
    let telemetry = telemetry("sent", &receiver.url());
    log(&telemetry, 250);
    telemetry.flush(Duration::from_secs(10)).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    let counts = *telemetry.status().counts();
    assert_eq!((counts.sent(), counts.stored(), counts.dropped()), (250, 0, 0), "{counts}");
    assert_eq!(receiver.logs().len(), 250);
    assert_eq!(receiver.connections(), 1, "connections are used again");
    balanced(&telemetry);
    // Promise 6: what is shown is what was sent.
    let shown = telemetry.records(1000).expect("the store can be read");
    assert_eq!(shown.len(), 250);
    for (row, log) in shown.iter().zip(receiver.logs()) {
        let row: serde_json::Value = serde_json::from_str(row).expect("a row is JSON");
        assert_eq!(row["body"].as_str(), log.body.as_deref(), "{row}");
        assert_eq!(
            row["attributes"]["number"].as_i64().map(Value::Int),
            log.attributes.get("number").cloned(),
            "{row}"
        );
        let plan = row["attributes"]["plan"].as_str().map(|plan| Value::Str(plan.to_owned()));
        assert_eq!(plan, log.attributes.get("plan").cloned(), "{row}");
        assert_eq!(row["attributes"].as_object().map(serde_json::Map::len), Some(log.attributes.len()), "{row}");
    }
    telemetry.flush(Duration::from_secs(5)).expect("there is nothing left");
    assert_eq!(receiver.logs().len(), 250, "nothing is sent twice");
}

#[test]
fn a_partial_success_is_counted_and_never_sent_again() {
    let answer = Behaviour::PartialSuccess { rejected: 3, message: "three were odd".to_owned() };
    let receiver = Receiver::scripted([answer]);
    let telemetry = telemetry("partial", &receiver.url());
    log(&telemetry, 10);
    telemetry.flush(Duration::from_secs(10)).expect("the server answered");
    telemetry.flush(Duration::from_secs(10)).expect("there is nothing left");
    let status = telemetry.status();
    assert_eq!((status.counts().sent(), status.counts().lost(Loss::Rejected)), (7, 3), "{status}");
    assert!(status.notes().iter().any(|note| note.contains("three were odd")), "{status}");
    assert_eq!(receiver.requests().len(), 1);
    balanced(&telemetry);
}

#[test]
fn a_retry_sends_the_same_bytes_until_the_server_takes_them() {
    let receiver = Receiver::scripted([Behaviour::Status(503), Behaviour::CloseBeforeAnswer, Behaviour::Ok]);
    let telemetry = telemetry("retry", &receiver.url());
    log(&telemetry, 20);
    telemetry.flush(Duration::from_secs(20)).expect("the third try succeeds");
    let bodies: Vec<_> = receiver.requests().iter().map(|request| request.body.clone()).collect();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "each try sends the same bytes");
    assert_eq!(telemetry.status().counts().sent(), 20);
    balanced(&telemetry);
}

#[test]
fn a_server_that_asks_for_time_gets_it() {
    let receiver = Receiver::scripted([Behaviour::RetryAfter(429, 1), Behaviour::Ok]);
    let telemetry = telemetry("retry-after", &receiver.url());
    log(&telemetry, 1);
    let start = Instant::now();
    telemetry.flush(Duration::from_secs(20)).expect("the second try succeeds");
    assert!(start.elapsed() >= Duration::from_secs(1), "it came back after {:?}", start.elapsed());
}

#[test]
fn a_batch_that_the_server_refuses_for_good_is_counted_and_never_sent_again() {
    let receiver = Receiver::scripted([Behaviour::Status(400)]);
    let telemetry = telemetry("refused", &receiver.url());
    log(&telemetry, 5);
    telemetry.flush(Duration::from_secs(10)).expect("the batch is settled");
    telemetry.flush(Duration::from_secs(10)).expect("there is nothing left");
    assert_eq!(telemetry.status().counts().lost(Loss::Rejected), 5);
    assert_eq!(receiver.requests().len(), 1);
    balanced(&telemetry);
}

#[test]
fn a_server_that_does_not_know_us_gets_nothing_more_and_nothing_is_lost() {
    let receiver = Receiver::always(Behaviour::Status(401));
    let telemetry = telemetry("unknown", &receiver.url());
    log(&telemetry, 5);
    assert_eq!(telemetry.flush(Duration::from_secs(10)), Err(Unfinished::Upload));
    assert_eq!(telemetry.flush(Duration::from_secs(10)), Err(Unfinished::Upload));
    let status = telemetry.status();
    assert_eq!((status.counts().stored(), status.counts().dropped()), (5, 0), "{status}");
    assert_eq!(receiver.requests().len(), 1, "the server is left alone");
    assert!(status.notes().iter().any(|note| note.contains("401")), "{status}");
    balanced(&telemetry);
}

#[test]
fn no_behaviour_of_a_server_costs_a_record_or_holds_a_flush_beyond_its_deadline() {
    let second = Receiver::start();
    for (name, behaviour) in [
        ("hanging", Behaviour::Hang),
        ("trickling", Behaviour::Trickle),
        ("rubbish", Behaviour::Rubbish),
        ("redirecting", Behaviour::RedirectTo(second.url())),
        ("resetting", Behaviour::Reset),
        ("closing", Behaviour::CloseBeforeAnswer),
        ("overloaded", Behaviour::Status(503)),
    ] {
        let receiver = Receiver::always(behaviour);
        let telemetry = telemetry(name, &receiver.url());
        let logging = Instant::now();
        log(&telemetry, 100);
        let logging = logging.elapsed();
        assert!(logging < Duration::from_secs(4), "{name}: logging took {logging:?}");
        let took = flush_in_vain(&telemetry, 100, Duration::from_millis(700));
        assert!(took < Duration::from_secs(15), "{name}: the flush took {took:?}");
        let counts = *telemetry.status().counts();
        assert_eq!((counts.stored(), counts.dropped()), (100, 0), "{name}: {counts}");
        balanced(&telemetry);
        let start = Instant::now();
        drop(telemetry);
        // A request to a server that hangs goes on for four seconds more: the drop does not wait for it.
        assert!(start.elapsed() < Duration::from_secs(3), "{name}: the drop took {:?}", start.elapsed());
    }
    assert_eq!(second.connections(), 0, "a redirect is not followed");
}

#[test]
fn a_hundred_megabytes_of_answer_are_not_read() {
    const SIZE: usize = 100 << 20;
    for (name, behaviour) in [("huge", Behaviour::Huge(SIZE)), ("huge-in-chunks", Behaviour::HugeChunked(SIZE))] {
        let receiver = Receiver::scripted([behaviour]);
        let telemetry = telemetry(name, &receiver.url());
        log(&telemetry, 10);
        telemetry.flush(Duration::from_secs(10)).expect("the server said 200");
        assert_eq!(telemetry.status().counts().sent(), 10);
        // Nobody goes on reading either: the server is told that it is not heard any more.
        assert!(receiver.wait_for_the_end(Duration::from_secs(30)), "{name}: the connection stays open");
        let written = receiver.written();
        println!("{name}: {written}");
        // What the buffers of two sockets hold at the very most, and far from all of it.
        assert!(written < SIZE / 5, "{name}: the server could write {written} bytes");
        balanced(&telemetry);
    }
}

/// A clock may be set while records are on their way: by ten years on, and by twenty back.
const JUMPS: [&str; 3] = ["2036-11-21T12:00:00Z", "2016-11-21T12:00:00Z", "2026-11-21T12:00:00Z"];

/// As [`telemetry`], by this clock and in this home.
fn telemetry_by(clock: &Clock, home: &std::path::Path, url: &str) -> Telemetry {
    Telemetry::builder(tracing_privacy::app!("delivery"))
        .environment(home::yes("DELIVERY", home).clock(clock.clone()))
        .targets("the_server_never_hurts_the_host=info")
        .otlp(url)
        .schedule(Schedule::Manual)
        .start()
        .expect("the settings are right")
}

#[test]
fn a_clock_that_is_set_between_two_tries_costs_no_record_and_sends_none_twice() {
    let (receiver, clock) = (Receiver::start(), Clock::manual("2026-11-21T12:00:00Z"));
    let telemetry = telemetry_by(&clock, &home::home("set-between"), &receiver.url());
    for (round, to) in (1..).zip(JUMPS) {
        receiver.then([Behaviour::Status(503)]);
        log(&telemetry, 10);
        let flushed = std::thread::scope(|scope| {
            let flush = scope.spawn(|| telemetry.flush(Duration::from_secs(30)));
            assert!(receiver.wait_for(2 * round - 1, Duration::from_secs(30)), "the first try");
            clock.set(to);
            flush.join().expect("nothing panics")
        });
        assert_eq!(flushed, Ok(()), "{to}: {}", telemetry.status());
        let counts = *telemetry.status().counts();
        assert_eq!((counts.sent(), counts.dropped()), (10 * round as u64, 0), "{to}: {counts}");
        let requests = receiver.requests();
        assert_eq!(requests.len(), 2 * round, "{to}");
        assert!(requests[2 * round - 2].body == requests[2 * round - 1].body, "{to}: each try sends the same bytes");
        balanced(&telemetry);
    }
}

#[test]
fn a_server_that_asks_for_time_gets_it_by_no_calendar() {
    let (receiver, clock) = (Receiver::start(), Clock::manual("2026-11-21T12:00:00Z"));
    let telemetry = telemetry_by(&clock, &home::home("set-while-waiting"), &receiver.url());
    let mut sent = 0;
    // Not so far that records are too old to be kept.
    for (round, to) in (1..).zip(["2026-12-11T12:00:00Z", "2026-11-01T12:00:00Z", "2026-11-21T12:00:00Z"]) {
        receiver.then([Behaviour::RetryAfter(503, 30)]);
        log(&telemetry, 10);
        assert_eq!(telemetry.flush(Duration::from_secs(30)), Err(Unfinished::Upload), "{to}");
        clock.set(to);
        assert_eq!(telemetry.flush(Duration::from_secs(30)), Err(Unfinished::Upload), "{to}: it is left alone");
        assert_eq!(
            (receiver.requests().len(), telemetry.status().destinations()[0].1),
            (2 * round - 1, BreakerState::Open)
        );
        // Half a minute, and what is added so that not all come back at once.
        clock.advance(Duration::from_secs(32));
        assert_eq!(telemetry.flush(Duration::from_secs(30)), Ok(()), "{to}: {}", telemetry.status());
        let counts = *telemetry.status().counts();
        sent += 10;
        assert_eq!(
            (counts.sent(), counts.dropped(), receiver.requests().len()),
            (sent, 0, 2 * round),
            "{to}: {counts}"
        );
        balanced(&telemetry);
    }
}

#[cfg(feature = "store")]
#[test]
fn what_a_run_held_whose_clock_was_years_ahead_is_sent_by_the_next() {
    let directory = home::home("held-ahead");
    let (hanging, receiver) = (Receiver::always(Behaviour::Hang), Receiver::start());
    let ahead = telemetry_by(&Clock::manual(JUMPS[0]), &directory, &hanging.url());
    log(&ahead, 10);
    flush_in_vain(&ahead, 10, Duration::from_millis(300));
    assert!(hanging.wait_for(1, Duration::from_secs(30)), "it holds the rows while the request is out");
    let clock = Clock::manual(JUMPS[2]);
    let right = telemetry_by(&clock, &directory, &receiver.url());
    log(&right, 1);
    assert_eq!(right.flush(Duration::from_secs(30)), Ok(()), "{}", right.status());
    assert_eq!(receiver.logs().len(), 11, "those of the other run are sent as well");
    assert_eq!(right.status().counts().sent(), 1, "and are not this one's");
}

#[cfg(feature = "store")]
#[test]
fn what_a_clock_makes_too_old_to_keep_is_counted_also_when_it_is_on_its_way() {
    let (receiver, clock) = (Receiver::scripted([Behaviour::Status(503)]), Clock::manual(JUMPS[2]));
    let telemetry = telemetry_by(&clock, &home::home("set-too-old"), &receiver.url());
    log(&telemetry, 10);
    std::thread::scope(|scope| {
        let flush = scope.spawn(|| telemetry.flush(Duration::from_secs(30)));
        assert!(receiver.wait_for(1, Duration::from_secs(30)), "the first try");
        clock.set(JUMPS[0]);
        // With the next record the store looks at the calendar.
        log(&telemetry, 1);
        flush.join().expect("nothing panics")
    })
    .unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    telemetry.flush(Duration::from_secs(30)).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    let counts = *telemetry.status().counts();
    assert_eq!((counts.sent() + counts.lost(Loss::Expired), counts.stored()), (11, 0), "{counts}");
    balanced(&telemetry);
}

#[test]
fn a_dead_server_costs_nothing_and_the_next_run_sends() {
    let directory = home::home("next-run");
    let start = |url: &str| {
        Telemetry::builder(tracing_privacy::app!("delivery"))
            .environment(home::yes("DELIVERY", &directory))
            .targets("the_server_never_hurts_the_host=info")
            .otlp(url)
            .start()
            .expect("the settings are right")
    };
    let dead = start("http://127.0.0.1:9");
    log(&dead, 30);
    flush_in_vain(&dead, 30, Duration::from_millis(300));
    assert_eq!(dead.status().counts().stored(), 30);
    assert_eq!(dead.shutdown(Duration::from_secs(2)), Err(Unfinished::Upload));

    let receiver = Receiver::start();
    let alive = start(&receiver.url());
    assert!(receiver.wait_for_records(30, Duration::from_secs(90)), "the next run sends without being asked");
    let counts = *alive.status().counts();
    assert_eq!((counts.produced(), counts.sent()), (0, 0), "they are not this run's: {counts}");
}

#[test]
fn after_a_withdrawal_not_one_more_record_is_sent() {
    let receiver = Receiver::start();
    let telemetry = Telemetry::builder(tracing_privacy::app!("delivery"))
        .environment(home::yes("DELIVERY", &home::home("withdrawal")))
        .targets("the_server_never_hurts_the_host=info")
        .otlp(receiver.url())
        .start()
        .expect("the settings are right");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stops = Stops(&stop);
        for _ in 0..8 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    log(&telemetry, 50);
                    std::thread::yield_now();
                }
            });
        }
        assert!(receiver.wait_for_records(500, Duration::from_secs(30)), "records flow");
        telemetry.withdraw();
        // What had left before may still be on its way; its connection is cut.
        assert!(receiver.wait_for_the_end(Duration::from_secs(30)), "the connection stays open");
        let sent = (receiver.connections(), receiver.logs().len());
        let stored = telemetry.records(usize::MAX).expect("the store can be read").len();
        std::thread::sleep(Duration::from_millis(700));
        assert_eq!((receiver.connections(), receiver.logs().len()), sent, "nothing more is sent");
        let later = telemetry.records(usize::MAX).expect("the store can be read").len();
        assert_eq!(later, stored, "nothing more is stored");
    });
    assert!(telemetry.status().is_withdrawn());
}

/// Lets the logging threads end, also when an assertion fails.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_withdrawal_cuts_a_request_that_hangs() {
    let receiver = Receiver::always(Behaviour::Hang);
    let telemetry = telemetry("cut", &receiver.url());
    log(&telemetry, 1);
    flush_in_vain(&telemetry, 1, Duration::from_millis(300));
    assert!(receiver.wait_for(1, LONG), "a request is out");
    let start = Instant::now();
    telemetry.withdraw();
    // It would go on for more than four seconds.
    assert!(start.elapsed() < Duration::from_secs(3), "the withdrawal took {:?}", start.elapsed());
}

#[test]
fn a_user_can_send_their_data_elsewhere_unless_the_endpoint_is_pinned() {
    let (own, users) = (Receiver::start(), Receiver::start());
    let environment = |name| {
        tracing_privacy::Environment::fixed([
            ("DELIVERY_TELEMETRY_ENABLED", "true".to_owned()),
            ("DELIVERY_TELEMETRY_ENDPOINT", users.url()),
        ])
        .home(home::home(name))
    };
    let builder = |name| {
        Telemetry::builder(tracing_privacy::app!("delivery"))
            .environment(environment(name))
            .targets("the_server_never_hurts_the_host=info")
            .otlp(own.url())
            .bearer("hunter2")
            .header("x-api-key", "hunter2")
    };
    let redirected = builder("redirected").start().expect("the settings are right");
    log(&redirected, 1);
    redirected.flush(Duration::from_secs(10)).expect("the user's server takes it");
    assert_eq!((own.connections(), users.logs().len()), (0, 1));
    // Another port of the same host is another server.
    let request = users.requests().pop().expect("it was sent");
    assert!(request.header("authorization").is_none() && request.header("x-api-key").is_none(), "{request:?}");

    let pinned = builder("pinned").pin_endpoint().start().expect("the settings are right");
    log(&pinned, 1);
    pinned.flush(Duration::from_secs(10)).expect("the application's server takes it");
    assert_eq!((own.logs().len(), users.logs().len()), (1, 1));

    // Credentials are for the application's scheme, host and port.
    assert_eq!(own.requests()[0].header("authorization"), Some("Bearer hunter2"));
    let elsewhere = users.url().replace("127.0.0.1", "localhost");
    let environment = tracing_privacy::Environment::fixed([
        ("DELIVERY_TELEMETRY_ENABLED", "true".to_owned()),
        ("DELIVERY_TELEMETRY_ENDPOINT", elsewhere),
    ]);
    let redirected = builder("elsewhere").environment(environment.home(home::home("elsewhere-home"))).start();
    let redirected = redirected.expect("the settings are right");
    log(&redirected, 1);
    redirected.flush(Duration::from_secs(10)).expect("the user's server takes it");
    let request = users.requests().pop().expect("it was sent");
    assert!(request.header("authorization").is_none() && request.header("x-api-key").is_none(), "{request:?}");
}

#[test]
fn no_deadline_is_too_long() {
    let receiver = Receiver::start();
    let telemetry = telemetry("deadlines", &receiver.url());
    log(&telemetry, 3);
    telemetry.flush(Duration::MAX).expect("the server takes everything");
    telemetry.shutdown(Duration::MAX).expect("there is nothing left to do");
}

#[test]
fn no_flush_waits_for_what_was_withdrawn() {
    let receiver = Receiver::start();
    let telemetry = telemetry("withdrawn", &receiver.url());
    log(&telemetry, 3);
    // Stored, and the uploader not started: nobody has asked for it yet.
    let start = Instant::now();
    while telemetry.status().counts().stored() < 3 {
        assert!(start.elapsed() < LONG, "the records are stored by themselves");
        std::thread::yield_now();
    }
    telemetry.withdraw();
    let start = Instant::now();
    assert_eq!(telemetry.flush(Duration::from_secs(20)), Err(Unfinished::Upload));
    assert_eq!(telemetry.shutdown(Duration::from_secs(20)), Err(Unfinished::Upload));
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
    assert_eq!(receiver.connections(), 0);
}

#[test]
fn a_clear_while_a_request_is_out_counts_each_record_once() {
    let receiver = Receiver::scripted([Behaviour::Status(503), Behaviour::Ok]);
    let telemetry = telemetry("clear", &receiver.url());
    log(&telemetry, 40);
    std::thread::scope(|scope| {
        scope.spawn(|| telemetry.flush(Duration::from_secs(20)));
        assert!(receiver.wait_for(1, Duration::from_secs(10)), "a request is out");
        telemetry.clear().expect("the store can be cleared");
    });
    let counts = *telemetry.status().counts();
    assert_eq!(counts.sent() + counts.lost(Loss::Cleared), 40, "{counts}");
    assert_eq!(counts.stored(), 0, "{counts}");
    balanced(&telemetry);
}

#[test]
fn what_was_kept_while_nothing_was_sent_is_not_sent_later() {
    let directory = home::home("local-first");
    let builder = || {
        Telemetry::builder(tracing_privacy::app!("delivery"))
            .environment(home::yes("DELIVERY", &directory))
            .targets("the_server_never_hurts_the_host=info")
    };
    let local = builder().start().expect("the settings are right");
    log(&local, 5);
    local.shutdown(Duration::from_secs(10)).expect("the store takes everything");

    let receiver = Receiver::start();
    let sending = builder().otlp(receiver.url()).start().expect("the settings are right");
    log(&sending, 2);
    sending.flush(Duration::from_secs(10)).expect("the server takes everything");
    assert_eq!(receiver.logs().len(), 2);
    assert_eq!(sending.records(100).expect("the store can be read").len(), 7, "all are shown");
}

#[test]
fn while_off_the_user_can_still_look_at_and_delete_what_earlier_runs_kept() {
    let directory = home::home("off-and-clear");
    let on = Telemetry::builder(tracing_privacy::app!("delivery"))
        .environment(home::yes("DELIVERY", &directory))
        .targets("the_server_never_hurts_the_host=info")
        .start()
        .expect("the settings are right");
    log(&on, 5);
    on.shutdown(Duration::from_secs(10)).expect("the store takes everything");

    let nobody_said_yes = tracing_privacy::Environment::empty().home(&directory);
    let off = Telemetry::builder(tracing_privacy::app!("delivery"))
        .environment(nobody_said_yes)
        .start()
        .expect("the settings are right");
    assert!(!off.is_on());
    if cfg!(feature = "store") {
        assert_eq!(off.records(100).expect("the store can be read").len(), 5);
        assert_eq!(off.clear().expect("the store can be cleared"), 5);
    }
    assert_eq!(off.records(100).expect("the store can be read").len(), 0);
    home::each_file(&directory, &mut |path, bytes| {
        assert!(!bytes.windows(12).any(|window| window == b"order placed"), "{}", path.display());
    });
}

#[test]
fn records_go_out_as_the_tuning_says() {
    let receiver = Receiver::start();
    let start = |name: &'static str, tuning: Option<Tuning>| {
        let builder = Telemetry::builder(tracing_privacy::app!("delivery"))
            .environment(home::yes("DELIVERY", &home::home(name)))
            .targets("the_server_never_hurts_the_host=info")
            .otlp(receiver.url());
        let builder = match tuning {
            Some(tuning) => builder.tuning(tuning),
            None => builder,
        };
        builder.start().expect("the settings are right")
    };
    let logged = |telemetry: &Telemetry, who: &str| {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), || {
            tracing::info!("{who}");
        });
    };
    // Each at once. Its first one makes the store, the uploader and the connection.
    let hasty = start("hasty", Some(Tuning::for_rate(1)));
    logged(&hasty, "first of all");
    assert!(receiver.wait_for_records(1, LONG));
    // Five seconds, or a hundred records.
    let patient = start("patient", None);
    logged(&patient, "patient");
    while patient.status().counts().stored() == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    logged(&hasty, "hasty");
    assert!(receiver.wait_for_records(3, Duration::from_secs(60)));
    let bodies: Vec<_> = receiver.logs().into_iter().filter_map(|log| log.body).collect();
    assert_eq!(bodies, ["first of all", "hasty", "patient"], "in the order of arrival");
}
