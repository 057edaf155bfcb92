//! Straight into ClickHouse, in the tables of the OpenTelemetry collector's exporter.
//!
//! Whatever reads the collector's tables, Grafana's ClickHouse source and ClickStack among them, reads these.

mod columns;
mod compression;
mod encoder;
mod json;
mod rows;
mod schema;
mod table;
mod tables;
mod value;

pub use compression::Compression;
#[doc(hidden)]
pub use encoder::{Batch, Encoder, Format, Layout};
pub use schema::Schema;
pub use table::Table;
