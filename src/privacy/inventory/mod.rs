//! What an application collects, declared in one file that is the policy, the document and the scope of consent at once.
//!
//! A scanner is a net: it knows the forms of e-mail addresses, cards and keys, and a name in a sentence, an address in
//! words or a secret without a form goes through it. A list has no holes: of a [`Policy::declared`] policy only what
//! `telemetry.toml` lists exists, each field in the type that the file gives it. A number cannot be a name, and one of
//! three listed words cannot be a fourth. Where text is declared the scanner looks at it, and that much is a promise about
//! forms again: declare `enum`, `integer` and `boolean` where you can, `word` where you must, `text` hardly ever.
//!
//! ```
//! use tracing_privacy::privacy::{Action, Inventory, Policy, Site};
//!
//! let inventory = Inventory::parse(r#"
//! version = 1
//!
//! [document]
//! controller = "Acme GmbH, Hauptstr. 1, 10115 Berlin"
//! effective = 2026-03-01
//! privacy = "privacy@acme.example"
//! security = "security@acme.example"
//! owner = "team shop"
//! retention = "90 days"
//! not_collected = ["What you order", "Who you are"]
//!
//! [[changes]]
//! version = 1
//! date = 2026-03-01
//! text = "First version."
//!
//! [events."order.placed"]                # tracing::info!(name: "order.placed", plan, items)
//! purpose = "Which plans are worth their work"
//! fields.plan = { kind = "enum", values = ["free", "pro"], purpose = "Orders by plan" }
//! fields.items = { kind = "integer", action = "bucket", purpose = "How large orders are" }
//!
//! [spans.checkout]                       # #[tracing::instrument] fn checkout()
//! purpose = "How long a checkout takes"
//! fields.user_id = { kind = "id", purpose = "Who comes back" }
//! "#)?;
//! let policy = Policy::declared(inventory);
//! let placed = Site::event("order.placed");
//! assert_eq!(policy.explain_in(placed, "items").action(), Action::Bucket);
//! assert_eq!(policy.explain_in(placed, "coupon").action(), Action::Drop);
//! assert_eq!(policy.explain_in(Site::span("checkout"), "user_id").action(), Action::Hash);
//! # Ok::<(), tracing_privacy::privacy::InventoryError>(())
//! ```
//!
//! # Names
//!
//! An event is declared by the name that `name:` gives it, a span by its own. The text of `info!("…")` is no name, since
//! it is only known when it was written; it is a field, `message`, and dropped unless it is declared, best as an `enum` of the
//! texts that there are. Events without a name are declared by their target in `[unnamed."acme::shop"]`, all of a target
//! together. Records bridged from the `log` crate are `[events."log event"]`; their target, which in `log` can be any text, leaves
//! only as one that an `enum` in `fields."log.target"` lists, and is `log` otherwise. `[fields]` declares what every record may
//! carry, `[resource]` what [`Builder::resource`](crate::Builder::resource) may give, and
//! [`installation_id`](crate::Builder::installation_id) (`app.installation.id`) and
//! [`country_from_time_zone`](crate::Builder::country_from_time_zone) (`geo.country.iso_code`) where the application asks for them.
//!
//! # Each entry
//!
//! | key | |
//! |---|---|
//! | `kind` | `boolean`, `integer`, `number`, `enum` with its `values`, `id`, `time`, `word`, `text`: see [`FieldKind`] |
//! | `action` | `keep`; for numbers also `bucket`; `hash` for an `id`; `round(hour)`, `round(day)` or `round(week)` for a `time`; for text also `truncate(64)`, `redact`, `generalize` and `parameterize`: see [`Action`](super::Action) |
//! | `purpose` | what it is good for; readers see it |
//! | `reason` | why it is kept although its key names a person or what people write; readers see that too |
//! | `retention`, `owner`, `review` | how long it is kept, who answers for it, where it was discussed; the record's or the document's by default |
//! | `since` | the version of the file that it came with; 1 by default |
//! | `expires` | the first day, in UTC, on which it is neither collected nor sent |
//!
//! # Times of records
//!
//! `times = "hour"`, `"day"` or `"week"` in `[document]` rounds down when events happened and when spans began and ended: see
//! [`Policy::times`]. The document says which it is.
//!
//! # What the document says of keys and consent
//!
//! It says that nothing is collected before a yes, and that the key of pseudonyms never leaves the machine. Who calls
//! [`assume_consent`](crate::Builder::assume_consent) or [`pseudonym_secret`](crate::Builder::pseudonym_secret) has to tell so in
//! `[document]`, and is refused otherwise: `assumed_consent = "…"` says where and why nobody is asked, `pseudonym_secret = "…"` who
//! holds the secret.
//!
//! # Consent
//!
//! What a user said yes to is saved entry by entry. An entry that was added since, or of which the type, the values, the action,
//! the purpose or the retention changed, is withheld until they are asked again, and so is one with more exact times or a later
//! `expires`: see [`Telemetry::agreement`](crate::Telemetry::agreement). The other words count for nothing in that, `reason` and
//! recipients among them: who changes these gives the entries a new purpose, or asks by other means. A yes by
//! `{P}_TELEMETRY_ENABLED` or by the operator is one to all that the running version lists.
//!
//! # In the application's tests
//!
//! [`Inventory::check_document`] fails when the published document is not what the file says; a [`Recorder`] sees the
//! callsites of a running program and fails, by file and line, when they and the file drift apart. What is logged for
//! developers alone is listed in `local`: names of events and spans or targets at the top of the file, keys in a record.

mod document;
mod drift;
mod entry;
mod error;
mod kind;
mod markdown;
mod parse;
mod reader;
mod recorder;
mod rules;
mod scope;

use std::fmt;
use std::sync::Arc;

pub use drift::Drift;
pub use error::InventoryError;
pub use kind::FieldKind;
pub(in crate::privacy) use kind::ScalarType;
pub use recorder::Recorder;

use super::policy::{Declared, Listing, Policy, Site, SiteKind, TimeUnit};
use crate::app::{App, Clock};
use document::{Change, Document};
use entry::{Facts, Field, Record, Sort};
use reader::Source;
use scope::{Scope, Within};

/// What an application collects, as its `telemetry.toml` declares it; see the [module](self).
#[derive(Clone)]
pub struct Inventory(Arc<Contents>);

/// A file's contents, all of them valid.
struct Contents {
    file: String,
    version: u32,
    document: Document,
    /// The newest first.
    changes: Vec<Change>,
    records: Vec<Record>,
    /// What every record may carry.
    shared: Vec<Field>,
    resource: Vec<Field>,
    /// Events, spans and targets that are logged for developers and kept out on purpose.
    local: Vec<String>,
}

/// What the crate itself gives with every record, and what it is.
const OWN: [(&str, &str); 3] = [
    ("service.name", "The name of the application"),
    ("service.version", "The version of the application"),
    ("session.id", "A number for this day on this machine, made from a random key that never leaves it"),
];

impl Inventory {
    /// Reads an inventory; messages call it `telemetry.toml`. [`inventory!`](crate::inventory!) names the file itself.
    ///
    /// # Errors
    /// It is not TOML, a key is unknown, missing, double or cannot be understood, or a field cannot be declared like
    /// that: the error gives line, column and remedy.
    pub fn parse(text: &str) -> Result<Self, InventoryError> {
        Self::parse_file("telemetry.toml", text)
    }

    /// Reads an inventory that messages call by this name.
    ///
    /// # Errors
    /// See [`Inventory::parse`].
    pub fn parse_file(file: &str, text: &str) -> Result<Self, InventoryError> {
        parse::parse(Source { file, text }).map(|contents| Inventory(Arc::new(contents)))
    }

    /// The version of what is collected.
    pub fn version(&self) -> u32 {
        self.0.version
    }

    /// SHA-256 over what is collected, how, what for, for how long, how exact its times are and until when, in hexadecimal digits: comments, order,
    /// and the words of the document change nothing.
    pub fn digest(&self) -> String {
        self.scope().digest
    }

    /// The document for the application's users, in Markdown: what is collected and what for, how to turn it off, whom to
    /// ask.
    pub fn to_markdown(&self, app: &App) -> String {
        markdown::document(&self.0, &self.digest(), app)
    }

    /// A layer for the application's tests, which compares what the program logs with this inventory: see [`Recorder`].
    pub fn recorder(&self, app: App) -> Recorder {
        Recorder::new(app, self)
    }

    /// Compares a document that was published with what the inventory says now. Line ends do not count.
    ///
    /// # Errors
    /// They differ: the drift names the document's first line that does.
    pub fn check_document(&self, app: &App, file: &str, text: &str) -> Result<(), Drift> {
        drift::of_document(&self.to_markdown(app), file, text, &self.0.file)
    }

    /// What there is to agree to.
    pub(crate) fn scope(&self) -> Scope {
        scope::of(&self.0)
    }

    /// The policy's view: what is listed, of what was agreed to.
    pub(in crate::privacy) fn declared(&self, clock: Clock, covers: &dyn Fn(&str) -> bool) -> Declared {
        let contents = &*self.0;
        let listing = |field: &Field, id: String| Listing {
            action: field.action,
            kind: field.kind.clone(),
            expires: field.facts.expires,
            withheld: !covers(&id),
            rule: match &field.reason {
                Some(reason) => format!("{}: {reason}", self.declares(&field.facts)),
                None => self.declares(&field.facts),
            },
        };
        let mut declared = Declared::new(self.clone(), clock);
        for record in &contents.records {
            let site = match record.sort {
                Sort::Event => Site::event(&record.name),
                Sort::Unnamed => Site::event("").target(&record.name),
                Sort::Span => Site::span(&record.name),
            };
            let withheld = !covers(&contents.record_id(record));
            declared.list_record(site, record.facts.expires, withheld);
            for field in &record.fields {
                declared.list(site, &field.key, listing(field, contents.field_id(Within::Record(record), field)));
            }
            for field in &contents.shared {
                declared.list(site, &field.key, listing(field, contents.field_id(Within::EveryRecord, field)));
            }
        }
        for field in &contents.resource {
            declared.list(Site::resource(), &field.key, listing(field, contents.field_id(Within::Resource, field)));
        }
        declared
    }

    /// Whether the document says that there may be collection without anybody's yes.
    pub(crate) fn tells_of_assumed_consent(&self) -> bool {
        self.0.document.assumed_consent.is_some()
    }

    /// Whether the document says that pseudonyms are made under a secret that machines share.
    pub(crate) fn tells_of_a_secret(&self) -> bool {
        self.0.document.pseudonym_secret.is_some()
    }

    /// What the times of records are rounded to.
    pub(in crate::privacy) fn times(&self) -> Option<TimeUnit> {
        self.0.document.times
    }

    fn declares(&self, facts: &Facts) -> String {
        format!("declared in {}:{}", self.0.file, facts.line)
    }
}

impl Policy {
    /// Default-deny: only the events, spans and fields of this inventory exist, in the types and by the actions that it
    /// gives them; see [`inventory`](self). What the scanner finds in declared text is replaced.
    ///
    /// [`Policy::drop_field`] may take fields away. No other rule changes what users were told: one that tries is an error
    /// when telemetry starts.
    pub fn declared(inventory: Inventory) -> Self {
        Policy::from_declared(Arc::new(inventory.declared(Clock::system(), &|_| true)))
    }
}

/// Where a file declares this, or would.
pub(in crate::privacy) fn header_of(site: Site<'_>) -> String {
    match (site.kind(), site.name()) {
        (SiteKind::Span, name) => entry::header(Sort::Span, name),
        (SiteKind::Event, "") => entry::header(Sort::Unnamed, site.target_name()),
        (SiteKind::Event | SiteKind::LogRecord, name) => entry::header(Sort::Event, name),
        (SiteKind::Resource, _) => "[resource]".to_owned(),
    }
}

impl fmt::Debug for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inventory")
            .field("file", &self.0.file)
            .field("version", &self.0.version)
            .field("records", &self.0.records.len())
            .finish()
    }
}

/// Compiles a file of the package in and reads it: `inventory!("telemetry.toml")`, from the directory of its `Cargo.toml`.
///
/// Gives a `Result<Inventory, InventoryError>`; the error names the file. See
/// [`privacy::inventory`](crate::privacy::inventory).
///
/// ```
/// use tracing_privacy::{Telemetry, app, inventory, privacy::Policy};
///
/// # fn main() -> Result<(), tracing_privacy::Error> {
/// let policy = Policy::declared(inventory!("tests/inventory/telemetry.toml")?);
/// let telemetry = Telemetry::builder(app!("acme")).policy(policy).start()?;
/// # drop(telemetry);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! inventory {
    ($file:literal $(,)?) => {
        $crate::privacy::Inventory::parse_file(
            $file,
            ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", $file)),
        )
    };
}

#[cfg(test)]
pub(in crate::privacy) mod tests;
