//! One change of one document, inside its transaction.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::config_errors::Sent;
use super::diff;
use super::etag::IfMatch;
use super::lifecycle::{self, Change, ContentChange};
use crate::access::{Access, Right};
use crate::clock::Millis;
use crate::content::{self, ContentType, Field, Input, Links, Rules, Shape, Version};
use crate::db::Conn;
use crate::db::documents::read::Form;
use crate::db::documents::{self as rows, ItemWriter, NewDocument, Parent, RecordChange, Records, Versions};
use crate::error::{Error, Problem, Result};
use crate::nesting;
use crate::query::{ReadPlan, Warning};
use crate::state::AppState;

/// A document while it is changed.
pub(super) struct DocumentTransaction<'a> {
    pub state: &'a AppState,
    pub conn: &'a mut Conn,
    pub content_type: &'static ContentType,
    pub document_id: &'a str,
    pub actor: &'a str,
    /// What the caller may do.
    pub access: Access,
    pub depth: u32,
    pub now: Millis,
    /// What the caller has seen.
    pub if_match: Option<&'a IfMatch>,
    /// What is stored and will not work as it is, or was lost.
    pub warnings: Vec<Warning>,
    /// What was done to extension records, until events tell of it.
    pub record_changes: Vec<RecordChange>,
}

/// What a step did: the change, and the document before and after it.
pub(super) struct Step(pub Change, pub Value, pub Value);

impl DocumentTransaction<'_> {
    /// Stores a new document, and publishes it unless it stays a draft: `unmet` is what a published version must have and
    /// this one has not, as far as that can be known beforehand.
    pub fn create(&mut self, input: Input, unmet: Option<Vec<Problem>>) -> Result<()> {
        let publishing = unmet.is_some();
        let sent = Sent::of(&input);
        let Input { values, items, links, secrets } = input;
        let named = (self.content_type, self.document_id);
        let values = self.writer().document_columns(named, None, values, secrets)?;
        let new = NewDocument { content_type: self.content_type, document_id: self.document_id, now: self.now };
        let draft = rows::insert(self.conn, &new, &values)?;
        let shape = Shape::Document(self.content_type);
        let version = Parent::new(shape, draft);
        self.writer().save(version, items)?;
        self.warnings.extend(sent.review(self.conn, self.state, version)?);
        rows::check_linked(self.conn, &links)?;
        rows::save_links(self.conn, draft, links)?;
        let versions = Versions { draft, published: None, revision: 0 };
        let mut steps = Vec::new();
        if let Some(unmet) = unmet {
            self.refuse_unmet(draft, unmet)?;
            rows::publish(self.conn, self.content_type, versions, self.now)?;
        }
        let after = self.state_of(publishing)?;
        steps.push(Step(Change::Created, Value::Null, after.clone()));
        if publishing {
            steps.push(Step(Change::Published, Value::Null, after));
        }
        // That a document is new says that its records are.
        self.record_changes.clear();
        self.finish(versions, &steps)
    }

    /// Changes the draft, and publishes it unless it stays a draft.
    pub fn update(&mut self, data: &Map<String, Value>, publishing: bool) -> Result<()> {
        // It is saved as a draft first; what is published of it is looked at as a whole.
        let input = content::validate(self.content_type, data, Rules { publishing: false, creating: false });
        let links = input.as_ref().map_or(&[][..], |input| &input.links);
        self.lock_before(links, if publishing { rows::LinkChanges::Version } else { rows::LinkChanges::Nothing })?;
        let versions = self.lock_and_check_revision()?;
        let input = match input {
            Err(Error::Invalid(mut problems)) => {
                problems.extend(rows::linked_problem(self.conn, &content::links(self.content_type, data))?);
                return Err(Error::Invalid(problems));
            }
            input => input?,
        };
        self.save(versions, input, publishing)
    }

    /// Makes `input` part of the draft, and publishes it unless it stays a draft.
    pub fn save(&mut self, versions: Versions, input: Input, publishing: bool) -> Result<()> {
        let items_before = rows::item_owners(self.conn, self.content_type, versions)?;
        let draft_before = self.state_of(false)?;
        let published_before = if versions.published.is_some() { self.state_of(true)? } else { Value::Null };
        self.write_draft(versions.draft, input)?;
        if publishing {
            self.publish_row(versions)?;
        }
        self.retire(&items_before, versions.draft)?;
        let steps = match (publishing, versions.published) {
            (false, _) => vec![Step(Change::Updated, draft_before, self.state_of(false)?)],
            (true, Some(_)) => vec![Step(Change::Updated, published_before, self.state_of(true)?)],
            (true, None) => {
                let updated = Step(Change::Updated, draft_before, self.state_of(false)?);
                vec![updated, Step(Change::Published, Value::Null, self.state_of(true)?)]
            }
        };
        self.finish(versions, &steps)
    }

    /// Makes the draft the published version.
    pub fn publish(&mut self) -> Result<()> {
        self.lock_before(&[], rows::LinkChanges::Version)?;
        let versions = self.lock_and_check_revision()?;
        let items_before = rows::item_owners(self.conn, self.content_type, versions)?;
        let before = if versions.published.is_some() { self.state_of(true)? } else { Value::Null };
        self.publish_row(versions)?;
        self.retire(&items_before, versions.draft)?;
        let after = self.state_of(true)?;
        self.finish(versions, &[Step(Change::Published, before, after)])
    }

    /// Takes the published version away; what is a draft already stays as it is.
    pub fn unpublish(&mut self) -> Result<()> {
        let versions = self.lock_and_check_revision()?;
        let Some(published) = versions.published else { return Ok(()) };
        let before = self.state_of(true)?;
        let items_before = rows::item_owners(self.conn, self.content_type, versions)?;
        rows::unpublish(self.conn, self.content_type, published)?;
        self.retire(&items_before, versions.draft)?;
        let after = self.state_of(false)?;
        self.finish(versions, &[Step(Change::Unpublished, before, after)])
    }

    /// Makes the draft what is published; an error when nothing is.
    pub fn discard(&mut self) -> Result<()> {
        self.lock_before(&[], rows::LinkChanges::Version)?;
        let versions = self.lock_and_check_revision()?;
        let published = versions
            .published
            .ok_or_else(|| Error::Application("There is no published version to go back to".into()))?;
        let before = self.state_of(false)?;
        let items_before = rows::item_owners(self.conn, self.content_type, versions)?;
        rows::discard(self.conn, self.content_type, versions.draft, published)?;
        self.retire(&items_before, versions.draft)?;
        let after = self.state_of(false)?;
        self.finish(versions, &[Step(Change::Updated, before, after)])
    }

    /// Removes the document; one that does not exist is as good as removed.
    pub fn delete(&mut self) -> Result<()> {
        self.lock_before(&[], rows::LinkChanges::All)?;
        let Some(versions) = rows::find(self.conn, self.content_type, self.document_id)? else { return Ok(()) };
        self.check(versions)?;
        let before = self.state_of(versions.published.is_some())?;
        let recipients = rows::event_recipients(self.conn, self.content_type, versions.draft)?;
        let items = rows::item_owners(self.conn, self.content_type, versions)?;
        rows::delete(self.conn, self.content_type, versions)?;
        // That a document is gone says that its records are.
        for owners in [&recipients.owners[..1], &items] {
            rows::retire_records(self.conn, owners, self.now)?;
        }
        self.emit(&Step(Change::Deleted, before, Value::Null), &recipients, versions)
    }

    fn lock_before(&mut self, links: &[(&'static Field, Links)], transaction: rows::LinkChanges) -> Result<()> {
        rows::lock_before(self.conn, (self.content_type, self.document_id), links, transaction)
    }

    fn write_draft(&mut self, draft: i64, input: Input) -> Result<()> {
        let sent = Sent::of(&input);
        let Input { values, items, links, secrets } = input;
        let named = (self.content_type, self.document_id);
        let values = self.writer().document_columns(named, Some(draft), values, secrets)?;
        rows::update(self.conn, self.content_type, draft, self.now, &values)?;
        let shape = Shape::Document(self.content_type);
        let version = Parent::new(shape, draft);
        self.writer().save(version, items)?;
        self.warnings.extend(sent.review(self.conn, self.state, version)?);
        rows::check_linked(self.conn, &links)?;
        rows::save_links(self.conn, draft, links)
    }

    /// Publishes the draft, all of which must satisfy the rules: earlier edits were spared them.
    fn publish_row(&mut self, versions: Versions) -> Result<()> {
        let complete = ReadPlan::complete(self.content_type, Version::Draft).of_document(self.document_id);
        let Value::Object(whole) = self.read(&complete)? else { return Err(Error::NotFound) };
        let unmet = content::problems(content::validate_stored(self.content_type, &whole))?;
        self.refuse_unmet(versions.draft, unmet)?;
        rows::publish(self.conn, self.content_type, versions, self.now)?;
        Ok(())
    }

    /// Refuses to publish the draft for what is `unmet` and for values that another document has, in the order of the fields.
    pub(super) fn refuse_unmet(&mut self, draft: i64, mut unmet: Vec<Problem>) -> Result<()> {
        let taken = rows::find_taken(self.conn, self.content_type, draft)?;
        let is_new = |taken: &Problem| !unmet.iter().any(|other| other.path == taken.path);
        let taken: Vec<_> = taken.into_iter().filter(is_new).collect();
        unmet.extend(taken);
        let place = |problem: &Problem| {
            let name = problem.path.first();
            self.content_type.fields.iter().position(|field| Some(field.name) == name.map(String::as_str))
        };
        unmet.sort_by_key(|problem| place(problem).unwrap_or(usize::MAX));
        if unmet.is_empty() { Ok(()) } else { Err(Error::Invalid(unmet)) }
    }

    /// Puts away the records of items that no version holds any more.
    fn retire(&mut self, before: &[rows::ItemOwner], draft: i64) -> Result<()> {
        let versions = Versions { draft, ..self.versions()? };
        let after: HashSet<_> = rows::item_owners(self.conn, self.content_type, versions)?.into_iter().collect();
        let gone: Vec<_> = before.iter().filter(|owner| !after.contains(owner)).cloned().collect();
        let mut retired = rows::retire_records(self.conn, &gone, self.now)?;
        for change in &mut retired {
            change.path = rows::list_of_records(self.content_type, &change.owner.0);
        }
        if let (Some(first), Some(right)) = (retired.first(), self.missing_right()) {
            return Err(Error::RecordsForbidden { path: first.path.clone(), right });
        }
        self.record_changes.extend(retired);
        Ok(())
    }

    /// The right that the caller would need to change extension records; `None` for one who may.
    fn missing_right(&self) -> Option<String> {
        let may = self.access.may(Right::Extensions, self.content_type);
        (!may).then(|| Right::Extensions.of(self.content_type))
    }

    /// The document's rows, if it is the one that the caller has seen. Nobody else changes it until the transaction ends.
    pub fn lock_and_check_revision(&mut self) -> Result<Versions> {
        let versions = self.versions()?;
        self.check(versions)?;
        Ok(versions)
    }

    pub fn check(&self, versions: Versions) -> Result<()> {
        self.if_match.map_or(Ok(()), |seen| seen.check(versions.revision))
    }

    fn versions(&mut self) -> Result<Versions> {
        rows::find(self.conn, self.content_type, self.document_id)?.ok_or(Error::NotFound)
    }

    /// The document as events tell of it.
    pub(super) fn state_of(&mut self, published: bool) -> Result<Value> {
        let version = if published { Version::Published } else { Version::Draft };
        self.read(&ReadPlan::whole(self.content_type, version).of_document(self.document_id))
    }

    fn read(&mut self, plan: &ReadPlan) -> Result<Value> {
        let found = rows::read::one(self.conn, plan, Form::Flat)?.ok_or(Error::NotFound)?;
        Ok(nesting::read(&found.document)?)
    }

    pub(super) fn writer(&mut self) -> ItemWriter<'_> {
        let missing_right = self.missing_right();
        let records = Records { handlers: &self.state.handlers, missing_right, changes: &mut self.record_changes };
        ItemWriter { conn: self.conn, sealer: &self.state.sealer, random: &*self.state.random, now: self.now, records }
    }

    /// Counts the change, which began with `versions`, and tells of it.
    pub(super) fn finish(&mut self, versions: Versions, steps: &[Step]) -> Result<()> {
        rows::revise(self.conn, self.content_type, versions.draft)?;
        let recipients = rows::event_recipients(self.conn, self.content_type, versions.draft)?;
        for step in steps {
            // A save that changes nothing is no change.
            let is_change = step.0 != Change::Updated || !diff::changes(&step.1, &step.2).is_empty();
            if is_change {
                self.emit(step, &recipients, versions)?;
            }
        }
        Ok(())
    }

    fn emit(
        &mut self,
        Step(change, before, after): &Step,
        recipients: &rows::EventRecipients,
        versions: Versions,
    ) -> Result<()> {
        let content_change = ContentChange {
            content_type: self.content_type,
            document_id: self.document_id,
            change: *change,
            before,
            after,
            is_in_force: versions.published.is_none() || !after["publishedAt"].is_null(),
            actor: self.actor,
            depth: self.depth,
        };
        lifecycle::emit(self.conn, &content_change, recipients, (self.now, self.state))
    }
}
