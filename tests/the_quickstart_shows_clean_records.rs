//! Promise: the quickstart, run as its reader runs it, is nothing at all while off, and clean when on.

#![cfg(unix)]

#[path = "support/example.rs"]
mod example;

use example::Example;
use tracing_privacy::Environment;
use tracing_privacy::consent::{Row, Saved, Settings, decide};

const ENABLED: &str = "QUICKSTART_TELEMETRY_ENABLED";
const LINE: &str = "QUICKSTART_TELEMETRY_ENABLED=true cargo run --example quickstart";
const CONSENT: &str = ".local/share/quickstart/telemetry/consent.json";

#[test]
fn run_plainly_it_says_that_it_is_off_and_why_and_what_turns_it_on() {
    let quickstart = Example::new("quickstart");
    let said = quickstart.run();
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    for part in ["telemetry is off", "nobody has said yes", LINE] {
        assert!(said.stdout.contains(part), "{part:?} in\n{}", said.stdout);
    }
    assert!(quickstart.home().paths().is_empty(), "{:?}", quickstart.home().paths());
}

#[test]
fn the_key_is_never_opened_through_a_link_and_is_written_to_a_file_that_was_not_there() {
    let quickstart = Example::new("quickstart").var(ENABLED, "true");
    let mut written = 0;
    // The second run reads what the first one wrote.
    for _ in 0..2 {
        let Some((log, _)) = quickstart.trace() else { return };
        let opened: Vec<&str> =
            log.lines().filter(|line| line.contains("open") && line.contains("/pseudonym.key")).collect();
        assert!(!opened.is_empty(), "the key is not looked for:\n{log}");
        for line in opened {
            assert!(line.contains("O_NOFOLLOW"), "{line}");
            if line.contains("/pseudonym.key.new") && line.contains("O_CREAT") {
                assert!(line.contains("O_EXCL") && line.contains("0600"), "{line}");
                written += 1;
            }
            assert!(line.contains("/pseudonym.key.new") || !line.contains("O_CREAT"), "{line}");
        }
    }
    assert_eq!(written, 1, "it is written once");
}

#[test]
fn any_no_beats_the_yes_and_leaves_no_trace() {
    for (source, set_up) in vetoes() {
        let quickstart = set_up(Example::new("quickstart").var(ENABLED, "true"));
        let before = (quickstart.home().paths(), quickstart.home().files());
        let said = quickstart.run();
        assert!(said.stdout.contains("telemetry is off"), "{source}:\n{}", said.stdout);
        let unwrapped = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(unwrapped.contains(&source), "{source} is not given as the reason:\n{}", said.stdout);
        assert!(unwrapped.contains(LINE), "{source}:\n{}", said.stdout);
        assert_eq!((quickstart.home().paths(), quickstart.home().files()), before, "{source}");
    }
}

#[test]
fn a_variable_that_is_no_objection_leaves_it_on() {
    let quickstart = Example::new("quickstart").var(ENABLED, " Yes ");
    let quickstart = quickstart.var("DO_NOT_TRACK", "0").var("CI", "false").var("ENVIRONMENT", "production");
    let said = quickstart.var("OTEL_SDK_DISABLED", "false").var("VERCEL", "1").run();
    assert!(!said.stdout.contains("telemetry is off"), "{}", said.stdout);
    let saved = Example::new("quickstart").file(CONSENT, r#"{"answer":"yes","collection":1}"#).run();
    assert!(!saved.stdout.contains("telemetry is off"), "{}", saved.stdout);
}

#[cfg(feature = "store")]
mod on {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    use super::example::{CUSTOMERS, HARMLESS, PLANTED, contains};
    use super::*;

    #[test]
    fn no_planted_secret_is_in_any_file() {
        let quickstart = Example::new("quickstart").var(ENABLED, "true");
        quickstart.run();
        let files = quickstart.home().files();
        for part in HARMLESS {
            assert!(files.iter().any(|(_, bytes)| contains(bytes, part)), "{part:?} was logged and should be kept");
        }
        for (path, bytes) in &files {
            for secret in PLANTED {
                assert!(!contains(bytes, secret), "{secret:?} is in {}", path.display());
            }
        }
    }

    #[test]
    fn the_planted_secrets_are_what_the_example_logs() {
        let logged = include_str!("../examples/quickstart/shop.rs");
        let whole = ["7946 0958", "203.0.113", "2001:db8:85a3", "4111 1111", "5555 5555", "annlee", "ann.lee"];
        let logs = |secret: &&&str| logged.contains(**secret);
        assert!(whole.iter().all(|secret| logs(&secret)), "the example was changed: change the list of secrets too");
        // The others are pieces or spellings of those.
        assert!(PLANTED.iter().filter(logs).count() >= PLANTED.len() - 4);
    }

    #[test]
    fn its_files_are_for_their_user_alone() {
        let quickstart = Example::new("quickstart").var(ENABLED, "true");
        quickstart.run();
        let directory = quickstart.home().path().join(".local/share/quickstart/telemetry");
        let mode = |path: &std::path::Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        let files = quickstart.home().files();
        assert!(files.iter().any(|(path, _)| path.ends_with("telemetry.db")), "{files:?}");
        for (path, _) in files {
            assert!(path.starts_with(&directory), "{}", path.display());
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }

    #[test]
    fn useful_fields_survive_and_a_redacted_sentence_keeps_its_other_words() {
        let rows = kept(&Example::new("quickstart").var(ENABLED, "true"));
        let attribute = |key: &str, json: &str| {
            let value: serde_json::Value = serde_json::from_str(json).expect("it is JSON");
            rows.iter().any(|row| row["attributes"][key] == value)
        };
        for (key, value) in
            [("plan", "\"pro\""), ("plan", "\"free\""), ("items", "3"), ("uptime_ms", "12.5"), ("cached", "true")]
        {
            assert!(attribute(key, value), "{key}={value} in {rows:#?}");
        }
        for body in [
            "order placed, receipt goes to [EMAIL]",
            "card [CARD] accepted",
            "signed in from [IP]",
            "courier may call [PHONE] before delivery",
            "invoice written to /home/[USER]/shop/invoices/2026-11.pdf",
            "gateway asked again, retrying with Authorization: Bearer [TOKEN]",
            "key [API_KEY] is close to its rate limit",
        ] {
            assert!(rows.iter().any(|row| row["body"] == body), "{body:?} in {rows:#?}");
        }
        let chain = "\"the order could not be paid: gateway declined card [CARD] used from [IP]\"";
        assert!(attribute("error", chain), "{rows:#?}");
        let struct_ = r#"SignIn { method: "form", email: "[EMAIL]", password: "[SECRET]", attempts: 2 }"#;
        assert!(rows.iter().any(|row| row["attributes"]["attempt"] == struct_), "{rows:#?}");
        assert!(!rows.iter().any(|row| row["attributes"].get("password").is_some()), "{rows:#?}");
    }

    #[test]
    fn a_user_has_one_pseudonym_in_every_run_and_each_user_another() {
        let quickstart = Example::new("quickstart").var(ENABLED, "true");
        quickstart.run();
        let rows = kept(&quickstart);
        let checkouts = rows.iter().filter(|row| row["kind"] == "span" && row["name"] == "checkout");
        let hashes: Vec<_> =
            checkouts.map(|row| row["attributes"]["user_id_hash"].as_str().expect("a pseudonym")).collect();
        assert_eq!(hashes.len(), 2 * CUSTOMERS.len(), "{rows:#?}");
        let mut known: BTreeMap<&str, &str> = BTreeMap::new();
        for (customer, hash) in CUSTOMERS.iter().cycle().zip(&hashes) {
            assert_eq!(known.entry(customer).or_insert(hash), hash, "two pseudonyms of one user");
            assert!(hash.len() == 32 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{hash}");
        }
        let distinct: std::collections::BTreeSet<_> = known.values().collect();
        assert_eq!(distinct.len(), 3, "one pseudonym of two users: {known:?}");
        let other_machine = kept(&Example::new("quickstart").var(ENABLED, "true"));
        assert!(
            !other_machine.iter().any(|row| row["attributes"]["user_id_hash"] == hashes[0]),
            "the key is the machine's own"
        );
        for mut row in rows.clone() {
            // Its digits are random, and may be those of an id.
            if let Some(hash) = row["attributes"].get_mut("user_id_hash") {
                assert!(hash.as_str().is_some_and(|hash| hashes.contains(&hash)), "{hash} in {rows:#?}");
                *hash = "as checked".into();
            }
            let said = format!("{} {}", row["body"], row["attributes"]);
            assert!(!CUSTOMERS.iter().any(|id| said.contains(id)), "an id as it was: {said}");
        }
    }

    #[test]
    fn every_record_is_shown_as_it_was_logged_and_as_it_was_kept() {
        let quickstart = Example::new("quickstart").var(ENABLED, "true");
        let said = quickstart.run();
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
        for line in said.stdout.lines() {
            assert!(line.chars().count() <= 100 || line.contains("/telemetry"), "over 100 columns: {line}");
        }
        let row = |key: &str, logged: &str, kept: &str| {
            let line = said.stdout.lines().find(|line| line.trim_start().starts_with(key) && line.contains(logged));
            let right = line.and_then(|line| line.split_once('│')).map(|(_, right)| right.trim());
            assert!(right.is_some_and(|right| right.starts_with(kept)), "{key}: {line:?}");
        };
        row("message", "signed in from 203.0.113.42", "signed in from [IP]");
        row("password", "correct-horse-battery", "(gone");
        row("user_id", "4711", "user_id_hash = ");
        row("plan", "pro", "pro");
        // Both sides are of the same run: what is shown as kept is what is in the file.
        let rows = raw(&quickstart);
        let shown = said.stdout.lines().filter(|line| line.contains(" log ") || line.contains(" span ")).count();
        assert!(
            said.stdout.contains(&format!("{shown} records were logged, {} were kept", rows.len())),
            "{}",
            said.stdout
        );
        let counts = format!("records: {n} produced = 0 sent + {n} stored + 0 dropped + 0 pending", n = rows.len());
        assert!(said.stdout.contains(&counts), "{}", said.stdout);
        assert!(said.stdout.contains("turned away: 1 of `sqlx::query`"), "{}", said.stdout);
    }

    #[test]
    fn the_readme_shows_what_it_prints() {
        // Pseudonyms are another machine's every time.
        let masked = |text: &str| -> Vec<String> {
            let line = |line: &str| {
                line.split_once("user_id_hash = ").map_or(line, |(before, _)| before).trim_end().to_owned()
            };
            text.lines().map(line).collect()
        };
        let readme = include_str!("../README.md");
        let part =
            readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a before and after");
        let printed = masked(&Example::new("quickstart").var(ENABLED, "true").run().stdout);
        let records: Vec<_> = part.split("\n\n").map(masked).collect();
        assert!(records.len() > 2, "{records:#?}");
        for record in records {
            assert!(printed.windows(record.len()).any(|lines| lines == record), "{record:#?} in {printed:#?}");
        }
    }

    #[test]
    fn the_lines_that_it_prints_do_what_it_says() {
        let quickstart = Example::new("quickstart").var(ENABLED, "true");
        let said = quickstart.run();
        let lines: Vec<_> = said.stdout.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        let line = |start: &str| *lines.iter().rfind(|line| line.starts_with(start)).expect("it is printed");
        if quickstart.shell("sqlite3 --version").code == Some(0) {
            let see = lines.iter().find(|line| line.starts_with("sqlite3 ")).expect("it is printed");
            let seen = quickstart.shell(see).stdout;
            assert_eq!(seen.lines().collect::<Vec<_>>(), raw(&quickstart));
            quickstart.shell(line("sqlite3 "));
            let exported = quickstart.home().files().into_iter().find(|(path, _)| path.ends_with("kept.jsonl"));
            assert_eq!(exported.map(|(_, bytes)| bytes), Some(seen.into_bytes()));
        } else {
            eprintln!("note: sqlite3 is not installed, so its lines were not run");
        }
        quickstart.shell(line("rm -r "));
        let left = quickstart.home().files();
        assert!(left.iter().all(|(path, _)| path.ends_with("kept.jsonl")), "{left:?}");
        quickstart.shell(line("touch "));
        assert!(quickstart.run().stdout.contains("telemetry is off"));
    }

    /// The rows after a run.
    fn kept(quickstart: &Example) -> Vec<serde_json::Value> {
        quickstart.run();
        raw(quickstart).iter().map(|row| serde_json::from_str(row).expect("a row is JSON")).collect()
    }

    fn raw(quickstart: &Example) -> Vec<String> {
        let path = quickstart.home().path().join(".local/share/quickstart/telemetry/telemetry.db");
        let store = rusqlite::Connection::open(path).expect("the store can be opened");
        let mut select =
            store.prepare("select json from records order by seq").expect("the documented statement works");
        let rows = select.query_map([], |row| row.get(0)).and_then(Iterator::collect);
        rows.expect("the rows can be read")
    }
}

type SetUp = Box<dyn Fn(Example) -> Example>;

/// Every source that can say no to a process, and what is said of it; those of the administrator and of the code are not
/// a process's to set.
fn vetoes() -> Vec<(String, SetUp)> {
    let var = |name: &'static str, value: &'static str| -> (String, SetUp) {
        (format!("{name}={value}"), Box::new(move |example| example.var(name, value)))
    };
    let file = |source: &str, path: &'static str, contents: &'static str| -> (String, SetUp) {
        (source.to_owned(), Box::new(move |example| example.file(path, contents)))
    };
    let mut vetoes = vec![
        var("DO_NOT_TRACK", "1"),
        var("DO_NOT_TRACK", "true"),
        var("DO_NOT_TRACK", "please"),
        var("OTEL_SDK_DISABLED", "true"),
        var("OTEL_SDK_DISABLED", "TRUE"),
        var(ENABLED, "false"),
        var(ENABLED, "0"),
        var(ENABLED, "no"),
        var(ENABLED, "off"),
        (format!("{ENABLED} cannot be read"), Box::new(|example| example.var(ENABLED, "ture"))),
        file(".quickstart-no-telemetry exists", ".quickstart-no-telemetry", ""),
        file(".quickstart-no-telemetry exists", ".quickstart-no-telemetry", "enabled = true"),
        file("enabled = false", ".config/quickstart/telemetry.toml", "enabled = false"),
        file("cannot be read", ".config/quickstart/telemetry.toml", "enabled ="),
        file("is no", CONSENT, r#"{"answer":"no"}"#),
        file("cannot be read", CONSENT, "{"),
    ];
    for environment in ["development", "dev", "test", "testing", "DEV"] {
        vetoes.push(var("ENVIRONMENT", environment));
    }
    for marker in BUILD_MACHINES {
        let marker = *marker;
        let set_up = move |example| marker.split('+').fold(example, |example: Example, name| example.var(name, "1"));
        let first = marker.split('+').next().expect("a marker has a name");
        vetoes.push((format!("{first} is set, so this is a build machine"), Box::new(set_up)));
    }
    vetoes
}

/// The certain markers of build machines; `+` joins those that only tell together.
const BUILD_MACHINES: &[&str] = &[
    "CI",
    "GITHUB_ACTIONS",
    "TRAVIS",
    "JENKINS",
    "GITLAB_CI",
    "CIRCLECI",
    "CONTINUOUS_INTEGRATION",
    "CI_APP_ID",
    "CI_BUILD_ID",
    "CI_BUILD_NUMBER",
    "CI_NAME",
    "CI_XCODE_PROJECT",
    "JENKINS_URL+BUILD_ID",
    "JENKINS_HOME",
    "HUDSON_URL",
    "BUILD_ID+BUILD_URL",
    "BUILD_ID+PROJECT_ID",
    "TASK_ID+RUN_ID",
    "AC_APPCIRCLE",
    "AGOLA_GIT_REF",
    "APPCENTER_BUILD_ID",
    "APPVEYOR",
    "bamboo_planKey",
    "bamboo.buildKey",
    "BITBUCKET_COMMIT",
    "BITBUCKET_DEPLOYMENT",
    "BITRISE_IO",
    "BUDDY_WORKSPACE_ID",
    "BUILDER_OUTPUT",
    "BUILDKITE",
    "CF_BUILD_ID",
    "CIRRUS_CI",
    "CM_BUILD_ID",
    "CODEBUILD_BUILD_ARN",
    "CODEBUILD_BUILD_ID+AWS_REGION",
    "CODEBUILD_SRC_DIR",
    "DSARI",
    "EARTHLY_CI",
    "EAS_BUILD",
    "GERRIT_PROJECT",
    "GITEA_ACTIONS",
    "GITHUB_ACTION",
    "GITLAB_DEPLOYMENT",
    "GO_PIPELINE_LABEL",
    "GO_PIPELINE_NAME",
    "HARNESS_BUILD_ID",
    "JB_SPACE_API_URL",
    "LAYERCI",
    "NEVERCODE",
    "PROW_JOB_ID",
    "SAILCI",
    "SAIL_CI",
    "SCREWDRIVER",
    "SEMAPHORE",
    "SHIPPABLE",
    "STRIDER",
    "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI",
    "TDDIUM",
    "TEAMCITY_VERSION",
    "TF_BUILD",
    "VELA",
    "WERCKER",
    "WORKERS_CI",
    "XCS",
];

/// Markers that are shown and decide nothing.
const PROBABLE: usize = 15;

#[test]
fn no_marker_of_a_build_machine_is_without_a_case() {
    let nothing = Environment::empty();
    let decision = decide(&nothing, &Saved::none(), &Settings::new(tracing_privacy::app!("quickstart")));
    let row = decision.considered().iter().find(|considered| considered.row() == Row::Ci).expect("the row is there");
    assert_eq!(row.source(), format!("CI and {} others", BUILD_MACHINES.len() + PROBABLE - 1));
}
