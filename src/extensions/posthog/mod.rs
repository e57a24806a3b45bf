//! PostHog, analytics (<https://posthog.com/docs/api>).

pub mod track;
