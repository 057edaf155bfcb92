//! What makes this installation recognisable to itself: the key of its pseudonyms, and the day's session id.
//!
//! Nothing in here is derived from the machine or its user, and nothing is written before the worker runs, which it does
//! only while telemetry is on.

mod file;
mod key;
mod session;

pub use key::Rotation;
pub(crate) use key::{InstallKey, PendingKey};
pub(crate) use session::session_id;
