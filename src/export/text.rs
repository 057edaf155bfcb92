//! Text of others, made fit to be shown in a terminal.

/// A stranger's text as it can be shown in a terminal: at most `longest` characters, and none that moves the cursor,
/// breaks the line or changes the direction of writing.
#[cfg(feature = "upload")]
pub(crate) fn printable(text: &str, longest: usize) -> String {
    let mut shown = String::new();
    let mut chars = text.chars();
    for c in chars.by_ref().take(longest) {
        if is_harmless(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
    }
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Whether a character only ever shows itself.
pub(super) fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(all(test, feature = "upload"))]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_cannot_reach_the_terminal_as_a_command() {
        for hostile in
            ["\x1b[2J", "a\nb", "a\rb", "\0", "\u{9b}2J", "\x7f", "\u{202e}txt", "\u{2066}", "\u{2028}", "\u{e0041}"]
        {
            let shown = printable(hostile, 100);
            assert!(shown.contains("\\u{") && shown.chars().all(is_harmless), "{hostile:?} {shown:?}");
        }
        assert_eq!(printable("Größe: 日本 \"x\" 🚀", 100), "Größe: 日本 \"x\" 🚀");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(printable("日本語", 3), "日本語");
        assert_eq!(printable("日本語", 2), "日本…");
        assert_eq!(printable(&"x".repeat(1 << 20), 200).chars().count(), 201);
    }
}
