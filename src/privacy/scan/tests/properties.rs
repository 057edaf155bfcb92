//! What holds for any text whatever: random, made of the pieces that detectors look for, and the corpus mutated.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;

use super::super::*;
use super::{check, clean, dirty, scrub};
use crate::privacy::Policy;

const PIECES: &[&str] = &[
    "@",
    "%40",
    "\\u0040",
    "\\n",
    ".",
    ":",
    "::",
    "=",
    "=>",
    "\"",
    "\\\"",
    "'",
    "`",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "/",
    "\\",
    "\\\\",
    "//",
    " ",
    ", ",
    ";",
    "&",
    "?",
    "#",
    "+",
    "-",
    "--",
    "_",
    "$",
    "%",
    "%25",
    "*",
    "|",
    "：",
    "，",
    "1",
    "12",
    "1990",
    "555123456",
    "4111 1111 1111 1111",
    "4111\t1111\t1111\t1111",
    "4111111111111111.0",
    "00491701234567",
    "@[IPv6:",
    "form-data; name=\"password\"\n\n",
    "a",
    "ab",
    "Word",
    "fe80::1",
    "203.0.113.7",
    "com",
    "bob@example.com",
    "é",
    "用户",
    "🎉",
    "\u{a0}",
    "\n",
    "\t",
    "password",
    "user",
    "id",
    "token",
    "User ",
    "Some(",
    "email",
    "phone",
    "ssn",
    "dob",
    "lat",
    "cookie",
    "Bearer ",
    "Basic ",
    "authorization",
    "eyJhbGciOiJIUzI1NiJ9.e30.x",
    "ghp_",
    "sk-",
    "AKIA",
    "/home/alice",
    "../../home/bob",
    "/home/./bob",
    "C:\\Users\\bob",
    "\\\\host\\share",
    "http://u:p@h",
    "-----BEGIN PRIVATE KEY-----",
    "-----END ",
    "DE89370400440532013000",
    "0x",
    "bc1",
    "nino ",
    "VALUES (",
    "(\"phone\", ",
    "Key (email)=(",
    "map[",
    "db.statement",
    "db.redis.parameters",
    "process.command_args=",
    "\"name\":\"API_SECRET\",\"value\":",
    "name: DB_PASSWORD\n  value: ",
    "{\"S\":\"",
    "creds=(",
    "password={",
    " -> ",
    "\\u0026",
    "customer: ",
    "correct horse xJnCNR",
    "WgFR=RGi2P==",
    "mF_9.B5f-4.1JqM",
    "[98, 64, 98, 46, 100, 101, 32, 98, 64, 98, 46, 100, 101]",
    "[98,111,98,64,120,46,100,101,",
    "['b', '@', 'b', '.', 'd', 'e', ' ', ' '",
    "[EMAIL]",
    "[SECRET]",
    "[ID]",
    "****",
    "密码",
    "d8Kf02mQzL7xWv3TnB6yRc9Pe1Hs4JgU",
    "passwords: ",
    "user_ids=",
    "Some(",
    "None, ",
    "(\"a1\", ",
    "{\"Zyx9\", ",
    "a::B::<u8>(",
    "[A]",
    "///home/",
    "user_email_ssn=",
];

fn random() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        vec(prop_oneof![32_u8..127, Just(b'\n')], 0..80).prop_map(|text| String::from_utf8_lossy(&text).into_owned())
    ]
}

fn made() -> impl Strategy<Value = String> {
    vec(select(PIECES), 0..16).prop_map(|pieces| pieces.concat())
}

/// A line of the corpus, with a piece put in, a part taken out, and another line's part behind it.
fn mutated() -> impl Strategy<Value = String> {
    let lines: Vec<String> = dirty().map(|row| row.0).chain(clean()).collect();
    (select(lines.clone()), select(lines), select(PIECES), any::<[Index; 4]>()).prop_map(|(one, other, piece, at)| {
        let mut text = one;
        let cut = |text: &str, at: &Index| {
            let mut place = at.index(text.len() + 1);
            while !text.is_char_boundary(place) {
                place -= 1;
            }
            place
        };
        text.insert_str(cut(&text, &at[0]), piece);
        let (from, to) = (cut(&text, &at[1]), cut(&text, &at[2]));
        if from.abs_diff(to) < text.len() / 2 {
            text.replace_range(from.min(to)..from.max(to), "");
        }
        text + &other[cut(&other, &at[3])..]
    })
}

fn holds(text: &str) {
    check(text);
    let (once, found) = scrub(text);
    if found.is_empty() {
        assert_eq!(once, text);
    }
    let longest = Kind::BUILT_IN.iter().map(|kind| kind.placeholder().len()).max().unwrap_or(0) + 4;
    // In a document of JSON one finding may be several strings, but none of them is empty.
    let covered: usize = found.iter().map(|finding| finding.span().len()).sum();
    assert!(once.len() <= text.len() + covered * longest);
    let (twice, again) = scrub(&once);
    assert_eq!(twice, once, "scrubbed again, {text:?} gives {again:?}");
    assert!(again.is_empty(), "found twice in {text:?}: {again:?}");
}

/// A JSON document with things to find in keys, values and strings of JSON inside.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let key = prop_oneof![
        select(PIECES).prop_map(str::to_owned),
        "[a-z_]{1,8}",
        Just("password".into()),
        Just("user_id".into()),
        Just("pin".into())
    ];
    let leaf = prop_oneof![
        made().prop_map(serde_json::Value::from),
        mutated().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        (0..20_000_i64).prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        (-180.0..180.0_f64).prop_map(serde_json::Value::from),
        made().prop_map(|text| serde_json::Value::from(text.into_bytes())),
        Just(serde_json::Value::Null),
    ];
    let value = leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            vec((key.clone(), inner.clone()), 0..4).prop_map(|rows| rows.into_iter().collect()),
            inner.prop_map(|inner| serde_json::Value::from(inner.to_string())),
        ]
    });
    // A number alone is not to be told from text.
    prop_oneof![
        vec(value.clone(), 1..4).prop_map(serde_json::Value::from),
        vec(("[a-z]{1,6}", value), 1..4).prop_map(|rows| rows.into_iter().collect()),
    ]
}

/// What an application asks for: rules for keys of its own and for built-in ones, kinds that it added, kinds on and off.
fn own() -> Policy {
    Policy::standard()
        .drop_field("order_ref")
        .hash("nickname")
        .hash("token:order id")
        .keep("city", "sales report")
        .keep("*_token", "two letters")
        .keep("url", "where they went")
        .drop_field("debug.*")
        .custom_words("PROJECT", ["blue heron", "Zyx9", "ID", "SECRET]"])
        .and_then(|policy| policy.custom_pattern("ORDER", r"ORD-[0-9]+|\bx=\S{1,9}|%3D"))
        .expect("all are good")
        .with_kind(Kind::Uuid)
        .without_kind(Kind::HomePath)
}

const OWN_PIECES: &[&str] = &[
    "order_ref",
    "nickname",
    "orderId",
    "city",
    "api_token",
    "url",
    "debug.note",
    "order_ref=",
    "nickname: ",
    "city=",
    "url=http://x/?",
    "[order_ref]=",
    "<order_ref>",
    "</order_ref>",
    "--nickname ",
    "\"name\":\"nickname\",\"value\":\"",
    "(order_ref) VALUES ('",
    "[order_ref] => ",
    "order_ref is: ",
    "order_ref:\n- ",
    "Blue Heron",
    "blue heron",
    "blue%20heron",
    "Zyx9",
    "A-7",
    "ORD-0042",
    "x=",
    "%3D",
    "%5B",
    "%22",
    "&quot;",
    "\\u0022",
    "\\x22",
    "\u{1b}[3m",
    "\u{1b}[0m",
    "\\u001b[0m",
    "＝",
    "550e8400-e29b-41d4-a716-446655440000",
    "[PROJECT]",
    "[PII]",
    "[111, 114, 100, 101, 114, 95, 114, 101, 102, 61, 90, 121, 120]",
];

fn own_made() -> impl Strategy<Value = String> {
    vec(prop_oneof![3 => select(OWN_PIECES), 1 => select(PIECES)], 0..14).prop_map(|pieces| pieces.concat())
}

/// A line of the corpus with keys of the application in place of built-in ones, as it is or as a URL has it.
fn own_mutated() -> impl Strategy<Value = String> {
    let key = select(&["order_ref", "nickname", "orderId", "city", "my_token", "debug.x"][..]);
    (mutated(), select(&["password", "token", "email", "user_id", "name"][..]), key, any::<bool>()).prop_map(
        |(line, from, to, encoded)| {
            let line = line.replace(from, to);
            let encode = |letter: char| match letter {
                '=' | ':' | '"' | '[' | ']' | '&' | ' ' | '<' | '>' => format!("%{:02X}", u32::from(letter)),
                _ => letter.to_string(),
            };
            if encoded { line.chars().map(encode).collect() } else { line }
        },
    )
}

/// What is left of a text is settled, the way that records go as well, and nothing is found in it again.
fn holds_for_own(text: &str) {
    static OWN: std::sync::LazyLock<Policy> = std::sync::LazyLock::new(own);
    let found = OWN.findings(text);
    let mut last = 0;
    for finding in &found {
        let span = finding.span();
        assert!(span.start >= last && span.start < span.end && span.end <= text.len(), "{text:?}: {found:?}");
        assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end), "{text:?}: {found:?}");
        assert!(finding.kind() != Kind::Unscanned || span == (0..text.len()), "{text:?}: {found:?}");
        last = span.end;
    }
    let Some(clean) = OWN.scrub(text) else { return };
    if found.is_empty() {
        assert_eq!(clean, text);
    }
    let again = OWN.findings(&clean);
    assert!(again.is_empty(), "found twice in {text:?}, of which {clean:?} is left: {again:?}");
}

fn cases(count: u32) -> ProptestConfig {
    // What was found once becomes a line of the corpus; no file is written beside the sources.
    ProptestConfig {
        cases: count,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn random_text_is_scrubbed_once_and_for_all(text in random()) {
        holds(&text);
    }

    #[test]
    fn text_made_of_pieces_is_scrubbed_once_and_for_all(text in made()) {
        holds(&text);
    }

    #[test]
    fn the_corpus_mutated_is_scrubbed_once_and_for_all(text in mutated()) {
        holds(&text);
    }

    #[test]
    fn what_an_application_asks_for_is_scrubbed_once_and_for_all(text in own_made()) {
        holds_for_own(&text);
    }

    #[test]
    fn the_corpus_with_keys_of_an_application_is_scrubbed_once_and_for_all(text in own_mutated()) {
        holds_for_own(&text);
    }

    #[test]
    fn json_stays_json(document in json()) {
        let text = document.to_string();
        let (clean, _) = scrub(&text);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&clean).is_ok(), "{text}\n -> {clean}");
    }

    #[test]
    fn bytes_that_are_cut_or_no_text_are_no_trouble(bytes in vec(any::<u8>(), 0..200)) {
        let mut found = Vec::new();
        Scanner::standard().scan(&bytes, &mut found);
        prop_assert!(found.iter().all(|finding| finding.span().end <= bytes.len() && finding.kind() != Kind::Unscanned));
    }
}
