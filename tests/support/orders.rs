//! The spans that are measured: those of a shop, with 8 attributes (five of text, two of them with few values and one a
//! pseudonym; two numbers; a truth value) and one event with two, under a resource of 6. Trace, span and parent ids and
//! pseudonyms are random: 40 bytes of a row that nothing can shorten.

#![allow(unreachable_pub, reason = "tests and benchmarks have it as a module of their own")]

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Event, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, StringValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

/// Six attributes of one application.
pub fn resource() -> Resource {
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

/// So many spans, the same for the same seed.
pub fn spans(rows: usize, seed: u64) -> Vec<SpanData> {
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
    let mut state = seed;
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
