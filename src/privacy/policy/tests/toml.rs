//! Policies in files: what can be written can be read, and what cannot be read is shown with its place and the remedy.

use super::*;

/// A file with a mistake, where it is, and words that the error has.
const MISTAKES: &[(&str, (usize, usize), &str)] = &[
    ("base = \"standard\"\nmesage = \"drop\"", (2, 1), "no setting `mesage`; there are `base`, `message`,"),
    ("base = \"lax\"", (1, 8), "no base `lax`; there are `standard`, `strict`, `automagik`"),
    ("base = 7", (1, 8), "`base` is a text"),
    ("message = \"destroy\"", (1, 11), "no action `destroy` for `message`; there are `keep`, `drop`,"),
    (
        "on_finding = \"explode\"",
        (1, 14),
        "no answer `explode` to a finding; there are `redact`, `drop_field`, `drop_record`, `drop_record_on_any`",
    ),
    ("kinds = 1", (1, 9), "write `[kinds]`"),
    ("[kinds]\nemial = \"off\"", (2, 1), "no kind `emial`; there are `email`, `phone`,"),
    ("[kinds]\nunscanned = \"off\"", (2, 1), "no kind `unscanned`"),
    ("[kinds]\nemail = \"maybe\"", (2, 9), "`email` has no answer `maybe`; there are `on`, `off`, `redact`"),
    ("[kinds]\nemail = true", (2, 9), "`email` is a text"),
    ("field = 1", (1, 9), "write `[[field]]`"),
    ("[field]\nkey = 'a'", (1, 1), "write `[[field]]`"),
    ("[[field]]\nkey = \"a\"", (1, 1), "the field `a` needs `action`"),
    ("[[field]]\naction = \"drop\"", (1, 1), "a field needs `key`"),
    ("[[field]]\nkey = \"größe\"\naction = \"drop \"", (3, 10), "no action `drop ` for `größe`"),
    ("[[field]]\nkey = \"token:7\"\naction = \"drop\"", (2, 7), "`token:7` matches no key"),
    ("[[field]]\nkey = \"a\"\naction = \"keep\"", (3, 10), "`keep` lets `a` through without a reason; add `reason ="),
    ("[[field]]\nkey = \"a\"\naction = \"keep\"\nreason = ' '", (3, 10), "without a reason"),
    ("[[field]]\nkey = \"a\"\naction = \"redact\"", (3, 10), "`redact` lets `a` through without a reason"),
    ("[[field]]\nkey = \"a\"\naction = \"truncate(9)\"", (3, 10), "without a reason"),
    ("[[field]]\nkey = \"a\"\naction = \"REVERSIBLE_sha256\"", (3, 10), "without a reason"),
    ("[[field]]\nkey = \"a\"\naction = \"REVERSIBLE_automagik\"", (3, 10), "without a reason"),
    (
        "[[field]]\nkey = \"\"\naction = \"drop\"",
        (2, 7),
        "the key is empty; name a key, such as `user.plan`, or write `*`",
    ),
    ("[[field]]\naction = \"drop\"\nkey = ' '", (3, 7), "the key is empty"),
    ("zeta = 1\nalpha = 2", (1, 1), "no setting `zeta`"),
    ("[[field]]\nkey = \"a\"\naktion = \"drop\"", (3, 1), "no setting of a field `aktion`; there are `key`,"),
    ("[[custom]]\nregex = 'x'", (1, 1), "a custom kind needs `name`"),
    ("[[custom]]\nname = \"A\"", (2, 8), "the custom kind `A` needs either `regex` or `words`"),
    ("[[custom]]\nname = \"A\"\nregex = '('", (3, 9), "the pattern `(` cannot be read"),
    ("[[custom]]\nname = \"a\"\nregex = 'x'", (3, 9), "the name must be 1 to 32 of A-Z"),
    ("[[custom]]\nname = \"A\"\nwords = 'x'", (3, 9), "`words` is a list"),
    ("[[custom]]\nname = \"A\"\nwords = ['é', 1]", (3, 15), "`words` is a text"),
    ("[[custom]]\nname = \"A\"\nwords = ['x']\nany_case = 1", (4, 12), "`any_case` is `true` or `false`"),
    ("[[custom]]\nname = \"A\"\nregex = 'x'\nseverity = 'sure'", (4, 12), "no severity `sure`; there are `contextual`"),
    ("[[custom]]\nname='A'\nregex='x'\n[[custom]]\nname = 'A'\nregex = 'y'", (5, 8), "give it another"),
    ("message = true", (1, 11), "`message` is a text: put it in quotes"),
    ("[[field]]\nkey = 'a'\naction = 7", (3, 10), "`action` is a text"),
    ("base = \"standard\"\nbase = \"strict\"", (2, 1), "duplicate key; correct it there (syntax: https://toml.io)"),
    ("base = \"standard", (1, 17), "this is not TOML"),
    ("é = 1\nbase", (2, 5), "this is not TOML"),
];

#[test]
fn a_mistake_is_shown_with_its_place_and_the_remedy() {
    for (text, place, words) in MISTAKES {
        let error = Policy::from_toml(text).expect_err(text);
        assert!(error.to_string().contains(words), "{text:?}: {error}");
        assert_eq!((error.line(), error.column()), *place, "{text:?}: {error}");
        assert!(error.to_string().starts_with(&format!("line {}, column {}: ", place.0, place.1)), "{error}");
    }
}

#[test]
fn a_file_names_itself_in_its_mistakes() {
    let path = std::env::temp_dir().join(format!("tracing-privacy-policy-{}.toml", std::process::id()));
    std::fs::write(&path, "\n  bse = 1").unwrap();
    let error = Policy::from_toml_file(&path).unwrap_err();
    assert_eq!(error.file(), Some(&*path));
    assert!(error.to_string().contains(".toml: line 2, column 3: there is no setting `bse`"), "{error}");
    std::fs::write(&path, b"base = \"strict\"\n# caf\xe9").unwrap();
    let error = Policy::from_toml_file(&path).unwrap_err();
    assert!(error.to_string().contains(".toml: line 2, column 6: this is not UTF-8; save the file as"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = Policy::from_toml_file(&path).unwrap_err();
    assert!(error.to_string().contains("the policy cannot be read") && error.line() == 0, "{error}");
}

#[test]
fn an_empty_file_is_the_standard_policy() {
    let [empty, standard] = [Policy::from_toml("").unwrap(), Policy::standard()].map(|policy| format!("{policy:?}"));
    assert_eq!(empty, standard);
}

#[test]
fn a_file_says_all_that_code_can_say() {
    let read = Policy::from_toml(
        r#"
        base = "strict"
        message = "truncate(64)"
        on_finding = "drop_field"
        [kinds]
        mac = "off"
        card = "drop_record"
        ORDER = "drop_field"
        [[custom]]
        name = "ORDER"
        regex = 'ORD-[0-9]{8}'
        severity = "validated"
        [[custom]]
        name = "CODENAME"
        words = ["Blue Heron"]
        any_case = true
        [[field]]
        key = "token:order ref"
        action = "hash"
        [[field]]
        key = "at"
        action = "round(week)"
        reason = "no exact times"
        "#,
    );
    let policy = read.unwrap();
    assert_eq!(policy.explain("message").action(), Action::Truncate(64));
    assert_eq!(policy.explain("lastOrderRef").action(), Action::Hash);
    assert_eq!(policy.explain("at").rule(), "rule `at` of the application: no exact times");
    assert_eq!(policy.scrub("blue HERON").as_deref(), None, "a finding drops the field");
    let policy = policy.on_finding(OnFinding::Redact);
    assert_eq!(policy.scrub("blue HERON at 00:1B:44:11:3A:B7").as_deref(), Some("[CODENAME] at 00:1B:44:11:3A:B7"));
    assert_eq!(policy.scrub("ORD-00420017"), None);
}

#[test]
fn what_lets_a_value_through_has_a_reason_or_says_that_it_has_none() {
    for action in [Action::Keep, Action::Redact, Action::Truncate(9), Action::ReversibleSha256, Action::Automagik] {
        let silent = Policy::standard().field("a", action);
        assert!(silent.explain("a").rule().ends_with(": no reason was given"), "{}", silent.explain("a"));
        assert!(silent.to_string().contains(&format!("`a`: {action} (no reason was given)")), "{silent}");
        let told = Policy::standard().field("a", action).because(" for the test ");
        assert!(told.explain("a").rule().ends_with(": for the test"), "{}", told.explain("a"));
        for policy in [silent, told, Policy::standard().keep("a", " ")] {
            assert_eq!(Policy::from_toml(&policy.to_toml()).unwrap().rules, policy.rules);
        }
    }
    for action in [Action::Drop, Action::Hash, Action::Bucket, Action::Generalize, Action::Parameterize] {
        let silent = Policy::standard().field("a", action);
        assert_eq!(silent.explain("a").rule(), "rule `a` of the application");
    }
    assert_eq!(Policy::standard().because("of nothing").rules, []);
}

#[test]
fn rules_about_odd_keys_can_be_written_too() {
    let rules = [KeyPattern::exact(""), KeyPattern::exact(" "), KeyPattern::prefix(""), KeyPattern::prefix(" ")];
    let policy = rules.into_iter().fold(Policy::standard(), |policy, key| policy.drop_field(key));
    assert_eq!(Policy::from_toml(&policy.to_toml()).unwrap().rules, policy.rules);
    // No key has a word without letters.
    let void = Policy::standard().drop_field(KeyPattern::token("7"));
    assert_eq!(Policy::from_toml(&void.to_toml()).unwrap().rules, []);
}
