//! What the document tells beside what is collected: who is responsible, and whom to ask.

use crate::app::Date;
use crate::privacy::policy::TimeUnit;

/// The file's `[document]` table.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// Who answers for the data: name and postal address.
    pub(super) controller: String,
    /// The day from which on the document holds.
    pub(super) effective: Date,
    /// Whom to ask about privacy.
    pub(super) privacy: String,
    /// The data protection officer, if there is one.
    pub(super) dpo: Option<String>,
    /// Where to report a hole.
    pub(super) security: String,
    /// Sentences for those who read nothing else.
    pub(super) summary: Vec<String>,
    /// What is never collected, in words that readers would look for.
    pub(super) not_collected: Vec<String>,
    /// What the controller promises beyond what the program enforces.
    pub(super) commitments: Vec<String>,
    /// How readers hear of a new version.
    pub(super) announcement: Option<String>,
    pub(super) recipients: Vec<Recipient>,
    /// Where and why collection is on although nobody is asked; nowhere, if nothing.
    pub(super) assumed_consent: Option<String>,
    /// Who holds the secret that pseudonyms are made under; nobody, if nothing: then each machine has a key of its own.
    pub(super) pseudonym_secret: Option<String>,
    /// What the times of records are rounded to; exact if nothing.
    pub(super) times: Option<TimeUnit>,
}

/// Somebody who gets the data.
#[derive(Debug, Clone)]
pub(super) struct Recipient {
    pub(super) name: String,
    pub(super) receives: String,
    pub(super) storage: String,
    pub(super) retention: String,
    pub(super) access: String,
}

/// A version in the change log.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) version: u32,
    pub(super) date: Date,
    pub(super) text: String,
}
