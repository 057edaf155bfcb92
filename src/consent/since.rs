//! A no that is said while the program runs.

use super::decide::config_files;
use super::file::{Keys, Said, look_into};
use super::saved::{Answer, Saved};
use super::settings::Settings;
use super::word::shown_path;
use crate::app::{Environment, Presence, directories};

/// The first plain no among the files of the table: an opt-out file, `enabled = false` in a file of the administrator or the
/// user, the saved answer. Tells where it was said.
///
/// What cannot be read is no answer here, as it is at the start: it may be a file that is being written, or a machine that
/// has no file handle left, and what a withdrawal ends does not begin again in this run.
pub(crate) fn no_since(environment: &Environment, settings: &Settings) -> Option<String> {
    let exists = |path: &std::path::PathBuf| environment.exists(path) == Presence::Present;
    let opt_out = directories::opt_out_files(environment, &settings.app).into_iter().find(exists);
    if let Some(path) = opt_out {
        return Some(format!("{} exists", shown_path(&path)));
    }
    let policy = directories::policy_file(environment, &settings.app).map(|path| (path, Keys::Whole));
    for (path, keys) in policy.into_iter().chain(config_files(environment, settings)) {
        if let Said::No(key) = look_into(environment, &path, keys) {
            return Some(format!("{} says {key} = false", shown_path(&path)));
        }
    }
    let saved = Saved::read(environment, &settings.app);
    (saved.answer == Answer::No).then(|| format!("the {} is no", saved.source()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Os;

    #[test]
    fn a_plain_no_of_any_file_is_heard_and_nothing_less() {
        let environment = || Environment::fixed([("DO_NOT_TRACK", "1")]).home("/home/ann").os(Os::Linux);
        let settings = Settings::new(crate::app!("acme").prefix("VENDOR")).config_file("/opt/acme.toml");
        let saved = "/home/ann/.local/share/acme/telemetry/consent.json";
        let config = "/home/ann/.config/acme/telemetry.toml";
        for (path, text, words) in [
            ("/home/ann/.acme-no-telemetry", "", "/home/ann/.acme-no-telemetry exists"),
            ("/home/ann/.vendor-no-telemetry", "", "/home/ann/.vendor-no-telemetry exists"),
            ("/etc/acme/telemetry.toml", "enabled = false", "/etc/acme/telemetry.toml says enabled = false"),
            (config, "[telemetry]\nenabled = 'no'", "telemetry.toml says telemetry.enabled = false"),
            ("/opt/acme.toml", "telemetry.enabled = false", "/opt/acme.toml says telemetry.enabled = false"),
            (saved, r#"{"answer":"no"}"#, "consent.json is no"),
        ] {
            let said = no_since(&environment().file(path, text), &settings).unwrap_or_default();
            assert!(said.contains(words), "{path}: {said}");
        }
        assert_eq!(no_since(&environment(), &settings), None, "a variable is not what changes");
        for (path, text) in [
            ("/etc/acme/telemetry.toml", "enab"),
            ("/etc/acme/telemetry.toml", "enable = false"),
            (saved, ""),
            (saved, r#"{"answer":"#),
            (saved, r#"{"answer":"yes"}"#),
        ] {
            assert_eq!(no_since(&environment().file(path, text), &settings), None, "{path}: {text}");
            assert_eq!(no_since(&environment().unreadable_file(path), &settings), None, "{path}");
        }
    }
}
