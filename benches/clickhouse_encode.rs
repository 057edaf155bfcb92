//! What it takes to get spans into ClickHouse: to encode and to compress them, and to insert them.
//!
//! `cargo bench --bench clickhouse_encode --features zstd`; with the engine, `--features zstd,real-components`. The words
//! `encode`, `compress` and `insert` after `--` run that part alone.
//!
//! A span has 8 attributes (five of text, two of them with few values and one a pseudonym; two numbers; a truth value), one
//! event with two attributes, and a resource of 6 attributes. Trace, span and parent ids are random, and so are the
//! pseudonyms: 40 bytes of a row that nothing can shorten. Times are processor time of the one thread that does the work,
//! as the scheduler counts it, so that what else the machine does hardly shows; each is the least of several runs.
//!
//! # Results
//!
//! AMD EPYC (family 26, 2 vCPUs, KVM), Linux, rustc 1.95, `bench` profile (release, no LTO), on a quiet machine, 2026-11-21.
//!
//! Encoded on one core, million rows a second. Aim: 1 for Native + lz4. Putting the rows in the order of the table's key is a
//! tenth of it at 512 rows; it saves the engine six times as much.
//!
//! | batch  | Native | Native + lz4 | Native + gzip | Native + zstd | JSONEachRow |
//! |--------|--------|--------------|---------------|---------------|-------------|
//! |    100 |   1.92 |         1.33 |          0.78 |          0.89 |        0.41 |
//! |    512 |   2.08 |         1.47 |          0.76 |          1.09 |        0.43 |
//! |  10000 |   1.14 |         1.32 |          0.64 |          1.14 |        0.29 |
//! | 100000 |   1.32 |         1.09 |          0.57 |          1.09 |        0.29 |
//!
//! The aim of 462,000 spans a second and core, a collector's, is for all of the client's share; the column `client` below has it:
//! 100,000 spans in 91 ms are 1,099,000.
//!
//! Bytes of a row. Aim: 100 with zstd.
//!
//! | batch  | format      | none   | lz4   | gzip  | zstd  |
//! |--------|-------------|--------|-------|-------|-------|
//! |    100 | Native      |  349.0 | 146.9 | 130.3 | 101.5 |
//! |    100 | JSONEachRow | 1009.9 | 171.2 | 156.4 |  87.7 |
//! |    512 | Native      |  338.4 | 136.2 | 119.5 |  89.9 |
//! |    512 | JSONEachRow | 1010.3 | 166.1 | 153.5 |  81.6 |
//! |  10000 | Native      |  336.3 | 140.8 | 118.9 |  74.4 |
//! |  10000 | JSONEachRow | 1010.6 | 170.6 | 153.6 |  81.5 |
//! | 100000 | Native      |  336.1 | 140.2 | 118.5 |  70.3 |
//! | 100000 | JSONEachRow | 1010.6 | 170.4 | 153.7 |  81.6 |
//!
//! 100,000 spans into chdb 26.9 behind `tests/support/clickhouse_http.py`, one connection, merges stopped; the least of three
//! rounds. Ours: `ClickHouseExporter`, Native + lz4, its own settings, from `SpanData` to the answer read. Theirs: the official crate
//! 0.15, `Inserter`, RowBinary + lz4, `with_validation(false)`, `async_insert=0`, from rows of its own, which are made of the spans
//! first. Client: processor time of its process; engine: processor time of the statements, without the front before them; both
//! in ms. Aim: 3 times the rows a second. From spans on it is reached as created with 10,000 rows (3.1), and with
//! rows that are there already with 100,000 (3.0; with 10,000 it is 2.8); with all views it is 2.6. At 1,000 rows the engine's share is what
//! an insert costs by itself.
//!
//! How to read that. "ratio" behind "theirs" has their rows made beforehand, "from spans" counts the making of them, as ours begins with
//! spans too. A part of the rows a second is the front's, which is written in Python and reads their chunked bodies more slowly
//! than ours: client and engine alone, one after the other, are 367 ms to 935 as created at 10,000 rows (2.5 times; 2.9 with the making of
//! the rows).
//!
//! The engine's data is in memory (`/dev/shm`). On ext4 two thirds of its time went into finding inodes for the files of new
//! parts, since others had just been deleted: that, and not the indexes, made "as created" look like 2.1 times.
//!
//! Indexes built by merges (`materialize_skip_indexes_on_insert=0`) save 8, 22 and 44 % of the engine's time for ours, 4, 12 and
//! 10 % for theirs. It is no default: until the merge, looking for an attribute's value in 60 such parts of 10,000 rows took 173
//! ms instead of 20.
//!
//! | batch  | tables | rows/s, ours | theirs | ratio | from spans | ratio | client ms | theirs | made | engine ms | theirs | ratio |
//! |--------|--------|--------------|--------|-------|------------|-------|-----------|--------|------|-----------|--------|-------|
//! |   1000 | none: parsed alone | 145219 | 80766 | 1.8 | 72746 | 2.0 | 165 | 131 | 135 | 395 | 887 | 2.2 |
//! |  10000 | none: parsed alone | 520490 | 120811 | 4.3 | 103870 | 5.0 | 104 | 114 | 132 | 69 | 515 | 7.5 |
//! | 100000 | none: parsed alone | 802770 | 100981 | 7.9 | 89111 | 9.0 | 92 | 166 | 128 | 28 | 510 | 17.7 |
//! |   1000 | spans, no indexes | 102849 | 60243 | 1.7 | 55660 | 1.8 | 162 | 134 | 132 | 692 | 1369 | 2.0 |
//! |  10000 | spans, no indexes | 308190 | 97822 | 3.2 | 86485 | 3.6 | 95 | 111 | 131 | 206 | 747 | 3.6 |
//! | 100000 | spans, no indexes | 353229 | 91937 | 3.8 | 81805 | 4.3 | 92 | 169 | 132 | 186 | 736 | 3.9 |
//! |   1000 | spans | 90730 | 57721 | 1.6 | 53508 | 1.7 | 159 | 129 | 134 | 804 | 1393 | 1.7 |
//! |  10000 | spans | 256165 | 92378 | 2.8 | 82052 | 3.1 | 93 | 112 | 136 | 274 | 823 | 3.0 |
//! | 100000 | spans | 263545 | 88130 | 3.0 | 78938 | 3.3 | 90 | 168 | 130 | 281 | 807 | 2.9 |
//! |   1000 | spans, indexed at merges | 103603 | 64199 | 1.6 | 59105 | 1.8 | 162 | 131 | 128 | 688 | 1276 | 1.9 |
//! |  10000 | spans, indexed at merges | 314982 | 96736 | 3.3 | 85692 | 3.7 | 93 | 109 | 132 | 201 | 755 | 3.7 |
//! | 100000 | spans, indexed at merges | 379238 | 97909 | 3.9 | 86637 | 4.4 | 95 | 171 | 128 | 164 | 725 | 4.4 |
//! |   1000 | spans and all views | 55074 | 42013 | 1.3 | 39771 | 1.4 | 172 | 132 | 131 | 1487 | 2089 | 1.4 |
//! |  10000 | spans and all views | 193143 | 81757 | 2.4 | 73692 | 2.6 | 102 | 108 | 132 | 387 | 950 | 2.5 |
//! | 100000 | spans and all views | 231763 | 78546 | 3.0 | 71087 | 3.3 | 90 | 167 | 131 | 340 | 960 | 2.8 |

#[cfg(feature = "real-components")]
#[path = "../tests/support/chdb.rs"]
mod chdb;
#[cfg(feature = "real-components")]
#[path = "../tests/support/spans.rs"]
mod sdk;

use std::fs;
use std::hint::black_box;
use std::time::Duration;
#[cfg(feature = "real-components")]
use std::time::SystemTime;

#[cfg(feature = "real-components")]
use opentelemetry::{KeyValue, trace::Status};
#[cfg(feature = "real-components")]
use opentelemetry_sdk::{Resource, trace::SpanData};
use tracing_privacy::clickhouse::{Compression, Encoder, Format};

#[path = "../tests/support/orders.rs"]
mod orders;

use orders::{resource, spans};

const RUNS: usize = 15;

fn main() {
    // Cargo adds `--bench`.
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_asked = |part: &str| asked.is_empty() || asked.iter().any(|word| word == part);
    if is_asked("encode") {
        encode();
    }
    if is_asked("compress") {
        compress();
    }
    #[cfg(feature = "real-components")]
    if is_asked("insert") {
        insert::insert();
    }
}

/// Rows a second of one core, in batches of different sizes.
fn encode() {
    println!("encoded on one core, million rows a second\n");
    println!("| batch | Native | Native + lz4 | Native + gzip | Native + zstd | JSONEachRow |");
    println!("|-------|--------|--------------|---------------|---------------|-------------|");
    for rows in [100, 512, 10_000, 100_000] {
        let (spans, resource) = (spans(rows, 1), resource());
        let repeats = (100_000 / rows).max(1);
        let rate = |format: Format, compression: Compression| {
            let encoder = Encoder::default().format(format).compression(compression);
            let took =
                least(|| (0..repeats).for_each(|_| drop(black_box(encoder.spans(black_box(&spans), &resource)))));
            (rows * repeats) as f64 / took.as_secs_f64() / 1e6
        };
        print!("| {rows:>6} |");
        for compression in [Compression::None, Compression::Lz4, Compression::Gzip] {
            print!(" {:.2} |", rate(Format::Native, compression));
        }
        #[cfg(feature = "zstd")]
        print!(" {:.2} |", rate(Format::Native, Compression::Zstd));
        println!(" {:.2} |", rate(Format::JsonEachRow, Compression::None));
    }
}

/// Bytes of a row.
fn compress() {
    println!("\nbytes of a row\n");
    println!("| batch | format | none | lz4 | gzip | zstd |");
    for rows in [100, 512, 10_000, 100_000] {
        for format in [Format::Native, Format::JsonEachRow] {
            let body = &Encoder::default().format(format).spans(&spans(rows, 1), &resource())[0].body;
            print!("| {rows:>6} | {} |", format.name());
            for compression in [
                Compression::None,
                Compression::Lz4,
                Compression::Gzip,
                #[cfg(feature = "zstd")]
                Compression::Zstd,
            ] {
                print!(" {:.1} |", compression.compress(body.clone()).len() as f64 / rows as f64);
            }
            println!();
        }
    }
}

fn least(mut work: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let before = processor_time();
        work();
        best = best.min(processor_time() - before);
    }
    best
}

/// Time that this thread was on a processor.
fn processor_time() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts processor time");
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("it begins with nanoseconds"))
}

/// The same spans into the real engine, by this crate and by ClickHouse's own.
#[cfg(feature = "real-components")]
mod insert {
    use std::path::{Path, PathBuf};
    use std::time::Instant;

    use clickhouse::Row;
    use clickhouse::inserter::Inserter;
    use opentelemetry_sdk::trace::SpanExporter;
    use serde::Serialize;
    use tracing_privacy::clickhouse::{ClickHouseExporter, CreateSchema, Schema};

    use super::chdb::ClickHouse;
    use super::*;

    const ROWS: usize = 100_000;
    const ROUNDS: usize = 3;

    pub(super) fn insert() {
        let data = Data::new();
        println!("\n{ROWS} spans into the engine in a round; the least of {ROUNDS} rounds of each");
        println!("the engine's data is in {}", data.0.display());
        println!("ours: ClickHouseExporter, Native + lz4, its own settings (async_insert=0, a token), from SpanData");
        println!(
            "theirs: clickhouse 0.15, Inserter, RowBinary + lz4, with_validation(false), async_insert=0; the rows are"
        );
        println!("        made of the SpanData first, which is in \"from spans\" and in \"made\", and nowhere else");
        println!("both: {}={} where indexes are built by merges; merges are stopped\n", LATER.0, LATER.1);
        println!(
            "| batch  | tables | rows/s, ours | theirs | ratio | from spans | ratio | client ms | theirs | made | engine ms | theirs | ratio |"
        );
        println!(
            "|--------|--------|--------------|--------|-------|------------|-------|-----------|--------|------|-----------|--------|-------|"
        );
        for (target, indexes) in [
            (Target::Null, Indexes::AtOnce),
            (Target::Plain, Indexes::AtOnce),
            (Target::Indexed, Indexes::AtOnce),
            (Target::Indexed, Indexes::Later),
            (Target::All, Indexes::AtOnce),
        ] {
            for size in [1_000, 10_000, 100_000] {
                let server = ClickHouse::start_with(&["--path", &data.next()]);
                let schema = Schema::new().trace_days(0);
                target.statements(&schema).iter().for_each(|statement| drop(server.query(statement)));
                // They come later, and are the same for both.
                server.query("SYSTEM STOP MERGES");
                let builder = ClickHouseExporter::builder(server.endpoint()).create_schema(CreateSchema::Off);
                let builder = match indexes {
                    Indexes::AtOnce => builder,
                    Indexes::Later => builder.insert_setting(LATER.0, LATER.1),
                };
                let exporter = builder.timeout(Duration::from_secs(60)).build().expect("the settings are right");
                let batches: Vec<_> = (0..ROWS / size).map(|batch| spans(size, batch as u64 + 1)).collect();
                let (mut native, mut official) = (Took::MOST, Took::MOST);
                for _ in 0..ROUNDS {
                    native = native.least(of(&server, || ours(&exporter, &batches)));
                    check(&server, target);
                    official = official.least(of(&server, || theirs(&server, &batches, indexes)));
                    check(&server, target);
                }
                let rate = |wall: Duration| ROWS as f64 / wall.as_secs_f64();
                let from_spans = official.wall + official.made.wall;
                let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
                let [client, engine] = [|took: &Took| took.client.as_millis(), |took: &Took| took.engine.as_millis()];
                println!(
                    "| {size:>6} | {} | {:.0} | {:.0} | {:.1} | {:.0} | {:.1} | {} | {} | {} | {} | {} | {:.1} |",
                    target.name(indexes),
                    rate(native.wall),
                    rate(official.wall),
                    ratio(official.wall, native.wall),
                    rate(from_spans),
                    ratio(from_spans, native.wall),
                    client(&native),
                    client(&official),
                    official.made.client.as_millis(),
                    engine(&native),
                    engine(&official),
                    ratio(official.engine, native.engine)
                );
            }
        }
    }

    /// Where the engine keeps its tables: in memory if the machine has a place there. On ext4, finding numbers for the files
    /// that each insert makes takes longer than to fill them when many were just deleted, as here.
    struct Data(PathBuf);

    impl Data {
        fn new() -> Self {
            let memory = Path::new("/dev/shm");
            let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
            let place = place.join(format!("clickhouse_encode-{}", std::process::id()));
            fs::create_dir(&place).expect("there is room for the engine's data");
            Data(place)
        }

        /// An empty directory, in the place of the last one.
        fn next(&self) -> String {
            let path = self.0.join("data");
            // There is none the first time.
            let _ = fs::remove_dir_all(&path);
            path.to_str().expect("its name is ours").to_owned()
        }
    }

    impl Drop for Data {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// Whether the indexes of the table are built with each insert, or when its parts are merged.
    #[derive(Clone, Copy, PartialEq)]
    enum Indexes {
        AtOnce,
        Later,
    }

    /// A setting of ClickHouse since 2024 (its pull request 64391).
    const LATER: (&str, &str) = ("materialize_skip_indexes_on_insert", "0");

    /// What the rows are inserted into.
    #[derive(Clone, Copy, PartialEq)]
    enum Target {
        /// They are parsed, cast and forgotten.
        Null,
        /// The table without its indexes.
        Plain,
        /// The table as it is created.
        Indexed,
        /// All tables and views.
        All,
    }

    impl Target {
        fn name(self, indexes: Indexes) -> &'static str {
            match self {
                Target::Null => "none: parsed alone",
                Target::Plain => "spans, no indexes",
                Target::Indexed if indexes == Indexes::Later => "spans, indexed at merges",
                Target::Indexed => "spans",
                Target::All => "spans and all views",
            }
        }

        fn statements(self, schema: &Schema) -> Vec<String> {
            let all = schema.statements();
            if self == Target::All {
                return all;
            }
            let create = all.into_iter().find(|statement| statement.contains(".`otel_traces` (")).expect("it is there");
            if self == Target::Indexed {
                return vec![create];
            }
            let (columns, rest) = create.split_once(",\n    INDEX").expect("it has indexes");
            let engine = &rest[rest.find("ENGINE").expect("it has an engine")..];
            vec![format!("{columns}) {}", if self == Target::Null { "ENGINE = Null" } else { engine })]
        }
    }

    struct Took {
        wall: Duration,
        /// Processor time of the client.
        client: Duration,
        /// Time that the engine took for the statements, without the front before it.
        engine: Duration,
        /// What had to be made before.
        made: Spent,
    }

    impl Took {
        const MOST: Took = Took {
            wall: Duration::MAX,
            client: Duration::MAX,
            engine: Duration::MAX,
            made: Spent { wall: Duration::MAX, client: Duration::MAX },
        };

        fn least(self, other: Took) -> Took {
            Took {
                wall: self.wall.min(other.wall),
                client: self.client.min(other.client),
                engine: self.engine.min(other.engine),
                made: Spent {
                    wall: self.made.wall.min(other.made.wall),
                    client: self.made.client.min(other.made.client),
                },
            }
        }
    }

    /// `work` times what it makes first, and what counts.
    fn of(server: &ClickHouse, work: impl FnOnce() -> [Spent; 2]) -> Took {
        let engine = || Duration::from_micros(server.stats()["engine_us"].as_u64().expect("it is counted"));
        let before = engine();
        let [made, Spent { wall, client }] = work();
        Took { wall, client, engine: engine() - before, made }
    }

    /// From a beginning until now.
    struct Spent {
        wall: Duration,
        /// Processor time of this process.
        client: Duration,
    }

    /// The clock of [`Spent`].
    struct Clock(Instant, Duration);

    impl Clock {
        fn start() -> Self {
            let client = process_time();
            Clock(Instant::now(), client)
        }

        fn stop(&self) -> Spent {
            Spent { wall: self.0.elapsed(), client: process_time() - self.1 }
        }
    }

    /// Everything arrived; and the next round begins with an empty table.
    fn check(server: &ClickHouse, target: Target) {
        if target == Target::Null {
            return;
        }
        assert_eq!(server.query("SELECT count() FROM otel_traces"), ROWS.to_string());
        for table in server
            .query("SELECT name FROM system.tables WHERE database = 'default' AND engine LIKE '%MergeTree'")
            .lines()
        {
            server.query(&format!("TRUNCATE TABLE `{table}`"));
        }
    }

    /// The exporter as the SDK calls it: from spans to the answer read.
    fn ours(exporter: &ClickHouseExporter, batches: &[Vec<SpanData>]) -> [Spent; 2] {
        let mut exporter = exporter.clone();
        SpanExporter::set_resource(&mut exporter, &resource());
        // The SDK gives its own away.
        let making = Clock::start();
        let batches = batches.to_vec();
        let made = making.stop();
        let clock = Clock::start();
        for spans in batches {
            sdk::export_spans(&exporter, spans).expect("the server takes the rows");
        }
        [made, clock.stop()]
    }

    /// The official crate's inserter, from rows of its own, which are made before the clock starts.
    fn theirs(server: &ClickHouse, batches: &[Vec<SpanData>], indexes: Indexes) -> [Spent; 2] {
        let resource = resource();
        let making = Clock::start();
        let rows: Vec<Vec<SpanRow>> =
            batches.iter().map(|spans| spans.iter().map(|span| SpanRow::of(span, &resource)).collect()).collect();
        let made = making.stop();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = clickhouse::Client::default()
            .with_url(server.endpoint())
            .with_compression(clickhouse::Compression::Lz4)
            .with_validation(false)
            .with_setting("async_insert", "0");
        let client = match indexes {
            Indexes::AtOnce => client,
            Indexes::Later => client.with_setting(LATER.0, LATER.1),
        };
        let clock = Clock::start();
        runtime.block_on(async {
            let mut inserter: Inserter<SpanRow> = client.inserter("otel_traces");
            for rows in &rows {
                for row in rows {
                    inserter.write(row).await.expect("it takes rows");
                }
                inserter.force_commit().await.expect("the server takes the rows");
            }
            inserter.end().await.expect("nothing is left");
        });
        [made, clock.stop()]
    }

    /// Time that the threads of this process which live were on a processor.
    fn process_time() -> Duration {
        let tasks = fs::read_dir("/proc/self/task").expect("Linux tells its threads").flatten();
        let nanos = |task: fs::DirEntry| -> Option<u64> {
            fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse().ok()
        };
        Duration::from_nanos(tasks.filter_map(nanos).sum())
    }

    type Attributes = Vec<(String, String)>;

    #[derive(Row, Serialize)]
    struct SpanRow {
        #[serde(rename = "Timestamp")]
        timestamp: i64,
        #[serde(rename = "TraceId")]
        trace_id: String,
        #[serde(rename = "SpanId")]
        span_id: String,
        #[serde(rename = "ParentSpanId")]
        parent_span_id: String,
        #[serde(rename = "TraceState")]
        trace_state: String,
        #[serde(rename = "SpanName")]
        span_name: String,
        #[serde(rename = "SpanKind")]
        span_kind: &'static str,
        #[serde(rename = "ServiceName")]
        service_name: String,
        #[serde(rename = "ResourceAttributes")]
        resource_attributes: Attributes,
        #[serde(rename = "ScopeName")]
        scope_name: String,
        #[serde(rename = "ScopeVersion")]
        scope_version: String,
        #[serde(rename = "SpanAttributes")]
        span_attributes: Attributes,
        #[serde(rename = "Duration")]
        duration: u64,
        #[serde(rename = "StatusCode")]
        status_code: &'static str,
        #[serde(rename = "StatusMessage")]
        status_message: String,
        #[serde(rename = "Events.Timestamp")]
        event_timestamp: Vec<i64>,
        #[serde(rename = "Events.Name")]
        event_name: Vec<String>,
        #[serde(rename = "Events.Attributes")]
        event_attributes: Vec<Attributes>,
        #[serde(rename = "Links.TraceId")]
        link_trace_id: Vec<String>,
        #[serde(rename = "Links.SpanId")]
        link_span_id: Vec<String>,
        #[serde(rename = "Links.TraceState")]
        link_trace_state: Vec<String>,
        #[serde(rename = "Links.Attributes")]
        link_attributes: Vec<Attributes>,
    }

    impl SpanRow {
        fn of(span: &SpanData, resource: &Resource) -> Self {
            let attributes = |attributes: &[KeyValue]| -> Attributes {
                attributes.iter().map(|one| (one.key.to_string(), one.value.as_str().into_owned())).collect()
            };
            let nanos =
                |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).expect("this century").as_nanos() as i64;
            let (code, message) = match &span.status {
                Status::Error { description } => ("Error", description.to_string()),
                _ => ("Unset", String::new()),
            };
            SpanRow {
                timestamp: nanos(span.start_time),
                trace_id: span.span_context.trace_id().to_string(),
                span_id: span.span_context.span_id().to_string(),
                parent_span_id: span.parent_span_id.to_string(),
                trace_state: String::new(),
                span_name: span.name.to_string(),
                span_kind: "Server",
                service_name: "checkout".to_owned(),
                resource_attributes: resource.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
                scope_name: span.instrumentation_scope.name().to_owned(),
                scope_version: span.instrumentation_scope.version().unwrap_or_default().to_owned(),
                span_attributes: attributes(&span.attributes),
                duration: (nanos(span.end_time) - nanos(span.start_time)) as u64,
                status_code: code,
                status_message: message,
                event_timestamp: span.events.iter().map(|event| nanos(event.timestamp)).collect(),
                event_name: span.events.iter().map(|event| event.name.to_string()).collect(),
                event_attributes: span.events.iter().map(|event| attributes(&event.attributes)).collect(),
                link_trace_id: Vec::new(),
                link_span_id: Vec::new(),
                link_trace_state: Vec::new(),
                link_attributes: Vec::new(),
            }
        }
    }
}
