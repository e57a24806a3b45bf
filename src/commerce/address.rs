//! Where a sale is delivered to and billed to.

use serde_json::Value;

use super::customer::text;

/// A postal address, as far as the shop tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// Who lives there.
    pub name: Option<String>,
    /// The address for mail of whoever lives there.
    pub email: Option<String>,
    /// The telephone number there.
    pub phone: Option<String>,
    /// Street and number.
    pub street: Option<String>,
    /// What else finds the door.
    pub street_2: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The state or province: a code or a name.
    pub state: Option<String>,
    /// The postal code.
    pub zipcode: Option<String>,
    /// The country: its code (ISO 3166), or a name.
    pub country: Option<String>,
}

/// Where payloads have the address that something is delivered to: Markket's order, what other shops call it, Stripe's
/// checkout session.
const SHIPPING: [&[&str]; 9] = [
    &["order", "Shipping_Address"],
    &["order", "shipping_address"],
    &["order", "shippingAddress"],
    &["Shipping_Address"],
    &["shipping_address"],
    &["shippingAddress"],
    &["shipping_details"],
    &["customer", "shipping"],
    &["shipping"],
];

/// The same for the address that something is billed to.
const BILLING: [&[&str]; 9] = [
    &["order", "Billing_Address"],
    &["order", "billing_address"],
    &["order", "billingAddress"],
    &["Billing_Address"],
    &["billing_address"],
    &["billingAddress"],
    &["customer_details"],
    &["customer", "address"],
    &["billing"],
];

impl Address {
    /// The address that the sale in `payload` is delivered to.
    pub fn shipping(payload: &Value) -> Option<Self> {
        Self::first_of(payload, &SHIPPING)
    }

    /// The address that the sale in `payload` is billed to.
    pub fn billing(payload: &Value) -> Option<Self> {
        Self::first_of(payload, &BILLING)
    }

    fn first_of(payload: &Value, places: &[&[&str]]) -> Option<Self> {
        let at = |place: &&[&str]| place.iter().fold(payload, |value, member| &value[*member]);
        places.iter().map(at).find_map(Self::read)
    }

    /// Reads an address: in the words of Markket's order (`street`, `zipcode`) or of Stripe (`line1`, `postal_code`, the
    /// name beside an `address`). `None` where nothing says a place.
    pub fn read(value: &Value) -> Option<Self> {
        if let Some(line) = value.as_str().map(str::trim).filter(|line| !line.is_empty()) {
            return Some(Self { street: Some(line.to_owned()), ..Self::default() });
        }
        let place = if value["address"].is_object() { &value["address"] } else { value };
        let first = |names: &[&str]| names.iter().find_map(|name| text(&place[*name]));
        let person = |name: &str| text(&value[name]).or_else(|| text(&place[name]));
        let address = Self {
            name: person("name").or_else(|| full_name(value)),
            email: person("email"),
            phone: person("phone"),
            street: first(&["street", "line1", "address1", "address_1", "street1", "address"]),
            street_2: first(&["street_2", "line2", "address2", "address_2", "street2"]),
            city: first(&["city", "town"]),
            state: first(&["state", "province", "region"]),
            zipcode: first(&["zipcode", "postal_code", "zip", "postcode", "postalCode"]),
            country: first(&["country", "country_code", "countryCode"]),
        };
        address.has_place().then_some(address)
    }

    fn has_place(&self) -> bool {
        [&self.street, &self.street_2, &self.city, &self.state, &self.zipcode, &self.country]
            .iter()
            .any(|part| part.is_some())
    }

    /// The country's code, if it is one of two letters.
    pub fn country_code(&self) -> Option<String> {
        let code =
            self.country.as_deref().filter(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic()));
        code.map(str::to_ascii_uppercase)
    }

    /// The address as it stands on a label, without lines that would be empty.
    pub fn lines(&self) -> Vec<String> {
        let joined = |parts: &[&Option<String>]| {
            let parts: Vec<_> = parts.iter().filter_map(|part| part.as_deref()).collect();
            Some(parts.join(" ")).filter(|line| !line.is_empty())
        };
        let lines = [
            self.name.clone(),
            self.street.clone(),
            self.street_2.clone(),
            joined(&[&self.zipcode, &self.city, &self.state]),
            self.country.clone(),
        ];
        lines.into_iter().flatten().collect()
    }
}

fn full_name(value: &Value) -> Option<String> {
    let parts: Vec<_> = ["first_name", "last_name"].iter().filter_map(|part| text(&value[*part])).collect();
    Some(parts.join(" ")).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_read_in_the_words_of_markket_and_of_stripe() {
        let expected = ["Ada Lovelace", "12 St James Square", "Flat 2", "SW1Y 4JH London", "GB"];
        let ours = json!({"name": "Ada Lovelace", "street": "12 St James Square", "street_2": "Flat 2", "city": "London",
            "zipcode": "SW1Y 4JH", "country": "GB"});
        let stripes = json!({"name": "Ada Lovelace", "address": {"line1": "12 St James Square", "line2": "Flat 2",
            "city": "London", "postal_code": "SW1Y 4JH", "country": "GB", "state": ""}});
        for payload in [
            json!({"order": {"Shipping_Address": ours}}),
            json!({"order": {"id": 7, "shipping_address": ours}}),
            json!({"shipping_address": ours}),
            json!({"shipping_details": stripes}),
            json!({"customer": {"shipping": stripes}}),
        ] {
            let address = Address::shipping(&payload).unwrap_or_else(|| panic!("{payload}"));
            assert_eq!(address.lines(), expected, "{payload}");
            assert_eq!(Address::billing(&payload), None, "{payload}");
        }
        for payload in [
            json!({"order": {"Billing_Address": ours}}),
            json!({"billing_address": ours}),
            json!({"customer_details": stripes}),
            json!({"customer": {"address": ours}}),
        ] {
            let address = Address::billing(&payload).unwrap_or_else(|| panic!("{payload}"));
            assert_eq!(address.lines(), expected, "{payload}");
            assert_eq!(Address::shipping(&payload), None, "{payload}");
        }
    }

    #[test]
    fn what_names_no_place_is_no_address() {
        for nothing in [
            json!({}),
            json!({"order": 7}),
            json!({"order": {"Shipping_Address": {"name": "Ada", "street": " "}}}),
            json!({"shipping": 4.9}),
            json!({"shipping_address": ""}),
        ] {
            assert_eq!(Address::shipping(&nothing), None, "{nothing}");
        }
        let line = Address::shipping(&json!({"shipping_address": "Main St 1, Turin"}));
        assert_eq!(line.map(|address| address.lines()), Some(vec!["Main St 1, Turin".to_owned()]));
    }
}
