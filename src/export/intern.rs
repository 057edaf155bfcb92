//! Names that the SDK wants to live for ever.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{LazyLock, Mutex, PoisonError};

/// How many names are ever kept, and how long one may be: together at most 512 KiB, in a process that makes up names.
const MOST: usize = 2048;
const LONGEST: usize = 256;

static KNOWN: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);

/// The names that one encoder has met: found again without a lock.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<&'static str, BuildHasherDefault<Short>>);

impl Names {
    /// The name, borrowed for ever if it is one of those that are kept.
    pub(crate) fn name(&mut self, text: &str) -> Cow<'static, str> {
        if let Some(kept) = self.0.get(text) {
            return Cow::Borrowed(kept);
        }
        match intern(text) {
            Some(kept) => {
                self.0.insert(kept);
                Cow::Borrowed(kept)
            }
            None => Cow::Owned(text.to_owned()),
        }
    }
}

/// A hash for short names (FNV-1a, 64 bits). Who could choose names to collide is the program itself, and there are at
/// most so many.
#[derive(Debug)]
pub(crate) struct Short(u64);

impl Default for Short {
    fn default() -> Self {
        Short(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Short {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The same text with a static life time; `None` if it is long, or there are too many names already.
///
/// Targets, names and keys are static in `tracing`, but come here from bytes, and the SDK takes an event's name only as
/// `&'static str`, and copies what is not. A program has a few dozen of them, so they are kept, once per process, up to a limit.
fn intern(text: &str) -> Option<&'static str> {
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
