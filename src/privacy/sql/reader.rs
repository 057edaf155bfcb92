//! One reading of a text: names and signs stay, literals become `?`, comments go.

/// What a backslash inside a literal does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Backslash {
    Escapes,
    IsItself,
}

/// Words that a literal may follow without a blank.
const BEFORE_QUOTE: [&[u8]; 10] =
    [b"in", b"like", b"as", b"and", b"or", b"then", b"else", b"when", b"select", b"values"];

/// Bytes of a name in PostgreSQL.
const LONGEST_TAG: usize = 63;

pub(super) struct Reader<'t> {
    text: &'t str,
    at: usize,
    backslash: Backslash,
    /// Where a line ends that one dialect takes for a comment from some place on; nothing may begin before it and end after.
    line_end: usize,
    out: String,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, backslash: Backslash) -> Self {
        Reader { text, at: 0, backslash, line_end: 0, out: String::with_capacity(text.len()) }
    }

    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    pub(super) fn read(mut self) -> Option<String> {
        while let [byte, next @ ..] = self.rest() {
            let start = self.at;
            match (byte, next.first()) {
                (b'\'' | b'"', _) => self.literal(*byte)?,
                (b'`', _) => self.identifier(b'`')?,
                // `a[1]` is an array's element, `[name]` an identifier.
                (b'[', Some(first)) if first.is_ascii_alphabetic() => self.identifier(b']')?,
                (b'-', Some(b'-')) => self.line_comment(next.get(1))?,
                (b'#', _) => self.path_operator()?,
                // A comment, a division, or the beginning of an expression.
                (b'/', Some(b'/')) => return None,
                (b'/', _) if self.out.trim_end().ends_with('~') => return None,
                (b'/', Some(b'*')) => self.block_comment()?,
                (b'$', _) if self.dollar_quoted()? => {}
                (b'$' | b'?', Some(first)) if first.is_ascii_digit() => self.placeholder(),
                (b'$' | b':' | b'@' | b'%', Some(first)) if is_word(*first) && !first.is_ascii_digit() => {
                    self.placeholder();
                }
                (b'.', Some(first)) if first.is_ascii_digit() && !self.follows_name() => self.number(),
                (byte, _) if byte.is_ascii_digit() => self.number(),
                (byte, _) if is_word(*byte) => self.word()?,
                _ => self.copy(1),
            }
            if start < self.line_end && self.at > self.line_end {
                return None;
            }
        }
        Some(self.out)
    }

    fn copy(&mut self, bytes: usize) {
        let end = (self.at + bytes).min(self.text.len());
        // Only ASCII is copied in pieces of which the length is known, and whole words.
        self.out.push_str(self.text.get(self.at..end).unwrap_or_default());
        self.at = end;
    }

    /// `#>`, `#>>` and `#-` of PostgreSQL with a literal or a placeholder behind. Any other `#` begins a comment in one dialect and
    /// is an operator in another: they agree about nothing that follows.
    fn path_operator(&mut self) -> Option<()> {
        let operator = [&b"#>>"[..], b"#>", b"#-"].into_iter().find(|operator| self.rest().starts_with(operator))?;
        let operand = self.rest()[operator.len()..].iter().find(|byte| **byte != b' ')?;
        if !matches!(operand, b'\'' | b'?' | b'$' | b':' | b'@') {
            return None;
        }
        // Where it is a comment it ends with the line.
        let line = self.rest().iter().position(|byte| *byte == b'\n').unwrap_or(self.rest().len());
        self.line_end = self.line_end.max(self.at + line);
        self.copy(operator.len());
        Some(())
    }

    /// From the quote on to the one that ends it. Two of them are one inside; three begin another kind of literal in some
    /// dialects, and so does a word that touches one.
    fn literal(&mut self, quote: u8) -> Option<()> {
        if self.rest().starts_with(&[quote; 3]) {
            return None;
        }
        let mut at = 1;
        loop {
            match self.rest().get(at)? {
                b'\\' if self.backslash == Backslash::Escapes => at += 2,
                byte if *byte == quote && self.rest().get(at + 1) == Some(&quote) => at += 2,
                byte if *byte == quote => break,
                _ => at += 1,
            }
        }
        self.at += at + 1;
        self.out.push('?');
        (!self.rest().first().is_some_and(|next| is_word(*next) || matches!(next, b'\'' | b'"'))).then_some(())
    }

    /// A quoted name; one that could be anything else becomes `?`.
    fn identifier(&mut self, end: u8) -> Option<()> {
        let length = self.rest().get(1..)?.iter().position(|byte| *byte == end)?;
        let name = &self.rest()[1..=length];
        // Where the sign before it is none, a literal or a comment may begin inside.
        if name.iter().any(|byte| matches!(byte, b'\'' | b'"' | b'`' | b'$' | b'#' | b'/' | b'\\'))
            || name.windows(2).any(|window| window == b"--")
        {
            return None;
        }
        match name.iter().all(|byte| is_word(*byte)) {
            true => self.copy(length + 2),
            false => {
                self.at += length + 2;
                self.out.push('?');
            }
        }
        Some(())
    }

    /// `-- …`. Where only some dialects see a comment, a quote in it makes them disagree about all that follows.
    fn line_comment(&mut self, next: Option<&u8>) -> Option<()> {
        let line = self.rest().split(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_agreed = next.is_none_or(u8::is_ascii_whitespace);
        // Of a carriage return alone they disagree whether it ends the line.
        if line.iter().rev().skip(1).any(|byte| *byte == b'\r') {
            return None;
        }
        if !is_agreed && line.iter().any(|byte| matches!(byte, b'\'' | b'"' | b'`' | b'$' | b'/' | b'*')) {
            return None;
        }
        self.at += line.len();
        Some(())
    }

    /// `/* … */`. Of one inside another dialects disagree, and some run what stands in `/*! … */`.
    fn block_comment(&mut self) -> Option<()> {
        let inside = self.rest().get(2..)?;
        let length = inside.windows(2).position(|window| window == b"*/")?;
        if inside.starts_with(b"!") || inside[..length].windows(2).any(|window| window == b"/*") {
            return None;
        }
        self.at += length + 4;
        self.out.push(' ');
        Some(())
    }

    /// `$$…$$` and `$tag$…$tag$`; `false` if it is something else.
    fn dollar_quoted(&mut self) -> Option<bool> {
        let tag = self.rest()[1..].iter().take_while(|byte| is_word(**byte)).count();
        if tag > LONGEST_TAG {
            return None;
        }
        let is_tag = tag == 0 || !self.rest()[1].is_ascii_digit();
        if !is_tag || self.rest().get(tag + 1) != Some(&b'$') {
            return Some(false);
        }
        // A name with the sign in it, or a literal that touches what is before.
        if self.follows_name() {
            return None;
        }
        let (mark, inside) = self.rest().split_at(tag + 2);
        let length = inside.windows(mark.len()).position(|window| window == mark)?;
        self.at += length + 2 * mark.len();
        self.out.push('?');
        Some(true)
    }

    /// `$1`, `:name`, `@p1`, `?1`, `%s`: they stand for values already. `::text` is a type.
    fn placeholder(&mut self) {
        let length = self.rest()[1..].iter().take_while(|byte| is_word(**byte)).count();
        // No statement has a thousand values: that is a number.
        match self.rest()[1].is_ascii_digit() && length > 3 {
            true => self.copy(1),
            false => self.copy(length + 1),
        }
    }

    /// `42`, `1.5e-3`, `0xff`, `1_000`.
    fn number(&mut self) {
        let mut length = 0;
        while let Some(byte) = self.rest().get(length) {
            let is_sign = matches!(byte, b'+' | b'-') && matches!(self.rest()[length.saturating_sub(1)], b'e' | b'E');
            let is_exponent = is_sign && length > 0 && self.rest().get(length + 1).is_some_and(u8::is_ascii_digit);
            if !is_word(*byte) && *byte != b'.' && !is_exponent {
                break;
            }
            length += 1;
        }
        self.at += length.max(1);
        self.out.push('?');
    }

    /// A keyword or a name. `N'…'`, `E'…'`, `X'…'` and `_utf8'…'` belong to the literal that follows.
    fn word(&mut self) -> Option<()> {
        let length = self.rest().iter().take_while(|byte| is_word(**byte)).count();
        let word = &self.rest()[..length];
        // Quotes of other scripts are no letters.
        if !self.text.get(self.at..self.at + length)?.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        let is_prefix = matches!(word, [b'N' | b'n' | b'E' | b'e' | b'X' | b'x' | b'B' | b'b'] | [b'_', ..]);
        match self.rest().get(length) {
            Some(b'\'') if is_prefix => {
                self.at += length;
                self.literal(b'\'')
            }
            // Oracle's `q'[it's]'` has a rule of its own, and of other words before a quote nothing is known.
            Some(b'\'') if !BEFORE_QUOTE.iter().any(|known| word.eq_ignore_ascii_case(known)) => None,
            _ => {
                self.copy(length);
                Some(())
            }
        }
    }

    fn follows_name(&self) -> bool {
        self.text[..self.at].bytes().next_back().is_some_and(is_word)
    }
}

/// Letters of all scripts, digits and `_`. The `$` inside names of some dialects is read as what it is elsewhere.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
