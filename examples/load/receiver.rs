//! A receiver that notes when each delivery came.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use serde_json::Value;

use crate::Outcome;

/// What has come so far.
#[derive(Clone, Default)]
pub struct Receiver(Arc<Arrived>);

#[derive(Default)]
struct Arrived {
    /// When the event with each number came first.
    first: Mutex<HashMap<u64, Instant>>,
    /// Deliveries that were taken.
    count: AtomicUsize,
    /// Whether everything is refused.
    is_down: AtomicBool,
}

impl Receiver {
    /// Listens on a thread of its own for as long as the program runs; also the url to send to.
    pub fn start() -> Outcome<(Self, String)> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let receiver = Self::default();
        let shared = receiver.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let receiver = shared.clone();
                    App::new().default_service(web::to(move |body: Bytes| {
                        let answer = receiver.take(&body);
                        async move { answer }
                    }))
                });
                server.workers(1).listen(listener)?.run().await
            })
        });
        Ok((receiver, url))
    }

    fn take(&self, body: &Bytes) -> HttpResponse {
        let now = Instant::now();
        if self.0.is_down.load(Ordering::Relaxed) {
            return HttpResponse::InternalServerError().finish();
        }
        let number = serde_json::from_slice(body).ok().and_then(|event: Value| event["payload"]["number"].as_u64());
        match (number, self.0.first.lock()) {
            (Some(number), Ok(mut first)) => {
                first.entry(number).or_insert(now);
                self.0.count.fetch_add(1, Ordering::Relaxed);
                HttpResponse::Ok().finish()
            }
            _ => HttpResponse::BadRequest().finish(),
        }
    }

    /// Refuses everything with 500, or takes it again.
    pub fn set_down(&self, is_down: bool) {
        self.0.is_down.store(is_down, Ordering::Relaxed);
    }

    /// Waits until `count` deliveries were taken.
    pub async fn wait(&self, count: usize) -> Outcome<()> {
        let since = Instant::now();
        while self.count() < count {
            if since.elapsed() > Duration::from_secs(60) {
                return Err(format!("{} of {count} deliveries did not come", count - self.count()).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// How many deliveries were taken.
    pub fn count(&self) -> usize {
        self.0.count.load(Ordering::Relaxed)
    }

    /// When the event with each number came first.
    pub fn arrivals(&self) -> Outcome<HashMap<u64, Instant>> {
        Ok(self.0.first.lock().map_err(|_| "a panic")?.clone())
    }
}
