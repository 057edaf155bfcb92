//! What is a statement of SQL, and what is prose, data, or a definition that names persons.

use super::reader::is_word;

/// Whether each part of a text without literals is a statement, and none of them prose or data.
pub(super) fn is_sql(text: &str) -> bool {
    text.split(';')
        .enumerate()
        .filter(|(number, part)| *number == 0 || !part.trim().is_empty())
        .all(|(_, part)| is_statement(part) && is_more_than_words(part) && !is_prose(part) && !names_a_role(part))
}

/// Whether words follow each other as in a sentence. A name may have another name for an alias behind it; in a third one
/// without a word of SQL between them nobody's query makes sense.
fn is_prose(text: &str) -> bool {
    let mut names = 0;
    let mut is_article = false;
    // What is joined by dots is one name, and other signs begin anew.
    for piece in text.split_whitespace() {
        let piece = piece.trim_matches('.');
        let is_name = piece.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ',' | ')' | '('))
            && piece.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let word = piece.trim_end_matches([',', ')', '(', '.']);
        let is_known = !is_name || is_keyword(word);
        if word.eq_ignore_ascii_case("a") && piece.len() == 1 {
            is_article = true;
        } else if is_article && is_name && !is_known {
            // `a gift`
            return true;
        } else {
            is_article = false;
        }
        if ARTICLES.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            return true;
        }
        names = if is_known { 0 } else { names + 1 };
        if names > 2 {
            return true;
        }
        if !piece.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            names = 0;
        }
    }
    false
}

fn is_keyword(word: &str) -> bool {
    let word = || word.bytes().map(|byte| byte.to_ascii_lowercase());
    KEYWORDS.binary_search_by(|known| known.bytes().cmp(word())).is_ok()
}

/// Sorted. Words of SQL and of its dialects that may stand beside names. One that is missing here makes a text drop, if it stands
/// beside two names.
#[rustfmt::skip]
const KEYWORDS: [&str; 290] = [
    "add", "after", "against", "all", "alter", "always", "analyze", "and", "anti", "any", "apply", "array",
    "array_join", "as", "asc", "asof", "at", "auto_increment", "autoincrement", "before", "begin", "between",
    "bigint", "bigserial", "binary", "bit", "blob", "bool", "boolean", "both", "buffers", "by", "bytea", "called",
    "cascade", "case", "cast", "change", "char", "character", "charset", "check", "collate", "column", "commit",
    "committed", "concurrently", "conflict", "constraint", "convert", "costs", "create", "cross", "cube", "current",
    "current_date", "current_time", "current_timestamp", "database", "date", "decimal", "declare", "default",
    "deferrable", "delayed", "delete", "deleted", "desc", "distinct", "div", "do", "double", "drop", "duplicate",
    "each", "else", "end", "engine", "escape", "except", "exclusive", "execute", "exists", "explain", "extract",
    "false", "fetch", "filter", "final", "first", "float", "following", "for", "force", "foreign", "format",
    "freeze", "from", "full", "function", "generated", "glob", "global", "go", "group", "grouping", "having",
    "high_priority", "hint", "identity", "if", "ignore", "ilike", "immediate", "immutable", "in", "include", "index",
    "inner", "input", "insert", "inserted", "int", "integer", "intersect", "interval", "into", "invoker", "is",
    "isolation", "join", "json", "jsonb", "key", "language", "last", "lateral", "leading", "left", "level", "like",
    "limit", "localtime", "localtimestamp", "locked", "low_priority", "match", "matched", "materialized", "maxdop",
    "merge", "minus", "mod", "mode", "modify", "money", "natural", "next", "no", "nolock", "not", "nothing", "now",
    "nowait", "null", "nulls", "numeric", "nvarchar", "of", "offset", "oj", "on", "only", "option", "options", "or",
    "order", "ordinality", "outer", "output", "over", "overlaps", "parameter", "partition", "percent", "pivot",
    "position", "pragma", "preceding", "precision", "prewhere", "primary", "procedure", "qualify", "quick", "range",
    "read", "real", "recursive", "references", "regexp", "release", "rename", "repeatable", "replace", "restrict",
    "return", "returning", "returns", "right", "rlike", "rollback", "rollup", "row", "rows", "sample", "savepoint",
    "schema", "security", "select", "semi", "sequence", "serial", "serializable", "set", "sets", "settings", "share",
    "signed", "similar", "skip", "smallint", "some", "sql_calc_found_rows", "stable", "start", "storage", "stored",
    "straight_join", "substring", "table", "tablesample", "tablespace", "temp", "temporary", "text", "then", "time",
    "timestamp", "tinyint", "to", "top", "trailing", "transaction", "trigger", "trim", "true", "truncate", "type",
    "unbounded", "uncommitted", "union", "unique", "unknown", "unpivot", "unsigned", "update", "upsert", "use",
    "using", "uuid", "vacuum", "values", "varbinary", "varchar", "varying", "verbose", "view", "virtual", "volatile",
    "when", "where", "window", "with", "within", "without", "work", "write", "xor", "zone",
];

/// Words of sentences that are none of SQL, and that nobody calls a column.
const ARTICLES: [&str; 22] = [
    "the", "an", "my", "your", "his", "her", "our", "their", "me", "him", "them", "please", "about", "who", "whom",
    "whose", "would", "should", "because", "am", "i'm", "dear",
];

/// Whether a definition says whose something is: names of persons and passwords are bare words there.
fn names_a_role(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let is_in = |word: &str, list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(word));
    words.next().is_some_and(|word| is_in(word, &["create", "alter", "drop"]))
        && words.any(|word| is_in(word, &["owner", "authorization", "definer", "identified", "grantor"]))
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
const SIGNS: [char; 9] = ['=', '*', '(', '?', '<', '>', '$', '@', '`'];

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
    if text.contains(SIGNS) || has_dotted_name(text) || is_in(first, &["create", "alter", "drop"]) {
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

/// `users.id`
fn has_dotted_name(text: &str) -> bool {
    text.as_bytes().windows(3).any(|bytes| is_word(bytes[0]) && bytes[1] == b'.' && is_word(bytes[2]))
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

pub(super) fn is_statement(text: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted_and_in_small_letters() {
        assert!(KEYWORDS.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(KEYWORDS.iter().all(|word| is_keyword(&word.to_ascii_uppercase())));
        assert!(!is_keyword("alice") && !is_keyword(""));
    }
}
