//! One interface to every destination: seal once, send until somebody has it.

use std::time::Duration;

#[cfg(feature = "clickhouse")]
use super::clickhouse::{Inserts, Uplink};
use super::endpoint::Endpoint;
#[cfg(feature = "otlp")]
use super::http::HttpSettings;
#[cfg(feature = "otlp")]
use super::otlp::OtlpExporter;
use super::outcome::Outcome;
#[cfg(feature = "otlp")]
use super::sealed::Sealed;
#[cfg(feature = "clickhouse")]
use crate::app::Clock;
use crate::record::RecordRef;

/// A destination as the settings have it.
#[derive(Clone, Debug)]
pub(crate) enum Receiver {
    #[cfg(feature = "otlp")]
    Otlp { endpoint: Endpoint, settings: HttpSettings },
    #[cfg(feature = "clickhouse")]
    ClickHouse { endpoint: Endpoint, settings: Box<super::clickhouse::ClickHouseBuilder> },
}

/// A destination that can be sent to.
#[derive(Debug)]
pub(crate) enum Exporter {
    #[cfg(feature = "otlp")]
    Otlp(Box<OtlpExporter>),
    #[cfg(feature = "clickhouse")]
    ClickHouse(Box<Uplink>),
}

/// Records as one destination takes them.
#[derive(Debug)]
pub(crate) enum Parcel {
    #[cfg(feature = "otlp")]
    Otlp(Sealed),
    #[cfg(feature = "clickhouse")]
    ClickHouse(Inserts),
}

impl Receiver {
    pub(crate) fn endpoint(&self) -> &Endpoint {
        match self {
            #[cfg(feature = "otlp")]
            Receiver::Otlp { endpoint, .. } => endpoint,
            #[cfg(feature = "clickhouse")]
            Receiver::ClickHouse { endpoint, .. } => endpoint,
        }
    }

    /// The longest that a request can take.
    pub(crate) fn longest(&self) -> Duration {
        match self {
            #[cfg(feature = "otlp")]
            Receiver::Otlp { settings, .. } => settings.total_timeout,
            #[cfg(feature = "clickhouse")]
            Receiver::ClickHouse { settings, .. } => settings.http.total_timeout,
        }
    }

    /// The same bit for the same kind of destination, in every run.
    pub(crate) fn bit(&self) -> u8 {
        match self {
            #[cfg(feature = "otlp")]
            Receiver::Otlp { .. } => 1,
            #[cfg(feature = "clickhouse")]
            Receiver::ClickHouse { .. } => 2,
        }
    }

    /// Whether it knows what it has got by a token.
    pub(crate) fn knows_tokens(&self) -> bool {
        match self {
            #[cfg(feature = "otlp")]
            Receiver::Otlp { .. } => false,
            #[cfg(feature = "clickhouse")]
            Receiver::ClickHouse { .. } => true,
        }
    }

    /// Makes what sends to it. Opens nothing.
    ///
    /// # Errors
    /// In words, for the status.
    pub(crate) fn exporter(&self) -> Result<Exporter, String> {
        Ok(match self {
            #[cfg(feature = "otlp")]
            Receiver::Otlp { endpoint, settings } => Exporter::Otlp(Box::new(
                OtlpExporter::new(endpoint.clone(), settings.clone()).map_err(|error| error.to_string())?,
            )),
            #[cfg(feature = "clickhouse")]
            Receiver::ClickHouse { endpoint, settings } => {
                Exporter::ClickHouse(Box::new(Uplink::new(settings, endpoint.clone())))
            }
        })
    }
}

impl Exporter {
    /// Makes the final bytes. The records must share their signal and their resource; the number is theirs alone.
    ///
    /// # Errors
    /// They cannot be encoded, and could not be later. In words, for the status.
    #[cfg_attr(not(feature = "clickhouse"), expect(unused_variables, reason = "a collector knows no numbers"))]
    pub(crate) fn seal(&mut self, records: &[RecordRef<'_>], number: i64) -> Result<Parcel, String> {
        match self {
            #[cfg(feature = "otlp")]
            Exporter::Otlp(exporter) => exporter.seal(records).map(Parcel::Otlp).map_err(|error| error.to_string()),
            #[cfg(feature = "clickhouse")]
            Exporter::ClickHouse(uplink) => Ok(Parcel::ClickHouse(uplink.seal(records, number))),
        }
    }

    /// Sends once what was sealed by this exporter. Needs a tokio runtime with I/O and time.
    #[cfg(feature = "clickhouse")]
    pub(crate) async fn send(&mut self, parcel: &mut Parcel, clock: &Clock) -> Outcome {
        match (self, parcel) {
            #[cfg(feature = "otlp")]
            (Exporter::Otlp(exporter), Parcel::Otlp(sealed)) => exporter.send(sealed).await,
            (Exporter::ClickHouse(uplink), Parcel::ClickHouse(inserts)) => {
                uplink.send(inserts, clock.wall().date().days()).await
            }
            #[cfg(feature = "otlp")]
            _ => Outcome::Rejected { status: 0, why: "sealed for another destination".into() },
        }
    }

    /// Sends once what was sealed by this exporter. Needs a tokio runtime with I/O and time.
    #[cfg(not(feature = "clickhouse"))]
    pub(crate) async fn send(&mut self, parcel: &mut Parcel, _: &crate::app::Clock) -> Outcome {
        match (self, parcel) {
            (Exporter::Otlp(exporter), Parcel::Otlp(sealed)) => exporter.send(sealed).await,
        }
    }

    /// What the destination itself said about the last thing that it took.
    pub(crate) fn take_answer(&mut self) -> Option<String> {
        match self {
            #[cfg(feature = "otlp")]
            Exporter::Otlp(_) => None,
            #[cfg(feature = "clickhouse")]
            Exporter::ClickHouse(uplink) => uplink.take_answer(),
        }
    }

    /// What happened that somebody should know.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        match self {
            #[cfg(feature = "otlp")]
            Exporter::Otlp(_) => Vec::new(),
            #[cfg(feature = "clickhouse")]
            Exporter::ClickHouse(uplink) => uplink.take_notes(),
        }
    }
}
