//! Text from outside on a terminal: what would move the cursor, hide itself or turn the direction of reading is shown as an
//! escape. A name that reads one way and is another is how people are made to pay a stranger.

use std::borrow::Cow;

/// Nobody sees it, and it changes what is seen.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // The soft hyphen, Arabic and Mongolian marks; spaces without width and marks of direction; embeddings and
            // overrides; joiners and isolates; the byte order mark; tags.
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

fn escaped(text: &str, hides: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hides) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match hides(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// For a cell, or any text that is one line.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden)
}

/// For whole lines.
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_hidden(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: whatever a name holds, the terminal shows it where it stands and as it is.
    #[test]
    fn nothing_is_hidden() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{9b}"), "a\\u{1b}[2Jb\\nc\\u{9b}");
        assert_eq!(lines("a\nb\r\u{202e}evil\u{200b}"), "a\nb\\r\\u{202e}evil\\u{200b}");
        for text in ["Цветы «Гүлдер» №1", "12\u{a0}500.50\u{a0}₸", "ё й Ә 🌷"] {
            assert_eq!(clean(text), text);
        }
    }
}
