//! What is wrong with the facts of a catalogue, found when the program starts and not when a request meets it.

use std::collections::HashMap;

use super::migration::Migration;
use super::{Component, ContentType, Field, Kind, LinkSide, Relation, Shape, StoreLink};

/// What stands below `/api` and is no content type.
const RESERVED: [&str; 9] =
    ["auth", "connect", "content-type-builder", "i18n", "track", "triggers", "upload", "users", "users-permissions"];
/// Attributes that every document has, or that Strapi's clients take for such.
const SYSTEM: [&str; 9] =
    ["id", "documentId", "createdAt", "updatedAt", "publishedAt", "createdBy", "updatedBy", "locale", "localizations"];
/// The columns that every table of documents has, and those of every table of items.
const OF_DOCUMENTS: [&str; 7] =
    ["id", "draft_id", "document_id", "created_at", "updated_at", "published_at", "revision"];
/// See [`OF_DOCUMENTS`].
const OF_ITEMS: [&str; 5] = ["owner_field", "owner_id", "parent_id", "id", "position"];
/// The longest name that PostgreSQL keeps whole.
const LONGEST_NAME: usize = 63;
/// The highest number of a content type.
const HIGHEST_NUMBER: u16 = 9999;

/// Fails, naming each fault in a line, when the facts do not fit together.
pub(super) fn check(
    types: &[&'static ContentType],
    components: &[&'static Component],
    migrations: &[&'static Migration],
) -> Result<(), String> {
    let mut facts = Facts { types, components, faults: Vec::new() };
    facts.names();
    let documents = types.iter().copied().map(Shape::Document);
    for shape in documents.chain(components.iter().copied().map(Shape::Component)) {
        facts.shape(shape);
    }
    facts.unique("the migration", migrations.iter().map(|migration| (migration.name, migration.name.to_owned())));
    if facts.faults.is_empty() { Ok(()) } else { Err(facts.faults.join("\n")) }
}

struct Facts<'a> {
    types: &'a [&'static ContentType],
    components: &'a [&'static Component],
    faults: Vec<String>,
}

impl Facts<'_> {
    fn fault(&mut self, uid: &str, problem: impl std::fmt::Display) {
        self.faults.push(format!("{uid}: {problem}"));
    }

    /// Refuses what two have of which each must have its own.
    fn unique<'n>(&mut self, what: &str, names: impl Iterator<Item = (&'n str, String)>) {
        let mut owners: HashMap<String, &str> = HashMap::new();
        for (owner, name) in names {
            if let Some(other) = owners.insert(name.clone(), owner) {
                self.fault(owner, format_args!("{what} {name:?} is that of {other} already"));
            }
        }
    }

    fn names(&mut self) {
        let (types, components) = (self.types, self.components);
        let of_types = |name: fn(&ContentType) -> &str| types.iter().map(move |one| (one.uid, name(one).to_owned()));
        let of_both = |of_type: fn(&ContentType) -> &str, of_component: fn(&Component) -> &str| {
            of_types(of_type).chain(components.iter().map(move |one| (one.uid, of_component(one).to_owned())))
        };
        self.unique("the number", types.iter().map(|one| (one.uid, one.number.to_string())));
        self.unique("the uid", of_both(|one| one.uid, |one| one.uid));
        self.unique("the key", of_both(|one| one.key, |one| one.key));
        self.unique("the singular name", of_types(|one| one.singular));
        self.unique("the plural name", of_types(|one| one.plural));
        let links = owned_relations(types).map(|(uid, relation)| (uid, relation.table.name.to_owned()));
        self.unique("the table", of_both(|one| one.table, |one| one.table).chain(links));

        for one in types.iter().copied() {
            if !(1..=HIGHEST_NUMBER).contains(&one.number) {
                self.fault(one.uid, format_args!("its number must be from 1 to {HIGHEST_NUMBER}"));
            }
            if RESERVED.contains(&one.plural) {
                self.fault(one.uid, format_args!("/api/{} is taken: it needs another plural name", one.plural));
            }
            for name in [one.singular, one.plural].into_iter().filter(|name| !is_name(name)) {
                self.fault(one.uid, format_args!("{name:?} is no name: it begins with a-z and has a-z, 0-9 and -"));
            }
            if let Some(problem) = self.find_fault_of_capabilities(one) {
                self.fault(one.uid, problem);
            }
            let system = one.fields.iter().find(|field| SYSTEM.contains(&field.name));
            if let Some(field) = system {
                self.fault(one.uid, format_args!("the attribute {} is one that every document has", field.name));
            }
        }
    }

    fn shape(&mut self, shape: Shape) {
        let uid = shape.uid();
        let system: &[&str] = if matches!(shape, Shape::Document(_)) { &OF_DOCUMENTS } else { &OF_ITEMS };
        for name in [shape.key(), shape.table()].into_iter().filter(|name| !is_identifier(name)) {
            self.fault(uid, format_args!("{name:?} is no name of a table: it begins with a-z and has a-z, 0-9 and _"));
        }
        let fields = shape.fields();
        self.unique(&format!("in {uid} the name"), fields.iter().map(|field| (field.name, field.name.to_owned())));
        let columns = fields.iter().flat_map(|field| [(field, field.column), (field, field.mask_column)]);
        let columns: Vec<_> = columns.filter(|(_, column)| !column.is_empty()).collect();
        self.unique(
            &format!("in {uid} the column"),
            columns.iter().map(|(field, name)| (field.name, (*name).to_owned())),
        );
        for (field, column) in columns {
            if !is_identifier(column) || system.contains(&column) {
                self.fault(uid, format_args!("{}: {column:?} cannot be its column", field.name));
            }
        }
        for field in fields {
            self.field(shape, field);
        }
    }

    fn field(&mut self, shape: Shape, field: &'static Field) {
        let uid = shape.uid();
        let mut fault = |problem: &dyn std::fmt::Display| self.fault(uid, format_args!("{}: {problem}", field.name));
        if field.kind.is_scalar() && field.column.is_empty() {
            fault(&"it has no column");
        }
        if !field.default.is_empty() && serde_json::from_str::<serde_json::Value>(field.default).is_err() {
            fault(&"its default is no JSON");
        }
        match field.kind {
            Kind::Secret if field.mask_column.is_empty() => fault(&"a secret needs a column for its mask"),
            Kind::Secret if field.required || field.unique || !field.default.is_empty() => {
                fault(&"a secret cannot be required or unique, and has no default");
            }
            Kind::Component { of, many } => {
                if !self.components.iter().any(|known| std::ptr::eq(*known, of)) {
                    self.fault(uid, format_args!("{}: the component {} is not in the catalogue", field.name, of.uid));
                }
                if of.is_records() && (field.name != "extensions" || !many) {
                    self.fault(uid, format_args!("{}: a list of extension records is called extensions", field.name));
                }
                if holds_itself(of) {
                    self.fault(uid, format_args!("{}: the component {} holds itself", field.name, of.uid));
                }
            }
            Kind::Relation(relation) => {
                if let Some(problem) = self.find_fault_of_relation(shape, field, relation) {
                    self.fault(uid, format_args!("{}: {problem}", field.name));
                }
            }
            _ => {}
        }
    }

    fn find_fault_of_capabilities(&self, one: &'static ContentType) -> Option<String> {
        let shape = Shape::Document(one);
        let is_store = |target: &ContentType| target.store == StoreLink::Itself;
        if let StoreLink::Through(name) = one.store
            && !one.store_relation().is_some_and(|to| to.side == LinkSide::Owner && is_store(to.target))
        {
            return Some(format!("{name:?} is no relation to stores that it owns"));
        }
        let counts = |field: &Field| matches!(field.kind, Kind::Integer);
        if !one.stock.is_empty() && !shape.find_field(one.stock).is_some_and(counts) {
            return Some(format!("{:?} is no integer that could count its stock", one.stock));
        }
        let moments = one.events.map_or(&[][..], |events| events.moments);
        let lost = moments.iter().find(|moment| shape.find_field(moment.field).is_none());
        if let Some(moment) = lost {
            return Some(format!("{:?}, which emits {}, is none of its attributes", moment.field, moment.trigger));
        }
        let same = |other: &&&ContentType| {
            other.prices().and_then(Field::held).map(|of| of.key) == one.prices().and_then(Field::held).map(|of| of.key)
        };
        let other = self.types.iter().find(|other| other.uid != one.uid && one.prices().is_some() && same(other));
        other.map(|other| format!("its prices are those of {} already", other.uid))
    }

    fn find_fault_of_relation(&self, shape: Shape, field: &Field, relation: Relation) -> Option<String> {
        let Shape::Document(own) = shape else { return Some("a component cannot have relations".to_owned()) };
        let target = relation.target;
        if !self.types.iter().any(|known| std::ptr::eq(*known, target)) {
            return Some(format!("it leads to {}, which is not in the catalogue", target.uid));
        }
        let other = Shape::Document(target).find_field(relation.inverse);
        let Some(Kind::Relation(back)) = other.map(|other| other.kind) else {
            return Some(format!("its inverse {:?} is no relation of {}", relation.inverse, target.uid));
        };
        let fits = std::ptr::eq(back.target, own)
            && back.inverse == field.name
            && std::ptr::eq(back.table, relation.table)
            && back.side != relation.side;
        let names = [relation.table.name, relation.table.owner, relation.table.target];
        if !fits {
            return Some(format!("its inverse {:?} of {} is that of another relation", relation.inverse, target.uid));
        }
        names
            .into_iter()
            .find(|name| !is_identifier(name))
            .map(|name| format!("{name:?} is no name of a table or column"))
    }
}

/// The relations of each type that it owns, with its uid.
fn owned_relations<'a>(types: &'a [&'static ContentType]) -> impl Iterator<Item = (&'static str, Relation)> + 'a {
    types.iter().flat_map(|one| {
        one.fields.iter().filter_map(|field| match field.kind {
            Kind::Relation(relation) if relation.side == LinkSide::Owner => Some((one.uid, relation)),
            _ => None,
        })
    })
}

/// Whether a component is among those that it holds.
fn holds_itself(component: &'static Component) -> bool {
    let mut found: Vec<&Component> = Vec::new();
    let mut next = vec![component];
    while let Some(one) = next.pop() {
        for held in one.components() {
            if std::ptr::eq(held, component) {
                return true;
            }
            if !found.iter().any(|known| std::ptr::eq(*known, held)) {
                found.push(held);
                next.push(held);
            }
        }
    }
    false
}

fn is_name(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name.len() <= LONGEST_NAME
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::super::types::{PRODUCT, STORE};
    use super::super::{Addition, Catalog, LinkTable, SEO};
    use super::*;

    static NOTE: ContentType = ContentType {
        number: 100,
        key: "note",
        singular: "note",
        plural: "notes",
        uid: "api::note.note",
        table: "notes",
        description: "A note.",
        fields: &[Field::string("Text", "text")],
        ..ContentType::USUAL
    };
    static UNLISTED: Component =
        Component { uid: "test.unlisted", table: "unlisted", key: "unlisted", ..Component::USUAL };
    static LINKS: LinkTable = LinkTable { name: "note_stores", owner: "note_id", target: "store_id" };
    static TO_STORES: Relation = Relation { target: &STORE, inverse: "notes", table: &LINKS, side: LinkSide::Owner };
    static TO_NOTES: Relation = Relation { target: &NOTE, inverse: "Text", table: &LINKS, side: LinkSide::Owner };

    fn faults(one: ContentType) -> String {
        let types: &'static [&'static ContentType] = Box::leak(Box::new([&*Box::leak(Box::new(one))]));
        let refused = Catalog::build(&[Addition { types, components: &[], migrations: &[] }]);
        refused.err().unwrap_or_default()
    }

    fn with_field(field: Field) -> String {
        faults(ContentType { fields: Box::leak(Box::new([field])), ..NOTE })
    }

    #[test]
    fn what_two_types_cannot_share_is_named() {
        assert_eq!(faults(NOTE), "");
        for (one, wanted) in [
            (ContentType { number: STORE.number, ..NOTE }, "the number \"1\" is that of api::store.store"),
            (ContentType { uid: STORE.uid, ..NOTE }, "the uid \"api::store.store\""),
            (ContentType { key: "price", ..NOTE }, "the key \"price\" is that of"),
            (ContentType { singular: PRODUCT.singular, ..NOTE }, "the singular name \"product\""),
            (ContentType { plural: PRODUCT.plural, ..NOTE }, "the plural name \"products\""),
            (ContentType { table: SEO.table, ..NOTE }, "the table \"seos\" is that of"),
            (ContentType { table: "product_stores", ..NOTE }, "the table \"product_stores\""),
        ] {
            let found = faults(one);
            assert!(found.contains(wanted), "{found}");
        }
    }

    #[test]
    fn names_that_lead_nowhere_or_elsewhere_are_refused() {
        for (one, wanted) in [
            (ContentType { number: 0, ..NOTE }, "its number must be from 1 to 9999"),
            (ContentType { store: StoreLink::Through("Text"), ..NOTE }, "\"Text\" is no relation to stores"),
            (ContentType { stock: "Text", ..NOTE }, "\"Text\" is no integer"),
            (ContentType { plural: "triggers", ..NOTE }, "/api/triggers is taken"),
            (ContentType { plural: "No", ..NOTE }, "\"No\" is no name"),
            (ContentType { table: "notes; --", ..NOTE }, "is no name of a table"),
        ] {
            let found = faults(one);
            assert!(found.contains(wanted), "{found}");
        }
    }

    #[test]
    fn attributes_that_cannot_be_kept_are_refused() {
        for (field, wanted) in [
            (Field::string("documentId", "other"), "the attribute documentId is one that every document has"),
            (Field::string("Text", "draft_id"), "Text: \"draft_id\" cannot be its column"),
            (Field::string("Text", ""), "Text: it has no column"),
            (Field::string("Text", "text").default("x"), "Text: its default is no JSON"),
            (Field::component("Part", &UNLISTED), "Part: the component test.unlisted is not in the catalogue"),
            (Field::relation("stores", TO_STORES), "its inverse \"notes\" is no relation of api::store.store"),
            (Field::relation("notes", TO_NOTES), "it leads to api::note.note, which is not in the catalogue"),
        ] {
            let found = with_field(field);
            assert!(found.contains(wanted), "{found}");
        }
    }
}
