//! The short way of the usual value: kept as it is, and clean. What takes it is known with the plan; what turns out to be
//! less usual goes the long way through the [`Pen`](super::pen::Pen), as if this were not there.

use std::fmt::{self, Write as _};

use super::format::{self, HEADER};
use super::pen::{CARD_LIKE, FIELD_CAP, Pen, RECORD_CAP, SCALAR, VALUE_CAP};
use super::plan::{FieldPlan, Role, Scalars};
use super::text::{Whole, bounded};

/// What a field's plan says about usual values, in one word.
#[derive(Debug)]
pub(super) struct Quick {
    takes: u8,
    /// The tag of a text.
    tag: u8,
    /// Bytes in front of a text: its tag and its length, and the key between them where there is one.
    head: u8,
    /// Bytes of a text that stay.
    cap: u32,
}

/// Kinds of values that may be taken.
pub(super) const BOOL: u8 = 1;
pub(super) const INTEGER: u8 = 4;
pub(super) const FLOAT: u8 = 8;
/// Text that exists already, or that `Display` makes.
pub(super) const TEXT: u8 = 16;
/// Text that somebody's `Debug` or `Display` makes.
pub(super) const DEBUG: u8 = 32;

impl Quick {
    /// What may be taken of the fields of a callsite. Where it has more than a record may, nothing is: on the long way they
    /// are counted. (A value set made by hand that gives one field again and again is bounded by the record's bytes.)
    pub(super) fn of_all(plans: &[FieldPlan]) -> Box<[Quick]> {
        match plans.len() <= FIELD_CAP as usize {
            true => plans.iter().map(Quick::of).collect(),
            false => Box::default(),
        }
    }

    /// What may be taken of a field.
    fn of(plan: &FieldPlan) -> Self {
        let scalar = |scalars, bit| if scalars == Scalars::Stay { bit } else { 0 };
        let text = match plan.role {
            Role::Attribute | Role::Body if plan.keeps_text() => TEXT | if plan.drops_structs { 0 } else { DEBUG },
            _ => 0,
        };
        let scalars = match plan.role {
            Role::Attribute => scalar(plan.bools, BOOL) | scalar(plan.integers, INTEGER) | scalar(plan.floats, FLOAT),
            _ => 0,
        };
        let head = if plan.role.tag() == format::STR { 5 } else { 3 };
        // The cast keeps the value: every cap is below 65,536.
        Quick { takes: scalars | text, tag: plan.role.tag(), head, cap: plan.cap() as u32 }
    }

    #[inline(always)]
    pub(super) fn takes(&self, kind: u8) -> bool {
        self.takes & kind != 0
    }

    #[inline(always)]
    fn head(&self) -> usize {
        usize::from(self.head)
    }

    #[inline(always)]
    fn cap(&self) -> usize {
        self.cap as usize
    }

    /// Writes what stands in front of a text of so many bytes.
    #[inline(always)]
    fn open(&self, index: u16, size: u16, head: &mut [u8]) {
        let ([low, high], [few, many]) = (index.to_le_bytes(), size.to_le_bytes());
        match head {
            [a, b, c, d, e] => [*a, *b, *c, *d, *e] = [self.tag, low, high, few, many],
            [a, b, c] => [*a, *b, *c] = [self.tag, few, many],
            _ => {}
        }
    }
}

/// Whether a number may be as long as a card number.
#[inline(always)]
pub(super) fn is_short(value: u64) -> bool {
    value < CARD_LIKE
}

impl Pen<'_> {
    /// Room for one more field whose value has at most `cap` bytes and whose entry has `size`; `None` also where the buffer
    /// would have to grow.
    #[inline(always)]
    fn next_entry(&mut self, cap: usize, size: usize) -> Option<&mut [u8]> {
        if self.scratch.record.len() > RECORD_CAP - HEADER - cap {
            return None;
        }
        self.scratch.record.next(size)
    }

    /// Writes a number in one piece; `false` if there is no room.
    #[inline(always)]
    pub(super) fn quick_number(&mut self, tag: u8, index: u16, bits: u64) -> bool {
        let Some(entry) = self.next_entry(SCALAR, 11) else { return false };
        entry[0] = tag;
        entry[1..3].copy_from_slice(&index.to_le_bytes());
        entry[3..].copy_from_slice(&bits.to_le_bytes());
        true
    }

    /// Writes a truth value; `false` if there is no room.
    #[inline(always)]
    pub(super) fn quick_bool(&mut self, index: u16, value: bool) -> bool {
        let Some(entry) = self.next_entry(SCALAR, 4) else { return false };
        let [low, high] = index.to_le_bytes();
        entry.copy_from_slice(&[format::BOOL, low, high, u8::from(value)]);
        true
    }

    /// Writes text that is short and clean; `false` if it is not, or if there is no room.
    #[inline(always)]
    pub(super) fn quick_text(&mut self, quick: &Quick, index: u16, value: &str) -> bool {
        if value.len() > quick.cap() || !self.engine.policy.text_scanner().looks_clean(value.as_bytes()) {
            return false;
        }
        let head = quick.head();
        let Some(entry) = self.next_entry(VALUE_CAP, head + value.len()) else { return false };
        let (before, text) = entry.split_at_mut(head);
        // The cast keeps the value, which is no more than the cap.
        quick.open(index, value.len() as u16, before);
        text.copy_from_slice(value.as_bytes());
        true
    }

    /// Writes text that somebody's `Debug` makes; `false` if there is no room. `plan` is asked for where it is less usual.
    #[inline(always)]
    pub(super) fn quick_debug<'a>(
        &mut self,
        quick: &Quick,
        index: u16,
        value: &dyn fmt::Debug,
        plan: impl FnOnce() -> Option<&'a FieldPlan>,
    ) -> bool {
        let head = quick.head();
        let entry = self.scratch.record.len();
        if self.next_entry(VALUE_CAP, head).is_none() {
            return false;
        }
        let written = bounded(&mut self.scratch.record, |out| write!(out, "{value:?}"));
        if let Some(Whole::Yes) = written
            && let Some((before, text)) = self.scratch.record.from(entry).split_at_mut_checked(head)
            && text.len() <= quick.cap()
            && self.engine.policy.text_scanner().looks_clean(text)
        {
            // The cast keeps the value, which is no more than the cap.
            quick.open(index, text.len() as u16, before);
        } else {
            self.settle_quick(quick, index, entry, written, plan());
        }
        true
    }

    /// Ends a text of which only its beginning was kept free, and which is none of the usual ones.
    #[inline(never)]
    fn settle_quick(
        &mut self,
        quick: &Quick,
        index: u16,
        entry: usize,
        written: Option<Whole>,
        plan: Option<&FieldPlan>,
    ) {
        let head = quick.head();
        quick.open(index, 0, &mut self.scratch.record[entry..entry + head]);
        match plan {
            Some(plan) => self.settle_written(entry, entry + head, written, plan),
            // What no plan speaks about does not stay.
            None => {
                self.scratch.record.truncate(entry);
                self.drop_field();
            }
        }
    }
}
