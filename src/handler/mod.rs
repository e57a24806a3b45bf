//! What a handler is: its key, what it is given and what it reports. Handlers themselves live in `extensions`.

mod key;

pub use key::ExtensionKey;
