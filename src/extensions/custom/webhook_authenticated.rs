//! `custom:webhook-authenticated`: POST of the event to a url that asks who is there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderName;
use serde::Deserialize;
use serde_json::json;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::handler::{Answer, Call, Context, Descriptor, Done, Empty, Failure, Handler, Outcome};
use crate::services::form::optional;
use crate::services::oauth::{Client, Tokens};
use crate::services::webhook::{self, SignatureHeader, Signing, free_header};

/// The handler, with the tokens that its runs share.
#[derive(Default)]
pub struct WebhookAuthenticated {
    tokens: Tokens,
}

/// How we say who we are, and how the receiver can tell that a body is ours.
#[derive(Deserialize)]
#[serde(try_from = "Fields")]
pub struct Credentials {
    identity: Identity,
    signing: Signing,
}

/// How we say who we are.
enum Identity {
    /// A header with a value that never changes.
    Header(HeaderName, String),
    /// A token that is asked for when it is needed.
    OAuth(Client),
}

/// The credentials as a form has them.
#[derive(Deserialize, ToSchema)]
struct Fields {
    #[serde(rename = "type")]
    kind: Kind,
    /// For bearer: the token.
    #[schema(format = Password)]
    token: Option<String>,
    /// For basic: the user.
    username: Option<String>,
    /// For basic: the password.
    #[schema(format = Password)]
    password: Option<String>,
    /// For header: the header's name, such as X-Api-Key.
    #[schema(example = "X-Api-Key")]
    header: Option<String>,
    /// For header: the header's value.
    #[schema(format = Password)]
    value: Option<String>,
    /// For oauth2: where tokens are handed out.
    #[schema(format = "uri", example = "https://login.example/oauth/token")]
    token_url: Option<String>,
    /// For oauth2: the client's id.
    client_id: Option<String>,
    /// For oauth2: the client's secret.
    #[schema(format = Password)]
    client_secret: Option<String>,
    client_auth: Option<ClientAuth>,
    /// For oauth2: the scopes to ask for, with spaces between them.
    scope: Option<String>,
    /// For oauth2: whom the token is for, where the endpoint wants to know, as Auth0 does.
    audience: Option<String>,
    /// What bodies are signed with: whsec_ and base64 for Standard Webhooks, or any text.
    #[schema(format = Password)]
    secret: Option<String>,
    /// Sends a hexadecimal HMAC of the body too: sha1, sha256, sha384 or sha512.
    algorithm: Option<String>,
    /// The header of the hexadecimal HMAC; X-Webhook-Signature if not set.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>)]
    header_name: Option<SignatureHeader>,
}

/// How the receiver wants to know who is there: by a token (bearer), a user and a password (basic), a header of its own
/// (header), or a token from an OAuth 2.0 token endpoint (oauth2).
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Bearer,
    Basic,
    Header,
    OAuth2,
}

/// For oauth2: whether id and secret go in the header Authorization (basic, as if not set) or in the body.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ClientAuth {
    Basic,
    Body,
}

impl TryFrom<Fields> for Credentials {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let need = |member: &Option<String>, name: &str, kind: &str| {
            let given = member.clone().filter(|text| !text.is_empty());
            given.ok_or_else(|| format!("{name} is missing: the type {kind} needs it"))
        };
        let authorization = |value| Identity::Header(reqwest::header::AUTHORIZATION, value);
        let identity = match fields.kind {
            Kind::Bearer => authorization(format!("Bearer {}", need(&fields.token, "token", "bearer")?)),
            Kind::Basic => {
                let user = need(&fields.username, "username", "basic")?;
                if user.contains(':') {
                    return Err("username must not hold a colon: it would end there".into());
                }
                let pair = format!("{user}:{}", fields.password.as_deref().unwrap_or_default());
                authorization(format!("Basic {}", STANDARD.encode(pair)))
            }
            Kind::Header => {
                let name = need(&fields.header, "header", "header")?;
                let header = free_header(&name).map_err(|why| format!("header: {why}"))?;
                Identity::Header(header, need(&fields.value, "value", "header")?)
            }
            Kind::OAuth2 => Identity::OAuth(Client {
                token_url: need(&fields.token_url, "token_url", "oauth2")?,
                id: need(&fields.client_id, "client_id", "oauth2")?,
                secret: need(&fields.client_secret, "client_secret", "oauth2")?,
                in_body: fields.client_auth == Some(ClientAuth::Body),
                scope: fields.scope.filter(|scope| !scope.is_empty()),
                audience: fields.audience.filter(|audience| !audience.is_empty()),
            }),
        };
        let Fields { secret, algorithm, header_name, .. } = fields;
        Ok(Self { identity, signing: Signing { secret, algorithm, header_name } })
    }
}

impl PartialSchema for Credentials {
    fn schema() -> RefOr<Schema> {
        Fields::schema()
    }
}

impl ToSchema for Credentials {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Fields::schemas(schemas);
    }
}

impl Handler for WebhookAuthenticated {
    type Config = Empty;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "custom:webhook-authenticated",
            aliases: &["custom:webhook:authenticated"],
            name: "Webhook with sign-in",
            description: "Sends each event to a url that asks for a token, a password, a header or OAuth 2.0.",
            category: "webhooks",
            icon: ICON,
            needs_url: true,
            rate_limit_per_hour: None,
            has_test: true,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let answer = match &context.credentials.identity {
            Identity::Header(name, value) => post(&context)?.secret_header(name.as_str(), value).send().await?,
            Identity::OAuth(client) => self.post_with_token(&context, client).await?,
        };
        if answer.status() == 401 {
            return Err(Failure::discard(refused(&context.credentials.identity, &answer)));
        }
        Ok(Done::new(answer.ok()?.line()))
    }

    /// Only a token endpoint can be asked without doing anything.
    async fn test(&self, context: Context<Self>) -> Outcome {
        let Identity::OAuth(client) = &context.credentials.identity else {
            return Err(Failure::discard(
                "nothing can be asked of the receiver without sending it something: try the record with a sample",
            ));
        };
        let token = client.ask(&context.http, &*context.clock).await?;
        let valid = token.expires_in.map_or(String::new(), |seconds| format!(", valid for {seconds} s"));
        Ok(Done::new(format!("the token endpoint handed out a token{valid}"))
            .with_data(json!({"expiresIn": token.expires_in})))
    }
}

impl WebhookAuthenticated {
    /// Sends the event with the token that is at hand, and once more with a new one where that is refused: it may have
    /// been taken back before its time.
    async fn post_with_token(&self, context: &Context<Self>, client: &Client) -> Result<Answer, Failure> {
        let token = self.tokens.get(client, &context.http, &*context.clock).await?;
        let answer = token.put_on(post(context)?).send().await?;
        if answer.status() != 401 {
            return Ok(answer);
        }
        self.tokens.forget(client, &token).await;
        let token = self.tokens.get(client, &context.http, &*context.clock).await?;
        token.put_on(post(context)?).send().await
    }
}

fn post(context: &Context<WebhookAuthenticated>) -> Result<Call, Failure> {
    webhook::post(context, &context.credentials.signing, &*context.event)
}

fn refused(identity: &Identity, answer: &Answer) -> String {
    let what = match identity {
        Identity::OAuth(_) => {
            "a token that was handed out just now was refused by the receiver: is it meant for it \
                               (credentials.audience, credentials.scope)?"
        }
        Identity::Header(..) => "the credentials were refused by the receiver",
    };
    format!("{what} ({})", answer.line())
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><circle cx="7" cy="16" r="4"/><path d="M10 13 20 3M16 7l3 3M13 10l2 2"/></svg>"#;
