//! Who the application is: everything that is derived from its name is derived here, once.

use std::fmt;

/// The longest application name or prefix, in bytes: it becomes a part of file names and variable names.
const LONGEST: usize = 64;

/// The application that telemetry speaks for: its name, version and crates.
///
/// Made by [`app!`](crate::app!). The name gives the environment variables (`acme` → `ACME_TELEMETRY_ENABLED`), the
/// opt-out file (`~/.acme-no-telemetry`) and the directories; the crates say which events are the application's own.
///
/// Making one never fails. A name that cannot be part of a path is reported when telemetry is started.
#[derive(Clone, Debug)]
#[must_use]
pub struct App {
    name: Result<Name, NameError>,
    /// `None`: the name is the prefix.
    prefix: Option<Result<Name, NameError>>,
    version: String,
    package: String,
    crates: Vec<String>,
}

impl App {
    /// What [`app!`](crate::app!) expands to; not for use by hand.
    #[doc(hidden)]
    pub fn __new(
        name: impl Into<String>,
        version: &str,
        package: &str,
        binary: Option<&str>,
        module_path: &str,
    ) -> Self {
        let package = package.replace('-', "_");
        let module = module_path.split("::").next().unwrap_or_default();
        let mut crates = Vec::with_capacity(3);
        for name in [Some(module.to_owned()), Some(package.clone()), binary.map(|b| b.replace('-', "_"))] {
            match name {
                Some(name) if !name.is_empty() && !crates.contains(&name) => crates.push(name),
                _ => {}
            }
        }
        Self {
            name: Name::parse(name.into(), Setting::Name),
            prefix: None,
            version: version.to_owned(),
            package,
            crates,
        }
    }

    /// Puts all applications of one vendor under one switch.
    ///
    /// With `.prefix("AUTOMAGIK")` the variables are `AUTOMAGIK_TELEMETRY_*` and the opt-out file is
    /// `~/.automagik-no-telemetry`, so one "no" holds for all of them. The directories still go by the application's
    /// name. Default: the name is the prefix.
    ///
    /// A "no" that was said under the application's own name goes on counting: a release that adds a prefix takes back
    /// nobody's `ACME_TELEMETRY_ENABLED=false` or `~/.acme-no-telemetry`. All other variables move to the prefix, the "yes" and
    /// where data goes among them. What was said under an earlier *prefix* or an earlier name is not known here, so think twice
    /// before changing one that users know.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(Name::parse(prefix.into(), Setting::Prefix));
        self
    }

    /// The application's name, as given; empty if it cannot be used (then starting telemetry says why).
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_ref().map_or("", Name::as_str)
    }

    /// The version of the package in which [`app!`](crate::app!) was called.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The full name of one of the application's variables: `ENABLED` → `ACME_TELEMETRY_ENABLED`.
    ///
    /// Everything but ASCII letters and digits becomes `_`; a prefix that starts with a digit gets a `_` in front, since
    /// no shell could set it otherwise.
    #[must_use]
    pub fn env_name(&self, suffix: &str) -> String {
        variable(self.switch(), suffix)
    }

    /// Beside [`env_name`](App::env_name), the variable of the application's own name, where a prefix took its place: it
    /// says yes no longer, and still says no.
    pub(crate) fn own_env_name(&self, suffix: &str) -> Option<String> {
        let own = variable(self.own_switch()?, suffix);
        (own != self.env_name(suffix)).then_some(own)
    }

    /// The name of the file in the home directory that says "never": `.acme-no-telemetry`.
    pub(crate) fn opt_out_file_name(&self) -> String {
        opt_out_file(self.switch())
    }

    /// Beside [`opt_out_file_name`](App::opt_out_file_name), that of the application's own name, where a prefix took its
    /// place: it still says "never".
    pub(crate) fn own_opt_out_file_name(&self) -> Option<String> {
        let own = opt_out_file(self.own_switch()?);
        (own != self.opt_out_file_name()).then_some(own)
    }

    /// Whether an event with this target comes out of the application's own crates.
    pub(crate) fn owns_target(&self, target: &str) -> bool {
        let name = target.split("::").next().unwrap_or_default();
        self.crates.iter().any(|own| own == name)
            || (!self.package.is_empty()
                && name.strip_prefix(self.package.as_str()).is_some_and(|rest| rest.len() > 1 && rest.starts_with('_')))
    }

    /// The name, if both it and the prefix can be used.
    ///
    /// # Errors
    /// The name or the prefix is empty, too long, or cannot be a part of a file name.
    pub(crate) fn checked(&self) -> Result<&str, NameError> {
        if let Some(Err(error)) = &self.prefix {
            return Err(error.clone());
        }
        match &self.name {
            Ok(name) => {
                // Without a letter or digit in ASCII all variables would be called `___TELEMETRY_ENABLED`.
                if self.prefix.is_none() && !names_variables(name.as_str()) {
                    return Err(NameError::new(name.as_str(), Setting::Name, Fault::NoLetter));
                }
                Ok(name.as_str())
            }
            Err(error) => Err(error.clone()),
        }
    }

    /// What the variables and the opt-out file are named after.
    fn switch(&self) -> &str {
        match &self.prefix {
            Some(prefix) => prefix.as_ref().map_or("", Name::as_str),
            None => self.name(),
        }
    }

    /// What they would be named after without the prefix, if there is one. A name that could not stand alone has never
    /// named any.
    fn own_switch(&self) -> Option<&str> {
        self.prefix.as_ref()?;
        Some(self.name()).filter(|name| names_variables(name))
    }
}

/// Describes the application to [`Telemetry`](crate::Telemetry): `app!("acme")` or `app!()`.
///
/// Without a name it takes the binary's (`CARGO_BIN_NAME`, which cargo sets for binaries and examples), else the
/// package's. Call it in the application itself, not in a library it uses: name, version and crates are those of the
/// place of the call.
///
/// ```
/// let app = tracing_privacy::app!("acme").prefix("VENDOR");
/// assert_eq!(app.name(), "acme");
/// assert_eq!(app.env_name("ENABLED"), "VENDOR_TELEMETRY_ENABLED");
/// ```
#[macro_export]
macro_rules! app {
    () => {
        $crate::app!(match ::core::option_env!("CARGO_BIN_NAME") {
            ::core::option::Option::Some(name) => name,
            ::core::option::Option::None => ::core::env!("CARGO_PKG_NAME"),
        })
    };
    ($name:expr $(,)?) => {
        $crate::App::__new(
            $name,
            ::core::env!("CARGO_PKG_VERSION"),
            ::core::env!("CARGO_PKG_NAME"),
            ::core::option_env!("CARGO_BIN_NAME"),
            ::core::module_path!(),
        )
    };
}

/// A name that can be a part of a path and of a variable's name.
#[derive(Clone, Debug)]
struct Name(String);

impl Name {
    fn parse(name: String, setting: Setting) -> Result<Self, NameError> {
        match fault(&name, setting) {
            None => Ok(Self(name)),
            Some(fault) => Err(NameError::new(&name, setting, fault)),
        }
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a name cannot be used, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameError {
    shown: String,
    setting: Setting,
    fault: Fault,
}

impl NameError {
    fn new(name: &str, setting: Setting, fault: Fault) -> Self {
        Self { shown: name.chars().take(LONGEST).flat_map(char::escape_debug).collect(), setting, fault }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    Name,
    Prefix,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Empty,
    TooLong(usize),
    Dots,
    Space,
    NoLetter,
    Character(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (setting, remedy) = match self.setting {
            Setting::Name => ("application name", "app!(\"acme\")"),
            Setting::Prefix => ("prefix", ".prefix(\"ACME\")"),
        };
        write!(f, "the {setting} \"{}\" ", self.shown)?;
        match self.fault {
            Fault::Empty => f.write_str("is empty")?,
            Fault::TooLong(bytes) => write!(f, "has {bytes} bytes, and {LONGEST} are the most")?,
            Fault::Dots => f.write_str("begins or ends with a dot or contains \"..\"")?,
            Fault::Space => f.write_str("begins or ends with white space")?,
            Fault::NoLetter => {
                f.write_str(
                    "has no ASCII letter or digit to name the environment variables after: add .prefix(\"ACME\")",
                )?;
            }
            Fault::Character(c) => write!(f, "contains {c:?}, which cannot be part of a file name")?,
        }
        write!(f, "; write a plain name, as in {remedy}")
    }
}

impl std::error::Error for NameError {}

fn variable(switch: &str, suffix: &str) -> String {
    let mut full = String::with_capacity(switch.len() + suffix.len() + 12);
    if switch.starts_with(|first: char| first.is_ascii_digit()) {
        full.push('_');
    }
    full.extend(switch.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }));
    full.push_str("_TELEMETRY_");
    full.push_str(suffix);
    full
}

fn opt_out_file(switch: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let switch: String = switch.chars().map(letter).collect();
    format!(".{switch}-no-telemetry")
}

/// Whether variables can be named after it: without a letter or digit of ASCII all would have the same name.
fn names_variables(name: &str) -> bool {
    name.bytes().any(|b| b.is_ascii_alphanumeric())
}

fn fault(name: &str, setting: Setting) -> Option<Fault> {
    if name.trim().is_empty() {
        return Some(Fault::Empty);
    }
    if name.len() > LONGEST {
        return Some(Fault::TooLong(name.len()));
    }
    if name.trim() != name {
        return Some(Fault::Space);
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return Some(Fault::Dots);
    }
    if let Some(c) = name.chars().find(|c| c.is_control() || "/\\<>:\"|?*".contains(*c)) {
        return Some(Fault::Character(c));
    }
    if setting == Setting::Prefix && !names_variables(name) {
        return Some(Fault::NoLetter);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str) -> App {
        App::__new(name, "1.2.3", "acme-cli", Some("acme"), "acme_daemon::start")
    }

    #[test]
    fn the_name_gives_variables_and_opt_out_file() {
        for (name, variable, file) in [
            ("acme", "ACME_TELEMETRY_ENABLED", ".acme-no-telemetry"),
            ("my-app", "MY_APP_TELEMETRY_ENABLED", ".my-app-no-telemetry"),
            ("my_app", "MY_APP_TELEMETRY_ENABLED", ".my-app-no-telemetry"),
            ("7zip", "_7ZIP_TELEMETRY_ENABLED", ".7zip-no-telemetry"),
            ("Acme 2.0", "ACME_2_0_TELEMETRY_ENABLED", ".acme-2-0-no-telemetry"),
        ] {
            let app = app(name);
            assert_eq!(app.checked(), Ok(name));
            assert_eq!(app.env_name("ENABLED"), variable);
            assert_eq!(app.opt_out_file_name(), file);
            assert_eq!((app.own_env_name("ENABLED"), app.own_opt_out_file_name()), (None, None));
        }
    }

    #[test]
    fn a_prefix_moves_the_switch_and_leaves_the_name() {
        let app = app("acme").prefix("AUTOMAGIK");
        assert_eq!(app.checked(), Ok("acme"));
        assert_eq!(app.env_name("ENABLED"), "AUTOMAGIK_TELEMETRY_ENABLED");
        assert_eq!(app.opt_out_file_name(), ".automagik-no-telemetry");
        assert_eq!(app.own_opt_out_file_name().as_deref(), Some(".acme-no-telemetry"));
        assert_eq!(app.own_env_name("ENABLED").as_deref(), Some("ACME_TELEMETRY_ENABLED"));
    }

    #[test]
    fn a_prefix_that_is_the_name_adds_no_switch_and_a_name_that_named_none_neither() {
        for app in [app("acme").prefix("ACME"), app("日本").prefix("NIHON")] {
            assert_eq!((app.own_env_name("ENABLED"), app.own_opt_out_file_name()), (None, None), "{app:?}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_a_path_is_an_error_with_a_remedy() {
        let long = "x".repeat(65);
        for name in
            ["", " ", "..", ".", "a/b", "a\\b", "../etc", "a..b", "a\0b", "a\nb", " acme", "acme.", "C:", "日本", &long]
        {
            let error = app(name).checked().expect_err(name).to_string();
            assert!(error.contains("application name") && error.contains("app!("), "{error}");
            assert!(!error.contains('\n') && !error.contains('\0'), "{error:?}");
        }
        for prefix in ["", "A/B", "__", &long] {
            let error = app("acme").prefix(prefix).checked().expect_err(prefix).to_string();
            assert!(error.contains("prefix") && error.contains(".prefix("), "{error}");
        }
        assert_eq!(app("日本").prefix("NIHON").checked(), Ok("日本"));
        assert_eq!(app(&"x".repeat(64)).checked().map(str::len), Ok(64));
    }

    #[test]
    fn own_targets_are_those_of_the_binary_the_package_and_its_siblings() {
        let app = app("anything");
        for own in ["acme", "acme::checkout", "acme_cli", "acme_cli::x", "acme_daemon", "acme_cli_core::deep::er"] {
            assert!(app.owns_target(own), "{own}");
        }
        for foreign in ["", "anything", "acm", "acmes", "acme_core", "acme_cli_", "hyper::acme", "acme-cli"] {
            assert!(!app.owns_target(foreign), "{foreign}");
        }
    }

    #[test]
    fn the_macro_takes_the_name_of_the_place_it_is_called_in() {
        let app = crate::app!();
        assert_eq!(app.name(), env!("CARGO_PKG_NAME"));
        assert_eq!(app.version(), env!("CARGO_PKG_VERSION"));
        assert!(app.owns_target(module_path!()));
        assert_eq!(crate::app!("acme",).name(), "acme");
    }
}
