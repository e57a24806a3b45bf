//! The program's own tables, whose columns are known when it is compiled; the tables of content types are not among them.
//!
//! It holds for both databases and is written by hand: `diesel print-schema` reads one alone. A test compares it with what
//! the migrations make of either. Numbers, moments (milliseconds since 1970) and flags written as 0 and 1 are `BigInt`.

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::db::SafeText;

    attempts (run_id, number) {
        run_id -> BigInt,
        number -> BigInt,
        started_at -> BigInt,
        duration_ms -> BigInt,
        outcome -> SafeText,
        message -> Nullable<SafeText>,
        data -> Nullable<SafeText>,
        exchanges -> SafeText,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::db::SafeText;

    destinations (name) {
        name -> SafeText,
        failures -> BigInt,
        failing_since -> BigInt,
        opened_at -> Nullable<BigInt>,
        next_probe_at -> BigInt,
        probed -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::db::SafeText;

    events (id) {
        id -> BigInt,
        uid -> SafeText,
        trigger -> SafeText,
        occurred_at -> BigInt,
        target -> SafeText,
        target_document_id -> SafeText,
        store -> Nullable<SafeText>,
        store_document_id -> Nullable<SafeText>,
        owners -> SafeText,
        data -> Nullable<SafeText>,
        changes -> Nullable<SafeText>,
        payload -> Nullable<SafeText>,
        actor -> SafeText,
        idempotency_key -> Nullable<SafeText>,
        dispatched_at -> Nullable<BigInt>,
        depth -> BigInt,
        slice_owner -> Nullable<BigInt>,
        slice_after -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::BigInt;

    extension_hours (extension_id, hour) {
        extension_id -> BigInt,
        hour -> BigInt,
        attempts -> BigInt,
        completed -> BigInt,
        dead -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable};
    use crate::db::SafeText;

    extensions (id) {
        id -> BigInt,
        owner_field -> SafeText,
        owner_id -> BigInt,
        position -> BigInt,
        key -> Nullable<SafeText>,
        triggers -> Nullable<SafeText>,
        credentials -> Nullable<SafeText>,
        credentials_mask -> Nullable<SafeText>,
        config -> Nullable<SafeText>,
        url -> Nullable<SafeText>,
        active -> Nullable<Bool>,
        last_run -> Nullable<BigInt>,
        run_count -> BigInt,
        meta -> Nullable<SafeText>,
        removed_at -> Nullable<BigInt>,
        next_tick -> Nullable<BigInt>,
        failing_since -> Nullable<BigInt>,
        disabled_reason -> Nullable<SafeText>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::db::SafeText;

    external_locks (name) {
        name -> SafeText,
        holder -> Nullable<SafeText>,
        held_until -> BigInt,
        as_of -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::BigInt;
    use crate::db::SafeText;

    holds (lane) {
        lane -> SafeText,
        since -> BigInt,
        until -> BigInt,
        credits -> BigInt,
        is_out -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::BigInt;
    use crate::db::SafeText;

    hourly_uses (scope, hour) {
        scope -> SafeText,
        hour -> BigInt,
        used -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::db::SafeText;

    idempotency_keys (key) {
        key -> SafeText,
        request -> SafeText,
        etag -> Nullable<SafeText>,
        body -> Nullable<SafeText>,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::db::SafeText;

    inbound_addresses (extension_id) {
        extension_id -> BigInt,
        token -> SafeText,
        refused -> BigInt,
        refused_at -> Nullable<BigInt>,
        refusal -> Nullable<SafeText>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool};
    use crate::db::SafeText;

    inbound_deliveries (id) {
        id -> BigInt,
        extension_id -> BigInt,
        received_at -> BigInt,
        headers -> SafeText,
        body -> SafeText,
        is_base64 -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::db::SafeText;

    inbound_notices (extension_id, notice) {
        extension_id -> BigInt,
        notice -> SafeText,
        delivery_id -> BigInt,
        place -> BigInt,
        kind -> Nullable<SafeText>,
        event_uid -> Nullable<SafeText>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable};

    readiness (id) {
        id -> BigInt,
        written_at -> BigInt,
        filler -> Nullable<Binary>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::db::SafeText;

    runs (id) {
        id -> BigInt,
        uid -> SafeText,
        event_id -> BigInt,
        extension_id -> BigInt,
        replay -> BigInt,
        key -> SafeText,
        owner_field -> SafeText,
        owner_id -> BigInt,
        store_document_id -> Nullable<SafeText>,
        pattern -> Nullable<SafeText>,
        state -> SafeText,
        attempt -> BigInt,
        lost -> BigInt,
        max_attempts -> BigInt,
        due_at -> BigInt,
        lease_until -> Nullable<BigInt>,
        reason -> Nullable<SafeText>,
        created_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        destination -> SafeText,
        parked -> BigInt,
        probes -> BigInt,
        not_before -> Nullable<BigInt>,
        line -> Nullable<SafeText>,
        replay_of -> Nullable<SafeText>,
        cause -> Nullable<SafeText>,
        limits -> BigInt,
        limited_since -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::BigInt;
    use crate::db::SafeText;

    seal_keys (key_id) {
        key_id -> SafeText,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::db::SafeText;

    tokens (id) {
        id -> BigInt,
        name -> SafeText,
        kind -> SafeText,
        hash -> SafeText,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
        permissions -> Nullable<SafeText>,
    }
}

diesel::joinable!(attempts -> runs (run_id));
diesel::joinable!(inbound_notices -> inbound_deliveries (delivery_id));
diesel::joinable!(runs -> events (event_id));
diesel::allow_tables_to_appear_in_same_query!(attempts, events, extensions, inbound_addresses, runs);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::db::Sql;
    use crate::db::testing::on_every_backend;

    /// The columns of each table in their order, each as `name -> type`.
    type Tables = BTreeMap<String, Vec<String>>;

    #[test]
    fn it_is_what_the_migrations_make_of_either_database() {
        let written = as_written();
        assert!(written.len() > 15, "{written:?}");

        on_every_backend(|conn| {
            let mut catalogue = Sql::default();
            catalogue.either(
                "SELECT m.name, c.name, c.type, c.\"notnull\" OR c.pk > 0 FROM sqlite_schema m \
                 JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid",
                "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'NO' \
                 FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position",
            );
            let mut found = Tables::new();
            let read = conn.query(&catalogue, |row| {
                if !written.contains_key(&row.text(0)?) {
                    return Ok(());
                }
                let (column, kind) = (row.text(1)?, as_in_schema(&row.text(2)?));
                let kind = if row.int(3)? == 1 { kind.to_owned() } else { format!("Nullable<{kind}>") };
                found.entry(row.text(0)?).or_default().push(format!("{column} -> {kind}"));
                Ok(())
            });
            read.expect("the catalogue can be read");
            for (table, columns) in &written {
                assert_eq!(found.get(table), Some(columns), "{table} on {:?}", conn.kind());
            }
        });
    }

    /// What a type is called here that the databases' catalogues call so.
    fn as_in_schema(kind: &str) -> &'static str {
        match kind.to_uppercase().as_str() {
            "BIGINT" | "INTEGER" => "BigInt",
            "TEXT" => "SafeText",
            "BOOLEAN" => "Bool",
            "BLOB" | "BYTEA" => "Binary",
            other => panic!("a column of the type {other}"),
        }
    }

    /// The tables above, read from this file: diesel does not list the types of a table's columns.
    fn as_written() -> Tables {
        let (mut tables, mut table) = (Tables::new(), String::new());
        let above = include_str!("schema.rs").lines().take_while(|line| *line != "mod tests {");
        for line in above.map(str::trim) {
            if let Some((column, kind)) = line.strip_suffix(',').and_then(|line| line.split_once(" -> ")) {
                tables.entry(table.clone()).or_default().push(format!("{column} -> {kind}"));
            } else if let Some((name, _)) = line.strip_suffix(") {").and_then(|line| line.split_once(" (")) {
                name.clone_into(&mut table);
            }
        }
        tables
    }
}
