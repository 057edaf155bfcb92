//! SQL texts without the values in them, as OpenTelemetry's semantic conventions ask for `db.query.text`.
//!
//! Literals become `?` and comments go. Dialects disagree about what a literal is, so a text that two of them would read
//! differently is dropped, and so is one that ends within a literal, or is no SQL: it may be another database's
//! language, where values stand as bare words.

mod reader;
mod statement;

use super::pen::VALUE_CAP;
use super::text::floor_boundary;
use reader::{Backslash, Reader};
use statement::{is_sql, is_statement};

/// The text with `?` for each literal; `None` where it cannot be told for certain which parts are literals.
///
/// It is cut at a blank so that it fits in a value, where what is before is clearly SQL by itself; else there is none.
pub(super) fn parameterize(text: &str) -> Option<String> {
    let whole = without_literals(text)?;
    if whole.len() <= VALUE_CAP {
        return Some(whole);
    }
    let end = whole[..floor_boundary(whole.as_bytes(), VALUE_CAP)].rfind(char::is_whitespace)?;
    without_literals(&whole[..end]).filter(|head| *head == whole[..end])
}

fn without_literals(text: &str) -> Option<String> {
    if !is_statement(text) {
        return None;
    }
    // MySQL reads `\'` inside a literal as a quote, the standard as a backslash before the end. That a text ends within a
    // literal by one of the two proves nothing: it may have been cut.
    let escaped = Reader::new(text, Backslash::Escapes).read()?;
    let standard = Reader::new(text, Backslash::IsItself).read()?;
    (escaped == standard && is_sql(&standard)).then_some(standard)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
            // PostgreSQL's operators on JSON, arrays and ranges.
            ("SELECT c#>>'{x}', c #> $1, c #- '{a}' FROM t", "SELECT c#>>?, c #> $1, c #- ? FROM t"),
            ("SELECT c->'a'->>'b' FROM t WHERE c @> '{}' AND c ? 'k'", "SELECT c->?->>? FROM t WHERE c @> ? AND c ? ?"),
            (
                "SELECT * FROM t WHERE c ?| ARRAY['a', 'b'] AND c @? '$.x' AND c @@ '$.y == 1'",
                "SELECT * FROM t WHERE c ?| ARRAY[?, ?] AND c @? ? AND c @@ ?",
            ),
            (
                "SELECT c::jsonb || '{\"a\":1}'::jsonb, x !~* 'al.ce' FROM t",
                "SELECT c::jsonb || ?::jsonb, x !~* ? FROM t",
            ),
            ("SELECT U&'d\\0061t', B'1', 0b101, 1_000_000, 1e5, 0xFFL", "SELECT U&?, ?, ?, ?, ?, ?"),
            // MySQL's, SQLite's, SQL Server's, ClickHouse's.
            (
                "SELECT c->'$.a', `u`.`id` FROM `u` WHERE b = b'01' AND s = \"x\"",
                "SELECT c->?, `u`.`id` FROM `u` WHERE b = ? AND s = ?",
            ),
            ("SELECT 'root'@'localhost', @a := 5", "SELECT ?@?, @a := ?"),
            (
                "SELECT TOP 5 [id], N'größe' FROM [dbo].[Users] u WITH (NOLOCK)",
                "SELECT TOP ? [id], ? FROM [dbo].[Users] u WITH (NOLOCK)",
            ),
            (
                "SELECT * FROM t WHERE d = {d '2026-01-01'} AND i = {id:UInt32}",
                "SELECT * FROM t WHERE d = {d ?} AND i = {id:UInt32}",
            ),
            ("INSERT INTO t VALUES (?, %(name)s, :a, @b, $2)", "INSERT INTO t VALUES (?, %(name)s, :a, @b, $2)"),
            ("BEGIN; UPDATE t SET a = 'x'; COMMIT;", "BEGIN; UPDATE t SET a = ?; COMMIT;"),
            (
                "SELECT u.id, u.name, o.total FROM users u LEFT OUTER JOIN orders o ON o.uid = u.id",
                "SELECT u.id, u.name, o.total FROM users u LEFT OUTER JOIN orders o ON o.uid = u.id",
            ),
            (
                "SELECT count(*) FILTER (WHERE a) OVER (PARTITION BY b ORDER BY c DESC NULLS LAST) AS n FROM t AS x",
                "SELECT count(*) FILTER (WHERE a) OVER (PARTITION BY b ORDER BY c DESC NULLS LAST) AS n FROM t AS x",
            ),
            (
                "CREATE TABLE t (a character varying(20) NOT NULL, b timestamp with time zone DEFAULT now())",
                "CREATE TABLE t (a character varying(?) NOT NULL, b timestamp with time zone DEFAULT now())",
            ),
            (
                "WITH RECURSIVE r AS (SELECT x y FROM t) SELECT * FROM r FOR UPDATE SKIP LOCKED",
                "WITH RECURSIVE r AS (SELECT x y FROM t) SELECT * FROM r FOR UPDATE SKIP LOCKED",
            ),
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
            "SELECT c#>>x, 'alice' FROM t",
            "SELECT 1 #>> 'it's alice\n' FROM t",
            "SELECT 1 #> ' don't\n, 'alice smith' #> ' don't\n",
            "SELECT 1 #> '' /* don't \n */, 'alice smith.' #> '' /* don't\n*/",
            "SELECT 1 // don't\n, 'alice' // don't",
            "SELECT * FROM cpu WHERE host =~ /alice.*/",
            // Literals of other kinds.
            "SELECT '''alice's bob's''' FROM t",
            "SELECT '''alice' s bob 's''' FROM t",
            "SELECT \"\"\"alice\" s bob \"s\"\"\" FROM t",
            "SELECT r'alice' FROM t",
            "SELECT 'a'b'c' FROM t WHERE x = 'd'e'",
            "SELECT \u{2018}alice\u{2019} FROM t",
            "SELECT \u{ab}alice smith\u{bb} FROM t",
            // Data, and persons.
            "SELECT 1; COPY users FROM stdin;\n1\talice\n",
            "BEGIN; GRANT ALL ON t TO alice; COMMIT",
            "ALTER TABLE t OWNER TO alice",
            "CREATE SCHEMA AUTHORIZATION alice",
            "CREATE DEFINER = alice@localhost VIEW v AS SELECT 1",
            "SELECT /* /* */ ' */ , ' , 'alice smith.' /* ' */",
            "SELECT /* Bob's /* nested */ x */ 1",
            "SELECT /*! '*/' , alice, ' */ */ FROM t",
            "SELECT 1 -- a\r ' \n , 'alice' FROM t",
            // Prose.
            "explain my life story to alice smith please",
            "update alice smith status to married",
            "begin with alice smith then call bob",
            "select the best gift for alice smith",
            "select a gift from the shop",
            "select a gift from alice",
            "update alice smith jones set to married",
            "delete alice smith jones from mails",
            "select presents (for alice smith jones)",
            "update: who is alice smith?",
            "with alice smith jones = bob",
            "insert your coin into slot a",
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

    /// Literals with `zqx` in them, and what stands around such.
    fn piece() -> impl Strategy<Value = String> {
        let inside = "[ a-z\\n#;/*-]{0,4}";
        prop_oneof![
            inside.prop_map(|text| format!("'{text}zqx{text}'")),
            inside.prop_map(|text| format!("'it''s{text} zqx'")),
            inside.prop_map(|text| format!("\"zqx{text}\"")),
            inside.prop_map(|text| format!("E'zqx{text}'")),
            inside.prop_map(|text| format!("$${text}zqx's$$")),
            inside.prop_map(|text| format!("$b$zqx{text}$b$")),
            "[a-z -]{0,4}".prop_map(|text| format!("/* zqx{text} */")),
            "[a-z' -]{0,4}".prop_map(|text| format!("-- zqx{text}\n")),
            prop::sample::select(vec![
                "SELECT", "FROM", "t", "a", ",", "=", "(", ")", "42", "$1", ":n", "?", "`a b`", "[n]", "#>>", "#>",
                "#-", "->>", "->", "@>", "?|", "::text", "||", ";", "\n", "1_000", "AND", "\\", "%s", "@v", "$", "in",
                "é",
            ])
            .prop_map(str::to_owned),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_literal_and_no_comment_survives(
            pieces in prop::collection::vec((piece(), prop::sample::select(vec![" ", " ", ""])), 0..9),
        ) {
            let rest: String = pieces.iter().flat_map(|(piece, gap)| [piece.as_str(), gap]).collect();
            for head in ["SELECT * FROM t WHERE a = ", "SELECT "] {
                let text = format!("{head}{rest}");
                if let Some(kept) = parameterize(&text) {
                    prop_assert!(!kept.contains("zqx"), "{:?} became {:?}", text, kept);
                    prop_assert_eq!(parameterize(&kept), Some(kept.clone()), "{:?}", text);
                }
            }
        }
    }
}
