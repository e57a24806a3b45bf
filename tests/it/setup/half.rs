//! Records that cannot work: for each handler of the compiled table what is set up by halves, and where that is told first.
//! `$url` stands for a url that can be called.

use serde_json::{Value, json};

/// A record's config, credentials and url, and the path of what is wrong with it first.
pub type Half = (Value, Value, &'static str, &'static str);

/// What may not be called, whatever the handler: a private address, no port, no url, another's zone, no host or a name that
/// no host can have.
const NOWHERE: [&str; 10] = [
    "http://10.0.0.1/x",
    "http://127.0.0.1:99999/",
    "hooks.example/x",
    "http://[fe80::1%25eth0]/",
    "http://.",
    "http:///x",
    "http:x",
    "https:\\\\hooks.example",
    "http://-.example/",
    "http://*.example/",
];

/// All of them, by key.
pub fn half_filled() -> Vec<(String, Half)> {
    let of_key = |(key, records): (&str, Vec<Half>)| {
        let all = records.into_iter().chain(NOWHERE.map(|url| (json!({}), json!({}), url, "url")));
        all.map(|half| (key.to_owned(), half)).collect::<Vec<_>>()
    };
    [webhooks(), inbound_and_erp(), discord(), slack_and_telegram(), odoo(), sendgrid(), stripe_and_posthog()]
        .concat()
        .into_iter()
        .flat_map(of_key)
        .collect()
}

fn webhooks() -> Vec<(&'static str, Vec<Half>)> {
    let url = "$url";
    let signing = || {
        vec![
            (json!({}), json!({"secret": "key", "algorithm": "md5"}), url, "credentials/algorithm"),
            (json!({}), json!({"header_name": "X-Signature"}), url, "credentials/secret"),
            (json!({}), json!({"algorithm": "sha256", "secret": ""}), url, "credentials/secret"),
            (json!({}), json!({"secret": "whsec_"}), url, "credentials/secret"),
            (json!({}), json!({"secret": "whsec_not*base64"}), url, "credentials/secret"),
            (json!({}), json!({"secret": " \n"}), url, "credentials/secret"),
            (json!({}), json!({"secret": "key", "header_name": "webhook-id"}), url, "credentials/header_name"),
            (json!({}), json!({"secret": "key", "encoding": "base32"}), url, "credentials/encoding"),
            (json!({}), json!({"secret": 12345678}), url, "credentials/secret"),
            (json!({}), json!({}), "", "url"),
        ]
    };
    let signed_in = |credentials: Value, path| (json!({}), credentials, url, path);
    vec![
        ("custom:webhook", signing()),
        ("external:crm:lead", {
            let sends = json!({"send_credentials": true});
            [signing(), vec![(sends, json!({"pin": "12345678"}), "http://crm.example/", "config/send_credentials")]]
                .concat()
        }),
        (
            "custom:webhook-authenticated",
            vec![
                signed_in(json!({}), "credentials/type"),
                signed_in(json!({"type": "digest"}), "credentials/type"),
                signed_in(json!({"type": "bearer"}), "credentials/token"),
                signed_in(json!({"type": "bearer", "token": " "}), "credentials/token"),
                signed_in(json!({"type": "basic", "password": "12345678"}), "credentials/username"),
                signed_in(json!({"type": "header", "header": "X-Key"}), "credentials/value"),
                signed_in(json!({"type": "header", "header": "host", "value": "key"}), "credentials/header"),
                signed_in(json!({"type": "bearer", "token": "a\nb"}), "credentials/token"),
                signed_in(
                    json!({"type": "oauth2", "token_url": "https://t.example/", "client_id": "me"}),
                    "credentials/client_secret",
                ),
                signed_in(
                    json!({"type": "oauth2", "token_url": "http://10.0.0.1/", "client_id": "me", "client_secret": "it"}),
                    "credentials/token_url",
                ),
                signed_in(
                    json!({"type": "bearer", "token": "t", "secret": "s", "algorithm": "md5"}),
                    "credentials/algorithm",
                ),
            ],
        ),
    ]
}

fn inbound_and_erp() -> Vec<(&'static str, Vec<Half>)> {
    let (none, url) = (json!({}), "$url");
    vec![
        (
            "custom:inbound",
            vec![
                (none.clone(), json!({}), "", "credentials/secret"),
                (none.clone(), json!({"secret": "whsec_"}), "", "credentials/secret"),
                (
                    none.clone(),
                    json!({"secret": "key", "header_name": "X-Sig", "algorithm": "md5"}),
                    "",
                    "credentials/algorithm",
                ),
                (none.clone(), json!({"secret": "key", "header_name": "X Sig"}), "", "credentials/header_name"),
                (none.clone(), json!({"header_name": "X-Sig"}), "", "credentials/secret"),
                (json!({"public_key": "whpk_AAAA"}), json!({}), "", "config/public_key"),
                (json!({"trigger": "no name"}), json!({"secret": "key"}), "", "config/trigger"),
                (json!({"id_header": "X Id"}), json!({"secret": "key"}), "", "config/id_header"),
            ],
        ),
        (
            "customer:acme:erp",
            vec![
                (json!({}), json!({"token": "t"}), url, "config/warehouse"),
                (json!({"warehouse": ""}), json!({"token": "t"}), url, "config/warehouse"),
                (json!({"warehouse": "NORTH"}), json!({}), url, "credentials/token"),
                (json!({"warehouse": "NORTH"}), json!({"token": " \n"}), url, "credentials/token"),
                (json!({"warehouse": "NORTH", "currency": "euro"}), json!({"token": "t"}), url, "config/currency"),
                (json!({"warehouse": "NORTH"}), json!({"token": "t"}), "", "url"),
                (json!({"warehose": "NORTH"}), json!({"token": "t"}), url, "config/warehose"),
            ],
        ),
    ]
}

fn discord() -> Vec<(&'static str, Vec<Half>)> {
    let hook = || json!({"webhook_url": "https://hooks.example/x"});
    vec![(
        "discord:webhook",
        vec![
            (json!({}), json!({}), "", "url"),
            (json!({}), json!({"webhook_url": "http://192.168.1.1/x"}), "", "credentials/webhook_url"),
            (json!({}), json!({"webhook_url": "https://discord.com/"}), "", "credentials/webhook_url"),
            (json!({}), json!({"webhook_url": "https://discord.com/api/webhooks/1"}), "", "credentials/webhook_url"),
            (json!({}), json!({"webhook_url": "https://discord.com/channels/1/2"}), "", "credentials/webhook_url"),
            (json!({}), json!({}), "https://discord.com/api/v10/channels/1", "url"),
            (json!({}), json!({"webhook_url": "discord.com/api/webhooks/1/x"}), "", "credentials/webhook_url"),
            (json!({}), json!({"webhook_url": "https://u:p@discord.example/x"}), "", "credentials/webhook_url"),
            (json!({"color": "red"}), hook(), "", "config/color"),
            (json!({"color": 16_777_216}), hook(), "", "config/color"),
            (json!({"thread_id": "general"}), hook(), "", "config/thread_id"),
        ],
    )]
}

fn slack_and_telegram() -> Vec<(&'static str, Vec<Half>)> {
    vec![
        (
            "slack:message",
            vec![
                (json!({}), json!({}), "", "credentials"),
                (json!({}), json!({"webhook_url": ""}), "", "credentials"),
                (json!({}), json!({"token": "xoxb-1"}), "", "config/channel"),
                (json!({"channel": " "}), json!({"token": "xoxb-1"}), "", "config/channel"),
                (json!({}), json!({"webhook_url": "http://169.254.169.254/x"}), "", "credentials/webhook_url"),
                (json!({}), json!({"webhook_url": "https://hooks.slack.com/"}), "", "credentials/webhook_url"),
                (
                    json!({}),
                    json!({"webhook_url": "https://slack.com/services/T0/B0/x"}),
                    "",
                    "credentials/webhook_url",
                ),
            ],
        ),
        (
            "slack:events",
            vec![
                (json!({}), json!({}), "", "credentials/signing_secret"),
                (json!({}), json!({"signing_secret": ""}), "", "credentials/signing_secret"),
                (json!({}), json!({"signing_secret": " \n"}), "", "credentials/signing_secret"),
                (json!({}), json!({"signing_secert": "12345678"}), "", "credentials/signing_secret"),
                (json!({}), json!({"signing_secret": "xoxb-12345678"}), "", "credentials/signing_secret"),
            ],
        ),
        (
            "telegram:message",
            vec![
                (json!({}), json!({"token": "1:AA"}), "", "config/chat_id"),
                (json!({"chat_id": "orders"}), json!({"token": "1:AA"}), "", "config/chat_id"),
                (json!({"chat_id": -100}), json!({}), "", "credentials/token"),
                (json!({"chat_id": -100}), json!({"token": "AA"}), "", "credentials/token"),
                (
                    json!({"chat_id": -100, "message_thread_id": 0}),
                    json!({"token": "1:AA"}),
                    "",
                    "config/message_thread_id",
                ),
            ],
        ),
    ]
}

fn odoo() -> Vec<(&'static str, Vec<Half>)> {
    let common = || {
        let key = |more: Value| {
            let mut all = json!({"database": "shop", "api_key": "key"});
            all.as_object_mut().into_iter().for_each(|all| all.extend(more.as_object().cloned().unwrap_or_default()));
            all
        };
        vec![
            (json!({"list": "x"}), json!({}), "$url", "credentials/database"),
            (json!({"list": "x"}), json!({"database": "shop"}), "$url", "credentials/api_key"),
            (json!({"list": "x"}), key(json!({"api_key": ""})), "$url", "credentials/api_key"),
            (json!({"list": "x"}), key(json!({})), "", "url"),
            (json!({"list": "x"}), key(json!({"url": "http://10.0.0.1"})), "", "credentials/url"),
            (json!({"list": "x", "protocol": "jsonrpc"}), key(json!({})), "$url", "credentials/username"),
            (json!({"list": "x", "protocol": "soap"}), key(json!({})), "$url", "config/protocol"),
        ]
    };
    let whole = json!({"database": "shop", "api_key": "key"});
    let list = [
        common(),
        vec![
            (json!({}), whole.clone(), "$url", "config/list"),
            (json!({"list": " "}), whole.clone(), "$url", "config/list"),
            (json!({"list_id": 0}), whole.clone(), "$url", "config/list_id"),
        ],
    ];
    let order = [common(), vec![(json!({"taxes": "mine"}), whole, "$url", "config/taxes")]];
    vec![
        ("markket:odoo", common()),
        ("markket:odoo:product", common()),
        ("markket:odoo:newsletter", list.concat()),
        ("markket:odoo:order", order.concat()),
    ]
}

fn sendgrid() -> Vec<(&'static str, Vec<Half>)> {
    let key = || json!({"api_key": "SG.key"});
    let mail = |more: Value| {
        let mut all = json!({"from_email": "shop@north.example", "to": ["stock@north.example"]});
        all.as_object_mut().into_iter().for_each(|all| all.extend(more.as_object().cloned().unwrap_or_default()));
        all
    };
    let letters = || {
        vec![
            (mail(json!({})), json!({}), "", "credentials/api_key"),
            (mail(json!({})), json!({"api_key": " "}), "", "credentials/api_key"),
            (mail(json!({"from_email": null})), key(), "", "config/from_email"),
            (mail(json!({"from_email": "shop"})), key(), "", "config/from_email"),
            (mail(json!({"reply_to": "shop"})), key(), "", "config/reply_to"),
            (mail(json!({"categories": vec!["c"; 11]})), key(), "", "config/categories"),
            (mail(json!({"unsubscribe_group": 0})), key(), "", "config/unsubscribe_group"),
        ]
    };
    let alert = vec![
        (mail(json!({"to": []})), key(), "", "config/to"),
        (mail(json!({"to": ["x"]})), key(), "", "config/to[0]"),
    ];
    let lists = json!(["199abb98-0af3-4a8d-b371-6811ff85d062"]);
    vec![
        ("markket:sendgrid:welcome", letters()),
        ("markket:sendgrid:order_confirm", letters()),
        ("markket:sendgrid:inventory_alert", [letters(), alert].concat()),
        (
            "markket:sendgrid:newsletter",
            vec![
                (json!({"list_ids": lists}), json!({}), "", "credentials/api_key"),
                (json!({"list_ids": lists}), json!({"api_key": ""}), "", "credentials/api_key"),
                (json!({}), key(), "", "config/list_ids"),
                (json!({"list_ids": []}), key(), "", "config/list_ids"),
                (json!({"list_ids": ["news"]}), key(), "", "config/list_ids[0]"),
            ],
        ),
        (
            "markket:sendgrid:webhook",
            vec![
                (json!({}), json!({}), "", "config/public_key"),
                (json!({"public_key": ""}), json!({}), "", "config/public_key"),
                (json!({"public_key": "AAAA"}), json!({}), "", "config/public_key"),
                (json!({"public_key": 5}), json!({}), "", "config/public_key"),
            ],
        ),
    ]
}

fn stripe_and_posthog() -> Vec<(&'static str, Vec<Half>)> {
    let key = || json!({"secret_key": "sk_test_1"});
    let keys = || {
        vec![
            (json!({}), json!({}), "", "credentials/secret_key"),
            (json!({}), json!({"secret_key": "pk_live_1"}), "", "credentials/secret_key"),
            (json!({}), json!({"mode": "live", "test_key": "sk_test_1"}), "", "credentials/live_key"),
            (json!({}), json!({"live_key": "sk_live_1", "test_key": "sk_test_1"}), "", "credentials/mode"),
            (json!({}), json!({"mode": "real", "secret_key": "sk_live_1"}), "", "credentials/mode"),
            (
                json!({"days_until_due": 5, "collection_method": "charge_automatically"}),
                key(),
                "",
                "config/days_until_due",
            ),
        ]
    };
    let project = || {
        vec![
            (json!({}), json!({}), "", "credentials/api_key"),
            (json!({}), json!({"api_key": " "}), "", "credentials/api_key"),
            (json!({}), json!({"api_key": "phx_personal"}), "", "credentials/api_key"),
            (json!({"distinct_id": 5}), json!({"api_key": "phc_key"}), "", "config/distinct_id"),
        ]
    };
    let track = vec![
        (json!({"mapping": {"post_sale": " "}}), json!({"api_key": "phc_key"}), "", "config/mapping.post_sale"),
        (json!({"mapping": {"post_sale": 5}}), json!({"api_key": "phc_key"}), "", "config/mapping.post_sale"),
    ];
    vec![
        (
            "markket:stripe:invoice",
            [
                keys(),
                vec![(json!({"send": true, "collection_method": "charge_automatically"}), key(), "", "config/send")],
            ]
            .concat(),
        ),
        (
            "markket:stripe:subscription",
            [keys(), vec![(json!({"trial_period_days": 0}), key(), "", "config/trial_period_days")]].concat(),
        ),
        (
            "markket:stripe:webhook",
            vec![
                (json!({}), json!({}), "", "credentials/webhook_secret"),
                (json!({}), json!({"webhook_secret": ""}), "", "credentials/webhook_secret"),
                (json!({}), json!({"webhook_secret": "whsec_"}), "", "credentials/webhook_secret"),
                (json!({}), json!({"webhook_secret": "sk_live_1"}), "", "credentials/webhook_secret"),
            ],
        ),
        ("posthog:track", [project(), track].concat()),
        ("posthog:identify", project()),
        ("posthog:feature_flag", project()),
    ]
}
