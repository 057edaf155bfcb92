//! Mistakes in the application's code, found when telemetry starts.

use std::fmt;

use crate::privacy::InventoryError;

/// A setting that cannot work. Its text names the setting and the remedy.
///
/// Only mistakes in code are errors, and those in a file that it names by [`policy_file`](super::Builder::policy_file). Trouble in the
/// environment never is: see [`Status::notes`](super::Status::notes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    setting: &'static str,
    problem: String,
}

impl Error {
    pub(super) fn new(setting: &'static str, problem: impl fmt::Display) -> Self {
        Error { setting, problem: problem.to_string() }
    }

    /// What the mistake is in, such as `.otlp`, `.targets`, `app!` or `inventory`.
    pub fn setting(&self) -> &str {
        self.setting
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "telemetry cannot start: {}: {}", self.setting, self.problem)
    }
}

impl std::error::Error for Error {}

impl From<InventoryError> for Error {
    fn from(error: InventoryError) -> Self {
        Error::new("inventory", error)
    }
}
