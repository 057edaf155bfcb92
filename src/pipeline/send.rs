//! Sending a load to each destination that lacks it, and settling it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::counters::Loss;
use super::hold::{Hold, Look};
use super::load::{self, Load};
use super::outbox::Trouble;
use super::queue::lock;
use super::untold::{News, Untold};
use super::uploader::{Round, Uploader};
use crate::export::{BreakerState, Outcome, Parcel, ROUNDS, Step};
use crate::record::claim::Answers;

/// How a load fared on one route.
enum Fared {
    /// The destination has it, but for so many records.
    Delivered(u64),
    /// The destination will never take it.
    Refused,
    /// It is too much at once for the destination.
    TooLarge,
    /// The destination was asked, and did not take it now.
    Failed,
    /// The destination was not asked, or does not take anything of the kind now.
    Later,
    /// The batches are not ours any more.
    Lost,
    /// Consent was withdrawn, or the thread is to end.
    Over,
}

/// What came of a try.
enum Tried {
    Answered(Outcome),
    /// The batches are not ours any more, or that is not known: the next request was held back.
    Unheld(Result<(), Trouble>),
    /// It was cut by a withdrawal.
    Cut,
}

impl Uploader<'_> {
    /// Sends a load to each destination that does not have it, until it is settled or this round's tries are used up.
    pub(super) fn send(&mut self, load: Load) -> Result<Round, Trouble> {
        self.in_hand.take(Hold {
            outbox: self.outbox.clone(),
            batches: load.batches.clone(),
            lease: load.lease,
            longest: self.longest,
            clock: self.shared.clock.clone(),
            erasures: Arc::clone(&self.upload.erasures),
            erasures_seen: self.erasures,
            end: None,
        });
        let round = self.send_in_hand(load);
        self.in_hand.let_go();
        round
    }

    fn send_in_hand(&mut self, mut load: Load) -> Result<Round, Trouble> {
        let is_noted = self.routes.len() > 1 || self.routes.iter().any(|route| route.knows_tokens);
        // Records that no destination takes; what one of them has is sent.
        let mut refused = load.has_arrived.then(|| self.refused.of(load.number));
        let mut has_arrived = refused.is_some_and(|refused| refused < load.rows);
        let (mut is_left, mut loss) = (load.is_left, Loss::Rejected);
        for place in std::mem::take(&mut load.given_up) {
            loss = Loss::GivenUp;
            let all_refused = refused.unwrap_or(load.rows);
            refused = Some(all_refused);
            self.refused.remember(load.number, all_refused);
            self.give_up(place, &load);
        }
        let mut progress = loss == Loss::GivenUp;
        for (nth, (place, mut parcel)) in std::mem::take(&mut load.parcels).into_iter().enumerate() {
            let (bit, knows_tokens) = (self.routes[place].bit, self.routes[place].knows_tokens);
            if knows_tokens || (nth == 0 && is_noted) {
                // Before the first try: whoever takes over after a crash sends the same rows under the same number. Who is asked
                // later is noted later: the run may end while it waits for somebody else.
                let asked = if knows_tokens { bit } else { 0 };
                self.outbox.note(&load.batches, load.number, Answers { asked, ..load.unwanted() })?;
            }
            let fared = self.deliver(place, &mut parcel, &load)?;
            for note in self.routes[place].exporter.take_notes() {
                self.shared.note_of(&self.routes[place].label, note);
            }
            if parcel.is_certainly_absent() && !matches!(fared, Fared::Lost) {
                // What cannot be noted is not known by the next round: the load stays whole.
                let _ = self.outbox.note(&load.batches, load.number, Answers { absent: bit, ..Answers::default() });
            }
            let (rejected, answers) = match fared {
                Fared::Delivered(rejected) => {
                    has_arrived = true;
                    self.taken(place, &load, rejected);
                    (rejected.min(load.rows), Answers { took: bit, ..Answers::default() })
                }
                Fared::Refused => (load.rows, Answers { refused: bit, ..Answers::default() }),
                Fared::TooLarge => {
                    is_left = true;
                    self.too_large(place, &load)?;
                    continue;
                }
                Fared::Failed => {
                    is_left = true;
                    self.failed(place, &load, is_noted)?;
                    continue;
                }
                Fared::Later => {
                    is_left = true;
                    continue;
                }
                Fared::Lost => return Ok(Round::Settled(0)),
                Fared::Over => {
                    self.settled(load.batches, News::Left)?;
                    return Ok(Round::Over);
                }
            };
            let all_refused = refused.map_or(rejected, |refused| refused.min(rejected));
            refused = Some(all_refused);
            self.refused.remember(load.number, all_refused);
            progress = true;
            self.done(&load, answers);
        }
        let Load { number, rows, own, batches, .. } = load;
        let refused = refused.unwrap_or(0);
        if is_left {
            if progress {
                self.suspects.look_again(number);
            }
            self.settled(batches, News::Left)?;
            return Ok(Round::Settled(if progress { rows } else { 0 }));
        }
        self.refused.settled(number, refused);
        let news = if has_arrived { News::Sent { own, rejected: refused } } else { News::Lost { own, why: loss } };
        self.settled(batches, news)?;
        Ok(Round::Settled(rows))
    }

    /// A destination is not asked to take a load any more. The next one is asked also if that cannot be noted now.
    fn done(&mut self, load: &Load, answers: Answers) {
        if self.routes.len() > 1 || load.is_owed {
            let news = News::Done { load: load.number, answers };
            self.untold.push_back(Untold { batches: load.batches.clone(), news });
            let _ = self.tell();
        }
    }

    /// All that was to be done with a load in this round is done.
    fn settled(&mut self, batches: Vec<i64>, news: News) -> Result<(), Trouble> {
        self.untold.push_back(Untold { batches, news });
        self.tell()
    }

    /// A destination took a load.
    fn taken(&mut self, place: usize, load: &Load, rejected: u64) {
        let route = &mut self.routes[place];
        if let Some(answer) = route.exporter.take_answer() {
            *lock(&self.upload.answer) = Some(answer);
        }
        self.shared.queue.counters.answered(load.signal, load.rows, rejected);
        let counted = self.suspects.took(load.number, load.signal, route.bit);
        // What cannot be remembered counts in this pass alone.
        let _ = self.outbox.suspect(&counted);
    }

    /// A destination failed at a load, which goes out as it is from now on: what comes later is not to fail with it.
    fn failed(&mut self, place: usize, load: &Load, is_noted: bool) -> Result<(), Trouble> {
        if !is_noted {
            self.outbox.note(&load.batches, load.number, load.unwanted())?;
        }
        let bit = self.routes[place].bit;
        let suspect = self.suspects.failed(load.number, load.signal, bit, self.shared.now_seconds());
        self.outbox.suspect(&[suspect])
    }

    /// A load is too much at once for a destination: it is halved when its turn comes, which is in this pass.
    fn too_large(&mut self, place: usize, load: &Load) -> Result<(), Trouble> {
        self.outbox.note(&load.batches, load.number, load.unwanted())?;
        let bit = self.routes[place].bit;
        let suspect = self.suspects.too_large(load.number, load.signal, bit, self.shared.now_seconds());
        self.outbox.suspect(&[suspect])
    }

    /// A destination goes on failing at a load.
    fn give_up(&mut self, place: usize, load: &Load) {
        self.shared.note(format!(
            "{} records were given up: {} failed at them in {ROUNDS} rounds of tries, and took others after each. Its log should say \
             why; they stay in the store, to be looked at (Telemetry::records)",
            load.rows, self.routes[place].label
        ));
        self.done(load, Answers { refused: self.routes[place].bit, ..Answers::default() });
    }

    /// Sends a load to one destination, until that has it or this round's tries are used up.
    fn deliver(&mut self, place: usize, parcel: &mut Parcel, load: &Load) -> Result<Fared, Trouble> {
        let mut failed = 0;
        let bit = self.routes[place].bit;
        // One try is enough to see that nothing has changed.
        let is_suspect = self.suspects.rounds(load.number, bit) > 0;
        let is_blamed = self.suspects.is_blamed(load.number, bit);
        loop {
            if !self.in_hand.is_held(if failed == 0 { Look::Fresh } else { Look::Anew })? {
                return Ok(Fared::Lost);
            }
            if !self.routes[place].admits(load.signal, self.shared.clock.now().0) {
                return Ok(if failed == 0 { Fared::Later } else { Fared::Failed });
            }
            let tried = self.try_once(place, parcel);
            let Tried::Answered(outcome) = tried else {
                self.routes[place].delivery.unasked();
                return if let Tried::Unheld(why) = tried { why.map(|()| Fared::Lost) } else { Ok(Fared::Over) };
            };
            let (route, now) = (&mut self.routes[place], self.shared.clock.now().0);
            let is_closed = route.delivery.state(now) == BreakerState::Closed;
            let step = match outcome {
                // That is known of the load, and says nothing about the server, which took others since: these are not to wait
                // for it.
                Outcome::Retry { after: None, .. } | Outcome::Paused { .. } if is_blamed && is_closed => Step::Later,
                // Once more in a row it may be the server, or still what is in the load: one failure of several.
                Outcome::Paused { .. } if is_suspect && is_closed => {
                    let failure = Outcome::Retry { after: None, why: "".into() };
                    route.step(&failure, load.signal, &mut failed, now)
                }
                _ => route.step(&outcome, load.signal, &mut failed, now),
            };
            if let Some(breaker) = lock(&self.upload.breakers).get_mut(place) {
                *breaker = route.delivery.breaker();
            }
            if !matches!(outcome, Outcome::Delivered { .. }) {
                self.shared.queue.counters.uploads_failed.add(1);
            }
            match outcome {
                Outcome::Delivered { rejected, message } => {
                    if let Some(message) = message {
                        self.shared.note_of(&route.label, format!("the server said: {message}"));
                    }
                    return Ok(Fared::Delivered(rejected));
                }
                Outcome::Rejected { status, why } => {
                    self.shared.note_of(&route.label, format!("the server refused records for good ({status}): {why}"));
                    return Ok(Fared::Refused);
                }
                Outcome::TooLarge { status, why } if load.rows == 1 => {
                    self.shared
                        .note_of(&route.label, format!("the server refused a record for good ({status}): {why}"));
                    return Ok(Fared::Refused);
                }
                Outcome::TooLarge { why, .. } => {
                    self.shared.note_of(&route.label, format!("{} are sent by halves: {why}", load.signal.plural()));
                    return Ok(Fared::TooLarge);
                }
                Outcome::Paused { status, why } => {
                    self.shared.note_of(
                        &route.label,
                        format!("the server takes nothing from us as things are ({status}): {why}"),
                    );
                }
                Outcome::NoTable { why } => {
                    let kind = load.signal.plural();
                    self.shared.note_of(&route.label, format!("the server takes no {kind} as things are: {why}"));
                    // That is not for anything in the load.
                    return Ok(Fared::Later);
                }
                Outcome::Retry { why, .. } | Outcome::Overloaded { why, .. } => {
                    self.shared.note_of(&route.label, format!("sending failed and is tried again: {why}"));
                }
            }
            match step {
                Step::Again(_) if is_suspect => return Ok(Fared::Failed),
                Step::Again(delay) if self.pause(delay) => {}
                Step::Again(_) => return Ok(Fared::Over),
                Step::Settled | Step::Later => return Ok(Fared::Failed),
            }
        }
    }

    /// One try, of as many requests as the parcel needs.
    fn try_once(&mut self, place: usize, parcel: &mut Parcel) -> Tried {
        let exporter = &mut self.routes[place].exporter;
        match load::guarded(self.shared, load::Step::Prepare, || exporter.prepare()) {
            Some(Ok(())) => {}
            Some(Err(outcome)) => return Tried::Answered(outcome),
            None => return Tried::Answered(panicked()),
        }
        self.shared.heed();
        // A withdrawal waits until a request is cut, and does not wait for what cannot be.
        let sending = exporter.can_be_cut().then(|| lock(&self.upload.sending));
        if self.shared.is_withdrawn() {
            return Tried::Cut;
        }
        let (clock, runtime, cancelled) = (&self.shared.clock, &self.runtime, self.upload.cancel.notified());
        // The runtime panics when the operating system gives it no thread, which may be so for a moment.
        let sent = load::guarded(self.shared, load::Step::Send, || exporter.send(parcel, clock, runtime, cancelled));
        drop(sending);
        let Some(outcome) = sent.unwrap_or_else(|| Some(panicked())) else { return Tried::Cut };
        if !matches!(outcome, Outcome::Delivered { .. }) {
            // It may have ended between two requests, for a no.
            self.shared.heed();
        }
        match outcome {
            Outcome::Delivered { .. } => Tried::Answered(outcome),
            _ if self.shared.is_withdrawn() => Tried::Cut,
            _ => match self.in_hand.end() {
                Some(why) => Tried::Unheld(why),
                None => Tried::Answered(outcome),
            },
        }
    }

    /// Waits between two tries; `false` when the thread is to end.
    fn pause(&self, delay: Duration) -> bool {
        let until = Instant::now() + delay;
        let mut state = lock(&self.upload.state);
        loop {
            if state.stop || self.shared.is_withdrawn() {
                return false;
            }
            let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) else {
                return true;
            };
            state = match self.upload.changed.wait_timeout(state, rest) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

/// What became of the try does not follow from it.
fn panicked() -> Outcome {
    Outcome::Retry { after: None, why: "a panic of our own".into() }
}
