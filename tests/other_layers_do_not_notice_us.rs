//! Promise: whatever layers an application has, each sees with us exactly what it sees without us: on, off, withdrawn,
//! or waiting for a yes; and no sibling's filter takes from us what we want.
//!
//! The arrangements are those of `tracing-subscriber`'s own tests. Each runs with and without us, one at a time: a second
//! subscriber in the process would change what is cached.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use support::{TempDir, records, settle};
use tracing::dispatcher::with_default;
use tracing::field::{Empty, Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_privacy::{Memory, Telemetry};
use tracing_subscriber::filter::{DynFilterFn, EnvFilter, FilterExt, Targets, dynamic_filter_fn, filter_fn};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Context, Filter, Identity, Layered};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry, fmt, registry, reload};

// ---- a layer that writes down all it sees -------------------------------------------------------------------------

#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The layer that writes it.
    fn layer(&self, name: &'static str) -> Watcher {
        Watcher { name, diary: self.clone() }
    }
}

struct Watcher {
    name: &'static str,
    diary: Diary,
}

impl Watcher {
    fn saw<'a, S>(&self, what: &str, metadata: &Metadata<'_>, values: &str, scope: Option<&Id>, ctx: &Context<'a, S>)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let scope: Vec<_> =
            scope.and_then(|id| ctx.span_scope(id)).into_iter().flatten().map(|span| span.name()).collect();
        let (level, target) = (metadata.level(), metadata.target());
        self.diary.note(format!("{}: {what} {level} {target} {values} in {scope:?}", self.name));
    }
}

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Layer<S> for Watcher {
    fn on_register_dispatch(&self, _: &Dispatch) {
        self.diary.note(format!("{}: there is a dispatcher", self.name));
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        self.saw("new span", attributes.metadata(), &text(|visit| attributes.record(visit)), Some(id), &ctx);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let metadata = ctx.metadata(id).expect("the span is there");
        self.saw("record", metadata, &text(|visit| values.record(visit)), Some(id), &ctx);
    }

    fn on_follows_from(&self, id: &Id, _: &Id, ctx: Context<'_, S>) {
        self.saw("follows", ctx.metadata(id).expect("the span is there"), "", Some(id), &ctx);
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let span = ctx.event_span(event).map(|span| span.id());
        self.saw("event", event.metadata(), &text(|visit| event.record(visit)), span.as_ref(), &ctx);
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        self.saw("enter", ctx.metadata(id).expect("the span is there"), "", Some(id), &ctx);
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        self.saw("exit", ctx.metadata(id).expect("the span is there"), "", Some(id), &ctx);
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        self.saw("close", ctx.metadata(&id).expect("the span is there"), "", Some(&id), &ctx);
    }
}

fn text(record: impl FnOnce(&mut dyn Visit)) -> String {
    struct Text(String);
    impl Visit for Text {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            self.0 += &format!("{}={value:?} ", field.name());
        }
    }
    let mut text = Text(String::new());
    record(&mut text);
    text.0
}

/// Lets an event pass by what is in it.
struct ByContent;

impl<S> Filter<S> for ByContent {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        text(|visit| event.record(visit)).contains("round=1")
    }
}

/// A plain layer that asks to be asked each time, and says yes.
struct Sometimes(Option<LevelFilter>);

impl<S: Subscriber> Layer<S> for Sometimes {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0
    }
}

/// A plain layer that keeps something from all layers.
enum Stops {
    ByContent,
    ByTarget,
}

impl<S: Subscriber> Layer<S> for Stops {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        matches!(self, Stops::ByContent) || metadata.target() != "elsewhere"
    }

    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        matches!(self, Stops::ByTarget) || text(|visit| event.record(visit)).contains("round=1")
    }
}

/// Where `fmt` writes.
impl Write for Diary {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.note(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn written<S>(diary: &Diary) -> impl Layer<S> + Send + Sync + use<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup> + Send + Sync,
{
    let diary = diary.clone();
    fmt::layer().without_time().with_ansi(false).with_span_events(FmtSpan::NEW).with_writer(move || diary.clone())
}

// ---- arrangements -------------------------------------------------------------------------------------------------

fn info<S>() -> DynFilterFn<S> {
    dynamic_filter_fn(|metadata: &Metadata<'_>, _: &Context<'_, S>| *metadata.level() <= tracing::Level::INFO)
}

/// What an application builds: the layers between the brackets, ours where it says so. Without us, that place is empty.
macro_rules! arrangements {
    ($($name:literal: |$diary:ident, $us:ident| [$($before:expr),*] ours [$($after:expr),*];)*) => {
        &[$(Arrangement {
            name: $name,
            without: |$diary| { let _ = &$diary; Dispatch::new(registry()$(.with($before))*$(.with($after))*) },
            with: |$diary, $us| {
                let _ = &$diary;
                Dispatch::new(registry()$(.with($before))*.with($us.layer())$(.with($after))*)
            },
        },)*]
    };
}

struct Arrangement {
    name: &'static str,
    without: fn(&Diary) -> Dispatch,
    with: fn(&Diary, &Telemetry) -> Dispatch,
}

/// No filter takes anything from us in these.
const ARRANGEMENTS: &[Arrangement] = arrangements! {
    "a plain layer inside": |diary, us| [diary.layer("plain")] ours [];
    "a plain layer outside": |diary, us| [] ours [diary.layer("plain")];
    "a level filter inside": |diary, us| [diary.layer("warn").with_filter(LevelFilter::WARN)] ours [];
    "a level filter outside": |diary, us| [] ours [diary.layer("warn").with_filter(LevelFilter::WARN)];
    "a filter for more than ours": |diary, us| [diary.layer("trace").with_filter(LevelFilter::TRACE)] ours [];
    "a filter that is off": |diary, us| [diary.layer("off").with_filter(LevelFilter::OFF)] ours [diary.layer("debug").with_filter(LevelFilter::DEBUG)];
    "cached filters": |diary, us| [diary.layer("plain")] ours [diary.layer("info").with_filter(LevelFilter::INFO)];
    "hinted filters": |diary, us|
        [diary.layer("plain")] ours [diary.layer("info").with_filter(info().with_max_level_hint(LevelFilter::INFO))];
    "hinted filters alone": |diary, us| [] ours [diary.layer("info").with_filter(info().with_max_level_hint(LevelFilter::INFO))];
    "unhinted filters": |diary, us| [diary.layer("plain")] ours [diary.layer("info").with_filter(info())];
    "unhinted filters alone": |diary, us| [diary.layer("info").with_filter(info())] ours [];
    "out of order": |diary, us|
        [diary.layer("plain 1"), diary.layer("info").with_filter(LevelFilter::INFO)] ours
        [diary.layer("plain 2"), diary.layer("warn").with_filter(LevelFilter::WARN)];
    "layered and mixed": |diary, us|
        [diary.layer("info").with_filter(LevelFilter::INFO).and_then(diary.layer("plain 1"))] ours
        [diary.layer("plain 2").and_then(diary.layer("warn").with_filter(LevelFilter::WARN))];
    "a tree of filters": |diary, us| [] ours
        [diary.layer("info")
            .and_then(diary.layer("elsewhere").with_filter(filter_fn(|metadata| metadata.target() == "elsewhere")))
            .with_filter(LevelFilter::INFO)];
    "spans of filtered scopes": |diary, us|
        [diary.layer("debug").with_filter(LevelFilter::DEBUG), diary.layer("warn").with_filter(LevelFilter::WARN)] ours
        [diary.layer("elsewhere").with_filter(Targets::new().with_target("elsewhere", LevelFilter::TRACE))];
    "a filter by content": |diary, us| [diary.layer("by content").with_filter(ByContent)] ours [diary.layer("plain")];
    "boxed layers": |diary, us|
        [diary.layer("info").with_filter(LevelFilter::INFO).boxed()] ours [diary.layer("plain").boxed()];
    "a vector of layers": |diary, us|
        [vec![diary.layer("plain").boxed(), diary.layer("info").with_filter(LevelFilter::INFO).boxed()]] ours [];
    "a vector of filtered layers": |diary, us| [] ours
        [vec![diary.layer("warn").with_filter(LevelFilter::WARN), diary.layer("debug").with_filter(LevelFilter::DEBUG)]];
    "options": |diary, us|
        [None::<Watcher>, Some(diary.layer("plain"))] ours [None::<LevelFilter>, Some(diary.layer("some"))];
    "options of filtered layers": |diary, us|
        [Some(diary.layer("warn").with_filter(LevelFilter::WARN))] ours [None::<Watcher>.with_filter(LevelFilter::DEBUG)];
    "a filter in an option": |diary, us|
        [diary.layer("some").with_filter(Some(LevelFilter::DEBUG))] ours [diary.layer("none").with_filter(None::<LevelFilter>)];
    "a layer that is asked each time": |diary, us| [Sometimes(None)] ours [diary.layer("plain")];
    "a layer that does nothing": |diary, us| [Identity::new(), diary.layer("plain")] ours [Identity::new()];
    "filters joined by and": |diary, us|
        [diary.layer("and").with_filter(LevelFilter::DEBUG.and(filter_fn(|metadata| metadata.target() == "elsewhere")))] ours [];
    "filters joined by or": |diary, us| [] ours
        [diary.layer("or").with_filter(LevelFilter::ERROR.or(filter_fn(|metadata| metadata.target() == "elsewhere")))];
    "a filter turned round": |diary, us| [diary.layer("not").with_filter(LevelFilter::INFO.not())] ours [diary.layer("plain")];
    "a filter that can be changed": |diary, us| [diary.layer("reload").with_filter(reload::Layer::new(LevelFilter::WARN).0)] ours [];
    "a layer that can be changed": |diary, us| [] ours [reload::Layer::new(diary.layer("reload")).0];
    "fmt": |diary, us| [written(diary)] ours [];
    "fmt outside": |diary, us| [] ours [written(diary)];
    "fmt with a filter of its own": |diary, us| [written(diary).with_filter(EnvFilter::new("debug,elsewhere=warn"))] ours [];
    "fmt with a filter of its own, outside": |diary, us| [] ours [written(diary).with_filter(EnvFilter::new("error"))];
    "fmt with a filter by span and field": |diary, us|
        [written(diary).with_filter(EnvFilter::new("warn,[outer{number=1}]=trace"))] ours [];
};

/// Filters in front of everything, us included.
const GLOBAL: &[Arrangement] = arrangements! {
    "a global filter": |diary, us| [EnvFilter::new("debug"), diary.layer("plain")] ours [];
    "a global filter, outside": |diary, us| [diary.layer("plain")] ours [EnvFilter::new("warn")];
    "a global filter, inside": |diary, us| [EnvFilter::new("warn"), written(diary)] ours [];
    "a global filter by target": |diary, us| [EnvFilter::new("elsewhere=trace"), written(diary)] ours [];
    "a global level": |diary, us| [diary.layer("plain")] ours [LevelFilter::WARN];
    "a global filter that short-circuits": |diary, us|
        [filter_fn(|metadata| *metadata.level() <= tracing::Level::INFO),
         diary.layer("elsewhere").with_filter(Targets::new().with_target("elsewhere", LevelFilter::DEBUG))] ours [];
    "a plain layer with a hint": |diary, us| [diary.layer("plain")] ours [Sometimes(Some(LevelFilter::DEBUG))];
    "a plain layer that stops events": |diary, us| [diary.layer("plain"), Stops::ByContent] ours [diary.layer("outside")];
    "a plain layer that stops callsites": |diary, us| [diary.layer("plain")] ours [Stops::ByTarget, diary.layer("outside")];
    "a global filter that can be changed": |diary, us| [reload::Layer::new(LevelFilter::INFO).0, diary.layer("plain")] ours [];
    "a global level beside filters": |diary, us|
        [diary.layer("plain"), LevelFilter::INFO] ours [diary.layer("debug").with_filter(LevelFilter::DEBUG)];
};

/// What the host logs; twice, since the second time what was decided is cached.
fn host() {
    for round in 0..2_u64 {
        events(round);
        let outer = tracing::info_span!("outer", number = 1_u64, late = Empty).entered();
        outer.record("late", round);
        let trace = tracing::trace_span!("detailed").entered();
        let elsewhere = tracing::info_span!(target: "elsewhere", "other").entered();
        let debug = tracing::debug_span!(target: "elsewhere", "other detail").entered();
        let inner = tracing::warn_span!("inner");
        inner.follows_from(&outer);
        inner.in_scope(|| events(round));
        // Before its parents: in the registry that all layers share, a span that one of them wants keeps its parents open.
        drop(inner);
        drop((debug, elsewhere, trace));
        drop(outer);
    }
}

fn events(round: u64) {
    tracing::trace!(round, "trace");
    tracing::debug!(round, "debug");
    tracing::info!(round, "info");
    tracing::warn!(round, "warn");
    tracing::error!(round, "error");
    tracing::trace!(target: "elsewhere", round, "other trace");
    tracing::debug!(target: "elsewhere", round, "other debug");
    tracing::info!(target: "elsewhere", round, "other info");
    tracing::error!(target: "elsewhere", round, "other error");
}

/// What we keep of it where nothing is taken from us.
const OURS: [(&str, usize); 5] = [("info", 4), ("warn", 4), ("error", 4), ("span outer", 2), ("span inner", 2)];

// ---- states -------------------------------------------------------------------------------------------------------

type Kept = (Telemetry, Memory, TempDir);

/// A state of ours: how to get there before the host logs, and once the subscriber is there.
struct State {
    name: &'static str,
    start: fn() -> Kept,
    change: fn(&mut Telemetry),
    records: Records,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Records {
    Kept,
    None,
}

const STATES: &[State] = &[
    State { name: "off", start: || support::off("beside"), change: |_| {}, records: Records::None },
    State { name: "on", start: || support::on("beside"), change: |_| {}, records: Records::Kept },
    State {
        name: "on for other targets",
        start: || support::on_with("beside", |builder| builder.targets("unheard_of=trace")),
        change: |_| {},
        records: Records::Kept,
    },
    State {
        name: "withdrawn",
        start: || support::on("beside"),
        change: |telemetry| telemetry.withdraw(),
        records: Records::None,
    },
    State {
        name: "waiting for a yes",
        start: || support::switchable("beside"),
        change: |_| {},
        records: Records::None,
    },
    State {
        name: "granted",
        start: || support::switchable("beside"),
        change: |telemetry| drop(telemetry.grant().clone()),
        records: Records::Kept,
    },
    State {
        name: "granted and withdrawn",
        start: || support::switchable("beside"),
        change: |telemetry| {
            telemetry.grant();
            telemetry.withdraw();
        },
        records: Records::None,
    },
];

fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the others see without us, and the most verbose level of the process, which is that of its one subscriber.
fn alone(arrangement: &Arrangement) -> (Vec<String>, LevelFilter) {
    let diary = Diary::default();
    let dispatch = (arrangement.without)(&diary);
    with_default(&dispatch, host);
    (diary.lines(), LevelFilter::current())
}

/// What they see beside us, and what we kept.
fn beside(arrangement: &Arrangement, state: &State) -> (Vec<String>, LevelFilter, BTreeMap<String, usize>) {
    let (mut telemetry, memory, _directory) = (state.start)();
    let diary = Diary::default();
    let dispatch = (arrangement.with)(&diary, &telemetry);
    (state.change)(&mut telemetry);
    with_default(&dispatch, host);
    let level = LevelFilter::current();
    if state.records == Records::Kept {
        settle(&telemetry);
    }
    let mut kept = BTreeMap::new();
    for record in records(&memory) {
        let name = record.body().map_or_else(|| format!("span {}", record.name()), str::to_owned);
        *kept.entry(name).or_insert(0) += 1;
    }
    (diary.lines(), level, kept)
}

#[test]
fn they_see_with_us_what_they_see_without_us() {
    let _alone = one_at_a_time();
    let mut seen = BTreeSet::new();
    for arrangement in ARRANGEMENTS.iter().chain(GLOBAL) {
        let (without, level) = alone(arrangement);
        seen.insert(without.clone());
        assert!(arrangement.name == "a filter that is off" || without.len() > 1, "{}: {without:#?}", arrangement.name);
        for state in STATES {
            let (with, ours, _) = beside(arrangement, state);
            let at = format!("{}, we are {}", arrangement.name, state.name);
            let difference: Vec<_> = without.iter().zip(&with).filter(|(left, right)| left != right).take(3).collect();
            assert!(with == without, "{at}: {} lines for {}, {difference:#?}", with.len(), without.len());
            assert!(ours >= level, "{at}: the host's level {level:?} became {ours:?}");
            if state.name == "off" {
                assert_eq!(ours, level, "{at}");
            }
        }
    }
    assert!(seen.len() > 20, "the arrangements differ in what they see: {}", seen.len());
}

#[test]
fn no_siblings_filter_takes_anything_from_us() {
    let _alone = one_at_a_time();
    let expected: BTreeMap<_, _> = OURS.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    for arrangement in ARRANGEMENTS {
        for state in STATES {
            let (_, _, kept) = beside(arrangement, state);
            let at = format!("{}, we are {}", arrangement.name, state.name);
            match state.records {
                Records::Kept => assert_eq!(kept, expected, "{at}"),
                Records::None => assert_eq!(kept, BTreeMap::new(), "{at}"),
            }
        }
    }
}

#[test]
fn a_global_filter_of_the_hosts_holds_for_us_too() {
    let _alone = one_at_a_time();
    let on = STATES.iter().find(|state| state.name == "on").expect("it is there");
    for arrangement in GLOBAL {
        let (_, _, kept) = beside(arrangement, on);
        let expected: &[(&str, usize)] = match arrangement.name {
            "a global filter, outside" | "a global filter, inside" | "a global level" => {
                &[("warn", 4), ("error", 4), ("span inner", 2)]
            }
            "a global filter by target" => &[],
            // The last of the events that are stopped is none of ours. tracing-subscriber remembers that and, as nobody sees
            // the event, holds it against the next span: it does so to every filtered layer.
            "a plain layer that stops events" => {
                &[("info", 2), ("warn", 2), ("error", 2), ("span outer", 1), ("span inner", 2)]
            }
            _ => &OURS,
        };
        let expected: BTreeMap<_, _> = expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(kept, expected, "{}", arrangement.name);
    }
}

/// Where a sibling and we agree about a callsite, it is asked once, not at every event.
#[test]
fn what_a_siblings_filter_said_stays_cached() {
    let _alone = one_at_a_time();
    for level in [tracing::Level::INFO, tracing::Level::TRACE] {
        let asked: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let (telemetry, _memory, _directory) =
            support::on_with("cached", |builder| builder.level(level).targets("elsewhere=trace"));
        let counting = Arc::clone(&asked);
        let filter = filter_fn(move |metadata| {
            let callsite = format!("{} {} {:?}", metadata.target(), metadata.level(), metadata.callsite());
            *counting.lock().expect("nobody panicked").entry(callsite).or_default() += 1;
            *metadata.level() <= level || metadata.target() == "elsewhere"
        });
        let diary = Diary::default();
        let subscriber = registry().with(diary.layer("counting").with_filter(filter)).with(telemetry.layer());
        with_default(&Dispatch::new(subscriber), || {
            events(0);
            let first = asked.lock().expect("nobody panicked").clone();
            (0..3).for_each(events);
            assert_eq!(*asked.lock().expect("nobody panicked"), first, "asked again at {level}");
            assert!(first.len() >= 9 && !diary.lines().is_empty());
        });
        settle(&telemetry);
    }
}

/// `reload`: what a sibling is changed to while the program runs holds at once, for its callsites and the process's level.
#[test]
fn a_sibling_that_is_changed_while_running_is_what_it_was_changed_to() {
    let _alone = one_at_a_time();
    for state in STATES {
        let (mut telemetry, memory, _directory) = (state.start)();
        let diary = Diary::default();
        let (filter, handle) = reload::Layer::new(LevelFilter::ERROR);
        let dispatch =
            Dispatch::new(registry().with(diary.layer("reload").with_filter(filter)).with(telemetry.layer()));
        (state.change)(&mut telemetry);
        let seen = || diary.lines().iter().filter(|line| line.contains("event")).count();
        with_default(&dispatch, || {
            events(0);
            assert_eq!(seen(), 2, "{}", state.name);
            handle.reload(LevelFilter::TRACE).expect("the layer is there");
            assert_eq!(LevelFilter::current(), LevelFilter::TRACE, "{}", state.name);
            events(0);
            assert_eq!(seen(), 2 + 9, "{}", state.name);
            handle.reload(LevelFilter::OFF).expect("the layer is there");
            events(0);
            assert_eq!(seen(), 2 + 9, "{}", state.name);
        });
        if state.records == Records::Kept {
            settle(&telemetry);
        }
        let kept = if state.records == Records::Kept { 3 * 3 } else { 0 };
        assert_eq!(records(&memory).len(), kept, "{}", state.name);
    }
}

#[test]
fn our_hint_is_our_level_and_only_ours() {
    let _alone = one_at_a_time();
    let hint = |subscriber: &dyn Subscriber| subscriber.max_level_hint();
    let (on, _m, _d) = support::on("hint");
    let (debug, _m2, _d2) = support::on_with("hint", |builder| builder.level(tracing::Level::DEBUG));
    let (trace, _m3, _d3) = support::on_with("hint", |builder| builder.targets("elsewhere=trace"));
    let (off, _m4, _d4) = support::off("hint");
    let diary = Diary::default();
    type Inner = Layered<tracing_subscriber::filter::Filtered<Watcher, LevelFilter, Registry>, Registry>;
    let warn = || -> Inner { registry().with(diary.layer("warn").with_filter(LevelFilter::WARN)) };

    assert_eq!(hint(&registry().with(on.layer())), Some(LevelFilter::INFO));
    assert_eq!(hint(&registry().with(debug.layer())), Some(LevelFilter::DEBUG));
    assert_eq!(hint(&registry().with(trace.layer())), Some(LevelFilter::TRACE));
    assert_eq!(hint(&registry().with(off.layer())), Some(LevelFilter::OFF), "off alone, nothing is logged at all");
    assert_eq!(hint(&warn().with(on.layer())), Some(LevelFilter::INFO), "two filters: the more verbose one");
    assert_eq!(hint(&warn().with(off.layer())), Some(LevelFilter::WARN));
    for telemetry in [&on, &off] {
        assert_eq!(
            hint(&registry().with(diary.layer("plain")).with(telemetry.layer())),
            None,
            "a plain layer wants all"
        );
        assert_eq!(hint(&registry().with(telemetry.layer()).with(diary.layer("plain"))), None);
    }
}

#[test]
fn a_host_may_find_its_own_layers_through_us() {
    let _alone = one_at_a_time();
    for state in STATES {
        let (telemetry, _memory, _directory) = (state.start)();
        let diary = Diary::default();
        let subscriber = registry().with(diary.layer("inside")).with(telemetry.layer()).with(Identity::new());
        let dispatch = Dispatch::new(subscriber);
        assert!(dispatch.downcast_ref::<Watcher>().is_some_and(|watcher| watcher.name == "inside"), "{}", state.name);
        assert!(dispatch.downcast_ref::<Registry>().is_some() && dispatch.downcast_ref::<Identity>().is_some());
    }
}
