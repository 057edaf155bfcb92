//! A pseudonym tells one person from another, and nobody who: not by trying all names, not across fields, applications,
//! installations and periods, and not to anybody once the key is destroyed.

#[path = "support/mod.rs"]
mod support;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use support::{LONG, Record, TempDir};
use tracing::field::Empty;
use tracing_privacy::privacy::{Action, Policy, Pseudonym, Pseudonymizer, Secret};
use tracing_privacy::{Builder, Clock, Environment, Memory, Rotation, Telemetry, app};

/// A Thursday.
const NOON: &str = "2026-03-05T12:00:00Z";
const DAY: Duration = Duration::from_secs(86_400);

/// One run of an application.
struct Run {
    telemetry: Telemetry,
    memory: Memory,
}

impl Run {
    fn start(home: &TempDir, clock: &Clock, settings: impl FnOnce(Builder) -> Builder) -> Self {
        let memory = Memory::new();
        let environment =
            Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(home.path()).clock(clock.clone());
        let builder = Telemetry::builder(app!("acme")).environment(environment).memory(&memory);
        let telemetry = settings(builder).start().expect("the settings are right");
        assert!(telemetry.is_on(), "{}", telemetry.status());
        Run { telemetry, memory }
    }

    /// What was kept of all that was logged so far.
    fn log(&self, log: impl FnOnce()) -> Vec<Record> {
        tracing::dispatcher::with_default(&support::alone(&self.telemetry), log);
        self.telemetry.flush(LONG).expect("there is time enough");
        support::records(&self.memory)
    }

    /// The pseudonyms of a user and of a device, and the session.
    fn seen(&self) -> [String; 3] {
        let records = self.log(|| tracing::info!(user_id = 42, device_id = 42, "seen"));
        let record = records.last().expect("it was just logged");
        [hash(record, "user_id_hash"), hash(record, "device_id_hash"), resource(record, "session.id")]
    }

    fn user(&self) -> String {
        let [user, ..] = self.seen();
        user
    }
}

fn same(builder: Builder) -> Builder {
    builder
}

fn hash(record: &Record, key: &str) -> String {
    let hash = record.attribute(key).as_str().unwrap_or_else(|| panic!("{key} is not in {record:?}"));
    assert!(hash.len() == 32 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{hash}");
    hash.to_owned()
}

fn resource(record: &Record, key: &str) -> String {
    record.json()["resource"][key].as_str().unwrap_or_else(|| panic!("{key} is not in {record:?}")).to_owned()
}

fn key_file(home: &TempDir) -> PathBuf {
    let files = home.contents().into_iter().map(|(path, _)| path);
    let named: Vec<_> = files.filter(|path| path.ends_with("pseudonym.key")).collect();
    assert_eq!(named.len(), 1, "{named:?}");
    named[0].clone()
}

/// The daily, weekly, monthly and lasting key of an installation.
fn keys(file: &Path) -> [[u8; 32]; 4] {
    let bytes = std::fs::read(file).expect("the key can be read by its owner");
    assert!(bytes.starts_with(b"TPK\x02") && bytes.len() == 148);
    std::array::from_fn(|at| bytes[4 + at * 36 + 4..][..32].try_into().expect("a key has 32 bytes"))
}

fn holds(bytes: &[u8], key: &[u8; 32]) -> bool {
    bytes.windows(32).any(|window| window == key)
}

/// All ids of six digits, and addresses as they are written and as somebody might spell them.
fn dictionary() -> impl Iterator<Item = String> {
    let ids = (0..1_000_000).map(|id| format!("{id:06}"));
    let names = ["alice", "bob", "carol", "dave", "erin", "frank"];
    let domains = ["example.com", "mail.example", "acme.example"];
    ids.chain(names.into_iter().flat_map(move |name| domains.map(|domain| format!("{name}@{domain}"))))
}

const PEOPLE: [&str; 4] = ["004711", "815815", "alice@example.com", "erin@acme.example"];

fn log_people() {
    PEOPLE.iter().for_each(|person| tracing::info!(user_id = *person, "seen"));
}

fn exported(run: &Run) -> HashSet<String> {
    let mut out = Vec::new();
    run.telemetry.export(&mut out).expect("the store can be read");
    let text = String::from_utf8(out).expect("rows are text");
    let hashes: HashSet<String> = text
        .lines()
        .map(|line| Record::parse(line).attribute("user_id_hash").as_str().expect("it was hashed").to_owned())
        .collect();
    assert_eq!(hashes.len(), PEOPLE.len());
    hashes
}

/// The words of the dictionary that a guess turns into something exported; it shows what it makes of each.
fn found(exported: &HashSet<String>, guess: impl Fn(&str, &mut dyn FnMut(&str))) -> Vec<String> {
    let is_hit = |word: &String| {
        let mut hit = false;
        guess(word, &mut |hash| hit |= exported.contains(hash));
        hit
    };
    dictionary().filter(is_hit).collect()
}

#[test]
fn a_dictionary_finds_nobody_without_the_key_and_everybody_with_it() {
    let home = TempDir::new("dictionary");
    let run = Run::start(&home, &Clock::manual(NOON), same);
    run.log(log_people);
    let exported = exported(&run);

    // Who has the records alone tries what other systems publish, cut to the same length, and a key that is in the records.
    let session = Sha256::digest(resource(&support::records(&run.memory)[0], "session.id")).into();
    let guessed = Pseudonymizer::with_key(&session);
    let without = found(&exported, |word, show| {
        let plain = Pseudonym::reversible_sha256(word);
        show(plain.as_str());
        show(&plain.as_str()[..32]);
        show(guessed.pseudonym("user_id", word).as_str());
    });
    assert_eq!(without, [""; 0]);

    let weekly = Pseudonymizer::with_key(&keys(&key_file(&home))[1]);
    let with = found(&exported, |word, show| show(weekly.pseudonym("user_id", word).as_str()));
    assert_eq!(with, PEOPLE);
}

#[test]
fn a_dictionary_finds_everybody_under_reversible_sha256() {
    let home = TempDir::new("reversible");
    let policy = Policy::standard().field("user_id", Action::ReversibleSha256);
    assert!(policy.explain("user_id").to_string().contains("REVERSIBLE"));
    let run = Run::start(&home, &Clock::manual(NOON), |builder| builder.policy(policy));
    run.log(log_people);
    let found = found(&exported(&run), |word, show| show(Pseudonym::reversible_sha256(word).as_str()));
    assert_eq!(found, PEOPLE);
}

#[test]
fn fields_applications_and_installations_have_pseudonyms_of_their_own() {
    let (home, elsewhere) = (TempDir::new("here"), TempDir::new("elsewhere"));
    let clock = Clock::manual(NOON);
    let [user, device, session] = Run::start(&home, &clock, same).seen();
    assert_ne!(user, device);
    assert_eq!(
        Run::start(&home, &clock, same).seen(),
        [user.clone(), device, session.clone()],
        "a second run is the same"
    );

    let [other_user, _, other_session] = Run::start(&elsewhere, &clock, same).seen();
    assert!(other_user != user && other_session != session);

    let memory = Memory::new();
    let environment = Environment::fixed([("OTHER_TELEMETRY_ENABLED", "true")]).home(home.path()).clock(clock);
    let telemetry = Telemetry::builder(app!("other")).environment(environment).memory(&memory).start();
    let run = Run { telemetry: telemetry.expect("the settings are right"), memory };
    let [other_user, _, other_session] = run.seen();
    assert!(other_user != user && other_session != session);
}

#[test]
fn what_is_recorded_late_or_in_a_nested_span_or_as_another_type_is_the_same_pseudonym() {
    let home = TempDir::new("late");
    let run = Run::start(&home, &Clock::manual(NOON), same);
    let records = run.log(|| {
        let outer = tracing::info_span!("outer", user_id = Empty);
        let inner = tracing::info_span!(parent: &outer, "inner", user_id = 42_u64);
        inner.in_scope(|| tracing::info!(user_id = "42", "text"));
        tracing::info!(user_id = 42_i64, "signed");
        tracing::info!(user_id = 42_u128, "wide");
        tracing::info!(user_id = 42.0, "float");
        tracing::info!(user_id = %" 42", "display");
        tracing::info!(user_id = ?Some("42"), "debug");
        outer.record("user_id", 42_u8);
    });
    let hashes: HashSet<String> = records.iter().map(|record| hash(record, "user_id_hash")).collect();
    assert_eq!((records.len(), hashes.len()), (8, 1), "{records:#?}");

    let records = run.log(|| {
        for spelling in ["Alice@Example.com", " alice@example.com", "ALICE@EXAMPLE.COM"] {
            tracing::info!(account_id = spelling, "mail");
        }
        for spelling in ["67E55044-10B1-426F-9247-BB680E5FE0C8", "{67e55044-10b1-426f-9247-bb680e5fe0c8}"] {
            tracing::info!(tenant_id = %spelling, "uuid");
        }
    });
    for key in ["account_id_hash", "tenant_id_hash"] {
        let of_key = records.iter().filter(|record| !record.attribute(key).is_null());
        assert_eq!(of_key.map(|record| hash(record, key)).collect::<HashSet<_>>().len(), 1, "{key}");
    }
}

#[test]
fn each_field_changes_with_its_own_rotation_while_the_program_runs() {
    let home = TempDir::new("rotation");
    let clock = Clock::manual(NOON);
    let policy = Policy::standard()
        .hash_for("day_id", Rotation::Daily)
        .hash_for("month_id", Rotation::Monthly)
        .hash_for("ever_id", Rotation::Never);
    let run = Run::start(&home, &clock, |builder| builder.policy(policy));
    let seen = || {
        let records = run.log(|| tracing::info!(day_id = 1, user_id = 1, month_id = 1, ever_id = 1, "seen"));
        let record = records.last().expect("it was just logged").clone();
        ["day_id_hash", "user_id_hash", "month_id_hash", "ever_id_hash"].map(|key| hash(&record, key))
    };
    let mut before = seen();
    assert_eq!(before.iter().collect::<HashSet<_>>().len(), 4);
    for (to, changes) in [
        ("2026-03-05T23:59:59.999Z", [false, false, false, false]),
        ("2026-03-06T00:00:00Z", [true, false, false, false]),
        ("2026-03-09T00:00:00Z", [true, true, false, false]),
        ("2026-04-01T00:00:00Z", [true, true, true, false]),
        // Ten years off, and set right again.
        ("2036-04-01T00:00:00Z", [true, true, true, false]),
        ("2026-04-01T00:00:00Z", [true, true, true, false]),
    ] {
        clock.set(to);
        let after = seen();
        let changed: Vec<bool> = before.iter().zip(&after).map(|(before, after)| before != after).collect();
        assert_eq!(changed, changes, "{to}");
        assert_eq!(after, seen(), "{to}");
        before = after;
    }
}

#[test]
fn after_a_rollover_no_file_holds_the_old_keys_bytes_and_the_session_is_another() {
    let home = TempDir::new("rollover");
    let clock = Clock::manual(NOON);
    let run = Run::start(&home, &clock, same);
    let [user, _, session] = run.seen();
    let file = key_file(&home);
    let old = keys(&file);
    let weekly = Pseudonymizer::with_key(&old[1]);
    assert_eq!(weekly.pseudonym("user_id", "42").as_str(), user, "this is the key that was used");

    clock.advance(DAY * 7);
    let [new_user, _, new_session] = run.seen();
    assert!(new_user != user && new_session != session);
    let new = keys(&file);
    assert_eq!(Pseudonymizer::with_key(&new[1]).pseudonym("user_id", "42").as_str(), new_user);
    assert_eq!([0, 1, 2, 3].map(|at| old[at] == new[at]), [false, false, true, true]);
    let contents = home.contents();
    assert!(contents.iter().any(|(_, bytes)| holds(bytes, &new[1])), "the search can find a key");
    for (path, bytes) in contents {
        assert!(!holds(&bytes, &old[0]) && !holds(&bytes, &old[1]), "{} holds an old key", path.display());
    }

    // The same where the program was not running when the week ended.
    drop(run);
    clock.advance(DAY * 7);
    let run = Run::start(&home, &clock, same);
    assert_ne!(run.user(), new_user);
    assert!(home.contents().iter().all(|(_, bytes)| !holds(bytes, &new[1])));
}

#[cfg(unix)]
#[test]
fn who_logs_has_the_new_weeks_pseudonym_before_its_key_is_on_disk() {
    let home = TempDir::new("waiting");
    let clock = Clock::manual(NOON);
    let run = Run::start(&home, &clock, same);
    let mut before = run.user();
    let file = key_file(&home);
    // Another process holds the directory, as one does that writes its key. Loading a key at the start reads the disk; nothing
    // that logs does. The worker may be quicker than this thread, but not again and again.
    let mut ahead = 0;
    for _ in 0..5 {
        let directory = std::fs::File::open(file.parent().expect("it is in one")).expect("it can be read");
        directory.try_lock().expect("nobody writes a key now");
        let old = keys(&file);
        clock.advance(DAY * 7);
        tracing::dispatcher::with_default(&support::alone(&run.telemetry), || {
            (0..1000).for_each(|_| tracing::info!(user_id = 42, device_id = 42, "seen"));
        });
        ahead += u32::from(keys(&file) == old);
        drop(directory);
        let after = run.user();
        assert_ne!(after, before);
        assert_ne!(keys(&file)[1], old[1], "the control: later it is written");
        let records = support::records(&run.memory);
        let this_week = &records[records.len() - 1000..];
        assert!(this_week.iter().all(|record| hash(record, "user_id_hash") == after), "they went by the new key");
        before = after;
    }
    assert!(ahead > 0, "logging waits until the key is written");
}

#[test]
fn processes_that_run_on_together_agree_after_a_rollover() {
    let home = TempDir::new("agree");
    let clock = Clock::manual(NOON);
    let (one, other) = (Run::start(&home, &clock, same), Run::start(&home, &clock, same));
    // Each has written or read the key by the end of its first flush.
    one.user();
    other.user();
    assert_eq!(one.seen(), other.seen());
    let before = one.user();
    for _ in 0..3 {
        clock.advance(DAY * 7);
        one.user();
        other.user();
        assert_eq!(one.seen(), other.seen());
        assert_ne!(one.user(), before);
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_others_could_read_is_not_used_again() {
    use std::os::unix::fs::PermissionsExt;

    let home = TempDir::new("permissions");
    let clock = Clock::manual(NOON);
    let before = Run::start(&home, &clock, same).user();
    let file = key_file(&home);
    let mode = |file: &Path| std::fs::metadata(file).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    let run = Run::start(&home, &clock, same);
    let after = run.user();
    assert_ne!(after, before);
    assert_eq!(mode(&file), 0o600);
    assert_eq!(Pseudonymizer::with_key(&keys(&file)[1]).pseudonym("user_id", "42").as_str(), after);

    // Where no key can be kept there still is one.
    drop(run);
    std::fs::remove_file(&file).expect("it is ours");
    std::fs::create_dir(&file).expect("the directory is ours");
    let run = Run::start(&home, &clock, same);
    let alone = run.user();
    assert!(alone != after && alone != before && alone == run.user());
    assert!(run.telemetry.status().to_string().contains("pseudonyms hold for this run alone"));
}

/// Row 49 of the requirements, under a key: `SHA256(machine_id + date)[0:16]` can be computed by whoever knows the machine.
#[test]
fn a_session_id_is_of_one_day_and_says_nothing_of_the_machine() {
    const MACHINE: &str = "8d2f5c4a1b3e4f60917d2c5b8a3e1f04";
    let clock = Clock::manual(NOON);
    let session = |home: &TempDir| {
        let machine = |builder: Builder| {
            let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(home.path());
            builder.environment(environment.clock(clock.clone()).file("/etc/machine-id", MACHINE))
        };
        let [.., session] = Run::start(home, &clock, machine).seen();
        assert!(session.len() == 16 && session.bytes().all(|byte| byte.is_ascii_hexdigit()), "{session}");
        session
    };
    let (home, other) = (TempDir::new("session"), TempDir::new("session-elsewhere"));
    let mut days = HashSet::new();
    for date in ["2026-03-05", "2026-03-06", "2026-03-07"] {
        let today = session(&home);
        assert_eq!(session(&home), today, "all day");
        assert!(days.insert(today.clone()), "{date} is another day");
        assert_ne!(session(&other), today, "the same machine, another key");
        for text in [format!("{MACHINE}{date}"), format!("{date}{MACHINE}"), date.to_owned()] {
            let plain: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!plain.starts_with(&today), "{date}");
        }
        clock.advance(DAY);
    }
}

#[test]
fn hosts_with_one_secret_agree_on_people_and_not_on_sessions() {
    let secret = || Secret::new("0123456789abcdef0123456789abcdef");
    let (home, elsewhere) = (TempDir::new("host-a"), TempDir::new("host-b"));
    let clock = Clock::manual(NOON);
    let host = |home: &TempDir| Run::start(home, &clock, |builder| builder.pseudonym_secret(secret()));
    let (one, other) = (host(&home), host(&elsewhere));
    let [user, device, session] = one.seen();
    let [same_user, same_device, other_session] = other.seen();
    assert_eq!((&user, device), (&same_user, same_device));
    assert_ne!(session, other_session);
    clock.advance(DAY * 7);
    assert_ne!(one.user(), user);
    assert_eq!(one.user(), other.user());
    for (path, bytes) in home.contents() {
        assert!(!holds(&bytes, b"0123456789abcdef0123456789abcdef"), "{} holds the secret", path.display());
    }
}

#[test]
fn a_short_secret_is_an_error_that_names_the_setting_and_the_remedy() {
    let home = TempDir::new("short");
    let builder = support::builder(&home, &Memory::new()).pseudonym_secret(Secret::new("hunter2-canary"));
    assert!(!format!("{builder:?}").contains("hunter2"));
    let error = builder.start().expect_err("14 bytes can be tried out").to_string();
    assert!(error.contains(".pseudonym_secret") && error.contains("32 bytes"), "{error}");
    assert!(!error.contains("hunter2"));
}

#[test]
fn an_installation_has_an_id_only_where_the_application_asks_for_one() {
    let home = TempDir::new("installation");
    let clock = Clock::manual(NOON);
    let start = |settings: fn(Builder) -> Builder| {
        let run = Run::start(&home, &clock, settings);
        run.seen();
        let record = support::records(&run.memory).remove(0);
        record.json()["resource"]["app.installation.id"].as_str().map(str::to_owned)
    };
    assert_eq!(start(same), None);
    assert!(home.contents().iter().all(|(path, _)| !path.ends_with("installation.id")));
    let id = start(Builder::installation_id).expect("it was asked for");
    assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "{id}");
    assert_eq!(start(Builder::installation_id), Some(id.clone()));
    clock.advance(DAY * 89);
    assert_eq!(start(Builder::installation_id), Some(id.clone()));
    clock.advance(DAY);
    let other = start(Builder::installation_id).expect("it was asked for");
    assert_ne!(other, id);
    assert!(
        home.contents().iter().all(|(path, bytes)| {
            !path.ends_with("installation.id") || !String::from_utf8_lossy(bytes).contains(&id)
        })
    );
}
