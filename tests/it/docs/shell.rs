//! Every shell example of the documents, run as it stands.
//!
//! The blocks of a page are one script: what one sets, those after it use. It runs against `tenon serve --demo` of its own,
//! whose address stands in for 127.0.0.1:1337 and whose receiver for 127.0.0.1:1338, in the folder where that server's data
//! is. A block in another language whose first line is a comment with the name of a file is written to that file first.
//! An answer of 400 and above fails the script, as every other error does.
//!
//! What would build, install or take minutes is replaced by stand-ins, which check what can be checked: that `cargo run`
//! would be given a command line that the program knows.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Block, Document, documents};
use crate::support::program::{Program, Settings, free_port};

/// `cargo run … -- serve` is served already; any other command line after `--` goes to the program.
const CARGO: &str = r#"#!/bin/sh
case "$1" in
    new) mkdir -p "$2"; exit ;;
    run|build|add|bench|test) ;;
    *) echo "cargo $1 is not expected in the documents" >&2; exit 1 ;;
esac
while [ $# -gt 0 ]; do
    word=$1; shift
    if [ "$word" = -- ] && [ "$1" != --database ] && [ "$1" != --products ] && [ "$1" != --cache ]; then
        [ "$1" = serve ] && exec tenon "$@" --help >/dev/null
        exec tenon "$@"
    fi
done
"#;

/// What is expected to be installed where the documents are read, and only needs to be spelled as it is.
const STAND_INS: [&str; 7] = ["apt-get", "npx", "pg_dump", "pg_restore", "systemctl", "docker", "psql"];

#[test]
fn every_shell_example_runs() {
    let mut failures = Vec::new();
    for document in documents() {
        if document.blocks().iter().any(|block| block.language == "sh") {
            failures.extend(run(&document).err().map(|error| format!("{}:\n{error}", document.path.display())));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn run(document: &Document) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = format!("127.0.0.1:{}", free_port());
    let settings = Settings::new(folder.path(), "sqlite:data/tenon.db").without("TENON_BOOTSTRAP_TOKEN");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let program = runtime.block_on(Program::start_with(&settings, &["serve", "--demo", "--demo-receiver", &receiver]));
    runtime.block_on(program.said("/tenon/runs"));

    let placed = |text: &str| {
        text.replace("127.0.0.1:1337", &program.address().to_string()).replace("127.0.0.1:1338", &receiver)
    };
    let blocks = document.blocks();
    write_files(&blocks, folder.path());
    write_stand_ins(folder.path());
    let shell = blocks.iter().filter(|block| block.language == "sh");
    let script: String = shell.map(|block| placed(&block.text)).collect();
    fs::write(folder.path().join("script"), format!("set -euxo pipefail\n{script}\n")).expect("a script");

    let path = format!("{}/bin:{}", folder.path().display(), inherited_path());
    let mut command = Command::new("bash");
    command.arg("script").current_dir(folder.path()).env_clear().stdin(Stdio::null());
    command.envs(settings.environment.iter().map(|(name, value)| (name, value)));
    command.env("HOME", folder.path()).env("PATH", path);
    let done = command.output().expect("bash runs");
    if done.status.success() {
        return Ok(());
    }
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let last: Vec<&str> = said.lines().collect();
    Err(format!("{}\n{}", last[last.len().saturating_sub(30)..].join("\n"), program.log()))
}

#[allow(clippy::disallowed_methods)] // The test starts what the reader has installed.
fn inherited_path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

/// Writes each block that begins with a comment naming a file to that file.
fn write_files(blocks: &[Block], folder: &Path) {
    for block in blocks.iter().filter(|block| block.language != "sh") {
        let first = block.text.lines().next().unwrap_or_default();
        let name = first.strip_prefix("// ").or(first.strip_prefix("# ")).filter(|name| name.contains('.'));
        if let Some(name) = name.filter(|name| !name.contains([' ', '/'])) {
            fs::write(folder.join(name), &block.text).expect("a file");
        }
    }
}

fn write_stand_ins(folder: &Path) {
    let bin = folder.join("bin");
    fs::create_dir(&bin).expect("a folder");
    let program = |name: &str, text: &str| {
        let path = bin.join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is the test's own");
    };
    for name in STAND_INS {
        program(name, "#!/bin/sh\nexit 0\n");
    }
    program("cargo", CARGO);
    std::os::unix::fs::symlink(env!("CARGO_MANIFEST_DIR"), folder.join("tenon")).expect("a link");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tenon"), bin.join("tenon")).expect("a link");
    // What curl is not asked for on the command line: an answer of 400 and above is a failure.
    fs::write(folder.join(".curlrc"), "fail-with-body\n").expect("a file");
}
