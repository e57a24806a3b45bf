//! What the messages of all chats have in common: texts that fit their limits, and say what the customer wrote and
//! nothing else.

/// At most `most` characters of `text`, with a mark where something is missing.
pub fn cut(text: &str, most: usize) -> String {
    fit(text, most, |letter| letter.to_string())
}

/// As much of `text` as has room in `most` characters once each letter is escaped, with a mark where something is missing.
/// No escape is ever cut in two.
pub fn fit(text: &str, most: usize, escape: impl Fn(char) -> String) -> String {
    let (mut fitted, mut taken) = (String::new(), 0);
    // Where the text could be cut so that the mark has room behind it.
    let mut before_mark = 0;
    for letter in text.chars() {
        let escaped = escape(letter);
        let length = escaped.chars().count();
        if taken + length > most {
            fitted.truncate(before_mark);
            if most > 0 {
                fitted.push('…');
            }
            return fitted;
        }
        taken += length;
        fitted.push_str(&escaped);
        if taken < most {
            before_mark = fitted.len();
        }
    }
    fitted
}

/// Whether `host` is `domain` or below it.
pub fn is_of(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// `&`, `<` and `>` as Slack and HTML want them.
pub fn entity(letter: char) -> String {
    match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        other => other.to_string(),
    }
}

/// Letters that mean something to Discord, with a backslash before them.
pub fn markdown(letter: char) -> String {
    match letter {
        '\\' | '*' | '_' | '~' | '`' | '|' | '[' | ']' | '(' | ')' | '<' | '>' | '#' => format!("\\{letter}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_and_no_escape_is_cut_in_two() {
        for (text, most, expected) in [
            ("a<b", 10, "a&lt;b"),
            ("a<b", 6, "a&lt;b"),
            ("a<b", 5, "a…"),
            ("a<bc", 6, "a&lt;…"),
            ("<", 3, "…"),
            ("éé", 1, "…"),
            ("", 0, ""),
            ("x", 0, ""),
        ] {
            assert_eq!(fit(text, most, entity), expected, "{text} {most}");
        }
        assert_eq!((cut("abc", 3).as_str(), cut("abcd", 3).as_str()), ("abc", "ab…"));
        assert_eq!(fit("[Pay](http://x)", 50, markdown), r"\[Pay\]\(http://x\)");
    }
}
