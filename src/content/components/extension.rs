use crate::content::{Check, Component, Field};

/// What runs when something happens to the document it stands in: wiring, not copy, and so the same in both versions.
pub static EXTENSION: Component = Component {
    uid: "common.extension",
    table: "extensions",
    key: "extension",
    versioned: false,
    fields: &[
        Field::string("key", "key").required().checked(Check::ExtensionKey),
        Field::json("triggers", "triggers").default("[]").checked(Check::Patterns),
        Field::secret("credentials", "credentials", "credentials_mask"),
        Field::json("config", "config").checked(Check::Config),
        Field::string("url", "url").checked(Check::HttpUrl),
        Field::boolean("active", "active").default("true"),
        Field::date_time("last_run", "last_run").server_owned(),
        Field::integer("run_count", "run_count").default("0").never_null().server_owned(),
        Field::json("meta", "meta").server_owned(),
    ],
    ..Component::USUAL
};
