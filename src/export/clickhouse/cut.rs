//! Cuts made in bodies that are encoded already: columns taken out, rows halved.
//!
//! Both are needed only when a server refuses what was encoded, and by then what it was encoded from is gone.

use super::encoder::Format;
use super::native::{Block, Part};

/// The body without these columns; none if it cannot be read, or if nothing would be left.
pub(super) fn without(body: &[u8], format: Format, columns: &[String]) -> Option<Vec<u8>> {
    let is_kept = |name: &[u8]| !columns.iter().any(|column| column.as_bytes() == name);
    match format {
        Format::Native => {
            let mut block = Block::read(body)?;
            block.columns.retain(|column| is_kept(column.name));
            (!block.columns.is_empty()).then(|| block.written(|column, body| body.extend_from_slice(column.data)))
        }
        Format::JsonEachRow => {
            let mut rows = Vec::with_capacity(body.len());
            for line in lines(body) {
                rows.push(b'{');
                let start = rows.len();
                for member in members(line)? {
                    if is_kept(name(member)?.as_bytes()) {
                        if rows.len() > start {
                            rows.push(b',');
                        }
                        rows.extend_from_slice(member);
                    }
                }
                rows.extend_from_slice(b"}\n");
            }
            Some(rows)
        }
    }
}

/// The body with these columns in plain strings, for servers that cannot make them of `LowCardinality`; none if it cannot be
/// read.
pub(super) fn in_plain_strings(body: &[u8], format: Format, columns: &[String]) -> Option<Vec<u8>> {
    if format != Format::Native {
        return Some(body.to_vec());
    }
    let block = Block::read(body)?;
    let types: Vec<_> = block.columns.iter().map(|column| plain(column.type_name)).collect::<Option<_>>()?;
    let mut changed = block.columns.clone();
    let mut data = Vec::with_capacity(changed.len());
    for (column, type_name) in changed.iter_mut().zip(&types) {
        let is_meant = columns.iter().any(|name| name.as_bytes() == column.name);
        data.push(if is_meant {
            let mut strings = Vec::new();
            let mut rest = column.data.get(column.kind.version()..)?;
            column.kind.spell_out(&mut rest, block.rows, &mut strings)?;
            column.type_name = type_name.as_bytes();
            strings
        } else {
            column.data.to_vec()
        });
    }
    let mut data = data.iter();
    let write =
        |_: &Part<'_>, body: &mut Vec<u8>| data.next().into_iter().for_each(|data| body.extend_from_slice(data));
    Some(Block { rows: block.rows, columns: changed }.written(write))
}

fn plain(type_name: &[u8]) -> Option<String> {
    Some(std::str::from_utf8(type_name).ok()?.replace("LowCardinality(String)", "String"))
}

/// The first half of the rows (the smaller, if they are odd) and the rest; none if it cannot be read or halved.
pub(super) fn halves(body: &[u8], format: Format) -> Option<[(Vec<u8>, u64); 2]> {
    match format {
        Format::Native => {
            let block = Block::read(body)?;
            let first = block.rows / 2;
            if first == 0 {
                return None;
            }
            let half = |from: usize, rows: usize| -> Option<(Vec<u8>, u64)> {
                let mut columns = Vec::with_capacity(block.columns.len());
                for column in &block.columns {
                    let mut data = Vec::with_capacity(column.data.len() / 2 + 16);
                    let (version, rest) = column.data.split_at_checked(column.kind.version())?;
                    data.extend_from_slice(version);
                    column.kind.cut(rest, block.rows, from, rows, &mut data)?;
                    columns.push(data);
                }
                let mut columns = columns.iter();
                let body = Block { rows, columns: block.columns.clone() }
                    .written(|_, body| columns.next().into_iter().for_each(|data| body.extend_from_slice(data)));
                Some((body, rows as u64))
            };
            Some([half(0, first)?, half(first, block.rows - first)?])
        }
        Format::JsonEachRow => {
            let rows = lines(body).count();
            let first = rows / 2;
            if first == 0 {
                return None;
            }
            let middle: usize = lines(body).take(first).map(|line| line.len() + 1).sum();
            let (one, other) = body.split_at_checked(middle)?;
            Some([(one.to_vec(), first as u64), (other.to_vec(), (rows - first) as u64)])
        }
    }
}

fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.strip_suffix(b"\n").unwrap_or(body).split(|byte| *byte == b'\n')
}

/// The members of the object on a line, as they are written: its attributes have an order, and may have a key twice.
fn members(line: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let inside = line.strip_prefix(b"{")?.strip_suffix(b"}")?;
    let (mut depth, mut is_in_text, mut is_escaped) = (0_usize, false, false);
    let members = inside.split(move |byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_in_text = !is_in_text,
            _ if is_in_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => return depth == 0,
            _ => {}
        }
        false
    });
    Some(members.filter(|member| !member.is_empty()))
}

/// What a member is called.
fn name(member: &[u8]) -> Option<String> {
    serde_json::Deserializer::from_slice(member).into_iter().next()?.ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
    use opentelemetry::{InstrumentationScope, KeyValue};
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

    use super::super::encoder::{Encoder, Layout};
    use super::super::table::Table;
    use super::*;

    fn span(n: u64) -> SpanData {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + n);
        let context = SpanContext::new(
            TraceId::from_bytes([n as u8; 16]),
            SpanId::from_bytes([n as u8 + 1; 8]),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        let (mut events, mut links) = (SpanEvents::default(), SpanLinks::default());
        for event in 0..n % 3 {
            events.events.push(Event::new(format!("e{event}"), at, vec![KeyValue::new("n", event as i64)], 0));
            links.links.push(Link::new(context.clone(), vec![], 0));
        }
        SpanData {
            span_context: context,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: "x".repeat(n as usize * 40).into(),
            start_time: at,
            end_time: at + Duration::from_millis(n),
            // Not in the order of the alphabet, and one of them twice.
            attributes: (0..n % 5)
                .map(|i| KeyValue::new(["k", "b", "k", "a,\\\"}]"][i as usize], "v".repeat(n as usize)))
                .collect(),
            dropped_attributes_count: 0,
            events,
            links,
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("scope").build(),
        }
    }

    fn encoded(encoder: &Encoder, spans: &[SpanData]) -> Vec<u8> {
        let [batch] = encoder.spans(spans, &Resource::builder_empty().build()).try_into().unwrap();
        batch.body
    }

    #[test]
    fn a_half_is_what_half_of_the_rows_are_encoded_to() {
        for format in [Format::Native, Format::JsonEachRow] {
            let encoder = Encoder::default().format(format);
            for rows in 2..12 {
                let spans: Vec<_> = (0..rows).map(span).collect();
                let (one, other) = spans.split_at(rows as usize / 2);
                let halved = halves(&encoded(&encoder, &spans), format).unwrap();
                let expected =
                    [(encoded(&encoder, one), one.len() as u64), (encoded(&encoder, other), other.len() as u64)];
                assert!(halved == expected, "{format:?} {rows}");
            }
            assert!(halves(&encoded(&encoder, &[span(1)]), format).is_none());
        }
    }

    #[test]
    fn without_a_column_is_what_is_encoded_without_it() {
        let spans: Vec<_> = (0..7).map(span).collect();
        let out = ["SpanAttributes", "Events.Attributes", "Timestamp", "Links.SpanId"];
        for format in [Format::Native, Format::JsonEachRow] {
            let all = Encoder::default().format(format);
            let mut fewer = all.clone();
            fewer.set_layout(Table::Traces, out.into_iter().fold(Layout::default(), Layout::without));
            let names = out.map(str::to_owned);
            let cut = without(&encoded(&all, &spans), format, &names).unwrap();
            let expected = encoded(&fewer, &spans);
            assert!(cut == expected, "{format:?}");
        }
    }

    #[test]
    fn plain_strings_say_the_same() {
        let spans: Vec<_> = (0..7).map(span).collect();
        let names: Vec<_> = Layout::columns(Table::Traces).into_iter().map(|(name, _)| name.to_owned()).collect();
        let body = encoded(&Encoder::default(), &spans);
        let plain = in_plain_strings(&body, Format::Native, &names).unwrap();
        assert!(!plain.windows(14).any(|word| word == b"LowCardinality") && plain.len() != body.len());
        // `StatusCode` of seven rows, and the names of all events.
        let code = [b"\x0aStatusCode\x06String".as_slice(), &b"\x05Unset".repeat(7)].concat();
        assert!(plain.windows(code.len()).any(|part| part == code));
        let events: Vec<u8> = spans
            .iter()
            .flat_map(|span| &span.events.events)
            .flat_map(|event| [2, b'e', event.name.as_bytes()[1]])
            .collect();
        assert!(plain.windows(events.len()).any(|part| part == events));
        assert!(in_plain_strings(&body, Format::Native, &[]).unwrap() == body, "only those that are meant");
        // What was spelled out can be cut like any other.
        let (one, other) = spans.split_at(3);
        let spelled = |spans: &[SpanData]| {
            let body = encoded(&Encoder::default(), spans);
            (in_plain_strings(&body, Format::Native, &names).unwrap(), spans.len() as u64)
        };
        assert!(halves(&plain, Format::Native).unwrap() == [spelled(one), spelled(other)]);
        let out = ["SpanAttributes".to_owned()];
        let less = without(&body, Format::Native, &out).unwrap();
        let expected = in_plain_strings(&less, Format::Native, &names).unwrap();
        assert!(without(&plain, Format::Native, &out).unwrap() == expected);
    }

    #[test]
    fn a_body_that_is_none_is_not_cut() {
        let body = encoded(&Encoder::default(), &[span(3), span(4)]);
        for end in 0..body.len() {
            assert!(halves(&body[..end], Format::Native).is_none(), "{end}");
            assert!(without(&body[..end], Format::Native, &[]).is_none(), "{end}");
        }
        assert!(without(&body, Format::Native, &[]).unwrap() == body);
    }

    /// Servers make us cut our own bodies only, but nothing here may rest on that.
    #[test]
    fn whatever_a_body_is_cutting_it_ends() {
        use proptest::prelude::*;
        let spans: Vec<_> = (0..9).map(span).collect();
        let any_format = prop_oneof![Just(Format::Native), Just(Format::JsonEachRow)];
        let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
        proptest!(|(format in any_format, damage in damage, out in 0..22_usize)| {
            let mut body = encoded(&Encoder::default().format(format), &spans);
            for (at, byte) in &damage {
                *at.get_mut(&mut body) = *byte;
            }
            let column = Layout::columns(Table::Traces)[out].0.to_owned();
            let less = without(&body, format, std::slice::from_ref(&column));
            let halved = halves(&body, format);
            if damage.is_empty() {
                prop_assert!(less.is_some_and(|less| less.len() < body.len()));
                prop_assert!(halved.is_some_and(|[one, other]| one.1 + other.1 == 9));
            }
        });
        proptest!(|(body in prop::collection::vec(any::<u8>(), 0..200))| {
            for format in [Format::Native, Format::JsonEachRow] {
                let _ = (without(&body, format, &[]), halves(&body, format));
            }
        });
    }
}
