//! How calls go out and come back in Odoo's two languages.

use serde_json::{Map, Value, json};

use super::rpc_error::OdooError;
use super::{Dialect, NO_USER, Odoo, unreadable};
use crate::handler::{Answer, Failure};

/// What comes of asking Odoo for its version.
pub(super) enum Version {
    /// The first part of it: 19.
    Told(u32),
    /// It has no such page, as those before 19.
    NoPage,
    /// Something stands before it and answers this.
    Hidden(String),
}

/// A named argument of a method.
type Argument<'a> = (&'a str, Value);

impl Odoo {
    /// Calls `method` of `model` with `arguments`, in their order, and those that are only known by `named`.
    pub(super) async fn call(
        &self,
        model: &str,
        method: &str,
        arguments: &[Argument<'_>],
        named: &[Argument<'_>],
    ) -> Result<Value, Failure> {
        let what = format!("{model}.{method}");
        match self.dialect {
            Dialect::Json2 => {
                let members: Map<_, _> =
                    arguments.iter().chain(named).map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                let done = self.json2(model, method, &members).await;
                done.map_err(|rpc_error| rpc_error.explain(&what, &self.base, &self.credentials, true))
            }
            Dialect::JsonRpc { user } => {
                let told = &self.credentials;
                let arguments: Vec<_> = arguments.iter().map(|(_, value)| value).collect();
                let named: Map<_, _> = named.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                let arguments = json!([told.database, user, told.api_key, model, method, arguments, named]);
                self.rpc("object", "execute_kw", &arguments).await.map_err(|rpc_error| self.explain(rpc_error, &what))
            }
        }
    }

    /// Asks Odoo for its version on the page that it has since 19.
    pub(super) async fn ask_version(&self) -> Result<Version, Failure> {
        let answer = self.http.get(format!("{}/web/version", self.base)).send().await?;
        match answer.status() {
            200..=299 => Ok(match answer.json().ok().and_then(|told| major(&told["version_info"])) {
                Some(major) => Version::Told(major),
                None => Version::Hidden("something else than a version".to_owned()),
            }),
            408 | 429 | 500..=599 => {
                let failed =
                    |failure: Failure| failure.map_reason(|line| format!("Odoo did not tell its version: {line}"));
                answer.ok().map(|_| Version::NoPage).map_err(failed)
            }
            404 => Ok(Version::NoPage),
            status => Ok(Version::Hidden(status.to_string())),
        }
    }

    /// The same, from an Odoo that speaks JSON-RPC.
    pub(super) async fn version_by_rpc(&self) -> Result<Option<u32>, Failure> {
        let told = self.rpc("common", "version", &json!([])).await;
        Ok(major(&told.map_err(|rpc_error| self.explain(rpc_error, "common.version"))?["server_version_info"]))
    }

    /// The id of the user that the credentials are of. `hidden` is what came in place of its version.
    pub(super) async fn sign_in(&self, hidden: Option<&str>) -> Result<i64, Failure> {
        let told = &self.credentials;
        let missing = || match hidden {
            Some(answer) => Failure::discard(format!(
                "Odoo's version is not known, since {}/web/version answered {answer} (a proxy before it?): set config.protocol to json2 for Odoo 19 and later; for those before, credentials.username is missing",
                self.base
            )),
            None => Failure::discard(NO_USER),
        };
        let username = told.username.as_deref().filter(|name| !name.is_empty()).ok_or_else(missing)?;
        let arguments = json!([told.database, username, told.api_key, {}]);
        let user = self.rpc("common", "authenticate", &arguments).await;
        let user = user.map_err(|rpc_error| self.explain(rpc_error, "common.authenticate"))?;
        match user {
            Value::Bool(false) | Value::Null => Err(Failure::discard(format!(
                "credentials.username or credentials.api_key was refused by Odoo for the database {:?}",
                told.database
            ))),
            user => user.as_i64().ok_or_else(|| unreadable("common", "authenticate")),
        }
    }

    async fn json2(&self, model: &str, method: &str, members: &Map<String, Value>) -> Result<Value, OdooError> {
        let call = self.http.post(format!("{}/json/2/{model}/{method}", self.base));
        let call = call.header("Authorization", format!("bearer {}", self.credentials.api_key));
        let call = call.header("X-Odoo-Database", &self.credentials.database);
        let answer = call.json(members).send().await?;
        let body = answer.json();
        match (answer.status(), body) {
            (200..=299, Ok(result)) => Ok(result),
            (200..=299, Err(_)) => Err(OdooError::NoJson),
            // A limit or an overload is told by what stands before Odoo, in whatever form.
            (429 | 503, _) => Err(broken(answer)),
            (_, Ok(error)) if error["name"].is_string() => Err(OdooError::told(&error)),
            (404, _) => Err(OdooError::NoPage),
            _ => Err(broken(answer)),
        }
    }

    async fn rpc(&self, service: &str, method: &str, arguments: &Value) -> Result<Value, OdooError> {
        let params = json!({"service": service, "method": method, "args": arguments});
        let body = json!({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params});
        let answer = self.http.post(format!("{}/jsonrpc", self.base)).json(&body).send().await?;
        match answer.status() {
            200..=299 => {}
            404 => return Err(OdooError::NoPage),
            _ => return Err(broken(answer)),
        }
        let mut body = answer.json().map_err(|_| OdooError::NoJson)?;
        if body["error"].is_object() {
            return Err(OdooError::told(&body["error"]["data"]));
        }
        let result = body.get_mut("result").map(Value::take);
        // A method that returns nothing has no result.
        if result.is_none() && body["jsonrpc"].is_null() {
            Err(OdooError::NoJson)
        } else {
            Ok(result.unwrap_or_default())
        }
    }

    /// Why a call in JSON-RPC came to nothing.
    fn explain(&self, rpc_error: OdooError, what: &str) -> Failure {
        rpc_error.explain(what, &self.base, &self.credentials, false)
    }
}

/// What an answer without Odoo's own words means, by the common rule.
fn broken(answer: Answer) -> OdooError {
    match answer.ok() {
        Err(failure) => OdooError::Failed(failure.map_reason(|line| format!("Odoo answered {line}"))),
        Ok(_) => OdooError::NoJson,
    }
}

/// 18 of `[18, 0, 0, "final", 0, ""]`; those of odoo.com may say `saas~18`.
fn major(info: &Value) -> Option<u32> {
    match &info[0] {
        Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Value::String(text) => text.trim_start_matches(|c: char| !c.is_ascii_digit()).split('.').next()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_of_a_version_is_read() {
        for (told, expected) in [
            (json!([19, 0, 0, "final", 0, ""]), Some(19)),
            (json!(["saas~18", 3, 0, "final", 0, "e"]), Some(18)),
            (json!(["saas~18.4"]), Some(18)),
            (json!([]), None),
            (json!(null), None),
        ] {
            assert_eq!(major(&told), expected, "{told}");
        }
    }
}
