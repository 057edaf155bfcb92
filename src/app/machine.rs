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

/// The home directory of this process' user. An empty or relative `HOME` is none at all.
pub(super) fn process_home() -> Option<PathBuf> {
    let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    match std::env::var_os(name) {
        Some(home) => Some(PathBuf::from(home)).filter(|home| home.is_absolute()),
        None => home_of_owner(Path::new("/proc/self"), Path::new("/etc/passwd")),
    }
}

/// The home directory in the user table, for a process that was started without `HOME`: its user's opt-out file counts
/// all the same. The table is read as a file, since asking the C library may open a socket to a name service.
#[cfg(unix)]
fn home_of_owner(process: &Path, users: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;

    let user = std::fs::metadata(process).ok()?.uid().to_string();
    let users = std::fs::read(users).ok()?;
    // Comments of old tables are in any encoding.
    let users = String::from_utf8_lossy(&users);
    // name:password:uid:gid:comment:home:shell
    let home = users
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| (fields.nth(2) == Some(user.as_str())).then(|| fields.nth(2).map(PathBuf::from)));
    home.flatten().filter(|home| home.is_absolute())
}

#[cfg(not(unix))]
fn home_of_owner(_: &Path, _: &Path) -> Option<PathBuf> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn without_home_the_user_table_is_asked() {
        use std::os::unix::fs::MetadataExt;

        let table = std::env::temp_dir().join(format!("tracing-privacy-passwd-{}", std::process::id()));
        std::fs::write(&table, "").unwrap();
        let user = std::fs::metadata(&table).unwrap().uid();
        assert_eq!(home_of_owner(&table, &table), None);
        std::fs::write(&table, format!("x:x:{}:0::/home/x:/bin/sh\nme:x:{user}:0:Me:/home/me:/bin/sh\n", user + 1))
            .unwrap();
        assert_eq!(home_of_owner(&table, &table), Some(PathBuf::from("/home/me")));
        std::fs::write(&table, format!("me:x:{user}:0:Me\n")).unwrap();
        assert_eq!(home_of_owner(&table, &table), None);
        std::fs::remove_file(&table).unwrap();
    }
}
