//! The entry point: wires the rooms together and owns their end.

mod builder;
#[cfg(feature = "upload")]
mod delivery;
#[cfg(feature = "upload")]
mod destinations;
mod error;
mod launch;
mod status;
mod upkeep;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::registry::LookupSpan;

pub use builder::Builder;
pub use error::Error;
pub use status::Status;

use crate::app::{App, Presence};
use crate::consent::{Decision, Saved, State};
#[cfg(feature = "upload")]
use crate::export::Receiver;
use crate::layer::{Core, Gate, TelemetryLayer};
use crate::pipeline::{Loss, Pipeline, Place, Unfinished};

/// What dropping a [`Telemetry`] may take at most.
const EXIT: Duration = Duration::from_millis(50);
/// Turned-away targets, and records that are not declared, that a status names.
const LOUDEST: usize = 5;

/// Telemetry of an application: off until its user says yes.
///
/// Keep it until the program ends: dropping it writes what is queued to the local store, within 50 ms, and sends
/// nothing. Dropped early, the layer goes on collecting to the store; what is there is sent by a later run that lives for 5
/// seconds, finds 100 records, or flushes.
#[must_use = "dropping it at once stops uploads; bind it to a variable that lives as long as the program"]
pub struct Telemetry {
    decision: Decision,
    core: Arc<Core>,
    #[cfg(feature = "upload")]
    receivers: Vec<Receiver>,
    pipeline: OnceLock<Pipeline>,
    /// The user said no while the program ran, whether anything was collected or not.
    withdrawn: AtomicBool,
    notes: Vec<String>,
    builder: Builder,
}

impl Telemetry {
    /// Settings for an application: `Telemetry::builder(tracing_privacy::app!())`.
    pub fn builder(app: App) -> Builder {
        Builder::new(app)
    }

    /// Telemetry with everything from the environment: `{P}_TELEMETRY_ENABLED`, `_VERBOSE`, `_ENDPOINT`, `_PROTOCOL`, `_BACKEND` and
    /// those of ClickHouse.
    ///
    /// # Errors
    /// The application's name cannot be used.
    pub fn from_env(app: App) -> Result<Self, Error> {
        Self::builder(app).start()
    }

    /// The layer to add to the application's registry; `None` while telemetry is off, which costs nothing, unless the
    /// builder was told to be [`switchable`](Builder::switchable).
    ///
    /// It is not for a [`reload::Layer`](tracing_subscriber::reload::Layer), which panics when it is given a layer with a filter of
    /// its own, as this one is, while the program runs (tracing-subscriber 0.3). To begin later, be `switchable` and
    /// [`grant`](Self::grant); to end, [`withdraw`](Self::withdraw).
    pub fn layer<S>(&self) -> Option<Filtered<TelemetryLayer, Gate, S>>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let wanted = self.pipeline.get().is_some() || self.builder.is_switchable();
        wanted.then(|| TelemetryLayer::new(Arc::clone(&self.core)).with_filter(Gate::new(Arc::clone(&self.core))))
    }

    /// Whether telemetry may be, and why.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whether records are being collected.
    pub fn is_on(&self) -> bool {
        self.pipeline.get().is_some_and(|pipeline| !pipeline.is_withdrawn())
    }

    /// The state of things, fit to be shown to the user.
    pub fn status(&self) -> Status {
        let pipeline = self.pipeline.get();
        let mut notes = self.notes.clone();
        notes.extend(pipeline.map(Pipeline::notes).unwrap_or_default());
        Status {
            decision: self.decision.clone(),
            withdrawn: self.is_withdrawn(),
            counts: pipeline.map(Pipeline::counts).unwrap_or_default(),
            events_in_open_spans: self.core.events_in_open_spans(),
            store: self.pipeline.get().and_then(|pipeline| file_of(pipeline.place())),
            left: self.left(),
            #[cfg(feature = "upload")]
            destinations: pipeline.map(Pipeline::destinations).unwrap_or_default(),
            #[cfg(feature = "upload")]
            last_answer: pipeline.and_then(Pipeline::last_answer),
            #[cfg(not(feature = "upload"))]
            last_answer: None,
            turned_away: self.turned_away(),
            log_records: self.builder.log_records,
            undeclared: self.undeclared(),
            notes,
        }
    }

    /// The file of earlier runs, while this one keeps nothing in it.
    fn left(&self) -> Option<PathBuf> {
        let file = file_of(self.builder.place()?)?;
        (self.builder.environment.exists(&file) == Presence::Present).then_some(file)
    }

    fn undeclared(&self) -> Vec<(String, u64)> {
        let mut records: Vec<(String, u64)> = Vec::new();
        let Some(plans) = self.pipeline.get().map(Pipeline::plans) else { return records };
        for plan in plans.iter().filter(|plan| plan.turned_away() > 0) {
            let Some((header, why)) = plan.objection() else { continue };
            let what = format!("{header}: {why}");
            match records.iter_mut().find(|(known, _)| *known == what) {
                Some((_, sum)) => *sum += plan.turned_away(),
                None => records.push((what, plan.turned_away())),
            }
        }
        loudest(records)
    }

    fn turned_away(&self) -> Vec<(String, u64)> {
        let mut targets: Vec<(String, u64)> = Vec::new();
        let Some(plans) = self.pipeline.get().map(Pipeline::plans) else { return targets };
        for plan in plans.iter().filter(|plan| plan.objection().is_none()) {
            let count = plan.turned_away();
            match targets.iter_mut().find(|(target, _)| **target == *plan.target) {
                Some((_, sum)) => *sum += count,
                None if count > 0 => targets.push((plan.target.to_string(), count)),
                None => {}
            }
        }
        loudest(targets)
    }

    /// The newest stored records, oldest first, each as one line of JSON. Nothing of a record is sent that does not stand there;
    /// less is, where a later run that sends it has a stricter policy, or its user agreed to less. Also while off: what earlier
    /// runs kept.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn records(&self, count: usize) -> std::io::Result<Vec<String>> {
        self.place().newest(count).map_err(|trouble| std::io::Error::other(trouble.to_string()))
    }

    /// Writes all stored records as JSON lines, oldest first: exactly what is kept. Tells how many there are.
    ///
    /// # Errors
    /// The store cannot be read, or `out` cannot be written to.
    pub fn export(&self, out: &mut dyn std::io::Write) -> std::io::Result<u64> {
        self.place().export(out).map_err(|trouble| std::io::Error::other(trouble.to_string()))
    }

    /// Deletes all stored records, so that no byte of them is left in the store's files; also while off, those of earlier
    /// runs. Tells how many there were; 0 where a ruined file could only be removed as a whole. In the counts, those of this
    /// run that were not sent move from `stored` to [`Loss::Cleared`](crate::Loss::Cleared); a program that runs beside this one
    /// does not hear of it and goes on counting its own as stored.
    ///
    /// What is still queued, and what is logged later, is stored as ever: to end collection, [`Telemetry::withdraw`]
    /// first.
    ///
    /// # Errors
    /// The store cannot be written to, or another program that reads it keeps the bytes alive.
    pub fn clear(&self) -> std::io::Result<u64> {
        let cleared = match self.pipeline.get() {
            Some(pipeline) => pipeline.clear(),
            None => self.place().clear(0).and_then(|erased| erased.rest.map(|()| erased.rows)),
        };
        cleared.map_err(|trouble| std::io::Error::other(trouble.to_string()))
    }

    /// Where records are kept: also while off, since earlier runs may have kept some.
    fn place(&self) -> Place {
        match self.pipeline.get() {
            Some(pipeline) => pipeline.place(),
            None => self.builder.place().unwrap_or_else(Place::memory),
        }
    }

    /// Stores and sends what was logged before the call; `deadline` is for everything together.
    ///
    /// # Errors
    /// Time ran out, the store did not take everything, or the server could not be reached or asked for time. What is
    /// stored is sent later, by this run or the next. What a server refuses for good is no error: see [`Loss::Rejected`](crate::Loss::Rejected).
    pub fn flush(&self, deadline: Duration) -> Result<(), Unfinished> {
        self.pipeline.get().map_or(Ok(()), |pipeline| pipeline.flush(deadline))
    }

    /// As [`Telemetry::flush`], and then tells the threads to end. The layer takes no more records. May take 50 ms longer.
    ///
    /// # Errors
    /// As [`Telemetry::flush`]; the threads end all the same, after what they are doing.
    pub fn shutdown(self, deadline: Duration) -> Result<(), Unfinished> {
        let done = self.pipeline.get().map_or(Ok(()), |pipeline| pipeline.shutdown(deadline));
        self.core.end(Loss::Exit);
        done
    }

    /// Ends collection at once, for all threads. When it returns, nothing more is stored or sent by this program, not even what was
    /// queued. What was stored before stays until it is deleted, and a later run with a yes, or another that runs beside this one,
    /// may send it: [`Telemetry::clear`] it if the no is meant for that too.
    ///
    /// Waits for a request to be cut and for a transaction of the store to end, as a rule some milliseconds. Two things that
    /// began before may end after: printing a record that was stored ([`Builder::verbose`]), and a call into an exporter or
    /// processor of the application's own, which nobody can take back.
    ///
    /// It holds for the rest of this run, also if nothing was collected yet and whoever [grants](Telemetry::grant) later. To
    /// make it last, the application saves its user's no.
    pub fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::SeqCst);
        self.end();
    }

    fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::SeqCst) || self.pipeline.get().is_some_and(Pipeline::is_withdrawn)
    }

    /// Ends collection, if it runs.
    fn end(&self) {
        if let Some(pipeline) = self.pipeline.get() {
            pipeline.withdraw();
            self.core.end(Loss::Withdrawn);
            // A forked child may have inherited the locks of `tracing-core` from a thread that it does not have.
            if pipeline.is_home() {
                forget_interest();
            }
        }
    }

    /// The user's yes to all that this program collects, and to where it sends it, for the application to save:
    /// [`Saved::to_json`] is the text of `consent.json`. With an [`Inventory`](crate::privacy::Inventory), what is added to
    /// it later is withheld until the user has been asked again.
    pub fn agreement(&self) -> Saved {
        let now = self.builder.environment.clock_or_system().wall().to_string();
        let seconds = now.split('.').next().unwrap_or(&now);
        Saved::yes_to(&self.builder.consent, &format!("{seconds}Z"))
    }

    /// The user's yes while the program runs. Save it first: [`Telemetry::agreement`] is what to save, and a no that was saved
    /// before is a veto as long as it is there. The decision tells what came of it:
    ///
    /// - Any veto still wins, and one that has come up since the start ends collection, as [`Telemetry::withdraw`] does.
    /// - While nothing is collected, it takes effect at once if the builder was told to be
    ///   [`switchable`](Builder::switchable), else with the next start of the program.
    /// - While something is collected and new entries of an [`Inventory`](crate::privacy::Inventory) are withheld, they stay
    ///   so until the next start: what is collected does not widen while it runs.
    /// - After a withdrawal, also one that came before anything was collected, it counts from the next start: a withdrawal
    ///   holds for the rest of the run.
    pub fn grant(&mut self) -> &Decision {
        const LATER: &str = "the user said yes while the program ran, which counts from the next start";
        const WITHDRAWN: &str = "the user said no and then yes while the program ran, and the no holds until it ends";

        let granted = self.builder.decide_with_yes();
        if granted.state() == State::Off {
            self.end();
            self.decision = granted;
        } else if self.is_withdrawn() {
            self.decision = granted.put_off(WITHDRAWN);
        } else if self.pipeline.get().is_some() {
            if !self.builder.consent.all_agreed(&self.decision) {
                self.decision.and_more_later();
            }
        } else if self.builder.is_switchable() {
            self.decision = granted;
            match self.builder.read_policy_file() {
                Ok(()) => {
                    self.run();
                    forget_interest();
                }
                Err(error) => {
                    let note = format!("telemetry does not run: {error}");
                    self.notes.retain(|known| *known != note);
                    self.notes.push(note);
                }
            }
        } else {
            self.decision = granted.put_off(LATER);
        }
        &self.decision
    }

    /// Starts the pipeline and connects the layer to it.
    fn run(&mut self) {
        let pipeline = self.builder.run(
            &self.decision,
            #[cfg(feature = "upload")]
            &self.receivers,
            &mut self.notes,
        );
        if let Some(pipeline) = pipeline {
            self.core.run(pipeline.clone());
            // It is set here alone, and only while it is empty.
            let _ = self.pipeline.set(pipeline);
        }
    }
}

/// Those of which there are most.
/// The file that records are kept in, if it is on a disk.
fn file_of(place: Place) -> Option<PathBuf> {
    match place {
        #[cfg(feature = "store")]
        Place::Disk { directory, .. } => Some(crate::store::path_in(&directory)),
        Place::Memory(_) => None,
    }
}

fn loudest(mut counted: Vec<(String, u64)>) -> Vec<(String, u64)> {
    counted.sort_by(|(name, count), (other, others)| others.cmp(count).then(name.cmp(other)));
    counted.truncate(LOUDEST);
    counted
}

/// Makes every subscriber in the process be asked anew what it wants.
fn forget_interest() {
    // While there is but one subscriber, `tracing-core` asks the calling thread's default in its place, which may be
    // none: the host would fall silent (tokio-rs/tracing#3611). With a second one it asks all that are there.
    drop(tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default()));
    tracing::callsite::rebuild_interest_cache();
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(pipeline) = self.pipeline.get() {
            pipeline.stop_uploading();
            // What does not make it in time is written by the worker, if the program lives on.
            let _ = pipeline.store(EXIT);
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("decision", &self.decision.reason())
            .field("pipeline", &self.pipeline.get())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::Events;
    use crate::app::Environment;

    #[test]
    fn without_randomness_for_a_key_nothing_is_collected_and_the_status_says_why() {
        let builder = Telemetry::builder(crate::app!("acme"))
            .environment(Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]))
            .targets("shop=info");
        let telemetry = crate::app::random::without(|| builder.start()).expect("the machine is no mistake in code");
        let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(telemetry.layer()));
        tracing::dispatcher::with_default(&dispatch, || tracing::info!(target: "shop", user_id = 42, "order placed"));
        let status = telemetry.status();
        let why = "telemetry does not run: the operating system gave no randomness";
        assert!(status.notes().iter().any(|note| note == why), "{status}");
        assert!(!telemetry.is_on() && telemetry.layer::<tracing_subscriber::Registry>().is_none());
        assert_eq!(telemetry.records(9).expect("there is nothing to read"), [""; 0]);
    }

    fn with_events_in_spans() -> (Telemetry, Pipeline, tracing::Dispatch) {
        let telemetry = Telemetry::builder(crate::app!("acme"))
            .environment(Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]))
            .targets("shop=info")
            .events(Events::SpanEvents)
            .start()
            .expect("the settings are right");
        let pipeline = telemetry.pipeline.get().expect("it is on").clone();
        let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(telemetry.layer()));
        (telemetry, pipeline, dispatch)
    }

    #[test]
    fn what_spans_hold_that_are_open_at_the_end_is_lost_by_it() {
        let (telemetry, pipeline, dispatch) = with_events_in_spans();
        tracing::dispatcher::with_default(&dispatch, || {
            let open = tracing::info_span!(target: "shop", "job");
            open.in_scope(|| (0..3).for_each(|step| tracing::info!(target: "shop", step)));
            telemetry.shutdown(Duration::from_secs(30)).expect("there is time enough");
        });
        assert_eq!((pipeline.counts().lost(Loss::Exit), pipeline.counts().dropped()), (3, 3), "{}", pipeline.counts());
    }

    #[test]
    fn what_a_span_holds_that_closes_when_the_pipeline_has_ended_and_the_layer_not_yet_is_lost_with_it() {
        let (telemetry, pipeline, dispatch) = with_events_in_spans();
        let lost = || (pipeline.counts().lost(Loss::Withdrawn), pipeline.counts().dropped());
        tracing::dispatcher::with_default(&dispatch, || {
            let [closes, stays] = [3, 2].map(|events| {
                let span = tracing::info_span!(target: "shop", "job");
                span.in_scope(|| (0..events).for_each(|step| tracing::info!(target: "shop", step)));
                span
            });
            // The first half of what `withdraw` does.
            pipeline.withdraw();
            drop(closes);
            assert_eq!(lost(), (3, 3), "{}", pipeline.counts());
            telemetry.withdraw();
            assert_eq!(lost(), (5, 5), "each once: {}", pipeline.counts());
            drop(stays);
        });
        assert_eq!(lost(), (5, 5), "{}", pipeline.counts());
    }
}
