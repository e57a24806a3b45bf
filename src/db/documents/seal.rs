//! Secrets as they are stored: sealed, with what may be read of them beside. No other code makes columns of them.
//!
//! A secret is sealed for its place: a document is named there by its documentId and an item by its id, which both versions
//! share, so that publishing copies what is sealed and it still opens.

use std::fmt::Display;

use serde_json::Value as Json;

use super::bound::bound;
use super::writer::ItemWriter;
use crate::content::{ContentType, Field, Shape, Value};
use crate::db::{Bind, Sql};
use crate::error::{Error, Problem, Result};
use crate::nesting;
use crate::secrets::{is_masked, mask, unmask};

/// The place that a secret is sealed for: its column in what `name` names among the rows of `shape`.
pub fn seal_place(shape: Shape, name: impl Display, column: &str) -> String {
    format!("{}/{name}/{column}", shape.table())
}

/// What holds secrets: a document, or an item.
pub(super) struct Holder<'a> {
    pub(super) shape: Shape,
    /// What it is named by in both versions.
    pub(super) name: String,
    /// Finds its row; `None` when it is new.
    pub(super) row: Option<&'a dyn Fn(&mut Sql)>,
    /// Where the body has it.
    pub(super) path: &'a [String],
}

impl ItemWriter<'_> {
    /// The columns of what a body gives a document: its values, and its secrets sealed. `draft` is its row, unless it is new.
    ///
    /// Fails with [`Error::Invalid`] when a mask stands for nothing that is stored.
    pub fn document_columns(
        &mut self,
        (content_type, document_id): (&'static ContentType, &str),
        draft: Option<i64>,
        values: Vec<(&'static Field, Value)>,
        secrets: Vec<(&'static Field, Json)>,
    ) -> Result<Vec<(&'static str, Bind)>> {
        let shape = Shape::Document(content_type);
        let at = |sql: &mut Sql| {
            sql.text("id = ").int(draft.unwrap_or_default());
        };
        let row: Option<&dyn Fn(&mut Sql)> = if draft.is_some() { Some(&at) } else { None };
        let holder = Holder { shape, name: document_id.to_owned(), row, path: &[] };
        self.columns(&holder, values, secrets)
    }

    /// The columns of values, and of secrets laid over what is stored.
    pub(super) fn columns(
        &mut self,
        holder: &Holder<'_>,
        values: Vec<(&'static Field, Value)>,
        secrets: Vec<(&'static Field, Json)>,
    ) -> Result<Vec<(&'static str, Bind)>> {
        let mut columns: Vec<_> =
            values.into_iter().map(|(field, value)| (field.column, bound(field, value))).collect();
        for (field, sent) in secrets {
            let stored = if is_masked(&sent) { self.find_secret(holder, field)? } else { None };
            let secret = unmask(sent, stored.as_ref()).map_err(|below| nothing_behind(holder.path, field, below))?;
            columns.extend(
                self.sealed(holder.shape, (field, &holder.name), &secret, |secret| mask(secret, |_, _| false))?,
            );
        }
        Ok(columns)
    }

    fn find_secret(&mut self, holder: &Holder<'_>, field: &'static Field) -> Result<Option<Json>> {
        let Some(row) = holder.row else { return Ok(None) };
        let mut sql = Sql::new("SELECT ");
        sql.name(field.column).text(" FROM ").name(holder.shape.table()).text(" WHERE ");
        row(&mut sql);
        let sealed = self.conn.first(&sql, |row| row.find_text(0))?.flatten();
        sealed.map(|sealed| self.open(holder.shape, (field, &holder.name), &sealed)).transpose()
    }

    /// What is sealed in a column of what `name` names.
    pub(super) fn open(&self, shape: Shape, (field, name): (&Field, &str), sealed: &str) -> Result<Json> {
        Ok(nesting::read(self.sealer.open(sealed, &seal_place(shape, name, field.column))?)?)
    }

    /// The two columns of a secret: sealed, and what `mask` shows of it.
    pub(super) fn sealed(
        &self,
        shape: Shape,
        (field, name): (&Field, &str),
        secret: &Json,
        mask: impl FnOnce(&Json) -> Json,
    ) -> Result<[(&'static str, Bind); 2]> {
        let (sealed, masked) = match secret {
            Json::Null => (None, None),
            secret => {
                let place = seal_place(shape, name, field.column);
                let sealed = self.sealer.seal(&secret.to_string(), &place, self.random)?;
                (Some(sealed), Some(mask(secret).to_string()))
            }
        };
        Ok([(field.column, Bind::Text(sealed)), (field.mask_column, Bind::Text(masked))])
    }
}

/// Why a mask cannot be taken: there is nothing that it stands for.
pub(super) fn nothing_behind(path: &[String], field: &Field, below: Vec<String>) -> Error {
    let path: Vec<String> = path.iter().cloned().chain([field.name.to_owned()]).chain(below).collect();
    let message = format!("{} is masked, and there is no stored value that it stands for", path.join("."));
    Error::Invalid(vec![Problem { path, message, value: None }])
}
