//! HMAC-SHA-256 (RFC 2104) for keys that are used again and again: what depends on the key alone is computed once, and
//! can be replaced while others use it.
//!
//! The compression function is `sha2`'s, with the processor's own instructions where there are any. A tag costs two
//! calls of it for short inputs; `Hmac` of the crate `hmac`, with which the tests compare, spends half as much again on
//! copying and erasing its buffers.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use sha2::block_api::compress256;
use zeroize::Zeroize;

const BLOCK: usize = 64;
const RATE: usize = 32;

/// FIPS 180-4, section 5.3.3.
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The states of the inner and the outer hash after a key's block. As secret as the key, and erased when dropped.
#[derive(PartialEq, Eq)]
pub(super) struct KeyState {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl KeyState {
    pub(super) fn of(key: &[u8; RATE]) -> Self {
        let start = |pad: u8| {
            let mut block = [pad; BLOCK];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            let mut state = INITIAL;
            compress256(&mut state, &[block]);
            block.zeroize();
            state
        };
        KeyState { inner: start(0x36), outer: start(0x5c) }
    }

    /// The tag of all parts, one after the other.
    #[inline]
    pub(super) fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Hash { state: self.inner, block: [0; BLOCK], filled: 0, length: BLOCK as u64 };
        parts.iter().for_each(|part| hash.update(part));
        let inner = hash.finish();
        let mut block = [0; BLOCK];
        block[..RATE].copy_from_slice(&inner);
        block[RATE] = 0x80;
        block[BLOCK - 8..].copy_from_slice(&((BLOCK + RATE) as u64 * 8).to_be_bytes());
        let mut state = self.outer;
        compress256(&mut state, &[block]);
        bytes(state)
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
            compress256(&mut self.state, &[self.block]);
            (bytes, self.filled) = (rest, 0);
        }
        self.block[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    #[inline]
    fn finish(mut self) -> [u8; 32] {
        self.block[self.filled] = 0x80;
        self.block[self.filled + 1..].fill(0);
        if self.filled + 1 > BLOCK - 8 {
            compress256(&mut self.state, &[self.block]);
            self.block = [0; BLOCK];
        }
        self.block[BLOCK - 8..].copy_from_slice(&(self.length * 8).to_be_bytes());
        compress256(&mut self.state, &[self.block]);
        bytes(self.state)
    }
}

fn bytes(state: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// Key states that are read without a lock, and replaced all at once by one writer at a time.
///
/// There is place for two generations. A writer fills the one that nobody is sent to, sends everybody there, and
/// erases the other. A reader who was still at the other sees by the generation's number that it must read again.
#[derive(Default)]
pub(super) struct KeyStates<const N: usize> {
    /// The last bit tells the place.
    generation: AtomicU32,
    places: [Place<N>; 2],
}

struct Place<const N: usize>([[AtomicU64; 8]; N]);

impl<const N: usize> KeyStates<N> {
    pub(super) fn new(states: [KeyState; N]) -> Self {
        let all = KeyStates::default();
        all.replace(states);
        all
    }

    /// A copy of one of the states.
    #[inline]
    pub(super) fn read(&self, index: usize) -> KeyState {
        loop {
            let generation = self.generation.load(Ordering::Acquire);
            let words = &self.places[(generation & 1) as usize].0[index];
            let mut state = KeyState { inner: [0; 8], outer: [0; 8] };
            for (at, word) in words.iter().enumerate() {
                let word = word.load(Ordering::Relaxed);
                let half = if at < 4 { &mut state.inner } else { &mut state.outer };
                half[at % 4 * 2] = word as u32;
                half[at % 4 * 2 + 1] = (word >> 32) as u32;
            }
            // Whoever read a word of a later generation sees the later number here: both fences of `replace` come
            // between that number and those words.
            fence(Ordering::Acquire);
            if self.generation.load(Ordering::Relaxed) == generation {
                return state;
            }
        }
    }

    /// Replaces all states. The old ones are erased when this returns.
    pub(super) fn replace(&self, states: [KeyState; N]) {
        let old = self.generation.load(Ordering::Relaxed);
        let new = old.wrapping_add(1);
        fence(Ordering::Release);
        for (words, state) in self.places[(new & 1) as usize].0.iter().zip(&states) {
            let pairs = state.inner.chunks_exact(2).chain(state.outer.chunks_exact(2));
            for (word, pair) in words.iter().zip(pairs) {
                word.store(u64::from(pair[0]) | u64::from(pair[1]) << 32, Ordering::Relaxed);
            }
        }
        self.generation.store(new, Ordering::Release);
        fence(Ordering::Release);
        for word in self.places[(old & 1) as usize].0.iter().flatten() {
            word.store(0, Ordering::Relaxed);
        }
    }
}

impl<const N: usize> Default for Place<N> {
    fn default() -> Self {
        Place(std::array::from_fn(|_| Default::default()))
    }
}

impl<const N: usize> Drop for Place<N> {
    fn drop(&mut self) {
        self.0.iter_mut().flatten().for_each(|word| word.get_mut().zeroize());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use ::hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;
    use sha2::Sha256;

    use super::*;

    proptest! {
        #[test]
        fn a_tag_is_that_of_the_crate_hmac(
            key in any::<[u8; 32]>(),
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 0..5),
        ) {
            let mut theirs = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            parts.iter().for_each(|part| theirs.update(part));
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(KeyState::of(&key).tag(&parts), <[u8; 32]>::from(theirs.finalize().into_bytes()));
        }
    }

    #[test]
    fn every_length_around_a_block_is_right() {
        let ours = KeyState::of(&[9; 32]);
        for length in 0..=200 {
            let bytes = vec![b'x'; length];
            let mut theirs = Hmac::<Sha256>::new_from_slice(&[9; 32]).unwrap();
            theirs.update(&bytes);
            assert_eq!(ours.tag(&[&bytes]), <[u8; 32]>::from(theirs.finalize().into_bytes()), "{length}");
        }
    }

    #[test]
    fn a_reader_never_sees_half_a_generation() {
        let state = |number: u32| KeyState { inner: [number; 8], outer: [number; 8] };
        let states = KeyStates::new([state(1), state(1)]);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = || {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let read = states.read(1);
                    let number = read.inner[0];
                    assert!(read == state(number) && number >= last && number > 0, "{:?}", (read.inner, read.outer));
                    last = number;
                }
            };
            let readers = [scope.spawn(reader), scope.spawn(reader)];
            for number in 2..200_000 {
                states.replace([state(number), state(number)]);
            }
            done.store(true, Ordering::Relaxed);
            readers.into_iter().for_each(|reader| reader.join().unwrap());
        });
    }

    #[test]
    fn what_was_replaced_is_erased() {
        let states = KeyStates::new([KeyState::of(&[1; 32])]);
        states.replace([KeyState::of(&[2; 32])]);
        assert!(states.read(0) == KeyState::of(&[2; 32]));
        let current = (states.generation.load(Ordering::Relaxed) & 1) as usize;
        assert!(states.places[1 - current].0.iter().flatten().all(|word| word.load(Ordering::Relaxed) == 0));
        assert_eq!(format!("{:?}", states.read(0)), "KeyState(..)");
    }
}
