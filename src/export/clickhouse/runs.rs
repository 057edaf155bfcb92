//! Columns whose rows mostly equal the row before, such as the name of a service: equal rows are kept once.

use std::borrow::Cow;

use super::columns::{Column, Text};
use super::compression::Body;
use super::json::{self, Json};
use super::length::length_of;

/// A column whose rows mostly equal the row before: equal rows are kept once.
#[derive(Debug, Default, Clone)]
pub(super) struct Runs<C> {
    /// One row for each run.
    rows: C,
    /// How many rows each run is, and where its data ends.
    runs: Vec<Run>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    rows: u64,
    end: usize,
}

impl Runs<Text> {
    #[inline]
    pub(super) fn push(&mut self, text: &str) {
        if let Some(row) = self.last()
            && row.len() > text.len()
            && &row[row.len() - text.len()..] == text.as_bytes()
            && row.len() == text.len() + length_of(text.len())
        {
            return self.again();
        }
        self.rows.push(text);
        self.run_ends();
    }

    /// Appends a string that is encoded already.
    #[inline]
    pub(super) fn push_encoded(&mut self, string: &[u8]) {
        if self.last() == Some(string) {
            return self.again();
        }
        self.rows.push_encoded(string);
        self.run_ends();
    }

    /// The last row, with its length before it.
    fn last(&self) -> Option<&[u8]> {
        let start = self.runs.len().checked_sub(2).map_or(0, |before| self.runs[before].end);
        let last = self.runs.last()?;
        Some(&self.rows.bytes[start..last.end])
    }

    fn run_ends(&mut self) {
        self.runs.push(Run { rows: 1, end: self.rows.bytes.len() });
    }
}

impl<C> Runs<C> {
    #[inline]
    fn again(&mut self) {
        if let Some(run) = self.runs.last_mut() {
            run.rows += 1;
        }
    }
}

impl Column for Runs<Text> {
    fn type_name(&self) -> Cow<'static, str> {
        self.rows.type_name()
    }

    fn size(&self) -> usize {
        let mut start = 0;
        let size = |run: &Run| run.rows as usize * (run.end - std::mem::replace(&mut start, run.end));
        self.runs.iter().map(size).sum()
    }

    fn write(&self, body: &mut Body) {
        let mut start = 0;
        for run in &self.runs {
            body.repeat(&self.rows.bytes[start..run.end], run.rows);
            start = run.end;
        }
    }

    fn json(&self) -> Box<dyn Json> {
        Box::new(json::Strings::new(self.data()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_are_kept_once_and_written_each_time() {
        let (long, longer) = ("x".repeat(127), "x".repeat(128));
        let texts = ["", "", "a", "a", "b", "", "ba", "a", &long, &longer, &longer, &long, "\0", "\u{1}a", "a"];
        let (mut all, mut runs, mut encoded) = (Text::default(), Runs::<Text>::default(), Runs::<Text>::default());
        for text in texts {
            all.push(text);
            runs.push(text);
            let mut one = Text::default();
            one.push(text);
            encoded.push_encoded(&one.bytes);
        }
        assert!(runs.data() == all.bytes && encoded.data() == all.bytes);
        assert_eq!((runs.size(), runs.runs.len()), (all.size(), texts.len() - 3));
    }
}
