//! The filter: what may be kept of a value, and the one way by which a value becomes a record.
//!
//! Per callsite, once, a [`Policy`] decides about each field by its key. Per value, text that stays is scanned, and what
//! the scanner finds is replaced. A scanner sees forms, not meanings: it cannot know that `blue heron` is somebody's
//! password. Keys can be relied on, text only so far.

mod chunk;
pub(crate) mod format;
mod generalize;
pub mod guide;
pub mod inventory;
#[cfg(feature = "upload")]
mod json;
mod key_filter;
mod key_tables;
mod keys;
mod open;
mod page;
mod pen;
mod plan;
mod plans;
mod policy;
mod pseudonym;
mod quick;
#[cfg(feature = "upload")]
mod readmit;
mod resource;
pub(crate) mod row;
mod scan;
mod sql;
mod text;
#[cfg(feature = "upload")]
mod verify;
mod visitor;

#[cfg(test)]
mod tests;

pub(crate) use chunk::{Chunk, Clean};
pub use generalize::{Bounds, Form, UnknownForm, UnusableBounds};
pub use inventory::{Inventory, InventoryError};
pub(crate) use open::{CleanSpan, Held, Room};
#[cfg(feature = "upload")]
pub(crate) use pen::Scalar;
pub(crate) use pen::{Engine, Scratch};
pub(crate) use plan::{Origin, Plan};
pub(crate) use plans::{Plans, Unplanned};
pub use policy::{Action, Explanation, KeyPattern, Policy, PolicyError, Site, TimeUnit};
pub use pseudonym::{Pseudonym, Pseudonymizer, Secret};
#[cfg(feature = "upload")]
pub(crate) use readmit::{Readmitted, Readmitter, Refused};
pub use resource::Resource;
pub(crate) use resource::Source;
pub use scan::{Custom, CustomError, CustomKind, Finding, Kind, OnFinding, Scanner, Severity, UnknownKind};
#[cfg(feature = "upload")]
pub(crate) use verify::{Check, Defect};
pub(crate) use visitor::PrivacyVisitor;
