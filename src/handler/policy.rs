//! How a record's runs are executed, where it differs from what its handler says.

use std::ops::RangeInclusive;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ConfigError, Schedule};
use crate::clock::Millis;
use crate::nesting;
use crate::suggest::suggest;
use crate::triggers::stock::DEFAULT_THRESHOLD;

/// The member of a config that is the runner's and not the handler's.
pub const MEMBER: &str = "policy";

/// `config.policy` of an extension record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ToSchema)]
pub struct Policy {
    /// Seconds that an attempt may take, from connecting to the end of the answer.
    #[schema(minimum = 1, maximum = 900)]
    pub timeout_s: Option<u32>,
    /// Attempts before a run is dead.
    #[schema(minimum = 1, maximum = 100)]
    pub max_attempts: Option<u32>,
    /// Attempts an hour of UTC that this record may have, within what its handler may have.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub rate_limit_per_hour: Option<u32>,
    /// What becomes of a run that comes when an hourly limit is used up: `defer` if it says nothing.
    #[schema(inline)]
    pub on_limit: Option<OnLimit>,
    /// Which of its runs must wait for each other: what suits its handler, if it says nothing.
    #[schema(inline)]
    pub ordering: Option<Ordering>,
    /// At which level and below a stock is low for this record: 5 if it says nothing.
    pub inventory_threshold: Option<u32>,
}

/// What becomes of a run that comes when an hourly limit is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnLimit {
    /// It waits for the next hour.
    Defer,
    /// It is not executed.
    Skip,
}

/// Which runs of a record must wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ordering {
    /// None: they are executed side by side.
    None,
    /// Those for the same target: each waits until the one before it has ended, in the order of their events.
    Target,
}

const TIMEOUT_S: RangeInclusive<u32> = 1..=900;
const MAX_ATTEMPTS: RangeInclusive<u32> = 1..=100;
const RATE_LIMIT: RangeInclusive<u32> = 1..=1_000_000;

impl Policy {
    /// The policy of a record with this config. A member that cannot be read counts as not there, a number out of range
    /// as the nearest that is in it; [`Policy::config_errors`] tells about both.
    pub fn of(config: &str) -> Self {
        // Most records have none; what they have is not parsed for it.
        if !config.contains(MEMBER) {
            return Self::default();
        }
        let config = nesting::read(config).unwrap_or_default();
        Self::read(config.get(MEMBER), &mut Vec::new())
    }

    /// What is wrong with the policy in `config` at `now`: where, below the config, and why.
    pub fn config_errors(config: &Value, now: Millis) -> Vec<ConfigError> {
        let mut config_errors = Vec::new();
        Self::read(config.get(MEMBER), &mut config_errors);
        if let Some(Value::Object(members)) = config.get(MEMBER) {
            Reader { members, config_errors: &mut config_errors }.check_schedule(now);
        }
        config_errors
    }

    fn read(policy: Option<&Value>, config_errors: &mut Vec<ConfigError>) -> Self {
        let mut reader = match policy {
            None | Some(Value::Null) => return Self::default(),
            Some(Value::Object(members)) => Reader { members, config_errors },
            Some(_) => {
                config_errors
                    .push(ConfigError { path: MEMBER.to_owned(), message: "the policy must be an object".to_owned() });
                return Self::default();
            }
        };
        reader.name_unknown();
        Self {
            timeout_s: reader.number("timeout_s", &TIMEOUT_S),
            max_attempts: reader.number("max_attempts", &MAX_ATTEMPTS),
            rate_limit_per_hour: reader.number("rate_limit_per_hour", &RATE_LIMIT),
            on_limit: reader.member("on_limit", "defer or skip"),
            ordering: reader.member("ordering", "none or target"),
            inventory_threshold: reader.number("inventory_threshold", &(0..=u32::MAX)),
        }
    }

    /// At which level and below a stock is low for a record with this config.
    pub fn threshold_of(config: Option<&str>) -> i64 {
        config.and_then(|config| Self::of(config).inventory_threshold).map_or(DEFAULT_THRESHOLD, i64::from)
    }

    /// The schedule of a record with this config; `None` when there is none, or none that can be read: then
    /// [`Policy::config_errors`] says why.
    pub fn schedule_of(config: &Value) -> Option<Schedule> {
        Schedule::parse(config.get(MEMBER)?.get("schedule")?.as_str()?).ok()
    }
}

/// The members that a policy may have. `schedule` is read by [`Policy::schedule_of`].
const KNOWN: [&str; 7] =
    ["timeout_s", "max_attempts", "rate_limit_per_hour", "on_limit", "ordering", "inventory_threshold", "schedule"];

/// Reads the members of a policy one by one, so that a wrong one spoils no other.
struct Reader<'a> {
    members: &'a Map<String, Value>,
    config_errors: &'a mut Vec<ConfigError>,
}

impl Reader<'_> {
    fn name_unknown(&mut self) {
        for name in self.members.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
            let near = suggest(name, KNOWN);
            let near = if near.is_empty() { KNOWN.to_vec() } else { near };
            self.config_errors.push(config_error(name, format!("is not known; did you mean {}?", near.join(" or "))));
        }
    }

    fn check_schedule(&mut self, now: Millis) {
        let Some(text) = self.member::<String>("schedule", "a cron expression") else { return };
        let comes = |schedule: Schedule| {
            schedule.next_after(now).ok_or_else(|| "no moment that it names comes within four years".to_owned())
        };
        if let Err(problem) = Schedule::parse(&text).and_then(comes) {
            let message = format!("must be a cron expression of five parts, in UTC: {problem}; it counts as not set");
            self.config_errors.push(config_error("schedule", message));
        }
    }

    fn member<T: DeserializeOwned>(&mut self, name: &str, wanted: &str) -> Option<T> {
        let value = self.members.get(name).filter(|value| !value.is_null())?;
        let read = serde_json::from_value(value.clone()).ok();
        if read.is_none() {
            self.config_errors.push(config_error(name, format!("must be {wanted}, not {value}; it counts as not set")));
        }
        read
    }

    fn number(&mut self, name: &str, range: &RangeInclusive<u32>) -> Option<u32> {
        let (from, to) = (*range.start(), *range.end());
        let wanted = format!("a whole number from {from} to {to}");
        let number: i64 = self.member(name, &wanted)?;
        let suggest = u32::try_from(number.clamp(from.into(), to.into())).unwrap_or(from);
        if i64::from(suggest) != number {
            self.config_errors
                .push(config_error(name, format!("must be {wanted}, not {number}; it counts as {suggest}")));
        }
        Some(suggest)
    }
}

fn config_error(name: &str, message: String) -> ConfigError {
    ConfigError { path: format!("{MEMBER}.{name}"), message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_read_from_the_config() {
        let policy = |timeout_s, max_attempts| Policy { timeout_s, max_attempts, ..Policy::default() };
        let ordered = |policy| Policy { ordering: Some(Ordering::Target), ..policy };
        for (config, read) in [
            ("{}", policy(None, None)),
            (r#"{"policy": {}}"#, policy(None, None)),
            (r#"{"policy": {"timeout_s": 3, "ordering": "target"}, "x": 1}"#, ordered(policy(Some(3), None))),
            (r#"{"policy": {"timeout_s": 0, "max_attempts": 1000}}"#, policy(Some(1), Some(100))),
            (r#"{"policy": {"timeout_s": "3", "ordering": "target"}}"#, ordered(policy(None, None))),
            (r#"{"policy": {"timeout_s": 3.5, "max_attempts": null}}"#, policy(None, None)),
            (r#"{"policy": ["timeout_s"]}"#, policy(None, None)),
            (r#"{"note": "no policy here"}"#, policy(None, None)),
            (
                r#"{"policy": {"rate_limit_per_hour": 60, "on_limit": "skip", "ordering": "store"}}"#,
                Policy { rate_limit_per_hour: Some(60), on_limit: Some(OnLimit::Skip), ..Policy::default() },
            ),
        ] {
            assert_eq!(Policy::of(config), read, "{config}");
        }
        assert_eq!(Policy::threshold_of(Some(r#"{"policy": {"inventory_threshold": 20}}"#)), 20);
        assert_eq!([Policy::threshold_of(Some("{}")), Policy::threshold_of(None)], [5, 5]);
    }

    #[test]
    fn what_is_wrong_with_a_policy_is_told_with_its_place() {
        const NOW: Millis = 1_795_255_200_000;
        let told = |policy| -> Vec<_> {
            Policy::config_errors(&json!({ "policy": policy }), NOW)
                .into_iter()
                .map(|one| (one.path, one.message))
                .collect()
        };
        for right in [json!(null), json!({}), json!({"timeout_s": 900, "on_limit": "defer", "schedule": "0 * * * *"})] {
            assert_eq!(told(right.clone()), [], "{right}");
        }
        for (policy, path, part) in [
            (json!(5), "policy", "must be an object"),
            (json!({"timeout_s": 901}), "policy.timeout_s", "from 1 to 900, not 901; it counts as 900"),
            (json!({"max_attempts": "3"}), "policy.max_attempts", r#"not "3"; it counts as not set"#),
            (json!({"rate_limit_per_hour": 0}), "policy.rate_limit_per_hour", "it counts as 1"),
            (json!({"on_limit": "drop"}), "policy.on_limit", "defer or skip"),
            (json!({"ordering": true}), "policy.ordering", "none or target"),
            (json!({"order": "target"}), "policy.order", "ordering"),
            (json!({"max_atempts": 3}), "policy.max_atempts", "did you mean max_attempts?"),
            (json!({"schedule": "61 * * * *"}), "policy.schedule", "it counts as not set"),
            (json!({"schedule": "0 0 29 2 +1#1"}), "policy.schedule", "within four years"),
            (json!({"schedule": "1,".repeat(200)}), "policy.schedule", "may have 256"),
        ] {
            let told = told(policy.clone());
            assert!(matches!(&told[..], [(at, why)] if at == path && why.contains(part)), "{policy}: {told:?}");
        }
    }
}
