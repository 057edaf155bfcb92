use super::*;

/// What each inventory needs, in lines that the errors below count.
const HEAD: &str = include_str!("../../../tests/inventory/head.toml");

fn parse(lines: &str) -> Result<Inventory, InventoryError> {
    Inventory::parse_file("acme.toml", &format!("{HEAD}{lines}"))
}

/// An inventory with these lines in it.
pub(in crate::privacy) fn with(lines: &str) -> Inventory {
    parse(lines).unwrap_or_else(|error| panic!("{error}"))
}

/// The same with coarser times.
pub(in crate::privacy) fn with_times(unit: &str, lines: &str) -> Inventory {
    let head = HEAD.replace("[document]", &format!("[document]\ntimes = \"{unit}\""));
    Inventory::parse_file("acme.toml", &format!("{head}{lines}")).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_document_says_how_exact_times_are() {
    let document = |times: &str| {
        let head = HEAD.replace("[document]", &format!("[document]\n{times}"));
        Inventory::parse_file("acme.toml", &head)
    };
    let shown =
        |times: &str| document(times).unwrap_or_else(|error| panic!("{error}")).to_markdown(&crate::app!("acme"));
    assert!(shown("").contains("| time | When it happened, exactly;"));
    assert!(shown("times = \"hour\"").contains("| time | The hour in which it happened, in UTC;"));
    let error = document("times = \"minute\"").unwrap_err().to_string();
    assert!(error.starts_with("acme.toml:3:9: ") && error.ends_with("write one of `hour`, `day`, `week`"), "{error}");
}

#[test]
fn the_document_says_no_more_and_no_less_than_what_happens() {
    let lines = "[spans.job]\npurpose = \"speed\"\n[events.placed]\npurpose = \"sales\"\n\
        fields.from = { kind = \"text\", action = \"generalize\", purpose = \"where\" }\n\
        fields.why = { kind = \"text\", action = \"truncate(5000)\", purpose = \"reasons\" }\n";
    let exact = with(lines).to_markdown(&crate::app!("acme"));
    assert!(exact.contains("How long it took is always recorded."));
    // The duration goes with the times that it is made of.
    let coarse = with_times("week", lines).to_markdown(&crate::app!("acme"));
    assert!(coarse.contains("of an operation, in which it began and ended") && !coarse.contains("How long it took"));
    // 203.0.113.7 leaves as 203.0.113.0/24, and an address on the web with its site.
    let row = |key: &str| exact.lines().find(|line| line.starts_with(&format!("| `{key}` |"))).expect(key);
    for kept in ["a pseudonym of its domain", "the country code", "the network", "the site", "its end"] {
        assert!(row("from").contains(kept), "{}", row("from"));
    }
    // No value is longer.
    assert!(row("why").contains("the first 1024 bytes are kept"), "{}", row("why"));
    assert!(exact.contains("| counts |") && exact.contains("from which network address"));
    // The file names nobody, and nobody asked whose the server is.
    assert!(exact.contains("\nAcme. Nobody else is named.\n"), "{exact}");
}

#[test]
fn whose_pseudonyms_others_can_make_is_told_and_agreed_to_where_only_a_part_becomes_one() {
    let lines = event("fields.from = { kind = \"text\", action = \"generalize\", purpose = \"where\" }\n");
    let head = HEAD.replace("[document]", "[document]\npseudonym_secret = \"the operators\"");
    let shared = Inventory::parse(&format!("{head}{lines}")).unwrap_or_else(|error| panic!("{error}"));
    assert!(shared.to_markdown(&crate::app!("acme")).contains("tell whose a pseudonym is (the operators)"));
    assert_ne!(shared.digest(), digest(&lines));
}

/// An inventory of one event with these lines in it.
fn event(lines: &str) -> String {
    format!("[events.\"order.placed\"]\npurpose = \"sales\"\n{lines}")
}

fn digest(lines: &str) -> String {
    with(lines).digest()
}

#[test]
fn every_mistake_has_its_place_and_its_remedy() {
    let own = HEAD.lines().count();
    for (lines, line, column, words) in [
        ("[events", 1, 8, "this is not TOML"),
        ("[events", 1, 8, "; correct it there (syntax: https://toml.io)"),
        (
            &event("fields.plan = { kind = \"enum\", values = [\"free\", \"bob@mail.example\"], purpose = \"-\" }"),
            3,
            41,
            "the scanner would take `bob@mail.example` for personal data, and it would never leave; choose another word",
        ),
        (
            &event(&format!(
                "fields.plan = {{ kind = \"enum\", values = [\"{}\"], purpose = \"-\" }}",
                "x".repeat(1025)
            )),
            3,
            41,
            "is longer than the 1024 bytes of a value that leave",
        ),
        (
            &event("fields.\"bob@mail.example\" = { kind = \"integer\", purpose = \"-\" }"),
            3,
            8,
            "the scanner would take `bob@mail.example` for personal data; choose another key",
        ),
        (
            &event("fields.\"r#type\" = { kind = \"word\", purpose = \"-\" }"),
            3,
            8,
            "is logged as `type`; write it without `r#`",
        ),
        (
            &event(
                "fields.note_hash = { kind = \"text\", purpose = \"-\" }\nfields.note = { kind = \"id\", purpose = \"-\" }",
            ),
            4,
            15,
            "leaves as `note_hash`, as `note_hash` does; rename one",
        ),
        ("[event.x]", 1, 2, "unknown key `event` in the file, did you mean `events`?"),
        (&event("prupose = \"x\""), 3, 1, "did you mean `purpose`?"),
        (
            &event("fields.plan = { kind = \"enum\", value = [\"a\"], purpose = \"-\" }"),
            3,
            32,
            "did you mean `values`?",
        ),
        (
            &event("owner = 7"),
            3,
            9,
            "`owner` in `[events.\"order.placed\"]` is an integer, and a text in quotes is wanted",
        ),
        (&event("owner = \" \""), 3, 9, "says nothing; fill it in"),
        (&event("expires = \"soon\""), 3, 11, "is a day, such as `expires = 2026-03-01`"),
        (&event("expires = 2026-03-01T12:00:00Z"), 3, 11, "is a day"),
        (&event("expires = 2026-02-30"), 3, 0, "TOML"),
        (&event("since = 3"), 3, 9, "newer than the file's own version; raise `version`"),
        (&event("since = 0"), 3, 9, "a whole number from 1"),
        (
            &event("since = 2\nfields.n = { kind = \"integer\", purpose = \"-\", since = 1 }"),
            4,
            55,
            "older than what it is a part of",
        ),
        ("[events.x]\nowner = \"o\"", 1, 9, "has no `purpose`; write what it is good for: `purpose = \"..\"`"),
        (
            "[events.order.placed]\npurpose = \"x\"",
            1,
            9,
            "a name with dots is written in quotes: `[events.\"order.placed\"]`",
        ),
        (&event("fields.n = 7"), 3, 12, "is an integer, and a table is wanted"),
        (&event("fields.n = { purpose = \"-\" }"), 3, 8, "has no `kind`; write one of `boolean`, `integer`"),
        (&event("fields.n = { kind = \"float\", purpose = \"-\" }"), 3, 21, "`float` is no kind; write one of"),
        (&event("fields.n = { kind = \"enum\", purpose = \"-\" }"), 3, 8, "lists no values; write `values = [\"..\"]`"),
        (&event("fields.n = { kind = \"enum\", values = [\"a\", \"a\"], purpose = \"-\" }"), 3, 38, "lists `a` twice"),
        (
            &event("fields.n = { kind = \"word\", values = [\"a\"], purpose = \"-\" }"),
            3,
            38,
            "only an `enum` has values",
        ),
        (
            &event("fields.n = { kind = \"integer\", action = \"hash\", purpose = \"-\" }"),
            3,
            41,
            "is `hash`; for kind `integer` write `keep` or `bucket`",
        ),
        (
            &event("fields.n = { kind = \"integer\", action = \"truncate(7)\", purpose = \"-\" }"),
            3,
            41,
            "for kind `integer` write `keep` or `bucket`",
        ),
        (
            &event("fields.city = { kind = \"text\", purpose = \"-\" }"),
            3,
            8,
            "say why it must be kept: `reason = \"..\"`",
        ),
        (
            &event("fields.password = { kind = \"text\", purpose = \"-\" }"),
            3,
            8,
            "cannot be declared; rename the field",
        ),
        (&event("fields.\"otel.name\" = { kind = \"text\", purpose = \"-\" }"), 3, 8, "would give the record a name"),
        (
            &event("fields.message = { kind = \"integer\", purpose = \"-\" }"),
            3,
            8,
            "is text; make it kind `enum`, `word` or `text`",
        ),
        (&event("fields.\" n\" = { kind = \"integer\", purpose = \"-\" }"), 3, 8, "is no name"),
        (
            &event("fields.n = { kind = \"integer\", purpose = \"-\" }\nlocal = [\"n\"]"),
            4,
            9,
            "declared and `local` at once",
        ),
        (
            &event(
                "fields.n = { kind = \"integer\", purpose = \"-\" }\n[events.\"order.placed\".fields.n]\nkind = \"word\"",
            ),
            4,
            0,
            "duplicate",
        ),
        (&format!("{0}\n{0}", event("")), 4, 0, "duplicate"),
        (
            "[fields]\nn = { kind = \"integer\", purpose = \"-\" }\n[events.x]\npurpose = \"-\"\nfields.n = { kind = \"integer\", purpose = \"-\" }",
            5,
            0,
            "declared for every record under `[fields]` already",
        ),
        (
            "[fields]\nnote_hash = { kind = \"word\", purpose = \"-\" }\n[events.x]\npurpose = \"-\"\nfields.note = { kind = \"id\", purpose = \"-\" }",
            5,
            15,
            "leaves as `note_hash`, as `note_hash` does; rename one",
        ),
        (
            "[resource]\n\"session.id\" = { kind = \"word\", purpose = \"-\", reason = \"-\" }",
            2,
            0,
            "given with every record as it is",
        ),
        ("[resource]\nwho = { kind = \"id\", purpose = \"-\" }", 2, 0, "cannot be a pseudonym"),
        ("[spans.\"mail bob@example.com\"]\npurpose = \"-\"", 1, 8, "the scanner would take"),
        ("[[changes]]\nversion = 2\ndate = 2026-03-01\ntext = \"x\"", 2, 11, "in the change log twice"),
        ("[[changes]]\nversion = 3\ndate = 2026-03-01\ntext = \"x\"", 2, 11, "newer than the file's own"),
    ] {
        let error = match parse(lines) {
            Err(error) => error,
            Ok(_) => panic!("{lines} was taken"),
        };
        assert!(error.to_string().contains(words), "{lines}\n{error}");
        assert_eq!((error.file(), error.line() - own), ("acme.toml", line), "{lines}\n{error}");
        assert!(column == 0 || error.column() == column, "{lines}\n{error}");
        assert!(error.to_string().starts_with(&format!("acme.toml:{}:{}: ", error.line(), error.column())), "{error}");
    }
}

#[test]
fn no_text_makes_the_parser_panic() {
    let text = include_str!("../../../tests/inventory/telemetry.toml").as_bytes();
    let pieces: [&[u8]; 9] = [b"\"", b"[", b"]]", b"{", b"=", b"\n", b"\\", b"\xff", b"'''"];
    let mut random: u64 = 7;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let mut read = 0;
    for _ in 0..3_000 {
        let mut bytes = text.to_vec();
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            match next(3) {
                0 => bytes.truncate(at.max(1)),
                1 => drop(bytes.splice(at..at, pieces[next(pieces.len())].iter().copied())),
                _ => drop(bytes.drain(at..(at + next(40)).min(bytes.len()))),
            }
        }
        read += usize::from(Inventory::parse(&String::from_utf8_lossy(&bytes)).is_ok());
    }
    assert!(read > 10, "some of them are inventories: {read}");
    let deep = format!("version = 1\n[document]\nowner = {}", "[".repeat(100_000));
    assert!(Inventory::parse(&deep).is_err());
}

#[test]
fn what_the_document_needs_must_be_there() {
    for missing in ["version", "controller", "effective", "privacy", "security", "owner", "retention", "not_collected"]
    {
        let without: String = HEAD
            .lines()
            .enumerate()
            .filter(|(at, line)| *at > 9 || !line.starts_with(missing))
            .map(|(_, line)| format!("{line}\n"))
            .collect();
        let error = Inventory::parse(&format!("{without}{}", event(""))).expect_err(missing).to_string();
        assert!(error.contains(&format!("no `{missing}`; write ")), "{missing}: {error}");
    }
    let without: String = HEAD.lines().take(9).map(|line| format!("{line}\n")).collect();
    let error = Inventory::parse(&without).expect_err("no change log").to_string();
    assert!(error.starts_with("telemetry.toml:1:11: version 2 has no entry in the change log"), "{error}");
    assert!(Inventory::parse("").is_err_and(|error| error.to_string().contains("`version = 1`")));
}

#[test]
fn the_digest_is_of_what_is_collected_and_of_nothing_else() {
    let plan = "fields.plan = { kind = \"enum\", values = [\"a\", \"b\"], purpose = \"sales by plan\" }\n";
    let items = "fields.items = { kind = \"integer\", purpose = \"how large\" }\n";
    let base = digest(&event(&format!("{plan}{items}")));
    for same in [
        event(&format!("{items}# a comment\n{plan}")),
        event(&format!("owner = \"them\"\nreview = \"https://x.example\"\nlocal = [\"x\"]\n{plan}{items}")),
        event(&format!("{plan}{items}").replace("sales by plan", "  sales\\n by   plan ")),
        event(&format!("{plan}{items}").replace("[\"a\", \"b\"]", "[\"b\", \"a\"]")),
        event(&format!("{plan}{items}").replace("purpose = \"how large\"", "since = 2, purpose = \"how large\"")),
        format!(
            "[events]\n[events.'order.placed']\nfields = {{ {}, {} }}\npurpose = 'sales'",
            plan.trim().trim_start_matches("fields."),
            items.trim().trim_start_matches("fields.")
        ),
    ] {
        assert_eq!(digest(&same), base, "{same}");
    }
    let mut digests = vec![
        base,
        digest(""),
        digest("[spans.x]\npurpose = \"x\""),
        digest("[fields]\nn = { kind = \"integer\", purpose = \"-\" }"),
    ];
    for (from, to) in [
        ("items", "item"),
        ("integer\"", "number\""),
        ("integer\"", "integer\", action = \"bucket\""),
        ("how large", "how many"),
        ("\"b\"]", "\"c\"]"),
        ("\"b\"]", "\"b\", \"c\"]"),
        (plan, ""),
    ] {
        digests.push(digest(&event(&format!("{plan}{items}").replace(from, to))));
    }
    digests.push(digest(&event(&format!("retention = \"10 years\"\n{plan}{items}"))));
    digests.push(digest(&event(
        &format!("{plan}{items}").replace("how large\"", "how large\", retention = \"10 years\""),
    )));
    digests.push(digest(&event(&format!("{plan}{items}")).replace("\"sales\"", "\"profits\"")));
    digests.push(digest(&event(&format!("{plan}{items}")).replace("order.placed", "order.sent")));
    digests.push(digest(&event(&format!("{plan}{items}")).replace("events", "spans")));
    digests.push(digest(&event(&format!("{plan}{items}")).replace("events", "unnamed")));
    digests.push(digest("[resource]\nn = { kind = \"integer\", purpose = \"-\" }"));
    let lasting = |day: &str| event(&format!("expires = {day}\n{plan}{items}"));
    digests.extend(["2026-04-01", "2026-04-02"].map(|day| digest(&lasting(day))));
    digests.push(digest(&event(&format!("{plan}{items}").replace("how large\"", "how large\", expires = 2026-04-01"))));
    let timed = |unit: &str| with_times(unit, &event(&format!("{plan}{items}"))).digest();
    digests.extend(["hour", "day", "week"].map(timed));
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count, "no two inventories have the same digest");
}

#[test]
fn a_digest_never_changes_by_itself() {
    // Users' answers are saved by it: a change here makes all of them be asked again. The numbers were made by Python's
    // hashlib.
    let all = "fields.a = { kind = \"boolean\", purpose = \"-\" }\nfields.b = { kind = \"time\", purpose = \"-\" }\nfields.c = { kind = \"id\", purpose = \"-\" }\nfields.d = { kind = \"text\", action = \"truncate(9)\", purpose = \"-\" }";
    let scope = parse(&event(all)).expect("it is right").scope();
    let ids: Vec<_> = scope.entries.iter().map(|entry| (entry.id.as_str(), entry.since)).collect();
    let known = ["f060d8d3a493c272", "e35a1c2caf17f70f", "1b64cdefb30fd510", "f4dfb149de48faeb", "47b361b4263f6b8d"];
    assert_eq!(ids, known.map(|id| (id, 1)));
    assert_eq!(scope.digest, "60684df135d5c25c6be72f620919d0b6df7d16780fd636914ee6b98f4df6b60d");
}
