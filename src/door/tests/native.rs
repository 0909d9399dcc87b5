//! What native clients rely on.

use super::*;
use crate::client::{Client, ClientError};
use crate::frame::{self, Call, Hello, Welcome};
use crate::id::RequestKey;

async fn hello(world: &World) -> UnixStream {
    let mut stream = world.connect().await;
    frame::send(&mut stream, &Hello { protocol: frame::PROTOCOL, client: "test".to_owned() }).await.unwrap();
    let welcome: Welcome = within(frame::receive(&mut stream)).await.unwrap();
    assert_eq!(welcome.protocol, frame::PROTOCOL);
    stream
}

fn call(id: u32, operation: Operation) -> Call {
    Call { id, key: None, deadline_ms: None, operation }
}

fn cancel() -> Operation {
    CancelPayment { payment: "12737694350".parse().unwrap() }.into()
}

async fn answer(stream: &mut UnixStream) -> frame::Answer {
    within(frame::receive(stream)).await.unwrap()
}

fn code(answer: &frame::Answer) -> Code {
    answer.result.as_ref().unwrap_err().code
}

/// Promise: a caller never takes for the reply to its request what is the reply to another.
#[tokio::test]
async fn a_reply_to_something_else_is_no_reply() {
    let world = world(Limits::default());
    let client = Client::connect(&world.socket(), "test").await.unwrap();
    world.release(1);
    let cancel = CancelPayment { payment: "12737694350".parse().unwrap() };
    let told = within(client.call(None, None, cancel)).await;
    assert!(matches!(told, Err(ClientError::OtherReply(_))), "{told:?}");
}

#[tokio::test]
async fn the_client_is_answered_with_its_key() {
    let world = world(Limits::default());
    let client = Client::connect(&world.socket(), "test").await.unwrap();
    assert_eq!(client.version(), env!("CARGO_PKG_VERSION"));
    let create: CreatePayment = serde_json::from_str(r#"{"kind":"qr","amount_tiyn":7}"#).unwrap();
    let key: RequestKey = "sale-7".parse().unwrap();
    let reply = client.call(Some(&key), None, create).await.unwrap().unwrap();
    assert_eq!(reply, payment(7, Some("sale-7".to_owned())));
    let failure = client.call(Some(&key), None, IdentityQuery).await.unwrap().unwrap_err();
    assert_eq!((failure.code, failure.request_key), (Code::BinInactive, Some(key)));
}

#[tokio::test]
async fn calls_overtake_each_other() {
    let world = world(Limits::default());
    let client = Client::connect(&world.socket(), "test").await.unwrap();
    let held = client.send(None, None, cancel());
    let mut held = std::pin::pin!(held);
    let quick = async {
        world.next_begun().await;
        for _ in 0..100 {
            client.call(None, None, VersionQuery).await.unwrap().unwrap();
        }
    };
    tokio::select! {
        _ = &mut held => panic!("it is held"),
        () = quick => {}
    }
    world.release(1);
    assert!(matches!(within(held).await, Ok(Ok(Reply::Reloaded(_)))));
}

#[tokio::test]
async fn a_dropped_call_does_not_disturb_the_others() {
    let world = world(Limits::default());
    let client = Client::connect(&world.socket(), "test").await.unwrap();
    tokio::select! {
        _ = client.send(None, None, cancel()) => panic!("it is held"),
        () = world.next_begun() => {}
    }
    world.release(1);
    assert!(client.call(None, None, VersionQuery).await.unwrap().is_ok());
}

#[tokio::test]
async fn bytes_by_hand_are_understood() {
    let world = world(Limits::default());
    // Hello{1, "x"}, then Call{7, None, None, Version}, byte by byte.
    let bytes = [0, 0, 0, 3, 1, 1, b'x', 0, 0, 0, 4, 7, 0, 0, 1];
    let mut stream = world.connect().await;
    for byte in bytes {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let _: Welcome = within(frame::receive(&mut stream)).await.unwrap();
    let answer = answer(&mut stream).await;
    assert_eq!((answer.id, answer.result.is_ok()), (7, true));
}

#[tokio::test]
async fn another_protocol_is_told_ours_and_closed() {
    let world = world(Limits::default());
    let mut stream = world.connect().await;
    frame::send(&mut stream, &Hello { protocol: 99, client: String::new() }).await.unwrap();
    let welcome: Welcome = within(frame::receive(&mut stream)).await.unwrap();
    assert_eq!(welcome.protocol, frame::PROTOCOL);
    assert_eq!(within(stream.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_broken_frame_ends_the_conversation_with_a_reason_after_what_runs() {
    let world = world(Limits::default());
    for (bytes, wanted) in [
        (&[0, 0, 0, 2, 0xff, 0xff][..], Code::InvalidRequest),
        (&[0, 0, 0, 5, 9, 0, 0, 1, 0], Code::InvalidRequest),
        (&[0, 0x10, 0, 1], Code::TooLarge),
        (&[0, 0, 0, 4, 0, 0, 0, 1], Code::InvalidRequest),
    ] {
        let mut stream = hello(&world).await;
        frame::send(&mut stream, &call(1, cancel())).await.unwrap();
        world.next_begun().await;
        stream.write_all(bytes).await.unwrap();
        world.release(1);
        assert_eq!(answer(&mut stream).await.id, 1);
        let last = answer(&mut stream).await;
        assert_eq!((last.id, code(&last)), (frame::CONNECTION, wanted), "{bytes:?}");
        assert_eq!(within(stream.read(&mut [0])).await.unwrap(), 0);
    }
    // Instead of a Hello, too.
    let mut stream = world.connect().await;
    stream.write_all(&[0, 0, 0, 1, 1]).await.unwrap();
    let _: Welcome = within(frame::receive(&mut stream)).await.unwrap();
    assert_eq!(code(&answer(&mut stream).await), Code::InvalidRequest);
}

#[tokio::test]
async fn a_deadline_ends_the_waiting_and_not_the_operation() {
    let world = world(Limits::default());
    let mut stream = hello(&world).await;
    let late = Call { deadline_ms: Some(20), ..call(1, cancel()) };
    frame::send(&mut stream, &late).await.unwrap();
    let late = answer(&mut stream).await;
    let failure = late.result.as_ref().unwrap_err();
    assert_eq!((late.id, failure.code, failure.retryable), (1, Code::InProgress, true));
    assert_eq!(world.ended(), 0);
    world.release(1);
    // Its own answer is not sent a second time: the next one is the next call's.
    frame::send(&mut stream, &call(2, VersionQuery.into())).await.unwrap();
    assert_eq!(answer(&mut stream).await.id, 2);
}

#[tokio::test]
async fn a_bad_key_is_the_calls_failure() {
    let world = world(Limits::default());
    let mut stream = hello(&world).await;
    let bad = Call { key: Some("\u{7}".to_owned()), ..call(3, VersionQuery.into()) };
    frame::send(&mut stream, &bad).await.unwrap();
    let bad = answer(&mut stream).await;
    assert_eq!((bad.id, code(&bad)), (3, Code::InvalidRequest));
}

#[tokio::test]
async fn the_client_tells_its_troubles_apart() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("s");
    let unreachable = async || matches!(Client::connect(&socket, "test").await, Err(ClientError::Unreachable { .. }));
    assert!(unreachable().await, "nothing there");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(unreachable().await, "nobody listens");
    std::fs::remove_file(&socket).unwrap();
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let other = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _: Hello = frame::receive(&mut stream).await.unwrap();
        frame::send(&mut stream, &Welcome { protocol: 2, version: "9.9".to_owned() }).await.unwrap();
    };
    let (error, ()) = tokio::join!(Client::connect(&socket, "test"), other);
    let text = error.unwrap_err().to_string();
    assert!(text.contains("protocol 1") && text.contains("kaspid 9.9 speaks 2"), "{text}");
    // A daemon that dies with a call: the answer is lost.
    let dying = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _: Hello = frame::receive(&mut stream).await.unwrap();
        frame::send(&mut stream, &Welcome { protocol: 1, version: "1".to_owned() }).await.unwrap();
        let _: Call = frame::receive(&mut stream).await.unwrap();
    };
    let asking = async {
        let client = Client::connect(&socket, "test").await.unwrap();
        let lost = client.send(None, None, cancel()).await;
        assert!(matches!(lost, Err(ClientError::Lost(_))), "{lost:?}");
        let again = client.call(None, None, VersionQuery).await;
        assert!(matches!(again, Err(ClientError::Lost(_))), "{again:?}");
    };
    within(async { tokio::join!(dying, asking) }).await;
}
