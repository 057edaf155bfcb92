//! Where detectors begin: what is left of the [anchors](super::anchors) when those are taken away that, by the bytes around them,
//! lead to nothing.
//!
//! Each detector tells its own places for 64 bytes at a time by shifts and masks. Those that nearly every text has anchors of are
//! asked in one walk over it, before any of them looks at a byte, so that one with no place left is not even called.

use super::classes::Block;
use super::profile::RUN;
use super::{net, options, pairs, tokens};

/// A detector and what it begins at.
#[derive(Clone, Copy)]
pub(super) enum Start {
    /// The sign of a key and its value, or a bracket around some.
    Sign,
    /// A colon that another is near to.
    Colons,
    /// A dot or dash behind which a second stands at its place.
    Marks,
    /// A dot or dash behind no part of a name.
    Option,
    /// A byte with so many behind it that a token may be there.
    Run,
}

/// Bits of 64 bytes, by [`Start`].
pub(super) type Starts = [u64; 5];

/// Those of one block.
#[inline(always)]
pub(super) fn of(blocks: &[Block], block: usize) -> Starts {
    [
        pairs::signs(blocks, block),
        net::colons(blocks, block),
        net::marks(blocks, block),
        options::dashes(blocks, block),
        tokens::runs(blocks, block),
    ]
}

/// The places of a block from which at least [`RUN`] bytes are members.
#[inline]
pub(super) fn long_runs(blocks: &[Block], block: usize, members: impl Fn(&Block) -> u64) -> u64 {
    let (here, next) = (members(&blocks[block]), blocks.get(block + 1).map_or(0, &members));
    // Most words are shorter than nine letters.
    if here & (here >> 4 | next << 60) & (here >> 8 | next << 56) == 0 {
        return 0;
    }
    // Bits that have so many neighbours to their left: two, four, eight, twelve.
    let mut run = u128::from(here) | u128::from(next) << 64;
    run &= run >> 1;
    run &= run >> 2;
    run &= run >> 4;
    run &= run >> (RUN - 8);
    run as u64
}

/// The places right behind those that `of` says of a block.
#[inline]
pub(super) fn behind(blocks: &[Block], block: usize, of: impl Fn(&Block) -> u64) -> u64 {
    of(&blocks[block]) << 1 | block.checked_sub(1).map_or(0, |last| of(&blocks[last]) >> 63)
}

/// The places so many bytes, from 1 to 63, before those that `of` says of a block.
#[inline]
pub(super) fn ahead(blocks: &[Block], block: usize, by: u32, of: impl Fn(&Block) -> u64) -> u64 {
    of(&blocks[block]) >> by | blocks.get(block + 1).map_or(0, |next| of(next) << 1 << (63 - by))
}
