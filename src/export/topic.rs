//! What a note is about, whatever numbers it comes with: servers tell the same thing with others each time.

const CODE: &str = "Code: ";

/// A note up to the code of ClickHouse's in it, or all of it, with no number but that code.
pub(crate) fn topic(note: &str) -> String {
    let code = note.match_indices(CODE).map(|(at, _)| at + CODE.len());
    let digits = |at: usize| note[at..].bytes().take_while(u8::is_ascii_digit).count();
    let (head, code) = match code.map(|at| (at, digits(at))).find(|(_, digits)| *digits > 0) {
        Some((at, digits)) => (&note[..at], &note[at..at + digits]),
        None => (note, ""),
    };
    let mut about = String::with_capacity(head.len() + code.len());
    let mut before = ' ';
    for c in head.chars() {
        // Those in names stay.
        let is_of_number = c.is_ascii_digit() && (before == '#' || !(before.is_alphanumeric() || before == '_'));
        before = if is_of_number { '#' } else { c };
        if !is_of_number || !about.ends_with('#') {
            about.push(before);
        }
    }
    about + code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_say_nothing_about_what_a_note_is_about_but_a_code_does() {
        let parts = |count| format!("failed: Code: 252. DB::Exception: Too many parts ({count} of 1.00 KiB)");
        assert_eq!(
            (topic(&parts(3000)), topic(&parts(3001))),
            ("failed: Code: 252".into(), "failed: Code: 252".into())
        );
        assert_ne!(topic("failed: Code: 241. x"), topic(&parts(1)));
        assert_ne!(topic("halved: Code: 252. x"), topic(&parts(1)));
        assert_eq!(topic("took 5 rows for logs_2 and wrote 1.50"), "took # rows for logs_2 and wrote #.#");
        assert_eq!(topic("Code: none, HTTP 503: \u{661}日"), "Code: none, HTTP #: \u{661}日");
        assert_eq!(topic(""), "");
    }
}
