//! Names that the SDK wants to live for ever.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

/// How many names are ever kept, and how long one may be: together at most 512 KiB, in a process that makes up names.
const MOST: usize = 2048;
const LONGEST: usize = 256;

static KNOWN: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);

/// The same text with a static life time; `None` if it is long, or there are too many names already.
///
/// Targets and event names are static in `tracing`, but come here from bytes, and the SDK takes an event's name only as
/// `&'static str`. A program has a few dozen of them, so they are kept, once per process, up to a limit.
pub(crate) fn intern(text: &str) -> Option<&'static str> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    intern_in(&mut known, MOST, text)
}

fn intern_in(known: &mut HashSet<&'static str>, most: usize, text: &str) -> Option<&'static str> {
    if let Some(kept) = known.get(text) {
        return Some(kept);
    }
    if known.len() >= most || text.len() > LONGEST {
        return None;
    }
    let kept: &'static str = Box::leak(text.to_owned().into_boxed_str());
    known.insert(kept);
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once() {
        let first = intern("acme::checkout").unwrap();
        let again = intern(&String::from("acme::checkout")).unwrap();
        assert!(std::ptr::eq(first, again));
    }

    #[test]
    fn names_that_are_made_up_fill_no_memory() {
        let mut known = HashSet::new();
        assert_eq!(intern_in(&mut known, 2, "a"), Some("a"));
        assert_eq!(intern_in(&mut known, 2, "b"), Some("b"));
        assert_eq!(intern_in(&mut known, 2, "c"), None);
        assert_eq!(intern_in(&mut known, 2, "a"), Some("a"));
        assert_eq!(intern_in(&mut known, 3, &"x".repeat(LONGEST + 1)), None);
    }
}
