//! What a receiver can do to the client, and where the client will not go.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use super::*;

const SOON: Duration = Duration::from_secs(5);

/// A receiver that reads one request, answers `answer`, and closes.
fn answering(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        let mut asked = [0; 4096];
        assert!(stream.read(&mut asked).expect("a request") > 0);
        // The client may hang up on an answer that is too long.
        let _ = stream.write_all(&answer);
    });
    address
}

fn client(allow: &str) -> Client {
    Client::new(vec![allow.parse().expect("a network")]).expect("a client")
}

async fn get(client: &Client, url: &str, timeout: Duration) -> Result<Response, Failure> {
    let request = Request {
        method: Method::GET,
        url: Url::parse(url).expect("a url"),
        headers: HeaderMap::new(),
        body: Vec::new(),
    };
    client.send(request, timeout).await
}

async fn get_from(address: SocketAddr) -> Result<Response, Failure> {
    get(&client("127.0.0.0/8"), &format!("http://{address}/"), SOON).await
}

#[tokio::test]
async fn an_answer_is_read_whole() {
    let address = answering(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-Id: 7\r\n\r\nok".to_vec());
    let answer = get_from(address).await.expect("an answer");
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (201, b"ok".as_slice()));
    assert_eq!(answer.headers["x-id"], "7");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inner = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret".to_vec());
    let text = format!("HTTP/1.1 302 Found\r\nLocation: http://{inner}/\r\nContent-Length: 0\r\n\r\n");
    let answer = get_from(answering(text.into_bytes())).await.expect("an answer");
    assert_eq!((answer.status.as_u16(), answer.body.len()), (302, 0));
}

#[tokio::test]
async fn a_success_that_is_cut_short_is_a_failure() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nContent-",
        "",
    ] {
        let failed = get_from(answering(answer.into())).await;
        assert!(matches!(failed, Err(Failure::Broken(_))), "{answer:?}: {failed:?}");
    }
}

#[tokio::test]
async fn an_answer_is_read_up_to_the_cap_and_its_status_counts() {
    for (head, over) in [
        (format!("HTTP/1.1 200 OK\r\nContent-Length: {ANSWER_LIMIT}\r\n\r\n"), 0),
        (format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", ANSWER_LIMIT + 1), 1),
        ("HTTP/1.1 410 Gone\r\nConnection: close\r\n\r\n".to_owned(), 4096),
    ] {
        let mut whole = head.clone().into_bytes();
        whole.resize(head.len() + ANSWER_LIMIT + over, b'x');
        let answer = get_from(answering(whole)).await.expect("an answer");
        assert!(head.contains(answer.status.as_str()), "{head}");
        assert_eq!((answer.body.len(), answer.is_cut), (ANSWER_LIMIT, over > 0), "{head}");
    }
}

#[tokio::test]
async fn odd_headers_take_nothing_from_an_answer() {
    let many: String = (0..500).map(|number| format!("X-{number}: {number}\r\n")).collect();
    for (odd, name, value) in [
        (many.as_str(), "x-499", "499"),
        ("a line without a colon\r\nX-Id: 7\r\n", "x-id", "7"),
        (": no name\r\nX-Id: 7\r\n", "x-id", "7"),
        ("b\u{e4}d n\u{e4}me: x\r\nX-Id: 7\r\n", "x-id", "7"),
        ("X-Bad: \u{1}\u{2}\r\nX-Id: 7\r\n", "x-id", "7"),
        ("X-Long: folded\r\n over two lines\r\nX-Id: 7\r\n", "x-id", "7"),
        ("X-Space : y\r\nX-Id: 7\r\n", "x-id", "7"),
    ] {
        let text = format!("HTTP/1.1 200 OK\r\n{odd}Content-Length: 2\r\n\r\nok");
        let answer =
            get_from(answering(text.into_bytes())).await.unwrap_or_else(|failure| panic!("{odd:?}: {failure}"));
        assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (200, b"ok".as_slice()), "{odd:?}");
        assert_eq!(answer.headers[name], value, "{odd:?}");
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_fails_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let wait = Duration::from_millis(50);
    assert_eq!(get(&client("127.0.0.0/8"), &url, wait).await.err(), Some(Failure::Timeout(wait)));
}

#[tokio::test]
async fn names_that_lead_to_private_addresses_are_refused() {
    let failed = get(&client("10.0.0.0/8"), "http://localhost:9/", SOON).await;
    assert!(matches!(&failed, Err(Failure::Refused(reason)) if reason.contains("localhost")), "{failed:?}");
}

#[test]
fn urls_that_must_not_be_called_are_refused_with_the_reason() {
    let client = client("10.0.0.0/8");
    for (url, part) in [
        ("ftp://example.com", "http"),
        ("file:///etc/passwd", "http"),
        ("example.com", "cannot be read"),
        ("http://", "cannot be read"),
        ("http://user@example.com", "user"),
        ("http://user:pin@example.com", "user"),
        ("http://127.0.0.1", "127.0.0.1"),
        ("http://2130706433/", "127.0.0.1"),
        ("http://0x7f.1/", "127.0.0.1"),
        ("http://[::1]:80/", "::1"),
        ("http://[::ffff:192.168.0.1]/", "not a public"),
    ] {
        let refused = client.check_url(url);
        assert!(refused.as_ref().is_err_and(|reason| reason.contains(part)), "{url}: {refused:?}");
    }
    for url in ["https://example.com/hook?x=1", "http://10.1.2.3:8080/", "https://[2606:4700::1111]/"] {
        assert!(client.check_url(url).is_ok(), "{url}");
    }
}
