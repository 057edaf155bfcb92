//! States of keys that can be replaced while others use them.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use zeroize::Zeroize;

use crate::app::KeyState;

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
    /// `fill` makes each of the states.
    pub(super) fn new(fill: impl Fn(usize, &mut KeyState)) -> Self {
        let all = KeyStates::default();
        all.replace(fill);
        all
    }

    /// Copies one of the states.
    #[inline]
    pub(super) fn read(&self, index: usize, state: &mut KeyState) {
        loop {
            let generation = self.generation.load(Ordering::Acquire);
            let words = &self.places[(generation & 1) as usize].0[index];
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
                return;
            }
        }
    }

    /// Replaces all states by those that `fill` makes. The old ones are erased when this returns.
    pub(super) fn replace(&self, fill: impl Fn(usize, &mut KeyState)) {
        let old = self.generation.load(Ordering::Relaxed);
        let new = old.wrapping_add(1);
        fence(Ordering::Release);
        let mut state = KeyState::blank();
        for (index, words) in self.places[(new & 1) as usize].0.iter().enumerate() {
            fill(index, &mut state);
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

    use super::*;

    fn read<const N: usize>(states: &KeyStates<N>, index: usize) -> KeyState {
        let mut state = KeyState::blank();
        states.read(index, &mut state);
        state
    }

    #[test]
    fn a_reader_never_sees_half_a_generation() {
        let fill = |number: u32| {
            move |_: usize, state: &mut KeyState| {
                (state.inner, state.outer) = ([number; 8], [number; 8]);
            }
        };
        let states = KeyStates::<2>::new(fill(1));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = || {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let state = read(&states, 1);
                    let number = state.inner[0];
                    let all = state.inner.iter().chain(&state.outer).all(|word| *word == number);
                    assert!(all && number >= last && number > 0, "{:?}", (state.inner, state.outer));
                    last = number;
                }
            };
            let readers = [scope.spawn(reader), scope.spawn(reader)];
            for number in 2..200_000 {
                states.replace(fill(number));
            }
            done.store(true, Ordering::Relaxed);
            readers.into_iter().for_each(|reader| reader.join().unwrap());
        });
    }

    #[test]
    fn what_was_replaced_is_erased() {
        let states = KeyStates::<1>::new(|_, state| state.set(&[1; 32]));
        states.replace(|_, state| state.set(&[2; 32]));
        let mut new = KeyState::blank();
        new.set(&[2; 32]);
        assert!(read(&states, 0) == new);
        let current = (states.generation.load(Ordering::Relaxed) & 1) as usize;
        assert!(states.places[1 - current].0.iter().flatten().all(|word| word.load(Ordering::Relaxed) == 0));
    }
}
