//! Amounts of money, as people read them.

use super::Amount;

/// Currencies without minor units, and those with three or four digits of them; all others have two (ISO 4217).
const WHOLE: [&str; 17] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
];
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
const TEN_THOUSANDTHS: [&str; 2] = ["CLF", "UYW"];

/// How many digits of minor units prices in this currency have: 2 for EUR, 0 for JPY.
pub fn minor_digits(currency: &str) -> usize {
    match currency {
        code if WHOLE.contains(&code) => 0,
        code if THOUSANDTHS.contains(&code) => 3,
        code if TEN_THOUSANDTHS.contains(&code) => 4,
        _ => 2,
    }
}

/// `25.80 EUR`: with all digits of the currency's minor units, and without rounding where there are more. Without a
/// currency, two digits and no name.
pub fn money(amount: &Amount, currency: Option<&str>) -> String {
    let digits = currency.map_or(2, minor_digits);
    let (whole, fraction) = amount.as_str().split_once('.').unwrap_or((amount.as_str(), ""));
    let number = match fraction.len().max(digits) {
        0 => whole.to_owned(),
        width => format!("{whole}.{fraction:0<width$}"),
    };
    currency.map_or(number.clone(), |code| format!("{number} {code}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn money_has_the_digits_of_its_currency_and_loses_none() {
        for (amount, currency, expected) in [
            ("25.8", Some("EUR"), "25.80 EUR"),
            ("25", Some("USD"), "25.00 USD"),
            ("1500", Some("JPY"), "1500 JPY"),
            ("1500.5", Some("JPY"), "1500.5 JPY"),
            ("1500", Some("UYI"), "1500 UYI"),
            ("1.5", Some("CLF"), "1.5000 CLF"),
            ("1.2", Some("KWD"), "1.200 KWD"),
            ("10.005", Some("EUR"), "10.005 EUR"),
            ("-3.5", Some("EUR"), "-3.50 EUR"),
            ("7", None, "7.00"),
        ] {
            let amount = Amount::read(&json!(amount)).expect("an amount");
            assert_eq!(money(&amount, currency), expected);
        }
    }
}
