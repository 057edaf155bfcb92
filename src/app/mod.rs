//! The application and the machine it runs on: its name and environment prefix, the variables and files it can see,
//! its directories, the one clock and the one source of randomness.

mod application;
mod clock;
mod date;
pub(crate) mod directories;
mod environment;
mod hmac;
mod machine;
mod near;
pub(crate) mod private_directory;
pub(crate) mod random;
mod rotation;
mod time_zone;

pub use application::App;
pub use clock::Clock;
pub(crate) use date::{Date, Timestamp};
pub use environment::{Environment, Os};
pub(crate) use environment::{Presence, Reading, Var};
pub(crate) use hmac::KeyState;
pub(crate) use near::is_near;
pub use rotation::Rotation;
pub(crate) use rotation::{Renewed, RotatingKey, RotatingKeys};
pub(crate) use time_zone::country;
