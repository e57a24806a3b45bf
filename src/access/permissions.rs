//! What can be permitted for each content type alone: `store.find`.

use crate::content::{self, CONTENT_TYPES, ContentType};

/// Something that can be done with the documents of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Read lists of them, and those that others are linked to.
    Find,
    /// Read one.
    FindOne,
    /// Create them.
    Create,
    /// Change, publish and withdraw them.
    Update,
    /// Delete them.
    Delete,
    /// Emit triggers for them.
    Emit,
    /// Add, change and remove their extension records, one by one.
    Extensions,
    /// Run their extension records by hand, cancel their runs and replay them.
    Run,
}

/// A set of rights, each for one content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Permissions(u32);

const RIGHTS: [(&str, Right); 8] = [
    ("find", Right::Find),
    ("findOne", Right::FindOne),
    ("create", Right::Create),
    ("update", Right::Update),
    ("delete", Right::Delete),
    ("emit", Right::Emit),
    ("extensions", Right::Extensions),
    ("run", Right::Run),
];

impl Permissions {
    /// Reads `store.find`, or `api::store.store.find` as Strapi has it; several are added up.
    ///
    /// Fails with a text that names what is not one, and when there are none.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut permissions = Self::default();
        for name in names {
            permissions.0 |= bit_named(name).ok_or_else(|| {
                let rights: Vec<_> = RIGHTS.iter().map(|(name, _)| *name).collect();
                format!(
                    "{name:?} is no permission: a content type and one of {}, such as store.find",
                    rights.join(", ")
                )
            })?;
        }
        if permissions == Self::default() {
            Err("no permission is named, such as store.find".into())
        } else {
            Ok(permissions)
        }
    }

    /// Whether `right` is among them for this type.
    pub fn allow(self, right: Right, content_type: &ContentType) -> bool {
        self.0 & bit(right, content_type) != 0
    }

    /// Their names, in the order of types and rights.
    pub fn names(self) -> Vec<String> {
        let of_type = |content_type: &'static ContentType| {
            let allowed = RIGHTS.iter().filter(move |(_, right)| self.allow(*right, content_type));
            allowed.map(|(name, _)| format!("{}.{name}", content_type.singular))
        };
        CONTENT_TYPES.into_iter().flat_map(of_type).collect()
    }
}

fn bit_named(name: &str) -> Option<u32> {
    let (of, right) = name.rsplit_once('.')?;
    let content_type = match of.contains("::") {
        true => CONTENT_TYPES.into_iter().find(|content_type| content_type.uid == of),
        false => content::find_by_singular(of),
    };
    let (_, right) = RIGHTS.iter().find(|(name, _)| *name == right)?;
    Some(bit(*right, content_type?))
}

fn bit(right: Right, content_type: &ContentType) -> u32 {
    let of = CONTENT_TYPES.iter().position(|known| known.uid == content_type.uid).unwrap_or_default();
    1 << (of * RIGHTS.len() + right as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{PRODUCT, STORE};

    #[test]
    fn permissions_are_read_by_their_names_and_written_by_them() {
        let read = Permissions::parse(["product.findOne", "api::store.store.find", "store.emit"]).expect("permissions");
        assert_eq!(read.names(), ["store.find", "store.emit", "product.findOne"]);
        assert!(
            read.allow(Right::Find, &STORE)
                && !read.allow(Right::Find, &PRODUCT)
                && !read.allow(Right::FindOne, &STORE)
        );
        let again = read.names();
        assert_eq!(Permissions::parse(again.iter().map(String::as_str)), Ok(read));
    }

    #[test]
    fn what_is_no_permission_is_refused_by_name() {
        for name in ["", "find", "store", "stores.find", "store.read", "api::store.find"] {
            let Err(problem) = Permissions::parse([name]) else { panic!("{name} is refused") };
            assert!(problem.contains(&format!("{name:?}")) && problem.contains("store.find"), "{problem}");
        }
        assert!(Permissions::parse([]).is_err());
    }

    #[test]
    fn every_right_of_every_type_has_a_bit_of_its_own() {
        let mut seen = 0;
        for content_type in CONTENT_TYPES {
            for (_, right) in RIGHTS {
                assert_eq!(seen & bit(right, content_type), 0);
                seen |= bit(right, content_type);
            }
        }
        assert_eq!(seen.count_ones() as usize, CONTENT_TYPES.len() * RIGHTS.len());
    }
}
