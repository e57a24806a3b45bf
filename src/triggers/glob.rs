//! Globs over the names of triggers: `*`, `?`, `[a-z]`, `[!a-z]`, `{a,b}`.
//!
//! Our own and not `globset`, which compiles each into a regular expression for a quarter of a millisecond: a store may
//! have thousands of records with a hundred different ones each, and every event is matched with all of them while others
//! wait. Here nothing is compiled, and a match looks at each letter of the glob once for each place in the name, however
//! alternatives are nested. What a glob means is what `globset` says it means: a test compares the two.

use super::name::{MAX_LENGTH, is_name_letter};

/// How deep alternatives may be nested.
const DEPTH: usize = 8;

/// A glob, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Letter(char),
    /// `?`
    Any,
    /// `*`
    Some,
    /// `[a-z]`, as ranges; with whether it is what they do not hold.
    Class(Vec<(char, char)>, bool),
    /// `{a,b}`
    Either(Vec<Vec<Token>>),
}

impl Glob {
    /// Reads a glob; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let letters: Vec<char> = text.chars().collect();
        let mut reader = Reader { letters: &letters, at: 0 };
        let tokens = reader.sequence(0)?;
        match reader.letters.get(reader.at) {
            None => Ok(Self(tokens)),
            Some(_) => Err("there is a } without a { before it".to_owned()),
        }
    }

    /// Whether the whole of `name` fits.
    pub(super) fn matches(&self, name: &str) -> bool {
        let letters: Vec<char> = name.chars().collect();
        let mut places = vec![false; letters.len() + 1];
        places[0] = true;
        advance(&self.0, &letters, places).pop().unwrap_or(false)
    }

    /// Whether it begins with these letters, and so all that fits.
    pub(super) fn begins_with(&self, start: &str) -> bool {
        let own = self.0.iter().map_while(|token| if let Token::Letter(letter) = token { Some(*letter) } else { None });
        own.take(start.len()).eq(start.chars())
    }

    /// Why no name of a trigger can ever fit, if none can.
    pub(super) fn why_never(&self) -> Option<String> {
        match shortest(&self.0) {
            Ok(0) if !self.0.is_empty() && !self.0.iter().any(takes_letters) => {
                Some("it asks for no letter, and every name has one".to_owned())
            }
            Ok(length) if length <= MAX_LENGTH => None,
            Ok(length) => Some(format!("it asks for {length} letters, and a trigger's name has at most {MAX_LENGTH}")),
            Err(why) => Some(why),
        }
    }
}

struct Reader<'a> {
    letters: &'a [char],
    at: usize,
}

impl Reader<'_> {
    /// Reads to the end, or to what ends an alternative.
    fn sequence(&mut self, depth: usize) -> Result<Vec<Token>, String> {
        let mut tokens = Vec::new();
        while let Some(letter) = self.letters.get(self.at).copied() {
            if letter == '}' || letter == ',' && depth > 0 {
                break;
            }
            self.at += 1;
            tokens.push(match letter {
                '*' => Token::Some,
                '?' => Token::Any,
                '[' => self.class()?,
                '{' => Token::Either(self.alternatives(depth + 1)?),
                letter => Token::Letter(letter),
            });
        }
        Ok(tokens)
    }

    fn alternatives(&mut self, depth: usize) -> Result<Vec<Vec<Token>>, String> {
        if depth > DEPTH {
            return Err(format!("alternatives may be nested {DEPTH} deep"));
        }
        let mut all = Vec::new();
        loop {
            all.push(self.sequence(depth)?);
            self.at += 1;
            match self.letters.get(self.at - 1) {
                Some(',') => {}
                Some(_) => return Ok(all),
                None => return Err("there is a { without a } behind it".to_owned()),
            }
        }
    }

    fn class(&mut self) -> Result<Token, String> {
        let unclosed = || "there is a [ without a ] behind it".to_owned();
        let is_negated = matches!(self.letters.get(self.at), Some('!' | '^'));
        self.at += usize::from(is_negated);
        let rest = self.letters.get(self.at..).unwrap_or_default();
        // A ] that comes first is one of the letters.
        let end = rest.iter().skip(1).position(|letter| *letter == ']').ok_or_else(unclosed)? + 1;
        self.at += end + 1;
        let (mut ranges, mut inner) = (Vec::new(), &rest[..end]);
        loop {
            inner = match inner {
                [] => return Ok(Token::Class(ranges, is_negated)),
                [from, '-', to, rest @ ..] if from <= to => {
                    ranges.push((*from, *to));
                    rest
                }
                [from, '-', to, ..] => return Err(format!("the range {from}-{to} holds nothing")),
                [letter, rest @ ..] => {
                    ranges.push((*letter, *letter));
                    rest
                }
            };
        }
    }
}

impl Token {
    fn takes(&self, letter: char) -> bool {
        match self {
            Self::Letter(own) => *own == letter,
            Self::Class(ranges, is_negated) => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter)) != *is_negated
            }
            Self::Any | Self::Some => true,
            Self::Either(_) => false,
        }
    }
}

/// The places in the name that are reached from `places` by reading `tokens`.
fn advance(tokens: &[Token], name: &[char], mut places: Vec<bool>) -> Vec<bool> {
    for token in tokens {
        let mut next = vec![false; places.len()];
        match token {
            Token::Some => {
                let first = places.iter().position(|is_reached| *is_reached).unwrap_or(places.len());
                next[first..].fill(true);
            }
            Token::Either(all) => {
                for alternative in all {
                    let reached = advance(alternative, name, places.clone());
                    next.iter_mut().zip(reached).for_each(|(place, is_reached)| *place |= is_reached);
                }
            }
            _ => {
                for (place, letter) in name.iter().enumerate() {
                    next[place + 1] = places[place] && token.takes(*letter);
                }
            }
        }
        places = next;
    }
    places
}

/// Whether anything that it fits has a letter.
fn takes_letters(token: &Token) -> bool {
    match token {
        Token::Either(all) => all.iter().any(|alternative| alternative.iter().any(takes_letters)),
        Token::Letter(_) | Token::Any | Token::Some | Token::Class(..) => true,
    }
}

/// How many letters a name that fits has at least, or why there is none.
fn shortest(tokens: &[Token]) -> Result<usize, String> {
    tokens.iter().map(shortest_of).sum()
}

fn shortest_of(token: &Token) -> Result<usize, String> {
    let list = "a list is several patterns, or alternatives in braces, such as {post_*,pre_*}";
    match token {
        Token::Letter(',') => Err(format!("no trigger's name has a comma: {list}")),
        Token::Letter(letter) if !is_name_letter(*letter) => Err(format!("no trigger's name has {letter:?}")),
        Token::Class(..) if !NAME_LETTERS.chars().any(|letter| token.takes(letter)) => {
            Err("what stands in its brackets is in no trigger's name".to_owned())
        }
        Token::Some => Ok(0),
        Token::Letter(_) | Token::Any | Token::Class(..) => Ok(1),
        Token::Either(all) => {
            let lengths: Vec<_> = all.iter().map(|alternative| shortest(alternative)).collect();
            let least = lengths.iter().flatten().min().copied();
            least.map_or_else(|| lengths.into_iter().next().unwrap_or(Ok(0)), Ok)
        }
    }
}

/// The letters that names may have.
const NAME_LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:";

#[cfg(test)]
mod tests {
    use globset::GlobBuilder;
    use proptest::prelude::*;

    use super::*;

    fn glob(text: &str) -> Glob {
        Glob::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"))
    }

    #[test]
    fn a_glob_fits_the_whole_of_a_name() {
        for (text, fits, fits_not) in [
            ("p?e_*", &["pre_sale", "pre_"][..], &["post_sale", "pre"][..]),
            ("*_sale", &["post_sale", "_sale"], &["sale", "post_sales"]),
            ("a*b*c", &["abc", "aXbYc", "abcbc"], &["ab", "acb"]),
            ("[a-c]x[!0-9]", &["axy", "cx_"], &["dxy", "ax1", "ax"]),
            ("[]a]", &["a", "]"], &["b"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("{post,pre}_sale", &["post_sale", "pre_sale"], &["sale", "postpre_sale"]),
            ("{a,b{c,d{e,f}}}x", &["ax", "bcx", "bdex", "bdfx"], &["bx", "bdx"]),
            ("a{,b}", &["a", "ab"], &["abb"]),
            ("{a*,*b}c", &["ac", "axc", "xbc"], &["c", "xc"]),
            ("**", &["", "x"], &[]),
        ] {
            for name in fits {
                assert!(glob(text).matches(name), "{text} fits {name}");
            }
            for name in fits_not {
                assert!(!glob(text).matches(name), "{text} does not fit {name}");
            }
        }
    }

    #[test]
    fn what_no_name_can_fit_is_known() {
        let long = format!("*{}", "a".repeat(129));
        for text in ["*", "{post_*,pre_*}", "[!,]x", "{a,b+}", "a[,b]", &long[..100]] {
            assert_eq!(glob(text).why_never(), None, "{text}");
        }
        for (text, part) in [
            ("post_*,pre_*", "comma"),
            ("a,b", "comma"),
            ("!post_*", "'!'"),
            ("^a*", "'^'"),
            ("a]", "']'"),
            ("x[,]*", "brackets"),
            ("[!a-zA-Z0-9_.:-]*", "brackets"),
            ("{a!,b!}", "'!'"),
            (&long, "129 letters"),
        ] {
            let why = glob(text).why_never();
            assert!(why.as_ref().is_some_and(|why| why.contains(part)), "{text}: {why:?}");
        }
    }

    #[test]
    fn a_match_is_quick_whatever_the_glob_is_like() {
        let name = "a".repeat(MAX_LENGTH);
        let nested = format!("{}a{}", "{a,".repeat(DEPTH), "}".repeat(DEPTH));
        for text in
            ["*a".repeat(127) + "b", "{a,aa}".repeat(42) + "b", nested.repeat(8) + "b", "[a-z]*".repeat(42) + "b"]
        {
            let begun = std::time::Instant::now();
            for _ in 0..100 {
                assert!(!glob(&text).matches(&name), "{text}");
            }
            // One way after the other, they would be tried for longer than there is a machine.
            assert!(begun.elapsed().as_secs() < 20, "{text}: {:?} for 100", begun.elapsed());
        }
    }

    /// Without a second `-`: `[a-c-e]` is a list here, and a range of another kind there.
    const TEXT: &str =
        r"[ab_*?{}\[\],!^]{0,6}(-[ab_*?{}\[\],!^]{0,6})?|([ab*?]|\{[ab*?]{0,2}(,[ab*?]{0,2}){0,2}\}){0,6}";

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_glob_means_what_globset_says(text in TEXT, names in prop::collection::vec("[ab_,!^-]{0,8}", 8))
        {
            let builder = GlobBuilder::new(&text).literal_separator(false).backslash_escape(false)
                .empty_alternates(true).build();
            match (Glob::parse(&text), builder) {
                (Ok(own), Ok(other)) => {
                    let other = other.compile_matcher();
                    for name in names {
                        prop_assert_eq!(own.matches(&name), other.is_match(&name), "{} and {}", text, name);
                    }
                }
                (own, other) => prop_assert_eq!(own.is_ok(), other.is_ok(), "{}: {:?}, {:?}", text, own, other),
            }
        }
    }
}
