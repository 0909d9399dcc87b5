//! A client that closes its writing side behind its request still wants the answer.

use super::*;
use crate::frame::{self, Call, Hello, Welcome};

const CANCEL: &str = "POST /v1/payments/1/cancel HTTP/1.1\r\nHost: kaspid\r\n\r\n";

fn cancel(id: u32) -> Call {
    let operation = CancelPayment { payment: "12737694350".parse().unwrap() }.into();
    Call { id, key: None, deadline_ms: None, operation }
}

#[tokio::test]
async fn an_answer_that_takes_its_time_comes_over_http() {
    let world = world(Limits::default());
    let mut stream = world.connect().await;
    stream.write_all(CANCEL.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    world.next_begun().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.release(1);
    assert!(to_end(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn all_answers_come_over_frames() {
    let world = world(Limits::default());
    let mut stream = world.connect().await;
    frame::send(&mut stream, &Hello { protocol: frame::PROTOCOL, client: String::new() }).await.unwrap();
    for id in 1..=3 {
        frame::send(&mut stream, &cancel(id)).await.unwrap();
    }
    stream.shutdown().await.unwrap();
    let _: Welcome = within(frame::receive(&mut stream)).await.unwrap();
    for _ in 0..3 {
        world.next_begun().await;
    }
    world.release(3);
    for _ in 0..3 {
        let answer: frame::Answer = within(frame::receive(&mut stream)).await.unwrap();
        assert!(answer.result.is_ok());
    }
    assert_eq!(within(stream.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn files_come_in_and_out() {
    let world = world(Limits::default());
    let mut upload = world.connect().await;
    let head = "POST /v1/import/log HTTP/1.1\r\nHost: kaspid\r\nContent-Type: text/csv\r\nContent-Length: 5\r\n\r\n";
    upload.write_all(format!("{head}a,b,c").as_bytes()).await.unwrap();
    upload.shutdown().await.unwrap();
    let answer = to_end(&mut upload).await;
    assert!(answer.starts_with("HTTP/1.1 409") && answer.contains("5 bytes"), "{answer}");
    let mut export = world.connect().await;
    export.write_all(b"GET /v1/log/export HTTP/1.1\r\nHost: kaspid\r\n\r\n").await.unwrap();
    export.shutdown().await.unwrap();
    let answer = to_end(&mut export).await;
    assert!(answer.len() > 64 * (64 << 10) && answer.ends_with("\r\n0\r\n\r\n"), "{}", answer.len());
}

/// Half a file is half a file, whatever comes behind.
#[tokio::test]
async fn a_file_that_is_cut_is_not_taken_in() {
    let world = world(Limits::default());
    let mut upload = world.connect().await;
    let head = "POST /v1/import/log HTTP/1.1\r\nHost: kaspid\r\nContent-Type: text/csv\r\nContent-Length: 9\r\n\r\n";
    upload.write_all(format!("{head}a,b,c").as_bytes()).await.unwrap();
    upload.shutdown().await.unwrap();
    let answer = to_end(&mut upload).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
}

/// Who has closed both sides waits for nothing: the place of its connection is free while the operation goes on.
#[tokio::test]
async fn who_has_gone_altogether_holds_no_place() {
    let mut of_root = Vec::new();
    let world = world(Limits { connections: 2, ..Limits::default() });
    for _ in 0..if nix::unistd::geteuid().is_root() { 8 } else { 0 } {
        of_root.push(world.connect().await);
    }
    let mut native = world.connect().await;
    frame::send(&mut native, &Hello { protocol: frame::PROTOCOL, client: String::new() }).await.unwrap();
    frame::send(&mut native, &cancel(1)).await.unwrap();
    let mut http = world.connect().await;
    http.write_all(CANCEL.as_bytes()).await.unwrap();
    for stream in [&mut native, &mut http] {
        world.next_begun().await;
        stream.shutdown().await.unwrap();
    }
    assert!(world.get("/v1/version").await.starts_with("HTTP/1.1 429"), "both wait");
    drop((native, http));
    within(async {
        while !world.get("/v1/version").await.starts_with("HTTP/1.1 200") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(world.ended(), 0);
    world.release(2);
}
