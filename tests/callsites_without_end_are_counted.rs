//! Promise 4, for who makes callsites while the program runs, as bindings of other languages do: the table of plans is
//! bounded, and what finds no place in it is lost, but counted, each time.

mod support;

use support::{alone, callsite, on, settle};
use tracing::dispatcher::with_default;
use tracing::metadata::Kind;
use tracing::{Event, Metadata, Span};
use tracing_privacy::{Counts, Loss, Telemetry};

/// More than there are places.
const CALLSITES: u64 = 40_000;
const ROUNDS: u64 = 2;

#[test]
fn those_that_find_no_place() {
    let (telemetry, _memory, _directory) = on("callsites");
    let dispatch = alone(&telemetry);
    let of_kind = |number: u64| if number.is_multiple_of(2) { Kind::EVENT } else { Kind::SPAN };
    let sites: Vec<_> = (0..CALLSITES).map(|number| callsite("event", &["tries"], of_kind(number))).collect();
    let lost: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let before = counts(&telemetry);
            with_default(&dispatch, || sites.iter().copied().for_each(log));
            settle(&telemetry);
            let after = counts(&telemetry);
            assert_eq!(after.produced() - before.produced(), CALLSITES, "{after}");
            after.lost(Loss::TooManyCallsites) - before.lost(Loss::TooManyCallsites)
        })
        .collect();
    // Ten thousand always find one.
    assert!(lost[0] > 0 && lost[0] <= CALLSITES - 10_000, "{lost:?}");
    assert_eq!(lost[0], lost[1], "who has a place keeps it, and nobody else gets one");
    // Nobody who asks first is told to be silent, or what is lost could not be counted.
    for site in &sites {
        assert!(!dispatch.register_callsite(site).is_never() && dispatch.enabled(site));
    }
    let text = telemetry.status().to_string();
    assert!(text.contains("too many callsites"), "{text}");
}

fn log(site: &'static Metadata<'static>) {
    let tries: &dyn tracing::Value = &1_u64;
    match site.is_event() {
        true => Event::dispatch(site, &site.fields().value_set_all(&[Some(tries)])),
        false => drop(Span::new(site, &site.fields().value_set_all(&[Some(tries)]))),
    }
}

fn counts(telemetry: &Telemetry) -> Counts {
    *telemetry.status().counts()
}
