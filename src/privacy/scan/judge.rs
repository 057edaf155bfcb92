//! Whether a value beside a key that a rule knows is one, or a word of the sentence: `password: hunter2`, `password: incorrect`.

use super::bytes::{DIGIT, HIGH, LETTER, SPACE, after, alnum, before, is, run_back, starts_with};
use super::code::{is_call, is_code, is_column, is_expression, is_mixed, is_parameter, is_slashed, is_variant};
use super::pairs::Style;
use super::prose::{goes_on, is_padded, prose_counts};
use super::value::{self, is_placeholder};
use super::words::{is_answer, is_status};
use super::{dates, words};
use crate::privacy::keys::{self, KeyClass, KeyInText, NumericRule, TextRule};

/// Whether a quoted string is a value.
pub(super) fn quoted_counts(value: &[u8], rule: KeyInText, style: Style) -> bool {
    if rule.text == TextRule::File {
        return words::is_document(value);
    }
    if is_placeholder(value) || !value.iter().any(|byte| alnum(*byte) || is(*byte, HIGH)) {
        return false;
    }
    let first = value.split(|byte| is(*byte, SPACE)).next().unwrap_or_default();
    // `{"password":"is required"}` is an answer about a form.
    let everyday = rule.text == TextRule::Password && words::is_everyday(value);
    let reports = if first.len() == value.len() { is_status(value) && !everyday } else { is_answer(first) };
    if reports && rule.text != TextRule::Name {
        return false;
    }
    if is_range(value) {
        return false;
    }
    let digits = words::digits(value);
    match rule.text {
        TextRule::Never | TextRule::File => false,
        TextRule::Password | TextRule::Cookie | TextRule::Data | TextRule::Mail => true,
        TextRule::Token if style == Style::Newtype => words::is_made_up(value),
        TextRule::Token => !(words::is_number(value) && rule.numeric == NumericRule::Stays && digits < 4),
        TextRule::Digits => digits >= 3 && !is_address(value) || is_serial(value),
        TextRule::Phone => digits >= 5,
        TextRule::Date => digits >= 4 || words::has_letter(value) && digits >= 1,
        TextRule::Geo => digits >= 1,
        TextRule::Serial => is_numbered(value),
        TextRule::Name => words::has_letter(value) && !is_status(value),
        TextRule::Weak | TextRule::Person => !is_code(value) && !is_address(value) && !is_listener(value),
        TextRule::Host | TextRule::Addr => words::has_letter(value) && !is_address(value) && !is_local(value),
        TextRule::Id => value.iter().any(|byte| alnum(*byte)),
    }
}

/// `"js-cookie": "^3.0.8"`, `~1.0.0-alpha.24`: which versions of a package of that name would do.
fn is_range(value: &[u8]) -> bool {
    let [b'^' | b'~', number @ ..] = value else { return false };
    let release = number.iter().position(|byte| matches!(byte, b'-' | b'+')).unwrap_or(number.len());
    let dots = number[..release].iter().filter(|byte| **byte == b'.').count();
    let label = |byte: &u8| byte.is_ascii_lowercase() || is(*byte, DIGIT) || matches!(byte, b'.' | b'-' | b'+');
    dots == 2 && words::is_version(&number[..release]) && number[release..].iter().all(label)
}

/// `90d`, `1500ms`: how long, not what.
fn is_duration(value: &[u8]) -> bool {
    const UNITS: &[&[u8]] = words!(
        "d" "h" "m" "s" "ms" "us" "ns" "min" "sec" "w" "y" "days" "hours" "mins" "secs"
    );
    let unit = value.iter().position(|byte| !is(*byte, DIGIT) && *byte != b'.').unwrap_or(value.len());
    unit > 0 && UNITS.contains(&&value[unit..])
}

/// `mac=hmac-sha2-256`, `zip=deflate`: what two ends agreed on.
fn is_algorithm(value: &[u8]) -> bool {
    const NAMES: &[&[u8]] = words!("deflate" "gzip" "zlib" "brotli" "zstd" "lz4" "snappy" "bzip2");
    value.starts_with(b"hmac-") || value.starts_with(b"umac-") || NAMES.contains(&value)
}

/// `ON s.user_id = u.id`: the column of another table.
fn is_joined(value: &[u8]) -> bool {
    let Some(dot) = value.iter().position(|byte| *byte == b'.') else { return false };
    let (table, column) = (&value[..dot], &value[dot + 1..]);
    let name = |byte: &u8| byte.is_ascii_lowercase() || is(*byte, DIGIT) || *byte == b'_';
    (column == b"id" || column.ends_with(b"_id"))
        && table.first().is_some_and(u8::is_ascii_lowercase)
        && table.iter().chain(column).all(name)
}

/// `consumer-1`: which of several alike, not who.
fn is_role(value: &[u8]) -> bool {
    const ROLES: &[&[u8]] = words!(
        "consumer" "producer" "adminclient" "worker" "broker" "replica" "shard" "executor" "thread" "pool" "node"
    );
    let word = value.iter().position(|byte| *byte == b'-').unwrap_or(value.len());
    ROLES.contains(&&value[..word]) && value.len() - word <= 4
}

/// `C02HXKGTWCIK`: capitals and digits, as makers number what they make.
pub(super) fn is_serial(value: &[u8]) -> bool {
    value.len() >= 8
        && value.iter().all(|byte| byte.is_ascii_uppercase() || is(*byte, DIGIT) || *byte == b'-')
        && words::digits(value) >= 1
        && words::has_letter(value)
}

/// Whether a value is a device's number, or the name that somebody gave it: with digits, or words run together.
pub(super) fn is_numbered(value: &[u8]) -> bool {
    let humps = value.windows(2).filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()).count();
    (words::digits(value) >= 3 || is_serial(value) || humps >= 2) && !is_address(value) && !is_code(value)
}

/// Whether the bare value `text[start..end]` is one.
pub(super) fn bare_counts(text: &[u8], start: usize, end: usize, rule: KeyInText, style: Style) -> bool {
    let value = &text[start..end];
    if rule.text == TextRule::File {
        return words::is_document(value);
    }
    // `&quot;hunter2&quot;` is read as what it stands for.
    if after(text, end) == b';' && matches!(value, b"&quot" | b"&apos" | b"&lt" | [b'&', b'#', ..]) {
        return false;
    }
    if is_placeholder(value)
        || is_status(value) && !(rule.text == TextRule::Password && chosen(text, start, end, style))
        || !value.iter().any(|byte| alnum(*byte) || is(*byte, HIGH))
        || is_remark(text, start, end, rule)
        || rule.class == KeyClass::Pii && (is_parameter(value) || value[0] == b'$')
        // `login(email: $email, password: $password)`
        || value[0] == b'$' && keys::is_named(&value[1..])
    {
        return false;
    }
    if style != Style::Equals && matches!(after(text, end), b'<' | b'[') && value[0].is_ascii_alphabetic() {
        // `password: Option<String>`
        return false;
    }
    let digits = words::digits(value);
    if rule.text == TextRule::Id && (is_expression(value) || is_role(value) || is_joined(value)) {
        return false;
    }
    if rule.class == KeyClass::Secret && is_duration(value) || rule.class == KeyClass::Pii && is_algorithm(value) {
        return false;
    }
    if matches!(rule.text, TextRule::Weak | TextRule::Person | TextRule::Data) && street(text, start, end) {
        return true;
    }
    if words::is_number(value) {
        let size = match rule.text {
            // `ip: 0x7f2c3d4e5000` is where instructions are.
            TextRule::Digits => {
                (digits >= 3 || value::grouped(text, start, end) > end)
                    && !value.contains(&b'.')
                    && !value.starts_with(b"0x")
            }
            TextRule::Serial => digits >= 3 && !value.contains(&b'.'),
            TextRule::Phone => digits >= 5,
            TextRule::Date => digits >= 4 || digits <= 2 && dates::names_month(text, end),
            TextRule::Data => digits >= 4,
            TextRule::Geo => value.contains(&b'.') && !value.ends_with(b"%") && !is_latency(text, start, value),
            TextRule::Weak | TextRule::Person => style != Style::Prose && !value.contains(&b'.'),
            TextRule::Token => style != Style::Prose || digits >= 6,
            // `string password = 2;`, `Password = 2,`
            TextRule::Password => digits > 2 || before(text, start) != b' ' || style != Style::Equals,
            // Under `customer_email_ssn`: by itself a mail address is no number.
            TextRule::Host | TextRule::Mail => digits >= 4,
            TextRule::Addr | TextRule::File => false,
            _ => true,
        };
        return match rule.numeric {
            NumericRule::Goes => size,
            // No count is that high. In `Token(..)` mio has what tells its sources apart.
            NumericRule::Stays => {
                rule.text == TextRule::Token
                    && digits >= 12
                    && !value.starts_with(b"0x")
                    && !text[..start].ends_with(b"Token(")
            }
        };
    }
    match style {
        Style::Json => false,
        Style::Entry if is_said(text, start, end) => prose_counts(text, start, end, rule),
        Style::Field if is_unquoted(value, rule) || is_capitalised(value, rule) => true,
        // A bare word in `Debug` output is the variant of an enum.
        Style::Field | Style::Newtype if words::is_word(value) || is_code(value) => false,
        Style::Equals | Style::Entry | Style::Field | Style::Newtype => match rule.text {
            TextRule::Never | TextRule::File => false,
            TextRule::Password => !is_expression(value) && !is_call(text, start, end),
            TextRule::Token => {
                (!is_code(value) || is_hook(value) || is_mixed(value) || is_slashed(value))
                    && !is_expression(value)
                    && !is_call(text, start, end)
                    && value.len() >= 3
                    && !is_column(text, start, end)
                    && !is_variant(value)
                    && !words::is_sort(value)
            }
            TextRule::Cookie => words::is_made_up(value),
            TextRule::Digits => digits >= 3 && !is_address(value) || is_serial(value),
            TextRule::Phone => digits >= 5,
            TextRule::Date => digits >= 4,
            TextRule::Geo => digits >= 2 && value.contains(&b'.') && !words::has_letter(value),
            TextRule::Serial => is_numbered(value),
            TextRule::Name | TextRule::Data | TextRule::Mail | TextRule::Id => !is_code(value),
            TextRule::Weak | TextRule::Person => !is_code(value) && !is_address(value) && !is_listener(value),
            TextRule::Addr if words::is_word(value) => false,
            TextRule::Host | TextRule::Addr => {
                words::has_letter(value) && !is_code(value) && !is_address(value) && !is_local(value)
            }
        },
        Style::Prose => prose_counts(text, start, end, rule),
    }
}

/// Whether a word that may report on something is a password all the same, since nothing but one can stand here.
fn chosen(text: &[u8], start: usize, end: usize, style: Style) -> bool {
    let value = &text[start..end];
    match style {
        Style::Equals | Style::Newtype => words::is_everyday(value),
        Style::Entry if matches!(after(text, end), 0 | b'\n' | b'\r') => words::is_everyday(value),
        _ => words::is_account(value) && matches!(after(text, end), 0 | b'\n' | b'\r' | b',' | b'}' | b')' | b']'),
    }
}

/// `(known after apply)`, `(email: string, password: string)`: a bracket that closes later, around words.
fn is_remark(text: &[u8], start: usize, end: usize, rule: KeyInText) -> bool {
    let value = &text[start..end];
    value[0] == b'('
        && !value.contains(&b')')
        && !matches!(rule.text, TextRule::Phone | TextRule::Geo)
        && !words::is_made_up(&value[1..])
}

/// Whether a word after `api_key: ` reads on as a sentence or declares a type, so that it is no value by its place alone.
fn is_said(text: &[u8], start: usize, end: usize) -> bool {
    let value = &text[start..end];
    words::is_word(value) && (goes_on(text, end) || is_verb(value) || words::is_type(value) || keys::is_named(value))
        || value::is_key(text, start) && !is_padded(text, start, end)
}

/// `{password: hunter, b: 2}`: no variant of an enum has a small letter, and names in code are those of keys.
fn is_unquoted(value: &[u8], rule: KeyInText) -> bool {
    const NAMES: &[&[u8]] = words!(
        "field" "given" "hashed" "bytes" "buffer" "chars" "other" "ident" "right" "option" "params" "config" "state" "props" "passw"
        "parsed" "clone" "result" "entry" "inner"
    );
    rule.class == KeyClass::Secret
        && matches!(rule.text, TextRule::Password | TextRule::Token)
        && value.len() >= 5
        && value.iter().all(u8::is_ascii_lowercase)
        && !is_verb(value)
        && !words::is_type(value)
        && !words::is_sort(value)
        && !keys::is_named(value)
        && !NAMES.contains(&value)
}

/// `{ gender: NonBinary, first_name: Rosalind }`: what a derived `Debug` prints of a variant, or of a name without its quotes, under a key
/// that says enough. No types of fields, and none of the ways in which a password may be absent.
fn is_capitalised(value: &[u8], rule: KeyInText) -> bool {
    const VARIANTS: &[&[u8]] = words!(
        "plain" "plaintext" "prompt" "stdin" "keyring" "keychain" "keystore" "vault" "ask" "always" "inherit" "auto" "automatic" "manual"
        "custom" "strong" "medium" "secure" "insecure" "other" "owned" "borrowed" "opaque" "country" "locale" "language" "label" "code"
        "line" "varchar" "prefer" "unspecified" "undisclosed" "withheld" "classic" "simple" "scram" "native" "ldap" "kerberos" "argon" "bcrypt"
        "legacy" "modern" "standard" "normal" "regular" "fallback" "interactive" "temporary" "permanent" "initial" "current" "numeric"
        "alphanumeric" "environment" "agent" "delegate" "saml" "scrypt" "cleartext" "obsolete"
    );
    let last = value.iter().rposition(u8::is_ascii_uppercase).unwrap_or(0);
    let camel = rule.numeric == NumericRule::Goes;
    let wanted = match (rule.class, rule.text) {
        (KeyClass::Pii, TextRule::Name) => last == 0 || camel,
        (KeyClass::Secret, TextRule::Password) => last == 0 && value.len() >= 5,
        _ => false,
    };
    let stands_for = |word: &[u8]| {
        is_status(word) || is_verb(word) || words::is_sort(word) || words::is_type(word) || keys::is_named(word)
    };
    wanted
        && value.len() >= 3
        && value[0].is_ascii_uppercase()
        && value[1..].iter().any(u8::is_ascii_lowercase)
        && words::is_word(value)
        && !stands_for(value)
        && !stands_for(&value[last..])
        && !VARIANTS
            .iter()
            .any(|variant| value.eq_ignore_ascii_case(variant) || value[last..].eq_ignore_ascii_case(variant))
}

pub(super) fn is_verb(word: &[u8]) -> bool {
    [&b"ed"[..], b"ing", b"able", b"ible", b"ful"].iter().any(|end| word.ends_with(end))
}

/// A URL that is the secret itself: the address of a hook ends in one.
pub(super) fn is_hook(value: &[u8]) -> bool {
    let path = super::bytes::find(value, 0, b"://").map_or(&b""[..], |at| &value[at + 3..]);
    let last = path.rsplit(|byte| matches!(byte, b'/' | b'=')).next().unwrap_or_default();
    path.contains(&b'/') && last.len() >= 8 && words::is_made_up(last)
}

/// `12 Main Street`
pub(super) fn street(text: &[u8], start: usize, end: usize) -> bool {
    text[start..end].iter().all(|byte| is(*byte, DIGIT))
        && end - start <= 5
        && after(text, end) == b' '
        && after(text, end + 1).is_ascii_uppercase()
        && is(after(text, end + 2), LETTER)
}

/// Digits and the signs of a network address: those are found by their own grammar.
pub(super) fn is_address(value: &[u8]) -> bool {
    value.iter().all(|byte| is(*byte, DIGIT) || matches!(byte, b'.' | b':' | b'[' | b']' | b'/' | b'%'))
        && value.iter().any(|byte| matches!(byte, b'.' | b':'))
        || value.iter().filter(|byte| **byte == b':').count() >= 2
}

/// `db:5432`: where a service listens.
fn is_listener(value: &[u8]) -> bool {
    let mut parts = value.splitn(2, |byte| *byte == b':');
    let (host, port) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    (2..=5).contains(&port.len())
        && port.iter().all(|byte| is(*byte, DIGIT))
        && host.iter().all(|byte| byte.is_ascii_lowercase() || is(*byte, DIGIT) || matches!(byte, b'.' | b'-' | b'_'))
        && words::has_letter(host)
}

/// `lat=0.35`: how long, unless it is precise, its key is written out or a longitude stands near.
fn is_latency(text: &[u8], start: usize, value: &[u8]) -> bool {
    const LONGITUDES: [&[u8]; 4] = [b"lon", b"lng", b"long", b"altitude"];
    let decimals = value.iter().rev().take_while(|byte| is(**byte, DIGIT)).count();
    let key = run_back(text, start, 12, |byte| !is(byte, LETTER));
    let short = key >= 3 && starts_with(text, key - 3, b"lat") && !is(before(text, key - 3), LETTER);
    let near = &text[start.saturating_sub(48)..text.len().min(start + 48)];
    decimals < 4
        && short
        && !(0..near.len())
            .any(|at| LONGITUDES.iter().any(|word| starts_with(near, at, word)) && !is(before(near, at), LETTER))
}

pub(super) fn is_local(value: &[u8]) -> bool {
    starts_with(value, 0, b"localhost")
        || value == b"::1"
        || value.starts_with(b"127.")
        || starts_with(value, 0, b"unix:")
}
