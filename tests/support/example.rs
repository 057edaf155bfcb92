//! The examples as their users run them: as processes, each in a home directory of its own.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

#[allow(clippy::duplicate_mod, reason = "a test may use several that use it")]
#[path = "midnight.rs"]
mod midnight;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the shop of the examples logs and nobody but the shop may see, piece by piece: also what is left when somebody
/// cuts a secret in two, or takes the spaces out of it.
pub const PLANTED: &[&str] = &[
    "ann.lee",
    "bob.stone",
    "eve.moreau",
    "example.com",
    "example.org",
    "example.net",
    "correct-horse-battery",
    "20 7946",
    "7946 0958",
    // Whole: eight digits alone are also those of a time or of a random id, now and then.
    "442079460958",
    "202-555-0143",
    "555-0143",
    "203.0.113.42",
    "203.0.113",
    "2001:db8:85a3",
    "198.51.100.23",
    "4111 1111",
    "4111111111111111",
    "5555 5555",
    "5555555555554444",
    "4000 0000 0000 0002",
    "4000000000000002",
    "/home/annlee",
    "annlee",
    "AKIA2E0A8F3B244C9986",
    "8F3B244C9986",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
    "eyJzdWIiOiI0NzEyIiwibmFtZSI6IkJvYiBTdG9uZSJ9",
    "dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXkkk",
];

/// What the shop logs and everybody may see.
pub const HARMLESS: &[&str] = &[
    "shop is open",
    "order placed, receipt goes to",
    "accepted",
    "acme-pay",
    "gateway declined card",
    "took_ms",
    "plan",
];

/// The ids of the shop's customers, order by order.
pub const CUSTOMERS: [&str; 4] = ["4711", "4712", "4711", "4713"];

/// An example, ready to be run.
#[derive(Debug, Clone)]
pub struct Example {
    name: &'static str,
    home: Home,
    variables: Vec<(String, String)>,
}

/// What a run said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A home directory, removed when the test is over, and the directory beside it that the example runs in.
#[derive(Debug, Clone)]
pub struct Home(std::sync::Arc<Removed>);

#[derive(Debug)]
struct Removed(PathBuf);

impl Example {
    /// In an empty home directory and without a single variable but `HOME`.
    pub fn new(name: &'static str) -> Self {
        Example { name, home: Home::new(name), variables: Vec::new() }
    }

    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file below the home directory, for the example to find.
    pub fn file(self, path: &str, contents: &str) -> Self {
        let path = self.home.path().join(path);
        fs::create_dir_all(path.parent().expect("it is below the home directory")).expect("the home can be written to");
        fs::write(path, contents).expect("the home can be written to");
        self
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    pub fn run(&self) -> Said {
        self.finish(Command::new(binary(self.name)).stdin(Stdio::null()))
    }

    /// The program, for what the other methods cannot do.
    pub fn binary(&self) -> PathBuf {
        binary(self.name)
    }

    /// Runs it with arguments, and with this on stdin.
    pub fn filter(&self, arguments: &[&str], input: &[u8]) -> Said {
        let file = self.home.beside().join("input");
        fs::write(&file, input).expect("the home can be written to");
        let input = fs::File::open(&file).expect("it was just written");
        self.finish(Command::new(binary(self.name)).args(arguments).stdin(input))
    }

    /// Runs it under `strace`: the calls that it made, of those that [`deeds`] knows, and what it said. `None` where there is
    /// no `strace`, or where it may not trace.
    pub fn trace(&self) -> Option<(String, Said)> {
        let log = self.home.0.0.join("strace.log");
        let strace = || {
            let mut strace = Command::new("strace");
            strace.args(["-f", "-qq", "-e", &format!("trace={CALLS}"), "-o"]).arg(&log);
            strace
        };
        let works = strace().arg("true").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !works.is_ok_and(|status| status.success()) {
            let remedy = "install it, and allow ptrace (in a container: --cap-add=SYS_PTRACE)";
            assert!(std::env::var_os("CI").is_none(), "strace is not installed or may not trace here: {remedy}");
            eprintln!("note: strace is not installed or may not trace here, so system calls were not looked at");
            return None;
        }
        let said = self.finish(strace().arg(binary(self.name)).env("PATH", search_path()).stdin(Stdio::null()));
        Some((fs::read_to_string(log).expect("strace wrote its log"), said))
    }

    /// Runs a line that the example printed, as a user would who copied it.
    pub fn shell(&self, line: &str) -> Said {
        self.finish(Command::new("sh").args(["-c", line]).env("PATH", search_path()).stdin(Stdio::null()))
    }

    fn finish(&self, command: &mut Command) -> Said {
        let path = command.get_envs().find_map(|(name, value)| (name == "PATH").then(|| value.map(ToOwned::to_owned)));
        command.env_clear().envs(path.flatten().map(|path| ("PATH", path)));
        command.env("HOME", self.home.path()).env("TMPDIR", self.home.beside());
        command.envs(self.variables.iter().cloned()).current_dir(self.home.beside());
        let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
        Said {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("examples print UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("examples print UTF-8"),
        }
    }
}

impl Said {
    /// The number after a label at the start of a line.
    pub fn number(&self, label: &str) -> u64 {
        let line = self.stdout.lines().find_map(|line| line.strip_prefix(label));
        let number = line.and_then(|rest| rest.trim_start_matches(':').trim().parse().ok());
        number.unwrap_or_else(|| panic!("no number after {label:?} in\n{}\n{}", self.stdout, self.stderr))
    }
}

impl Home {
    fn new(name: &str) -> Self {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        midnight::pass();
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&place);
        for directory in ["home", "beside"] {
            fs::create_dir_all(place.join(directory)).expect("cargo gives tests a directory to write to");
        }
        Home(std::sync::Arc::new(Removed(place)))
    }

    pub fn path(&self) -> PathBuf {
        self.0.0.join("home")
    }

    /// The working directory, which is the temporary directory as well.
    fn beside(&self) -> PathBuf {
        self.0.0.join("beside")
    }

    /// Everything that exists in the home, in the working directory and in the temporary directory.
    pub fn paths(&self) -> BTreeSet<PathBuf> {
        fn walk(directory: &Path, paths: &mut BTreeSet<PathBuf>) {
            for entry in fs::read_dir(directory).expect("a test's directory can be read") {
                let path = entry.expect("a test's directory can be read").path();
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, paths);
                }
                paths.insert(path);
            }
        }
        let mut paths = BTreeSet::new();
        walk(&self.path(), &mut paths);
        walk(&self.beside(), &mut paths);
        paths
    }

    /// Every file with its bytes.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = self.paths().into_iter().filter(|path| path.is_file());
        files.map(|path| (path.clone(), fs::read(path).expect("a test's file can be read"))).collect()
    }
}

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn contains(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

/// The calls by which a process makes threads and processes, talks to others, and makes or changes files.
const CALLS: &str = "clone,clone3,fork,vfork,execve,socket,socketpair,bind,connect,sendto,sendmsg,open,openat,openat2,creat,\
                     mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,\
                     truncate,ftruncate,chmod,fchmod,fchmodat";

/// What a trace shows besides reading: threads and processes, sockets, and whatever makes or changes a file.
pub fn deeds(log: &str) -> Vec<&str> {
    let reads = |line: &str| {
        let opens = line.contains("open(") || line.contains("openat(");
        let writes = ["O_CREAT", "O_WRONLY", "O_RDWR"].iter().any(|flag| line.contains(flag));
        // The terminal, the null device and the like are nobody's data.
        opens && (!writes || line.contains("\"/dev/"))
    };
    let called = |line: &str| line.contains('(') && !line.contains("resumed>");
    log.lines().filter(|line| called(line) && !reads(line)).collect()
}

fn search_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

/// Where cargo puts examples: beside the directory of the test binaries.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.parent().and_then(Path::parent).expect("cargo puts tests into target/<profile>/deps");
    let binary = profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        binary.exists(),
        "{} is not there: `cargo test --test <name>` alone builds no examples. Run `cargo test`, or add `--examples`",
        binary.display()
    );
    binary
}
