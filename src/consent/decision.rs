//! The answer, and everything that was looked at to find it.

use std::fmt;

use super::agreed::Agreed;
use super::row::Row;

/// What a yes is called that was said while the program ran.
pub(super) const GRANTED: &str = "the user's yes";

/// How much of telemetry may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Nothing: no file, no thread, no connection.
    Off,
    /// Data is kept on this machine, and sent to this machine at most.
    LocalOnly,
    /// Data is kept, and sent where the application said.
    On,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Off => "off",
            Self::LocalOnly => "local only",
            Self::On => "on",
        })
    }
}

/// Whether telemetry may be, why, and all that was considered.
///
/// `Display` writes what `status --explain` shows: the reason, then every source with its value and effect, and a `>`
/// before the one that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    state: State,
    reason: String,
    considered: Vec<Considered>,
    decided_by: usize,
    agreed: Agreed,
}

impl Decision {
    /// Finds the answer in what was considered: any veto wins, then somebody must have said yes.
    ///
    /// `ask` is what would count as a yes, and the last of `considered` is a row about the lack of one.
    pub(super) fn of(considered: Vec<Considered>, ask: &str, agreed: Agreed) -> Self {
        let first = |effect: Effect| considered.iter().position(|c| c.effect == effect);
        let yes = first(Effect::Yes);
        let (state, decided_by) = match (first(Effect::Off), yes, first(Effect::LocalOnly)) {
            (Some(veto), ..) => (State::Off, Some(veto)),
            (None, None, _) => (State::Off, first(Effect::Void)),
            (None, Some(_), Some(local)) => (State::LocalOnly, Some(local)),
            (None, Some(yes), None) => (State::On, Some(yes)),
        };
        let decided_by = decided_by.unwrap_or(considered.len().saturating_sub(1));
        let note = |index: usize| considered.get(index).map_or("", |c| c.note.as_str());
        let mut reason = format!("{state}: {}", note(decided_by));
        match (state, yes) {
            (State::Off, _) => {
                let mut remedies: Vec<&str> = Vec::new();
                let vetoes = considered.iter().filter(|c| c.effect == Effect::Off).map(|c| c.remedy.as_str());
                for remedy in vetoes.chain(yes.is_none().then_some(ask)) {
                    if !remedy.is_empty() && !remedies.contains(&remedy) {
                        remedies.push(remedy);
                    }
                }
                reason.push_str("; to turn it on ");
                reason.push_str(&remedies.join(", and "));
            }
            (State::LocalOnly, Some(yes)) => {
                reason.push_str("; ");
                reason.push_str(note(yes));
            }
            _ => {}
        }
        Self { state, reason, considered, decided_by, agreed }
    }

    /// This decision, which rests on a yes that the user said while the program runs, for the rest of a run that can no
    /// longer follow it; `why` is the beginning of the sentence.
    pub(crate) fn put_off(mut self, why: &str) -> Self {
        if self.state != State::Off {
            let yes = self.considered.iter().position(|c| c.source == GRANTED);
            self.state = State::Off;
            self.decided_by = yes.unwrap_or(self.decided_by);
            self.reason = format!("{}: {why}; to turn it on save the yes and start the program again", self.state);
            if let Some(yes) = self.considered.get_mut(self.decided_by) {
                (yes.effect, yes.note) = (Effect::Void, why.to_owned());
            }
        }
        self
    }

    /// Says that the user agreed to more while the program ran, and that this takes effect later.
    pub(crate) fn and_more_later(&mut self) {
        if !self.considered.iter().any(|c| c.source == GRANTED) {
            let why =
                "the user agreed to more while the program ran, which counts from the next start, once it is saved";
            let row = Considered::new(Row::Yes, GRANTED, "while the program ran", Effect::Noted);
            self.considered.push(row.note(why));
            self.reason.push_str("; ");
            self.reason.push_str(why);
        }
    }

    /// How much of telemetry may be.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// One sentence for people: what decided and, while off, what would turn it on. On one line, values escaped.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What may be collected, while it is on.
    pub(crate) fn agreed(&self) -> &Agreed {
        &self.agreed
    }

    /// Everything that was looked at, in the order of the table; at least one entry for each [`Row`].
    #[must_use]
    pub fn considered(&self) -> &[Considered] {
        &self.considered
    }

    /// What decided: the first veto, else the first yes, else the lack of one.
    #[must_use]
    pub fn decided_by(&self) -> Option<&Considered> {
        self.considered.get(self.decided_by)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.reason)?;
        let width = |of: fn(&Considered) -> &str| {
            self.considered.iter().map(|c| of(c).chars().count()).max().unwrap_or(0).min(60)
        };
        let (source, value) = (width(Considered::source), width(Considered::value));
        writeln!(f, "  row  {:source$}  {:value$}  effect", "source", "value")?;
        for (index, c) in self.considered.iter().enumerate() {
            let mark = if index == self.decided_by { '>' } else { ' ' };
            writeln!(f, "{mark} {:3}  {:source$}  {:value$}  {}", c.row, c.source, c.value, c.effect)?;
        }
        Ok(())
    }
}

/// One source that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    pub(super) row: Row,
    pub(super) source: String,
    pub(super) value: String,
    pub(super) effect: Effect,
    /// What it says, as the beginning of a sentence; empty where it says nothing.
    pub(super) note: String,
    /// What to do about it, after "to turn it on".
    pub(super) remedy: String,
}

impl Considered {
    pub(super) fn new(row: Row, source: impl Into<String>, value: impl Into<String>, effect: Effect) -> Self {
        let (source, value) = (source.into(), value.into());
        Self { row, source, value, effect, note: String::new(), remedy: String::new() }
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// The row of the table it belongs to.
    #[must_use]
    pub fn row(&self) -> Row {
        self.row
    }

    /// Where it comes from: a variable, a file, a call.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What was found there, escaped and shortened.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What it did.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }
}

/// What a source did to the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing: not set, or no objection.
    Nothing,
    /// It turned telemetry off.
    Off,
    /// It said yes.
    Yes,
    /// It keeps telemetry on this machine.
    LocalOnly,
    /// It would have turned telemetry off, and was lifted.
    Lifted,
    /// It said yes, and that does not count.
    Void,
    /// It is shown and decides nothing.
    Noted,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nothing => "-",
            Self::Off => "off",
            Self::Yes => "yes",
            Self::LocalOnly => "local only",
            Self::Lifted => "lifted",
            Self::Void => "does not count",
            Self::Noted => "noted",
        })
    }
}
