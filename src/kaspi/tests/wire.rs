//! A bank in this process: deadline, gate and translation are those of every other.

use std::time::Duration;

use hyper::body::Bytes;

use super::*;
use crate::kaspi::{ExchangeError, HttpAnswer, Wire};

/// A client whose bank answers so, after a while.
fn client(body: Result<&'static str, &'static str>, after: Duration) -> Kaspi {
    let wire: Wire = Arc::new(move |request| {
        assert_eq!(request.uri().path(), "/r3/v01/payment/status/12737694350");
        Box::pin(async move {
            tokio::time::sleep(after).await;
            let answer =
                |body: &'static str| HttpAnswer { http: 502, date: None, body: Bytes::from_static(body.as_bytes()) };
            body.map(answer).map_err(|why| ExchangeError::Lost(why.to_owned()))
        })
    });
    let endpoint = Endpoint {
        bank: bank_at("https://bank.example"),
        ca_file: None,
        status_version: "v01".to_owned(),
        timeout: Duration::from_secs(20),
        idle: Duration::from_secs(30),
        phone_prefix: '7',
    };
    Kaspi::new(endpoint, &pki::Pki::new().client, Arc::default()).unwrap().over(wire)
}

#[tokio::test(start_paused = true)]
async fn a_bank_in_this_process_is_judged_as_any_other() {
    let (soon, late) = (Duration::from_secs(19), Duration::from_secs(21));
    let status = |kaspi: Kaspi| async move { kaspi.status(&kaspi.ask(), &payment()).await };
    assert_eq!(status(client(Ok(WAITING), soon)).await.unwrap().status, "Wait");
    for kaspi in [client(Ok(WAITING), late), client(Ok("<html>"), soon), client(Err("cut"), soon)] {
        assert!(matches!(status(kaspi).await, Err(CallError::MayHaveHappened { .. })));
    }
    let refused = status(client(Ok(r#"{"StatusCode":-1601}"#), soon)).await;
    assert!(matches!(refused, Err(CallError::Refused(refusal)) if refusal.kind == RefusalKind::PaymentNotFound));
}
