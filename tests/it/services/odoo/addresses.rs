//! Where a sale is delivered and billed to, in Odoo.

use serde_json::{Value, json};

use super::double::Double;
use super::{VERSIONS, odoo_of, parts, trial};
use crate::services::trial::Trial;

fn sold(odoo: &Double, order: &str, addresses: &Value) -> Trial {
    let mut payload = json!({
        "order": {"id": order, "total": 5, "currency": "EUR"},
        "customer": {"email": "ada@example.com", "name": "Ada Lovelace"},
        "items": [{"name": "Tea", "sku": "S-1", "price": 5}],
    });
    payload["order"].as_object_mut().expect("an object").extend(addresses.as_object().expect("an object").clone());
    trial("markket:odoo:order", odoo).payload(payload)
}

fn italian(version: u32) -> Double {
    let odoo = odoo_of(version);
    odoo.kept().books.put("res.country", 109, json!({"name": "Italy", "code": "IT"}));
    odoo.kept().books.put("res.country", 233, json!({"name": "United States", "code": "US"}));
    odoo.kept().books.put("res.country.state", 17, json!({"name": "Illinois", "code": "IL", "country_id": 233}));
    odoo
}

/// Via Roma, as Markket's order has it.
fn roma() -> Value {
    json!({"name": "Grace Hopper", "email": "grace@example.com", "phone": "+39 1", "street": "Via Roma 1",
        "street_2": "Scala B", "city": "Turin", "state": "TO", "zipcode": "10121", "country": "IT"})
}

fn order(odoo: &Double, place: usize) -> Value {
    parts(&odoo.all("sale.order")[place], ["partner_id", "partner_invoice_id", "partner_shipping_id"])
}

#[tokio::test]
async fn a_sale_is_delivered_to_its_address() {
    for version in VERSIONS {
        let odoo = italian(version);
        sold(&odoo, "1", &json!({"Shipping_Address": roma()})).run().await.accepted();
        assert_eq!(order(&odoo, 0), json!([8, null, 9]));
        let delivery = odoo.all("res.partner").remove(1);
        let names = ["type", "parent_id", "name", "email", "phone", "street", "street2", "city", "zip", "country_id"];
        // A state that Odoo does not know stands behind the city.
        let expected = json!([
            "delivery",
            8,
            "Grace Hopper",
            "grace@example.com",
            "+39 1",
            "Via Roma 1",
            "Scala B",
            "Turin, TO",
            "10121",
            109
        ]);
        assert_eq!(parts(&delivery, names), expected);
        // The same again, in whatever letters, and the buyer is still found by their own address.
        let mut again = roma();
        again["street"] = json!(" via roma 1");
        sold(&odoo, "2", &json!({"shipping_address": again})).run().await.accepted();
        assert_eq!((order(&odoo, 1), odoo.all("res.partner").len()), (json!([8, null, 9]), 2));
        let mut moved = roma();
        moved["street"] = json!("Via Po 2");
        sold(&odoo, "3", &json!({"Shipping_Address": moved})).run().await.accepted();
        assert_eq!((order(&odoo, 2), odoo.all("res.partner").len()), (json!([8, null, 10]), 3));
    }
}

#[tokio::test]
async fn a_sale_is_billed_to_its_address_and_the_first_is_the_buyers_own() {
    let odoo = italian(19);
    let billing = json!({"name": "Ada Lovelace", "street": "Main St 5", "city": "Springfield", "state": "il", "zipcode": "62701", "country": "USA"});
    sold(&odoo, "1", &json!({"Shipping_Address": roma(), "Billing_Address": billing})).run().await.accepted();
    assert_eq!(order(&odoo, 0), json!([8, 8, 9]));
    let ada = odoo.all("res.partner").remove(0);
    let names = ["name", "street", "city", "zip", "state_id", "country_id"];
    assert_eq!(parts(&ada, names), json!(["Ada Lovelace", "Main St 5", "Springfield", "62701", 17, 233]));
    // Both the same are the buyer's own; another one is kept below.
    sold(&odoo, "2", &json!({"Shipping_Address": billing, "Billing_Address": billing})).run().await.accepted();
    assert_eq!(order(&odoo, 1), json!([8, 8, 8]));
    sold(&odoo, "3", &json!({"Billing_Address": roma()})).run().await.accepted();
    assert_eq!(order(&odoo, 2), json!([8, 10, null]));
    assert_eq!(parts(&odoo.all("res.partner")[2], ["type", "parent_id"]), json!(["invoice", 8]));
    assert_eq!(parts(&odoo.all("res.partner")[0], ["street"]), json!(["Main St 5"]), "what stands there stays");
}

#[tokio::test]
async fn an_address_never_becomes_that_of_a_company_or_of_who_works_with_odoo() {
    for known in [json!({"company_type": "company"}), json!({"partner_share": false})] {
        let odoo = italian(19);
        let mut left = json!({"name": "Acme", "email": "ada@example.com", "type": "contact"});
        left.as_object_mut().expect("an object").extend(known.as_object().expect("an object").clone());
        odoo.kept().books.put("res.partner", 3, left);
        let before = odoo.only("res.partner");
        sold(&odoo, "1", &json!({"Shipping_Address": roma(), "Billing_Address": roma()})).run().await.accepted();
        assert_eq!(order(&odoo, 0), json!([3, null, 8]), "{known}");
        assert_eq!(odoo.all("res.partner")[0], before, "{known}");
    }
    // Of someone who belongs to a company, Odoo would change the company's.
    let odoo = italian(19);
    odoo.kept().books.put("res.partner", 3, json!({"name": "Acme", "company_type": "company"}));
    let ada = json!({"name": "Ada Lovelace", "email": "ada@example.com", "type": "contact", "parent_id": 3});
    odoo.kept().books.put("res.partner", 5, ada);
    let mut billing = roma();
    billing["name"] = json!("Ada Lovelace");
    sold(&odoo, "1", &json!({"Billing_Address": billing})).run().await.accepted();
    assert_eq!(order(&odoo, 0), json!([5, 8, null]));
    assert_eq!(odoo.all("res.partner")[2]["type"], "invoice");
}
