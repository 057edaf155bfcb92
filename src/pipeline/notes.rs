//! What `status()` says went wrong: bounded, each thing once.

#[cfg(feature = "upload")]
use crate::export::topic;

/// Different things that can be said.
const MOST: usize = 32;

/// Notes, oldest first.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Note>);

#[derive(Debug)]
struct Note {
    weight: Weight,
    about: String,
    text: String,
}

/// What makes room first when there is too much to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// A server can say anything, and at any length.
    #[cfg(feature = "upload")]
    Server,
    Own,
    /// Where somebody said no.
    No,
}

impl Notes {
    /// Something of our own.
    pub(super) fn own(&mut self, text: String) {
        self.add(Note { weight: Weight::Own, about: text.clone(), text });
    }

    /// Where somebody said no. It stays.
    pub(super) fn no(&mut self, text: String) {
        self.add(Note { weight: Weight::No, about: text.clone(), text });
    }

    /// What came of asking a server. The last word about each of its codes is kept, whatever numbers are in it.
    #[cfg(feature = "upload")]
    pub(super) fn of_server(&mut self, server: &str, text: String) {
        self.add(Note { weight: Weight::Server, about: format!("{server} {}", topic(&text)), text });
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|note| &note.text)
    }

    fn add(&mut self, note: Note) {
        self.0.retain(|known| (known.weight, &known.about) != (note.weight, &note.about));
        if self.0.len() >= MOST {
            let lightest = self.0.iter().map(|known| known.weight).min();
            let Some(lightest) = lightest.filter(|lightest| *lightest <= note.weight) else { return };
            let oldest = self.0.iter().position(|known| known.weight == lightest);
            oldest.into_iter().for_each(|at| drop(self.0.remove(at)));
        }
        self.0.push(note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_somebody_said_no_is_told_whatever_else_is() {
        let mut notes = Notes::default();
        notes.own("the store is new".to_owned());
        notes.no("the file exists".to_owned());
        for number in 0..100 {
            notes.own(format!("own {number}"));
        }
        let texts: Vec<_> = notes.texts().cloned().collect();
        assert_eq!((texts.len(), &*texts[0], &*texts[1], &*texts[31]), (MOST, "the file exists", "own 69", "own 99"));
        notes.no("the variable is set".to_owned());
        assert_eq!(notes.texts().filter(|text| text.starts_with("the ")).count(), 2);
    }

    #[cfg(feature = "upload")]
    #[test]
    fn of_each_code_of_a_server_the_last_word_is_kept_and_none_crowds_out_our_own() {
        let mut notes = Notes::default();
        notes.own("the store is new".to_owned());
        for number in 0..100 {
            for (server, code) in [("a", 252), ("a", 241), ("b", 252)] {
                notes.of_server(
                    server,
                    format!("failed: Code: {code}. DB::Exception: {number} of 7. (server {server})"),
                );
            }
        }
        let texts: Vec<_> = notes.texts().cloned().collect();
        assert_eq!(texts.len(), 4, "{texts:?}");
        assert!(texts[1..].iter().all(|text| text.contains("99 of 7")), "{texts:?}");
        for number in 0..100 {
            notes.of_server("c", "x".repeat(number));
        }
        assert_eq!(notes.texts().next().map(String::as_str), Some("the store is new"));
        assert_eq!(notes.texts().count(), MOST);
        for number in 0..100 {
            notes.own(format!("own {number}"));
        }
        notes.of_server("c", "something new".to_owned());
        assert!(notes.texts().all(|text| text.starts_with("own ")));
    }
}
