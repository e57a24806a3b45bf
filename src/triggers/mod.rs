//! Triggers: their names, the patterns that extension records listen with, and the catalogue of those that Tenon knows.
//! Knows nothing of events, documents or SQL.

mod catalogue;
mod glob;
mod matchers;
mod name;
mod pattern;
mod samples;
pub mod stock;

pub use catalogue::{
    CATALOGUE, CONFIRM_SUBSCRIPTION, EXTENSION_CREATED, EXTENSION_DISABLED, EXTENSION_REMOVED, EXTENSION_UPDATED,
    Entry, SCHEDULE, Source, find as find_in_catalogue,
};
pub use matchers::Matchers;
pub use name::Name;
pub use pattern::{MOST_PATTERNS, Pattern, check_pattern, likely_names, why_never};
pub use samples::{MANUAL, SAMPLE_DOCUMENT, Sample, sample, sample_entity, usual_trigger};
