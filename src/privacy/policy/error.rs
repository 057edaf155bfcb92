//! A policy that cannot be read.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a policy cannot be read: where, what, and the remedy.
///
/// ```
/// let error = tracing_privacy::privacy::Policy::from_toml("base = \"standard\"\nmesage = \"drop\"").unwrap_err();
/// assert_eq!((error.line(), error.column()), (2, 1));
/// assert!(error.to_string().starts_with("line 2, column 1: there is no setting `mesage`; there are `base`, "));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    file: Option<PathBuf>,
    line: usize,
    column: usize,
    problem: String,
}

impl PolicyError {
    /// A problem at a byte of the text.
    pub(super) fn at(text: &str, offset: usize, problem: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        PolicyError {
            file: None,
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
            problem: problem.into(),
        }
    }

    /// A file that cannot be read at all.
    pub(super) fn unreadable(file: &Path, problem: impl Into<String>) -> Self {
        PolicyError { file: Some(file.to_owned()), line: 0, column: 0, problem: problem.into() }
    }

    pub(super) fn in_file(self, file: &Path) -> Self {
        PolicyError { file: Some(file.to_owned()), ..self }
    }

    /// The file, if the policy came from one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The line, counted from 1; 0 if the file cannot be read at all.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, counted from 1; 0 if the file cannot be read at all.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        f.write_str(&self.problem)
    }
}

impl std::error::Error for PolicyError {}
