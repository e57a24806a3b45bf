//! How a body arrives: no more of it than there is room for, no slower than is reasonable, and unpacked no further than its
//! limit.

use std::io::Read;
use std::time::{Duration, Instant};

use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use actix_web::rt::time::timeout;
use actix_web::{HttpMessage as _, HttpRequest, dev::Payload};
use bytes::{Bytes, BytesMut};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use futures_util::StreamExt as _;

use super::intake::{Intake, IntakeShare};
use crate::error::{Error, Result};

/// How long a body may take to come, and what must come of it in each second more.
const TIMEOUT: Duration = Duration::from_secs(10);
const BYTES_A_SECOND: usize = 32 * 1024;

/// The body as it was before it was compressed, if it was.
pub(super) async fn bytes(request: &HttpRequest, payload: Payload, (sender, limit): (&str, usize)) -> Result<Bytes> {
    let headers = request.headers();
    let encoding = encoding(headers)?;
    if length(headers).is_some_and(|length| length > limit) {
        return Err(Error::TooLarge);
    }
    let expected = length(headers).filter(|_| encoding == Encoding::Plain).unwrap_or(limit);
    keep(request, intake(request)?.arriving.take(sender, expected).await?);
    let sent = arrived(payload, limit).await?;
    match encoding {
        Encoding::Plain => Ok(sent),
        Encoding::Gzip => decoded(MultiGzDecoder::new(&*sent), limit),
        Encoding::Deflate => decoded(ZlibDecoder::new(&*sent), limit),
    }
}

/// What comes, if it comes in time.
async fn arrived(mut payload: Payload, limit: usize) -> Result<Bytes> {
    let (mut body, since) = (BytesMut::new(), Instant::now());
    loop {
        let allowed = TIMEOUT + Duration::from_secs((body.len() / BYTES_A_SECOND) as u64);
        let chunk = timeout(allowed.saturating_sub(since.elapsed()), payload.next()).await;
        match chunk.map_err(|_| Error::Validation("the body did not come in time".to_owned()))? {
            None => return Ok(body.freeze()),
            Some(Err(PayloadError::Overflow)) => return Err(Error::TooLarge),
            Some(Err(error)) => return Err(unreadable(error)),
            Some(Ok(chunk)) if body.len() + chunk.len() > limit => return Err(Error::TooLarge),
            Some(Ok(chunk)) => body.extend_from_slice(&chunk),
        }
    }
}

/// Decodes no further than the limit: what is compressed well may be a thousand times as long.
fn decoded(decoder: impl Read, limit: usize) -> Result<Bytes> {
    let mut body = Vec::new();
    decoder.take(limit as u64 + 1).read_to_end(&mut body).map_err(unreadable)?;
    if body.len() > limit { Err(Error::TooLarge) } else { Ok(body.into()) }
}

fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::Validation(format!("the body could not be read: {error}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Plain,
    Gzip,
    Deflate,
}

/// How the body is compressed. Refuses what nothing here unpacks: read as it is, it would be called broken.
fn encoding(headers: &HeaderMap) -> Result<Encoding> {
    let sent = headers.get_all(CONTENT_ENCODING).map(|sent| String::from_utf8_lossy(sent.as_bytes()));
    let sent = sent.collect::<Vec<_>>().join(", ");
    match sent.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Plain),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "deflate" => Ok(Encoding::Deflate),
        _ => Err(Error::UnsupportedMediaType(format!(
            "Unsupported Content-Encoding: {sent}; gzip, deflate and identity are read"
        ))),
    }
}

/// Whether it is known before anything of it was read that the body has at most `most` bytes.
pub(super) fn is_at_most(request: &HttpRequest, most: usize) -> bool {
    let headers = request.headers();
    matches!(encoding(headers), Ok(Encoding::Plain)) && length(headers).is_some_and(|length| length <= most)
}

/// What the head says of the length: nothing when the body comes in chunks.
fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(super) fn intake(request: &HttpRequest) -> Result<&Intake> {
    request.app_data().ok_or_else(|| Error::internal("the worker has no bounds for bodies"))
}

/// Keeps what was taken until the request is answered.
pub(super) fn keep(request: &HttpRequest, taken: IntakeShare) {
    request.extensions_mut().get_or_insert_with(Vec::new).push(taken);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_decoded_than_may_be_read() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, &vec![b' '; 1 << 20]).expect("written");
        let packed = packed.finish().expect("packed");
        assert!(packed.len() < 16 * 1024);
        assert!(decoded(MultiGzDecoder::new(&*packed), 1 << 20).is_ok_and(|body| body.len() == 1 << 20));
        assert!(matches!(decoded(MultiGzDecoder::new(&*packed), (1 << 20) - 1), Err(Error::TooLarge)));
        assert!(matches!(decoded(MultiGzDecoder::new(&packed[..99]), 1 << 20), Err(Error::Validation(_))));
    }

    #[test]
    fn what_is_behind_the_limit_is_not_even_decoded() {
        struct Endless(usize);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.0 += buffer.len();
                assert!(self.0 < 1 << 24, "it reads on and on");
                buffer.fill(b' ');
                Ok(buffer.len())
            }
        }
        let mut endless = Endless(0);
        assert!(matches!(decoded(&mut endless, 1000), Err(Error::TooLarge)));
        assert!(endless.0 < 100_000, "{} bytes for a limit of 1000", endless.0);
    }
}
