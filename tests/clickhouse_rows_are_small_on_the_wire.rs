//! A row whose trace, span and parent ids are random (32 bytes that nothing can shorten) is at most 100 bytes on its way to
//! ClickHouse with zstd, also in the layer's default batch of 100 rows; with a random pseudonym beside them (8 bytes more) at
//! most 105 there.
#![cfg(feature = "zstd")]

#[path = "support/orders.rs"]
mod orders;

use opentelemetry_sdk::trace::SpanData;
use tracing_privacy::clickhouse::{Compression, Encoder};

fn bytes_of_a_row(spans: &[SpanData]) -> f64 {
    let encoder = Encoder::default().compression(Compression::Zstd);
    let batches = encoder.spans(spans, &orders::resource());
    batches.iter().map(|batch| batch.body.len()).sum::<usize>() as f64 / spans.len() as f64
}

#[test]
fn a_row_is_at_most_a_hundred_bytes() {
    for (rows, most) in [(100, 105.0), (512, 100.0), (10_000, 100.0)] {
        let mut spans = orders::spans(rows, 1);
        let with_pseudonyms = bytes_of_a_row(&spans);
        // Of ten users, as a shop has them at a time.
        for (number, span) in spans.iter_mut().enumerate() {
            let user = span.attributes.iter_mut().find(|attribute| attribute.key.as_str() == "user_id_hash");
            user.expect("every span has one").value = format!("{:016x}", number % 10).into();
        }
        let with_ids_alone = bytes_of_a_row(&spans);
        println!("{rows} rows: {with_ids_alone:.1} bytes each, {with_pseudonyms:.1} with random pseudonyms");
        assert!(with_pseudonyms <= most && with_ids_alone <= 100.0, "{rows}: {with_pseudonyms} {with_ids_alone}");
    }
}
