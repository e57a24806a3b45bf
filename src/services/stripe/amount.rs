//! Amounts as Stripe wants them: in the currency's smallest unit, exactly.
//!
//! Source: <https://docs.stripe.com/currencies>.

use crate::commerce::Amount;

/// Currencies whose smallest unit is the unit.
const ZERO: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
/// Currencies of thousandths, of which Stripe takes whole hundredths only.
const THREE: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];
/// Currencies that have lost their hundredths, in which Stripe counts still, for whole units. (HUF and TWD are not among
/// them: they are charged in hundredths, and rounded when Stripe pays out.)
const WHOLE: [&str; 2] = ["ISK", "UGX"];
/// How many places behind the point an amount in the smallest unit may have.
const PLACES: usize = 12;

/// An amount in the smallest unit of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minor(Amount);

impl Minor {
    /// What `amount` is in the smallest unit of `currency`, an ISO 4217 code in capitals.
    ///
    /// Fails with why Stripe cannot charge it.
    pub fn of(amount: &Amount, currency: &str) -> Result<Self, String> {
        if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return Err(format!("{currency:?} is no currency: expected three letters, such as EUR"));
        }
        let is_one_of = |list: &[&str]| list.contains(&currency);
        let digits = if is_one_of(&ZERO) { 0 } else { 2 + u32::from(is_one_of(&THREE)) };
        let minor = amount.shifted(digits);
        // What must be whole in the unit given: yen, whole krónur, hundredths of a dinar.
        let coarse = if is_one_of(&ZERO) || is_one_of(&WHOLE) {
            Some((0, "it has no smaller unit"))
        } else if is_one_of(&THREE) {
            Some((2, "Stripe takes no more than two places behind the point of it"))
        } else {
            None
        };
        if let Some((places, why)) = coarse
            && amount.shifted(places).as_str().contains('.')
        {
            return Err(format!("{amount} {currency} cannot be charged: {why}"));
        }
        let behind = minor.as_str().split_once('.').map_or(0, |(_, fraction)| fraction.len());
        if behind > PLACES {
            return Err(format!("{amount} {currency} has more places behind the point than Stripe takes"));
        }
        Ok(Self(minor))
    }

    /// The form field for it and its value: `amount` while it is whole, else `amount_decimal`.
    pub fn field<'a>(&'a self, whole: &'a str, decimal: &'a str) -> (&'a str, &'a str) {
        (if self.0.as_whole().is_some() { whole } else { decimal }, self.0.as_str())
    }

    /// Whether it is less than one smallest unit, above or below zero.
    pub fn is_below_one(&self) -> bool {
        let digits = self.0.as_str().trim_start_matches('-');
        digits == "0" || digits.starts_with("0.")
    }

    /// Its digits, with a point where there are fractions of the smallest unit.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn minor(amount: &str, currency: &str) -> Result<String, String> {
        Minor::of(&Amount::read(&json!(amount)).expect("an amount"), currency).map(|minor| minor.as_str().to_owned())
    }

    #[test]
    fn each_currency_has_its_smallest_unit() {
        for (amount, currency, expected) in [
            ("12.90", "EUR", "1290"),
            ("0.1", "USD", "10"),
            ("0.005", "USD", "0.5"),
            ("500", "JPY", "500"),
            ("1e3", "XOF", "1000"),
            ("5.12", "KWD", "5120"),
            ("5", "UGX", "500"),
            ("1200", "ISK", "120000"),
            ("10.45", "HUF", "1045"),
            ("10.45", "TWD", "1045"),
            ("-3.5", "EUR", "-350"),
            ("0", "EUR", "0"),
        ] {
            assert_eq!(minor(amount, currency).as_deref(), Ok(expected), "{amount} {currency}");
        }
    }

    #[test]
    fn what_cannot_be_charged_is_told() {
        for (amount, currency, reason) in [
            ("500.5", "JPY", "500.5 JPY cannot be charged: it has no smaller unit"),
            ("5.5", "UGX", "5.5 UGX cannot be charged"),
            ("0.01", "ISK", "0.01 ISK cannot be charged"),
            ("5.124", "KWD", "5.124 KWD cannot be charged: Stripe takes no more than two"),
            ("0.123456789012345", "EUR", "more places behind the point than Stripe takes"),
            ("1", "eur", "is no currency"),
            ("1", "EURO", "is no currency"),
            ("1", "€", "is no currency"),
        ] {
            let refused = minor(amount, currency);
            assert!(refused.as_ref().is_err_and(|told| told.contains(reason)), "{amount} {currency}: {refused:?}");
        }
    }

    #[test]
    fn fractions_go_by_another_field() {
        let field = |amount: &str| {
            let minor = Minor::of(&Amount::read(&json!(amount)).expect("an amount"), "EUR").expect("chargeable");
            minor.field("unit_amount", "unit_amount_decimal").0.to_owned()
        };
        assert_eq!((field("12.90").as_str(), field("0.005").as_str()), ("unit_amount", "unit_amount_decimal"));
    }
}
