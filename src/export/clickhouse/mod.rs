//! Straight into ClickHouse, in the tables of the OpenTelemetry collector's exporter.
//!
//! Whatever reads the collector's tables, Grafana's ClickHouse source and ClickStack among them, reads these.

mod backlog;
mod blocks;
mod client;
mod columns;
mod compression;
mod cut;
mod encoder;
mod errors;
mod exporter;
mod insert;
mod json;
mod length;
mod low_cardinality;
mod native;
mod probe;
mod rows;
mod runs;
mod schema;
mod sender;
mod settings;
mod status;
mod table;
mod tables;
mod target;
mod uplink;
mod value;
mod worker;

pub use compression::Compression;
pub use encoder::Format;
#[doc(hidden)]
pub use encoder::{Batch, Encoder, Layout};
pub use exporter::ClickHouseExporter;
pub use schema::Schema;
pub use settings::{ClickHouseBuilder, SettingError};
pub use status::ClickHouseStatus;
pub use table::Table;
pub use target::CreateSchema;
pub(crate) use uplink::{Inserts, Uplink};
