//! Which key Stripe is called with.

use std::fmt;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::handler::{Failure, SetupCheck};

/// Keys of a Stripe account. One is enough; with both, `mode` says which.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// Which of the two keys is used. Not needed where there is one alone.
    mode: Option<Mode>,
    /// The secret or restricted key for real money.
    #[schema(format = Password, example = "sk_live_…")]
    live_key: Option<String>,
    /// The secret or restricted key for trials.
    #[schema(format = Password, example = "sk_test_…")]
    test_key: Option<String>,
    /// The secret or restricted key, where only one is kept.
    #[schema(format = Password, example = "rk_live_…")]
    secret_key: Option<String>,
}

/// Whether it is about money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Real money.
    Live,
    /// A trial.
    Test,
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Live => "live",
            Self::Test => "test",
        })
    }
}

/// The key that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Where it stands in the credentials.
    pub name: &'static str,
    /// The key.
    pub value: String,
    /// What it is good for, as far as it says so.
    pub mode: Option<Mode>,
}

impl Credentials {
    /// Names what keeps a key from being used.
    pub fn check(&self, check: &mut SetupCheck<'_>) {
        if let Err(Wrong(name, why)) = self.meant() {
            check.credentials(name, &why);
        }
    }

    /// The key that is meant.
    ///
    /// Fails, before anything is sent, when there is none, when nobody says which, and when it is no key that can make
    /// anything.
    pub fn key(&self) -> Result<Key, Failure> {
        self.meant().map_err(|Wrong(name, why)| Failure::discard(format!("credentials.{name} {why}")))
    }

    fn meant(&self) -> Result<Key, Wrong> {
        let there = |name: &'static str, value: &Option<String>| {
            let value = value.as_deref().map(str::trim).filter(|value| !value.is_empty())?;
            Some((name, value.to_owned()))
        };
        let live = there("live_key", &self.live_key);
        let test = there("test_key", &self.test_key);
        let only = there("secret_key", &self.secret_key);
        let (name, value) = match (self.mode, live, test) {
            (Some(Mode::Live), live, _) => live.or(only).ok_or_else(|| missing("live_key"))?,
            (Some(Mode::Test), _, test) => test.or(only).ok_or_else(|| missing("test_key"))?,
            (None, Some(_), Some(_)) if only.is_none() => {
                return Err(Wrong("mode", "is missing: with live_key and test_key, say live or test".to_owned()));
            }
            (None, live, test) => only.or(live).or(test).ok_or_else(|| missing("secret_key"))?,
        };
        let key = Key { name, mode: mode_of(&value), value };
        key.check(self.mode.or(match name {
            "live_key" => Some(Mode::Live),
            "test_key" => Some(Mode::Test),
            _ => None,
        }))?;
        Ok(key)
    }
}

/// What is wrong with a member of the credentials.
struct Wrong(&'static str, String);

fn missing(name: &'static str) -> Wrong {
    Wrong(name, "is missing: a secret (sk_…) or restricted (rk_…) key of Stripe".to_owned())
}

fn mode_of(key: &str) -> Option<Mode> {
    match key.split('_').nth(1) {
        Some("live") => Some(Mode::Live),
        Some("test") => Some(Mode::Test),
        _ => None,
    }
}

impl Key {
    fn check(&self, wanted: Option<Mode>) -> Result<(), Wrong> {
        let name = self.name;
        let take = "take a secret (sk_…) or restricted (rk_…) one";
        let problem = match self.value.split('_').next() {
            Some("sk" | "rk") => None,
            Some("pk") => Some(format!("is a publishable key (pk_…), which can make nothing: {take}")),
            Some("whsec") => Some(format!("is the signing secret of a webhook: {take}")),
            _ => Some(format!("is no key of Stripe: {take}")),
        };
        let problem = problem.or_else(|| match (wanted, self.mode) {
            (Some(Mode::Live), Some(Mode::Test)) => Some("is a test key, but live is wanted".to_owned()),
            (Some(Mode::Test), Some(Mode::Live)) => Some("is a live key, but test is wanted".to_owned()),
            _ => None,
        });
        problem.map_or(Ok(()), |problem| Err(Wrong(name, problem)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn key(credentials: Value) -> Result<(&'static str, Option<Mode>), String> {
        let credentials: Credentials = serde_json::from_value(credentials).expect("credentials");
        credentials.key().map(|key| (key.name, key.mode)).map_err(|failure| failure.reason().to_owned())
    }

    #[test]
    fn the_key_that_is_meant_is_taken() {
        let (live, test) = ("sk_live_1", "rk_test_2");
        for (credentials, name, mode) in [
            (json!({"mode": "live", "live_key": live, "test_key": test}), "live_key", Some(Mode::Live)),
            (json!({"mode": "test", "live_key": live, "test_key": test}), "test_key", Some(Mode::Test)),
            (json!({"live_key": live, "test_key": ""}), "live_key", Some(Mode::Live)),
            (json!({"test_key": test, "webhook_secret": "whsec_1"}), "test_key", Some(Mode::Test)),
            (json!({"secret_key": " sk_old "}), "secret_key", None),
            (json!({"mode": "test", "secret_key": "sk_test_1"}), "secret_key", Some(Mode::Test)),
        ] {
            assert_eq!(key(credentials.clone()), Ok((name, mode)), "{credentials}");
        }
    }

    #[test]
    fn a_key_that_can_make_nothing_is_refused_with_the_way_out() {
        for (credentials, reason) in [
            (json!({}), "credentials.secret_key is missing"),
            (json!({"mode": "live", "test_key": "sk_test_1"}), "credentials.live_key is missing"),
            (json!({"live_key": "sk_live_1", "test_key": "sk_test_1"}), "credentials.mode is missing"),
            (json!({"secret_key": "pk_live_1"}), "credentials.secret_key is a publishable key (pk_…)"),
            (json!({"secret_key": "whsec_1"}), "credentials.secret_key is the signing secret of a webhook"),
            (json!({"secret_key": "hunter2"}), "credentials.secret_key is no key of Stripe"),
            (json!({"mode": "live", "live_key": "sk_test_1"}), "is a test key, but live is wanted"),
            (json!({"test_key": "sk_live_1"}), "credentials.test_key is a live key, but test is wanted"),
        ] {
            let refused = key(credentials.clone());
            assert!(refused.as_ref().is_err_and(|told| told.contains(reason)), "{credentials}: {refused:?}");
        }
    }
}
