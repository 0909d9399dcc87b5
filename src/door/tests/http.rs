//! What HTTP clients rely on.

use super::*;

const CREATE: &str = r#"{"kind":"remote","amount_tiyn":10000,"phone_number":"77015211545"}"#;

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

fn body(answer: &str) -> serde_json::Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn curl_is_answered_in_json() {
    let world = world(Limits::default());
    let socket = world.socket();
    let curl = tokio::task::spawn_blocking(move || {
        std::process::Command::new("curl")
            .args(["--silent", "--show-error", "--fail-with-body", "--json", CREATE, "--unix-socket"])
            .arg(socket)
            .args(["-H", "Idempotency-Key: sale-7", "-w", " %{http_code} %{content_type}", "http://kaspid/v1/payments"])
            .output()
            .unwrap()
    });
    let output = curl.await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with(" 201 application/json"), "{text}");
    assert!(text.contains(r#""amount_tiyn":10000"#) && text.contains(r#""comment":"sale-7""#), "{text}");
}

#[tokio::test]
async fn a_connection_is_kept_and_a_request_may_come_in_pieces() {
    let world = world(Limits::default());
    let mut stream = world.connect().await;
    for _ in 0..3 {
        for piece in ["G", "ET /v1/ver", "sion HTTP/1.1\r\nHost: kasp", "id\r\n\r\n"] {
            stream.write_all(piece.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = Vec::new();
        while !answer.ends_with(b"\"protocol\":1}") {
            assert_ne!(within(stream.read_buf(&mut answer)).await.unwrap(), 0);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
}

#[tokio::test]
async fn a_failure_is_a_problem_with_the_callers_key() {
    let world = world(Limits::default());
    let answer = world.ask("POST /v1/payments/12737694350/refunds", "Idempotency-Key: r-1\r\n", "").await;
    assert_eq!(status(&answer), "409");
    assert!(answer.contains("content-type: application/problem+json\r\n"));
    let problem = body(&answer);
    assert_eq!((&problem["code"], &problem["request_key"]), (&"bin_inactive".into(), &"r-1".into()));
    assert_eq!(problem["type"], "urn:kaspid:bin_inactive");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told() {
    let world = world(Limits::default());
    let json = "Content-Type: application/json; charset=utf-8\r\n";
    for (line, headers, text, wanted, part) in [
        ("GET /v2/health", "", "", "404", "there is no such path"),
        ("GET /v1/payments/x", "", "", "400", "{ref} in the path"),
        ("GET /v1/payments?limit=x", "", "", "400", "the query: limit"),
        ("GET /v1/payments/1?wait=11m", "", "", "400", "longer than 10m"),
        ("GET /v1/payments/1?wait=soon", "", "", "400", "wait: not a duration"),
        ("POST /v1/payments", json, "{", "400", "EOF while parsing an object at line 1 column 1"),
        ("POST /v1/payments", "Content-Type: text/plain\r\n", CREATE, "400", "Content-Type: application/json"),
        ("POST /v1/payments", "Idempotency-Key: \u{e9}\r\n", CREATE, "400", "the Idempotency-Key header"),
        ("POST /v1/payments", "Idempotency-Key: a\r\nIdempotency-Key: b\r\n", CREATE, "400", "more than one"),
        ("POST /v1/payments/1/cancel", json, "{\"force\":true}", "400", "unknown field `force`"),
        ("GET /v1/version", "Origin: null\r\n", "", "403", "an Origin header"),
        ("GET /v1/version", "Referer: http://kaspid/\r\n", "", "403", "a Referer header"),
        ("GET http://evil.example/v1/version", "", "", "403", "a Host other than"),
    ] {
        let answer = world.ask(line, headers, text).await;
        assert_eq!(status(&answer), wanted, "{line} {headers}: {answer}");
        let problem = body(&answer);
        assert!(problem["detail"].as_str().unwrap().contains(part), "{line}: {problem}");
        assert_eq!(problem["money"], "not_moved");
    }
}

#[tokio::test]
async fn only_our_own_host_names_are_served() {
    let world = world(Limits::default());
    let ask = async |host: &str| {
        let answer = world.talk(format!("GET /v1/version HTTP/1.1\r\n{host}Connection: close\r\n\r\n")).await;
        status(&answer).to_owned()
    };
    for good in ["Host: kaspid\r\n", "Host: LOCALHOST\r\n", "Host:\r\n", ""] {
        assert_eq!(ask(good).await, "200", "{good:?}");
    }
    for bad in ["Host: kaspid.evil.example\r\n", "Host: 127.0.0.1\r\n", "Host: kaspid\r\nHost: evil\r\n"] {
        assert_eq!(ask(bad).await, "403", "{bad:?}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_with_allow() {
    let world = world(Limits::default());
    let answer = world.ask("PUT /v1/configs/891027350515", "", "").await;
    assert_eq!(status(&answer), "405");
    assert!(answer.contains("allow: GET, PATCH, DELETE\r\n"), "{answer}");
    assert_eq!(body(&answer)["status"], 405);
}

#[tokio::test]
async fn what_is_not_http_is_answered_400_and_what_is_neither_is_closed() {
    let world = world(Limits::default());
    assert_eq!(status(&world.talk("GARBAGE\r\n\r\n").await), "400");
    assert_eq!(status(&world.talk("GET / HTTP/1.1\r\nbad header\r\n\r\n").await), "400");
    assert_eq!(world.talk("\x16\x03\x01").await, "");
    assert_eq!(world.talk("get / HTTP/1.1\r\n\r\n").await, "");
}

#[tokio::test]
async fn pictures_are_pictures_and_openapi_is_served() {
    let world = world(Limits::default());
    let svg = world.get("/v1/payments/1/qr.svg").await;
    assert!(svg.contains("content-type: image/svg+xml\r\n") && svg.contains("<svg"), "{svg}");
    let png = world.get("/v1/payments/1/qr.png").await;
    assert!(png.contains("content-type: image/png\r\n") && png.contains("PNG\r\n"));
    assert_eq!(body(&world.get("/openapi.json").await)["openapi"], "3.1.0");
}

#[tokio::test]
async fn a_defect_behind_the_door_is_an_answer_and_the_door_stays_open() {
    let world = world(Limits::default());
    let answer = world.ask("POST /v1/reload", "", "").await;
    assert_eq!(status(&answer), "504");
    assert!(body(&answer)["detail"].as_str().unwrap().contains("journal"));
    assert_eq!(status(&world.get("/v1/version").await), "200");
}

#[tokio::test]
async fn new_rules_hold_for_the_next_request_of_an_open_connection() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let world = world(Limits::default());
    // Let `nobody` through the file, and to the rules.
    std::fs::set_permissions(world.directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(world.socket(), std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let as_nobody = async |path: &str| {
        let (socket, url) = (world.socket(), format!("http://kaspid{path}"));
        let curl = move || {
            let mut setpriv = std::process::Command::new("setpriv");
            setpriv.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "curl", "--silent"]);
            setpriv.arg("--unix-socket").arg(socket).arg(url).output().unwrap().stdout
        };
        String::from_utf8(tokio::task::spawn_blocking(curl).await.unwrap()).unwrap()
    };
    let config = written("[access]\nobserve = [\"nobody\"]");
    world.rules.send_replace(Arc::new(Rules::new(&config.access).0));
    assert!(as_nobody("/v1/version").await.contains("1.2.3"));
    let denied = as_nobody("/v1/log/verify").await;
    assert!(denied.contains(r#""code":"denied""#), "{denied}");
    // By a group if this machine has it, else by the file.
    assert!(denied.contains("kaspictl reload") || denied.contains("usermod"), "{denied}");
    // A denial comes before a look at the request.
    assert!(as_nobody("/v1/identity?x=1").await.contains(r#""code":"denied""#));
    world.forbid();
    assert!(as_nobody("/openapi.json").await.contains(r#""code":"denied""#));
}
