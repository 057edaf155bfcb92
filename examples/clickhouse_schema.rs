//! Prints the statements that create the tables, for operators who own their DDL.
//!
//! ```sh
//! cargo run --example clickhouse_schema -- telemetry > schema.sql
//! ```
//!
//! The one argument is the database; `default` without it. Names, retention and a cluster are [`Schema`]'s.

use tracing_privacy::clickhouse::Schema;

fn main() {
    let database = std::env::args().nth(1).unwrap_or_else(|| "default".to_owned());
    print!("{}", Schema::new().database(&database).to_sql());
}
