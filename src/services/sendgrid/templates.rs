//! Proves a key and a template without sending anything.

use reqwest::Method;
use serde::Deserialize;

use super::{Credentials, SendGrid, Settings};
use crate::handler::{Done, ExtensionContext, Failure, Outcome};

#[derive(Deserialize)]
struct Template {
    name: String,
    generation: String,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    active: u8,
}

/// Proves that SendGrid knows the key, and that the template of `settings` can be filled. A key that may do nothing but
/// send, as it should be, may not look at templates: that too proves it.
pub async fn prove<C>(context: &ExtensionContext<C, Credentials>, settings: &Settings<'_>) -> Outcome {
    let sendgrid = SendGrid::of(context)?;
    let path = match settings.template_id {
        Some(id) => format!("/v3/templates/{}", super::segment(id)),
        None => "/v3/templates?generations=dynamic&page_size=1".to_owned(),
    };
    let answer = sendgrid.ask(Method::GET, &path, None).await?;
    let id = match (answer.status(), settings.template_id) {
        (403, _) if super::is_json(&answer) => {
            return Ok(Done::new(
                "SendGrid knows the key, which may not look at templates: whether it may send shows when it does",
            ));
        }
        (404, Some(id)) if super::is_json(&answer) => {
            return Err(Failure::discard(format!("config.template_id: SendGrid has no template {id} (404)")));
        }
        (_, id) => id,
    };
    let answer = sendgrid.understood(answer, &[])?;
    let Some(id) = id else { return Ok(Done::new("SendGrid knows the key")) };
    let template: Template = answer.parse()?;
    if template.generation != "dynamic" {
        let reason = format!(
            "config.template_id: {} ({id}) is a {} template; data needs a dynamic one",
            template.name, template.generation
        );
        return Err(Failure::discard(reason));
    }
    if !template.versions.iter().any(|version| version.active == 1) {
        return Err(Failure::discard(format!("config.template_id: {} ({id}) has no active version", template.name)));
    }
    Ok(Done::new(format!("SendGrid knows the key, and has the template {}", template.name)))
}
