//! What can be permitted for each content type alone: `store.find`.

use std::collections::{BTreeMap, HashSet};
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::content::{Catalog, ContentType};

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

/// Rights, each for one content type. A type that is not named has none, and nothing is permitted with its documents.
///
/// It is a reference to what stays in memory until the program ends: sets that are the same share it, so there are as many as
/// tokens are permitted different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permissions(&'static [Granted]);

/// What is permitted with the documents of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Granted {
    /// The type's number.
    of: u16,
    /// The type's singular name.
    name: &'static str,
    /// Which of [`Right::ALL`].
    rights: [bool; Right::ALL.len()],
}

impl Permissions {
    /// Reads `store.find`, or `api::store.store.find` as Strapi has it; several are added up.
    ///
    /// Fails with a text that names what is not one, and when there are none.
    pub fn parse<'a>(catalog: &Catalog, names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let unknown = |name: &str| {
            let rights = Right::ALL.map(Right::name).join(", ");
            format!("{name:?} is no permission: a content type and one of {rights}, such as store.find")
        };
        let named: Vec<_> =
            names.into_iter().map(|name| read(catalog, name).ok_or_else(|| unknown(name))).collect::<Result<_, _>>()?;
        if named.is_empty() {
            return Err("no permission is named, such as store.find".into());
        }
        Ok(Self::of(named))
    }

    /// Reads what was stored of permissions. A name that is none any more permits nothing: its type may belong to a program
    /// that embedded Tenon.
    pub fn of_stored<'a>(catalog: &Catalog, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of(names.into_iter().filter_map(|name| read(catalog, name)))
    }

    fn of(named: impl IntoIterator<Item = (Right, &'static ContentType)>) -> Self {
        let mut granted: BTreeMap<u16, Granted> = BTreeMap::new();
        for (right, of) in named {
            let none = Granted { of: of.number, name: of.singular, rights: Default::default() };
            granted.entry(of.number).or_insert(none).rights[right as usize] = true;
        }
        Self(shared(granted.into_values().collect()))
    }

    /// Whether `right` is among them for this type.
    pub fn allow(self, right: Right, content_type: &ContentType) -> bool {
        self.0.iter().any(|granted| granted.of == content_type.number && granted.rights[right as usize])
    }

    /// Their names, in the order of types and rights.
    pub fn names(self) -> Vec<String> {
        let of_type = |granted: &'static Granted| {
            let allowed = Right::ALL.into_iter().filter(move |right| granted.rights[*right as usize]);
            allowed.map(|right| format!("{}.{}", granted.name, right.name()))
        };
        self.0.iter().flat_map(of_type).collect()
    }
}

/// The one place where a set of rights is kept.
fn shared(granted: Vec<Granted>) -> &'static [Granted] {
    static KEPT: LazyLock<Mutex<HashSet<&'static [Granted]>>> = LazyLock::new(Mutex::default);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.get(granted.as_slice()) {
        return known;
    }
    let new: &'static [Granted] = Vec::leak(granted);
    kept.insert(new);
    new
}

fn read(catalog: &Catalog, name: &str) -> Option<(Right, &'static ContentType)> {
    let (of, right) = name.rsplit_once('.')?;
    let content_type = if of.contains("::") { catalog.find_by_uid(of) } else { catalog.find_by_singular(of) };
    let right = Right::ALL.into_iter().find(|known| known.name() == right)?;
    Some((right, content_type?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{PRODUCT, STORE, test_catalog};

    fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Permissions, String> {
        Permissions::parse(test_catalog(), names)
    }

    #[test]
    fn permissions_are_read_by_their_names_and_written_by_them() {
        let read = parse(["product.findOne", "api::store.store.find", "store.emit"]).expect("permissions");
        assert_eq!(read.names(), ["store.find", "store.emit", "product.findOne"]);
        assert!(
            read.allow(Right::Find, &STORE)
                && !read.allow(Right::Find, &PRODUCT)
                && !read.allow(Right::FindOne, &STORE)
        );
        let again = read.names();
        assert_eq!(parse(again.iter().map(String::as_str)), Ok(read));
    }

    #[test]
    fn what_is_no_permission_is_refused_by_name() {
        for name in ["", "find", "store", "stores.find", "store.read", "api::store.find"] {
            let Err(problem) = parse([name]) else { panic!("{name} is refused") };
            assert!(problem.contains(&format!("{name:?}")) && problem.contains("store.find"), "{problem}");
        }
        assert!(parse([]).is_err());
    }

    #[test]
    fn each_permission_grants_one_right_for_one_type() {
        let all = || test_catalog().types().flat_map(|of| Right::ALL.map(|right| (right, of)));
        for (right, content_type) in all() {
            let name = right.of(content_type);
            let permissions = parse([name.as_str()]).expect("a permission");
            let granted: Vec<_> = all().filter(|(right, of)| permissions.allow(*right, of)).collect();
            assert_eq!(granted.len(), 1, "{name}: {granted:?}");
            assert!(granted[0].0 == right && granted[0].1.uid == content_type.uid, "{name}: {granted:?}");
        }
    }

    #[test]
    fn sets_that_are_the_same_are_kept_once() {
        let [one, other] = [["store.find", "product.find"], ["product.find", "store.find"]]
            .map(|names| parse(names).expect("permissions"));
        assert!(std::ptr::eq(one.0, other.0));
    }

    #[test]
    fn nothing_is_permitted_with_a_type_that_is_not_listed() {
        static UNLISTED: ContentType = ContentType { number: 4, uid: "api::event.event", singular: "event", ..STORE };
        let everything = test_catalog().types().flat_map(|of| Right::ALL.map(|right| right.of(of)));
        let everything: Vec<String> = everything.collect();
        let permissions = parse(everything.iter().map(String::as_str)).expect("permissions");
        for right in Right::ALL {
            assert!(permissions.allow(right, &STORE) && !permissions.allow(right, &UNLISTED), "{right:?}");
        }
    }
}
