//! Escapes as urls, JSON, HTML and programming languages have them.

/// What an escape stands for: at most two letters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decoded {
    bytes: [u8; 8],
    length: usize,
}

impl Decoded {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// `None` when there are more bytes than any escape stands for.
    fn new(bytes: &[u8]) -> Option<Self> {
        let mut decoded = Self { bytes: [0; 8], length: bytes.len() };
        decoded.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(decoded)
    }

    fn letter(letter: char) -> Option<Self> {
        Self::new(letter.encode_utf8(&mut [0; 4]).as_bytes())
    }

    /// The letter with this number; half of a pair stands for what readers put in its place.
    fn number(number: u32) -> Option<Self> {
        Self::letter(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

/// The longest name of an HTML entity, and more than the digits of any letter.
const LONGEST: usize = 32;

/// The escape that `text` begins with, and its length in bytes.
pub(super) fn read(text: &[u8]) -> Option<(usize, Decoded)> {
    match text.first()? {
        b'%' => percent(text),
        b'\\' => backslash(text),
        b'&' => entity(text),
        _ => None,
    }
}

/// `%2F` of urls, `%u00e9` of JavaScript's `escape`.
fn percent(text: &[u8]) -> Option<(usize, Decoded)> {
    match text.get(1)? {
        b'u' | b'U' => utf16(text),
        _ => Some((3, Decoded::new(&[hex(text.get(1..3)?)? as u8])?)),
    }
}

/// Those of JSON, and of languages that have more of them. A backslash before any sign stands for that sign.
fn backslash(text: &[u8]) -> Option<(usize, Decoded)> {
    let plain = |byte: u8| Some((2, Decoded::new(&[byte])?));
    match *text.get(1)? {
        b'n' | b'N' => plain(b'\n'),
        b'r' | b'R' => plain(b'\r'),
        b't' | b'T' => plain(b'\t'),
        b'b' | b'B' => plain(8),
        b'f' | b'F' => plain(12),
        b'u' | b'U' if text.get(2) == Some(&b'{') => braced(text),
        b'U' => long(text).or_else(|| utf16(text)),
        b'u' => utf16(text),
        b'x' | b'X' => Some((4, Decoded::new(&[hex(text.get(2..4)?)? as u8])?)),
        b'0'..=b'3' => {
            let digits = text.get(1..4)?.iter().map(|digit| Some(u32::from(octal_digit(*digit)?)));
            let value = digits.reduce(|all, digit| Some(all? << 3 | digit?))??;
            Some((4, Decoded::new(&[value as u8])?))
        }
        sign if sign.is_ascii_punctuation() => plain(sign),
        _ => None,
    }
}

/// `\u{e9}`.
fn braced(text: &[u8]) -> Option<(usize, Decoded)> {
    let end = text.iter().take(LONGEST).position(|byte| *byte == b'}')?;
    Some((end + 1, Decoded::number(hex(text.get(3..end)?)?)?))
}

/// `\U0001f600` of Python.
fn long(text: &[u8]) -> Option<(usize, Decoded)> {
    let letter = char::from_u32(hex(text.get(2..10)?)?)?;
    Some((10, Decoded::letter(letter)?))
}

/// `\u00e9` or `%u00e9`; two of them where a letter needs a pair.
fn utf16(text: &[u8]) -> Option<(usize, Decoded)> {
    let unit = |text: &[u8]| matches!(text.get(1)?, b'u' | b'U').then(|| hex(text.get(2..6)?))?;
    let first = unit(text)?;
    let pair = || {
        let rest = text.get(6..).filter(|rest| rest.first() == text.first())?;
        let second = unit(rest).filter(|unit| (0xdc00..0xe000).contains(unit))?;
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    };
    if (0xd800..0xdc00).contains(&first)
        && let Some(letter) = pair()
    {
        return Some((12, Decoded::letter(letter)?));
    }
    Some((6, Decoded::number(first)?))
}

/// `&eacute;`, `&#233;`, `&#xe9;`; numbers may lack their semicolon, as browsers forgive.
fn entity(text: &[u8]) -> Option<(usize, Decoded)> {
    if text.get(1) == Some(&b'#') {
        return numbered(text);
    }
    let end = text.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&text[..=end]).ok()?;
    let named = |name: &str| {
        let decoded = html_escape::decode_html_entities(name);
        if decoded == name { None } else { Decoded::new(decoded.as_bytes()) }
    };
    // Whoever changes the case of a text changes its entities as well.
    Some((end + 1, named(name).or_else(|| named(&name.to_ascii_lowercase()))?))
}

fn numbered(text: &[u8]) -> Option<(usize, Decoded)> {
    let is_hex = matches!(text.get(2)?, b'x' | b'X');
    let start = if is_hex { 3 } else { 2 };
    let is_digit = |byte: &&u8| if is_hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
    let zeros = text[start..].iter().take_while(|byte| **byte == b'0').count();
    let length = zeros + text[start + zeros..].iter().take(LONGEST).take_while(is_digit).count();
    let end = start + length;
    // A number may consist of zeros alone.
    let digits = std::str::from_utf8(&text[start + zeros.min(length.saturating_sub(1))..end]).ok()?;
    let number = u32::from_str_radix(digits, if is_hex { 16 } else { 10 }).ok()?;
    let end = if text.get(end) == Some(&b';') { end + 1 } else { end };
    Some((end, Decoded::number(number)?))
}

pub(super) fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn octal_digit(byte: u8) -> Option<u8> {
    matches!(byte, b'0'..=b'7').then(|| byte - b'0')
}

/// The number in hexadecimal digits, at most eight.
fn hex(digits: &[u8]) -> Option<u32> {
    let value = |all: u32, digit: &u8| Some(all << 4 | u32::from(hex_digit(*digit)?));
    if digits.is_empty() || digits.len() > 8 { None } else { digits.iter().try_fold(0, value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_every_kind_are_read() {
        for (text, length, expected) in [
            ("%2f", 3, "/"),
            ("%u00e9x", 6, "é"),
            (r"\/", 2, "/"),
            (r"\\", 2, "\\"),
            (r"\u00E9", 6, "é"),
            (r"\ud83d\ude00", 12, "😀"),
            (r"\ud83d\u0041", 6, "\u{fffd}"),
            (r"\u{e9}", 6, "é"),
            (r"\U0001f600", 10, "😀"),
            (r"\x41", 4, "A"),
            (r"\101", 4, "A"),
            (r"\_", 2, "_"),
            ("&eacute;", 8, "é"),
            ("&EACUTE;", 8, "é"),
            ("&quot;", 6, "\""),
            ("&#233;", 6, "é"),
            ("&#233 ", 5, "é"),
            ("&#xE9;", 6, "é"),
            ("&#x0000000000000000000000000000000000000000E9;", 46, "é"),
            ("&#0000000000000000000000000000000000000000000;", 46, "\0"),
        ] {
            let read = read(text.as_bytes()).map(|(length, decoded)| (length, decoded.bytes().to_vec()));
            assert_eq!(read, Some((length, expected.as_bytes().to_vec())), "{text}");
        }
        for text in
            ["", "%", "%2", "%zz", "\\", r"\q", r"\u12", r"\u{", "&", "&;", "&nothing;", "&#", "&#x;", "&a=b", "x"]
        {
            assert!(read(text.as_bytes()).is_none(), "{text}");
        }
    }
}
