//! Case folding for text that is searched: letter by letter, so that what is a part of a text is found in it.

/// `text` as it is compared where case does not count: each letter by itself in upper case, then in lower case.
///
/// No letter is folded by its neighbours. `String::to_lowercase` writes a sigma at the end of a word as `ς`, and would
/// not find `ΟΔΟΣ` in `ΟΔΟΣΤΡΩΜΑ`. Letters that are two in upper case are two here: `ß` and `ẞ` equal `ss`, `ﬁ` equals
/// `fi`. `İ` and `ı` equal `i`. Accents stay. The statements for PostgreSQL say the same in SQL.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            // In lower case it is an i with a second dot, which nobody types.
            'İ' => folded.push('i'),
            // The one capital whose lower case has another capital.
            'ẞ' => folded.push_str("ss"),
            letter => folded.extend(letter.to_uppercase().flat_map(char::to_lowercase)),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_equals_its_other_cases() {
        for (one, other) in [
            ("Tea", "tEA"),
            ("ΟΔΟΣ", "οδος"),
            ("ΟΔΟΣ", "οδοσ"),
            ("İstanbul", "istanbul"),
            ("ISPARTA", "ısparta"),
            ("Straße", "STRASSE"),
            ("STRAẞE", "strasse"),
            ("ﬁle", "FILE"),
            ("ſum", "Sum"),
            ("\u{b5}m", "μm"),
            ("\u{212a}elvin", "kelvin"),
            ("Ångström", "ångSTRÖM"),
            ("ПРИВЕТ", "привет"),
            ("ᾳ", "ΑΙ"),
            ("ǅ", "ǆ"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("é"), fold("e"));
    }

    #[test]
    fn folding_twice_changes_nothing_and_no_letter_looks_at_its_neighbours() {
        for letter in (0..=0x10_ffff).filter_map(char::from_u32) {
            let folded = fold(&letter.to_string());
            assert_eq!(fold(&folded), folded, "{letter:?}");
            assert_eq!(fold(&format!("Σ{letter}Σ")), format!("σ{folded}σ"), "{letter:?}");
            for case in [letter.to_lowercase().to_string(), letter.to_uppercase().to_string()] {
                let is_dotted = letter == 'İ';
                assert!(fold(&case) == folded || is_dotted, "{letter:?} {case:?}");
            }
        }
    }
}
