//! The daemon's socket as the fastest client has it: one connection, blocking, frames or HTTP.

use std::io::{BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use kaspid::domain::Kind;
use kaspid::frame::{self, Answer, Call, Hello, PROTOCOL, Welcome};
use kaspid::money::Amount;
use kaspid::operation::{CreatePayment, Operation, Reply};
use serde::de::DeserializeOwned;

use crate::support::daemon::Daemon;
use crate::support::http::{fresh_key, read_answer, request};

/// Over frames.
pub(crate) struct Native(UnixStream, u32);

impl Native {
    pub(crate) fn connect(daemon: &Daemon) -> Self {
        let mut stream = daemon.door.connect();
        let hello = Hello { protocol: PROTOCOL, client: "bench".to_owned() };
        stream.write_all(&frame::encode(&hello).unwrap()).unwrap();
        let _: Welcome = hear(&mut stream);
        Self(stream, 0)
    }

    pub(crate) fn call(&mut self, operation: impl Into<Operation>) -> Reply {
        self.1 += 1;
        let key = Some(fresh_key().parse().unwrap());
        let call = Call { id: self.1, key, deadline_ms: None, operation: operation.into() };
        self.0.write_all(&frame::encode(&call).unwrap()).unwrap();
        let answer: Answer = hear(&mut self.0);
        answer.result.unwrap_or_else(|failure| panic!("{failure:?}"))
    }
}

fn hear<T: DeserializeOwned>(stream: &mut UnixStream) -> T {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut body).unwrap();
    frame::decode(&body).unwrap()
}

/// Over HTTP, kept open.
pub(crate) struct Http(BufReader<UnixStream>);

impl Http {
    pub(crate) fn connect(daemon: &Daemon) -> Self {
        Self(BufReader::new(daemon.door.connect()))
    }

    pub(crate) fn get(&mut self, target: &str) -> serde_json::Value {
        let text = String::from_utf8(request("GET", target, &[], None)).unwrap().replace("Connection: close\r\n", "");
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
        read_answer(&mut self.0).unwrap().expect(200)
    }
}

/// An invoice of 100 tenge.
pub(crate) fn invoice() -> CreatePayment {
    CreatePayment {
        kind: Kind::Remote,
        amount_tiyn: Amount::from_tiyn(10_000).unwrap(),
        phone_number: Some("77015211545".parse().unwrap()),
        comment: None,
        invoice: None,
        repeat_invoice: false,
        shop_id: None,
        organization_bin: None,
        wait: None,
        supersedes: None,
        reason: None,
    }
}
