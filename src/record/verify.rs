//! The walk of the second check: every text of a record that leaves.

use std::collections::HashSet;

use super::{Parts, RecordRef, ValueRef};
use crate::privacy::format::{self, Key, Shape};
use crate::privacy::{Check, Defect, Engine, Plan, Scalar, Site};

/// Callsites of which name, target and keys were found clean. They never change, and are the same for all their records.
#[derive(Debug, Default)]
pub(crate) struct CleanPlans(HashSet<u32>);

impl RecordRef<'_> {
    /// Whether nothing is found in the record as it will be encoded. Its resource is checked by itself: all records of a
    /// request share it.
    ///
    /// # Errors
    /// Something was found.
    pub(crate) fn verify(&self, engine: &Engine, known: &mut CleanPlans) -> Result<(), Defect> {
        let check = Check(engine);
        if let Some(plan) = self.plan {
            known.verify(check, plan)?;
        }
        let mut has_events = false;
        for entry in self.entries() {
            if let Key::Text(key) = entry.key {
                check.bytes(key)?;
            }
            match entry.tag {
                format::EVENT => has_events = true,
                format::NAME | format::TARGET | format::BODY | format::STATUS_MESSAGE | format::STR => {
                    check.entry(&entry, self.plan, || self.site())?;
                }
                _ => match ValueRef::of(&entry) {
                    Some(ValueRef::I64(number)) => check.number(Scalar::I64(number))?,
                    Some(ValueRef::U64(number)) => check.number(Scalar::U64(number))?,
                    Some(ValueRef::F64(number)) => check.number(Scalar::F64(number))?,
                    Some(ValueRef::Bool(_) | ValueRef::Str(_)) | None => {}
                },
            }
        }
        if has_events {
            self.events().try_for_each(|event| event.verify(engine, known))?;
        }
        Ok(())
    }

    /// Where the record was made.
    fn site(&self) -> Site<'_> {
        let Parts { name, target, .. } = self.parts();
        let site = match self.header.shape {
            Shape::Event => Site::event(name),
            Shape::Span => Site::span(name),
        };
        site.target(target)
    }
}

impl CleanPlans {
    fn verify(&mut self, check: Check<'_>, plan: &Plan) -> Result<(), Defect> {
        if self.0.contains(&plan.id()) {
            return Ok(());
        }
        check.text(&plan.name)?;
        check.text(&plan.target)?;
        plan.keys().try_for_each(|key| check.text(key))?;
        self.0.insert(plan.id());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use tracing::{Event, Subscriber};
    use tracing_subscriber::layer::{Context, Layer};
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::app::{Rotation, Timestamp};
    use crate::privacy::format::Header;
    use crate::privacy::{
        Action, Bounds, Chunk, Form, Kind, OnFinding, Origin, Plans, Policy, PrivacyVisitor, Pseudonymizer, Readmitter,
        Resource, Scanner, Scratch, Source, TimeUnit,
    };
    use crate::record::Batch;
    use crate::record::Row;

    /// Writes events as the telemetry layer does.
    struct Writing(Arc<Written>);

    struct Written {
        engine: Engine,
        plans: Plans,
        chunk: Mutex<Chunk>,
    }

    impl<S: Subscriber> Layer<S> for Writing {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let Written { engine, plans, chunk } = &*self.0;
            let plan = plans.plan(event.metadata(), |_| Origin::Admitted).unwrap();
            let (shape, plan_id) = (Shape::Event, plan.id());
            let header = Header { shape, plan: plan_id, start: 0, end: 0, trace_id: 0, span_id: 0, parent_id: 0 };
            let mut scratch = Scratch::default();
            let mut visitor = PrivacyVisitor::record(engine, plan, &mut scratch, &header);
            event.record(&mut visitor);
            if let Some(clean) = visitor.finish() {
                chunk.lock().unwrap().append(clean);
            }
        }
    }

    fn engine(policy: Policy) -> Engine {
        Engine { policy, pseudonyms: Pseudonymizer::with_key(&[7; 32]) }
    }

    /// What the check says of what is logged, by the policy that it was logged under or by another one.
    fn checked(policy: &Policy, check: &Policy, log: impl FnOnce()) -> Vec<Result<(), Defect>> {
        checked_as(policy, check, &Mutex::default(), log)
    }

    /// The same; the rows that were written are in `rows` then.
    fn checked_as(
        policy: &Policy,
        check: &Policy,
        rows: &Mutex<Vec<String>>,
        log: impl FnOnce(),
    ) -> Vec<Result<(), Defect>> {
        let (engine, plans) = (engine(policy.clone()), Plans::new(policy.clone()));
        let written = Arc::new(Written { engine, plans, chunk: Mutex::default() });
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Writing(Arc::clone(&written))), log);
        let chunk = written.chunk.lock().unwrap();
        let resource = Resource::default();
        let plans = Some(&written.plans);
        let batch = Batch { chunk: &chunk, plans, resource: &resource, zero: Timestamp::from_nanos(0) };
        let (check, mut known) = (self::engine(check.clone()), CleanPlans::default());
        let fresh = batch.records().map(|record| record.verify(&check, &mut known));
        // And once more as they come back from disk.
        let mut readmitter = Readmitter::new(Arc::new(self::engine(policy.clone())));
        let stored = batch.records().map(|record| {
            let row = Row::of(&record);
            rows.lock().unwrap().push(row.as_str().to_owned());
            let readmitted = readmitter.readmit(row.as_str()).map_err(|_| Defect)?;
            let (chunk, resource) = (Chunk::of(readmitted.clean), &*readmitted.resource);
            let batch = Batch { chunk: &chunk, plans: None, resource, zero: Timestamp::from_nanos(0) };
            batch.records().try_for_each(|record| record.verify(&check, &mut CleanPlans::default()))
        });
        fresh.zip(stored).map(|(fresh, stored)| fresh.and(stored)).collect()
    }

    #[test]
    fn an_event_inside_a_span_is_looked_at_as_well() {
        let blind = Policy::standard().scanner(Scanner::standard().without(Kind::Email));
        let times = r#""start":"2026-01-02T03:04:05Z","end":"2026-01-02T03:04:06Z""#;
        for (body, passes) in [("order placed", true), ("by bob@mail.example", false)] {
            let event = format!(
                r#"{{"time":"2026-01-02T03:04:05Z","level":"INFO","target":"acme","body":"{body}","attributes":{{}}}}"#
            );
            let row = format!(
                r#"{{"kind":"span",{times},"level":"INFO","name":"checkout","target":"acme","attributes":{{}},"events":[{event}]}}"#
            );
            let mut readmitter = Readmitter::new(Arc::new(engine(blind.clone())));
            let chunk = Chunk::of(readmitter.readmit(&row).unwrap().clean);
            let resource = Resource::default();
            let batch = Batch { chunk: &chunk, plans: None, resource: &resource, zero: Timestamp::from_nanos(0) };
            let span = batch.records().next().unwrap();
            assert_eq!(span.events().count(), 1);
            let check = engine(Policy::standard());
            assert_eq!(span.verify(&check, &mut CleanPlans::default()).is_ok(), passes, "{body}");
        }
    }

    fn policies() -> Vec<Policy> {
        let forms = Form::ALL.map(|form| {
            let (own, other) = (Action::GeneralizeTo(form), Action::GeneralizeTo(Form::Route));
            Policy::standard().message(own).field("text", own).field("shown", own).field("machine_id", other)
        });
        let cuts = [0, 1, 7, 16, 40].map(|bytes| {
            let cut = Action::Truncate(bytes);
            Policy::standard().message(cut).field("*", cut)
        });
        let bounds = Bounds::new(&[-5, 10, 4_111_111_111_111_111]).unwrap();
        let mut policies = vec![
            Policy::standard(),
            Policy::strict(),
            Policy::standard().on_finding(OnFinding::DropField),
            Policy::strict().on_finding(OnFinding::DropRecordOnAny),
            // Rules for keys hold inside text as well.
            Policy::standard().hash("*_ref").drop_field("n*").keep("*password*", "a test").keep("email", "a test"),
            Policy::standard()
                .message(Action::Generalize)
                .field("text", Action::Generalize)
                .field("debug", Action::Bucket)
                .field("shown", Action::Round(TimeUnit::Hour)),
            Policy::automagik().message(Action::Automagik).field("shown", Action::Parameterize),
            Policy::standard().message(Action::Hash).field("text", Action::Hash).field("shown", Action::Redact),
            Policy::strict()
                .message(Action::Bucket)
                .field("whole", Action::Buckets(bounds))
                .field("large", Action::Bucket)
                .field("ratio", Action::Round(TimeUnit::Day))
                .field("text", Action::HashFor(Rotation::Daily))
                .field("shown", Action::ReversibleSha256)
                .field("machine_id", Action::Buckets(bounds)),
        ];
        policies.extend(forms);
        policies.extend(cuts);
        policies
    }

    /// Texts made of what scanners look for, of what the filter writes, and of anything, side by side or with a word
    /// between.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "bob@mail.example",
                "203.0.113.77",
                "2001:db8:1:2::3",
                "+49 170 1234567",
                "4111 1111 1111 1111",
                "078-05-1120",
                "DE89 3704 0044 0532 0130 00",
                "password=hunter2",
                "user_id=42",
                "https://bob:pw@shop.example/a?token=x1y2z3",
                "/home/alice/thesis.pdf",
                "aa:bb:cc:dd:ee:ff",
                "born 1990-02-03",
                "lat=52.520008 lon=13.404954",
                "{\"pin\":1234}",
                "[EMAIL]",
                "[SECRET]",
                "[IP]",
                "[USER]",
                "[ID]",
                "email=",
                "password:",
                "=",
                "@",
                "/",
                ":",
                "\"",
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.dBjftJeZ4CVPmB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                "Authorization: Bearer 9f8e7d6c5b4a39281706f5e4d3c2b1a0",
                "AKIAIOSFODNN7EXAMPLE",
                "[CARD]",
                "[PHONE]",
                "[USERINFO]",
                "[4111111111111111]",
                "{\"a\":\"",
                "\\\"",
                "{",
                "}",
                "]",
                "&",
                "?",
                "token: ",
                "pin ",
                "user=bob",
                "name: \"Alice Smith\"",
                "mail",
                "order placed",
                "v1.2.3",
            ])
            .prop_map(str::to_owned),
            "\\PC{0,12}",
            "[0-9 .:-]{1,24}",
            "[a-zA-Z0-9+/_-]{1,40}",
        ];
        // A value that is nothing else is what becomes coarser.
        let alone = prop::sample::select(vec![
            "bob@mail.example",
            "203.0.113.77",
            "2001:db8:1:2::3",
            "+49 170 1234567",
            "/home/alice/thesis.pdf",
            "/home/alice/work/bob@mail.example/203.0.113.77",
            "https://bob:pw@shop.example/users/7/203.0.113.77?token=x1y2z3&card=4111111111111111",
            "2026-03-04T05:06:07.89Z",
            "1772600767890",
            "4111111111111111",
            "-250.5",
            "Os { code: 111, kind: ConnectionRefused, message: \"bob@mail.example\" }",
            "   1: acme::db::connect\n   2: core::ops::function::FnOnce::call_once",
        ])
        .prop_map(str::to_owned);
        let gap = prop::sample::select(vec![" and ", ", order ", "; then ", " (none) ", "\nagain ", " ", ""]);
        let pieces = prop::collection::vec((piece, gap), 0..8)
            .prop_map(|pieces| pieces.iter().flat_map(|(piece, gap)| [piece.as_str(), gap]).collect::<String>());
        // Long ones are cut.
        (
            prop_oneof![2 => pieces, 1 => alone],
            prop::sample::select(vec![0_usize, 0, 0, 940, 980, 1010, 3000, 3060, 4000, 4080]),
        )
            .prop_map(|(text, fill)| "x ".repeat(fill / 2) + &text)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_filter_wrote_passes(text in text(), other in text(), whole: i64, large: u64, ratio: f64) {
            for policy in policies() {
                let verdicts = checked(&policy, &policy, || {
                    tracing::info!(text, shown = %other, debug = ?text, user_id = other, whole, large, ratio, "{other}");
                });
                prop_assert!(verdicts.iter().all(Result::is_ok), "{policy:?}");
            }
        }

        #[test]
        fn a_clean_resource_passes(key in text(), value in text(), id in text()) {
            for policy in policies() {
                let engine = engine(policy);
                let raw = [(key.clone(), value.clone()), ("machine_id".to_owned(), id.clone())];
                let resource = Resource::clean(&engine, Source::Application, raw);
                prop_assert!(resource.verify(&engine).is_ok());
                let again = resource.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
                prop_assert!(Resource::clean(&engine, Source::Disk, again).verify(&engine).is_ok());
            }
        }
    }

    /// What is left of a text under a policy that cuts it, of a field, a body and the resource.
    fn left(policy: &Policy, text: &str) -> [String; 3] {
        let raw = [("note".into(), text.to_owned())];
        let resource = Resource::clean(&engine(policy.clone()), Source::Application, raw);
        assert_eq!(resource.verify(&engine(policy.clone())), Ok(()), "{text}");
        let rows = Mutex::default();
        let verdicts = checked_as(policy, policy, &rows, || {
            tracing::info!(note = text);
            tracing::info!("{text}");
        });
        assert_eq!(verdicts, [Ok(()), Ok(())], "{text}");
        let rows = rows.into_inner().unwrap();
        let part = |row: &str, pointer: &str| {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            row.pointer(pointer).and_then(|part| part.as_str()).unwrap().to_owned()
        };
        [part(&rows[0], "/attributes/note"), part(&rows[1], "/body"), resource.value("note").unwrap().to_owned()]
    }

    #[test]
    fn what_only_a_cut_makes_look_like_something_is_cut_off() {
        for (bytes, text, kept) in [
            (16, "4111111111111111222", ""),
            (20, "the 4111111111111111222", "the "),
            (12, "203.0.113.77.5.6.7", ""),
            (1024, &*format!("{}4111111111111111222", "x ".repeat(504)), &*"x ".repeat(504)),
            (26, "wrong password: incorrectly typed", "wrong password: "),
            (5, "größe", "grö"),
        ] {
            let cut = Action::Truncate(bytes);
            let policy = Policy::standard().message(cut).field("note", cut);
            assert_eq!(left(&policy, text), [kept; 3], "{text}");
        }
        // The window's end is a cut too, where so much before it was replaced that there is no other.
        let mails = "bob@mail.example ".repeat(179);
        let long = format!("{mails}{} 4111111111111111222 {}", "x".repeat(12), "x ".repeat(600));
        assert_eq!(long.find("1222"), Some(3071));
        for left in left(&Policy::standard(), &long) {
            assert!(left.starts_with("[EMAIL] [EMAIL]") && !left.contains("4111"), "{left}");
        }
    }

    #[test]
    fn a_key_is_cut_as_a_value_is() {
        let engine = engine(Policy::standard());
        let key = format!("{}4111111111111111222", "x ".repeat(119) + " ");
        let resource = Resource::clean(&engine, Source::Application, [(key, "seven".to_owned())]);
        assert_eq!(resource.verify(&engine), Ok(()));
        let (key, _) = resource.iter().next().unwrap();
        assert!(key.starts_with("x x ") && key.len() <= 255 && !key.contains("4111"), "{key}");
    }

    #[test]
    fn a_placeholder_is_none_because_it_looks_like_one() {
        let blind = Kind::BUILT_IN.iter().fold(Policy::standard(), |policy, kind| policy.without_kind(*kind));
        for (text, is_clean) in [
            ("[4111111111111111]", false),
            ("key [AKIAIOSFODNN7EXAMPLA]", false),
            ("[CARD] of [EMAIL]", true),
            ("[4111] of [AKIA]", true),
            // At the end, where a cut could have been.
            (&*format!("{} 4111111111111111", "x ".repeat(503)), false),
        ] {
            let verdicts = checked(&blind, &Policy::standard(), || tracing::info!(note = text));
            assert_eq!(verdicts[0].is_ok(), is_clean, "{text}");
        }
    }

    #[test]
    fn what_the_filter_was_blind_to_is_found_in_every_part() {
        let blind = Policy::standard().scanner(Scanner::standard().without(Kind::Email).without(Kind::Card));
        let verdicts = checked(&blind, &Policy::standard(), || {
            tracing::info!("mail bob@mail.example");
            tracing::info!(note = "bob@mail.example");
            tracing::info!(note = %"bob@mail.example");
            tracing::info!(name: "bob@mail.example", "by name");
            tracing::info!(target: "bob@mail.example", "by target");
            tracing::info!("bob@mail.example" = 1, "by key");
            tracing::info!(number = 4_111_111_111_111_111_u64);
            tracing::info!(number = 4_111_111_111_111_111_i64);
            tracing::info!(number = 4_111_111_111_111_111_f64);
            tracing::info!(note = "nothing", number = 7, "nothing either");
        });
        assert_eq!(verdicts.len(), 10);
        assert_eq!(verdicts.iter().position(Result::is_ok), Some(9), "{verdicts:?}");
    }

    #[test]
    fn what_drops_a_record_for_any_finding_is_held_here_too() {
        let policy = Policy::standard().on_finding(OnFinding::DropRecordOnAny);
        let blind = policy.clone().without_kind(Kind::NationalId).without_kind(Kind::Email);
        let log = || {
            tracing::info!(note = "passport 123456789", plan = "pro");
            tracing::info!("mail bob@mail.example");
            tracing::info!(note = "nothing", plan = "pro");
        };
        assert_eq!(checked(&blind, &policy, log), [Err(Defect), Err(Defect), Ok(())]);
        assert_eq!(checked(&policy, &policy, log), [Ok(())], "and what the filter sees does not come so far");
    }
}
