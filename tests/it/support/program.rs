//! The program itself, started as a process: what is true of it after a kill must be seen from outside.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::PATIENCE;
use super::api::{Api, TOKEN};

/// A running `tenon serve`; killed when this is dropped.
pub struct Program {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
    /// What programs before it had written.
    before: usize,
}

/// How to start it.
#[derive(Clone)]
pub struct Settings {
    /// Its working directory, where its log lies too.
    pub folder: PathBuf,
    pub environment: Vec<(&'static str, String)>,
    /// A program and its arguments that starts the real one, whose command line follows.
    pub under: &'static [&'static str],
}

impl Settings {
    /// A program on this database, that may call 127.0.0.1.
    pub fn new(folder: &Path, database_url: &str) -> Self {
        let environment = vec![
            ("DATABASE_URL", database_url.to_owned()),
            ("TENON_BOOTSTRAP_TOKEN", TOKEN.to_owned()),
            ("TENON_OUTBOUND_ALLOW", "127.0.0.0/8".to_owned()),
            ("TENON_LISTEN", format!("127.0.0.1:{}", free_port())),
        ];
        Self { folder: folder.to_owned(), environment, under: &[] }
    }

    /// The same with a variable more.
    pub fn with(self, name: &'static str, value: &str) -> Self {
        let mut with = self.without(name);
        with.environment.push((name, value.to_owned()));
        with
    }

    /// The same without a variable.
    pub fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| *known != name);
        self
    }

    /// The program with these settings and `arguments`, and nothing else in its environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let words: Vec<&str> = self.under.iter().copied().chain([env!("CARGO_BIN_EXE_tenon")]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(arguments).current_dir(&self.folder).env_clear().stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn address(&self) -> SocketAddr {
        let listen = self.environment.iter().find(|(name, _)| *name == "TENON_LISTEN");
        listen.and_then(|(_, address)| address.parse().ok()).expect("an address")
    }
}

impl Program {
    /// Starts it and waits until it is ready.
    pub async fn start(settings: &Settings) -> Self {
        Self::start_with(settings, &["serve"]).await
    }

    /// The same with other arguments.
    pub async fn start_with(settings: &Settings, arguments: &[&str]) -> Self {
        let log = settings.folder.join("tenon.log");
        let output = File::options().create(true).append(true).open(&log).expect("a log");
        let before = output.metadata().expect("its size").len() as usize;
        let mut command = settings.command(arguments);
        command.stdout(output.try_clone().expect("a handle")).stderr(output);
        let child = command.spawn().expect("the program starts");
        let mut program = Self { child, address: settings.address(), log, before };
        program.ready().await;
        program
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn api(&self) -> Api {
        Api::new(format!("http://{}", self.address))
    }

    /// What it has written.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default().split_off(self.before)
    }

    /// Waits until it has written `text`, and returns all that it has written.
    pub async fn said(&self, text: &str) -> String {
        let since = Instant::now();
        while !self.log().contains(text) {
            assert!(since.elapsed() < PATIENCE, "no {text:?} in:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.log()
    }

    /// No file may grow beyond `bytes`; `None` for no limit.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let [pid, limit] = [format!("--pid={}", self.child.id()), format!("--fsize={limit}:unlimited")];
        assert!(Command::new("prlimit").args([pid, limit]).status().is_ok_and(|status| status.success()), "prlimit");
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is gone");
    }

    /// SIGTERM; waits until it has ended.
    pub fn stop(mut self) -> ExitStatus {
        let told = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(told.is_ok_and(|status| status.success()), "kill");
        self.child.wait().expect("it is gone")
    }

    async fn ready(&mut self) {
        let (api, since) = (self.api(), Instant::now());
        loop {
            let answer = super::api::try_send(api.request(reqwest::Method::GET, "/readyz")).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return;
            }
            let ended = self.child.try_wait().expect("its state");
            if ended.is_some() || since.elapsed() > PATIENCE {
                panic!("the program is not ready ({ended:?}):\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nothing listens on at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}
