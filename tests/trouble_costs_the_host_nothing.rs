//! Promise 4, beside the wire: a mistake in code is an error that names the setting and the remedy; trouble in the
//! environment is neither an error nor a panic, and `status` tells of it.

#[path = "support/home.rs"]
mod home;

use std::fs;
use std::time::{Duration, Instant};

#[cfg(feature = "store")]
use tracing_privacy::Clock;
use tracing_privacy::privacy::{KeyPattern, Policy};
use tracing_privacy::{App, Builder, Environment, Status, Telemetry};
use tracing_subscriber::prelude::*;

/// More than anything here takes on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(30);

const YES: [(&str, &str); 1] = [("TROUBLE_TELEMETRY_ENABLED", "true")];

fn builder(environment: Environment) -> Builder {
    Telemetry::builder(tracing_privacy::app!("trouble"))
        .environment(environment)
        .targets("trouble_costs_the_host_nothing=info")
}

/// Logs ten records, and gives what is shown and said of them.
fn run(environment: Environment) -> (Vec<String>, Status) {
    let start = Instant::now();
    let telemetry = builder(environment).start().expect("trouble in the environment is no error");
    // What it costs the host is measured elsewhere, in processor time: this is about waiting for what does not come.
    assert!(start.elapsed() < Duration::from_secs(10), "starting took {:?}", start.elapsed());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), || {
        (0..10).for_each(|number| tracing::info!(number, "order placed"));
    });
    telemetry.flush(LONG).expect("there is somewhere to keep them");
    let seen = (telemetry.records(100).expect("there is something to read"), telemetry.status());
    telemetry.shutdown(LONG).expect("there is nothing left to do");
    seen
}

#[track_caller]
fn only_in_memory(environment: Environment) {
    let (shown, status) = run(environment);
    assert_eq!(shown.len(), 10);
    assert!(status.store().is_none(), "{status}");
    assert!(status.notes().iter().any(|note| note.contains("memory only")), "{status}");
    let counts = status.counts();
    assert_eq!((counts.produced(), counts.stored(), counts.dropped()), (10, 10, 0), "{status}");
}

#[test]
fn without_a_home_records_are_kept_in_memory() {
    only_in_memory(Environment::fixed(YES));
}

#[test]
fn a_home_that_is_no_directory_costs_nothing() {
    let file = home::home("no-directory").join("file");
    fs::write(&file, "not a directory").expect("the test's directory can be written to");
    only_in_memory(Environment::fixed(YES).home(file));
}

/// Where nobody may make a directory, not even root.
#[cfg(target_os = "linux")]
#[test]
fn a_home_in_which_nothing_can_be_made_costs_nothing() {
    only_in_memory(Environment::fixed(YES).home("/proc/self"));
}

#[cfg(all(unix, feature = "store"))]
#[test]
fn a_planted_link_is_not_followed() {
    let directory = home::home("planted");
    let elsewhere = directory.join("elsewhere");
    let data = directory.join(".local/share/trouble/telemetry");
    fs::create_dir_all(&data).expect("the test's directory can be written to");
    std::os::unix::fs::symlink(&elsewhere, data.join("telemetry.db")).expect("a link can be made");
    only_in_memory(Environment::fixed(YES).home(&directory));
    assert!(!elsewhere.exists(), "nothing is written through the link");
}

#[cfg(all(unix, feature = "store"))]
#[test]
fn a_planted_directory_link_gets_no_key_and_lends_none() {
    use std::os::unix::fs::PermissionsExt;

    // A key that an installation made and used, with its directory.
    let other = home::home("planted-directory-other");
    let pseudonym_of_42 = |home: &std::path::Path| {
        let clock = Clock::manual("2026-03-04T12:00:00Z");
        let telemetry = builder(Environment::fixed(YES).home(home).clock(clock)).start().expect("no error");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), || {
            tracing::info!(user_id = 42, "order placed");
        });
        telemetry.flush(LONG).expect("there is somewhere to keep it");
        let row = telemetry.records(1).expect("there is something to read").remove(0);
        let status = telemetry.status();
        telemetry.shutdown(LONG).expect("there is nothing left to do");
        let (_, hash) = row.split_once("\"user_id_hash\":\"").expect("the id is hashed");
        (hash[..32].to_owned(), status)
    };
    let (known, _) = pseudonym_of_42(&other);
    let planted = other.join(".local/share/trouble/telemetry");
    assert_eq!(pseudonym_of_42(&other).0, known, "the control: the key lasts");

    for with_key in [true, false] {
        let directory = home::home(if with_key { "planted-directory-key" } else { "planted-directory" });
        let elsewhere = if with_key { planted.clone() } else { directory.join("elsewhere") };
        fs::create_dir_all(&elsewhere).expect("the test's directory can be written to");
        fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o700)).expect("it is the test's");
        let files = |at: &std::path::Path| {
            let entries = fs::read_dir(at).expect("it is there").map(|entry| entry.expect("it is there").path());
            let mut files: Vec<_> =
                entries.map(|path| (path.clone(), fs::read(path).expect("it can be read"))).collect();
            files.sort();
            files
        };
        let before = files(&elsewhere);
        fs::create_dir_all(directory.join(".local/share/trouble")).expect("the test's directory can be written to");
        std::os::unix::fs::symlink(&elsewhere, directory.join(".local/share/trouble/telemetry")).expect("a link");
        let (hash, status) = pseudonym_of_42(&directory);
        assert_ne!(hash, known, "the planted key was used");
        assert!(files(&elsewhere) == before, "something was written through the link");
        assert!(status.store().is_none(), "{status}");
        for said in ["memory only", "this run alone", "is a link"] {
            assert!(status.notes().iter().any(|note| note.contains(said)), "{said}: {status}");
        }
    }
}

#[cfg(feature = "store")]
#[test]
fn a_ruined_store_is_begun_anew_and_said_to_be() {
    let directory = home::home("ruined");
    let (_, status) = run(Environment::fixed(YES).home(&directory));
    let path = status.store().expect("it is on disk").to_owned();
    for extra in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{extra}", path.display()));
    }
    fs::write(&path, vec![0xa5; 20_000]).expect("the file can be written");
    let (shown, status) = run(Environment::fixed(YES).home(&directory));
    assert_eq!(shown.len(), 10);
    assert!(status.notes().iter().any(|note| note.contains("begun anew")), "{status}");
}

#[cfg(feature = "store")]
#[test]
fn a_clock_that_is_ten_years_off_loses_nothing() {
    let directory = home::home("clock");
    for (time, year) in [("2036-01-02T03:04:05Z", "2036"), ("2016-01-02T03:04:05Z", "2016")] {
        let environment = Environment::fixed(YES).home(&directory).clock(Clock::manual(time));
        let (shown, status) = run(environment);
        assert_eq!(shown.iter().filter(|row| row.contains(&format!("\"time\":\"{year}"))).count(), 10, "{status}");
        assert_eq!(status.counts().stored(), 10, "{status}");
    }
}

#[test]
fn a_mistake_in_code_is_an_error_that_names_the_setting_and_the_remedy() {
    let off = || Telemetry::builder(tracing_privacy::app!("trouble")).environment(Environment::empty());
    let named = |app: App| Telemetry::builder(app).environment(Environment::empty());
    let mut mistakes = vec![
        (named(tracing_privacy::app!("")), "app!", "app!(\""),
        (named(tracing_privacy::app!("../etc")), "app!", "app!(\""),
        (off().targets("sqlx=loud"), ".targets", "sqlx=warn"),
        (
            off().policy(Policy::standard().drop_field("")),
            ".policy",
            "a rule (drop) is about nothing: the key is empty",
        ),
        (off().policy(Policy::standard().hash(" ")), ".policy", "name a key, such as `user.plan`"),
        (off().policy(Policy::strict().keep("token:7", "x")), ".policy", "`token:7` matches no key; after `token:`"),
        (off().policy(Policy::standard().drop_field(KeyPattern::token(""))), ".policy", "come words of letters"),
    ];
    #[cfg(feature = "otlp")]
    mistakes.extend([
        (off().otlp("not a url"), ".otlp", "https://"),
        (off().otlp("http://telemetry.example.com"), ".otlp", ".allow_plaintext_to(\"telemetry.example.com\")"),
        (off().otlp("https://user:hunter2@telemetry.example.com"), ".otlp", ".basic("),
        (off().otlp("https://t.example").bearer(""), "settings", ".bearer("),
    ]);
    for (builder, setting, remedy) in mistakes {
        let error = builder.start().expect_err(remedy);
        let text = error.to_string();
        assert!(error.setting().contains(setting) && text.contains(remedy), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
