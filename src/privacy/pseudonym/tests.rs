use std::sync::Barrier;
use std::time::Duration;

use super::*;
use crate::app::RotatingKey;

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn rotating(clock: &Clock) -> Pseudonymizer {
    let keys = RotatingKeys::draw(clock.today()).unwrap();
    Pseudonymizer::rotating(keys, Renewed::Yes, Rotation::Weekly, clock.clone())
}

fn of_all(pseudonyms: &Pseudonymizer) -> [Pseudonym; 4] {
    Rotation::ALL.map(|rotation| pseudonyms.pseudonym_for(rotation, "user_id", "42"))
}

#[test]
fn a_pseudonym_is_the_same_for_the_same_key_field_and_value_alone() {
    let one = Pseudonymizer::with_key(&[1; 32]);
    let same = one.pseudonym("user_id", "42");
    assert_eq!(same, Pseudonymizer::with_key(&[1; 32]).pseudonym("user_id", "42"));
    assert_ne!(same, one.pseudonym("user_id", "43"));
    assert_ne!(same, one.pseudonym("device_id", "42"));
    assert_ne!(same, Pseudonymizer::with_key(&[2; 32]).pseudonym("user_id", "42"));
    assert_ne!(one.pseudonym("ab", "c"), one.pseudonym("a", "bc"));
    assert!(is_pseudonym(same.as_str()));
}

#[test]
fn a_pseudonym_is_hmac_sha_256_cut_to_128_bits() {
    // Checked with Python: hmac.new(bytes(32), b"\x01\0\0\0k\x01\0\0\0v", "sha256").hexdigest()[:32]
    let pseudonym = Pseudonymizer::with_key(&[0; 32]).pseudonym("k", "v");
    assert_eq!(pseudonym.as_str(), "90a6f13a7a553c5dd57adea7f0d213a0");
}

#[test]
fn spellings_of_one_value_have_one_pseudonym() {
    let pseudonyms = Pseudonymizer::with_key(&[1; 32]);
    let same = |spellings: &[&str]| {
        let all: Vec<_> = spellings.iter().map(|value| pseudonyms.pseudonym("user_id", value)).collect();
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{spellings:?}: {all:?}");
    };
    same(&["alice@example.com", " Alice@Example.COM "]);
    same(&["42", " 42 ", &42_u64.to_string(), &42_i64.to_string(), &42.0_f64.to_string()]);
    same(&["{67E55044-10B1-426F-9247-BB680E5FE0C8}", "67e55044-10b1-426f-9247-bb680e5fe0c8"]);
}

#[test]
fn without_randomness_at_rollover_pseudonyms_are_new_and_keyed_all_the_same() {
    let clock = Clock::manual("2026-03-05T12:00:00Z");
    let (pseudonyms, twin) = (rotating(&clock), rotating(&clock));
    let before = of_all(&pseudonyms);
    clock.set("2026-04-01T00:00:00Z");
    let (after, others) = crate::app::random::without(|| (of_all(&pseudonyms), of_all(&twin)));
    let same = [0, 1, 2, 3].map(|at| before[at] == after[at]);
    assert_eq!(same, [false, false, false, true]);
    let plain = Pseudonym::reversible_sha256("42");
    for at in 0..4 {
        assert!(is_pseudonym(after[at].as_str()) && !plain.as_str().starts_with(after[at].as_str()));
        assert_ne!(after[at], others[at], "another installation's is another");
        assert!(at == 3 || after[..at].iter().all(|other| *other != after[at]));
    }
}

#[test]
fn keys_are_replaced_when_their_period_is_over_and_not_before() {
    let clock = Clock::manual("2026-03-05T23:59:59Z");
    let pseudonyms = rotating(&clock);
    let mut before = of_all(&pseudonyms);
    for (to, changes) in [
        ("2026-03-06T00:00:00Z", [true, false, false, false]),
        ("2026-03-08T23:59:59Z", [true, false, false, false]),
        ("2026-03-09T00:00:00Z", [true, true, false, false]),
        ("2026-04-01T00:00:00Z", [true, true, true, false]),
        // A clock that was, or is, ten years off, and is set right again.
        ("2036-04-01T00:00:00Z", [true, true, true, false]),
        ("2026-04-01T00:00:00Z", [true, true, true, false]),
    ] {
        clock.set(to);
        let after = of_all(&pseudonyms);
        let changed: Vec<bool> = before.iter().zip(&after).map(|(before, after)| before != after).collect();
        assert_eq!(changed, changes, "{to}");
        assert_eq!(after, of_all(&pseudonyms), "{to}");
        before = after;
    }
    assert_eq!(before[1], pseudonyms.pseudonym("user_id", "42"), "the default is what was asked for");
}

#[test]
fn all_threads_have_the_same_new_key() {
    let clock = Clock::manual("2026-03-05T12:00:00Z");
    let pseudonyms = rotating(&clock);
    for day in 0..50 {
        let [yesterday, ..] = of_all(&pseudonyms);
        clock.advance(Duration::from_secs(86_400));
        let barrier = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    of_all(&pseudonyms);
                });
            }
        });
        let saved = pseudonyms.unsaved().expect("the daily key is new").0;
        let daily = Pseudonymizer::with_key(saved.key(Rotation::Daily).bytes()).pseudonym("user_id", "42");
        assert_eq!(of_all(&pseudonyms)[0], daily, "day {day}");
        assert_ne!(daily, yesterday, "day {day}");
    }
}

#[test]
fn what_is_on_disk_is_taken_as_far_as_it_holds() {
    let clock = Clock::manual("2026-03-05T12:00:00Z");
    let pseudonyms = rotating(&clock);
    let (own, today) = pseudonyms.unsaved().unwrap();
    assert_eq!(today, date("2026-03-05"));
    let theirs =
        RotatingKeys::from_keys([1, 2, 3, 4].map(|byte| RotatingKey::from_parts(&[byte; 32], date("2026-03-04"))));
    pseudonyms.adopt(&theirs);
    let expected = [own.key(Rotation::Daily).bytes(), &[2; 32], &[3; 32], &[4; 32]]
        .map(|key| Pseudonymizer::with_key(key).pseudonym("user_id", "42"));
    assert_eq!(of_all(&pseudonyms), expected);
    assert!(pseudonyms.unsaved().is_some(), "their daily key does not hold");
    pseudonyms.adopt(&pseudonyms.keys().unwrap());
    assert!(pseudonyms.unsaved().is_none());
}

#[test]
fn hosts_with_one_secret_agree_and_applications_and_periods_differ() {
    let secret = || Secret::new([7; 32]);
    let host = |time: &str, application: &str| {
        let clock = Clock::manual(time);
        (rotating(&clock).shared(secret(), application), clock)
    };
    let (one, clock) = host("2026-03-05T12:00:00Z", "acme");
    let (other, _) = host("2026-03-05T18:00:00Z", "acme");
    assert_eq!(of_all(&one), of_all(&other));
    assert_ne!(one.keys().unwrap().key(Rotation::Daily).bytes(), other.keys().unwrap().key(Rotation::Daily).bytes());
    let foreign = of_all(&host("2026-03-05T12:00:00Z", "other").0);
    assert!(of_all(&one).iter().zip(&foreign).all(|(one, other)| one != other));
    let before = of_all(&one);
    clock.set("2026-03-09T00:00:00Z");
    assert_eq!(of_all(&one).map(|new| before.contains(&new)), [false, false, true, true]);
    assert_eq!(of_all(&one), of_all(&host("2026-03-09T07:00:00Z", "acme").0));
}

#[test]
fn reversible_is_what_it_is_called_wherever_it_shows() {
    let hash = Pseudonym::reversible_sha256("123");
    assert_eq!(hash.to_string(), "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3");
    assert_eq!(format!("{hash:?}"), format!("REVERSIBLE SHA-256 {hash}"));
    assert!(is_reversible(hash.as_str()) && !is_pseudonym(hash.as_str()));
}

#[test]
fn debug_shows_no_key() {
    let clock = Clock::manual("2026-03-05T12:00:00Z");
    let shared = rotating(&clock).shared(Secret::new([7; 32]), "acme");
    assert_eq!(format!("{shared:?}"), "Pseudonymizer(..)");
}
