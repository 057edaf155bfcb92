//! Errors without their messages: types, codes and the component.

use super::frames::{is_module, is_name};

/// Types and codes that stay.
const TYPES: usize = 8;
const CODES: usize = 4;
/// How deep a `Debug` text is read.
const DEPTH: usize = 16;

/// What kind of error it is: `type=reqwest::Error,Os,ConnectionRefused code=111 component=acme::net`.
///
/// `Debug` text is read as such: names of structs and variants are types. In other text, such as a chain of `Display`s
/// or what `anyhow` prints, types are what is spelled as a path (`sqlx::Error::RowNotFound`), ends in `Error` or `Exception`,
/// or is a kind of `std::io`; codes are numbers after words that announce them (`os error 2`, `status 404`, `SQLSTATE 23505`);
/// the component is the first path of modules. None of these: no error of a known kind.
pub(super) fn error_type(value: &str) -> Option<String> {
    let mut failure = Failure::default();
    let mut debug = Debug { rest: value, depth: DEPTH, fields: 0, failure: &mut failure };
    let is_debug = debug.value().is_some() && debug.rest.trim().is_empty();
    // `Alice(Bob)` would be well formed too.
    let is_sure = debug.fields > 0 || failure.types.iter().any(|name| name.contains("::") || is_error_name(name));
    if !is_debug || !is_sure {
        failure = Failure::default();
        text(value, &mut failure);
    }
    failure.write()
}

/// Whether a text has the form of the above.
pub(super) fn is_error_type(text: &str) -> bool {
    let mut order = 0;
    let known = text.split(' ').all(|part| {
        let Some((key, list)) = part.split_once('=') else { return false };
        let (place, is_right) = match key {
            "type" => (1, list.split(',').all(|name| is_type(name) || name == "panic")),
            "code" => (2, list.split(',').all(is_code)),
            "component" => (3, is_module(list)),
            _ => return false,
        };
        let rises = place > order;
        order = place;
        rises && is_right
    });
    known && (text.starts_with("type=") || text.starts_with("code="))
}

#[derive(Default)]
struct Failure {
    types: Vec<String>,
    codes: Vec<String>,
    component: Option<String>,
}

impl Failure {
    fn ty(&mut self, name: &str) {
        let wraps = matches!(name, "Some" | "Ok" | "Err" | "None");
        if !wraps && self.types.len() < TYPES && !self.types.iter().any(|known| known == name) {
            self.types.push(name.to_owned());
        }
    }

    fn code(&mut self, code: &str) {
        if is_code(code) && self.codes.len() < CODES && !self.codes.iter().any(|known| known == code) {
            self.codes.push(code.to_owned());
        }
    }

    fn write(self) -> Option<String> {
        let lists = [("type", self.types.join(",")), ("code", self.codes.join(","))];
        let component = self.component.unwrap_or_default();
        let parts: Vec<String> = lists
            .iter()
            .chain([&("component", component)])
            .filter(|(_, list)| !list.is_empty())
            .map(|(key, list)| format!("{key}={list}"))
            .collect();
        // A component alone tells of no error.
        lists.iter().any(|(_, list)| !list.is_empty()).then(|| parts.join(" "))
    }
}

/// A number of up to five digits, the same after a `-`, or five letters and digits as SQL has them: `23505`, `42P01`.
fn is_code(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    let is_number = (1..=5).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let is_state = text.len() == 5
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    // `E0425`
    let is_lint = text.strip_prefix('E').is_some_and(|n| n.len() == 4 && n.bytes().all(|b| b.is_ascii_digit()));
    is_number || is_state || is_lint
}

/// A path of names of which the last is a type's or a variant's.
fn is_type(text: &str) -> bool {
    text.len() <= 96
        && text.split("::").all(is_name)
        && text.rsplit("::").next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// Reads what a derived `Debug` prints, and gives up on anything else.
struct Debug<'a, 'f> {
    rest: &'a str,
    depth: usize,
    /// Fields with names.
    fields: usize,
    failure: &'f mut Failure,
}

impl<'a> Debug<'a, '_> {
    fn value(&mut self) -> Option<()> {
        self.depth = self.depth.checked_sub(1)?;
        self.space();
        match self.rest.as_bytes().first()? {
            b'"' => drop(self.string()?),
            b'[' => self.list('[', ']')?,
            b'(' => self.list('(', ')')?,
            b'0'..=b'9' | b'-' => drop(self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+' | ':'))?),
            _ => {
                let name = self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))?;
                if matches!(name, "true" | "false") {
                    // A plain word that says nothing.
                } else if is_type(name) {
                    self.failure.ty(name);
                } else {
                    return None;
                }
                if self.rest.starts_with('(') {
                    self.list('(', ')')?;
                } else if self.rest.starts_with(" {") {
                    self.rest = &self.rest[2..];
                    self.fields()?;
                }
            }
        }
        self.depth += 1;
        Some(())
    }

    fn fields(&mut self) -> Option<()> {
        loop {
            self.space();
            if self.skip("}") {
                return Some(());
            }
            if self.skip("..") {
                continue;
            }
            let key = self.take(|c| c.is_ascii_alphanumeric() || c == '_')?;
            self.skip(":").then_some(())?;
            self.fields += 1;
            self.space();
            if matches!(key, "code" | "status" | "status_code" | "errno" | "sqlstate" | "exit_code") {
                let number = self.rest.split([',', ' ', '}', '\n']).next()?;
                self.failure.code(number.trim_matches('"'));
            }
            self.value()?;
            self.space();
            self.skip(",");
        }
    }

    fn list(&mut self, open: char, close: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(open)?;
        loop {
            self.space();
            if let Some(rest) = self.rest.strip_prefix(close) {
                self.rest = rest;
                return Some(());
            }
            self.value()?;
            self.space();
            self.skip(",");
        }
    }

    fn string(&mut self) -> Option<&'a str> {
        let text = self.rest.strip_prefix('"')?;
        let mut escaped = false;
        let end = text.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        self.rest = &text[end + 1..];
        Some(&text[..end])
    }

    fn take(&mut self, is_part: impl Fn(char) -> bool) -> Option<&'a str> {
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        // `field: value`: a single colon ends a name.
        let end = self.rest[..end].find(": ").unwrap_or(end);
        let (taken, rest) = self.rest.split_at(end);
        let taken = match taken.strip_suffix(':') {
            Some(name) if !name.ends_with(':') => name,
            _ => taken,
        };
        self.rest = if taken.len() < end { &self.rest[taken.len()..] } else { rest };
        (!taken.is_empty()).then_some(taken)
    }

    fn skip(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

/// Reads what people are told of an error.
fn text(value: &str, failure: &mut Failure) {
    if value.contains("' panicked at ") || value.starts_with("panicked at ") {
        failure.ty("panic");
    }
    let mut before: [&str; 2] = ["", ""];
    for word in value
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | ',' | ';' | '=' | '`' | '\'' | '"'))
    {
        let word = word.trim_end_matches([':', '.', '!']);
        if word.is_empty() {
            continue;
        }
        if is_announced(word, before) {
            failure.code(word);
        } else if is_type(word) && (word.contains("::") || is_error_name(word)) {
            failure.ty(word);
        } else if word.contains("::") && is_module(word) && failure.component.is_none() {
            failure.component = Some(word.to_owned());
        }
        before = [before[1], word];
    }
}

/// Whether a word is a code, by what stands before it.
fn is_announced(word: &str, before: [&str; 2]) -> bool {
    let [first, second] = before.map(str::to_ascii_lowercase);
    let announced = matches!(
        (first.as_str(), second.as_str()),
        ("os", "error")
            | ("status", "code")
            | ("error", "code")
            | ("exit", "status" | "code")
            | (_, "errno" | "sqlstate" | "status" | "http" | "code" | "http/1.1" | "http/2")
    );
    // `HTTP status client error (404 Not Found)`
    let of_reqwest = matches!((first.as_str(), second.as_str()), ("client" | "server", "error"));
    let of_rustc = second == "error" && word.starts_with('E');
    (announced || of_reqwest || of_rustc) && is_code(word)
}

/// `ParseIntError`, `TimeoutException`, and the kinds of `std::io`. `Terror` is none: a hump comes before.
fn is_error_name(word: &str) -> bool {
    let is_humped = |end: &str| {
        word.strip_suffix(end)
            .is_some_and(|head| head.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()))
    };
    is_humped("Error") || is_humped("Exception") || KINDS.contains(&word)
}

/// `std::io::ErrorKind`, but for the ones that are words of a language, and what tokio and channels say in one word.
const KINDS: &[&str] = &[
    "NotFound",
    "PermissionDenied",
    "ConnectionRefused",
    "ConnectionReset",
    "HostUnreachable",
    "NetworkUnreachable",
    "ConnectionAborted",
    "NotConnected",
    "AddrInUse",
    "AddrNotAvailable",
    "NetworkDown",
    "BrokenPipe",
    "AlreadyExists",
    "WouldBlock",
    "NotADirectory",
    "IsADirectory",
    "DirectoryNotEmpty",
    "ReadOnlyFilesystem",
    "StaleNetworkFileHandle",
    "InvalidInput",
    "InvalidData",
    "TimedOut",
    "WriteZero",
    "StorageFull",
    "NotSeekable",
    "QuotaExceeded",
    "FileTooLarge",
    "ResourceBusy",
    "ExecutableFileBusy",
    "CrossesDevices",
    "TooManyLinks",
    "InvalidFilename",
    "ArgumentListTooLong",
    "UnexpectedEof",
    "OutOfMemory",
    "Timeout",
    "Elapsed",
    "Disconnected",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_error_becomes_its_types_codes_and_component() {
        for (value, kept) in [
            (r#"Os { code: 2, kind: NotFound, message: "No such file or directory" }"#, "type=Os,NotFound code=2"),
            (
                r#"reqwest::Error { kind: Request, url: "https://bob:pw@shop.example/", source: hyper_util::client::legacy::Error(Connect, ConnectError("tcp connect error", 10.0.0.1:443, Os { code: 111, kind: ConnectionRefused, message: "Connection refused" })) }"#,
                "type=reqwest::Error,Request,hyper_util::client::legacy::Error,Connect,ConnectError,Os,ConnectionRefused code=111",
            ),
            (
                r#"Database(SqliteError { code: 2067, message: "UNIQUE constraint failed: users.email alice@mail.example" })"#,
                "type=Database,SqliteError code=2067",
            ),
            (
                r#"Error { code: "23505", detail: Some("Key (email)=(alice@mail.example) already exists.") }"#,
                "type=Error code=23505",
            ),
            ("ParseIntError { kind: InvalidDigit }", "type=ParseIntError,InvalidDigit"),
            ("Some(Timeout)", "type=Timeout"),
            ("No such file or directory (os error 2)", "code=2"),
            (
                "failed to read /home/alice/config.toml\n\nCaused by:\n    0: acme::config: cannot open\n    1: No such file or directory (os error 2)",
                "code=2 component=acme::config",
            ),
            ("sqlx::Error::RowNotFound: no rows for alice", "type=sqlx::Error::RowNotFound"),
            ("HTTP status client error (404 Not Found) for url (https://shop.example/users/8812)", "code=404"),
            ("ERROR: duplicate key value violates unique constraint, SQLSTATE 23505", "code=23505"),
            ("request failed with status code 503 for user 8812", "code=503"),
            ("TimeoutError: no answer for Alice Smith", "type=TimeoutError"),
            ("error[E0425]: cannot find value", "code=E0425"),
            ("thread 'main' panicked at src/main.rs:10:5:\nuser alice not found", "type=panic"),
            ("exit status: 101", "code=101"),
        ] {
            let made = error_type(value);
            assert_eq!(made.as_deref(), Some(kept), "{value}");
            assert!(is_error_type(kept), "{kept}");
        }
    }

    #[test]
    fn what_is_no_known_error_is_dropped() {
        for value in [
            "",
            "Alice Smith",
            "user 8812 not found",
            "wrong password for alice@mail.example",
            "Alice (admin) did it",
            "order code 4111111111111111",
            "call 12345 now",
            "\"Alice\"",
            "Terror",
            "Alice",
            "Alice(Bob)",
            "Some(Alice)",
            "alice::smith",
        ] {
            assert_eq!(error_type(value), None, "{value}");
        }
        for value in [
            "",
            "type=",
            "type=alice smith",
            "code=123456",
            "component=acme::db",
            "code=2 type=Os",
            "type=Os type=Os",
            "type=Os, alice",
        ] {
            assert!(!is_error_type(value), "{value}");
        }
    }

    proptest! {
        #[test]
        fn nothing_of_a_message_survives(message in "[a-zé0-9@. ]{0,40}", number in "[0-9]{6,16}") {
            let debug = format!("Os {{ code: 13, kind: PermissionDenied, message: {message:?} }}");
            prop_assert_eq!(error_type(&debug), Some("type=Os,PermissionDenied code=13".to_owned()));
            let kept = error_type(&format!("{message} code {number}: IoError {number}"));
            prop_assert!(kept.as_ref().is_some_and(|kept| !kept.contains(&number) && is_error_type(kept)), "{:?}", kept);
        }

        #[test]
        fn anything_gives_a_known_form_or_nothing(value in "\\PC{0,60}|[A-Za-z:{}(), \"0-9]{0,60}") {
            prop_assert!(error_type(&value).is_none_or(|kept| is_error_type(&kept)));
        }
    }
}
