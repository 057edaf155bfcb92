//! Keys of pseudonyms and session ids are replaced at midnight, UTC: what compares two of them does not begin just before.

use std::time::{Duration, SystemTime};

/// More than a test takes that compares them.
const MARGIN: u64 = 30;

/// Waits until the day is over that is about to end.
pub fn pass() {
    const DAY: u64 = 86_400;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970").as_secs();
    let left = DAY - now % DAY;
    if left <= MARGIN {
        std::thread::sleep(Duration::from_secs(left + 1));
    }
}
