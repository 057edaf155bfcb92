//! What each policy promises, and what none can.
//!
//! # A scanner knows forms
//!
//! [`Policy::standard`](super::Policy::standard) finds what has a form that can be checked: the grammar of an e-mail
//! address, the digit sum of a card or an IBAN, the prefix of a vendor's key, the user's name in a path. It also knows words: a
//! field called `password` goes, whatever is in it, and so does the `password=…` inside a text.
//!
//! ```
//! use tracing_privacy::privacy::{Action, Policy};
//!
//! let policy = Policy::standard();
//! assert_eq!(policy.scrub("mail bob@example.com from 203.0.113.9").as_deref(), Some("mail [EMAIL] from [IP]"));
//! assert_eq!(policy.explain("user.password").action(), Action::Drop);
//! ```
//!
//! It cannot know meanings. A name is a word, an address is a few words and a number, and a secret that somebody made up is
//! whatever they made up. It reads through escapes such as `%40` and `\u0040`, and not into Base64 or what is compressed, nor
//! does it put together what two fields tell apart. All of this passes:
//!
//! ```
//! # let policy = tracing_privacy::privacy::Policy::standard();
//! for text in ["Ann Lee prefers the blue heron", "the house behind the old mill", "swordfish"] {
//!     assert_eq!(policy.scrub(text).as_deref(), Some(text));
//! }
//! ```
//!
//! [`Policy::strict`](super::Policy::strict) drops the record where `standard` would replace a validated finding, and the
//! text of all events; a less certain finding is replaced there too, and under
//! [`OnFinding::DropRecordOnAny`](super::OnFinding::DropRecordOnAny) drops the record as well. That fails safer, and it sees
//! no more. Use a scanner for the logs that you have, and as a second net; do not tell users that it finds everything.
//!
//! # A list has no holes
//!
//! [`Policy::declared`](super::Policy::declared) does not ask whether a value looks private. It asks whether you said that
//! this field of this event is collected, and what it is. What you did not list does not exist: it is dropped before it is
//! formatted, on whatever way it came.
//!
//! ```
//! use tracing_privacy::privacy::{Action, Policy, Site};
//!
//! # fn main() -> Result<(), tracing_privacy::privacy::InventoryError> {
//! let policy = Policy::declared(tracing_privacy::inventory!("tests/inventory/telemetry.toml")?);
//! let job = Site::event("job.finished"); // tracing::info!(name: "job.finished", outcome = "done", file)
//! assert_eq!(policy.explain_in(job, "outcome").action(), Action::Keep); // and only if it is one of three words
//! assert_eq!(policy.explain_in(job, "file").action(), Action::Drop);
//! # Ok(())
//! # }
//! ```
//!
//! | declared as | what can leave |
//! |---|---|
//! | `boolean`, `integer`, `number` | that, and nothing that was logged as text |
//! | `enum` | one of the words that the file lists |
//! | `time` | a time, rounded to the day unless you say otherwise |
//! | `id` | 128 bits that nobody without the key can turn back: pseudonymous, which is not anonymous; with `action = "keep"` any text, scanned |
//! | `word` | one short word without blanks, scanned: a scanner's promise |
//! | `text` | any text, scanned: a scanner's promise |
//!
//! The first four rows, ids that are kept apart, are a guarantee, since it does not depend on what the value says. It is also
//! the one policy that users can read: [`Inventory::to_markdown`](super::Inventory::to_markdown) makes their document of the same file, and what is
//! new in it waits where their yes was saved, until they have agreed.
//!
//! # Limits
//!
//! A record has 64 fields and 16 KiB at most, a value 1 KiB, a key 255 bytes, and spans lie 128 deep. What is beyond is left out;
//! records and fields that go are counted, the end of a value or key that is cut off is not. A value is scanned first and cut
//! after, and cut further back where only the cut would make something of what is left: of 19 digits 16 that could be a card's. None of this can be set.
//!
//! # What is left to you
//!
//! No list knows why you ask. Ten harmless fields can tell one person from all others; an `enum` of your customers' names is a
//! list of names; a `number` can be a phone number, and the key rules see that only if it is called one. That an event
//! happened, and when, is told by the record itself. Declare few fields, coarse ones, and let somebody else read the file.
