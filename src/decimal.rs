//! Exact decimal numbers as text. PostgreSQL keeps them as NUMERIC; SQLite has no such type, so there they are canonical
//! text in columns whose collation, `DECIMAL`, compares them as numbers.

use std::cmp::Ordering;

/// The most digits a decimal may have, before and after its point together. Enough for a double written out in full;
/// a limit, so that `1e999999999` is not stored as a gigabyte of zeros.
const DIGITS: i64 = 60;

/// The one way to write a decimal: `-12.5`, `0`, `100`; no exponent, no needless zeros.
///
/// `None` when `text` is not a number in JSON's form, or has more than 60 digits.
pub fn canonical(text: &str) -> Option<String> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(place) => (&text[..place], text[place + 1..].parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || mantissa.ends_with('.') {
        return None;
    }
    let all = format!("{whole}{fraction}");
    let leading = all.len() - all.trim_start_matches('0').len();
    let digits = all.trim_matches('0');
    if digits.is_empty() {
        return Some("0".into());
    }
    // The point stands after this many of `digits`.
    let point = i64::try_from(whole.len()).ok()?.checked_sub(i64::try_from(leading).ok()?)?.checked_add(exponent)?;
    let count = i64::try_from(digits.len()).ok()?;
    if point.max(count) - point.min(0) > DIGITS {
        return None;
    }
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    let written = match usize::try_from(point) {
        Ok(0) | Err(_) => format!("0.{}{digits}", zeros(-point)),
        Ok(place) if place < digits.len() => format!("{}.{}", &digits[..place], &digits[place..]),
        Ok(_) => format!("{digits}{}", zeros(point - count)),
    };
    Some(if negative { format!("-{written}") } else { written })
}

/// Compares canonical decimals as numbers; SQLite's collation `DECIMAL`.
pub fn compare(left: &str, right: &str) -> Ordering {
    match (left.strip_prefix('-'), right.strip_prefix('-')) {
        (None, None) => compare_magnitudes(left, right),
        (Some(left), Some(right)) => compare_magnitudes(right, left),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
    }
}

fn compare_magnitudes(left: &str, right: &str) -> Ordering {
    let parts = |text: &'_ str| text.find('.').unwrap_or(text.len());
    // With no leading zeros, the longer whole part is the greater; then digits and point compare as text.
    parts(left).cmp(&parts(right)).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_written_one_way() {
        for (given, written) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("12.50", "12.5"),
            ("007", "7"),
            ("1e3", "1000"),
            ("1.25E+1", "12.5"),
            ("1e20", "100000000000000000000"),
            ("0.12345678901234568", "0.12345678901234568"),
            ("5e-3", "0.005"),
            ("-120e-1", "-12"),
            ("100", "100"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(written), "{given}");
        }
        for given in
            ["", "-", "abc", "1.", ".5", "1e999999999", "1e-999999999", "1e99999999999999999999", "NaN", "+1", "1 "]
        {
            assert_eq!(canonical(given), None, "{given}");
        }
    }

    #[test]
    fn decimals_sort_as_numbers() {
        let sorted = [
            "-100",
            "-12.5",
            "-12",
            "-0.5",
            "0",
            "0.005",
            "0.5",
            "1",
            "1.5",
            "9.99",
            "10",
            "10.01",
            "100000000000000000000",
        ];
        for (place, left) in sorted.iter().enumerate() {
            for (other, right) in sorted.iter().enumerate() {
                assert_eq!(compare(left, right), place.cmp(&other), "{left} {right}");
            }
        }
    }
}
