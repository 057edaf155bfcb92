//! A home directory of a test's own, and an environment in which its user has said yes.

#![allow(dead_code, reason = "each test uses a part")]

#[allow(clippy::duplicate_mod, reason = "a test may use several that use it")]
#[path = "midnight.rs"]
mod midnight;

use std::fs;
use std::path::{Path, PathBuf};

use tracing_privacy::Environment;

/// An empty home directory.
pub fn home(name: &str) -> PathBuf {
    midnight::pass();
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).expect("the test's directory can be made");
    home
}

/// An environment with nothing in it but this home and the user's yes.
pub fn yes(prefix: &str, home: &Path) -> Environment {
    Environment::fixed([(format!("{prefix}_TELEMETRY_ENABLED"), "true")]).home(home)
}

/// Shows every file below a directory.
pub fn each_file(directory: &Path, show: &mut dyn FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(directory).expect("the directory can be read") {
        let path = entry.expect("the directory can be read").path();
        match path.is_dir() {
            true => each_file(&path, show),
            false => show(&path, &fs::read(&path).expect("the file can be read")),
        }
    }
}
