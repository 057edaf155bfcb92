//! A real `clickhouse-server` as Debian 12 ships it (18.16.1, of 2018), started for one test.
//!
//! It knows no `Map`, no `DateTime64`, no deduplication token and none of today's settings. What it has is a server's own HTTP: its
//! users, its keep-alive, its error texts, and a process that can be killed while it writes.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

#[allow(clippy::duplicate_mod, reason = "a test may use several of them")]
#[path = "ports.rs"]
mod ports;

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ports::free_port;

const LONG: Duration = Duration::from_secs(60);

/// A running server, killed when dropped. Its user `otel` has the password `right`, and `reader` may not write.
#[derive(Debug)]
pub struct OldClickHouse {
    home: PathBuf,
    port: u16,
    process: Child,
}

impl OldClickHouse {
    /// A server with an empty data directory of its own, which is removed with it.
    pub fn start(name: &str) -> Self {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("old-clickhouse-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(home.join("data/tmp")).expect("cargo gives tests a directory to write to");
        fs::write(home.join("users.xml"), USERS).expect("the directory is new");
        let (port, other) = (free_port(), free_port());
        let path = home.display();
        let config = format!(
            "<yandex><logger><level>fatal</level><console>1</console></logger><http_port>{port}</http_port>\
             <tcp_port>{other}</tcp_port><listen_host>127.0.0.1</listen_host><path>{path}/data/</path>\
             <tmp_path>{path}/data/tmp/</tmp_path><users_config>users.xml</users_config>\
             <default_profile>default</default_profile><default_database>default</default_database>\
             <mark_cache_size>1000000</mark_cache_size><keep_alive_timeout>1</keep_alive_timeout></yandex>"
        );
        fs::write(home.join("config.xml"), config).expect("the directory is new");
        let process = spawn(&home);
        let mut server = OldClickHouse { home, port, process };
        server.await_start();
        server
    }

    /// The address, as `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill().expect("it is ours");
        self.process.wait().expect("it is ours");
    }

    /// Stops it for as long as it is not killed: it takes connections and bytes, and does nothing.
    pub fn freeze(&self) {
        let stop = Command::new("kill").args(["-STOP", &self.process.id().to_string()]).status();
        assert!(stop.expect("there is a kill").success());
    }

    /// Starts it again with the same data and address.
    pub fn restart(&mut self) {
        self.process = spawn(&self.home);
        self.await_start();
    }

    /// What a statement answers, as tab separated text.
    ///
    /// # Panics
    /// The server refuses it.
    pub fn query(&self, sql: &str) -> String {
        let answer = self.exchange("/", sql.len(), sql.as_bytes()).unwrap_or_default();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        assert!(head.contains(" 200 "), "{sql}: {answer}");
        body.trim_end_matches('\n').to_owned()
    }

    /// Sends a request whose body is said to have this length, and closes the connection's way there after it; what is
    /// answered, with headers.
    ///
    /// # Errors
    /// The server is not there, or ends the connection.
    pub fn exchange(&self, path: &str, length: usize, body: &[u8]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(LONG))?;
        // Version 1.0, in which nothing is chunked.
        let mut head = format!("POST {path} HTTP/1.0\r\nHost: localhost\r\n");
        let _ = write!(head, "Content-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Connections to it that are open on both sides.
    pub fn connections(&self) -> usize {
        const ESTABLISHED: &str = "01";
        let port = format!(":{:04X}", self.port);
        let table = fs::read_to_string("/proc/net/tcp").expect("Linux tells its connections");
        let is_ours = |line: &&str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields.get(2).is_some_and(|to| to.ends_with(&port)) && fields.get(3) == Some(&ESTABLISHED)
        };
        table.lines().filter(is_ours).count()
    }

    fn await_start(&mut self) {
        let end = Instant::now() + LONG;
        while self.exchange("/", 8, b"SELECT 1").map_or(true, |answer| !answer.contains(" 200 ")) {
            assert!(matches!(self.process.try_wait(), Ok(None)), "it ended; its output is above");
            assert!(Instant::now() < end, "it does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for OldClickHouse {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.home);
    }
}

fn spawn(home: &Path) -> Child {
    let mut command = Command::new("clickhouse-server");
    command.arg(format!("--config-file={}", home.join("config.xml").display()));
    let log = fs::File::create(home.join("log")).expect("the directory is ours");
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("files can be shared")).stderr(log);
    command.spawn().unwrap_or_else(|error| {
        panic!(
            "clickhouse-server cannot be run: {error}. The tests with real components need Debian's package of this name \
             (apt-get install clickhouse-server). Without them, run `cargo test` instead of `cargo test --all-features`"
        )
    })
}

const USERS: &str = "<yandex><profiles><default/><reader><readonly>1</readonly></reader></profiles><users>\
    <default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>\
    <otel><password>right</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></otel>\
    <reader><password></password><networks><ip>127.0.0.1</ip></networks><profile>reader</profile><quota>default</quota></reader>\
    </users><quotas><default/></quotas></yandex>";
