//! The structs, objects and maps around a key, whose names may tell what it is.

use super::anchors::Anchors;
use super::bytes::{SPACE, alnum, before, is, run_back};
use super::key::{KEY, Maps, key_before};

/// The structs and objects around the place that is read.
pub(super) struct Scopes {
    /// Where each name starts and ends; empty for none.
    names: [(u32, u32); DEPTH],
    pub(super) depth: usize,
    /// The name last left, for the next element of the same list.
    last: (u32, u32),
    pub(super) maps: Maps,
}

/// Deeper nesting is read without names.
const DEPTH: usize = 16;

impl Default for Scopes {
    fn default() -> Self {
        Scopes { names: [(0, 0); DEPTH], depth: 0, last: (0, 0), maps: Maps::default() }
    }
}

impl Scopes {
    pub(super) fn enter(&mut self, anchors: &Anchors<'_>, brace: usize) {
        let text = anchors.text;
        let end = run_back(text, brace, 4, |byte| is(byte, SPACE) || byte == b'[');
        let name = match before(text, end) {
            b',' if brace > 0 => self.last,
            b':' | b'=' if end > 0 => {
                key_before(anchors, end - 1).map_or((0, 0), |key| Self::place(key.start, key.end))
            }
            _ => Self::place(run_back(text, end, KEY, |byte| alnum(byte) || byte == b'_'), end),
        };
        if self.depth < DEPTH {
            self.names[self.depth] = name;
        }
        self.depth += 1;
    }

    pub(super) fn leave(&mut self) {
        if let Some(depth) = self.depth.checked_sub(1) {
            self.depth = depth;
            self.last = self.names.get(depth).copied().unwrap_or_default();
        }
    }

    pub(super) fn name<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let (start, end) = self.depth.checked_sub(1).and_then(|top| self.names.get(top)).copied().unwrap_or_default();
        &text[start as usize..end as usize]
    }

    /// Names beyond 4 GiB are not remembered.
    fn place(start: usize, end: usize) -> (u32, u32) {
        u32::try_from(start).ok().zip(u32::try_from(end).ok()).unwrap_or_default()
    }
}
