//! Values that no two published versions may share.

use serde_json::Value as Json;

use crate::content::{ContentType, Field, Shape};
use crate::db::{Conn, Sql};
use crate::error::{Problem, Result};

/// The problems of publishing this draft beside what is published already. Empty texts may be shared.
pub fn find_taken(conn: &mut Conn, content_type: &'static ContentType, draft: i64) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for field in Shape::Document(content_type).scalars().filter(|field| field.unique) {
        if let Some(value) = find_shared(conn, content_type, field, draft)? {
            problems.push(Problem {
                path: vec![field.name.to_owned()],
                message: "This attribute must be unique".into(),
                value: Some(Json::String(value)),
            });
        }
    }
    Ok(problems)
}

fn find_shared(conn: &mut Conn, content_type: &ContentType, field: &Field, draft: i64) -> Result<Option<String>> {
    let mut sql = Sql::new("SELECT d.");
    sql.name(field.column).text(" FROM ").name(content_type.table).text(" d JOIN ").name(content_type.table);
    sql.text(" p ON p.").name(field.column).text(" = d.").name(field.column);
    sql.text(" WHERE d.id = ").int(draft).text(" AND d.").name(field.column).text(" <> ''");
    sql.text(" AND p.draft_id IS NOT NULL AND p.draft_id <> d.id LIMIT 1");
    conn.first(&sql, |row| row.text(0))
}
