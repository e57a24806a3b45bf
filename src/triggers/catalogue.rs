//! The triggers that Tenon knows. Others are allowed; these have descriptions.

/// A trigger of the catalogue.
pub struct Entry {
    /// Its name, without the prefix.
    pub name: &'static str,
    /// When it is emitted, in a line.
    pub description: &'static str,
    /// The type of the documents it is about: `store`, `product`, `price`, `subscriber`.
    pub target: &'static str,
    /// Who emits it.
    pub source: Source,
    /// Names that older documents have for it.
    pub aliases: &'static [&'static str],
    /// A JSON Schema of the payload; empty where there is none.
    pub payload: &'static str,
}

/// Who emits a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A committed change of content.
    Change,
    /// A caller, over the API.
    Caller,
    /// An inbound webhook.
    Webhook,
    /// The program itself.
    Runner,
}

/// The trigger of what a record's schedule makes happen.
pub const SCHEDULE: &str = "trigger:schedule";
/// The trigger that tells of a record which was switched off by the runner.
pub const EXTENSION_DISABLED: &str = "trigger:extension_disabled";
/// The triggers that tell what callers did to extension records.
pub const EXTENSION_CREATED: &str = "trigger:extension_created";
/// See [`EXTENSION_CREATED`].
pub const EXTENSION_UPDATED: &str = "trigger:extension_updated";
/// See [`EXTENSION_CREATED`].
pub const EXTENSION_REMOVED: &str = "trigger:extension_removed";

/// The trigger of a subscription that waits for the link in a mail.
pub const CONFIRM_SUBSCRIPTION: &str = "trigger:confirm_subscription";

impl Source {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Caller => "caller",
            Self::Webhook => "webhook",
            Self::Runner => "runner",
        }
    }
}

/// A postal address in the words of Markket's order.
macro_rules! address {
    ($about:literal) => {
        concat!(
            r#"{
          "type": "object",
          "description": ""#,
            $about,
            r#"",
          "properties": {
            "name": {"type": "string"},
            "email": {"type": "string"},
            "phone": {"type": "string"},
            "street": {"type": "string", "description": "Street and number."},
            "street_2": {"type": "string"},
            "city": {"type": "string"},
            "state": {"type": "string", "description": "A code or a name."},
            "zipcode": {"type": "string"},
            "country": {"type": "string", "description": "ISO 3166, such as IT; a name is read too."}
          }
        }"#
        )
    };
}

/// What a storefront sends with a sale or an order, and what else some triggers bring. Nothing of it is required, and more
/// is allowed.
macro_rules! order {
    ($($more:literal)?) => {
        concat!(
            r#"{
  "type": "object",
  "properties": {"#,
            $($more,)?
            r#"
    "order": {
      "type": "object",
      "description": "The order as the shop keeps it.",
      "properties": {
        "id": {"type": ["string", "integer"]},
        "total": {"type": ["number", "string"]},
        "currency": {"type": "string", "description": "ISO 4217, such as EUR."},
        "url": {"type": "string", "description": "Where the order can be looked at."},
        "Shipping_Address": "#, address!("Where it is delivered to, as Markket's order has it. Stripe's words (line1, postal_code, an address beside the name) are read too, and shipping_address or Stripe's shipping_details beside the order."), r#",
        "Billing_Address": "#, address!("Where it is billed to, in the same forms; else customer.address."), r#"
      }
    },
    "customer": {
      "type": "object",
      "description": "Who buys.",
      "properties": {
        "email": {"type": "string"},
        "name": {"type": "string"},
        "phone": {"type": "string"},
        "id": {"type": ["string", "integer"], "description": "What the shop calls the customer."}
      }
    },
    "items": {
      "type": "array",
      "description": "What is bought.",
      "items": {
        "type": "object",
        "properties": {
          "name": {"type": "string"},
          "sku": {"type": "string", "description": "The article number."},
          "documentId": {"type": "string", "description": "The product."},
          "priceId": {"type": "integer", "description": "Which of the product's prices it is sold at."},
          "STRIPE_ID": {"type": "string", "description": "The same price at Stripe."},
          "quantity": {"type": ["number", "string"]},
          "price": {"type": ["number", "string"], "description": "Of one."}
        }
      }
    },
    "targets": {
      "type": "array",
      "description": "Products or prices whose extension records the event reaches too.",
      "items": {
        "type": "object",
        "required": ["type", "documentId"],
        "properties": {
          "type": {"enum": ["product", "price"]},
          "documentId": {"type": "string"},
          "priceId": {"type": "integer"}
        }
      }
    }
  }
}"#
        )
    };
}

const ORDER: &str = order!();
const UPDATED: &str = order!(
    r#"
    "changes": {"type": "object", "description": "What changed of the order: {path: {from, to}}."},"#
);
const CANCELLED: &str = order!(
    r#"
    "reason": {"type": "string", "description": "Why, for people."},"#
);
const REFUNDED: &str = order!(
    r#"
    "refund": {
      "type": "object",
      "properties": {"amount": {"type": ["number", "string"]}, "reason": {"type": "string"}}
    },"#
);
const SHIPPED: &str = order!(
    r#"
    "shipment": {
      "type": "object",
      "properties": {"carrier": {"type": "string"}, "tracking": {"type": "string"}, "url": {"type": "string"}}
    },"#
);
const UPGRADED: &str = order!(
    r#"
    "from": {"type": "string", "description": "The plan before."},
    "to": {"type": "string", "description": "The plan from now on."},"#
);

/// Which thresholds a stock crossed; `changes` has its levels.
const LEVEL: &str = r#"{
  "type": "object",
  "properties": {
    "thresholds": {
      "type": "array",
      "items": {"type": "integer"},
      "description": "The thresholds that were crossed, of the records that listen (config.policy.inventory_threshold, else 5)."
    }
  }
}"#;

/// What Stripe sent: its event, whatever its type. Other types than those of the catalogue are triggers too, named after
/// them: `charge.refunded` is `trigger:stripe_charge_refunded`.
const STRIPE: &str = r#"{
  "type": "object",
  "description": "Stripe's event, as Stripe sent it.",
  "required": ["id", "type"],
  "properties": {
    "id": {"type": "string", "description": "Stripe's id of the event: evt_…."},
    "type": {"type": "string", "description": "Stripe's name for it, such as invoice.paid."},
    "created": {"type": "integer", "description": "When it happened, in seconds since 1970."},
    "livemode": {"type": "boolean", "description": "Whether it is about money, and no test."},
    "account": {"type": "string", "description": "The connected account that it happened to, if one."},
    "data": {
      "type": "object",
      "properties": {
        "object": {"type": "object", "description": "The invoice, subscription or whatever it is about."},
        "previous_attributes": {"type": "object", "description": "What changed of it, as it was before."}
      }
    }
  }
}"#;

/// What SendGrid sent: one event out of a list.
const SENDGRID: &str = r#"{
  "type": "object",
  "description": "One event, as SendGrid sent it.",
  "properties": {
    "event": {
      "type": "string",
      "description": "What happened: processed, deferred, delivered, bounce, dropped, open, click, spamreport, unsubscribe, group_unsubscribe or group_resubscribe."
    },
    "email": {"type": "string", "description": "Whom the message was for."},
    "timestamp": {"type": "integer", "description": "When it happened, in seconds since 1970."},
    "sg_event_id": {"type": "string", "description": "SendGrid's id of the event."},
    "sg_message_id": {"type": "string", "description": "SendGrid's id of the message."},
    "event_id": {"type": "string", "description": "The event that we sent the message for."},
    "run_id": {"type": "string", "description": "The run that sent it."},
    "reason": {"type": "string", "description": "Why it was not delivered."},
    "url": {"type": "string", "description": "What was clicked."}
  }
}"#;

const fn change(name: &'static str, target: &'static str, description: &'static str) -> Entry {
    Entry { name, description, target, source: Source::Change, aliases: &[], payload: "" }
}

const fn stock(name: &'static str, description: &'static str, payload: &'static str) -> Entry {
    Entry { payload, ..change(name, "price", description) }
}

const fn caller(name: &'static str, description: &'static str, payload: &'static str) -> Entry {
    Entry { name, description, target: "store", source: Source::Caller, aliases: &[], payload }
}

const fn webhook(name: &'static str, description: &'static str, payload: &'static str) -> Entry {
    Entry { name, description, target: "store", source: Source::Webhook, aliases: &[], payload }
}

const fn runner(name: &'static str, description: &'static str, payload: &'static str) -> Entry {
    Entry { name, description, target: "store", source: Source::Runner, aliases: &[], payload }
}

const fn record(name: &'static str, description: &'static str) -> Entry {
    Entry { payload: RECORD, ..change(name, "store", description) }
}

const fn also(entry: Entry, aliases: &'static [&'static str]) -> Entry {
    Entry { aliases, ..entry }
}

/// Which moment of a schedule has come.
const TICK: &str = r#"{
  "type": "object",
  "required": ["scheduledFor"],
  "properties": {"scheduledFor": {"type": "string", "format": "date-time", "description": "The moment that the schedule names."}}
}"#;

/// Which record was switched off, and why.
const DISABLED: &str = r#"{
  "type": "object",
  "required": ["extension", "reason"],
  "properties": {
    "extension": {
      "type": "object",
      "properties": {"id": {"type": "integer"}, "key": {"type": "string"}, "url": {"type": ["string", "null"]}}
    },
    "reason": {"type": "string"},
    "failingSince": {"type": ["string", "null"], "format": "date-time"}
  }
}"#;

/// Which record was added, changed or removed.
const RECORD: &str = r#"{
  "type": "object",
  "required": ["extension"],
  "properties": {
    "extension": {
      "type": "object",
      "description": "The record; of its url what may be secret is masked. What was changed stands in `changes`, of credentials the masks alone.",
      "properties": {"id": {"type": "integer"}, "key": {"type": ["string", "null"]}, "url": {"type": ["string", "null"]}}
    }
  }
}"#;

/// Who wants to subscribe, and the link that does so.
const CONFIRMATION: &str = r#"{
  "type": "object",
  "required": ["email", "confirm_url", "expires_at", "unsubscribe_url"],
  "properties": {
    "email": {"type": "string", "description": "The address."},
    "confirm_url": {"type": "string", "description": "Subscribes the address when it is followed."},
    "expires_at": {"type": "string", "format": "date-time", "description": "When that link ends."},
    "unsubscribe_url": {"type": "string", "description": "Unsubscribes the address by a POST (RFC 8058), and asks in a browser."}
  }
}"#;

/// Every trigger of the catalogue.
pub const CATALOGUE: &[Entry] = &[
    change("store_created", "store", "A store was created."),
    change("store_updated", "store", "A store was changed."),
    change("store_published", "store", "A store was published."),
    change("store_unpublished", "store", "A store's published version was withdrawn."),
    change("store_deleted", "store", "A store was deleted."),
    change("product_created", "product", "A product was created."),
    change("product_updated", "product", "A product was changed."),
    change("product_published", "product", "A product was published."),
    change("product_unpublished", "product", "A product's published version was withdrawn."),
    change("product_deleted", "product", "A product was deleted."),
    change("price_created", "price", "A price was added to a product."),
    also(change("price_updated", "price", "A price was changed."), &["price_changed"]),
    change("price_deleted", "price", "A price was removed from a product."),
    stock(
        "inventory_low",
        "A price's inventory or a product's quantity fell to the record's threshold or below.",
        LEVEL,
    ),
    stock("inventory_zero", "A price's inventory or a product's quantity ran out.", ""),
    stock(
        "inventory_restocked",
        "A price's inventory or a product's quantity rose above the record's threshold.",
        LEVEL,
    ),
    also(change("new_subscriber", "subscriber", "Someone subscribed."), &["subscriber_create", "subscriber_created"]),
    change("subscriber_updated", "subscriber", "A subscriber was changed."),
    also(
        change("subscriber_verified", "subscriber", "A subscriber's e-mail address was verified."),
        &["email_verified"],
    ),
    change("subscriber_unsubscribed", "subscriber", "Someone unsubscribed."),
    change("subscriber_deleted", "subscriber", "A subscriber was deleted."),
    caller("post_sale", "A sale is done.", ORDER),
    caller("pre_sale", "A sale is about to be done.", ORDER),
    caller("order_created", "An order was placed.", ORDER),
    caller("order_updated", "An order was changed.", UPDATED),
    caller("order_fulfilled", "An order was fulfilled.", SHIPPED),
    caller("order_cancelled", "An order was cancelled.", CANCELLED),
    caller("order_refunded", "An order was refunded.", REFUNDED),
    caller("order_shipped", "An order was shipped.", SHIPPED),
    caller("subscription_upgraded", "A customer moved to a better plan.", UPGRADED),
    record(
        "extension_created",
        "An extension record was added. Only a pattern that begins with `extension_` matches it.",
    ),
    record(
        "extension_updated",
        "An extension record was changed. Only a pattern that begins with `extension_` matches it.",
    ),
    record(
        "extension_removed",
        "An extension record was removed. Only a pattern that begins with `extension_` matches it.",
    ),
    runner(
        "confirm_subscription",
        "A visitor wants to subscribe, and has to follow a link for it (`TENON_SUBSCRIBE=double`).",
        CONFIRMATION,
    ),
    runner("schedule", "A moment that a record's `config.policy.schedule` names; it reaches that record alone.", TICK),
    runner("extension_disabled", "The runner has switched an extension record off.", DISABLED),
    webhook("stripe_subscription_created", "Stripe: a subscription began.", STRIPE),
    webhook("stripe_subscription_updated", "Stripe: a subscription was changed.", STRIPE),
    webhook("stripe_subscription_cancelled", "Stripe: a subscription ended.", STRIPE),
    webhook("stripe_invoice_paid", "Stripe: an invoice was paid.", STRIPE),
    webhook("stripe_payment_failed", "Stripe: a payment failed.", STRIPE),
    webhook("sendgrid_event", "SendGrid: something happened to a message that was sent.", SENDGRID),
];

/// The entry with this name or alias, without the prefix.
pub fn find(short: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.name == short || entry.aliases.contains(&short))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_and_alias_is_there_once_and_every_schema_is_json() {
        let mut seen = HashSet::new();
        for entry in CATALOGUE {
            for name in std::iter::once(&entry.name).chain(entry.aliases) {
                assert!(seen.insert(*name), "{name} twice");
            }
            let schema = serde_json::from_str::<serde_json::Value>(entry.payload);
            assert!(entry.payload.is_empty() || schema.is_ok(), "{}", entry.name);
        }
    }
}
