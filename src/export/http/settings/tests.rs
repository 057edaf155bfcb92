use super::*;

const BROKEN: &[u8] = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const CLIENT: &[u8] = include_bytes!("../testdata/client.pem");
const SERVER_KEY: &[u8] = include_bytes!("../testdata/server-key.pem");

fn mistake(set: impl FnOnce(&mut HttpSettings)) -> Option<String> {
    let mut settings = HttpSettings::default();
    set(&mut settings);
    settings.checked().err().map(|error| error.to_string())
}

#[test]
fn usable_values_are_taken() {
    assert_eq!(mistake(|s| s.bearer("abc.DEF-123_~+/==")), None);
    assert_eq!(mistake(|s| s.basic("otel", "pa ss:wörd")), None);
    assert_eq!(mistake(|s| s.header("X-Api-Key", "hunter2 and more")), None);
    assert_eq!(mistake(|s| s.header("authorization", "Api-Token hunter2")), None);
}

#[test]
fn a_mistake_names_the_setting_and_the_remedy_but_not_the_value() {
    for (set, word) in [
        ((|s| s.bearer("")) as fn(&mut HttpSettings), ".bearer("),
        (|s| s.bearer("Bearer hunter2"), ".bearer("),
        (|s| s.bearer("hunter2\r\nx-evil: 1"), ".bearer("),
        (|s| s.bearer("hünter2"), ".bearer("),
        (|s| s.basic("a:hunter2", "b"), ".basic("),
        (|s| s.basic("a", "hunter2\n"), ".basic("),
        (|s| s.clickhouse_user("", "hunter2"), ".user("),
        (|s| s.clickhouse_user("otel", "hunter2\n"), ".user("),
        (|s| s.ca_certificate(b"hunter2"), ".ca_certificate("),
        (|s| s.ca_certificate(BROKEN), ".ca_certificate("),
        (|s| s.client_certificate(b"hunter2", b"hunter2"), ".client_certificate("),
        (|s| s.client_certificate(CLIENT, SERVER_KEY), ".client_certificate("),
        (|s| s.header("", "hunter2"), ".header("),
        (|s| s.header("x y", "hunter2"), ".header("),
        (|s| s.header("x\r\ny", "hunter2"), ".header("),
        (|s| s.header("x", "hunter2\r\nevil: 1"), ".header(\"x\""),
        (|s| s.header("Host", "hunter2"), ".header(\"host\""),
        (|s| s.header("content-length", "0"), ".header(\"content-length\""),
        (|s| s.header("Cookie", "id=hunter2"), ".header(\"cookie\""),
        (|s| s.header("Proxy-Authorization", "hunter2"), ".header(\"proxy-authorization\""),
        (|s| s.header("grpc-encoding", "hunter2"), ".header(\"grpc-encoding\""),
    ] {
        let error = mistake(set).expect(word);
        assert!(error.contains(word) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn who_asks_is_said_once() {
    type Set = fn(&mut HttpSettings);
    let says: [(Set, &str); 3] = [
        (|s| s.bearer("hunter2"), ".bearer(token)"),
        (|s| s.basic("otel", "hunter2"), ".basic(user, password)"),
        (|s| s.clickhouse_user("otel", "hunter2"), ".user(name, password)"),
    ];
    for (place, (set, setting)) in says.iter().enumerate() {
        for (header, clashes) in [
            ("authorization", place < 2),
            ("Authorization", place < 2),
            ("x-clickhouse-user", place == 2),
            ("X-ClickHouse-Key", place == 2),
            ("x-api-key", false),
        ] {
            for order in [0, 1] {
                let found = mistake(|s| {
                    let mut both: [&dyn Fn(&mut HttpSettings); 2] = [set, &|s| s.header(header, "hunter2")];
                    both.rotate_left(order);
                    both.iter().for_each(|set| set(s));
                });
                assert_eq!(found.is_some(), clashes, "{setting} and {header}: {found:?}");
                let named = format!(".header(\"{}\"", header.to_ascii_lowercase());
                let is_named = |text: &str| text.contains(setting) && text.contains(&named) && text.contains("leave");
                assert!(found.iter().all(|text| is_named(text) && !text.contains("hunter2")), "{found:?}");
            }
        }
    }
    // What was replaced by the last of them says nothing any more.
    assert_eq!(mistake(|s| (s.bearer("x"), s.header("authorization", "y"), s.clickhouse_user("a", "b")).2), None);
}

#[test]
fn the_first_mistake_is_the_one_reported_and_the_last_value_the_one_sent() {
    let error = mistake(|s| {
        s.bearer("");
        s.header("", "");
    });
    assert!(error.unwrap().contains(".bearer("));
    let mut settings = HttpSettings::default();
    settings.header("x-key", "first");
    settings.header("X-Key", "second");
    assert_eq!(settings.headers, [(HeaderName::from_static("x-key"), HeaderValue::from_static("second"))]);
}

#[test]
fn debug_shows_no_secret() {
    let mut settings = HttpSettings::default();
    settings.basic("otel", "hunter2");
    settings.header("x-api-key", "hunter2");
    let shown = format!("{settings:?}");
    assert!(shown.contains("Basic(..)") && shown.contains("x-api-key") && !shown.contains("hunter2"), "{shown}");
    settings.clickhouse_user("otel", "hunter2");
    settings.client_certificate(CLIENT, include_bytes!("../testdata/client-key.pem"));
    settings.checked().unwrap();
    let shown = format!("{settings:?}");
    assert!(shown.contains("ClickHouse(..)") && shown.contains("client_certificate: true"), "{shown}");
    assert!(!shown.contains("hunter2") && !shown.contains("BEGIN"), "{shown}");
}
