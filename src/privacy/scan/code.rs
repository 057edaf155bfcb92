//! Values that are source code, or the names it has, rather than what stands behind them: `config.api_key`, `read_password()?`.

use super::bytes::{JOINT, LETTER, after, alnum, find, is, run};
use super::{random, words};

/// Types, paths, calls, file positions, pointers.
pub(super) fn is_code(value: &[u8]) -> bool {
    // Most values are one word.
    if value.iter().all(|byte| alnum(*byte) || is(*byte, JOINT)) {
        return value.starts_with(b"0x");
    }
    value.windows(2).any(|pair| pair == b"::" || pair == b"()")
        || value.starts_with(b"&")
        || value.starts_with(b"/")
        || value.starts_with(b"./")
        || value.starts_with(b"0x")
        || value.starts_with(b"*mut")
        || value.starts_with(b"*const")
        || find(value, 0, b"![").is_some()
        || find(value, 0, b".rs:").is_some()
        || value.ends_with(b".rs")
        || find(value, 0, b"://").is_some()
}

/// `/bPxRfiCYEX+MPLEKEYwJalr==`: base64 that begins as a path does, and in which no names stand.
pub(super) fn is_slashed(value: &[u8]) -> bool {
    let text = value.strip_suffix(b"=").unwrap_or(value);
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let odd = || text.split(|byte| matches!(byte, b'/' | b'+')).any(words::is_unordered) && words::digits(text) > 0;
    value.starts_with(b"/")
        && text.len() >= 16
        && text.iter().all(|byte| alnum(*byte) || matches!(byte, b'/' | b'+'))
        && (random::looks_random(text) || odd() && (text.len() < value.len() || text.contains(&b'+')))
}

/// `config.api_key`, `read_password()?`: source, not the value.
pub(super) fn is_expression(value: &[u8]) -> bool {
    const STARTS: &[&[u8]] = words!(
        "self." "this." "config." "cfg." "settings." "ctx." "args." "opts." "env." "env!" "os.environ" "os.getenv"
        "process.env" "std::" "env::" "include_str!"
    );
    // Whose members are what a name or type says, if they have no digits.
    const OWNERS: &[&[u8]] = words!(
        "PropTypes." "DataTypes." "Sequelize." "Schema." "models." "serializers." "forms." "fields." "types." "z." "Joi." "joi." "yup."
        "t." "v." "mongoose." "graphene." "request." "req." "r." "params." "props." "state." "body." "form." "data." "var." "local."
        "module." "input." "event." "secrets." "vault." "options." "conf." "configuration." "payload." "session." "user." "account."
        "credentials." "creds." "auth." "app." "client." "response." "res." "resp." "result." "row." "parsed." "options." "matches."
    );
    // Most values are one word.
    if !value.iter().any(|byte| matches!(byte, b'.' | b':' | b'!' | b'(' | b'@')) {
        return false;
    }
    let part = |byte: u8| is(byte, LETTER) || matches!(byte, b'_' | b'.' | b'(' | b')' | b'[' | b']' | b'?');
    let member = || value.iter().all(|byte| part(*byte)) && OWNERS.iter().any(|owner| value.starts_with(owner));
    // `parse_token(input)?`
    let call = || {
        value.iter().position(|byte| *byte == b'(').is_some_and(|open| {
            let name = value[..open].iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b':' | b'.'));
            open >= 3
                && name
                && value.iter().rposition(|byte| *byte == b')').is_some_and(|close| value.len() - close <= 3)
        })
    };
    is_parameter(value)
        || member()
        || call()
        || STARTS.iter().any(|start| value.starts_with(start))
        || value.windows(2).any(|pair| pair == b"()")
}

/// `:name` and `@name` are parameters of a statement.
pub(super) fn is_parameter(value: &[u8]) -> bool {
    matches!(value, [b':' | b'@', name @ ..]
        if name.iter().all(|byte| alnum(*byte) || *byte == b'_') && !words::is_made_up(name))
}

/// ` = staged.id`: a column of another table.
pub(super) fn is_column(text: &[u8], start: usize, end: usize) -> bool {
    let mut parts = text[start..end].split(|byte| *byte == b'.');
    let name = |part: &[u8]| part.len() >= 2 && part.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
    text[..start].ends_with(b" = ")
        && parts.next().is_some_and(name)
        && parts.next().is_some_and(name)
        && parts.next().is_none()
}

/// `get_config("X")?`, `models.CharField(max_length=64)`: a call, of which quotes may have ended what was read.
pub(super) fn is_call(text: &[u8], start: usize, end: usize) -> bool {
    let value = &text[start..end];
    let Some(open) = value.iter().position(|byte| *byte == b'(') else { return false };
    let name = open >= 3
        && value[..open].iter().all(|byte| is(*byte, LETTER) || matches!(byte, b'_' | b':' | b'.' | b'!'))
        && is(value[0], LETTER);
    let parameter = run(value, open + 1, |byte| byte.is_ascii_lowercase() || byte == b'_');
    name && (open + 1 == value.len() && matches!(after(text, end), b'"' | b'\'' | b'`' | b'\\' | b'&')
        || parameter > open + 1 && after(value, parameter) == b'=')
}

/// `cjG5::Dbvhh`: no path in code has such a part.
pub(super) fn is_mixed(value: &[u8]) -> bool {
    value.split(|byte| *byte == b':').any(|part| {
        part.iter().any(u8::is_ascii_uppercase) && part.iter().any(u8::is_ascii_lowercase) && words::digits(part) > 0
    }) && value.iter().all(|byte| alnum(*byte) || *byte == b':')
}

/// `token=Ident`, `token=COMMA`: a parser's words; `Colors.LightCyan`: one of several.
pub(super) fn is_variant(value: &[u8]) -> bool {
    if let Some(dot) = value.iter().position(|byte| *byte == b'.') {
        return words::is_camel(&value[..dot]) && words::is_camel(&value[dot + 1..]);
    }
    value.len() <= 12
        && value[0].is_ascii_uppercase()
        && (value[1..].iter().all(u8::is_ascii_lowercase) || value.iter().all(u8::is_ascii_uppercase))
}
