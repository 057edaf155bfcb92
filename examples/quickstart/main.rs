//! A small shop that logs far too much, and what its telemetry keeps of it.
//!
//! ```text
//! cargo run --example quickstart                                      # off: says so, and why
//! QUICKSTART_TELEMETRY_ENABLED=true cargo run --example quickstart    # on: shows every record
//! ```

mod recorder;
mod shop;
mod show;

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use recorder::Recorder;
use tracing_privacy::{Telemetry, app};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = Telemetry::builder(app!()).start()?;
    // Only for the comparison below; an application has an `fmt` layer in its place, or none.
    let recorder = telemetry.is_on().then(Recorder::default);
    tracing_subscriber::registry().with(telemetry.layer()).with(recorder.clone()).init();

    let orders = shop::open();

    let mut out = BufWriter::new(io::stdout().lock());
    let shown = match recorder {
        None => show::off(&mut out, &telemetry, orders),
        Some(recorder) => show_all(&mut out, &telemetry, &recorder),
    };
    match shown.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        shown => Ok(shown?),
    }
}

fn show_all(out: &mut impl Write, telemetry: &Telemetry, recorder: &Recorder) -> io::Result<()> {
    // What a flush cannot finish is among the counters and notes below.
    let _ = telemetry.flush(Duration::from_secs(5));
    let logged = recorder.logged();
    let this_run = telemetry.status().counts().produced().try_into().unwrap_or(usize::MAX);
    let kept = telemetry.records(this_run)?;
    let kept = kept.iter().map(|row| serde_json::from_str(row)).collect::<Result<Vec<_>, _>>()?;
    show::records(out, &logged, &kept)?;
    show::pseudonyms(out, &logged, &kept)?;
    show::summary(out, telemetry, kept.last())
}
