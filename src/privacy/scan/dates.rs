//! Dates, and whether one is a date of birth.

use super::bytes::context;
use super::numbers::Cluster;
use super::{Finding, Kind, Severity};

pub(super) fn birth_date(cluster: &Cluster<'_>, found: &mut Vec<Finding>) {
    const WORDS: &[&[u8]] = words!(
        "dob" "born" "birth" "birthday" "birthdate" "date of birth" "geboren" "geburtsdatum"
    );
    let (start, end) = (cluster.groups()[0].0, cluster.groups()[2].1);
    if context(cluster.text, start, 24, WORDS) {
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
