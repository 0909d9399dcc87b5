//! Every operation × right × encoding, from the table of operations: who may is answered by the service, who may not is
//! denied with a remedy, and nobody is in between.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use kaspid::door::routes::RouteId;
use kaspid::failure::Code;
use kaspid::frame::{self, Answer, Call, Hello, PROTOCOL, Welcome};
use kaspid::operation::{FileFormat, Operation, OperationId, Parameter, Request, Right, Shape, Upload, Visitor};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::doors::rights::open_to_all;
use crate::support::http::{Door, exchange, request};
use crate::support::scripted_bank::BIN;
use crate::support::somebody::{Somebody, socket, tell, told};

/// Groups that every Linux has, one for each right; their numbers are looked up.
const GROUPS: [(Right, &str); 5] = [
    (Right::Observe, "games"),
    (Right::Pay, "mail"),
    (Right::Refund, "news"),
    (Right::Audit, "uucp"),
    (Right::Admin, "man"),
];

/// A user that is in none of them.
const UID: u32 = 60_001;

/// Makes an operation of the type that it has.
struct Sample(OperationId);

impl Sample {
    fn shaped<R: Shape>(&self) -> Operation {
        let query = if self.0 == OperationId::ReportRange { json!({"from": "2026-11-01"}) } else { json!({}) };
        let body = match self.0 {
            OperationId::Enrol => json!({"organization_bin": BIN}),
            OperationId::InstallIdentity => json!({"certificate": "bm8gY2VydGlmaWNhdGU="}),
            OperationId::Create => json!({"kind": "qr", "amount_tiyn": 10_000}),
            OperationId::Resolve => json!({"paid": true, "reason": "seen in the app"}),
            OperationId::Adopt => json!({"qr_payment_id": "12737694350", "organization_bin": BIN}),
            _ => json!({}),
        };
        R::join(R::Path::read(named(R::Path::PLACE)).unwrap(), read(query), read(body)).unwrap().into()
    }
}

impl Visitor for Sample {
    type Output = Operation;

    fn message<R: Request>(self) -> Operation {
        self.shaped::<R>()
    }

    fn upload<R: Upload>(self) -> Operation {
        R::from((FileFormat::Csv, serde_json::from_value(json!({})).unwrap())).into()
    }

    fn download<R: Shape>(self) -> Operation {
        self.shaped::<R>()
    }
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    // What is in the path or the query and not in the body is read from an object, too.
    let fitting = |value: &Value| serde_json::from_value(value.clone()).ok();
    let given = fitting(&value).or_else(|| fitting(&json!({"payment": "12737694350"})));
    let given = given.or_else(|| fitting(&json!({"organization_bin": BIN})));
    given.or_else(|| fitting(&json!({"phone_number": "77015211545"}))).unwrap_or_else(|| panic!("{value}"))
}

/// What stands for a part of a path.
fn named(place: &str) -> &'static str {
    match place {
        "{bin}" => BIN,
        "{ref}" => "12737694350",
        "{phone}" => "77015211545",
        _ => "",
    }
}

/// Runs in a process of its own: asks for everything in both encodings and tells what was denied.
#[test]
#[ignore = "begun by the matrix, as somebody"]
fn asks_for_everything() {
    let Some(socket) = socket() else { return };
    let door = Door::at(&socket);
    for route in RouteId::all() {
        let row = route.row();
        let mut path = row.path.to_owned();
        for place in ["{bin}", "{ref}", "{phone}"] {
            path = path.replace(place, named(place));
        }
        let answer = exchange(door.connect(), &request(row.method, &path, &[], None)).unwrap();
        let denied = answer.status == 403 && answer.json()["code"] == "denied";
        assert!(!denied || !answer.problem("denied")["remedy"].as_str().unwrap().is_empty());
        tell(&format!("http {route:?} {denied}"));
    }
    let mut stream = door.connect();
    say(&mut stream, &Hello { protocol: PROTOCOL, client: "matrix".to_owned() });
    let _: Welcome = hear(&mut stream);
    for (id, operation) in (1..).zip(OperationId::ALL) {
        let key = Some(format!("matrix-{id}"));
        say(&mut stream, &Call { id, key, deadline_ms: Some(20_000), operation: operation.visit(Sample(*operation)) });
        let answer: Answer = hear(&mut stream);
        let denied = answer.result.as_ref().err().is_some_and(|failure| failure.code == Code::Denied);
        assert!(!denied || !answer.result.unwrap_err().remedy().is_empty());
        tell(&format!("native {operation:?} {denied}"));
    }
}

pub(super) fn say(stream: &mut UnixStream, value: &impl serde::Serialize) {
    stream.write_all(&frame::encode(value).unwrap()).unwrap();
}

pub(super) fn hear<T: DeserializeOwned>(stream: &mut UnixStream) -> T {
    use std::io::Read;
    let mut length = [0; 4];
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.read_exact(&mut length).unwrap();
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut body).unwrap();
    frame::decode(&body).unwrap()
}

/// What the table says for somebody with this right.
fn wanted(has: Option<Right>) -> Vec<String> {
    let denied = |needs: Right| !has.is_some_and(|has| has.covers(needs));
    let http = RouteId::all().map(|route| format!("http {route:?} {}", denied(route.row().right)));
    let native = OperationId::ALL.iter().map(|id| format!("native {id:?} {}", denied(id.row().right)));
    http.chain(native).collect()
}

fn check(name: &str, somebody: &Somebody, has: Option<Right>, socket: &std::path::Path) {
    let child = somebody.asks("doors::matrix::asks_for_everything", socket);
    let output = child.wait_with_output().unwrap();
    let (found, wanted) = (told(&output.stdout), wanted(has));
    assert_eq!(found.len(), wanted.len(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    let wrong: Vec<_> = found.iter().zip(&wanted).filter(|(found, wanted)| found != wanted).collect();
    assert!(wrong.is_empty(), "{name} (found, by the table): {wrong:#?}");
    eprintln!("{name}: {} answers as the table says", found.len());
}

/// Promise: a caller may what the table and the rules say, whoever it is and however it asks.
#[test]
fn everybody_may_what_the_table_says_in_both_encodings() {
    let numbers: Option<Vec<(Right, u32)>> = GROUPS
        .iter()
        .map(|(right, name)| Some((*right, nix::unistd::Group::from_name(name).ok().flatten()?.gid.as_raw())))
        .collect();
    let Some(numbers) = numbers else { return eprintln!("SKIPPED: needs the groups {GROUPS:?}") };
    let lists: String = GROUPS.iter().map(|(right, group)| format!("{} = [\"@{group}\"]\n", right.name())).collect();
    let Some(till) = open_to_all(&format!("[access]\n{lists}")) else { return };
    let nobody = Somebody { uid: UID, gid: UID, ..Somebody::default() };
    if !nobody.can_be() {
        return eprintln!("SKIPPED: another user cannot run this test program where it stands");
    }
    let socket = till.daemon.socket();
    check("no group", &nobody, None, socket);
    for (right, gid) in numbers {
        let primary = Somebody { gid, ..nobody.clone() };
        check(&format!("{} as its group", right.name()), &primary, Some(right), socket);
        let supplementary = Somebody { groups: vec![gid], ..nobody.clone() };
        check(&format!("{} as a supplementary group", right.name()), &supplementary, Some(right), socket);
    }
    let apart = Somebody { apart: true, ..nobody };
    match apart.can_be() {
        true => check("root of a user namespace of its own", &apart, None, socket),
        false => eprintln!("SKIPPED: no user namespaces here"),
    }
    check("root", &Somebody::default(), Some(Right::Admin), socket);
}
