use bytes::Bytes;

use super::*;

fn answer(status: u16, code: Option<u32>, body: &str) -> Answer {
    Answer {
        status,
        retry_after: None,
        content_type: None,
        redirect_to: None,
        exception_code: code,
        summary: None,
        body: Bytes::copy_from_slice(body.as_bytes()),
        end: BodyEnd::Whole,
    }
}

fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Delivered { .. } => "delivered",
        Verdict::Retry { .. } => "retry",
        Verdict::Overloaded { .. } => "overloaded",
        Verdict::Columns { .. } => "columns",
        Verdict::NoTable { .. } => "no table",
        Verdict::TooLarge { .. } => "too large",
        Verdict::Paused { .. } => "paused",
        Verdict::Refused { .. } => "refused",
    }
}

fn judged(status: u16, code: Option<u32>, body: &str) -> &'static str {
    name(&verdict(Ok(&answer(status, code, body))))
}

const PARTITIONS: &str = "Code: 252. DB::Exception: Too many partitions for single INSERT block (more than 100).";
const PARTS: &str = "Code: 252. DB::Exception: Too many parts (3000 with average size of 1.00 KiB).";

#[test]
fn the_code_decides_whatever_the_status_and_wherever_it_stands() {
    for (codes, expected) in [
        (&[3, 159, 198, 202, 203, 209, 210, 241, 242, 243, 279, 285, 319, 425, 439, 999, 1002][..], "retry"),
        (&[6, 16, 53, 70, 117], "columns"),
        (&[60], "no table"),
        (&[43, 48, 62, 73, 81, 115, 164, 192, 193, 194, 386, 452, 497, 516], "paused"),
        (&[27, 33, 36, 38, 40, 41, 44, 72, 89, 271], "refused"),
        (&[69, 128, 131, 153, 190, 349, 395, 407, 469], "refused"),
    ] {
        for code in codes {
            let text = format!("Code: {code}. DB::Exception: something. (NAME) (version 26.9.1)");
            let old = format!("Code: {code}, e.displayText() = DB::Exception: something");
            for status in [200, 400, 403, 404, 408, 500, 503] {
                assert_eq!(judged(status, Some(*code), ""), expected, "{code} {status}");
                assert_eq!(judged(status, None, &text), expected, "{code} {status}");
                assert_eq!(judged(status, None, &old), expected, "{code} {status}");
            }
        }
    }
    // The header is the server's; what a text quotes may be anybody's.
    assert_eq!(judged(500, Some(241), "Code: 60. DB::Exception: x"), "retry");
}

#[test]
fn code_252_has_two_meanings() {
    assert_eq!(judged(500, Some(252), PARTS), "overloaded");
    assert_eq!(judged(500, Some(252), PARTITIONS), "too large");
    // The table itself may have its part already: halves under new tokens would be counted twice.
    let in_view = format!("{PARTITIONS}: while pushing to view otel.v");
    assert_eq!(judged(500, Some(252), &in_view), "refused");
}

#[test]
fn only_a_refusal_of_the_table_itself_is_certain() {
    let fate = |text| match verdict(Ok(&answer(500, Some(241), text))) {
        Verdict::Retry { fate, .. } => fate,
        other => panic!("{other:?}"),
    };
    assert_eq!(fate("Code: 241. DB::Exception: Memory limit exceeded"), Fate::NoMemory);
    assert_eq!(fate("Code: 241. DB::Exception: Memory limit exceeded: while pushing to view x"), Fate::Unknown);
}

#[test]
fn an_exception_after_a_200_is_one() {
    assert_eq!(judged(200, None, "\n\r\nCode: 241. DB::Exception: Memory limit exceeded"), "retry");
    assert_eq!(judged(200, None, "1\t2\nCode: 60. DB::Exception: no table"), "no table");
    assert_eq!(judged(200, None, ""), "delivered");
    assert_eq!(judged(200, None, "\n"), "delivered");
    for odd in ["Ok.\n", "<html>sign in</html>", "Code: none", "Code: 0. DB::Exception"] {
        assert_eq!(judged(200, None, odd), "paused", "{odd}");
    }
}

#[test]
fn an_answer_that_does_not_end_proves_nothing() {
    for end in [BodyEnd::Cut, BodyEnd::TimedOut] {
        let answer = Answer { end, ..answer(200, None, "") };
        assert_eq!(name(&verdict(Ok(&answer))), "retry");
        assert_eq!(failure(Ok(&answer)).as_ref().map(name), Some("retry"));
    }
}

#[test]
fn without_a_code_the_status_decides() {
    for status in 200..=599 {
        let expected = match status {
            200..=299 => "delivered",
            300..=399 | 401 | 403 | 404 | 405 | 407 => "paused",
            413 => "too large",
            408 | 425 | 429 | 500 | 502..=599 => "retry",
            _ => "refused",
        };
        assert_eq!(judged(status, None, ""), expected, "{status}");
    }
    for status in [429, 503] {
        let busy = Answer { retry_after: Some(Duration::from_secs(7)), ..answer(status, None, "") };
        let after = Some(Duration::from_secs(7));
        assert!(matches!(verdict(Ok(&busy)), Verdict::Overloaded { after: told, .. } if told == after));
    }
}

#[test]
fn a_code_that_nobody_knows_leaves_it_to_the_status() {
    assert_eq!(judged(500, Some(9999), ""), "retry");
    assert_eq!(judged(400, Some(9999), ""), "refused");
    assert_eq!(judged(501, Some(9999), ""), "refused");
    assert_eq!(judged(404, Some(9999), ""), "paused");
    assert_eq!(judged(413, Some(223), ""), "too large");
}

#[test]
fn no_answer_leaves_the_fate_open_unless_there_was_nobody_to_ask() {
    for (failure, expected) in [
        (HttpFailure::Timeout, Fate::NoAnswer),
        (HttpFailure::Cut, Fate::NoAnswer),
        (HttpFailure::Tls("bad record".into()), Fate::NoAnswer),
        (HttpFailure::Connect, Fate::NotSent),
        (HttpFailure::Unresolved, Fate::NotSent),
        (HttpFailure::Objection, Fate::NotSent),
    ] {
        let Verdict::Retry { after: None, fate, why } = verdict(Err(&failure)) else { panic!("{failure:?}") };
        assert_eq!((fate, why), (expected, failure.to_string().into()));
    }
}

#[test]
fn what_a_server_says_is_short_and_harmless() {
    let hostile = format!("Code: 60. DB::Exception: \x1b[2J\n{}", "x".repeat(10_000));
    let Verdict::NoTable { why } = verdict(Ok(&answer(404, None, &hostile))) else { panic!() };
    assert!(!why.contains(['\x1b', '\n']) && why.len() < 1000, "{why}");
    let Verdict::NoTable { why } =
        verdict(Ok(&answer(404, None, "Code: 60. DB::Exception: No table t. (UNKNOWN_TABLE) (version 26.9.1 (b))")))
    else {
        panic!()
    };
    let expected = "the table is not there: Code: 60. DB::Exception: No table t. (UNKNOWN_TABLE)";
    assert_eq!(why, expected);
}

#[test]
fn whatever_a_server_says_is_read_to_its_end() {
    use proptest::prelude::*;
    let said = prop::collection::vec(
        prop_oneof![
            Just("Code: "),
            Just("Code: 0"),
            Just("252"),
            Just("99999999999999999999"),
            Just("."),
            Just(", "),
            Just("e"),
            Just("DB::Exception: "),
            Just("日"),
            Just("\u{0}"),
            Just("(TOO_MANY_PARTS)")
        ],
        0..12,
    );
    proptest!(|(said in said)| {
        let text = said.concat();
        if let Some((code, at)) = find_code(&text) {
            let rest = &text[at..];
            prop_assert!(code != 0 && rest.starts_with(&format!("Code: {code}")) || rest.starts_with("Code: 0"), "{}", text);
        }
    });
}
