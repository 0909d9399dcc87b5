//! What no daemon can be faster than: an echo, a call over a TLS connection that is there, a flush, a start of nothing.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::process::Command;

use rustls::{ClientConnection, StreamOwned};

use crate::support::daemon::BankPlace;
use crate::support::http::{read_answer, request};
use crate::support::tls_client::TlsClient;

/// X: a blocking echo of 128 bytes over a Unix socket.
pub(crate) struct Echo(UnixStream);

impl Echo {
    pub(crate) fn start() -> Self {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 128];
            while theirs.read_exact(&mut bytes).is_ok() && theirs.write_all(&bytes).is_ok() {}
        });
        Self(ours)
    }

    pub(crate) fn call(&mut self) {
        let mut bytes = [7; 128];
        self.0.write_all(&bytes).unwrap();
        self.0.read_exact(&mut bytes).unwrap();
    }
}

/// U: a call over one TLS connection that is there.
pub(crate) struct Raw(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Raw {
    pub(crate) fn connect(bank: impl Into<BankPlace>) -> Self {
        Self(BufReader::new(TlsClient::of(&bank.into()).connect()))
    }

    pub(crate) fn call(&mut self, method: &str, target: &str, body: Option<&str>) {
        let text = String::from_utf8(request(method, target, &[], body)).unwrap().replace("Connection: close\r\n", "");
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut self.0).unwrap().status, 200);
    }
}

/// F: 4 KiB written over what is there, and flushed.
pub(crate) struct Flush(File);

impl Flush {
    /// On the disk that the daemons of this run use.
    pub(crate) fn new() -> Self {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![1; 1 << 20], 0).unwrap();
        file.sync_all().unwrap();
        Self(file)
    }

    pub(crate) fn call(&self) {
        self.0.write_all_at(&[2; 4096], 4096).unwrap();
        self.0.sync_data().unwrap();
    }
}

/// S: a program that does nothing.
pub(crate) fn spawn() {
    assert!(Command::new("/bin/true").status().unwrap().success());
}
