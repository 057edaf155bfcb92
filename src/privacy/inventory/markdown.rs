//! The document for the application's users.
//!
//! Its sections are those that published telemetry policies have in common: what is and is not collected, what for, for
//! how long, who gets it, the reader's choices and rights, whom to ask, what changed.

mod escape;

use std::fmt::Write as _;

use super::entry::{Facts, Field, Record, Sort};
use super::kind::FieldKind;
use super::{Contents, OWN};
use crate::app::App;
use crate::privacy::pen::CARD_LIKE;
use crate::privacy::policy::{Action, TimeUnit};
use escape::{cell, code, link, text};

/// Writes the document.
pub(super) fn document(contents: &Contents, digest: &str, app: &App) -> String {
    let mut page = Page { out: String::new(), contents, app };
    page.head(digest);
    page.in_short();
    page.collected();
    page.not_collected();
    page.exceptions();
    page.retention();
    page.recipients();
    page.choices();
    page.rights();
    page.contacts();
    page.commitments();
    page.changes();
    page.out
}

struct Page<'a> {
    out: String,
    contents: &'a Contents,
    app: &'a App,
}

/// Writes a line; a `String` takes everything.
macro_rules! line {
    ($page:expr) => { $page.out.push('\n') };
    ($page:expr, $($format:tt)*) => {{
        let _ = writeln!($page.out, $($format)*);
    }};
}

impl Page<'_> {
    fn head(&mut self, digest: &str) {
        let Contents { file, version, document, .. } = self.contents;
        line!(self, "<!-- Made from {} by tracing-privacy. Change that file, not this one. -->", escape::comment(file));
        line!(self, "# {}: telemetry and privacy", text(self.app.name()));
        line!(self);
        line!(self, "Version {version}, in force from {}.", document.effective);
        line!(self, "Fingerprint of what is collected: {}", code(&digest[..16]));
    }

    fn in_short(&mut self) {
        let Contents { records, document, .. } = self.contents;
        self.heading("In short (TL;DR)");
        line!(
            self,
            "- Nothing is collected until you say yes{}, and you can say no at any time, also while the program runs: make an \
             empty file {}. It is looked for before anything is kept or sent.",
            self.but_where_nobody_is_asked(),
            self.opt_out_file()
        );
        let fields = self.contents.places().len();
        line!(
            self,
            "- {} of record with {} in all, each of them listed below. The program reads the same list and cannot \
             collect anything else.",
            sentence(&count(records.len(), "kind")),
            count(fields, "field"),
        );
        if self.fields().any(Field::makes_pseudonyms) {
            let key = match &document.pseudonym_secret {
                None => "with a random key that never leaves your machine".to_owned(),
                Some(holder) => {
                    format!("under a secret, and who holds it can tell whose a pseudonym is ({})", text(stop(holder)))
                }
            };
            line!(
                self,
                "- Where something has to be told from something else, a pseudonym takes its place. It is made {key}; it tells \
                 one from another, and still counts as personal data."
            );
        }
        for sentence in &document.summary {
            line!(self, "- {}", text(sentence));
        }
        line!(self, "- Questions: {}", text(&document.privacy));
    }

    fn collected(&mut self) {
        let Contents { records, shared, resource, .. } = self.contents;
        self.heading("What is collected, and what for");
        for record in records {
            let sort = match record.sort {
                Sort::Event => "event",
                Sort::Unnamed => "events of",
                Sort::Span => "operation",
            };
            line!(self, "### {}: {}", sentence(sort), code(&record.name));
            line!(self);
            line!(self, "{}.{}", text(stop(&record.facts.purpose)), self.span_note(record));
            line!(self, "{}", upkeep(&record.facts));
            line!(self);
            self.fields_table(&record.fields, "It carries nothing more than what is in every record.");
        }
        line!(self, "### In every record");
        line!(self);
        if !shared.is_empty() {
            line!(self, "If the program knows it:");
            line!(self);
            self.fields_table(shared, "");
        }
        line!(self, "And always:");
        line!(self);
        line!(self, "| Field | What it is |");
        line!(self, "|---|---|");
        for (key, what) in OWN {
            line!(self, "| {} | {what} |", cell(&code(key)));
        }
        line!(self, "| name, module, level | Which record it is, and where in the program it comes from |");
        let times = match self.contents.document.times {
            None => "When it happened, exactly; of an operation, when it began and ended".to_owned(),
            Some(unit) => {
                format!("The {unit} in which it happened, in UTC; of an operation, in which it began and ended")
            }
        };
        line!(self, "| time | {times} |");
        line!(self, "| trace and span id | Random numbers that join what belongs to one operation |");
        line!(
            self,
            "| status and kind | Whether an operation went well, and whether it served, asked or did neither |"
        );
        line!(self, "| counts | How many fields, events and links were left out of it |");
        line!(self);
        if !resource.is_empty() {
            line!(self, "And about the program itself:");
            line!(self);
            self.fields_table(resource, "");
        }
    }

    fn fields_table(&mut self, fields: &[Field], none: &str) {
        if fields.is_empty() {
            line!(self, "{none}");
            line!(self);
            return;
        }
        let dated = fields.iter().any(|field| !dates(&field.facts).is_empty());
        let (title, rule) = if dated { (" From, until |", "---|") } else { ("", "") };
        line!(self, "| Field | What it can be | What happens to it | What for | Kept for |{title}");
        line!(self, "|---|---|---|---|---|{rule}");
        for field in fields {
            let mut row = format!(
                "| {} | {} | {} | {} | {} |",
                cell(&code(&field.key)),
                cell(&can_be(&field.kind)),
                happens(field),
                cell(&text(&field.facts.purpose)),
                cell(&text(&field.facts.retention)),
            );
            if dated {
                // Two blanks would be one too many.
                row.push_str(&format!(" {} |", dates(&field.facts)).replace("  ", " "));
            }
            line!(self, "{row}");
        }
        line!(self);
    }

    fn not_collected(&mut self) {
        self.heading("What is not collected");
        line!(self, "| Never collected |");
        line!(self, "|---|");
        for item in &self.contents.document.not_collected {
            line!(self, "| {} |", cell(&text(item)));
        }
        line!(self, "| Anything else that is not listed above |");
    }

    fn exceptions(&mut self) {
        let places = self.contents.places();
        let excepted: Vec<_> =
            places.iter().filter_map(|(place, field)| Some((place, field, field.reason.as_ref()?))).collect();
        if excepted.is_empty() {
            return;
        }
        self.heading("Exceptions");
        line!(self, "These fields could tell more than the others. They are kept for a reason:");
        line!(self);
        line!(self, "| Field | In | Why |");
        line!(self, "|---|---|---|");
        for (place, field, reason) in excepted {
            line!(self, "| {} | {} | {} |", cell(&code(&field.key)), cell(place), cell(&text(reason)));
        }
    }

    fn retention(&mut self) {
        self.heading("How long it is kept");
        line!(
            self,
            "- On your machine: 30 days, and about 10,000 records or 10 MB at most. What is older is deleted when the program is \
             started with telemetry on, and when it next has something to record. You can delete it earlier."
        );
        let mut periods: Vec<&str> = Vec::new();
        let records = self.contents.records.iter().map(|record| &record.facts);
        for facts in records.chain(self.fields().map(|field| &field.facts)) {
            if !periods.contains(&&*facts.retention) {
                periods.push(&facts.retention);
            }
        }
        match periods.as_slice() {
            [] => {}
            [one] => line!(self, "- Where it is sent: {}.", text(stop(one))),
            _ => line!(self, "- Where it is sent: as the tables above say for each field."),
        }
    }

    fn recipients(&mut self) {
        let recipients = &self.contents.document.recipients;
        self.heading("Who gets it");
        if recipients.is_empty() {
            // Whose the servers are is not in the file: no more than it says is said here.
            line!(self, "{}. Nobody else is named.", text(stop(&self.contents.document.controller)));
        } else {
            line!(self, "| Who | What they get | Where they keep it | For how long | Who can see it there |");
            line!(self, "|---|---|---|---|---|");
        }
        for one in recipients {
            let cells = [&one.name, &one.receives, &one.storage, &one.retention, &one.access];
            let cells: Vec<_> = cells.iter().map(|part| cell(&text(part))).collect();
            line!(self, "| {} |", cells.join(" | "));
        }
        line!(self);
        line!(
            self,
            "A server that records are sent to also sees when they arrive and from which network address, as it does of \
             everything that is sent. Neither is in a record."
        );
    }

    fn choices(&mut self) {
        self.heading("Your choices");
        line!(
            self,
            "Telemetry is off until you turn it on{}. The program works the same without it.",
            self.but_where_nobody_is_asked()
        );
        line!(self);
        line!(self, "| To | do |");
        line!(self, "|---|---|");
        line!(self, "| turn it on for one run | set {} |", cell(&self.switch("true")));
        line!(self, "| turn it off for one run | set {} |", cell(&self.switch("false")));
        line!(self, "| turn it off for ever | make an empty file {} |", cell(&self.opt_out_file()));
        line!(self, "| turn it off in all programs that listen | set {} |", code("DO_NOT_TRACK=1"));
        line!(self, "| see each record as it is made | set {} |", cell(&code(&self.variable("VERBOSE", "true"))));
        line!(self);
        line!(
            self,
            "Any no wins over any yes. A program that is running looks for the file before it keeps anything and before each \
             request that it sends; variables count from its next start. Where your yes is saved, it is saved \
             item by item: if a later version collects more, the new items are left out until you have been asked again. A yes by \
             the variable is one to all that is listed for the version that you run."
        );
    }

    fn rights(&mut self) {
        let privacy = text(&self.contents.document.privacy);
        self.heading("Your rights");
        line!(
            self,
            "Write to {privacy}. None of this costs you anything, and none of it makes the program work worse."
        );
        line!(self);
        let ground = match &self.contents.document.assumed_consent {
            None => ", and you can".to_owned(),
            Some(_) => format!("; where nobody is asked, {privacy} tells on what ground. You can"),
        };
        line!(
            self,
            "Under the GDPR, where data is personal data, it is processed because you consented (Art. 6(1)(a)){ground}"
        );
        line!(self);
        for (right, how) in [
            ("withdraw your consent", "at any time; what was done before stays lawful (Art. 7)"),
            ("get a copy", "of what there is about you (Art. 15), also in a form that machines read (Art. 20)"),
            ("have it rectified", "if it is wrong (Art. 16)"),
            ("have it erased", "(Art. 17) or its processing restricted (Art. 18)"),
            ("object", "to its processing (Art. 21)"),
            ("complain", "to a data protection authority (Art. 77)"),
        ] {
            line!(self, "- **{right}** {how},");
        }
        self.out.truncate(self.out.trim_end_matches([',', '\n']).len());
        line!(self, ".\n");
        line!(self, "You get an answer within a month (Art. 12).");
        line!(self);
        line!(
            self,
            "Under the CCPA, if you live in California, you can know what is collected and get a copy, have it corrected or \
             deleted, tell us not to sell or share it, and use these rights without being treated worse. You get an \
             answer within 45 days."
        );
        line!(self);
        let without = match &self.contents.document.pseudonym_secret {
            None => "Without them we cannot tell which records are yours.",
            Some(_) => "Or tell us what they stand for: who holds the secret can make the pseudonyms again.",
        };
        line!(
            self,
            "To find your records, we need the pseudonyms or the session number in them: your own copy on your machine \
             shows these for as long as it is kept there. {without}"
        );
    }

    fn contacts(&mut self) {
        let document = &self.contents.document;
        self.heading("Contacts");
        line!(self, "| For | write to |");
        line!(self, "|---|---|");
        line!(self, "| Who answers for the data | {} |", cell(&text(&document.controller)));
        line!(self, "| Privacy | {} |", cell(&text(&document.privacy)));
        let dpo = document.dpo.as_deref().unwrap_or("none is appointed; write to the privacy contact");
        line!(self, "| Data protection officer | {} |", cell(&text(dpo)));
        line!(self, "| Security | {} |", cell(&text(&document.security)));
    }

    fn commitments(&mut self) {
        let commitments = &self.contents.document.commitments;
        if commitments.is_empty() {
            return;
        }
        self.heading("What we promise");
        for sentence in commitments {
            line!(self, "- {}", text(sentence));
        }
    }

    fn changes(&mut self) {
        self.heading("Changes");
        if let Some(announcement) = &self.contents.document.announcement {
            line!(self, "{}", text(announcement));
            line!(self);
        }
        line!(self, "| Version | Date | What changed |");
        line!(self, "|---|---|---|");
        for change in &self.contents.changes {
            line!(self, "| {} | {} | {} |", change.version, change.date, cell(&text(&change.text)));
        }
    }

    fn heading(&mut self, title: &str) {
        self.out.truncate(self.out.trim_end().len());
        line!(self, "\n\n## {title}\n");
    }

    fn span_note(&self, record: &Record) -> &'static str {
        match (record.sort, self.contents.document.times) {
            (Sort::Span, None) => " How long it took is always recorded.",
            // Its beginning and its end are rounded, and with them what lies between.
            (Sort::Span, Some(_)) | (Sort::Event | Sort::Unnamed, _) => "",
        }
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        self.contents.places().into_iter().map(|(_, field)| field)
    }

    fn variable(&self, suffix: &str, value: &str) -> String {
        format!("{}={value}", self.app.env_name(suffix))
    }

    fn but_where_nobody_is_asked(&self) -> String {
        let place = self.contents.document.assumed_consent.as_ref();
        place.map_or_else(String::new, |place| format!(" (but where nobody is asked: {})", text(stop(place))))
    }

    fn opt_out_file(&self) -> String {
        code(&format!("~/{}", self.app.opt_out_file_name()))
    }

    fn switch(&self, value: &str) -> String {
        code(&self.variable("ENABLED", value))
    }
}

impl Contents {
    /// Every field, and where it is, in Markdown.
    fn places(&self) -> Vec<(String, &Field)> {
        let mut places = Vec::new();
        for record in &self.records {
            places.extend(record.fields.iter().map(|field| (code(&record.name), field)));
        }
        places.extend(self.shared.iter().map(|field| ("every record".to_owned(), field)));
        places.extend(self.resource.iter().map(|field| ("every record".to_owned(), field)));
        places
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("one {what}") } else { format!("{number} {what}s") }
}

fn sentence(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Without a full stop, which the sentence around brings.
fn stop(text: &str) -> &str {
    text.trim_end_matches('.')
}

fn upkeep(facts: &Facts) -> String {
    let mut line = format!("Owner: {}.", text(stop(&facts.owner)));
    if let Some(review) = &facts.review {
        let _ = write!(line, " Review: {}.", link(review));
    }
    let dates = dates(facts);
    if !dates.is_empty() {
        let _ = write!(line, " {}.", sentence(&dates));
    }
    line
}

fn dates(facts: &Facts) -> String {
    let since = (facts.since > 1).then(|| format!("since version {}", facts.since));
    let until = facts.expires.map(|day| format!("not from {day} on"));
    [since, until].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn can_be(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Boolean => "yes or no".to_owned(),
        FieldKind::Integer => "a whole number".to_owned(),
        FieldKind::Number => "a number".to_owned(),
        FieldKind::Enum(values) => {
            let values: Vec<_> = values.iter().map(|value| code(value)).collect();
            format!("one of {}", values.join(", "))
        }
        FieldKind::Id => "an identifier".to_owned(),
        FieldKind::Time => "a point in time".to_owned(),
        FieldKind::Word => "a short word, such as a version".to_owned(),
        FieldKind::Text => "text".to_owned(),
    }
}

fn happens(field: &Field) -> String {
    match field.action {
        Action::Hash => "replaced by a pseudonym".to_owned(),
        Action::Bucket => "only its range is kept, such as 10-99".to_owned(),
        Action::Round(TimeUnit::Hour) => "rounded down to the hour".to_owned(),
        Action::Round(TimeUnit::Day) => "rounded down to the day".to_owned(),
        Action::Round(TimeUnit::Week) => "rounded down to the week".to_owned(),
        Action::Generalize => {
            "made coarser: of a mail address a pseudonym of its domain, of a phone number the country code, of a network \
             address the network, of a web address the site and the path without numbers and codes, of a file name its end; other text is left out"
                .to_owned()
        }
        Action::Parameterize => "kept without the values in it if it is a database query, else left out".to_owned(),
        Action::Truncate(_) => {
            let bytes = field.action.cap();
            format!("searched for personal data, which is replaced; the first {bytes} bytes are kept")
        }
        _ => kept(&field.kind).to_owned(),
    }
}

/// What happens to a value to which nothing else does.
fn kept(kind: &FieldKind) -> &'static str {
    match kind {
        // The listed words were searched when the inventory was read.
        FieldKind::Boolean | FieldKind::Enum(_) => "kept as it is",
        FieldKind::Integer | FieldKind::Number => {
            "kept as it is, unless it has 13 digits or more and looks like personal data, such as a card number: then it is left out"
        }
        FieldKind::Id | FieldKind::Time | FieldKind::Word | FieldKind::Text => {
            "searched for personal data, which is replaced"
        }
    }
}

const _: () = assert!(CARD_LIKE == 10_u64.pow(12), "the document says from how many digits on a number is searched");
