//! PostHog, analytics (<https://posthog.com/docs/api>).

pub mod feature_flag;
pub mod identify;
pub mod track;
