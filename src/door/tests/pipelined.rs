//! Requests behind requests on one connection: each has its answer, and half of one the same words as half of a first one.

use super::*;

const GET: &str = "GET /v1/version HTTP/1.1\r\nHost: kaspid\r\n\r\n";
const SIZED: &str = "POST /v1/reload HTTP/1.1\r\nHost: kaspid\r\nContent-Length: 2\r\n\r\n{}";
const CHUNKED: &str = "POST /v1/reload HTTP/1.1\r\nHost: kaspid\r\nTransfer-Encoding: chunked\r\n\r\n1;x=\"1\"\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
const TRAILED: &str =
    "POST /v1/reload HTTP/1.1\r\nHost: kaspid\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nExpires: 0\r\n\r\n";
const REFUSED: &str = "POST /nothing HTTP/1.1\r\nHost: kaspid\r\nContent-Length: 4\r\n\r\nGET ";

fn quick() -> Limits {
    Limits { request: Duration::from_millis(150), idle: Duration::from_millis(400), ..Limits::default() }
}

fn statuses(text: &str) -> Vec<&str> {
    text.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).collect()
}

/// The problem document of the last answer.
fn last(text: &str) -> &str {
    text.rsplit("\r\n\r\n").next().unwrap()
}

/// Whatever stands before it, and however it comes in: half a request hears 408, in the words that half a first one hears.
#[tokio::test]
async fn half_a_request_behind_another_hears_408() {
    let world = world(quick());
    let first = world.talk("GET /v1/hea").await;
    assert_eq!(statuses(&first), ["408"], "{first}");
    for before in [GET, SIZED, CHUNKED, TRAILED, REFUSED] {
        for half in ["G", "GET /v1/hea", "POST /v1/reload HTTP/1.1\r\nHost: kaspid\r\nContent-Length: 9\r\n\r\n{"] {
            let both = world.talk(format!("{before}{half}")).await;
            let found = statuses(&both);
            assert_eq!((found.len(), found.last()), (2, Some(&"408")), "{before:?} {half:?}: {both}");
            assert_eq!(last(&both), last(&first));
        }
    }
    // Also where it comes in while the answer to the first is not ready, and in two pieces.
    let mut stream = world.connect().await;
    stream.write_all(SIZED.as_bytes()).await.unwrap();
    stream.write_all(b"GET").await.unwrap();
    stream.write_all(b" /v1").await.unwrap();
    let text = to_end(&mut stream).await;
    assert_eq!(statuses(&text).last(), Some(&"408"), "{text}");
}

/// Requests that come in together, cut anywhere, each get their answer in their order; who then says nothing is idle and
/// hears nothing.
#[tokio::test]
async fn requests_in_a_row_are_each_answered() {
    let world = world(quick());
    let row = [GET, SIZED, "\r\n", CHUNKED, GET, REFUSED, TRAILED, GET, "GET /v1/version HTTP/1.1\nHost: kaspid\n\n"];
    let row = row.concat();
    let whole = world.talk(&row).await;
    let expected = statuses(&whole);
    assert_eq!(expected.len(), 8, "{whole}");
    assert!(!expected.contains(&"408") && expected[4] == "404", "{expected:?}");
    for size in [1, 2, 3, 7, 64, 100, 211] {
        let mut stream = world.connect().await;
        for piece in row.as_bytes().chunks(size) {
            stream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let text = to_end(&mut stream).await;
        assert_eq!(statuses(&text), expected, "{size}");
    }
}

/// Empty lines behind a request ask for nothing: who sends them is idle, and hears nothing that could be taken for the answer
/// to what it asks next.
#[tokio::test]
async fn empty_lines_behind_a_request_are_no_request() {
    let world = world(quick());
    for (at_once, later) in [("\r\n", ""), ("", "\r\n"), ("\n\n", "\r\n\n")] {
        let mut stream = world.connect().await;
        stream.write_all(format!("{GET}{at_once}").as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
        stream.write_all(later.as_bytes()).await.unwrap();
        let text = to_end(&mut stream).await;
        assert_eq!(statuses(&text), ["200"], "{at_once:?} {later:?}: {text}");
    }
}
