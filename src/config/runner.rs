//! How the runner works.

use std::time::Duration;

use super::Reader;

/// How the runner works.
#[derive(Clone)]
pub struct RunnerConfig {
    /// `TENON_RUNNER_CONCURRENCY`.
    pub concurrency: usize,
    /// `TENON_RUNNER_PER_HOST`.
    pub per_host: usize,
    /// `TENON_RUNNER_LEASE_S`.
    pub lease: Duration,
    /// `TENON_RETENTION_DAYS`.
    pub retention: Duration,
    /// `TENON_SHUTDOWN_GRACE_S`.
    pub shutdown_grace: Duration,
    /// How often the runner looks for events and runs when nobody wakes it; `None` for what suits the database. No variable
    /// sets it.
    pub look_every: Option<Duration>,
}

impl RunnerConfig {
    pub(super) fn from_reader(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let concurrency = reader.number("TENON_RUNNER_CONCURRENCY", 1..=10_000);
        let per_host = reader.number("TENON_RUNNER_PER_HOST", 1..=10_000);
        let lease = reader.number("TENON_RUNNER_LEASE_S", 1..=3600);
        let retention = reader.number("TENON_RETENTION_DAYS", 1..=36_500);
        let shutdown_grace = reader.number("TENON_SHUTDOWN_GRACE_S", 0..=3600);
        Some(Self {
            concurrency: concurrency? as usize,
            per_host: per_host? as usize,
            lease: Duration::from_secs(lease?.into()),
            retention: Duration::from_secs(u64::from(retention?) * 86_400),
            shutdown_grace: Duration::from_secs(shutdown_grace?.into()),
            look_every: None,
        })
    }
}
