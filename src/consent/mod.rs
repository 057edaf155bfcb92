//! Whether telemetry may be on, and why: a pure function of what the machine, the user and the application say.
//!
//! Any "no" turns it off, whatever else says yes; then somebody must have said yes. [`decide()`] reads variables and
//! small files through an [`Environment`](crate::Environment) and writes nothing.
//!
//! It is asked at the start, and again by [`Telemetry::grant`](crate::Telemetry::grant). While the program runs, the
//! files of the rows 4 to 6 are looked at before anything is stored and before each request: a plain no
//! in one of them ends collection and sending. A variable counts from the next start.
//!
//! `{P}` is the application's name in capitals, or its vendor's prefix, and `{p}` the same in small letters. Words are trimmed
//! and their case does not matter; an empty variable is as none. Under a prefix the rows 3 and 4 are looked at twice: what was
//! said no to under the application's own name stays a no, and only the yes goes by the prefix alone.
//!
#![doc = include_str!("table.md")]
//!
//! ```
//! use tracing_privacy::consent::{Saved, Settings, State, decide};
//! use tracing_privacy::{Environment, app};
//!
//! let settings = Settings::new(app!("acme"));
//! let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true"), ("DO_NOT_TRACK", "1")]);
//! let decision = decide(&environment, &Saved::none(), &settings);
//! assert_eq!(decision.state(), State::Off);
//! assert!(decision.reason().starts_with("off: DO_NOT_TRACK=1"));
//! ```

mod agreed;
mod decide;
mod decision;
mod file;
mod markers;
mod row;
mod saved;
mod settings;
mod since;
mod word;

pub(crate) use agreed::{Collected, Entry};
pub use decide::decide;
pub use decision::{Considered, Decision, Effect, State};
pub use row::Row;
pub use saved::Saved;
pub use settings::{Disabled, InCi, InDevelopment, Settings};
pub(crate) use since::no_since;

/// Whether a variable's text is one of the words for yes.
pub(crate) fn is_yes(text: &str) -> bool {
    word::Word::of(text) == word::Word::Yes
}
