//! From settings to a running pipeline.

use std::sync::Arc;

use super::builder::{Builder, Verbose};
use crate::app::{Clock, directories, random};
use crate::consent::State;
#[cfg(feature = "otlp")]
use crate::export::Endpoint;
use crate::export::LocalExporter;
use crate::identity::{InstallKey, session_id};
#[cfg(feature = "otlp")]
use crate::pipeline::Destination;
use crate::pipeline::{Parts, Pipeline, Place};
use crate::privacy::{Engine, Plans, Pseudonymizer, Resource};

impl Builder {
    /// Makes the pipeline. Trouble goes into `notes`.
    pub(super) fn run(
        &self,
        state: State,
        #[cfg(feature = "otlp")] endpoint: Option<&Endpoint>,
        notes: &mut Vec<String>,
    ) -> Option<Pipeline> {
        #[cfg(not(feature = "otlp"))]
        let _ = state;
        let app = self.consent.app();
        let clock: Clock = self.environment.clock_or_system();
        let today = clock.wall().date();
        let directory = directories::data(&self.environment, app);
        let loaded = match &directory {
            Some(directory) => InstallKey::load(directory, today, self.rotation).ok(),
            None => None,
        };
        let (key, pending) = match loaded {
            Some(loaded) => (loaded.key, loaded.pending),
            None => match InstallKey::draw(today) {
                Ok(key) => (key, None),
                Err(error) => {
                    notes.push(format!("telemetry does not run: {error}"));
                    return None;
                }
            },
        };
        let pseudonyms = Pseudonymizer::with_key(key.bytes());
        let engine = Arc::new(Engine { policy: self.policy.clone(), pseudonyms: pseudonyms.clone() });
        let own = [
            ("service.name".to_owned(), app.name().to_owned()),
            ("service.version".to_owned(), app.version().to_owned()),
            ("session.id".to_owned(), session_id(&key, today).as_str().to_owned()),
        ];
        let resource = Resource::clean(&engine, own.into_iter().chain(self.resource.iter().cloned()));
        let mut run = [0; 8];
        if random::fill(&mut run).is_err() {
            notes.push("telemetry does not run: the operating system gives no randomness".to_owned());
            return None;
        }
        let place = match &directory {
            #[cfg(feature = "store")]
            Some(directory) => Place::Disk { directory: directory.clone(), limits: crate::store::Limits::default() },
            _ => {
                notes.push("records are kept in memory only: no home directory is known".to_owned());
                Place::memory()
            }
        };
        let environment = self.environment.clone();
        let mut exporters: Vec<_> = self.memory.iter().cloned().map(LocalExporter::Memory).collect();
        if self.verbose_by_environment() == Verbose::Yes {
            exporters.push(LocalExporter::Stderr);
        }
        #[cfg(feature = "otlp")]
        let destination = endpoint
            .filter(|endpoint| {
                let allowed = state == State::On || endpoint.is_loopback();
                if !allowed {
                    notes.push("nothing is sent: on a developer's machine data stays on the machine".to_owned());
                }
                allowed
            })
            .map(|endpoint| Destination {
                endpoint: endpoint.clone(),
                settings: self.otlp.http.clone(),
                schedule: self.otlp.schedule,
            });
        let started = Pipeline::start(Parts {
            name: app.name().to_owned(),
            plans: Arc::new(Plans::new(self.policy.clone())),
            engine,
            resource,
            clock,
            run: u64::from_le_bytes(run),
            place,
            exporters,
            prepare: Box::new(move || {
                let Some(directory) = directory else { return Ok(()) };
                directories::create_private(&environment, &directory).map_err(|error| error.to_string())?;
                // Without the file, pseudonyms hold for this process alone.
                if let Some(Ok(shared)) = pending.map(crate::identity::PendingKey::persist) {
                    pseudonyms.rekey(shared.bytes());
                }
                Ok(())
            }),
            #[cfg(feature = "otlp")]
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
}
