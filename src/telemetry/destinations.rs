//! Where records are sent: by the application's code, and by its user's environment.

use super::error::Error;
use crate::app::{App, Environment, Var};
#[cfg(feature = "otlp")]
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

/// What users know by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    Otlp,
    ClickHouse,
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

    /// The destinations of the code, or those that the user put in their place: whoever names an endpoint says that the data
    /// goes there and nowhere else, unless they ask for more by `{P}_TELEMETRY_BACKEND`. What is wrong with what they say goes
    /// into `notes`, and nothing is sent anywhere: elsewhere than they said would be worse.
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
        let mut receivers = match self.chosen(&own, &variables) {
            Ok(receivers) => receivers,
            Err(why) => {
                notes.push(format!("nothing is sent: {why}"));
                return Ok(Vec::new());
            }
        };
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

    /// A receiver for each backend that gets the data.
    fn chosen(&self, own: &[Receiver], variables: &Variables<'_>) -> Result<Vec<Receiver>, String> {
        let of_code = |backend| own.iter().find(|receiver| Backend::of(receiver) == Some(backend));
        let backends = variables.backends(&|backend| of_code(backend).is_some())?;
        let receiver = |backend: Backend| match backend {
            #[cfg(feature = "otlp")]
            Backend::Otlp => self.otlp_of(of_code(backend), variables),
            #[cfg(feature = "clickhouse")]
            Backend::ClickHouse => self.clickhouse_of(of_code(backend), variables),
            #[cfg(not(all(feature = "otlp", feature = "clickhouse")))]
            _ => Err(format!(
                "{} names a {}, and this program sends to none",
                variables.endpoint(backend),
                backend.what()
            )),
        };
        backends.into_iter().map(receiver).collect()
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

    /// The user's collector, or else the code's.
    #[cfg(feature = "otlp")]
    fn otlp_of(&self, own: Option<&Receiver>, variables: &Variables<'_>) -> Result<Receiver, String> {
        let mut settings = self.settings.clone();
        if let Some(text) = variables.text("PROTOCOL")? {
            let name = variables.name("PROTOCOL");
            settings.protocol = text.parse().map_err(|error: UnknownProtocol| format!("{name} is {error}"))?;
        }
        let own = own.and_then(Receiver::endpoint);
        let endpoint = match variables.text(Backend::Otlp.variable())? {
            Some(text) => {
                let name = variables.endpoint(Backend::Otlp);
                let named = Endpoint::parse(&name, &text, &self.plaintext_hosts).map_err(|error| error.to_string())?;
                if !own.is_some_and(|own| own.is_beside(&named)) {
                    // What opens the application's server is nobody else's business.
                    settings.http.forget_credentials();
                }
                named
            }
            None => own.cloned().ok_or_else(|| variables.unnamed(Backend::Otlp))?,
        };
        Ok(Receiver::Otlp { endpoint, settings: Box::new(settings) })
    }

    /// The user's ClickHouse, or else the code's, and what the user says about it.
    #[cfg(feature = "clickhouse")]
    fn clickhouse_of(&self, own: Option<&Receiver>, variables: &Variables<'_>) -> Result<Receiver, String> {
        let name = variables.endpoint(Backend::ClickHouse);
        let url = variables.text(Backend::ClickHouse.variable())?;
        let mut settings = match (own, &url) {
            (Some(Receiver::ClickHouse { settings, .. }), _) => (**settings).clone(),
            (_, Some(url)) => {
                let mut settings = ClickHouseBuilder::from(url.as_str());
                settings.plaintext_hosts.extend_from_slice(&self.plaintext_hosts);
                settings
            }
            (_, None) => return Err(variables.unnamed(Backend::ClickHouse)),
        };
        if let Some(url) = url {
            settings.url = url;
            let named = settings.endpoint(&name).map_err(|error| error.to_string())?;
            if !own.and_then(Receiver::endpoint).is_some_and(|own| own.is_beside(&named)) {
                // What opens the application's server is nobody else's business.
                settings.http.forget_credentials();
            }
        }
        if let Some(database) = variables.text("CLICKHOUSE_DATABASE")? {
            settings = settings.database(database);
        }
        let (user, password) = (variables.text("CLICKHOUSE_USERNAME")?, variables.text("CLICKHOUSE_PASSWORD")?);
        if user.is_some() || password.is_some() {
            settings.http.forget_user();
            settings = settings.user(user.as_deref().unwrap_or("default"), password.as_deref().unwrap_or_default());
        }
        let endpoint = settings.endpoint(&name).map_err(|error| error.to_string())?;
        Ok(Receiver::ClickHouse { endpoint, settings: Box::new(settings) })
    }
}

impl Backend {
    const ALL: [Backend; 2] = [Backend::Otlp, Backend::ClickHouse];

    fn of(receiver: &Receiver) -> Option<Backend> {
        match receiver {
            #[cfg(feature = "otlp")]
            Receiver::Otlp { .. } => Some(Backend::Otlp),
            #[cfg(feature = "clickhouse")]
            Receiver::ClickHouse { .. } => Some(Backend::ClickHouse),
            Receiver::Sdk(_) => None,
        }
    }

    /// The variable that names its address, without the prefix.
    fn variable(self) -> &'static str {
        match self {
            Backend::Otlp => "ENDPOINT",
            Backend::ClickHouse => "CLICKHOUSE_ENDPOINT",
        }
    }

    fn what(self) -> &'static str {
        match self {
            Backend::Otlp => "collector",
            Backend::ClickHouse => "ClickHouse",
        }
    }
}

impl Variables<'_> {
    fn name(&self, what: &str) -> String {
        self.app.env_name(what)
    }

    fn endpoint(&self, backend: Backend) -> String {
        self.name(backend.variable())
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
        let names = ["BACKEND", Backend::Otlp.variable(), Backend::ClickHouse.variable()];
        let is_said = |what: &&&str| !matches!(self.text(what), Ok(None));
        names.iter().find(is_said).map(|what| self.name(what))
    }

    /// Those that get the data: those that the user asks for, or else whose address they name, or else of the code.
    fn backends(&self, is_of_code: &dyn Fn(Backend) -> bool) -> Result<Vec<Backend>, String> {
        let mut named = Vec::new();
        for backend in Backend::ALL {
            if self.text(backend.variable())?.is_some() {
                named.push(backend);
            }
        }
        let asked = self.asked()?;
        match (asked, named.first()) {
            (None, None) => Ok(Backend::ALL.into_iter().filter(|backend| is_of_code(*backend)).collect()),
            (None, Some(_)) => Ok(named),
            // It would go to none of the user's own, and perhaps to one of the application's.
            (Some(asked), Some(first)) if !asked.iter().any(|backend| named.contains(backend)) => Err(format!(
                "{} leaves out what {} names: name a {} by {}, or unset one of the two",
                self.name("BACKEND"),
                self.endpoint(*first),
                asked[0].what(),
                self.endpoint(asked[0]),
            )),
            (Some(asked), _) => Ok(asked),
        }
    }

    /// What `{P}_TELEMETRY_BACKEND` asks for, if it is set: one backend at least.
    fn asked(&self) -> Result<Option<Vec<Backend>>, String> {
        let Some(text) = self.text("BACKEND")? else { return Ok(None) };
        let mut asked = Vec::new();
        let mut is_known = true;
        for word in text.split([',', '+', ' ']).filter(|word| !word.is_empty()) {
            match word.to_ascii_lowercase().as_str() {
                "otlp" if cfg!(feature = "otlp") => asked.push(Backend::Otlp),
                "clickhouse" if cfg!(feature = "clickhouse") => asked.push(Backend::ClickHouse),
                "both" if cfg!(all(feature = "otlp", feature = "clickhouse")) => asked.extend(Backend::ALL),
                _ => is_known = false,
            }
        }
        if !is_known || asked.is_empty() {
            let name = self.name("BACKEND");
            return Err(format!("{name} names no backend that this program has: write otlp, clickhouse or both"));
        }
        Ok(Some(Backend::ALL.into_iter().filter(|backend| asked.contains(backend)).collect()))
    }

    #[cfg(any(feature = "otlp", feature = "clickhouse"))]
    fn unnamed(&self, backend: Backend) -> String {
        format!("{} is not set, and names no {}", self.endpoint(backend), backend.what())
    }
}

#[cfg(all(test, feature = "otlp", feature = "clickhouse"))]
mod tests;
