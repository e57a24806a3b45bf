//! The components, one file each.

mod extension;
mod price;
mod seo;
mod tag;
mod url;

pub use extension::EXTENSION;
pub use price::PRICE;
pub use seo::SEO;
pub use tag::TAG;
pub use url::URL;
