//! Text that cannot become markup: in CommonMark, in GitHub's dialect of it, or in HTML.

/// A text as such. It stays on one line.
pub(super) fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len() + 8);
    let mut letters = raw.chars().filter(|c| !is_invisible(*c)).peekable();
    let mut only_digits = true;
    while let Some(letter) = letters.next() {
        let first = out.is_empty();
        let special = match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '~' | '|' | '$' | '&' => true,
            '!' => letters.peek() == Some(&'['),
            // A heading, a list, a rule.
            '#' | '-' | '+' | '=' => first,
            '.' | ')' => only_digits && !first,
            _ => false,
        };
        only_digits &= letter.is_ascii_digit();
        if special {
            out.push('\\');
        }
        out.push(if letter.is_whitespace() { ' ' } else { letter });
    }
    out
}

/// A name as code.
pub(super) fn code(raw: &str) -> String {
    let raw: String =
        raw.chars().filter(|c| !is_invisible(*c)).map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let longest = raw.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if raw.starts_with('`') || raw.ends_with('`') || raw.trim().is_empty() { " " } else { "" };
    format!("{fence}{pad}{raw}{pad}{fence}")
}

/// An address as a link, if it is a web address and nothing else.
pub(super) fn link(raw: &str) -> String {
    let is_plain = raw.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\\|`".contains(&byte));
    if raw.starts_with("https://") && is_plain { format!("<{raw}>") } else { text(raw) }
}

/// Markdown for a cell of a table, in which no bar ends it: that of [`text`] is escaped, that of [`code`] is not.
pub(super) fn cell(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut escaped = false;
    for letter in markdown.chars() {
        if letter == '|' && !escaped {
            out.push('\\');
        }
        escaped = letter == '\\' && !escaped;
        out.push(letter);
    }
    out
}

/// A text inside `<!-- -->`.
pub(super) fn comment(raw: &str) -> String {
    raw.chars().filter(|c| !is_invisible(*c) && !matches!(c, '<' | '>')).collect::<String>().replace("--", "- -")
}

/// Characters that nobody sees, some of which turn the text around them: the `Bidi_Control` property of Unicode,
/// zero-width characters and controls.
fn is_invisible(letter: char) -> bool {
    letter.is_control() && !letter.is_whitespace()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        for (raw, escaped) in [
            ("plain words, 1.5 of them", "plain words, 1.5 of them"),
            ("<script>alert(1)</script>", "\\<script\\>alert(1)\\</script\\>"),
            ("[x](javascript:y)", "\\[x\\](javascript:y)"),
            ("![x](y)", "\\!\\[x\\](y)"),
            ("**a** _b_ ~~c~~ `d` $e$", "\\*\\*a\\*\\* \\_b\\_ \\~\\~c\\~\\~ \\`d\\` \\$e\\$"),
            ("# head", "\\# head"),
            ("- list", "\\- list"),
            ("1. list", "1\\. list"),
            ("a\n\n## b", "a  ## b"),
            ("&lt;", "\\&lt;"),
            ("a | b", "a \\| b"),
            ("back\\slash", "back\\\\slash"),
            ("turn\u{202e}ed\u{200b}", "turned"),
        ] {
            assert_eq!(text(raw), escaped);
        }
    }

    #[test]
    fn only_a_web_address_becomes_a_link() {
        assert_eq!(link("https://acme.example/pull/7_a"), "<https://acme.example/pull/7_a>");
        for raw in ["javascript:alert(1)", "https://a.example> <b", "see https://a.example"] {
            assert_eq!(link(raw), text(raw));
        }
    }

    #[test]
    fn code_cannot_be_left() {
        assert_eq!(code("order.placed"), "`order.placed`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(cell(&code("a|b")), "`a\\|b`");
        assert_eq!(cell(&text("a|b\\|c")), "a\\|b\\\\\\|c");
        assert_eq!(comment("--> x <!--"), "- - x !- -");
    }
}
