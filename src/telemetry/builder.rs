//! Settings, from code and from the environment.

use std::path::PathBuf;
use std::sync::Arc;

use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::Telemetry;
#[cfg(feature = "upload")]
use super::destinations::Destinations;
use super::error::Error;
use crate::app::{App, Environment, Rotation};
use crate::consent::{Collected, Decision, Disabled, Entry, InCi, InDevelopment, Saved, Settings, State, decide};
use crate::export::Memory;
#[cfg(feature = "upload")]
use crate::export::Receiver;
use crate::layer::{Core, Events, LogRecords, Scope};
use crate::privacy::{Inventory, Policy, Secret};

/// Settings of [`Telemetry`]. Each has a default; none turns telemetry on.
#[derive(Clone)]
#[must_use = "nothing happens until `.start()`"]
pub struct Builder {
    pub(super) consent: Settings,
    pub(super) environment: Environment,
    pub(super) policy: Policy,
    policy_file: Option<PathBuf>,
    level: Level,
    targets: Vec<String>,
    pub(super) log_records: LogRecords,
    events: Events,
    verbose: Verbose,
    pub(super) rotation: Rotation,
    pub(super) secret: Option<Secret>,
    pub(super) installation_id: InstallationIds,
    pub(super) country: Country,
    pub(super) resource: Vec<(String, String)>,
    pub(super) memory: Vec<Memory>,
    #[cfg(feature = "upload")]
    pub(super) destinations: Destinations,
    switchable: Switchable,
}

/// Whether each record is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verbose {
    No,
    Yes,
}

/// Whether records tell which installation they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InstallationIds {
    None,
    For90Days,
}

/// Whether records tell the country they come from, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Country {
    Unsaid,
    OfTimeZone,
}

/// Whether the layer stays installed while off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switchable {
    No,
    Yes,
}

impl Builder {
    pub(super) fn new(app: App) -> Self {
        Builder {
            consent: Settings::new(app),
            environment: Environment::process(),
            policy: Policy::standard(),
            policy_file: None,
            level: Level::INFO,
            targets: Vec::new(),
            log_records: LogRecords::Ignored,
            events: Events::Logs,
            verbose: Verbose::No,
            rotation: Rotation::Weekly,
            secret: None,
            installation_id: InstallationIds::None,
            country: Country::Unsaid,
            resource: Vec::new(),
            memory: Vec::new(),
            #[cfg(feature = "upload")]
            destinations: Destinations::new(),
            switchable: Switchable::No,
        }
    }

    /// The privacy policy. Default: [`Policy::standard`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Puts a policy from a TOML file [on top of](Policy::and) that of [`policy`](Builder::policy); for what it can say see
    /// [`Policy::from_toml`]. Default: none.
    ///
    /// The file is read when collection starts, and one that cannot be read is an error of [`start`](Builder::start) then. While
    /// telemetry is off it is not even opened: nobody's program fails by a file for something that they said no to. After a
    /// later [`grant`](Telemetry::grant) a mistake in it keeps telemetry from running, and the status says so. To find mistakes
    /// on machines where telemetry is off, read the file in a test by [`Policy::from_toml_file`].
    pub fn policy_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.policy_file = Some(path.into());
        self
    }

    /// The least severe level that is collected of the application's own crates; [`targets`](Builder::targets) have levels
    /// of their own. Default: `INFO`.
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Collects records of other crates too, in the notation of `tracing_subscriber`'s `Targets`: `"sqlx=warn"`;
    /// a target without a level is taken with all of them. May be
    /// called more than once. Default: the application's own crates alone.
    pub fn targets(mut self, filter: impl Into<String>) -> Self {
        self.targets.push(filter.into());
        self
    }

    /// Collects records of the `log` crate that a bridge turns into events, by the same targets and levels. Default:
    /// they are not collected.
    pub fn log_records(mut self) -> Self {
        self.log_records = LogRecords::Collected;
        self
    }

    /// Where events inside spans go. Default: [`Events::Logs`], since OpenTelemetry is retiring span events.
    pub fn events(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// Prints each record to stderr as it is stored, as `{P}_TELEMETRY_VERBOSE=true` does. Default: prints nothing.
    pub fn verbose(mut self) -> Self {
        self.verbose = Verbose::Yes;
        self
    }

    /// For how long pseudonyms can be linked: after that, the same value gets another one, also while the program runs,
    /// and the key is destroyed. Fields for which the policy names a rotation follow that
    /// ([`Policy::hash_for`](crate::privacy::Policy::hash_for)). Default: a week.
    ///
    /// Each rotation has a random key of its own, in one file in the application's data directory that only its owner can
    /// read. An outworn key is overwritten when the first record after its time is logged, or the program is started next with
    /// telemetry on: who says no keeps the last ones until they remove the directory. Copies that a file system made elsewhere (journals, snapshots, backups, worn cells of an SSD) are out of reach.
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.rotation = rotation;
        self
    }

    /// Makes pseudonyms under keys that are derived from this secret, the application's name and the rotation's period, so
    /// that all hosts with the secret make the same. Default: random keys that never leave the machine.
    ///
    /// Whoever holds the secret can tell whose a pseudonym is, also those of periods that are over: keep it where the
    /// records are not. Beside an inventory its `[document]` has to say who holds it, or [`start`](Builder::start) refuses.
    pub fn pseudonym_secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Adds `app.installation.id` to the attributes that describe the application: a random UUID that is replaced every
    /// 90 days. It links all records of an installation for that long, pseudonyms of different periods included. It
    /// stands in the file `installation.id` in the application's data directory; once that is deleted, the next start makes
    /// a new one. Under
    /// [`Policy::declared`] it is there only if the inventory lists it in `[resource]`. Default: none.
    pub fn installation_id(mut self) -> Self {
        self.installation_id = InstallationIds::For90Days;
        self
    }

    /// Adds `geo.country.iso_code` to the attributes that describe the application: the two letters (ISO 3166-1) of the
    /// country whose time zone is set, never anything that an address or a position was looked up for. It tells where the
    /// machine's clock is set to, which need not be where its user is; in a small country it tells a lot all the same.
    ///
    /// The variable `TZ`, the link `/etc/localtime` or the file `/etc/timezone` is read when collection starts, in this order,
    /// and the zone's name becomes a country by IANA's `zone.tab` (tzdata 2025b). UTC, a name that several countries share,
    /// and a setting that is no name give no attribute, and so does Windows, where none of the three is there unless `TZ` is
    /// set. Under [`Policy::declared`] the attribute is there only if the inventory lists it in `[resource]`, and the users'
    /// document says so then. Default: none.
    pub fn country_from_time_zone(mut self) -> Self {
        self.country = Country::OfTimeZone;
        self
    }

    /// Adds an attribute that describes the application, such as `deployment.environment.name`. It is cleaned like any
    /// other. Default: `service.name`, `service.version` and `session.id`.
    ///
    /// `session.id` is the same all day and another one the next: 16 hexadecimal digits of an HMAC-SHA-256 of the date, under
    /// a random key of that day, which is destroyed as [`rotation`](Builder::rotation) says. Nothing of the machine goes into it. `SHA256(machine id + date)`, which
    /// others publish for the same purpose, is REVERSIBLE: whoever knows or guesses the machine id has the ids of all days,
    /// past and to come. There is no setting for it.
    pub fn resource(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource.push((key.into(), value.into()));
        self
    }

    /// Also keeps this run's records in memory, for tests. Default: none.
    pub fn memory(mut self, memory: &Memory) -> Self {
        self.memory.push(memory.clone());
        self
    }

    /// Keeps the layer installed while telemetry is off, so that [`Telemetry::grant`] takes effect while the program runs.
    /// Costs about 6 ns an event and 50 ns a span while off. Default: while off there is no layer.
    pub fn switchable(mut self) -> Self {
        self.switchable = Switchable::Yes;
        self
    }

    /// Turns telemetry off by code; `Disabled::No` is not a yes. Default: [`Disabled::No`].
    pub fn disabled(mut self, disabled: Disabled) -> Self {
        self.consent = self.consent.disabled(disabled);
        self
    }

    /// Lets `{P}_TELEMETRY_ENABLED=true` count on build machines too. Default: telemetry is off there.
    pub fn allow_in_ci(mut self) -> Self {
        self.consent = self.consent.in_ci(InCi::OnWithVariable);
        self
    }

    /// Where `ENVIRONMENT` names a developer's machine, keeps records and sends them to this machine at most. Default:
    /// telemetry is off there.
    pub fn allow_local_in_development(mut self) -> Self {
        self.consent = self.consent.in_development(InDevelopment::LocalOnly);
        self
    }

    /// The operator's yes, for machines that have no user to ask; the reason is shown by [`Telemetry::status`]. Any veto
    /// still wins. Beside an inventory its `[document]` has to say where and why nobody is asked, or
    /// [`start`](Builder::start) refuses. Default: none.
    pub fn assume_consent(mut self, reason: impl Into<String>) -> Self {
        self.consent = self.consent.assume_consent(reason);
        self
    }

    /// Also looks into this TOML file for `[telemetry] enabled = false`. Default: `telemetry.toml` in the application's
    /// configuration directory.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.consent = self.consent.config_file(path);
        self
    }

    /// The version of what is collected: a yes that was saved for a lower one does not count. An inventory has a version of
    /// its own, and withholds only what is new. Default: 1.
    pub fn collection(mut self, version: u32) -> Self {
        self.consent = self.consent.collection(version);
        self
    }

    /// Takes variables, home directory and files from here, for tests. Default: the process's own.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Decides whether telemetry may be, and starts it if so. Reads the environment and a few small files and starts one
    /// thread; everything else happens there.
    ///
    /// # Errors
    /// A mistake in these settings, whether telemetry is on or off; while it is on, also one in the file of
    /// [`policy_file`](Builder::policy_file). Trouble in the environment is not an error: [`Telemetry::status`] tells.
    pub fn start(mut self) -> Result<Telemetry, Error> {
        let app = self.consent.app().clone();
        app.checked().map_err(|error| Error::new("app!", error))?;
        let scope = Scope::new(app, LevelFilter::from_level(self.level), &self.targets, self.log_records)
            .map_err(|error| Error::new(".targets", format!("{error}; write it like \"sqlx=warn,hyper=error\"")))?;
        if self.secret.as_ref().is_some_and(|secret| !secret.is_long_enough()) {
            let remedy = "give it 32 bytes or more, drawn at random, such as by `openssl rand -hex 32`";
            return Err(Error::new(".pseudonym_secret", format!("the secret is too short: {remedy}")));
        }
        #[cfg_attr(not(feature = "upload"), expect(unused_mut, reason = "only a destination says anything"))]
        let mut notes = Vec::new();
        #[cfg(feature = "upload")]
        let receivers = {
            let receivers = self.destinations.receivers(self.consent.app(), &self.environment, &mut notes)?;
            let mut hosts: Vec<_> = receivers.iter().map(Receiver::host).collect();
            hosts.sort_unstable();
            hosts.dedup();
            if !hosts.is_empty() {
                // A yes is for these and no others.
                self.consent = self.consent.host(hosts.join(", "));
            }
            receivers
        };
        #[cfg(feature = "metrics")]
        if self.events == Events::SpanEvents
            && let Some(setting) = self.destinations.makes_metrics()
        {
            let why =
                "with Events::SpanEvents it would miss what is measured inside spans: use Events::Logs or Events::Both";
            return Err(Error::new(setting, why));
        }
        if let Some(mistake) = self.policy.mistake() {
            return Err(Error::new(".policy", mistake));
        }
        if let Some(inventory) = self.policy.inventory() {
            self.is_as_told(inventory)?;
        }
        if let Some(scope) = self.policy.inventory().map(Inventory::scope) {
            let entries = scope.entries.into_iter();
            let entries = entries.map(|entry| Entry { id: entry.id, since: entry.since, wider: entry.wider }).collect();
            self.consent = self.consent.collected(scope.version, Collected { digest: scope.digest, entries });
        }
        let decision = self.decide();
        let core = Arc::new(Core::new(scope, self.events));
        let mut telemetry = Telemetry {
            decision,
            core,
            #[cfg(feature = "upload")]
            receivers,
            pipeline: std::sync::OnceLock::new(),
            withdrawn: std::sync::atomic::AtomicBool::new(false),
            notes,
            builder: self,
        };
        if telemetry.decision.state() != State::Off {
            telemetry.builder.read_policy_file()?;
            telemetry.run();
        }
        Ok(telemetry)
    }

    /// Puts the policy of a file on top, once there is a yes.
    pub(super) fn read_policy_file(&mut self) -> Result<(), Error> {
        let Some(path) = &self.policy_file else { return Ok(()) };
        let read = Policy::from_toml_file(path).map_err(|error| Error::new(".policy_file", error))?;
        let policy = self.policy.clone().and(read).map_err(|error| Error::new(".policy_file", error))?;
        if let Some(mistake) = policy.mistake() {
            return Err(Error::new(".policy_file", mistake));
        }
        (self.policy, self.policy_file) = (policy, None);
        Ok(())
    }

    /// Whether these settings are what the users' document says.
    fn is_as_told(&self, inventory: &Inventory) -> Result<(), Error> {
        if self.secret.is_some() && !inventory.tells_of_a_secret() {
            let why = "users are told that the key of pseudonyms never leaves their machine; say in the inventory who \
                       holds the secret: `pseudonym_secret = \"the operators, in Frankfurt\"` in `[document]`";
            return Err(Error::new(".pseudonym_secret", why));
        }
        if self.consent.is_assumed() && !inventory.tells_of_assumed_consent() {
            let why = "users are told that nothing is collected until they say yes; say in the inventory where and why \
                       nobody is asked: `assumed_consent = \"on our own build servers\"` in `[document]`";
            return Err(Error::new(".assume_consent", why));
        }
        Ok(())
    }

    fn decide(&self) -> Decision {
        let saved = Saved::read(&self.environment, self.consent.app());
        decide(&self.environment, &saved, &self.consent)
    }

    /// The decision, now that the user has said yes; every veto is looked at again.
    pub(super) fn decide_with_yes(&self) -> Decision {
        let yes = self.consent.clone().granted();
        decide(&self.environment, &Saved::read(&self.environment, self.consent.app()), &yes)
    }

    pub(super) fn is_switchable(&self) -> bool {
        self.switchable == Switchable::Yes
    }

    pub(super) fn verbose_by_environment(&self) -> Verbose {
        use crate::app::Var;

        match self.environment.var(&self.consent.app().env_name("VERBOSE")) {
            Var::Text(text) if crate::consent::is_yes(&text) => Verbose::Yes,
            _ => self.verbose,
        }
    }
}

/// Without endpoint and resource: both are raw, and may hold what nobody should see.
impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("consent", &self.consent)
            .field("policy", &self.policy)
            .field("level", &self.level)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}
