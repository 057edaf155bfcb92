//! What makes this installation recognisable to itself: the keys of its pseudonyms, the day's session id, and an
//! installation id where the application asks for one.
//!
//! Nothing in here is derived from the machine or its user, and nothing is written before the worker runs, which it does
//! only while telemetry is on.

mod installation;
mod keys;
mod private_file;
mod session;

pub(crate) use installation::InstallationId;
pub(crate) use keys::{load_keys, save_keys};
pub(crate) use session::session_id;
