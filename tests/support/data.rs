//! A data directory that outlives the engine that writes to it.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

#[allow(clippy::duplicate_mod, reason = "a test may use several of them")]
#[path = "ports.rs"]
mod ports;

use std::path::{Path, PathBuf};

pub use ports::free_port;

/// A directory of a test's own, removed with it. It is made by who uses it.
pub struct Data(PathBuf);

impl Data {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clickhouse-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Data(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn text(&self) -> &str {
        self.0.to_str().expect("its name is ours")
    }

    /// The highest block number of all parts of tables with daily partitions: their names are `PARTITION_FIRST_LAST_LEVEL`.
    pub fn newest_part(&self) -> u64 {
        newest_part(&self.0)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
        let _ = std::fs::remove_dir_all(self.0.with_extension("http-tmp"));
    }
}

fn newest_part(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    let newest = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| {
        let name = entry.file_name();
        let mut words = name.to_str().unwrap_or_default().split('_');
        let partition = words.next().unwrap_or_default();
        match (words.next(), words.next().map(str::parse)) {
            (Some(_), Some(Ok(last))) if partition.len() == 8 => last,
            _ => newest_part(&entry.path()),
        }
    });
    newest.max().unwrap_or(0)
}
