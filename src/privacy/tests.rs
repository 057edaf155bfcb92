//! What the filter writes is what waits in the queue: these look at its very bytes.

use std::sync::{Arc, Mutex};

use tracing::field::Empty;
use tracing::span::Attributes;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;

use super::format::{Header, Shape};
use super::*;
use crate::app::{Rotation, Timestamp};
use crate::record::{Batch, Row, ValueRef};

/// Writes all that happens into a chunk, as the telemetry layer does.
struct Collect {
    engine: Engine,
    plans: Plans,
    chunk: Mutex<Chunk>,
}

impl Collect {
    fn new(policy: Policy) -> Arc<Self> {
        let pseudonyms = Pseudonymizer::with_key(&[7; 32]);
        Arc::new(Collect {
            engine: Engine { policy: policy.clone(), pseudonyms },
            plans: Plans::new(policy),
            chunk: Mutex::default(),
        })
    }

    fn rows(&self) -> Vec<String> {
        let chunk = self.chunk.lock().unwrap();
        let batch = Batch {
            chunk: &chunk,
            plans: Some(&self.plans),
            resource: &Resource::default(),
            zero: Timestamp::from_nanos(0),
        };
        batch.records().map(|record| Row::of(&record).as_str().to_owned()).collect()
    }
}

fn header(shape: Shape, plan: &Plan) -> Header {
    Header { shape, plan: plan.id(), start: 0, end: 0, trace_id: 0, span_id: 0, parent_id: 0 }
}

struct Collecting(Arc<Collect>);

impl<S: Subscriber> Layer<S> for Collecting {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &tracing::span::Id, _: Context<'_, S>) {
        let plan = self.0.plans.plan(attributes.metadata(), |_| Origin::Admitted).unwrap();
        let mut scratch = Scratch::default();
        let mut visitor = PrivacyVisitor::record(&self.0.engine, plan, &mut scratch, &header(Shape::Span, plan));
        attributes.record(&mut visitor);
        let mut span = CleanSpan::default();
        visitor.open(&mut span);
        if let Some(clean) = span.close(0) {
            self.0.chunk.lock().unwrap().append(clean);
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let plan = self.0.plans.plan(event.metadata(), |_| Origin::Admitted).unwrap();
        let mut scratch = Scratch::default();
        let mut visitor = PrivacyVisitor::record(&self.0.engine, plan, &mut scratch, &header(Shape::Event, plan));
        event.record(&mut visitor);
        if let Some(clean) = visitor.finish() {
            self.0.chunk.lock().unwrap().append(clean);
        }
    }
}

/// Runs `log` and gives what was collected.
fn collect(policy: Policy, log: impl FnOnce()) -> Arc<Collect> {
    let collect = Collect::new(policy);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(Collecting(Arc::clone(&collect))), log);
    collect
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[derive(Debug)]
#[expect(dead_code, reason = "read by Debug alone")]
struct Account {
    password: &'static str,
    plan: &'static str,
}

#[test]
fn a_raw_canary_is_never_in_the_queues_bytes() {
    let collected = collect(Policy::standard(), || {
        let account = Account { password: "canary-pass", plan: "marker" };
        tracing::info!(
            user_id = "canary-id",
            email = "canary@mail.example",
            ?account,
            "marker mail canary@mail.example"
        );
        tracing::info_span!("span", user_id = %"canary-id", password = "canary-pass", note = "marker by canary@mail.example");
    });
    let chunk = collected.chunk.lock().unwrap();
    assert_eq!(chunk.records(), 2);
    assert!(holds(chunk.bytes(), "marker"), "the control is there");
    assert!(!holds(chunk.bytes(), "canary"), "{}", String::from_utf8_lossy(chunk.bytes()));
}

#[test]
fn a_long_value_is_scanned_first_and_cut_after() {
    let collected = collect(Policy::standard(), || {
        // The address lies across the cut: a cut made first would leave its head.
        let text = format!("{}canary.person@mail.example", "x ".repeat(507));
        tracing::info!(text, huge = "日".repeat(100_000), late = Empty, "marker");
    });
    let row = collected.rows().remove(0);
    assert!(!row.contains("canary"), "{row}");
    let chunk = collected.chunk.lock().unwrap();
    let batch = Batch {
        chunk: &chunk,
        plans: Some(&collected.plans),
        resource: &Resource::default(),
        zero: Timestamp::from_nanos(0),
    };
    let record = batch.records().next().unwrap();
    let Some(ValueRef::Str(huge)) = record.attribute("huge") else { panic!("a text is kept") };
    assert!(huge.len() <= 1024 && huge.len() > 1020 && huge.chars().all(|c| c == '日'));
    assert_eq!(record.attribute("late"), None);
}

#[test]
fn what_becomes_shorter_does_not_bring_the_cut_into_what_is_kept() {
    // The window ends within the card's number; without the mail's local part it would lie among the first bytes.
    let one_word = format!("{}@mail.example card 4111 1111 1111 1111", "a".repeat(4096 - 36));
    let words = format!("plan pro {one_word}");
    let collected = collect(Policy::automagik(), || tracing::info!(one_word, words = words, "marker"));
    let row = &collected.rows()[0];
    assert!(row.contains(r#"{"words":"plan pro"}"#) && !row.contains("4111"), "{row}");
}

#[test]
fn a_finding_does_what_the_policy_says() {
    let log = || {
        tracing::info!(note = "mail bob@mail.example", plan = "pro");
        tracing::info!(note = "mail nobody", plan = "pro");
    };
    let rows = |answer| collect(Policy::standard().on_finding(answer), log).rows();
    assert!(rows(OnFinding::Redact)[0].contains("mail [EMAIL]"));
    let dropped = rows(OnFinding::DropField);
    assert!(
        !dropped[0].contains("note") && dropped[0].contains("pro") && dropped[1].contains("mail nobody"),
        "{dropped:?}"
    );
    assert_eq!(rows(OnFinding::DropRecord).len(), 1, "the record with the finding is gone");
}

#[test]
fn a_detector_that_fails_drops_the_value_and_nothing_else() {
    let failing = || Scanner::standard().custom(Custom::failing()).expect("it is the first");
    let log = || {
        // Their names are all removed, so that they are one: only the first leaves.
        tracing::info!(step = 7, note = "blue heron", shown = %"blue heron", printed = ?"blue heron", user_id = 42);
        tracing::info!(step = 8, card_like = 4_000_000_000_000_u64);
        tracing::info!("blue heron");
        tracing::info_span!("span", step = 9, note = "blue heron");
    };
    let collected = collect(Policy::standard().scanner(failing()), log);
    let rows = collected.rows();
    assert_eq!(rows.len(), 4, "{rows:#?}");
    for (row, dropped) in rows.iter().zip([4, 1, 1, 1]) {
        assert!(!row.contains("heron") && !row.contains("4000000000000"), "{row}");
        // The text of an event is no attribute, and counts all the same.
        assert!(row.contains(&format!(r#""dropped_attributes":{dropped}"#)), "{row}");
    }
    assert!(rows[0].contains(r#":7"#) && rows[1].contains(":8") && rows[3].contains(":9"), "{rows:#?}");
    // Its message was gone before anybody looked at it.
    let one_field_each = || {
        tracing::info!(note = "blue heron");
        tracing::info!(card_like = 4_000_000_000_000_u64);
        tracing::info!("blue heron");
        tracing::info_span!("span", note = "blue heron");
    };
    let strict = collect(Policy::strict().scanner(failing()), one_field_each).rows();
    assert!(strict.len() == 1 && !strict[0].contains("body"), "strict drops the records: {strict:#?}");
    let raw = [("build", "blue heron"), ("step", "7")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let engine =
        Engine { policy: Policy::standard().scanner(failing()), pseudonyms: Pseudonymizer::with_key(&[7; 32]) };
    assert_eq!(Resource::clean(&engine, Source::Application, raw), Resource::default());
    #[cfg(feature = "upload")]
    for row in collect(Policy::standard(), log).rows() {
        let readmitted = from_disk::readmitted(Policy::standard().scanner(failing()), &row).expect("it is a record");
        assert!(!readmitted.contains("heron") && !readmitted.contains("4000000000000"), "{readmitted}");
        let strict = from_disk::readmitted(Policy::strict().scanner(failing()), &row);
        assert!(strict.is_err() || row.contains("body"), "{strict:?}");
    }
}

#[test]
fn a_transform_that_fails_drops_the_value_and_nothing_else() {
    use super::generalize::tests::FAILS;

    let actions = [
        Action::Bucket,
        Action::Round(TimeUnit::Day),
        Action::Generalize,
        Action::GeneralizeTo(Form::Route),
        Action::Parameterize,
        Action::Automagik,
    ];
    for action in actions {
        let policy = || Policy::standard().field("field", action);
        let log = || tracing::info!(field = FAILS, shown = %FAILS, step = 7, "marker");
        let row = collect(policy().field("shown", action), log).rows().remove(0);
        assert!(!row.contains(FAILS) && row.contains(r#"{"step":7}"#), "{action}: {row}");
        assert!(row.contains(r#""dropped_attributes":2"#), "{action}: {row}");
        let engine = Engine { policy: policy(), pseudonyms: Pseudonymizer::with_key(&[7; 32]) };
        let raw = [("field", FAILS), ("step", "7")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let resource = Resource::clean(&engine, Source::Application, raw);
        assert_eq!(resource.iter().collect::<Vec<_>>(), [("step", "7")], "{action}");
        #[cfg(feature = "upload")]
        {
            let stored = collect(Policy::standard(), || tracing::info!(field = FAILS, step = 7)).rows().remove(0);
            assert!(stored.contains(FAILS));
            let row = from_disk::readmitted(policy(), &stored).expect("it is a record");
            assert!(!row.contains(FAILS) && row.contains(r#"{"step":7}"#), "{action}: {row}");
        }
    }
}

#[test]
fn what_is_to_be_redacted_is_so_whatever_the_policy_says_of_findings() {
    let policy = Policy::standard().on_finding(OnFinding::DropRecord).field("note", Action::Redact);
    let rows = collect(policy, || {
        tracing::info!(note = "mail bob@mail.example", step = 1);
        tracing::info!(other = "mail bob@mail.example", step = 2);
    });
    let rows = rows.rows();
    assert_eq!(rows.len(), 1, "the control: without the action the record goes");
    assert!(rows[0].contains(r#"{"note":"mail [EMAIL]","step":1}"#), "{}", rows[0]);
}

#[test]
fn a_record_is_as_exact_in_time_as_the_policy_lets_it_be_also_on_disk() {
    let listed = || {
        let lines = "[events.\"order.placed\"]\npurpose = \"sales\"\n[spans.job]\npurpose = \"speed\"\n";
        (Policy::declared(inventory::tests::with(lines)), Policy::declared(inventory::tests::with_times("day", lines)))
    };
    let (exact, daily) = listed();
    let hour = || Policy::standard().times(TimeUnit::Hour);
    for (policy, start, end) in [
        (Policy::standard(), "2026-03-04T05:59:59.123456789Z", "2026-03-04T06:00:00.123456789Z"),
        (exact, "2026-03-04T05:59:59.123456789Z", "2026-03-04T06:00:00.123456789Z"),
        (hour(), "2026-03-04T05:00:00.000000000Z", "2026-03-04T06:00:00.000000000Z"),
        (daily.clone(), "2026-03-04T00:00:00.000000000Z", "2026-03-04T00:00:00.000000000Z"),
        (daily.times(TimeUnit::Hour), "2026-03-04T00:00:00.000000000Z", "2026-03-04T00:00:00.000000000Z"),
        (hour().and(Policy::standard()).unwrap(), "2026-03-04T05:00:00.000000000Z", "2026-03-04T06:00:00.000000000Z"),
        (
            hour().and(Policy::standard().times(TimeUnit::Week)).unwrap(),
            "2026-03-02T00:00:00.000000000Z",
            "2026-03-02T00:00:00.000000000Z",
        ),
    ] {
        let collected = collect(policy.clone(), || {
            tracing::info!(name: "order.placed", "marker");
            tracing::info_span!("job");
        });
        let zero: Timestamp = "2026-03-04T05:59:59.123456789Z".parse().unwrap();
        let chunk = collected.chunk.lock().unwrap();
        let batch = Batch { chunk: &chunk, plans: Some(&collected.plans), resource: &Resource::default(), zero };
        let rows: Vec<String> = batch.records().map(|record| Row::of(&record).as_str().to_owned()).collect();
        let exact: Vec<u64> = batch.records().map(|record| record.unix_nanos()).collect();
        assert!(rows[0].contains(&format!(r#""time":"{start}""#)), "{start}: {rows:#?}");
        assert!(rows[1].contains(&format!(r#""start":"{start}","end":"{start}""#)), "{start}: {rows:#?}");
        assert!(exact.iter().all(|nanos| Timestamp::from_nanos(*nanos as i64).to_string() == start));
        // A row that was stored while times were exact.
        #[cfg(feature = "upload")]
        {
            let event =
                r#"{"time":"2026-03-04T05:59:59.123456789Z","level":"INFO","name":"order.placed","target":"t"}"#;
            let row = format!(
                r#"{{"kind":"span","start":"2026-03-04T05:59:59.123456789Z","end":"2026-03-04T06:00:00.123456789Z","level":"INFO","name":"job","target":"t","events":[{event}],"resource":{{}}}}"#
            );
            let again = from_disk::readmitted(policy, &row).expect("it is a record");
            assert!(again.contains(&format!(r#""start":"{start}","end":"{end}""#)), "{again}");
            assert!(again.contains(&format!(r#"{{"time":"{start}""#)), "{again}");
        }
        #[cfg(not(feature = "upload"))]
        let _ = end;
    }
    let says = |policy: Policy| policy.to_string();
    assert!(
        says(hour()).contains("times of records: rounded to the hour") && !says(Policy::standard()).contains("rounded")
    );
}

#[test]
fn each_action_does_what_its_name_says() {
    let policy = Policy::standard()
        .field("size", Action::Bucket)
        .field("at", Action::Round(TimeUnit::Day))
        .field("peer", Action::Generalize)
        .field("head", Action::Truncate(4))
        .keep("city", "sales report")
        .drop_field("plan")
        .hash("order_*");
    let collected = collect(policy, || {
        tracing::info!(
            size = 1234,
            at = "2026-03-04T05:06:07Z",
            peer = "203.0.113.77",
            head = "abcdef",
            city = "Turin",
            plan = "pro",
            order_number = 7,
        );
    });
    let row = &collected.rows()[0];
    for kept in [
        r#""size":"1000-9999""#,
        r#""at":"2026-03-04T00:00:00Z""#,
        r#""peer":"203.0.113.0/24""#,
        r#""head":"abcd""#,
        r#""city":"Turin""#,
        r#""order_number_hash":""#,
    ] {
        assert!(row.contains(kept), "{kept} is not in {row}");
    }
    assert!(!row.contains("pro"), "{row}");
}

/// A value of each coarse form, and what is left of it.
const COARSE: &[(Form, &str, &str)] = &[
    (Form::CountryCode, "+49 170 1234567", "+49"),
    (Form::IpPrefix, "2001:db8:1:2::3", "2001:db8:1::/48"),
    (Form::IpPrefix, "203.0.113.77:8080", "203.0.113.0/24"),
    (Form::WithoutHome, "/home/alice/work/notes.txt", "~/work/notes.txt"),
    (Form::Extension, "/home/alice/thesis.pdf", "*.pdf"),
    (
        Form::Route,
        "https://bob:pw@shop.example/v1/users/8812/cart?token=x&page=2#y",
        "https://shop.example/v1/users/{id}/cart?token=REDACTED&page=REDACTED",
    ),
    (Form::ErrorType, "Os { code: 2, kind: NotFound, message: \"no alice\" }", "type=Os,NotFound code=2"),
    (Form::ErrorType, "acme::net: cannot reach bob (os error 111)", "code=111 component=acme::net"),
    (
        Form::Frames,
        "   0: acme::db::connect\n             at /home/alice/db.rs:1:2\n   1: acme::main",
        "acme::db\nacme",
    ),
];

#[test]
fn coarse_forms_pass_the_scanner_and_come_back_from_disk_as_they_went() {
    for (form, value, left) in COARSE {
        let policy = || Policy::standard().field("field", Action::GeneralizeTo(*form));
        let row = collect(policy(), || tracing::info!(field = *value, "marker")).rows().remove(0);
        let left = serde_json::to_string(left).unwrap();
        assert!(row.contains(&format!(r#""field":{left}"#)), "{left} is not in {row}");
        #[cfg(feature = "upload")]
        assert_eq!(from_disk::readmitted(policy(), &row).as_deref(), Ok(row.as_str()));
    }
    let sizes = Bounds::new(&[10, 100]).unwrap();
    let policy = || {
        Policy::standard()
            .field("mail_to", Action::GeneralizeTo(Form::EmailDomain))
            .field("size", Action::Buckets(sizes))
            .hash_for("order_id", Rotation::Daily)
            .field("user_id", Action::ReversibleSha256)
    };
    let log = || tracing::info!(mail_to = "alice@mail.example", size = 42_u64, order_id = 7, user_id = 123, "marker");
    let row = collect(policy(), log).rows().remove(0);
    assert!(row.contains(r#""size":"10..100""#) && row.contains(r#""order_id_hash":""#), "{row}");
    assert!(row.contains(r#""mail_to":"@"#) && !row.contains("alice") && !row.contains("mail.example"), "{row}");
    assert!(
        row.contains(r#""user_id_hash":"a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3""#),
        "{row}"
    );
    #[cfg(feature = "upload")]
    assert_eq!(from_disk::readmitted(policy(), &row).as_deref(), Ok(row.as_str()));
}

#[test]
fn what_has_no_coarse_form_is_dropped_and_counted() {
    for form in COARSE.iter().map(|(form, ..)| *form).chain([Form::EmailDomain]) {
        let policy = Policy::standard().field("field", Action::GeneralizeTo(form));
        let row = collect(policy, || tracing::info!(field = "Alice Smith", other = 1, "marker")).rows().remove(0);
        assert!(!row.contains("Alice") && row.contains(r#""dropped_attributes":1"#), "{form}: {row}");
    }
}

#[test]
fn an_applications_rule_holds_for_every_part_of_a_record() {
    let log = || {
        tracing::info!("alice likes cheese");
        tracing::info_span!("span", "otel.name" = "alice", "otel.status_description" = "alice again");
    };
    let policy = Policy::standard().drop_field("message").drop_field("otel.*");
    let rows = collect(policy, log).rows();
    assert!(rows.len() == 2 && rows.iter().all(|row| !row.contains("alice")), "{rows:?}");
    let rows = collect(Policy::strict(), log).rows();
    assert!(rows.iter().all(|row| !row.contains("alice")) && rows[1].contains(r#""name":"span""#), "{rows:?}");
    let rows = collect(Policy::standard().message(Action::Hash), log).rows();
    assert!(!rows[0].contains("alice") && rows[0].contains("body"), "{rows:?}");
}

#[test]
fn a_struct_leaves_as_no_part_of_a_span_unless_a_rule_says_so() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "it is printed")]
    struct Owner {
        nick: &'static str,
    }
    let log = || {
        let owner = Owner { nick: "heron" };
        tracing::info_span!("span", "otel.name" = ?owner, "otel.status_description" = ?owner, owner = ?owner);
    };
    let row = collect(Policy::standard(), log).rows().remove(0);
    assert!(
        !row.contains("heron") && row.contains(r#""name":"span""#) && row.contains(r#""dropped_attributes":3"#),
        "{row}"
    );
    let row = collect(Policy::standard().keep("otel.*", "it has no names of people"), log).rows().remove(0);
    assert_eq!(row.matches("heron").count(), 2, "{row}");
}

#[test]
fn a_resource_is_cleaned_like_a_record() {
    let policy = Policy::standard().field("build", Action::Truncate(3)).drop_field("session.id");
    let engine = Engine { policy, pseudonyms: Pseudonymizer::with_key(&[7; 32]) };
    let raw = [
        ("service.name", "acme"),
        ("session.id", "0123456789abcdef"),
        ("build", "abcdef"),
        ("mail alice@mail.example", "x"),
        ("machine_id_hash", "0123456789abcdef0123456789abcdef"),
        ("owner", "bob@mail.example"),
        ("empty", ""),
    ];
    let raw = || raw.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let resource = Resource::clean(&engine, Source::Application, raw());
    let seen: Vec<_> = resource.iter().collect();
    assert_eq!(seen[..3], [("service.name", "acme"), ("build", "abc"), ("mail [EMAIL]", "x")]);
    assert!(seen[3].0 == "machine_id_hash" && seen[3].1 != "0123456789abcdef0123456789abcdef", "{seen:?}");
    assert_eq!(seen[4..], [("owner", "[EMAIL]")]);
}

#[test]
fn an_id_that_the_application_gives_its_resource_is_hashed_as_it_is_explained() {
    let engine = || Engine { policy: Policy::standard(), pseudonyms: Pseudonymizer::with_key(&[7; 32]) };
    let raw = || [("session.id".to_owned(), "sess-of-alice-smith".to_owned())];
    let explained = engine().policy.explain_in(Site::resource(), "session.id");
    assert_eq!((explained.action(), explained.renamed()), (Action::Hash, "session.hash"));
    let resource = Resource::clean(&engine(), Source::Application, raw());
    assert!(resource.value("session.id").is_none() && !format!("{resource:?}").contains("alice"), "{resource:?}");
    let own = Resource::clean(&engine(), Source::Crate, raw());
    assert_eq!(own.value("session.id"), Some("sess-of-alice-smith"), "what the crate makes is no person's");
    let stored = own.and(resource);
    let again = stored.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(Resource::clean(&engine(), Source::Disk, again), stored);
}

#[test]
fn many_bytes_that_are_no_text_are_dropped_or_hashed() {
    let bytes = vec![0x80_u8; 5000];
    let row =
        collect(Policy::standard(), || tracing::info!(blob = &bytes[..], user_id = &bytes[..], "x")).rows().remove(0);
    assert!(
        !row.contains("blob") && row.contains("user_id_hash") && row.contains(r#""dropped_attributes":1"#),
        "{row}"
    );
}

#[test]
fn an_id_of_any_type_is_hashed_and_the_same_in_all_of_them() {
    let collected = collect(Policy::standard(), || {
        tracing::info!(user_id = 42_u64);
        tracing::info!(user_id = 42_i64);
        tracing::info!(user_id = 42_u128);
        tracing::info!(user_id = "42");
        tracing::info!(user_id = %"42");
        tracing::info!(user_id = ?"42");
        tracing::info!(user_id = ?Some(42));
        tracing::info!(user_id = Some(42));
    });
    let rows = collected.rows();
    assert_eq!(rows.len(), 8);
    assert!(rows[0].contains("user_id_hash"), "{}", rows[0]);
    assert!(rows.iter().all(|row| row == &rows[0]), "{rows:#?}");
}

#[test]
fn nobody_has_no_pseudonym() {
    let row = collect(Policy::standard(), || tracing::info!(user_id = ?None::<u64>, plan = "pro")).rows().remove(0);
    assert!(!row.contains("user_id") && row.contains(r#""plan":"pro""#), "{row}");
}

#[test]
fn a_number_is_cut_like_the_text_that_it_prints_as() {
    let policy = Policy::standard().field("phone", Action::Truncate(3));
    let row = collect(policy, || tracing::info!(phone = 1701234567_u64)).rows().remove(0);
    assert!(row.contains(r#""phone":"170""#) && !row.contains("1701"), "{row}");
}

#[test]
fn text_of_another_encoding_does_not_pass_as_one_that_was_read() {
    let wide: Vec<u8> = "canary@example.com".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let row = collect(Policy::standard(), || tracing::info!(note = &wide[..], name = &b"plain\0"[..])).rows().remove(0);
    assert!(!row.contains("note") && row.contains("plain"), "{row}");
}

#[test]
fn numbers_and_switches_under_a_secret_word_stay_unless_they_are_the_secret() {
    let collected = collect(Policy::standard(), || {
        tracing::info!(token = 512, password = true, pin = 1234, phone = 491701234567_u64, token_text = "x");
    });
    let row = &collected.rows()[0];
    assert!(row.contains(r#""token":512"#) && row.contains(r#""password":true"#), "{row}");
    assert!(!row.contains("1234"), "{row}");
}

#[cfg(feature = "upload")]
mod from_disk {
    use super::*;

    pub(super) fn readmitted(policy: Policy, row: &str) -> Result<String, Refused> {
        let engine = Engine { policy, pseudonyms: Pseudonymizer::with_key(&[7; 32]) };
        let mut readmitter = Readmitter::new(Arc::new(engine));
        let Readmitted { clean, resource, .. } = readmitter.readmit(row)?;
        let chunk = Chunk::of(clean);
        let batch = Batch { chunk: &chunk, plans: None, resource: &resource, zero: Timestamp::from_nanos(0) };
        Ok(batch.records().map(|record| Row::of(&record).as_str().to_owned()).collect())
    }

    #[test]
    fn a_row_comes_back_as_it_went() {
        let collected = collect(Policy::standard(), || {
            let span = tracing::info_span!(
                "span",
                user_id = 7,
                "user.id" = 8,
                share = 0.5,
                big = u64::MAX,
                small = -3,
                on = true,
                note = "mail bob@mail.example \"quoted\"\n",
                "otel.kind" = "client",
                "otel.status_code" = "ERROR"
            );
            tracing::warn!(parent: &span, odd = f64::NAN, password = "x", "order placed");
        });
        for row in collected.rows() {
            assert_eq!(readmitted(Policy::standard(), &row).as_deref(), Ok(row.as_str()));
        }
    }

    #[test]
    fn events_in_a_span_come_back_as_they_went_and_what_was_slipped_in_is_cleaned() {
        let event = r#"{"time":"2026-03-04T05:06:07.100000000Z","level":"WARN","name":"tried","target":"t","body":"order placed","attributes":{"tries":3,"user_id_hash":"550e8400e29b41d4a716446655440000"},"dropped_attributes":2}"#;
        let span = |events: &str| {
            format!(
                r#"{{"kind":"span","start":"2026-03-04T05:06:07.000000000Z","end":"2026-03-04T05:06:08.000000000Z","level":"INFO","name":"job","target":"t","trace_id":"0123456789abcdef0123456789abcdef","span_id":"0123456789abcdef","attributes":{{"step":1}},"events":[{events}],"dropped_events":5,"resource":{{}}}}"#
            )
        };
        let row = span(&format!("{event},{event}"));
        assert_eq!(readmitted(Policy::standard(), &row).as_deref(), Ok(row.as_str()));
        let dirty = event.replace("order placed", "mail bob@mail.example").replace("tries", "password");
        let clean = readmitted(Policy::standard(), &span(&dirty)).unwrap();
        assert!(clean.contains(r#""body":"mail [EMAIL]""#) && !clean.contains("bob"), "{clean}");
        let strict = Policy::standard().on_finding(OnFinding::DropRecord);
        assert_eq!(readmitted(strict, &span(&dirty)), Err(Refused::Found));
    }

    #[test]
    fn a_span_full_of_events_comes_back_with_all_of_them() {
        const COUNT: usize = 128;
        let collect = Collect::new(Policy::standard());
        let layer = Nesting(Arc::clone(&collect), Mutex::default());
        let layer = Arc::new(layer);
        let subscriber = tracing_subscriber::registry().with(NestingLayer(Arc::clone(&layer)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info_span!(target: "an_application_with_a_long_name::orders::checkout", "job", step = 1);
            for position in 0..COUNT {
                tracing::info!(target: "an_application_with_a_long_name::orders::checkout", basket_position = position, "put into basket");
            }
        });
        collect.chunk.lock().unwrap().append(layer.1.lock().unwrap().close(5).unwrap());
        let row = collect.rows().remove(0);
        assert_eq!(row.matches("put into basket").count(), COUNT);
        assert_eq!(readmitted(Policy::standard(), &row).as_deref(), Ok(row.as_str()));
    }

    /// Keeps one span open and puts all events into it.
    struct Nesting(Arc<Collect>, Mutex<CleanSpan>);

    struct NestingLayer(Arc<Nesting>);

    impl<S: Subscriber> Layer<S> for NestingLayer {
        fn on_new_span(&self, attributes: &Attributes<'_>, _: &tracing::span::Id, _: Context<'_, S>) {
            let Nesting(collect, span) = &*self.0;
            let plan = collect.plans.plan(attributes.metadata(), |_| Origin::Admitted).unwrap();
            let mut scratch = Scratch::default();
            let mut visitor = PrivacyVisitor::record(&collect.engine, plan, &mut scratch, &header(Shape::Span, plan));
            attributes.record(&mut visitor);
            visitor.open(&mut span.lock().unwrap());
        }

        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let Nesting(collect, span) = &*self.0;
            let plan = collect.plans.plan(event.metadata(), |_| Origin::Admitted).unwrap();
            let mut scratch = Scratch::default();
            let mut visitor = PrivacyVisitor::record(&collect.engine, plan, &mut scratch, &header(Shape::Event, plan));
            event.record(&mut visitor);
            let mut room = Room::new(crate::privacy::pen::RECORD_CAP);
            assert_eq!(span.lock().unwrap().event(visitor.finish().unwrap(), &mut room), Held::Yes);
        }
    }

    #[test]
    fn rules_for_fields_leave_names_and_targets_as_they_are() {
        let log = || {
            tracing::info!(name: "order.placed", target: "shop", plan = "pro", "hello");
            tracing::info_span!(target: "shop", "checkout", plan = "pro", "otel.name" = "pay");
        };
        let declared = || {
            Policy::declared(inventory::tests::with(
                r#"
                [events."order.placed"]
                purpose = "sales"
                fields.plan = { kind = "word", purpose = "sales" }
                [spans.checkout]
                purpose = "speed"
                fields.plan = { kind = "word", purpose = "sales" }
                "#,
            ))
        };
        for policy in [
            Policy::standard().drop_field("*").keep("plan", "which plans sell"),
            Policy::standard().hash("*name").hash("log.target"),
            declared(),
            declared().drop_field("*"),
        ] {
            let rows = collect(policy.clone(), log).rows();
            assert!(rows.len() == 2 && rows[0].contains("order.placed") && rows[1].contains("shop"), "{rows:?}");
            for row in rows {
                assert_eq!(readmitted(policy.clone(), &row).as_deref(), Ok(row.as_str()));
            }
        }
    }

    #[test]
    fn a_target_that_a_log_record_named_comes_back_as_the_list_has_it_or_as_the_bridges() {
        let row = |target: &str| {
            format!(
                r#"{{"kind":"log","time":"2026-03-01T12:00:00.000000000Z","level":"INFO","name":"log event","target":"{target}","attributes":{{}},"resource":{{}}}}"#
            )
        };
        let listed = "fields.\"log.target\" = { kind = \"enum\", values = [\"acme::net\"], purpose = \"where\" }";
        for (fields, target, left) in [
            ("", "acme::net", "log"),
            ("", "log", "log"),
            (listed, "acme::net", "acme::net"),
            (listed, "acme::Ann Lee, Main Street 1", "log"),
            (listed, "log", "log"),
        ] {
            let lines = format!("[events.\"log event\"]\npurpose = \"lines\"\n{fields}");
            let policy = Policy::declared(inventory::tests::with(&lines));
            assert_eq!(readmitted(policy, &row(target)), Ok(row(left)), "{target} under {fields:?}");
        }
    }

    #[test]
    fn what_a_policy_made_of_a_message_comes_back_as_it_is() {
        for action in [Action::Hash, Action::Bucket, Action::Generalize] {
            let policy = || Policy::standard().message(action).field("n", action);
            for row in collect(policy(), || tracing::info!(n = 42, "42")).rows() {
                assert_eq!(readmitted(policy(), &row).as_deref(), Ok(row.as_str()), "{action:?}");
            }
        }
    }

    #[test]
    fn what_a_rule_hashed_comes_back_under_the_key_it_got() {
        for action in [Action::Hash, Action::ReversibleSha256] {
            let policy = || Policy::standard().field("order", action).field("email", action).field("acme.id", action);
            let rows = collect(policy(), || tracing::info!(order = 7, email = "x", "acme.id" = 8, user_id = 9)).rows();
            for key in ["order_hash", "email_hash", "acme.hash", "user_id_hash"] {
                assert!(rows[0].contains(&format!("\"{key}\":\"")), "{key}: {}", rows[0]);
            }
            assert_eq!(readmitted(policy(), &rows[0]).as_deref(), Ok(rows[0].as_str()));
            // What is no hash is hashed, whoever wrote it there.
            let raw = rows[0].replace(rows[0].split("order_hash\":\"").nth(1).unwrap().split('"').next().unwrap(), "7");
            assert_eq!(readmitted(policy(), &raw).as_deref(), Ok(rows[0].as_str()));
        }
    }

    #[test]
    fn what_the_table_of_automagik_made_comes_back_as_it_is() {
        let rows = collect(Policy::automagik(), || {
            tracing::info!(user_id = 7, email = "bob@mail.example", phone = "+49 170 1234567", tel = "0170 1234567");
            tracing::info!(ip = "203.0.113.7", note = "mail bob@mail.example from 203.0.113.7", plan = "pro");
        });
        for row in rows.rows() {
            assert_eq!(readmitted(Policy::automagik(), &row).as_deref(), Ok(row.as_str()));
        }
    }

    #[test]
    fn a_statement_comes_back_without_its_literals() {
        let rows = collect(Policy::standard(), || {
            tracing::info!(
                "db.query.text" = "SELECT a FROM users WHERE name = 'Bob Stone' AND b = 7",
                "db.statement" = "bob"
            );
        });
        let row = &rows.rows()[0];
        assert!(row.contains(r#"{"db.query.text":"SELECT a FROM users WHERE name = ? AND b = ?"}"#), "{row}");
        assert_eq!(readmitted(Policy::standard(), row).as_deref(), Ok(row.as_str()));
    }

    #[test]
    fn an_id_that_was_kept_by_an_older_policy_is_hashed_now() {
        let id = "550e8400e29b41d4a716446655440000";
        let policy = Policy::standard().keep("user_id", "an older release did");
        let row = collect(policy, || tracing::info!(user_id = id)).rows().remove(0);
        assert!(row.contains(id));
        let now = readmitted(Policy::standard(), &row).unwrap();
        assert!(now.contains("user_id_hash") && !now.contains(id), "{now}");
    }

    #[test]
    fn what_an_older_policy_kept_is_made_coarser_by_todays() {
        let bounds = Bounds::new(&[10, 1000]).unwrap();
        let older = Policy::standard().keep("*", "an older release did");
        for (action, value, now) in [
            (Action::Bucket, "250", Some("100-999")),
            (Action::Buckets(bounds), "250", Some("10..1000")),
            (Action::Round(TimeUnit::Hour), "2026-03-04T05:06:07.89Z", Some("2026-03-04T05:00:00Z")),
            (Action::Generalize, "https://shop.example/users/8812", Some("https://shop.example/users/{id}")),
            (Action::GeneralizeTo(Form::Extension), "/srv/thesis.pdf", Some("*.pdf")),
            (Action::GeneralizeTo(Form::ErrorType), "No such file (os error 2)", Some("code=2")),
            (Action::Parameterize, "SELECT a FROM t WHERE b = 'Bob Stone'", Some("SELECT a FROM t WHERE b = ?")),
            (Action::ReversibleSha256, "123", None),
            (Action::Automagik, "123", Some("a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3")),
            (Action::Truncate(4), "blue heron", Some("blue")),
            (Action::Round(TimeUnit::Day), "blue heron", None),
        ] {
            let row = collect(older.clone(), || tracing::info!(seen = value)).rows().remove(0);
            assert!(row.contains(&format!(r#""seen":"{value}""#)), "{row}");
            let policy = Policy::standard().field("seen", action);
            let clean = readmitted(policy.clone(), &row).unwrap();
            assert!(!clean.contains(value), "{action}: {clean}");
            if let Some(now) = now {
                assert!(clean.contains(&format!(r#""seen":"{now}""#)), "{action}: {clean}");
            }
            assert_eq!(readmitted(policy, &clean).as_deref(), Ok(clean.as_str()), "{action}");
        }
        // Numbers that were stored as such.
        let row = collect(older, || tracing::info!(seen = 250, at = 1_772_600_767)).rows().remove(0);
        let policy = Policy::standard().field("seen", Action::Bucket).field("at", Action::Round(TimeUnit::Hour));
        let clean = readmitted(policy.clone(), &row).unwrap();
        assert!(clean.contains(r#"{"seen":"100-999","at":"2026-03-04T05:00:00Z"}"#), "{clean}");
        assert_eq!(readmitted(policy, &clean).as_deref(), Ok(clean.as_str()));
    }

    #[test]
    fn a_long_statement_comes_back_as_it_was_cut() {
        for columns in ["u.name, ", "`a`, ", "größe AS g, ", "'Bob Stone', "] {
            let text = format!("SELECT {} u.id FROM users u WHERE u.id = 7", columns.repeat(300));
            let rows = collect(Policy::standard(), || tracing::info!("db.query.text" = text)).rows();
            assert!(rows[0].contains(r#""db.query.text":"SELECT "#), "{columns}: {}", rows[0]);
            assert_eq!(readmitted(Policy::standard(), &rows[0]).as_deref(), Ok(rows[0].as_str()), "{columns}");
        }
    }

    #[test]
    fn a_row_that_was_tampered_with_is_cleaned_or_refused() {
        let row = r#"{"kind":"log","time":"2026-03-04T05:06:07.000000000Z","level":"INFO","target":"t","body":"mail bob@mail.example","attributes":{"password":"hunter2","user_id":"7","note":"call +49 170 1234567"},"resource":{}}"#;
        let clean = readmitted(Policy::standard(), row).unwrap();
        assert!(clean.contains("[EMAIL]") && clean.contains("user_id_hash") && clean.contains(r#""note""#), "{clean}");
        assert!(!clean.contains("hunter2") && !clean.contains("bob") && !clean.contains("1234567"), "{clean}");
        assert_eq!(readmitted(Policy::standard().on_finding(OnFinding::DropRecord), row), Err(Refused::Found));
        for broken in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"kind":"log"}"#,
            &row[..60],
            &row.replace("log", "dance"),
            &row.replace("2026", "soon"),
        ] {
            assert_eq!(readmitted(Policy::standard(), broken), Err(Refused::NotARecord), "{broken}");
        }
    }
}

#[test]
fn json_around_a_finding_stays_json() {
    let policy = Policy::standard();
    for text in [
        r#"{"pin":1234,"plan":"pro"}"#,
        r#"{"pin": 1234, "password":"hunter2", "mail":"bob@mail.example"}"#,
        r#"{"card":4111111111111111}"#,
        r#"{"n":[1,2],"user":{"ssn":"078-05-1120","phone":"+49 170 1234567"}}"#,
    ] {
        let clean = policy.scrub(text).expect("the standard policy drops no text");
        assert_ne!(clean, text);
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&clean);
        assert!(parsed.is_ok(), "{text} became {clean}");
        // The same inside a JSON string.
        let inside = serde_json::to_string(text).expect("a text is JSON");
        let clean = policy.scrub(&inside).expect("the standard policy drops no text");
        let parsed: String =
            serde_json::from_str(&clean).unwrap_or_else(|error| panic!("{inside} became {clean}: {error}"));
        assert!(serde_json::from_str::<serde_json::Value>(&parsed).is_ok(), "{inside} became {clean}");
    }
}
