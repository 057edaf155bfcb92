//! What a collector's answer means for the batch.
//!
//! The status decides; of the body only the count of rejected records and one message are read. A 200 means that the
//! batch was accepted, whatever follows: OTLP has no way to recognise a batch that comes twice, so sending again because
//! of an unreadable body would count everything in it double.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use crate::export::http::{Answer, BodyEnd, HttpFailure};
use crate::export::outcome::Outcome;
use crate::export::sealed::Sealed;
use crate::export::text::printable;
use crate::record::Signal;

/// Characters of a server's message that are kept.
const LONGEST_MESSAGE: usize = 200;

pub(super) fn outcome(result: Result<Answer, HttpFailure>, sealed: &Sealed) -> Outcome {
    let answer = match result {
        Ok(answer) => answer,
        Err(failure) => return Outcome::Retry { after: None, why: failure.to_string().into() },
    };
    let status = answer.status;
    match status {
        200..=299 => delivered(&answer, sealed),
        // Somewhere else: we do not go there unasked.
        300..=399 => {
            let target = answer.redirect_to.as_deref().unwrap_or("another address");
            let why =
                format!("HTTP {status}: the server redirects to {target}; set the endpoint to where it should go");
            Outcome::Paused { status, why: why.into() }
        }
        401 | 403 | 407 => {
            Outcome::Paused { status, why: said(status, "the server does not accept our authorization") }
        }
        404 | 405 | 415 => Outcome::Paused { status, why: said(status, "there is no OTLP receiver at this address") },
        408 | 429 | 500..=599 => {
            Outcome::Retry { after: answer.retry_after, why: said(status, "the server cannot take it now") }
        }
        413 => Outcome::TooLarge { status, why: said(status, "the batch is too large for the server") },
        _ => Outcome::Rejected { status, why: said(status, "the server does not accept the batch") },
    }
}

fn said(status: u16, meaning: &str) -> std::borrow::Cow<'static, str> {
    format!("HTTP {status}: {meaning}").into()
}

fn delivered(answer: &Answer, sealed: &Sealed) -> Outcome {
    match answer.end {
        BodyEnd::Whole => {}
        BodyEnd::TooLong => return odd("accepted, with an answer too long to be read"),
        BodyEnd::TimedOut | BodyEnd::Cut => return odd("accepted, with an answer that did not end"),
    }
    if answer.body.is_empty() {
        return Outcome::Delivered { rejected: 0, message: None };
    }
    let partial = match answer.content_type.as_deref() {
        Some("application/json") => partial_from_json(&answer.body, sealed.signal),
        Some("application/x-protobuf") | None => partial_from_protobuf(&answer.body, sealed.signal),
        Some(_) => None,
    };
    accepted(partial, sealed)
}

/// The batch was accepted, but for what the answer says; `None`: it is not an OTLP answer.
pub(super) fn accepted(partial: Option<(i64, String)>, sealed: &Sealed) -> Outcome {
    let Some((rejected, message)) = partial else {
        return odd("accepted, with an answer that is not OTLP: is this the address of a collector?");
    };
    Outcome::Delivered {
        // A hostile count must not make more of a batch than was in it.
        rejected: u64::try_from(rejected).unwrap_or(0).min(u64::from(sealed.records)),
        message: (!message.is_empty()).then(|| printable(&message, LONGEST_MESSAGE)),
    }
}

pub(super) fn odd(note: &str) -> Outcome {
    Outcome::Delivered { rejected: 0, message: Some(note.to_owned()) }
}

/// How many records were rejected, and why; `None` if it is not an OTLP answer.
pub(super) fn partial_from_protobuf(body: &[u8], signal: Signal) -> Option<(i64, String)> {
    Some(match signal {
        Signal::Log => {
            let partial = ExportLogsServiceResponse::decode(body).ok()?.partial_success.unwrap_or_default();
            (partial.rejected_log_records, partial.error_message)
        }
        Signal::Span => {
            let partial = ExportTraceServiceResponse::decode(body).ok()?.partial_success.unwrap_or_default();
            (partial.rejected_spans, partial.error_message)
        }
    })
}

/// The same in JSON, where a 64-bit number is a string, or a number from those who did not know that.
fn partial_from_json(body: &[u8], signal: Signal) -> Option<(i64, String)> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let partial = match answer.as_object()?.get("partialSuccess") {
        None | Some(serde_json::Value::Null) => return Some((0, String::new())),
        Some(partial) => partial.as_object()?,
    };
    let rejected = match signal {
        Signal::Log => partial.get("rejectedLogRecords"),
        Signal::Span => partial.get("rejectedSpans"),
    };
    let rejected = match rejected {
        None => 0,
        Some(count) => count.as_i64().or_else(|| count.as_str()?.parse().ok())?,
    };
    let message = partial.get("errorMessage").and_then(serde_json::Value::as_str).unwrap_or_default();
    Some((rejected, message.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsPartialSuccess;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;
    use crate::export::sealed::Token;

    fn sealed(signal: Signal) -> Sealed {
        Sealed {
            signal,
            records: 10,
            body: Bytes::new(),
            content_type: "application/x-protobuf",
            content_encoding: None,
            token: Token([0; 16]),
        }
    }

    fn answer(status: u16, content_type: Option<&str>, body: impl Into<Vec<u8>>) -> Answer {
        Answer {
            status,
            retry_after: None,
            content_type: content_type.map(str::to_owned),
            redirect_to: None,
            exception_code: None,
            summary: None,
            body: Bytes::from(body.into()),
            end: BodyEnd::Whole,
        }
    }

    fn read(signal: Signal, content_type: Option<&str>, body: impl Into<Vec<u8>>) -> (u64, Option<String>) {
        match outcome(Ok(answer(200, content_type, body)), &sealed(signal)) {
            Outcome::Delivered { rejected, message } => (rejected, message),
            other => panic!("{other:?}"),
        }
    }

    fn logs_answer(rejected: i64, message: &str) -> Vec<u8> {
        let partial = ExportLogsPartialSuccess { rejected_log_records: rejected, error_message: message.to_owned() };
        ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec()
    }

    #[test]
    fn a_partial_success_is_counted() {
        assert_eq!(read(Signal::Log, None, logs_answer(3, "too old")), (3, Some("too old".to_owned())));
        let partial = ExportTracePartialSuccess { rejected_spans: 4, error_message: String::new() };
        let body = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        assert_eq!(read(Signal::Span, Some("application/x-protobuf"), body), (4, None));
        assert_eq!(read(Signal::Log, None, logs_answer(0, "a warning")), (0, Some("a warning".to_owned())));
        assert_eq!(read(Signal::Log, Some("text/html"), ""), (0, None));
    }

    #[test]
    fn a_partial_success_in_json_is_counted() {
        let json = Some("application/json");
        for (body, expected) in [
            ("{}", (0, None)),
            (r#"{"partialSuccess":null}"#, (0, None)),
            (r#"{"partialSuccess":{}}"#, (0, None)),
            (r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"old"}}"#, (3, Some("old".to_owned()))),
            (r#"{"partialSuccess":{"rejectedLogRecords":3}}"#, (3, None)),
            (r#"{"partialSuccess":{"rejectedSpans":3}}"#, (0, None)),
        ] {
            assert_eq!(read(Signal::Log, json, body), expected, "{body}");
        }
        assert_eq!(read(Signal::Span, json, r#"{"partialSuccess":{"rejectedSpans":3}}"#), (3, None));
    }

    #[test]
    fn a_hostile_count_or_message_does_no_harm() {
        assert_eq!(read(Signal::Log, None, logs_answer(i64::MAX, "")), (10, None));
        assert_eq!(read(Signal::Log, None, logs_answer(-5, "")), (0, None));
        let (_, message) = read(Signal::Log, None, logs_answer(1, &"\x1b[2J\n".repeat(1000)));
        let message = message.unwrap();
        assert!(!message.contains(['\x1b', '\n']) && message.len() < 2000, "{message}");
    }

    #[test]
    fn an_accepted_batch_is_delivered_whatever_the_body_says() {
        for (content_type, body) in [
            (None, &b"\xff\xff\xff\xff"[..]),
            (None, b"\x0a\xff\xff\xff\xff\x0f"),
            (Some("text/html"), b"<html>"),
            (Some("application/json"), b"{"),
            (Some("application/json"), b"[]"),
            (Some("application/json"), br#"{"partialSuccess":[]}"#),
            (Some("application/json"), br#"{"partialSuccess":{"rejectedLogRecords":"many"}}"#),
        ] {
            let (rejected, message) = read(Signal::Log, content_type, body);
            assert!(rejected == 0 && message.unwrap().contains("not OTLP"), "{body:?}");
        }
        let deep = vec![b'['; 60_000];
        assert_eq!(read(Signal::Log, Some("application/json"), deep).0, 0);
        for end in [BodyEnd::TooLong, BodyEnd::TimedOut, BodyEnd::Cut] {
            let answer = Answer { end, ..answer(200, None, logs_answer(3, "")) };
            let outcome = outcome(Ok(answer), &sealed(Signal::Log));
            assert!(matches!(outcome, Outcome::Delivered { rejected: 0, message: Some(_) }), "{outcome:?}");
        }
    }

    #[test]
    fn each_status_means_one_thing() {
        for status in 200..=599 {
            let mut answer = answer(status, None, "");
            answer.retry_after = Some(Duration::from_secs(7));
            let outcome = outcome(Ok(answer), &sealed(Signal::Log));
            match &outcome {
                Outcome::Delivered { .. } | Outcome::Overloaded { .. } | Outcome::NoTable { .. } => {}
                Outcome::Retry { after, why } => {
                    assert!(*after == Some(Duration::from_secs(7)) && why.contains(&status.to_string()));
                }
                Outcome::Rejected { status: said, why }
                | Outcome::TooLarge { status: said, why }
                | Outcome::Paused { status: said, why } => {
                    assert!(*said == status && why.contains(&status.to_string()));
                }
            }
            let expected = match status {
                200..=299 => "delivered",
                300..=399 | 401 | 403 | 404 | 405 | 407 | 415 => "paused",
                408 | 429 | 500..=599 => "retry",
                413 => "too large",
                _ => "rejected",
            };
            assert_eq!(outcome.kind(), expected, "{status}");
        }
    }

    #[test]
    fn without_an_answer_it_is_tried_again() {
        for failure in [HttpFailure::Connect, HttpFailure::Timeout, HttpFailure::Cut, HttpFailure::ForbiddenAddress] {
            let why = failure.to_string();
            let outcome = outcome(Err(failure), &sealed(Signal::Span));
            assert_eq!(outcome, Outcome::Retry { after: None, why: why.into() });
        }
    }
}
