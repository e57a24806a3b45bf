//! How a record's runs are executed, where it differs from what its handler says.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Misfit;
use crate::nearest::nearest;
use crate::triggers::stock::DEFAULT_THRESHOLD;

/// The member of a config that is the runner's and not the handler's.
pub const MEMBER: &str = "policy";

/// What a policy may hold.
const MEMBERS: [&str; 7] =
    ["timeout_s", "max_attempts", "rate_limit_per_hour", "on_limit", "ordering", "schedule", "inventory_threshold"];

/// `config.policy` of an extension record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(default)]
pub struct Policy {
    /// Seconds that an attempt may take, from connecting to the end of the answer.
    #[schema(minimum = 1, maximum = 900)]
    pub timeout_s: Option<u32>,
    /// Attempts before a run is dead.
    #[schema(minimum = 1, maximum = 100)]
    pub max_attempts: Option<u32>,
    /// At which level and below a stock is low for this record: 5 if it says nothing.
    pub inventory_threshold: Option<u32>,
}

impl Policy {
    /// The policy of a record with this config; numbers out of range come to the nearest that is in it.
    ///
    /// Empty when there is none or it cannot be read: the handler's config check tells about that.
    pub fn of(config: &str) -> Self {
        #[derive(Deserialize)]
        struct Config {
            #[serde(default)]
            policy: Policy,
        }
        // Most records have none; what they have is not parsed for it.
        if !config.contains(MEMBER) {
            return Self::default();
        }
        let policy = serde_json::from_str::<Config>(config).map(|config| config.policy).unwrap_or_default();
        Self {
            timeout_s: policy.timeout_s.map(|seconds| seconds.clamp(1, 900)),
            max_attempts: policy.max_attempts.map(|attempts| attempts.clamp(1, 100)),
            inventory_threshold: policy.inventory_threshold,
        }
    }

    /// Whether the policy in this config can be read as it is meant, or where in it not and why: [`Policy::of`] makes do
    /// with what it can read.
    pub fn check(config: &Value) -> Result<(), Misfit> {
        let Some(policy) = config.get(MEMBER) else { return Ok(()) };
        let refused = |path: String, message: String| {
            let dot = if path.is_empty() { "" } else { "." };
            Misfit { path: format!("{MEMBER}{dot}{path}"), message }
        };
        let Some(members) = policy.as_object() else {
            return Err(refused(String::new(), "must be an object".into()));
        };
        if let Some(unknown) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            let near = nearest(unknown, MEMBERS);
            let near = if near.is_empty() { MEMBERS.to_vec() } else { near };
            return Err(refused(unknown.clone(), format!("is not known; did you mean {}?", near.join(" or "))));
        }
        let read: Self = serde_path_to_error::deserialize(policy)
            .map_err(|error| refused(error.path().to_string(), error.inner().to_string()))?;
        for (name, value, most) in [("timeout_s", read.timeout_s, 900), ("max_attempts", read.max_attempts, 100)] {
            if value.is_some_and(|value| !(1..=most).contains(&value)) {
                return Err(refused(name.to_owned(), format!("must be from 1 to {most}")));
            }
        }
        Ok(())
    }

    /// At which level and below a stock is low for a record with this config.
    pub fn threshold_of(config: Option<&str>) -> i64 {
        config.and_then(|config| Self::of(config).inventory_threshold).map_or(DEFAULT_THRESHOLD, i64::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_read_from_the_config() {
        let policy = |timeout_s, max_attempts| Policy { timeout_s, max_attempts, inventory_threshold: None };
        for (config, read) in [
            ("{}", policy(None, None)),
            (r#"{"policy": {}}"#, policy(None, None)),
            (r#"{"policy": {"timeout_s": 3, "ordering": "target"}, "x": 1}"#, policy(Some(3), None)),
            (r#"{"policy": {"timeout_s": 0, "max_attempts": 1000}}"#, policy(Some(1), Some(100))),
            (r#"{"policy": {"timeout_s": "3"}}"#, policy(None, None)),
            (r#"{"note": "no policy here"}"#, policy(None, None)),
        ] {
            assert_eq!(Policy::of(config), read, "{config}");
        }
        assert_eq!(Policy::threshold_of(Some(r#"{"policy": {"inventory_threshold": 20}}"#)), 20);
        assert_eq!([Policy::threshold_of(Some("{}")), Policy::threshold_of(None)], [5, 5]);
    }

    #[test]
    fn a_policy_that_is_not_meant_as_it_would_be_read_is_told_by_its_path() {
        for (policy, path) in [
            (json!({"timeout_s": 900, "max_attempts": 1, "inventory_threshold": 0}), None),
            (json!([]), Some("policy")),
            (json!({"timeout": 3}), Some("policy.timeout")),
            (json!({"timeout_s": "3"}), Some("policy.timeout_s")),
            (json!({"timeout_s": 0}), Some("policy.timeout_s")),
            (json!({"max_attempts": 101}), Some("policy.max_attempts")),
        ] {
            let checked = Policy::check(&json!({ "policy": policy }));
            assert_eq!(checked.as_ref().err().map(|misfit| misfit.path.as_str()), path, "{policy}: {checked:?}");
        }
        let Err(misfit) = Policy::check(&json!({"policy": {"max_atempts": 3}})) else { panic!("is refused") };
        assert_eq!(misfit.message, "is not known; did you mean max_attempts?");
    }
}
