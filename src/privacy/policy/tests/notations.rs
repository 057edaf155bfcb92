//! Rules and kinds of the application hold however a text is written: they see all that the built-in ones see.

use super::*;

/// How a key (`§`) and its value (`¤`) may be written.
const NOTATIONS: &[&str] = &[
    "§=¤",
    "§: ¤",
    "{\"§\":\"¤\",\"n\":1}",
    "Order { §: Some(\"¤\"), n: 1 }",
    "Order { §: a::B(\"¤\"), n: 1 }",
    "§: [¤, w] n=1",
    // What escapes stand for.
    "§%3D¤",
    "%22§%22%3A%22¤%22",
    "%257B%2522§%2522%253A%2522¤%2522%257D",
    "{&quot;§&quot;:&quot;¤&quot;}",
    "{&#34;§&#34;:&#34;¤&#34;}",
    "§&#x3d;¤",
    r"\u0022§\u0022:\u0022¤\u0022",
    r"\\u0022§\\u0022:\\u0022¤\\u0022",
    r"{\x22§\x22:\x22¤\x22}",
    r"n=1\n§=¤\nm=2",
    "n=1%0A§=¤",
    "§＝¤",
    "「§」：「¤」",
    // Colours.
    "\x1b[3m§\x1b[0m\x1b[2m=\x1b[0m¤",
    "\x1b[3m§\x1b[0m\x1b[2m=\x1b[0m\"¤\"",
    r"\u001b[3m§\u001b[0m\u001b[2m=\u001b[0m¤",
    "#033[3m§#033[0m#033[2m=#033[0m¤",
    "\x1b[1m§\x1b[0m%3D\x1b[1m¤\x1b[0m",
    // Forms.
    "x[§]=¤",
    "x[y][§]=¤&n=1",
    "x[§][]=¤",
    "§[]=¤",
    "§[0]=¤",
    "x%5B§%5D=¤",
    "x%5B§%5D%3D¤",
    "x[\"§\"] = \"¤\"",
    "x['§'] = '¤'",
    "-D§=¤",
    "§ != '¤'",
    "§ <> '¤'",
    "§ += ¤",
    // What the built-in rules know beside pairs.
    "--§ ¤",
    "[\"app\", \"--§\", \"¤\"]",
    "<§>¤</§>",
    "<§ a=\"b\">¤</§>",
    "<ns:§><![CDATA[¤]]></ns:§>",
    "&lt;§&gt;¤&lt;/§&gt;",
    "<entry key=\"§\">¤</entry>",
    "<property name=\"§\" value=\"¤\"/>",
    "<key>§</key><string>¤</string>",
    "[\"§\",\"¤\"]",
    "OrderedDict([('§', '¤'), ('n', 3)])",
    "{\"name\":\"§\",\"value\":\"¤\"}",
    "{\"value\":\"¤\",\"name\":\"§\"}",
    "- name: §\n  value: ¤",
    "form-data; name=\"§\"\r\n\r\n¤\r\n--X",
    "§:\n  ¤",
    "§: |\n  ¤\nnext: 1",
    "§:\n- ¤\nn: 1",
    "§ is: ¤",
    "INSERT INTO t (n, §) VALUES (1, '¤')",
    "Key (§)=(¤) already exists",
    "Array\n(\n    [§] => ¤\n    [n] => 1\n)",
    "  [\"§\"]=>\n  string(9) \"¤\"",
    "§='¤",
];

const VALUE: &str = "ZyxWq77ab";

fn written(notation: &str, key: &str) -> String {
    notation.replace('§', key).replace('¤', VALUE)
}

#[test]
fn a_rule_is_about_its_key_however_it_is_written() {
    let policies = [
        ("order_ref", Policy::standard().drop_field("order_ref")),
        ("order_ref", Policy::standard().hash("order_ref")),
        ("order_ref", Policy::standard().field("order_ref", Action::Truncate(3)).because("its beginning is enough")),
        ("order_ref", Policy::standard().field("order_ref", Action::Bucket)),
        ("order_ref", Policy::standard().field("order_ref", Action::Generalize)),
        ("order_ref", Policy::automagik().field("order_ref", Action::ReversibleSha256)),
        ("shop.ref", Policy::standard().drop_field("shop.*")),
        ("order-ref", Policy::standard().drop_field("*-ref")),
        ("lastOrderRef", Policy::standard().drop_field("token:order ref")),
        ("nickname", Policy::standard().drop_field("nickname")),
    ];
    let mut left = Vec::new();
    for (key, policy) in policies {
        for notation in NOTATIONS {
            let text = written(notation, key);
            let clean = policy.scrub(&text).map(String::from).unwrap_or_default();
            if clean.contains(&VALUE[..4]) || clean.contains(&VALUE[5..]) {
                left.push(format!("{text:?}\n    -> {clean:?}"));
            }
            assert!(policy.findings(&clean).is_empty(), "{text:?} is left as {clean:?}, in which something is found");
        }
    }
    assert!(left.is_empty(), "{}", left.join("\n"));
}

#[test]
fn a_rule_takes_the_value_and_leaves_the_rest() {
    let policy = Policy::standard().hash("order_ref").drop_field("nickname");
    for (text, clean) in [
        ("a=1 order_ref%3DA-7%26page%3D2", "a=1 order_ref%3D[ID]%26page%3D2"),
        (
            "{&quot;order_ref&quot;:&quot;A-7&quot;,&quot;n&quot;:1}",
            "{&quot;order_ref&quot;:&quot;[ID]&quot;,&quot;n&quot;:1}",
        ),
        (
            "\x1b[3morder_ref\x1b[0m\x1b[2m=\x1b[0mA-7 \x1b[3mn\x1b[0m\x1b[2m=\x1b[0m1",
            "\x1b[3morder_ref\x1b[0m\x1b[2m=\x1b[0m[ID] \x1b[3mn\x1b[0m\x1b[2m=\x1b[0m1",
        ),
        (r"\u0022order_ref\u0022:\u0022A-7\u0022", r"\u0022order_ref\u0022:\u0022[ID]\u0022"),
        ("x[order_ref]=A-7&x[n]=1", "x[order_ref]=[ID]&x[n]=1"),
        ("<order_ref>A-7</order_ref><n>1</n>", "<order_ref>[ID]</order_ref><n>1</n>"),
        ("order_ref -> Zyx9Wq77, n -> 1", "order_ref -> [ID], n -> 1"),
        ("run --order_ref A-7 --n 1", "run --order_ref [ID] --n 1"),
        ("{\"name\":\"nickname\",\"value\":\"Bo\"}", "{\"name\":\"nickname\",\"value\":\"[PII]\"}"),
        ("INSERT INTO t (n, order_ref) VALUES (1, 'A-7')", "INSERT INTO t (n, order_ref) VALUES (1, '[ID]')"),
        ("nickname=Blue Heron plan=pro", "nickname=[PII] plan=pro"),
        ("nickname=guest plan=pro", "nickname=[PII] plan=pro"),
        ("Order { nickname: guest, n: 1 }", "Order { nickname: [PII], n: 1 }"),
        ("{\"nickname\":\"admin\"}", "{\"nickname\":\"[PII]\"}"),
    ] {
        assert_eq!(policy.scrub(text).as_deref(), Some(clean));
    }
    // No value of the key's.
    for text in [
        "the order_ref of this order is missing",
        "nickname: missing",
        "order_ref: {\"plan\": 7}",
        "SELECT order_ref, n FROM t WHERE plan = 'pro'",
        "columns: [order, page], sorted by order_ref",
        "x[0]=7 a[order_refs]=7 [order_ref] is a column",
        "no nickname, no order_ref.",
        "reorder_ref%3DA-7",
    ] {
        assert_eq!(policy.scrub(text).as_deref(), Some(text));
    }
}

#[test]
fn what_stays_by_a_rule_stays_however_it_is_written() {
    let policy = Policy::standard().keep("city", "sales report").keep("api_token_hint", "two letters");
    for text in [
        "city%3DTurin",
        "/p?city=Turin%20North&n=1",
        "{&quot;city&quot;:&quot;Turin&quot;}",
        "\x1b[3mcity\x1b[0m\x1b[2m=\x1b[0mTurin",
        r"\u0022api_token_hint\u0022:\u0022xY\u0022",
        "x[city]=Turin",
    ] {
        assert_eq!(policy.scrub(text).as_deref(), Some(text));
    }
    // What stays is read by itself.
    for (text, clean) in [
        ("city%3Dbob%40example.com", "city%3D[EMAIL]"),
        ("city=Turin%26password%3Dhunter2", "city=Turin%26password%3D[SECRET]"),
        ("\x1b[3mcity\x1b[0m\x1b[2m=\x1b[0m203.0.113.7", "\x1b[3mcity\x1b[0m\x1b[2m=\x1b[0m[IP]"),
    ] {
        assert_eq!(policy.scrub(text).as_deref(), Some(clean));
    }
}

#[test]
fn a_kind_is_found_and_not_found_however_a_text_is_written() {
    const UUID: &str = "550e8400-e29b-41d4-a716-446655440000";
    let bytes = |text: &str| format!("got {:?}", text.as_bytes());
    let policy = Policy::standard()
        .custom_words("PROJECT", ["blue heron"])
        .and_then(|policy| policy.custom_pattern("ORDER", r#"^ref="?ORD-[0-9]+"#))
        .expect("both are good")
        .with_kind(Kind::Uuid)
        .drop_field("order_ref");
    for (text, clean) in [
        ("a blue%20heron b".to_owned(), "a [PROJECT] b".to_owned()),
        (r"a \u0062lue heron".to_owned(), "a [PROJECT]".to_owned()),
        ("a \x1b[1mblue\x1b[0m heron".to_owned(), "a \x1b[1m[PROJECT]".to_owned()),
        ("ref%3D%22ORD-7".to_owned(), "[ORDER]".to_owned()),
        ("ref&equals;ORD-7 n".to_owned(), "[ORDER] n".to_owned()),
        (UUID.replace('-', "%2D"), "[UUID]".to_owned()),
        (bytes(&format!("order {UUID}")), "got [UUID]".to_owned()),
        (bytes("order_ref=Zyx n"), "got [PII]".to_owned()),
        (bytes("order_ref%3DZyx n"), "got [PII]".to_owned()),
        (bytes("a blue heron"), "got [PROJECT]".to_owned()),
        (bytes("a \x1b[1mblue\x1b[0m heron"), "got [PROJECT]".to_owned()),
    ] {
        assert_eq!(policy.scrub(&text).as_deref(), Some(&*clean));
    }
    let off = Policy::standard().without_kind(Kind::Email).without_kind(Kind::KeyedSecret);
    for text in [
        "bob@example.com",
        "bob%40example.com",
        "bob&#64;example.com",
        r"bob\u0040example.com",
        "\x1b[1mbob@example.com\x1b[0m",
        "password%3Dhunter2",
        &bytes("bob@example.com"),
        &bytes("bob%40example.com"),
        &bytes("password=hunter2"),
    ] {
        assert_eq!(off.scrub(text).as_deref(), Some(text));
    }
    // A rule of the application brings nothing back that is switched off.
    let off = off.drop_field("order_ref");
    let text = "<order_ref></order_ref> password=hunter2 \"password\":\"hunter2\"";
    assert_eq!(off.scrub(text).as_deref(), Some(text));
}
