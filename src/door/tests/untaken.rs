//! Answers that nobody takes: what they hold is bounded, they stop their own connection, and they hold up no stop.

use super::*;
use crate::frame::{self, Call, Hello, Welcome};
use crate::operation::PaymentQuery;

fn list(id: u32) -> Call {
    let query = PaymentQuery { limit: Some(1000), ..PaymentQuery::default() };
    Call { id, key: None, deadline_ms: None, operation: query.into() }
}

async fn native(world: &World) -> UnixStream {
    let mut stream = world.connect().await;
    frame::send(&mut stream, &Hello { protocol: frame::PROTOCOL, client: "test".to_owned() }).await.unwrap();
    let _: Welcome = within(frame::receive(&mut stream)).await.unwrap();
    stream
}

/// A connection that has asked for sixty lists and reads none of them.
async fn not_reading(world: &World) -> UnixStream {
    let mut stream = native(world).await;
    for id in 1..=60 {
        frame::send(&mut stream, &list(id)).await.unwrap();
    }
    stream
}

/// Waits until no more lists are begun.
async fn settled(world: &World) -> usize {
    let mut before = usize::MAX;
    while world.listed() != before {
        before = world.listed();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    before
}

#[tokio::test]
async fn what_is_not_taken_stops_new_calls_and_taking_it_lets_them_go_on() {
    let world = world(Limits::default());
    let mut stream = not_reading(&world).await;
    let begun = settled(&world).await;
    assert!((1..10).contains(&begun), "{begun} lists were made for nobody");
    let mut ids: Vec<u32> = Vec::new();
    for _ in 0..60 {
        let answer: frame::Answer = within(frame::receive(&mut stream)).await.unwrap();
        assert!(answer.result.is_ok(), "{:?}", answer.result.err());
        ids.push(answer.id);
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=60).collect::<Vec<u32>>());
}

/// Calls that find no room are told so; others of the same user on other connections are answered.
#[tokio::test]
async fn a_call_without_room_is_refused_in_the_end_and_no_other_connection_suffers() {
    let world = world(Limits { request: Duration::from_millis(300), ..Limits::default() });
    let mut stream = not_reading(&world).await;
    let begun = settled(&world).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    let listed = world.get("/v1/payments?limit=1000").await;
    assert!(listed.starts_with("HTTP/1.1 200"), "{}", &listed[..200]);
    let mut refused = 0;
    for _ in 0..60 {
        let answer: frame::Answer = within(frame::receive(&mut stream)).await.unwrap();
        refused += usize::from(answer.result.is_err_and(|failure| failure.code == Code::RateLimited));
    }
    assert!(begun + refused <= 60 && refused > 0, "{begun} begun, {refused} refused");
}

/// A user that holds all it may does not keep another from listing: of what is there, half is left. Here both are one user,
/// and what is left is nothing.
#[tokio::test]
async fn all_connections_together_are_bounded() {
    let limits = Limits { untaken_in_all: 16 << 20, request: Duration::from_millis(300), ..Limits::default() };
    let world = world(limits);
    let mut streams = Vec::new();
    for _ in 0..12 {
        streams.push(not_reading(&world).await);
    }
    let begun = settled(&world).await;
    // 2 MiB in frames, and what the kernel holds of each socket.
    assert!(begun < 12 * 3, "{begun} lists");
    let refused = world.get("/v1/payments?limit=1000").await;
    assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("not taken"), "{refused}");
    drop(streams);
    within(async {
        while !world.get("/v1/payments?limit=1000").await.starts_with("HTTP/1.1 200") {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_does_not_read_holds_up_no_stop() {
    let mut world = world(Limits::default());
    let _native = not_reading(&world).await;
    let mut http = world.connect().await;
    http.write_all(b"GET /v1/payments?limit=1000 HTTP/1.1\r\nHost: kaspid\r\n\r\n").await.unwrap();
    let mut file = world.connect().await;
    file.write_all(b"GET /v1/log/export HTTP/1.1\r\nHost: kaspid\r\n\r\n").await.unwrap();
    settled(&world).await;
    let began = std::time::Instant::now();
    world.stop();
    within(&mut world.served).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

/// A slow reader is no such one: what it takes while the door closes is whole.
#[tokio::test]
async fn who_reads_gets_its_answer_during_a_stop() {
    let mut world = world(Limits::default());
    let mut stream = native(&world).await;
    frame::send(&mut stream, &list(1)).await.unwrap();
    settled(&world).await;
    world.stop();
    let answer: frame::Answer = within(frame::receive(&mut stream)).await.unwrap();
    assert!(answer.id == 1 && answer.result.is_ok());
    let last: frame::Answer = within(frame::receive(&mut stream)).await.unwrap();
    assert_eq!((last.id, last.result.unwrap_err().code), (frame::CONNECTION, Code::ShuttingDown));
    within(&mut world.served).await.unwrap();
}
