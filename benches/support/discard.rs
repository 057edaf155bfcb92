//! Exporters for the SDK's pipelines that throw everything away, or keep it for a look.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::seen::Seen;

/// Counts what it is given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Discard {
    taken: Arc<AtomicU64>,
    kept: Option<Arc<Mutex<Vec<Seen>>>>,
}

impl Discard {
    /// One that also keeps what it is given.
    pub(crate) fn keeping() -> Self {
        Discard { taken: Arc::default(), kept: Some(Arc::default()) }
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    pub(crate) fn kept(&self) -> Vec<Seen> {
        self.kept.as_ref().map(|kept| kept.lock().unwrap().clone()).unwrap_or_default()
    }
}

impl SpanExporter for Discard {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.taken.fetch_add(batch.len() as u64, Ordering::Relaxed);
        if let Some(kept) = &self.kept {
            kept.lock().unwrap().extend(batch.iter().map(Seen::of_span));
        }
        Ok(())
    }
}

impl LogExporter for Discard {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.taken.fetch_add(batch.iter().count() as u64, Ordering::Relaxed);
        if let Some(kept) = &self.kept {
            kept.lock().unwrap().extend(batch.iter().map(|(log, _)| Seen::of_log(log)));
        }
        Ok(())
    }
}
