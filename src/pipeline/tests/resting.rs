//! What waits for its time wakes nobody, and does not stand in the way of what is new.

use super::*;
use crate::export::receiver::Behaviour;
use crate::pipeline::agenda::Left;
use crate::pipeline::uploader::{Task, Uploader};

/// Fails at one record for ever.
fn fails_at_poison() -> Receiver {
    let receiver = Receiver::start();
    receiver.whenever(
        |request| request.logs().iter().any(|log| log.body.as_deref() == Some("poison")),
        Behaviour::Status(500),
    );
    receiver
}

#[test]
fn what_was_sent_beside_one_that_waits_does_not_count_as_waiting() {
    let (receiver, pad) = (fails_at_poison(), Scratchpad::new());
    let pipeline = blind(&receiver, Schedule::Live, pad.place());
    log(&pipeline, || tracing::info!("poison"));
    assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
    log(&pipeline, || (0..300).for_each(|n| tracing::info!("more {n}")));
    assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
    assert_eq!(pipeline.counts().sent(), 300);
    // Or whatever is logged from now on would go out at once, a request for each sweep.
    assert_eq!(lock(&pipeline.0.shared.upload.as_ref().unwrap().state).waiting, 1);
}

#[test]
fn a_pass_that_leaves_nothing_but_what_rests_says_for_how_long() {
    let pad = Scratchpad::new();
    for place in [pad.place(), Place::memory()] {
        let receiver = fails_at_poison();
        let clock = Clock::manual("2026-11-21T12:00:00Z");
        let parts = parts(Policy::standard(), vec![collector(&receiver)], Schedule::Manual, place);
        let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
        let upload = pipeline.0.shared.upload.as_ref().unwrap();
        let store = |body: &str| {
            log(&pipeline, || tracing::info!("{body}"));
            assert_eq!(pipeline.store(LONG), Ok(()));
        };
        store("poison");
        // On this thread, and when it is told to.
        let mut uploader = Uploader::new(&pipeline.0.shared, upload).unwrap();
        let mut pass = || {
            let task = Task { asked: 0, waiting: lock(&upload.state).waiting };
            let left = uploader.pass(&task);
            uploader.look_ahead(&task, left);
            left
        };
        assert_eq!(pass(), Some(Left::Tried), "nothing says that it is at fault");
        store("other");
        assert_eq!(pass(), Some(Left::Tried), "once may be a moment");
        store("other");
        assert_eq!(pass(), Some(Left::Resting(Duration::from_secs(10))));
        clock.advance(Duration::from_secs(4));
        let requests = receiver.requests().len();
        assert_eq!(pass(), Some(Left::Resting(Duration::from_secs(6))));
        assert_eq!(receiver.requests().len(), requests);
        store("other");
        assert_eq!(pass(), Some(Left::Resting(Duration::from_secs(6))));
        assert_eq!(receiver.requests().len(), requests + 1, "what is new does not wait for it");
        clock.advance(Duration::from_secs(6));
        assert_eq!(pass(), Some(Left::Tried));
        assert_eq!((receiver.requests().len(), pipeline.counts().sent()), (requests + 2, 3));
        pipeline.clear().unwrap();
        assert_eq!(pass(), None);
    }
}

#[test]
fn a_pass_that_finds_all_in_the_hands_of_another_process_says_so() {
    let (receiver, pad) = (Receiver::start(), Scratchpad::new());
    let pipeline = blind(&receiver, Schedule::Manual, pad.place());
    log(&pipeline, || tracing::info!("held"));
    assert_eq!(pipeline.store(LONG), Ok(()));
    pad.database().execute("UPDATE batches SET state='claimed', owner=9, claimed_until=unixepoch()+60", []).unwrap();
    let upload = pipeline.0.shared.upload.as_ref().unwrap();
    let mut uploader = Uploader::new(&pipeline.0.shared, upload).unwrap();
    assert_eq!(uploader.pass(&Task { asked: 0, waiting: 1 }), Some(Left::Held));
    pad.database().execute("UPDATE batches SET state='sent'", []).unwrap();
    assert_eq!(uploader.pass(&Task { asked: 0, waiting: 1 }), None);
    assert_eq!(receiver.requests().len(), 0);
}
