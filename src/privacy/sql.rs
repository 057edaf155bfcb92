//! SQL texts without the values in them, as OpenTelemetry's semantic conventions ask for `db.query.text`.
//!
//! Literals become `?` and comments go. Dialects disagree about what a literal is, so a text that two of them would read
//! differently is dropped, and so is one that ends within a literal, or is no SQL: it may be another database's
//! language, where values stand as bare words.

/// The text with `?` for each literal; `None` where it cannot be told for certain which parts are literals.
pub(super) fn parameterize(text: &str) -> Option<String> {
    if !is_statement(text) {
        return None;
    }
    // MySQL reads `\'` inside a literal as a quote, the standard as a backslash before the end. That a text ends within a
    // literal by one of the two proves nothing: it may have been cut.
    let escaped = Reader::new(text, Backslash::Escapes).read()?;
    let standard = Reader::new(text, Backslash::IsItself).read()?;
    (escaped == standard && is_more_than_words(&standard)).then_some(standard)
}

/// What follows the first word of a statement; without it, or a sign of `SIGNS`, a text may be prose.
const FOLLOWERS: [(&str, &[&str]); 9] = [
    ("select", &["from", "as"]),
    ("insert", &["into"]),
    ("update", &["set"]),
    ("delete", &["from"]),
    ("merge", &["into", "using"]),
    ("replace", &["into"]),
    ("upsert", &["into"]),
    ("truncate", &["table"]),
    ("fetch", &["from", "in"]),
];

/// Signs that prose does not have.
const SIGNS: [char; 8] = ['=', '*', '(', '?', '<', '>', '$', '@'];

/// Words that statements about transactions and the like are made of; the longest has a name at its end.
const TRANSACTION: [&str; 16] = [
    "begin",
    "start",
    "commit",
    "rollback",
    "savepoint",
    "release",
    "transaction",
    "work",
    "to",
    "read",
    "write",
    "only",
    "isolation",
    "level",
    "committed",
    "serializable",
];

/// Whether a text without literals has, beside its first word, a second one of SQL or a sign.
fn is_more_than_words(text: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let words: Vec<_> = text.split(|c| !is_name(c)).filter(|word| !word.is_empty()).collect();
    let is_in = |word: &str, list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(word));
    let Some((first, rest)) = words.split_first() else { return false };
    if text.contains(SIGNS) || is_in(first, &["create", "alter", "drop"]) {
        return true;
    }
    if let Some((_, followers)) = FOLLOWERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(first)) {
        return rest.iter().any(|word| is_in(word, followers));
    }
    match rest {
        _ if is_in(first, &["explain", "analyze"]) => rest.first().is_some_and(|word| is_in(word, &STATEMENTS)),
        [] => true,
        [_] if is_in(first, &["savepoint", "release", "vacuum", "pragma"]) => true,
        [names @ .., last] if is_in(first, &TRANSACTION) => {
            let is_named = names.last().is_some_and(|word| is_in(word, &["savepoint"]));
            names.iter().all(|word| is_in(word, &TRANSACTION)) && (is_named || is_in(last, &TRANSACTION))
        }
        _ => false,
    }
}

/// First words of statements. `SET`, `COPY`, `EXEC` and others are commands of other languages too, and what defines users
/// and roles has names of persons for identifiers.
const STATEMENTS: [&str; 24] = [
    "select",
    "insert",
    "update",
    "delete",
    "with",
    "merge",
    "replace",
    "upsert",
    "values",
    "explain",
    "analyze",
    "begin",
    "start",
    "commit",
    "rollback",
    "savepoint",
    "release",
    "truncate",
    "vacuum",
    "pragma",
    "fetch",
    "create",
    "alter",
    "drop",
];

/// What `create`, `alter` and `drop` may be about.
const OBJECTS: [&str; 16] = [
    "table",
    "index",
    "view",
    "unique",
    "temporary",
    "temp",
    "materialized",
    "sequence",
    "schema",
    "database",
    "trigger",
    "function",
    "procedure",
    "type",
    "or",
    "virtual",
];

fn is_statement(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let is_one_of = |word: Option<&str>, list: &[&str]| {
        word.is_some_and(|word| list.iter().any(|known| known.eq_ignore_ascii_case(word)))
    };
    let first = words.next();
    // Before the first word there may be blanks, parentheses and comments of one kind.
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    let begins = first.is_some_and(|word| start.starts_with(word)) && is_one_of(first, &STATEMENTS);
    let defines = is_one_of(first, &["create", "alter", "drop"]);
    // `SELECT 1` chooses a database in Redis; in SQL it says as little.
    begins && (!defines || is_one_of(words.next(), &OBJECTS))
}

/// What a backslash inside a literal does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Escapes,
    IsItself,
}

/// Words that a literal may follow without a blank.
const BEFORE_QUOTE: [&[u8]; 10] =
    [b"in", b"like", b"as", b"and", b"or", b"then", b"else", b"when", b"select", b"values"];

/// Bytes of a name in PostgreSQL.
const LONGEST_TAG: usize = 63;

struct Reader<'t> {
    text: &'t str,
    at: usize,
    backslash: Backslash,
    out: String,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, backslash: Backslash) -> Self {
        Reader { text, at: 0, backslash, out: String::with_capacity(text.len()) }
    }

    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn read(mut self) -> Option<String> {
        while let [byte, next @ ..] = self.rest() {
            match (byte, next.first()) {
                (b'\'' | b'"', _) => self.literal(*byte)?,
                (b'`', _) => self.identifier(b'`')?,
                // `a[1]` is an array's element, `[name]` an identifier.
                (b'[', Some(first)) if first.is_ascii_alphabetic() => self.identifier(b']')?,
                (b'-', Some(b'-')) => self.line_comment(next.get(1))?,
                // A comment in one dialect, an operator in another: they agree about nothing that follows.
                (b'#', _) => return None,
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
        }
        Some(self.out)
    }

    fn copy(&mut self, bytes: usize) {
        let end = (self.at + bytes).min(self.text.len());
        // Only ASCII is copied in pieces of which the length is known, and whole words.
        self.out.push_str(self.text.get(self.at..end).unwrap_or_default());
        self.at = end;
    }

    /// From the quote on to the one that ends it. Two of them are one inside.
    fn literal(&mut self, quote: u8) -> Option<()> {
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
        Some(())
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
        if self.follows_name() || !is_tag || self.rest().get(tag + 1) != Some(&b'$') {
            return Some(false);
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
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_become_question_marks() {
        for (text, clean) in [
            ("SELECT * FROM users WHERE id = 42", "SELECT * FROM users WHERE id = ?"),
            (
                "select name from t1 where mail='bob@example.com' AND age>=18",
                "select name from t1 where mail=? AND age>=?",
            ),
            (
                "INSERT INTO a (b, c) VALUES ('it''s', -1.5e-3), (0xFF, .5)",
                "INSERT INTO a (b, c) VALUES (?, -?), (?, ?)",
            ),
            ("SELECT N'x', E'a\\nb', X'ff', _utf8'é', B'01'", "SELECT ?, ?, ?, ?, ?"),
            ("SELECT \"Smith\" FROM `users` WHERE [name] = ?", "SELECT ? FROM `users` WHERE [name] = ?"),
            ("SELECT `a b` FROM u", "SELECT ? FROM u"),
            ("SELECT $1, :name, @p1, ?2, %s, a::text", "SELECT $1, :name, @p1, ?2, %s, a::text"),
            ("SELECT $$it's$$, $tag$ $$ 'x $tag$ FROM t", "SELECT ?, ? FROM t"),
            ("SELECT 1 -- for Bob's\nFROM t", "SELECT ? \nFROM t"),
            ("SELECT /* Bob's */ 1", "SELECT   ?"),
            ("SELECT 1", "SELECT ?"),
            ("explain select a from t", "explain select a from t"),
            ("ROLLBACK TO SAVEPOINT sp_1", "ROLLBACK TO SAVEPOINT sp_1"),
            ("begin", "begin"),
            ("START TRANSACTION READ ONLY", "START TRANSACTION READ ONLY"),
            ("SELECT DATE '2026-01-01', größe, 名前 FROM t", "SELECT DATE ?, größe, 名前 FROM t"),
            ("SELECT $4111111111111111, 10%4711, a[1:5]", "SELECT $?, ?%?, a[?:?]"),
            ("SELECT a[1], b->>'k' FROM t", "SELECT a[?], b->>? FROM t"),
            ("  (SELECT 1) UNION (SELECT 2)", "  (SELECT ?) UNION (SELECT ?)"),
            ("create table t (a int)", "create table t (a int)"),
            ("SELECT * FROM t WHERE d = 2024-01-01", "SELECT * FROM t WHERE d = ?-?-?"),
            ("SELECT 'a' 'b' WHERE x in('c')", "SELECT ? ? WHERE x in(?)"),
        ] {
            assert_eq!(parameterize(text).as_deref(), Some(clean), "{text}");
        }
    }

    #[test]
    fn what_is_not_clearly_sql_to_its_end_is_dropped() {
        for text in [
            "",
            "SELECT 'open",
            "SELECT 'a' || \"open",
            "SELECT /* open",
            "SELECT /* a */ */* b",
            "SELECT $$open",
            "SELECT `open",
            "SELECT 'it''s",
            // Two dialects end these literals at different places.
            "UPDATE t SET a = 'x\\'y' WHERE b = 1",
            "UPDATE t SET a = 'C:\\' WHERE b = 1",
            "SELECT 'a\\' , 'alice' , 'b'",
            "SELECT '\\', 'alice', '\\'",
            "SELECT '\\'', alice, '\\''",
            "SELECT 1 # don't\n, 'alice' # don't",
            "SELECT 1 --'x' , alice '\n",
            "SELECT q'[it's alice's]'",
            // Of these, dialects disagree about what is a name, a comment or an operator.
            "SELECT ARRAY[f('O]'), 'alice smith [x', a[1]] FROM t",
            "SELECT 1 #- the ' sign\n, 'alice smith.' #- the ' sign\n FROM t",
            "SELECT 1 ## the ' sign\n, 'alice smith.' ## the ' sign\n FROM t",
            "SELECT c#>>'{x}' FROM t",
            "SELECT /* /* */ ' */ , ' , 'alice smith.' /* ' */",
            "SELECT /* Bob's /* nested */ x */ 1",
            "SELECT /*! '*/' , alice, ' */ */ FROM t",
            "SELECT 1 -- a\r ' \n , 'alice' FROM t",
            // Prose.
            "explain my life story to alice smith please",
            "update alice smith status to married",
            "begin with alice smith then call bob",
            "select the best gift for alice smith",
            // Other languages.
            "SET user:123 alice",
            "HSET alice mail bob",
            "{\"find\": \"users\", \"filter\": {\"name\": \"alice\"}}",
            "MATCH (n {name: 'alice'}) RETURN n",
            "alice",
            "CREATE USER alice PASSWORD 'x'",
            "GRANT ALL TO alice",
            "DROP ROLE alice",
            "-- alice\nSELECT 1",
        ] {
            assert_eq!(parameterize(text), None, "{text}");
        }
    }

    #[test]
    fn a_clean_text_stays_as_it_is() {
        for text in ["SELECT a, b FROM t WHERE c = ? ORDER BY d", "SELECT ?", "DELETE FROM t"] {
            assert_eq!(parameterize(text).as_deref(), Some(text));
        }
    }
}
