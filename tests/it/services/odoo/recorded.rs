//! The small Odoo is true to a real one: what was asked of an Odoo 18 once is answered alike.

use serde_json::{Value, json};

use super::double::Double;
use crate::support::api::Api;
use crate::support::shared;

/// Exchanges of what the handlers do not do.
const OTHER: [&str; 3] = ["account_move_create", "account_move_action_post_direct", "account_move_read_direct"];

#[tokio::test]
async fn it_answers_as_the_real_one_did() {
    let Some(recorded) = shared::json("contracts/odoo-rpc-recorded.json") else { return };
    let odoo = Double::start(18);
    let caller = Api::new(odoo.url()).with_token(None);
    let mut seen = 0;
    for exchange in recorded["jsonrpc"].as_array().expect("a list") {
        let name = exchange["name"].as_str().expect("a name");
        if OTHER.contains(&name) {
            continue;
        }
        let asked = caller.request(reqwest::Method::POST, "/jsonrpc").json(&exchange["request"]["body"]);
        let answered: Value = asked.send().await.expect("an answer").json().await.expect("JSON");
        let mut expected = exchange["response"]["body"].clone();
        if name == "invoice_wizard_create_invoices" {
            let result = &expected["result"];
            let told = ["type", "res_model", "res_id"].map(|member| (member.to_owned(), result[member].clone()));
            expected["result"] = json!(serde_json::Map::from_iter(told));
        }
        if name == "product_template_read" {
            expected["result"][0]["write_date"] = json!(false);
        }
        assert_eq!(answered, expected, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 35);
}
