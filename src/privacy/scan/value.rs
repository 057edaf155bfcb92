//! What a value beside a key is: where it ends, and whether it is one at all rather than a word of the sentence.

use super::bytes::{DIGIT, HIGH, LETTER, SPACE, WordSet, after, alnum, before, char_at, head, is, run};

/// Words that report on a thing instead of being it: `token expired`, `password: incorrect`.
static STATUS: WordSet = WordSet::of(words!(
    "a" "absent" "accepted" "active" "all" "already" "an" "and" "any" "are" "as" "at" "available" "bad" "be" "been"
    "blank" "by" "can" "cannot" "changed" "check" "checked" "cleared" "closed" "configured" "could" "created"
    "debug" "decoded" "default" "deleted" "denied" "did" "disabled" "does" "doesn't" "don't" "empty" "enabled"
    "encrypted" "error" "errors" "exceeded" "exists" "expected" "expired" "expires" "expiring" "failed" "failure"
    "field" "filtered" "for" "forbidden" "format" "found" "from" "generated" "granted" "had" "has" "have" "header"
    "hidden" "if" "ignored" "in" "inactive" "incorrect" "info" "insufficient" "invalid" "invalidated" "is" "isn't"
    "issued" "it" "key" "length" "loaded" "locked" "malformed" "masked" "match" "matched" "matches" "may" "mismatch"
    "missing" "must" "needed" "needs" "never" "new" "no" "none" "not" "null" "of" "off" "ok" "okay" "on" "open"
    "opened" "or" "out" "passed" "password" "pending" "present" "provided" "received" "refreshed" "refused" "reject"
    "rejected" "removed" "renewed" "required" "reset" "resolved" "retry" "revoked" "rotated" "saved" "sent" "set"
    "should" "skipped" "started" "stale" "stored" "success" "successful" "succeeded" "text" "that" "the" "then"
    "this" "timeout" "timed" "to" "token" "too" "trace" "unable" "unauthorized" "undefined" "unexpected" "unknown"
    "unset" "unsupported" "unused" "updated" "use" "used" "user" "using" "valid" "validated" "validation" "value"
    "verified" "via" "warn" "warning" "was" "weak" "were" "when" "will" "with" "without" "won't" "would" "wrong"
    "yes" "your" "only" "lookup" "please" "connection" "string" "str" "number" "integer" "boolean" "bool" "optional" "u8" "u16" "u32" "u64" "u128" "usize" "i8" "i16" "i32" "i64" "i128" "isize" "f32" "f64"
    "static" "dynamic" "bearer" "basic" "digest" "jwt" "oauth" "oauth2" "local" "remote" "internal" "external"
    "public" "private" "admin" "root" "system" "anonymous" "nobody" "guest" "service" "postgres" "www-data" "daemon"
    "success!" "done" "ready" "stopped" "running" "declined" "approved" "authorized" "authenticated" "blocked"
    "captured" "charged" "delivered" "queued" "bounced" "offline" "online" "unreachable" "down" "up" "localhost"
    "reached" "lost" "dropped" "begin" "end" "ended" "established" "rate" "limit" "limited" "await" "async" "function"
    "lambda" "sensitive"
));

/// Words that report on a user or service, and that people who do not care choose as passwords.
static EVERYDAY: WordSet = WordSet::of(words!(
    "admin" "root" "guest" "postgres" "default" "user" "system" "service" "public" "private" "local" "daemon" "anonymous"
    "nobody" "www-data" "open" "online" "master" "internal"
));

/// Those of them that stand for a user or service above all, and report on nothing.
static ACCOUNTS: WordSet = WordSet::of(words!("admin" "root" "guest" "postgres"));

/// Words that say which token rather than being one: `token=refresh`.
static SORTS: WordSet = WordSet::of(words!(
    "refresh" "access" "id" "csrf" "api" "session" "login" "push" "device" "grant" "code" "opaque" "reference" "verify" "revoke"
    "introspect" "renew" "create" "delete" "list" "get" "fetch" "store" "next" "previous" "first" "last" "same" "other" "both" "either"
    "cache" "cached" "memory" "cookie" "header" "query" "body" "env" "file" "disk" "vault" "keyring" "keychain" "bot"
));

/// Types of values, as languages and schemas declare them.
static TYPES: WordSet = WordSet::of(words!(
    "string" "str" "secretstr" "secretstring" "secret" "bytes" "buffer" "char" "varchar" "nvarchar" "text" "citext" "any" "unknown"
    "never" "object" "int" "uint" "long" "short" "float" "double" "number" "bool" "boolean" "option" "optional" "maybe" "zeroizing"
    "protected" "vec" "array" "list" "box" "rc" "arc" "cow" "self" "void" "uuid" "osstring" "pathbuf" "charsequence" "jstring" "nsstring"
    "std" "blob" "json" "jsonb" "date" "datetime" "timestamp" "decimal" "numeric" "bigint" "smallint" "type" "field" "value" "input" "lpwstr" "lpcwstr" "lpstr" "lpcstr" "pwstr" "pcwstr" "bstr" "dword" "uint8"
    "uint32" "uint64" "int8" "int32" "int64" "__u8" "__u16" "__u32" "__u64" "c_char" "c_uchar" "c_int" "c_uint" "c_ulong" "size_t" "psid"
    "guid" "osstr" "cstr" "cstring" "nonnull" "hashmap" "u8"
));

/// Whether a word is an everyday password where its key says password.
pub(super) fn is_everyday(word: &[u8]) -> bool {
    EVERYDAY.holds(word)
}

/// Whether an everyday password is one also where a sentence might be.
pub(super) fn is_account(word: &[u8]) -> bool {
    ACCOUNTS.holds(word)
}

/// Whether a word says which token is meant.
pub(super) fn is_sort(word: &[u8]) -> bool {
    SORTS.holds(word)
}

/// Whether a word is the name of a type: `String`, `SecretStr`, `ApiToken`.
pub(super) fn is_type(word: &[u8]) -> bool {
    const ENDS: &[&[u8]] = words!(
        "String" "Str" "Type" "Field" "Bytes" "Box" "Password" "Token" "Secret" "Key" "Credential" "Credentials" "Hash" "Config"
        "Option" "Input" "Value" "Id" "Name" "Provider" "Source" "Manager" "Service" "Factory" "Handler" "Error" "Info" "Data"
    );
    let camel = word.first().is_some_and(u8::is_ascii_uppercase)
        && word.iter().skip(1).any(u8::is_ascii_lowercase)
        && word.iter().all(|byte| is(*byte, LETTER));
    TYPES.holds(word) || camel && ENDS.iter().any(|end| word.len() > end.len() && word.ends_with(end))
}

/// `InvalidEncoding`, `HpkePrivateKey`: words run together, as types and variants are named. Random letters are in less order.
pub(super) fn is_camel(value: &[u8]) -> bool {
    let mut humps = value.split_inclusive(|byte| byte.is_ascii_lowercase()).filter(|hump| hump.len() > 1).count();
    let letters = value.iter().all(|byte| is(*byte, LETTER));
    let small = value.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    humps = humps.max(1);
    letters && value.first().is_some_and(u8::is_ascii_uppercase) && small >= humps * 3
}

/// `0.5`, `^1.2.3`, `=0.9`
pub(super) fn is_version(value: &[u8]) -> bool {
    let number = value.iter().position(|byte| !matches!(byte, b'^' | b'~' | b'=' | b'>' | b'<' | b' ')).unwrap_or(0);
    let mut parts = value[number..].split(|byte| *byte == b'.').peekable();
    value[number..].len() <= 12
        && parts.all(|part| !part.is_empty() && part.len() <= 3 && part.iter().all(|byte| is(*byte, DIGIT)))
}

/// Whether a value is the name of what people write, draw or photograph, as its ending tells, and no path to it.
pub(super) fn is_document(value: &[u8]) -> bool {
    static ENDS: WordSet = WordSet::of(words!(
        "pdf" "doc" "docx" "odt" "rtf" "pages" "xls" "xlsx" "xlsm" "ods" "ppt" "pptx" "odp" "epub" "vsd" "vsdx"
        "jpg" "jpeg" "png" "gif" "webp" "heic" "heif" "tif" "tiff" "bmp" "raw" "dng" "cr2" "nef" "arw" "psd" "ai" "indd" "xcf"
        "mp4" "mov" "avi" "mkv" "webm" "m4v" "3gp" "mp3" "m4a" "wav" "ogg" "opus" "flac" "aac" "amr"
        "3mf" "stl" "step" "stp" "iges" "igs" "gcode" "f3d" "blend" "scad" "dwg" "dxf" "skp" "amf" "ply" "usdz" "glb"
        "eml" "msg" "mbox" "pst" "vcf" "ics" "dcm"
    ));
    // What programs call their own files, which names nobody.
    static PLAIN: WordSet = WordSet::of(words!(
        "report" "document" "file" "image" "img" "photo" "picture" "logo" "icon" "favicon" "index" "data" "export" "output" "out"
        "input" "test" "sample" "example" "template" "readme" "manual" "download" "upload" "attachment" "screenshot" "banner"
        "avatar" "default" "placeholder" "background" "thumbnail" "thumb" "preview" "cover" "sprite" "tmp" "temp" "untitled" "a" "b" "foo"
    ));
    let Some(dot) = value.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0) else { return false };
    ENDS.holds(&value[dot + 1..])
        && !PLAIN.holds(&value[..dot])
        && has_letter(&value[..dot])
        && !value.iter().any(|byte| matches!(byte, b'/' | b'\\' | b'*' | b'{' | b'<' | b'$'))
}

/// Where digits go on that are written in groups, if all of them are a number that long: `36 729 710 482`.
pub(super) fn grouped(text: &[u8], start: usize, end: usize) -> usize {
    let mut at = end;
    let mut count = digits(&text[start..end]);
    while matches!(after(text, at), b' ' | b'-') && is(after(text, at + 1), DIGIT) {
        let group = run(head(text, at, 8), at + 1, |byte| is(byte, DIGIT));
        if group - at > 7 || alnum(after(text, group)) || matches!(after(text, group), b'=' | b':' | b'.') {
            break;
        }
        count += group - at - 1;
        at = group;
    }
    if (8..=20).contains(&count) && text[start..end].iter().all(|byte| is(*byte, DIGIT)) { at } else { end }
}

/// Where the words of a wallet's seed phrase (BIP 39) end: twelve to twenty-four of three to eight small letters, and then nothing.
pub(super) fn seed_phrase(text: &[u8], from: usize) -> Option<usize> {
    let (mut at, mut words) = (from, 0);
    while words < 25 {
        let end = run(head(text, at, 9), at, |byte| byte.is_ascii_lowercase());
        if !(3..=8).contains(&(end - at)) {
            break;
        }
        words += 1;
        if after(text, end) != b' ' || !after(text, end + 1).is_ascii_lowercase() {
            let ends = matches!(after(text, end), 0 | b'"' | b'\'' | b'\n' | b'\\' | b',' | b'}' | b')');
            return (ends && matches!(words, 12 | 15 | 18 | 21 | 24)).then_some(end);
        }
        at = end + 1;
    }
    None
}

/// Where several plain words and a made-up one end that are all there is to the end of the line: `correct horse xJnCNR`.
pub(super) fn phrase(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    for words in 1..=8 {
        let end = run(head(text, at, 32), at, alnum);
        let word = &text[at..end];
        if matches!(after(text, end), 0 | b'\n' | b'\r') {
            return (words > 1 && is_no_word(word)).then_some(end);
        }
        if after(text, end) != b' ' || word.len() < 3 || !word.iter().all(u8::is_ascii_lowercase) || is_status(word) {
            return None;
        }
        at = end + 1;
    }
    None
}

/// Letters that make no word, of any language or code: `fL4hOe`, `xJnCNR`, `GwDrtr`.
fn is_no_word(word: &[u8]) -> bool {
    const VOWELS: &[u8] = b"aeiouyAEIOUY";
    let mixed = word.iter().any(u8::is_ascii_uppercase) && word.iter().any(u8::is_ascii_lowercase);
    mixed
        && word.len() >= 5
        && (is_made_up(word) || is_unordered(word) || !word.iter().any(|byte| VOWELS.contains(byte)))
}

/// `WgFR`, `sL4wR`: capitals where neither a word nor an abbreviation at the end of one begins.
pub(super) fn is_unordered(value: &[u8]) -> bool {
    const SHORT: &[&[u8]] =
        words!("ID" "IDs" "URL" "URLs" "URI" "IP" "API" "DB" "TTL" "MFA" "SSO" "JWT" "OS" "UI" "OK");
    let value = SHORT.iter().find_map(|short| value.strip_suffix(*short)).unwrap_or(value);
    value.len() >= 4 && value.iter().all(|byte| alnum(*byte)) && is_oddly_cased(value)
}

/// Whether a word is one that reports, whatever its case.
pub(super) fn is_status(word: &[u8]) -> bool {
    let word = word.strip_suffix(b".").or_else(|| word.strip_suffix(b"!")).unwrap_or(word);
    STATUS.holds(word)
}

/// Whether a quoted string begins as an answer about a value does: `"is required"`.
pub(super) fn is_answer(first: &[u8]) -> bool {
    const LEADS: &[&[u8]] = words!(
        "is" "must" "can" "can't" "cannot" "should" "was" "has" "does" "doesn't" "may" "not" "field" "invalid"
        "incorrect" "missing" "required" "expired" "unknown" "too" "no" "failed" "password" "wrong" "please" "token"
    );
    LEADS.iter().any(|lead| first.eq_ignore_ascii_case(lead))
}

/// Whether a value stands for another that was taken out, or that a template will put in.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: &[&[u8]] = words!(
        "null" "none" "nil" "undefined" "true" "false" "redacted" "hidden" "masked" "filtered" "removed" "n/a"
        "some" "secret(..)" "nan" "sensitive" "sensitive value" "redacted:redacted" "omitted" "sanitized"
    );
    let inner = match value {
        [b'<', inner @ .., b'>'] | [b'(', inner @ .., b')'] => inner,
        // `***REDACTED***`
        [b'*', b'*', inner @ .., b'*', b'*'] => {
            let start = inner.iter().take_while(|byte| matches!(byte, b'*' | b' ')).count();
            let end = inner[start..].iter().rev().take_while(|byte| matches!(byte, b'*' | b' ')).count();
            &inner[start..inner.len() - end]
        }
        [b'[', inner @ .., b']']
            if inner
                .iter()
                .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b' ' | b'*' | b'.' | b'-')) =>
        {
            return true;
        }
        _ => value,
    };
    // `[IP]:9000`
    if value.first() == Some(&b'[') && is_replaced(value) {
        return true;
    }
    match inner {
        [] => true,
        [b'{', ..] if inner.len() == value.len() && is_bracketed(value) => false,
        [b'$', b'{', ..] | [b'{', ..] | [b'%', b'(', ..] | [b'$', b'(', ..] => true,
        [b'$', rest @ ..] => {
            !rest.is_empty() && rest.iter().all(|byte| byte.is_ascii_uppercase() || is(*byte, DIGIT) || *byte == b'_')
        }
        [b'%', _] => true,
        _ if inner.len() != value.len() && value[0] == b'<' => true,
        _ if inner
            .iter()
            .all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.' | b'-' | b'_' | b'?' | b'#' | 0x80..=0xff))
            && !letters_beyond_x(inner) =>
        {
            true
        }
        // `hunt****` was masked by somebody; what is left of it is not ours to judge.
        _ if inner.windows(4).any(|four| four == b"****") => true,
        // `YOUR_API_KEY`
        _ if inner.len() >= 8 && inner[..4].eq_ignore_ascii_case(b"your") && matches!(inner[4], b'_' | b'-') => {
            digits(inner) == 0
        }
        _ => WORDS.iter().any(|word| inner.eq_ignore_ascii_case(word)),
    }
}

/// `{b9noS5}y98`, `[n2pe]iP3I`: brackets that a secret begins with, for no template or list goes on so.
pub(super) fn is_bracketed(value: &[u8]) -> bool {
    let close = run(head(value, 0, 32), 1, alnum);
    let tail = run(value, close + 1, alnum);
    matches!((after(value, 0), after(value, close)), (b'{', b'}') | (b'[', b']'))
        && close > 1
        && is(after(value, close + 1), LETTER | DIGIT)
        && tail == value.len()
        && (digits(&value[close..]) > 0 || digits(&value[..close]) > 0 || is_oddly_cased(&value[1..close]))
        && has_letter(&value[close..])
}

/// `mqaZ`, `TEHbgB`: a capital behind a small letter that begins no word.
pub(super) fn is_oddly_cased(value: &[u8]) -> bool {
    (1..value.len()).any(|at| {
        value[at - 1].is_ascii_lowercase()
            && value[at].is_ascii_uppercase()
            && !value.get(at + 1).is_some_and(u8::is_ascii_lowercase)
    })
}

/// A placeholder of ours and at most a few digits and signs.
fn is_replaced(value: &[u8]) -> bool {
    let end = run(value, 1, |byte| byte.is_ascii_uppercase() || byte == b'_');
    end > 2 && after(value, end) == b']' && digits(&value[end..]) <= 6 && !has_letter(&value[end..])
}

/// Bullets (`•••`) mask, letters of other scripts do not.
fn letters_beyond_x(value: &[u8]) -> bool {
    std::str::from_utf8(value)
        .is_ok_and(|value| value.chars().any(|letter| letter.is_alphanumeric() && !matches!(letter, 'x' | 'X')))
}

/// A quoted string: the inside, and where to go on behind the closing quote.
pub(super) struct Quoted {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) next: usize,
}

/// How far a closing quote is looked for; beyond, all the rest is the value.
const QUOTED: usize = 4096;

/// The string that opens at `at`, also with a quote escaped by one or more backslashes, as in JSON inside JSON.
pub(super) fn quoted(text: &[u8], at: usize) -> Option<Quoted> {
    let open = run(text, at, |byte| byte == b'\\');
    let slashes = open - at;
    let quote = after(text, open);
    if !matches!(quote, b'"' | b'\'' | b'`') || open >= text.len() || slashes > 7 {
        return None;
    }
    let start = open + 1;
    let ceiling = text.len().min(start + QUOTED);
    let mut seen = 0;
    for (offset, &byte) in text[start..ceiling].iter().enumerate() {
        let end = start + offset;
        if byte == b'\\' {
            seen += 1;
            continue;
        }
        let closes = if slashes == 0 { seen % 2 == 0 } else { seen <= slashes };
        if byte == quote && closes {
            let inside = if slashes == 0 { end } else { end - seen };
            return Some(Quoted { start, end: inside, next: end + 1 });
        }
        seen = 0;
    }
    // An apostrophe that nothing closes is one.
    (quote == b'"').then_some(Quoted { start, end: text.len(), next: text.len() })
}

/// What may stand inside a bare value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bare {
    /// Passwords: nearly everything up to a space.
    Loose,
    /// The rest: up to the first separator.
    Strict,
}

/// How much of a bare value is read to judge it, so that text full of keys without values stays cheap.
pub(super) const JUDGED: usize = 512;

/// Where the bare value that starts at `from` ends.
pub(super) fn bare(text: &[u8], from: usize, bare: Bare, in_url: bool) -> usize {
    let mut at = from;
    let mut depth = 0usize;
    while at < text.len() {
        let byte = text[at];
        if is(byte, LETTER | DIGIT) {
            at += 1;
            continue;
        }
        let next = after(text, at + 1);
        let stops = match byte {
            _ if is(byte, SPACE) => true,
            // In the middle of a password, and no quote around more than it.
            b'"' | b'\'' | b'`' => bare != Bare::Loose || at == from || !alnum(next) || text[from..at].contains(&b'('),
            b'<' => bare != Bare::Loose || !alnum(next) || is_tag(text, at),
            b'>' => {
                bare != Bare::Loose || !alnum(next) || at == from || text[at.saturating_sub(64)..at].contains(&b'<')
            }
            b';' => true,
            b'&' => in_url || is_key(text, at + 1),
            b'#' => in_url,
            0x80.. => at > from && text[at - 1] < 0x80 && ends_value(text, at),
            b'\\' => {
                matches!(next, b'n' | b'r' | b't' | b'"' | b'\\')
                    || is_ampersand(text, at) && (in_url || is_key(text, at + 6))
            }
            b'(' | b'[' | b'{' => {
                depth += 1;
                bare == Bare::Strict && byte != b'('
            }
            b')' | b']' | b'}' if depth > 0 => {
                depth -= 1;
                false
            }
            b')' | b']' | b'}' | b'|' | b',' => {
                bare == Bare::Strict || !alnum(next) && next != byte || byte == b',' && is_key(text, at + 1) || in_url
            }
            _ => false,
        };
        if stops {
            break;
        }
        at += 1;
    }
    // The end of the sentence is not the value's.
    while at > from && matches!(text[at - 1], b'.' | b',' | b':') {
        at -= 1;
    }
    at
}

/// The `&` as encoders of JSON write it for a browser.
fn is_ampersand(text: &[u8], at: usize) -> bool {
    text[at..].starts_with(b"\\u0026")
}

/// `<br>`, `<value`
fn is_tag(text: &[u8], at: usize) -> bool {
    let name = run(head(text, at, 24), at + 1, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b' ' | b'.' | b':'));
    matches!(after(text, name), b'>' | b'/' | b'=') || !is_made_up(&text[at + 1..name])
}

/// Whether the char at `at` ends a value in ASCII: punctuation, and the scripts in which words follow without a space.
fn ends_value(text: &[u8], at: usize) -> bool {
    char_at(text, at).is_some_and(|letter| !letter.is_alphanumeric() || super::email::unspaced(letter))
}

/// Whether `name=` or `name:` stands at `from`.
pub(super) fn is_key(text: &[u8], from: usize) -> bool {
    let end = run(head(text, from, 49), from, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b'.'));
    end > from && end - from <= 48 && matches!(after(text, end), b'=' | b':')
}

/// Where the capitalised words and numbers that go on with a name or address end: `Alice` in `Alice van Smith` does not end it.
pub(super) fn words(text: &[u8], mut end: usize, numbers: bool) -> usize {
    const SMALL: &[&[u8]] = words!(
        "van" "von" "de" "der" "den" "la" "le" "di" "da" "del" "bin" "al"
    );
    for _ in 0..6 {
        if after(text, end) != b' ' {
            break;
        }
        let start = end + 1;
        let word = run(text, start, |byte| alnum(byte) || is(byte, HIGH) || matches!(byte, b'-' | b'.' | b'\''));
        let first = after(text, start);
        let small = SMALL.contains(&&text[start..word]) && after(text, word) == b' ';
        let capital = first.is_ascii_uppercase() || is(first, HIGH);
        let shout = word - start > 2 && text[start..word].iter().all(|byte| byte.is_ascii_uppercase());
        if word == start
            || matches!(after(text, word), b'=' | b':')
            || !(small || (capital && !shout) || (numbers && is(first, DIGIT)))
            || is_status(&text[start..word])
        {
            break;
        }
        end = word;
    }
    while before(text, end) == b'.' {
        end -= 1;
    }
    end
}

/// A number in any of the ways Rust and JSON print one.
pub(super) fn is_number(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").or_else(|| value.strip_prefix(b"+")).unwrap_or(value);
    if let Some(hex) = digits.strip_prefix(b"0x") {
        return !hex.is_empty() && hex.len() <= 16 && hex.iter().all(u8::is_ascii_hexdigit);
    }
    digits.first().is_some_and(u8::is_ascii_digit)
        && digits.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'%'))
}

pub(super) fn digits(value: &[u8]) -> usize {
    value.iter().filter(|byte| byte.is_ascii_digit()).count()
}

pub(super) fn has_letter(value: &[u8]) -> bool {
    value.iter().any(|byte| is(*byte, LETTER | HIGH))
}

/// All letters, no digit or sign: a word of some language.
pub(super) fn is_word(value: &[u8]) -> bool {
    value.iter().all(|byte| is(*byte, LETTER | HIGH))
}

/// A word that nobody speaks: letters with digits, odd case, or very long.
pub(super) fn is_made_up(value: &[u8]) -> bool {
    let letter = value.iter().any(|byte| is(*byte, LETTER));
    let digit = digits(value) > 0;
    let hump = value.windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    // `session-store.rs`, `my_secret_name`, `auth::token`
    let code = value.windows(2).any(|pair| pair == b"::") || value.contains(&b'(');
    let snake = value.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'.' | b'/'));
    !code
        && !snake
        && (letter && digit && value.len() >= 6
            || hump && value.len() >= 12
            || value.len() >= 24 && !value.contains(&b'.'))
}

/// Shannon entropy of the bytes, as a part of what `value.len()` different bytes of base64 could have; 0 to 1.
pub(super) fn entropy(value: &[u8]) -> f32 {
    let mut counts = [0u16; 128];
    let len = value.len().min(512);
    for byte in &value[..len] {
        counts[usize::from(byte & 127)] += 1;
    }
    let total = len as f32;
    let bits: f32 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f32::from(*count) / total)
        .map(|part| -part * part.log2())
        .sum();
    bits / total.min(64.0).log2().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_known_by_its_ending_and_has_a_name_of_its_own() {
        for name in ["tax2025.xlsx", "Lebenslauf Müller.pdf", "IMG_20260304.jpg", "report-alice.pdf"] {
            assert!(is_document(name.as_bytes()), "{name}");
        }
        for name in
            ["report.pdf", "main.rs", "2026.pdf", ".pdf", "/srv/a/tax.pdf", "*.pdf", "{name}.pdf", "pdf", "libssl.so.3"]
        {
            assert!(!is_document(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_seed_phrase_has_as_many_words_as_a_wallet_gives_and_nothing_behind_them() {
        let phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow";
        assert_eq!(seed_phrase(phrase.as_bytes(), 0), Some(phrase.len()));
        assert_eq!(seed_phrase(format!("{phrase}\", b").as_bytes(), 0), Some(phrase.len()));
        for other in [&phrase[6..], &format!("{phrase} wave"), &format!("{phrase} of"), &format!("{phrase}. Next")] {
            assert_eq!(seed_phrase(other.as_bytes(), 0), None, "{other}");
        }
    }

    #[test]
    fn names_in_code_are_told_from_letters_in_no_order() {
        assert!(is_camel(b"InvalidEncoding") && is_camel(b"HpkePrivateKey") && is_type(b"SecretStr"));
        assert!(!is_camel(b"PlqsNTOvQaZ") && !is_camel(b"faTPAMNCmWCgQQbZYFx") && !is_camel(b"Encoding7"));
    }

    #[test]
    fn groups_of_digits_are_one_number_if_together_they_are_long_enough() {
        let whole = |text: &[u8], first| grouped(text, 0, first);
        assert_eq!(whole(b"36 729 710 482 x", 2), 14);
        assert_eq!(whole(b"36 729 x", 2), 2);
        assert_eq!(whole(b"12 34567890123456789012345", 2), 2);
        assert_eq!(whole(b"1234 5678 n=1", 4), 9);
    }
}
