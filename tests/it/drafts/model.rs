//! What draft and publish promise, as maps and lists.
//!
//! A document has a draft and perhaps a published version. Each has its own values and its own items, which keep their
//! identity from version to version. Extension records belong to the document or to the price, whatever the version.
//! Links have two versions too, see [`Links`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::links::Links;
use super::request::{Changes, Doc, Label, LinkChange, Place, Refused, Request, Sent};

#[derive(Debug, Clone, Default)]
pub struct Model {
    documents: BTreeMap<Doc, Document>,
    drafts: Links,
    published: Links,
    records: BTreeMap<Owner, Vec<Item>>,
}

#[derive(Debug, Clone)]
struct Document {
    draft: Content,
    published: Option<Content>,
}

/// What a version has of its own.
#[derive(Debug, Clone, Default, PartialEq)]
struct Content {
    name: u8,
    items: BTreeMap<&'static str, Vec<Item>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Item {
    label: Label,
    value: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Document(Doc),
    Price(Label),
}

impl Model {
    /// Does what `request` asks and returns the triggers that it emits, in any order, or does nothing.
    pub fn apply(&mut self, request: &Request) -> Result<Vec<String>, Refused> {
        let mut after = self.clone();
        let told = after.perform(request)?;
        after.forget_records();
        *self = after;
        Ok(told)
    }

    fn perform(&mut self, request: &Request) -> Result<Vec<String>, Refused> {
        match request {
            Request::Create { doc, changes, publish } => self.create(*doc, changes, *publish),
            Request::Save { doc, changes, publish } => self.save(*doc, changes, *publish),
            Request::Publish(doc) => {
                self.publish(*doc)?;
                Ok(vec![trigger(*doc, "published")])
            }
            Request::Unpublish(doc) => {
                let was_published = self.document(*doc)?.published.take().is_some();
                Ok(if was_published { vec![trigger(*doc, "unpublished")] } else { Vec::new() })
            }
            Request::Discard(doc) => self.discard(*doc),
            Request::Delete(doc) => {
                self.drafts.forget(*doc);
                self.published.forget(*doc);
                self.records.remove(&Owner::Document(*doc));
                Ok(self.documents.remove(doc).map(|_| trigger(*doc, "deleted")).into_iter().collect())
            }
        }
    }

    fn create(&mut self, doc: Doc, changes: &Changes, publish: bool) -> Result<Vec<String>, Refused> {
        self.documents.insert(doc, Document { draft: Content::default(), published: None });
        self.write(doc, changes)?;
        let mut told = vec![trigger(doc, "created")];
        told.extend(price_triggers(&[], &self.document(doc)?.draft.prices()));
        if publish {
            self.publish(doc)?;
            told.push(trigger(doc, "published"));
        }
        Ok(told)
    }

    /// A save tells what changed in the version that its caller looks at: the published one, if there was one and the
    /// save publishes, or else the draft.
    fn save(&mut self, doc: Doc, changes: &Changes, publish: bool) -> Result<Vec<String>, Refused> {
        let was_published = self.document(doc)?.published.is_some();
        let looked_at = publish && was_published;
        let before = self.told_of(doc, looked_at);
        self.write(doc, changes)?;
        if publish {
            self.publish(doc)?;
        }
        let mut told = self.updated(doc, before, looked_at);
        if publish && !was_published {
            told.push(trigger(doc, "published"));
        }
        Ok(told)
    }

    fn write(&mut self, doc: Doc, changes: &Changes) -> Result<(), Refused> {
        let draft = &mut self.document(doc)?.draft;
        draft.name = changes.name.unwrap_or(draft.name);
        for (field, sent) in &changes.items {
            let list = self.document(doc)?.draft.items.get(field).cloned().unwrap_or_default();
            let list = written(&list, sent)?;
            let items = &mut self.document(doc)?.draft.items;
            if list.is_empty() {
                items.remove(field)
            } else {
                items.insert(field, list)
            };
            for sent in last_of_each(sent) {
                if let Some(records) = &sent.records {
                    self.write_records(Owner::Price(sent.label), records)?;
                }
            }
        }
        if let Some(records) = &changes.records {
            self.write_records(Owner::Document(doc), records)?;
        }
        if let Some(change) = &changes.links {
            let list = self.linked(doc, change)?;
            self.drafts.save(doc, list);
        }
        Ok(())
    }

    /// Records are in force at once, and the same in both versions.
    fn write_records(&mut self, owner: Owner, sent: &[Sent]) -> Result<(), Refused> {
        let list = self.records.get(&owner).cloned().unwrap_or_default();
        self.records.insert(owner, written(&list, sent)?);
        Ok(())
    }

    fn linked(&self, doc: Doc, change: &LinkChange) -> Result<Vec<Doc>, Refused> {
        let known = |other: &Doc| if self.documents.contains_key(other) { Ok(*other) } else { Err(400_u16) };
        let mut list = self.drafts.of(doc).to_vec();
        match change {
            LinkChange::Set(others) => {
                list.clear();
                for other in others {
                    if !list.contains(&known(other)?) {
                        list.push(*other);
                    }
                }
            }
            LinkChange::Change { connect, disconnect } => {
                for other in disconnect {
                    let gone = known(other)?;
                    list.retain(|other| *other != gone);
                }
                for (other, place) in connect {
                    let moved = known(other)?;
                    list.retain(|other| *other != moved);
                    let place = match place {
                        Place::End => None,
                        Place::Start => Some(0),
                        Place::Before(mark) => list.iter().position(|other| other == mark),
                        Place::After(mark) => list.iter().position(|other| other == mark).map(|place| place + 1),
                    };
                    list.insert(place.unwrap_or(list.len()), moved);
                }
            }
        }
        Ok(list)
    }

    /// The published version becomes what the draft is.
    fn publish(&mut self, doc: Doc) -> Result<(), Refused> {
        let document = self.document(doc)?;
        document.published = Some(document.draft.clone());
        self.published.follow(doc, &self.drafts);
        Ok(())
    }

    /// The draft becomes what the published version is.
    fn discard(&mut self, doc: Doc) -> Result<Vec<String>, Refused> {
        let published = self.document(doc)?.published.clone().ok_or(400_u16)?;
        let before = self.told_of(doc, false);
        self.document(doc)?.draft = published;
        self.drafts.follow(doc, &self.published);
        Ok(self.updated(doc, before, false))
    }

    fn document(&mut self, doc: Doc) -> Result<&mut Document, Refused> {
        self.documents.get_mut(&doc).ok_or(404)
    }

    /// What events tell of a version: its own content, and of links those that the document owns.
    fn told_of(&self, doc: Doc, published: bool) -> Option<(Content, Vec<Doc>)> {
        let links = if matches!(doc, Doc::Product(_)) { self.shown_links(doc, published) } else { Vec::new() };
        Some((self.content(doc, published)?.clone(), links))
    }

    /// The triggers of a change from `before` to what there is now; none if nothing changed.
    fn updated(&self, doc: Doc, before: Option<(Content, Vec<Doc>)>, published: bool) -> Vec<String> {
        let after = self.told_of(doc, published);
        if before == after {
            return Vec::new();
        }
        let prices = |told: Option<(Content, _)>| told.map(|(content, _)| content.prices()).unwrap_or_default();
        let mut told = price_triggers(&prices(before), &prices(after));
        told.push(trigger(doc, "updated"));
        told
    }

    /// The records of prices that no version has any more.
    fn forget_records(&mut self) {
        let versions = |document: &Document| [Some(document.draft.clone()), document.published.clone()];
        let contents = self.documents.values().flat_map(versions).flatten();
        let kept: BTreeSet<Label> = contents.flat_map(|content| content.prices()).map(|item| item.label).collect();
        self.records.retain(|owner, _| !matches!(owner, Owner::Price(label) if !kept.contains(label)));
    }

    fn content(&self, doc: Doc, published: bool) -> Option<&Content> {
        let document = self.documents.get(&doc)?;
        if published { document.published.as_ref() } else { Some(&document.draft) }
    }

    /// A version shows the links to documents that have such a version.
    fn shown_links(&self, doc: Doc, published: bool) -> Vec<Doc> {
        let links = if published { &self.published } else { &self.drafts };
        let is_shown = |other: &&Doc| self.content(**other, published).is_some();
        links.of(doc).iter().filter(is_shown).copied().collect()
    }

    pub fn documents(&self) -> impl Iterator<Item = Doc> {
        self.documents.keys().copied()
    }

    /// Whether there is such a document.
    pub fn has(&self, doc: Doc) -> bool {
        self.documents.contains_key(&doc)
    }

    /// The items that a version has in `field`.
    pub fn labels(&self, doc: Doc, field: &str, published: bool) -> Vec<Label> {
        let items = self.content(doc, published).and_then(|content| content.items.get(field));
        items.into_iter().flatten().map(|item| item.label).collect()
    }

    /// The records of a document, or of one of its prices.
    pub fn record_labels(&self, doc: Doc, price: Option<Label>) -> Vec<Label> {
        let owner = price.map_or(Owner::Document(doc), Owner::Price);
        self.records.get(&owner).into_iter().flatten().map(|item| item.label).collect()
    }

    /// A version as a caller sees it; null if there is none.
    pub fn shown(&self, doc: Doc, published: bool) -> Value {
        let Some(content) = self.content(doc, published) else { return Value::Null };
        let mut shown = json!({
            "name": content.name,
            "links": self.shown_links(doc, published).iter().map(|doc| format!("{doc:?}")).collect::<Vec<_>>(),
            "records": self.shown_records(Owner::Document(doc)),
        });
        for field in doc.item_fields() {
            let items = content.items.get(field).into_iter().flatten();
            shown[*field] = items.map(|item| self.shown_item(field, item)).collect();
        }
        shown
    }

    fn shown_item(&self, field: &str, item: &Item) -> Value {
        let records = if field == "PRICES" { self.shown_records(Owner::Price(item.label)) } else { Value::Null };
        json!([item.label, item.value, records])
    }

    fn shown_records(&self, owner: Owner) -> Value {
        self.records.get(&owner).into_iter().flatten().map(|item| json!([item.label, item.value % 2])).collect()
    }
}

impl Content {
    fn prices(&self) -> Vec<Item> {
        self.items.get("PRICES").cloned().unwrap_or_default()
    }
}

/// The list that a body makes of `list`; it cannot name items that are not in it.
fn written(list: &[Item], sent: &[Sent]) -> Result<Vec<Item>, Refused> {
    let item = |sent: &Sent| {
        let known = list.iter().find(|item| item.label == sent.label);
        if sent.known && known.is_none() {
            return Err(400);
        }
        let value = sent.value.or(known.map(|item| item.value)).unwrap_or_default();
        Ok(Item { label: sent.label, value })
    };
    last_of_each(sent).into_iter().map(item).collect()
}

/// An item that is named twice stands once, where it was named last.
fn last_of_each(sent: &[Sent]) -> Vec<&Sent> {
    let is_last = |place: usize, one: &Sent| sent[place + 1..].iter().all(|other| other.label != one.label);
    sent.iter().enumerate().filter(|(place, one)| is_last(*place, one)).map(|(_, one)| one).collect()
}

fn trigger(doc: Doc, action: &str) -> String {
    format!("trigger:{}_{action}", doc.singular())
}

fn price_triggers(before: &[Item], after: &[Item]) -> Vec<String> {
    let find = |list: &[Item], label| list.iter().find(|item| item.label == label).cloned();
    let labels: BTreeSet<Label> = before.iter().chain(after).map(|item| item.label).collect();
    let action = |label| match (find(before, label), find(after, label)) {
        (None, _) => Some("created"),
        (_, None) => Some("deleted"),
        (before, after) => (before != after).then_some("updated"),
    };
    labels.into_iter().filter_map(action).map(|action| format!("trigger:price_{action}")).collect()
}
