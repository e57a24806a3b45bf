//! How the program starts and ends, seen from outside: every refusal is one clear text, an exit code, and nothing half
//! done.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use tempfile::TempDir;
use tenon::config::VARIABLES;
use tenon::db::Kind;

use crate::support::database::TestDatabase;
use crate::support::program::{Program, Settings};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn on_sqlite(folder: &Path) -> Settings {
    Settings::new(folder, "sqlite:data/tenon.db")
}

fn output(settings: &Settings, arguments: &[&str]) -> Output {
    settings.command(arguments).output().expect("the program starts")
}

/// Asserts that `serve` ends with `code`, and that what it says has all of `parts`.
#[track_caller]
fn refuses(settings: &Settings, code: i32, parts: &[&str]) {
    let ended = output(settings, &["serve"]);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "no {part:?} in: {said}");
    }
}

#[test]
fn help_explains_every_variable() {
    let folder = folder();
    let help = output(&on_sqlite(folder.path()), &["--help"]);
    let text = String::from_utf8_lossy(&help.stdout);
    assert!(help.status.success());
    for variable in VARIABLES {
        assert!(text.contains(variable.name), "{} is missing:\n{text}", variable.name);
    }
}

#[test]
fn configuration_is_shown_without_secrets() {
    let folder = folder();
    let shown = output(&on_sqlite(folder.path()).with("TENON_SECRET_KEY", &"07".repeat(32)), &["config"]);
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success());
    assert!(text.contains("DATABASE_URL") && text.contains("sqlite:data/tenon.db"), "{text}");
    assert!(!text.contains("0707") && !text.contains(crate::support::api::TOKEN), "{text}");
}

#[test]
fn unknown_commands_and_bad_values_are_refused_by_name() {
    let folder = folder();
    let settings = on_sqlite(folder.path());
    assert_eq!(output(&settings, &["sevre"]).status.code(), Some(2));
    refuses(&settings.clone().with("DATABASE_URL", "mysql://x"), 2, &["DATABASE_URL", "sqlite:"]);
    for (url, parts) in
        [("sqlite:x.db?mode=ro", ["DATABASE_URL", "mode=ro"]), ("sqlite:x.db?", ["DATABASE_URL", "parameter"])]
    {
        refuses(&settings.clone().with("DATABASE_URL", url), 2, &parts);
    }
    for (filter, part) in [
        ("nonsense=,=", "nonsense="),
        ("=debug", "=debug"),
        ("tenon=verbose", "verbose"),
        ("info=debug=trace", "info=debug=trace"),
        ("no module=debug", "no module"),
    ] {
        refuses(&settings.clone().with("RUST_LOG", filter), 2, &["RUST_LOG", part]);
    }
    refuses(&settings.clone().with("TENON_LISTEN", "1337"), 2, &["TENON_LISTEN", "127.0.0.1:1337"]);
    refuses(&settings.with("TENON_SECRET_KEY", "short"), 2, &["TENON_SECRET_KEY", "32 bytes"]);
    assert!(fs::read_dir(folder.path()).expect("the folder").next().is_none(), "nothing was made");
}

#[test]
fn an_unknown_variable_is_warned_of_at_every_start() {
    let folder = folder();
    let settings = on_sqlite(folder.path()).with("TENON_RETENTION_DAY", "3").with("RUST_LOG", "debug");
    let shown = output(&settings, &["config"]);
    assert!(String::from_utf8_lossy(&shown.stderr).contains("did you mean TENON_RETENTION_DAYS?"));
    runtime().block_on(async {
        let program = Program::start(&settings).await;
        let log = program.said("TENON_RETENTION_DAY is not a variable of this program").await;
        assert!(log.contains(" DEBUG tenon"), "the level that was asked for: {log}");
        for library in ["actix_server", "mio::", "hyper_util"] {
            assert!(!log.contains(&format!("INFO  {library}")) && !log.contains(&format!("DEBUG {library}")), "{log}");
        }
    });
}

#[test]
fn a_filter_of_the_log_that_names_no_module_of_the_program_is_warned_of() {
    let folder = folder();
    for (filter, said) in [("tenon::htp=debug", Some("did you mean tenon::http?")), ("tenon::http=debug,warn", None)] {
        let shown = output(&on_sqlite(folder.path()).with("RUST_LOG", filter), &["config"]);
        let text = String::from_utf8_lossy(&shown.stderr);
        assert!(shown.status.success(), "{text}");
        assert_eq!(text.contains("RUST_LOG"), said.is_some(), "{filter}: {text}");
        assert!(said.is_none_or(|said| text.contains(said)), "{filter}: {text}");
    }
}

#[test]
fn a_port_in_use_is_named_and_no_database_is_made() {
    let (folder, taken) = (folder(), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let address = taken.local_addr().expect("an address").to_string();
    refuses(&on_sqlite(folder.path()).with("TENON_LISTEN", &address), 1, &[&address, "in use", "TENON_LISTEN"]);
    assert!(!folder.path().join("data/tenon.db").exists(), "nothing was made");
}

#[test]
fn a_server_that_is_not_there_is_named_without_its_password() {
    let folder = folder();
    let port = crate::support::program::free_port().to_string();
    let settings = on_sqlite(folder.path()).with("DATABASE_URL", &format!("postgres://me:pass@127.0.0.1:{port}/shop"));
    refuses(&settings, 1, &[&port, "refused"]);
    let said = String::from_utf8(output(&settings, &["serve"]).stderr).expect("text");
    assert!(!said.contains("pass@"), "{said}");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = folder();
    fs::write(folder.path().join("data"), "a file where the folder should be").expect("a file");
    refuses(&on_sqlite(folder.path()), 1, &["data"]);
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_was() {
    let folder = folder();
    let path = folder.path().join("notes.txt");
    let text = "These are notes. ".repeat(1000);
    fs::write(&path, &text).expect("a file");
    refuses(&on_sqlite(folder.path()).with("DATABASE_URL", "sqlite:notes.txt"), 1, &["notes.txt", "not a database"]);
    assert_eq!(fs::read_to_string(&path).expect("the file"), text);
}

#[test]
fn a_second_server_on_the_same_file_is_refused_until_the_first_has_ended() {
    let folder = folder();
    let settings = on_sqlite(folder.path());
    let port = crate::support::program::free_port();
    let second = settings.clone().with("TENON_LISTEN", &format!("127.0.0.1:{port}"));
    runtime().block_on(async {
        let first = Program::start(&settings).await;
        refuses(&second, 1, &["another server", "data/tenon.db"]);
        first.kill(); // However it ends, nothing is left of it that would have to be removed.
        assert!(Program::start(&second).await.stop().success());
    });
}

#[test]
fn a_second_server_is_refused_under_every_name_of_the_file() {
    let folder = folder();
    let settings = on_sqlite(folder.path());
    let port = crate::support::program::free_port();
    let second = settings.clone().with("TENON_LISTEN", &format!("127.0.0.1:{port}"));
    runtime().block_on(async {
        let first = Program::start(&settings).await;
        let file = folder.path().join("data/tenon.db");
        std::os::unix::fs::symlink(&file, folder.path().join("soft.db")).expect("a symbolic link");
        fs::hard_link(&file, folder.path().join("hard.db")).expect("a hard link");
        for url in ["sqlite:soft.db", "sqlite:hard.db", "sqlite:data/../data/tenon.db"] {
            refuses(&second.clone().with("DATABASE_URL", url), 1, &["another server", url]);
        }
        assert!(first.stop().success());
    });
}

#[test]
fn after_a_clean_stop_the_file_alone_is_the_whole_database() {
    let (folder, copy) = (folder(), folder());
    let settings = on_sqlite(folder.path()).with("TENON_SECRET_KEY", &"07".repeat(32));
    runtime().block_on(async {
        let program = Program::start(&settings).await;
        program.api().create("stores", serde_json::json!({"title": "Last", "slug": "last"})).await;
        assert!(program.stop().success());
    });

    fs::copy(folder.path().join("data/tenon.db"), copy.path().join("tenon.db")).expect("a copy");

    let url = format!("sqlite:{}", copy.path().join("tenon.db").display());
    runtime().block_on(async {
        let program = Program::start(&settings.with("DATABASE_URL", &url)).await;
        let found = program.api().get("/api/stores?filters[slug]=last").await;
        assert_eq!(found.expect(200)["data"][0]["title"], "Last");
    });
}

#[test]
fn only_serve_and_migrate_make_a_database() {
    let commands: [&[&str]; 6] = [
        &["token", "create", "--name", "me", "--kind", "full-access"],
        &["token", "list"],
        &["token", "delete", "me"],
        &["runs", "list"],
        &["runs", "replay", "--state", "dead"],
        &["events", "emit", "stores", "abcdefghijklmnopqrstuvwx", "post_sale"],
    ];
    let refused = |settings: &Settings, arguments: &[&str], part: &str| {
        let ended = output(settings, arguments);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(part) && said.contains("tenon migrate"), "{arguments:?}: {said}");
        assert!(ended.stdout.is_empty(), "{arguments:?}");
    };

    let folder = folder();
    for arguments in commands {
        refused(&on_sqlite(folder.path()), arguments, &folder.path().join("data/tenon.db").display().to_string());
    }
    assert!(fs::read_dir(folder.path()).expect("the folder").next().is_none(), "nothing was made");

    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = TestDatabase::empty(kind);
        if kind == Kind::Sqlite {
            fs::write(database.url.trim_start_matches("sqlite:"), "").expect("an empty file");
        }
        let settings = Settings::new(folder.path(), &database.url);
        for arguments in commands {
            refused(&settings, arguments, "not one of this program");
        }
        assert!(output(&settings, &["migrate"]).status.success());
        assert!(output(&settings, commands[0]).status.success());
    }
}

#[test]
fn a_database_that_someone_else_has_locked_is_named() {
    let folder = folder();
    fs::create_dir(folder.path().join("data")).expect("a folder");
    let path = folder.path().join("data/tenon.db").display().to_string();
    let mut other = SqliteConnection::establish(&path).expect("a database");
    other.batch_execute("CREATE TABLE notes (text); BEGIN EXCLUSIVE").expect("a lock");
    refuses(&on_sqlite(folder.path()), 1, &["data/tenon.db", "database is locked"]);
    other.batch_execute("ROLLBACK").expect("the lock is given back");
    let tables = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM sqlite_schema");
    assert_eq!(tables.get_result::<i64>(&mut other).expect("a number"), 1, "nothing was made");
}

#[test]
fn a_key_that_is_missing_or_broken_is_named() {
    let folder = folder();
    let settings = on_sqlite(folder.path());
    runtime().block_on(async { assert!(Program::start(&settings).await.stop().success()) });
    let key = folder.path().join("data/tenon.key");
    fs::write(&key, "not a key").expect("written");
    refuses(&settings, 1, &["data/tenon.key", "32 bytes"]);
    fs::remove_file(&key).expect("removed");
    refuses(&settings, 1, &["data/tenon.key is missing", "TENON_SECRET_KEY"]);
    assert!(!key.exists(), "no other key was made");
}

#[test]
fn tokens_are_made_listed_and_deleted() {
    let folder = folder();
    let settings = on_sqlite(folder.path());
    assert!(output(&settings, &["migrate"]).status.success());
    let text = |output: &Output| String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let made = output(&settings, &["token", "create", "--name", "shop", "--kind", "read-only", "--expires-days", "7"]);
    let token = text(&made);
    assert!(made.status.success() && token.starts_with("tenon_") && !token.contains(char::is_whitespace), "{token}");
    let again = output(&settings, &["token", "create", "--name", "shop", "--kind", "full-access"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists"));
    for wrong in [&["custom"][..], &["custom", "--allow", "store.read"], &["read-only", "--allow", "store.find"]] {
        let refused = output(&settings, &[&["token", "create", "--name", "site", "--kind"], wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
    }
    let site = ["token", "create", "--name", "site", "--kind", "custom", "--allow", "store.find,api::store.store.emit"];
    assert!(output(&settings, &site).status.success());
    assert!(text(&output(&settings, &["token", "list"])).contains("site\tstore.find,store.emit\t"));
    assert!(output(&settings, &["token", "delete", "site"]).status.success());
    let listed = text(&output(&settings, &["token", "list"]));
    assert!(listed.contains("shop") && listed.contains("read-only") && !listed.contains(&token), "{listed}");
    assert!(output(&settings, &["token", "delete", "shop"]).status.success());
    assert_eq!(output(&settings, &["token", "delete", "shop"]).status.code(), Some(1));
    assert_eq!(text(&output(&settings, &["token", "list"])), "");
}

#[test]
fn another_key_than_the_databases_is_refused() {
    let folder = folder();
    let settings = on_sqlite(folder.path());
    let first = settings.clone().with("TENON_SECRET_KEY", &"07".repeat(32));
    runtime().block_on(async { assert!(Program::start(&first).await.stop().success()) });
    refuses(&settings.with("TENON_SECRET_KEY", &"08".repeat(32)), 1, &["key"]);
}

#[test]
fn it_starts_on_an_empty_machine_and_stops_in_order() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (folder, database) = (folder(), TestDatabase::empty(kind));
        let settings = Settings::new(folder.path(), &database.url);
        runtime().block_on(async {
            for _start in ["the first, which makes everything", "the second, which finds it"] {
                let program = Program::start(&settings).await;
                program.api().get("/healthz").await.expect(200);
                assert!(program.stop().success());
            }
        });
        let key = fs::metadata(folder.path().join("data/tenon.key")).expect("a key was made");
        let mode = std::os::unix::fs::PermissionsExt::mode(&key.permissions());
        assert_eq!(mode & 0o077, 0, "the key is its owner's alone");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
