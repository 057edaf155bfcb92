//! Promise: where a developer's or test machine permits what stays on it, records are kept, and sent to a collector on this
//! machine at most; what was kept so is not sent by a later run either.
#![cfg(feature = "otlp")]

#[path = "support/home.rs"]
mod home;
#[path = "support/receiver.rs"]
mod receiver;

use std::path::Path;
use std::time::Duration;

use receiver::Receiver;
use tracing_privacy::consent::State;
use tracing_privacy::{Environment, Status, Telemetry, app};
use tracing_subscriber::prelude::*;

const LONG: Duration = Duration::from_secs(20);

fn run(environment: &str, home: &Path, endpoint: &str) -> (State, Status) {
    let variables = [("ACME_TELEMETRY_ENABLED", "true"), ("ENVIRONMENT", environment)];
    let telemetry = Telemetry::builder(app!("acme"))
        .environment(Environment::fixed(variables).home(home))
        .targets("what_is_local_only_is_sent_nowhere_else=info")
        .allow_local_in_development()
        .otlp(endpoint)
        .start()
        .expect("the settings are right");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), || {
        tracing::info!("in {environment}");
    });
    let _ = telemetry.flush(LONG);
    (telemetry.decision().state(), telemetry.status())
}

#[test]
fn a_collector_elsewhere_is_not_named_and_one_here_gets_everything() {
    let home = home::home("local-only");
    let (state, status) = run("dev", &home, "https://telemetry.example.com");
    assert_eq!((state, status.endpoint()), (State::LocalOnly, None), "{status}");
    assert_eq!((status.counts().sent(), status.counts().stored()), (0, 1), "{status}");
    assert!(status.notes().iter().any(|note| note.contains("data stays on the machine")), "{status}");

    let receiver = Receiver::start();
    let (state, status) = run("testing", &home, &receiver.url());
    assert_eq!((state, status.counts().sent()), (State::LocalOnly, 1), "{status}");
    let (state, status) = run("production", &home, &receiver.url());
    assert_eq!((state, status.counts().sent()), (State::On, 1), "{status}");
    let bodies: Vec<_> = receiver.requests().iter().map(|request| request.body.clone()).collect();
    let sent = |text: &str| bodies.iter().filter(|body| body.windows(text.len()).any(|w| w == text.as_bytes())).count();
    assert_eq!((sent("in dev"), sent("in testing"), sent("in production")), (0, 1, 1));
}

#[test]
fn what_waited_for_a_collector_here_goes_to_no_other_host_later() {
    let home = home::home("local-only-waiting");
    let (state, status) = run("dev", &home, "http://127.0.0.1:9");
    assert_eq!((state, status.counts().stored()), (State::LocalOnly, 1), "{status}");
    let receiver = Receiver::start();
    let elsewhere = receiver.url().replace("127.0.0.1", "localhost");
    let (state, status) = run("production", &home, &elsewhere);
    assert_eq!((state, status.counts().sent()), (State::On, 1), "{status}");
    assert!(status.notes().iter().any(|note| note.contains("kept for other hosts")), "{status}");
    let sent = |receiver: &Receiver, text: &str| {
        let bodies = receiver.requests().into_iter().map(|request| request.body);
        bodies.filter(|body| body.windows(text.len()).any(|w| w == text.as_bytes())).count()
    };
    assert_eq!((sent(&receiver, "in dev"), sent(&receiver, "in production")), (0, 1));
    // Where it was to go it still goes.
    let (_, status) = run("production", &home, &receiver.url());
    assert_eq!(status.counts().sent(), 1, "{status}");
    assert_eq!(sent(&receiver, "in dev"), 1);
}
