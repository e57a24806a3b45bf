//! The facts about content types in the words of Strapi's schemas, for sites that make their own types from them when
//! they are built.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};

use super::answer::{self, Problems};
use super::endpoint::Endpoint;
use super::openapi::names::capital;
use crate::content::{ContentType, Field, Kind, LinkSide};
use crate::error::{Error, Result};
use crate::state::AppState;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::at("/get-strapi-schema/schema/{type}").get(schema)]
}

/// The schema of a content type, as Strapi's plug-in get-strapi-schema answers it
#[utoipa::path(get, path = "/get-strapi-schema/schema/{type}", tag = "operation", operation_id = "getContentSchema",
    security(()),
    params(("type" = String, Path, description = "`store`, `product` or `subscriber`")),
    responses((status = 200, description = "Its attributes, with the type of each", body = Object), Problems))]
pub(super) async fn schema(singular: web::Path<String>, state: web::Data<AppState>) -> Result<HttpResponse> {
    let content_type = state.catalog.find_by_singular(&singular).ok_or(Error::NotFound)?;
    answer::json(StatusCode::OK, &described(content_type)?)
}

fn described(of: &ContentType) -> Result<Value> {
    let mut attributes = Map::new();
    for field in of.fields {
        attributes.insert(field.name.to_owned(), attribute(field)?);
    }
    for time in ["createdAt", "updatedAt", "publishedAt"] {
        attributes.insert(time.to_owned(), json!({"type": "datetime"}));
    }
    let name = capital(of.singular);
    Ok(json!({
        "kind": "collectionType",
        "collectionName": of.plural,
        "info": {
            "singularName": of.singular, "pluralName": of.plural, "displayName": name, "description": of.description
        },
        "options": {"draftAndPublish": true},
        "attributes": attributes,
        "apiName": of.singular,
        "globalId": name,
        "uid": of.uid,
        "modelType": "contentType",
        "modelName": of.singular
    }))
}

fn attribute(field: &Field) -> Result<Value> {
    let mut described = match field.kind {
        Kind::Enumeration(words) => json!({"enum": words}),
        Kind::Media { many } => json!({"multiple": many, "allowedTypes": ["images", "files", "videos", "audios"]}),
        Kind::Component { of, many } => json!({"repeatable": many, "component": of.uid}),
        Kind::Relation(relation) => {
            let inverse = if relation.side == LinkSide::Owner { "inversedBy" } else { "mappedBy" };
            json!({"relation": "manyToMany", "target": relation.target.uid, inverse: relation.inverse})
        }
        _ => json!({}),
    };
    described["type"] = json!(field.kind.name());
    for (name, holds) in [("required", field.required), ("unique", field.unique)] {
        if holds {
            described[name] = json!(true);
        }
    }
    if !field.default.is_empty() {
        described["default"] = serde_json::from_str(field.default)?;
    }
    Ok(described)
}
