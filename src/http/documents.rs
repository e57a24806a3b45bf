//! The documents of every content type: one set of routes, made once for each type.

use super::routes::Endpoint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}
