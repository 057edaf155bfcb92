//! Promise 3: nothing but the privacy filter can make a clean record, from outside the crate or from another room of it.
//!
//! A copy of the crate gets a room that tries to forge records in every way, and the compiler must refuse each of them
//! for the expected reason. A control shows that the copy compiles when nobody forges.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A way in that must be shut: what is tried, and the compiler's reason to refuse it.
struct Forgery {
    name: &'static str,
    code: &'static str,
    reason: &'static str,
}

/// From another room of the crate.
const INSIDE: &[Forgery] = &[
    Forgery {
        name: "a clean record from raw bytes",
        code: "pub(crate) fn f(raw: &[u8]) -> crate::privacy::Clean<'_> { crate::privacy::Clean(raw) }",
        reason: "E0423",
    },
    Forgery {
        name: "sealing a buffer of one's own",
        code: "pub(crate) fn f(raw: &mut Vec<u8>) { let _ = crate::privacy::Clean::seal(raw, Default::default()); }",
        reason: "E0624",
    },
    Forgery {
        name: "a chunk from raw bytes",
        code: "pub(crate) fn f() -> crate::privacy::Chunk { crate::privacy::Chunk { bytes: vec![1], records: 1 } }",
        reason: "E0451",
    },
    Forgery {
        name: "raw bytes appended to a chunk",
        code: "pub(crate) fn f(chunk: &mut crate::privacy::Chunk) { chunk.append(b\"raw\"); }",
        reason: "E0308",
    },
    Forgery {
        name: "writing into a chunk's buffer",
        code: "pub(crate) fn f(chunk: &mut crate::privacy::Chunk) { chunk.bytes.push(1); }",
        reason: "E0616",
    },
    Forgery {
        name: "a span that begins with raw bytes",
        code: "pub(crate) fn f(span: &mut crate::privacy::CleanSpan) { span.begin(b\"raw\", Default::default(), false); }",
        reason: "E0624",
    },
    Forgery {
        name: "writing into an open span",
        code: "pub(crate) fn f(span: &mut crate::privacy::CleanSpan) { span.record.push(1); }",
        reason: "E0616",
    },
    Forgery {
        name: "raw bytes as a span's later fields",
        code: "pub(crate) fn f(span: &mut crate::privacy::CleanSpan) { span.amend(b\"raw\"); }",
        reason: "E0308",
    },
    Forgery {
        name: "writing into the scratch",
        code: "pub(crate) fn f(scratch: &mut crate::privacy::Scratch) { scratch.record.push(1); }",
        reason: "E0616",
    },
    Forgery {
        name: "a record from parts",
        code: "pub(crate) fn f<'a>(other: crate::record::RecordRef<'a>, raw: &'a [u8]) -> crate::record::RecordRef<'a> { \
               crate::record::RecordRef { entries: raw, ..other } }",
        reason: "E0451",
    },
    Forgery {
        name: "a row from text",
        code: "pub(crate) fn f(other: crate::record::Row) -> crate::record::Row { \
               crate::record::Row { json: String::new(), ..other } }",
        reason: "E0451",
    },
    Forgery {
        name: "rows from text",
        code: "pub(crate) fn f(text: Vec<u8>) -> crate::record::Rows { crate::record::Rows { text, rows: Vec::new() } }",
        reason: "E0451",
    },
    Forgery {
        name: "a line of rows from text",
        code: "pub(crate) fn f<'a>(other: crate::record::RowRef<'a>, raw: &'a str) -> crate::record::RowRef<'a> { \
               crate::record::RowRef { json: raw, ..other } }",
        reason: "E0451",
    },
    Forgery {
        name: "a resource from raw attributes",
        code: "pub(crate) fn f() -> crate::privacy::Resource { crate::privacy::Resource { attributes: Vec::new() } }",
        reason: "E0451",
    },
    Forgery {
        name: "a record read back by serde",
        code: "pub(crate) fn f(text: &str) -> crate::record::Row { serde_json::from_str(text).unwrap() }",
        reason: "E0277",
    },
];

/// From another room of the crate with a store and a way to send.
#[cfg(all(feature = "store", feature = "otlp"))]
const INSIDE_WITH_SINKS: &[Forgery] = &[
    Forgery {
        name: "plans that pass for clean",
        code: "pub(crate) fn f() -> crate::record::CleanPlans { crate::record::CleanPlans(Default::default()) }",
        reason: "E0423",
    },
    Forgery {
        name: "a stored row from text",
        code: "pub(crate) fn f<'a>(other: crate::store::Row<'a>, raw: &'a str) -> crate::store::Row<'a> { \
               crate::store::Row { json: raw, ..other } }",
        reason: "E0451",
    },
    Forgery {
        name: "the body of a request",
        code: "pub(crate) fn f(parcel: &mut crate::export::Parcel, raw: &'static [u8]) { \
               if let crate::export::Parcel::Otlp(sealed) = parcel { sealed.body = bytes::Bytes::from_static(raw); } }",
        reason: "E0616",
    },
    Forgery {
        name: "a request of one's own",
        code: "pub(crate) fn f(raw: &'static [u8]) -> crate::export::http::Post<'static> { todo!() }",
        reason: "E0603",
    },
    Forgery {
        name: "rows on their way to be sent",
        code: "pub(crate) fn f(lot: crate::pipeline::upload::Lot) {}",
        reason: "E0603",
    },
    Forgery {
        name: "a statement to the store's file",
        code: "pub(crate) fn f(store: &crate::store::Store) { let _ = store.connection(); }",
        reason: "E0624",
    },
];

/// From an application.
const OUTSIDE: &[Forgery] = &[
    Forgery {
        name: "a row from parts",
        code: "pub fn f(other: tracing_privacy::Row) -> tracing_privacy::Row { \
               tracing_privacy::Row { json: String::new(), ..other } }",
        reason: "E0451",
    },
    Forgery {
        name: "a row read back by serde",
        code: "pub fn f(text: &str) -> tracing_privacy::Row { serde_json::from_str(text).unwrap() }",
        reason: "E0277",
    },
    Forgery {
        name: "a record shown to an exporter",
        code: "pub fn f(memory: &tracing_privacy::Memory, row: tracing_privacy::Row) { memory.push(row); }",
        reason: "E0624",
    },
    Forgery {
        name: "a layer of one's own making",
        code: "pub fn f() -> tracing_privacy::TelemetryLayer { tracing_privacy::TelemetryLayer::new(todo!()) }",
        reason: "E0624",
    },
];

#[test]
fn nothing_but_the_filter_makes_a_clean_record() {
    nobody_can("", INSIDE, OUTSIDE);
    #[cfg(all(feature = "store", feature = "otlp"))]
    nobody_can("store,otlp", INSIDE_WITH_SINKS, &[]);
}

/// Tries forgeries on a crate with these features.
fn nobody_can(features: &'static str, inside: &[Forgery], outside: &[Forgery]) {
    let copy = Copy::new(features);
    let errors = copy.check("", "");
    assert!(errors.is_empty(), "the copy compiles while nobody forges: {errors:?}");

    // The compiler stops after each of its passes, so the forgeries of each pass are tried together.
    for pass in PASSES {
        let of_pass = |forgery: &&Forgery| pass.contains(&forgery.reason);
        let inside: Vec<_> = inside.iter().filter(of_pass).collect();
        let outside: Vec<_> = outside.iter().filter(of_pass).collect();
        if !inside.is_empty() {
            refused("another room", &inside, &copy.check(&rooms(&inside), ""));
        }
        if !outside.is_empty() {
            refused("an application", &outside, &copy.check("", &rooms(&outside)));
        }
    }
}

/// Reasons by the pass in which the compiler finds them: names, types, and the privacy of a struct's fields.
const PASSES: &[&[&str]] = &[&["E0423", "E0603"], &["E0277", "E0308", "E0616", "E0624"], &["E0451"]];

/// Each forgery stands on a line of its own: forgery 0 on line 1.
fn rooms(forgeries: &[&Forgery]) -> String {
    let room = |(number, forgery): (usize, &&Forgery)| {
        format!("#[allow(dead_code)] mod forgery{number} {{ {} }}\n", forgery.code)
    };
    forgeries.iter().enumerate().map(room).collect()
}

fn refused(whose: &str, forgeries: &[&Forgery], errors: &[(usize, String)]) {
    for (number, forgery) in forgeries.iter().enumerate() {
        let reasons: Vec<&str> =
            errors.iter().filter(|(line, _)| *line == number + 1).map(|(_, code)| code.as_str()).collect();
        assert!(
            reasons.contains(&forgery.reason),
            "{whose} could make {}: expected {}, the compiler said {reasons:?}",
            forgery.name,
            forgery.reason
        );
    }
}

/// A copy of the crate in which forgers are at home.
struct Copy {
    root: PathBuf,
    features: &'static str,
}

impl Copy {
    fn new(features: &'static str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("one-door");
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir_all(copy.join("tests")).expect("the test's directory can be made");
        copy_tree(&root.join("src"), &copy.join("src"));
        fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock")).expect("Cargo.lock is there");
        // Benches, examples and tests of the crate itself are not copied, nor are the entries that name them.
        let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("Cargo.toml is there");
        let manifest = manifest.split("\n[[").next().expect("a text has a first part");
        fs::write(copy.join("Cargo.toml"), format!("{manifest}\n[workspace]\n")).expect("the copy can be written");
        Copy { root: copy, features }
    }

    /// Compiles the copy with these rooms, and tells each error's line and code.
    fn check(&self, inside: &str, outside: &str) -> Vec<(usize, String)> {
        let lib = self.root.join("src/lib.rs");
        let own =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("lib.rs is there");
        fs::write(lib, format!("{own}\nmod forger;\n")).expect("the copy can be written");
        fs::write(self.root.join("src/forger.rs"), inside).expect("the copy can be written");
        fs::write(self.root.join("tests/forger.rs"), outside).expect("the copy can be written");
        let output = Command::new(env!("CARGO"))
            .current_dir(&self.root)
            .args(["check", "--offline", "--no-default-features", "--features", self.features])
            .args(["--lib", "--test", "forger", "--message-format=json"])
            .env("CARGO_TARGET_DIR", self.root.with_file_name("one-door-target"))
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let mut errors = Vec::new();
        for message in text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()) {
            let message = &message["message"];
            let Some(code) = message["code"]["code"].as_str().filter(|_| message["level"] == "error") else { continue };
            let at = message["spans"].as_array().into_iter().flatten().find(|span| {
                span["is_primary"] == true && span["file_name"].as_str().is_some_and(|file| file.ends_with("forger.rs"))
            });
            let line = at.and_then(|span| span["line_start"].as_u64()).unwrap_or(0);
            errors.push((line as usize, code.to_owned()));
        }
        assert!(
            output.status.success() || !errors.is_empty(),
            "the copy could not be compiled at all: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        errors
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the test's directory can be made");
    for entry in fs::read_dir(from).expect("the source tree can be read") {
        let entry = entry.expect("the source tree can be read");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("the source tree can be read").is_dir() {
            true => copy_tree(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a source file can be copied")),
        }
    }
}
