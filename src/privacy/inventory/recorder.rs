//! Compares the callsites of a running program with its inventory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use tracing::field::{Field, FieldSet, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::drift::Drift;
use super::entry::{self, Sort, quoted};
use super::kind::{FieldKind, ScalarType};
use super::{Contents, Inventory};
use crate::app::App;
use crate::privacy::text::bare;

/// Sees the spans and events of a program under test, and tells where they and its inventory drift apart.
///
/// A layer for the application's own tests. It knows of a callsite when the program first comes by it, so it can say that
/// what ran is declared; that something declared is never logged it can only say of a test that runs all of the program.
/// `tracing` also tells it of callsites that the process met before: give the check a test binary of its own. Events that carry
/// a text alone, and no name, are log lines and no drift; the text of an event is for developers unless it is declared.
/// Of values it keeps nothing but whether they are what is declared.
///
/// ```
/// use tracing_privacy::privacy::Inventory;
/// use tracing_subscriber::prelude::*;
///
/// # let inventory = Inventory::parse(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/inventory/telemetry.toml")))?;
/// let recorder = inventory.recorder(tracing_privacy::app!("acme")).partial();
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(recorder.clone()), || {
///     tracing::info!(name: "job.finished", coupon = "ANN-10"); // what the program does
/// });
/// let drift = recorder.check().unwrap_err();
/// assert!(drift.to_string().contains("`coupon`"));
/// # Ok::<(), tracing_privacy::privacy::InventoryError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Recorder {
    app: App,
    inventory: Inventory,
    level: LevelFilter,
    targets: Targets,
    wants: Wants,
    seen: Arc<Mutex<Seen>>,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    /// Everything that is declared must have been seen.
    All,
    Part,
}

/// Callsites by their metadata's address, which is unique for the life of the process.
type Seen = BTreeMap<usize, Callsite>;

struct Callsite {
    metadata: &'static Metadata<'static>,
    /// How values that are not what is declared were logged, by the field's index.
    wrong: BTreeSet<(usize, &'static str)>,
}

impl Recorder {
    /// Sees what the application's own crates log at `INFO` and above, as telemetry does by default.
    pub(super) fn new(app: App, inventory: &Inventory) -> Self {
        let inventory = inventory.clone();
        Recorder {
            app,
            inventory,
            level: LevelFilter::INFO,
            targets: Targets::new(),
            wants: Wants::All,
            seen: Arc::default(),
        }
    }

    /// Sees this level and the more severe ones of the application's own crates, as [`Builder::level`](crate::Builder::level).
    /// Default: `INFO`.
    pub fn level(mut self, level: tracing::Level) -> Self {
        self.level = LevelFilter::from_level(level);
        self
    }

    /// Sees other crates' targets too, as [`Builder::targets`](crate::Builder::targets). Default: none.
    pub fn targets(mut self, targets: Targets) -> Self {
        self.targets = targets;
        self
    }

    /// The test runs a part of the program: what it does not come by is no drift. Default: what is declared and not seen is.
    pub fn partial(mut self) -> Self {
        self.wants = Wants::Part;
        self
    }

    /// Compares what was seen so far with the inventory.
    ///
    /// # Errors
    /// A callsite or a field of one that is not declared, a value that was not what its field is declared as, or, unless
    /// the recorder is [`partial`](Recorder::partial), something declared that was never logged.
    pub fn check(&self) -> Result<(), Drift> {
        let contents = &*self.inventory.0;
        let mut drifts: Vec<(String, u32, String)> = Vec::new();
        let seen = self.seen();
        let mut met = Met::default();
        for callsite in seen.values() {
            let file = callsite.metadata.file().unwrap_or("(a file unknown)");
            let line = callsite.metadata.line().unwrap_or(0);
            for problem in callsite.compare(contents, &mut met) {
                drifts.push((file.to_owned(), line, problem));
            }
        }
        if self.wants == Wants::All {
            drifts.extend(met.missing(contents));
        }
        drifts.sort();
        drifts.dedup();
        Drift::of(drifts.into_iter().map(|(file, line, problem)| format!("{file}:{line}: {problem}")).collect())
    }

    fn is_of_interest(&self, metadata: &Metadata<'_>) -> bool {
        let (target, level) = (metadata.target(), metadata.level());
        (self.app.owns_target(target) && *level <= self.level) || self.targets.would_enable(target, level)
    }

    /// Every entry is whole at any time, so a poisoned lock still holds a whole state.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Compares values with what is declared; what formats itself does so before the lock is taken, since it may log.
    fn record(&self, metadata: &'static Metadata<'static>, visit: impl FnOnce(&mut Values<'_>)) {
        if !self.is_of_interest(metadata) {
            return;
        }
        let (contents, (sort, name)) = (&*self.inventory.0, name(metadata));
        let record = contents.record(sort, name);
        let mut values = Values { contents, record, fields: metadata.fields(), wrong: Vec::new() };
        visit(&mut values);
        let wrong = values.wrong;
        self.seen().entry(address(metadata)).or_insert_with(|| Callsite::new(metadata)).wrong.extend(wrong);
    }
}

impl<S> Layer<S> for Recorder
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.is_of_interest(metadata) {
            self.seen().entry(address(metadata)).or_insert_with(|| Callsite::new(metadata));
        }
        Interest::always()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.record(attributes.metadata(), |values| attributes.record(values));
    }

    fn on_record(&self, id: &Id, later: &Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id) {
            self.record(span.metadata(), |values| later.record(values));
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.record(event.metadata(), |values| event.record(values));
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("callsites", &self.seen().len()).finish_non_exhaustive()
    }
}

impl Callsite {
    fn new(metadata: &'static Metadata<'static>) -> Self {
        Callsite { metadata, wrong: BTreeSet::new() }
    }

    /// What is not as the inventory has it.
    fn compare(&self, contents: &Contents, met: &mut Met) -> Vec<String> {
        let (sort, name) = name(self.metadata);
        let keys = || self.metadata.fields().iter().map(|field| (field.index(), key(field.name())));
        let Some(record) = contents.record(sort, name) else {
            let is_log_line = sort == Sort::Unnamed && keys().all(|(_, key)| key == "message");
            if is_log_line || contents.local.iter().any(|local| local == name) {
                return Vec::new();
            }
            let (header, file) = (entry::header(sort, name), &contents.file);
            return vec![match sort {
                Sort::Unnamed => {
                    let keys: Vec<_> = keys().map(|(_, key)| format!("`{key}`")).collect();
                    format!(
                        "an event without a name records {}: give it a name, `name: \"..\"`, and declare that in {file}, \
                         or declare all such events of its target under {header}, or list \"{name}\" as `local`",
                        keys.join(", ")
                    )
                }
                Sort::Event | Sort::Span => {
                    let what = if sort == Sort::Span { "span" } else { "event" };
                    format!("the {what} `{name}` is not declared: write {header} in {file}, or list it as `local`")
                }
            }];
        };
        met.records.insert(record.facts.line);
        let mut problems = Vec::new();
        for (index, key) in keys() {
            let Some(declared) = contents.field(record, key) else {
                // The text is for developers unless it is declared.
                if key != "message" && !FREE.contains(&key) && !record.local.iter().any(|local| local == key) {
                    problems.push(format!(
                        "{} records `{key}`, which is not declared: write `fields.{} = {{ .. }}` under {} in {}, or list \
                         it there as `local`",
                        record.title(),
                        quoted(key),
                        record.header(),
                        contents.file
                    ));
                }
                continue;
            };
            met.fields.insert((record.facts.line, declared.facts.line));
            for (_, how) in self.wrong.iter().filter(|(wrong, _)| *wrong == index) {
                problems.push(format!(
                    "{} logs `{key}` as {how}, and it is declared as `{}` in {}:{}: such values are dropped",
                    record.title(),
                    declared.kind,
                    contents.file,
                    declared.facts.line
                ));
            }
        }
        problems
    }
}

/// Fields with fixed words, which need no declaration.
const FREE: [&str; 6] = ["otel.kind", "otel.status_code", "log.target", "log.module_path", "log.file", "log.line"];

impl Contents {
    fn record(&self, sort: Sort, name: &str) -> Option<&entry::Record> {
        self.records.iter().find(|record| record.sort == sort && record.name == name)
    }

    fn field<'a>(&'a self, record: &'a entry::Record, key: &str) -> Option<&'a entry::Field> {
        record.field(key).or_else(|| self.shared.iter().find(|field| field.key == key))
    }
}

/// What kind of record a callsite makes, and under which name it is declared.
fn name(metadata: &Metadata<'static>) -> (Sort, &'static str) {
    match metadata.is_span() {
        true => (Sort::Span, metadata.name()),
        // The default name is the place in the source tree.
        false if metadata.name().starts_with("event ") => (Sort::Unnamed, metadata.target()),
        false => (Sort::Event, metadata.name()),
    }
}

fn key(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// What of the inventory was met, by the lines that declare it.
#[derive(Default)]
struct Met {
    records: BTreeSet<usize>,
    fields: BTreeSet<(usize, usize)>,
}

impl Met {
    /// What is declared and was not met.
    fn missing(&self, contents: &Contents) -> Vec<(String, u32, String)> {
        let mut missing = Vec::new();
        let mut miss = |line: usize, what: String| {
            missing.push((contents.file.clone(), u32::try_from(line).unwrap_or(u32::MAX), what));
        };
        for record in &contents.records {
            if !self.records.contains(&record.facts.line) {
                miss(
                    record.facts.line,
                    format!("{} is declared and nothing logs it: remove it, or test it", record.title()),
                );
                continue;
            }
            for field in &record.fields {
                if !self.fields.contains(&(record.facts.line, field.facts.line)) {
                    let title = record.title();
                    miss(
                        field.facts.line,
                        format!("{title} never records `{}`, which is declared: remove it", field.key),
                    );
                }
            }
        }
        for field in &contents.shared {
            if !self.fields.iter().any(|(_, line)| *line == field.facts.line) {
                miss(field.facts.line, format!("no record has `{}`, which is declared for all: remove it", field.key));
            }
        }
        missing
    }
}

/// Looks at the values of one record, and keeps none.
struct Values<'a> {
    contents: &'a Contents,
    record: Option<&'a entry::Record>,
    fields: &'static FieldSet,
    wrong: Vec<(usize, &'static str)>,
}

impl Values<'_> {
    fn look(&mut self, field: &Field, is_wrong: impl FnOnce(&FieldKind) -> bool, how: &'static str) {
        // A value set made by hand may be another callsite's, which has other fields at the same places.
        let own = self.record.filter(|_| self.fields.contains(field));
        let declared = own.and_then(|record| self.contents.field(record, key(field.name())));
        if declared.is_some_and(|declared| is_wrong(&declared.kind)) {
            self.wrong.push((field.index(), how));
        }
    }
}

impl Visit for Values<'_> {
    fn record_bool(&mut self, field: &Field, _: bool) {
        self.look(field, |kind| !kind.admits_scalar(ScalarType::Bool), "a truth value");
    }

    fn record_i64(&mut self, field: &Field, _: i64) {
        self.look(field, |kind| !kind.admits_scalar(ScalarType::Integer), "a whole number");
    }

    fn record_u64(&mut self, field: &Field, _: u64) {
        self.look(field, |kind| !kind.admits_scalar(ScalarType::Integer), "a whole number");
    }

    fn record_f64(&mut self, field: &Field, _: f64) {
        self.look(field, |kind| !kind.admits_scalar(ScalarType::Float), "a fraction");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.look(field, FieldKind::is_scalar, "text");
        self.look(field, |kind| !kind.is_scalar() && !kind.admits(bare(value)), "text that it cannot be");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

fn address(metadata: &'static Metadata<'static>) -> usize {
    std::ptr::from_ref(metadata).addr()
}
