//! The table itself, row by row.

use std::path::PathBuf;

use super::agreed::Agreed;
use super::decision::{Considered, Decision, Effect, GRANTED};
use super::file::{Keys, Said, look_into};
use super::markers::{self, Certainty, MARKERS};
use super::row::Row;
use super::saved::{Answer, Saved};
use super::settings::{Disabled, Granted, InCi, InDevelopment, Settings};
use super::word::{Word, shown, shown_path, shown_var};
use crate::app::{Environment, Os, Presence, Var, directories};

/// Decides whether telemetry may be.
///
/// Pure but for reading variables and small files through `environment`: it writes nothing, starts nothing, and gives
/// the same answer to the same input. Every row of the table is looked at, so that all of them can be shown.
///
/// Where the user's home directory cannot be found (no usable `HOME`, and no entry in `/etc/passwd`) nobody can look for the
/// opt-out file, and that is a veto even against a yes by variable: the user of a service from LDAP may well have one. A
/// container whose user has no home says so by `HOME=/`, which most runtimes set by themselves.
pub fn decide(environment: &Environment, saved: &Saved, settings: &Settings) -> Decision {
    let table = Table { environment, saved, settings, enabled: settings.app.env_name("ENABLED") };
    let mut rows = Vec::with_capacity(24);
    rows.push(table.do_not_track());
    rows.push(table.otel_sdk_disabled());
    table.enabled_variables(&mut rows);
    table.opt_out_files(&mut rows);
    rows.push(table.machine_policy());
    table.config_files(&mut rows);
    rows.push(table.saved_no());
    table.code(&mut rows);
    table.ci(&mut rows);
    rows.push(table.development());
    let scope = table.scope();
    let saved_counts = scope.effect != Effect::Void;
    rows.push(scope);
    rows.push(table.variable_yes());
    if saved_counts {
        rows.push(table.saved_yes());
    }
    rows.extend(table.granted());
    rows.push(table.assumed());
    let agreed = table.agreed(&rows);
    Decision::of(rows, &format!("set {}=true", table.enabled), agreed)
}

/// The files of the user and the application that may say no.
pub(super) fn config_files(environment: &Environment, settings: &Settings) -> impl Iterator<Item = (PathBuf, Keys)> {
    let own = directories::config(environment, &settings.app).map(|dir| (dir.join("telemetry.toml"), Keys::Whole));
    let named = settings.config_files.iter().cloned().map(|path| (path, Keys::Section));
    own.into_iter().chain(named)
}

struct Table<'a> {
    environment: &'a Environment,
    saved: &'a Saved,
    settings: &'a Settings,
    /// The full name of the application's own switch.
    enabled: String,
}

impl Table<'_> {
    fn do_not_track(&self) -> Considered {
        let name = "DO_NOT_TRACK";
        let var = self.environment.var(name);
        let effect = match Word::of_var(&var) {
            Word::Unset | Word::No => Effect::Nothing,
            Word::Yes | Word::Other => Effect::Off,
        };
        variable(Row::DoNotTrack, name, &var, effect)
    }

    fn otel_sdk_disabled(&self) -> Considered {
        let name = "OTEL_SDK_DISABLED";
        let var = self.environment.var(name);
        // OpenTelemetry itself hears only `true`; a person who wrote `1` or `yes` meant no less. Other text is no switch
        // there and none here, but what cannot even be read may have been one.
        let off = Word::of_var(&var) == Word::Yes || var == Var::NotUnicode;
        variable(Row::OtelSdkDisabled, name, &var, if off { Effect::Off } else { Effect::Nothing })
    }

    fn enabled_variables(&self, rows: &mut Vec<Considered>) {
        let own = self.settings.app.own_env_name("ENABLED");
        let own = own.map(|name| (format!("unset {name}"), name));
        let switch = (format!("set {}=true", self.enabled), self.enabled.clone());
        // What was said no to under the application's own name is not said yes to by a prefix that came later.
        for (remedy, name) in std::iter::once(switch).chain(own) {
            let var = self.environment.var(&name);
            rows.push(match Word::of_var(&var) {
                Word::Unset | Word::Yes => variable(Row::EnabledVariable, &name, &var, Effect::Nothing),
                Word::No => variable(Row::EnabledVariable, &name, &var, Effect::Off).remedy(remedy),
                Word::Other => variable(Row::EnabledVariable, &name, &var, Effect::Off)
                    .note(format!("{name} cannot be read as a yes or no ({})", shown_var(&var)))
                    .remedy(remedy),
            });
        }
    }

    fn opt_out_files(&self, rows: &mut Vec<Considered>) {
        let row = Row::OptOutFile;
        let paths = directories::opt_out_files(self.environment, &self.settings.app);
        if paths.is_empty() {
            let name = format!("~/{}", self.settings.app.opt_out_file_name());
            rows.push(match self.environment.hides_home() {
                false => Considered::new(row, name, "no home directory", Effect::Nothing),
                true => Considered::new(row, &name, "no home directory is known", Effect::Off)
                    .note(format!("no home directory is known, so nobody can tell whether {name} exists"))
                    .remedy(match self.environment.layout() {
                        Os::Windows => "set USERPROFILE to the user's home directory",
                        Os::MacOs | Os::Linux => "set HOME to the user's home directory, or to / if there is none",
                    }),
            });
        }
        for path in paths {
            let source = shown_path(&path);
            rows.push(match self.environment.exists(&path) {
                Presence::Missing => Considered::new(row, source, "not there", Effect::Nothing),
                Presence::Present => Considered::new(row, &source, "exists", Effect::Off)
                    .note(format!("{source} exists"))
                    .remedy(format!("remove {source}")),
                Presence::Unreadable(reason) => Considered::new(row, &source, shown(&reason), Effect::Off)
                    .note(format!("nobody can tell whether {source} exists ({})", shown(&reason)))
                    .remedy(format!("make it possible to look for {source}")),
            });
        }
    }

    fn machine_policy(&self) -> Considered {
        let Some(path) = directories::policy_file(self.environment, &self.settings.app) else {
            return Considered::new(Row::MachinePolicy, "machine policy", "no place for it", Effect::Nothing);
        };
        let said = look_into(self.environment, &path, Keys::Whole);
        let path = shown_path(&path);
        let source = format!("machine policy {path}");
        file(Row::MachinePolicy, source, said, format!("ask this machine's administrator to change {path}"))
    }

    fn config_files(&self, rows: &mut Vec<Considered>) {
        for (path, keys) in config_files(self.environment, self.settings) {
            let said = look_into(self.environment, &path, keys);
            let path = shown_path(&path);
            let remedy = match &said {
                Said::No(key) => format!("set {key} = true in {path}"),
                _ => format!("repair or remove {path}"),
            };
            rows.push(file(Row::ConfigAndSaved, format!("config file {path}"), said, remedy));
        }
    }

    fn saved_no(&self) -> Considered {
        let (row, source) = (Row::ConfigAndSaved, self.saved.source());
        let remedy = match &self.saved.path {
            Some(path) => format!("remove {}", shown_path(path)),
            None => String::from("take the saved no back"),
        };
        match &self.saved.answer {
            Answer::None => Considered::new(row, source, "none", Effect::Nothing),
            Answer::Yes { .. } => Considered::new(row, source, "yes", Effect::Nothing),
            Answer::No => {
                Considered::new(row, &source, "no", Effect::Off).note(format!("the {source} is no")).remedy(remedy)
            }
            Answer::Unreadable(reason) => Considered::new(row, &source, "unclear", Effect::Off)
                .note(format!("the {source} cannot be read and may be a no: {reason}"))
                .remedy(remedy),
        }
    }

    fn code(&self, rows: &mut Vec<Considered>) {
        let row = Row::Code;
        rows.push(match self.settings.disabled {
            Disabled::No => Considered::new(row, ".disabled(..)", "false", Effect::Nothing),
            Disabled::InCode => Considered::new(row, ".disabled(..)", "in code", Effect::Off)
                .note("the application's code turns it off")
                .remedy("take .disabled(Disabled::InCode) out of the application's code"),
            Disabled::ByFlag => Considered::new(row, "--no-telemetry", "given", Effect::Off)
                .note("the application was started with --no-telemetry")
                .remedy("start without --no-telemetry"),
        });
        // Without a usable name neither switch nor opt-out file can be found, and somebody's no would go unheard.
        if let Err(error) = self.settings.app.checked() {
            rows.push(
                Considered::new(row, "app!(..)", "unusable name", Effect::Off)
                    .note(error.to_string())
                    .remedy("give the application a plain name"),
            );
        }
    }

    fn ci(&self, rows: &mut Vec<Considered>) {
        let row = Row::Ci;
        if markers::cleared(self.environment) {
            let var = self.environment.var("CI");
            rows.push(variable(row, "CI", &var, Effect::Nothing).note("CI=false says that this is no build machine"));
            return;
        }
        let lifted = self.settings.in_ci == InCi::OnWithVariable && self.says_yes_by_variable();
        let before = rows.len();
        for marker in MARKERS.iter().filter(|marker| marker.is_found(self.environment)) {
            // The values are not ours to show: some are addresses with passwords in them.
            let considered = Considered::new(row, marker.name(), "set", Effect::Noted);
            rows.push(match (marker.certainty, lifted) {
                (Certainty::Probable, _) => considered.note("it is also set on machines that are no build machines"),
                (Certainty::Certain, true) => Considered { effect: Effect::Lifted, ..considered },
                (Certainty::Certain, false) => Considered { effect: Effect::Off, ..considered }
                    .note(format!("{} is set, so this is a build machine (CI)", marker.first_name()))
                    .remedy(match self.settings.in_ci {
                        InCi::Off => String::from("set CI=false if this is no build machine"),
                        InCi::OnWithVariable => format!("set {}=true", self.enabled),
                    }),
            });
        }
        if rows.len() == before {
            let others = MARKERS.len() - 1;
            rows.push(Considered::new(row, format!("CI and {others} others"), "not set", Effect::Nothing));
        }
    }

    fn development(&self) -> Considered {
        let (row, name) = (Row::Development, "ENVIRONMENT");
        let var = self.environment.var(name);
        let listed = match &var {
            Var::Text(text) => ["development", "dev", "test", "testing"]
                .into_iter()
                .any(|machine| text.trim().eq_ignore_ascii_case(machine)),
            _ => false,
        };
        match (listed, self.settings.in_development) {
            (false, _) => variable(row, name, &var, Effect::Nothing),
            (true, InDevelopment::Off) => variable(row, name, &var, Effect::Off),
            (true, InDevelopment::LocalOnly) => variable(row, name, &var, Effect::LocalOnly)
                .note(format!("{name}={}, where the application keeps data on this machine", shown_var(&var))),
        }
    }

    fn scope(&self) -> Considered {
        let row = Row::Scope;
        let Answer::Yes { collection, host, .. } = &self.saved.answer else {
            return Considered::new(row, "scope of the saved yes", "no saved yes", Effect::Nothing);
        };
        let value = match host {
            Some(host) => format!("collection {collection}, host {}", shown(host)),
            None => format!("collection {collection}, no host"),
        };
        let considered = |effect| Considered::new(row, "scope of the saved yes", &value, effect);
        if self.settings.collected.is_none() && *collection < self.settings.collection {
            return considered(Effect::Void).note(format!(
                "the saved yes was for version {collection} of what is collected, and this is version {}",
                self.settings.collection
            ));
        }
        let (covered, all) = self
            .settings
            .collected
            .as_ref()
            .map_or((0, 0), |collected| (self.saved.covered(collected).len(), collected.entries.len()));
        if covered == 0 && all > 0 {
            return considered(Effect::Void).note("the saved yes was for none of what is collected now");
        }
        let in_part = match all - covered {
            0 => considered(Effect::Nothing),
            new => Considered {
                value: format!("{value}, without {new} of {all} entries that are newer"),
                ..considered(Effect::Noted)
            },
        };
        match (&self.settings.host, host) {
            (Some(now), Some(then)) if are_among(now, then) => in_part,
            (None, _) => in_part,
            (Some(now), Some(then)) => considered(Effect::Void).note(format!(
                "the saved yes was for sending to {}, and this would send to {}",
                shown(then),
                shown(now)
            )),
            (Some(now), None) => considered(Effect::Void)
                .note(format!("the saved yes was for keeping data, and this would send it to {}", shown(now))),
        }
    }

    /// What the yes is for: one for this run is for what this run collects, a saved one for what it was given for.
    fn agreed(&self, rows: &[Considered]) -> Agreed {
        let of_this_run = |row: &Considered| row.effect == Effect::Yes && row.source != self.saved.source();
        match &self.settings.collected {
            Some(collected) if !rows.iter().any(of_this_run) => Agreed::Entries(self.saved.covered(collected)),
            _ => Agreed::Everything,
        }
    }

    fn variable_yes(&self) -> Considered {
        let var = self.environment.var(&self.enabled);
        if self.says_yes_by_variable() {
            variable(Row::Yes, &self.enabled, &var, Effect::Yes)
        } else {
            variable(Row::Yes, &self.enabled, &var, Effect::Nothing)
        }
    }

    fn saved_yes(&self) -> Considered {
        let source = self.saved.source();
        match &self.saved.answer {
            Answer::Yes { at, .. } => Considered::new(Row::Yes, &source, "yes", Effect::Yes).note(match at {
                Some(at) => format!("the {source} is yes, given at {at}"),
                None => format!("the {source} is yes"),
            }),
            _ => Considered::new(Row::Yes, source, "no yes", Effect::Nothing),
        }
    }

    /// What the user said while the program ran, if anything.
    fn granted(&self) -> Option<Considered> {
        let row = Considered::new(Row::Yes, GRANTED, "while the program ran", Effect::Yes);
        (self.settings.granted == Granted::Yes).then(|| row.note("the user said yes while the program ran"))
    }

    /// The last row, which speaks for the lack of any yes.
    fn assumed(&self) -> Considered {
        let source = ".assume_consent(..)";
        match self.settings.assumed.as_deref().map(str::trim) {
            None => Considered::new(Row::Yes, source, "not called", Effect::Nothing).note("nobody has said yes"),
            Some("") => Considered::new(Row::Yes, source, "without a reason", Effect::Noted)
                .note("nobody has said yes, and .assume_consent(..) without a reason is none"),
            Some(reason) => Considered::new(Row::Yes, source, shown(reason), Effect::Yes)
                .note(format!("the operator assumes consent: {}", shown(reason))),
        }
    }

    fn says_yes_by_variable(&self) -> bool {
        Word::of_var(&self.environment.var(&self.enabled)) == Word::Yes
    }
}

/// Whether all of these hosts, with `, ` between them, are among those.
fn are_among(these: &str, those: &str) -> bool {
    these.split(", ").all(|host| those.split(", ").any(|known| known.eq_ignore_ascii_case(host)))
}

fn variable(row: Row, name: &str, var: &Var, effect: Effect) -> Considered {
    let value = shown_var(var);
    let note = match var {
        Var::NotUnicode => format!("{name} is set to something that is not text"),
        _ => format!("{name}={value}"),
    };
    Considered::new(row, name, value, effect).note(note).remedy(format!("unset {name}"))
}

fn file(row: Row, source: String, said: Said, remedy: String) -> Considered {
    match said {
        Said::Missing => Considered::new(row, source, "not there", Effect::Nothing),
        Said::Nothing => Considered::new(row, source, "does not say no", Effect::Nothing),
        Said::No(key) => Considered::new(row, &source, format!("{key} = false"), Effect::Off)
            .note(format!("the {source} says {key} = false"))
            .remedy(remedy),
        Said::Unclear(reason) => Considered::new(row, &source, "unclear", Effect::Off)
            .note(format!("the {source} cannot be read and may say no: {reason}"))
            .remedy(remedy),
    }
}
