//! Filters as SQL.

use super::joins::{At, ItemsReader, Step};
use crate::content::{Field, Kind, Shape};
use crate::db::{Bind, List, Sql};
use crate::query::{Comparison, Filter, Operand, Operands, Place, Publication, Test, TextTest};

impl ItemsReader {
    /// The condition that the row meets `filter`.
    pub fn filter(&mut self, at: At, filter: &Filter) {
        match filter {
            Filter::All(parts) => self.joined(at, parts, (" AND ", "TRUE")),
            Filter::Any(parts) if filter.finds_few() && matches!(at.shape, Shape::Document(_)) => {
                self.any_few(at, parts)
            }
            Filter::Any(parts) => self.joined(at, parts, (" OR ", "FALSE")),
            Filter::Not(inner) => {
                self.sql.text("NOT (");
                self.filter(at, inner);
                self.sql.text(")");
            }
            Filter::Value { field, test } => self.test(at, field, test),
            Filter::Through { field, filter } => {
                if let Some(step) = Step::of(field) {
                    self.through(at, (step, field), filter);
                }
            }
            Filter::Publication(publication) => self.publication(at, *publication),
        }
    }

    fn joined(&mut self, at: At, parts: &[Filter], (word, none): (&'static str, &'static str)) {
        if parts.is_empty() {
            self.sql.text(none);
        }
        for (place, part) in parts.iter().enumerate() {
            self.sql.text(if place == 0 { "(" } else { word });
            self.filter(at, part);
        }
        if !parts.is_empty() {
            self.sql.text(")");
        }
    }

    /// Each part says again which version it is of: SQLite looks up one part after the other only if each of them by
    /// itself has all that an index of one version asks for.
    fn any_few(&mut self, at: At, parts: &[Filter]) {
        for (place, part) in parts.iter().enumerate() {
            self.sql.text(if place == 0 { "((" } else { " OR (" });
            self.filter(at, part);
            self.sql.text(" AND ");
            self.of_version(at);
            self.sql.text(")");
        }
        self.sql.text(")");
    }

    /// A filter on items or linked documents. Where an index finds the few that meet it, the search begins with them;
    /// else it begins with the row, whose parts are few. The parts of its parts may be many, for each row anew: where it
    /// leads on, what meets it is looked for once for all rows.
    fn through(&mut self, at: At, (step, field): (Step, &Field), filter: &Filter) {
        let to = self.new_row(step.target());
        let also_without = filter.holds_for_nothing() == Some(true);
        let is_sought_once = filter.is_selective() && !also_without || filter.goes_through();
        if is_sought_once {
            self.sql.text(if also_without { "(" } else { "" });
            self.key(at, step.key(at.shape));
            self.sql.text(" IN (SELECT ");
            self.owner(step, at.shape, to);
            self.sql.text(" FROM ");
            self.tables(step, to);
            self.sql.text(" WHERE ");
            self.parts(step, at.shape, field, to);
            self.same_version(step, at, to);
        } else {
            self.sql.text(if also_without { "(EXISTS (" } else { "EXISTS (" });
            self.any_parts(at, (step, field), to);
        }
        self.sql.text(" AND ");
        self.in_time(to);
        self.filter(to, filter);
        self.sql.text(")");
        if also_without {
            let none = self.new_row(step.target());
            self.sql.text(" OR NOT EXISTS (");
            self.any_parts(at, (step, field), none);
            self.sql.text("))");
        }
    }

    /// Lets SQLite find no more rows `at` once the time of the statement is up. PostgreSQL keeps the time itself: there the
    /// condition is true of every row.
    pub fn in_time(&mut self, at: At) {
        self.sql.either("in_time(", "(");
        self.column(at, "id").either(") AND ", " IS NOT NULL) AND ");
    }

    fn any_parts(&mut self, at: At, (step, field): (Step, &Field), to: At) {
        self.sql.text("SELECT 1 FROM ");
        self.tables(step, to);
        self.sql.text(" WHERE ");
        self.parts_of(step, at, field, to);
    }

    fn publication(&mut self, at: At, publication: Publication) {
        let changed = match (publication, self.is_published()) {
            (Publication::HasPublished | Publication::PublishedWithDraft, true) => return self.constant(true),
            (Publication::NeverPublished, true) => return self.constant(false),
            (Publication::PublishedWithoutDraft, _) | (Publication::PublishedWithDraft, false) => {
                return self.constant(false);
            }
            (Publication::HasPublished, false) => None,
            (Publication::NeverPublished, false) => {
                self.sql.text("NOT ");
                None
            }
            (Publication::Modified, _) => Some(" > "),
            (Publication::Unmodified, _) => Some(" <= "),
        };
        let other = self.new_row(at.shape);
        let (draft, published) = if self.is_published() { (other, at) } else { (at, other) };
        self.sql.text("EXISTS (SELECT 1 FROM ");
        self.table(other);
        self.sql.text(" WHERE ");
        self.column(published, "draft_id").text(" = ");
        self.column(draft, "id");
        if let Some(compared) = changed {
            self.sql.text(" AND ");
            self.column(draft, "updated_at").text(compared);
            self.column(published, "updated_at");
        }
        self.sql.text(")");
    }

    fn constant(&mut self, holds: bool) {
        self.sql.text(if holds { "TRUE" } else { "FALSE" });
    }

    fn test<'a>(&'a mut self, at: At, field: &Field, test: &Test) {
        let column = |writer: &'a mut Self| writer.column(at, field.column);
        match test {
            Test::Null => column(self).text(" IS NULL"),
            Test::NotNull => column(self).text(" IS NOT NULL"),
            Test::Unknown => self.sql.text("CAST(NULL AS BOOLEAN)"),
            Test::Compare(comparison, operand) => column(self).text(sign(*comparison)).bind(bound(operand)),
            Test::OneOf(operands) => {
                list(column(self).either(" IN (SELECT value FROM json_each(", " = ANY("), operands)
            }
            Test::NoneOf(operands) => {
                list(column(self).either(" NOT IN (SELECT value FROM json_each(", " <> ALL("), operands)
            }
            Test::Text(test) => self.text(at, field, test),
        };
    }

    fn text(&mut self, at: At, field: &Field, test: &TextTest) -> &mut Sql {
        if test.place == Place::End && test.text.is_empty() {
            return self.column(at, field.column).text(" IS NOT NULL");
        }
        match (test.place, test.negated) {
            (Place::Whole, _) => {
                self.searched(at, field, test.fold);
                self.sql.text(if test.negated { " <> " } else { " = " });
                self.needle(test);
            }
            (Place::Anywhere, _) => {
                self.sql.either("instr(", "strpos(");
                self.searched(at, field, test.fold);
                self.sql.text(", ");
                self.needle(test);
                self.sql.text(if test.negated { ") = 0" } else { ") > 0" });
            }
            (Place::Start, _) => {
                self.sql.either("substr(", "left(");
                self.searched(at, field, test.fold);
                self.sql.either(", 1, length(", ", length(");
                self.ending(test);
            }
            (Place::End, _) => {
                self.sql.either("substr(", "right(");
                self.searched(at, field, test.fold);
                self.sql.either(", -length(", ", length(");
                self.ending(test);
            }
        }
        &mut self.sql
    }

    /// `<needle>)) = <needle>`, after the part of the text that is as long.
    fn ending(&mut self, test: &TextTest) {
        self.needle(test);
        self.sql.text(if test.negated { ")) <> " } else { ")) = " });
        self.needle(test);
    }

    /// The text of a column, with its case folded if asked for.
    fn searched(&mut self, at: At, field: &Field, fold: bool) {
        let is_text = !matches!(field.kind, Kind::Integer | Kind::Decimal | Kind::DateTime | Kind::Boolean);
        self.folded(fold, |writer| {
            if is_text {
                writer.column(at, field.column);
            } else {
                writer.sql.text("CAST(");
                writer.column(at, field.column).text(" AS TEXT)");
            }
        });
    }

    fn needle(&mut self, test: &TextTest) {
        self.folded(test.fold, |writer| {
            writer.sql.either("", "CAST(").str(test.text.clone()).either("", " AS TEXT)");
        });
    }

    /// What `write` writes, folded as `fold` does it. ICU folds as many letters, but a sigma by what follows it.
    fn folded(&mut self, fold: bool, write: impl FnOnce(&mut Self)) {
        if fold {
            self.sql.either("fold_case(", "translate(lower(upper(translate(");
        }
        write(self);
        if fold {
            self.sql.either(")", r#", 'İẞ', 'iß') COLLATE "und-x-icu")), 'ς', 'σ')"#);
        }
    }
}

/// The values and the closing brackets of a list: one bind, so that the text does not depend on how many there are.
fn list<'a>(sql: &'a mut Sql, operands: &Operands) -> &'a mut Sql {
    match operands {
        Operands::Ints(values) => sql.bind(Bind::Ints(List(values.clone()))).either("))", ")"),
        Operands::Texts(values) => sql.bind(Bind::Texts(List(values.clone()))).either("))", ")"),
        Operands::Decimals(values) => {
            let texts = Bind::Texts(List(values.clone()));
            sql.either("", "CAST(").bind(texts).either("))", " AS NUMERIC[]))")
        }
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => " = ",
        Comparison::Ne => " <> ",
        Comparison::Lt => " < ",
        Comparison::Lte => " <= ",
        Comparison::Gt => " > ",
        Comparison::Gte => " >= ",
    }
}

fn bound(operand: &Operand) -> Bind {
    match operand {
        Operand::Int(value) => Bind::Int(Some(*value)),
        Operand::Bool(value) => Bind::Bool(Some(*value)),
        Operand::Text(value) => Bind::Text(Some(value.clone())),
        Operand::Decimal(value) => Bind::Decimal(Some(value.clone())),
    }
}
