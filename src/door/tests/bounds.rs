//! Each limit, and that the daemon lives on behind it.

use super::*;
use crate::client::Client;
use crate::frame::{self, Hello};

const GET: &str = "GET /v1/version HTTP/1.1\r\nHost: kaspid\r\n\r\n";

fn quick() -> Limits {
    Limits { request: Duration::from_millis(150), idle: Duration::from_millis(400), ..Limits::default() }
}

async fn lives(world: &World) {
    assert!(world.get("/v1/version").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_connection_too_many_is_told_so_in_its_own_encoding() {
    for limits in
        [Limits { connections: 2, ..Limits::default() }, Limits { connections_per_uid: 2, ..Limits::default() }]
    {
        let world = world(limits);
        let mut first = world.connect().await;
        let mut others = Vec::new();
        for _ in 0..if nix::unistd::geteuid().is_root() { 9 } else { 1 } {
            others.push(world.connect().await);
        }
        let refused = world.talk(GET).await;
        assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
        assert!(refused.contains("retry-after: 1\r\n") && refused.contains("connection: close\r\n"), "{refused}");
        assert!(refused.contains(r#""code":"rate_limited""#) && refused.contains("connections"), "{refused}");
        let client = Client::connect(&world.socket(), "test").await.unwrap();
        let failure = client.call(None, None, VersionQuery).await.unwrap().unwrap_err();
        assert_eq!(failure.code, Code::RateLimited);
        // Who has a place is served, and a place given back is taken.
        first.write_all(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
        assert!(to_end(&mut first).await.starts_with("HTTP/1.1 200"));
        drop(first);
        within(async {
            while !world.get("/v1/version").await.starts_with("HTTP/1.1 200") {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_user_over_the_rate_is_told_in_both_encodings() {
    let world = world(Limits { rate_per_uid: 1, burst_per_uid: 2, ..Limits::default() });
    let client = Client::connect(&world.socket(), "test").await.unwrap();
    assert!(client.call(None, None, VersionQuery).await.unwrap().is_ok());
    assert!(client.call(None, None, VersionQuery).await.unwrap().is_ok());
    let failure = client.call(None, None, VersionQuery).await.unwrap().unwrap_err();
    assert_eq!((failure.code, failure.retryable), (Code::RateLimited, true));
    let told = world.ask("GET /v1/version", "Idempotency-Key: k-1\r\n", "").await;
    assert!(told.starts_with("HTTP/1.1 429") && told.contains(r#""request_key":"k-1""#), "{told}");
}

#[tokio::test]
async fn heads_and_bodies_are_bounded() {
    let world = world(Limits::default());
    let head = world.ask("GET /v1/version", &format!("X: {}\r\n", "x".repeat(17 << 10)), "").await;
    assert!(head.starts_with("HTTP/1.1 431"), "{head}");
    let fits = world.ask("GET /v1/version", &format!("X: {}\r\n", "x".repeat(15 << 10)), "").await;
    assert!(fits.starts_with("HTTP/1.1 200"), "{fits}");
    let announced = "POST /v1/payments HTTP/1.1\r\nHost: kaspid\r\nContent-Length: 1048577\r\n\r\n";
    let announced = world.talk(announced).await;
    assert!(announced.starts_with("HTTP/1.1 413") && announced.contains("too_large"), "{announced}");
    let mut chunked = b"POST /v1/payments HTTP/1.1\r\nHost: kaspid\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..17 {
        chunked.extend(b"10000\r\n");
        chunked.extend(vec![b' '; 0x10000]);
        chunked.extend(b"\r\n");
    }
    let mut stream = world.connect().await;
    // The daemon may close before all is written.
    let _ = stream.write_all(&chunked).await;
    assert!(to_end(&mut stream).await.starts_with("HTTP/1.1 413"));
    lives(&world).await;
}

/// Bytes that trickle in keep nothing open: head, body and frame alike.
#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off() {
    for begun in [
        &b"GET /v1/version HTTP/1.1\r\n"[..],
        b"POST /v1/payments HTTP/1.1\r\nContent-Length: 100\r\n\r\n{",
        &[0, 0, 1, 0],
        &[0, 0, 0, 3, 1, 1, b'x', 0, 0],
    ] {
        let world = world(quick());
        let mut stream = world.connect().await;
        stream.write_all(begun).await.unwrap();
        let (mut reading, mut writing) = stream.split();
        let began = std::time::Instant::now();
        let trickle = async {
            let mut beat = tokio::time::interval(Duration::from_millis(20));
            loop {
                beat.tick().await;
                if writing.write_all(b"a").await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let mut answer = Vec::new();
        tokio::select! {
            _ = reading.read_to_end(&mut answer) => {}
            () = trickle => {}
            () = tokio::time::sleep(Duration::from_secs(5)) => panic!("still open"),
        }
        assert!(began.elapsed() >= Duration::from_millis(100), "too soon: {answer:?}");
        lives(&world).await;
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_working_one_is_not() {
    let world = world(quick());
    let mut silent = world.connect().await;
    let mut kept = world.connect().await;
    kept.write_all(GET.as_bytes()).await.unwrap();
    let mut native = world.connect().await;
    frame::send(&mut native, &Hello { protocol: 1, client: String::new() }).await.unwrap();
    let mut working = world.connect().await;
    working.write_all(b"POST /v1/payments/1/cancel HTTP/1.1\r\nConnection: close\r\n\r\n").await.unwrap();
    world.next_begun().await;
    assert_eq!(to_end(&mut silent).await, "");
    assert!(to_end(&mut kept).await.starts_with("HTTP/1.1 200"));
    to_end(&mut native).await;
    world.release(1);
    assert!(to_end(&mut working).await.starts_with("HTTP/1.1 200"));
}

/// The 65th call waits in the socket, and goes on when a place is free.
#[tokio::test]
async fn a_native_connection_has_so_many_calls_in_flight() {
    let world = world(Limits::default());
    let client = Arc::new(Client::connect(&world.socket(), "test").await.unwrap());
    let calls: Vec<_> = (0..65)
        .map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move {
                client.send(None, None, CancelPayment { payment: "1".parse().unwrap() }.into()).await.unwrap().unwrap();
            })
        })
        .collect();
    for _ in 0..64 {
        within(world.next_begun()).await;
    }
    let more = tokio::time::timeout(Duration::from_millis(50), world.next_begun()).await;
    assert!(more.is_err(), "the 65th has begun");
    world.release(65);
    for call in calls {
        within(call).await.unwrap();
    }
}

#[tokio::test]
async fn a_wait_is_bounded_in_the_native_encoding_too() {
    let world = world(Limits::default());
    let client = Client::connect(&world.socket(), "test").await.unwrap();
    let get = GetPayment { payment: "1".parse().unwrap(), wait: Some("11m".parse().unwrap()) };
    let failure = client.call(None, None, get).await.unwrap().unwrap_err();
    assert_eq!(failure.code, Code::InvalidRequest);
    assert!(failure.detail.contains("wait"), "{}", failure.detail);
}

/// Whatever bytes come, the door stays open.
#[tokio::test]
async fn noise_does_no_harm() {
    let world = world(quick());
    for seed in 0_u8..60 {
        let noise: Vec<u8> = (0..200_u8).map(|i| i.wrapping_mul(seed.wrapping_add(31)).rotate_left(3) ^ seed).collect();
        let mut framed = vec![0, 0, 0, 3, 1, 1, b'x', 0, 0, 0, 200];
        framed.extend(&noise);
        for bytes in [noise, framed] {
            let mut stream = world.connect().await;
            let _ = stream.write_all(&bytes).await;
        }
    }
    lives(&world).await;
}

/// An import: its own bound on the whole, the time of a request for each piece, and the type before anything else.
#[tokio::test]
async fn files_are_bounded_by_size_and_by_the_time_of_a_piece() {
    let world = world(Limits { upload: 2 << 20, ..quick() });
    let csv = "Content-Type: text/csv\r\n";
    let length = (2 << 20) + 1;
    let head = format!("POST /v1/import/log HTTP/1.1\r\nHost: kaspid\r\n{csv}Content-Length: {length}\r\n\r\n");
    let large = world.talk(head).await;
    assert!(large.starts_with("HTTP/1.1 413") && large.contains("2097152 bytes"), "{large}");
    // More than a message may be.
    let good = world.ask("POST /v1/import/log", csv, &"x".repeat(2 << 20)).await;
    assert!(good.starts_with("HTTP/1.1 409"), "{good}");
    let typeless = world.ask("POST /v1/import/log", "", "x").await;
    assert!(typeless.starts_with("HTTP/1.1 400") && typeless.contains("application/x-ndjson"), "{typeless}");

    let mut slow = world.connect().await;
    let head = format!("POST /v1/import/log HTTP/1.1\r\nHost: kaspid\r\n{csv}Transfer-Encoding: chunked\r\n\r\n");
    slow.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..4 {
        // Longer in all than one request may take, each piece within it.
        tokio::time::sleep(Duration::from_millis(60)).await;
        slow.write_all(b"1\r\nx\r\n").await.unwrap();
    }
    let began = tokio::time::Instant::now();
    let answer = to_end(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && began.elapsed() >= Duration::from_millis(100), "{answer}");
    lives(&world).await;
}
