//! What became of every record.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Declares the reasons once, for the type, its texts and the counters.
macro_rules! losses {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a record was lost.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Loss { $($(#[$doc])* $name,)* }

        impl Loss {
            /// Every reason.
            pub const ALL: &'static [Loss] = &[$(Loss::$name,)*];

            /// The reason in a few words.
            pub fn as_str(self) -> &'static str {
                match self { $(Loss::$name => $text,)* }
            }
        }
    };
}

losses! {
    /// Records came faster than they could be stored: 2 MiB of them waited, beside the 16 KiB that each thread has of its
    /// own. The newest are lost.
    QueueFull = "the queue was full",
    /// Logged while the thread was being torn down.
    ThreadExit = "logged while its thread was ending",
    /// Logged by a callsite that found no place in the table of plans, which takes more than ten thousand of them: bindings of
    /// other languages can make callsites without end.
    TooManyCallsites = "there were too many callsites",
    /// A span nested deeper than 128 levels.
    TooDeep = "spans were nested too deep",
    /// Something panicked where nothing should.
    Panic = "a panic of our own",
    /// An event in a span that had as many of them, or as many bytes, as one may have. With
    /// [`Events::Both`](crate::Events::Both) it is a log record all the same, and not lost.
    SpanFull = "its span had no room for more events",
    /// An event in a span while events in open spans took as many bytes as they may together: 2 MiB, of which no span gets
    /// more than others of its size. With [`Events::Both`](crate::Events::Both) it is a log record all the same, and not
    /// lost.
    OpenSpansFull = "open spans had no room for more events",
    /// The scanner found something, and the policy drops such records.
    Finding = "dropped by the policy on a finding",
    /// The store failed for good, or for longer than records can wait for it.
    StoreFailed = "the store could not be written to",
    /// The store was at its limit: the oldest records went.
    StoreFull = "the store was full",
    /// Older than the store keeps records.
    Expired = "too old to keep",
    /// A row on disk could not be let in again.
    NotReadmitted = "a stored row failed the second check",
    /// The check before sending found something that the filter had let through: a defect of this crate. It was deleted.
    Defect = "a defect: the check before sending found something in it",
    /// The inventory does not list it any more, or the user has not agreed to it.
    Undeclared = "its entry in the inventory has expired or was not agreed to",
    /// The server refused it for good.
    Rejected = "the server refused it",
    /// The server failed at it in ten rounds of tries, and after each of them took other records of its kind: it would do so
    /// for ever. They are spread over 85 minutes or more; a server that is away counts against nothing. A load of many
    /// records is halved until the one at fault is alone, but for ClickHouse, where all of the load go. They stay in the store
    /// as long as any, to be looked at.
    GivenUp = "the server failed at it again and again, and took others",
    /// Deleted on request before it was sent.
    Cleared = "deleted on request",
    /// Consent was withdrawn before it was stored or sent.
    Withdrawn = "consent was withdrawn",
    /// Logged in a forked child, which has no pipeline. Not all of it is counted there: once the child is noticed, which
    /// takes a record or a buffer full of them, the layer is closed in it.
    Forked = "logged in a forked child",
    /// Could not be stored before the program ended.
    Exit = "the program ended first",
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The live counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Records that the worker took out of the queue.
    pub(super) swept: Count,
    /// Records of this run that went into the outbox.
    pub(super) stored: Count,
    /// Of these, the ones that a server took.
    pub(super) sent: Count,
    /// Of these, the ones that were lost again.
    left: Count,
    pub(super) fields_dropped: Count,
    pub(super) fields_hashed: Count,
    pub(super) fields_redacted: Count,
    pub(super) uploads_failed: Count,
    lost: [Count; Loss::ALL.len()],
    /// What servers took, whichever run it came from.
    taken_logs: Count,
    taken_spans: Count,
    /// Lost before the worker saw them: they add to what was produced.
    early: Count,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// Counts records that never reached the worker.
    pub(super) fn lose(&self, loss: Loss, records: u64) {
        self.early.add(records);
        self.lost[loss as usize].add(records);
    }

    /// Counts records that the worker had taken.
    pub(super) fn lose_swept(&self, loss: Loss, records: u64) {
        self.lost[loss as usize].add(records);
    }

    /// Counts records that had been in the outbox.
    pub(super) fn lose_stored(&self, loss: Loss, records: u64) {
        self.left.add(records);
        self.lost[loss as usize].add(records);
    }

    /// Notes a server's answer to one request.
    #[cfg(feature = "upload")]
    pub(super) fn answered(&self, signal: crate::record::Signal, records: u64, rejected: u64) {
        match signal {
            crate::record::Signal::Log => self.taken_logs.add(records.saturating_sub(rejected)),
            crate::record::Signal::Span => self.taken_spans.add(records.saturating_sub(rejected)),
        }
    }

    /// The numbers as they are now; exact when nothing is being logged.
    pub(crate) fn snapshot(&self) -> Counts {
        let lost = self.lost.each_ref().map(Count::value);
        let dropped: u64 = lost.iter().sum();
        let early = self.early.value();
        let (swept, stored, sent, left) =
            (self.swept.value(), self.stored.value(), self.sent.value(), self.left.value());
        // What was lost after it was swept and before it was stored.
        let between = dropped.saturating_sub(early).saturating_sub(left);
        Counts {
            produced: swept + early,
            sent,
            stored: stored.saturating_sub(sent).saturating_sub(left),
            dropped,
            pending: swept.saturating_sub(stored).saturating_sub(between),
            fields_dropped: self.fields_dropped.value(),
            fields_hashed: self.fields_hashed.value(),
            fields_redacted: self.fields_redacted.value(),
            uploads_failed: self.uploads_failed.value(),
            taken_logs: self.taken_logs.value(),
            taken_spans: self.taken_spans.value(),
            lost,
        }
    }
}

/// What became of the records of this run. After a flush, `produced = sent + stored + dropped + pending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    produced: u64,
    sent: u64,
    stored: u64,
    dropped: u64,
    pending: u64,
    fields_dropped: u64,
    fields_hashed: u64,
    fields_redacted: u64,
    uploads_failed: u64,
    taken_logs: u64,
    taken_spans: u64,
    lost: [u64; Loss::ALL.len()],
}

impl Counts {
    /// Records that the application logged and that were let in. An event in a span counts with its span; one that is lost
    /// before its span is a record, or with it, counts for itself.
    pub fn produced(&self) -> u64 {
        self.produced
    }

    /// Records that a server took.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Records that this run put into the local store and has not sent, as far as it knows: what it clears is
    /// [`Loss::Cleared`], what a withdrawal leaves in the store stays counted here, and of rows that another program deletes
    /// it hears nothing. How many there are in truth, those of other runs included, tells
    /// [`Telemetry::export`](crate::Telemetry::export).
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// Records that were lost, for whatever reason; see [`Counts::lost`].
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Records on their way to the store.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// Records lost for this reason.
    pub fn lost(&self, reason: Loss) -> u64 {
        self.lost[reason as usize]
    }

    /// Fields that were left out: by a key rule, by a limit, or because their value failed.
    pub fn fields_dropped(&self) -> u64 {
        self.fields_dropped
    }

    /// Values replaced by pseudonyms.
    pub fn fields_hashed(&self) -> u64 {
        self.fields_hashed
    }

    /// Values in which something was replaced or made coarser.
    pub fn fields_redacted(&self) -> u64 {
        self.fields_redacted
    }

    /// Log records that the server took, those of earlier runs included.
    pub fn logs_taken(&self) -> u64 {
        self.taken_logs
    }

    /// Spans that the server took, those of earlier runs included.
    pub fn spans_taken(&self) -> u64 {
        self.taken_spans
    }

    /// Attempts to send that failed.
    pub fn uploads_failed(&self) -> u64 {
        self.uploads_failed
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { produced, sent, stored, dropped, pending, .. } = self;
        writeln!(
            f,
            "records: {produced} produced = {sent} sent + {stored} stored + {dropped} dropped + {pending} pending"
        )?;
        for reason in Loss::ALL.iter().filter(|reason| self.lost(**reason) > 0) {
            writeln!(f, "  dropped because {reason}: {}", self.lost(*reason))?;
        }
        let Counts { fields_dropped, fields_hashed, fields_redacted, .. } = self;
        write!(f, "fields:  {fields_dropped} dropped, {fields_hashed} hashed, {fields_redacted} redacted")
    }
}
