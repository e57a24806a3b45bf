//! The table of handlers: which code answers to which key.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::context::Parts;
use super::inbound::{AnyInbound, TypedInbound};
use super::shown::is_shown;
use super::typed::{AnyHandler, Attempt, Offer, Purpose, Rules, Typed};
use super::{
    ConfigError, Delivery, Description, Descriptor, ExtensionKey, Handler, Inbound, Received, Refusal, SetupErrors,
    schema,
};
use crate::outbound::Client;
use crate::secrets::mask;
use crate::suggest::suggest;

/// The handlers by their keys. Put together at the start; nothing is added later.
#[derive(Default)]
pub struct Registry {
    entries: BTreeMap<&'static str, Arc<Entry>>,
    /// Those that have every key of a namespace, by its name.
    namespaces: BTreeMap<&'static str, Arc<Entry>>,
}

/// One handler of the table.
pub struct Entry {
    descriptor: Descriptor,
    description: Description,
    rules: Rules,
    handler: Box<dyn AnyHandler>,
    inbound: Option<Box<dyn AnyInbound>>,
}

impl Registry {
    /// The table with one more handler.
    ///
    /// Fails, naming the key, when it is not a key or another handler has it already.
    pub fn with(self, handler: impl Handler) -> Result<Self, String> {
        self.enter(Entry::new(Arc::new(handler), None))
    }

    /// The table with one more handler, which takes what is sent to its records' addresses.
    ///
    /// Fails as [`Registry::with`] does.
    pub fn with_inbound(self, handler: impl Inbound) -> Result<Self, String> {
        let handler = Arc::new(handler);
        let inbound = Box::new(TypedInbound(Arc::clone(&handler)));
        self.enter(Entry::new(handler, Some(inbound)))
    }

    fn enter(mut self, entry: Entry) -> Result<Self, String> {
        let entry = Arc::new(entry);
        for key in std::iter::once(&entry.descriptor.key).chain(entry.descriptor.aliases) {
            let other = match key.strip_suffix(":*") {
                Some(namespace) => {
                    ExtensionKey::parse(&format!("{namespace}:any"))?;
                    self.namespaces.insert(namespace, Arc::clone(&entry))
                }
                None => {
                    ExtensionKey::parse(key)?;
                    self.entries.insert(key, Arc::clone(&entry))
                }
            };
            if let Some(other) = other {
                return Err(format!("two handlers for the key {key}: {} and {}", other.name(), entry.name()));
            }
        }
        Ok(self)
    }

    /// The handler for `key`, which may be an alias, or any key of a namespace that a handler has.
    pub fn find(&self, key: &str) -> Option<&Arc<Entry>> {
        let of_namespace = || self.namespaces.get(ExtensionKey::parse(key).ok()?.namespace());
        self.entries.get(key).or_else(of_namespace)
    }

    /// The handler that the directory shows under `key`: one that [`Registry::find`] finds, or `external:*`.
    pub fn find_shown(&self, key: &str) -> Option<&Arc<Entry>> {
        self.find(key).or_else(|| self.namespaces.get(key.strip_suffix(":*")?))
    }

    /// The handlers, by key, each once.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let single = self.entries.iter().filter(|(key, entry)| **key == entry.descriptor.key);
        let mut all: Vec<&Entry> = single.chain(&self.namespaces).map(|(_, entry)| &**entry).collect();
        all.sort_by_key(|entry| entry.descriptor.key);
        all.into_iter()
    }

    /// `credentials` of a record with this key as they may be read; of a key that no handler answers to, nothing may.
    pub fn masked(&self, key: &str, credentials: &Value) -> Value {
        let schema = self.find(key).map(|entry| &entry.description().credentials_schema);
        mask(credentials, |name, value| schema.is_some_and(|schema| is_shown(schema, name, value)))
    }

    /// The keys nearest to one that no handler answers to; for a namespace that a handler has, the same key in there.
    pub fn suggest(&self, key: &str) -> Vec<String> {
        let near = suggest(key, self.entries.keys().copied()).into_iter().map(str::to_owned);
        let Some((namespace, rest)) = key.split_once(':') else { return near.collect() };
        let namespaces = suggest(namespace, self.namespaces.keys().copied()).into_iter();
        near.chain(namespaces.map(|near| format!("{near}:{rest}"))).collect()
    }

    /// Why there is no handler for `key`, with the keys nearest to it.
    pub fn unknown(&self, key: &str) -> String {
        match self.suggest(key) {
            near if near.is_empty() => format!("no handler for the key {key}"),
            near => format!("no handler for the key {key}; did you mean {}?", near.join(" or ")),
        }
    }
}

impl Entry {
    fn new<H: Handler>(handler: Arc<H>, inbound: Option<Box<dyn AnyInbound>>) -> Self {
        let descriptor = handler.descriptor();
        let schemas = (schema::of_config::<H::Config>(), schema::of_credentials::<H::Credentials>());
        let description = Description::new(&descriptor, inbound.is_some(), schemas);
        let rules = Rules::new(&descriptor, &description);
        Self { descriptor, description, rules, handler: Box::new(Typed(handler)), inbound }
    }

    fn name(&self) -> &str {
        self.description.name
    }

    /// The facts it runs under.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// What the directory shows.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What its handler cannot use of `credentials`. What is said holds none of them.
    pub fn check_credentials(&self, credentials: &Value) -> Vec<ConfigError> {
        self.handler.check_credentials(&self.rules, credentials)
    }

    /// The members of a config and of credentials that mean nothing to its handler, such as misspelt ones: their paths,
    /// each with the names that may have been meant.
    pub fn unknown_members(&self, config: &Value, credentials: &Value) -> [Vec<(String, Vec<String>)>; 2] {
        let [of_config, of_credentials] = self.handler.unknown_members(config, credentials);
        let near = |path: String, schema: &Value| {
            let known = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            let near = suggest(&path, known).into_iter().map(str::to_owned).collect();
            (path, near)
        };
        let Description { config_schema, credentials_schema, .. } = &self.description;
        [
            of_config.into_iter().map(|path| near(path, config_schema)).collect(),
            of_credentials.into_iter().map(|path| near(path, credentials_schema)).collect(),
        ]
    }

    /// What in `config` is longer than its handler uses, which cuts it.
    pub fn too_long(&self, config: &Value) -> Vec<ConfigError> {
        self.rules.too_long(config)
    }

    /// Whether the handler can do its work with what a record has set up, or all that keeps it from that.
    pub fn check(&self, offer: Offer<'_>, client: &Client) -> Result<(), SetupErrors> {
        self.handler.check(&self.rules, offer, client)
    }

    /// Makes an attempt ready, or fails as [`Entry::check`] does.
    pub fn attempt(&self, parts: Parts, purpose: Purpose) -> Result<Attempt, SetupErrors> {
        self.handler.attempt(&self.rules, parts, purpose)
    }

    /// Whether its records have an address that a service can send to.
    pub fn is_inbound(&self) -> bool {
        self.inbound.is_some()
    }

    /// The headers that are kept with what is sent to a record's address.
    pub fn kept_headers(&self) -> &'static [&'static str] {
        self.inbound.as_ref().map_or(&[], |inbound| inbound.headers())
    }

    /// Gives the handler what was sent to the address of a record with this config and these credentials; see
    /// [`Inbound::receive`].
    pub fn receive(&self, delivery: &Delivery<'_>, config: Value, credentials: Value) -> Result<Received, Refusal> {
        let inbound = self.inbound.as_ref().ok_or(Refusal("nothing is taken here"))?;
        inbound.receive(delivery, config, credentials)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;
    use utoipa::ToSchema;

    use super::*;
    use crate::handler::{Context, Done, Empty, Outcome};

    struct Plain(&'static str);

    #[derive(Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    struct Config {
        list: Vec<Item>,
    }

    #[derive(Deserialize, ToSchema)]
    struct Item {
        #[serde(rename = "id")]
        _id: u32,
    }

    impl Handler for Plain {
        type Config = Config;
        type Credentials = Empty;

        fn descriptor(&self) -> Descriptor {
            Descriptor { key: self.0, aliases: &["custom:plain:other"], name: self.0, ..Descriptor::default() }
        }

        async fn run(&self, context: Context<Self>) -> Outcome {
            Ok(Done::new(context.config.list.len().to_string()))
        }
    }

    fn registry() -> Registry {
        Registry::default().with(Plain("custom:plain")).unwrap_or_else(|problem| panic!("{problem}"))
    }

    #[test]
    fn two_handlers_for_one_key_do_not_start() {
        for key in ["custom:plain", "custom:new"] {
            let problem = registry().with(Plain(key)).err().unwrap_or_default();
            assert!(problem.starts_with("two handlers for the key custom:plain"), "{problem}");
        }
        assert!(Registry::default().with(Plain("webhook")).is_err());
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let registry = registry();
        assert!(registry.find("custom:plain:other").is_some());
        assert_eq!(registry.entries().count(), 1);
        assert_eq!(registry.unknown("custom:plian"), "no handler for the key custom:plian; did you mean custom:plain?");
        assert_eq!(registry.unknown("slack:message"), "no handler for the key slack:message");
    }

    #[test]
    fn a_handler_of_a_namespace_answers_to_what_no_other_has() {
        struct Whole;
        impl Handler for Whole {
            type Config = Empty;
            type Credentials = Empty;

            fn descriptor(&self) -> Descriptor {
                Descriptor { key: "external:*", name: "Whole", ..Descriptor::default() }
            }

            async fn run(&self, _: Context<Self>) -> Outcome {
                Ok(Done::default())
            }
        }
        let registry = registry().with(Whole).and_then(|registry| registry.with(Empties("external:own")));
        let registry = registry.unwrap_or_else(|problem| panic!("{problem}"));
        let found = |key: &str| registry.find(key).map(|entry| entry.descriptor.key);
        assert_eq!([found("external:crm"), found("external:crm:lead")], [Some("external:*"); 2]);
        assert_eq!((found("external:own"), found("external:*"), found("external")), (Some("external:own"), None, None));
        assert!(registry.find_shown("external:*").is_some() && registry.find_shown("no:*").is_none());
        let shown: Vec<_> = registry.entries().map(|entry| entry.descriptor.key).collect();
        assert_eq!(shown, ["custom:plain", "external:*", "external:own"]);
        assert_eq!(registry.suggest("extrenal:a-long-name-of-its-own"), ["external:a-long-name-of-its-own"]);
        assert_eq!(registry.suggest("markket:a-long-name-of-its-own"), [""; 0]);
        assert!(registry.with(Whole).is_err(), "one for each namespace");
    }

    struct Empties(&'static str);

    impl Handler for Empties {
        type Config = Empty;
        type Credentials = Empty;

        fn descriptor(&self) -> Descriptor {
            Descriptor { key: self.0, name: self.0, ..Descriptor::default() }
        }

        async fn run(&self, _: Context<Self>) -> Outcome {
            Ok(Done::default())
        }
    }

    #[test]
    fn what_does_not_fit_tells_where_and_why() {
        let registry = registry();
        let Some(entry) = registry.find("custom:plain") else { panic!("is there") };
        let client = Client::new(Vec::new()).unwrap_or_else(|problem| panic!("{problem}"));
        let check = |config: Value, url| {
            let offer = Offer { config: &config, credentials: &Value::Null, url };
            entry.check(offer, &client).map_err(|setup_errors| setup_errors.reason())
        };
        assert_eq!(check(json!({"list": [{"id": 1}], "policy": {"timeout_s": 1}}), None), Ok(()));
        assert_eq!(
            check(json!({"list": [{"id": 1}, {"id": "x"}]}), Some("http://10.0.0.1/")),
            Err("url: 10.0.0.1 is not a public address; TENON_OUTBOUND_ALLOW can allow private networks; \
                 config.list[1].id: invalid type: string \"x\", expected u32"
                .into())
        );
        assert_eq!(check(Value::Null, Some("")), Err("config: missing field `list`".into()));
    }
}
