//! From the `data` of a body to an [`Input`]: every value checked, all problems reported in one answer.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::input::{Input, Item, Links, Value};
use super::references::{is_change, placed_references, references, whole_number};
use super::scalars::{ValueError, check_length, missing, parsed, read, wrong_type};
use super::{Component, ContentType, Field, Kind, Shape};
use crate::error::{Error, KeyPath, Problem, Result, Source};
use crate::limits::{ALL_ITEMS, ITEMS};
use crate::nesting;

/// The id of no item: they are counted from 1.
const NO_ITEM: i64 = 0;

/// Which rules apply.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The version will be published: required fields and formats count.
    pub publishing: bool,
    /// The document is new: defaults and required fields are filled in and missed.
    pub creating: bool,
}

/// The object that the `data` of a body must be.
pub fn object(data: Json) -> Result<Map<String, Json>> {
    match data {
        Json::Object(members) => Ok(members),
        other => {
            let message = format!(
                "this must be a `object` type, but the final value was: `null` (cast from the value `{}`).",
                super::print::print(&other)
            );
            Err(Error::Invalid(vec![Problem { path: Vec::new(), message, value: Some(Json::Null) }]))
        }
    }
}

/// Refuses keys that the content type does not have, or that belong to the server.
pub fn check_keys(content_type: &'static ContentType, data: &Map<String, Json>) -> Result<()> {
    const IGNORED: [&str; 2] = ["publishedAt", "locale"];
    const SYSTEM: [&str; 5] = ["createdAt", "updatedAt", "createdBy", "updatedBy", "localizations"];
    for (key, value) in data {
        let Some(field) = Shape::Document(content_type).find_field(key) else {
            let path = match key.as_str() {
                key if IGNORED.contains(&key) => continue,
                "id" | "documentId" => KeyPath::Absent,
                key if SYSTEM.contains(&key) => KeyPath::At(key.to_owned()),
                _ => return Err(unknown(key, KeyPath::Null, Shape::Document(content_type))),
            };
            return Err(Error::misplaced_key(key, path, Source::Body));
        };
        check_nested_keys(field, value, field.name)?;
    }
    Ok(())
}

/// Refuses keys that the component does not have. `id` is one of them: the path says which item is meant.
pub fn check_item_keys(component: &'static Component, data: &Map<String, Json>) -> Result<()> {
    for (key, value) in data {
        let Some(field) = Shape::Component(component).find_field(key) else {
            return Err(match key.as_str() {
                "id" => Error::misplaced_key(key, KeyPath::Absent, Source::Body),
                _ => unknown(key, KeyPath::Null, Shape::Component(component)),
            });
        };
        check_nested_keys(field, value, field.name)?;
    }
    Ok(())
}

fn unknown(key: &str, path: KeyPath, shape: Shape) -> Error {
    Error::unknown_key(key, path, Source::Body, shape.fields().iter().map(|field| field.name))
}

fn check_nested_keys(field: &Field, value: &Json, path: &str) -> Result<()> {
    // What Strapi takes beside the attributes of a document that is linked.
    const OF_LINKS: [&str; 11] = [
        "documentId",
        "connect",
        "disconnect",
        "set",
        "options",
        "createdAt",
        "updatedAt",
        "publishedAt",
        "createdBy",
        "updatedBy",
        "locale",
    ];
    let (shape, beside) = match field.kind {
        Kind::Component { of, .. } => (Shape::Component(of), &[][..]),
        Kind::Relation(relation) => (Shape::Document(relation.target), &OF_LINKS[..]),
        _ => return Ok(()),
    };
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    for (key, value) in items.iter().filter_map(Json::as_object).flatten() {
        match shape.find_field(key) {
            Some(field) => check_nested_keys(field, value, &format!("{path}.{}", field.name))?,
            None if key == "id" || beside.contains(&key.as_str()) => {}
            None => return Err(unknown(key, KeyPath::At(path.to_owned()), shape)),
        }
    }
    Ok(())
}

/// Checks every value of `data`. All problems come in one [`Error::Invalid`].
pub fn validate(content_type: &'static ContentType, data: &Map<String, Json>, rules: Rules) -> Result<Input> {
    validated(Checker::of_body(rules), Shape::Document(content_type), data, rules)
}

/// Checks every value of a whole document that is stored and shall be published. The limits of a body do not apply: what was
/// stored before they were is no obstacle to a change of something else.
pub fn validate_stored(content_type: &'static ContentType, data: &Map<String, Json>) -> Result<()> {
    let rules = Rules { publishing: true, creating: false };
    let check = Checker { is_stored: true, ..Checker::of_body(rules) };
    validated(check, Shape::Document(content_type), data, rules).map(drop)
}

/// What [`validate`] finds, as a list: none when all is well.
///
/// Fails when there was another error.
pub fn problems<T>(checked: Result<T>) -> Result<Vec<Problem>> {
    match checked {
        Ok(_) => Ok(Vec::new()),
        Err(Error::Invalid(problems)) => Ok(problems),
        Err(other) => Err(other),
    }
}

/// Checks every value of an item that comes by itself, as [`validate`] does.
pub fn validate_item(component: &'static Component, data: &Map<String, Json>, rules: Rules) -> Result<Input> {
    validated(Checker::of_body(rules), Shape::Component(component), data, rules)
}

fn validated(mut check: Checker, shape: Shape, data: &Map<String, Json>, rules: Rules) -> Result<Input> {
    let input = check.object(shape, data, rules.creating);
    match (check.problems, check.no_moment) {
        (problems, _) if !problems.is_empty() => Err(Error::Invalid(problems)),
        (_, true) => Err(Error::Validation("Invalid format, expected a timestamp or an ISO date".into())),
        _ => Ok(input),
    }
}

/// What `data` asks of the links of a document, in its own order, whatever else is wrong with it. Links that cannot be told
/// are left out.
pub fn links(content_type: &'static ContentType, data: &Map<String, Json>) -> Vec<(&'static Field, Links)> {
    let shape = Shape::Document(content_type);
    let mut check = Checker::of_body(Rules { publishing: false, creating: false });
    let mut link = |(name, json): (&String, &Json)| {
        let field = shape.find_field(name).filter(|field| matches!(field.kind, Kind::Relation(_)))?;
        Some((field, check.links(json)?))
    };
    data.iter().filter_map(&mut link).collect()
}

struct Checker {
    publishing: bool,
    path: Vec<String>,
    problems: Vec<Problem>,
    no_moment: bool,
    /// How many items there were so far, within other items too.
    items: usize,
    /// Whether the values are stored already.
    is_stored: bool,
}

impl Checker {
    fn of_body(rules: Rules) -> Self {
        let (path, problems) = (Vec::new(), Vec::new());
        Self { publishing: rules.publishing, path, problems, no_moment: false, items: 0, is_stored: false }
    }

    fn object(&mut self, shape: Shape, data: &Map<String, Json>, new: bool) -> Input {
        let mut input = Input::default();
        for field in shape.fields() {
            self.path.push(field.name.to_owned());
            match data.get(field.name) {
                Some(_) if field.server_owned && !new => {}
                Some(Json::Null) if field.never_null => self.absent(field, &mut input),
                Some(json) => self.field(field, json, &mut input, new),
                None if new => self.absent(field, &mut input),
                None => {}
            }
            self.path.pop();
        }
        input
    }

    fn field(&mut self, field: &'static Field, json: &Json, input: &mut Input, new: bool) {
        match field.kind {
            Kind::Media { .. } if json.is_null() || json.as_array().is_some_and(Vec::is_empty) => {}
            Kind::Media { .. } => self.refuse("must be null or empty: there is no media library", json),
            Kind::Component { of, many: true } => {
                if let Some(items) = self.items(of, json, new) {
                    input.items.push((field, items));
                }
            }
            Kind::Component { of, many: false } => {
                if let Some(items) = self.single(of, json, new) {
                    input.items.push((field, items));
                }
            }
            Kind::Secret => match self.check_length(field, json).and_then(|()| parsed(json)) {
                Ok(secret) => input.secrets.push((field, secret)),
                Err(fault) => self.fault(fault),
            },
            Kind::Relation(_) => {
                if let Some(links) = self.links(json) {
                    input.links.push((field, links));
                }
            }
            _ => {
                if let Some(value) = self.scalar(field, json) {
                    input.values.push((field, value));
                }
            }
        }
    }

    /// A field that a new document or item does not name.
    fn absent(&mut self, field: &'static Field, input: &mut Input) {
        if !field.kind.is_scalar() {
            return;
        }
        if matches!(field.kind, Kind::Secret) {
            return input.secrets.push((field, Json::Null));
        }
        let default = match field.default {
            "" => Json::Null,
            // Checked when the catalogue was built.
            text => nesting::read(text).unwrap_or_default(),
        };
        if let Some(value) = self.scalar(field, &default) {
            input.values.push((field, value));
        }
    }

    fn scalar(&mut self, field: &'static Field, json: &Json) -> Option<Value> {
        let value = match json {
            Json::Null if field.required && self.publishing => Err(missing()),
            Json::Null => Ok(Value::Null),
            json => self.check_length(field, json).and_then(|()| read(field, json, self.publishing)),
        };
        value.map_err(|fault| self.fault(fault)).ok()
    }

    /// What is stored was taken before there were limits.
    fn check_length(&self, field: &Field, json: &Json) -> Result<(), ValueError> {
        if self.is_stored { Ok(()) } else { check_length(field, json) }
    }

    fn items(&mut self, of: &'static Component, json: &Json, new: bool) -> Option<Vec<Item>> {
        let Json::Array(list) = json else {
            self.refuse(&wrong_type("array", json), json);
            return None;
        };
        if !self.has_room_for(list.len()) {
            return None;
        }
        let mut items: Vec<Item> = Vec::with_capacity(list.len());
        for (place, json) in list.iter().enumerate() {
            self.path.push(place.to_string());
            items.extend(self.item(of, json, new));
            self.path.pop();
        }
        Some(last_of_each(items))
    }

    /// Counts the items of a list, and refuses them when they are too many.
    fn has_room_for(&mut self, items: usize) -> bool {
        let before = self.items;
        self.items += items;
        if self.is_stored {
            return true;
        }
        if items > ITEMS.most {
            self.refuse(&ITEMS.words("has"), &Json::Null);
        } else if before <= ALL_ITEMS.most && self.items > ALL_ITEMS.most {
            self.refuse(&ALL_ITEMS.words("and the lists before it have"), &Json::Null);
        }
        items <= ITEMS.most && self.items <= ALL_ITEMS.most
    }

    fn single(&mut self, of: &'static Component, json: &Json, new: bool) -> Option<Vec<Item>> {
        match json {
            Json::Null => Some(Vec::new()),
            Json::Object(_) => self.item(of, json, new).map(|item| vec![item]),
            _ => {
                self.refuse(&wrong_type("object", json), json);
                None
            }
        }
    }

    fn item(&mut self, of: &'static Component, json: &Json, new: bool) -> Option<Item> {
        let Json::Object(data) = json else {
            let wanted = "must be a `object` type, but the final value was: `null`";
            let message = match json {
                Json::Null => format!("{wanted}."),
                _ => format!("{wanted} (cast from the value `{}`).", super::print::print(json)),
            };
            self.refuse(&message, &Json::Null);
            return None;
        };
        // A new document takes no items from elsewhere: their ids are ignored. What is no number is the id of no item.
        let named = data.get("id").filter(|id| !new && !id.is_null());
        let id = named.map(|id| whole_number(id).unwrap_or(NO_ITEM));
        Some(Item { id, input: self.object(Shape::Component(of), data, id.is_none()) })
    }

    fn links(&mut self, json: &Json) -> Option<Links> {
        match json {
            Json::Null => Some(Links::Set(Vec::new())),
            Json::Object(data) if is_change(data) && self.names_too_many(data) => None,
            Json::Object(data) if is_change(data) => match data.get("set") {
                Some(set) => Some(Links::Set(references(set))),
                None => Some(Links::Change {
                    connect: data.get("connect").map(placed_references).unwrap_or_default(),
                    disconnect: data.get("disconnect").map(references).unwrap_or_default(),
                }),
            },
            Json::Array(list) if list.len() > ITEMS.most && !self.is_stored => {
                self.refuse(&ITEMS.words("has"), &Json::Null);
                None
            }
            Json::Object(data) if data.is_empty() => None,
            Json::Bool(_) => {
                self.refuse("must be documents, or an object with connect, disconnect or set", json);
                None
            }
            json => Some(Links::Set(references(json))),
        }
    }

    /// Whether a list of a change of links has too many, which is refused.
    fn names_too_many(&mut self, data: &Map<String, Json>) -> bool {
        let problems = self.problems.len();
        for member in ["set", "connect", "disconnect"] {
            if data.get(member).and_then(Json::as_array).is_some_and(|list| list.len() > ITEMS.most) {
                self.path.push(member.to_owned());
                self.refuse(&ITEMS.words("has"), &Json::Null);
                self.path.pop();
            }
        }
        self.problems.len() > problems
    }

    fn refuse(&mut self, message: &str, value: &Json) {
        self.fault(ValueError::Refused(message.to_owned(), value.clone()));
    }

    fn fault(&mut self, fault: ValueError) {
        match fault {
            ValueError::NoMoment => self.no_moment = true,
            ValueError::Refused(message, value) => {
                let message = format!("{} {message}", written(&self.path));
                self.problems.push(Problem { path: self.path.clone(), message, value: Some(value) });
            }
        }
    }
}

/// An item that is named twice stands once, where it was named last.
fn last_of_each(items: Vec<Item>) -> Vec<Item> {
    let mut named = HashSet::new();
    let is_last = |item: &Item| item.id.is_none_or(|id| named.insert(id));
    let mut kept: Vec<Item> = items.into_iter().rev().filter(is_last).collect();
    kept.reverse();
    kept
}

/// `PRICES[0].Price`.
pub(super) fn written(path: &[String]) -> String {
    let mut out = String::new();
    for part in path {
        match part.bytes().all(|byte| byte.is_ascii_digit()) {
            true => out.push_str(&format!("[{part}]")),
            false if out.is_empty() => out.push_str(part),
            false => out.push_str(&format!(".{part}")),
        }
    }
    out
}
