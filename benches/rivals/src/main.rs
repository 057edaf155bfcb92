//! Datadog's scanner on the texts of the bench `scanner`, which starts this program and asks it.
//!
//! Told `patterns`, it takes a pattern a line up to an empty one. Then it answers a line that names a file of texts, with
//! a zero byte between them, and a time in milliseconds: nanoseconds for all texts once.

use std::hint::black_box;
use std::io::BufRead;
use std::time::{Duration, Instant};

use dd_sds::{RegexRuleConfig, RootRuleConfig, Scanner};

fn main() {
    let mut lines = std::io::stdin().lock().lines().map(|line| line.expect("the bench writes text"));
    let rules: Vec<_> = lines
        .by_ref()
        .take_while(|line| !line.is_empty())
        .map(|pattern| RootRuleConfig::new(RegexRuleConfig::new(&pattern).build()))
        .collect();
    let scanner = Scanner::builder(&rules).build().expect("the patterns are right");
    for line in lines {
        let (millis, file) = line.split_once(' ').expect("a time and a file");
        let sample = Duration::from_millis(millis.parse().expect("a number"));
        let texts = std::fs::read_to_string(file).expect("the file is there");
        // It takes its texts mutably, to redact them; these rules only match.
        let mut texts: Vec<String> = texts.split('\0').map(str::to_owned).collect();
        let start = Instant::now();
        let mut runs = 0;
        let nanos = loop {
            for text in &mut texts {
                black_box(scanner.scan(black_box(text)).expect("it can be scanned"));
            }
            runs += 1;
            let gone = start.elapsed();
            if gone >= sample {
                break gone.as_nanos() as f64 / f64::from(runs);
            }
        };
        println!("{nanos}");
    }
}
