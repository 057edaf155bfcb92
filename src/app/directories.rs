//! Where the application's files are: pure functions of the environment.

use std::path::PathBuf;

use super::application::App;
use super::environment::{Environment, Os};

/// The user's data directory for this application's telemetry: store, key and saved answer.
///
/// `None` where no home directory is known or the application's name cannot be used: then nothing can be kept.
pub(crate) fn data(environment: &Environment, app: &App) -> Option<PathBuf> {
    let base = match environment.layout() {
        Os::MacOs => environment.home_directory()?.join("Library").join("Application Support"),
        Os::Windows => match environment.directory_var("LOCALAPPDATA") {
            Some(local) => local,
            None => environment.home_directory()?.join("AppData").join("Local"),
        },
        Os::Linux => match environment.directory_var("XDG_DATA_HOME") {
            Some(data) => data,
            None => environment.home_directory()?.join(".local").join("share"),
        },
    };
    Some(base.join(app.checked().ok()?).join("telemetry"))
}

/// The user's configuration directory for this application.
pub(crate) fn config(environment: &Environment, app: &App) -> Option<PathBuf> {
    let base = match environment.layout() {
        Os::MacOs => environment.home_directory()?.join("Library").join("Application Support"),
        Os::Windows => match environment.directory_var("APPDATA") {
            Some(roaming) => roaming,
            None => environment.home_directory()?.join("AppData").join("Roaming"),
        },
        Os::Linux => match environment.directory_var("XDG_CONFIG_HOME") {
            Some(config) => config,
            None => environment.home_directory()?.join(".config"),
        },
    };
    Some(base.join(app.checked().ok()?))
}

/// The files of which each says "never" by existing: `~/.acme-no-telemetry`, and under a prefix that of the prefix too.
/// None where no home directory is known or the application's name cannot be used.
pub(crate) fn opt_out_files(environment: &Environment, app: &App) -> Vec<PathBuf> {
    match (app.checked(), environment.home_directory()) {
        (Ok(_), Some(home)) => {
            let names = std::iter::once(app.opt_out_file_name()).chain(app.own_opt_out_file_name());
            names.map(|name| home.join(name)).collect()
        }
        _ => Vec::new(),
    }
}

/// The administrator's file, which can only tighten.
pub(crate) fn policy_file(environment: &Environment, app: &App) -> Option<PathBuf> {
    let base = match environment.layout() {
        Os::MacOs => PathBuf::from("/Library/Application Support"),
        Os::Windows => environment.directory_var("ProgramData").unwrap_or_else(|| PathBuf::from("C:\\ProgramData")),
        Os::Linux => PathBuf::from("/etc"),
    };
    Some(base.join(app.checked().ok()?).join("telemetry.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> App {
        App::__new("acme", "1.0.0", "acme", None, "acme")
    }

    #[cfg(unix)]
    #[test]
    fn the_paths_of_each_system() {
        let home = Environment::empty().home("/home/ann");
        let xdg = Environment::fixed([("XDG_DATA_HOME", "/data"), ("XDG_CONFIG_HOME", "/config")]).home("/home/ann");
        let relative = Environment::fixed([("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "")]).home("/home/ann");
        let shown = |path: Option<PathBuf>| path.map(|p| p.to_string_lossy().replace('\\', "/"));
        for (environment, data_path, config_path) in [
            (home.clone().os(Os::Linux), "/home/ann/.local/share/acme/telemetry", "/home/ann/.config/acme"),
            (xdg.os(Os::Linux), "/data/acme/telemetry", "/config/acme"),
            (relative.os(Os::Linux), "/home/ann/.local/share/acme/telemetry", "/home/ann/.config/acme"),
            (
                home.clone().os(Os::MacOs),
                "/home/ann/Library/Application Support/acme/telemetry",
                "/home/ann/Library/Application Support/acme",
            ),
            (
                Environment::fixed([("LOCALAPPDATA", "C:/Users/Ann/AppData/Local"), ("APPDATA", "C:/Roaming")])
                    .os(Os::Windows),
                "C:/Users/Ann/AppData/Local/acme/telemetry",
                "C:/Roaming/acme",
            ),
        ] {
            assert_eq!(shown(data(&environment, &app())).as_deref(), Some(data_path));
            assert_eq!(shown(config(&environment, &app())).as_deref(), Some(config_path));
        }
        let vendor = app().prefix("AUTOMAGIK");
        let own = PathBuf::from("/home/ann/.acme-no-telemetry");
        assert_eq!(opt_out_files(&home, &app()), std::slice::from_ref(&own));
        assert_eq!(opt_out_files(&home, &vendor), [PathBuf::from("/home/ann/.automagik-no-telemetry"), own]);
        assert_eq!(
            shown(data(&home.clone().os(Os::Linux), &vendor)).as_deref(),
            Some("/home/ann/.local/share/acme/telemetry")
        );
        let policy = |os| shown(policy_file(&home.clone().os(os), &vendor));
        assert_eq!(policy(Os::Linux).as_deref(), Some("/etc/acme/telemetry.toml"));
        assert_eq!(policy(Os::MacOs).as_deref(), Some("/Library/Application Support/acme/telemetry.toml"));
        assert_eq!(policy(Os::Windows).as_deref(), Some("C:/ProgramData/acme/telemetry.toml"));
    }

    #[test]
    fn without_a_home_or_a_name_there_is_nowhere_to_write() {
        assert_eq!(data(&Environment::empty(), &app()), None);
        assert!(opt_out_files(&Environment::empty(), &app()).is_empty());
        let unusable = App::__new("../x", "1.0.0", "acme", None, "acme");
        let home = Environment::empty().home("/home/ann");
        assert_eq!((data(&home, &unusable), opt_out_files(&home, &unusable)), (None, Vec::new()));
        assert_eq!((config(&home, &unusable), policy_file(&home, &unusable)), (None, None));
    }
}
