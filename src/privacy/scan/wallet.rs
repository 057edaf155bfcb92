//! Addresses and private keys of crypto-currency wallets, by the check sums they carry or the words before them.

use sha2::{Digest, Sha256};

use super::bytes::{after, alnum, head, run};
use super::keccak::keccak256;
use super::nearby::Nearby;
use super::{Kind, Severity};

/// The address or private key that starts at `at`, how sure it is and where it ends: `0x` and forty hex digits, bech32, base58 with its
/// check.
pub(super) fn find(text: &[u8], at: usize) -> Option<(Kind, Severity, usize)> {
    let end = run(head(text, at, LONGEST + 1), at, alnum);
    if after(text, end) == b'_' {
        return None;
    }
    let token = &text[at..end];
    let severity = match token {
        [b'0', b'x', hex @ ..] if hex.len() == 40 => ethereum(text, at, hex)?,
        // Monero has no short check.
        [b'4' | b'8', ..] if token.len() == 95 => {
            (token.iter().all(|byte| digit58(*byte).is_some()) && mixed(token)).then_some(Severity::Likely)?
        }
        _ if (26..=35).contains(&token.len()) && mixed(token) && base58_check(token) => Severity::Validated,
        [b'5' | b'K' | b'L' | b'9' | b'c', ..] if is_private_key(token) => {
            return Some((Kind::KeyedSecret, Severity::Validated, end));
        }
        _ => ((14..=LONGEST).contains(&token.len()) && bech32(token)).then_some(Severity::Validated)?,
    };
    Some((Kind::Wallet, severity, end))
}

/// The longest address: Cardano's.
const LONGEST: usize = 110;

/// Forty hex digits whose case is their check sum (EIP-55), or a word before them that says what they are.
fn ethereum(text: &[u8], at: usize, hex: &[u8]) -> Option<Severity> {
    static WORDS: Nearby = Nearby::of(words!(
        "wallet" "eth" "ethereum" "address" "account" "sender" "recipient" "payer" "payee" "owner" "withdraw" "deposit"
        "transfer" "erc20" "polygon" "metamask" "beneficiary" "holder" "signer" "to" "from" "addr"
    ));
    if !hex.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut lower = [0; 40];
    lower.copy_from_slice(hex);
    lower.make_ascii_lowercase();
    // Each letter is a bit of the check sum.
    let checked = hex.iter().filter(|digit| digit.is_ascii_alphabetic()).count() >= 6
        && hex.iter().any(u8::is_ascii_uppercase)
        && keccak256(&lower).is_some_and(|hash| {
            hex.iter().enumerate().all(|(place, digit)| {
                let nibble = hash[place / 2] >> (if place % 2 == 0 { 4 } else { 0 }) & 15;
                digit.is_ascii_digit() || digit.is_ascii_uppercase() == (nibble >= 8)
            })
        });
    match checked {
        true => Some(Severity::Validated),
        false => WORDS.stand_before(text, at, 32).then_some(Severity::Contextual),
    }
}

/// The value of each digit of base58; 255 for what is none.
static DIGITS58: [u8; 128] = places(b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz");
/// The same of bech32, whose digits are small letters.
static DIGITS32: [u8; 128] = places(b"qpzry9x8gf2tvdw0s3jn54khce6mua7l");

const fn places(alphabet: &[u8]) -> [u8; 128] {
    let mut table = [255; 128];
    let mut at = 0;
    while at < alphabet.len() {
        table[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    table
}

fn digit58(byte: u8) -> Option<u64> {
    DIGITS58.get(usize::from(byte)).filter(|digit| **digit != 255).map(|digit| u64::from(*digit))
}

fn mixed(token: &[u8]) -> bool {
    token.iter().any(u8::is_ascii_digit)
        && token.iter().any(u8::is_ascii_lowercase)
        && token.iter().any(u8::is_ascii_uppercase)
}

/// First bytes of addresses: Bitcoin, Litecoin, Dogecoin, Dash, Tron, Zcash, and their test chains.
const CHAINS: [u8; 14] = [0x00, 0x05, 0x30, 0x32, 0x1e, 0x16, 0x4c, 0x10, 0x41, 0x6f, 0xc4, 0x3a, 0x8c, 0x71];

/// Twenty-five bytes of which the last four are the hash of the others.
fn base58_check(token: &[u8]) -> bool {
    let Some(limbs) = base58::<4>(token) else { return false };
    let bytes = limbs.map(u64::to_be_bytes);
    let (lead, address) = bytes.as_flattened().split_at(7);
    lead == [0; 7] && CHAINS.contains(&address[0]) && ends_in_check(address)
}

/// Whether the last four bytes are the hash of the others.
fn ends_in_check(bytes: &[u8]) -> bool {
    let (body, check) = bytes.split_at(bytes.len() - 4);
    Sha256::digest(Sha256::digest(body)).starts_with(check)
}

/// The number that digits of base58 write, highest limb first.
fn base58<const LIMBS: usize>(token: &[u8]) -> Option<[u64; LIMBS]> {
    let mut limbs = [0; LIMBS];
    for byte in token {
        let mut carry = u128::from(digit58(*byte)?);
        for limb in limbs.iter_mut().rev() {
            carry += u128::from(*limb) * 58;
            *limb = carry as u64;
            carry >>= 64;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(limbs)
}

/// Whether a token is a private key as wallets export it (WIF): a version, 32 bytes, for compressed public keys a mark, and the check.
fn is_private_key(token: &[u8]) -> bool {
    let length = match token.len() {
        51 => 37,
        52 => 38,
        _ => return false,
    };
    let Some(limbs) = base58::<5>(token) else { return false };
    let bytes = limbs.map(u64::to_be_bytes);
    let (lead, key) = bytes.as_flattened().split_at(40 - length);
    let marked = length == 37 || key[33] == 1;
    // Bitcoin's, and its test chains'.
    let known = matches!(key[0], 0x80 | 0xef) && lead.iter().all(|byte| *byte == 0);
    known && marked && ends_in_check(key)
}

/// The check sum of BIP 173 and BIP 350.
fn bech32(token: &[u8]) -> bool {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let Some(split) = token.iter().rposition(|byte| *byte == b'1') else { return false };
    let (human, data) = (&token[..split], &token[split + 1..]);
    // Any chain's; the public keys of `age` are written so too.
    let chain = (2..=10).contains(&human.len()) && human.iter().all(u8::is_ascii_alphabetic);
    if !chain || human.eq_ignore_ascii_case(b"age") || data.len() < 20 {
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
        let value = DIGITS32.get(usize::from(byte.to_ascii_lowercase())).copied().unwrap_or(255);
        if value == 255 {
            return false;
        }
        sum = step(sum, u32::from(value));
    }
    sum == 1 || sum == 0x2bc8_30a3
}
