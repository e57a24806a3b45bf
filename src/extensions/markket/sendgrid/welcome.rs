//! `markket:sendgrid:welcome`: a mail to someone new.

use crate::commerce::Customer;
use crate::handler::{Context, Descriptor, Done, Failure, Handler, Ordering, Outcome, SetupCheck};
use crate::services::sendgrid::{Credentials, Letter, Mail, data, mail_config, prove, recipient, send};

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
            description: "Greets a new subscriber by mail, once; the url is SendGrid's API, https://api.sendgrid.com if empty.",
            category: "email",
            icon: ICON,
            default_triggers: &["trigger:new_subscriber"],
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
        if entity["active"] == false || !entity["unsubscribed_at"].is_null() {
            return Ok(Done::new("nothing sent: the subscriber is not active"));
        }
        let shop = settings.shop(event);
        let store = shop.title.as_deref().unwrap_or_default();
        let greeting = person.first_name().map_or("Hello,".to_owned(), |name| format!("Hello {name},"));
        let letter = Letter::new(&format!("Welcome to {store}"))
            .text(greeting)
            .text(format!("thank you for subscribing to {store}. You will hear from us when there is something new."))
            .link(&format!("Visit {store}"), shop.url.as_deref());
        let about = match event.target.type_name.as_str() {
            "subscriber" => event.target.document_id.clone(),
            _ => to.0.as_str().to_lowercase(),
        };
        let data = data(event, &shop, &person);
        send(&context, &settings, Mail { to: vec![to], data, letter, about, category: "welcome" }).await
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        prove(&context, &context.config.mail()).await
    }
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><rect x="2" y="7" width="15" height="12" rx="2"/><path d="m2 9 7.5 5L17 9M20 3v6M17 6h6"/></svg>"#;
