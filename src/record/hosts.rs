//! Where records may go: what the user agreed to when they were kept holds for them as long as they are.

use super::claim::Answers;

/// The receivers of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hosts(Vec<Addressee>);

/// A receiver, as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Addressee {
    /// The host that a yes is given for, or the type of the application's own exporter.
    pub(crate) host: String,
    /// What it is called in every run, whatever others there are: its bit is of this run alone.
    pub(crate) name: String,
    pub(crate) bit: u8,
}

/// What a store has noted of the answers to a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answered {
    /// Receivers that are not asked any more, a bit for each.
    pub(crate) done: u8,
    /// Some receiver has it, perhaps one that is none of this run's.
    pub(crate) has_arrived: bool,
    /// Receivers that may have rows of it, a bit for each.
    pub(crate) asked: u8,
    /// One that is none of this run's may have rows of it, and has not answered.
    pub(crate) is_asked_elsewhere: bool,
}

const TOOK: &str = "took ";
const REFUSED: &str = "refused ";
const UNWANTED: &str = "has no use for it: ";
/// No answer: it was asked, and may have rows of it. Of those that know what they have got by a token, whoever is not named in
/// such a line and has not answered has none; the others are never named.
const ASKED: &str = "may have rows of it: ";

impl Hosts {
    /// Receivers in the order in which they were named: of two that are called the same, the second one gets another name.
    #[cfg(any(feature = "upload", test))]
    pub(crate) fn of(receivers: impl IntoIterator<Item = impl Into<Addressee>>) -> Self {
        let given: Vec<Addressee> = receivers.into_iter().map(Into::into).collect();
        let numbered = |(place, one): (usize, &Addressee)| {
            let same = given[..place].iter().filter(|earlier| earlier.name == one.name).count();
            let name = if same == 0 { one.name.clone() } else { format!("{}#{}", one.name, same + 1) };
            Addressee { name, ..one.clone() }
        };
        let mut hosts: Vec<_> = given.iter().enumerate().map(numbered).collect();
        hosts.sort_unstable();
        Hosts(hosts)
    }

    /// Whether nothing is sent anywhere.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// How a store notes them beside what it keeps: one a line, in order.
    pub(crate) fn noted(&self) -> String {
        let mut hosts: Vec<_> = self.0.iter().map(|one| one.host.as_str()).collect();
        hosts.dedup();
        hosts.join("\n")
    }

    /// How a store notes who is to have what it keeps: by name, one a line.
    pub(crate) fn names(&self) -> String {
        self.0.iter().map(|one| format!("{}\n", one.name)).collect()
    }

    /// Whether one of these names, a line each, is of a receiver that this run does not have, and that is not among those who
    /// answered.
    pub(crate) fn is_owed(&self, names: &str, answers: &str) -> bool {
        names.lines().any(|name| self.bit(name) == 0 && !has_answered(name, answers))
    }

    /// The receivers that may have what was kept for these hosts, a bit for each.
    pub(crate) fn permitted(&self, noted: &str) -> u8 {
        let is_noted = |host: &str| noted.split('\n').any(|known| known == host);
        self.0.iter().filter(|one| is_noted(&one.host)).fold(0, |bits, one| bits | one.bit)
    }

    /// What a store has noted of a batch in such lines, and this beside it.
    pub(crate) fn adding(&self, answers: Answers, lines: &str) -> String {
        let is_over = |line: &str| line.strip_prefix(ASKED).is_some_and(|name| self.bit(name) & answers.absent != 0);
        let mut noted: String =
            lines.split_inclusive('\n').filter(|line| !is_over(line.trim_end_matches('\n'))).collect();
        for line in self.lines(answers) {
            // Who has no use for a batch says so whenever it goes out.
            if !noted.split_inclusive('\n').any(|known| known == line) {
                noted.push_str(&line);
            }
        }
        noted
    }

    /// How a store notes what is known of receivers, a line for each.
    fn lines(&self, answers: Answers) -> impl Iterator<Item = String> + '_ {
        let Answers { took, refused, unwanted, asked, absent: _ } = answers;
        let of = move |(word, bits): (&'static str, u8)| {
            self.0.iter().filter(move |one| one.bit & bits != 0).map(move |one| format!("{word}{}\n", one.name))
        };
        [(TOOK, took), (REFUSED, refused), (UNWANTED, unwanted), (ASKED, asked)].into_iter().flat_map(of)
    }

    /// What such lines say.
    pub(crate) fn answered(&self, lines: &str) -> Answered {
        let mut answered = Answered::default();
        for line in lines.lines() {
            answered.done |= answerer(line).map_or(0, |name| self.bit(name));
            answered.has_arrived |= line.starts_with(TOOK);
            if let Some(name) = line.strip_prefix(ASKED) {
                answered.asked |= self.bit(name);
                answered.is_asked_elsewhere |= self.bit(name) == 0 && !has_answered(name, lines);
            }
        }
        answered
    }

    /// The bit of a receiver in this run; zero for one that it does not have.
    pub(crate) fn bit(&self, name: &str) -> u8 {
        self.0.iter().filter(|one| one.name == name).fold(0, |bits, one| bits | one.bit)
    }

    /// The name of a receiver; none for one that this run does not have.
    pub(crate) fn name(&self, bit: u8) -> &str {
        self.0.iter().find(|one| one.bit == bit).map_or("", |one| &one.name)
    }
}

/// Whether a receiver of this name is not asked any more, by such lines.
fn has_answered(name: &str, lines: &str) -> bool {
    lines.lines().any(|line| answerer(line) == Some(name))
}

/// The name of who gave an answer, from its line.
fn answerer(line: &str) -> Option<&str> {
    [TOOK, REFUSED, UNWANTED].iter().find_map(|word| line.strip_prefix(word))
}

#[cfg(test)]
impl From<(String, u8)> for Addressee {
    fn from((host, bit): (String, u8)) -> Self {
        Addressee { name: host.clone(), host, bit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_for_some_hosts_is_for_no_others() {
        let hosts = |list: &[(&str, u8)]| Hosts::of(list.iter().map(|(host, bit)| ((*host).to_owned(), *bit)));
        let both = hosts(&[("b.example", 2), ("a.example", 1)]);
        assert_eq!(both.noted(), "a.example\nb.example");
        assert_eq!(hosts(&[("a.example", 1), ("a.example", 2)]).noted(), "a.example");
        for (noted, permitted) in [
            ("a.example\nb.example", 3),
            ("b.example", 2),
            ("a.example\nc", 1),
            ("c", 0),
            ("a.example b.example", 0),
            ("", 0),
        ] {
            assert_eq!(both.permitted(noted), permitted, "{noted:?}");
        }
        assert_eq!(Hosts::default().permitted(""), 0);
    }

    #[test]
    fn an_answer_is_known_by_the_name_of_who_gave_it() {
        let of = |list: &[(&str, u8)]| Hosts::of(list.iter().map(|(host, bit)| ((*host).to_owned(), *bit)));
        let before = of(&[("a", 1), ("b", 2), ("b", 4), ("c", 8)]);
        let lines: String = before.lines(Answers { took: 4, refused: 2, unwanted: 1, ..Answers::default() }).collect();
        assert_eq!(lines, "took b#2\nrefused b\nhas no use for it: a\n");
        let answered = |done, has_arrived| Answered { done, has_arrived, ..Answered::default() };
        assert_eq!(before.answered(&lines), answered(7, true));
        // The same, in another order.
        let after = of(&[("c", 1), ("b", 2), ("a", 4), ("b", 8)]);
        assert_eq!(after.answered(&lines), answered(14, true));
        assert_eq!(of(&[("c", 1)]).answered(&lines), answered(0, true));
        let refused: String = before.lines(Answers { refused: 9, ..Answers::default() }).collect();
        assert_eq!(before.answered(&refused), answered(9, false));
        for odd in ["", "\n\n", "took", "a", "3", "tookb"] {
            assert_eq!(before.answered(odd), Answered::default(), "{odd:?}");
        }
        assert_eq!((after.bit(before.name(4)), after.name(16), after.bit("")), (8, "", 0));
    }

    #[test]
    fn whoever_was_asked_may_have_rows_of_it_until_it_certainly_has_none_or_has_answered() {
        let of = |list: &[(&str, u8)]| Hosts::of(list.iter().map(|(host, bit)| ((*host).to_owned(), *bit)));
        let hosts = of(&[("a", 1), ("b", 2)]);
        let adding = |answers: Answers, lines: &str| hosts.adding(answers, lines);
        let asked = adding(Answers { asked: 3, ..Answers::default() }, "may have rows of it: c\n");
        assert_eq!(asked, "may have rows of it: c\nmay have rows of it: a\nmay have rows of it: b\n");
        assert_eq!(adding(Answers { asked: 3, ..Answers::default() }, &asked), asked);
        let by_three = Answered { asked: 3, is_asked_elsewhere: true, ..Answered::default() };
        assert_eq!(hosts.answered(&asked), by_three);
        assert_eq!(hosts.answered(&format!("{asked}refused c\n")), Answered { is_asked_elsewhere: false, ..by_three });
        assert!(hosts.is_owed("c\n", &asked), "that is no answer");
        let absent = adding(Answers { took: 2, absent: 1, ..Answers::default() }, &asked);
        assert_eq!(
            absent, "may have rows of it: c\nmay have rows of it: b\ntook b\n",
            "and others know for themselves"
        );
        let elsewhere = of(&[("a", 8)]).answered(&absent);
        assert_eq!((elsewhere.asked, elsewhere.is_asked_elsewhere), (0, true), "c");
        assert!(!of(&[("c", 1)]).answered(&absent).is_asked_elsewhere, "b has it");
    }

    #[test]
    fn what_was_kept_for_others_as_well_is_owed_until_they_have_answered() {
        let of = |list: &[(&str, u8)]| Hosts::of(list.iter().map(|(host, bit)| ((*host).to_owned(), *bit)));
        let (both, one, none) = (of(&[("a", 1), ("b", 2), ("b", 4)]), of(&[("b", 1)]), Hosts::default());
        let names = both.names();
        assert_eq!(names, "a\nb\nb#2\n");
        for (hosts, answers, is_owed) in [
            (&both, "", false),
            (&one, "", true),
            (&one, "took a\n", true),
            (&one, "took a\nrefused b#2\n", false),
            (&one, "took a\ntook b\nhas no use for it: b#2\n", false),
            (&one, "a\nb#2\n", true),
            (&none, "took a\ntook b\n", true),
        ] {
            assert_eq!(hosts.is_owed(&names, answers), is_owed, "{answers:?}");
        }
        assert!(!one.is_owed("", ""));
    }
}
