//! Positions: pairs of precise numbers beside a word that says what they are.

use super::bytes::{DIGIT, HIGH, LETTER, after, before, is, run};
use super::nearby::Nearby;
use super::numbers::Cluster;
use super::{Finding, Kind, Severity};

/// `52.5200, 13.4050`: two numbers with four decimals at least, and a word that says what they are.
pub(super) fn position(cluster: &Cluster<'_>, found: &mut Vec<Finding>) -> bool {
    static WORDS: Nearby = Nearby::of(words!(
        "lat" "latitude" "lon" "coord" "coords" "coordinate" "coordinates" "gps" "location" "geo" "position" "point"
        "located" "near" "geocode" "geocoded" "loc" "maps" "maps.google" "google.com/maps" "latlng" "ll" "sll" "纬度" "緯度" "经度" "経度" "定位" "坐标" "位置" "위도" "ирот" "оординат"
    ));
    let text = cluster.text;
    let last = cluster.groups().len() - 2;
    let precise = |cluster: &Cluster<'_>, at: usize| {
        cluster.separator(at + 1) == b'.' && cluster.group(at).len() <= 3 && cluster.group(at + 1).len() >= 4
    };
    // Two numbers with only a space between are one cluster, else the second is the next one.
    let (first, end) =
        if cluster.groups().len() == 4 && cluster.separator(2) == b' ' && precise(cluster, 0) && precise(cluster, 2) {
            (0, cluster.end())
        } else {
            if !precise(cluster, last) || !matches!(after(text, cluster.end()), b',' | b';' | b'/' | b' ' | 0x80..) {
                return false;
            }
            let sign = |byte: u8| matches!(byte, b',' | b';' | b' ' | b'-' | b'/' | b':' | b'=');
            let word = run(text, cluster.end(), sign);
            // `lat 51.5, lon -0.1`
            let label = run(text, word, |byte| is(byte, LETTER | HIGH));
            let next = run(text, label, sign);
            // `x: 0.513878, y: -0.925614`: a plane has no latitudes.
            if next == text.len() || text[word..label].eq_ignore_ascii_case(b"y") || next - cluster.end() > 20 {
                return false;
            }
            let other = Cluster::at(text, next);
            if !(is(text[next], DIGIT) && other.groups().len() >= 2 && precise(&other, 0)) {
                return false;
            }
            (last, other.groups()[1].1)
        };
    let mut start = cluster.groups()[first].0;
    if before(text, start) == b'-' {
        start -= 1;
    }
    if !WORDS.stand_before(text, start, 32) {
        return false;
    }
    found.push(Finding::new(Kind::Geo, Severity::Contextual, start..end));
    true
}
