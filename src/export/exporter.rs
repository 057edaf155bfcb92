//! One interface to every destination: seal once, send until somebody has it.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Runtime;

#[cfg(feature = "clickhouse")]
use super::clickhouse::{Inserts, Uplink};
use super::endpoint::Endpoint;
#[cfg(any(feature = "otlp", feature = "clickhouse"))]
use super::http::HttpFailure;
use super::http::Permit;
#[cfg(feature = "otlp")]
use super::otlp::{OtlpExporter, OtlpSettings};
use super::outcome::Outcome;
use super::pipeline::{Cargo, End, SdkDestination, SdkExporter};
#[cfg(feature = "otlp")]
use super::sealed::Sealed;
use crate::app::Clock;
use crate::record::{Addressee, RecordRef};

/// A destination as the settings have it.
#[derive(Clone, Debug)]
pub(crate) enum Receiver {
    #[cfg(feature = "otlp")]
    Otlp { endpoint: Endpoint, settings: Box<OtlpSettings> },
    #[cfg(feature = "clickhouse")]
    ClickHouse { endpoint: Endpoint, settings: Box<super::clickhouse::ClickHouseBuilder> },
    /// An exporter or processor of the application's own.
    Sdk(SdkDestination),
}

/// A destination that can be sent to.
#[derive(Debug)]
pub(crate) enum Exporter {
    #[cfg(feature = "otlp")]
    Otlp(Box<OtlpExporter>),
    #[cfg(feature = "clickhouse")]
    ClickHouse(Box<Uplink>),
    Sdk(Box<SdkExporter>),
}

/// Records as one destination takes them.
#[derive(Debug)]
pub(crate) enum Parcel {
    #[cfg(feature = "otlp")]
    Otlp(Sealed),
    #[cfg(feature = "clickhouse")]
    ClickHouse(Inserts),
    Sdk(Cargo),
}

/// What a destination can have got of records before, under the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Earlier {
    Nothing,
    /// All, some, or nothing.
    Perhaps,
}

impl Parcel {
    /// Whether a destination that would know them again has certainly none of these records, whatever was tried.
    pub(crate) fn is_certainly_absent(&self) -> bool {
        match self {
            #[cfg(feature = "clickhouse")]
            Parcel::ClickHouse(inserts) => inserts.is_certainly_absent(),
            #[cfg(feature = "otlp")]
            Parcel::Otlp(_) => false,
            Parcel::Sdk(_) => false,
        }
    }
}

impl Receiver {
    /// Its address; none where only the application knows.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            #[cfg(feature = "otlp")]
            Receiver::Otlp { endpoint, .. } => Some(endpoint),
            #[cfg(feature = "clickhouse")]
            Receiver::ClickHouse { endpoint, .. } => Some(endpoint),
            Receiver::Sdk(_) => None,
        }
    }

    /// What a status calls it: the address, or the type.
    pub(crate) fn label(&self) -> String {
        match self {
            Receiver::Sdk(destination) => destination.label().to_owned(),
            #[cfg(any(feature = "otlp", feature = "clickhouse"))]
            _ => self.endpoint().map(Endpoint::to_string).unwrap_or_default(),
        }
    }

    /// What a yes is given for: the host, or the type.
    pub(crate) fn host(&self) -> &str {
        match self {
            Receiver::Sdk(destination) => destination.label(),
            #[cfg(any(feature = "otlp", feature = "clickhouse"))]
            _ => self.endpoint().map(Endpoint::host).unwrap_or_default(),
        }
    }

    /// What a store knows it by, in every run.
    pub(crate) fn addressee(&self) -> Addressee {
        let host = self.host().to_owned();
        let name = match self {
            #[cfg(feature = "otlp")]
            Receiver::Otlp { .. } => format!("otlp {host}"),
            #[cfg(feature = "clickhouse")]
            Receiver::ClickHouse { .. } => format!("clickhouse {host}"),
            Receiver::Sdk(_) => host.clone(),
        };
        Addressee { host, name, bit: self.bit() }
    }

    /// Whether what it gets certainly stays on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.endpoint().is_some_and(Endpoint::is_loopback)
    }

    /// The application's own code, if it is that.
    pub(crate) fn sdk(&self) -> Option<&SdkDestination> {
        match self {
            Receiver::Sdk(destination) => Some(destination),
            #[cfg(any(feature = "otlp", feature = "clickhouse"))]
            _ => None,
        }
    }

    /// Ends what wants to be ended; nothing is sent to it afterwards.
    pub(crate) fn end(&self, end: End) {
        if let Some(destination) = self.sdk() {
            destination.end(end);
        }
    }

    /// The longest that a request can take.
    pub(crate) fn longest(&self) -> Duration {
        match self {
            #[cfg(feature = "otlp")]
            Receiver::Otlp { settings, .. } => settings.http.total_timeout,
            #[cfg(feature = "clickhouse")]
            Receiver::ClickHouse { settings, .. } => settings.http.total_timeout,
            Receiver::Sdk(destination) => destination.longest(),
        }
    }

    /// Tells it from the others of this run.
    pub(crate) fn bit(&self) -> u8 {
        match self {
            #[cfg(feature = "otlp")]
            Receiver::Otlp { .. } => 1,
            #[cfg(feature = "clickhouse")]
            Receiver::ClickHouse { .. } => 2,
            Receiver::Sdk(destination) => destination.bit(),
        }
    }

    /// Whether it knows what it has got by a token.
    pub(crate) fn knows_tokens(&self) -> bool {
        match self {
            #[cfg(feature = "otlp")]
            Receiver::Otlp { .. } => false,
            #[cfg(feature = "clickhouse")]
            Receiver::ClickHouse { .. } => true,
            Receiver::Sdk(_) => false,
        }
    }

    /// Makes what sends to it, one request after the other as long as each is permitted. Opens nothing.
    ///
    /// # Errors
    /// In words, for the status.
    #[cfg_attr(
        not(any(feature = "otlp", feature = "clickhouse")),
        expect(unused_variables, reason = "who calls somebody else's code has asked")
    )]
    pub(crate) fn exporter(&self, permit: Permit) -> Result<Exporter, String> {
        Ok(match self {
            #[cfg(feature = "otlp")]
            Receiver::Otlp { endpoint, settings } => {
                let mut settings = OtlpSettings::clone(settings);
                settings.http.permit = Some(permit);
                let exporter = OtlpExporter::new(endpoint.clone(), settings).map_err(|error| error.to_string())?;
                Exporter::Otlp(Box::new(exporter))
            }
            #[cfg(feature = "clickhouse")]
            Receiver::ClickHouse { endpoint, settings } => {
                Exporter::ClickHouse(Box::new(Uplink::new(settings, endpoint.clone(), permit)))
            }
            Receiver::Sdk(destination) => Exporter::Sdk(Box::new(SdkExporter::new(destination.clone()))),
        })
    }
}

impl Exporter {
    /// Makes the final bytes. The records must share their signal and their resource; the number is theirs alone.
    ///
    /// # Errors
    /// They cannot be encoded, and could not be later. In words, for the status.
    #[cfg_attr(not(feature = "clickhouse"), expect(unused_variables, reason = "a collector knows no numbers"))]
    pub(crate) fn seal(&mut self, records: &[RecordRef<'_>], number: i64, earlier: Earlier) -> Result<Parcel, String> {
        match self {
            #[cfg(feature = "otlp")]
            Exporter::Otlp(exporter) => exporter.seal(records).map(Parcel::Otlp).map_err(|error| error.to_string()),
            #[cfg(feature = "clickhouse")]
            Exporter::ClickHouse(uplink) => Ok(Parcel::ClickHouse(uplink.seal(records, number, earlier))),
            Exporter::Sdk(exporter) => exporter.seal(records).map(Parcel::Sdk),
        }
    }

    /// Whether it has a use for a record.
    pub(crate) fn takes(&self, record: &RecordRef<'_>) -> bool {
        match self {
            Exporter::Sdk(exporter) => exporter.takes(record),
            #[cfg(any(feature = "otlp", feature = "clickhouse"))]
            _ => true,
        }
    }

    /// Whether sending ends at once when it is cut. Somebody else's code may not.
    pub(crate) fn can_be_cut(&self) -> bool {
        !matches!(self, Exporter::Sdk(_))
    }

    /// Makes what is slow to make, and needs nobody at the other end: what sends can be cut at once then.
    ///
    /// # Errors
    /// The outcome of a try that cannot be made.
    pub(crate) fn prepare(&mut self) -> Result<(), Outcome> {
        match self {
            #[cfg(feature = "otlp")]
            Exporter::Otlp(exporter) => exporter.prepare().map_err(not_prepared),
            #[cfg(feature = "clickhouse")]
            Exporter::ClickHouse(uplink) => uplink.prepare().map_err(not_prepared),
            Exporter::Sdk(_) => Ok(()),
        }
    }

    /// Sends once what was sealed by this exporter; `None` when it was cut.
    pub(crate) fn send(
        &mut self,
        parcel: &mut Parcel,
        clock: &Clock,
        runtime: &Runtime,
        cancelled: impl Future<Output = ()>,
    ) -> Option<Outcome> {
        #[cfg_attr(
            not(any(feature = "otlp", feature = "clickhouse")),
            expect(irrefutable_let_patterns, reason = "there are no others")
        )]
        if let (Exporter::Sdk(exporter), Parcel::Sdk(cargo)) = (&mut *self, &*parcel) {
            return exporter.send(cargo, runtime, cancelled);
        }
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancelled => None,
                outcome = self.request(parcel, clock) => Some(outcome),
            }
        })
    }

    #[cfg_attr(not(feature = "clickhouse"), expect(unused_variables, reason = "a collector asks for no day"))]
    async fn request(&mut self, parcel: &mut Parcel, clock: &Clock) -> Outcome {
        match (self, parcel) {
            #[cfg(feature = "otlp")]
            (Exporter::Otlp(exporter), Parcel::Otlp(sealed)) => exporter.send(sealed).await,
            #[cfg(feature = "clickhouse")]
            (Exporter::ClickHouse(uplink), Parcel::ClickHouse(inserts)) => uplink.send(inserts, clock).await,
            _ => Outcome::Rejected { status: 0, why: "sealed for another destination".into() },
        }
    }

    /// What the destination itself said about the last thing that it took.
    pub(crate) fn take_answer(&mut self) -> Option<String> {
        match self {
            #[cfg(feature = "otlp")]
            Exporter::Otlp(_) => None,
            #[cfg(feature = "clickhouse")]
            Exporter::ClickHouse(uplink) => uplink.take_answer(),
            Exporter::Sdk(_) => None,
        }
    }

    /// What happened that somebody should know.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        match self {
            #[cfg(feature = "otlp")]
            Exporter::Otlp(_) => Vec::new(),
            #[cfg(feature = "clickhouse")]
            Exporter::ClickHouse(uplink) => uplink.take_notes(),
            Exporter::Sdk(exporter) => exporter.take_notes(),
        }
    }
}

#[cfg(any(feature = "otlp", feature = "clickhouse"))]
fn not_prepared(failure: HttpFailure) -> Outcome {
    Outcome::Retry { after: None, why: failure.to_string().into() }
}
