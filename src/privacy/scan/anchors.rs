//! Where the bytes are that detectors start from, found in one pass over the text.
//!
//! For each class of byte there is one bit per byte of the text, so that a detector goes from one of its bytes to the next
//! in a few instructions, however much lies between. The pass is one load and one shift per byte: see [`super::classes`].

use std::ops::Range;

use super::classes::{Block, Class, classes, classes_of_last, transposed};
use super::places::{LongRuns, Places};
#[cfg(test)]
use super::profile::RUN;
use super::starts::{self, Start, Starts, long_runs};

/// Texts up to these many blocks need no more memory to be cleared, and up to the last none of the heap.
const FEW: usize = 4;
const MORE: usize = 12;
const SOME: usize = 64;

/// How many kinds of [`Start`] there are.
const STARTS: usize = size_of::<Starts>() / size_of::<u64>();

pub(super) struct Anchors<'t> {
    pub(super) text: &'t [u8],
    blocks: &'t [Block],
    /// In the byte of each class: not zero if there is one of it.
    any: u64,
    starts: &'t [Starts],
    /// All of them together: not zero if there is one of a kind.
    any_start: Starts,
}

impl Anchors<'_> {
    /// Gives `look` the anchors of `text`.
    #[inline]
    pub(super) fn with<R>(text: &[u8], look: impl FnOnce(&Anchors<'_>) -> R) -> R {
        let count = text.len().div_ceil(64);
        let (mut one, mut few, mut more, mut some, mut many);
        let (blocks, starts): (&mut [Block], &mut [Starts]) = match count {
            0 | 1 => {
                one = ([[0; 8]], [[0; STARTS]]);
                (&mut one.0, &mut one.1)
            }
            _ if count <= FEW => {
                few = ([[0; 8]; FEW], [[0; STARTS]; FEW]);
                (&mut few.0, &mut few.1)
            }
            _ if count <= MORE => {
                more = ([[0; 8]; MORE], [[0; STARTS]; MORE]);
                (&mut more.0, &mut more.1)
            }
            _ if count <= SOME => {
                some = ([[0; 8]; SOME], [[0; STARTS]; SOME]);
                (&mut some.0, &mut some.1)
            }
            _ => {
                many = (vec![[0; 8]; count], vec![[0; STARTS]; count]);
                (&mut many.0, &mut many.1)
            }
        };
        let (blocks, starts) = (&mut blocks[..count], &mut starts[..count]);
        let any = Self::fill(text, blocks);
        let mut any_start = [0; STARTS];
        for (block, of_block) in starts.iter_mut().enumerate() {
            *of_block = starts::of(blocks, block);
            for (any, bits) in any_start.iter_mut().zip(of_block) {
                *any |= *bits;
            }
        }
        look(&Anchors { text, blocks, any, starts, any_start })
    }

    /// Tells the classes of all bytes, and which there are.
    #[inline]
    fn fill(text: &[u8], blocks: &mut [Block]) -> u64 {
        let (whole, rest) = text.as_chunks::<64>();
        let mut any = 0;
        for (block, bytes) in blocks.iter_mut().zip(whole) {
            let (eights, _) = bytes.as_chunks::<8>();
            let mut words = [0; 8];
            for (word, eight) in words.iter_mut().zip(eights) {
                *word = classes(eight);
                any |= *word;
            }
            *block = transposed(words);
        }
        if let Some(block) = blocks.get_mut(whole.len()) {
            let (eights, last) = rest.as_chunks::<8>();
            let mut words = [0; 8];
            for (word, eight) in words.iter_mut().zip(eights) {
                *word = classes(eight);
                any |= *word;
            }
            if let Some(word) = words.get_mut(eights.len()) {
                *word = classes_of_last(text, last);
                any |= *word;
            }
            *block = transposed(words);
        }
        any
    }

    /// Whether there is a byte of this class.
    #[inline]
    pub(super) fn any(&self, class: Class) -> bool {
        self.any >> (8 * class as u32) & 0xff != 0
    }

    /// Whether there is a place at which this begins.
    #[inline]
    pub(super) fn begins(&self, start: Start) -> bool {
        self.any_start[start as usize] != 0
    }

    /// The places at which this begins, one after the other.
    #[inline]
    pub(super) fn starts(&self, start: Start) -> Places<'_, impl Fn(&[Block], usize) -> u64> {
        let starts = self.starts;
        self.places(move |_, block| starts[block][start as usize])
    }

    /// Where the last byte of this class is.
    pub(super) fn last(&self, class: Class) -> Option<usize> {
        let block = self.blocks.iter().rposition(|block| block[class as usize] != 0)?;
        Some(block * 64 + self.blocks[block][class as usize].ilog2() as usize)
    }

    /// The bytes of this class, one after the other.
    #[inline]
    pub(super) fn all(&self, class: Class) -> Places<'_, impl Fn(&[Block], usize) -> u64> {
        self.places(move |blocks, block| blocks[block][class as usize])
    }

    /// The places whose bits `of` makes of a block, given all of them and its number.
    #[inline]
    pub(super) fn places<F: Fn(&[Block], usize) -> u64>(&self, of: F) -> Places<'_, F> {
        Places::of(self.blocks, of, 0)
    }

    /// The same from `range.start` on, as far as the block in which `range` ends.
    #[inline]
    pub(super) fn places_in<F: Fn(&[Block], usize) -> u64>(&self, of: F, range: Range<usize>) -> Places<'_, F> {
        let end = range.end.div_ceil(64).min(self.blocks.len());
        Places::of(&self.blocks[..end], of, range.start)
    }

    /// One bit for each of the 64 bytes from `from`, set for those of this class.
    #[inline]
    pub(super) fn bits(&self, class: Class, from: usize) -> u64 {
        let bits = |block: usize| self.blocks.get(block).map_or(0, |block| block[class as usize]);
        let (block, place) = (from / 64, from % 64);
        // In two steps, since no shift may be by 64.
        bits(block) >> place | bits(block + 1) << 1 << (63 - place)
    }

    /// One bit for each of the 64 bytes before `to`, the last of which is the highest, as `of` says of their blocks.
    #[inline]
    pub(super) fn bits_before(&self, of: impl Fn(&Block) -> u64, to: usize) -> u64 {
        let (block, place) = (to / 64, to % 64);
        let last = block.checked_sub(1).and_then(|block| self.blocks.get(block)).map_or(0, &of);
        // In two steps, since no shift may be by 64.
        last >> place | self.blocks.get(block).map_or(0, of) << 1 << (63 - place)
    }

    /// Where the run of bytes of this class from `from` ends.
    #[inline]
    pub(super) fn run(&self, class: Class, from: usize) -> usize {
        let bits = |block: &Block| !block[class as usize];
        self.run_of(bits, from)
    }

    #[inline]
    fn run_of(&self, others: impl Fn(&Block) -> u64, from: usize) -> usize {
        let mut block = from / 64;
        let Some(first) = self.blocks.get(block) else { return from.max(self.text.len()) };
        let mut bits = others(first) & (!0 << (from % 64));
        while bits == 0 {
            block += 1;
            #[cfg(test)]
            super::bytes::work::look(8);
            match self.blocks.get(block) {
                Some(next) => bits = others(next),
                None => return self.text.len(),
            }
        }
        // Beyond the text there are no bytes of any class.
        block * 64 + bits.trailing_zeros() as usize
    }

    /// Where the run of bytes of this class that ends at `to` begins.
    #[inline]
    pub(super) fn run_back(&self, class: Class, to: usize) -> usize {
        self.run_back_of(|block| !block[class as usize], to)
    }

    #[inline]
    fn run_back_of(&self, others: impl Fn(&Block) -> u64, to: usize) -> usize {
        let Some(last) = to.checked_sub(1) else { return 0 };
        let mut block = last / 64;
        let mut bits = self.blocks.get(block).map_or(!0, &others) << (63 - last % 64);
        if bits != 0 {
            return to - bits.leading_zeros() as usize;
        }
        while block > 0 {
            block -= 1;
            #[cfg(test)]
            super::bytes::work::look(8);
            bits = others(&self.blocks[block]);
            if bits != 0 {
                return block * 64 + 64 - bits.leading_zeros() as usize;
            }
        }
        0
    }

    /// The runs of at least [`RUN`] bytes of `[A-Za-z0-9_.-]`, one after the other.
    #[inline]
    pub(super) fn long_runs(&self) -> LongRuns<'_> {
        LongRuns::of(self)
    }

    /// The first of them at or after `from`, where a run may be cut.
    #[inline]
    pub(super) fn long_run(&self, from: usize) -> Option<(usize, usize)> {
        let first = from / 64;
        let mut bits = self.starts.get(first)?[Start::Run as usize] & (!0 << (from % 64));
        let mut block = first;
        while bits == 0 {
            block += 1;
            #[cfg(test)]
            super::bytes::work::look(8);
            bits = self.starts.get(block)?[Start::Run as usize];
        }
        let start = block * 64 + bits.trailing_zeros() as usize;
        let others = |block: &Block| !(block[Class::Token as usize] | block[Class::Mark as usize]);
        Some((start, self.run_of(others, start)))
    }

    /// Whether there are so many digits.
    #[inline]
    fn has_digits(&self, count: usize) -> bool {
        let mut left = count;
        for block in self.blocks {
            let mut bits = block[Class::Digit as usize];
            while bits != 0 {
                left -= 1;
                if left == 0 {
                    return true;
                }
                bits &= bits - 1;
            }
        }
        false
    }

    /// Whether there are so many dots or dashes.
    fn has_marks(&self, mark: u8, count: usize) -> bool {
        let mut marks = self.all(Class::Mark);
        (0..count).all(|_| std::iter::from_fn(|| marks.next()).any(|found| self.text[found] == mark))
    }

    /// Cards, phones, addresses, dates: the shortest are an IPv4 address of four digits and three dots, and a
    /// date with its month as a word.
    #[inline]
    pub(super) fn may_hold_numbers(&self) -> bool {
        self.any(Class::Digit)
            && (self.has_digits(5) || self.has_digits(4) && (self.has_marks(b'.', 2) || self.has_marks(b'-', 4)))
    }

    /// `--password hunter2`, `-----BEGIN`
    #[inline]
    pub(super) fn may_hold_dashes(&self) -> bool {
        let mut last = 0;
        self.any(Class::Mark)
            && self.blocks.iter().any(|block| {
                let bits = block[Class::Mark as usize];
                let twins = bits & (bits << 1 | last);
                last = bits >> 63;
                twins != 0
            })
    }

    /// `-----BEGIN`
    pub(super) fn may_hold_pem(&self) -> bool {
        self.has_marks(b'-', 10)
    }

    /// A run of twelve bytes beside a digit or capital: no token is shorter, and the shortest stand behind `Bearer`, where they may
    /// have dots as well.
    #[inline]
    pub(super) fn may_hold_tokens(&self) -> bool {
        let digit = self.any(Class::Digit);
        let whole = |block| long_runs(self.blocks, block, |block| block[Class::Token as usize]) != 0;
        self.begins(Start::Run)
            && ((0..self.blocks.len()).any(whole) && (digit || self.text.iter().any(u8::is_ascii_uppercase))
                || digit && self.any(Class::Mark) && self.may_hold_dotted_tokens())
    }

    /// `Bearer mF_9.B5f-4.1JqM`
    fn may_hold_dotted_tokens(&self) -> bool {
        let mut runs = self.long_runs();
        while let Some((start, end)) = runs.next() {
            let run = &self.text[start..end];
            if self.text[..start].ends_with(b"earer ")
                && run.iter().any(u8::is_ascii_digit)
                && run.iter().filter(|byte| **byte == b'.').count() >= 2
            {
                return true;
            }
            runs.pass(end);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::draws;
    use super::*;

    #[test]
    fn anchors_are_where_the_bytes_are() {
        let mut draw = draws();
        for length in (0..200).chain([511, 512, 513, 4095, 4096, 4097, 5000]) {
            let alphabet = b"ab Z09.-:=@/_,\xc3%\\\xef\x1b";
            let letters = 2 + draw(alphabet.len() - 1);
            let text: Vec<u8> = (0..length).map(|_| alphabet[draw(letters)]).collect();
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            Anchors::with(&text, |anchors| {
                assert_eq!(anchors.any(Class::Slash), text.iter().any(|byte| matches!(byte, b'/' | b'\\')));
                for from in 0..=length + 1 {
                    let rest = text.get(from..).unwrap_or_default();
                    let next = |wanted: fn(u8) -> bool| rest.iter().position(|byte| wanted(*byte)).map(|at| from + at);
                    let of = |class: Class| {
                        let mut places = anchors.all(class);
                        places.pass(from);
                        places.next()
                    };
                    assert_eq!(of(Class::Digit), next(|byte| byte.is_ascii_digit()));
                    assert_eq!(of(Class::Pair), next(|byte| matches!(byte, b':' | b'=')));
                    assert_eq!(of(Class::Mark), next(|byte| matches!(byte, b'.' | b'-')));
                    assert_eq!(of(Class::Colon), next(|byte| byte == b':'));
                    assert_eq!(of(Class::At), next(|byte| byte == b'@'));
                    assert_eq!(of(Class::Escape), next(|byte| matches!(byte, b'%' | b'\\' | 0xef | 0x1b)));
                    if from <= length {
                        let run = rest.iter().take_while(|byte| is_token(**byte)).count();
                        assert_eq!(anchors.run(Class::Token, from), from + run);
                        let back = text[..from].iter().rev().take_while(|byte| is_token(**byte)).count();
                        assert_eq!(anchors.run_back(Class::Token, from), from - back);
                    }
                }
                let mut runs = anchors.long_runs();
                for run in text.split(|byte| !is_token(*byte) && *byte != b'.') {
                    if run.len() >= RUN {
                        let start = run.as_ptr() as usize - text.as_ptr() as usize;
                        assert_eq!(runs.next(), Some((start, start + run.len())));
                        runs.pass(start + run.len());
                    }
                }
                assert_eq!(runs.next(), None);
                let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
                assert!(digits == 0 || anchors.has_digits(digits));
                assert!(!anchors.has_digits(digits + 1));
                let twins = text.windows(2).any(|two| two.iter().all(|byte| matches!(byte, b'.' | b'-')));
                assert_eq!(anchors.may_hold_dashes(), twins);
            });
        }
    }
}
