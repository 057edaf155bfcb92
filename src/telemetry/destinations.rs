//! Where records are sent: by the application's code, and by its user's environment.

#[cfg(any(feature = "otlp", feature = "clickhouse"))]
use std::fmt::Display;

use super::error::Error;
use crate::app::{App, Environment, Var};
#[cfg(any(feature = "otlp", feature = "clickhouse"))]
use crate::export::Endpoint;
#[cfg(feature = "clickhouse")]
use crate::export::clickhouse::ClickHouseBuilder;
#[cfg(feature = "otlp")]
use crate::export::{OtlpSettings, UnknownProtocol};
use crate::export::{Receiver, SdkDestination};
use crate::pipeline::{Schedule, Tuning};

/// What the code says.
#[derive(Clone)]
pub(super) struct Destinations {
    #[cfg(feature = "otlp")]
    pub(super) otlp: Option<String>,
    #[cfg(feature = "otlp")]
    pub(super) settings: OtlpSettings,
    #[cfg(feature = "clickhouse")]
    pub(super) clickhouse: Option<ClickHouseBuilder>,
    /// The application's own exporters and processors, in the order in which they were given.
    pub(super) sdk: Vec<SdkDestination>,
    pub(super) plaintext_hosts: Vec<String>,
    pub(super) pinned: Pinned,
    pub(super) schedule: Schedule,
    pub(super) tuning: Tuning,
}

/// Whether a user may send their data elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pinned {
    No,
    Yes,
}

/// What a user chose by `{P}_TELEMETRY_BACKEND`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backends {
    /// Nothing: as the code has it.
    Unsaid,
    These {
        otlp: Wanted,
        clickhouse: Wanted,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    No,
    Yes,
}

/// Reads `{P}_TELEMETRY_…`.
struct Variables<'a> {
    app: &'a App,
    environment: &'a Environment,
}

impl Destinations {
    pub(super) fn new() -> Self {
        Destinations {
            #[cfg(feature = "otlp")]
            otlp: None,
            #[cfg(feature = "otlp")]
            settings: OtlpSettings::default(),
            #[cfg(feature = "clickhouse")]
            clickhouse: None,
            sdk: Vec::new(),
            plaintext_hosts: Vec::new(),
            pinned: Pinned::No,
            schedule: Schedule::Live,
            tuning: Tuning::default(),
        }
    }

    /// The destinations of the code, or those that the user put in their place. What is wrong with a user's goes into
    /// `notes`, and nothing is sent there or anywhere instead.
    ///
    /// # Errors
    /// A mistake in the code, whatever the user says.
    pub(super) fn receivers(
        &self,
        app: &App,
        environment: &Environment,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Receiver>, Error> {
        let own = self.own()?;
        if self.pinned == Pinned::Yes {
            return Ok(own);
        }
        let variables = Variables { app, environment };
        #[cfg_attr(
            not(any(feature = "otlp", feature = "clickhouse")),
            expect(unused, reason = "there is none to ask for")
        )]
        let backends = match variables.backends() {
            Ok(backends) => backends,
            Err(why) => {
                notes.push(format!("nothing is sent: {why}"));
                return Ok(Vec::new());
            }
        };
        let mut receivers = Vec::new();
        #[cfg(feature = "otlp")]
        {
            let own = own.iter().find(|receiver| matches!(receiver, Receiver::Otlp { .. }));
            if backends.want(Backend::Otlp, own.is_some(), self.names_nothing()) {
                keep(&mut receivers, self.otlp_of(own, &variables, backends), notes);
            }
        }
        #[cfg(feature = "clickhouse")]
        {
            let own = own.iter().find(|receiver| matches!(receiver, Receiver::ClickHouse { .. }));
            if backends.want(Backend::ClickHouse, own.is_some(), self.names_nothing()) {
                keep(&mut receivers, self.clickhouse_of(own, &variables, backends), notes);
            }
        }
        match variables.names_a_destination() {
            None => receivers.extend(self.sdk.iter().cloned().map(Receiver::Sdk)),
            // Where the application's own code sends it nobody can see, and no variable can change.
            Some(name) => notes.extend(
                self.sdk
                    .iter()
                    .map(|sdk| format!("nothing is given to the {}: {name} says where the data goes", sdk.label())),
            ),
        }
        Ok(receivers)
    }

    /// The destinations of the code alone.
    fn own(&self) -> Result<Vec<Receiver>, Error> {
        let mut own = Vec::new();
        #[cfg(feature = "otlp")]
        {
            self.settings.http.checked().map_err(|error| Error::new("http settings", error))?;
            if let Some(text) = &self.otlp {
                let endpoint = Endpoint::parse(".otlp", text, &self.plaintext_hosts)
                    .map_err(|error| Error::new(".otlp", error))?;
                own.push(Receiver::Otlp { endpoint, settings: Box::new(self.settings.clone()) });
            }
        }
        #[cfg(feature = "clickhouse")]
        if let Some(settings) = &self.clickhouse {
            let mut settings = settings.clone();
            settings.plaintext_hosts.extend_from_slice(&self.plaintext_hosts);
            let endpoint = settings.endpoint(".clickhouse").map_err(|error| Error::new(".clickhouse", error))?;
            own.push(Receiver::ClickHouse { endpoint, settings: Box::new(settings) });
        }
        if let Some(one) = self.sdk.get(SdkDestination::MOST) {
            let remedy = "bundle some of them in one of your own";
            let why = format!("there can be {} exporters and processors in all: {remedy}", SdkDestination::MOST);
            return Err(Error::new(one.kind().setting(), why));
        }
        for one in &self.sdk {
            if let Some(mistake) = one.mistake() {
                return Err(Error::new(one.kind().setting(), mistake));
            }
        }
        if self.pinned == Pinned::Yes {
            own.extend(self.sdk.iter().cloned().map(Receiver::Sdk));
        }
        Ok(own)
    }

    /// The setting that makes metrics of events, if there is one.
    #[cfg(feature = "metrics")]
    pub(super) fn makes_metrics(&self) -> Option<&'static str> {
        #[cfg(feature = "clickhouse")]
        if self.clickhouse.as_ref().is_some_and(ClickHouseBuilder::has_event_metrics) {
            return Some(".clickhouse(..event_metrics())");
        }
        let is_there = self.sdk.iter().any(|one| one.kind() == crate::export::SdkKind::MetricExporter);
        is_there.then_some(".metric_exporter")
    }

    #[cfg(any(feature = "otlp", feature = "clickhouse"))]
    fn names_nothing(&self) -> bool {
        #[cfg(feature = "otlp")]
        if self.otlp.is_some() {
            return false;
        }
        #[cfg(feature = "clickhouse")]
        if self.clickhouse.is_some() {
            return false;
        }
        true
    }

    /// `{P}_TELEMETRY_ENDPOINT` takes the place of the code's collector.
    #[cfg(feature = "otlp")]
    fn otlp_of(
        &self,
        own: Option<&Receiver>,
        variables: &Variables<'_>,
        backends: Backends,
    ) -> Result<Option<Receiver>, String> {
        let name = variables.name("ENDPOINT");
        let mut settings = self.settings.clone();
        if let Some(text) = variables.text("PROTOCOL")? {
            let name = variables.name("PROTOCOL");
            settings.protocol = text.parse().map_err(|error: UnknownProtocol| format!("{name} is {error}"))?;
        }
        let Some(text) = variables.text("ENDPOINT")? else {
            return match (own.and_then(Receiver::endpoint).cloned(), backends) {
                (None, Backends::These { .. }) => Err(format!("{name} is not set, and names no collector")),
                (own, _) => Ok(own.map(|endpoint| Receiver::Otlp { endpoint, settings: Box::new(settings) })),
            };
        };
        let endpoint = Endpoint::parse(&name, &text, &self.plaintext_hosts).map_err(|error| error.to_string())?;
        if own.and_then(Receiver::endpoint).map(Endpoint::host) != Some(endpoint.host()) {
            // What opens the application's server is nobody else's business.
            settings.http.forget_credentials();
        }
        Ok(Some(Receiver::Otlp { endpoint, settings: Box::new(settings) }))
    }

    /// `{P}_TELEMETRY_CLICKHOUSE_…` takes the place of what the code says about its ClickHouse.
    #[cfg(feature = "clickhouse")]
    fn clickhouse_of(
        &self,
        own: Option<&Receiver>,
        variables: &Variables<'_>,
        backends: Backends,
    ) -> Result<Option<Receiver>, String> {
        let name = variables.name("CLICKHOUSE_ENDPOINT");
        let url = variables.text("CLICKHOUSE_ENDPOINT")?;
        let mut settings = match (own, &url) {
            (Some(Receiver::ClickHouse { settings, .. }), _) => (**settings).clone(),
            (_, Some(url)) => {
                let mut settings = ClickHouseBuilder::from(url.as_str());
                settings.plaintext_hosts.extend_from_slice(&self.plaintext_hosts);
                settings
            }
            (_, None) => {
                return match backends {
                    Backends::Unsaid => Ok(None),
                    Backends::These { .. } => Err(format!("{name} is not set, and names no ClickHouse")),
                };
            }
        };
        if let Some(url) = url {
            settings.url = url;
            let endpoint = settings.endpoint(&name).map_err(|error| error.to_string())?;
            if own.and_then(Receiver::endpoint).map(Endpoint::host) != Some(endpoint.host()) {
                // What opens the application's server is nobody else's business.
                settings.http.forget_credentials();
            }
        }
        if let Some(database) = variables.text("CLICKHOUSE_DATABASE")? {
            settings = settings.database(database);
        }
        let (user, password) = (variables.text("CLICKHOUSE_USERNAME")?, variables.text("CLICKHOUSE_PASSWORD")?);
        if user.is_some() || password.is_some() {
            settings = settings.user(user.as_deref().unwrap_or("default"), password.as_deref().unwrap_or_default());
        }
        let endpoint = settings.endpoint(&name).map_err(|error| error.to_string())?;
        Ok(Some(Receiver::ClickHouse { endpoint, settings: Box::new(settings) }))
    }
}

#[cfg(any(feature = "otlp", feature = "clickhouse"))]
#[cfg_attr(
    not(all(feature = "otlp", feature = "clickhouse")),
    expect(dead_code, reason = "one of the two is not built")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    Otlp,
    ClickHouse,
}

#[cfg(any(feature = "otlp", feature = "clickhouse"))]
impl Backends {
    /// Whether a backend is asked for: by its name, or by the code, or by its address where the code names no backend.
    fn want(self, backend: Backend, is_own: bool, names_nothing: bool) -> bool {
        match self {
            Backends::Unsaid => is_own || names_nothing,
            Backends::These { otlp, clickhouse } => match backend {
                Backend::Otlp => otlp == Wanted::Yes,
                Backend::ClickHouse => clickhouse == Wanted::Yes,
            },
        }
    }
}

impl Variables<'_> {
    fn name(&self, what: &str) -> String {
        self.app.env_name(what)
    }

    /// What a variable says; nothing if it is empty.
    fn text(&self, what: &str) -> Result<Option<String>, String> {
        match self.environment.var(&self.name(what)) {
            Var::Unset => Ok(None),
            Var::Text(text) if text.trim().is_empty() => Ok(None),
            Var::Text(text) => Ok(Some(text.trim().to_owned())),
            Var::NotUnicode => Err(format!("{} is not text", self.name(what))),
        }
    }

    /// The first variable by which a user says where the data goes.
    fn names_a_destination(&self) -> Option<String> {
        let names = ["BACKEND", "ENDPOINT", "CLICKHOUSE_ENDPOINT"];
        // One that cannot be read was meant to say something too.
        let is_said = |what: &&&str| !matches!(self.text(what), Ok(None));
        names.iter().find(is_said).map(|what| self.name(what))
    }

    fn backends(&self) -> Result<Backends, String> {
        let Some(text) = self.text("BACKEND")? else { return Ok(Backends::Unsaid) };
        let (mut otlp, mut clickhouse) = (Wanted::No, Wanted::No);
        for word in text.split([',', '+', ' ']).filter(|word| !word.is_empty()) {
            match word.to_ascii_lowercase().as_str() {
                "otlp" if cfg!(feature = "otlp") => otlp = Wanted::Yes,
                "clickhouse" if cfg!(feature = "clickhouse") => clickhouse = Wanted::Yes,
                "both" if cfg!(all(feature = "otlp", feature = "clickhouse")) => {
                    (otlp, clickhouse) = (Wanted::Yes, Wanted::Yes);
                }
                _ => {
                    let name = self.name("BACKEND");
                    return Err(format!(
                        "{name} names no backend that this program has: write otlp, clickhouse or both"
                    ));
                }
            }
        }
        Ok(Backends::These { otlp, clickhouse })
    }
}

/// Takes a destination in. Sending elsewhere than the user said would be worse than not sending.
#[cfg(any(feature = "otlp", feature = "clickhouse"))]
fn keep(receivers: &mut Vec<Receiver>, found: Result<Option<Receiver>, impl Display>, notes: &mut Vec<String>) {
    match found {
        Ok(receiver) => receivers.extend(receiver),
        Err(why) => notes.push(format!("nothing is sent: {why}")),
    }
}

#[cfg(all(test, feature = "otlp", feature = "clickhouse"))]
mod tests;
