//! The real machine behind [`Environment::process`](super::Environment::process): small files and the home directory.

use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest file that is read, in bytes. What is longer is no setting that a person wrote.
const LONGEST_FILE: u64 = 64 * 1024;

/// Nothing there, or a file where a directory would have to be.
pub(super) fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// Words without the path, which callers name themselves.
pub(super) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => String::from("permission denied"),
        std::io::ErrorKind::NotFound => String::from("the link leads nowhere"),
        _ => error.to_string(),
    }
}

pub(super) fn read_small(path: &Path) -> std::io::Result<Vec<u8>> {
    // Opening a pipe that nobody writes to would wait for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LONGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(std::io::Error::other("it is larger than 64 KiB"));
    }
    Ok(bytes)
}

/// The user that this program acts as, where users have numbers.
#[cfg(unix)]
pub(super) type User = u32;
#[cfg(not(unix))]
pub(super) type User = ();

/// The user that this program acts as. The standard library does not say; a pipe belongs to whoever made it, and needs no
/// place on any disk.
#[cfg(unix)]
pub(super) fn effective_user() -> std::io::Result<User> {
    let (pipe, _) = std::io::pipe()?;
    let pipe = std::fs::File::from(std::os::fd::OwnedFd::from(pipe));
    Ok(std::os::unix::fs::MetadataExt::uid(&pipe.metadata()?))
}

#[cfg(not(unix))]
pub(super) fn effective_user() -> std::io::Result<User> {
    Ok(())
}

/// The home directory of this process' user: by `HOME`, and where that is not set, empty or relative, by the user table.
/// `None` if it cannot be known.
#[cfg(unix)]
pub(super) fn process_home() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    home.or_else(|| home_of(effective_user().ok()?, Path::new("/etc/passwd")))
}

#[cfg(not(unix))]
pub(super) fn process_home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute())
}

/// The home directory in the user table. The table is read as a file, since asking the C library may open a socket to a name
/// service.
#[cfg(unix)]
fn home_of(user: User, users: &Path) -> Option<PathBuf> {
    let user = user.to_string();
    let users = std::fs::read(users).ok()?;
    // name:password:uid:gid:comment:home:shell, of which comments and homes are in any encoding.
    let home = users
        .split(|byte| *byte == b'\n')
        .map(|line| line.split(|byte| *byte == b':'))
        .find_map(|mut fields| (fields.nth(2) == Some(user.as_bytes())).then(|| fields.nth(2)));
    let home: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(home.flatten()?);
    Some(PathBuf::from(home)).filter(|home| home.is_absolute())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_user_table_knows_the_home_of_its_users() {
        let table = std::env::temp_dir().join(format!("tracing-privacy-passwd-{}", std::process::id()));
        let home = |text: &[u8]| {
            std::fs::write(&table, text).unwrap();
            home_of(1001, &table)
        };
        assert_eq!(home(b""), None);
        assert_eq!(home(b"x:x:1002:0::/home/x:/bin/sh\nme:x:1001:0:Me:/home/me:/bin/sh\n"), Some("/home/me".into()));
        assert_eq!(home(b"caf\xe9:x:1:1:Caf\xe9:/:\nme:x:1001:0:Me:/home/me"), Some("/home/me".into()));
        for unknown in ["me:x:1001:0:Me\n", "me:x:1001:0:Me::/bin/sh\n", "me:x:1001:0:Me:home/me:/bin/sh\n"] {
            assert_eq!(home(unknown.as_bytes()), None, "{unknown}");
        }
        std::fs::remove_file(&table).unwrap();
        assert_eq!(home_of(1001, &table), None);
    }

    #[test]
    fn what_this_program_makes_belongs_to_the_user_it_acts_as() {
        let file = std::env::temp_dir().join(format!("tracing-privacy-user-{}", std::process::id()));
        std::fs::write(&file, "").unwrap();
        let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&file).unwrap());
        assert_eq!(effective_user().unwrap(), owner);
        std::fs::remove_file(&file).unwrap();
    }
}
