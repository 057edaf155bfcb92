//! What the scanner is measured on.

#[path = "../../src/privacy/scan/tests/lines_clean.rs"]
mod lines_clean;
#[path = "../../src/privacy/scan/tests/lines_found.rs"]
mod lines_found;
#[path = "../../src/privacy/scan/tests/positives.rs"]
mod positives;

use tracing_privacy::privacy::Policy;

/// Texts of forty bytes in which nothing is to be found, as messages and values have them.
pub(crate) const SHORT: [&str; 24] = [
    "connection to the primary was lost again",
    "request finished with status ok in 42 ms",
    "cache warmed up, serving requests again.",
    "retrying the upload after a short break.",
    "standard parcel to the second floor, v.2",
    "the index holds 12 segments, merging two",
    "worker stopped because the queue is gone",
    "no route matches the path, answering 404",
    "Template compiled in 3 ms without errors",
    "shutting down gracefully, draining queue",
    "Started rotation of the segment files 17",
    "received an empty body, nothing to parse",
    "migration 0042_add_orders applied, again",
    "peer closed the stream before the header",
    "checkpoint complete, wrote 113 buffers..",
    "user agent is a robot, page not rendered",
    "certificate renewal scheduled for Monday",
    "the breaker opened after 5 failed calls.",
    "could not lock the file, another has it.",
    "slow query logged, took 1.27 s, 25 rows.",
    "GET answered from cache, 17 entries left",
    "background job picked up by worker no. 3",
    "Feature flag is off, using the old path.",
    "price rounded to 49.90 EUR for the order",
];

/// Texts of the same length with one finding each, of each kind one.
pub(crate) const ONE_FINDING: [&str; 23] = [
    "mail to bob.smith@example.com bounced 2x",
    "no sale: card 4111 1111 1111 1111 failed",
    "peer 203.0.113.77 closed the connection.",
    "peer 2001:db8::8a2e:370:7334 went away..",
    "device 00:1a:2b:3c:4d:5e joined the cell",
    "cannot open /home/alice/notes for append",
    "call me back at +49 171 2345678 tomorrow",
    "ssn 536-90-4399 was entered by the clerk",
    "iban DE89 3704 0044 0532 0130 00 is good",
    "login with password=hunter2! was refused",
    "user_id=8812034 has opened the dashboard",
    "born 1984-03-12, so an adult since today",
    "stored position 52.520008, 13.404954 too",
    "got Authorization: Bearer aGk4x9Lm2Qz7vB",
    "key AKIAIOSFODNN7EXAMPLF is not accepted",
    "https://bob:s3cr3t@example.com/a/b timed",
    "GET /cb?token=aB3dE6gH9jK2&x=1 answered.",
    "first_name=Alice was sent to the records",
    "to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 ok",
    "pesel 44051401359 was typed into a form.",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow==",
    "got eyJhbGciOiJIUzI1NiJ9.eyJzIjoxfQ.c2ln",
    r#"starts k="aB3dE6gH9jK2mN5pQ8sT1vW4yZ7" ."#,
];

/// A set of lines.
pub(crate) struct Lines {
    pub(crate) name: &'static str,
    pub(crate) lines: Vec<String>,
}

/// Log text: our own applications', records in JSON, what services of others print, and the lines of the scanner's tests.
pub(crate) fn logs() -> Vec<Lines> {
    let lines = |text: &str| text.lines().map(str::to_owned).collect();
    vec![
        Lines { name: "tracing's fmt lines", lines: lines(include_str!("texts/application.log")) },
        Lines { name: "JSON records", lines: lines(include_str!("texts/records.jsonl")) },
        Lines { name: "seven real services", lines: lines(include_str!("texts/services.log")) },
        Lines {
            name: "the tests' clean lines",
            lines: lines_clean::LINES.iter().filter(|line| line.is_ascii()).map(|line| (*line).to_owned()).collect(),
        },
    ]
}

/// Log text in other scripts.
pub(crate) fn other_scripts() -> Lines {
    let text = include_str!("texts/other_scripts.log");
    Lines { name: "ten other languages", lines: text.lines().map(str::to_owned).collect() }
}

/// The tests' texts with exactly one finding, by the kind that it is: in all notations, many of them long and the hardest there are.
pub(crate) fn with_one_finding() -> Vec<(String, Vec<String>)> {
    let policy = Policy::standard();
    let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
    let texts = positives::POSITIVES.iter().map(|row| row.1).chain(lines_found::LINES.iter().map(|row| row.0));
    for text in texts.map(|text| text.replace('§', "")).filter(|text| text.len() <= 200) {
        let [finding] = &policy.findings(&text)[..] else { continue };
        let kind = format!("{:?}", finding.kind());
        match kinds.iter_mut().find(|known| known.0 == kind) {
            Some(known) => known.1.push(text),
            None => kinds.push((kind, vec![text])),
        }
    }
    kinds
}

/// What drives one detector as hard as it can be driven, repeated as often as wanted.
pub(crate) const HOSTILE: &[(&str, &str)] = &[
    ("e-mail", "a@"),
    ("e-mail", "a@b."),
    ("e-mail", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p@"),
    ("e-mail", "a%40b."),
    ("e-mail", "用户@"),
    ("phone", "phone 1234567 "),
    ("phone", "+1 "),
    ("phone", "0171/123"),
    ("numbers", "1"),
    ("numbers", "1-"),
    ("IPv4", "1.1.1.1 "),
    ("IPv4", "1."),
    ("IPv6", "fe80:"),
    ("IPv6", "::"),
    ("IPv6", "1:"),
    ("MAC", "aa-"),
    ("MAC", "0a.1"),
    ("card", "4111 "),
    ("card", "4111111111111111 "),
    ("JWT", "eyJ."),
    ("JWT", "eyJhbGciOiJIUzI1NiJ9"),
    ("bearer", "Bearer "),
    ("bearer", "Bearer abcdefgh1 "),
    ("API key", "ghp_"),
    ("API key", "sk-a-"),
    ("home", "/home/"),
    ("home", "\\\\a"),
    ("IBAN", "DE89 "),
    ("SSN", "ssn 123456789 "),
    ("national id", "nino "),
    ("national id", "passport 1"),
    ("PEM", "-----BEGIN "),
    ("PEM", "-----BEGIN PRIVATE KEY-----"),
    ("userinfo", "://a:"),
    ("userinfo", "http://a:b/"),
    ("userinfo", "@tcp("),
    ("URL secret", "?token="),
    ("wallet", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 "),
    ("wallet", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080 "),
    ("position", "1.2345,"),
    ("position", "near 1.2345, "),
    ("birth date", "born 1970-01-01 "),
    ("keys", "a=b;"),
    ("keys", "user:{"),
    ("keys", "password:\""),
    ("keys", "password='"),
    ("keys", "pin:\""),
    ("keys", "Cookie:a="),
    ("keys", "tokens:["),
    ("keys", "A("),
    ("keys", "Password("),
    ("keys", "<a>"),
    ("keys", "--password "),
    ("keys", "a b c:"),
    ("entropy", "k=\"aB3dE6gH9jK2mN5pQ8sT1vW4yZ7\" "),
    ("no kind", "{"),
    ("no kind", "\\\""),
    ("no kind", "é"),
    ("no kind", "%"),
    ("no kind", "-"),
    ("no kind", "."),
];
