//! Postal addresses as Stripe's forms have them.

use super::Form;
use crate::commerce::Address;

impl Form {
    /// The same, with an address under `name`, such as `address` or `shipping[address]`.
    pub fn with_address(self, name: &str, address: &Address) -> Self {
        let parts = [
            ("line1", &address.street),
            ("line2", &address.street_2),
            ("city", &address.city),
            ("state", &address.state),
            ("postal_code", &address.zipcode),
        ];
        let form = parts
            .into_iter()
            .fold(self, |form, (part, value)| form.with_some(&format!("{name}[{part}]"), value.as_deref()));
        let country = address.country_code().or_else(|| address.country.clone());
        form.with_some(&format!("{name}[country]"), country)
    }

    /// The same, with where something is delivered to under `name`: `shipping` of a customer, `shipping_details` of an
    /// invoice. Stripe wants a name with it: `buyer` where the address has none.
    pub fn with_delivery(self, name: &str, address: &Address, buyer: &str) -> Self {
        self.with(format!("{name}[name]"), address.name.as_deref().unwrap_or(buyer))
            .with_some(&format!("{name}[phone]"), address.phone.as_deref())
            .with_address(&format!("{name}[address]"), address)
    }
}
