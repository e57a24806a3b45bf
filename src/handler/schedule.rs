//! When a record runs by itself.

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};
use croner::parser::{CronParser, Seconds, Year};
use croner::{Cron, Weekday};

use crate::clock::{MINUTE, Millis};

/// The most bytes that an expression may have.
const LONGEST: usize = 256;
/// How many days are looked at for the next moment: four years, so that 29 February is found.
const DAYS: usize = 4 * 366;

/// A cron expression in UTC: minute, hour, day of the month, month, day of the week (POSIX, with names of months and
/// days, `L`, `W`, `#`, `+` and the likes of `@daily`).
#[derive(Debug, Clone)]
pub struct Schedule(Cron);

impl Schedule {
    /// Reads a cron expression of at most 256 bytes; the error says what is wrong with it. Whether it names a moment that
    /// comes is for [`Schedule::next_after`] to say.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("it has {} bytes, and may have {LONGEST}", text.len()));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        parser.parse(text).map(Self).map_err(|error| error.to_string())
    }

    /// The first moment after `now` that it names; `None` when none comes within four years. The search is bounded by that:
    /// croner's own goes on to the year 5000.
    pub fn next_after(&self, now: Millis) -> Option<Millis> {
        let first = DateTime::<Utc>::from_timestamp_millis(now - now.rem_euclid(MINUTE) + MINUTE)?;
        let days = first.date_naive().iter_days().take(DAYS);
        days.filter(|day| self.names_day(*day)).find_map(|day| {
            let from = if day == first.date_naive() { (first.hour(), first.minute()) } else { (0, 0) };
            let (hour, minute) = self.first_time(from)?;
            Some(day.and_hms_opt(hour, minute, 0)?.and_utc().timestamp_millis())
        })
    }

    fn names_day(&self, day: NaiveDate) -> bool {
        let (pattern, weekday) =
            (&self.0.pattern, Weekday::from_days_from_sunday(day.weekday().num_days_from_sunday()));
        // They fail for days that no calendar has.
        pattern.month_match(day.month()).unwrap_or(false)
            && pattern.day_match(day.year(), day.month(), day.day(), weekday).unwrap_or(false)
    }

    /// The first hour and minute of a day that it names, not before `from`.
    fn first_time(&self, from: (u32, u32)) -> Option<(u32, u32)> {
        let pattern = &self.0.pattern;
        let hours = (from.0..24).filter(|hour| pattern.hour_match(*hour).unwrap_or(false));
        hours
            .flat_map(|hour| (0..60).map(move |minute| (hour, minute)))
            .find(|time| *time >= from && pattern.minute_match(time.1).unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::iso;

    fn millis(text: &str) -> Millis {
        let Ok(moment) = text.parse::<DateTime<Utc>>() else { panic!("{text}") };
        moment.timestamp_millis()
    }

    fn schedule(text: &str) -> Schedule {
        Schedule::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"))
    }

    #[test]
    fn an_expression_names_moments_in_utc() {
        for (text, now, next) in [
            ("*/5 * * * *", "2026-11-22T10:00:00.000Z", "2026-11-22T10:05:00.000Z"),
            ("*/5 * * * *", "2026-11-22T10:04:59.999Z", "2026-11-22T10:05:00.000Z"),
            ("7 9-17 * * *", "2026-11-22T10:07:00.000Z", "2026-11-22T11:07:00.000Z"),
            ("0 9 * * mon", "2026-11-22T10:00:00.000Z", "2026-11-23T09:00:00.000Z"),
            ("@daily", "2026-12-31T23:59:00.000Z", "2027-01-01T00:00:00.000Z"),
            ("0 0 L 2 *", "2026-11-22T10:00:00.000Z", "2027-02-28T00:00:00.000Z"),
            ("0 0 15W * *", "2026-11-22T10:00:00.000Z", "2026-12-15T00:00:00.000Z"),
            ("0 0 * * fri#2", "2026-11-22T10:00:00.000Z", "2026-12-11T00:00:00.000Z"),
            ("0 0 13 * +fri", "2026-11-22T10:00:00.000Z", "2027-08-13T00:00:00.000Z"),
            ("30 2 29 2 *", "2026-11-22T10:00:00.000Z", "2028-02-29T02:30:00.000Z"),
            ("30 2 29 2 *", "2024-02-29T02:30:00.000Z", "2028-02-29T02:30:00.000Z"),
            // Nothing is skipped or doubled where others change their clocks.
            ("30 2 * * *", "2027-03-28T02:00:00.000Z", "2027-03-28T02:30:00.000Z"),
        ] {
            assert_eq!(schedule(text).next_after(millis(now)).map(iso).as_deref(), Some(next), "{text}");
        }
    }

    #[test]
    fn the_moments_are_those_that_croner_finds() {
        let now = DateTime::<Utc>::from_timestamp_millis(millis("2026-11-22T10:00:30.000Z")).expect("a moment");
        for text in
            ["* * * * *", "*/7 3,9 * * *", "0 0 1-7 * +mon", "5 4 31 * *", "0 12 LW * *", "0 0 * 2 sun#L", "@yearly"]
        {
            let (mut at, mut expected) = (now, now);
            for _ in 0..50 {
                expected = schedule(text).0.find_next_occurrence(&expected, false).expect("a moment");
                at = schedule(text)
                    .next_after(at.timestamp_millis())
                    .and_then(DateTime::from_timestamp_millis)
                    .expect(text);
                assert_eq!(at, expected, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_schedule_is_told_apart() {
        let long = format!("{} * * * *", "1,".repeat(200));
        for text in ["", "often", "* * * *", "* * * * * *", "61 * * * *", &long] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_does_not_come_within_four_years_is_not_searched_for_longer() {
        for text in ["0 0 30 2 *", "0 0 29 2 +1#1", "0 0 31 4,6,9,11 *", "0 0 1 1 +1#5"] {
            let begun = std::time::Instant::now();
            for _ in 0..100 {
                assert_eq!(schedule(text).next_after(millis("2026-11-22T10:00:00.000Z")), None, "{text}");
            }
            // A search that ends with the year 5000 takes a hundred times as long as this.
            assert!(begun.elapsed().as_secs() < 20, "{text}: {:?} for 100", begun.elapsed());
        }
    }
}
