use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;
use crate::export::receiver::{Behaviour, Receiver, timed};

/// Longer than any of these tests takes.
const LONG: Duration = Duration::from_secs(20);

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

/// Where nobody listens: the port of a service of old that the system gives to nobody who asks for any.
const NOBODY: &str = "http://127.0.0.1:9";

fn endpoint(url: &str) -> Endpoint {
    Endpoint::parse("the test", url, &["plain.invalid".to_owned()]).unwrap()
}

/// Half a second in all, so that tests of the deadline are quick.
fn quick() -> HttpSettings {
    HttpSettings {
        connect_timeout: Duration::from_millis(300),
        total_timeout: Duration::from_millis(500),
        ..HttpSettings::default()
    }
}

fn client(url: &str, settings: &HttpSettings) -> (HttpClient, Url) {
    let endpoint = endpoint(url);
    let target = endpoint.join("v1/logs");
    (HttpClient::new(&endpoint, settings).unwrap(), target)
}

fn post<'a>(url: &'a Url, body: &'static [u8]) -> Post<'a> {
    Post {
        url,
        content_type: "application/x-protobuf",
        content_encoding: None,
        headers: &[],
        body: Bytes::from_static(body),
    }
}

/// Posts a kilobyte once.
fn post_once(url: &str, settings: &HttpSettings) -> Result<Answer, HttpFailure> {
    let (client, url) = client(url, settings);
    block_on(client.post(post(&url, &[b'x'; 1024])))
}

#[test]
fn a_request_carries_these_headers_and_no_others() {
    let receiver = Receiver::start();
    let mut settings = HttpSettings::default();
    settings.bearer("secret");
    settings.header("X-Tenant", "acme");
    let (client, url) = client(&receiver.url(), &settings);
    let own = [(HeaderName::from_static("x-own"), HeaderValue::from_static("1"))];
    let request = Post { content_encoding: Some("zstd"), headers: &own, ..post(&url, b"x") };
    assert_eq!(block_on(client.post(request)).unwrap().status, 200);

    let requests = receiver.requests();
    let names: BTreeSet<_> = requests[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "accept",
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-own",
        "x-tenant",
    ];
    assert!(names.iter().eq(&expected), "{names:?}");
    assert_eq!(requests[0].header("authorization"), Some("Bearer secret"));
    assert_eq!(requests[0].header("user-agent"), Some(USER_AGENT));
    assert_eq!(requests[0].header("accept"), Some("*/*"));
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/v1/logs"));
}

#[test]
fn basic_authorization_is_sent() {
    let receiver = Receiver::start();
    let mut settings = HttpSettings::default();
    settings.basic("Aladdin", "open sesame");
    post_once(&receiver.url(), &settings).unwrap();
    // The example of RFC 7617.
    assert_eq!(receiver.requests()[0].header("authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
}

#[test]
fn a_connection_is_used_again_and_one_that_the_server_closed_is_not() {
    let receiver = Receiver::scripted([Behaviour::Ok, Behaviour::OkThenClose]);
    let (client, url) = client(&receiver.url(), &HttpSettings::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (connections, ends) in [(1, false), (1, true), (2, false), (2, false)] {
        let answer = runtime.block_on(client.post(post(&url, b"x"))).unwrap();
        assert_eq!((answer.status, receiver.connections()), (200, connections));
        // Nobody drives the runtime meanwhile, as between two uploads.
        assert!(!ends || receiver.wait_for_the_end(LONG), "the server closes it");
    }
}

#[test]
fn a_url_elsewhere_is_not_asked() {
    let (ours, theirs) = (Receiver::start(), Receiver::start());
    let (client, _) = client(&ours.url(), &HttpSettings::default());
    let url = endpoint(&theirs.url()).join("v1/logs");
    assert_eq!(block_on(client.post(post(&url, b"x"))).unwrap_err(), HttpFailure::ForeignUrl);
    assert_eq!((ours.connections(), theirs.connections()), (0, 0));
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::start();
    let target = format!("http://localhost:{}/v1/logs", elsewhere.port());
    let receiver = Receiver::always(Behaviour::RedirectTo(target));
    let answer = post_once(&receiver.url(), &HttpSettings::default()).unwrap();
    assert_eq!((answer.status, answer.redirect_to.as_deref()), (307, Some("localhost")));
    assert_eq!((elsewhere.connections(), elsewhere.bytes()), (0, 0));
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn a_hostile_redirect_cannot_speak_to_the_terminal() {
    for location in ["http://\u{1b}[2J/", "///", "", "javascript:alert(1)", "http://user:pw@x.example/?y"] {
        let location = [("location", location.to_owned())];
        let receiver = Receiver::always(Behaviour::Custom { status: 302, headers: location.to_vec(), body: vec![] });
        // A control character in a header is not HTTP, so that answer is none.
        let shown = post_once(&receiver.url(), &HttpSettings::default())
            .map_or(None, |answer| answer.redirect_to)
            .unwrap_or_default();
        assert!(!shown.contains(char::is_control) && !shown.contains("pw"), "{shown:?}");
    }
}

#[test]
fn a_hanging_server_is_left_at_the_deadline() {
    for behaviour in [Behaviour::Hang, Behaviour::Trickle] {
        let receiver = Receiver::always(behaviour.clone());
        let (result, took) = timed(|| post_once(&receiver.url(), &quick()));
        assert_eq!(result.unwrap_err(), HttpFailure::Timeout, "{behaviour:?}");
        assert!((500..5000).contains(&took.as_millis()), "{behaviour:?}: {took:?}");
    }
}

#[test]
fn a_server_that_does_not_accept_is_left_after_the_connect_timeout() {
    // Nobody takes connections from this queue, so a TLS handshake with it goes unanswered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let (client, url) = client(&url, &HttpSettings { total_timeout: LONG, ..quick() });
    let (result, took) = timed(|| block_on(client.post(post(&url, b"x"))));
    assert_eq!(result.unwrap_err(), HttpFailure::Timeout);
    assert!((300..5000).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn an_answers_status_is_kept_when_its_body_does_not_end() {
    for (behaviour, end, settings) in [
        (Behaviour::TrickleBody, BodyEnd::TimedOut, quick()),
        (Behaviour::CutBody, BodyEnd::Cut, HttpSettings::default()),
        (Behaviour::Huge(100 << 20), BodyEnd::TooLong, HttpSettings::default()),
        (Behaviour::HugeChunked(100 << 20), BodyEnd::TooLong, HttpSettings::default()),
    ] {
        let receiver = Receiver::always(behaviour.clone());
        let (answer, took) = timed(|| post_once(&receiver.url(), &settings));
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.end), (200, end), "{behaviour:?}");
        assert!(answer.body.len() <= ANSWER_CAP && took.as_millis() < 5000, "{behaviour:?}: {took:?}");
    }
}

#[test]
fn an_answer_up_to_the_cap_is_read_whole() {
    let receiver = Receiver::scripted([Behaviour::HugeChunked(ANSWER_CAP), Behaviour::HugeChunked(ANSWER_CAP + 1)]);
    let answer = post_once(&receiver.url(), &HttpSettings::default()).unwrap();
    assert_eq!((answer.body.len(), answer.end), (ANSWER_CAP, BodyEnd::Whole));
    assert_eq!(post_once(&receiver.url(), &HttpSettings::default()).unwrap().end, BodyEnd::TooLong);
}

#[test]
fn what_is_not_an_answer_is_a_failure() {
    for behaviour in [Behaviour::Rubbish, Behaviour::CloseBeforeAnswer, Behaviour::Reset] {
        let receiver = Receiver::always(behaviour.clone());
        assert_eq!(
            post_once(&receiver.url(), &HttpSettings::default()).unwrap_err(),
            HttpFailure::Cut,
            "{behaviour:?}"
        );
    }
    assert_eq!(post_once(NOBODY, &HttpSettings::default()).unwrap_err(), HttpFailure::Connect);
}

#[test]
fn a_name_without_an_address_is_a_failure_of_its_own() {
    // `.invalid` never resolves (RFC 6761), but where there is no network at all it may take its time.
    let failure = post_once("http://plain.invalid", &quick()).unwrap_err();
    assert!(matches!(failure, HttpFailure::Unresolved | HttpFailure::Timeout), "{failure:?}");
}

#[test]
fn retry_after_is_read_with_the_servers_own_date() {
    let date = |seconds: &str| format!("Wed, 21 Oct 2015 07:28:{seconds} GMT");
    let receiver = Receiver::scripted([
        Behaviour::RetryAfter(429, 7),
        Behaviour::Custom {
            status: 503,
            headers: vec![("date", date("00")), ("retry-after", date("30"))],
            body: b"later".to_vec(),
        },
        Behaviour::Status(503),
    ]);
    for (status, seconds) in [(429, Some(7)), (503, Some(30)), (503, None)] {
        let answer = post_once(&receiver.url(), &HttpSettings::default()).unwrap();
        assert_eq!((answer.status, answer.retry_after), (status, seconds.map(Duration::from_secs)));
    }
}

#[test]
fn the_media_type_is_read_without_parameters() {
    let headers = vec![("content-type", "Application/JSON; charset=utf-8".to_owned())];
    let receiver = Receiver::always(Behaviour::Custom { status: 200, headers, body: b"{}".to_vec() });
    let answer = post_once(&receiver.url(), &HttpSettings::default()).unwrap();
    assert_eq!(answer.content_type.as_deref(), Some("application/json"));
    assert_eq!(&answer.body[..], b"{}");
}

#[test]
fn no_compressed_answer_is_asked_for_and_none_unpacked() {
    let receiver = Receiver::start();
    let gzipped = crate::export::gzip::Gzip::default().compress(&[0; 10_000]).unwrap();
    let headers = vec![("content-encoding", "gzip".to_owned())];
    receiver.then([Behaviour::Custom { status: 200, headers, body: gzipped.to_vec() }]);
    let answer = post_once(&receiver.url(), &HttpSettings::default()).unwrap();
    assert_eq!((answer.status, answer.body), (200, gzipped));
    assert_eq!(receiver.requests()[0].header("accept-encoding"), None);
}

/// A server that speaks no newer TLS than that, and whose certificate nobody knows.
fn tls_server(version: &'static rustls::SupportedProtocolVersion) -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from(&include_bytes!("testdata/self-signed.der")[..]);
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(&include_bytes!("testdata/self-signed-key.der")[..]));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::Stream::new(&mut connection, &mut stream);
            let _ = tls.read(&mut [0; 1024]);
            let _ = tls.flush();
        }
    });
    format!("https://localhost:{port}")
}

fn tls_failure(url: &str, min_tls: MinTls) -> String {
    let settings = HttpSettings { min_tls, total_timeout: LONG, connect_timeout: LONG, ..HttpSettings::default() };
    match post_once(url, &settings).unwrap_err() {
        HttpFailure::Tls(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unknown_certificate_is_refused() {
    let why = tls_failure(&tls_server(&rustls::version::TLS13), MinTls::Tls13);
    assert!(why.contains("certificate"), "{why}");
}

#[test]
fn tls_1_2_is_refused_unless_it_is_permitted() {
    let old = tls_server(&rustls::version::TLS12);
    let why = tls_failure(&old, MinTls::Tls13);
    assert!(!why.contains("certificate") && why.to_lowercase().contains("version"), "{why}");
    // Permitted, the handshake gets as far as the certificate.
    let why = tls_failure(&old, MinTls::Tls12);
    assert!(why.contains("certificate"), "{why}");
}

const AUTHORITY: &[u8] = include_bytes!("testdata/authority.pem");
const CLIENT: (&[u8], &[u8]) = (include_bytes!("testdata/client.pem"), include_bytes!("testdata/client-key.pem"));

/// A server with a certificate of [`AUTHORITY`] that asks clients for one of the same authority.
fn private_config() -> rustls::ServerConfig {
    use rustls::pki_types::pem::PemObject as _;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY).unwrap()).unwrap();
    let clients = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(include_bytes!("testdata/server.pem")).unwrap()],
            PrivateKeyDer::from_pem_slice(include_bytes!("testdata/server-key.pem")).unwrap(),
        )
        .unwrap()
}

/// Such a server that answers 204.
fn private_server() -> String {
    let config = Arc::new(private_config());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::Stream::new(&mut connection, &mut stream);
            if tls.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                let _ = tls.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
            }
            let _ = tls.flush();
        }
    });
    format!("https://localhost:{port}")
}

#[test]
fn a_private_authority_and_a_client_certificate_are_used() {
    let url = private_server();
    let patient = || HttpSettings { connect_timeout: LONG, total_timeout: LONG, ..HttpSettings::default() };
    let mut settings = patient();
    settings.ca_certificate(AUTHORITY);
    let refused = post_once(&url, &settings).unwrap_err();
    assert!(matches!(refused, HttpFailure::Tls(_) | HttpFailure::Cut), "{refused:?}");
    settings.client_certificate(CLIENT.0, CLIENT.1);
    settings.checked().unwrap();
    assert_eq!(post_once(&url, &settings).unwrap().status, 204);
    // Shown to a server that nobody vouches for, it would be of no use: that connection never comes about.
    let mut stranger = patient();
    stranger.client_certificate(CLIENT.0, CLIENT.1);
    let why = post_once(&url, &stranger).unwrap_err();
    assert!(matches!(&why, HttpFailure::Tls(why) if why.contains("certificate")), "{why:?}");
}

#[test]
fn with_a_private_authority_no_other_is_trusted() {
    let mut settings = HttpSettings { connect_timeout: LONG, total_timeout: LONG, ..HttpSettings::default() };
    settings.ca_certificate(AUTHORITY);
    let failure = post_once(&tls_server(&rustls::version::TLS13), &settings).unwrap_err();
    assert!(matches!(&failure, HttpFailure::Tls(why) if why.contains("certificate")), "{failure:?}");
}

#[test]
fn clickhouses_own_headers_are_sent_and_read() {
    let receiver = Receiver::start();
    let headers = vec![
        ("x-clickhouse-exception-code", "252".to_owned()),
        ("x-clickhouse-summary", r#"{"written_rows":"7"}"#.to_owned()),
    ];
    receiver.then([Behaviour::Custom { status: 500, headers, body: b"Code: 252".to_vec() }]);
    let mut settings = HttpSettings::default();
    settings.clickhouse_user("otel", "hünter2");
    let answer = post_once(&receiver.url(), &settings).unwrap();
    assert_eq!((answer.status, answer.exception_code), (500, Some(252)));
    assert_eq!(answer.summary.as_deref(), Some(r#"{"written_rows":"7"}"#));
    let request = &receiver.requests()[0];
    assert_eq!(request.header("x-clickhouse-user"), Some("otel"));
    assert!(request.header("x-clickhouse-key").is_some_and(|key| key.contains("nter2")));
    assert_eq!(request.header("authorization"), None);
    assert!(!request.path.contains("nter2"));
}

#[test]
fn plain_http_on_an_encrypted_endpoints_port_is_a_failure() {
    let receiver = Receiver::always(Behaviour::Rubbish);
    let url = receiver.url().replace("http://127.0.0.1", "https://localhost");
    let failure = post_once(&url, &quick()).unwrap_err();
    assert!(matches!(failure, HttpFailure::Tls(_) | HttpFailure::Cut | HttpFailure::Timeout), "{failure:?}");
    assert!(receiver.requests().is_empty());
}

#[test]
fn debug_and_failures_name_no_path_and_no_secret() {
    let mut settings = HttpSettings::default();
    settings.bearer("hunter2");
    let (client, url) = client(&format!("{NOBODY}/hunter2"), &settings);
    let failure = block_on(client.post(post(&url, b"hunter2"))).unwrap_err();
    let shown = format!("{client:?} {failure:?} {failure}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

/// Runs an ignored test of this file in a process of its own, whose environment nobody else sees.
pub(in crate::export) fn in_a_process(test: &str, variables: &[(&str, &str)]) {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The full name of a test in the module where it stands.
macro_rules! name_of {
    ($test:ident) => {{
        let _: fn() = $test;
        let path = concat!(module_path!(), "::", stringify!($test));
        path.split_once("::").map_or(path, |(_, path)| path)
    }};
}
pub(in crate::export) use name_of;

/// An environment in which everything goes through this proxy.
fn behind(proxy: &str) -> Vec<(&str, &str)> {
    let variables = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    variables.into_iter().map(|name| (name, proxy)).chain([("no_proxy", ""), ("NO_PROXY", "")]).collect()
}

#[test]
fn a_proxy_on_this_machine_is_used_but_never_for_this_machine() {
    let proxy = Receiver::start();
    in_a_process(name_of!(send_to_this_machine_and_elsewhere), &behind(&proxy.url()));
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(requests[0].path, "http://plain.invalid/v1/logs");
}

#[test]
#[ignore = "needs the environment that its caller sets"]
fn send_to_this_machine_and_elsewhere() {
    let receiver = Receiver::start();
    assert_eq!(post_once(&receiver.url(), &HttpSettings::default()).unwrap().status, 200);
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(post_once("http://plain.invalid", &HttpSettings::default()).unwrap().status, 200);
    #[cfg(feature = "otlp-grpc")]
    {
        http2::this_machine();
        http2::elsewhere();
    }
}

/// A proxy at an address of this machine that is not loopback; none where there is no network. Tells what it is asked for.
fn proxy_elsewhere() -> Option<(String, std::sync::mpsc::Receiver<String>)> {
    // Connecting a UDP socket sends nothing.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let listener = TcpListener::bind((socket.local_addr().ok()?.ip(), 0)).ok()?;
    let url = format!("http://{}", listener.local_addr().ok()?);
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).unwrap_or_default();
            let asked = String::from_utf8_lossy(&bytes[..read]).lines().next().unwrap_or_default().to_owned();
            if tell.send(asked).is_err() {
                return;
            }
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        }
    });
    Some((url, told))
}

/// How a process does whose proxy is elsewhere; what that was asked for.
fn asked_of_a_proxy_elsewhere(test: &str, variables: impl Fn(&str) -> Vec<(&'static str, String)>) -> Vec<String> {
    let Some((url, told)) = proxy_elsewhere() else { return Vec::new() };
    let host = url.trim_start_matches("http://").split(':').next().unwrap_or_default();
    let more = variables(host);
    let environment = behind(&url).into_iter().chain(more.iter().map(|(name, value)| (*name, value.as_str())));
    in_a_process(test, &environment.collect::<Vec<_>>());
    told.try_iter().collect()
}

#[test]
fn what_is_not_encrypted_is_shown_to_no_proxy_elsewhere() {
    let asked = asked_of_a_proxy_elsewhere(name_of!(send_past_the_proxy), |_| vec![]);
    assert_eq!(asked, [""; 0]);
}

#[test]
#[ignore = "needs the environment that its caller sets"]
fn send_past_the_proxy() {
    let failure = post_once("http://plain.invalid", &quick()).unwrap_err();
    assert!(matches!(failure, HttpFailure::Unresolved | HttpFailure::Timeout), "{failure:?}");
}

const NAMED: &str = "TRACING_PRIVACY_TEST_NAMED";

#[test]
fn a_proxy_that_is_named_may_see_it_and_an_encrypted_connection_goes_through_any() {
    if proxy_elsewhere().is_none() {
        return;
    }
    let asked = asked_of_a_proxy_elsewhere(name_of!(send_through_the_proxy), |host| vec![(NAMED, host.to_owned())]);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[0].starts_with("POST http://plain.invalid/v1/logs "), "{asked:?}");
    assert!(asked[1].starts_with("CONNECT secret.invalid:443 "), "{asked:?}");
}

#[test]
#[ignore = "needs the environment that its caller sets"]
fn send_through_the_proxy() {
    let listed = ["plain.invalid".to_owned(), std::env::var(NAMED).unwrap()];
    let endpoint = Endpoint::parse("the test", "http://plain.invalid", &listed).unwrap();
    let client = HttpClient::new(&endpoint, &HttpSettings::default()).unwrap();
    let answer = block_on(client.post(post(&endpoint.join("v1/logs"), b"x"))).unwrap();
    assert_eq!(answer.status, 204);
    // The proxy takes its answer for a tunnel, and nobody is at its end.
    post_once("https://secret.invalid", &quick()).unwrap_err();
}

#[cfg(feature = "otlp-grpc")]
mod http2 {
    use super::*;
    use crate::export::grpc_receiver::{Collector, Reply};

    /// The status of HTTP, and that of gRPC.
    fn call(collector: &Collector, settings: &HttpSettings) -> Result<(u16, String), HttpFailure> {
        let endpoint = endpoint(&collector.url());
        let mut client = Http2Client::new(&endpoint, settings).unwrap();
        let url = endpoint.join("opentelemetry.proto.collector.logs.v1.LogsService/Export");
        let (answer, fields) = block_on(client.call(post(&url, &[0; 5])))?;
        Ok((answer.status, fields["grpc-status"].to_str().unwrap().to_owned()))
    }

    pub(super) fn this_machine() {
        assert_eq!(call(&Collector::start(), &HttpSettings::default()).unwrap(), (200, "0".to_owned()));
    }

    /// Without encryption no proxy is asked, also not one on this machine.
    pub(super) fn elsewhere() {
        let endpoint = endpoint("http://plain.invalid");
        let mut client = Http2Client::new(&endpoint, &quick()).unwrap();
        let failure = block_on(client.call(post(&endpoint.join("logs"), &[0; 5]))).unwrap_err();
        assert!(matches!(failure, HttpFailure::Unresolved | HttpFailure::Timeout), "{failure:?}");
    }

    fn encrypted(protocol: &[u8]) -> Collector {
        let mut config = private_config();
        config.alpn_protocols = vec![protocol.to_vec()];
        Collector::encrypted(config)
    }

    #[test]
    fn a_private_authority_and_a_client_certificate_are_used() {
        let collector = encrypted(b"h2");
        let mut settings = HttpSettings { connect_timeout: LONG, total_timeout: LONG, ..HttpSettings::default() };
        let nobody_vouches = call(&collector, &settings).unwrap_err();
        assert!(matches!(&nobody_vouches, HttpFailure::Tls(why) if why.contains("certificate")), "{nobody_vouches:?}");
        settings.ca_certificate(AUTHORITY);
        let refused = call(&collector, &settings).unwrap_err();
        assert!(matches!(refused, HttpFailure::Tls(_) | HttpFailure::Cut), "{refused:?}");
        settings.client_certificate(CLIENT.0, CLIENT.1);
        assert_eq!(call(&collector, &settings).unwrap(), (200, "0".to_owned()));
        assert_eq!((collector.requests().len(), collector.requests()[0].body.len()), (1, 0));
    }

    #[test]
    fn an_encrypted_server_without_http_2_is_not_spoken_to() {
        let mut settings = HttpSettings { connect_timeout: LONG, total_timeout: LONG, ..HttpSettings::default() };
        settings.ca_certificate(AUTHORITY);
        settings.client_certificate(CLIENT.0, CLIENT.1);
        let collector = encrypted(b"http/1.1");
        let failure = call(&collector, &settings).unwrap_err();
        assert!(matches!(failure, HttpFailure::Tls(_)), "{failure:?}");
        assert!(collector.requests().is_empty());
    }

    #[test]
    fn a_status_behind_the_body_is_one_in_the_head() {
        for reply in [Reply::Status(14), Reply::LateStatus(14)] {
            let collector = Collector::always(reply);
            assert_eq!(call(&collector, &HttpSettings::default()).unwrap(), (200, "14".to_owned()));
        }
    }

    #[test]
    fn a_hanging_server_is_left_at_the_deadline() {
        let collector = Collector::scripted([Reply::Hang, Reply::HangAfterHead]);
        let (result, took) = timed(|| call(&collector, &quick()));
        assert_eq!(result.unwrap_err(), HttpFailure::Timeout);
        assert!((500..5000).contains(&took.as_millis()), "{took:?}");
        let endpoint = endpoint(&collector.url());
        let mut client = Http2Client::new(&endpoint, &quick()).unwrap();
        let url = endpoint.join("logs");
        let ((answer, _), took) = timed(|| block_on(client.call(post(&url, &[0; 5]))).unwrap());
        assert_eq!((answer.status, answer.end), (200, BodyEnd::TimedOut));
        assert!((500..5000).contains(&took.as_millis()), "{took:?}");
    }

    #[test]
    fn a_url_elsewhere_is_not_asked() {
        let (ours, theirs) = (Collector::start(), Collector::start());
        let mut client = Http2Client::new(&endpoint(&ours.url()), &HttpSettings::default()).unwrap();
        let url = endpoint(&theirs.url()).join("logs");
        assert_eq!(block_on(client.call(post(&url, &[0; 5]))).unwrap_err(), HttpFailure::ForeignUrl);
        assert_eq!((ours.connections(), theirs.connections()), (0, 0));
    }
}
