//! Extension records while they are written: what that does to each of them, whether the caller may do so, and whether the
//! secrets that it keeps still go where they went.

use serde_json::{Map, Value as Json, json};

use super::bound::bound;
use super::item_rows::{Place, at, insert, there, update};
use super::seal::nothing_behind;
use super::writer::{Done, ItemWriter, RecordChange, Records};
use crate::clock::Millis;
use crate::content::{Check, Field, Input, Shape, Value};
use crate::db::events::Owner;
use crate::db::{Bind, Conn, Sql, extensions, runs};
use crate::error::{Error, Problem, Result};
use crate::handler::{Policy, Wiring, destination};
use crate::nesting;
use crate::secrets::{is_masked, unmask};

/// An extension record as it is stored.
struct Stored {
    position: i64,
    key: Option<String>,
    triggers: Json,
    config: Json,
    url: Option<String>,
    active: Option<bool>,
    /// Sealed.
    credentials: Option<String>,
    mask: Json,
}

/// What a body says of a record's credentials, laid over what is stored.
struct Secrets {
    /// As they are to be, opened; null for none.
    new: Json,
    /// As they are, opened as far as that is known.
    old: Option<Json>,
    /// Whether a stored secret stays.
    kept: bool,
}

impl ItemWriter<'_> {
    pub(super) fn save_record(
        &mut self,
        place: Place<'_>,
        (id, is_new): (i64, bool),
        position: i64,
        input: Input,
    ) -> Result<()> {
        match is_new {
            false => self.update_record(place, (id, position), input),
            true => self.add_record(place, (id, position), input),
        }
    }

    fn add_record(&mut self, place: Place<'_>, (id, position): (i64, i64), input: Input) -> Result<()> {
        let path = place.path_of(position);
        self.records.require(&path)?;
        let (key, url) = (text_of(&input, "key"), text_of(&input, "url"));
        let mut columns = self.record_columns(input.values);
        for (field, sent) in input.secrets {
            let secret = unmask(sent, None).map_err(|below| nothing_behind(&path, field, below))?;
            columns.extend(self.sealed_credentials(place, (field, id), &key, &secret)?);
        }
        insert(self.conn, place, (id, position), columns)?;
        let change = RecordChange { id, key, url, owner: place.owner(), done: Done::Created, path };
        self.records.changes.push(change);
        Ok(())
    }

    /// Changes a record; one that is to be as it is stays untouched.
    fn update_record(&mut self, place: Place<'_>, (id, position): (i64, i64), input: Input) -> Result<()> {
        let path = place.path_of(position);
        let before = Stored::find(self.conn, place, id)?.ok_or(Error::NotFound)?;
        let secrets = match input.secrets.into_iter().next() {
            Some((field, sent)) => Some((field, self.secrets(place, &before, (id, sent), (&path, field))?)),
            None => None,
        };
        let members = before.changes(&input.values, secrets.as_ref().map(|(_, secrets)| secrets), &self.records);
        if members.is_empty() && before.position == position {
            return Ok(());
        }
        let first = members.keys().next().cloned();
        self.records.require(&path.iter().cloned().chain(first).collect::<Vec<_>>())?;
        let (key, url) = (before.text("key", &input.values), before.text("url", &input.values));
        let config = before.after("config", &input.values);
        self.records.check_destinations(&before, (&key, &url, &config), secrets.as_ref().map(|(_, s)| s), &path)?;

        let mut columns = self.record_columns(input.values);
        let mut lost = Vec::new();
        if let Some((field, secrets)) = secrets.filter(|_| members.contains_key("credentials")) {
            lost = lost_members(&before.mask, &secrets.new);
            columns.extend(self.sealed_credentials(place, (field, id), &key, &secrets.new)?);
        }
        update(self.conn, place, (id, position), columns)?;
        let [was, now] = [(&before.key, &before.url), (&key, &url)]
            .map(|(key, url)| destination(key.as_deref().unwrap_or_default(), url.as_deref(), id));
        if was != now {
            runs::redirect(self.conn, id, &now)?;
        }
        extensions::revive(self.conn, id)?;
        if !members.is_empty() {
            let done = Done::Updated { members, lost };
            self.records.changes.push(RecordChange { id, key, url, owner: place.owner(), done, path });
        }
        Ok(())
    }

    /// What is sent as a record's credentials, with what is stored in place of masks.
    fn secrets(
        &self,
        place: Place<'_>,
        before: &Stored,
        (id, sent): (i64, Json),
        (path, field): (&[String], &Field),
    ) -> Result<Secrets> {
        let has_masks = is_masked(&sent);
        let (shape, name) = (Shape::Component(place.component), id.to_string());
        let opened = before.credentials.as_deref().map(|sealed| self.open(shape, (field, &name), sealed)).transpose();
        // What cannot be opened any more can still be replaced.
        let old = if has_masks { opened? } else { opened.ok().flatten() };
        let key = before.key.as_deref().unwrap_or_default();
        let kept =
            has_masks && old.as_ref().is_some_and(|old| self.records.handlers.keeps_secret(key, old, Some(&sent)));
        let new = unmask(sent, old.as_ref()).map_err(|below| nothing_behind(path, field, below))?;
        Ok(Secrets { new, old, kept })
    }

    /// The columns of a record's credentials: its handler says what of them may be read.
    fn sealed_credentials(
        &self,
        place: Place<'_>,
        (field, id): (&Field, i64),
        key: &Option<String>,
        secret: &Json,
    ) -> Result<[(&'static str, Bind); 2]> {
        let shape = Shape::Component(place.component);
        self.sealed(shape, (field, &id.to_string()), secret, |secret| self.records.masked(key, secret))
    }

    fn record_columns(&self, values: Vec<(&'static Field, Value)>) -> Vec<(&'static str, Bind)> {
        let mut columns = Vec::with_capacity(values.len() + 3);
        for (field, value) in values {
            if field.check == Check::Config {
                columns.push(("next_tick", Bind::Int(next_tick(&value, self.now))));
            }
            columns.push((field.column, bound(field, value)));
        }
        columns
    }

    /// Marks the records `ids` of a list as removed: their rows stay until no run needs them.
    pub(super) fn remove_records(&mut self, place: Place<'_>, ids: Vec<i64>) -> Result<()> {
        let path = place.list_path();
        self.records.require(&path)?;
        let mut sql = Sql::new("UPDATE extensions SET removed_at = ");
        at(sql.int(self.now).text(" WHERE "), place).text(" AND removed_at IS NULL AND id").in_ints(ids);
        let removed = removed(self.conn, sql, &place.owner(), &path)?;
        self.records.changes.extend(removed);
        Ok(())
    }
}

impl Records<'_> {
    /// What may be read of the credentials of a record with this key.
    fn masked(&self, key: &Option<String>, credentials: &Json) -> Json {
        self.handlers.masked(key.as_deref().unwrap_or_default(), credentials)
    }

    /// Refuses a change of the records at `path` by a caller who may not make it.
    fn require(&self, path: &[String]) -> Result<()> {
        match &self.missing_right {
            Some(right) => Err(Error::RecordsForbidden { path: path.to_vec(), right: right.clone() }),
            None => Ok(()),
        }
    }

    /// Refuses to let secrets that the caller does not give go elsewhere than they went: each member that decides so is named.
    fn check_destinations(
        &self,
        before: &Stored,
        (key, url, config): (&Option<String>, &Option<String>, &Json),
        secrets: Option<&Secrets>,
        path: &[String],
    ) -> Result<()> {
        let was = before.key.as_deref().unwrap_or_default();
        let (kept, old, new) = match secrets {
            Some(Secrets { new, old, kept }) => (*kept, old.as_ref().unwrap_or(&Json::Null), new),
            None => (self.handlers.keeps_secret(was, &before.mask, None), &before.mask, &before.mask),
        };
        if !kept {
            return Ok(());
        }
        let before = Wiring { key: was, url: before.url.as_deref(), config: &before.config, credentials: old };
        let key = key.as_deref().unwrap_or_default();
        let after = Wiring { key, url: url.as_deref(), config, credentials: new };
        let problem = |below: Vec<String>| {
            let path = [path, &below].concat();
            let message = format!(
                "{} decides where the stored credentials go: give the credentials again when the destination changes",
                path.join(".")
            );
            Problem { path, message, value: None }
        };
        match self.handlers.redirects(before, after) {
            redirects if redirects.is_empty() => Ok(()),
            redirects => Err(Error::Invalid(redirects.into_iter().map(problem).collect())),
        }
    }
}

impl Stored {
    fn find(conn: &mut Conn, place: Place<'_>, id: i64) -> Result<Option<Self>> {
        let mut sql = Sql::new(
            "SELECT position, key, triggers, config, url, active, credentials, credentials_mask FROM extensions WHERE ",
        );
        there(at(&mut sql, place), place).text(" AND id = ").int(id);
        conn.first(&sql, |row| {
            let json = |text: Option<String>| text.as_deref().map_or(Ok(Json::Null), nesting::read);
            Ok(Self {
                position: row.int(0)?,
                key: row.find_text(1)?,
                triggers: json(row.find_text(2)?)?,
                config: json(row.find_text(3)?)?,
                url: row.find_text(4)?,
                active: row.find_int(5)?.map(|active| active == 1),
                credentials: row.find_text(6)?,
                mask: json(row.find_text(7)?)?,
            })
        })
    }

    /// A member that callers may set, but no credentials.
    fn member(&self, name: &str) -> Json {
        match name {
            "key" => json!(self.key),
            "triggers" => self.triggers.clone(),
            "config" => self.config.clone(),
            "url" => json!(self.url),
            "active" => json!(self.active),
            _ => Json::Null,
        }
    }

    /// The same member as it will be with `values`.
    fn after(&self, name: &str, values: &[(&'static Field, Value)]) -> Json {
        let sent = values.iter().find(|(field, _)| field.name == name);
        sent.map_or_else(|| self.member(name), |(_, value)| json_of(value))
    }

    fn text(&self, name: &str, values: &[(&'static Field, Value)]) -> Option<String> {
        self.after(name, values).as_str().map(str::to_owned)
    }

    /// What will not be as it is: `{member: {from, to}}`.
    fn changes(
        &self,
        values: &[(&'static Field, Value)],
        secrets: Option<&Secrets>,
        records: &Records<'_>,
    ) -> Map<String, Json> {
        let mut changes = Map::new();
        for (field, value) in values {
            let (from, to) = (self.member(field.name), json_of(value));
            if from != to {
                changes.insert(field.name.to_owned(), json!({"from": from, "to": to}));
            }
        }
        let is_same = |secrets: &Secrets| match &secrets.old {
            Some(old) => *old == secrets.new,
            None => self.credentials.is_none() && secrets.new.is_null(),
        };
        if let Some(secrets) = secrets.filter(|secrets| !is_same(secrets)) {
            let key = self.text("key", values);
            changes
                .insert("credentials".to_owned(), json!({"from": self.mask, "to": records.masked(&key, &secrets.new)}));
        }
        changes
    }
}

/// Marks the records of `owners` as removed, and tells which these were. Their rows stay until no run needs them.
pub fn retire_records(conn: &mut Conn, owners: &[Owner], now: Millis) -> Result<Vec<RecordChange>> {
    let mut changes = Vec::new();
    for owner in owners {
        let mut sql = Sql::new("UPDATE extensions SET removed_at = ");
        sql.int(now).text(" WHERE removed_at IS NULL AND owner_field = ").str(owner.0.as_str());
        sql.text(" AND owner_id = ").int(owner.1);
        changes.extend(removed(conn, sql, owner, &[])?);
    }
    Ok(changes)
}

/// Does `sql`, which removes records of `owner`, and tells which these were.
fn removed(conn: &mut Conn, mut sql: Sql, owner: &Owner, path: &[String]) -> Result<Vec<RecordChange>> {
    sql.text(" RETURNING id, key, url, CASE WHEN credentials IS NULL THEN 0 ELSE 1 END");
    conn.list(&sql, |row| {
        Ok(RecordChange {
            id: row.int(0)?,
            key: row.find_text(1)?,
            url: row.find_text(2)?,
            owner: owner.clone(),
            done: Done::Removed { with_credentials: row.int(3)? == 1 },
            path: path.to_vec(),
        })
    })
}

/// When the schedule in this config is due next.
fn next_tick(config: &Value, now: Millis) -> Option<Millis> {
    let Value::Json(config) = config else { return None };
    Policy::schedule_of(config)?.next_after(now)
}

/// The members of stored credentials, of which this is the mask, that have no value any more.
fn lost_members(mask: &Json, new: &Json) -> Vec<String> {
    let members = mask.as_object().into_iter().flatten();
    members.filter(|(name, was)| !was.is_null() && new[name.as_str()].is_null()).map(|(name, _)| name.clone()).collect()
}

fn text_of(input: &Input, name: &str) -> Option<String> {
    let value = input.values.iter().find(|(field, _)| field.name == name);
    value.and_then(|(_, value)| json_of(value).as_str().map(str::to_owned))
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) | Value::Time(value) => json!(value),
        Value::Decimal(text) | Value::Text(text) => json!(text),
        Value::Json(json) => json.clone(),
    }
}
