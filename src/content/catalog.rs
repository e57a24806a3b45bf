//! The content types and components that the running program has: Tenon's own, and those of a program that embeds it.

use super::check::check;
use super::components::{EXTENSION, PRICE, SEO, TAG, URL};
use super::migration::Migration;
use super::types::{PRODUCT, STORE, SUBSCRIBER};
use super::{Component, ContentType, Field, Shape};

/// The content types and components of the running program. It is built at the start and handed down: by the state, and by
/// each connection.
pub struct Catalog {
    types: Vec<&'static ContentType>,
    components: Vec<&'static Component>,
    migrations: Vec<&'static Migration>,
    /// By their `owner_field`s, in their order.
    holdings: Vec<Holding>,
    by_singular: Index,
    by_plural: Index,
    by_uid: Index,
    /// Whether it has Tenon's own types alone.
    is_built_in: bool,
}

/// Where extension records hang that are kept under an `owner_field`: on documents of a type, or on items in them.
pub struct Holding {
    /// `product.extensions`, `price.extensions`.
    pub owner_field: String,
    /// The type of the documents.
    pub content_type: &'static ContentType,
    /// The lists that lead from the document to the item that holds the records; none where the document does.
    pub path: Vec<&'static Field>,
}

impl Holding {
    /// Whether prices hold the records.
    pub fn is_of_prices(&self) -> bool {
        self.path.last().and_then(|field| field.held()).is_some_and(|of| of.priced)
    }

    /// Those of documents of a type.
    fn of(content_type: &'static ContentType) -> Vec<Self> {
        let mut found = Vec::new();
        Self::find(content_type, Shape::Document(content_type), &mut Vec::new(), &mut found);
        found
    }

    fn find(content_type: &'static ContentType, shape: Shape, path: &mut Vec<&'static Field>, found: &mut Vec<Self>) {
        if shape.records().is_some() {
            found.push(Self { owner_field: shape.records_owner_field(), content_type, path: path.clone() });
        }
        for field in shape.fields() {
            let Some(of) = field.held().filter(|of| of.versioned) else { continue };
            path.push(field);
            Self::find(content_type, Shape::Component(of), path, found);
            path.pop();
        }
    }
}

/// Content types by one of their names, in its order.
struct Index(Vec<(&'static str, &'static ContentType)>);

/// What a program that embeds Tenon adds: content types with their components, and the tables of both.
pub struct Addition {
    /// The content types.
    pub types: &'static [&'static ContentType],
    /// The components that they have and that are not Tenon's.
    pub components: &'static [&'static Component],
    /// The migrations that make the tables, in the order in which they run, after Tenon's own.
    pub migrations: &'static [Migration],
}

/// Tenon's own types and components, whose tables its own migrations make.
static BUILT_IN: Addition = Addition {
    types: &[&STORE, &PRODUCT, &SUBSCRIBER],
    components: &[&EXTENSION, &PRICE, &SEO, &TAG, &URL],
    migrations: &[],
};

impl Catalog {
    /// Tenon's own types and components, and those of `additions`. It stays in memory until the program ends.
    ///
    /// Fails, naming each fault in a line, when facts are missing, twice there or contradict each other.
    pub fn build(additions: &[Addition]) -> Result<&'static Self, String> {
        let parts = || std::iter::once(&BUILT_IN).chain(additions);
        let types: Vec<&'static ContentType> = parts().flat_map(|part| part.types).copied().collect();
        let components: Vec<&'static Component> = parts().flat_map(|part| part.components).copied().collect();
        let migrations: Vec<&'static Migration> = parts().flat_map(|part| part.migrations).collect();
        check(&types, &components, &migrations)?;
        let mut holdings: Vec<Holding> = types.iter().copied().flat_map(Holding::of).collect();
        holdings.sort_by(|one, other| one.owner_field.cmp(&other.owner_field));

        Ok(Box::leak(Box::new(Self {
            holdings,
            by_singular: Index::new(&types, |content_type| content_type.singular),
            by_plural: Index::new(&types, |content_type| content_type.plural),
            by_uid: Index::new(&types, |content_type| content_type.uid),
            is_built_in: additions.is_empty(),
            types,
            components,
            migrations,
        })))
    }

    /// Every content type, in the order in which they are listed.
    pub fn types(&self) -> impl Iterator<Item = &'static ContentType> + Clone {
        self.types.iter().copied()
    }

    /// Every component.
    pub fn components(&self) -> impl Iterator<Item = &'static Component> {
        self.components.iter().copied()
    }

    /// The migrations beside Tenon's own, in the order in which they run.
    pub fn migrations(&self) -> &[&'static Migration] {
        &self.migrations
    }

    /// Whether it has Tenon's own types alone.
    pub fn is_built_in(&self) -> bool {
        self.is_built_in
    }

    /// One more than the highest number of a type.
    pub fn numbers(&self) -> usize {
        self.types.iter().map(|content_type| usize::from(content_type.number) + 1).max().unwrap_or_default()
    }

    /// Where extension records can hang, in the order of their `owner_field`s.
    pub fn holdings(&self) -> &[Holding] {
        &self.holdings
    }

    /// Where extension records hang that are kept under this `owner_field`: `price.extensions`.
    pub fn holdings_of(&self, owner_field: &str) -> impl Iterator<Item = &Holding> {
        let (start, end) = (
            self.holdings.partition_point(|one| one.owner_field.as_str() < owner_field),
            self.holdings.partition_point(|one| one.owner_field.as_str() <= owner_field),
        );
        self.holdings.get(start..end).unwrap_or_default().iter()
    }

    /// The content type whose prices are items of the component with this key: that of the target of their events.
    pub fn find_priced(&self, key: &str) -> Option<&'static ContentType> {
        self.types().find(|one| one.prices().and_then(Field::held).is_some_and(|of| of.key == key))
    }

    /// The content type with this singular name, as it stands in events.
    pub fn find_by_singular(&self, singular: &str) -> Option<&'static ContentType> {
        self.by_singular.find(singular)
    }

    /// The content type with this plural name, as it stands in paths.
    pub fn find_by_plural(&self, plural: &str) -> Option<&'static ContentType> {
        self.by_plural.find(plural)
    }

    /// The content type with this uid, as Strapi names it.
    pub fn find_by_uid(&self, uid: &str) -> Option<&'static ContentType> {
        self.by_uid.find(uid)
    }
}

impl Index {
    fn new(types: &[&'static ContentType], name: impl Fn(&ContentType) -> &'static str) -> Self {
        let mut entries: Vec<_> = types.iter().map(|content_type| (name(content_type), *content_type)).collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        Self(entries)
    }

    fn find(&self, name: &str) -> Option<&'static ContentType> {
        let place = self.0.binary_search_by_key(&name, |(name, _)| name).ok()?;
        self.0.get(place).map(|(_, content_type)| *content_type)
    }
}
