//! What a word is by itself: one that reports, the name of a type, a number, or made up.

use super::bytes::{DIGIT, HIGH, LETTER, WordSet, alnum, is};

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
    "lambda" "sensitive" "scram-sha-256" "scram-sha-1" "amd64" "arm64" "i386"
    "mindestens" "erforderlich" "ungültig" "abgelaufen" "falsch" "fehlt" "obligatoire" "requis" "invalide" "incorrecte" "expiré"
    "obligatoria" "obligatorio" "requerida" "requerido" "incorrecta" "incorrecto" "inválida" "inválido" "obrigatória" "obrigatório"
    "obbligatoria" "obbligatorio" "scaduta" "verplicht" "wymagane" "不能为空" "不正确" "已过期" "错误" "无效" "必填"
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

/// Whether a word is one that reports, whatever its case.
pub(super) fn is_status(word: &[u8]) -> bool {
    let word = word.strip_suffix(b".").or_else(|| word.strip_suffix(b"!")).unwrap_or(word);
    STATUS.holds(word) || is_joined_status(word)
}

/// `too_short`, `must-not-be-blank`: what forms and clients answer, the words joined.
fn is_joined_status(word: &[u8]) -> bool {
    static LEADS: WordSet = WordSet::of(words!(
        "is" "must" "can" "cannot" "should" "was" "has" "does" "may" "not" "invalid" "incorrect" "missing" "too" "failed" "wrong"
    ));
    static ENDS: WordSet = WordSet::of(words!(
        "short" "long" "simple" "common" "similar" "given" "supplied" "strong" "compromised" "characters" "digits" "confirmation"
    ));
    let mut parts = word.split(|byte| matches!(byte, b'_' | b'-'));
    let first = parts.next().unwrap_or_default();
    first.len() < word.len() && LEADS.holds(first) && parts.all(|part| STATUS.holds(part) || ENDS.holds(part))
}

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

/// Whether a quoted string begins as an answer about a value does: `"is required"`.
pub(super) fn is_answer(first: &[u8]) -> bool {
    static LEADS: WordSet = WordSet::of(words!(
        "is" "must" "can" "can't" "cannot" "should" "was" "has" "does" "doesn't" "may" "not" "field" "invalid"
        "incorrect" "missing" "required" "expired" "unknown" "too" "no" "failed" "password" "wrong" "please" "token"
    ));
    LEADS.holds(first)
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

/// `kT7pW2xq`, `hunter2!`, `Sommer2024`: digits, and of small letters, capitals and signs two; and no name that code has.
pub(super) fn is_varied(value: &[u8]) -> bool {
    const SORTS: &[&[u8]] = words!(
        "sha" "md" "argon" "base" "pbkdf" "utf" "string" "int" "uint" "float" "bcrypt" "scrypt" "aes" "rsa" "hmac" "password" "passwd"
        "token" "secret" "version" "column" "field" "test" "user" "value" "param" "arg" "var" "varchar" "char"
    );
    const SIGNS: &[u8] = b"!@#$%^&*?";
    let any = |class: fn(&u8) -> bool| usize::from(value.iter().any(class));
    let classes = any(u8::is_ascii_lowercase) + any(u8::is_ascii_uppercase) + any(|byte| SIGNS.contains(byte));
    let part = |byte: &u8| alnum(*byte) || SIGNS.contains(byte) || matches!(byte, b'+' | b'~' | b'-' | b'_');
    let word = value.iter().take_while(|byte| is(**byte, LETTER)).count();
    (6..=64).contains(&value.len())
        && digits(value) > 0
        && classes >= 2
        && value.iter().all(part)
        && !SORTS.iter().any(|sort| value[..word].eq_ignore_ascii_case(sort))
}

/// `db-creds-2`, `tls-cert-01`: words joined and a number, as people name the secrets that they keep elsewhere.
pub(super) fn is_numbered_name(word: &[u8]) -> bool {
    let parts = word.split(|byte| matches!(byte, b'-' | b'_' | b'.'));
    let spoken = |part: &[u8]| (2..=12).contains(&part.len()) && part.iter().all(u8::is_ascii_lowercase);
    let number = |part: &[u8]| (1..=2).contains(&part.len()) && part.iter().all(|byte| is(*byte, DIGIT));
    let (mut words, mut numbers) = (0, 0);
    parts.fold(true, |all, part| {
        words += usize::from(spoken(part));
        numbers += usize::from(number(part));
        all && (spoken(part) || number(part))
    }) && words >= 2
        && numbers == 1
}

/// Letters that make no word, of any language or code: `fL4hOe`, `xJnCNR`, `GwDrtr`.
pub(super) fn is_no_word(word: &[u8]) -> bool {
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

/// `mqaZ`, `TEHbgB`: a capital behind a small letter that begins no word.
pub(super) fn is_oddly_cased(value: &[u8]) -> bool {
    (1..value.len()).any(|at| {
        value[at - 1].is_ascii_lowercase()
            && value[at].is_ascii_uppercase()
            && !value.get(at + 1).is_some_and(u8::is_ascii_lowercase)
    })
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

/// Whether what [`is_number`] says yes to may begin with this.
pub(super) fn begins_number(byte: u8) -> bool {
    is(byte, DIGIT) || matches!(byte, b'-' | b'+')
}

pub(super) fn digits(value: &[u8]) -> usize {
    value.iter().filter(|byte| byte.is_ascii_digit()).count()
}

pub(super) fn has_letter(value: &[u8]) -> bool {
    value.iter().any(|byte| is(*byte, LETTER | HIGH))
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
    fn names_in_code_are_told_from_letters_in_no_order() {
        assert!(is_camel(b"InvalidEncoding") && is_camel(b"HpkePrivateKey") && is_type(b"SecretStr"));
        assert!(!is_camel(b"PlqsNTOvQaZ") && !is_camel(b"faTPAMNCmWCgQQbZYFx") && !is_camel(b"Encoding7"));
    }
}
