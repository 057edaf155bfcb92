//! Where detectors begin: what is left of the [anchors](super::anchors) when those are taken away that, by the bytes around them,
//! lead to nothing.
//!
//! Each detector tells its own places for 64 bytes at a time by shifts and masks. Those that nearly every text has anchors of are
//! asked in one walk over it, before any of them looks at a byte, so that one with no place left is not even called.

use super::anchors::Block;
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
