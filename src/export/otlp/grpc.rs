//! OTLP over gRPC: the same messages in its frame, and what its statuses mean.
//!
//! A unary call is one HTTP/2 request, so the one client makes it, with everything that holds there
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>). Which statuses may be tried again is what the
//! specification says (<https://opentelemetry.io/docs/specs/otlp/#failures>).

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue, TE};
use prost::Message;

use super::answer;
use crate::export::http::{Answer, BodyEnd, Http2Client, HttpFailure, Post};
use crate::export::outcome::Outcome;
use crate::export::retry::LONGEST_DELAY;
use crate::export::sealed::Sealed;

pub(super) const CONTENT_TYPE: &str = "application/grpc";

/// Where the services are, below the endpoint.
pub(super) const LOGS: &str = "opentelemetry.proto.collector.logs.v1.LogsService/Export";
pub(super) const TRACES: &str = "opentelemetry.proto.collector.trace.v1.TraceService/Export";

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// Bytes before each message: whether it is compressed, and how long it is.
const PREFIX: usize = 5;

/// A message with its prefix.
///
/// A message of more than 4 GiB has no such prefix; a batch is bounded far below that.
pub(super) fn framed(message: &[u8], content_encoding: Option<&'static str>) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(u8::from(content_encoding.is_some()));
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    framed.freeze()
}

/// Sends a sealed batch once, to a service.
pub(super) async fn send(client: &mut Http2Client, url: &reqwest::Url, sealed: &Sealed) -> Outcome {
    let mut headers = vec![(TE, HeaderValue::from_static("trailers"))];
    headers.extend(sealed.content_encoding.map(|encoding| (ENCODING, HeaderValue::from_static(encoding))));
    let post = Post {
        url,
        content_type: sealed.content_type,
        content_encoding: None,
        headers: &headers,
        body: sealed.body.clone(),
    };
    outcome(client.call(post).await, sealed)
}

fn outcome(result: Result<(Answer, HeaderMap), HttpFailure>, sealed: &Sealed) -> Outcome {
    let (answer, fields) = match result {
        Ok(answered) => answered,
        // It is what a server of HTTP/1.1 does, and a hint to a mistake that is easily made.
        Err(HttpFailure::Cut) => {
            let hint = "if nothing ever arrived, is this a port for gRPC, as 4317 is by default?";
            return again(None, format!("{}; {hint}", HttpFailure::Cut));
        }
        Err(failure) => return answer::outcome(Err(failure), sealed),
    };
    if let Some(code) = fields.get(STATUS).and_then(|code| code.to_str().ok()?.parse().ok()) {
        return judged(code, &fields, &answer, sealed);
    }
    // Somebody on the way answered instead of the service.
    let status = answer.status;
    if !(200..=299).contains(&status) {
        return answer::outcome(Ok(answer), sealed);
    }
    if !answer.content_type.as_deref().unwrap_or_default().starts_with(CONTENT_TYPE) {
        let why = format!("HTTP {status}: what answers at this address does not speak gRPC");
        return Outcome::Paused { status, why: why.into() };
    }
    match answer.end {
        // A message in return comes from a service that has done what was asked, and what was accepted is not sent again.
        BodyEnd::TooLong => answer::odd("accepted, with an answer too long to be read"),
        _ if !answer.body.is_empty() => answer::odd("accepted, with an answer that did not end"),
        BodyEnd::TimedOut => answer::outcome(Err(HttpFailure::Timeout), sealed),
        BodyEnd::Whole | BodyEnd::Cut => answer::outcome(Err(HttpFailure::Cut), sealed),
    }
}

/// What a status means, by its number.
fn judged(code: u32, fields: &HeaderMap, answer: &Answer, sealed: &Sealed) -> Outcome {
    let name = name(code);
    // A status of gRPC has two digits, as one of HTTP has three.
    let status = u16::try_from(code).unwrap_or(u16::MAX);
    let said = |meaning: &str| format!("gRPC {name}: {meaning}");
    let after = retry_delay(fields);
    match name {
        "RESOURCE_EXHAUSTED" | "OUT_OF_RANGE" if is_of_size(fields) => {
            Outcome::TooLarge { status, why: said("the batch is too large for the server").into() }
        }
        "OK" => {
            let message = message(&answer.body).and_then(|body| answer::partial_from_protobuf(body, sealed.signal));
            answer::accepted(message, sealed)
        }
        "CANCELLED" | "DEADLINE_EXCEEDED" | "ABORTED" | "OUT_OF_RANGE" | "UNAVAILABLE" | "DATA_LOSS" => {
            again(after, said("the server cannot take it now"))
        }
        "RESOURCE_EXHAUSTED" if after.is_some() => again(after, said("the server cannot take it now")),
        "RESOURCE_EXHAUSTED" => {
            Outcome::Rejected { status, why: said("the batch is too much for the server, for good").into() }
        }
        "UNAUTHENTICATED" | "PERMISSION_DENIED" => {
            Outcome::Paused { status, why: said("the server does not accept our authorization").into() }
        }
        "UNIMPLEMENTED" => Outcome::Paused { status, why: said("there is no OTLP receiver at this address").into() },
        _ => Outcome::Rejected { status, why: said("the server does not accept the batch").into() },
    }
}

/// Whether a status is about the length of the message. It has no number for that: services say it in words, those of Go and C++,
/// of Java, and of Rust.
fn is_of_size(fields: &HeaderMap) -> bool {
    const WORDS: [&str; 3] = ["larger than max", "exceeds maximum size", "length too large"];
    let said = fields.get(MESSAGE).and_then(|said| said.to_str().ok()).unwrap_or_default();
    // Signs other than those of ASCII are written `%XX`, and so are blanks by some.
    let said = said.replace("%20", " ").to_ascii_lowercase();
    WORDS.iter().any(|words| said.contains(words))
}

fn again(after: Option<Duration>, why: String) -> Outcome {
    Outcome::Retry { after, why: why.into() }
}

/// The one message of an answer, which nobody asked to be compressed.
fn message(body: &[u8]) -> Option<&[u8]> {
    let (prefix, message) = body.split_first_chunk::<PREFIX>()?;
    let [0, length @ ..] = *prefix else { return None };
    (u32::from_be_bytes(length) as usize == message.len()).then_some(message)
}

/// The names of <https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>, by number.
fn name(code: u32) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.get(code as usize).copied().unwrap_or("UNKNOWN")
}

/// `google.rpc.Status`, as far as it is of use.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// How long the server asks us to stay away, by a `RetryInfo`; at most an hour, as for `Retry-After`.
fn retry_delay(fields: &HeaderMap) -> Option<Duration> {
    let any_padding = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&STANDARD, any_padding).decode(fields.get(DETAILS)?.as_bytes()).ok()?;
    let details = Details::decode(bytes.as_slice()).ok()?.details;
    let info = details.into_iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(info.value).ok()?.retry_delay.unwrap_or_default();
    let whole = Duration::from_secs(u64::try_from(delay.seconds).unwrap_or(0));
    let part = Duration::from_nanos(u64::try_from(delay.nanos).unwrap_or(0));
    Some(whole.saturating_add(part).min(LONGEST_DELAY))
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};

    use super::*;
    use crate::export::grpc_receiver::retry_info;
    use crate::export::sealed::Token;
    use crate::record::Signal;

    fn sealed() -> Sealed {
        Sealed {
            signal: Signal::Log,
            records: 10,
            body: Bytes::new(),
            content_type: CONTENT_TYPE,
            content_encoding: None,
            token: Token([0; 16]),
        }
    }

    fn answered(status: u16, content_type: Option<&str>, body: impl Into<Vec<u8>>, end: BodyEnd) -> Answer {
        Answer {
            status,
            retry_after: None,
            content_type: content_type.map(str::to_owned),
            redirect_to: None,
            exception_code: None,
            summary: None,
            body: Bytes::from(body.into()),
            end,
        }
    }

    fn fields<'a>(fields: impl IntoIterator<Item = (HeaderName, &'a str)>) -> HeaderMap {
        fields.into_iter().map(|(name, value)| (name, HeaderValue::from_str(value).unwrap())).collect()
    }

    /// What comes of an answer with this body, and of this status if there is one.
    fn read(code: Option<&str>, body: impl Into<Vec<u8>>, end: BodyEnd) -> Outcome {
        let answer = answered(200, Some("application/grpc+proto"), body, end);
        outcome(Ok((answer, fields(code.map(|code| (STATUS, code))))), &sealed())
    }

    #[test]
    fn each_status_means_what_the_specification_says() {
        // As its table has it: what is marked retryable, and of the others what is about us and not about the batch.
        for code in 0..=20_u32 {
            let expected = match code {
                0 => "delivered",
                1 | 4 | 10 | 11 | 14 | 15 => "retry",
                7 | 12 | 16 => "paused",
                _ => "rejected",
            };
            let outcome = read(Some(&code.to_string()), framed(&[], None), BodyEnd::Whole);
            assert_eq!(outcome.kind(), expected, "{code}: {outcome:?}");
            match outcome {
                Outcome::Rejected { status, why } | Outcome::Paused { status, why } => {
                    assert!(u32::from(status) == code && why.contains(name(code)), "{why}");
                }
                Outcome::Retry { after, why } => assert!(after.is_none() && why.contains(name(code)), "{why}"),
                _ => {}
            }
        }
    }

    #[test]
    fn a_retry_info_is_a_retry_after_and_makes_one_status_retryable() {
        for (code, expected) in [(8, "retry"), (14, "retry"), (3, "rejected"), (16, "paused")] {
            let headers = fields([(STATUS, &*code.to_string()), (DETAILS, &retry_info(code, 7))]);
            let answer = answered(200, Some(CONTENT_TYPE), [], BodyEnd::Whole);
            let outcome = outcome(Ok((answer, headers)), &sealed());
            assert_eq!(outcome.kind(), expected, "{code}");
            if let Outcome::Retry { after, .. } = outcome {
                assert_eq!(after, Some(Duration::from_secs(7)));
            }
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_known_by_what_services_say_of_it() {
        for (code, said, expected) in [
            (8, "grpc: received message larger than max (5242880 vs. 4194304)", "too large"),
            (8, "CLIENT: Received message larger than max (5242880 vs. 4194304)", "too large"),
            (8, "gRPC message exceeds maximum size 4194304: 5242880", "too large"),
            (8, "Message Length Too Large", "too large"),
            (
                11,
                "Error, decoded message length too large: found 5242880 bytes, the limit is: 4194304 bytes",
                "too large",
            ),
            (11, "Error,%20decoded%20message%20length%20too%20large:%20found%205", "too large"),
            (8, "quota exhausted", "rejected"),
            (3, "grpc: received message larger than max", "rejected"),
            (14, "larger than max", "retry"),
            (11, "", "retry"),
        ] {
            let answer = answered(200, Some(CONTENT_TYPE), [], BodyEnd::Whole);
            let fields = fields([(STATUS, &*code.to_string()), (MESSAGE, said)]);
            assert_eq!(outcome(Ok((answer, fields)), &sealed()).kind(), expected, "{code} {said}");
        }
    }

    #[test]
    fn a_hostile_retry_info_is_bounded_or_nothing() {
        let delay = |seconds, nanos| {
            let info = RetryInfo { retry_delay: Some(Delay { seconds, nanos }) }.encode_to_vec().into();
            let detail = Detail { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value: info };
            let details = Details { details: vec![detail] }.encode_to_vec();
            retry_delay(&fields([(DETAILS, &*base64::prelude::BASE64_STANDARD.encode(details))]))
        };
        assert_eq!(delay(0, 1_500_000_000), Some(Duration::from_millis(1500)));
        assert_eq!(delay(i64::MAX, i32::MAX), Some(LONGEST_DELAY));
        assert_eq!(delay(-7, -7), Some(Duration::ZERO));
        for odd in ["", "====", "not base64!", "CAg", "Gv////8P", &retry_info(8, 7)[..20]] {
            assert_eq!(retry_delay(&fields([(DETAILS, odd)])), None, "{odd}");
        }
        assert_eq!(retry_delay(&HeaderMap::new()), None);
    }

    #[test]
    fn a_partial_success_is_counted_and_an_odd_message_noted() {
        let partial = ExportLogsPartialSuccess { rejected_log_records: 3, error_message: "too old".to_owned() };
        let message = ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        let whole = |body: Bytes| read(Some("0"), body, BodyEnd::Whole);
        let expected = Outcome::Delivered { rejected: 3, message: Some("too old".to_owned()) };
        assert_eq!(whole(framed(&message, None)), expected);
        assert_eq!(whole(framed(&[], None)), Outcome::Delivered { rejected: 0, message: None });
        for odd in [&b""[..], b"\0\0\0\0", b"\0\0\0\0\x01", b"\0\0\0\0\0x", b"\x01\0\0\0\0", b"\0\0\0\0\x01\xff"] {
            match whole(Bytes::from_static(odd)) {
                Outcome::Delivered { rejected: 0, message: Some(note) } => {
                    assert!(note.contains("not OTLP"), "{odd:?}")
                }
                other => panic!("{odd:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn without_a_status_it_depends_on_whether_the_service_had_answered() {
        for (body, end, expected) in [
            (&b"\0\0\0\0\0"[..], BodyEnd::Whole, "delivered"),
            (b"\0\0", BodyEnd::Cut, "delivered"),
            (b"\0\0\0\0\0", BodyEnd::TimedOut, "delivered"),
            (b"", BodyEnd::TooLong, "delivered"),
            (b"", BodyEnd::Whole, "retry"),
            (b"", BodyEnd::Cut, "retry"),
            (b"", BodyEnd::TimedOut, "retry"),
        ] {
            assert_eq!(read(None, body, end).kind(), expected, "{body:?} {end:?}");
            assert_eq!(read(Some("soon"), body, end).kind(), expected, "{body:?} {end:?}");
        }
    }

    #[test]
    fn an_answer_of_somebody_on_the_way_is_one_of_http() {
        for (status, expected) in [
            (204, "paused"),
            (307, "paused"),
            (401, "paused"),
            (404, "paused"),
            (400, "rejected"),
            (413, "too large"),
            (429, "retry"),
            (503, "retry"),
        ] {
            let answer = answered(status, None, [], BodyEnd::Whole);
            assert_eq!(outcome(Ok((answer, HeaderMap::new())), &sealed()).kind(), expected, "{status}");
        }
        let page = answered(200, Some("text/html"), "<html>", BodyEnd::Whole);
        assert_eq!(outcome(Ok((page, HeaderMap::new())), &sealed()).kind(), "paused");
        for failure in [HttpFailure::Connect, HttpFailure::Timeout, HttpFailure::Cut] {
            assert_eq!(outcome(Err(failure), &sealed()).kind(), "retry");
        }
    }
}
