//! No detector looks at more bytes than grow with the text, whatever the text is made of.

use super::super::bytes::work;
use super::super::{InText, KeyRules, Scanner};
use super::scan;

/// What hostile text is made of: the bytes and words that detectors start from.
const UNITS: &[&str] = &[
    "@",
    ".",
    ":",
    "::",
    "1",
    "1.",
    "1:",
    "1 ",
    "1-",
    "a@",
    "a.",
    "a:",
    "a=",
    "=",
    "\"",
    "\\",
    "\\\"",
    "/",
    "//",
    "://",
    "{",
    "}",
    "(",
    "A(",
    "[",
    "+1",
    "%40",
    "--",
    "-",
    "eyJ",
    "eyJ.",
    "ghp_",
    "/home/",
    "../home",
    "]/home/",
    "/./home",
    "\\\\a",
    "password=",
    "password:\"",
    "password:'",
    "pin:\"",
    "a=b;",
    "Cookie:a=",
    "user:{",
    "fe80:",
    "aa:",
    "aa-",
    "0a.",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "Bearer ",
    "x@y.",
    "é",
    "用户@",
    "DE89 ",
    "1.1.1.1 ",
    "http://a:b@",
    "http://a:b/",
    "://a:b",
    "a:@tcp(",
    "authority:a:",
    "nino ",
    "passport 1",
    "a b c:",
    "--password ",
    "tokens:[",
    "Some(",
    "\"a\":",
    "@tcp(",
    "a%40b.",
    "phone 1",
    "1.2345,",
    "4111 ",
    "eyJ-",
    "eyJhbGciOiJIUzI1NiJ9-",
    "sk-",
    "re_",
    "xoxb-",
    "1sk-",
    "%25",
    "%",
    "\\u0040",
    "\\n",
    "：",
    "Key (email)=(",
    "VALUES (1), ",
    "(a) VALUES (",
    "(\"a\", ",
    "map[a:",
    "db.statement='",
    "db.statement=\"'",
    "password '",
    "-p ",
    "mysql -p",
    "mysql ",
    " -",
    "bc1q",
    "1A1z",
    "password: (",
    "nhs_",
    "imei 1",
    "sin ",
    "1-1-",
    "12.",
    "a_b=",
    "token:",
    "pin:pin",
    "Some(Some(",
    "a:b:c:",
    "{a:{b:",
    "[[",
    "\\\\h\\s",
    "年",
    "密码:",
    "otp 1",
    "http://a",
    "0x5290",
    "tel 1 ",
    "a.b@",
    "[1,2,",
    "[97,",
    "97,",
    "[97,97,97,97,97,97,97,97",
    "[\"pin\",\"",
    "['pin',",
    "for user \"",
    "'a'@'",
    "&#",
    "&#64;",
    "password:\n  ",
    "@\u{200b}",
    "0049 ",
    "../home/a.",
    "['a',",
    "'[',",
    "[6c,",
    "ghp_-",
    "AC",
    "SG.",
    "pat1.",
    "1:AA",
    "9e-",
    "0044 ",
    "=>",
    "<a>",
    "lat 1.2345 ",
    "db.redis.parameters=a ",
    "process.command_args=",
    "name=token value=",
    "\"name\":\"token\",\"value\":{\"S\":",
    "token:{\"S\":",
    "token={\"S\":",
    "creds=(a,",
    "password={",
    "password={a}}",
    "api_key -> ",
    "api_key: correct horse ",
    "Bearer a.1.",
    "customer: Ab ",
    "\\u0026",
    "password    ",
    "password: |\n a1b2c3",
    "tokens:\n- a1b2c3d4",
    "tokens:\n- ",
    "{\"value\":\"",
    "\"name\":\"token\",\"x\":",
    "\"value\":\"a\",\"name\":\"token\",",
    "name=\"token\"\n\n",
    "Some(\n ",
    "UserId(\n    1,\n",
    "creds=(\"a\",\n",
    "\"--token\" ",
    "login: a_b",
    "n,token\n1,a1b2c3d4",
    "a,token\n",
    "a,\"token",
    "|token|",
    "password={aB1",
    "<a b=\"c\">",
    "<a><![CDATA[",
    "<a key=\"",
    ":a@",
    ":thin:a/",
    "/media/home/",
    "/Volumes/a b/Users/",
    "Bearer\t",
    "basic+",
    "1.1.1.1..",
    "\"0033",
    "a:\\\\a",
    "4111\u{a0}",
    "DE89\u{202f}",
    "a\\x61",
    "a@a.rs:1",
    "vers 34.26.202.171 ",
    "passwords: {\"a\",",
    "passwords: {\"pin:{1\",",
    "passwords: [Some(\"a\"),",
    "user_ids: (1,",
    "user_ids: {1,",
    "user_ids: [[1],",
    "password: a::B(",
    "password: A::<u8>(",
    "pin:[None,",
    "pin:(None,",
    "pin: ([A]",
    "///home/",
    "password=[A]",
    "password=[]",
    "id=0033612688469 ",
    "lon=aK3vX9qLmZ2rT7wPbY5nQ8sD",
    "password: !!str ",
    "password: &a ",
    "password: b'",
    "/password:",
    " /password:a1b2C3",
    " -Password ",
    "userPassword:: ",
    "userPassword:: c2Vj",
    "password == ",
    "password -> aB1",
    "htpasswd -b ",
    "smbclient -U a%",
    "sqlplus a/b@",
    "tokens:{\"a\":\"b\",",
    "\"tokens\":{\"a\":\"aB3xY7\",",
    "$6$aaaaaaaaaaaa",
    "$argon2id$",
    "$6$a/",
    "/Users/A B",
    "/var/mail/a",
    "/media/a/USB1",
    "nvalid user a from 1.2.3.45 ",
    "session opened for user a(uid=",
    "pam_unix(a): session closed for user ",
    "mac address 00163e112233",
    "198-51-100-7.a.",
    "KwdMAjGmerYanjeui5SHS7Jk",
];

/// Bytes looked at to scan a text of `size` that is made of `unit`.
fn looks(unit: &str, size: usize) -> usize {
    let text = unit.repeat(size / unit.len());
    work::taken();
    scan(text.as_bytes(), &mut Vec::new());
    work::taken()
}

#[test]
fn twice_the_text_is_twice_the_work() {
    const SIZE: usize = 32 * 1024;
    let pairs = UNITS.iter().flat_map(|one| ["", " ", "a", "=", "1"].map(|other| format!("{one}{other}")));
    let slow: Vec<_> = pairs
        .map(|unit| (looks(&unit, SIZE), looks(&unit, 2 * SIZE), unit))
        .filter(|(short, long, _)| *long * 10 > *short * 22 && *long > 8 * SIZE)
        .collect();
    assert!(slow.is_empty(), "{slow:?}");
}

#[test]
fn no_text_is_looked_at_many_times() {
    const SIZE: usize = 64 * 1024;
    let most: Vec<_> =
        UNITS.iter().map(|unit| (looks(unit, SIZE) / SIZE, *unit)).filter(|(times, _)| *times > TIMES).collect();
    assert!(most.is_empty(), "{most:?}");
}

/// What hostile text is made of where an application has rules for `order_ref`, `nickname`, `city` and `a`.
const OWN_UNITS: &[&str] = &[
    "order_ref",
    "order_ref=",
    "order_ref:",
    "order_ref: [",
    "order_ref=[A",
    "order_ref -> ",
    "order_ref is: ",
    "order_ref%3D",
    "x[order_ref]=",
    "order_ref[]",
    "[order_ref]",
    "[0]=",
    "]=",
    "]]=",
    "<order_ref>",
    "<order_ref",
    "--order_ref ",
    "a=",
    "a ",
    "<a>",
    "a,",
    "a.",
    "-a",
    "city=",
    "city=a",
    "city=\"",
    "city%3D",
    "url=city=order_ref=",
    "nickname=Blue ",
    "nickname='",
    "\"name\":\"nickname\",",
    "(order_ref) VALUES (",
    "Key (order_ref)=(",
    "order_ref:\n- ",
    "order_ref\n",
    "用户order_ref",
    "\u{1b}[0morder_ref",
    "[97,61,98,97,61,98,97,61,98,97",
    "<>",
    "!=",
];

#[test]
fn rules_of_an_application_look_no_more_often_either() {
    const SIZE: usize = 16 * 1024;
    let mut rules = KeyRules::default();
    for (key, fate) in
        [("order_ref", InText::Id), ("nickname", InText::Goes), ("city", InText::Stays), ("a", InText::Goes)]
    {
        rules.push(&key.into(), fate);
    }
    let scanner = Scanner::standard().ruled(rules);
    let looks = |unit: &str, size: usize| {
        let text = unit.repeat(size / unit.len());
        work::taken();
        scanner.scan(text.as_bytes(), &mut Vec::new());
        work::taken()
    };
    let pairs =
        OWN_UNITS.iter().flat_map(|one| ["", " ", "a", "=", "1", "\"", "\n"].map(|other| format!("{one}{other}")));
    let slow: Vec<_> = pairs
        .map(|unit| (looks(&unit, SIZE), looks(&unit, 2 * SIZE), unit))
        .filter(|(short, long, _)| *long * 10 > *short * 22 && *long > 8 * SIZE || *long > 2 * SIZE * OWN_TIMES)
        .collect();
    assert!(slow.is_empty(), "{slow:?}");
}

/// The same where rules of the application are read as well.
const OWN_TIMES: usize = 400;

/// Each byte so often at most, all detectors and looks together.
const TIMES: usize = 150;
