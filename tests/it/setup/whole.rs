//! Records that can work, one for each handler at least. `$url` stands for a url that can be called.

use serde_json::{Value, json};

/// A key, a config, credentials and a url.
pub type Whole = (&'static str, Value, Value, &'static str);

/// A verification key in the form in which SendGrid shows it.
const P256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEU/M2q9R3WZnlsoeVR6ESED5h7y9vSD5KmECmo7FeKMx+UNlqo/iDNlP6N3FHy3JF9GEEav6cwpTzcg2k78sv7Q==";

/// All of them.
pub fn whole() -> Vec<Whole> {
    let odoo = || json!({"database": "shop", "api_key": "key", "username": "me"});
    let mail = || json!({"from_email": "shop@north.example", "reply_to": ""});
    let sendgrid = || json!({"api_key": "SG.key"});
    let stripe = || json!({"secret_key": "sk_test_1"});
    let posthog = || json!({"api_key": "phc_key"});
    let secret = || json!({"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"});
    vec![
        ("custom:webhook", json!({}), json!({}), "$url"),
        ("custom:webhook", json!({"policy": {"timeout_s": 5}}), secret(), "$url"),
        ("custom:webhook", json!({}), json!({"secret": "key", "algorithm": "HMAC-SHA512", "header_name": ""}), "$url"),
        ("custom:webhook-authenticated", json!({}), json!({"type": "bearer", "token": "t"}), "$url"),
        ("custom:webhook-authenticated", json!({}), json!({"type": "basic", "username": "me", "password": ""}), "$url"),
        (
            "custom:webhook-authenticated",
            json!({}),
            json!({"type": "oauth2", "token_url": "https://t.example/", "client_id": "me", "client_secret": "it"}),
            "$url",
        ),
        ("custom:inbound", json!({}), secret(), ""),
        (
            "custom:inbound",
            json!({"id_header": ""}),
            json!({"secret": "key", "header_name": "X-Shopify-Hmac-Sha256"}),
            "",
        ),
        ("customer:acme:erp", json!({"warehouse": "NORTH", "currency": "EUR"}), json!({"token": "t"}), "$url"),
        ("external:crm", json!({"anything": [1]}), json!({"secret": "key", "pin": "1234"}), "$url"),
        ("discord:webhook", json!({"thread_id": "", "color": 5}), json!({"webhook_url": "https://d.example/x"}), ""),
        ("discord:webhook", json!({}), json!({}), "$url"),
        ("slack:message", json!({}), json!({"webhook_url": "https://s.example/x"}), ""),
        ("slack:message", json!({"channel": "#orders"}), json!({"token": "xoxb-1", "webhook_url": ""}), ""),
        ("slack:events", json!({}), json!({"signing_secret": "secret"}), ""),
        ("telegram:message", json!({"chat_id": -100}), json!({"token": "1:AA"}), ""),
        ("markket:odoo", json!({}), odoo(), "$url"),
        ("markket:odoo:product", json!({"protocol": "jsonrpc"}), odoo(), "$url"),
        ("markket:odoo:newsletter", json!({"list": "News"}), odoo(), "$url"),
        ("markket:odoo:order", json!({"create_invoice": true}), odoo(), "$url"),
        ("markket:sendgrid:welcome", mail(), sendgrid(), ""),
        ("markket:sendgrid:order_confirm", mail(), sendgrid(), ""),
        (
            "markket:sendgrid:inventory_alert",
            json!({"from_email": "a@north.example", "to": ["b@north.example"]}),
            sendgrid(),
            "",
        ),
        ("markket:sendgrid:newsletter", json!({"list_ids": ["199abb98-0af3-4a8d-b371-6811ff85d062"]}), sendgrid(), ""),
        ("markket:sendgrid:webhook", json!({"public_key": P256}), json!({}), ""),
        ("markket:stripe:invoice", json!({"send": true}), stripe(), ""),
        ("markket:stripe:subscription", json!({}), stripe(), ""),
        ("markket:stripe:webhook", json!({}), json!({"webhook_secret": "whsec_test"}), ""),
        ("posthog:track", json!({"mapping": {"post_sale": "Sale"}}), posthog(), ""),
        ("posthog:identify", json!({}), posthog(), ""),
        ("posthog:feature_flag", json!({"flags": ["x"]}), posthog(), ""),
    ]
}
