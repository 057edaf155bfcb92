//! Promise: a policy in a file holds from the first record on, and a mistake in it ends the start with file, line, column
//! and remedy. While telemetry is off the file is not opened, so that it can hurt nobody who said no.

mod support;

use std::path::PathBuf;

use support::{TempDir, alone, builder, logged, records, settle};
use tracing::dispatcher::with_default;
use tracing_privacy::privacy::Policy;
use tracing_privacy::{Environment, Memory};

fn file(directory: &TempDir, text: &str) -> PathBuf {
    let path = directory.path().join("policy.toml");
    std::fs::write(&path, text).expect("the directory can be written to");
    path
}

#[test]
fn the_files_rules_stand_on_top_of_the_codes() {
    let directory = TempDir::new("policy-file");
    let path = file(
        &directory,
        "message = \"drop\"\n[[field]]\nkey = \"plan\"\naction = \"drop\"\n[[field]]\nkey = \"city\"\naction = \"keep\"\nreason = \"sales\"",
    );
    let policy = Policy::standard().keep("plan", "by code").hash("order");
    let records = logged(
        "policy-file",
        |builder| builder.policy(policy).policy_file(path),
        || {
            tracing::info!(plan = "pro", city = "Turin", order = 7, "placed");
        },
    );
    assert_eq!(records[0].attributes(), ["city", "order_hash"], "{records:?}");
    assert_eq!(records[0].body(), None);
}

#[test]
fn a_mistake_ends_the_start() {
    let (directory, memory) = (TempDir::new("policy-file"), Memory::new());
    let path = file(&directory, "[[field]]\nkey = \"plan\"\naction = \"destroy\"");
    let error = builder(&directory, &memory).policy_file(&path).start().expect_err("there is no such action");
    assert_eq!(error.setting(), ".policy_file");
    let text = error.to_string();
    assert!(text.contains("policy.toml: line 3, column 10: there is no action `destroy` for `plan`; there are `keep`"));
    let missing = directory.path().join("missing.toml");
    let error = builder(&directory, &memory).policy_file(&missing).start().expect_err("there is no file");
    assert!(error.to_string().contains("missing.toml: the policy cannot be read"), "{error}");
}

#[test]
fn while_off_it_is_not_opened_and_a_later_yes_reads_it() {
    let (directory, memory) = (TempDir::new("policy-file"), Memory::new());
    let path = directory.path().join("policy.toml");
    let off = || {
        let environment = Environment::fixed([("X", "1")]).home(directory.path());
        builder(&directory, &memory).environment(environment).policy_file(&path)
    };
    assert!(!off().start().expect("a missing file is nothing to somebody who said nothing").is_on());

    let mut telemetry = off().switchable().start().expect("nothing is read yet");
    file(&directory, "mesage = \"drop\"");
    let _ = telemetry.grant();
    assert!(!telemetry.is_on(), "a policy that cannot be read lets nothing through");
    let status = telemetry.status().to_string();
    assert!(
        status.contains("does not run") && status.contains("policy.toml: line 1, column 1: there is no"),
        "{status}"
    );

    file(&directory, "message = \"drop\"");
    assert!(telemetry.grant().reason().ends_with("on: the user said yes while the program ran"));
    let subscriber = alone(&telemetry);
    with_default(&subscriber, || tracing::info!(plan = "pro", "placed"));
    settle(&telemetry);
    let records = records(&memory);
    assert_eq!((records[0].attributes(), records[0].body()), (vec!["plan"], None), "{records:?}");
}
