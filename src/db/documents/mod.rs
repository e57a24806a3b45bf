//! Documents in tables: their versions, items and links.

mod articles;
mod bound;
mod holder;
mod inventory;
mod items;
mod link_copies;
mod linked;
mod links;
mod locks;
mod named;
mod owners;
mod record_writer;
mod records;
pub mod read;
mod subjects;
mod subscribers;
mod unique;
mod versions;

pub use articles::find_sku;
pub use bound::bound;
pub use holder::{Holder, find_holder, holder_type};
pub use inventory::{InventoryChange, LARGEST_INVENTORY, PriceRows, change_inventory};
pub use items::{Writer, list_items};
pub use linked::check as check_linked;
pub use links::save as save_links;
pub use locks::{Changing, lock_before, lock_documents};
pub use named::{find_named, find_published, find_published_by_slug, find_published_id};
pub use owners::{Reach, reach_of};
pub use record_writer::{Done, RecordChange, Records, retire_records, seal_place};
pub use records::{ItemOwner, item_owners};
pub use subjects::{Subject, find_subject, has_price};
pub use subscribers::{Subscriber, find_subscribers, lock_subscriptions};
pub use unique::find_taken;
pub use versions::{NewDocument, Versions, delete, discard, find, insert, publish, revise, unpublish, update};
