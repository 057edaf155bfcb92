//! The one directory that we write to: made for its user alone, and judged before a secret is read from it or written to it.
//!
//! Nothing here is called unless telemetry is on.

use std::fmt;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::machine::{User as Owner, effective_user};

/// Makes the directory, for its user alone (0700), or makes sure that it already is so.
///
/// The directory itself is never a link. Below the home directory it belongs to whoever that belongs to: an application that
/// is run once as root leaves nothing in its user's home that this user could not remove. Elsewhere, as a service account may
/// have it in `XDG_DATA_HOME`, it belongs to the user that the program acts as.
///
/// # Errors
/// The directory cannot be made, is a link or not a directory, or belongs to someone else. Telemetry then keeps nothing
/// on disk.
pub(crate) fn create_private(environment: &Environment, directory: &Path) -> Result<(), DirectoryError> {
    let failed = |fault| DirectoryError { directory: directory.to_owned(), fault };
    let owner = rightful_owner(environment, directory).map_err(|error| failed(Fault::Io(error)))?;
    let missing: Vec<_> = directory
        .ancestors()
        .take_while(|path| std::fs::symlink_metadata(path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound))
        .collect();
    for (made, path) in missing.iter().rev().enumerate() {
        match make(path) {
            Ok(()) => {}
            // Another process was faster; what it made is judged below.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(failed(Fault::Io(error))),
        }
        if made == 0 && !belongs_to(path, owner) {
            let _ = std::fs::remove_dir(path);
            return Err(failed(Fault::NotOurs));
        }
    }
    let metadata = std::fs::symlink_metadata(directory).map_err(|error| failed(Fault::Io(error)))?;
    is_directory(&metadata).map_err(failed)?;
    if !belongs_to(directory, owner) {
        return Err(failed(Fault::NotOurs));
    }
    close_to_others(directory, &metadata).map_err(|error| failed(Fault::Io(error)))
}

/// A directory that was judged and may hold secrets: no link, and it belongs to the user that this program runs as and to
/// nobody else. [`PrivateDirectory::find`] alone makes one, so that whoever reads or writes a key has been there.
#[derive(Clone, Debug)]
pub(crate) struct PrivateDirectory {
    path: PathBuf,
    owner: Owner,
    identity: Identity,
}

impl PrivateDirectory {
    /// The directory at this path, or `None` if there is none yet. Changes nothing.
    ///
    /// # Errors
    /// What is there is a link or no directory, or does not belong to the user that this program runs as, or lies below a home
    /// directory that does not. Under `sudo` that is so: a key of root's would lock its user out.
    pub(crate) fn find(environment: &Environment, path: &Path) -> Result<Option<Self>, DirectoryError> {
        let failed = |fault| DirectoryError { directory: path.to_owned(), fault };
        let metadata = match std::fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(Fault::Io(error))),
        };
        is_directory(&metadata).map_err(failed)?;
        let owner = effective_user().map_err(|error| failed(Fault::Io(error)))?;
        let rightful = rightful_owner(environment, path).map_err(|error| failed(Fault::Io(error)))?;
        if rightful != owner || owner_of(&metadata) != owner {
            return Err(failed(Fault::NotOurs));
        }
        Ok(Some(PrivateDirectory { path: path.to_owned(), owner, identity: identity_of(&metadata) }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nothing is there any more.
    pub(crate) fn is_gone(&self) -> bool {
        std::fs::symlink_metadata(&self.path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    /// Makes sure that what is there now is what was judged.
    ///
    /// # Errors
    /// It is not.
    pub(crate) fn check(&self) -> std::io::Result<()> {
        if self.is(&std::fs::symlink_metadata(&self.path)?) {
            Ok(())
        } else {
            Err(std::io::Error::other("the telemetry directory was replaced"))
        }
    }

    /// Whether this is the directory that was judged.
    pub(crate) fn is(&self, metadata: &std::fs::Metadata) -> bool {
        metadata.is_dir() && identity_of(metadata) == self.identity && owner_of(metadata) == self.owner
    }

    /// Whether a file belongs to the user that this program runs as.
    pub(crate) fn owns(&self, metadata: &std::fs::Metadata) -> bool {
        owner_of(metadata) == self.owner
    }
}

/// Why the private directory cannot be used.
#[derive(Debug)]
pub(crate) struct DirectoryError {
    directory: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Io(std::io::Error),
    Link,
    NotADirectory,
    NotOurs,
}

/// The variables that say where it is.
const DIRECTORIES: &str = if cfg!(any(target_os = "macos", target_os = "ios")) { "HOME" } else { "XDG_DATA_HOME" };

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the telemetry directory {:?} ", self.directory)?;
        match &self.fault {
            Fault::Io(error) => write!(f, "cannot be used: {error}"),
            Fault::Link => f.write_str("is a link; remove it, or make it a directory"),
            Fault::NotADirectory => f.write_str("is not a directory; remove it"),
            Fault::NotOurs => write!(
                f,
                "belongs to somebody else than the user that this program runs as, or is in the home directory of somebody \
                 else; run as that user, or set {DIRECTORIES} to a directory of this user's own"
            ),
        }
    }
}

impl std::error::Error for DirectoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            Fault::Io(error) => Some(error),
            _ => None,
        }
    }
}

fn is_directory(metadata: &std::fs::Metadata) -> Result<(), Fault> {
    if metadata.file_type().is_symlink() {
        return Err(Fault::Link);
    }
    if metadata.is_dir() { Ok(()) } else { Err(Fault::NotADirectory) }
}

/// Device and number: which directory it is, whatever its name.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = ();

#[cfg(unix)]
fn identity_of(metadata: &std::fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;

    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity_of(_: &std::fs::Metadata) -> Identity {}

#[cfg(unix)]
fn owner_of(metadata: &std::fs::Metadata) -> Owner {
    std::os::unix::fs::MetadataExt::uid(metadata)
}

#[cfg(not(unix))]
fn owner_of(_: &std::fs::Metadata) -> Owner {}

/// To whom the directory should belong: below the home directory, to the owner of that, and elsewhere to the user that the
/// program acts as. `/` is nobody's home, but what `HOME` says where there is none.
#[cfg(unix)]
fn rightful_owner(environment: &Environment, directory: &Path) -> std::io::Result<Owner> {
    let home = environment.home_directory().filter(|home| home.parent().is_some() && directory.starts_with(home));
    match home.and_then(|home| std::fs::metadata(home).ok()) {
        Some(metadata) => Ok(owner_of(&metadata)),
        None => effective_user(),
    }
}

#[cfg(not(unix))]
fn rightful_owner(_: &Environment, _: &Path) -> std::io::Result<Owner> {
    Ok(())
}

#[cfg(unix)]
fn belongs_to(path: &Path, owner: Owner) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| owner_of(&metadata) == owner)
}

#[cfg(not(unix))]
fn belongs_to(_: &Path, (): Owner) -> bool {
    true
}

fn make(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(unix)]
fn close_to_others(path: &Path, metadata: &std::fs::Metadata) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    if metadata.permissions().mode() & 0o777 == 0o700 {
        return Ok(());
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn close_to_others(_: &Path, _: &std::fs::Metadata) -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_private_and_never_a_link() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let home = std::env::temp_dir().join(format!("tracing-privacy-directories-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let environment = Environment::empty().home(&home);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;

        let directory = home.join("share/acme/telemetry");
        create_private(&environment, &directory).unwrap();
        assert_eq!((mode(&directory), mode(&home.join("share"))), (0o700, 0o700));
        create_private(&environment, &directory).unwrap();

        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o777)).unwrap();
        create_private(&environment, &directory).unwrap();
        assert_eq!(mode(&directory), 0o700);

        let link = home.join("link");
        symlink(&directory, &link).unwrap();
        assert!(create_private(&environment, &link).unwrap_err().to_string().contains("is a link"));
        let file = home.join("file");
        std::fs::write(&file, "").unwrap();
        assert!(create_private(&environment, &file).unwrap_err().to_string().contains("not a directory"));
        assert!(create_private(&environment, &file.join("below")).is_err());

        std::fs::remove_dir_all(&home).unwrap();
    }

    #[test]
    fn a_directory_that_may_hold_secrets_is_ours_and_is_known_again() {
        let home = std::env::temp_dir().join(format!("tracing-privacy-judged-{}", std::process::id()));
        let (path, other, link) = (home.join("data"), home.join("other"), home.join("link"));
        std::fs::create_dir_all(&path).unwrap();
        let environment = Environment::empty().home(&home);
        assert!(PrivateDirectory::find(&environment, &other).unwrap().is_none() && !other.exists());
        let directory = PrivateDirectory::find(&environment, &path).unwrap().unwrap();
        directory.check().unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(PrivateDirectory::find(&environment, &link).unwrap_err().to_string().contains("is a link"));

        std::fs::rename(&path, &other).unwrap();
        assert!(directory.is_gone() && directory.check().is_err());
        std::os::unix::fs::symlink(&other, &path).unwrap();
        assert!(!directory.is_gone() && directory.check().is_err(), "the same directory, behind a link");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(directory.check().is_err(), "another of the same name");
        std::fs::remove_dir_all(&home).unwrap();
    }

    #[test]
    fn nothing_is_left_in_a_home_of_somebody_else() {
        use std::os::unix::fs::MetadataExt;

        let home = std::env::temp_dir().join(format!("tracing-privacy-foreign-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        // Only root can give a directory away; elsewhere this test has nothing to try.
        let other = std::fs::metadata(&home).unwrap().uid() + 1;
        if std::os::unix::fs::chown(&home, Some(other), None).is_ok() {
            let environment = Environment::empty().home(&home);
            let error = create_private(&environment, &home.join("a/b")).unwrap_err();
            assert!(error.to_string().contains(&format!("set {DIRECTORIES} to a directory")), "{error}");
            assert!(!home.join("a").exists());
            // As under `sudo`: the directory is the user's, and so is the home, but the program is not.
            assert!(PrivateDirectory::find(&environment, &home).unwrap_err().to_string().contains("run as that user"));
            assert!(PrivateDirectory::find(&Environment::empty(), &home).is_err());
        }
        std::fs::remove_dir_all(&home).unwrap();
    }
    #[test]
    fn a_service_whose_home_is_not_its_own_keeps_its_data_elsewhere() {
        use std::os::unix::fs::MetadataExt;

        let scratch = std::env::temp_dir().join(format!("tracing-privacy-service-{}", std::process::id()));
        let (home, ours) = (scratch.join("home"), scratch.join("var/acme/telemetry"));
        std::fs::create_dir_all(&home).unwrap();
        let user = std::fs::metadata(&home).unwrap().uid();
        // Only root can give a directory away; elsewhere the home of this test is its own.
        let foreign = std::os::unix::fs::chown(&home, Some(user + 1), None).is_ok();
        // `/` is what runtimes of containers give to a user without a home, and it is root's.
        for environment in [Environment::empty().home(&home), Environment::empty().home("/"), Environment::empty()] {
            create_private(&environment, &ours).unwrap();
            assert!(PrivateDirectory::find(&environment, &ours).unwrap().is_some(), "{environment:?}");
            std::fs::remove_dir_all(scratch.join("var")).unwrap();
        }
        // Another's directory is not taken over, wherever it is.
        if foreign {
            std::fs::create_dir_all(&ours).unwrap();
            std::os::unix::fs::chown(&ours, Some(user + 1), None).unwrap();
            for environment in [Environment::empty().home(&home), Environment::empty().home("/"), Environment::empty()]
            {
                assert!(create_private(&environment, &ours).is_err(), "{environment:?}");
                assert!(PrivateDirectory::find(&environment, &ours).is_err(), "{environment:?}");
            }
        }
        std::fs::remove_dir_all(&scratch).unwrap();
    }
}
