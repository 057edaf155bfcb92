//! Ports for programs that are told where to listen.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Linux gives connections, and whoever asks for any port, those from 32,768 on.
const FIRST: u32 = 10_000;
const COUNT: u32 = 22_000;

/// A port on loopback that nobody listens on, and that stays so until the caller's program does, also while that is started
/// again: it is given once in this process, another process begins to look elsewhere, and the system gives it to nobody.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(97);
    let mut ports =
        std::iter::repeat_with(|| FIRST + first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % COUNT);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports
        .by_ref()
        .take(1000)
        .filter_map(|port| u16::try_from(port).ok())
        .find(is_free)
        .expect("this machine has free ports")
}
