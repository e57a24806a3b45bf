//! Content types that an embedding program adds, by facts and a migration alone: articles with a secret and their authors,
//! and items in items that hold extension records.

use std::sync::OnceLock;

use tenon::content::{
    Addition, Catalog, Component, ContentType, EXTENSION, Field, LinkSide, LinkTable, Migration, Relation,
};

/// Something to read.
pub static ARTICLE: ContentType = ContentType {
    number: 100,
    key: "article",
    singular: "article",
    plural: "articles",
    uid: "api::article.article",
    table: "articles",
    description: "Something to read.",
    fields: &[
        Field::string("Title", "title").required().indexed(),
        Field::string("slug", "slug").unique(),
        Field::secret("access", "access", "access_mask"),
        Field::components("Sections", &SECTION),
        Field::components("extensions", &EXTENSION),
        Field::relation(
            "authors",
            Relation { target: &AUTHOR, inverse: "articles", table: &AUTHORS, side: LinkSide::Owner },
        ),
    ],
    ..ContentType::USUAL
};

/// Who writes articles.
pub static AUTHOR: ContentType = ContentType {
    number: 101,
    key: "author",
    singular: "author",
    plural: "authors",
    uid: "api::author.author",
    table: "authors",
    description: "Who writes articles.",
    fields: &[
        Field::string("Name", "name").required().indexed(),
        Field::components("extensions", &EXTENSION),
        Field::relation(
            "articles",
            Relation { target: &ARTICLE, inverse: "authors", table: &AUTHORS, side: LinkSide::Inverse },
        ),
    ],
    public: true,
    ..ContentType::USUAL
};

/// A part of an article.
pub static SECTION: Component = Component {
    uid: "blog.section",
    table: "sections",
    key: "section",
    fields: &[Field::string("Heading", "heading"), Field::components("Notes", &NOTE)],
    ..Component::USUAL
};

/// A note to a section, which handlers can be told of.
pub static NOTE: Component = Component {
    uid: "blog.note",
    table: "notes",
    key: "note",
    fields: &[
        Field::string("Text", "text"),
        Field::secret("key", "key", "key_mask"),
        Field::components("extensions", &EXTENSION),
    ],
    ..Component::USUAL
};

static AUTHORS: LinkTable = LinkTable { name: "article_authors", owner: "article_id", target: "author_id" };

static ADDED: Addition = Addition {
    types: &[&ARTICLE, &AUTHOR],
    components: &[&SECTION, &NOTE],
    migrations: &[Migration {
        name: "2026-12-01-009001_articles",
        sqlite: include_str!("sqlite.sql"),
        postgres: include_str!("postgres.sql"),
    }],
};

/// Tenon's own types, and these.
pub fn catalog() -> &'static Catalog {
    static BUILT: OnceLock<&'static Catalog> = OnceLock::new();
    BUILT.get_or_init(|| Catalog::build(std::slice::from_ref(&ADDED)).unwrap_or_else(|faults| panic!("{faults}")))
}
