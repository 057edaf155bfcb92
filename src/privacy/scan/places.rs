//! Walks over the [anchors](super::anchors) of a text, which only go forward.

use super::anchors::Anchors;
use super::classes::Block;

/// Places in a text, one after the other.
pub(super) struct Places<'t, F> {
    blocks: &'t [Block],
    of: F,
    block: usize,
    /// Those of this block that are still to come.
    bits: u64,
}

impl<'t, F: Fn(&[Block], usize) -> u64> Places<'t, F> {
    /// Those from `from` on whose bits `of` makes of a block.
    #[inline]
    pub(super) fn of(blocks: &'t [Block], of: F, from: usize) -> Self {
        let block = from / 64;
        let bits = if block < blocks.len() { of(blocks, block) & (!0 << (from % 64)) } else { 0 };
        Places { blocks, of, block, bits }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            self.block += 1;
            #[cfg(test)]
            super::bytes::work::look(8);
            if self.block >= self.blocks.len() {
                return None;
            }
            self.bits = (self.of)(self.blocks, self.block);
        }
        let place = self.block * 64 + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(place)
    }

    /// Passes over what is before `to`.
    #[inline]
    pub(super) fn pass(&mut self, to: usize) {
        let block = to / 64;
        if block > self.block {
            self.block = block;
            self.bits = if block < self.blocks.len() { (self.of)(self.blocks, block) } else { 0 };
        }
        if block == self.block {
            self.bits &= !0 << (to % 64);
        }
    }
}

/// Long runs in a text, one after the other. Whatever is passed over, each begins behind the last one's first byte, so that the walk
/// ends.
pub(super) struct LongRuns<'t> {
    anchors: &'t Anchors<'t>,
    from: usize,
}

impl<'t> LongRuns<'t> {
    #[inline]
    pub(super) fn of(anchors: &'t Anchors<'t>) -> Self {
        LongRuns { anchors, from: 0 }
    }

    /// Where the next one is looked for.
    #[inline]
    pub(super) fn from(&self) -> usize {
        self.from
    }

    #[inline]
    pub(super) fn next(&mut self) -> Option<(usize, usize)> {
        let (start, end) = self.anchors.long_run(self.from)?;
        self.from = start + 1;
        Some((start, end))
    }

    /// Passes over what is before `to`.
    #[inline]
    pub(super) fn pass(&mut self, to: usize) {
        self.from = self.from.max(to);
    }
}
