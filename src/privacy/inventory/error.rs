//! Mistakes in an inventory's file.

use std::fmt;

/// An inventory that cannot be used. Its text gives file, line, column and what to write instead:
/// ``telemetry.toml:7:1: unknown key `purpos` ..``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryError {
    file: String,
    line: usize,
    column: usize,
    problem: String,
}

impl InventoryError {
    /// A problem at a byte offset of the file's text.
    pub(super) fn at(file: &str, text: &str, offset: usize, problem: impl Into<String>) -> Self {
        let (line, column) = place(text, offset);
        InventoryError { file: file.to_owned(), line, column, problem: problem.into() }
    }

    /// The file, as it was named to the parser.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for InventoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.problem)
    }
}

impl std::error::Error for InventoryError {}

/// Line and column of a byte offset, as editors count.
pub(super) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
