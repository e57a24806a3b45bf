use crate::content::{Component, Field};

/// What search engines are told of a page.
pub static SEO: Component = Component {
    uid: "common.seo",
    table: "seos",
    key: "seo",
    fields: &[
        Field::string("metaTitle", "meta_title"),
        Field::string("metaDescription", "meta_description"),
        Field::string("metaKeywords", "meta_keywords"),
        Field::string("metaAuthor", "meta_author"),
        Field::string("metaUrl", "meta_url"),
        Field::date_time("metaDate", "meta_date"),
        Field::boolean("excludeFromSearch", "exclude_from_search").default("false"),
        Field::media("socialImage"),
    ],
    ..Component::USUAL
};
