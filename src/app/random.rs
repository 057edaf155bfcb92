//! The one place that makes random numbers: secrets from the operating system, ids from a fast generator per thread.

use std::time::{Instant, SystemTime};

/// Fills the bytes with randomness fit for keys.
///
/// # Errors
/// The operating system gave none; whoever wanted a key must do without.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    #[cfg(test)]
    if DRY.get() {
        return Err(NoRandomness);
    }
    getrandom::fill(bytes).map_err(|_| NoRandomness)
}

#[cfg(test)]
thread_local! {
    static DRY: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs `work` on a machine that has no randomness for this thread.
#[cfg(test)]
pub(crate) fn without<T>(work: impl FnOnce() -> T) -> T {
    DRY.set(true);
    let done = work();
    DRY.set(false);
    done
}

/// The operating system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRandomness;

impl std::fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the operating system gave no randomness")
    }
}

impl std::error::Error for NoRandomness {}

/// Where to begin to count what must not be taken for anything counted elsewhere: at random below 2^47, which leaves room
/// above, and which SQLite keeps in six bytes.
pub(crate) fn start_of_numbers() -> i64 {
    (IdRng::new().next_u64() >> 17).cast_signed()
}

/// A generator of span and trace ids: xoshiro256++ by Blackman and Vigna, seeded by the operating system.
///
/// Ids must be unlikely to meet, not hard to guess; nothing secret may come from here.
pub(crate) struct IdRng([u64; 4]);

impl IdRng {
    /// A generator of its own. Cheap enough for each thread's first event: one system call, no allocation.
    pub(crate) fn new() -> Self {
        let mut seed = [0; 32];
        if fill(&mut seed).is_err() {
            return Self::weakly_seeded();
        }
        let mut state = [0; 4];
        for (word, bytes) in state.iter_mut().zip(seed.chunks_exact(8)) {
            *word = bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        }
        // All zeros is the one state that the generator never leaves.
        if state == [0; 4] { Self::weakly_seeded() } else { Self(state) }
    }

    /// One that seeds itself when it is first asked.
    pub(crate) const fn unseeded() -> Self {
        Self([0; 4])
    }

    /// The next number, which is never zero: zero means "no id" in OpenTelemetry.
    #[inline]
    pub(crate) fn next_u64(&mut self) -> u64 {
        loop {
            let number = self.step();
            if number != 0 {
                return number;
            }
            if self.0 == [0; 4] {
                *self = Self::new();
            }
        }
    }

    #[inline]
    fn step(&mut self) -> u64 {
        let Self([a, b, c, d]) = self;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// From the clocks, the process and where things lie in memory: different enough for ids on one machine.
    fn weakly_seeded() -> Self {
        let here = 0_u8;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut seed = now.as_secs() ^ u64::from(now.subsec_nanos()).rotate_left(32);
        let start = Instant::now();
        let mut state = [0; 4];
        for word in &mut state {
            seed ^= (&raw const here as usize as u64).rotate_left(17) ^ u64::from(std::process::id());
            seed = seed.wrapping_add(start.elapsed().as_nanos() as u64);
            *word = splitmix(&mut seed);
        }
        Self(state)
    }
}

impl std::fmt::Debug for IdRng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdRng")
    }
}

/// Steele, Lea and Flood's SplitMix64, which spreads a poor seed over all bits.
fn splitmix(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_generator_is_xoshiro256_plus_plus() {
        // The first outputs for the state 1, 2, 3, 4, as published with the `rand_xoshiro` crate.
        let mut rng = IdRng([1, 2, 3, 4]);
        let expected =
            [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386, 9_228_616_714_210_784_205];
        assert_eq!(expected.map(|_| rng.step()), expected);
    }

    #[test]
    fn ids_differ_between_generators_and_are_never_zero() {
        let mut seen = HashSet::new();
        for mut rng in [IdRng::new(), IdRng::new(), IdRng::weakly_seeded(), IdRng::weakly_seeded()] {
            for _ in 0..10_000 {
                let id = rng.next_u64();
                assert!(id != 0 && seen.insert(id));
            }
        }
    }

    #[test]
    fn one_that_is_not_seeded_yet_seeds_itself() {
        let (mut a, mut b) = (IdRng::unseeded(), IdRng::unseeded());
        assert!(a.next_u64() != b.next_u64());
    }

    #[test]
    fn keys_are_not_all_alike() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        assert!(fill(&mut a).is_ok() && fill(&mut b).is_ok());
        assert!(a != b && a != [0; 32]);
    }
}
