//! Each room of the crate imports only those below it, so that what a room cannot reach no later edit of it can break: the
//! way from a raw value to a sink leads through `privacy` alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A room, and the rooms that it may use. `privacy` beside `record` is for what a clean record is made of and comes back
/// through: `Chunk`, `Resource`, `Readmitter`; who can fill one is the business of `there_is_one_door`.
const ROOMS: &[(&str, &[&str])] = &[
    ("app", &[]),
    ("consent", &["app"]),
    ("identity", &["app"]),
    ("privacy", &["app"]),
    ("record", &["app", "privacy"]),
    ("store", &["app", "record"]),
    ("export", &["app", "privacy", "record"]),
    ("pipeline", &["app", "privacy", "record", "store", "export"]),
    ("layer", &["app", "privacy", "record", "pipeline"]),
    ("telemetry", &["app", "consent", "identity", "privacy", "record", "store", "export", "pipeline", "layer"]),
];

/// What `lib.rs` makes public under a name of its own.
const PUBLIC: &[(&str, &str)] = &[("clickhouse", "export")];

#[test]
fn no_room_uses_one_that_is_not_below_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let names: BTreeSet<_> = fs::read_dir(&source)
        .expect("the source is there")
        .map(|entry| entry.expect("the source can be read").file_name().into_string().expect("a name is text"))
        .filter(|name| name != "lib.rs")
        .collect();
    assert_eq!(names, ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect(), "every room is in the table");
    let mut seen = BTreeSet::new();
    for (room, may_use) in ROOMS {
        each_file(&source.join(room), &mut |path, text| {
            for used in used(text) {
                let used = PUBLIC.iter().find(|(name, _)| *name == used).map_or(used, |(_, room)| room);
                assert!(
                    used == *room || may_use.contains(&used),
                    "`{room}` may not use `{used}`, which {} does; it may use {may_use:?}",
                    path.display()
                );
                seen.insert((*room, used.to_owned()));
            }
        });
    }
    // The eyes that look for them see what is there.
    for pair in [("telemetry", "layer"), ("layer", "pipeline"), ("pipeline", "store"), ("record", "privacy")] {
        assert!(seen.contains(&(pair.0, pair.1.to_owned())), "{pair:?} in {seen:?}");
    }
}

/// The rooms that a file names, but for its tests and comments.
fn used(text: &str) -> BTreeSet<&str> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = lines.flat_map(|line| line.split("crate::").skip(1));
    let word = |rest: &'_ str| rest.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(rest.len());
    after
        .inspect(|rest| {
            // `$crate::App` is for an application's code.
            let is_root =
                rest.starts_with(|c: char| c == '{' || c.is_ascii_uppercase()) && !rest.starts_with("App::__new");
            assert!(!is_root, "`crate::{rest}` says nothing about a room: name it");
        })
        .map(|rest| &rest[..word(rest)])
        .filter(|name| is_room(name))
        .collect()
}

fn is_room(name: &str) -> bool {
    ROOMS.iter().any(|(room, _)| *room == name) || PUBLIC.iter().any(|(public, _)| *public == name)
}

/// Every source file of a room but those of its tests.
fn each_file(directory: &Path, show: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(directory).expect("the source can be read") {
        let path = entry.expect("the source can be read").path();
        let is_test = path.file_stem().is_some_and(|name| name.to_string_lossy().ends_with("tests"));
        match path.is_dir() {
            _ if is_test => {}
            true => each_file(&path, show),
            _ if path.extension().is_none_or(|extension| extension != "rs") => {}
            false => show(&path, &fs::read_to_string(&path).expect("source is text")),
        }
    }
}
