//! On which terms something is sold: a price component as Stripe knows prices.

use serde_json::Value;

use super::{Form, Minor};
use crate::commerce::Amount;
use crate::decimal;
use crate::handler::Failure;

/// The longest interval, three years, in each unit.
const LONGEST: [(&str, i64); 4] = [("day", 1095), ("week", 156), ("month", 36), ("year", 3)];

/// What cannot be changed of a price at Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    unit: Minor,
    /// ISO 4217, in small letters.
    currency: String,
    /// How often, in which unit; none for what is paid once.
    interval: Option<(&'static str, i64)>,
}

impl Terms {
    /// The terms of a price of ours; `currency` is that of prices which name none.
    ///
    /// Fails with what is missing or wrong in it.
    pub fn of(price: &Value, currency: Option<&str>) -> Result<Self, Failure> {
        let name = price["Name"].as_str().filter(|name| !name.is_empty());
        let which = name.map_or_else(|| format!("the price {}", price["id"]), |name| format!("the price {name:?}"));
        let wrong = |problem: String| Failure::discard(format!("{which}: {problem}"));
        let amount = match &price["Price"] {
            Value::Null => return Err(wrong("Price is missing".into())),
            value => Amount::read(value).ok_or_else(|| wrong(format!("Price is no number: {value}")))?,
        };
        if amount.is_negative() {
            return Err(wrong(format!("Price is below zero: {amount}")));
        }
        let own = price["Currency"].as_str().map(str::trim).filter(|code| !code.is_empty());
        let code = own.or(currency).ok_or_else(|| wrong("Currency is missing, and config.currency too".into()))?;
        let code = code.to_uppercase();
        let unit = Minor::of(&amount, &code).map_err(wrong)?;
        let interval = if is_recurring(price) { Some(interval(price).map_err(wrong)?) } else { None };
        Ok(Self { unit, currency: code.to_lowercase(), interval })
    }

    /// Whether a price at Stripe has these terms.
    pub fn are_those_of(&self, price: &Value) -> bool {
        let unit = match (&price["unit_amount_decimal"], &price["unit_amount"]) {
            (Value::String(digits), _) => decimal::canonical(digits),
            (_, digits) => digits.as_i64().map(|digits| digits.to_string()),
        };
        let recurring = &price["recurring"];
        let interval = recurring["interval"].as_str();
        let interval = interval.map(|unit| (unit, recurring["interval_count"].as_i64().unwrap_or(1)));
        unit.as_deref() == Some(self.unit.as_str())
            && price["currency"] == self.currency.as_str()
            && interval == self.interval
    }

    /// `form` with these terms.
    pub fn fill(&self, form: Form) -> Form {
        let (name, value) = self.unit.field("unit_amount", "unit_amount_decimal");
        let form = form.with("currency", &self.currency).with(name, value);
        match self.interval {
            Some((unit, count)) => form.with("recurring[interval]", unit).with("recurring[interval_count]", count),
            None => form,
        }
    }

    /// The terms in a word that is the same only for the same terms.
    pub fn word(&self) -> String {
        let interval = self.interval.map_or_else(|| "once".to_owned(), |(unit, count)| format!("{count}{unit}"));
        format!("{}{}_{interval}", self.unit.as_str(), self.currency)
    }
}

/// Whether a price of ours is paid again and again.
pub fn is_recurring(price: &Value) -> bool {
    price["billing_type"] == "recurring"
}

fn interval(price: &Value) -> Result<(&'static str, i64), String> {
    let told = price["billing_interval"].as_str().unwrap_or_default();
    let unit = LONGEST.iter().find(|(unit, _)| *unit == told);
    let (unit, longest) = unit.ok_or("billing_interval is missing: day, week, month or year")?;
    // Zero is what nobody has set.
    let count = price["billing_interval_count"].as_i64().filter(|count| *count != 0).unwrap_or(1);
    if !(1..=*longest).contains(&count) {
        return Err(format!(
            "billing_interval_count is {count}: Stripe takes 1 to {longest} for {unit}, three years at most"
        ));
    }
    Ok((unit, count))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn monthly(change: Value) -> Value {
        let mut price = json!({
            "id": 7, "Name": "Monthly", "Price": 12.9, "Currency": "EUR",
            "billing_type": "recurring", "billing_interval": "month", "billing_interval_count": 0,
        });
        for (name, value) in change.as_object().into_iter().flatten() {
            price[name] = value.clone();
        }
        price
    }

    #[test]
    fn terms_are_told_apart_by_all_that_cannot_be_changed() {
        let terms = Terms::of(&monthly(json!({})), None).expect("terms");
        let there = |change: Value| {
            let mut price = json!({"currency": "eur", "unit_amount": 1290, "unit_amount_decimal": "1290",
                "recurring": {"interval": "month", "interval_count": 1}});
            for (name, value) in change.as_object().into_iter().flatten() {
                price[name] = value.clone();
            }
            terms.are_those_of(&price)
        };
        assert!(there(json!({})) && there(json!({"unit_amount_decimal": "1290.0"})));
        assert!(there(json!({"unit_amount_decimal": null})));
        for other in [
            json!({"currency": "usd"}),
            json!({"unit_amount_decimal": "1290.5"}),
            json!({"recurring": null}),
            json!({"recurring": {"interval": "year", "interval_count": 1}}),
            json!({"recurring": {"interval": "month", "interval_count": 2}}),
        ] {
            assert!(!there(other.clone()), "{other}");
        }
        let once = Terms::of(&monthly(json!({"billing_type": "one_time", "Price": "0.005"})), None).expect("terms");
        assert_eq!((terms.word().as_str(), once.word().as_str()), ("1290eur_1month", "0.5eur_once"));
        assert_eq!(Terms::of(&monthly(json!({"Currency": " "})), Some("eur")).ok(), Some(terms));
    }

    #[test]
    fn what_no_price_can_be_made_of_is_told() {
        for (change, reason) in [
            (json!({"Price": null}), r#"the price "Monthly": Price is missing"#),
            (json!({"Price": "12,90"}), "Price is no number"),
            (json!({"Price": -1}), "Price is below zero: -1"),
            (json!({"Name": null, "Currency": null}), "the price 7: Currency is missing, and config.currency too"),
            (json!({"Currency": "Euro"}), r#""EURO" is no currency"#),
            (json!({"Currency": "JPY"}), "12.9 JPY cannot be charged"),
            (json!({"billing_interval": null}), "billing_interval is missing: day, week, month or year"),
            (json!({"billing_interval_count": 37}), "Stripe takes 1 to 36 for month"),
            (json!({"billing_interval": "year", "billing_interval_count": 4}), "1 to 3 for year"),
            (json!({"billing_interval_count": -1}), "billing_interval_count is -1"),
        ] {
            let refused = Terms::of(&monthly(change.clone()), None);
            assert!(refused.as_ref().is_err_and(|told| told.reason().contains(reason)), "{change}: {refused:?}");
        }
    }
}
