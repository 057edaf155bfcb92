//! One vendor, many applications, one switch: `AUTOMAGIK_TELEMETRY_ENABLED=true cargo run --example automagik`.
//!
//! A no holds for all of the vendor's applications at once: `AUTOMAGIK_TELEMETRY_ENABLED=false` for one process or shell,
//! `touch ~/.automagik-no-telemetry` for ever. `AUTOMAGIK_TELEMETRY_VERBOSE=true` prints each record as it is kept.
//!
//! Its policy is the rule table that the vendor publishes. The user ids under it are plain SHA-256, which is REVERSIBLE by
//! guessing; with `Policy::standard`, the default, they would be pseudonyms that nobody without the key can guess.

use std::error::Error;
use std::time::Duration;

use tracing_privacy::privacy::Policy;
use tracing_privacy::{Telemetry, app};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let app = app!("automagik-omni").prefix("AUTOMAGIK");
    let telemetry = Telemetry::builder(app).policy(Policy::automagik()).start()?;
    tracing_subscriber::registry().with(telemetry.layer()).init();

    run("list", 4711);

    let flushed = telemetry.flush(Duration::from_secs(2));
    print!("{}", telemetry.status());
    Ok(flushed?)
}

#[tracing::instrument]
fn run(command: &str, user_id: u64) {
    tracing::info!(name: "automagik.feature.used", feature_name = "contacts", os = std::env::consts::OS, "contacts listed");
}
