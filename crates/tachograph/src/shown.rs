//! Names that somebody else wrote, as an error shows them.

use std::borrow::Cow;

/// A name whose control characters are escaped, so that an error stays one line and steers no terminal.
pub(crate) fn shown(name: &str) -> Cow<'_, str> {
    if !name.contains(char::is_control) {
        return Cow::Borrowed(name);
    }
    let mut text = String::new();
    for c in name.chars() {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_control_characters_are_escaped() {
        assert_eq!(shown("größe \"x\""), "größe \"x\"");
        assert_eq!(shown("a\nb\u{1b}[31m\u{85}"), "a\\nb\\u{1b}[31m\\u{85}");
    }
}
