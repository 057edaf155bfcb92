//! What becomes of text that stands in the record already: scanned, replaced, cut.

use super::{Pen, SAFE, Scratch, VALUE_CAP};
use crate::privacy::generalize::{self, Rest};
use crate::privacy::plan::{FieldPlan, Role};
use crate::privacy::policy::Action;
use crate::privacy::resource::Source;
use crate::privacy::scan::{Finding, OnFinding};
use crate::privacy::text::{Whole, bare, floor_boundary, settled};

impl Pen<'_> {
    /// Scans the text from `at` on, replaces what is found, cuts it to its cap and notes its length.
    #[inline(always)]
    pub(super) fn settle(&mut self, entry: usize, at: usize, whole: Whole, plan: &FieldPlan) {
        let record = &mut self.scratch.record;
        let length = record.len() - at;
        let scanner = self.engine.policy.text_scanner();
        if length > plan.cap() || whole == Whole::No || !scanner.looks_clean(&record[at..]) {
            return self.settle_odd(entry, at, whole, plan);
        }
        // The cast keeps the value: every cap is below 65,536.
        record[at - 2..at].copy_from_slice(&(length as u16).to_le_bytes());
    }

    #[inline(never)]
    fn settle_odd(&mut self, entry: usize, at: usize, whole: Whole, plan: &FieldPlan) {
        let Scratch { record, findings, .. } = &mut *self.scratch;
        self.engine.policy.text_scanner().scan_settled(&record[at..], findings);
        if findings.is_empty() {
            return self.close_text(at, whole, plan.cap());
        }
        self.redact(entry, at, whole, plan);
    }

    #[inline(never)]
    fn redact(&mut self, entry: usize, at: usize, whole: Whole, plan: &FieldPlan) {
        let Scratch { record, text, findings } = &mut *self.scratch;
        let answer = match plan.action {
            Action::Redact => OnFinding::Redact,
            _ => self.engine.policy.answer(findings),
        };
        self.condemned |= answer == OnFinding::DropRecord;
        text.clear();
        match std::str::from_utf8(&record[at..]) {
            Ok(raw) if answer == OnFinding::Redact => text.push_str(raw),
            _ => {
                record.truncate(entry);
                return self.drop_field();
            }
        }
        self.tally.redacted = self.tally.redacted.saturating_add(1);
        record.truncate(at);
        let end = if whole == Whole::Yes { text.len() } else { floor_boundary(text.as_bytes(), SAFE) };
        self.engine
            .policy
            .text_scanner()
            .redact(&text[..end], findings, |piece| record.extend_from_slice(piece.as_bytes()));
        text.clear();
        self.close_text(at, whole, plan.cap());
    }

    /// Cuts the text from `at` on to its cap and notes its length. Of what is not whole all that is kept was seen whole:
    /// every cap is smaller than what is safe.
    #[inline]
    fn close_text(&mut self, at: usize, whole: Whole, cap: usize) {
        let Scratch { record, findings, .. } = &mut *self.scratch;
        let kept = floor_boundary(&record[at..], cap);
        if whole == Whole::No || at + kept < record.len() {
            let kept = settled(self.engine.policy.text_scanner(), &record[at..at + kept], findings);
            record.truncate(at + kept);
        }
        let length = record.len() - at;
        // The cast keeps the value: every cap is below 65,536.
        record[at - 2..at].copy_from_slice(&(length as u16).to_le_bytes());
    }

    /// Replaces the text from `at` on by a pseudonym of it, or by something coarser.
    pub(super) fn transform(&mut self, entry: usize, at: usize, whole: Whole, plan: &FieldPlan) {
        let Scratch { record, text, findings } = &mut *self.scratch;
        text.clear();
        if let Ok(raw) = std::str::from_utf8(&record[at..]) {
            text.push_str(bare(raw));
        }
        if whole == Whole::No && !plan.action.is_hash() {
            // What becomes shorter may bring the window's edge within what is kept: nothing may be cut in two there.
            self.engine.policy.text_scanner().scan(text.as_bytes(), findings);
            let end = floor_boundary(text.as_bytes(), SAFE);
            let found = findings.iter().map(Finding::span).find(|span| span.contains(&end));
            let end = found.map_or(end, |span| span.start);
            text.truncate(text[..end].rfind(char::is_whitespace).unwrap_or(0));
        }
        record.truncate(at);
        let is_hash = plan.action.is_hash();
        if is_hash && *text == "None" {
            // Nobody is not somebody: all whose id is missing would be one.
            record.truncate(entry);
            text.clear();
            return self.drop_field();
        }
        let source = if plan.readmits_pseudonyms { Source::Disk } else { Source::Application };
        let made = generalize::apply(plan.action, &plan.source, text, source, &self.engine.pseudonyms, |made| {
            record.extend_from_slice(made.as_bytes());
        });
        if made.is_some() {
            let count = if is_hash { &mut self.tally.hashed } else { &mut self.tally.redacted };
            // What a table of values has nothing to say about stays as it is.
            *count = count.saturating_add(u32::from(is_hash || record[at..] != *text.as_bytes()));
        }
        text.clear();
        match made {
            Some(Rest::Known) => self.close_text(at, Whole::Yes, VALUE_CAP),
            Some(Rest::Text) => self.settle(entry, at, Whole::Yes, plan),
            None => {
                record.truncate(entry);
                self.drop_field();
            }
        }
    }

    /// Leaves of the text from `at` on what it says; `false` if that is not what the inventory says of it.
    pub(super) fn undress(&mut self, at: usize, plan: &FieldPlan) -> bool {
        let record = &mut self.scratch.record;
        let Ok(text) = std::str::from_utf8(&record[at..]) else { return false };
        let plain = bare(text);
        if !plan.admits(plain) {
            return false;
        }
        let (from, len) = (text.find(plain).unwrap_or(0), plain.len());
        record.copy_within(at + from..at + from + len, at);
        record.truncate(at + len);
        true
    }

    /// Replaces the text from `at` on by the one byte it stands for.
    pub(super) fn code(&mut self, entry: usize, at: usize, role: Role) {
        let record = &mut self.scratch.record;
        let code = std::str::from_utf8(&record[at..]).ok().and_then(|text| role.code(bare(text)));
        record.truncate(entry);
        match code {
            Some((tag, byte)) => record.extend_from_slice(&[tag, byte]),
            None => self.drop_field(),
        }
    }
}
