//! What is looked for in a text, and how: each secret in the form that all its spellings are decoded to.

use std::collections::{BTreeMap, HashSet};

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};

use super::Secret;
use super::bytes::{NOTATIONS, from_quoted_printable, lists};
use super::view::{BASE64, HEXADECIMAL, Span, View};

/// Secrets with fewer bytes are too common in other text to be looked for.
pub(super) const SHORTEST: usize = 4;
/// A secret with as many letters and digits is found by them alone, whatever stands between them.
const SHORTEST_SKELETON: usize = 12;
/// A secret that was cut in two is known by as many bytes of its beginning, if it has a third more than that.
const BEGINNING: usize = 12;
/// A secret is looked for without its first and last bytes if it still has as many.
const SHORTEST_MIDDLE: usize = 8;
/// How many escapes may lie around each other. JSON in JSON has 31 backslashes for each sign at the fifth level.
const LEVELS: usize = 6;
/// How many encodings in digits or bytes may lie around each other: base64 of base64.
const NESTED: usize = 2;

/// Finds secrets in texts. Takes time in proportion to the text, however many they are.
pub(super) struct Search {
    whole: Finder,
    skeletons: Finder,
    /// The letters of the shortest secret.
    least: usize,
}

struct Finder {
    automaton: AhoCorasick,
    /// For each pattern how the secret goes on, of which it is the beginning; nothing for a whole one.
    rests: Vec<Vec<u8>>,
    whole: HashSet<Vec<u8>>,
}

impl Search {
    /// Fails when there is more to look for than can be looked for at once.
    pub(super) fn new(secrets: &[Secret]) -> Result<Self, BuildError> {
        let (mut whole, mut skeletons) = (BTreeMap::new(), BTreeMap::new());
        for (bytes, has_beginning) in secrets.iter().flat_map(patterns_of) {
            for view in levels(View::new(bytes)) {
                let folded = view.folded();
                add(&mut skeletons, folded.skeleton().bytes(), SHORTEST_SKELETON, has_beginning);
                add(&mut whole, folded.bytes(), SHORTEST, has_beginning);
            }
        }
        let is_first = |byte: &&u8| **byte & 0xc0 != 0x80;
        let letters = |pattern: &Vec<u8>| pattern.iter().filter(is_first).count();
        let least = whole.keys().chain(skeletons.keys()).map(letters).min().unwrap_or(SHORTEST);
        Ok(Self { whole: Finder::new(whole)?, skeletons: Finder::new(skeletons)?, least })
    }

    /// The parts of `text` that hold secrets, in order, none reaching into the next.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Span> {
        let mut found = Vec::new();
        self.find_in(View::new(text), NESTED, &mut found);
        found.sort_unstable();
        let mut apart: Vec<Span> = Vec::with_capacity(found.len());
        for span in found {
            match apart.last_mut() {
                Some(last) if span.start < last.end => last.end = last.end.max(span.end),
                _ => apart.push(span),
            }
        }
        apart
    }

    /// Whether `text` is a secret and nothing else.
    pub(super) fn is_secret(&self, text: &str) -> bool {
        self.whole.whole.contains(View::new(text.as_bytes()).folded().bytes())
    }

    fn find_in(&self, text: View, nested: usize, found: &mut Vec<Span>) {
        let mut levels = levels(text).peekable();
        let mut is_first = true;
        while let Some(view) = levels.next() {
            let folded = view.folded();
            self.whole.find(&folded, found);
            self.skeletons.find(&folded.skeleton(), found);
            // Digits are whole as they stand, or once no escape is left among them.
            let is_between = !std::mem::take(&mut is_first) && levels.peek().is_some();
            if nested == 0 || is_between {
                continue;
            }
            for (digits, least) in [(BASE64, (self.least * 4).div_ceil(3)), (HEXADECIMAL, self.least * 2)] {
                let runs = view.runs(digits, least);
                let ways = if runs.is_empty() { 0..0 } else { 0..digits.ways };
                ways.for_each(|skipped| self.find_in(runs.decoded(skipped), nested - 1, found));
            }

            let listed = NOTATIONS.iter().filter_map(|notation| lists(&view, *notation, self.least));
            for inner in listed.chain(from_quoted_printable(&view)) {
                self.find_in(inner, nested - 1, found);
            }
        }
    }
}

impl Finder {
    fn new(patterns: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Self, BuildError> {
        let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(patterns.keys())?;
        let whole = patterns.iter().filter(|(_, rest)| rest.is_empty()).map(|(pattern, _)| pattern.clone()).collect();
        Ok(Self { automaton, rests: patterns.into_values().collect(), whole })
    }

    fn find(&self, view: &View, found: &mut Vec<Span>) {
        let bytes = view.bytes();
        if self.rests.is_empty() || bytes.is_empty() {
            return;
        }
        let mut covered = 0;
        for hit in self.automaton.find_overlapping_iter(bytes) {
            let rest = &self.rests[hit.pattern()];
            // What repeats itself is followed once, not from each of its places.
            let more = match hit.end() > covered {
                true => bytes[hit.end()..].iter().zip(rest).take_while(|(found, wanted)| found == wanted).count(),
                false => 0,
            };
            covered = covered.max(hit.end() + more);
            found.push(view.span(hit.start(), hit.end() + more));
        }
    }
}

/// `text`, and what is left of it as one escape after the other is read.
fn levels(text: View) -> impl Iterator<Item = View> {
    let mut next = Some(text);
    std::iter::from_fn(move || {
        let view = next.take()?;
        next = view.unescaped();
        Some(view)
    })
    .take(LEVELS)
}

/// A secret, and its middle: where the digits around it are missing, base64 does not tell its first two bytes nor its last.
fn patterns_of(secret: &Secret) -> impl Iterator<Item = (&[u8], bool)> {
    let middle =
        secret.bytes.get(2..secret.bytes.len().saturating_sub(1)).filter(|middle| middle.len() >= SHORTEST_MIDDLE);
    std::iter::once(secret.bytes.as_slice()).chain(middle).map(|bytes| (bytes, secret.has_beginning))
}

/// Adds a pattern of at least `shortest` bytes, and what a secret that was cut off behind it begins with.
fn add(patterns: &mut BTreeMap<Vec<u8>, Vec<u8>>, pattern: &[u8], shortest: usize, has_beginning: bool) {
    if pattern.len() < shortest {
        return;
    }
    if has_beginning && pattern.len() >= BEGINNING * 4 / 3 {
        let (beginning, rest) = pattern.split_at(BEGINNING);
        patterns.entry(beginning.to_vec()).or_insert_with(|| rest.to_vec());
    }
    patterns.insert(pattern.to_vec(), Vec::new());
}
