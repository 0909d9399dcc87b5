//! Each way a call can break, and which side of "did a byte leave" it falls on.

use tokio::net::TcpListener;

use super::server::Tls;
use super::*;

#[derive(Debug, PartialEq)]
enum Outcome {
    Value,
    Refused(RefusalKind),
    NeverSent { certificate: bool },
    MayHaveHappened,
}

/// Makes a create, the call where it matters most.
async fn create(kaspi: &Kaspi, timeout: Duration) -> (Outcome, String) {
    let result = kaspi.create(&CallContext::fresh(timeout), &triple(Dialect::Bank), &remote()).await;
    let text = format!("{result:?}");
    assert!(!text.contains("577b4b39") && !text.contains("7015211545"), "a secret shows: {text}");
    let outcome = match result {
        Ok(_) => Outcome::Value,
        Err(CallError::Refused(refusal)) => Outcome::Refused(refusal.kind),
        Err(CallError::NeverSent { certificate, .. }) => Outcome::NeverSent { certificate },
        Err(CallError::MayHaveHappened { .. }) => Outcome::MayHaveHappened,
        Err(trouble) => panic!("{trouble}"),
    };
    (outcome, text)
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_answer_is_read_with_both_versions_of_tls() {
    for tls in [Tls::V12, Tls::V13] {
        let mut server = Server::start(tls, &[Act::Reply(CREATED)]).await;
        let kaspi = client(&server);
        let ask = kaspi.ask();
        let created = kaspi.create(&ask, &triple(Dialect::Bank), &remote()).await.unwrap();
        assert_eq!(created.qr_payment_id, number());
        let seen = server.seen.recv().await.unwrap();
        assert_eq!(seen.line, "POST /r3/v01/remote/create");
        assert_eq!(seen.header("content-type"), Some("application/json"));
        assert_eq!(seen.header("accept"), Some("application/json"));
        assert_eq!(seen.header("host"), server.url.strip_prefix("https://"));
        let id = seen.header("x-request-id").unwrap();
        assert_eq!(id, ask.x_request_id.to_string());
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        assert!(seen.body.starts_with(r#"{"OrganizationBin":"891027350515","Amount":100,"#), "{}", seen.body);
    }
}

#[tokio::test]
async fn nobody_listens_is_never_sent() {
    let server = Server::start(Tls::V13, &[Act::Silence]).await;
    // A port nobody listens on: bound, and closed again.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let endpoint = Endpoint {
        bank: bank_at(&format!("https://localhost:{port}")),
        ca_file: Some(server.pki.ca_file.clone()),
        status_version: "v01".to_owned(),
        timeout: LONG,
        idle: LONG,
        phone_prefix: '7',
    };
    let kaspi = Kaspi::new(endpoint, &server.pki.client, Arc::default()).unwrap();
    let (outcome, text) = create(&kaspi, Duration::from_millis(400)).await;
    assert_eq!(outcome, Outcome::NeverSent { certificate: false }, "{text}");
}

#[tokio::test]
async fn a_bank_that_comes_back_in_time_is_asked_again() {
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = reserved.local_addr().unwrap();
    // The first handshakes meet a listener that hangs up.
    let hangs_up = tokio::spawn(async move {
        for _ in 0..2 {
            drop(reserved.accept().await.unwrap());
        }
        reserved
    });
    let pki = Server::start(Tls::V13, &[Act::Silence]).await;
    let endpoint = Endpoint {
        bank: bank_at(&format!("https://localhost:{}", address.port())),
        ca_file: Some(pki.pki.ca_file.clone()),
        status_version: "v01".to_owned(),
        timeout: LONG,
        idle: LONG,
        phone_prefix: '7',
    };
    let kaspi = Kaspi::new(endpoint, &pki.pki.client, Arc::default()).unwrap();
    let asked = tokio::spawn(async move { create(&kaspi, LONG).await });
    let mut server =
        Server::start_with(Tls::V13, &[Act::Reply(CREATED)], hangs_up.await.unwrap(), Arc::clone(&pki.pki));
    assert_eq!(asked.await.unwrap().0, Outcome::Value);
    assert!(server.seen.recv().await.is_some() && server.seen.try_recv().is_err(), "asked exactly once");
}

#[tokio::test]
async fn a_refused_certificate_is_never_sent_and_never_tried_again() {
    for tls in [Tls::V12, Tls::V13] {
        let server = Server::start(tls, &[Act::Reply(CREATED)]).await;
        let kaspi = client_as(&server, &server.pki.stranger, LONG);
        let (outcome, text) = create(&kaspi, LONG).await;
        assert_eq!(outcome, Outcome::NeverSent { certificate: true }, "{tls:?} {text}");
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn a_server_we_do_not_trust_is_never_sent_and_says_what_to_do() {
    let server = Server::start(Tls::V13, &[Act::Reply(CREATED)]).await;
    let endpoint = Endpoint {
        bank: bank_at(&server.url),
        ca_file: Some(server.pki.foreign_ca_file()),
        status_version: "v01".to_owned(),
        timeout: LONG,
        idle: LONG,
        phone_prefix: '7',
    };
    let kaspi = Kaspi::new(endpoint, &server.pki.client, Arc::default()).unwrap();
    let (outcome, text) = create(&kaspi, LONG).await;
    assert_eq!(outcome, Outcome::NeverSent { certificate: false });
    assert!(text.contains("ca_file"), "{text}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn whatever_breaks_after_the_request_may_have_happened() {
    let breaks = |text: &str| Act::Break(text.to_owned());
    let endless = format!("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n{}", " ".repeat(1_100_000));
    for (act, name) in [
        (breaks(""), "closed without a byte"),
        (breaks("HTTP/1.1 200"), "cut in the status line"),
        (breaks("HTTP/1.1 200 OK\r\nContent-Length: 51\r\n\r\n"), "cut after the headers"),
        (breaks("HTTP/1.1 200 OK\r\nContent-Length: 51\r\n\r\n{\"StatusCode\":-1501"), "cut in the body"),
        (breaks("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n13\r\n{\"StatusCode\":-1501}\r\n"), "cut chunks"),
        (breaks("\u{16}\u{3}\u{1}garbage\r\n\r\n"), "not HTTP"),
        (Act::Break(endless), "a body beyond the limit"),
        (Act::Reply(""), "an empty reply"),
        (Act::Reply("{\"StatusCode\":0}"), "success without a number"),
        (Act::Reply("{\"StatusCode\":-999}"), "temporarily unavailable"),
        (Act::Reply("<html>"), "a page"),
        (Act::Http(500, ""), "500 without envelope"),
        (Act::Http(502, "<html>Bad Gateway</html>"), "502 without envelope"),
        (Act::Http(400, "{\"error\":\"x\"}"), "400 without envelope"),
        (breaks("HTTP/1.1 302 x\r\nLocation: /r3/v01/remote/create/\r\nContent-Length: 0\r\n\r\n"), "a redirect"),
    ] {
        let mut server = Server::start(Tls::V13, &[act]).await;
        let (outcome, text) = create(&client(&server), LONG).await;
        assert_eq!(outcome, Outcome::MayHaveHappened, "{name}: {text}");
        assert!(
            server.seen.recv().await.is_some() && server.seen.try_recv().is_err(),
            "{name}: sent once and not again"
        );
    }
}

#[tokio::test]
async fn an_envelope_decides_whatever_the_http_code() {
    for (act, wanted) in [
        (Act::Http(500, "{\"StatusCode\":-1501}"), Outcome::Refused(RefusalKind::DeviceTokenInvalid)),
        (Act::Http(404, "{\"StatusCode\":990000018}"), Outcome::Refused(RefusalKind::TradePointInactive)),
        (Act::Http(503, CREATED), Outcome::Value),
        (Act::Http(302, CREATED), Outcome::Value),
    ] {
        let server = Server::start(Tls::V12, &[act]).await;
        assert_eq!(create(&client(&server), LONG).await.0, wanted);
    }
}

#[tokio::test]
async fn a_deadline_before_the_request_is_never_sent_and_after_it_may_have_happened() {
    // Accepts connections in the kernel only: no handshake ever answers.
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut server = Server::start(Tls::V13, &[Act::Silence]).await;
    let kaspi = client(&server);
    assert_eq!(create(&kaspi, Duration::from_secs(2)).await.0, Outcome::MayHaveHappened);
    assert!(server.seen.recv().await.is_some());

    server.url = format!("https://localhost:{}", deaf.local_addr().unwrap().port());
    let (outcome, text) = create(&client(&server), Duration::from_millis(300)).await;
    assert_eq!(outcome, Outcome::NeverSent { certificate: false }, "{text}");
}

#[tokio::test]
async fn calls_that_a_dialect_lacks_make_no_traffic() {
    let server = Server::start(Tls::V13, &[Act::Reply(CREATED)]).await;
    let (kaspi, guide) = (client(&server), triple(Dialect::Guide));
    let ask = kaspi.ask();
    let qr = NewPayment { kind: Kind::Qr, ..remote() };
    assert_eq!(kaspi.create(&ask, &guide, &qr).await, Err(CallError::NotInDialect));
    assert_eq!(kaspi.delete_device(&ask, &guide).await, Err(CallError::NotInDialect));
    assert_eq!(kaspi.details(&ask, &guide, &number()).await, Err(CallError::NotInDialect));
    assert!(kaspi.payer(&ask, &guide, &"77015211545".parse().unwrap()).await == Err(CallError::NotInDialect));
    assert_eq!(server.connections(), 0);
}
