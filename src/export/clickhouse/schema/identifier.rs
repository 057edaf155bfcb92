//! Names and strings of others inside statements.

use std::fmt;

/// A name, quoted with backticks.
pub(super) struct Quoted<'a>(pub(super) &'a str);

/// A string, quoted with apostrophes.
pub(super) struct Literal<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        quote(self.0, '`', f)
    }
}

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        quote(self.0, '\'', f)
    }
}

/// ClickHouse reads the same escapes in both.
fn quote(text: &str, quote: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use fmt::Write as _;
    f.write_char(quote)?;
    for c in text.chars() {
        match c {
            '\\' => f.write_str("\\\\")?,
            // A client may end the statement there.
            '\0' => f.write_str("\\0")?,
            // One statement stays on its lines.
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            _ if c == quote => {
                f.write_char('\\')?;
                f.write_char(c)?;
            }
            _ => f.write_char(c)?,
        }
    }
    f.write_char(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_the_quotation_is_escaped() {
        assert_eq!(Quoted("otel").to_string(), "`otel`");
        assert_eq!(Quoted("a`b'c\\").to_string(), "`a\\`b'c\\\\`");
        assert_eq!(Literal("a`b'c\\").to_string(), "'a`b\\'c\\\\'");
        assert_eq!(Literal("\0\r\n;日").to_string(), "'\\0\\r\\n;日'");
    }
}
