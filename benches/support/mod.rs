//! What the benchmarks share.

#![allow(dead_code, reason = "each benchmark uses a part")]

#[path = "../../tests/support/allocations.rs"]
pub(crate) mod allocations;
pub(crate) mod client;
pub(crate) mod discard;
#[path = "../../tests/support/home.rs"]
#[allow(unreachable_pub)]
pub(crate) mod home;
pub(crate) mod process;
pub(crate) mod seen;
pub(crate) mod sink;
pub(crate) mod subject;
pub(crate) mod workload;
