//! Text from outside on a terminal: what would move the cursor, hide itself or turn the direction of reading is shown as an
//! escape. A name that reads one way and is another is how people are made to pay a stranger.

use std::borrow::Cow;

/// Nobody sees it, and it changes what is seen.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // What Unicode lets a terminal leave out (Default_Ignorable_Code_Point): the soft hyphen, the grapheme joiner, Arabic,
            // Hangul, Khmer and Mongolian fillers and marks; spaces without width and marks of direction; embeddings and
            // overrides; joiners and isolates; selectors of variants; the byte order mark; shorthand and music controls; tags.
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
                // A Braille pattern without a dot is a space that is none.
                | '\u{2800}'
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
        for hidden in ["\u{3164}", "\u{2800}", "\u{115f}", "\u{34f}", "\u{fe0f}", "\u{180b}", "\u{17b5}", "\u{e0100}"] {
            assert!(clean(&format!("Ma{hidden}in")).contains("\\u{"), "{hidden:?}");
        }
        for text in ["Цветы «Гүлдер» №1", "12\u{a0}500.50\u{a0}₸", "ё й Ә 🌷"] {
            assert_eq!(clean(text), text);
        }
    }
}
