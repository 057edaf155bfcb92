//! Promise: any "no" turns telemetry off, whatever says yes, and without a yes it is off.
//!
//! The cases are data, keyed by the rows of the table in the design; a row without a case fails the test.

#[path = "support/home.rs"]
mod home;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::process::Command;

use tracing_privacy::consent::{Decision, Disabled, Effect, InCi, InDevelopment, Row, Saved, Settings, State, decide};
use tracing_privacy::privacy::{Inventory, Policy};
use tracing_privacy::{Builder, Environment, Os, Telemetry, app};

const ENABLED: &str = "ACME_TELEMETRY_ENABLED";
const HOME: &str = "/home/ann";
const OPT_OUT: &str = "/home/ann/.acme-no-telemetry";
const POLICY: &str = "/etc/acme/telemetry.toml";
const CONFIG: &str = "/home/ann/.config/acme/telemetry.toml";
const NAMED_CONFIG: &str = "/opt/acme/settings.toml";
const SAVED: &str = "/home/ann/.local/share/acme/telemetry/consent.json";
const HERE: &str = "telemetry.acme.example";

/// Everything that the decision depends on. Nothing in it exists on the machine that runs the test.
#[derive(Clone)]
struct World {
    variables: Vec<(&'static str, OsString)>,
    files: Vec<(&'static str, Option<&'static str>)>,
    saved: Option<Saved>,
    settings: Settings,
}

impl World {
    fn new() -> Self {
        let settings = Settings::new(app!("acme")).collection(3).host(HERE).config_file(NAMED_CONFIG);
        Self { variables: Vec::new(), files: Vec::new(), saved: None, settings }
    }

    fn var(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.into()));
        self
    }

    fn file(mut self, path: &'static str, contents: &'static str) -> Self {
        self.files.push((path, Some(contents)));
        self
    }

    fn unreadable(mut self, path: &'static str) -> Self {
        self.files.push((path, None));
        self
    }

    fn saved(mut self, saved: Saved) -> Self {
        self.saved = Some(saved);
        self
    }

    fn settings(mut self, change: impl FnOnce(Settings) -> Settings) -> Self {
        self.settings = change(self.settings);
        self
    }

    fn decide(&self) -> Decision {
        let mut environment = Environment::fixed(self.variables.clone()).home(HOME).os(Os::Linux);
        for (path, contents) in &self.files {
            environment = match contents {
                Some(contents) => environment.file(*path, *contents),
                None => environment.unreadable_file(*path),
            };
        }
        let saved = match &self.saved {
            Some(saved) => saved.clone(),
            None => Saved::read(&environment, self.settings.app()),
        };
        decide(&environment, &saved, &self.settings)
    }
}

/// One way for a row to say its word.
struct Case {
    row: Row,
    name: &'static str,
    apply: fn(World) -> World,
}

const fn case(row: Row, name: &'static str, apply: fn(World) -> World) -> Case {
    Case { row, name, apply }
}

/// At least one case for every row that can say no.
const VETOES: &[Case] = &[
    case(Row::DoNotTrack, "1", |w| w.var("DO_NOT_TRACK", "1")),
    case(Row::DoNotTrack, "true", |w| w.var("DO_NOT_TRACK", "true")),
    case(Row::DoNotTrack, "anything else", |w| w.var("DO_NOT_TRACK", "please")),
    case(Row::OtelSdkDisabled, "true", |w| w.var("OTEL_SDK_DISABLED", "true")),
    case(Row::OtelSdkDisabled, " TRUE ", |w| w.var("OTEL_SDK_DISABLED", " TRUE ")),
    case(Row::OtelSdkDisabled, "1", |w| w.var("OTEL_SDK_DISABLED", "1")),
    case(Row::OtelSdkDisabled, "on", |w| w.var("OTEL_SDK_DISABLED", "on")),
    case(Row::EnabledVariable, "false", |w| w.var(ENABLED, "false")),
    case(Row::EnabledVariable, "0", |w| w.var(ENABLED, "0")),
    case(Row::EnabledVariable, "off", |w| w.var(ENABLED, " OFF\n")),
    case(Row::EnabledVariable, "garbage", |w| w.var(ENABLED, "ture")),
    case(Row::OptOutFile, "empty file", |w| w.file(OPT_OUT, "")),
    case(Row::OptOutFile, "file that says yes", |w| w.file(OPT_OUT, "enabled = true")),
    case(Row::OptOutFile, "unreadable", |w| w.unreadable(OPT_OUT)),
    case(Row::MachinePolicy, "enabled = false", |w| w.file(POLICY, "enabled = false")),
    case(Row::MachinePolicy, "section", |w| w.file(POLICY, "[telemetry]\nenabled = false")),
    case(Row::MachinePolicy, "misspelt", |w| w.file(POLICY, "enable = false")),
    case(Row::MachinePolicy, "in capitals", |w| w.file(POLICY, "Enabled = false")),
    case(Row::MachinePolicy, "in other words", |w| w.file(POLICY, "[telemetry]\ndisabled = true")),
    case(Row::MachinePolicy, "in words that nobody knows", |w| w.file(POLICY, "[acme]\ncollect = false")),
    case(Row::MachinePolicy, "garbage", |w| w.file(POLICY, "enabled: false")),
    case(Row::MachinePolicy, "unreadable", |w| w.unreadable(POLICY)),
    case(Row::ConfigAndSaved, "config no", |w| w.file(CONFIG, "[telemetry]\nenabled = false")),
    case(Row::ConfigAndSaved, "config garbage", |w| w.file(CONFIG, "[telemetry")),
    case(Row::ConfigAndSaved, "config unreadable", |w| w.unreadable(CONFIG)),
    case(Row::ConfigAndSaved, "named config no", |w| w.file(NAMED_CONFIG, "telemetry.enabled = false")),
    case(Row::ConfigAndSaved, "config misspelt", |w| w.file(CONFIG, "enalbed = false")),
    case(Row::ConfigAndSaved, "named config misspelt", |w| w.file(NAMED_CONFIG, "[telemetry]\nenable = false")),
    case(Row::ConfigAndSaved, "named config unclear", |w| w.file(NAMED_CONFIG, "telemetry.enabled = 'x'")),
    case(Row::ConfigAndSaved, "named config unreadable", |w| w.unreadable(NAMED_CONFIG)),
    case(Row::ConfigAndSaved, "saved no", |w| w.saved(Saved::no())),
    case(Row::ConfigAndSaved, "saved no on disk", |w| no_saved(w).file(SAVED, r#"{"answer":"no"}"#)),
    case(Row::ConfigAndSaved, "saved garbage", |w| no_saved(w).file(SAVED, "{\"answer\":\"yes\"")),
    case(Row::ConfigAndSaved, "saved unreadable", |w| no_saved(w).unreadable(SAVED)),
    case(Row::Code, "disabled", |w| w.settings(|s| s.disabled(Disabled::InCode))),
    case(Row::Code, "--no-telemetry", |w| w.settings(|s| s.disabled(Disabled::ByFlag))),
    case(Row::Ci, "CI", |w| w.var("CI", "true")),
    case(Row::Ci, "CI=woodpecker", |w| w.var("CI", "woodpecker")),
    case(Row::Ci, "GITHUB_ACTIONS", |w| w.var("GITHUB_ACTIONS", "true")),
    case(Row::Ci, "two together", |w| w.var("JENKINS_URL", "http://u:hunter2@ci").var("BUILD_ID", "7")),
    case(Row::Ci, "allowed, but no variable says yes", |w| {
        let w = w.var("CI", "1").settings(|s| s.in_ci(InCi::OnWithVariable).assume_consent("ours"));
        without(w, ENABLED)
    }),
    case(Row::Development, "development", |w| w.var("ENVIRONMENT", "development")),
    case(Row::Development, "dev", |w| w.var("ENVIRONMENT", " DEV ")),
    case(Row::Development, "test", |w| w.var("ENVIRONMENT", "Test")),
    case(Row::Development, "testing", |w| w.var("ENVIRONMENT", "testing")),
];

/// Ways in which a saved yes does not count; other yeses are untouched by them.
const VOIDS: &[Case] = &[
    case(Row::Scope, "older collection", |w| w.saved(Saved::yes(2, Some(HERE)))),
    case(Row::Scope, "another host", |w| w.saved(Saved::yes(3, Some("elsewhere.example")))),
    case(Row::Scope, "a host like ours", |w| w.saved(Saved::yes(3, Some("acme.example")))),
    case(Row::Scope, "given for no host", |w| w.saved(Saved::yes(3, None))),
    case(Row::Scope, "says not what for", |w| no_saved(w).file(SAVED, r#"{"answer":"yes"}"#)),
];

const YESES: &[Case] = &[
    case(Row::Yes, "variable", |w| w.var(ENABLED, "true")),
    case(Row::Yes, "saved", |w| w.saved(Saved::yes(3, Some(HERE)))),
    case(Row::Yes, "saved on disk", |w| {
        no_saved(w).file(SAVED, r#"{"answer":"yes","collection":4,"host":"TELEMETRY.acme.example","at":"2026-03-01"}"#)
    }),
    case(Row::Yes, "operator", |w| w.settings(|s| s.assume_consent("our own servers"))),
];

fn no_saved(mut world: World) -> World {
    world.saved = None;
    world.files.retain(|(path, _)| *path != SAVED);
    world
}

fn without(mut world: World, name: &str) -> World {
    world.variables.retain(|(known, _)| *known != name);
    world
}

fn row_that_decided(decision: &Decision) -> Row {
    decision.decided_by().expect("something always decides").row()
}

/// What every decision must be like, whatever was decided.
fn check_shape(decision: &Decision) {
    let rows: BTreeSet<_> = decision.considered().iter().map(|c| c.row()).collect();
    assert_eq!(rows, BTreeSet::from(Row::ALL), "every row is shown");
    assert!(decision.considered().is_sorted_by_key(|c| c.row()), "in the order of the table");
    let (reason, explained) = (decision.reason(), decision.to_string());
    assert!(reason.starts_with(&format!("{}: ", decision.state())) && reason.len() < 4_000, "{reason}");
    assert!(reason.chars().all(is_harmless), "{reason:?}");
    assert!(explained.chars().all(|c| c == '\n' || is_harmless(c)), "{explained:?}");
    assert_eq!(explained.lines().filter(|line| line.starts_with('>')).count(), 1, "{explained}");
    assert!(explained.contains(reason) && !explained.contains("hunter2"), "{explained}");
    if decision.state() == State::Off {
        assert!(reason.contains("; to turn it on "), "{reason}");
    }
}

fn is_harmless(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}')
}

#[test]
fn every_row_of_the_table_has_a_case() {
    let cases: BTreeSet<_> = [VETOES, VOIDS, YESES].into_iter().flatten().map(|case| case.row).collect();
    assert_eq!(cases, BTreeSet::from(Row::ALL));

    let ids: Vec<_> = Row::ALL.iter().map(|row| row.id()).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "yes"]);

    // Of the table that users read, and of the design's where it lies beside the crate.
    let rows = |table: &str| -> Vec<String> {
        let first = |line: &str| line.strip_prefix("| ")?.split(" |").next().map(str::to_owned);
        table.lines().filter_map(first).filter(|id| !id.starts_with('|')).collect()
    };
    assert_eq!(rows(include_str!("../src/consent/table.md")), ids);
    if let Ok(design) = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/DESIGN.md")) {
        let section = design.split("\n## ").find(|section| section.starts_with("5. Consent")).expect("§5 is there");
        assert_eq!(rows(section), ids);
    }
}

#[test]
fn the_builder_passes_on_what_the_application_says() {
    // Where it is on, there is a store.
    let home = home::home("decided");
    let builder = |variables: &[(&'static str, &'static str)]| {
        let environment = Environment::fixed(variables.to_vec()).home(&home).os(Os::Linux);
        let environment = environment.file(NAMED_CONFIG, "telemetry.enabled = false");
        let saved = home.join(".local/share/acme/telemetry/consent.json");
        let environment = environment.file(saved, r#"{"answer":"yes","collection":3,"host":null}"#);
        Telemetry::builder(app!("acme")).environment(environment)
    };
    let state = |builder: Builder| builder.start().expect("the settings are right").decision().state();
    let ci: &[_] = &[(ENABLED, "true"), ("CI", "true")];
    assert_eq!((state(builder(ci)), state(builder(ci).allow_in_ci())), (State::Off, State::On));
    assert_eq!((state(builder(&[])), state(builder(&[]).collection(4))), (State::On, State::Off));
    assert_eq!(state(builder(&[]).config_file(NAMED_CONFIG)), State::Off);
    assert_eq!(state(builder(&[]).disabled(Disabled::ByFlag)), State::Off);
    let developer: &[_] = &[(ENABLED, "true"), ("ENVIRONMENT", "test")];
    assert_eq!(state(builder(developer)), State::Off);
    assert_eq!(state(builder(developer).allow_local_in_development()), State::LocalOnly);
    let nobody = || Telemetry::builder(app!("acme")).environment(Environment::fixed([("UNRELATED", "1")]).home(&home));
    assert_eq!((state(nobody()), state(nobody().assume_consent("ours"))), (State::Off, State::On));
}

#[test]
fn without_a_yes_it_is_off_and_says_how_to_turn_it_on() {
    let decision = World::new().decide();
    check_shape(&decision);
    assert_eq!((decision.state(), row_that_decided(&decision)), (State::Off, Row::Yes));
    assert_eq!(decision.reason(), "off: nobody has said yes; to turn it on set ACME_TELEMETRY_ENABLED=true");
    for silent in [
        World::new().var(ENABLED, ""),
        World::new().var(ENABLED, " \t"),
        World::new().var("DO_NOT_TRACK", "0").var("OTEL_SDK_DISABLED", "false").var("CI", "false"),
        World::new().var("OTEL_SDK_DISABLED", "please"),
        World::new().file(POLICY, "enabled = true").file(CONFIG, "[telemetry]\nenabled = true"),
        World::new().settings(|s| s.assume_consent("")),
        World::new().settings(|s| s.assume_consent(" \n")),
        World::new().settings(|s| s.disabled(Disabled::No).in_ci(InCi::OnWithVariable)),
        World::new().settings(|s| s.in_development(InDevelopment::LocalOnly)),
        World::new().var("ENVIRONMENT", "dev").settings(|s| s.in_development(InDevelopment::LocalOnly)),
    ] {
        let decision = silent.decide();
        check_shape(&decision);
        assert_eq!((decision.state(), row_that_decided(&decision)), (State::Off, Row::Yes), "{decision}");
        assert!(decision.reason().ends_with("; to turn it on set ACME_TELEMETRY_ENABLED=true"), "{decision}");
    }
}

#[test]
fn each_yes_alone_turns_it_on() {
    for yes in YESES {
        let decision = (yes.apply)(World::new()).decide();
        check_shape(&decision);
        assert_eq!((decision.state(), row_that_decided(&decision)), (State::On, Row::Yes), "{}", yes.name);
    }
    for text in ["1", "true", "yes", "on", " TRUE ", "tRuE", "\u{a0}ON\u{2003}"] {
        assert_eq!(World::new().var(ENABLED, text).decide().state(), State::On, "{text:?}");
    }
}

#[test]
fn every_veto_beats_every_yes_and_all_of_them_together() {
    for veto in VETOES {
        let alone = (veto.apply)(World::new()).decide();
        check_shape(&alone);
        assert_eq!((alone.state(), row_that_decided(&alone)), (State::Off, veto.row), "{:?} {}", veto.row, veto.name);
        for yes in YESES {
            let decision = (veto.apply)((yes.apply)(World::new())).decide();
            check_shape(&decision);
            assert_eq!(
                (decision.state(), row_that_decided(&decision)),
                (State::Off, veto.row),
                "{:?} {} against {}: {decision}",
                veto.row,
                veto.name,
                yes.name
            );
        }
        let all = YESES.iter().fold(World::new(), |world, yes| (yes.apply)(world));
        assert_eq!((veto.apply)(all).decide().state(), State::Off, "{:?} {}", veto.row, veto.name);
    }
}

#[test]
fn of_two_vetoes_the_first_in_the_table_is_named_and_both_remedies_are() {
    for (first, second) in VETOES.iter().flat_map(|a| VETOES.iter().map(move |b| (a, b))) {
        if first.row >= second.row {
            continue;
        }
        for yes in YESES {
            let world = (second.apply)((first.apply)((yes.apply)(World::new())));
            // One case takes the variable away that the other sets.
            if second.name.starts_with("allowed") && first.row == Row::EnabledVariable {
                continue;
            }
            let decision = world.decide();
            check_shape(&decision);
            assert_eq!(
                (decision.state(), row_that_decided(&decision)),
                (State::Off, first.row),
                "{} and {}: {decision}",
                first.name,
                second.name
            );
            assert!(decision.reason().contains(", and "), "{} and {}: {decision}", first.name, second.name);
        }
    }
}

#[test]
fn a_saved_yes_for_something_else_does_not_count_and_another_yes_still_does() {
    for void in VOIDS {
        let decision = (void.apply)(World::new()).decide();
        check_shape(&decision);
        assert_eq!((decision.state(), row_that_decided(&decision)), (State::Off, Row::Scope), "{}", void.name);
        assert!(decision.reason().contains("the saved yes was for"), "{decision}");
        let yes = (void.apply)(World::new()).var(ENABLED, "true").decide();
        check_shape(&yes);
        assert_eq!((yes.state(), row_that_decided(&yes)), (State::On, Row::Yes), "{}", void.name);
        let vetoed = (void.apply)(World::new()).var("DO_NOT_TRACK", "1").decide();
        assert_eq!(row_that_decided(&vetoed), Row::DoNotTrack, "{}", void.name);
    }
    // A yes to sending covers keeping.
    let mut kept = World::new().saved(Saved::yes(1, Some("elsewhere.example")));
    kept.settings = Settings::new(app!("acme"));
    assert_eq!(kept.decide().state(), State::On);
}

#[test]
fn a_build_machine_is_lifted_by_code_and_variable_together_and_by_nothing_less() {
    let allowed = |w: World| w.settings(|s| s.in_ci(InCi::OnWithVariable));
    let ci = || World::new().var("CI", "true").var("GITHUB_ACTIONS", "true");
    let lifted = allowed(ci()).var(ENABLED, "true").decide();
    check_shape(&lifted);
    assert_eq!(lifted.state(), State::On);
    assert_eq!(lifted.considered().iter().filter(|c| c.effect() == Effect::Lifted).count(), 2);
    for not in [
        ci().var(ENABLED, "true"),
        allowed(ci()),
        allowed(ci()).saved(Saved::yes(3, Some(HERE))),
        allowed(ci()).settings(|s| s.assume_consent("ours")),
        allowed(ci()).var(ENABLED, "true").var("DO_NOT_TRACK", "1"),
    ] {
        assert_eq!(not.decide().state(), State::Off);
    }
    for word in ["false", "0", "no", " OFF "] {
        let cleared = ci().var("CI", word).var("TEAMCITY_VERSION", "2026").var(ENABLED, "true").decide();
        check_shape(&cleared);
        assert_eq!(cleared.state(), State::On, "CI={word} clears all markers");
    }
    assert_eq!(ci().var("CI", "").var(ENABLED, "true").decide().state(), State::Off, "an empty CI clears nothing");
}

#[test]
fn known_build_machines_are_recognised_and_hosts_for_running_are_only_noted() {
    // Six names of the published promise, then one of each larger vendor.
    for name in [
        "CI",
        "GITHUB_ACTIONS",
        "TRAVIS",
        "JENKINS",
        "GITLAB_CI",
        "CIRCLECI",
        "CONTINUOUS_INTEGRATION",
        "APPVEYOR",
        "BITBUCKET_COMMIT",
        "BITRISE_IO",
        "BUILDKITE",
        "CIRRUS_CI",
        "CODEBUILD_BUILD_ARN",
        "GITEA_ACTIONS",
        "HARNESS_BUILD_ID",
        "JENKINS_HOME",
        "PROW_JOB_ID",
        "SEMAPHORE",
        "TEAMCITY_VERSION",
        "TF_BUILD",
        "bamboo_planKey",
    ] {
        let decision = World::new().var(ENABLED, "true").var(name, "x").decide();
        assert_eq!((decision.state(), row_that_decided(&decision)), (State::Off, Row::Ci), "{name}");
    }
    for name in ["RENDER", "VERCEL", "NETLIFY", "CF_PAGES", "BUILD_ID", "RUN_ID"] {
        let decision = World::new().var(ENABLED, "true").var(name, "1").decide();
        check_shape(&decision);
        assert_eq!(decision.state(), State::On, "{name}");
        let noted = decision.considered().iter().any(|c| c.source() == name && c.effect() == Effect::Noted);
        assert!(noted, "{decision}");
    }
}

#[test]
fn development_stays_local_if_the_application_allows_that_much() {
    for word in ["development", "DEV", " Test ", "testing"] {
        let allowed = World::new().var("ENVIRONMENT", word).settings(|s| s.in_development(InDevelopment::LocalOnly));
        let decision = allowed.clone().var(ENABLED, "true").decide();
        check_shape(&decision);
        assert_eq!((decision.state(), row_that_decided(&decision)), (State::LocalOnly, Row::Development), "{word}");
        assert_eq!(allowed.decide().state(), State::Off, "allowing is no yes");
    }
    for word in ["production", "staging", "", "devel", "test1"] {
        assert_eq!(World::new().var("ENVIRONMENT", word).var(ENABLED, "1").decide().state(), State::On, "{word}");
    }
}

#[test]
fn hostile_values_are_never_a_yes_and_never_break_the_words() {
    let mut hostile: Vec<OsString> = [
        "2",
        "２",
        "１",
        "y",
        "t",
        "enabled",
        "true true",
        "true\u{200b}",
        "\u{feff}true",
        "trüe",
        "\0",
        "true\0",
        "\x1b[2J\x1b]0;x\x07",
        "\u{202e}eurt",
        "\n\n> on",
        "\u{7f}",
        "null",
        "[]",
        "-1",
        "1.0",
        "0x1",
    ]
    .map(OsString::from)
    .into();
    hostile.push("x".repeat(1 << 20).into());
    hostile.push("\u{10ffff}".repeat(1 << 18).into());
    #[cfg(unix)]
    for bytes in [b"\xff".as_slice(), b"true\xff", b"\xc3\x28", b"\xed\xa0\x80"] {
        hostile.push(std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec()));
    }
    for value in hostile {
        for (name, row) in [(ENABLED, Row::EnabledVariable), ("DO_NOT_TRACK", Row::DoNotTrack), ("CI", Row::Ci)] {
            let decision = (YESES[1].apply)(World::new()).var(name, &value).decide();
            check_shape(&decision);
            let shown = value.to_string_lossy().chars().take(20).collect::<String>();
            assert_eq!((decision.state(), row_that_decided(&decision)), (State::Off, row), "{name}={shown:?}");
        }
        for name in ["OTEL_SDK_DISABLED", "ENVIRONMENT", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
            check_shape(&(YESES[1].apply)(World::new()).var(name, &value).decide());
            let mut path = OsString::from("/");
            path.push(&value);
            check_shape(&(YESES[1].apply)(World::new()).var(name, path).decide());
        }
    }
    #[cfg(unix)]
    {
        let unreadable: OsString = std::os::unix::ffi::OsStringExt::from_vec(b"\xff".to_vec());
        let decision = World::new().var(ENABLED, "true").var("OTEL_SDK_DISABLED", unreadable).decide();
        assert_eq!(row_that_decided(&decision), Row::OtelSdkDisabled);
    }
    let terrible = "\x1b[2J\n".repeat(100);
    let decision = World::new().settings(|s| s.assume_consent(terrible.clone())).decide();
    check_shape(&decision);
    check_shape(&World::new().saved(Saved::yes(3, Some(&terrible))).decide());
    check_shape(&World::new().settings(|s| s.host(terrible.clone())).saved(Saved::yes(3, Some(HERE))).decide());
}

#[test]
fn an_unusable_name_is_off_since_its_switches_cannot_be_found() {
    for name in ["", "../acme", "a/b", "\0"] {
        let settings = Settings::new(app!(name)).assume_consent("ours");
        let decision = decide(&Environment::empty().home(HOME), &Saved::none(), &settings);
        check_shape(&decision);
        assert_eq!((decision.state(), row_that_decided(&decision)), (State::Off, Row::Code), "{name:?}");
        assert!(decision.reason().contains("app!("), "{decision}");
    }
}

#[test]
fn one_switch_of_a_vendor_holds_for_all_its_applications() {
    for name in ["omni", "hive"] {
        let settings = Settings::new(app!(name).prefix("AUTOMAGIK"));
        let decide = |environment: &Environment| decide(environment, &Saved::none(), &settings);
        let on = Environment::fixed([("AUTOMAGIK_TELEMETRY_ENABLED", "true")]).home(HOME);
        assert_eq!(decide(&on).state(), State::On);
        let out = decide(&on.file("/home/ann/.automagik-no-telemetry", ""));
        assert_eq!((out.state(), row_that_decided(&out)), (State::Off, Row::OptOutFile));
        let own = Environment::fixed([(format!("{}_TELEMETRY_ENABLED", name.to_uppercase()), "true")]);
        assert_eq!(decide(&own).state(), State::Off, "the application's own name is no switch then");
    }
}

#[test]
fn a_no_under_the_applications_own_name_outlives_a_prefix() {
    let unset = "; to turn it on unset ACME_TELEMETRY_ENABLED";
    let remove = "; to turn it on remove /home/ann/.acme-no-telemetry";
    let world = |own: &str| {
        let yes = [("VENDOR_TELEMETRY_ENABLED", "true"), (ENABLED, own)];
        Environment::fixed(yes).home(HOME).os(Os::Linux).file(SAVED, r#"{"answer":"yes","collection":1}"#)
    };
    for (environment, row, remedy) in [
        (world("false"), Row::EnabledVariable, unset),
        (world("ture"), Row::EnabledVariable, unset),
        (world("").file(OPT_OUT, ""), Row::OptOutFile, remove),
        (world("true").unreadable_file(OPT_OUT), Row::OptOutFile, remove),
    ] {
        let settings = Settings::new(app!("acme").prefix("VENDOR")).assume_consent("ours");
        let decision = decide(&environment, &Saved::read(&environment, settings.app()), &settings);
        check_shape(&decision);
        assert_eq!((decision.state(), row_that_decided(&decision)), (State::Off, row), "{decision}");
        assert!(decision.reason().ends_with(remedy), "{decision}");
    }
    let moved = Environment::fixed([(ENABLED, "true")]).home(HOME).os(Os::Linux);
    let settings = Settings::new(app!("acme").prefix("VENDOR"));
    let decision = decide(&moved, &Saved::none(), &settings);
    assert_eq!(row_that_decided(&decision), Row::Yes, "the yes has moved: {decision}");
    assert!(decision.to_string().contains(ENABLED), "what is looked at is shown: {decision}");
}

/// Beside a switch a file may hold a policy or an inventory; whatever those know is no misspelt no.
#[test]
fn a_policy_or_an_inventory_in_the_file_is_no_veto() {
    let policy = Policy::from_toml("x = 1").expect_err("there is no such key").to_string();
    let inventory = Inventory::parse("x = 1").expect_err("there is no such key").to_string();
    let known = |error: &str| -> Vec<String> {
        let (_, list) = error.rsplit_once("; ").expect("what there is comes last");
        list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let (policy, inventory) = (known(&policy), known(&inventory));
    assert!(
        policy.contains(&"base".to_owned()) && inventory.contains(&"document".to_owned()),
        "{policy:?} {inventory:?}"
    );
    for key in policy.iter().chain(&inventory) {
        let line = format!("{key} = 1");
        let environment = Environment::fixed([(ENABLED, "true")]).home(HOME).os(Os::Linux);
        let decision = decide(&environment.file(POLICY, line), &Saved::none(), &Settings::new(app!("acme")));
        assert_eq!(decision.state(), State::On, "{key}: {decision}");
    }
}

#[test]
fn the_explanation_shows_every_source_and_the_one_that_won() {
    let decision = World::new().var(ENABLED, "true").var("DO_NOT_TRACK", "1").file(OPT_OUT, "").decide();
    let explained = decision.to_string();
    for words in [
        "off: DO_NOT_TRACK=1; to turn it on unset DO_NOT_TRACK, and remove /home/ann/.acme-no-telemetry",
        "DO_NOT_TRACK",
        "OTEL_SDK_DISABLED",
        ENABLED,
        OPT_OUT,
        POLICY,
        CONFIG,
        NAMED_CONFIG,
        SAVED,
        ".disabled(..)",
        "CI and ",
        "ENVIRONMENT",
        "scope of the saved yes",
        ".assume_consent(..)",
    ] {
        assert!(explained.contains(words), "{words} is missing in\n{explained}");
    }
    let winner = explained.lines().find(|line| line.starts_with('>')).unwrap_or_default();
    assert!(winner.contains("DO_NOT_TRACK") && winner.ends_with("off"), "{explained}");
}

/// A home directory on the real disk.
#[cfg(unix)]
struct Home(PathBuf);

#[cfg(unix)]
impl Home {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tracing-privacy-consent-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the temp directory can be written");
        Self(path)
    }

    fn decide(&self) -> Decision {
        let settings = Settings::new(app!("acme"));
        let environment = Environment::fixed([(ENABLED, "true")]).home(&self.0).os(Os::Linux);
        decide(&environment, &Saved::read(&environment, settings.app()), &settings)
    }

    fn paths(&self) -> Vec<(PathBuf, std::time::SystemTime)> {
        let mut paths = Vec::new();
        let mut open = vec![self.0.clone()];
        while let Some(path) = open.pop() {
            let metadata = std::fs::symlink_metadata(&path).expect("it was just listed");
            paths.push((path.clone(), metadata.modified().expect("unix has times")));
            if metadata.is_dir() {
                open.extend(
                    std::fs::read_dir(path).expect("it is ours").map(|entry| entry.expect("it is ours").path()),
                );
            }
        }
        paths.sort();
        paths
    }
}

#[cfg(unix)]
impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
#[test]
fn anything_at_the_place_of_the_opt_out_file_is_an_opt_out() {
    type Plant = fn(&Path);
    let plants: [(&str, Plant); 4] = [
        ("file", |path| std::fs::write(path, "").expect("written")),
        ("directory", |path| std::fs::create_dir(path).expect("made")),
        ("dangling", |path| std::os::unix::fs::symlink("/nonexistent/nowhere", path).expect("linked")),
        ("loop", |path| std::os::unix::fs::symlink(path, path).expect("linked")),
    ];
    for (name, plant) in plants {
        let home = Home::new(name);
        assert_eq!(home.decide().state(), State::On);
        plant(&home.0.join(".acme-no-telemetry"));
        let decision = home.decide();
        check_shape(&decision);
        assert_eq!((decision.state(), row_that_decided(&decision)), (State::Off, Row::OptOutFile), "{name}");
    }
    // A home directory that nobody can look into: the file may be there.
    let home = Home::new("unknown");
    let circle = home.0.join("circle");
    std::os::unix::fs::symlink(&circle, &circle).expect("linked");
    let decision =
        decide(&Environment::fixed([(ENABLED, "true")]).home(circle), &Saved::none(), &Settings::new(app!("acme")));
    assert_eq!((decision.state(), row_that_decided(&decision)), (State::Off, Row::OptOutFile), "{decision}");
}

/// As the children of the next two tests, shows where the opt-out file of this process is looked for.
#[cfg(target_os = "linux")]
#[test]
fn child_shows_its_opt_out_file() {
    if std::env::var_os("TRACING_PRIVACY_CHILD").is_some() {
        let decision = decide(&Environment::process(), &Saved::none(), &Settings::new(app!("acme-child")));
        let row = decision.considered().iter().find(|c| c.row() == Row::OptOutFile).expect("it is looked at");
        println!("\nopt-out: {} {}", row.source(), row.effect());
    }
}

#[cfg(target_os = "linux")]
fn child(program: &Path, change: impl FnOnce(&mut Command) -> &mut Command) -> String {
    let mut child = Command::new(program);
    child.args(["--exact", "child_shows_its_opt_out_file", "--nocapture"]).env("TRACING_PRIVACY_CHILD", "1");
    child.current_dir("/");
    change(&mut child);
    let output = child.output().expect("the program runs");
    let shown = String::from_utf8(output.stdout).expect("it writes text");
    let line = shown.lines().find_map(|line| line.strip_prefix("opt-out: "));
    line.unwrap_or_else(|| panic!("{shown}{}", String::from_utf8_lossy(&output.stderr))).to_owned()
}

/// What the user table says of a user.
#[cfg(target_os = "linux")]
fn in_the_user_table(user: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    match fields.into_iter().find(|fields| fields.get(2).is_some_and(|number| *number == user.to_string())) {
        Some(fields) => format!("{}/.acme-child-no-telemetry -", fields[5].trim_end_matches('/')),
        None => String::from("~/.acme-child-no-telemetry off"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_usable_home_the_user_table_says_where_the_opt_out_file_is() {
    let program = std::env::current_exe().expect("this program is a file");
    let user = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&Home::new("user").0).expect("it was just made"));
    assert_eq!(child(&program, |c| c.env("HOME", "/srv/ann")), "/srv/ann/.acme-child-no-telemetry -");
    assert_eq!(child(&program, |c| c.env_remove("HOME")), in_the_user_table(user));
    for home in ["", " ", "ann", "./", "~"] {
        assert_eq!(child(&program, |c| c.env("HOME", home)), in_the_user_table(user), "HOME={home:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_user_in_the_table_is_the_one_that_the_program_acts_as() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    const NOBODY: u32 = 65534;
    const IN_NO_TABLE: u32 = 1_987_654_321;

    let home = Home::new("hidden");
    // Only root can run a program as somebody else; elsewhere this test has nothing to try.
    if std::os::unix::fs::chown(&home.0, Some(NOBODY), None).is_err() {
        return;
    }
    let program = home.0.join("program");
    std::fs::copy(std::env::current_exe().expect("this program is a file"), &program).expect("there is room");
    for path in [&home.0, &program] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("they are ours");
    }
    for user in [NOBODY, IN_NO_TABLE] {
        let shown = child(&program, |c| c.env_remove("HOME").uid(user).gid(NOBODY));
        assert_eq!(shown, in_the_user_table(user));
    }
}

#[test]
fn a_home_that_nobody_can_find_is_a_veto_and_one_that_is_not_there_is_none() {
    let hidden = Environment::fixed([(ENABLED, "true")]).unknown_home();
    for app in [app!("acme"), app!("acme").prefix("ACME")] {
        let decision = decide(&hidden, &Saved::yes(1, None), &Settings::new(app).assume_consent("ours"));
        check_shape(&decision);
        assert_eq!((decision.state(), row_that_decided(&decision)), (State::Off, Row::OptOutFile), "{decision}");
        assert!(decision.reason().contains("; to turn it on set HOME to the user's home directory"), "{decision}");
    }
    let none = Environment::fixed([(ENABLED, "true")]);
    assert_eq!(decide(&none, &Saved::none(), &Settings::new(app!("acme"))).state(), State::On);
}

#[cfg(unix)]
#[test]
fn a_directory_whose_name_is_no_text_hides_no_no() {
    use std::os::unix::ffi::OsStringExt;

    let directory = PathBuf::from(OsString::from_vec(b"/srv/caf\xe9".to_vec()));
    for (variable, file, no) in [
        ("XDG_CONFIG_HOME", "acme/telemetry.toml", "enabled = false"),
        ("XDG_DATA_HOME", "acme/telemetry/consent.json", r#"{"answer":"no"}"#),
    ] {
        let variables = [(ENABLED, OsString::from("true")), (variable, directory.clone().into())];
        let environment = Environment::fixed(variables).home(HOME).os(Os::Linux);
        let settings = Settings::new(app!("acme"));
        let decision =
            |environment: Environment| decide(&environment, &Saved::read(&environment, settings.app()), &settings);
        assert_eq!(decision(environment.clone()).state(), State::On);
        let decision = decision(environment.file(directory.join(file), no));
        check_shape(&decision);
        assert_eq!((decision.state(), row_that_decided(&decision)), (State::Off, Row::ConfigAndSaved), "{decision}");
    }
}

#[cfg(unix)]
#[test]
fn deciding_touches_nothing() {
    let home = Home::new("untouched");
    std::fs::create_dir_all(home.0.join(".config/acme")).expect("made");
    std::fs::write(home.0.join(".config/acme/telemetry.toml"), "enabled = true").expect("written");
    let before = home.paths();
    assert_eq!(home.decide().state(), State::On);
    assert_eq!(home.decide(), home.decide(), "the same input gives the same answer");
    assert_eq!(home.paths(), before);
    std::fs::write(home.0.join(".config/acme/telemetry.toml"), "enabled = false").expect("written");
    assert_eq!(row_that_decided(&home.decide()), Row::ConfigAndSaved);
}

#[test]
fn a_yes_to_some_hosts_is_one_to_each_of_them_and_to_no_other() {
    for (then, now, state) in [
        ("ch.example, otlp.example", "otlp.example", State::On),
        ("ch.example, otlp.example", "OTLP.example, ch.example", State::On),
        ("otlp.example", "ch.example, otlp.example", State::Off),
        ("ch.example", "otlp.example", State::Off),
    ] {
        let world = World::new().settings(|settings| settings.host(now)).saved(Saved::yes(3, Some(then)));
        assert_eq!(world.decide().state(), state, "from {then} to {now}");
    }
}
