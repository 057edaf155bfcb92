//! A scanner that was told what to look for.

use super::super::*;

fn scrub(scanner: &Scanner, text: &str) -> String {
    let mut found = Vec::new();
    if !scanner.looks_clean(text.as_bytes()) {
        scanner.scan(text.as_bytes(), &mut found);
    }
    let mut out = String::new();
    scanner.redact(text, &found, |piece| out.push_str(piece));
    out
}

fn answer(scanner: &Scanner, text: &str, default: OnFinding) -> OnFinding {
    let mut found = Vec::new();
    scanner.scan(text.as_bytes(), &mut found);
    scanner.answer(&found, default)
}

#[test]
fn a_kind_is_switched_off_and_on_again() {
    const TEXT: &str = "bob@example.com at 203.0.113.7";
    let scanner = Scanner::standard().without(Kind::Email);
    assert_eq!(scrub(&scanner, TEXT), "bob@example.com at [IP]");
    assert_eq!(scrub(&scanner.clone().without(Kind::Ipv4), TEXT), TEXT);
    assert_eq!(scrub(&scanner.with(Kind::Email), TEXT), "[EMAIL] at [IP]");
}

#[test]
fn a_uuid_is_looked_for_where_somebody_asks_for_it() {
    const UUID: &str = "550e8400-e29b-41d4-a716-446655440000";
    let asked = Scanner::standard().with(Kind::Uuid);
    for (text, clean) in [
        (format!("order {UUID} placed"), "order [UUID] placed"),
        (format!("{{\"order\":\"{}\"}}", UUID.to_uppercase()), "{\"order\":\"[UUID]\"}"),
        (format!("urn:uuid:{UUID},pvc-{UUID}"), "urn:uuid:[UUID],pvc-[UUID]"),
        ("abcdefab-cdef-abcd-efab-cdefabcdefab".to_owned(), "[UUID]"),
        (format!("{{\"m\":\"id\\n{UUID}\"}}"), "{\"m\":\"id\\n[UUID]\"}"),
        (format!("order%3D{UUID}&n=1"), "order%3D[UUID]&n=1"),
        (format!("\u{1b}[1m{UUID}\u{1b}[0m"), "\u{1b}[1m[UUID]\u{1b}[0m"),
        // Of the id under its key nothing is told but that it was one.
        (format!("user_id={UUID}"), "user_id=[ID]"),
    ] {
        assert_eq!(scrub(&asked, &text), clean);
        assert_eq!(scrub(&asked, clean), clean, "it is stable");
    }
    for text in [format!("{UUID}0"), format!("a{UUID}"), UUID.replacen('-', "", 1), UUID[..35].to_owned()] {
        assert_eq!(scrub(&asked, &text), text);
    }
    let text = format!("order {UUID}");
    let unasked = Scanner::standard().without(Kind::Email);
    for scanner in [Scanner::standard(), unasked, asked.clone().without(Kind::Uuid)] {
        assert_eq!(scrub(&scanner, &text), text);
    }
    assert_eq!(scrub(&Scanner::standard().and(&asked).expect("nothing was added"), &text), "order [UUID]");
    assert_eq!(scrub(&asked.and(&Scanner::standard()).expect("nothing was added"), &text), "order [UUID]");
}

#[test]
fn what_one_kind_leaves_another_may_still_find() {
    let text = "email=bob@example.com";
    assert_eq!(scrub(&Scanner::standard(), text), "email=[EMAIL]");
    assert_eq!(scrub(&Scanner::standard().without(Kind::Email), text), "email=[PII]");
}

#[test]
fn each_kind_may_have_its_own_answer_and_the_strongest_wins() {
    use OnFinding::{DropField, DropRecord, DropRecordOnAny, Redact};
    let scanner = Scanner::standard()
        .on_finding(Kind::Card, DropRecord)
        .on_finding(Kind::Email, Redact)
        .on_finding(Kind::Phone, DropRecord)
        .on_finding(Kind::Phone, DropField);
    let (mail, card, phone) = ("bob@example.com", "4111 1111 1111 1111", "+14155552671");
    assert_eq!(answer(&scanner, mail, DropRecord), Redact);
    assert_eq!(answer(&scanner, card, Redact), DropRecord);
    assert_eq!(answer(&scanner, phone, Redact), DropField);
    assert_eq!(answer(&scanner, &format!("{mail} {phone}"), Redact), DropField);
    assert_eq!(answer(&scanner, &format!("{mail} {phone} {card}"), Redact), DropRecord);
    // A finding that two kinds share has the answer of both: the card is the password.
    assert_eq!(answer(&scanner, "password=4111111111111111-x", Redact), DropRecord);
    assert_eq!(answer(&scanner, "203.0.113.7", DropRecord), DropRecord);
    assert_eq!(answer(&scanner, "passport 123456789", DropRecord), Redact, "only the words around it say so");
    assert_eq!(answer(&scanner, "passport 123456789", DropRecordOnAny), DropRecord);
    assert_eq!(answer(&scanner, mail, DropRecordOnAny), Redact);
    for default in [DropRecord, DropRecordOnAny] {
        assert_eq!(answer(&scanner, "plain words", default), Redact);
    }
}

#[test]
fn kinds_are_added_by_expression_and_by_list() {
    let scanner = Scanner::standard()
        .custom(Custom::regex("ORDER", r"ORD-\d+").expect("it is one"))
        .and_then(|scanner| scanner.custom(Custom::words("PROJECT", ["Blue Heron", "heron", "Ørn"])?.any_case()))
        .and_then(|scanner| scanner.custom(Custom::regex("TICKET", r"(?i)ticket (?<value>[a-z]{3})")?))
        .and_then(|scanner| scanner.custom(Custom::words("EXACT", ["Kiwi"])?.severity(Severity::Validated)))
        .expect("all are good");
    for (text, clean) in [
        ("order ORD-1234 paid by bob@example.com", "order [ORDER] paid by [EMAIL]"),
        ("blue heron, BLUE HERON and Heron", "[PROJECT], [PROJECT] and [PROJECT]"),
        ("herons, sheron and blue herons stay", "herons, sheron and blue herons stay"),
        ("用户heron走了 Ørn", "用户[PROJECT]走了 [PROJECT]"),
        ("Ticket abc", "Ticket [TICKET]"),
        ("kiwi Kiwi", "kiwi [EXACT]"),
    ] {
        assert_eq!(scrub(&scanner, text), clean);
        assert_eq!(scrub(&scanner, clean), clean, "it is stable");
    }
    let kind = scanner.kind("EXACT").expect("it was added");
    assert_eq!((scanner.name(kind), scanner.placeholder(kind)), ("EXACT", "[EXACT]"));
    assert_eq!(scanner.kind("email"), Some(Kind::Email));
    assert_eq!(scanner.kind("KIWI"), None);
    assert_eq!(scrub(&scanner.clone().without(kind), "Kiwi ORD-1"), "Kiwi [ORDER]");
    assert_eq!(
        answer(&scanner.on_finding(kind, OnFinding::DropField), "Kiwi", OnFinding::Redact),
        OnFinding::DropField
    );
}

#[test]
fn an_empty_match_is_none_and_a_cut_char_goes_whole() {
    let scanner =
        Scanner::standard().custom(Custom::regex("EMPTY", "x*").expect("it is one")).expect("it is the first");
    assert_eq!(scrub(&scanner, "a b xx ü"), "a b [EMPTY] ü");
    let bytes = Scanner::standard().custom(Custom::regex("BYTE", r"(?-u:\xbc)").expect("it is one"));
    assert_eq!(scrub(&bytes.expect("it is the first"), "aüb"), "a[BYTE]b");
}

#[test]
fn matches_are_found_wherever_a_long_text_is_cut() {
    let scanner = Scanner::standard()
        .custom(Custom::regex("ORDER", r"\bORD-\d{8}\b").expect("it is one"))
        .expect("it is the first");
    for lead in (0..40_000).step_by(997).chain(16_370..16_390).chain(14_330..14_350) {
        let text = format!("{} ORD-00420017 {}", "x".repeat(lead), "y".repeat(20_000));
        assert!(scrub(&scanner, &text).contains("x [ORDER] y") || lead == 0, "{lead}");
    }
}

#[test]
fn what_cannot_be_added_is_named_with_the_remedy() {
    let error = |result: Result<Custom, CustomError>| result.expect_err("it is not good").to_string();
    let unclosed = error(Custom::regex("ORDER", "ORD-(\\d+"));
    assert!(
        unclosed.contains("`ORDER`") && unclosed.contains("ORD-(\\d+") && unclosed.contains("correct it"),
        "{unclosed}"
    );
    let large = error(Custom::regex("LARGE", r"(\w{100}){100}"));
    assert!(large.contains("`LARGE`") && large.contains("fewer or smaller repetitions"), "{large}");
    for name in ["", "order", "OR DER", "\"", "Ä", &"A".repeat(33)] {
        assert!(error(Custom::regex(name, "x")).contains("A-Z, 0-9 and _"), "{name}");
    }
    assert!(error(Custom::words("LIST", [""; 1])).contains("1 to 100000 words"));
    assert!(error(Custom::words("LIST", [""; 0])).contains("1 to 100000 words"));
    let mut scanner = Scanner::standard();
    for number in 0..32 {
        let custom = Custom::words(&format!("N{number}"), ["x"]).expect("it is good");
        assert!(scanner.clone().custom(custom.clone()).and_then(|scanner| scanner.custom(custom.clone())).is_err());
        scanner = scanner.custom(custom).expect("there is room");
    }
    let error =
        scanner.custom(Custom::words("ONE_MORE", ["x"]).expect("it is good")).expect_err("it is full").to_string();
    assert!(error.contains("`ONE_MORE`") && error.contains("join"), "{error}");
}

#[test]
fn a_detector_that_fails_takes_the_value_with_it() {
    let scanner = Scanner::standard().custom(Custom::failing()).expect("it is the first").without(Kind::Unscanned);
    assert_eq!(scrub(&scanner, "blue heron"), "[REMOVED]");
    assert_eq!(answer(&scanner, "blue heron", OnFinding::Redact), OnFinding::DropField);
    for drops in [OnFinding::DropRecord, OnFinding::DropRecordOnAny] {
        assert_eq!(answer(&scanner, "blue heron", drops), OnFinding::DropRecord);
    }
}

#[test]
fn a_kind_is_read_by_its_name() {
    for kind in Kind::BUILT_IN {
        assert_eq!(kind.name().parse(), Ok(*kind));
    }
    let error = "mail".parse::<Kind>().expect_err("it is none").to_string();
    assert!(error.contains("email, phone"), "{error}");
}
