//! What the instance that runs a handler does for it beside HTTP: it keeps attempts apart that would make the same thing
//! twice, and knows the shop's own products.

use std::future::Future;
use std::pin::Pin;

use super::Failure;
use crate::clock::Millis;

/// What a host answers with.
pub type Hosted<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The instance that runs a handler.
pub trait Host: Send + Sync {
    /// Waits until no other attempt holds `name`, in this process or another one of the same instance, and holds it until
    /// the lock is released or dropped. A name should hold no personal data: it is stored as it is.
    ///
    /// Fails with [`Failure::Retry`] when it takes too long.
    fn lock(&self, name: String) -> Hosted<'_, Result<Box<dyn ExternalLock>, Failure>>;

    /// The article number of the product with this documentId, if the product is in the event's store and has one.
    fn find_sku<'a>(&'a self, product: &'a str) -> Hosted<'a, Result<Option<String>, Failure>>;

    /// The link by which `email` is unsubscribed from the event's store: by a POST (RFC 8058), and after a question in a
    /// browser. `None` without a store, and where nothing is sent.
    fn unsubscribe_url(&self, email: &str) -> Option<String>;
}

/// A name that nobody else holds.
pub trait ExternalLock: Send {
    /// When the latest event happened whose values were written under this name; `None` when nothing is remembered.
    fn as_of(&self) -> Option<Millis>;

    /// Lets the next attempt go on, with `as_of` to be remembered where it is later than what is.
    fn release(self: Box<Self>, as_of: Option<Millis>) -> Hosted<'static, ()>;
}

/// A host without an instance, for attempts that send nothing or stand alone: nobody else holds anything, and no product
/// is known.
pub struct Detached;

struct Free;

impl Host for Detached {
    fn lock(&self, _: String) -> Hosted<'_, Result<Box<dyn ExternalLock>, Failure>> {
        Box::pin(async { Ok(Box::new(Free) as Box<dyn ExternalLock>) })
    }

    fn find_sku<'a>(&'a self, _: &'a str) -> Hosted<'a, Result<Option<String>, Failure>> {
        Box::pin(async { Ok(None) })
    }

    fn unsubscribe_url(&self, _: &str) -> Option<String> {
        None
    }
}

impl ExternalLock for Free {
    fn as_of(&self) -> Option<Millis> {
        None
    }

    fn release(self: Box<Self>, _: Option<Millis>) -> Hosted<'static, ()> {
        Box::pin(async {})
    }
}
