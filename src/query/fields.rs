//! The parameter `fields`: which columns of a document or component are shown.

use super::scope::Scope;
use super::value::QueryValue;
use crate::content::{DOCUMENT_ID, Field, Shape};
use crate::error::Result;

/// Every column of `shape`, as shown when nothing else is asked.
pub(super) fn all(shape: Shape) -> Vec<&'static Field> {
    shape.columns().collect()
}

/// Reads names, separated by commas or in a list; `*` is all of them. `documentId` is always shown.
///
/// Fails when a name is not known, is no plain column, or is empty.
pub(super) fn read(scope: &Scope, asked: &QueryValue) -> Result<Vec<&'static Field>> {
    let mut names = Vec::new();
    match asked {
        QueryValue::Null => return Ok(all(scope.shape)),
        QueryValue::Text(text) => names.extend(text.split(',').map(str::trim)),
        QueryValue::List(items) => {
            for item in items {
                let text = item.text().ok_or_else(|| scope.unusable(&[], "takes names of fields"))?;
                names.extend(text.split(',').map(str::trim));
            }
        }
        QueryValue::Object(_) => return Err(scope.unusable(&[], "takes names of fields")),
    }
    if names.contains(&"*") {
        return Ok(all(scope.shape));
    }
    for name in &names {
        check(scope, name)?;
    }
    let is_shown = |field: &&Field| field.name == DOCUMENT_ID.name || names.contains(&field.name);
    Ok(scope.shape.columns().filter(is_shown).collect())
}

fn check(scope: &Scope, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(scope.unusable(&[], "takes names of fields; one is empty"));
    }
    match (scope.shape.find_column(name), scope.shape.find_field(name)) {
        (Some(_), _) => Ok(()),
        (None, Some(_)) => Err(scope.refused(name)),
        (None, None) => Err(scope.missing(name)),
    }
}
