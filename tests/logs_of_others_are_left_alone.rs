//! Promise: in the logs of services that nobody here wrote hardly anything is taken for what it is not. Every finding in them is
//! written down in `benches/support/texts/services.hits`, and looked at when it was: one line each, with the number of the line of
//! `services.log`, the kind, and the line as it is left.

use tracing_privacy::privacy::Policy;

const LOG: &str = include_str!("../benches/support/texts/services.log");
const HITS: &str = include_str!("../benches/support/texts/services.hits");

#[test]
fn what_is_found_in_logs_of_others_is_on_the_list_and_nothing_else() {
    let policy = Policy::standard();
    let mut hits = Vec::new();
    for (number, line) in LOG.lines().enumerate() {
        let findings = policy.findings(line);
        let clean = policy.scrub(line).expect("the standard policy drops no text");
        assert_eq!(findings.is_empty(), clean == line, "{line}");
        if !findings.is_empty() {
            let kinds: Vec<&str> = findings.iter().map(|finding| finding.kind().name()).collect();
            hits.push(format!("{} {} {clean}", number + 1, kinds.join(",")));
        }
    }
    let listed: Vec<&str> = HITS.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(hits, listed, "look at what is new, and write it down or mend the scanner");
    assert!(LOG.lines().count() >= 140, "the logs are there");
}
