//! From settings to a running pipeline.

use std::sync::{Arc, OnceLock};

use super::builder::{Builder, Country, InstallationIds, Verbose};
use super::upkeep::Upkeep;
use crate::app::private_directory::PrivateDirectory;
use crate::app::{self, Clock, Date, Renewed, RotatingKeys, directories, private_directory, random};
#[cfg(feature = "upload")]
use crate::consent::State;
use crate::consent::{Decision, no_since};
use crate::export::LocalExporter;
#[cfg(feature = "upload")]
use crate::export::Receiver;
use crate::identity::{InstallationId, load_keys};
#[cfg(feature = "upload")]
use crate::pipeline::Destination;
use crate::pipeline::{Parts, Pipeline, Place};
use crate::privacy::{Engine, Plans, Pseudonymizer};

impl Builder {
    /// Makes the pipeline. Trouble goes into `notes`.
    pub(super) fn run(
        &self,
        decision: &Decision,
        #[cfg(feature = "upload")] receivers: &[Receiver],
        notes: &mut Vec<String>,
    ) -> Option<Pipeline> {
        #[cfg(feature = "upload")]
        let state = decision.state();
        let app = self.consent.app();
        let clock: Clock = self.environment.clock_or_system();
        let today = clock.today();
        let directory = directories::data(&self.environment, app);
        let judged = match directory.as_deref().map(|path| PrivateDirectory::find(&self.environment, path)) {
            Some(Ok(judged)) => judged,
            Some(Err(error)) => {
                notes.push(format!("pseudonyms hold for this run alone: {error}"));
                None
            }
            None => None,
        };
        let (pseudonyms, installation) = match self.identity(&clock, judged.as_ref(), today) {
            Ok(identity) => identity,
            Err(error) => {
                notes.push(format!("telemetry does not run: {error}"));
                return None;
            }
        };
        let policy = self.policy.agreed(&clock, &|id| decision.agreed().covers(id));
        let engine = Arc::new(Engine { policy: policy.clone(), pseudonyms });
        let own = [
            ("service.name".to_owned(), app.name().to_owned()),
            ("service.version".to_owned(), app.version().to_owned()),
        ];
        let kept_in = Arc::new(OnceLock::new());
        let mut upkeep = Upkeep {
            engine: Arc::clone(&engine),
            clock: clock.clone(),
            directory: Arc::clone(&kept_in),
            attributes: own.into_iter().chain(self.resource.iter().cloned()).collect(),
            installation,
            country: match self.country {
                Country::Unsaid => None,
                Country::OfTimeZone => app::country(&self.environment),
            },
            day: today,
            not_before: 0,
        };
        let resource = upkeep.resource();
        if !resource.iter().any(|(key, _)| key.starts_with("app.installation")) {
            // The inventory or the user's yes leaves it out: then it is not kept either.
            upkeep.installation = None;
        }
        let mut run = [0; 8];
        if random::fill(&mut run).is_err() {
            notes.push("telemetry does not run: the operating system gives no randomness".to_owned());
            return None;
        }
        let environment = self.environment.clone();
        let mut exporters: Vec<_> = self.memory.iter().cloned().map(LocalExporter::Memory).collect();
        if self.verbose_by_environment() == Verbose::Yes {
            exporters.push(LocalExporter::Stderr);
        }
        #[cfg(feature = "upload")]
        let receivers = permitted(state, receivers, notes);
        #[cfg(feature = "upload")]
        let destination = (!receivers.is_empty()).then(|| Destination {
            receivers,
            schedule: self.destinations.schedule,
            tuning: self.destinations.tuning,
        });
        let place = self.place().unwrap_or_else(|| {
            let why = if cfg!(feature = "store") { "no home directory is known" } else { "the feature `store` is off" };
            notes.push(format!("records are kept in memory only: {why}"));
            Place::memory()
        });
        let started = Pipeline::start(Parts {
            name: app.name().to_owned(),
            plans: Arc::new(Plans::new(policy)),
            engine,
            resource,
            clock,
            run: u64::from_le_bytes(run),
            place,
            exporters,
            prepare: Box::new(move || {
                let Some(directory) = directory else { return Ok(()) };
                private_directory::create_private(&environment, &directory).map_err(|error| error.to_string())?;
                // Under `sudo` it may hold records and no keys; that was said at the start.
                if let Ok(Some(judged)) = PrivateDirectory::find(&environment, &directory) {
                    // This is the only place that sets it, and it is called once.
                    let _ = kept_in.set(judged);
                }
                Ok(())
            }),
            upkeep: Box::new(move || upkeep.run()),
            objection: {
                let (environment, consent) = (self.environment.clone(), self.consent.clone());
                Arc::new(move || no_since(&environment, &consent))
            },
            #[cfg(feature = "upload")]
            destination,
        });
        match started {
            Ok(pipeline) => Some(pipeline),
            Err(error) => {
                notes.push(format!("telemetry does not run: the operating system gives no thread ({error})"));
                None
            }
        }
    }

    /// The keys of pseudonyms and the installation's id, where one is wanted. Writes nothing.
    fn identity(
        &self,
        clock: &Clock,
        directory: Option<&PrivateDirectory>,
        today: Date,
    ) -> Result<(Pseudonymizer, Option<(InstallationId, Renewed)>), random::NoRandomness> {
        let (keys, renewed) = match directory {
            Some(directory) => load_keys(directory, today)?,
            None => (RotatingKeys::draw(today)?, Renewed::Yes),
        };
        let installation = match (self.installation_id, directory) {
            (InstallationIds::None, _) => None,
            (InstallationIds::For90Days, Some(directory)) => Some(InstallationId::load(directory, today)?),
            (InstallationIds::For90Days, None) => Some((InstallationId::draw(today)?, Renewed::Yes)),
        };
        let pseudonyms = Pseudonymizer::rotating(keys, renewed, self.rotation, clock.clone());
        let pseudonyms = match &self.secret {
            Some(secret) => pseudonyms.shared(secret.clone(), self.consent.app().name()),
            None => pseudonyms,
        };
        Ok((pseudonyms, installation))
    }

    /// Where records are kept on disk, for nobody but the user; none if nowhere. Touches nothing.
    pub(super) fn place(&self) -> Option<Place> {
        #[cfg(feature = "store")]
        {
            use crate::record::Hosts;
            use crate::store::Limits;
            let directory = directories::data(&self.environment, self.consent.app())?;
            Some(Place::Disk { directory, limits: Limits::default(), hosts: Hosts::default() })
        }
        #[cfg(not(feature = "store"))]
        None
    }
}

/// Those that may get the data; one note names the others.
#[cfg(feature = "upload")]
fn permitted(state: State, receivers: &[Receiver], notes: &mut Vec<String>) -> Vec<Receiver> {
    let (permitted, left_out): (Vec<_>, Vec<_>) =
        receivers.iter().cloned().partition(|receiver| state == State::On || receiver.is_loopback());
    let why = "on a developer's machine data stays on the machine";
    match (&left_out[..], &permitted[..]) {
        ([], _) => {}
        (_, []) => notes.push(format!("nothing is sent: {why}")),
        (some, _) => {
            let labels: Vec<_> = some.iter().map(Receiver::label).collect();
            notes.push(format!("nothing is sent to {}: {why}", labels.join(" and ")));
        }
    }
    permitted
}

#[cfg(all(test, feature = "otlp", feature = "clickhouse"))]
mod tests {
    use opentelemetry_sdk::trace::InMemorySpanExporter;

    use super::*;
    use crate::app::Environment;
    use crate::telemetry::Telemetry;

    /// What is sent to on a developer's machine, and the notes.
    fn in_development(settings: fn(Builder) -> Builder) -> (Vec<String>, Vec<String>) {
        let variables = [("ACME_TELEMETRY_ENABLED", "true"), ("ENVIRONMENT", "dev")];
        let builder = Telemetry::builder(crate::app!("acme")).environment(Environment::fixed(variables));
        let telemetry = settings(builder).allow_local_in_development().start().expect("the settings are right");
        let status = telemetry.status();
        let sent = status.destinations().iter().map(|(label, _)| label.clone()).collect();
        let notes = status.notes().iter().filter(|note| note.contains("sent")).cloned().collect();
        (sent, notes)
    }

    #[test]
    fn on_a_developers_machine_the_status_names_once_what_gets_nothing() {
        fn elsewhere(builder: Builder) -> Builder {
            builder.clickhouse("https://ch.example").span_exporter(InMemorySpanExporter::default())
        }
        let (sent, notes) = in_development(|builder| elsewhere(builder.otlp("http://127.0.0.1:9")));
        assert_eq!(sent, ["http://127.0.0.1:9"]);
        let whom = "https://ch.example and span exporter InMemorySpanExporter";
        let why = "on a developer's machine data stays on the machine";
        assert_eq!(notes, [format!("nothing is sent to {whom}: {why}")]);
        let (sent, notes) = in_development(|builder| elsewhere(builder.otlp("https://otlp.example")));
        assert_eq!((sent, notes), (vec![], vec![format!("nothing is sent: {why}")]));
        let (sent, notes) = in_development(|builder| builder.otlp("http://127.0.0.1:9"));
        assert_eq!((sent, notes), (vec!["http://127.0.0.1:9".to_owned()], vec![]));
    }
}
