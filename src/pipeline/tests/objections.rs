//! A no that is heard right before a request, on the thread that looks.

use std::sync::mpsc;

use super::*;

/// A pipeline that is asked for a no in each place, and before a request by this.
fn pipeline(
    receiver: &Receiver,
    pad: &Scratchpad,
    look: impl Fn() -> Option<String> + Send + Sync + 'static,
) -> Pipeline {
    let parts = parts(Policy::standard(), vec![collector(receiver)], Schedule::Manual, pad.place());
    let looks = || std::thread::current().name().is_some_and(|name| name == "telem-look");
    Pipeline::start(Parts { objection: Arc::new(move || looks().then(&look).flatten()), ..parts }).unwrap()
}

#[test]
fn a_file_system_that_hangs_holds_up_no_withdrawal() {
    let (receiver, pad) = (Receiver::start(), Scratchpad::new());
    let (reached, is_reached) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let ends = Mutex::new((reached, released));
    let pipeline = pipeline(&receiver, &pad, move || {
        let ends = lock(&ends);
        ends.0.send(()).unwrap();
        let _ = ends.1.recv();
        None
    });
    log(&pipeline, || tracing::info!("record"));
    let flushing = flushing(&pipeline);
    is_reached.recv_timeout(LONG).expect("it is asked before a request");
    let (done, is_done) = mpsc::channel();
    let withdrawing = pipeline.clone();
    let withdrawal = std::thread::spawn(move || {
        withdrawing.withdraw();
        done.send(())
    });
    let withdrew = is_done.recv_timeout(LONG);
    // Whether it did or not, nobody waits any more.
    drop(release);
    assert_eq!(withdrew, Ok(()), "a withdrawal waits for the file system");
    withdrawal.join().unwrap().unwrap();
    assert_eq!(flushing.join().unwrap(), Err(Unfinished::Upload));
    assert_eq!(receiver.requests().len(), 0);
}

#[test]
fn a_no_that_was_there_for_a_moment_is_one_for_the_whole_run() {
    let (receiver, pad) = (Receiver::start(), Scratchpad::new());
    let asked = AtomicU32::new(0);
    let is_first = move || asked.fetch_add(1, Ordering::SeqCst) == 0;
    let pipeline = pipeline(&receiver, &pad, move || is_first().then(|| "the file was there".to_owned()));
    log(&pipeline, || tracing::info!("record"));
    assert!(pipeline.flush(LONG).is_err());
    assert!(pipeline.is_withdrawn(), "{:?}", pipeline.notes());
    assert!(pipeline.notes().iter().any(|note| note.contains("the file was there")), "{:?}", pipeline.notes());
    assert_eq!((receiver.requests().len(), pipeline.counts().sent()), (0, 0));
}
