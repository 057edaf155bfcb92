//! What it takes to get spans into ClickHouse: to encode and to compress them, and to insert them.
//!
//! `cargo bench --bench clickhouse_encode --features zstd`; with the engine, `--features zstd,real-components`
//!
//! A span has 8 attributes (five of text, two of them with few values and one a pseudonym; two numbers; a truth value), one
//! event with two attributes, and a resource of 6 attributes. Trace, span and parent ids are random, and so are the
//! pseudonyms: 40 bytes of a row that nothing can shorten. Times are processor time of the one thread that does the work,
//! as the scheduler counts it, so that what else the machine does hardly shows; each is the least of several runs.
//!
//! # Results

use std::borrow::Cow;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Event, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, StringValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tracing_privacy::clickhouse::{Compression, Encoder, Format};

const RUNS: usize = 15;

fn main() {
    encode();
    compress();
}

/// Rows a second of one core, in batches of different sizes.
fn encode() {
    println!("encoded on one core, million rows a second\n");
    println!("| batch | Native | Native + lz4 | Native + gzip | Native + zstd | JSONEachRow |");
    println!("|-------|--------|--------------|---------------|---------------|-------------|");
    for rows in [100, 512, 10_000, 100_000] {
        let (spans, resource) = (spans(rows), resource());
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
            let body = &Encoder::default().format(format).spans(&spans(rows), &resource())[0].body;
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

fn resource() -> Resource {
    Resource::builder_empty()
        .with_service_name("checkout")
        .with_attributes([
            KeyValue::new("service.version", "2.14.3"),
            KeyValue::new("service.namespace", "shop"),
            KeyValue::new("deployment.environment.name", "production"),
            KeyValue::new("os.type", "linux"),
            KeyValue::new("session.id", "8f14e45fceea167a"),
        ])
        .build()
}

fn spans(rows: usize) -> Vec<SpanData> {
    const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
    const ROUTES: [&str; 5] = ["/cart", "/cart/{id}", "/orders", "/orders/{id}/items", "/users/{id}"];
    const NAMES: [&str; 10] = [
        "checkout",
        "load cart",
        "price",
        "reserve stock",
        "pay",
        "ship",
        "send receipt",
        "load user",
        "authorize",
        "query",
    ];
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    // Noon of a day in 2026.
    let mut at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_056_000);
    let scope = InstrumentationScope::builder("shop::checkout").with_version("2.14.3").build();
    let span = |_| {
        at += Duration::from_nanos(random() % 1_000_000);
        let trace = TraceId::from_bytes((u128::from(random()) << 64 | u128::from(random())).to_be_bytes());
        let context = SpanContext::new(trace, SpanId::from(random()), TraceFlags::SAMPLED, false, TraceState::NONE);
        let duration = Duration::from_nanos(random() % 50_000_000);
        let mut events = SpanEvents::default();
        let attributes = vec![KeyValue::new("level", "INFO"), KeyValue::new("items", (random() % 20) as i64)];
        events.events.push(Event::new("order placed", at + duration / 2, attributes, 0));
        let user = StringValue::from(format!("{:016x}", random()));
        SpanData {
            span_context: context,
            parent_span_id: SpanId::from(random()),
            parent_span_is_remote: false,
            span_kind: SpanKind::Server,
            name: Cow::Borrowed(NAMES[(random() % 10) as usize]),
            start_time: at,
            end_time: at + duration,
            attributes: vec![
                KeyValue::new("http.request.method", METHODS[(random() % 4) as usize]),
                KeyValue::new("http.route", ROUTES[(random() % 5) as usize]),
                KeyValue::new("http.response.status_code", [200_i64, 200, 200, 201, 404, 500][(random() % 6) as usize]),
                KeyValue::new("url.scheme", "https"),
                KeyValue::new("network.protocol.version", "1.1"),
                KeyValue::new("http.request.body.size", (random() % 5_000) as i64),
                KeyValue::new("cache.hit", random() % 2 == 0),
                KeyValue::new("user_id_hash", user),
            ],
            dropped_attributes_count: 0,
            events,
            links: SpanLinks::default(),
            status: if random() % 50 == 0 { Status::error("timed out") } else { Status::Unset },
            instrumentation_scope: scope.clone(),
        }
    };
    (0..rows).map(span).collect()
}
