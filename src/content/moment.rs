//! Moments as callers write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::clock::Millis;

/// Reads an ISO 8601 date and time, a date, or a count of milliseconds. Without a zone it is UTC; digits beyond the
/// millisecond are dropped. `None` for anything else, a 31st of February among it.
pub fn parse_moment(text: &str) -> Option<Millis> {
    let text = text.trim();
    let with_zone = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis());
    let minutes_only = || {
        let padded = format!("{}:00{}", text.get(..16)?, text.get(16..)?);
        DateTime::parse_from_rfc3339(&padded).ok().map(|time| time.timestamp_millis())
    };
    let without_zone = || {
        let read = |format| NaiveDateTime::parse_from_str(text, format).ok();
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
            .into_iter()
            .find_map(read)
            .map(|time| time.and_utc().timestamp_millis())
    };
    let date = || {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis())
    };
    let millis = || text.parse::<Millis>().ok().filter(|millis| DateTime::from_timestamp_millis(*millis).is_some());
    with_zone().or_else(minutes_only).or_else(without_zone).or_else(date).or_else(millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::iso;

    #[test]
    fn moments_are_read_in_every_usual_form() {
        for (text, read) in [
            ("2026-01-02T03:04:05.006Z", Some("2026-01-02T03:04:05.006Z")),
            ("2026-01-02T03:04:05Z", Some("2026-01-02T03:04:05.000Z")),
            ("2026-01-02T03:04:05+02:00", Some("2026-01-02T01:04:05.000Z")),
            ("2026-01-02T03:04:05", Some("2026-01-02T03:04:05.000Z")),
            ("2026-01-02T03:04:05.123456Z", Some("2026-01-02T03:04:05.123Z")),
            ("2026-01-02T03:04Z", Some("2026-01-02T03:04:00.000Z")),
            ("2026-01-02T03:04", Some("2026-01-02T03:04:00.000Z")),
            ("2026-01-02", Some("2026-01-02T00:00:00.000Z")),
            ("1767323045006", Some("2026-01-02T03:04:05.006Z")),
            ("2026-02-31T00:00:00.000Z", None),
            ("", None),
            ("nope", None),
            ("é026-01-02T03:04Z", None),
        ] {
            assert_eq!(parse_moment(text).map(iso).as_deref(), read, "{text}");
        }
    }
}
