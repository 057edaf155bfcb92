//! Promise: a saved yes covers what the user agreed to, entry by entry. What was added or changed since is withheld until
//! they have been asked again.

#[cfg(all(feature = "otlp", feature = "store"))]
#[path = "support/receiver.rs"]
mod receiver;
mod support;
#[path = "support/inventory.rs"]
mod with_head;

use serde_json::{Value, json};
use support::{LONG, Record, TempDir, alone, records, settle};
use tracing_privacy::consent::{Row, Saved};
use tracing_privacy::privacy::{Inventory, Policy, Secret};
use tracing_privacy::{Builder, Environment, Memory, Telemetry, app};

const FIRST: &str = r#"
    [events."order.placed"]
    purpose = "sales"
    fields.plan = { kind = "word", purpose = "by plan" }
    fields.items = { kind = "integer", purpose = "how large" }
"#;

/// With a field, an event and a field of the resource that were not there before.
const SECOND: &str = r#"
    [resource]
    "os.type" = { kind = "word", purpose = "which systems", since = 2 }
    [events."order.placed"]
    purpose = "sales"
    fields.items = { kind = "integer", purpose = "how large" }
    fields.plan = { kind = "word", purpose = "by plan" }
    fields.coupon = { kind = "word", purpose = "which help", since = 2 }
    [events."order.sent"]
    purpose = "delivery"
    since = 2
    fields.plan = { kind = "word", purpose = "by plan" }
"#;

fn inventory(version: u32, lines: &str) -> Inventory {
    with_head::inventory(version, "", lines)
}

/// What was saved before, and where.
struct Home(TempDir);

impl Home {
    fn new(name: &str) -> Self {
        Home(TempDir::new(name))
    }

    /// Saves an answer as the application does.
    fn save(&self, text: &str) -> &Self {
        let directory = self.0.path().join(".local/share/acme/telemetry");
        std::fs::create_dir_all(&directory).expect("a directory can be made");
        std::fs::write(directory.join("consent.json"), text).expect("a file can be written");
        self
    }

    fn builder(&self, inventory: &Inventory, memory: &Memory) -> Builder {
        let environment = Environment::fixed([("UNRELATED", "1")]).home(self.0.path()).os(tracing_privacy::Os::Linux);
        let policy = Policy::declared(inventory.clone());
        let builder = Telemetry::builder(app!("acme")).environment(environment).memory(memory);
        builder.policy(policy).resource("os.type", "linux")
    }

    fn start(&self, inventory: &Inventory) -> (Telemetry, Memory) {
        let memory = Memory::new();
        (self.builder(inventory, &memory).start().expect("the settings are right"), memory)
    }

    /// What a run keeps, as names and attributes.
    fn kept(&self, inventory: &Inventory) -> Vec<(String, Value)> {
        let (telemetry, memory) = self.start(inventory);
        place_and_send(&telemetry);
        let of = |record: Record| (record.name().to_owned(), record.json()["attributes"].clone());
        records(&memory).into_iter().map(of).collect()
    }
}

fn place_and_send(telemetry: &Telemetry) {
    tracing::dispatcher::with_default(&alone(telemetry), || {
        tracing::info!(name: "order.placed", plan = "pro", items = 3, coupon = "spring");
        tracing::info!(name: "order.sent", plan = "pro");
    });
    settle(telemetry);
}

/// The yes to an inventory, as the application would save it after asking.
fn yes_to(inventory: &Inventory) -> String {
    let home = Home::new("asked");
    let (telemetry, _memory) = home.start(inventory);
    assert!(!telemetry.is_on(), "nobody has said yes yet");
    telemetry.agreement().to_json().expect("a yes has a text")
}

fn placed(attributes: Value) -> (String, Value) {
    ("order.placed".to_owned(), attributes)
}

#[test]
fn what_is_new_waits_and_what_was_agreed_to_goes_on() {
    let (first, second) = (inventory(1, FIRST), inventory(2, SECOND));
    let home = Home::new("waits");
    home.save(&yes_to(&first));
    assert_eq!(home.kept(&first), [placed(json!({"plan": "pro", "items": 3}))]);
    assert_eq!(home.kept(&second), [placed(json!({"plan": "pro", "items": 3}))], "the user knows nothing of version 2");

    let (telemetry, memory) = home.start(&second);
    place_and_send(&telemetry);
    assert_eq!(records(&memory)[0].json()["resource"].get("os.type"), None);
    let status = telemetry.status().to_string();
    assert!(
        status.contains(
            "[events.\"order.sent\"]: its event or span is in the inventory, but it is newer than the user's yes"
        ),
        "{status}"
    );
    let scope = telemetry.decision().considered().iter().find(|row| row.row() == Row::Scope).expect("it is looked at");
    assert!(scope.value().contains("without 4 of 7 entries that are newer"), "{}", scope.value());

    home.save(&yes_to(&second));
    let all = [
        placed(json!({"plan": "pro", "items": 3, "coupon": "spring"})),
        ("order.sent".to_owned(), json!({"plan": "pro"})),
    ];
    assert_eq!(home.kept(&second), all, "they were asked again");
    let (telemetry, memory) = home.start(&second);
    place_and_send(&telemetry);
    assert_eq!(records(&memory)[0].json()["resource"]["os.type"], "linux");
}

#[test]
fn a_field_that_is_changed_under_its_name_is_a_new_field_whatever_version_it_claims() {
    let first = inventory(1, FIRST);
    for (what, from, to) in [
        ("kind", "items = { kind = \"integer\"", "items = { kind = \"text\""),
        ("action", "items = { kind = \"integer\"", "items = { kind = \"integer\", action = \"bucket\""),
        ("purpose", "how large", "what to advertise"),
    ] {
        let home = Home::new("changed");
        home.save(&yes_to(&first));
        let changed = inventory(1, &FIRST.replace(from, to));
        assert_eq!(home.kept(&changed), [placed(json!({"plan": "pro"}))], "{what}");
    }
    let home = Home::new("changed-event");
    home.save(&yes_to(&first));
    let changed = inventory(1, &FIRST.replace("sales", "advertising"));
    assert_eq!(home.kept(&changed), [], "the event itself is for something else now");
}

#[test]
fn more_exact_times_and_a_longer_life_wait_and_coarser_times_and_an_end_do_not() {
    let (exact, hour, day) = ("", "times = \"hour\"", "times = \"day\"");
    for (agreed, now, goes_on) in [(hour, exact, false), (day, hour, false), (day, day, true), (hour, day, true)] {
        let home = Home::new("times");
        home.save(&yes_to(&with_head::inventory(1, agreed, FIRST)));
        let kept = home.kept(&with_head::inventory(2, now, FIRST));
        assert_eq!(!kept.is_empty(), goes_on, "from `{agreed}` to `{now}`: {kept:?}");
    }
    let lasting = |day: &str| FIRST.replace("\"how large\"", &format!("\"how large\"{day}"));
    let home = Home::new("shorter-life");
    home.save(&yes_to(&inventory(1, FIRST)));
    let all = [placed(json!({"items": 3, "plan": "pro"}))];
    assert_eq!(home.kept(&inventory(1, &lasting(", expires = 2090-01-01"))), all, "an end that it had not");
    let ending = FIRST.replace("\"sales\"", "\"sales\"\n    expires = 2090-01-01");
    assert_eq!(
        home.kept(&with_head::inventory(1, "times = \"day\"", &ending)),
        all,
        "the record itself, and coarser times"
    );
    for (agreed, now) in [(", expires = 2090-01-01", ""), (", expires = 2090-01-01", ", expires = 2091-01-01")] {
        let home = Home::new("life");
        home.save(&yes_to(&inventory(1, &lasting(agreed))));
        assert_eq!(home.kept(&inventory(1, &lasting(now))), [placed(json!({"plan": "pro"}))], "`{agreed}`, `{now}`");
        assert_eq!(home.kept(&inventory(1, &lasting(agreed))).len(), 1);
    }
}

#[test]
fn a_yes_to_keys_of_the_machine_is_none_to_a_secret_that_others_hold() {
    let lines = r#"
        [events."order.placed"]
        purpose = "sales"
        fields.items = { kind = "integer", purpose = "how large" }
        fields.plan = { kind = "id", action = "hash", purpose = "how many plans", reason = "it is ours" }
    "#;
    let [own, shared] = ["", "pseudonym_secret = \"we do\""].map(|line| with_head::inventory(1, line, lines));
    let secret = || Secret::new([7; 32]);
    let kept = |agreed: &Inventory, now: &Inventory, secret: Option<Secret>| {
        let (home, memory) = (Home::new("keys"), Memory::new());
        home.save(&yes_to(agreed));
        let builder = home.builder(now, &memory);
        let builder = secret.into_iter().fold(builder, Builder::pseudonym_secret);
        place_and_send(&builder.start().expect("the settings are right"));
        let keys =
            |record: Record| record.json()["attributes"].as_object().expect("there are some").keys().cloned().collect();
        records(&memory).into_iter().map(keys).collect::<Vec<Vec<String>>>()
    };
    assert_eq!(kept(&own, &shared, Some(secret())), [["items"]], "pseudonyms that others can make wait");
    assert_eq!(kept(&shared, &shared, Some(secret())), [["items", "plan_hash"]]);
    assert_eq!(kept(&shared, &own, None), [["items", "plan_hash"]], "less than that was agreed to");
}

#[test]
fn what_is_taken_away_or_only_worded_otherwise_needs_no_new_yes() {
    let home = Home::new("less");
    home.save(&yes_to(&inventory(1, FIRST)));
    let less = FIRST.replace("fields.items = { kind = \"integer\", purpose = \"how large\" }", "# no items any more");
    assert_eq!(home.kept(&inventory(2, &less)), [placed(json!({"plan": "pro"}))]);
    let (telemetry, _memory) = home.start(&inventory(2, &less));
    let scope = telemetry.decision().considered().iter().find(|row| row.row() == Row::Scope).expect("it is looked at");
    assert!(!scope.value().contains("without"), "{}", scope.value());
}

#[test]
fn a_yes_that_names_only_a_version_covers_what_came_with_it() {
    let second = inventory(2, SECOND);
    let home = Home::new("version");
    home.save(r#"{"answer":"yes","collection":1}"#);
    assert_eq!(home.kept(&second), [placed(json!({"plan": "pro", "items": 3}))]);
    home.save(r#"{"answer":"yes","collection":2}"#);
    assert_eq!(home.kept(&second).len(), 2);
    home.save(&Saved::yes(1, None).to_json().expect("a yes has a text"));
    assert_eq!(home.kept(&second).len(), 1);
}

#[test]
fn a_yes_to_nothing_of_what_is_collected_now_is_none() {
    let home = Home::new("nothing");
    home.save(&yes_to(&inventory(1, FIRST)));
    let other = inventory(2, "[spans.slice]\npurpose = \"how long\"\nsince = 2");
    let (telemetry, _memory) = home.start(&other);
    assert!(!telemetry.is_on());
    let reason = telemetry.decision().reason();
    assert!(reason.contains("the saved yes was for none of what is collected now"), "{reason}");
    home.save(r#"{"answer":"yes"}"#);
    assert!(!home.start(&other).0.is_on(), "a yes to nobody knows what");
}

#[test]
fn a_yes_for_this_run_covers_what_this_run_collects() {
    let second = inventory(2, SECOND);
    let home = Home::new("run");
    home.save(&yes_to(&inventory(1, FIRST)));
    let memory = Memory::new();
    let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(home.0.path());
    let telemetry = home.builder(&second, &memory).environment(environment).start().expect("the settings are right");
    place_and_send(&telemetry);
    assert_eq!(memory.rows().len(), 2);

    let memory = Memory::new();
    let asked = Home::new("asked-now");
    let mut telemetry = asked.builder(&second, &memory).switchable().start().expect("the settings are right");
    let layer = alone(&telemetry);
    assert!(!telemetry.is_on());
    let _ = telemetry.grant();
    tracing::dispatcher::with_default(&layer, || tracing::info!(name: "order.sent", plan = "pro"));
    telemetry.flush(LONG).expect("there is time enough");
    assert_eq!(memory.rows().len(), 1);
}

#[test]
fn a_new_yes_while_running_widens_nothing_and_says_when_it_counts() {
    let (first, second) = (inventory(1, FIRST), inventory(2, SECOND));
    let home = Home::new("later");
    home.save(&yes_to(&first));
    let memory = Memory::new();
    let mut telemetry = home.builder(&second, &memory).switchable().start().expect("the settings are right");
    for _ in 0..2 {
        let decision = telemetry.grant().clone();
        assert!(decision.state() == tracing_privacy::consent::State::On, "{decision}");
        let words =
            "; the user agreed to more while the program ran, which counts from the next start, once it is saved";
        assert!(decision.reason().matches(words).count() == 1 && decision.reason().ends_with(words), "{decision}");
        assert!(decision.to_string().contains("the user's yes"), "{decision}");
    }
    place_and_send(&telemetry);
    assert_eq!(records(&memory)[0].json()["attributes"], json!({"plan": "pro", "items": 3}), "as it was agreed before");
    home.save(&telemetry.agreement().to_json().expect("a yes has a text"));
    drop(telemetry);
    assert_eq!(home.kept(&second).len(), 2, "the next start");

    // Who has agreed to all there is has nothing to wait for.
    let (mut telemetry, _memory) = home.start(&second);
    let before = telemetry.decision().clone();
    assert_eq!(*telemetry.grant(), before);
}

#[test]
fn a_yes_is_for_a_host_as_well() {
    let first = inventory(1, FIRST);
    let home = Home::new("host");
    let yes: Value = serde_json::from_str(&yes_to(&first)).expect("it is JSON");
    assert_eq!((&yes["answer"], &yes["collection"], &yes["host"]), (&json!("yes"), &json!(1), &Value::Null));
    assert_eq!(yes["digest"].as_str(), Some(first.digest().as_str()), "what the document shows is what is saved");
    assert_eq!(yes["entries"].as_array().map(Vec::len), Some(3));
    home.save(&yes.to_string());
    #[cfg(feature = "otlp")]
    {
        let builder = home.builder(&first, &Memory::new()).otlp("https://telemetry.example.com");
        assert!(!builder.start().expect("the settings are right").is_on(), "the yes was for keeping, not for sending");
    }
}

#[cfg(all(feature = "otlp", feature = "store"))]
#[test]
fn what_was_stored_under_a_wider_yes_is_not_sent_under_a_narrower_one() {
    use receiver::Receiver;

    let (first, second) = (inventory(1, FIRST), inventory(2, SECOND));
    let (home, receiver, memory) = (Home::new("narrower"), Receiver::start(), Memory::new());
    let manual = tracing_privacy::Schedule::Manual;
    let environment =
        Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(home.0.path()).os(tracing_privacy::Os::Linux);
    let wide = home.builder(&second, &memory).environment(environment).otlp(receiver.url()).schedule(manual);
    let wide = wide.start().expect("the settings are right");
    tracing::dispatcher::with_default(&alone(&wide), || {
        tracing::info!(name: "order.placed", plan = "pro", items = 3, coupon = "spring");
        tracing::info!(name: "order.sent", plan = "pro");
    });
    support::stored(&wide, 2);
    drop(wide);

    let mut yes: Value = serde_json::from_str(&yes_to(&first)).expect("it is JSON");
    yes["host"] = json!("127.0.0.1");
    home.save(&yes.to_string());
    let narrow =
        home.builder(&second, &memory).otlp(receiver.url()).schedule(manual).start().expect("the settings are right");
    assert!(narrow.is_on(), "{}", narrow.status());
    narrow.flush(LONG).expect("the receiver is there");
    let logs = receiver.logs();
    assert_eq!(logs.len(), 1, "{logs:#?}");
    assert_eq!(logs[0].attributes.keys().collect::<Vec<_>>(), ["items", "plan"]);
    assert_eq!(logs[0].resource.get("os.type"), None);
}

#[cfg(all(feature = "otlp", feature = "store"))]
#[test]
fn an_event_in_a_span_waits_like_any_other() {
    use receiver::Receiver;

    let span = "[spans.job]\npurpose = \"how long\"";
    let (first, second) = (inventory(1, &format!("{FIRST}{span}")), inventory(2, &format!("{SECOND}{span}")));
    let (home, receiver, memory) = (Home::new("in-span"), Receiver::start(), Memory::new());
    let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(home.0.path());
    let in_spans = |builder: Builder| {
        let builder = builder.events(tracing_privacy::Events::SpanEvents).otlp(receiver.url());
        builder.schedule(tracing_privacy::Schedule::Manual).start().expect("the settings are right")
    };
    let wide = home.builder(&second, &memory).environment(environment.os(tracing_privacy::Os::Linux));
    let wide = in_spans(wide);
    tracing::dispatcher::with_default(&alone(&wide), || {
        tracing::info_span!("job").in_scope(|| {
            tracing::info!(name: "order.placed", plan = "pro", coupon = "spring");
            tracing::info!(name: "order.sent", plan = "pro");
        });
    });
    support::stored(&wide, 1);
    drop(wide);

    let mut yes: Value = serde_json::from_str(&yes_to(&first)).expect("it is JSON");
    yes["host"] = json!("127.0.0.1");
    home.save(&yes.to_string());
    let narrow = in_spans(home.builder(&second, &memory));
    narrow.flush(LONG).expect("the receiver is there");
    let spans = receiver.spans();
    assert_eq!(spans.len(), 1, "{spans:#?}");
    assert_eq!(spans[0].events.len(), 1, "{spans:#?}");
    let text = format!("{:?}", spans[0].events);
    assert!(text.contains("order.placed") && text.contains("plan") && !text.contains("coupon"), "{text}");
}
