use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::app::Timestamp;
use crate::export::http::tests::{in_a_process, name_of};
use crate::export::receiver::{Behaviour, Receiver, Span, Value};
use crate::privacy::{Chunk, Engine, Policy, Pseudonymizer, Readmitter, Resource};
use crate::record::Batch;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Records of one resource, read from rows as the store holds them.
struct Records {
    chunk: Chunk,
    resource: Arc<Resource>,
}

impl Records {
    fn read<'a>(rows: impl IntoIterator<Item = &'a str>) -> Self {
        let engine = Engine { policy: Policy::standard(), pseudonyms: Pseudonymizer::with_key(&[7; 32]) };
        let mut readmitter = Readmitter::new(Arc::new(engine));
        let mut records = Self { chunk: Chunk::with_capacity(0), resource: Arc::default() };
        for row in rows {
            let readmitted = readmitter.readmit(row).unwrap_or_else(|why| panic!("{why:?}: {row}"));
            records.chunk.append(readmitted.clean);
            records.resource = readmitted.resource;
        }
        records
    }

    fn iter(&self) -> impl Iterator<Item = RecordRef<'_>> {
        Batch { chunk: &self.chunk, plans: None, resource: &self.resource, zero: Timestamp::from_nanos(0) }.records()
    }
}

fn log(rest: &str) -> String {
    let start = r#"{"kind":"log","time":"2026-01-02T03:04:05.000000006Z","level":"INFO","target":"acme::shop""#;
    let resource = r#""resource":{"service.name":"acme","service.version":"1.2.3"}"#;
    format!("{start},{rest},{resource}}}")
}

fn span(rest: &str) -> String {
    let start = r#"{"kind":"span","start":"2026-01-02T03:04:05Z","end":"2026-01-02T03:04:06.5Z","level":"INFO""#;
    let resource = r#""resource":{"service.name":"acme","service.version":"1.2.3"}"#;
    format!(r#"{start},"name":"checkout","target":"acme::shop","trace_id":"{TRACE}",{rest},{resource}}}"#)
}

fn exporter(receiver: &Receiver) -> OtlpExporter {
    let endpoint = Endpoint::parse("the test", &receiver.url(), &[]).unwrap();
    OtlpExporter::new(endpoint, OtlpSettings::default()).unwrap()
}

/// Seals all records of a kind.
fn seal(exporter: &mut OtlpExporter, records: &Records) -> Sealed {
    exporter.seal(&records.iter().collect::<Vec<_>>()).unwrap()
}

fn send(exporter: &mut OtlpExporter, sealed: &Sealed) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(exporter.send(sealed))
}

fn delivered() -> Outcome {
    Outcome::Delivered { rejected: 0, message: None }
}

/// Seals and sends, and returns what arrived.
fn deliver(records: &Records) -> Receiver {
    let receiver = Receiver::start();
    let mut exporter = exporter(&receiver);
    for signal in [Signal::Log, Signal::Span] {
        let records: Vec<_> = records.iter().filter(|record| record.signal() == signal).collect();
        if !records.is_empty() {
            let sealed = exporter.seal(&records).unwrap();
            assert_eq!(send(&mut exporter, &sealed), delivered());
        }
    }
    receiver
}

fn map<const N: usize>(pairs: [(&str, Value); N]) -> BTreeMap<String, Value> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[test]
fn an_event_arrives_as_the_log_record_that_it_was() {
    let row = log(&format!(
        r#""name":"order","body":"order placed","trace_id":"{TRACE}","span_id":"b7ad6b7169203331","attributes":
        {{"plan":"pro","items":3,"big":18446744073709551615,"negative":-5,"ratio":0.5,"gift":true}}"#
    ));
    let receiver = deliver(&Records::read([row.as_str()]));
    let logs = receiver.logs();
    let [log] = logs.as_slice() else { panic!("{logs:?}") };
    assert_eq!(log.resource, map([("service.name", "acme".into()), ("service.version", "1.2.3".into())]));
    assert_eq!((log.scope.as_str(), log.name.as_str()), ("acme::shop", "order"));
    assert_eq!((log.severity.as_str(), log.severity_number), ("INFO", 9));
    assert_eq!(log.body.as_deref(), Some("order placed"));
    let expected = map([
        ("plan", "pro".into()),
        ("items", Value::Int(3)),
        ("big", "18446744073709551615".into()),
        ("negative", Value::Int(-5)),
        ("ratio", Value::Double(0.5)),
        ("gift", Value::Bool(true)),
    ]);
    assert_eq!(log.attributes, expected);
    assert_eq!(log.unix_nanos, 1_767_323_045_000_000_006);
    assert_eq!((log.trace_id.as_str(), log.span_id.as_str(), log.flags), (TRACE, "b7ad6b7169203331", 1));
}

#[test]
fn an_event_outside_spans_has_no_trace() {
    let row = log(r#""attributes":{}"#);
    let logs = deliver(&Records::read([row.as_str()])).logs();
    assert_eq!((logs[0].trace_id.as_str(), logs[0].span_id.as_str(), logs[0].flags), ("", "", 0));
    assert_eq!((logs[0].name.as_str(), &logs[0].body), ("", &None));
}

#[test]
fn a_span_arrives_as_the_span_that_it_was() {
    let row = span(
        r#""span_id":"b7ad6b7169203331","parent_span_id":"00f067aa0ba902b7","span_kind":"client","status":"error",
        "status_message":"no stock","attributes":{"plan":"pro","items":3,"big":18446744073709551615,"ratio":0.5,
        "gift":true},"dropped_attributes":2,
        "links":[{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}]"#,
    );
    let spans = deliver(&Records::read([row.as_str()])).spans();
    let expected = Span {
        resource: map([("service.name", "acme".into()), ("service.version", "1.2.3".into())]),
        scope: "acme::shop".to_owned(),
        name: "checkout".to_owned(),
        kind: 3,
        attributes: map([
            ("plan", "pro".into()),
            ("items", Value::Int(3)),
            ("big", "18446744073709551615".into()),
            ("ratio", Value::Double(0.5)),
            ("gift", Value::Bool(true)),
        ]),
        start_unix_nanos: 1_767_323_045_000_000_000,
        end_unix_nanos: 1_767_323_046_500_000_000,
        trace_id: TRACE.to_owned(),
        span_id: "b7ad6b7169203331".to_owned(),
        parent_span_id: "00f067aa0ba902b7".to_owned(),
        links: vec![("4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), "00f067aa0ba902b7".to_owned())],
        events: vec![],
        status: 2,
        status_message: "no stock".to_owned(),
        dropped_attributes: 2,
        // Sampled, and known to have no remote parent.
        flags: 0x101,
    };
    assert_eq!(spans, [expected]);
}

#[test]
fn kinds_statuses_and_levels_arrive_as_their_own_numbers() {
    for (kind, number) in [("server", 2), ("client", 3), ("producer", 4), ("consumer", 5), ("internal", 1)] {
        let row = span(&format!(r#""span_id":"b7ad6b7169203331","span_kind":"{kind}","attributes":{{}}"#));
        assert_eq!(deliver(&Records::read([row.as_str()])).spans()[0].kind, number, "{kind}");
    }
    for (status, number) in [("ok", 1), ("error", 2), ("unset", 0)] {
        let row = span(&format!(r#""span_id":"b7ad6b7169203331","status":"{status}","attributes":{{}}"#));
        let spans = deliver(&Records::read([row.as_str()])).spans();
        assert_eq!((spans[0].status, spans[0].parent_span_id.as_str()), (number, ""), "{status}");
    }
    for (level, number) in [("TRACE", 1), ("DEBUG", 5), ("INFO", 9), ("WARN", 13), ("ERROR", 17)] {
        let row = log(r#""attributes":{}"#).replace("INFO", level);
        let logs = deliver(&Records::read([row.as_str()])).logs();
        assert_eq!((logs[0].severity_number, logs[0].severity.as_str()), (number, level));
    }
}

#[test]
fn each_signal_and_resource_makes_one_request() {
    let (event, other) = (log(r#""attributes":{}"#), log(r#""attributes":{}"#).replace("1.2.3", "1.2.4"));
    let span = span(r#""span_id":"b7ad6b7169203331","attributes":{}"#);
    let (ours, older, spans) = (Records::read([&*event, &*event]), Records::read([&*other]), Records::read([&*span]));
    let receiver = Receiver::start();
    let mut exporter = exporter(&receiver);
    // The first resource again, after another one.
    for (records, signal, count) in
        [(&ours, Signal::Log, 2), (&spans, Signal::Span, 1), (&older, Signal::Log, 1), (&ours, Signal::Log, 2)]
    {
        let sealed = seal(&mut exporter, records);
        assert_eq!((sealed.signal, sealed.records), (signal, count));
        assert_eq!(send(&mut exporter, &sealed), delivered());
    }
    let versions: Vec<_> = receiver.logs().iter().map(|log| log.resource["service.version"].to_string()).collect();
    assert_eq!(versions, ["1.2.3", "1.2.3", "1.2.4", "1.2.3", "1.2.3"]);
    assert_eq!(receiver.spans().len(), 1);
    assert!(exporter.seal(&[]).is_err());
}

#[test]
fn a_retry_sends_the_same_bytes() {
    let rows: Vec<_> =
        (0..50).map(|i| log(&format!(r#""body":"order {i} placed","attributes":{{"n":{i}}}"#))).collect();
    let records = Records::read(rows.iter().map(String::as_str));
    let receiver = Receiver::scripted([Behaviour::Status(503), Behaviour::RetryAfter(429, 7), Behaviour::Ok]);
    let mut exporter = exporter(&receiver);
    let sealed = seal(&mut exporter, &records);
    for expected in [None, Some(Duration::from_secs(7))] {
        assert!(matches!(send(&mut exporter, &sealed), Outcome::Retry { after, .. } if after == expected));
    }
    assert_eq!(send(&mut exporter, &sealed), delivered());
    let requests = receiver.requests();
    assert!(requests.iter().all(|request| request.raw == requests[0].raw && request.headers == requests[0].headers));
    assert_eq!(requests[2].logs().len(), 50);
}

#[test]
fn bodies_over_a_kilobyte_are_compressed_and_smaller_ones_are_not() {
    let row = log(r#""attributes":{}"#);
    for (count, encoding) in [(1, None), (100, Some("gzip"))] {
        let receiver = deliver(&Records::read(std::iter::repeat_n(row.as_str(), count)));
        let request = &receiver.requests()[0];
        assert_eq!(request.header("content-encoding"), encoding);
        assert_eq!((request.records(), request.raw == request.body), (count, encoding.is_none()));
    }
}

#[test]
fn no_two_batches_have_the_same_token() {
    let row = log(r#""attributes":{}"#);
    let records = Records::read([row.as_str()]);
    let mut exporter = exporter(&Receiver::start());
    let mut tokens = std::collections::HashSet::new();
    for _ in 0..100 {
        assert!(tokens.insert(seal(&mut exporter, &records).token));
    }
}

#[test]
fn what_the_collector_says_becomes_the_outcome() {
    let row = log(r#""attributes":{}"#);
    let records = Records::read([row.as_str(), row.as_str(), row.as_str()]);
    let receiver = Receiver::start();
    let mut exporter = exporter(&receiver);
    let sealed = seal(&mut exporter, &records);
    let mut after = |behaviour| {
        receiver.then([behaviour]);
        send(&mut exporter, &sealed)
    };
    let partial = Behaviour::PartialSuccess { rejected: 2, message: "too old".to_owned() };
    assert_eq!(after(partial), Outcome::Delivered { rejected: 2, message: Some("too old".to_owned()) });
    assert!(matches!(after(Behaviour::Status(400)), Outcome::Rejected { status: 400, .. }));
    assert!(matches!(after(Behaviour::Status(401)), Outcome::Paused { status: 401, .. }));
    assert!(matches!(after(Behaviour::CloseBeforeAnswer), Outcome::Retry { after: None, .. }));
    assert!(matches!(after(Behaviour::Huge(100 << 20)), Outcome::Delivered { rejected: 0, message: Some(_) }));
    match after(Behaviour::RedirectTo("https://elsewhere.example/v1/logs".to_owned())) {
        Outcome::Paused { status: 307, why } => assert!(why.contains("elsewhere.example"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_name_that_cannot_be_kept_for_ever_becomes_an_attribute() {
    let name = "n".repeat(300);
    let row = log(&format!(r#""name":"{name}","attributes":{{}}"#));
    let logs = deliver(&Records::read([row.as_str()])).logs();
    assert_eq!((logs[0].name.as_str(), &logs[0].attributes["event.name"]), ("", &Value::Str(name)));
}

#[test]
fn the_hosts_opentelemetry_variables_reach_neither_our_requests_nor_our_bodies() {
    let theirs = Receiver::start();
    let url = theirs.url();
    let mut environment = Vec::new();
    let (mut names, signals) = (Vec::new(), ["", "_LOGS", "_TRACES"]);
    for signal in signals {
        for (setting, value) in [
            ("HEADERS", "authorization=Bearer hunter2,x-vendor=hunter2,content-type=text/hunter2,user-agent=hunter2"),
            ("ENDPOINT", url.as_str()),
            ("COMPRESSION", "zstd"),
            ("PROTOCOL", "grpc"),
            ("TIMEOUT", "1"),
        ] {
            names.push((format!("OTEL_EXPORTER_OTLP{signal}_{setting}"), value));
        }
    }
    environment.extend(names.iter().map(|(name, value)| (name.as_str(), *value)));
    environment.extend([("OTEL_RESOURCE_ATTRIBUTES", "host=hunter2"), ("OTEL_SERVICE_NAME", "hunter2")]);
    in_a_process(name_of!(deliver_and_look_at_everything), &environment);
    #[cfg(feature = "otlp-grpc")]
    in_a_process(name_of!(call_and_look_at_everything), &environment);
    assert_eq!((theirs.connections(), theirs.bytes()), (0, 0));
}

#[test]
#[ignore = "needs the environment that its caller sets"]
fn deliver_and_look_at_everything() {
    // As a control: the variables are there.
    assert!(std::env::var("OTEL_EXPORTER_OTLP_HEADERS").unwrap().contains("hunter2"));
    let (event, span) = (log(r#""attributes":{}"#), span(r#""span_id":"b7ad6b7169203331","attributes":{}"#));
    let receiver = deliver(&Records::read([event.as_str(), span.as_str()]));
    let requests = receiver.requests();
    assert_eq!((receiver.logs().len(), receiver.spans().len(), requests.len()), (1, 1, 2));
    for request in requests {
        let shown = format!("{:?} {}", request.headers, String::from_utf8_lossy(&request.body));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
        assert_eq!((request.header("x-vendor"), request.header("authorization")), (None, None));
        assert_eq!(request.header("user-agent"), Some(concat!("tracing-privacy/", env!("CARGO_PKG_VERSION"))));
    }
}

#[cfg(feature = "otlp-grpc")]
#[test]
#[ignore = "needs the environment that its caller sets"]
fn call_and_look_at_everything() {
    use crate::export::grpc_receiver::Collector;

    assert!(std::env::var("OTEL_EXPORTER_OTLP_HEADERS").unwrap().contains("hunter2"));
    let (collector, row) = (Collector::start(), log(r#""attributes":{}"#));
    let mut exporter = over_grpc(&collector.url());
    let sealed = seal(&mut exporter, &Records::read([row.as_str()]));
    assert_eq!(send(&mut exporter, &sealed), delivered());
    for request in collector.requests() {
        let shown = format!("{:?} {}", request.headers, String::from_utf8_lossy(&request.body));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[cfg(feature = "otlp-grpc")]
fn over_grpc(url: &str) -> OtlpExporter {
    let endpoint = Endpoint::parse("the test", url, &[]).unwrap();
    let settings = OtlpSettings { protocol: OtlpProtocol::Grpc, ..OtlpSettings::default() };
    OtlpExporter::new(endpoint, settings).unwrap()
}

#[cfg(feature = "otlp-grpc")]
#[test]
fn over_grpc_a_body_is_that_of_http_behind_its_prefix() {
    let (event, span) =
        (log(r#""body":"hello","attributes":{"n":1}"#), span(r#""span_id":"b7ad6b7169203331","attributes":{}"#));
    for (row, count, flag) in [(&event, 1, 0), (&event, 100, 1), (&span, 1, 0), (&span, 40, 1)] {
        let records = Records::read(std::iter::repeat_n(row.as_str(), count));
        // One exporter, since each one has an order of the resource's attributes of its own.
        let mut exporter = over_grpc("http://127.0.0.1:9");
        let grpc = seal(&mut exporter, &records);
        exporter.settings.protocol = OtlpProtocol::HttpProtobuf;
        let http = seal(&mut exporter, &records);
        let (prefix, message) = grpc.body.split_at(5);
        assert_eq!(message, http.body);
        assert_eq!(prefix[0], flag);
        assert_eq!(prefix[1..], u32::try_from(http.body.len()).unwrap().to_be_bytes());
        assert_eq!((grpc.content_encoding, grpc.records), (http.content_encoding, http.records));
    }
}

#[test]
fn what_is_encoded_without_the_sdks_exporter_is_the_same() {
    // Of one attribute, since each conversion of a resource has an order of its own.
    let row = log(r#""body":"hello","attributes":{"n":1}"#).replace(r#","service.version":"1.2.3""#, "");
    let records = Records::read([row.as_str()]);
    let records: Vec<_> = records.iter().collect();
    let own = request::Request::of(&records, &mut Default::default()).unwrap().to_protobuf();
    assert_eq!(Encoder::new().unwrap().encode(&records).unwrap(), own);
}

#[test]
fn a_protocol_that_was_left_out_says_how_to_get_it() {
    assert_eq!(
        ["http/protobuf", " HTTP/json "].map(str::parse),
        [Ok(OtlpProtocol::HttpProtobuf), Ok(OtlpProtocol::HttpJson)]
    );
    let grpc = "grpc".parse::<OtlpProtocol>().map_or_else(|error| error.to_string(), |protocol| protocol.to_string());
    let expected = match cfg!(feature = "otlp-grpc") {
        true => "grpc",
        false => {
            "grpc, which this program was built without (feature otlp-grpc of tracing-privacy): write http/protobuf or http/json"
        }
    };
    assert_eq!(grpc, expected);
}
