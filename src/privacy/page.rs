//! The buffer that a thread writes its records in, one after the other.

use std::ops::{Deref, DerefMut};

/// Bytes to begin with: most records need fewer.
const ROOM: usize = 1024;

/// Bytes that grow at their end, as those of a `Vec` do. The room behind them is part of the buffer, so writing into it is a
/// look at the bounds and a copy; a `Vec` calls a function that might have to grow it, for three bytes as for a thousand.
#[derive(Default)]
pub(super) struct Page {
    room: Vec<u8>,
    len: usize,
}

impl Page {
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// So many more bytes, which the caller is to write; `None` where the buffer would have to grow.
    #[inline(always)]
    pub(super) fn next(&mut self, count: usize) -> Option<&mut [u8]> {
        let end = self.len + count;
        let next = self.room.get_mut(self.len..end)?;
        self.len = end;
        Some(next)
    }

    /// What was written from here on.
    #[inline(always)]
    pub(super) fn from(&mut self, start: usize) -> &mut [u8] {
        self.room.get_mut(start..self.len).unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn extend_from_slice(&mut self, bytes: &[u8]) {
        match self.next(bytes.len()) {
            Some(next) => next.copy_from_slice(bytes),
            None => self.grow_for(bytes),
        }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, byte: u8) {
        self.extend_from_slice(&[byte]);
    }

    /// What is taken back may be a raw value, so it is overwritten.
    #[inline]
    pub(super) fn truncate(&mut self, len: usize) {
        let len = self.len.min(len);
        self.room[len..self.len].fill(0);
        self.len = len;
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    #[cold]
    #[inline(never)]
    fn grow_for(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        self.room.resize(end.max(2 * self.room.len()).max(ROOM), 0);
        self.room[self.len..end].copy_from_slice(bytes);
        self.len = end;
    }
}

impl Deref for Page {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        &self.room[..self.len]
    }
}

impl DerefMut for Page {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.room[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_there_however_often_the_buffer_grows() {
        let (mut page, mut plain) = (Page::default(), Vec::new());
        for length in [0, 1, 3, ROOM - 5, 1, 1, 2 * ROOM, 7, 40 * ROOM] {
            let bytes: Vec<u8> = (0..length).map(|number| number as u8).collect();
            page.extend_from_slice(&bytes);
            plain.extend_from_slice(&bytes);
            page.push(7);
            plain.push(7);
            assert_eq!((&*page, page.len()), (&*plain, plain.len()));
        }
    }

    #[test]
    fn room_is_given_only_where_it_is() {
        let mut page = Page::default();
        assert!(page.next(1).is_none());
        page.push(1);
        assert!(page.next(ROOM).is_none() && page.len() == 1);
        page.next(ROOM - 1).expect("so much is left").fill(2);
        assert!(page.next(1).is_none() && page.len() == ROOM && page[ROOM - 1] == 2);
        page.truncate(2);
        page.truncate(5);
        assert_eq!(*page, [1, 2]);
        assert!(page.room[2..].iter().all(|byte| *byte == 0), "what was taken back is gone");
        page.clear();
        assert!(page.is_empty() && page.next(ROOM).is_some());
    }
}
