//! Time and randomness, as parts of the state: tests set the one and seed the other.

use std::sync::atomic::{AtomicI64, Ordering};

use ring::rand::{SecureRandom, SystemRandom};

/// Milliseconds since 1970-01-01T00:00:00Z: the only form of time in tables and in the program.
pub type Millis = i64;

/// One second in [`Millis`].
pub const SECOND: Millis = 1000;
/// One minute in [`Millis`].
pub const MINUTE: Millis = 60 * SECOND;
/// One hour in [`Millis`].
pub const HOUR: Millis = 60 * MINUTE;
/// One day in [`Millis`].
pub const DAY: Millis = 24 * HOUR;

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Millis;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // The one place that asks the machine.
    fn now(&self) -> Millis {
        chrono::Utc::now().timestamp_millis()
    }
}

/// A clock that stands still until it is moved.
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that shows `now`.
    pub fn at(now: Millis) -> Self {
        Self(AtomicI64::new(now))
    }

    /// Moves the clock on by `by` milliseconds.
    pub fn advance(&self, by: Millis) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
}

/// Where randomness comes from.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes` with unpredictable values.
    fn fill(&self, bytes: &mut [u8]);

    /// A number below `bound`, near enough to uniform for jitter; 0 when `bound` is 0.
    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes).checked_rem(bound).unwrap_or(0)
    }
}

/// The operating system's generator.
pub struct OsRandom(SystemRandom);

impl OsRandom {
    /// The generator, opened.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for OsRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for OsRandom {
    #[allow(clippy::expect_used)]
    fn fill(&self, bytes: &mut [u8]) {
        // getrandom(2) fails only on kernels without it; there is no safe way to go on without randomness.
        self.0.fill(bytes).expect("the operating system gives randomness");
    }
}

/// Writes `at` as `2026-11-21T10:00:00.000Z` to the end of `out`; a year before 0 or after 9999 with a sign and six digits,
/// as ECMAScript does.
///
/// By hand, because a list writes three of these for every row and the general formatter costs ten times as much.
pub fn write_iso(at: Millis, out: &mut Vec<u8>) {
    let (days, of_day) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let digits = |value: i64, width: usize, out: &mut Vec<u8>| {
        let mut scale = 10_i64.pow(width as u32 - 1);
        while scale > 0 {
            out.push(b'0' + (value / scale % 10) as u8);
            scale /= 10;
        }
    };
    if (0..=9999).contains(&year) {
        digits(year, 4, out);
    } else {
        out.push(if year < 0 { b'-' } else { b'+' });
        digits(year.abs(), 6, out);
    }
    for (mark, value) in
        [(b'-', month), (b'-', day), (b'T', of_day / HOUR), (b':', of_day / MINUTE % 60), (b':', of_day / SECOND % 60)]
    {
        out.push(mark);
        digits(value, 2, out);
    }
    out.push(b'.');
    digits(of_day % SECOND, 3, out);
    out.push(b'Z');
}

/// `at` as `2026-11-21T10:00:00.000Z`.
pub fn iso(at: Millis) -> String {
    let mut out = Vec::with_capacity(24);
    write_iso(at, &mut out);
    out.into_iter().map(char::from).collect()
}

/// Year, month and day of a count of days since 1970-01-01 in the Gregorian calendar.
///
/// Source: Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms*, `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_calendar_crate_writes_them() {
        for at in
            [0, 1, 951_782_400_000, 951_868_799_999, 1_767_323_045_006, 4_107_542_399_000, -1, -62_135_596_800_000]
        {
            let Some(time) = chrono::DateTime::from_timestamp_millis(at) else { panic!("{at} is a time") };
            assert_eq!(iso(at), time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        }
    }

    #[test]
    fn years_of_more_than_four_digits_are_written_as_ecmascript_writes_them() {
        for (at, text) in [
            (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
            (1_000_000_000_000_000, "+033658-09-27T01:46:40.000Z"),
            (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso(at), text);
        }
    }
}
