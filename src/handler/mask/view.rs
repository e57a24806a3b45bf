//! A text as its readers decode it: without escapes, or out of base64 and hexadecimal digits. Every byte keeps the place
//! in the text that it comes from, so that what is found in a view can be replaced in the text.

use super::escape;

/// The bytes of a text from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Bytes, each with the part of the text that it comes from.
#[derive(Debug, Default)]
pub(super) struct View {
    bytes: Vec<u8>,
    from: Vec<Span>,
}

/// An encoding of bytes in digits of some bits each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digits {
    /// The bits of a digit.
    bits: u32,
    /// After how many digits a byte begins with a digit again: as many ways there are to begin within a run of digits.
    pub(super) ways: usize,
    value: fn(u8) -> Option<u8>,
}

/// Base64 in both its alphabets.
pub(super) const BASE64: Digits = Digits { bits: 6, ways: 4, value: base64_digit };
/// Hexadecimal in either case.
pub(super) const HEXADECIMAL: Digits = Digits { bits: 4, ways: 2, value: escape::hex_digit };

/// The digits of a text, run by run.
pub(super) struct Runs {
    digits: Digits,
    found: Vec<(u8, Span)>,
    /// Where each run ends in `found`.
    ends: Vec<usize>,
}

impl View {
    /// The text itself.
    pub(super) fn new(text: &[u8]) -> Self {
        let from = (0..text.len()).map(|start| Span { start, end: start + 1 }).collect();
        Self { bytes: text.to_vec(), from }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where the bytes from `start` to before `end` come from; they must not be none.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span { start: self.from[start].start, end: self.from[end - 1].end }
    }

    pub(super) fn push(&mut self, bytes: &[u8], from: Span) {
        self.bytes.extend_from_slice(bytes);
        self.from.extend(std::iter::repeat_n(from, bytes.len()));
    }

    /// What one reader of escapes makes of it, whichever escapes they are; `None` when there are none.
    pub(super) fn unescaped(&self) -> Option<Self> {
        let (mut view, mut is_changed, mut at) = (Self::default(), false, 0);
        while at < self.bytes.len() {
            match escape::read(&self.bytes[at..]) {
                Some((length, decoded)) => {
                    view.push(decoded.bytes(), self.span(at, at + length));
                    (is_changed, at) = (true, at + length);
                }
                None => {
                    view.push(&self.bytes[at..=at], self.from[at]);
                    at += 1;
                }
            }
        }
        is_changed.then_some(view)
    }

    /// All letters in one case, and `+`, which forms have for a space, as a space. A byte that is no UTF-8 counts as the
    /// letter that it is in Latin-1.
    pub(super) fn folded(&self) -> Self {
        let mut view = Self { bytes: Vec::with_capacity(self.bytes.len()), from: Vec::with_capacity(self.bytes.len()) };
        let mut at = 0;
        for chunk in self.bytes.utf8_chunks() {
            let letters = chunk.valid().chars().map(|letter| (letter, letter.len_utf8()));
            for (letter, length) in letters.chain(chunk.invalid().iter().map(|byte| (char::from(*byte), 1))) {
                view.push_folded(letter, self.span(at, at + length));
                at += length;
            }
        }
        view
    }

    fn push_folded(&mut self, letter: char, from: Span) {
        match letter {
            '+' => self.push(b" ", from),
            letter if letter.is_ascii() => self.push(&[letter.to_ascii_lowercase() as u8], from),
            // First to capitals: two letters of which one is the other's capital in any way end as the same.
            letter => {
                for folded in letter.to_uppercase().flat_map(char::to_lowercase) {
                    self.push(folded.encode_utf8(&mut [0; 4]).as_bytes(), from);
                }
            }
        }
    }

    /// Its letters and digits of ASCII alone: what is left of a text that someone has quoted, wrapped or read in a wrong
    /// encoding.
    pub(super) fn skeleton(&self) -> Self {
        let is_kept = |(byte, _): &(&u8, &Span)| byte.is_ascii_alphanumeric();
        let (bytes, from) = self.bytes.iter().zip(&self.from).filter(is_kept).unzip();
        Self { bytes, from }
    }

    /// The runs of at least `least` digits. A line break between two digits does not end a run.
    pub(super) fn runs(&self, digits: Digits, least: usize) -> Runs {
        let mut runs = Runs { digits, found: Vec::new(), ends: Vec::new() };
        let mut start = 0;
        for (place, (byte, from)) in self.bytes.iter().zip(&self.from).enumerate() {
            if let Some(value) = (digits.value)(*byte) {
                runs.found.push((value, *from));
            } else if !matches!(byte, b'\r' | b'\n') || place + 1 == self.bytes.len() {
                start = runs.end(start, least);
            }
        }
        runs.end(start, least);
        runs
    }
}

impl Runs {
    /// Ends the run that began at `start`, or drops it when it is too short; returns where the next one begins.
    fn end(&mut self, start: usize, least: usize) -> usize {
        match self.found.len() - start >= least.max(1) {
            true => self.ends.push(self.found.len()),
            false => self.found.truncate(start),
        }
        self.found.len()
    }

    /// What the runs encode if the first `skipped` digits of each belong to something else.
    pub(super) fn decoded(&self, skipped: usize) -> View {
        let (mut view, mut start) = (View::default(), 0);
        for end in &self.ends {
            let run = self.found.get(start + skipped..*end).unwrap_or_default();
            self.decode(run, &mut view);
            start = *end;
        }
        view
    }

    fn decode(&self, run: &[(u8, Span)], view: &mut View) {
        let (mut held, mut bits, mut first) = (0_u32, 0, 0);
        for (value, from) in run {
            if bits == 0 {
                first = from.start;
            }
            held = held << self.digits.bits | u32::from(*value);
            bits += self.digits.bits;
            if bits >= 8 {
                bits -= 8;
                view.push(&[(held >> bits) as u8], Span { start: first, end: from.end });
                held &= (1 << bits) - 1;
                first = from.start;
            }
        }
        // Nothing that runs encode reaches from one into the next.
        if let Some((_, last)) = run.last() {
            view.push(b"\0", *last);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

fn base64_digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}
