//! Lengths as ClickHouse's formats have them: LEB128, seven bits a byte and the lowest first.

/// Bytes that a length can take.
pub(super) const LONGEST_LENGTH: usize = 10;

/// Appends a length as LEB128.
#[inline]
pub(super) fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

/// Bytes that a length takes.
pub(super) fn length_of(length: usize) -> usize {
    (usize::BITS - (length | 1).leading_zeros()).div_ceil(7) as usize
}

/// Takes a length off the front; none if there is no whole one.
pub(super) fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length = 0_usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_as_it_was_written() {
        for length in [0, 1, 127, 128, 300, 16_383, 16_384, 1 << 20, u32::MAX as usize, usize::MAX] {
            let mut bytes = Vec::new();
            push_length(&mut bytes, length);
            assert!(bytes.len() <= LONGEST_LENGTH && bytes.len() == length_of(length));
            bytes.push(0xff);
            let mut rest = &*bytes;
            assert_eq!((take_length(&mut rest), rest), (Some(length), &[0xff][..]));
        }
        assert_eq!(take_length(&mut &[0x80, 0x80][..]), None);
    }
}
