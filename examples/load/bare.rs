//! The limit that everything is held against: actix-web with nothing behind it, giving constants.

use std::net::TcpListener;
use std::path::Path;

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};

use crate::Outcome;

/// Writes down what the server is to answer, before it starts.
pub fn prepare(folder: &Path, answers: &[(u16, Vec<u8>)]) -> Outcome<()> {
    std::fs::create_dir_all(folder)?;
    for (place, (status, body)) in answers.iter().enumerate() {
        std::fs::write(folder.join(format!("{place}.status")), status.to_string())?;
        std::fs::write(folder.join(format!("{place}.body")), body)?;
    }
    Ok(())
}

/// Where the answer at `place` is given.
pub fn path(place: usize) -> String {
    format!("/answers/{place}")
}

/// Answers with what [`prepare`] wrote; prints its address first.
pub fn serve(folder: &Path) -> Outcome<()> {
    let mut answers = Vec::new();
    while let Ok(status) = std::fs::read(folder.join(format!("{}.status", answers.len()))) {
        let body = Bytes::from(std::fs::read(folder.join(format!("{}.body", answers.len())))?);
        answers.push((path(answers.len()), StatusCode::from_bytes(&status)?, body));
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            answers.iter().cloned().fold(App::new(), |app, (path, status, body)| {
                let answer = move |_request: Bytes| {
                    let body = body.clone();
                    async move { HttpResponse::build(status).content_type("application/json").body(body) }
                };
                app.route(&path, web::route().to(answer))
            })
        });
        server.listen(listener)?.run().await
    })?;
    Ok(())
}
