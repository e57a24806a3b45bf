//! Texts that programs write byte by byte: `5a 71`, `0x5a, 0x71`, `[90, 113]`, and quoted-printable mails (`=5A=71`).

use super::escape::hex_digit;
use super::view::{Span, View};

/// The most signs that stand between two bytes of a list: `", "` around a comma and a line break.
const GAP: usize = 6;

/// Reads one byte of a list.
pub(super) type Notation = fn(&[u8]) -> Option<u8>;

/// How bytes are written in lists.
pub(super) const NOTATIONS: [Notation; 2] = [hexadecimal, decimal];

/// The lists of at least `least` bytes in `text`, as the bytes that they name; `None` when there are none.
pub(super) fn lists(text: &View, read: Notation, least: usize) -> Option<View> {
    let (mut view, mut run, mut end) = (View::default(), Vec::new(), 0);
    for word in words(text.bytes()) {
        if word.start - end > GAP {
            keep(&mut run, least, &mut view);
        }
        end = word.end;
        match read(&text.bytes()[word.start..word.end]) {
            Some(byte) => run.push((byte, text.span(word.start, word.end))),
            None => keep(&mut run, least, &mut view),
        }
    }
    keep(&mut run, least, &mut view);
    (!view.bytes().is_empty()).then_some(view)
}

/// Moves a run that is long enough to `view`, with a zero behind it: nothing reaches from one run into the next.
fn keep(run: &mut Vec<(u8, Span)>, least: usize, view: &mut View) {
    if let Some((_, last)) = run.last().filter(|_| run.len() >= least).copied() {
        run.iter().for_each(|(byte, from)| view.push(&[*byte], *from));
        view.push(b"\0", last);
    }
    run.clear();
}

/// Where the runs of letters and digits stand.
fn words(text: &[u8]) -> impl Iterator<Item = Span> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].iter().position(u8::is_ascii_alphanumeric)?;
        let rest = &text[start..];
        at = start + rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
        Some(Span { start, end: at })
    })
}

/// `5a`, `5A`, `0x5a`, `x5a`; a digit alone where the leading zero is missing.
fn hexadecimal(word: &[u8]) -> Option<u8> {
    let digits = match word {
        [b'0', b'x' | b'X', digits @ ..] | [b'x' | b'X', digits @ ..] => digits,
        digits => digits,
    };
    match digits {
        [low] => hex_digit(*low),
        [high, low] => Some(hex_digit(*high)? << 4 | hex_digit(*low)?),
        _ => None,
    }
}

/// `0` to `255`.
fn decimal(word: &[u8]) -> Option<u8> {
    let is_number = word.len() <= 3 && word.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(word).ok().filter(|_| is_number)?.parse().ok()
}

/// What a quoted-printable mail says; `None` when it is none.
pub(super) fn from_quoted_printable(text: &View) -> Option<View> {
    let bytes = text.bytes();
    let (mut view, mut is_changed, mut at) = (View::default(), false, 0);
    while at < bytes.len() {
        let (length, decoded) = match &bytes[at..] {
            [b'=', b'\r', b'\n', ..] => (3, None),
            [b'=', b'\n', ..] => (2, None),
            [b'=', high, low, ..] => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => (3, Some(high << 4 | low)),
                _ => (1, Some(b'=')),
            },
            _ => (1, Some(bytes[at])),
        };
        if let Some(byte) = decoded {
            view.push(&[byte], text.span(at, at + length));
        }
        is_changed |= length > 1;
        at += length;
    }
    is_changed.then_some(view)
}
