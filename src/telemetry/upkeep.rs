//! What is done again and again while the program runs: keys and ids whose time is over are replaced, off the threads of
//! those who log.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::app::private_directory::PrivateDirectory;
use crate::app::{Clock, Date, Renewed};
use crate::identity::{InstallationId, save_keys, session_id};
use crate::pipeline::Kept;
use crate::privacy::{Engine, Resource, Source};

/// How long after a failure files are written again.
const AGAIN: Duration = Duration::from_secs(60);

pub(super) struct Upkeep {
    pub(super) engine: Arc<Engine>,
    pub(super) clock: Clock,
    /// Where keys and ids are kept, once it was made and judged; empty if there is no such place.
    pub(super) directory: Arc<OnceLock<PrivateDirectory>>,
    /// What describes the application, as it is before it is cleaned.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) installation: Option<(InstallationId, Renewed)>,
    /// The country of the time zone, where that is asked for and known.
    pub(super) country: Option<&'static str>,
    /// The day that the attributes are of.
    pub(super) day: Date,
    /// Ticks of the clock before which nothing is written again.
    pub(super) not_before: u64,
}

impl Upkeep {
    /// Attributes of all records from now on.
    pub(super) fn resource(&self) -> Resource {
        let session = self.engine.pseudonyms.keys().map(|keys| session_id(&keys, self.day).to_string());
        let ids = [
            ("session.id", session),
            ("app.installation.id", self.installation.as_ref().map(|(id, _)| id.to_string())),
            ("geo.country.iso_code", self.country.map(str::to_owned)),
        ];
        let ids = ids.into_iter().filter_map(|(key, id)| Some((key.to_owned(), id?)));
        let (own, more) = self.attributes.split_at(self.attributes.len().min(2));
        let own = Resource::clean(&self.engine, Source::Crate, own.iter().cloned().chain(ids));
        own.and(Resource::clean(&self.engine, Source::Application, more.iter().cloned()))
    }

    /// Replaces what has had its time. When nothing has, this costs a look at the clock.
    pub(super) fn run(&mut self) -> Kept {
        let pseudonyms = &self.engine.pseudonyms;
        pseudonyms.turn();
        let today = self.clock.today();
        let mut changed = today != self.day;
        self.day = today;
        let mut kept = Kept::default();
        if let Some((id, unsaved)) = &mut self.installation
            && !id.holds(today)
            && let Ok(other) = InstallationId::draw(today)
        {
            (*id, *unsaved) = (other, Renewed::Yes);
            changed = true;
        }
        let now = self.clock.now().0;
        if let Some(directory) = self.directory.get().filter(|directory| now >= self.not_before && !directory.is_gone())
        {
            let mut result = Ok(());
            if let Some((keys, day)) = pseudonyms.unsaved() {
                result = save_keys(directory, &keys, day).map(|saved| {
                    pseudonyms.adopt(&saved);
                    changed = true;
                });
            }
            if let Some((id, unsaved @ Renewed::Yes)) = &mut self.installation {
                let saved = id.clone().save(directory, today).map(|saved| {
                    (*id, *unsaved) = (saved, Renewed::No);
                    changed = true;
                });
                result = result.and(saved);
            }
            if let Err(error) = result {
                self.not_before = now.saturating_add(AGAIN.as_nanos() as u64);
                kept.note = Some(format!("pseudonyms hold for this run alone: their key could not be kept ({error})"));
            }
        }
        kept.resource = changed.then(|| self.resource());
        kept
    }
}
