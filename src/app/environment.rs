//! What the crate can see of the machine: variables, the home directory and small files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clock::Clock;
use super::machine::{is_missing, process_home, read_small, reason};

/// The variables, home directory and files that decide whether and where telemetry may be.
///
/// An application uses [`Environment::process`], which is the default. A test builds its own with
/// [`Environment::fixed`], so that it gives the same answer on a laptop and where `CI=true` is set:
///
/// ```
/// use tracing_privacy::Environment;
///
/// let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")])
///     .file("/etc/acme/telemetry.toml", "enabled = false");
/// ```
///
/// Cloning is cheap. `Debug` prints the names of variables and files, never what is in them.
#[derive(Clone)]
#[must_use]
pub struct Environment(Arc<View>);

#[derive(Clone)]
struct View {
    source: Source,
    os: Os,
    home: Home,
    files: BTreeMap<PathBuf, Planted>,
    clock: Option<Clock>,
}

#[derive(Clone)]
enum Source {
    Process,
    Fixed(BTreeMap<String, OsString>),
}

#[derive(Clone)]
enum Home {
    /// Of a process, its user's; of a fixed environment, none.
    OfSource,
    At(PathBuf),
    Unknown,
}

#[derive(Clone)]
enum Planted {
    Contents(Vec<u8>),
    Unreadable,
    Link(PathBuf),
}

impl Environment {
    /// The real one: this process' variables and the real files. Nothing is read before it is asked for, and nothing is
    /// kept.
    pub fn process() -> Self {
        Self::from_source(Source::Process)
    }

    /// These variables and no others, no home directory and no files, unless they are added.
    pub fn fixed<K, V>(variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<OsString>,
    {
        Self::from_source(Source::Fixed(variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect()))
    }

    /// No variables, no home directory, no files.
    pub fn empty() -> Self {
        Self::from_source(Source::Fixed(BTreeMap::new()))
    }

    /// Takes this as the home directory. Under a fixed environment the real files below it can be seen.
    pub fn home(mut self, directory: impl Into<PathBuf>) -> Self {
        Arc::make_mut(&mut self.0).home = Home::At(directory.into());
        self
    }

    /// Has a home directory that cannot be found, as a process has without `HOME` whose user is not in `/etc/passwd`. Then
    /// nobody can look for the opt-out file, and telemetry is off.
    pub fn unknown_home(mut self) -> Self {
        Arc::make_mut(&mut self.0).home = Home::Unknown;
        self
    }

    /// Plants a file that need not exist: it is seen instead of whatever lies at this path.
    pub fn file(mut self, path: impl Into<PathBuf>, contents: impl Into<Vec<u8>>) -> Self {
        Arc::make_mut(&mut self.0).files.insert(path.into(), Planted::Contents(contents.into()));
        self
    }

    /// Plants a file that exists and cannot be read, as behind missing permissions.
    pub fn unreadable_file(mut self, path: impl Into<PathBuf>) -> Self {
        Arc::make_mut(&mut self.0).files.insert(path.into(), Planted::Unreadable);
        self
    }

    /// Plants a symbolic link. What it leads to is not followed: the link's target is all that can be seen of it.
    pub fn link(mut self, path: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Arc::make_mut(&mut self.0).files.insert(path.into(), Planted::Link(target.into()));
        self
    }

    /// Lays out directories as on this system. Default: the one the crate was compiled for.
    pub fn os(mut self, os: Os) -> Self {
        Arc::make_mut(&mut self.0).os = os;
        self
    }

    /// Tells the time by this clock. Default: the machine's.
    #[doc(hidden)]
    pub fn clock(mut self, clock: Clock) -> Self {
        Arc::make_mut(&mut self.0).clock = Some(clock);
        self
    }

    /// One variable, as it is now.
    pub(crate) fn var(&self, name: &str) -> Var {
        match self.var_os(name).map(OsString::into_string) {
            None => Var::Unset,
            Some(Ok(text)) => Var::Text(text),
            Some(Err(_)) => Var::NotUnicode,
        }
    }

    /// Whether there is anything at this path. A directory or a link that leads nowhere is something.
    pub(crate) fn exists(&self, path: &Path) -> Presence {
        match self.0.files.get(path) {
            Some(_) => return Presence::Present,
            None if !self.sees(path) => return Presence::Missing,
            None => {}
        }
        match std::fs::symlink_metadata(path) {
            Ok(_) => Presence::Present,
            Err(error) if is_missing(&error) => Presence::Missing,
            Err(error) => Presence::Unreadable(reason(&error)),
        }
    }

    /// The text of a small file.
    pub(crate) fn read(&self, path: &Path) -> Reading {
        let bytes = match self.0.files.get(path) {
            Some(Planted::Contents(bytes)) => Ok(bytes.clone()),
            Some(Planted::Unreadable) => Err(String::from("permission denied")),
            Some(Planted::Link(_)) => Err(String::from("the link leads nowhere")),
            None if !self.sees(path) => return Reading::Missing,
            None => match read_small(path) {
                Ok(bytes) => Ok(bytes),
                Err(error) if is_missing(&error) && self.exists(path) == Presence::Missing => {
                    return Reading::Missing;
                }
                Err(error) => Err(reason(&error)),
            },
        };
        match bytes.map(String::from_utf8) {
            Ok(Ok(text)) => Reading::Contents(text),
            Ok(Err(_)) => Reading::Unreadable(String::from("it is not UTF-8 text")),
            Err(reason) => Reading::Unreadable(reason),
        }
    }

    /// What a symbolic link says; `None` of anything else.
    pub(crate) fn link_target(&self, path: &Path) -> Option<PathBuf> {
        match self.0.files.get(path) {
            Some(Planted::Link(target)) => Some(target.clone()),
            None if self.sees(path) => std::fs::read_link(path).ok(),
            _ => None,
        }
    }

    /// The clock of this environment.
    pub(crate) fn clock_or_system(&self) -> Clock {
        self.0.clock.clone().unwrap_or_else(Clock::system)
    }

    /// The system whose directories are used.
    pub(crate) fn layout(&self) -> Os {
        self.0.os
    }

    /// The user's home directory, if there is one that is known.
    pub(crate) fn home_directory(&self) -> Option<PathBuf> {
        match (&self.0.home, &self.0.source) {
            (Home::At(home), _) => Some(home.clone()),
            (Home::OfSource, Source::Process) => process_home(),
            (Home::OfSource, Source::Fixed(_)) | (Home::Unknown, _) => None,
        }
    }

    /// Whether the user may have a home directory that cannot be found. A fixed environment that was given none has none.
    pub(crate) fn hides_home(&self) -> bool {
        match (&self.0.home, &self.0.source) {
            (Home::Unknown, _) => true,
            (Home::OfSource, Source::Process) => process_home().is_none(),
            (Home::OfSource, Source::Fixed(_)) | (Home::At(_), _) => false,
        }
    }

    /// A directory that a variable names, in any encoding. A relative one is ignored, as the XDG specification asks: it would
    /// be somewhere else after each `cd`.
    pub(crate) fn directory_var(&self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.var_os(name)?);
        // Asked of the text, since on another system's layout `C:\` is relative here.
        let is_drive = self.0.os == Os::Windows && is_drive(&path.to_string_lossy());
        (path.is_absolute() || is_drive).then_some(path)
    }

    fn var_os(&self, name: &str) -> Option<OsString> {
        match &self.0.source {
            Source::Process => std::env::var_os(name),
            Source::Fixed(variables) => variables.get(name).cloned(),
        }
    }

    /// Whether real files may be looked at here: a fixed environment ends at the directories it was given.
    fn sees(&self, path: &Path) -> bool {
        match &self.0.source {
            Source::Process => true,
            Source::Fixed(_) => ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA", "APPDATA"]
                .into_iter()
                .filter_map(|name| self.directory_var(name))
                .chain(self.home_directory())
                .any(|directory| path.starts_with(directory)),
        }
    }

    fn from_source(source: Source) -> Self {
        Self(Arc::new(View { source, os: Os::current(), home: Home::OfSource, files: BTreeMap::new(), clock: None }))
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::process()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Environment");
        match &self.0.source {
            Source::Process => shown.field("variables", &"of the process"),
            Source::Fixed(variables) => shown.field("variables", &variables.keys().collect::<Vec<_>>()),
        };
        shown
            .field("os", &self.0.os)
            .field("home", &self.home_directory().is_some())
            .field("files", &self.0.files.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A variable, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Var {
    /// There is none of this name.
    Unset,
    /// Its value, possibly empty.
    Text(String),
    /// It is set to something that is not Unicode.
    NotUnicode,
}

/// Whether something lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Nothing.
    Missing,
    /// Something of any kind.
    Present,
    /// It cannot be known, for this reason.
    Unreadable(String),
}

/// What a small file said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// There is no such file.
    Missing,
    /// Its text.
    Contents(String),
    /// Something is there and cannot be read, for this reason.
    Unreadable(String),
}

/// The system whose conventions for directories are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Os {
    /// The XDG base directories; also for the BSDs and others.
    Linux,
    /// `~/Library/Application Support`.
    MacOs,
    /// `%LOCALAPPDATA%` and `%ProgramData%`.
    Windows,
}

impl Os {
    /// The one the crate was compiled for.
    #[must_use]
    pub const fn current() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(any(target_os = "macos", target_os = "ios")) {
            Self::MacOs
        } else {
            Self::Linux
        }
    }
}

fn is_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_environment_has_only_what_it_was_given() {
        let environment = Environment::fixed([("A", "1"), ("EMPTY", "")]).file("/etc/x", "text");
        assert_eq!(environment.var("A"), Var::Text("1".into()));
        assert_eq!(environment.var("EMPTY"), Var::Text(String::new()));
        assert_eq!(environment.var("PATH"), Var::Unset);
        assert_eq!(environment.home_directory(), None);
        assert_eq!(environment.exists(Path::new("/etc/x")), Presence::Present);
        assert_eq!(environment.read(Path::new("/etc/x")), Reading::Contents("text".into()));
        assert_eq!(environment.read(Path::new("/etc/passwd")), Reading::Missing);
        assert_eq!(environment.exists(Path::new("/etc")), Presence::Missing);
        let linked = environment.clone().link("/etc/y", "/etc/x");
        assert_eq!(linked.link_target(Path::new("/etc/y")), Some(PathBuf::from("/etc/x")));
        assert_eq!(linked.exists(Path::new("/etc/y")), Presence::Present);
        assert!(matches!(linked.read(Path::new("/etc/y")), Reading::Unreadable(_)));
        for path in ["/etc/x", "/etc/localtime", "/etc/mtab"] {
            assert_eq!(linked.link_target(Path::new(path)), None, "{path}");
        }
        let environment = environment.unreadable_file("/etc/x");
        assert_eq!(environment.exists(Path::new("/etc/x")), Presence::Present);
        assert!(matches!(environment.read(Path::new("/etc/x")), Reading::Unreadable(_)));
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let environment = Environment::fixed([("TOKEN", "canary-1")]).home("/home/canary-2").file("/f", "canary-3");
        let shown = format!("{environment:?}");
        assert!(shown.contains("TOKEN") && shown.contains("/f"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn changing_a_clone_leaves_the_original() {
        let original = Environment::fixed([("A", "1")]);
        let changed = original.clone().home("/home/a").file("/home/a/f", "");
        assert_eq!(original.home_directory(), None);
        assert_eq!(original.exists(Path::new("/home/a/f")), Presence::Missing);
        assert_eq!(changed.exists(Path::new("/home/a/f")), Presence::Present);
    }

    #[cfg(unix)]
    #[test]
    fn real_files_are_seen_below_the_home_directory() {
        use std::os::unix::fs::symlink;

        let home = std::env::temp_dir().join(format!("tracing-privacy-environment-{}", std::process::id()));
        std::fs::create_dir_all(home.join("directory")).unwrap();
        std::fs::write(home.join("file"), "text").unwrap();
        std::fs::write(home.join("long"), vec![b'x'; 70_000]).unwrap();
        std::fs::write(home.join("latin"), b"caf\xe9").unwrap();
        let _ = symlink(home.join("loop"), home.join("loop"));
        let _ = symlink(home.join("nowhere"), home.join("dangling"));
        let _ = symlink(home.join("file"), home.join("link"));

        let environment = Environment::empty().home(&home);
        let exists = |name: &str| environment.exists(&home.join(name));
        let read = |name: &str| environment.read(&home.join(name));
        for name in ["file", "directory", "loop", "dangling", "link"] {
            assert_eq!(exists(name), Presence::Present, "{name}");
        }
        for name in ["none", "file/below", "none/below"] {
            assert_eq!((exists(name), read(name)), (Presence::Missing, Reading::Missing), "{name}");
        }
        assert!(matches!(exists("loop/below"), Presence::Unreadable(_)));
        assert_eq!(read("file"), Reading::Contents("text".into()));
        assert_eq!(read("link"), Reading::Contents("text".into()));
        assert_eq!(environment.link_target(&home.join("link")), Some(home.join("file")));
        assert_eq!(environment.link_target(&home.join("file")), None);
        for name in ["directory", "loop", "loop/below", "dangling", "long", "latin"] {
            assert!(matches!(read(name), Reading::Unreadable(_)), "{name}: {:?}", read(name));
        }
        std::fs::remove_dir_all(&home).unwrap();
    }
}
