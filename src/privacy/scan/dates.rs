//! Dates, and whether one is a date of birth.

use std::ops::Range;

use super::bytes::{DIGIT, HIGH, LETTER, WordSet, after, head, is, run, run_back};
use super::nearby::Nearby;
use super::numbers::Cluster;
use super::{Finding, Kind, Severity, checks};

/// Words before a date that make it somebody's.
static WORDS: Nearby = Nearby::of(words!(
    "dob" "d.o.b" "born" "birth" "birthday" "birthdate" "bday" "date of birth" "geboren" "geburtsdatum" "geb" "né" "née" "naissance"
    "nacimiento" "nascimento" "nascita" "nato" "nata" "nacido" "nacida" "urodzenia" "urodzony" "geboortedatum" "födelsedatum" "född"
    "syntymäaika" "рождения" "родился" "родилась" "出生" "生日" "生年月日" "誕生日" "生まれ" "생년월일" "الميلاد" "जन्म"
));

static MONTHS: WordSet = WordSet::of(words!(
    "jan" "janv" "ene" "gen" "januar" "january" "enero" "janvier" "gennaio"
    "feb" "fév" "févr" "februar" "february" "febrero" "février" "febbraio"
    "mar" "mär" "märz" "march" "mars" "marzo" "maart"
    "apr" "avr" "abr" "april" "avril" "abril" "aprile"
    "may" "mai" "mag" "mayo" "maggio" "mei"
    "jun" "juin" "juni" "june" "junio" "giugno"
    "jul" "juil" "juli" "july" "juillet" "julio" "luglio"
    "aug" "août" "ago" "august" "agosto" "augustus"
    "sep" "sept" "set" "september" "septembre" "septiembre" "settembre"
    "oct" "okt" "ott" "october" "oktober" "octobre" "octubre" "ottobre"
    "nov" "november" "novembre" "noviembre"
    "dec" "dez" "déc" "dic" "december" "dezember" "décembre" "diciembre" "dicembre"
));

pub(super) fn birth_date(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
    push(cluster.text, cluster.groups()[0].0, cluster.groups()[2].1, found);
}

/// `19940528`, a number in one piece.
pub(super) fn compact(cluster: &Cluster<'_>, found: &mut Vec<Finding>) -> bool {
    let digits = cluster.group(0);
    let (start, end) = cluster.groups()[0];
    let dated =
        matches!(digits, [b'1', b'9', ..] | [b'2', b'0', b'0' | b'1' | b'2', ..]) && checks::is_day(&digits[4..]);
    let known = found.len();
    if dated && cluster.stands_alone(0, 1) {
        push(cluster.text, start, end, found);
    }
    found.len() > known
}

/// `3. Mai 1978`, `April 4, 1969`, `1984年3月12日`, where `year` are the four digits of the year.
pub(super) fn written(text: &[u8], year: Range<usize>, found: &mut Vec<Finding>) {
    let number = |at: usize| run(text, at, |byte| is(byte, DIGIT));
    if text[year.end..].starts_with("年".as_bytes()) {
        let month = number(year.end + 3);
        let day = month + 3;
        if text[month..].starts_with("月".as_bytes()) && text[number(day)..].starts_with("日".as_bytes()) {
            push(text, year.start, number(day) + 3, found);
        }
        return;
    }
    let gap = |to: usize| run_back(text, to, 4, |byte| matches!(byte, b' ' | b',' | b'.' | b'-'));
    let digits = |to: usize| run_back(text, to, 2, |byte| is(byte, DIGIT));
    let letters = |to: usize| run_back(text, to, 12, |byte| is(byte, LETTER | HIGH));
    let end = gap(year.start);
    let (day, word) = (digits(end), letters(end));
    if word < end {
        // The day stands first, or there is none.
        let before_month = gap(word);
        let first = digits(before_month);
        if is_month(&text[word..end]) {
            push(text, if first < before_month { first } else { word }, year.end, found);
        }
    } else if day < end {
        let end = gap(day);
        let word = letters(end);
        if word < end && is_month(&text[word..end]) {
            push(text, word, year.end, found);
        }
    }
}

/// Where a date that begins with the value `start..end` ends: `3.` of `3. Mai 1978`, `1984` of `1984年3月12日`.
pub(super) fn whole(text: &[u8], start: usize, mut end: usize) -> usize {
    if !is(text[start], DIGIT) && !is_month(&text[start..end]) {
        return end;
    }
    for _ in 0..5 {
        let next = run(text, end, |byte| matches!(byte, b' ' | b',' | b'.'));
        let part = run(text, next, |byte| is(byte, DIGIT));
        let sign = ["年", "月", "日", "년", "월", "일"].iter().find(|sign| text[end..].starts_with(sign.as_bytes()));
        let word = run(text, next, |byte| is(byte, LETTER | HIGH));
        end = match sign {
            Some(sign) => end + sign.len(),
            None if part > next && part - next <= 4 && next - end <= 2 => part,
            None if is_month(&text[next..word]) => word,
            None => break,
        };
    }
    end
}

/// Whether the name of a month stands behind a day that ends at `end`, and no `may` of a sentence.
pub(super) fn names_month(text: &[u8], end: usize) -> bool {
    let start = run(head(text, end, 2), end, |byte| matches!(byte, b' ' | b'.'));
    let word = run(head(text, start, 12), start, |byte| is(byte, LETTER | HIGH));
    start > end && after(text, start).is_ascii_uppercase() && is_month(&text[start..word])
}

fn is_month(word: &[u8]) -> bool {
    MONTHS.holds(word)
}

fn push(text: &[u8], start: usize, end: usize, found: &mut Vec<Finding>) {
    if WORDS.stand_before(text, start, 32) {
        found.push(Finding::new(Kind::BirthDate, Severity::Contextual, start..end));
    }
}

/// Whether the groups from `at` read as a date, and how many they are.
pub(super) fn date_at(cluster: &Cluster<'_>, at: usize) -> bool {
    let separator = cluster.separator(at + 1);
    if !matches!(separator, b'-' | b'/' | b'.')
        || at + 3 > cluster.groups().len()
        || !cluster.joined(at, 3, separator)
        || cluster.separator(at + 3) == separator
    {
        return false;
    }
    let value = |group: usize| {
        cluster
            .group(group)
            .iter()
            .fold(0u32, |sum, digit| sum.saturating_mul(10).saturating_add(u32::from(*digit - b'0')))
    };
    let year = |group: usize| cluster.group(group).len() == 4 && (1850..=2100).contains(&value(group));
    let part = |group: usize| cluster.group(group).len() <= 2 && (1..=31).contains(&value(group));
    year(at) && part(at + 1) && part(at + 2)
        || part(at) && part(at + 1) && (year(at + 2) || cluster.group(at + 2).len() == 2)
}
