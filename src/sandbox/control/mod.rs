//! The control interface: plain HTTP and JSON on loopback, for the person or the test behind the sandbox.

mod complaint;
mod customer;
mod fixtures;
mod overview;
mod visitor;

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::faults::Fault;
use super::phone;
use super::server::{BODY_LIMIT, HEAD_TIMEOUT};
use super::shared::SharedBank;
use super::wire::query;

pub use complaint::Complaint;

/// For people; every route stands here.
const ROUTES: &str = "\
kaspi-sandbox: the control interface. Bodies are JSON; without one, defaults apply.

as the customer
  GET    /payments                          all payments, with how often each was asked about; GET /payments/ID one
  POST   /payments/ID/scan                  scan the QR, open the link
  POST   /payments/ID/pay                   confirm (a QR or link is scanned first if it was not)
  POST   /payments/ID/decline               say no
  POST   /payments/ID/expire                let the time run out
         {\"force\": true}                    whatever state it is in: a late payment, an error after a payment
  POST   /payments/ID/refund-elsewhere      {\"amount_tiyn\": 5000}; without an amount all that is left

  POST   /scan                              {\"link\": \"https://pay.kaspi.kz/pay/...\"}: what a QR or a link says
  GET    /phone                             all of this as a page; serve prints its address with the key of this sandbox

what happened
  GET    /overview                          all that the page shows, at one moment
  GET    /effects                           counts and sums of real effects, also by BIN
  GET    /requests?limit=100                the last requests, tokens replaced; counts of all
  GET    /connections                       accepted, open, failed handshakes

the bank's world
  GET    /organizations                     organisations and trade points
  POST   /organizations/BIN                 DELETE ends the contract
  POST   /trade-points/BIN/ID               {\"name\", \"city\"}; a removed one comes back
  PATCH  /trade-points/BIN/ID               {\"name\", \"city\", \"active\", \"accepts_qr\", \"partial_refunds\", \"payment_methods\"}
  DELETE /trade-points/BIN/ID               no longer listed
  POST   /devices/BIN/forget                {\"register_again\": \"another\" | \"same\" | \"same_refused\"}
  POST   /devices/BIN/disable               tokens answer as switched off
  POST   /devices/BIN/restore               forgotten and disabled tokens work again

  POST   /certificates                      {\"csr_pem\"}: signs a request for a client certificate

time
  GET    /clock                             POST {\"advance\": \"65s\"}
  GET    /timers                            POST {\"scan\": \"3s\", \"confirm\", \"remote\", \"poll\"} for new payments

trouble
  GET    /faults                            DELETE takes all back
  POST   /faults                            {\"call\": \"remote_create\", \"fault\": \"drop_after\", \"times\": 1, \"ms\", \"code\", \"text\", \"bin\"}
         calls:  connect trade_points device_register device_delete qr_create link_create payment_status
                 payment_details refund client_info remote_create remote_cancel ping
                 test_scan test_confirm test_scan_error test_confirm_error
         faults: delay refuse drop_before drop_after error_5xx empty cut unknown_status unknown_code
                 no_id redirect html late_balance; times 0 means until taken back
  POST   /connections/close                 close idle connections, as a bank does after a while
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signing {
    csr_pem: String,
}

/// How many requests `GET /requests` shows without a limit.
pub(super) const SHOWN: usize = 100;

/// One connection, until it closes.
pub(super) async fn connection(shared: Arc<SharedBank>, stream: TcpStream) {
    let service = service_fn(|request| answer(&shared, request));
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    // What a connection ends with is the caller's to see.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(shared: &SharedBank, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return Ok(json_response(StatusCode::PAYLOAD_TOO_LARGE, &json!({"error": "The body is longer than 1 MiB."})));
    };
    if head.method == Method::GET
        && let Some(file) = phone::file(head.uri.path())
    {
        return Ok(page(file));
    }
    if let Err(Complaint(status, sentence)) = visitor::admit(&head.method, &head.headers, &shared.token) {
        return Ok(json_response(status, &json!({ "error": sentence })));
    }
    if head.method == Method::GET && head.uri.path() == "/" {
        return Ok(response(StatusCode::OK, "text/plain; charset=utf-8", ROUTES.to_owned()));
    }
    let limit = limit(head.uri.query().unwrap_or_default());
    Ok(match limit.and_then(|limit| run(shared, &head.method, head.uri.path(), &body.to_bytes(), limit)) {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(Complaint(status, sentence)) => json_response(status, &json!({ "error": sentence })),
    })
}

/// The one table of routes.
pub(super) fn run(
    shared: &SharedBank,
    method: &Method,
    path: &str,
    body: &[u8],
    limit: usize,
) -> Result<Value, Complaint> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let state = &mut *shared.state();
    match (method.as_str(), segments.as_slice()) {
        ("GET", ["payments"]) => Ok(customer::list(state)),
        ("GET", ["payments", id]) => customer::show(state, id),
        ("POST", ["scan"]) => customer::scan(state, &read(body)?),
        ("GET", ["overview"]) => Ok(overview::overview(state)),
        ("POST", ["payments", id, "refund-elsewhere"]) => customer::refund_elsewhere(state, id, read(body)?),
        ("POST", ["payments", id, act]) => customer::act(state, id, act, read(body)?),
        ("GET", ["effects"]) => Ok(overview::effects(state.ledger.effects().iter())),
        ("GET", ["requests"]) => {
            let requests = &state.requests;
            let last: Vec<_> = requests.last(limit).collect();
            Ok(json!({"count": requests.total(), "by_call": requests.counts(), "requests": last}))
        }
        ("GET", ["organizations"]) => Ok(fixtures::organizations(state)),
        ("POST", ["organizations", bin]) => fixtures::add_organization(state, bin),
        ("DELETE", ["organizations", bin]) => fixtures::remove_organization(state, bin),
        ("POST", ["trade-points", bin, id]) => fixtures::add_trade_point(state, bin, id, read(body)?),
        ("PATCH", ["trade-points", bin, id]) => fixtures::change_trade_point(state, bin, id, read(body)?),
        ("DELETE", ["trade-points", bin, id]) => fixtures::remove_trade_point(state, bin, id),
        ("POST", ["devices", bin, "forget"]) => Ok(fixtures::forget_devices(state, bin, read(body)?)),
        ("POST", ["devices", bin, "disable"]) => Ok(fixtures::disable_devices(state, bin)),
        ("POST", ["devices", bin, "restore"]) => Ok(fixtures::restore_devices(state, bin)),
        ("GET", ["clock"]) => Ok(fixtures::clock(state)),
        ("POST", ["clock"]) => Ok(fixtures::advance(state, read(body)?)),
        ("GET", ["timers"]) => Ok(json!(state.ledger.timers)),
        ("POST", ["timers"]) => {
            fixtures::change_timers(&mut state.ledger.timers, read(body)?);
            Ok(json!(state.ledger.timers))
        }
        ("GET", ["faults"]) => Ok(json!({"faults": state.faults.open()})),
        ("POST", ["faults"]) => {
            state.faults.order(read::<Fault>(body)?).map_err(Complaint::bad)?;
            Ok(json!({"faults": state.faults.open()}))
        }
        ("DELETE", ["faults"]) => {
            state.faults.clear();
            Ok(json!({"faults": []}))
        }
        ("POST", ["certificates"]) => {
            let Signing { csr_pem } = read(body)?;
            let signed = shared.authority.sign(&csr_pem);
            signed.map(|pem| json!({"certificate_pem": pem})).map_err(|e| Complaint::bad(format!("{e}.")))
        }
        ("GET", ["connections"]) => Ok(json!(shared.connections.counts())),
        ("POST", ["connections", "close"]) => {
            shared.connections.close_all();
            Ok(json!(shared.connections.counts()))
        }
        _ => Err(Complaint::absent(format!("There is no {method} {path} here; GET / lists the routes."))),
    }
}

/// A body; none at all is an empty object. Unknown fields are refused by name.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Complaint> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|e| Complaint::bad(format!("The body cannot be read: {e}.")))
}

fn limit(text: &str) -> Result<usize, Complaint> {
    query(text).into_iter().try_fold(SHOWN, |_, (name, value)| match (name.as_str(), value.parse()) {
        ("limit", Ok(limit)) => Ok(limit),
        ("limit", Err(_)) => Err(Complaint::bad(format!("limit is a number, not {value:?}."))),
        _ => Err(Complaint::bad(format!("There is no query parameter {name:?}; only \"limit\"."))),
    })
}

fn json_response(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    response(status, "application/json", format!("{value}\n"))
}

fn page(file: phone::PageFile) -> Response<Full<Bytes>> {
    let mut page = response(StatusCode::OK, file.content_type, file.text.to_owned());
    let headers = page.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(phone::POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Another sandbox may stand on this port tomorrow, with other files.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    page
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
