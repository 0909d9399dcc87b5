//! Closing: nothing is cut off, nothing is begun, and what has no client any more is waited for.

use super::*;
use crate::client::Client;
use crate::frame::{self, Answer, Hello, PROTOCOL, Welcome};

const CANCEL: &str = "POST /v1/payments/1/cancel HTTP/1.1\r\nHost: kaspid\r\n\r\n";

fn cancel() -> Operation {
    CancelPayment { payment: "1".parse().unwrap() }.into()
}

#[tokio::test]
async fn idle_connections_close_and_running_requests_are_answered() {
    let mut world = world(Limits::default());
    let mut silent = world.connect().await;
    let mut running = world.connect().await;
    running.write_all(CANCEL.as_bytes()).await.unwrap();
    world.next_begun().await;
    let client = Client::connect(&world.socket(), "test").await.unwrap();
    let mut call = std::pin::pin!(client.send(None, None, cancel()));
    tokio::select! {
        _ = &mut call => panic!("it is held"),
        () = world.next_begun() => {}
    }
    world.stop();
    assert_eq!(to_end(&mut silent).await, "");
    assert!(!world.served.is_finished());
    world.release(2);
    let answer = to_end(&mut running).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close\r\n"), "{answer}");
    assert!(within(call).await.unwrap().is_ok());
    // What comes now was surely not begun.
    let refused = within(client.send(None, None, cancel())).await.unwrap().unwrap_err();
    assert_eq!(refused.code, Code::ShuttingDown);
    within(&mut world.served).await.unwrap();
    assert!(UnixStream::connect(world.socket()).await.is_err());
}

/// Who has only begun to speak has asked for nothing yet: the door does not wait for the rest.
#[tokio::test]
async fn half_a_request_does_not_hold_the_door() {
    for half in
        [&b"GET /v1/ver"[..], b"GET /v1/version HTTP/1.1\r\nHost: kasp", &[0, 0], &[0, 0, 0, 3, 1, 1, b'x', 0, 0]]
    {
        let mut world = world(Limits::default());
        let mut stream = world.connect().await;
        stream.write_all(half).await.unwrap();
        // Answered behind it, so the half has been read.
        assert!(world.get("/v1/version").await.starts_with("HTTP/1.1 200"));
        world.stop();
        let closed = tokio::time::timeout(Duration::from_secs(5), &mut world.served).await;
        assert!(closed.is_ok(), "{half:?} holds the door");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_stops_nothing_and_the_door_waits_for_it() {
    let mut world = world(Limits::default());
    let mut running = world.connect().await;
    running.write_all(CANCEL.as_bytes()).await.unwrap();
    world.next_begun().await;
    drop(running);
    let client = Client::connect(&world.socket(), "test").await.unwrap();
    tokio::select! {
        _ = client.send(None, None, cancel()) => panic!("it is held"),
        () = world.next_begun() => {}
    }
    drop(client);
    world.stop();
    let early = tokio::time::timeout(Duration::from_millis(100), &mut world.served).await;
    assert!(early.is_err(), "the door did not wait");
    world.release(2);
    within(&mut world.served).await.unwrap();
    assert_eq!(world.ended(), 2);
}

/// Promise: who connected a moment before the stop hears what becomes of the first request, and does not find the connection
/// broken.
#[tokio::test]
async fn who_has_just_connected_is_answered() {
    let mut world = world(Limits::default());
    let (mut http, mut kept, mut native) = (world.connect().await, world.connect().await, world.connect().await);
    let version = b"GET /v1/version HTTP/1.1\r\nHost: kaspid\r\n\r\n";
    kept.write_all(version).await.unwrap();
    // Answered before the stop: asked first after it, the connection would have one answer, which is its last.
    let mut answers = String::new();
    while !answers.ends_with('}') {
        let mut bytes = [0; 1024];
        let length = within(kept.read(&mut bytes)).await.unwrap();
        assert!(length > 0, "{answers}");
        answers.push_str(str::from_utf8(&bytes[..length]).unwrap());
    }
    // Accepted before the stop, as are those before it.
    assert!(world.get("/v1/version").await.starts_with("HTTP/1.1 200"));
    world.stop();
    tokio::time::sleep(Duration::from_millis(20)).await;
    http.write_all(version).await.unwrap();
    kept.write_all(version).await.unwrap();
    let hello = Hello { protocol: PROTOCOL, client: "late".to_owned() };
    native.write_all(&frame::encode(&hello).unwrap()).await.unwrap();
    let answer = to_end(&mut http).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close\r\n"), "{answer}");
    // A connection that is kept has two answers then, the last of which says that it is.
    answers += &to_end(&mut kept).await;
    assert_eq!(
        (answers.matches("HTTP/1.1 200").count(), answers.matches("connection: close").count()),
        (2, 1),
        "{answers}"
    );
    let (mut reader, _writer) = native.into_split();
    let welcome: Welcome = within(frame::receive(&mut reader)).await.unwrap();
    assert_eq!(welcome.protocol, PROTOCOL);
    let why: Answer = within(frame::receive(&mut reader)).await.unwrap();
    assert_eq!((why.id, why.result.unwrap_err().code), (frame::CONNECTION, Code::ShuttingDown));
    within(&mut world.served).await.unwrap();
}
