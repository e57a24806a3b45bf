//! `custom:webhook-authenticated`: POST of the event to a url that asks who is there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::handler::{Answer, Call, Context, Descriptor, Done, Empty, Failure, Handler, Outcome, SetupCheck};
use crate::services::form::optional;
use crate::services::oauth::{Client, Tokens};
use crate::services::webhook::{self, Encoding, SignatureHeader, Signing, free_header};

/// The handler, with the tokens that its runs share.
#[derive(Default)]
pub struct WebhookAuthenticated {
    tokens: Tokens,
}

/// How we say who we are.
enum Identity {
    /// A header with a value that never changes.
    Header(HeaderName, String),
    /// A token that is asked for when it is needed.
    OAuth(Client),
}

/// How we say who we are, and how the receiver can tell that a body is ours.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
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
    /// Sends an HMAC of the body too: sha1, sha256, sha384 or sha512.
    algorithm: Option<String>,
    /// The header of that HMAC; X-Webhook-Signature if not set.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>)]
    header_name: Option<SignatureHeader>,
    /// How that HMAC is written: hex or base64. If not set, base64 for X-Shopify-Hmac-Sha256 and X-WC-Webhook-Signature,
    /// hex for any other header.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>)]
    encoding: Option<Encoding>,
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

/// What is wrong with credentials: where, and why.
type Wrong = Vec<(&'static str, String)>;

impl Credentials {
    /// How we say who we are, or all that is missing for it.
    fn identity(&self) -> Result<Identity, Wrong> {
        let mut wrong = Wrong::new();
        let identity = match self.kind {
            Kind::Bearer => {
                let token = need(&mut wrong, &self.token, ("token", "bearer"));
                authorization(&mut wrong, "token", format!("Bearer {token}"))
            }
            Kind::Basic => {
                let user = need(&mut wrong, &self.username, ("username", "basic"));
                if user.contains(':') {
                    wrong.push(("username", "must not hold a colon: it would end there".to_owned()));
                }
                let pair = format!("{user}:{}", self.password.as_deref().unwrap_or_default());
                authorization(&mut wrong, "password", format!("Basic {}", STANDARD.encode(pair)))
            }
            Kind::Header => {
                let name = need(&mut wrong, &self.header, ("header", "header"));
                let value = need(&mut wrong, &self.value, ("value", "header"));
                check_value(&mut wrong, "value", &value);
                let header = free_header(&name).unwrap_or_else(|why| {
                    wrong.extend((!name.is_empty()).then_some(("header", why)));
                    AUTHORIZATION
                });
                Identity::Header(header, value)
            }
            Kind::OAuth2 => Identity::OAuth(Client {
                token_url: need(&mut wrong, &self.token_url, ("token_url", "oauth2")),
                id: need(&mut wrong, &self.client_id, ("client_id", "oauth2")),
                secret: need(&mut wrong, &self.client_secret, ("client_secret", "oauth2")),
                in_body: self.client_auth == Some(ClientAuth::Body),
                scope: self.scope.clone().filter(|scope| !scope.is_empty()),
                audience: self.audience.clone().filter(|audience| !audience.is_empty()),
            }),
        };
        if wrong.is_empty() { Ok(identity) } else { Err(wrong) }
    }

    fn signing(&self) -> Signing {
        let Self { secret, algorithm, header_name, encoding, .. } = self;
        let (secret, algorithm) = (secret.clone(), algorithm.clone());
        Signing { secret, algorithm, header_name: header_name.clone(), encoding: *encoding }
    }
}

/// The member, which this type of credentials needs.
fn need(wrong: &mut Wrong, member: &Option<String>, (name, kind): (&'static str, &str)) -> String {
    let given = member.as_deref().map(str::trim).unwrap_or_default();
    if given.is_empty() {
        wrong.push((name, format!("is missing: the type {kind} needs it")));
    }
    given.to_owned()
}

fn authorization(wrong: &mut Wrong, name: &'static str, value: String) -> Identity {
    check_value(wrong, name, &value);
    Identity::Header(AUTHORIZATION, value)
}

fn check_value(wrong: &mut Wrong, name: &'static str, value: &str) {
    if HeaderValue::from_str(value).is_err() {
        wrong.push((name, "has letters that cannot be sent, such as a line break".to_owned()));
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

    fn check(&self, _: &Empty, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        for (name, why) in credentials.identity().err().into_iter().flatten() {
            check.credentials(name, &why);
        }
        if matches!(credentials.kind, Kind::OAuth2) {
            check.credentials_url("token_url", credentials.token_url.as_deref());
        }
        credentials.signing().check(check);
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let identity = context.credentials.identity().map_err(failure)?;
        let answer = match &identity {
            Identity::Header(name, value) => post(&context)?.secret_header(name.as_str(), value).send().await?,
            Identity::OAuth(client) => self.post_with_token(&context, client).await?,
        };
        if answer.status() == 401 {
            return Err(Failure::discard(refused(&identity, &answer)));
        }
        Ok(Done::new(answer.ok()?.line()))
    }

    /// Only a token endpoint can be asked without doing anything.
    async fn test(&self, context: Context<Self>) -> Outcome {
        let Identity::OAuth(client) = context.credentials.identity().map_err(failure)? else {
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
    webhook::post(context, &context.credentials.signing(), &*context.event)
}

fn failure(wrong: Wrong) -> Failure {
    let wrong = wrong.into_iter().map(|(name, why)| format!("credentials.{name} {why}"));
    Failure::discard(wrong.collect::<Vec<_>>().join("; "))
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
