//! Hashes of passwords as crypt(3) and its successors write them: `$6$salt$..`, `$2b$10$..`, `$argon2id$v=19$m=65536,t=3,p=4$..$..`.

use super::bytes::{after, alnum, head, run, run_back};

/// Schemes, and how long the last part is; 0 where it may be of any length.
const SCHEMES: [(&[u8], usize); 17] = [
    (b"$1$", 22),
    (b"$apr1$", 22),
    (b"$5$", 43),
    (b"$6$", 86),
    (b"$y$", 43),
    (b"$gy$", 43),
    (b"$7$", 43),
    (b"$2a$", 53),
    (b"$2b$", 53),
    (b"$2x$", 53),
    (b"$2y$", 53),
    (b"$argon2id$", 0),
    (b"$argon2i$", 0),
    (b"$argon2d$", 0),
    (b"$scrypt$", 0),
    (b"$pbkdf2-sha256$", 0),
    (b"$pbkdf2-sha512$", 0),
];

/// How far its scheme stands before the first long run of one: there are parameters and a salt between.
const HEAD: usize = 96;

/// The longest there is, and the shortest last part of those that may have any length.
const LONGEST: usize = 256;
const SHORTEST: usize = 16;

/// The hash that the run from `at` on stands in, of whose parts one begins there or not far before.
pub(super) fn hash(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let part = |byte: u8| alnum(byte) || matches!(byte, b'.' | b'/');
    // Most runs behind a slash stand in a path.
    let first = run_back(text, at, 16, part);
    if first == 0 || text[first - 1] != b'$' {
        return None;
    }
    let parted = |byte: u8| part(byte) || matches!(byte, b'$' | b'=' | b',' | b'+' | b'-');
    let floor = run_back(text, at, HEAD, parted);
    let (start, scheme, length) = (floor..at).filter(|start| text[*start] == b'$').find_map(|start| {
        let known = SCHEMES.iter().find(|(scheme, _)| text[start..].starts_with(scheme));
        known.map(|(scheme, length)| (start, start + scheme.len(), *length))
    })?;
    let near = head(text, start, LONGEST);
    let all = run(near, scheme, parted);
    let last = near[..all].iter().rposition(|byte| *byte == b'$')? + 1;
    let end = run(near, last, |byte| part(byte) || length == 0 && byte == b'+');
    let whole = match length {
        0 => end - last >= SHORTEST,
        // The end of the sentence is none of it.
        _ => (last + length..=last + length + 1).contains(&end) && !alnum(after(text, last + length)),
    };
    let end = if length == 0 { end } else { last + length };
    (whole && last > scheme.min(last - 1) && at < end).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_known_by_its_scheme_and_the_length_of_its_last_part() {
        let last = |count: usize| "aB3/".repeat(count).into_bytes()[..count].to_vec();
        for (scheme, length) in SCHEMES {
            let length = if length == 0 { 43 } else { length };
            let salt: &[u8] = if scheme.starts_with(b"$2") { b"10$" } else { b"N9qo8uLO$" };
            let text = [b"x:", scheme, salt, &last(length), b":1"].concat();
            let at = 2 + scheme.len() + salt.len();
            assert_eq!(hash(&text, at), Some((2, text.len() - 2)), "{}", String::from_utf8_lossy(&text));
            let cut = [b"x:", scheme, salt, &last(12), b":1"].concat();
            assert_eq!(hash(&cut, at), None, "{}", String::from_utf8_lossy(&cut));
        }
        assert_eq!(hash(b"$HOME/aB3/aB3/aB3/aB3/aB3/aB3", 6), None);
    }
}
