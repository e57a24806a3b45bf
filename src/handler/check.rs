//! What a handler says of a record before anything runs.

use super::{SetupError, SetupErrorKind};
use crate::outbound::{self, Client};

/// Collects what keeps a record from being executed; see [`Handler::check`](super::Handler::check).
pub struct SetupCheck<'a> {
    client: &'a Client,
    url: Option<&'a str>,
    found: Vec<SetupError>,
}

impl<'a> SetupCheck<'a> {
    /// A check of a record with this url, whose requests go out through `client`.
    pub(super) fn new(client: &'a Client, url: Option<&'a str>) -> Self {
        Self { client, url: url.filter(|url| !url.is_empty()), found: Vec::new() }
    }

    /// The record's url, if it has one. That requests may go there is checked already.
    pub fn url(&self) -> Option<&'a str> {
        self.url
    }

    /// Something is wrong with the config, at `path` in it: `why` goes on from there ("is missing"), or names the place
    /// itself.
    pub fn config(&mut self, path: &str, why: &str) {
        self.found.push(told(SetupErrorKind::BadConfig, "config", path, why));
    }

    /// The same of the credentials. What is said must quote nothing of them.
    pub fn credentials(&mut self, path: &str, why: &str) {
        self.found.push(told(SetupErrorKind::BadCredentials, "credentials", path, why));
    }

    /// The record has no url, and cannot do without.
    pub fn missing_url(&mut self, why: impl Into<String>) {
        self.found.push(SetupError::new(SetupErrorKind::MissingUrl, "url", "", why));
    }

    /// Requests go to the url that stands at `path` in the credentials, so they must be allowed to; an empty one is none.
    pub fn credentials_url(&mut self, path: &str, url: Option<&str>) {
        let url = url.map(str::trim).filter(|url| !url.is_empty());
        if let Some(Err(why)) = url.map(|url| self.reach(url)) {
            self.found.push(SetupError::new(SetupErrorKind::BadCredentials, "credentials", path, why));
        }
    }

    /// The record's own url may be called, and is not what it should be.
    pub fn bad_url(&mut self, why: impl Into<String>) {
        self.found.push(SetupError::new(SetupErrorKind::BadUrl, "url", "", why));
    }

    /// The same for the record's own url.
    pub(super) fn own_url(&mut self) {
        if let Some(Err(why)) = self.url.map(|url| self.reach(url)) {
            self.found.push(SetupError::new(SetupErrorKind::BadUrl, "url", "", why));
        }
    }

    fn reach(&self, url: &str) -> Result<(), String> {
        outbound::check_storable(url).map_err(|why| format!("the url {why}"))?;
        self.client.check_url(url).map(drop)
    }

    /// Adds what was found elsewhere.
    pub(super) fn extend(&mut self, found: impl IntoIterator<Item = SetupError>) {
        self.found.extend(found);
    }

    /// All that was found.
    pub(super) fn into_found(self) -> Vec<SetupError> {
        self.found
    }
}

fn told(kind: SetupErrorKind, member: &str, path: &str, why: &str) -> SetupError {
    let place = if path.is_empty() { member.to_owned() } else { format!("{member}.{path}") };
    let message = if why.starts_with(member) { why.to_owned() } else { format!("{place} {why}") };
    SetupError::new(kind, member, path, message)
}
