use super::STORE;
use crate::content::components::EXTENSION;
use crate::content::{ContentType, Field, Lifecycle, LinkSide, LinkTable, Moment, Relation, StoreLink};

/// Someone who wants to hear from stores.
pub static SUBSCRIBER: ContentType = ContentType {
    number: 3,
    key: "subscriber",
    singular: "subscriber",
    plural: "subscribers",
    uid: "api::subscriber.subscriber",
    table: "subscribers",
    description: "Someone who wants to hear from stores.",
    fields: &[
        Field::email("Email", "email").required().indexed(),
        Field::boolean("active", "active"),
        Field::date_time("EmailVerified", "email_verified"),
        Field::json("newsletter_preferences", "newsletter_preferences")
            .default(r#"{"subscribed":true,"frequency":"weekly","topics":[],"tags":[]}"#),
        Field::date_time("unsubscribed_at", "unsubscribed_at"),
        Field::string("sendgrid_contact_id", "sendgrid_contact_id"),
        Field::json("sendgrid_list_ids", "sendgrid_list_ids").default("[]"),
        Field::date_time("last_synced_at", "last_synced_at"),
        Field::enumeration("sync_status", "sync_status", &["pending", "synced", "failed", "unsubscribed"])
            .default(r#""pending""#),
        Field::components("extensions", &EXTENSION),
        Field::relation(
            "stores",
            Relation { target: &STORE, inverse: "subscribers", table: &STORES, side: LinkSide::Owner },
        ),
    ],
    // That one is published is no news: subscribers have no public side.
    events: Some(Lifecycle {
        created: "new_subscriber",
        publication: false,
        moments: &[
            Moment { field: "EmailVerified", trigger: "subscriber_verified" },
            Moment { field: "unsubscribed_at", trigger: "subscriber_unsubscribed" },
        ],
    }),
    store: StoreLink::Through("stores"),
    subscribes: true,
    ..ContentType::USUAL
};

pub(super) static STORES: LinkTable =
    LinkTable { name: "subscriber_stores", owner: "subscriber_id", target: "store_id" };
