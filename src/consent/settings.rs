//! What the application's code says about consent.

use std::path::PathBuf;

use super::agreed::Collected;
use super::decision::Decision;
use crate::app::App;

/// What the application's code says about consent; a part of the telemetry builder.
///
/// Nothing in here is a yes of the user. [`assume_consent`](Settings::assume_consent) is the operator's, for machines
/// whose user and operator are the same.
#[derive(Clone, Debug)]
#[must_use]
pub struct Settings {
    pub(super) app: App,
    pub(super) disabled: Disabled,
    pub(super) in_ci: InCi,
    pub(super) in_development: InDevelopment,
    pub(super) assumed: Option<String>,
    pub(super) granted: Granted,
    pub(super) config_files: Vec<PathBuf>,
    pub(super) collection: u32,
    pub(super) collected: Option<Collected>,
    pub(super) host: Option<String>,
}

impl Settings {
    /// The settings of an application that says nothing.
    pub fn new(app: App) -> Self {
        Self {
            app,
            disabled: Disabled::No,
            in_ci: InCi::Off,
            in_development: InDevelopment::Off,
            assumed: None,
            granted: Granted::No,
            config_files: Vec::new(),
            collection: 1,
            collected: None,
            host: None,
        }
    }

    /// Turns telemetry off. Default: [`Disabled::No`], which is not a yes.
    pub fn disabled(mut self, disabled: Disabled) -> Self {
        self.disabled = disabled;
        self
    }

    /// What happens on a build machine. Default: off.
    pub fn in_ci(mut self, in_ci: InCi) -> Self {
        self.in_ci = in_ci;
        self
    }

    /// What happens where `ENVIRONMENT` names a developer's machine. Default: off.
    pub fn in_development(mut self, in_development: InDevelopment) -> Self {
        self.in_development = in_development;
        self
    }

    /// The operator's yes, with the reason for it, which `status` shows. An empty reason is no yes. Default: none.
    pub fn assume_consent(mut self, reason: impl Into<String>) -> Self {
        self.assumed = Some(reason.into());
        self
    }

    /// Whether the operator says yes in the users' place.
    pub(crate) fn is_assumed(&self) -> bool {
        self.assumed.is_some()
    }

    /// The user's own yes, said while the program runs.
    pub(crate) fn granted(mut self) -> Self {
        self.granted = Granted::Yes;
        self
    }

    /// Also looks into this TOML file for `[telemetry] enabled = false`. Other keys are the application's own, unless one
    /// says the same in other words, such as `enable = false`: that is a no too, and the decision asks what was meant. May be
    /// called more than once. Default: only `telemetry.toml` in the application's configuration directory.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config_files.push(path.into());
        self
    }

    /// The version of what is collected. A yes that was saved for a lower one does not count. Default: 1.
    pub fn collection(mut self, version: u32) -> Self {
        self.collection = version;
        self
    }

    /// What is collected, entry by entry: of it, a saved yes covers what it was given for.
    pub(crate) fn collected(mut self, version: u32, collected: Collected) -> Self {
        self.collection = version;
        self.collected = Some(collected);
        self
    }

    /// The host that data is sent to. A yes that was saved for another one does not count. Default: none, data stays.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Whether a decision lets through all that is collected, so that there is nothing more to say yes to.
    pub(crate) fn all_agreed(&self, decision: &Decision) -> bool {
        let mut entries = self.collected.iter().flat_map(|collected| &collected.entries);
        entries.all(|entry| decision.agreed().covers(&entry.id))
    }

    /// The application these settings are for.
    pub fn app(&self) -> &App {
        &self.app
    }
}

/// Whether the application itself turns telemetry off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disabled {
    /// It does not.
    #[default]
    No,
    /// By its code.
    InCode,
    /// By its user's `--no-telemetry`.
    ByFlag,
}

/// Whether the user said yes while the program ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Granted {
    No,
    Yes,
}

/// What a build machine means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InCi {
    /// Off.
    #[default]
    Off,
    /// Off, unless `{P}_TELEMETRY_ENABLED` says yes for this very process.
    OnWithVariable,
}

/// What a developer's machine means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InDevelopment {
    /// Off.
    #[default]
    Off,
    /// What is allowed otherwise may be kept and sent on this machine, and never leaves it.
    LocalOnly,
}
