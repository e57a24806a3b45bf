//! The document service: what can be done with documents, whoever asks and however. Knows nothing of HTTP.

mod activate;
mod answer;
mod change;
mod diff;
mod etag;
mod inventory;
mod lifecycle;
mod config_errors;
mod once;
mod prices;
mod read;
mod record_changes;
mod records;
mod review;
mod set;
mod setup;
mod stock;
mod storefront;
mod subscriptions;
mod write;
mod write_records;

pub use activate::{Activation, activate};
pub use etag::{IfMatch, TaggedAnswer};
pub use inventory::{Operation, change_inventory};
pub use lifecycle::product_of_price;
pub use once::IdempotencyKey;
pub use prices::{create_price, delete_price, find_price, find_prices, update_price};
pub use read::{Find, find_many, find_one};
pub use records::{OwnerPath, RecordOwner, RecordPath, get_owner, get_record};
pub use review::find_amiss;
pub use set::{NewValues, set};
pub use setup::{Setup, check_setup, set_up, verifying_credentials};
pub use storefront::{Signals, info, signals};
pub use subscriptions::{Subscription, Wish, address, find_stores, follow, subscribe};
pub use write::{Action, Request, act, create, delete, update};
pub use write_records::{create_record, delete_record, find_records, show_record, toggle_record, update_record};
