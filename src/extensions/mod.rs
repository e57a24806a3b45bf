//! The handlers that come with Tenon: the path of a file is its key, `custom/webhook.rs` is `custom:webhook`.
//! Nothing but handlers and their table stands here.

pub mod custom;
pub mod customer;
pub mod discord;
pub mod external;
pub mod markket;
pub mod posthog;
pub mod slack;
pub mod telegram;

use crate::handler::Registry;
use crate::services::odoo::Versions;

/// The compiled table, a line for each handler. A program of one's own adds to it with [`Registry::with`].
///
/// Fails, naming the key, when two handlers have the same.
pub fn registry() -> Result<Registry, String> {
    let odoo = Versions::default();
    Registry::default()
        .with_inbound(custom::inbound::FromAnywhere)?
        .with(custom::webhook::Webhook)?
        .with(custom::webhook_authenticated::WebhookAuthenticated::default())?
        .with(customer::acme::erp::Erp)?
        .with(discord::webhook::Webhook)?
        .with(external::External)?
        .with(markket::odoo::Entities(odoo.clone()))?
        .with(markket::odoo::newsletter::Newsletter(odoo.clone()))?
        .with(markket::odoo::order::Orders(odoo.clone()))?
        .with(markket::odoo::product::Products(odoo))?
        .with(markket::sendgrid::inventory_alert::InventoryAlert)?
        .with(markket::sendgrid::newsletter::Newsletter)?
        .with(markket::sendgrid::order_confirm::OrderConfirm)?
        .with_inbound(markket::sendgrid::webhook::Webhook)?
        .with(markket::sendgrid::welcome::Welcome)?
        .with(markket::stripe::invoice::Invoice)?
        .with(markket::stripe::subscription::Subscription)?
        .with_inbound(markket::stripe::webhook::Webhook)?
        .with(posthog::feature_flag::FeatureFlag)?
        .with(posthog::identify::Identify)?
        .with(posthog::track::Track)?
        .with_inbound(slack::events::Events)?
        .with(slack::message::Message)?
        .with(telegram::message::Message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triggers::check_pattern;

    #[test]
    fn every_handler_describes_itself() {
        let registry = registry().unwrap_or_else(|problem| panic!("{problem}"));
        for entry in registry.entries() {
            let described = entry.description();
            let texts = [described.name, described.description, described.category, described.author];
            assert!(texts.iter().all(|text| !text.is_empty()), "{}", described.key);
            assert!(described.icon.starts_with("<svg") && described.icon.ends_with("</svg>"), "{}", described.key);
            assert!(described.default_triggers.iter().all(|pattern| check_pattern(pattern).is_ok()));
            for schema in [&described.config_schema, &described.credentials_schema] {
                let properties = schema["properties"].as_object().into_iter().flatten();
                for (name, property) in properties {
                    assert!(property["title"].is_string(), "{}: {name} has no title", described.key);
                    let text = property.to_string();
                    assert!(name == "policy" || text.contains("description"), "{}: {name}: {text}", described.key);
                }
            }
        }
    }
}
