//! What stands for the outside services: validating mocks of their contracts, and stateful doubles.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use crate::client::installed;
use crate::support::shared;

/// Where they are. They are started once for all tests, and end with this process, whose end they are listening to.
struct Peers {
    places: HashMap<String, String>,
    /// Its standard input is open as long as this process lives.
    _process: Child,
}

static PEERS: LazyLock<Peers> = LazyLock::new(Peers::start);

/// Where the mock of this contract is (a file of shared/contracts): it refuses what the contract forbids and says why in
/// the header `sl-violations`. Nothing, told loudly, where the contracts are not.
pub fn contract(name: &str) -> Option<String> {
    shared::find(&format!("contracts/{name}.json")).map(|_| place(name))
}

/// Where the stateful double of this name is; see `tests/client/services.mjs`.
pub fn double(name: &str) -> String {
    place(&format!("{name}-double"))
}

fn place(name: &str) -> String {
    PEERS.places.get(name).unwrap_or_else(|| panic!("no peer {name}")).clone()
}

impl Peers {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client/services.mjs");
        let mut command = Command::new("node");
        command.arg(script).arg(installed()).args(shared::look("contracts"));
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = started.expect("node runs: install Node.js 20 or newer (Debian's package nodejs)");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut lines = lines.map(|line| line.expect("text"));
        let told = lines.find_map(|line| Some(line.strip_prefix("services: ")?.to_owned()));
        let places = serde_json::from_str(&told.expect("the peers start")).expect("JSON");
        std::thread::spawn(move || lines.for_each(drop)); // Or they would wait for someone to read on.
        Self { places, _process: child }
    }
}
