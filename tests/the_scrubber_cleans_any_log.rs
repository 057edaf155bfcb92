//! Promise: the `scrub` example gives each text back beside what the standard policy leaves of it, whatever the input.

#![cfg(unix)]

#[path = "support/example.rs"]
mod example;

use example::{Example, Said};
use serde_json::Value;
use tracing_privacy::privacy::Policy;

const LOG: &str =
    "mail bob.stone@example.org now\r\n\nall is well\nfrom 203.0.113.42 {\"text\":1}\nno line feed at the end";

fn scrub(arguments: &[&str], input: &[u8]) -> Said {
    Example::new("scrub").filter(arguments, input)
}

/// The pairs that came out, each from a line of its own.
fn pairs(said: &Said) -> Vec<(String, Option<String>)> {
    let pair = |line: &str| -> (String, Option<String>) {
        let row: Value = serde_json::from_str(line).expect("each line is JSON");
        assert_eq!(row.as_object().expect("each line is an object").len(), 2, "{line}");
        assert!(row["clean_text"].is_string() || row["clean_text"].is_null(), "{line}");
        (row["text"].as_str().expect("a text").to_owned(), row["clean_text"].as_str().map(str::to_owned))
    };
    said.stdout.lines().map(pair).collect()
}

#[test]
fn each_plain_line_comes_out_beside_its_clean_self() {
    let said = scrub(&[], LOG.as_bytes());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let pairs = pairs(&said);
    let texts: Vec<_> = pairs.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, LOG.lines().collect::<Vec<_>>());
    assert_eq!(pairs[0].1.as_deref(), Some("mail [EMAIL] now"));
    for (text, clean) in &pairs {
        assert_eq!(clean.as_deref(), Policy::standard().scrub(text).as_deref(), "{text}");
    }
    assert_eq!(scrub(&[], b"").stdout, "");
}

#[test]
fn json_lines_are_read_by_their_text_key() {
    let input = concat!(
        r#"{"id":1,"text":"mail bob.stone@example.org","more":{"text":"inner"}}"#,
        "\n\n  \n",
        r#"{"text":"line\nfeed \u00e9 \ud83d\ude00"}"#,
        "\r\n",
        r#"{"text":"half a pair \ud83d."}"#,
    );
    let said = scrub(&["--json"], input.as_bytes());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let pairs = pairs(&said);
    assert_eq!(pairs.len(), 3, "{}", said.stdout);
    assert_eq!(pairs[0], ("mail bob.stone@example.org".to_owned(), Some("mail [EMAIL]".to_owned())));
    assert_eq!(pairs[1].0, "line\nfeed é 😀");
    assert!(pairs[2].0.starts_with("half a pair \u{fffd}"), "{}", pairs[2].0);
}

#[test]
fn what_comes_out_can_go_in_again() {
    let once = scrub(&[], LOG.as_bytes());
    let again = scrub(&["--json"], once.stdout.as_bytes());
    assert_eq!(once.stdout, again.stdout);
}

#[test]
fn bytes_that_are_no_text_and_long_lines_pass() {
    let mut input = b"caf\xe9 \xff\xfe bob.stone@example.org\n".to_vec();
    input.extend(std::iter::repeat_n(b"lorem ipsum 4711 ", 200_000).flatten());
    input.extend(b"bob.stone@example.org\nlast\0\n");
    let pairs = pairs(&scrub(&[], &input));
    assert_eq!(pairs[0].1.as_deref(), Some("caf\u{fffd} \u{fffd}\u{fffd} [EMAIL]"));
    assert!(pairs[1].1.as_deref().is_some_and(|clean| clean.len() > 3_000_000 && clean.ends_with("[EMAIL]")));
    assert_eq!(pairs[2].0, "last\0");
}

#[test]
fn a_line_without_a_text_ends_the_run_and_is_named_but_not_quoted() {
    for line in [
        r#"{"txt":"bob.stone@example.org"}"#,
        r#"{"text":null}"#,
        r#"{"text":4711}"#,
        r#"{"text":["bob.stone@example.org"]}"#,
        r#"{"text":[98,111,98]}"#,
        r#""bob.stone@example.org""#,
        r#"{"text":"bob.stone@example.org"#,
        r#"{"text":"bob.stone@example.org"} {}"#,
        "bob.stone@example.org",
    ] {
        let said = scrub(&["--json"], format!("{{\"text\":\"good\"}}\n\n{line}\n{{\"text\":\"after\"}}\n").as_bytes());
        assert_eq!(said.code, Some(2), "{line}");
        assert!(said.stderr.starts_with("scrub: line 3: ") && !said.stderr.contains("bob"), "{line}: {}", said.stderr);
        assert_eq!(pairs(&said), [("good".to_owned(), Some("good".to_owned()))], "{line}");
    }
}

#[test]
fn an_unknown_option_is_told_how_to_use_it() {
    let said = scrub(&["--jsn"], b"bob.stone@example.org");
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
    assert!(said.stderr.starts_with("usage: scrub [--json]"), "{}", said.stderr);
}

#[test]
fn a_policy_can_be_named_or_read_from_a_file() {
    let input = b"mail bob.stone@example.org now\nall is well\n00:1B:44:11:3A:B7\n";
    let clean = |arguments: &[&str]| {
        let said = scrub(arguments, input);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
        pairs(&said).into_iter().map(|(_, clean)| clean).collect::<Vec<_>>()
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(clean(&["--policy", "standard"]), clean(&[]));
    assert_eq!(clean(&["--policy", "strict"])[..2], [None, some("all is well")]);
    let mail = clean(&["--policy", "automagik"]).remove(0).expect("the text stays");
    assert!(mail.starts_with("mail @") && mail.ends_with(" now") && mail.len() == "mail @ now".len() + 64, "{mail}");

    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("scrub-policy.toml");
    std::fs::write(&file, "on_finding = \"drop_field\"\n[kinds]\nmac = \"off\"\n").expect("the file can be written");
    let path = file.to_str().expect("cargo's paths are text");
    assert_eq!(clean(&["--policy", path]), [None, some("all is well"), some("00:1B:44:11:3A:B7")]);
    std::fs::write(&file, "on_finding = \"explode\"\n").expect("the file can be written");
    let said = scrub(&["--policy", path], b"x");
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
    assert!(
        said.stderr.contains("scrub-policy.toml: line 1, column 14: there is no answer `explode`"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_policy_can_be_asked() {
    let said = scrub(&["--policy", "automagik", "--explain", "user_id"], b"");
    assert!(said.stdout.starts_with("`user_id`: REVERSIBLE_sha256 as `user_id_hash` ("), "{}", said.stdout);
    let said = scrub(&["--policy", "strict", "--print"], b"");
    assert!(said.stdout.starts_with("policy strict\ntext of events: drop"), "{}", said.stdout);
    for arguments in [&["--policy"][..], &["--policy", "lax"], &["--explain"]] {
        let said = scrub(arguments, b"x");
        assert!(
            said.code == Some(2) && said.stdout.is_empty() && said.stderr.contains("usage: scrub"),
            "{}",
            said.stderr
        );
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let shell = Example::new("scrub");
    let binary = shell.binary();
    let line = format!("yes 'mail bob.stone@example.org' | '{}' 2> errors | head -n 1; cat errors", binary.display());
    assert_eq!(pairs(&shell.shell(&line)).len(), 1);
}

#[test]
fn a_line_comes_out_before_the_next_one_goes_in() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};

    let mut command = Command::new(Example::new("scrub").binary());
    let mut scrub = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be run");
    let mut input = scrub.stdin.take().expect("it is piped");
    let mut output = BufReader::new(scrub.stdout.take().expect("it is piped"));
    for number in 0..3 {
        writeln!(input, "line {number}").expect("it is listening");
        let mut line = String::new();
        output.read_line(&mut line).expect("it answers");
        assert_eq!(line, format!("{{\"text\":\"line {number}\",\"clean_text\":\"line {number}\"}}\n"));
    }
    drop(input);
    assert!(scrub.wait().expect("it ends").success());
}
