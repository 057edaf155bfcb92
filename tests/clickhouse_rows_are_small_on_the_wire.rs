//! A row with random ids is at most 100 bytes on its way to ClickHouse with zstd, of which the ids and a pseudonym are 40 that
//! nothing can shorten. In the layer's default batch of 100 rows, where less of it repeats, it is at most 105.
#![cfg(feature = "zstd")]

#[path = "support/orders.rs"]
mod orders;

use tracing_privacy::clickhouse::{Compression, Encoder};

#[test]
fn a_row_is_at_most_a_hundred_bytes() {
    for (rows, most) in [(100, 105), (512, 100), (10_000, 100)] {
        let encoder = Encoder::default().compression(Compression::Zstd);
        let batches = encoder.spans(&orders::spans(rows, 1), &orders::resource());
        let bytes: usize = batches.iter().map(|batch| batch.body.len()).sum();
        assert!(bytes <= most * rows, "{rows} rows: {} bytes each", bytes as f64 / rows as f64);
    }
}
