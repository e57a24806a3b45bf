//! Exact amounts: of money, and of pieces.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use crate::decimal::canonical;

/// A decimal number that never passes through a binary float.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount(String);

impl Amount {
    /// Reads a number, or a text that is one: `12.5`, `"12.50"`. `None` for anything else.
    pub fn read(value: &Value) -> Option<Self> {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.trim().to_owned(),
            _ => return None,
        };
        canonical(&text).map(Self)
    }

    /// The number as people write it, without needless zeros: `12.5`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.0.starts_with('-')
    }

    /// The number with its point moved `digits` to the right: euros in cents for 2. What was finer than that stands
    /// behind the point still: 10.005 becomes 1000.5.
    pub fn shifted(&self, digits: u32) -> Self {
        // The exponent is read as it is written; a number that grew beyond all limits stays what it was.
        canonical(&format!("{}e{digits}", self.0)).map_or_else(|| self.clone(), Self)
    }

    /// The sum with `other`; `None` when it has more digits than can be counted.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        let (left, right) = (self.parts()?, other.parts()?);
        let places = left.1.max(right.1);
        let scaled = |(digits, own): (i128, u32)| digits.checked_mul(10_i128.checked_pow(places - own)?);
        Self::from_parts(scaled(left)?.checked_add(scaled(right)?)?, places)
    }

    /// What is left of it without `other`; `None` when it has more digits than can be counted.
    pub fn minus(&self, other: &Self) -> Option<Self> {
        self.plus(&other.times(&Self::from(-1))?)
    }

    /// The number rounded to `digits` behind the point, the half away from zero; `None` when it has more digits than can be
    /// counted.
    pub fn rounded(&self, digits: usize) -> Option<Self> {
        let ((all, places), digits) = (self.parts()?, u32::try_from(digits).ok()?);
        if places <= digits {
            return Some(self.clone());
        }
        let one = 10_i128.checked_pow(places - digits)?;
        let half = if all < 0 { -(one / 2) } else { one / 2 };
        Self::from_parts(all.checked_add(half)? / one, digits)
    }

    /// Whether it is the same as `other` once both are rounded to `digits` behind the point. What cannot be counted is not.
    pub fn is_same(&self, other: &Self, digits: usize) -> bool {
        let rounded = self.rounded(digits);
        rounded.is_some() && rounded == other.rounded(digits)
    }

    /// The product with `other`; `None` when it has more digits than can be counted.
    pub fn times(&self, other: &Self) -> Option<Self> {
        let (left, right) = (self.parts()?, other.parts()?);
        Self::from_parts(left.0.checked_mul(right.0)?, left.1 + right.1)
    }

    /// All digits as one number, and how many of them stand behind the point.
    fn parts(&self) -> Option<(i128, u32)> {
        let places = self.0.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        Some((self.0.replace('.', "").parse().ok()?, u32::try_from(places).ok()?))
    }

    fn from_parts(digits: i128, places: u32) -> Option<Self> {
        canonical(&format!("{digits}e-{places}")).map(Self)
    }

    /// The number if it is whole and an `i64` holds it.
    pub fn as_whole(&self) -> Option<i64> {
        self.0.parse().ok()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// As a JSON number, digit for digit.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.parse::<Number>().map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl From<i64> for Amount {
    fn from(whole: i64) -> Self {
        Self(whole.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_texts_of_numbers_are_amounts() {
        for (value, expected) in [
            (json!(12.50), Some("12.5")),
            (json!("12.50"), Some("12.5")),
            (json!(" 3 "), Some("3")),
            (json!(-1e2), Some("-100")),
            (json!("12,50"), None),
            (json!(""), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(Amount::read(&value).map(|amount| amount.to_string()).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn amounts_are_added_and_multiplied_exactly() {
        let amount = |text: &str| Amount::read(&json!(text)).expect("an amount");
        for (left, right, sum, product) in [
            ("12.9", "2", "14.9", "25.8"),
            ("0.1", "0.2", "0.3", "0.02"),
            ("-3.5", "0.25", "-3.25", "-0.875"),
            ("0", "1.50", "1.5", "0"),
            ("100", "100", "200", "10000"),
        ] {
            let (left, right) = (amount(left), amount(right));
            assert_eq!(left.plus(&right), Some(amount(sum)), "{left} + {right}");
            assert_eq!(left.times(&right), Some(amount(product)), "{left} * {right}");
        }
        let huge = amount(&"9".repeat(38));
        assert_eq!((huge.plus(&amount("0.5")), huge.times(&huge)), (None, None));
    }

    #[test]
    fn amounts_are_the_same_when_they_are_rounded_to_the_same() {
        let amount = |text: &str| Amount::read(&json!(text)).expect("an amount");
        for (left, right, digits, expected) in [
            ("25.8", "25.80", 2, true),
            ("25.8", "25.81", 2, false),
            ("25.805", "25.81", 2, true),
            ("25.8049", "25.8", 2, true),
            ("-0.005", "-0.01", 2, true),
            ("500", "500.4", 0, true),
            ("500", "501", 0, false),
            ("-1", "1", 0, false),
        ] {
            let (left, right) = (amount(left), amount(right));
            assert_eq!(left.is_same(&right, digits), expected, "{left} {right}");
            assert_eq!(right.is_same(&left, digits), expected, "{right} {left}");
        }
        assert!(
            !amount(&"9".repeat(40)).is_same(&amount(&"9".repeat(40)), 2),
            "what cannot be counted is not the same"
        );
        assert_eq!(amount("29.67").minus(&amount("25.8")), Some(amount("3.87")));
    }

    #[test]
    fn the_point_moves_without_loss() {
        let amount = |text: &str| Amount::read(&json!(text)).expect("an amount");
        for (text, digits, expected, whole) in [
            ("12.5", 2, "1250", Some(1250)),
            ("10.005", 2, "1000.5", None),
            ("500", 0, "500", Some(500)),
            ("-0.01", 2, "-1", Some(-1)),
            ("0.1", 3, "100", Some(100)),
        ] {
            let shifted = amount(text).shifted(digits);
            assert_eq!((shifted.as_str(), shifted.as_whole()), (expected, whole), "{text}");
        }
        assert_eq!(json!(amount("36.50")).to_string(), "36.5");
    }
}
