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

impl Right {
    /// Each of them, in the order in which permissions are shown.
    pub const ALL: [Self; 8] =
        [Self::Find, Self::FindOne, Self::Create, Self::Update, Self::Delete, Self::Emit, Self::Extensions, Self::Run];

    /// Its name in permissions: `find` in `store.find`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Find => "find",
            Self::FindOne => "findOne",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Emit => "emit",
            Self::Extensions => "extensions",
            Self::Run => "run",
        }
    }

    /// The permission for documents of this type: `store.find`.
    pub fn of(self, content_type: &ContentType) -> String {
        format!("{}.{}", content_type.singular, self.name())
    }
}

/// Rights, each for one content type: a row for each of [`CONTENT_TYPES`], in which each of [`Right::ALL`] is granted or not.
/// A type that is not listed there has no row, and nothing is permitted with its documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Permissions([[bool; Right::ALL.len()]; CONTENT_TYPES.len()]);

impl Permissions {
    /// Reads `store.find`, or `api::store.store.find` as Strapi has it; several are added up.
    ///
    /// Fails with a text that names what is not one, and when there are none.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut permissions = Self::default();
        for name in names {
            let granted = read(name).and_then(|(right, content_type)| permissions.cell(right, content_type));
            *granted.ok_or_else(|| {
                let rights = Right::ALL.map(Right::name).join(", ");
                format!("{name:?} is no permission: a content type and one of {rights}, such as store.find")
            })? = true;
        }
        if permissions == Self::default() {
            Err("no permission is named, such as store.find".into())
        } else {
            Ok(permissions)
        }
    }

    /// Whether `right` is among them for this type.
    pub fn allow(mut self, right: Right, content_type: &ContentType) -> bool {
        self.cell(right, content_type).is_some_and(|granted| *granted)
    }

    /// Where it stands whether `right` is granted for this type; `None` for a type that is none of [`CONTENT_TYPES`].
    fn cell(&mut self, right: Right, content_type: &ContentType) -> Option<&mut bool> {
        let row = self.0.get_mut(content::place_of(content_type)?)?;
        let mut cells = Right::ALL.iter().zip(row);
        cells.find(|(known, _)| **known == right).map(|(_, cell)| cell)
    }

    /// Their names, in the order of types and rights.
    pub fn names(self) -> Vec<String> {
        let of_type = |content_type: &'static ContentType| {
            let allowed = Right::ALL.into_iter().filter(move |right| self.allow(*right, content_type));
            allowed.map(|right| right.of(content_type))
        };
        CONTENT_TYPES.into_iter().flat_map(of_type).collect()
    }
}

fn read(name: &str) -> Option<(Right, &'static ContentType)> {
    let (of, right) = name.rsplit_once('.')?;
    let content_type = match of.contains("::") {
        true => CONTENT_TYPES.into_iter().find(|content_type| content_type.uid == of),
        false => content::find_by_singular(of),
    };
    let right = Right::ALL.into_iter().find(|known| known.name() == right)?;
    Some((right, content_type?))
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
    fn each_permission_grants_one_right_for_one_type() {
        let all = || CONTENT_TYPES.into_iter().flat_map(|of| Right::ALL.map(|right| (right, of)));
        for (right, content_type) in all() {
            let name = right.of(content_type);
            let permissions = Permissions::parse([name.as_str()]).expect("a permission");
            let granted: Vec<_> = all().filter(|(right, of)| permissions.allow(*right, of)).collect();
            assert_eq!(granted.len(), 1, "{name}: {granted:?}");
            assert!(granted[0].0 == right && granted[0].1.uid == content_type.uid, "{name}: {granted:?}");
        }
    }

    #[test]
    fn nothing_is_permitted_with_a_type_that_is_not_listed() {
        static UNLISTED: ContentType = ContentType { uid: "api::event.event", singular: "event", ..STORE };
        let everything = CONTENT_TYPES.into_iter().flat_map(|of| Right::ALL.map(|right| right.of(of)));
        let everything: Vec<String> = everything.collect();
        let permissions = Permissions::parse(everything.iter().map(String::as_str)).expect("permissions");
        for right in Right::ALL {
            assert!(permissions.allow(right, &STORE) && !permissions.allow(right, &UNLISTED), "{right:?}");
        }
    }
}
