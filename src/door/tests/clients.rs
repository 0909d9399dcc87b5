//! Clients as they are: what the libraries and tools of a shop write, and what goes wrong before there is a request.

use super::*;

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

/// Each is asked as it stands and answered with 200 or 201.
#[tokio::test]
async fn each_way_of_asking_is_understood() {
    let world = world(Limits::default());
    let create = r#"{"kind":"qr","amount_tiyn":7}"#;
    let length = create.len();
    let marked = format!("\u{feff}{create}");
    let nulls = r#"{"kind":"qr","amount_tiyn":7,"comment":null,"repeat_invoice":null,"wait":null,"shop_id":null}"#;
    let posted = |head: &str, body: &str| {
        let length = body.len();
        format!("POST /v1/payments HTTP/1.1\r\n{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    };
    for (name, request) in [
        ("HTTP/1.0 without a Host", "GET /v1/version HTTP/1.0\r\n\r\n".to_owned()),
        ("HTTP/1.0 with a body", format!("POST /v1/payments HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{create}")),
        ("no Host", "GET /v1/version HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned()),
        ("a port", "GET /v1/version HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\n\r\n".to_owned()),
        ("an empty port", "GET /v1/version HTTP/1.1\r\nHost: kaspid:\r\nConnection: close\r\n\r\n".to_owned()),
        (
            "the absolute form",
            "GET http://localhost:80/v1/version HTTP/1.1\r\nHost: localhost:80\r\nConnection: close\r\n\r\n".to_owned(),
        ),
        (
            "chunked",
            format!(
                "POST /v1/payments HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{length:x}\r\n{create}\r\n0\r\n\r\n"
            ),
        ),
        ("a mark of the byte order", posted("Content-Type: application/json\r\n", &marked)),
        ("no type", posted("", create)),
        ("null for what is left out", posted("", nulls)),
        (
            "an offset as it is",
            "GET /v1/payments?since=2026-11-24T00:00:00+05:00 HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
        ),
        (
            "an offset encoded",
            "GET /v1/payments?since=2026-11-24T00:00:00%2B05:00 HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
        ),
        ("bare line ends", "GET /v1/version HTTP/1.1\nHost: kaspid\nConnection: close\n\n".to_owned()),
    ] {
        let answer = world.talk(request).await;
        assert!(["200", "201"].contains(&status(&answer)), "{name}: {answer}");
    }
}

/// A client that waits for leave to send its body gets it; one that is refused gets the refusal instead.
#[tokio::test]
async fn who_expects_to_be_told_is_told() {
    let world = world(Limits::default());
    let mut stream = world.connect().await;
    let head = "POST /v1/payments HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 29\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut told = vec![0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    within(stream.read_exact(&mut told)).await.unwrap();
    assert_eq!(told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(br#"{"kind":"qr","amount_tiyn":7}"#).await.unwrap();
    assert_eq!(status(&to_end(&mut stream).await), "201");

    let mut stream = world.connect().await;
    let head =
        "POST /v1/payments HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let refused = to_end(&mut stream).await;
    assert!(refused.ends_with('}') && refused.contains("HTTP/1.1 413"), "{refused}");
}

/// What cannot be read as a request is answered in the words of every other failure.
#[tokio::test]
async fn what_is_no_request_is_a_problem_too() {
    let world = world(Limits::default());
    let get = "GET /v1/version HTTP/1.1\r\n";
    let long = "x".repeat(20 << 10);
    let many: String = (0..150).map(|i| format!("X-{i}: 1\r\n")).collect();
    for (name, request, wanted, code) in [
        ("a head too large", format!("{get}X: {long}\r\n\r\n"), "431", "too_large"),
        ("too many headers", format!("{get}{many}\r\n"), "431", "too_large"),
        ("a line too long", format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000)), "4", "too_large"),
        ("two lengths", format!("{get}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "400", "invalid_request"),
        ("no number", format!("{get}Content-Length: x\r\n\r\n"), "400", "invalid_request"),
        ("a bad line", "GARBAGE\r\n\r\n".to_owned(), "400", "invalid_request"),
        ("another version", "GET / HTTP/2.5\r\n\r\n".to_owned(), "400", "invalid_request"),
        ("a bad header", format!("{get}bad header\r\n\r\n"), "400", "invalid_request"),
    ] {
        let answer = world.talk(request).await;
        assert!(status(&answer).starts_with(wanted), "{name}: {answer}");
        assert!(answer.contains("content-type: application/problem+json\r\n"), "{name}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&problem["code"], &problem["money"]), (&code.into(), &"not_moved".into()), "{name}");
        assert!(
            head.contains(&format!("content-length: {}", body.len())) && head.contains("connection: close"),
            "{head}"
        );
        assert!(!problem["remedy"].as_str().unwrap().is_empty());
    }
    // Behind a good request, too, whose answer is whole.
    let both = world.talk(format!("{get}\r\nGARBAGE\r\n\r\n")).await;
    assert!(both.starts_with("HTTP/1.1 200") && both.contains("HTTP/1.1 400"), "{both}");
    assert!(both.ends_with('}') && both.contains("urn:kaspid:invalid_request"), "{both}");
}
