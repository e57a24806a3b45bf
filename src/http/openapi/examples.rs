//! Examples of what is sent and answered, by the name of the schema. Tests hold each against its schema, and send those
//! of requests to the server.

use serde_json::{Map, Value, json};

use crate::error::Result;

/// What is sent.
const SENT: &[(&str, &str)] = &[
    ("StoreRequest", r#"{"data": {"title": "Tea House", "slug": "tea-house", "active": true}}"#),
    (
        "ProductRequest",
        r#"{"data": {"Name": "Sencha", "slug": "sencha", "SKU": "T-100", "usd_price": 12.9,
            "PRICES": [{"Name": "100 g", "Price": 12.9, "Currency": "EUR", "inventory": 40}]}}"#,
    ),
    ("SubscriberRequest", r#"{"data": {"Email": "ada@example.com", "active": true}}"#),
    ("PriceRequest", r#"{"data": {"Name": "250 g", "Price": 29.9, "Currency": "EUR", "inventory": 12}}"#),
    ("InventoryInput", r#"{"op": "decrement", "quantity": 1}"#),
    (
        "ExtensionRequest",
        r#"{"data": {"key": "custom:webhook", "url": "https://erp.example/hook", "triggers": ["trigger:post_sale"],
            "credentials": {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "config": {"policy": {"timeout_s": 10}}}}"#,
    ),
    ("ToggleRequest", r#"{"data": {"active": false}}"#),
    (
        "TriggerInput",
        r#"{"payload": {"order": {"id": "1001", "total": 25.8, "currency": "EUR"},
            "customer": {"email": "ada@example.com", "name": "Ada Example"},
            "items": [{"name": "Sencha", "sku": "T-100", "quantity": 2, "price": 12.9}]}}"#,
    ),
    (
        "BatchRequest",
        r#"{"data": [{"trigger": "post_sale", "target": {"type": "store", "documentId": "k3j5h7g9f1d3s5a7q9w1e3r5"},
            "payload": {"order": {"id": "1001"}}, "idempotencyKey": "order-1001"}]}"#,
    ),
    ("RunInput", r#"{"trigger": "post_sale", "payload": {"order": {"id": "1001"}}}"#),
    ("TestInput", r#"{"trigger": "post_sale"}"#),
    ("ReasonInput", r#"{"reason": "the receiver is back"}"#),
    (
        "ReplayInput",
        r#"{"from": "2026-11-21T08:00:00Z", "to": "2026-11-21T09:30:00Z", "key": "custom:webhook", "dryRun": true}"#,
    ),
    (
        "ActivationRequest",
        r#"{"data": {"targets": [{"type": "store", "documentId": "k3j5h7g9f1d3s5a7q9w1e3r5"}],
            "url": "https://erp.example/hook", "triggers": ["trigger:post_sale"]}}"#,
    ),
    ("SubscriptionRequest", r#"{"data": {"Email": "ada@example.com", "stores": ["k3j5h7g9f1d3s5a7q9w1e3r5"]}}"#),
    (
        "TokenRequest",
        r#"{"data": {"name": "storefront", "kind": "custom", "permissions": ["store.find", "product.find"]}}"#,
    ),
];

/// What is answered, of one thing: lists have one of it.
const ANSWERED: &[(&str, &str)] = &[
    (
        "Store",
        r#"{"id": 2, "documentId": "k3j5h7g9f1d3s5a7q9w1e3r5", "title": "Tea House", "slug": "tea-house", "active": true,
            "createdAt": "2026-01-02T03:04:05.006Z", "updatedAt": "2026-01-02T03:04:05.006Z",
            "publishedAt": "2026-01-02T03:04:05.006Z"}"#,
    ),
    (
        "Product",
        r#"{"id": 4, "documentId": "p3j5h7g9f1d3s5a7q9w1e3r5", "Name": "Sencha", "slug": "sencha", "SKU": "T-100",
            "usd_price": 12.9, "quantity": null, "PRICES": [{"id": 8, "Name": "100 g", "Price": 12.9, "Currency": "EUR",
            "inventory": 40}], "createdAt": "2026-01-02T03:04:05.006Z", "updatedAt": "2026-01-02T03:04:05.006Z",
            "publishedAt": "2026-01-02T03:04:05.006Z"}"#,
    ),
    (
        "Subscriber",
        r#"{"id": 6, "documentId": "s3j5h7g9f1d3s5a7q9w1e3r5", "Email": "ada@example.com", "active": true,
            "sync_status": "pending", "createdAt": "2026-01-02T03:04:05.006Z", "updatedAt": "2026-01-02T03:04:05.006Z",
            "publishedAt": "2026-01-02T03:04:05.006Z"}"#,
    ),
    ("Price", r#"{"id": 8, "Name": "100 g", "Price": 12.9, "Currency": "EUR", "hidden": false, "inventory": 40}"#),
    (
        "Extension",
        r#"{"id": 17, "key": "custom:webhook", "triggers": ["trigger:post_sale"], "credentials": {"secret": "********"},
            "config": {"policy": {"timeout_s": 10}}, "url": "https://erp.example/hook", "active": true,
            "last_run": "2026-01-02T03:04:05.006Z", "run_count": 3, "meta": {}}"#,
    ),
    ("Emitted", r#"{"id": "evt_01kah4h3t6x4c8n2w9z5q7r1ym", "trigger": "trigger:post_sale", "repeated": false}"#),
    (
        "Started",
        r#"{"eventId": "evt_01kah4h3t6x4c8n2w9z5q7r1ym", "runId": "run_01kah4h3t7x4c8n2w9z5q7r1ym",
            "trigger": "trigger:manual", "repeated": false}"#,
    ),
];

/// The examples of requests and answers, by the name of their schema.
pub(super) fn all() -> Result<Map<String, Value>> {
    let mut all = Map::new();
    for (name, text) in SENT {
        all.insert((*name).to_owned(), serde_json::from_str(text)?);
    }
    for (name, text) in ANSWERED {
        let one: Value = serde_json::from_str(text)?;
        let pagination = json!({"page": 1, "pageSize": 25, "pageCount": 1, "total": 1});
        let meta = if *name == "Price" || *name == "Emitted" { json!({}) } else { json!({ "pagination": pagination }) };
        all.insert(format!("{name}ListResponse"), json!({"data": [one], "meta": meta}));
        all.insert(format!("{name}Response"), json!({"data": one, "meta": {}}));
    }
    Ok(all)
}

/// An example of the error with this status, and what its `error.name` is.
pub(super) fn problem(status: &str) -> Option<Value> {
    let (name, message, details) = match status {
        "400" => {
            let error = json!({"path": ["PRICES", "0", "Price"], "message": "PRICES[0].Price must be a number",
                "name": "ValidationError", "value": "a lot"});
            ("ValidationError", "PRICES[0].Price must be a number", json!({ "errors": [error] }))
        }
        "401" => ("UnauthorizedError", "Missing or invalid credentials", json!({})),
        "403" => ("ForbiddenError", "Forbidden", json!({})),
        "404" => ("NotFoundError", "Not Found", json!({})),
        "409" => ("ConflictError", "2 left, 3 asked for", json!({"inventory": 2})),
        "413" => ("PayloadTooLargeError", "request entity too large", json!({})),
        _ => return None,
    };
    let status: u16 = status.parse().ok()?;
    Some(json!({"data": null, "error": {"status": status, "name": name, "message": message, "details": details}}))
}
