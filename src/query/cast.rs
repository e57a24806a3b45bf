//! The values of filters, which come as texts, cast to what the columns hold.

use super::condition::{Comparison, Operand, Operands, Test};
use crate::content::{Field, Kind, parse_moment};
use crate::decimal;

/// Why a value cannot be compared with a column: what was expected.
pub(super) type Fault = &'static str;

/// The test that a column compares with `text`.
pub(super) fn compare(field: &Field, comparison: Comparison, text: &str) -> Result<Test, Fault> {
    Ok(match field.kind {
        Kind::Integer if field.is_id() => match text.trim().parse() {
            Ok(id) => Test::Compare(comparison, Operand::Int(id)),
            Err(_) => Test::Unknown,
        },
        Kind::Integer => Whole::of(&number(text)?).compare(comparison),
        Kind::Decimal => Test::Compare(comparison, Operand::Decimal(number(text)?)),
        Kind::Boolean => Test::Compare(comparison, Operand::Bool(truth(text))),
        Kind::DateTime => Test::Compare(comparison, Operand::Int(moment(text)?)),
        _ => Test::Compare(comparison, Operand::Text(text.to_owned())),
    })
}

/// All of `texts` as values of the column. Those that no row can have, such as 2.5 for a whole number, are left out.
pub(super) fn operands(field: &Field, texts: &[&str]) -> Result<Operands, Fault> {
    Ok(match field.kind {
        Kind::Integer if field.is_id() => {
            Operands::Ints(texts.iter().filter_map(|text| text.trim().parse().ok()).collect())
        }
        Kind::Integer => {
            let numbers = texts.iter().map(|text| Ok(Whole::of(&number(text)?))).collect::<Result<Vec<_>, Fault>>()?;
            Operands::Ints(numbers.into_iter().filter(|whole| whole.is_exact).map(|whole| whole.floor).collect())
        }
        Kind::Decimal => Operands::Decimals(texts.iter().map(|text| number(text)).collect::<Result<_, _>>()?),
        Kind::DateTime => Operands::Ints(texts.iter().map(|text| moment(text)).collect::<Result<_, _>>()?),
        _ => Operands::Texts(texts.iter().map(|text| (*text).to_owned()).collect()),
    })
}

/// A truth value as Strapi casts it in filters: every other text is true, only the empty one is false.
pub(super) fn truth(text: &str) -> bool {
    !["false", "f", "0", ""].contains(&text)
}

/// A number in the forms that JavaScript reads, in canonical text.
fn number(text: &str) -> Result<String, Fault> {
    const WANTED: Fault = "is compared with a number";
    let text = text.trim();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = text.to_ascii_lowercase().strip_prefix(prefix) {
            return u64::from_str_radix(digits, radix).map(|number| number.to_string()).map_err(|_| WANTED);
        }
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    // `.5` and `5.` are numbers in JavaScript, though not in JSON.
    let zero = if digits.starts_with('.') { "0" } else { "" };
    let written = format!("{sign}{zero}{}", digits.strip_suffix('.').unwrap_or(digits));
    decimal::canonical(&written).ok_or(WANTED)
}

fn moment(text: &str) -> Result<i64, Fault> {
    parse_moment(text).ok_or("is compared with a date, such as 2026-11-21T10:00:00.000Z, or a count of milliseconds; a + must be sent as %2B")
}

/// A number as a column of whole numbers sees it.
struct Whole {
    /// The greatest whole number not above it, within 64 bits.
    floor: i64,
    /// Whether it is that number.
    is_exact: bool,
}

impl Whole {
    fn of(canonical: &str) -> Self {
        let (whole, fraction) = canonical.split_once('.').unwrap_or((canonical, ""));
        let below = i64::from(canonical.starts_with('-') && !fraction.is_empty());
        match whole.parse::<i64>() {
            Ok(whole) => Self { floor: whole.saturating_sub(below), is_exact: fraction.is_empty() },
            Err(_) if canonical.starts_with('-') => Self { floor: i64::MIN, is_exact: false },
            Err(_) => Self { floor: i64::MAX, is_exact: false },
        }
    }

    fn compare(&self, comparison: Comparison) -> Test {
        let than = |comparison| Test::Compare(comparison, Operand::Int(self.floor));
        match comparison {
            comparison if self.is_exact => than(comparison),
            Comparison::Eq => Test::Unknown,
            Comparison::Ne => Test::NotNull,
            Comparison::Lt | Comparison::Lte => than(Comparison::Lte),
            Comparison::Gt | Comparison::Gte => than(Comparison::Gt),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{ID, PRODUCT, SUBSCRIBER, Shape};

    fn cast(name: &str, comparison: Comparison, text: &str) -> Result<Test, Fault> {
        let column = |shape: Shape| shape.find_column(name);
        let field = column(Shape::Document(&PRODUCT)).or_else(|| column(Shape::Document(&SUBSCRIBER)));
        compare(field.expect("a column"), comparison, text)
    }

    #[test]
    fn values_are_cast_to_the_kind_of_their_column() {
        use Comparison::{Eq, Gt, Lt, Ne};
        let int = |comparison, value| Ok(Test::Compare(comparison, Operand::Int(value)));
        for (name, comparison, text, wanted) in [
            ("quantity", Eq, "0x19", int(Eq, 25)),
            ("quantity", Eq, " 25 ", int(Eq, 25)),
            ("quantity", Eq, "25.5", Ok(Test::Unknown)),
            ("quantity", Ne, "25.5", Ok(Test::NotNull)),
            ("quantity", Lt, "25.5", int(Comparison::Lte, 25)),
            ("quantity", Gt, "-25.5", int(Gt, -26)),
            ("quantity", Lt, "1e30", int(Comparison::Lte, i64::MAX)),
            ("usd_price", Eq, "12.50", Ok(Test::Compare(Eq, Operand::Decimal("12.5".into())))),
            ("usd_price", Eq, ".5", Ok(Test::Compare(Eq, Operand::Decimal("0.5".into())))),
            ("active", Eq, "yes", Ok(Test::Compare(Eq, Operand::Bool(true)))),
            ("active", Eq, "f", Ok(Test::Compare(Eq, Operand::Bool(false)))),
            ("createdAt", Gt, "2026-01-01", int(Gt, 1_767_225_600_000)),
            ("createdAt", Lt, "2026", int(Lt, 1_767_225_600_000)),
            ("createdAt", Eq, "20260101T0000Z", int(Eq, 1_767_225_600_000)),
            ("createdAt", Eq, "1767225600000", int(Eq, 1_767_225_600_000)),
            ("Email", Eq, "5", Ok(Test::Compare(Eq, Operand::Text("5".into())))),
        ] {
            assert_eq!(cast(name, comparison, text), wanted, "{name} {text}");
        }
        assert_eq!(compare(&ID, Eq, "abc"), Ok(Test::Unknown));
        for (name, text) in [("quantity", "abc"), ("usd_price", ""), ("createdAt", "yesterday"), ("quantity", "0xg")] {
            assert!(cast(name, Eq, text).is_err(), "{name} {text}");
        }
    }

    #[test]
    fn lists_leave_out_what_no_row_can_have() {
        let quantity = Shape::Document(&PRODUCT).find_column("quantity").expect("a column");
        assert_eq!(operands(quantity, &["1", "2.5", "3"]), Ok(Operands::Ints(vec![1, 3])));
        assert!(operands(quantity, &["1", "x"]).is_err());
    }
}
