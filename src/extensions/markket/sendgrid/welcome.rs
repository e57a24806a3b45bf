//! `markket:sendgrid:welcome`: a mail to someone new.

use serde_json::Value;

use crate::commerce::Customer;
use crate::handler::{Context, Descriptor, Done, Failure, Handler, Ordering, Outcome, SetupCheck};
use crate::services::sendgrid::{Credentials, Mail, PlainEmail, data, mail_config, prove, recipient, send};
use crate::triggers::CONFIRM_SUBSCRIPTION;

/// The handler.
pub struct Welcome;

mail_config! {
    /// What the mail looks like.
    pub struct Config {}
}

impl Handler for Welcome {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "markket:sendgrid:welcome",
            name: "SendGrid welcome mail",
            description: "Greets a new subscriber by mail, once, and mails the link of who has to confirm a subscription; the url is SendGrid's API, https://api.sendgrid.com if empty.",
            category: "email",
            icon: ICON,
            default_triggers: &["trigger:new_subscriber", CONFIRM_SUBSCRIPTION],
            has_test: true,
            // Side by side, two runs about the same would each find that no mail was sent yet.
            ordering: Ordering::Target,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, _: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        credentials.check(check);
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let (event, settings) = (&*context.event, context.config.mail());
        if matches!(context.trigger(), "trigger:subscriber_unsubscribed" | "trigger:subscriber_deleted") {
            return Err(Failure::discard(
                "whoever leaves is not welcomed: trigger:new_subscriber and trigger:subscriber_verified make sense here",
            ));
        }
        let person = Customer::of(event);
        let to = recipient(&person).map_err(|failure| {
            failure.map_reason(|reason| {
                format!("{reason}; trigger:new_subscriber and trigger:subscriber_verified make sense here")
            })
        })?;
        let entity = context.entity();
        // Who has to confirm a subscription is none yet: that event is about the store.
        let is_subscriber = context.trigger() != CONFIRM_SUBSCRIPTION;
        if is_subscriber && (entity["active"] == false || !entity["unsubscribed_at"].is_null()) {
            return Ok(Done::new("nothing sent: the subscriber is not active"));
        }
        let shop = settings.shop(event);
        let store = shop.title.as_deref().unwrap_or_default();
        let unsubscribe_url = context.host.unsubscribe_url(to.0.as_str());
        if !is_subscriber {
            let mut data = data(event, &shop, &person);
            let payload = event.payload.as_ref().map_or(&Value::Null, |payload| payload.value());
            data.insert("confirm_url".into(), payload["confirm_url"].clone());
            let plain_email = question(&person, store, payload["confirm_url"].as_str());
            // Whoever asks again wants another mail: it is about this event alone.
            let (to, about) = (vec![to], event.id.clone());
            let mail = Mail { to, data, plain_email, about, category: "confirm_subscription", unsubscribe_url };
            return send(&context, &settings, mail).await;
        }
        let plain_email = PlainEmail::new(&format!("Welcome to {store}"))
            .text(greeting(&person))
            .text(format!("thank you for subscribing to {store}. You will hear from us when there is something new."))
            .link(&format!("Visit {store}"), shop.url.as_deref())
            .link("Unsubscribe", unsubscribe_url.as_deref());
        let about = match event.target.type_name.as_str() {
            "subscriber" => event.target.document_id.clone(),
            _ => to.0.as_str().to_lowercase(),
        };
        let data = data(event, &shop, &person);
        send(&context, &settings, Mail { to: vec![to], data, plain_email, about, category: "welcome", unsubscribe_url })
            .await
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        prove(&context, &context.config.mail()).await
    }
}

fn greeting(person: &Customer) -> String {
    person.first_name().map_or("Hello,".to_owned(), |name| format!("Hello {name},"))
}

/// Asks whether a subscription is wanted.
fn question(person: &Customer, store: &str, confirm_url: Option<&str>) -> PlainEmail {
    PlainEmail::new(&format!("Please confirm your subscription to {store}"))
        .text(greeting(person))
        .text(format!(
            "someone, probably you, wants to subscribe this address to {store}. Follow this link if it was you:"
        ))
        .link("Subscribe", confirm_url)
        .text("If it was not you, there is nothing to do: nothing more will come.")
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><rect x="2" y="7" width="15" height="12" rx="2"/><path d="m2 9 7.5 5L17 9M20 3v6M17 6h6"/></svg>"#;
