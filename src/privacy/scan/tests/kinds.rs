//! What a finding says of itself: its kind, how sure it is, where it is; and what is left of several that overlap.

use Severity::{Contextual, Likely, Validated};

use super::super::finding::settle;
use super::super::kind::CustomKind;
use super::super::*;
use crate::privacy::Policy;

/// A text of each kind, with what is found in it between `«` and `»`, and how sure that is. A `§` keeps keys from looking like
/// one in this repository.
const TEXTS: &[(Kind, Severity, &str)] = &[
    (Kind::Email, Validated, "mail to «bob.stone@example.com» bounced"),
    (Kind::Phone, Validated, "call «+49 170 1234567» back"),
    (Kind::Phone, Contextual, "phone number «555 0143 22» busy"),
    (Kind::Ipv4, Validated, "peer «203.0.113.42» gone"),
    (Kind::Ipv4, Likely, "on ip-«10-0-0-1» now"),
    (Kind::Ipv6, Validated, "peer «2001:db8:85a3::8a2e:370:7334» gone"),
    (Kind::Card, Validated, "paid with «4111 1111 1111 1111» today"),
    (
        Kind::Jwt,
        Validated,
        "got «eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0NzEyIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXkkk» there",
    ),
    (Kind::Bearer, Likely, "authorization: Bearer «mF9xB5f41JqM» sent"),
    (Kind::ApiKey, Validated, "with «AK§IA2E0A8F3B244C9986» set"),
    (Kind::HomePath, Likely, "read /home/«annlee»/notes.txt"),
    (Kind::Host, Likely, r"share \\«fileserver01»\public"),
    (Kind::Mac, Validated, "device «00:1b:44:11:3a:b7» joined"),
    (Kind::Iban, Validated, "to «DE89 3704 0044 0532 0130 00» sent"),
    (Kind::Ssn, Likely, "holds «219-09-9999» there"),
    (Kind::NationalId, Validated, "IMEI «490154203237518» seen"),
    // In the form of a telephone number's, and where the word stands far from other numbers.
    (Kind::NationalId, Validated, "NHS number «943-476-5919» on file"),
    (Kind::NationalId, Validated, "in 2026, of 120450 rows one had pesel «44051401359» and 88213 had none"),
    (
        Kind::Pem,
        Validated,
        "«-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw\n-----END PRIVATE KEY-----» read",
    ),
    (Kind::UrlUserinfo, Validated, "at https://«bob:pw1x»@shop.example/ now"),
    (Kind::UrlSecret, Likely, "GET /cb?page=2&token=«abc123» 200"),
    (Kind::Wallet, Validated, "to «1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa» sent"),
    (Kind::Geo, Contextual, "position «48.137154, 11.576124» then"),
    (Kind::BirthDate, Likely, "dob=«1990-04-17» then"),
    (Kind::KeyedSecret, Likely, "password=«hunter2» set"),
    (Kind::KeyedSecret, Contextual, "password: «hunter2» set"),
    (Kind::KeyedId, Likely, "user_id=«42» in"),
    (Kind::KeyedPii, Likely, r#"{"city":"«Turin»"}"#),
    (Kind::Uuid, Likely, "pvc-«550e8400-e29b-41d4-a716-446655440000» bound"),
    (Kind::HighEntropy, Contextual, "seed=«d8Kf02mQzL7xWv3TnB6yRc9Pe1Hs4JgU» in"),
];

#[test]
fn each_kind_is_found_as_itself_and_where_it_is_and_is_as_sure_as_it_can_be() {
    let policy = Policy::standard().with_kind(Kind::Uuid);
    let mut wrong = Vec::new();
    for (kind, severity, text) in TEXTS {
        let (start, end) = (text.find('«'), text.find('»'));
        let before = |place: Option<usize>| text[..place.expect("it is marked")].replace(['§', '«', '»'], "").len();
        let plain = text.replace(['§', '«', '»'], "");
        let expected = (*kind, *severity, before(start)..before(end));
        let found: Vec<_> =
            policy.findings(&plain).iter().map(|one| (one.kind(), one.severity(), one.span())).collect();
        if found != [expected] {
            wrong.push(format!("{kind} {plain}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for kind in Kind::BUILT_IN.iter().filter(|kind| **kind != Kind::Unscanned) {
        assert!(TEXTS.iter().any(|(known, ..)| known == kind), "{kind} is not shown");
    }
}

#[test]
fn each_kind_can_be_switched_off_and_answered_by_itself() {
    for (kind, _, text) in TEXTS {
        let plain = text.replace(['§', '«', '»'], "");
        let off = Policy::standard().without_kind(*kind);
        assert!(off.findings(&plain).iter().all(|finding| finding.kind() != *kind), "{kind}: {plain}");
        for answer in [OnFinding::DropField, OnFinding::DropRecord] {
            assert_eq!(Policy::standard().kind(*kind, answer).scrub(&plain), None, "{kind}: {plain}");
        }
    }
}

/// As [`Policy::findings`] tells it.
const ORDER: &[&[Kind]] = &[
    &[Kind::Unscanned],
    &[Kind::Custom(CustomKind(0)), Kind::Custom(CustomKind(1))],
    &[Kind::Jwt, Kind::Bearer, Kind::ApiKey, Kind::Pem, Kind::UrlUserinfo],
    &[Kind::UrlSecret],
    &[Kind::Card, Kind::Iban, Kind::Ssn, Kind::NationalId, Kind::Wallet],
    &[Kind::Email],
    &[Kind::Ipv4, Kind::Ipv6, Kind::Mac],
    &[Kind::Phone, Kind::Geo, Kind::BirthDate, Kind::KeyedSecret],
    &[Kind::KeyedId, Kind::KeyedPii],
    &[Kind::HomePath, Kind::Host, Kind::Uuid],
    &[Kind::HighEntropy],
];

#[test]
fn of_findings_that_overlap_the_longest_gives_the_kind_then_the_order_that_is_told() {
    assert_eq!(ORDER.iter().map(|kinds| kinds.len()).sum::<usize>(), Kind::BUILT_IN.len() + 2);
    let joined = |mut found: Vec<Finding>| {
        settle(&mut found);
        found.iter().map(|one| (one.kind(), one.severity(), one.span())).collect::<Vec<_>>()
    };
    for (place, kinds) in ORDER.iter().enumerate() {
        for kind in *kinds {
            for (other_place, others) in ORDER.iter().enumerate() {
                for other in *others {
                    let winner = if other_place < place { *other } else { *kind };
                    let is_tie = other_place == place;
                    for (first, second) in [(kind, other), (other, kind)] {
                        // Equally long, apart by one.
                        let pair = vec![Finding::new(*first, Likely, 3..9), Finding::new(*second, Contextual, 4..10)];
                        let expected = if is_tie { *first } else { winner };
                        assert_eq!(joined(pair), [(expected, Likely, 3..10)], "{first} {second}");
                        // The longer one, whatever it is.
                        let pair = vec![Finding::new(*first, Likely, 3..9), Finding::new(*second, Validated, 2..9)];
                        assert_eq!(joined(pair), [(*second, Validated, 2..9)], "{first} {second}");
                    }
                }
            }
        }
    }
    // The longest of all three, although what the first two cover is longer than it.
    let three = [(Kind::Phone, 0..6), (Kind::Ipv4, 4..10), (Kind::Geo, 5..13)];
    let three = three.map(|(kind, span)| Finding::new(kind, Likely, span)).to_vec();
    assert_eq!(joined(three), [(Kind::Geo, Likely, 0..13)]);
    // Side by side is not overlapping.
    let two = vec![Finding::new(Kind::Email, Likely, 4..6), Finding::new(Kind::Card, Likely, 0..4)];
    assert_eq!(joined(two), [(Kind::Card, Likely, 0..4), (Kind::Email, Likely, 4..6)]);
}
