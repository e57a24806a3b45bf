//! When a record runs by itself.

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use serde::Deserialize;
use serde_json::Value;

use crate::clock::Millis;

/// A cron expression in UTC: minute, hour, day of the month, month, day of the week (POSIX, with names of months and
/// days, `L`, `W`, `#` and the likes of `@daily`).
#[derive(Debug, Clone)]
pub struct Schedule(Cron);

impl Schedule {
    /// Reads a cron expression; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let schedule = parser.parse(text).map(Self).map_err(|error| error.to_string())?;
        // One that never comes, such as 30 February, is a mistake too.
        schedule.next_after(0).map(|_| schedule).ok_or_else(|| "no such moment ever comes".to_owned())
    }

    /// The schedule in `policy` of a record's config; `None` when there is none, or none that can be read: whoever
    /// stores a config is told of that.
    pub fn of(config: &Value) -> Option<Self> {
        let text = config.get(super::policy::MEMBER)?.get("schedule")?;
        Self::parse(&String::deserialize(text).ok()?).ok()
    }

    /// The first moment after `now` that it names.
    pub fn next_after(&self, now: Millis) -> Option<Millis> {
        let now = DateTime::<Utc>::from_timestamp_millis(now)?;
        self.0.find_next_occurrence(&now, false).ok().map(|next| next.timestamp_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::iso;

    #[test]
    fn an_expression_names_moments_in_utc() {
        for (text, now, next) in [
            ("*/5 * * * *", "2026-11-22T10:00:00.000Z", "2026-11-22T10:05:00.000Z"),
            ("*/5 * * * *", "2026-11-22T10:04:59.999Z", "2026-11-22T10:05:00.000Z"),
            ("0 9 * * mon", "2026-11-22T10:00:00.000Z", "2026-11-23T09:00:00.000Z"),
            ("@daily", "2026-12-31T23:59:00.000Z", "2027-01-01T00:00:00.000Z"),
            ("0 0 L 2 *", "2026-11-22T10:00:00.000Z", "2027-02-28T00:00:00.000Z"),
            ("30 2 29 2 *", "2026-11-22T10:00:00.000Z", "2028-02-29T02:30:00.000Z"),
            // Nothing is skipped or doubled where others change their clocks.
            ("30 2 * * *", "2027-03-28T02:00:00.000Z", "2027-03-28T02:30:00.000Z"),
        ] {
            let schedule = Schedule::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
            let Ok(now) = now.parse::<DateTime<Utc>>() else { panic!("{now}") };
            let now = now.timestamp_millis();
            assert_eq!(schedule.next_after(now).map(iso).as_deref(), Some(next), "{text}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_told_apart() {
        for text in ["", "often", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *"] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }
}
