//! An uploader that cannot begin is not begun anew for every record.

use super::*;

#[test]
fn one_that_could_not_be_made_is_made_again_after_a_while_or_when_somebody_asks() {
    let (receiver, pad) = (Receiver::start(), Scratchpad::new());
    let pipeline = blind(&receiver, Schedule::Live, pad.place());
    assert_eq!(pipeline.store(LONG), Ok(()));
    let shared = &pipeline.0.shared;
    let upload = shared.upload.as_ref().unwrap();
    // As if no file could be opened any more: the worker has its own.
    let opened = lock(&shared.opened).take();
    let place = std::mem::replace(&mut *lock(&shared.place), {
        let directory = pad.0.join("missing");
        Place::Disk { directory, limits: Limits::default(), hosts: Hosts::default() }
    });
    let store = |body: &str| {
        log(&pipeline, || tracing::info!("{body}"));
        assert_eq!(pipeline.store(LONG), Ok(()));
    };
    store("first");
    let mut state = lock(&upload.state);
    while state.is_started() {
        state = upload.changed.wait(state).unwrap();
    }
    drop(state);
    assert!(pipeline.notes().iter().any(|note| note.contains("nothing is sent")), "{:?}", pipeline.notes());
    // All is well again, and nobody asks.
    *lock(&shared.place) = place;
    *lock(&shared.opened) = opened;
    store("second");
    assert!(!lock(&upload.state).is_started(), "it is not tried with each sweep");
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
    assert_eq!(receiver.logs().len(), 2);
}
