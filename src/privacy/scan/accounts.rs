//! Names of accounts in quotes, as databases have them in their answers: `for user 'alice'@'10.0.0.4'`, `for user "alice77"`.

use super::anchors::Anchors;
use super::bytes::{DIGIT, HIGH, WordSet, after, alnum, before, first, head, is, run, run_back};
use super::classes::Class;
use super::value::is_placeholder;
use super::{Finding, Kind, Severity, words};

/// The longest name.
pub(super) const NAME: usize = 64;

/// After so many quotes a text is rather a record than an answer.
const QUOTES: usize = 4;

pub(super) fn find(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let text = anchors.text;
    let mut signs = anchors.all(Class::Escape);
    while let Some(sign) = signs.next() {
        if matches!(text[sign], b'\'' | b'\\') {
            announced(text, sign, found);
        }
    }
    let mut signs = anchors.all(Class::At);
    while let Some(at) = signs.next() {
        at_host(text, at, found);
    }
    let mut from = 0;
    for _ in 0..QUOTES {
        let Some(quote) = first(&text[from..], b'"') else { break };
        announced(text, from + quote, found);
        from += quote + 1;
    }
}

/// The name in the quotes that open at `quote`, behind `for user `.
fn announced(text: &[u8], quote: usize, found: &mut Vec<Finding>) {
    const LEADS: [&[u8]; 3] = [b"for user ", b", user ", b"For user "];
    if before(text, quote) != b' ' || !LEADS.iter().any(|lead| text[..quote].ends_with(lead)) {
        return;
    }
    let open = run(head(text, quote, 8), quote, |byte| byte == b'\\');
    if matches!(after(text, open), b'"' | b'\'') {
        let start = open + 1;
        let end = run(head(text, start, NAME), start, is_part);
        let close = run(head(text, end, 8), end, |byte| byte == b'\\');
        if after(text, close) == text[open] && close - end == open - quote {
            push(text, start, end, found);
        }
    }
}

/// `'alice'@'10.0.0.4'`, as MySQL names an account. `at` is the sign.
fn at_host(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    let quote = before(text, at);
    if matches!(quote, b'\'' | b'`') && after(text, at + 1) == quote && at > 0 {
        let start = run_back(text, at - 1, NAME, is_part);
        if before(text, start) == quote {
            push(text, start, at - 1, found);
        }
    }
}

pub(super) fn is_part(byte: u8) -> bool {
    alnum(byte) || is(byte, HIGH) || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'@')
}

/// Takes a name that is not that of a program, or of a role which every system has.
pub(super) fn push(text: &[u8], start: usize, end: usize, found: &mut Vec<Finding>) {
    let name = text.get(start..end).unwrap_or_default();
    if !is_nobody(name) {
        found.push(Finding::new(Kind::KeyedPii, Severity::Likely, start..end));
    }
}

/// Whether a name is one that programs and systems come with, or none at all.
pub(super) fn is_nobody(name: &[u8]) -> bool {
    static PROGRAMS: WordSet = WordSet::of(words!(
        "app" "apps" "application" "api" "web" "www" "site" "svc" "service" "user" "users" "ro" "rw" "read" "readonly" "reader" "write"
        "writer" "owner" "dba" "db" "dbuser" "sa" "mysql" "mariadb" "pgbouncer" "pgpool" "report" "reports" "reporting" "etl" "bi"
        "backup" "backups" "repl" "replica" "replicator" "replication" "slave" "proxy" "proxysql" "monitor" "monitoring" "exporter"
        "metrics" "grafana" "prometheus" "zabbix" "nagios" "datadog" "telegraf" "wordpress" "wp" "drupal" "joomla" "magento"
        "nextcloud" "owncloud" "keycloak" "gitlab" "gitea" "jenkins" "airflow" "metabase" "superset" "hive" "django" "rails" "laravel"
        "dev" "develop" "test" "tests" "tester" "staging" "stage" "prod" "production" "demo" "worker" "workers" "job" "jobs" "cron"
        "batch" "queue" "sync" "import" "importer" "export" "ingest" "migrate" "migrator" "migration" "migrations" "deploy"
        "deployer" "ci" "bot" "agent" "debezium" "cdc" "orders" "billing" "shop" "payments" "inventory" "auth" "accounts" "client"
    ));
    let last = name.rsplit(|byte| matches!(byte, b'_' | b'-' | b'.')).next().unwrap_or_default();
    let last = &last[..run_back(last, last.len(), 3, |byte| is(byte, DIGIT))];
    let known =
        words::is_status(name) || words::is_everyday(name) || PROGRAMS.holds(last) || name.starts_with(b"mysql.");
    name.len() < 2 || !words::has_letter(name) || known || is_placeholder(name)
}
