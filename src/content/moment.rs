//! Moments as callers write them: ISO 8601 in the forms that date-fns' `parseISO` takes for Strapi, then a count of
//! milliseconds.

use chrono::{DateTime, Days, NaiveDate, Weekday};

use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND};

/// Reads a date with or without a time, or a count of milliseconds since 1970.
///
/// ISO 8601 comes first, so that `2027` is a year and `20260102` a day: `2026`, `2026-01`, `2026-01-02`, `20260102`, the
/// days of a year `2026-032` and of a week `2026-W05-1`, a century `20`, years of six digits with a sign; then, behind
/// `T` or a space, `24:00`, `0304`, `03:04:05.006`, and a zone `Z`, `+02`, `+0200` or `+02:00`. Without a zone it is UTC;
/// digits beyond the millisecond are dropped.
///
/// `None` for anything else: a 31st of February, a zone that cannot be read, a moment beyond the calendar.
pub fn parse_moment(text: &str) -> Option<Millis> {
    let text = text.trim();
    let is_count = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
    let count = || text.parse::<Millis>().ok().filter(|_| is_count);
    parse_iso(text).or_else(count).filter(|millis| DateTime::from_timestamp_millis(*millis).is_some())
}

fn parse_iso(text: &str) -> Option<Millis> {
    let (date, rest) = match text.split_once(['T', 't', ' ']) {
        Some(parts) => parts,
        None => (text.trim_end_matches(['Z', 'z']), ""),
    };
    let (time, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len()));
    let midnight = parse_date(date)?.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis();
    Some(midnight + parse_time(time)? - parse_zone(zone)?)
}

/// The first `count` characters of `text`, all of them digits, as a number, and what follows them.
fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    Some((number, rest))
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    let (year, rest) = parse_year(text)?;
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    if let Some(week) = rest.strip_prefix('W') {
        return parse_week(year, week);
    }
    match rest.len() {
        0 => NaiveDate::from_ymd_opt(year, 1, 1),
        3 => NaiveDate::from_yo_opt(year, digits(rest, 3)?.0),
        _ => {
            let (month, rest) = digits(rest, 2)?;
            let rest = rest.strip_prefix('-').filter(|day| !day.is_empty()).unwrap_or(rest);
            let (day, rest) = if rest.is_empty() { (1, rest) } else { digits(rest, 2)? };
            NaiveDate::from_ymd_opt(year, month, day).filter(|_| rest.is_empty())
        }
    }
}

/// Four digits, six with a sign, or two alone for the first year of a century.
fn parse_year(text: &str) -> Option<(i32, &str)> {
    let signed = |text, sign: i32| digits(text, 6).map(|(year, rest)| (sign * year.cast_signed(), rest));
    match text.as_bytes().first()? {
        b'+' => signed(&text[1..], 1),
        b'-' => signed(&text[1..], -1),
        _ if text.len() == 2 => digits(text, 2).map(|(century, rest)| (century.cast_signed() * 100, rest)),
        _ => digits(text, 4).map(|(year, rest)| (year.cast_signed(), rest)),
    }
}

/// `05` or `05-1`: a week of the ISO year, which begins with the week of 4 January, and a day from Monday. The 53rd week
/// of a year that has none is the first of the next, as in date-fns.
fn parse_week(year: i32, text: &str) -> Option<NaiveDate> {
    let (week, rest) = digits(text, 2)?;
    let rest = rest.strip_prefix('-').filter(|day| !day.is_empty()).unwrap_or(rest);
    let (day, rest) = if rest.is_empty() { (1, rest) } else { digits(rest, 1)? };
    if !(1..=53).contains(&week) || !(1..=7).contains(&day) || !rest.is_empty() {
        return None;
    }
    let first = NaiveDate::from_isoywd_opt(year, 1, Weekday::Mon)?;
    first.checked_add_days(Days::new(u64::from((week - 1) * 7 + day - 1)))
}

/// Milliseconds since midnight; 0 for nothing, a whole day for `24:00`.
fn parse_time(text: &str) -> Option<Millis> {
    let (mut total, mut rest) = (0, text);
    for (place, unit, most) in [(0, HOUR, 24), (1, MINUTE, 59), (2, SECOND, 59)] {
        if rest.is_empty() {
            break;
        }
        let part = if place == 0 { rest } else { rest.strip_prefix(':').unwrap_or(rest) };
        let (number, after) = digits(part, 2).filter(|(number, _)| *number <= most)?;
        let (fraction, after) = parse_fraction(after, unit);
        (total, rest) = (total + Millis::from(number) * unit + fraction, after);
    }
    (rest.is_empty() && total <= DAY).then_some(total)
}

/// `.5` or `,5` of `unit`, and what follows it. Digits beyond the ninth are below a millisecond of any unit.
fn parse_fraction(text: &str, unit: Millis) -> (Millis, &str) {
    let Some(text) = text.strip_prefix(['.', ',']) else { return (0, text) };
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let scale = |(sum, scale): (Millis, Millis), digit: u8| (sum * 10 + Millis::from(digit - b'0'), scale * 10);
    let (fraction, scale) = text.bytes().take(end.min(9)).fold((0, 1), scale);
    (unit * fraction / scale, &text[end..])
}

/// How far the zone is ahead of UTC.
fn parse_zone(text: &str) -> Option<Millis> {
    let sign = match text.as_bytes().first() {
        None => return Some(0),
        Some(b'Z' | b'z') => return (text.len() == 1).then_some(0),
        Some(b'-') => -1,
        Some(_) => 1,
    };
    let (hours, rest) = digits(&text[1..], 2).filter(|(hours, _)| *hours < 24)?;
    let (minutes, rest) = match rest.strip_prefix(':').unwrap_or(rest) {
        "" if rest.is_empty() => (0, ""),
        rest => digits(rest, 2).filter(|(minutes, _)| *minutes < 60)?,
    };
    let ahead = Millis::from(hours) * HOUR + Millis::from(minutes) * MINUTE;
    rest.is_empty().then_some(sign * ahead)
}

#[cfg(test)]
mod tests {
    use chrono::Datelike as _;

    use super::*;
    use crate::clock::iso;

    #[test]
    fn moments_are_read_in_every_usual_form() {
        for (text, read) in [
            ("2026-01-02T03:04:05.006Z", Some("2026-01-02T03:04:05.006Z")),
            ("2026-01-02T03:04:05Z", Some("2026-01-02T03:04:05.000Z")),
            ("2026-01-02t03:04:05z", Some("2026-01-02T03:04:05.000Z")),
            ("2026-01-02T03:04:05+02:00", Some("2026-01-02T01:04:05.000Z")),
            ("2026-01-02T03:04:05+0200", Some("2026-01-02T01:04:05.000Z")),
            ("2026-01-02T03:04:05-02", Some("2026-01-02T05:04:05.000Z")),
            ("2026-01-02T03:04:05", Some("2026-01-02T03:04:05.000Z")),
            ("2026-01-02T03:04:05.123456Z", Some("2026-01-02T03:04:05.123Z")),
            ("2026-01-02T03:04:05,5Z", Some("2026-01-02T03:04:05.500Z")),
            ("2026-01-02T03:04Z", Some("2026-01-02T03:04:00.000Z")),
            ("2026-01-02T03:04", Some("2026-01-02T03:04:00.000Z")),
            ("2026-01-02 03:04:05", Some("2026-01-02T03:04:05.000Z")),
            ("2026-01-02T03", Some("2026-01-02T03:00:00.000Z")),
            ("2026-01-02T03.5", Some("2026-01-02T03:30:00.000Z")),
            ("2026-01-02T24:00", Some("2026-01-03T00:00:00.000Z")),
            ("2026-12-31T24:00:00.000Z", Some("2027-01-01T00:00:00.000Z")),
            ("2026-01-02", Some("2026-01-02T00:00:00.000Z")),
            ("2026-01-02Z", Some("2026-01-02T00:00:00.000Z")),
            ("20260102", Some("2026-01-02T00:00:00.000Z")),
            ("20260102T030405Z", Some("2026-01-02T03:04:05.000Z")),
            ("20260102T0304+0200", Some("2026-01-02T01:04:00.000Z")),
            ("2026-01", Some("2026-01-01T00:00:00.000Z")),
            ("202602", Some("2026-02-01T00:00:00.000Z")),
            ("2026", Some("2026-01-01T00:00:00.000Z")),
            ("20", Some("2000-01-01T00:00:00.000Z")),
            ("2026-032", Some("2026-02-01T00:00:00.000Z")),
            ("2024366", Some("2024-12-31T00:00:00.000Z")),
            ("2026-W05", Some("2026-01-26T00:00:00.000Z")),
            ("2026-W01-1", Some("2025-12-29T00:00:00.000Z")),
            ("2026W057T10:00Z", Some("2026-02-01T10:00:00.000Z")),
            ("+002026-01-02", Some("2026-01-02T00:00:00.000Z")),
            ("+012026-01-02", Some("+012026-01-02T00:00:00.000Z")),
            ("-000001-12-31T24:00", Some("0000-01-01T00:00:00.000Z")),
            ("1767323045006", Some("2026-01-02T03:04:05.006Z")),
            ("12345", Some("1970-01-01T00:00:12.345Z")),
            ("-1", Some("1969-12-31T23:59:59.999Z")),
            ("5", Some("1970-01-01T00:00:00.005Z")),
        ] {
            assert_eq!(parse_moment(text).map(iso).as_deref(), read, "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "nope",
            "é026-01-02T03:04Z",
            "2026-02-31T00:00:00.000Z",
            "2026-13",
            "2026-1-2",
            "2026-01-",
            "2026-00",
            "2026-366",
            "2026-000",
            "2026-W54",
            "2026-W00",
            "2026-W05-8",
            "2026-W05-",
            "2026-01-02T24:01",
            "2026-01-02T25",
            "2026-01-02T03:60",
            "2026-01-02T03:04:60Z",
            "2026-01-02T03:",
            "2026-01-02T03:04:05 +02:00",
            "2026-01-02T03:04:05 02:00",
            "2026-01-02T03:04+2",
            "2026-01-02T03:04+02:",
            "2026-01-02T03:04+02:60",
            "2026-01-02T03:04Zulu",
            "T03:04",
            "03:04",
            "+5",
            "1e12",
            "0x10",
            "99999999999999999999",
        ] {
            assert_eq!(parse_moment(text), None, "{text}");
        }
    }

    #[test]
    fn the_days_of_all_weeks_follow_one_another() {
        for year in 1970..2070 {
            let day = |week: u32, day: u32| parse_moment(&format!("{year}-W{week:02}-{day}")).expect("a day");
            let days: Vec<_> = (1..=52).flat_map(|week| (1..=7).map(move |number| (week, number))).collect();
            assert!(days.windows(2).all(|two| day(two[1].0, two[1].1) - day(two[0].0, two[0].1) == DAY), "{year}");
            let thursday = DateTime::from_timestamp_millis(day(1, 4)).expect("a time");
            assert_eq!(thursday.year(), year, "the first week has the first Thursday");
        }
    }
}
