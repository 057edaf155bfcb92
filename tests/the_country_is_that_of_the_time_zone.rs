//! Promise (row 80 of the requirements): the country is two letters that the time zone setting tells, where the application
//! asks for it and the users were told, and never anything finer.

#[cfg(all(feature = "otlp", feature = "store"))]
#[path = "support/receiver.rs"]
mod receiver;
mod support;
#[path = "support/inventory.rs"]
mod with_head;

use serde_json::Value;
use support::{logged, only};
use tracing_privacy::privacy::{Inventory, Policy};
use tracing_privacy::{Builder, Environment, app};

const COUNTRY: &str = "geo.country.iso_code";

/// A machine whose clock is set to this zone.
fn in_zone(zone: &str) -> Environment {
    Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")])
        .link("/etc/localtime", format!("/usr/share/zoneinfo/{zone}"))
}

/// The resource of what is logged there.
fn resource(zone: &str, settings: impl FnOnce(Builder) -> Builder) -> Value {
    let home = support::TempDir::new("country-home");
    let environment = in_zone(zone).home(home.path());
    let records = logged(
        "country",
        |builder| settings(builder.environment(environment)),
        || tracing::info!(name: "order.placed", plan = "pro"),
    );
    only(&records, |_| true).json()["resource"].clone()
}

fn asked(builder: Builder) -> Builder {
    builder.country_from_time_zone()
}

fn inventory(resource: &str) -> Inventory {
    let order = r#"
        [events."order.placed"]
        purpose = "sales"
        fields.plan = { kind = "word", purpose = "by plan" }
    "#;
    with_head::inventory(1, "", &format!("[resource]\n{resource}\n{order}"))
}

const LISTED: &str = r#""geo.country.iso_code" = { kind = "word", purpose = "Which languages to translate into", reason = "of the time zone, and nothing finer is known" }"#;

#[test]
fn it_is_told_only_where_the_application_asks_for_it() {
    for policy in [Policy::standard, Policy::strict, Policy::automagik] {
        let resource = |settings: fn(Builder) -> Builder| resource("Europe/Oslo", |b| settings(b.policy(policy())));
        assert_eq!(resource(|builder| builder).get(COUNTRY), None);
        let told = resource(asked);
        assert_eq!(told[COUNTRY], "NO");
        assert!(!told.to_string().contains("Oslo") && !told.to_string().contains("Europe"), "{told}");
        let ruled = resource(|builder| asked(builder.policy(Policy::standard().drop_field(COUNTRY))));
        assert_eq!(ruled.get(COUNTRY), None, "a rule of the application's own holds");
    }
}

#[test]
fn a_zone_of_no_country_tells_none() {
    for zone in ["Etc/UTC", "UTC", "CET", "Europe/Simferopol", "Europe/Nowhere"] {
        assert_eq!(resource(zone, asked).get(COUNTRY), None, "{zone}");
    }
    assert_eq!(resource("America/Argentina/Ushuaia", asked)[COUNTRY], "AR", "the control");
}

#[test]
fn under_an_inventory_it_is_there_only_if_users_are_told() {
    let told = |list: &str, zone: &str| {
        resource(zone, |builder| asked(builder.policy(Policy::declared(inventory(list))))).get(COUNTRY).cloned()
    };
    assert_eq!(told("", "Europe/Oslo"), None);
    assert_eq!(told(LISTED, "Europe/Oslo"), Some("NO".into()));
    assert_eq!(told(LISTED, "Etc/UTC"), None);
    let nordic = LISTED.replace(r#""word""#, r#""enum", values = ["DK", "NO", "SE"]"#);
    assert_eq!(told(&nordic, "Europe/Oslo"), Some("NO".into()));
    assert_eq!(told(&nordic, "Pacific/Pitcairn"), None, "what is not listed is not told");

    let document = inventory(LISTED).to_markdown(&app!("acme"));
    for line in [
        "| `geo.country.iso_code` | a short word, such as a version | searched for personal data, which is replaced | Which languages to translate into | 90 days |",
        "| `geo.country.iso_code` | every record | of the time zone, and nothing finer is known |",
    ] {
        assert!(document.lines().any(|written| written == line), "{line} is not in\n{document}");
    }
    assert!(!inventory("").to_markdown(&app!("acme")).contains(COUNTRY));
}

/// So it is with the other attribute that is there on request.
#[test]
fn under_an_inventory_an_installation_id_is_there_only_if_users_are_told() {
    const ID: &str = "app.installation.id";
    let told = |list: &str| {
        let settings = |builder: Builder| builder.installation_id().policy(Policy::declared(inventory(list)));
        resource("Etc/UTC", settings).get(ID).and_then(Value::as_str).map(str::len)
    };
    assert_eq!(told(""), None);
    let (telemetry, _memory, directory) =
        support::on_with("no-id", |builder| builder.installation_id().policy(Policy::declared(inventory(""))));
    tracing::dispatcher::with_default(
        &support::alone(&telemetry),
        || tracing::info!(name: "order.placed", plan = "pro"),
    );
    support::settle(&telemetry);
    let data = directory.path().join(".local/share/acme/telemetry");
    assert!(data.join("pseudonym.key").exists() && !data.join("installation.id").exists(), "it is not even kept");
    assert_eq!(told(&format!(r#""{ID}" = {{ kind = "word", purpose = "-", reason = "for 90 days" }}"#)), Some(36));
    assert_eq!(resource("Etc/UTC", Builder::installation_id)[ID].as_str().map(str::len), Some(36), "the control");
}

/// From disk, past the second check.
#[cfg(all(feature = "otlp", feature = "store"))]
#[test]
fn it_is_sent_as_it_was_kept() {
    use receiver::Receiver;

    for policy in [Policy::standard(), Policy::automagik(), Policy::declared(inventory(LISTED))] {
        let (home, receiver) = (support::TempDir::new("country-sent"), Receiver::start());
        let (telemetry, _memory, _directory) = support::on_with("country-sent", |builder| {
            let environment = in_zone("Asia/Calcutta").home(home.path());
            asked(builder.environment(environment)).policy(policy).otlp(receiver.url())
        });
        let log = || tracing::info!(name: "order.placed", plan = "pro");
        tracing::dispatcher::with_default(&support::alone(&telemetry), log);
        support::settle(&telemetry);
        let logs = receiver.logs();
        assert_eq!(logs.len(), 1, "{}", telemetry.status());
        assert_eq!(format!("{:?}", logs[0].resource[COUNTRY]), r#"Str("IN")"#);
    }
}
