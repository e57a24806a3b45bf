//! The rows of a plan, level by level: a level is read with one statement, and its text is spliced into its parents' at
//! the end. No value is built for a row; its JSON is a span of its level's text.

use std::ops::Range;

use super::joins::{Key, Step};
use super::json::{Form, RowWriter, key, write_int};
use super::statements::{self, Keys};
use crate::content::{Kind, Shape, Version};
use crate::db::{Conn, Row, Sql};
use crate::error::Result;
use crate::limits::ANSWER;
use crate::query::{Populated, Selection};

/// What is the same at every level.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub version: Version,
    pub form: Form,
}

/// Rows of one shape, read with one statement.
pub(super) struct Level {
    rows: Vec<Line>,
    text: Vec<u8>,
    /// What ends a row.
    closing: &'static [u8],
    parts: Vec<Part>,
}

/// One row.
struct Line {
    /// The key of the row it belongs to.
    owner: i64,
    id: i64,
    document: i64,
    text: Range<usize>,
}

/// What is populated in the rows of a level.
struct Part {
    /// What stands before the rows of one owner.
    before: Vec<u8>,
    frame: Frame,
    key: Key,
    level: Level,
    /// The owners in ascending order, with their rows.
    owners: Vec<(i64, Range<usize>)>,
}

/// How the rows of one owner are shown.
struct Frame {
    opening: &'static [u8],
    closing: &'static [u8],
    /// What stands there instead when there are none.
    none: &'static [u8],
    /// Whether it is a list.
    many: bool,
}

impl Reading {
    /// Reads rows of `shape` and what is populated in them.
    pub fn level(self, conn: &mut Conn, sql: &Sql, shape: Shape, selection: &Selection) -> Result<Level> {
        let wrapped = self.form == Form::Attributes && matches!(shape, Shape::Document(_));
        let mut level = Level::ending(if wrapped { b"}}" } else { b"}" });
        let writer = RowWriter::new(selection, wrapped);
        conn.query(sql, |row| level.add(&row, &writer))?;
        for populated in &selection.populated {
            if let Some(part) = self.part(conn, shape, populated, &level)? {
                level.parts.push(part);
            }
        }
        Ok(level)
    }

    fn part(self, conn: &mut Conn, from: Shape, populated: &Populated, above: &Level) -> Result<Option<Part>> {
        let Some(step) = Step::of(populated.field) else { return Ok(None) };
        let key_of = step.key(from);
        let mut keys: Vec<_> = above.rows.iter().map(|row| row.key(key_of)).collect();
        keys.sort_unstable();
        keys.dedup();
        let level = if keys.is_empty() {
            Level::ending(b"}")
        } else {
            let versions = step.is_nested(from).then(|| above.documents());
            let sql = statements::parts(self.version, (from, step), populated, Keys { rows: keys, versions });
            if populated.counted {
                counts(conn, &sql)?
            } else {
                self.level(conn, &sql, step.target(), &populated.selection)?
            }
        };
        let owners = level.owners();
        let before = key(populated.field);
        Ok(Some(Part { before, frame: self.frame(populated), key: key_of, level, owners }))
    }

    fn frame(self, populated: &Populated) -> Frame {
        match populated.field.kind {
            _ if populated.counted => Frame { opening: b"", closing: b"", none: b"{\"count\":0}", many: false },
            Kind::Component { many: false, .. } => Frame { opening: b"", closing: b"", none: b"null", many: false },
            Kind::Relation(_) if self.form == Form::Attributes => {
                Frame { opening: b"{\"data\":[", closing: b"]}", none: b"{\"data\":[]}", many: true }
            }
            _ => Frame { opening: b"[", closing: b"]", none: b"[]", many: true },
        }
    }
}

/// Rows that are only the number of parts.
fn counts(conn: &mut Conn, sql: &Sql) -> Result<Level> {
    let mut level = Level::ending(b"}");
    conn.query(sql, |row| {
        let begin = level.text.len();
        level.text.extend_from_slice(b"{\"count\":");
        write_int(row.int(1)?, &mut level.text);
        level.rows.push(Line { owner: row.int(0)?, id: 0, document: 0, text: begin..level.text.len() });
        Ok(())
    })?;
    Ok(level)
}

impl Line {
    fn key(&self, key: Key) -> i64 {
        match key {
            Key::Row => self.id,
            Key::Document => self.document,
        }
    }
}

impl Part {
    fn rows_of(&self, row: &Line) -> Option<Range<usize>> {
        let owner = row.key(self.key);
        let place = self.owners.binary_search_by_key(&owner, |(owner, _)| *owner).ok()?;
        let rows = &self.owners.get(place)?.1;
        Some(if self.frame.many { rows.clone() } else { rows.start..rows.start + 1 })
    }
}

impl Level {
    fn ending(closing: &'static [u8]) -> Self {
        Self { rows: Vec::new(), text: Vec::new(), closing, parts: Vec::new() }
    }

    fn add(&mut self, row: &Row<'_>, writer: &RowWriter) -> Result<()> {
        let (owner, id, document) = (row.int(0)?, row.int(1)?, row.int(2)?);
        let begin = self.text.len();
        writer.write(id, row, 3, &mut self.text)?;
        self.rows.push(Line { owner, id, document, text: begin..self.text.len() });
        Ok(())
    }

    /// The rows of each owner: they come together and in the owners' order, which every statement for parts sees to.
    fn owners(&self) -> Vec<(i64, Range<usize>)> {
        let mut owners: Vec<(i64, Range<usize>)> = Vec::new();
        for (place, row) in self.rows.iter().enumerate() {
            match owners.last_mut() {
                Some((owner, rows)) if *owner == row.owner => rows.end = place + 1,
                _ => owners.push((row.owner, place..place + 1)),
            }
        }
        owners
    }

    /// The documents of its rows; where they are items that hold others, the rows of their versions.
    fn documents(&self) -> Vec<i64> {
        let mut documents: Vec<_> = self.rows.iter().map(|row| row.document).collect();
        documents.sort_unstable();
        documents.dedup();
        documents
    }

    /// What stands in the place of the owner in the first row.
    pub fn first_owner(&self) -> Option<i64> {
        self.rows.first().map(|row| row.owner)
    }

    /// How many rows there are.
    fn len(&self) -> usize {
        self.rows.len()
    }

    /// Writes all rows, with commas between them. Fails when the answer would be larger than is reasonable.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        self.write_rows(0..self.len(), out)
    }

    fn write_rows(&self, rows: Range<usize>, out: &mut Vec<u8>) -> Result<()> {
        for (place, row) in self.rows.get(rows).unwrap_or_default().iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            ANSWER.check((out.len() + row.text.len()).div_ceil(1 << 20), "The answer would have")?;
            out.extend_from_slice(&self.text[row.text.clone()]);
            for part in &self.parts {
                out.extend_from_slice(&part.before);
                let Some(rows) = part.rows_of(row) else {
                    out.extend_from_slice(part.frame.none);
                    continue;
                };
                out.extend_from_slice(part.frame.opening);
                part.level.write_rows(rows, out)?;
                out.extend_from_slice(part.frame.closing);
            }
            out.extend_from_slice(self.closing);
        }
        ANSWER.check(out.len().div_ceil(1 << 20), "The answer would have")
    }
}
