use super::*;

fn code() -> Destinations {
    Destinations {
        otlp: Some("https://otlp.example".to_owned()),
        clickhouse: Some(ClickHouseBuilder::from("https://ch.example:8443").user("own", "hunter2")),
        plaintext_hosts: vec!["ch.lan".to_owned()],
        ..Destinations::new()
    }
}

/// What is sent to, with credentials or without; and the notes.
fn resolved(code: &Destinations, variables: &[(&'static str, &'static str)]) -> (Vec<String>, Vec<String>) {
    let environment =
        Environment::fixed(variables.iter().map(|(name, value)| (format!("ACME_TELEMETRY_{name}"), *value)));
    let mut notes = Vec::new();
    let receivers = code.receivers(&crate::app!("acme"), &environment, &mut notes).unwrap();
    let shown = |receiver: &Receiver| match receiver {
        Receiver::Otlp { endpoint, .. } => format!("otlp {endpoint}"),
        Receiver::ClickHouse { endpoint, settings } => {
            let user = if format!("{settings:?}").contains("auth: Some") { " user" } else { "" };
            format!("clickhouse {endpoint}{user}")
        }
        Receiver::Sdk(destination) => destination.label().to_owned(),
    };
    (receivers.iter().map(shown).collect(), notes)
}

const BOTH: [&str; 2] = ["otlp https://otlp.example", "clickhouse https://ch.example:8443 user"];

#[test]
fn the_code_is_followed_unless_the_user_says_otherwise() {
    for (variables, expected) in [
        (&[][..], &BOTH[..]),
        (&[("BACKEND", "both")], &BOTH),
        (&[("BACKEND", "otlp")], &BOTH[..1]),
        (&[("BACKEND", " ClickHouse ")], &BOTH[1..]),
        (&[("BACKEND", "otlp,clickhouse")], &BOTH),
        (&[("ENDPOINT", "https://mine.example")], &["otlp https://mine.example", BOTH[1]]),
        // The application's password stays with the application's host.
        (&[("CLICKHOUSE_ENDPOINT", "https://mine.example")], &[BOTH[0], "clickhouse https://mine.example"]),
        (
            &[
                ("CLICKHOUSE_ENDPOINT", "http://ch.lan:8123"),
                ("CLICKHOUSE_USERNAME", "me"),
                ("CLICKHOUSE_PASSWORD", "x"),
            ],
            &[BOTH[0], "clickhouse http://ch.lan:8123 user"],
        ),
    ] {
        assert_eq!(resolved(&code(), variables), (expected.iter().map(|&s| s.to_owned()).collect(), vec![]));
    }
}

#[test]
fn a_program_that_names_nothing_is_led_by_the_environment_alone() {
    let nothing = Destinations::new();
    assert_eq!(resolved(&nothing, &[]), (vec![], vec![]));
    let (sent, notes) = resolved(
        &nothing,
        &[("BACKEND", "clickhouse"), ("CLICKHOUSE_ENDPOINT", "https://ch.example"), ("ENDPOINT", "https://o.example")],
    );
    assert_eq!((sent, notes), (vec!["clickhouse https://ch.example".to_owned()], vec![]));
    let (sent, _) = resolved(&nothing, &[("ENDPOINT", "https://o.example")]);
    assert_eq!(sent, ["otlp https://o.example"]);
}

#[test]
fn what_a_user_gets_wrong_is_sent_nowhere() {
    for (variables, words) in [
        (&[("BACKEND", "carrier pigeon")][..], "ACME_TELEMETRY_BACKEND"),
        (&[("BACKEND", "clickhouse"), ("CLICKHOUSE_ENDPOINT", "http://far.example:8123")], ".allow_plaintext_to("),
        (&[("BACKEND", "clickhouse"), ("CLICKHOUSE_DATABASE", "a\u{1}b")], ".database("),
    ] {
        let (sent, notes) = resolved(&code(), variables);
        assert!(sent.is_empty() && notes[0].contains("nothing is sent") && notes[0].contains(words), "{notes:?}");
    }
    let (sent, notes) = resolved(&Destinations::new(), &[("BACKEND", "clickhouse")]);
    assert!(sent.is_empty() && notes[0].contains("ACME_TELEMETRY_CLICKHOUSE_ENDPOINT is not set"), "{notes:?}");
}

#[test]
fn a_pinned_program_goes_where_its_code_says() {
    let pinned = Destinations { pinned: Pinned::Yes, ..code() };
    let (sent, notes) = resolved(&pinned, &[("BACKEND", "otlp"), ("CLICKHOUSE_ENDPOINT", "https://mine.example")]);
    assert_eq!((sent, notes), (BOTH.map(str::to_owned).to_vec(), vec![]));
}

#[test]
fn a_mistake_in_code_is_an_error_whatever_the_user_says() {
    let mut code = code();
    code.clickhouse = Some(ClickHouseBuilder::from("http://far.example:8123"));
    let environment = Environment::fixed([("ACME_TELEMETRY_BACKEND", "otlp")]);
    let error = code.receivers(&crate::app!("acme"), &environment, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains(".clickhouse") && error.to_string().contains(".allow_plaintext_to("));
}
