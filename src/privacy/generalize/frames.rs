//! Backtraces: the modules that the frames are in.

/// Frames that stay.
const MOST: usize = 48;
/// Digits in a row that a module's name may have: `v1`, `sha256`.
const DIGITS: usize = 3;

/// The modules of a backtrace's frames, one a line, as the standard library, `backtrace` and `tracing-error` print them.
/// Frames of one module that follow each other are one.
pub(super) fn frames(value: &str) -> Option<String> {
    let mut modules: Vec<String> = Vec::new();
    let lines = value.lines().filter_map(line);
    // `Debug` of the standard library's `Backtrace`.
    let fields = value.split("fn: \"").skip(1).filter_map(|rest| rest.split('"').next());
    for module in lines.chain(fields).filter_map(module) {
        if modules.last() != Some(&module) && modules.len() < MOST {
            modules.push(module);
        }
    }
    (!modules.is_empty()).then(|| modules.join("\n"))
}

pub(super) fn is_frames(text: &str) -> bool {
    (1..=MOST).contains(&text.lines().count()) && text.lines().all(is_module)
}

/// Whether a text is a path of modules.
pub(super) fn is_module(text: &str) -> bool {
    text.len() <= 128
        && text.split("::").all(|name| is_name(name) && !name.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// Whether a text can be a name in Rust, and holds no number that means something.
pub(super) fn is_name(text: &str) -> bool {
    let mut digits = 0;
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| {
            digits = if b.is_ascii_digit() { digits + 1 } else { 0 };
            (b.is_ascii_alphanumeric() || b == b'_') && digits <= DIGITS
        })
}

/// The function in a line such as `   3: acme::db::connect` or `  12: 0x55d2b1c0 - acme::db::connect::h0123456789abcdef`.
fn line(text: &str) -> Option<&str> {
    let (number, rest) = text.trim_start().split_once(':')?;
    if number.is_empty() || number.len() > 4 || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let rest = rest.strip_prefix(' ')?.trim();
    match rest.strip_prefix("0x") {
        Some(address) => Some(address.split_once(" - ")?.1),
        // What a span says of itself comes after its name.
        None => Some(rest.split(" with ").next().unwrap_or(rest)),
    }
}

/// The module that a function is in: `<acme::db::Pool<T> as core::ops::Drop>::drop` is in `acme::db`. None for a
/// function outside any.
fn module(function: &str) -> Option<String> {
    let function = function.trim();
    let path = match function.strip_prefix('<') {
        Some(rest) => {
            let (ty, of) = match rest.split_once(" as ") {
                Some((ty, of)) => (ty, of),
                None => (rest, ""),
            };
            let ty = ty.trim_start_matches(['&', '*']).trim_start_matches("mut ").trim_start_matches("dyn ");
            if ty.contains("::") { ty } else { of }
        }
        None => function,
    };
    // From the first generic, closure or implementation on, nothing names a module.
    let path = path.split(['<', '{', '>', '[', '(', ',', '+']).next()?.trim_end_matches(':').trim();
    let mut names: Vec<&str> = path.split("::").collect();
    let is_cut = path.len() < function.len() || function.starts_with('<');
    if names.last().is_some_and(|last| is_symbol_hash(last)) {
        names.pop();
    }
    if !names.iter().all(|name| is_name(name)) {
        return None;
    }
    let types = names.iter().position(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
    match types {
        Some(at) => names.truncate(at),
        // The function itself; what was cut off may have been in it.
        None if !is_cut || names.len() > 1 => drop(names.pop()),
        None => {}
    }
    let module = names.join("::");
    is_module(&module).then_some(module)
}

/// `h` and 16 hexadecimal digits, which the compiler puts after a symbol.
fn is_symbol_hash(text: &str) -> bool {
    text.len() == 17 && text.starts_with('h') && text.bytes().skip(1).all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_backtrace_becomes_its_modules() {
        let text = "thread 'main' panicked at src/main.rs:10:5:
user alice@mail.example not found
stack backtrace:
   0: rust_begin_unwind
             at /rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/std/src/panicking.rs:665:5
   1: core::panicking::panic_fmt
             at /rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/core/src/panicking.rs:76:14
   2: acme::db::connect
             at /home/alice/acme/src/db.rs:10:9
   3: acme::db::Pool<T>::get
   4: <acme::web::Handler as tower::Service<http::Request<B>>>::call::{{closure}}
   5: <T as core::ops::function::FnOnce<Args>>::call_once
   6:     0x55d2b1c0a1b2 - acme::main::h0123456789abcdef
   7: acme::job::run::{{closure}}::h0123456789abcdef
   8: std::rt::lang_start_internal::{{closure}}
   9: __libc_start_main
  10: <unknown>
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.";
        let modules = frames(text).unwrap();
        assert_eq!(
            modules.lines().collect::<Vec<_>>(),
            ["core::panicking", "acme::db", "acme::web", "core::ops::function", "acme", "acme::job", "std::rt"]
        );
        assert!(is_frames(&modules));
    }

    #[test]
    fn other_ways_to_print_a_backtrace_are_read() {
        let debug = r#"Backtrace [{ fn: "acme::db::connect", file: "/home/alice/acme/src/db.rs", line: 10 }, { fn: "acme::main", file: "./src/main.rs", line: 3 }]"#;
        assert_eq!(frames(debug).as_deref(), Some("acme::db\nacme"));
        let spans = "   0: acme::db::connect\n           with user=alice\n             at src/db.rs:10\n   1: acme::web::handle with id=42";
        assert_eq!(frames(spans).as_deref(), Some("acme::db\nacme::web"));
    }

    #[test]
    fn what_has_no_frames_is_dropped() {
        for value in [
            "",
            "alice",
            "0: alice",
            "  1: Alice Smith was here",
            "12:30:45 acme::db failed",
            "1: a::1234567",
            "1:",
            "1: é::b",
        ] {
            assert_eq!(frames(value), None, "{value}");
        }
        assert!(!is_frames("acme::Alice") && !is_frames("") && !is_frames("acme 42"));
    }

    proptest! {
        #[test]
        fn nothing_but_modules_survives(
            message in "\\PC{0,40}",
            path in "/home/[a-z]{3,8}/[a-z0-9/]{0,20}",
            generic in "[A-Z][a-zA-Z0-9]{0,8}",
            hash in "[0-9a-f]{16}",
        ) {
            let text = format!(
                "{message}\nstack backtrace:\n   0: acme::db::Pool<{generic}>::get::h{hash}\n             at {path}.rs:1:2\n   1: acme::web::run\n"
            );
            let kept = frames(&text).unwrap();
            prop_assert!(is_frames(&kept));
            prop_assert!(kept.ends_with("acme::db\nacme::web"));
        }

        #[test]
        fn anything_gives_modules_or_nothing(text in "([0-9]{1,2}: )?[a-z:<>A-Z{}]{0,30}(\\PC|\n){0,60}") {
            prop_assert!(frames(&text).is_none_or(|kept| is_frames(&kept)));
        }
    }
}
