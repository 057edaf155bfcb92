//! The table of sources, as data.

use std::fmt;

/// A row of the table that decides about consent, in the order in which vetoes are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Row {
    /// `DO_NOT_TRACK`, for all applications.
    DoNotTrack,
    /// `OTEL_SDK_DISABLED`, for everything that speaks OpenTelemetry.
    OtelSdkDisabled,
    /// `{P}_TELEMETRY_ENABLED`, where it says no or cannot be understood; under a prefix also the variable of the
    /// application's own name.
    EnabledVariable,
    /// The file `~/.{p}-no-telemetry`; under a prefix also that of the application's own name.
    OptOutFile,
    /// The administrator's file, such as `/etc/acme/telemetry.toml`.
    MachinePolicy,
    /// The configuration files and the saved answer, where they say no.
    ConfigAndSaved,
    /// The application's own code or command line.
    Code,
    /// A build machine.
    Ci,
    /// `ENVIRONMENT` names a developer's or test machine.
    Development,
    /// What a saved yes was given for: this much collection, to this host.
    Scope,
    /// A yes, without which nothing happens.
    Yes,
}

impl Row {
    /// All rows, in order.
    pub const ALL: [Self; 11] = [
        Self::DoNotTrack,
        Self::OtelSdkDisabled,
        Self::EnabledVariable,
        Self::OptOutFile,
        Self::MachinePolicy,
        Self::ConfigAndSaved,
        Self::Code,
        Self::Ci,
        Self::Development,
        Self::Scope,
        Self::Yes,
    ];

    /// The row's stable name in the documentation and in `--explain`: `1` to `10`, and `yes`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::DoNotTrack => "1",
            Self::OtelSdkDisabled => "2",
            Self::EnabledVariable => "3",
            Self::OptOutFile => "4",
            Self::MachinePolicy => "5",
            Self::ConfigAndSaved => "6",
            Self::Code => "7",
            Self::Ci => "8",
            Self::Development => "9",
            Self::Scope => "10",
            Self::Yes => "yes",
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}
