//! Keccak-256 of short text, as Ethereum uses it (FIPS 202 with the padding of the original submission).

#[rustfmt::skip]
const ROUNDS: [u64; 24] = [
    0x0000_0000_0000_0001, 0x0000_0000_0000_8082, 0x8000_0000_0000_808a, 0x8000_0000_8000_8000,
    0x0000_0000_0000_808b, 0x0000_0000_8000_0001, 0x8000_0000_8000_8081, 0x8000_0000_0000_8009,
    0x0000_0000_0000_008a, 0x0000_0000_0000_0088, 0x0000_0000_8000_8009, 0x0000_0000_8000_000a,
    0x0000_0000_8000_808b, 0x8000_0000_0000_008b, 0x8000_0000_0000_8089, 0x8000_0000_0000_8003,
    0x8000_0000_0000_8002, 0x8000_0000_0000_0080, 0x0000_0000_0000_800a, 0x8000_0000_8000_000a,
    0x8000_0000_8000_8081, 0x8000_0000_0000_8080, 0x0000_0000_8000_0001, 0x8000_0000_8000_8008,
];

/// The hash of fewer than 136 bytes, which fit one block.
pub(super) fn keccak256(text: &[u8]) -> Option<[u8; 32]> {
    const RATE: usize = 136;
    let mut block = [0u8; RATE];
    block.get_mut(..text.len()).filter(|_| text.len() < RATE)?.copy_from_slice(text);
    block[text.len()] ^= 1;
    block[RATE - 1] ^= 0x80;
    let mut state = [0u64; 25];
    for (lane, bytes) in state.iter_mut().zip(block.as_chunks::<8>().0) {
        *lane = u64::from_le_bytes(*bytes);
    }
    for round in ROUNDS {
        permute(&mut state, round);
    }
    let mut hash = [0; 32];
    for (bytes, lane) in hash.as_chunks_mut::<8>().0.iter_mut().zip(state) {
        *bytes = lane.to_le_bytes();
    }
    Some(hash)
}

/// One round: the steps θ, ρ and π, χ, ι of the standard.
fn permute(state: &mut [u64; 25], round: u64) {
    let mut columns = [0u64; 5];
    for (x, column) in columns.iter_mut().enumerate() {
        *column = (0..5).fold(0, |sum, y| sum ^ state[x + 5 * y]);
    }
    for at in 0..25 {
        state[at] ^= columns[(at + 4) % 5] ^ columns[(at + 1) % 5].rotate_left(1);
    }
    let (mut x, mut y, mut lane) = (1, 0, state[1]);
    for step in 0..24_u32 {
        (x, y) = (y, (2 * x + 3 * y) % 5);
        let moved = lane.rotate_left((step + 1) * (step + 2) / 2 % 64);
        lane = std::mem::replace(&mut state[x + 5 * y], moved);
    }
    for row in state.as_chunks_mut::<5>().0 {
        let before = *row;
        for x in 0..5 {
            row[x] = before[x] ^ (!before[(x + 1) % 5] & before[(x + 2) % 5]);
        }
    }
    state[0] ^= round;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes() {
        let hex =
            |text: &[u8]| keccak256(text).map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        assert_eq!(hex(b"").as_deref(), Some("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"));
        assert_eq!(hex(b"abc").as_deref(), Some("4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"));
        assert_eq!(hex(&[0; 136]), None);
    }
}
