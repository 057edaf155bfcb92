//! Promise: a policy in a file holds from the first record on, and a mistake in it ends the start with file, line, column
//! and remedy, whether telemetry is on or not.

mod support;

use std::path::PathBuf;

use support::{TempDir, builder, logged, off};
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
    let (_, _, other) = off("policy-file");
    for environment in [Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]), Environment::fixed([("X", "1")])] {
        let builder = builder(&directory, &memory).environment(environment.home(other.path()));
        let error = builder.policy_file(&path).start().expect_err("there is no such action");
        assert_eq!(error.setting(), ".policy_file");
        let text = error.to_string();
        assert!(
            text.contains("policy.toml: line 3, column 10: there is no action `destroy` for `plan`; there are `keep`")
        );
    }
    let missing = directory.path().join("missing.toml");
    let error = builder(&directory, &memory).policy_file(&missing).start().expect_err("there is no file");
    assert!(error.to_string().contains("missing.toml: the policy cannot be read"), "{error}");
}
