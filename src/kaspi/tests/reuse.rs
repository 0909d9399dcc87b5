//! Which connection carries a call, and the calls themselves on the wire.

use super::server::Tls;
use super::*;

const IDLE: Duration = Duration::from_secs(30);

async fn status(kaspi: &Kaspi) -> Result<StatusRead, CallError> {
    kaspi.status(&kaspi.ask(), &payment()).await
}

/// Waits until a connection is there before a call: the end of the client's handshake has no event of its own.
async fn rests(kaspi: &Kaspi) {
    while kaspi.link.rested().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn one_connection_carries_call_after_call_each_with_its_own_number() {
    for tls in [Tls::V12, Tls::V13] {
        let mut server = Server::start(tls, &[Act::Reply(WAITING)]).await;
        let kaspi = client(&server);
        let mut ids = std::collections::HashSet::new();
        for _ in 0..10 {
            assert_eq!(status(&kaspi).await.unwrap().status, "Wait");
            let seen = server.seen.recv().await.unwrap();
            assert_eq!((seen.connection, seen.line.as_str()), (1, "GET /r3/v02/payment/status/12737694350"));
            assert!(seen.header("content-type").is_none() && seen.body.is_empty());
            ids.insert(seen.header("x-request-id").unwrap().to_owned());
        }
        assert_eq!((ids.len(), server.connections()), (10, 1));
    }
}

#[tokio::test]
async fn a_connection_that_rested_too_long_is_not_used() {
    let mut server = Server::start(Tls::V13, &[Act::Reply(WAITING), Act::Reply(CREATED)]).await;
    let kaspi = client_as(&server, &server.pki.client, Duration::ZERO);
    status(&kaspi).await.unwrap();
    kaspi.create(&kaspi.ask(), &triple(Dialect::Bank), &remote()).await.unwrap();
    assert_eq!(server.seen.recv().await.unwrap().connection, 1);
    assert_eq!(server.seen.recv().await.unwrap().connection, 2);
}

#[tokio::test]
async fn a_connection_the_bank_closed_while_it_rested_costs_nothing() {
    for tls in [Tls::V12, Tls::V13] {
        let acts = [Act::ReplyAndClose(WAITING), Act::Reply(CREATED)];
        let mut server = Server::start(tls, &acts).await;
        let kaspi = client(&server);
        status(&kaspi).await.unwrap();
        while kaspi.link.rested().is_some() {
            kaspi.link.changed.notified().await;
        }
        let created = kaspi.create(&kaspi.ask(), &triple(Dialect::Bank), &remote()).await.unwrap();
        assert_eq!(created.qr_payment_id, number());
        assert_eq!(server.seen.recv().await.unwrap().connection, 1);
        assert_eq!(server.seen.recv().await.unwrap().connection, 2);
        assert!(server.seen.try_recv().is_err());
    }
}

#[tokio::test]
async fn a_call_given_up_closes_its_connection() {
    let mut server = Server::start(Tls::V13, &[Act::Silence, Act::Reply(CREATED)]).await;
    let kaspi = client(&server);
    // Long enough to reach the server on a busy machine: silence is what this is about.
    let brief = CallContext::fresh(Duration::from_secs(2));
    assert!(kaspi.status(&brief, &payment()).await.is_err());
    kaspi.create(&kaspi.ask(), &triple(Dialect::Bank), &remote()).await.unwrap();
    assert_eq!(server.seen.recv().await.unwrap().connection, 1);
    assert_eq!(server.seen.recv().await.unwrap().connection, 2);
}

#[tokio::test]
async fn calls_at_once_do_not_wait_for_each_other() {
    let server = Server::start(Tls::V13, &[Act::Silence, Act::Reply(WAITING)]).await;
    let kaspi = client(&server);
    let waits = tokio::spawn({
        let kaspi = kaspi.clone();
        async move { status(&kaspi).await }
    });
    let mut server = server;
    server.seen.recv().await.unwrap();
    assert_eq!(status(&kaspi).await.unwrap().status, "Wait");
    waits.abort();
}

#[tokio::test]
async fn a_connection_is_made_ahead_and_again_when_the_bank_closes_it() {
    let acts = [Act::ReplyAndClose(WAITING), Act::Reply(WAITING)];
    let mut server = Server::start(Tls::V13, &acts).await;
    let kaspi = client_as(&server, &server.pki.client, IDLE);
    let keeper = tokio::spawn(kaspi.keep_warm());
    rests(&kaspi).await;
    assert_eq!(server.connections(), 1);
    status(&kaspi).await.unwrap();
    assert_eq!(server.seen.recv().await.unwrap().connection, 1, "the one made ahead was used");
    server.connected(2).await;
    rests(&kaspi).await;
    status(&kaspi).await.unwrap();
    assert_eq!(server.seen.recv().await.unwrap().connection, 2, "the next one was made without a call");
    drop(kaspi);
    tokio::time::timeout(Duration::from_secs(60), keeper).await.expect("ends with the last handle").unwrap();
}

/// The bank would see a machine with a wrong certificate knock without end.
#[tokio::test]
async fn a_refused_certificate_is_not_tried_at_once_again() {
    for tls in [Tls::V12, Tls::V13] {
        let server = Server::start(tls, &[Act::Reply(WAITING)]).await;
        let kaspi = client_as(&server, &server.pki.stranger, IDLE);
        let began = std::time::Instant::now();
        let keeper = tokio::spawn(kaspi.keep_warm());
        server.connected(2).await;
        assert!(began.elapsed() >= Duration::from_secs(1), "{tls:?}: {:?}", began.elapsed());
        keeper.abort();
    }
}

#[tokio::test]
async fn every_call_of_the_bank_reaches_its_path() {
    let points = r#"{"StatusCode":0,"Data":[{"TradePointId":104039,"TradePointName":"Main Office"}]}"#;
    let balance = r#"{"StatusCode":0,"Data":{"TotalAmount":100.00,"AvailableReturnAmount":50.5}}"#;
    let acts = [
        Act::Reply("{\"StatusCode\":0}"),
        Act::Reply(points),
        Act::Reply(r#"{"StatusCode":0,"Data":{"DeviceToken":"577b4b39-1e7e-43d2-83c3-a0116118ef16"}}"#),
        Act::Reply(balance),
        Act::Reply(r#"{"StatusCode":0,"Data":{"Status":"RemotePaymentCanceled"}}"#),
        Act::Reply(r#"{"StatusCode":0,"Data":{"ReturnOperationId":15}}"#),
        Act::Reply(r#"{"StatusCode":0,"Data":{"ClientName":"Имя Ф."}}"#),
        Act::Reply("{\"StatusCode\":0}"),
    ];
    let mut server = Server::start(Tls::V13, &acts).await;
    let (kaspi, triple) = (client(&server), triple(Dialect::Bank));
    let ask = || kaspi.ask();
    kaspi.ping(&ask()).await.unwrap();
    let (dialect, listed) = kaspi.trade_points(&ask(), triple.bin(), None).await.unwrap();
    assert_eq!((dialect, listed[0].id.as_str()), (Dialect::Bank, "104039"));
    let token = kaspi.register(&ask(), dialect, triple.bin(), triple.trade_point()).await.unwrap();
    assert_eq!(&token, triple.token());
    let details = kaspi.details(&ask(), &triple, &number()).await.unwrap();
    assert_eq!(details.available_return.tiyn(), 5_050);
    let cancelled = kaspi.cancel(&ask(), &triple, &number()).await.unwrap();
    assert_eq!(cancelled.status.as_deref(), Some("RemotePaymentCanceled"));
    let refunded = kaspi.refund(&ask(), &triple, &number(), Amount::from_tiyn(1).unwrap()).await.unwrap();
    assert_eq!(refunded.return_operation_id.as_deref(), Some("15"));
    assert_eq!(kaspi.payer(&ask(), &triple, &"77015211545".parse().unwrap()).await.unwrap().name, "Имя Ф.");
    kaspi.delete_device(&ask(), &triple).await.unwrap();

    let token = "577b4b39-1e7e-43d2-83c3-a0116118ef16";
    for line in [
        "GET /r3/v01/health/ping".to_owned(),
        "GET /r3/v01/partner/tradepoints/891027350515".to_owned(),
        "POST /r3/v01/device/register".to_owned(),
        format!("GET /r3/v01/payment/details?QrPaymentId=12737694350&DeviceToken={token}"),
        "POST /r3/v01/remote/cancel".to_owned(),
        "POST /r3/v01/payment/return".to_owned(),
        format!("GET /r3/v01/remote/client-info?phoneNumber=77015211545&deviceToken={token}"),
        "POST /r3/v01/device/delete".to_owned(),
    ] {
        assert_eq!(server.seen.recv().await.unwrap().line, line);
    }
    assert_eq!(server.connections(), 1);
}

/// A token or a number of another bank reaches nobody, whatever is asked with it.
#[tokio::test]
async fn what_is_of_another_bank_is_not_sent() {
    let server = Server::start(Tls::V13, &[Act::Reply(CREATED)]).await;
    let (kaspi, ours) = (client(&server), triple(Dialect::Bank));
    let bank: crate::id::BankUrl = "https://other.example".parse().unwrap();
    let of = Counterparty { bank: bank.clone(), dialect: Dialect::Bank };
    let triple = Triple::of_test(ours.bin().clone(), ours.trade_point().clone(), ours.token().clone(), of);
    let (ask, number, amount) = (kaspi.ask(), number(), Amount::from_tiyn(1).unwrap());
    for trouble in [
        kaspi.status(&ask, &triple.named(&number)).await.err(),
        kaspi.details(&ask, &triple, &number).await.err(),
        kaspi.cancel(&ask, &triple, &number).await.err(),
        kaspi.refund(&ask, &triple, &number, amount).await.err(),
        kaspi.create(&ask, &triple, &remote()).await.err(),
        kaspi.payer(&ask, &triple, &"77015211545".parse().unwrap()).await.err(),
        kaspi.delete_device(&ask, &triple).await.err(),
    ] {
        assert_eq!(trouble, Some(CallError::OtherBank(bank.clone())));
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_guides_cancel_and_refund_need_no_more_than_status_true() {
    let mut server = Server::start(Tls::V12, &[Act::Reply("{\"status\":true}")]).await;
    let (kaspi, triple) = (client(&server), triple(Dialect::Guide));
    assert_eq!(kaspi.cancel(&kaspi.ask(), &triple, &number()).await, Ok(Cancelled { status: None }));
    let refunded = kaspi.refund(&kaspi.ask(), &triple, &number(), Amount::from_tiyn(5_000).unwrap()).await;
    assert_eq!(refunded, Ok(Refunded { return_operation_id: None }));
    let lines = [server.seen.recv().await.unwrap(), server.seen.recv().await.unwrap()].map(|seen: Seen| seen.line);
    assert_eq!(lines, ["POST /r3/v01/remote/cancel/", "POST /r3/v01/payment/refund/"]);
}
