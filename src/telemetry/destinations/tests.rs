use std::fmt::Debug;

use super::*;

fn code() -> Destinations {
    let mut settings = OtlpSettings::default();
    settings.http.bearer("hunter2");
    Destinations {
        otlp: Some("https://otlp.example".to_owned()),
        settings,
        clickhouse: Some(ClickHouseBuilder::from("https://ch.example:8443").user("own", "hunter2")),
        plaintext_hosts: ["ch.lan", "ch.example", "otlp.example"].map(str::to_owned).to_vec(),
        ..Destinations::new()
    }
}

/// What is sent to, with credentials or without; and the notes.
fn resolved(code: &Destinations, variables: &[(&'static str, &'static str)]) -> (Vec<String>, Vec<String>) {
    let environment =
        Environment::fixed(variables.iter().map(|(name, value)| (format!("ACME_TELEMETRY_{name}"), *value)));
    let mut notes = Vec::new();
    let receivers = code.receivers(&crate::app!("acme"), &environment, &mut notes).unwrap();
    let opens = |http: &dyn Debug| if format!("{http:?}").contains("auth: Some") { " by credentials" } else { "" };
    let shown = |receiver: &Receiver| match receiver {
        Receiver::Otlp { endpoint, settings } => format!("otlp {endpoint}{}", opens(&settings.http)),
        Receiver::ClickHouse { endpoint, settings } => format!("clickhouse {endpoint}{}", opens(&settings.http)),
        Receiver::Sdk(destination) => destination.label().to_owned(),
    };
    (receivers.iter().map(shown).collect(), notes)
}

const BOTH: [&str; 2] =
    ["otlp https://otlp.example by credentials", "clickhouse https://ch.example:8443 by credentials"];
const MINE: [(&str, &str); 2] =
    [("ENDPOINT", "https://mine.example"), ("CLICKHOUSE_ENDPOINT", "https://my-ch.example")];

#[test]
fn the_code_is_followed_unless_the_user_says_otherwise() {
    for (variables, expected) in [
        (&[][..], &BOTH[..]),
        (&[("BACKEND", "both")], &BOTH),
        (&[("BACKEND", "otlp")], &BOTH[..1]),
        (&[("BACKEND", " ClickHouse ")], &BOTH[1..]),
        (&[("BACKEND", "otlp,clickhouse")], &BOTH),
        // Who says where the data goes says that it goes nowhere else.
        (&MINE[..1], &["otlp https://mine.example"]),
        (&MINE[1..], &["clickhouse https://my-ch.example"]),
        (&MINE, &["otlp https://mine.example", "clickhouse https://my-ch.example"]),
        // Unless they say that, too.
        (&[("BACKEND", "both"), MINE[0]], &["otlp https://mine.example", BOTH[1]]),
        (&[("BACKEND", "both"), MINE[1]], &[BOTH[0], "clickhouse https://my-ch.example"]),
        (&[("BACKEND", "otlp"), MINE[0], MINE[1]], &["otlp https://mine.example"]),
        (
            &[
                ("CLICKHOUSE_ENDPOINT", "http://ch.lan:8123"),
                ("CLICKHOUSE_USERNAME", "me"),
                ("CLICKHOUSE_PASSWORD", "x"),
            ],
            &["clickhouse http://ch.lan:8123 by credentials"],
        ),
    ] {
        let expected = expected.iter().map(|&s| s.to_owned()).collect();
        assert_eq!(resolved(&code(), variables), (expected, vec![]), "{variables:?}");
    }
}

#[test]
fn where_the_user_names_an_endpoint_nothing_goes_to_one_of_the_code() {
    let one = SdkDestination::span_exporter(opentelemetry_sdk::trace::InMemorySpanExporter::default(), 0);
    for named in [&MINE[..1], &MINE[1..], &MINE] {
        for (otlp, clickhouse, sdk) in (0..8).map(|bits| (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0)) {
            let all = Destinations { sdk: vec![one.clone(); usize::from(sdk)], ..code() };
            let code = Destinations {
                otlp: all.otlp.clone().filter(|_| otlp),
                clickhouse: all.clickhouse.clone().filter(|_| clickhouse),
                ..all
            };
            let (sent, notes) = resolved(&code, named);
            assert_eq!(sent.len(), named.len(), "{named:?}: {sent:?}");
            for (address, (_, mine)) in sent.iter().zip(named) {
                assert!(address.ends_with(mine), "{named:?}: {sent:?}");
            }
            assert_eq!(notes.len(), usize::from(sdk), "{notes:?}");
        }
    }
}

#[test]
fn credentials_of_the_application_go_to_its_own_scheme_host_and_port_alone() {
    for (variable, url, expected) in [
        ("ENDPOINT", "https://otlp.example/other/path", "otlp https://otlp.example by credentials"),
        ("ENDPOINT", "https://otlp.example:443", "otlp https://otlp.example by credentials"),
        ("ENDPOINT", "https://otlp.example:9999", "otlp https://otlp.example:9999"),
        ("ENDPOINT", "http://otlp.example:443", "otlp http://otlp.example:443"),
        ("ENDPOINT", "https://ch.example:8443", "otlp https://ch.example:8443"),
        ("CLICKHOUSE_ENDPOINT", "https://ch.example:8443/path", "clickhouse https://ch.example:8443 by credentials"),
        ("CLICKHOUSE_ENDPOINT", "https://ch.example:9999", "clickhouse https://ch.example:9999"),
        ("CLICKHOUSE_ENDPOINT", "http://ch.example:8443", "clickhouse http://ch.example:8443"),
    ] {
        assert_eq!(resolved(&code(), &[(variable, url)]), (vec![expected.to_owned()], vec![]), "{url}");
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
        (&[("BACKEND", ",")], "ACME_TELEMETRY_BACKEND"),
        (&[("BACKEND", " + ")], "ACME_TELEMETRY_BACKEND"),
        (&[("ENDPOINT", "mine.example")], "ACME_TELEMETRY_ENDPOINT"),
        (&[MINE[0], ("CLICKHOUSE_ENDPOINT", "mine.example")], "ACME_TELEMETRY_CLICKHOUSE_ENDPOINT"),
        (&[MINE[1], ("ENDPOINT", "mine.example")], "ACME_TELEMETRY_ENDPOINT"),
        (&[MINE[0], ("PROTOCOL", "carrier pigeon")], "ACME_TELEMETRY_PROTOCOL"),
        // What they named is not what they ask for, and what they ask for would go to the application's.
        (&[("BACKEND", "clickhouse"), MINE[0]], "ACME_TELEMETRY_CLICKHOUSE_ENDPOINT"),
        (&[("BACKEND", "otlp"), MINE[1]], "ACME_TELEMETRY_ENDPOINT"),
        (&[("BACKEND", "clickhouse"), ("CLICKHOUSE_ENDPOINT", "http://far.example:8123")], ".allow_plaintext_to("),
        (&[("BACKEND", "clickhouse"), ("CLICKHOUSE_DATABASE", "a\u{1}b")], ".database("),
    ] {
        let (sent, notes) = resolved(&code(), variables);
        assert!(sent.is_empty() && notes.len() == 1, "{variables:?}: {sent:?} {notes:?}");
        assert!(notes[0].contains("nothing is sent") && notes[0].contains(words), "{notes:?}");
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
fn the_users_own_name_at_the_applications_clickhouse_replaces_each_of_the_applications() {
    let by_header = ClickHouseBuilder::from("https://ch.example:8443").header("x-clickhouse-user", "hunter2");
    let by_token = ClickHouseBuilder::from("https://ch.example:8443").header("authorization", "hunter2");
    for clickhouse in [by_header, by_token] {
        let code = Destinations { clickhouse: Some(clickhouse), ..Destinations::new() };
        let (sent, notes) = resolved(&code, &[("CLICKHOUSE_USERNAME", "me")]);
        assert_eq!((sent, notes), (vec![BOTH[1].to_owned()], vec![]));
    }
}

#[test]
fn a_mistake_in_code_is_an_error_whatever_the_user_says() {
    let mut code = code();
    code.clickhouse = Some(ClickHouseBuilder::from("http://far.example:8123"));
    let environment = Environment::fixed([("ACME_TELEMETRY_BACKEND", "otlp")]);
    let error = code.receivers(&crate::app!("acme"), &environment, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains(".clickhouse") && error.to_string().contains(".allow_plaintext_to("));
}

#[test]
fn two_who_ask_at_once_are_a_mistake_in_code() {
    let mut otlp = code();
    otlp.settings.http.header("Authorization", "hunter2");
    let clickhouse =
        ClickHouseBuilder::from("https://ch.example").user("own", "x").header("x-clickhouse-user", "hunter2");
    let clickhouse = Destinations { clickhouse: Some(clickhouse), ..code() };
    for (code, settings) in [(otlp, [".header(\"authorization\"", ".bearer("]), (clickhouse, [".clickhouse", ".user("])]
    {
        let error =
            code.receivers(&crate::app!("acme"), &Environment::empty(), &mut Vec::new()).unwrap_err().to_string();
        assert!(settings.iter().all(|setting| error.contains(setting)) && !error.contains("hunter2"), "{error}");
    }
}
