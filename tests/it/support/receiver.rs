//! A real receiver on a real socket, that keeps every request whole and answers as it is told, well or badly.
//!
//! Written on bare sockets, because half of what it does a proper server would refuse to do.

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};

use super::PATIENCE;

/// A request, as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Received {
    /// The header `name`, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body, as JSON.
    pub fn json(&self) -> Value {
        tenon::nesting::read(&self.body).unwrap_or_else(|error| panic!("not JSON: {error}: {self:?}"))
    }
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    delay: Duration,
    gate: Option<Gate>,
    missing: usize,
    pace: Duration,
}

/// Holds answers back until it is opened.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// One that is closed.
    pub fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets all through that wait and come.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    async fn passed(&self) {
        // The sender is this gate's own, so it is there as long as somebody waits.
        let _ = self.0.subscribe().wait_for(|is_open| *is_open).await;
    }
}

impl Answer {
    /// The status, and nothing else.
    pub fn status(status: u16) -> Self {
        let (delay, pace) = (Duration::ZERO, Duration::ZERO);
        Self { status, headers: Vec::new(), body: Vec::new(), delay, gate: None, missing: 0, pace }
    }

    /// No answer within the life of a test.
    pub fn hang() -> Self {
        Self::status(200).after(Duration::from_secs(3600))
    }

    /// A 200 that announces more than it sends, and is cut off.
    pub fn cut_short() -> Self {
        Self { missing: 50, ..Self::status(200).body("half of what was promi") }
    }

    /// A 200 whose body comes byte by byte, without an end within the life of a test.
    pub fn drip() -> Self {
        Self { pace: Duration::from_millis(20), ..Self::status(200).body(vec![b'.'; 100_000]) }
    }

    /// A 302 to `location`.
    pub fn redirect(location: &str) -> Self {
        Self::status(302).header("location", location)
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same, when `gate` is open.
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    fn head(&self) -> String {
        let length = self.body.len() + self.missing;
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("HTTP/1.1 {} Told\r\ncontent-length: {length}\r\n{headers}\r\n", self.status)
    }
}

impl From<u16> for Answer {
    fn from(status: u16) -> Self {
        Self::status(status)
    }
}

/// The receiver; it stops when this is dropped.
pub struct Receiver {
    address: SocketAddr,
    kept: Arc<Kept>,
    stop: Option<oneshot::Sender<()>>,
}

/// Decides what a request is answered with, when it comes.
type Rule = Box<dyn FnMut() -> Answer + Send>;

#[derive(Default)]
struct Kept {
    requests: Mutex<Vec<Received>>,
    answers: Mutex<HashMap<String, VecDeque<Answer>>>,
    rules: Mutex<HashMap<String, Rule>>,
    came: Notify,
}

impl Receiver {
    /// Listens on a free port of 127.0.0.1, on a thread of its own.
    pub fn start() -> Self {
        let kept = Arc::new(Kept::default());
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let shared = kept.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                tell.send(listener.local_addr().expect("an address")).expect("someone waits");
                tokio::select! { () = accept(listener, shared) => {}, _ = stopped => {} }
            });
        });
        Self { address: told.recv().expect("the receiver listens"), kept, stop: Some(stop) }
    }

    /// The url of `path` here.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers requests on `path` with these in turn, and with the last of them from then on. Without, it is 200.
    pub fn answers<A: Into<Answer>>(&self, path: &str, answers: impl IntoIterator<Item = A>) {
        let answers = answers.into_iter().map(Into::into).collect();
        lock(&self.kept.answers).insert(path.to_owned(), answers);
    }

    /// Answers requests on `path` as `rule` says when they come.
    pub fn answers_by(&self, path: &str, rule: impl FnMut() -> Answer + Send + 'static) {
        lock(&self.kept.rules).insert(path.to_owned(), Box::new(rule));
    }

    /// All that came, in order.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.kept.requests).clone()
    }

    /// What came after the first `seen`, in order.
    pub fn received_after(&self, seen: usize) -> Vec<Received> {
        lock(&self.kept.requests)[seen..].to_vec()
    }

    /// The paths of all that came, in order.
    pub fn paths(&self) -> Vec<String> {
        lock(&self.kept.requests).iter().map(|request| request.path.clone()).collect()
    }

    /// Forgets what came.
    pub fn forget(&self) {
        lock(&self.kept.requests).clear();
    }

    /// The only request that came.
    pub fn only(&self) -> Received {
        let mut all = self.received();
        assert_eq!(all.len(), 1, "one request was expected: {all:#?}");
        all.remove(0)
    }

    /// Waits until `count` requests have come, and returns them.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let enough = async {
            loop {
                let came = self.kept.came.notified();
                if lock(&self.kept.requests).len() >= count {
                    return;
                }
                came.await;
            }
        };
        if tokio::time::timeout(PATIENCE, enough).await.is_err() {
            panic!("{count} requests were expected: {:#?}", self.received());
        }
        self.received()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic under the lock")
}

async fn accept(listener: TcpListener, kept: Arc<Kept>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let kept = kept.clone();
        tokio::spawn(async move {
            // A caller that breaks off is part of many tests.
            let _ = serve(stream, &kept).await;
        });
    }
}

async fn serve(stream: TcpStream, kept: &Kept) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await? {
        let answer = kept.answer_to(request);
        tokio::time::sleep(answer.delay).await;
        if let Some(gate) = &answer.gate {
            gate.passed().await;
        }
        stream.write_all(answer.head().as_bytes()).await?;
        match answer.pace {
            Duration::ZERO => stream.write_all(&answer.body).await?,
            pace => {
                for byte in answer.body.chunks(1) {
                    stream.write_all(byte).await?;
                    stream.flush().await?;
                    tokio::time::sleep(pace).await;
                }
            }
        }
        stream.flush().await?;
        if answer.missing > 0 {
            break;
        }
    }
    Ok(())
}

impl Kept {
    fn answer_to(&self, request: Received) -> Answer {
        let mut answers = lock(&self.answers);
        let answer = match answers.get_mut(&request.path) {
            Some(queue) if queue.len() > 1 => queue.pop_front(),
            Some(queue) => queue.front().cloned(),
            None => None,
        };
        drop(answers);
        let answer = lock(&self.rules).get_mut(&request.path).map(|rule| rule()).or(answer);
        lock(&self.requests).push(request);
        self.came.notify_waiters();
        answer.unwrap_or_else(|| Answer::status(200))
    }
}

/// Reads the next request; nothing when the caller has closed.
async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = HeaderMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let name = HeaderName::try_from(name).map_err(|_| ErrorKind::InvalidData)?;
        headers.append(name, HeaderValue::from_str(value.trim()).map_err(|_| ErrorKind::InvalidData)?);
    }
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Received { method, path, headers, body }))
}
