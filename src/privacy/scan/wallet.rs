//! Addresses of crypto-currency wallets, by the check sums they carry or the words before them.

use sha2::{Digest, Sha256};

use super::bytes::{after, alnum, context, run};
use super::keccak::keccak256;

/// Where the address that starts at `at` ends: `0x` and forty hex digits, bech32, base58 with its check.
pub(super) fn address(text: &[u8], at: usize) -> Option<usize> {
    let end = run(text, at, alnum);
    if after(text, end) == b'_' {
        return None;
    }
    let token = &text[at..end];
    let found = match token {
        [b'0', b'x', hex @ ..] => hex.len() == 40 && ethereum(text, at, hex),
        [b'1' | b'3' | b'D' | b'L' | b'M', ..] if (26..=35).contains(&token.len()) => base58_check(token),
        // Monero has no short check.
        [b'4' | b'8', ..] => token.len() == 95 && token.iter().all(|byte| digit58(*byte).is_some()) && mixed(token),
        [b'b' | b't' | b'B' | b'T' | b'l' | b'L', ..] if token.len() >= 14 => bech32(token),
        _ => false,
    };
    found.then_some(end)
}

/// Forty hex digits whose case is their check sum (EIP-55), or a word before them that says what they are.
fn ethereum(text: &[u8], at: usize, hex: &[u8]) -> bool {
    const WORDS: &[&[u8]] = words!(
        "wallet" "eth" "ethereum" "address" "account" "sender" "recipient" "payer" "payee" "owner" "withdraw" "deposit"
        "transfer" "erc20" "polygon" "metamask" "beneficiary" "holder" "signer" "to" "from" "addr"
    );
    if !hex.iter().all(u8::is_ascii_hexdigit) {
        return false;
    }
    let mut lower = [0; 40];
    lower.copy_from_slice(hex);
    lower.make_ascii_lowercase();
    let mixed = hex.iter().any(u8::is_ascii_uppercase) && hex.iter().any(u8::is_ascii_lowercase);
    let checked = mixed
        && keccak256(&lower).is_some_and(|hash| {
            hex.iter().enumerate().all(|(place, digit)| {
                let nibble = hash[place / 2] >> (if place % 2 == 0 { 4 } else { 0 }) & 15;
                digit.is_ascii_digit() || digit.is_ascii_uppercase() == (nibble >= 8)
            })
        });
    checked || context(text, at, 32, WORDS)
}

fn digit58(byte: u8) -> Option<u32> {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    // Below 58.
    ALPHABET.iter().position(|known| *known == byte).map(|at| at as u32)
}

fn mixed(token: &[u8]) -> bool {
    token.iter().any(u8::is_ascii_digit)
        && token.iter().any(u8::is_ascii_lowercase)
        && token.iter().any(u8::is_ascii_uppercase)
}

/// Twenty-five bytes of which the last four are the hash of the others.
fn base58_check(token: &[u8]) -> bool {
    let mut bytes = [0u8; 25];
    for byte in token {
        let Some(mut carry) = digit58(*byte) else { return false };
        for slot in bytes.iter_mut().rev() {
            carry += u32::from(*slot) * 58;
            *slot = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    let (body, check) = bytes.split_at(21);
    Sha256::digest(Sha256::digest(body)).starts_with(check)
}

/// The check sum of BIP 173 and BIP 350.
fn bech32(token: &[u8]) -> bool {
    const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let Some(split) = token.iter().rposition(|byte| *byte == b'1') else { return false };
    let (human, data) = (&token[..split], &token[split + 1..]);
    let known = [&b"bc"[..], b"tb", b"ltc", b"bcrt"].iter().any(|known| human.eq_ignore_ascii_case(known));
    if !known || data.len() < 6 {
        return false;
    }
    let step = |sum: u32, value: u32| {
        let top = sum >> 25;
        let mut sum = (sum & 0x01ff_ffff) << 5 ^ value;
        for (bit, factor) in GENERATOR.iter().enumerate() {
            if top >> bit & 1 == 1 {
                sum ^= factor;
            }
        }
        sum
    };
    let mut sum = 1;
    for byte in human {
        sum = step(sum, u32::from(byte.to_ascii_lowercase() >> 5));
    }
    sum = step(sum, 0);
    for byte in human {
        sum = step(sum, u32::from(byte.to_ascii_lowercase() & 31));
    }
    for byte in data {
        let Some(value) = ALPHABET.iter().position(|known| *known == byte.to_ascii_lowercase()) else { return false };
        // Below 32.
        sum = step(sum, value as u32);
    }
    sum == 1 || sum == 0x2bc8_30a3
}
