//! HMAC-SHA-256 (RFC 2104) for keys that are used again and again: what depends on the key alone is computed once.
//!
//! The compression function is `sha2`'s, with the processor's own instructions where there are any. A tag costs two
//! calls of it for short inputs; `Hmac` of the crate `hmac`, with which the tests compare, spends half as much again on
//! copying and erasing its buffers, and leaves the key's block on the stack.

use std::fmt;
use std::slice;

use sha2::block_api::compress256;
use zeroize::{Zeroize, Zeroizing};

const BLOCK: usize = 64;
const TAG: usize = 32;

/// FIPS 180-4, section 5.3.3.
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The states of the inner and the outer hash after a key's block. As secret as the key, and erased when dropped.
///
/// It is filled where it stays: what is moved leaves a copy where it was.
#[derive(PartialEq, Eq)]
pub(crate) struct KeyState {
    pub(crate) inner: [u32; 8],
    pub(crate) outer: [u32; 8],
}

impl KeyState {
    /// Of no key, to be filled.
    #[inline]
    pub(crate) fn blank() -> Self {
        KeyState { inner: [0; 8], outer: [0; 8] }
    }

    /// Makes this the state of a key of any length.
    pub(crate) fn set(&mut self, key: &[u8]) {
        let mut block = Zeroizing::new([0; BLOCK]);
        match block.get_mut(..key.len()) {
            Some(start) => start.copy_from_slice(key),
            None => {
                let mut hash = Hash { state: INITIAL, block: [0; BLOCK], filled: 0, length: 0 };
                hash.update(key);
                hash.finish(block.first_chunk_mut().expect("a tag is shorter than a block"));
                hash.block.zeroize();
            }
        }
        let block = &mut *block;
        for (state, pad) in [(&mut self.inner, 0x36), (&mut self.outer, 0x36 ^ 0x5c)] {
            block.iter_mut().for_each(|byte| *byte ^= pad);
            *state = INITIAL;
            compress256(state, slice::from_ref(block));
        }
    }

    /// The tag of all parts, one after the other.
    #[inline]
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; TAG] {
        let mut tag = [0; TAG];
        self.tag_into(parts, &mut tag);
        tag
    }

    /// The same, for a tag that is a key itself.
    #[inline]
    pub(crate) fn tag_into(&self, parts: &[&[u8]], tag: &mut [u8; TAG]) {
        let mut hash = Hash { state: self.inner, block: [0; BLOCK], filled: 0, length: BLOCK as u64 };
        parts.iter().for_each(|part| hash.update(part));
        hash.finish(tag);
        let mut block = [0; BLOCK];
        block[..TAG].copy_from_slice(tag);
        block[TAG] = 0x80;
        block[BLOCK - 8..].copy_from_slice(&((BLOCK + TAG) as u64 * 8).to_be_bytes());
        let mut state = self.outer;
        compress256(&mut state, slice::from_ref(&block));
        write(&state, tag);
    }
}

impl Drop for KeyState {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl fmt::Debug for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyState(..)")
    }
}

/// SHA-256 from a state on.
struct Hash {
    state: [u32; 8],
    block: [u8; BLOCK],
    /// Less than a block.
    filled: usize,
    length: u64,
}

impl Hash {
    #[inline]
    fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        while self.filled + bytes.len() >= BLOCK {
            let (head, rest) = bytes.split_at(BLOCK - self.filled);
            self.block[self.filled..].copy_from_slice(head);
            compress256(&mut self.state, slice::from_ref(&self.block));
            (bytes, self.filled) = (rest, 0);
        }
        self.block[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    #[inline]
    fn finish(&mut self, hash: &mut [u8; TAG]) {
        self.block[self.filled] = 0x80;
        self.block[self.filled + 1..].fill(0);
        if self.filled + 1 > BLOCK - 8 {
            compress256(&mut self.state, slice::from_ref(&self.block));
            self.block = [0; BLOCK];
        }
        self.block[BLOCK - 8..].copy_from_slice(&(self.length * 8).to_be_bytes());
        compress256(&mut self.state, slice::from_ref(&self.block));
        write(&self.state, hash);
    }
}

fn write(state: &[u32; 8], bytes: &mut [u8; TAG]) {
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use ::hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;
    use sha2::Sha256;

    use super::*;

    fn of(key: &[u8]) -> KeyState {
        let mut state = KeyState::blank();
        state.set(key);
        state
    }

    proptest! {
        #[test]
        fn a_tag_is_that_of_the_crate_hmac(
            key in prop::collection::vec(any::<u8>(), 0..150),
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 0..5),
        ) {
            let mut theirs = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            parts.iter().for_each(|part| theirs.update(part));
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(of(&key).tag(&parts), <[u8; 32]>::from(theirs.finalize().into_bytes()));
        }
    }

    #[test]
    fn every_length_around_a_block_is_right() {
        let bytes = [b'x'; 200];
        for length in 0..=bytes.len() {
            for (key, text) in [(&[9; 32][..], &bytes[..length]), (&bytes[..length], b"text")] {
                let mut theirs = Hmac::<Sha256>::new_from_slice(key).unwrap();
                theirs.update(text);
                assert_eq!(of(key).tag(&[text]), <[u8; 32]>::from(theirs.finalize().into_bytes()), "{length}");
            }
        }
        assert_eq!(format!("{:?}", of(&bytes)), "KeyState(..)");
    }
}
