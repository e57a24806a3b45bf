//! Configuration: the only reader of the environment. A variable is a line in [`VARIABLES`] and a field below.

mod links;
mod log;
mod runner;
mod unknown;

pub use links::{LinkConfig, Subscribing};
pub use runner::RunnerConfig;
pub use unknown::unknown;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;

use crate::access::PublicAccess;
use crate::db::DatabaseUrl;
use crate::handler::Defaults;
use crate::origins::Origins;
use crate::secrets::Sealer;

/// A variable of the environment, as `--help`, `tenon config` and the README show it.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its value when it is not set; empty for none.
    pub default: &'static str,
    /// What it does, in a line or two.
    pub help: &'static str,
    /// Whether its value is shown as `[hidden]`.
    pub secret: bool,
}

const fn variable(name: &'static str, default: &'static str, help: &'static str) -> Variable {
    Variable { name, default, help, secret: false }
}

const fn secret(name: &'static str, help: &'static str) -> Variable {
    Variable { name, default: "", help, secret: true }
}

/// Every variable that the program reads.
pub const VARIABLES: &[Variable] = &[
    variable(
        "DATABASE_URL",
        "sqlite:data/tenon.db",
        "Where the data is: sqlite:<file> or postgres://user@host/database.",
    ),
    variable("TENON_LISTEN", "127.0.0.1:1337", "Address and port to serve on."),
    variable(
        "TENON_PUBLIC_ACCESS",
        "read",
        "What a caller without a token may do: read (published stores and products; and subscribe), none, or full (for trials).",
    ),
    variable(
        "TENON_CORS_ORIGINS",
        "*",
        "Origins whose pages may call from a browser, comma separated, such as https://shop.example; * for any. Never with cookies.",
    ),
    variable("TENON_PUBLIC_URL", "", "Where links in mails lead to this instance; to TENON_LISTEN if not set."),
    variable("TENON_SUBSCRIBE", "single", "How visitors subscribe: single (at once) or double (by a mail's link)."),
    secret("TENON_BOOTSTRAP_TOKEN", "A full-access token that exists while this is set; at least 16 characters."),
    secret(
        "TENON_SECRET_KEY",
        "Key that seals credentials: 32 bytes as base64 or hexadecimal. Read from the key file if not set.",
    ),
    variable(
        "TENON_SECRET_KEY_FILE",
        "data/tenon.key",
        "Where the key is when TENON_SECRET_KEY is not set; made at the first start.",
    ),
    secret(
        "TENON_DEFAULT_CREDENTIALS",
        "The instance's own credentials, for records with `use_default`, by class: {\"markket:sendgrid\": {\"credentials\": {…}, \"url\": \"https://…\"}}; the url is for services that have one.",
    ),
    variable(
        "TENON_DEFAULT_CREDENTIALS_FILE",
        "",
        "A file with the same, such as a mounted secret; used when TENON_DEFAULT_CREDENTIALS is not set.",
    ),
    variable(
        "TENON_OUTBOUND_ALLOW",
        "",
        "Private networks that outgoing calls may reach, comma separated, such as 127.0.0.0/8. None by default.",
    ),
    variable(
        "TENON_STRICT_PARAMS",
        "false",
        "Whether parameters that are not known or out of range are refused, as in new projects of Strapi: true or false.",
    ),
    variable("TENON_HTTP_WORKERS", "0", "Threads that answer requests; 0 is one for each core."),
    variable("TENON_DB_CONNECTIONS", "8", "Connections to the database: readers on SQLite, all of them on PostgreSQL."),
    variable("TENON_CACHE_MIB", "64", "Memory for finished answers, in MiB; 0 keeps none."),
    variable("TENON_BODY_LIMIT", "1048576", "Largest request body, in bytes."),
    variable("TENON_RUNNER_CONCURRENCY", "256", "Attempts under way at the same time."),
    variable("TENON_RUNNER_PER_HOST", "32", "Attempts under way at the same time that go to one host."),
    variable("TENON_RUNNER_LEASE_S", "30", "Seconds after which a run whose worker vanished is given back."),
    variable("TENON_RETENTION_DAYS", "30", "Days that ended runs and their events are kept."),
    variable(
        "TENON_SHUTDOWN_GRACE_S",
        "20",
        "Seconds that attempts under way may take to finish when the program is stopped.",
    ),
    variable(
        "RUST_LOG",
        "info",
        "What is logged: a level, or module=level pairs, comma separated. Libraries stay quiet unless they are named.",
    ),
];

/// What the program was told.
#[derive(Clone)]
pub struct Config {
    /// `DATABASE_URL`.
    pub database_url: DatabaseUrl,
    /// `TENON_LISTEN`.
    pub listen: SocketAddr,
    /// `TENON_PUBLIC_ACCESS`.
    pub public_access: PublicAccess,
    /// `TENON_CORS_ORIGINS`.
    pub cors_origins: Origins,
    /// `TENON_PUBLIC_URL` and `TENON_SUBSCRIBE`.
    pub links: LinkConfig,
    /// `TENON_BOOTSTRAP_TOKEN`.
    pub bootstrap_token: Option<String>,
    /// `TENON_SECRET_KEY`.
    pub secret_key: Option<[u8; 32]>,
    /// `TENON_SECRET_KEY_FILE`.
    pub secret_key_file: PathBuf,
    /// `TENON_DEFAULT_CREDENTIALS`, or what its file holds.
    pub defaults: Defaults,
    /// `TENON_OUTBOUND_ALLOW`.
    pub outbound_allow: Vec<IpNet>,
    /// `TENON_STRICT_PARAMS`.
    pub strict_params: bool,
    /// `TENON_HTTP_WORKERS`; 0 is one for each core.
    pub http_workers: usize,
    /// `TENON_DB_CONNECTIONS`.
    pub db_connections: u32,
    /// `TENON_BODY_LIMIT`, bytes.
    pub body_limit: usize,
    /// `TENON_CACHE_MIB`.
    pub cache_mib: u64,
    /// `RUST_LOG`: a filter that was read without problems.
    pub log: String,
    /// How the runner works.
    pub runner: RunnerConfig,
}

/// A variable as it stands.
pub struct Setting {
    /// Which.
    pub variable: &'static Variable,
    /// Its value, without what is secret in it.
    pub shown: String,
    /// Whether it is not set.
    pub is_default: bool,
}

/// Every variable as it stands in the environment, right or wrong.
#[allow(clippy::disallowed_methods)] // This is the reader that others ask.
pub fn settings() -> Vec<Setting> {
    settings_of(|name| std::env::var(name).ok())
}

fn settings_of(lookup: impl Fn(&str) -> Option<String>) -> Vec<Setting> {
    let setting = |variable: &'static Variable| {
        let value = lookup(variable.name).filter(|value| !value.is_empty());
        let is_default = value.is_none();
        let value = value.unwrap_or_else(|| variable.default.to_owned());
        let shown = match variable.name {
            _ if variable.secret && !value.is_empty() => "[hidden]".to_owned(),
            // It may hold a password.
            "DATABASE_URL" => {
                DatabaseUrl::parse(&value).map_or_else(|_| "[unreadable]".to_owned(), |url| url.to_string())
            }
            _ => value,
        };
        Setting { variable, shown, is_default }
    };
    VARIABLES.iter().map(setting).collect()
}

impl Config {
    /// Reads the environment. Each line of the error names a variable and says what would be right.
    #[allow(clippy::disallowed_methods)] // This is the reader that others ask.
    pub fn from_env() -> Result<Self, String> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the variables that `lookup` knows.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut reader = Reader { lookup, problems: Vec::new() };
        let config = Self::from_reader(&mut reader);
        config.filter(|_| reader.problems.is_empty()).ok_or_else(|| reader.problems.join("\n"))
    }

    /// Asks for every variable before it gives up, so that all problems are told at once.
    fn from_reader(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let database_url = reader.parse("DATABASE_URL", DatabaseUrl::parse);
        let listen =
            reader.parse("TENON_LISTEN", |text| from_str(text, "an address and a port, such as 127.0.0.1:1337"));
        let public_access = reader.parse("TENON_PUBLIC_ACCESS", public_access);
        let cors_origins = reader.parse("TENON_CORS_ORIGINS", Origins::parse);
        let links = LinkConfig::from_reader(reader);
        let bootstrap_token = reader.parse("TENON_BOOTSTRAP_TOKEN", bootstrap_token);
        let secret_key = reader.parse("TENON_SECRET_KEY", secret_key);
        let secret_key_file = reader.parse("TENON_SECRET_KEY_FILE", |text| Ok(PathBuf::from(text)));
        let defaults = reader.defaults();
        let outbound_allow = reader.parse("TENON_OUTBOUND_ALLOW", networks);
        let strict_params = reader.parse("TENON_STRICT_PARAMS", |text| from_str(text, "true or false"));
        let http_workers = reader.number("TENON_HTTP_WORKERS", 0..=1024);
        let db_connections = reader.number("TENON_DB_CONNECTIONS", 1..=1024);
        let body_limit = reader.number("TENON_BODY_LIMIT", 1024..=1 << 30);
        let cache_mib = reader.number("TENON_CACHE_MIB", 0..=1 << 20);
        let log = reader.parse("RUST_LOG", log::check);
        let runner = RunnerConfig::from_reader(reader);
        Some(Self {
            database_url: database_url?,
            listen: listen?,
            public_access: public_access?,
            cors_origins: cors_origins?,
            links: links?,
            bootstrap_token: bootstrap_token?,
            secret_key: secret_key?,
            secret_key_file: secret_key_file?,
            defaults: defaults?,
            outbound_allow: outbound_allow?,
            strict_params: strict_params?,
            http_workers: http_workers? as usize,
            db_connections: db_connections?,
            body_limit: body_limit? as usize,
            cache_mib: cache_mib?.into(),
            log: log?,
            runner: runner?,
        })
    }
}

fn public_access(text: &str) -> Result<PublicAccess, String> {
    match text {
        "read" => Ok(PublicAccess::Read),
        "none" => Ok(PublicAccess::None),
        "full" => Ok(PublicAccess::Full),
        _ => Err("expected read, none or full".into()),
    }
}

struct Reader<F> {
    lookup: F,
    problems: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    /// The variable's value, or its default; a variable set to nothing counts as not set.
    fn text(&self, name: &str) -> String {
        let default =
            || VARIABLES.iter().find(|variable| variable.name == name).map_or("", |variable| variable.default);
        (self.lookup)(name).filter(|text| !text.is_empty()).unwrap_or_else(|| default().to_owned())
    }

    /// The problem names the variable and not its value, which may be a secret.
    fn parse<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(name);
        parse(&text).map_err(|problem| self.problems.push(format!("{name}: {problem}"))).ok()
    }

    /// The variable counts; what its file holds, when it is not set.
    fn defaults(&mut self) -> Option<Defaults> {
        let file = self.text("TENON_DEFAULT_CREDENTIALS_FILE");
        if file.is_empty() || !self.text("TENON_DEFAULT_CREDENTIALS").is_empty() {
            return self.parse("TENON_DEFAULT_CREDENTIALS", Defaults::parse);
        }
        self.parse("TENON_DEFAULT_CREDENTIALS_FILE", |file| {
            let text = std::fs::read_to_string(file).map_err(|error| format!("{file} cannot be read: {error}"))?;
            Defaults::parse(&text)
        })
    }

    fn number(&mut self, name: &str, range: RangeInclusive<u32>) -> Option<u32> {
        self.parse(name, |text| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            number.ok_or_else(|| {
                format!("expected a whole number from {} to {}, got {text:?}", range.start(), range.end())
            })
        })
    }
}

fn from_str<T: FromStr>(text: &str, wanted: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("expected {wanted}, got {text:?}"))
}

fn bootstrap_token(text: &str) -> Result<Option<String>, String> {
    match text.len() {
        0 => Ok(None),
        1..16 => Err("expected at least 16 characters".into()),
        _ => Ok(Some(text.to_owned())),
    }
}

fn secret_key(text: &str) -> Result<Option<[u8; 32]>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    Sealer::parse_key(text).map(Some).ok_or_else(|| "expected 32 bytes as base64 or 64 hexadecimal digits".into())
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| from_str(part, "networks such as 127.0.0.0/8")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Config, String> {
        Config::read(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn the_defaults_are_read() {
        assert!(with("NONE", "").is_ok());
    }

    #[test]
    fn a_bad_value_names_its_variable_and_what_would_be_right() {
        for (name, value, part) in [
            ("DATABASE_URL", "mysql://x", "sqlite:"),
            ("TENON_LISTEN", "1337", "127.0.0.1:1337"),
            ("TENON_PUBLIC_ACCESS", "all", "read, none or full"),
            ("TENON_CORS_ORIGINS", "shop.example", "https://shop.example"),
            ("TENON_BOOTSTRAP_TOKEN", "short", "16 characters"),
            ("TENON_SECRET_KEY", "short", "32 bytes"),
            ("TENON_DEFAULT_CREDENTIALS", r#"{"markket:sendgrid": "SG.key"}"#, "markket:sendgrid"),
            ("TENON_DEFAULT_CREDENTIALS_FILE", "/nowhere/defaults.json", "/nowhere/defaults.json"),
            ("TENON_OUTBOUND_ALLOW", "127.0.0.1/99", "127.0.0.0/8"),
            ("TENON_STRICT_PARAMS", "yes", "true or false"),
            ("TENON_BODY_LIMIT", "many", "whole number"),
            ("TENON_RUNNER_CONCURRENCY", "0", "from 1"),
            ("RUST_LOG", "tenon=loud", "loud"),
            ("RUST_LOG", "inof", "did you mean info?"),
            ("RUST_LOG", "warn,debgu", "did you mean debug?"),
        ] {
            let Err(problem) = with(name, value) else { panic!("{name}={value} is refused") };
            assert!(problem.starts_with(name) && problem.contains(part), "{problem}");
        }
    }

    #[test]
    fn settings_are_shown_without_secrets() {
        let shown = settings_of(|name| match name {
            "TENON_BOOTSTRAP_TOKEN" => Some("0123456789abcdef".into()),
            "DATABASE_URL" => Some("postgres://tenon:pass@db/tenon".into()),
            _ => None,
        });
        let text = |name: &str| {
            let setting = shown.iter().find(|setting| setting.variable.name == name).expect("a variable");
            (setting.shown.as_str(), setting.is_default)
        };
        assert_eq!(text("TENON_BOOTSTRAP_TOKEN"), ("[hidden]", false));
        assert_eq!(text("TENON_SECRET_KEY"), ("", true));
        assert_eq!(text("DATABASE_URL"), ("postgres://tenon:hidden@db/tenon", false));
        assert_eq!(text("TENON_HTTP_WORKERS"), ("0", true));
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let Err(problems) = Config::read(|_| Some("?".into())) else { panic!("nothing of this is right") };
        assert!(problems.lines().count() > 8, "{problems}");
    }
}
