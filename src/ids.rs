//! The identifiers that the world sees: documentIds, event and run ids; and the names under which callers' own keys are kept.

use crate::clock::{Millis, Random};

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// Crockford's base 32, whose text sorts as the number does.
const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The last moment that ten digits can tell, in the year 37648.
const LATEST: Millis = (1 << 50) - 1;

/// A new documentId: 24 characters of `a-z0-9`, the first a letter.
pub fn document_id(random: &dyn Random) -> String {
    let mut bytes = [0; 24];
    random.fill(&mut bytes);
    let letter = |(place, byte): (usize, &u8)| {
        let choices = if place == 0 { 26 } else { 36 };
        char::from(ALPHABET[usize::from(*byte) % choices])
    };
    bytes.iter().enumerate().map(letter).collect()
}

/// Whether `text` has the form of a documentId.
pub fn is_document_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// A new id `<prefix>_` with 10 characters of time and 16 of chance, that sorts by the time it was made
/// (the layout of a ULID, <https://github.com/ulid/spec>).
pub fn sortable(prefix: &str, now: Millis, random: &dyn Random) -> String {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    written(prefix, now, bytes.iter().fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte)))
}

/// What [`sortable`] ids of this prefix from `at` on are not below, and earlier ones are.
pub fn earliest(prefix: &str, at: Millis) -> String {
    written(prefix, at, 0)
}

fn written(prefix: &str, at: Millis, chance: u128) -> String {
    let number = (at.clamp(0, LATEST) as u128) << 80 | chance;
    let digits = (0..26).rev().map(|place| char::from(BASE32[(number >> (place * 5) & 31) as usize]));
    prefix.chars().chain(std::iter::once('_')).chain(digits).collect()
}

/// A new API token: `tenon_` and 40 characters of `a-z0-9`, 200 bits of chance.
pub fn token(random: &dyn Random) -> String {
    format!("tenon_{}", secret(random))
}

/// Whether `text` has the form of an API token.
pub fn is_token(text: &str) -> bool {
    let secret = text.strip_prefix("tenon_");
    secret.is_some_and(|secret| secret.len() == 40 && secret.bytes().all(|byte| BASE32.contains(&byte)))
}

/// A text that nobody can guess: 40 characters of `a-z0-9`, 200 bits of chance.
pub fn secret(random: &dyn Random) -> String {
    let mut bytes = [0; 40];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(BASE32[usize::from(byte % 32)])).collect()
}

/// What a caller's `Idempotency-Key` is given with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A change of content, or a trigger that is emitted.
    Write,
    /// An extension record that is run by hand.
    Run,
}

/// The name under which a caller's idempotency key is kept: the same only for the same owner (see
/// [`crate::access::Caller::key_owner`]), purpose and key. An owner's name may hold anything, so `%` and `/` in it are encoded;
/// the first `/` ends it, whatever the key holds.
pub fn caller_key(owner: &str, purpose: Purpose, key: &str) -> String {
    let owner = owner.replace('%', "%25").replace('/', "%2F");
    let purpose = match purpose {
        Purpose::Write => "",
        Purpose::Run => "%run", // No encoded name ends like this.
    };
    format!("{owner}{purpose}/{key}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::OsRandom;

    #[test]
    fn no_two_callers_keys_are_kept_under_one_name() {
        let mut seen = std::collections::HashSet::new();
        let parts = ["a", "b", "a/b", "b/c", "c", "a%2Fb", "a%", "%run", "a%run", "/", "%25run", "run/a", ""];
        for owner in parts {
            for key in parts {
                for purpose in [Purpose::Write, Purpose::Run] {
                    let name = caller_key(owner, purpose, key);
                    assert!(
                        seen.insert(name.clone()),
                        "{owner:?} {purpose:?} {key:?} is kept as {name}, as another is"
                    );
                }
            }
        }
        assert_eq!(caller_key("token#7", Purpose::Write, "order/7"), "token#7/order/7");
    }

    #[test]
    fn document_ids_have_strapis_form() {
        let id = document_id(&OsRandom::new());
        assert!(is_document_id(&id), "{id}");
        assert!(id.starts_with(|first: char| first.is_ascii_lowercase()));
    }

    #[test]
    fn sortable_ids_sort_by_time() {
        let random = OsRandom::new();
        let (early, late) = (sortable("evt", 1_000, &random), sortable("evt", 1_001, &random));
        assert!(early < late, "{early} {late}");
        assert_eq!(early.len(), 30);
        let bounds = [earliest("evt", 1_000), early, earliest("evt", 1_001), late, earliest("evt", i64::MAX)];
        assert!(bounds.is_sorted(), "{bounds:?}");
    }
}
