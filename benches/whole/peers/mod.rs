//! What a shop would use instead, where it is installed: nginx, haproxy or stunnel as an mTLS sidecar, the usual Python service
//! with its own books, curl for each call.
//!
//! `KASPID_BENCH_NGINX` and `KASPID_BENCH_PYTHON` name programs that are not on the path; the Python needs fastapi, uvicorn,
//! sqlalchemy and httpx.

use std::io::{BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::daemon::BankPlace;
use crate::support::http::{read_answer, request};
use crate::support::scripted_bank::ScriptedBank;

/// The service that shops write.
const SERVICE: &str = include_str!("service.py");

/// A program on a Unix socket that speaks HTTP.
pub(crate) struct Peer {
    child: Child,
    stream: BufReader<UnixStream>,
    socket: PathBuf,
    _files: tempfile::TempDir,
}

impl Peer {
    /// nginx with the key, handing on what it is asked.
    pub(crate) fn nginx(bank: &ScriptedBank) -> Option<Self> {
        let program = std::env::var("KASPID_BENCH_NGINX").unwrap_or_else(|_| "nginx".to_owned());
        let files = tempfile::tempdir().unwrap();
        let at = |name: &str| files.path().join(name).display().to_string();
        let (host, socket) = (bank.url.trim_start_matches("https://"), at("socket"));
        let config = format!(
            "daemon off; master_process off; worker_processes 1; pid {pid}; error_log {log};\n\
             events {{ worker_connections 256; }}\n\
             http {{ access_log off;\n\
             client_body_temp_path {body}; proxy_temp_path {proxy}; fastcgi_temp_path {fast}; uwsgi_temp_path {uwsgi}; scgi_temp_path {scgi};\n\
             upstream bank {{ server {host}; keepalive 16; }}\n\
             server {{ listen unix:{socket}; keepalive_requests 1000000; location / {{ proxy_pass https://bank; proxy_http_version 1.1;\n\
             proxy_set_header Connection \"\"; proxy_ssl_certificate {cert}; proxy_ssl_certificate_key {key};\n\
             proxy_ssl_trusted_certificate {ca}; proxy_ssl_verify on; proxy_ssl_name 127.0.0.1; }} }} }}\n",
            pid = at("pid"),
            log = at("error"),
            body = at("body"),
            proxy = at("proxy"),
            fast = at("fast"),
            uwsgi = at("uwsgi"),
            scgi = at("scgi"),
            cert = bank.certificate_file.display(),
            key = bank.key_file.display(),
            ca = bank.ca_file.display(),
        );
        std::fs::write(at("nginx.conf"), config).unwrap();
        let mut command = Command::new(program);
        command.args(["-c", &at("nginx.conf"), "-p", &at("")]);
        Self::start(command, files)
    }

    /// haproxy with the key, handing on what it is asked.
    pub(crate) fn haproxy(bank: &ScriptedBank) -> Option<Self> {
        let files = tempfile::tempdir().unwrap();
        let at = |name: &str| files.path().join(name).display().to_string();
        let pem = [&bank.certificate_file, &bank.key_file].map(|file| std::fs::read_to_string(file).unwrap()).concat();
        std::fs::write(at("client.pem"), pem).unwrap();
        let config = format!(
            "global\n maxconn 256\n nbthread 1\n\
             defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n http-reuse always\n\
             frontend till\n bind unix@{socket}\n default_backend bank\n\
             backend bank\n server bank {host} ssl verify required ca-file {ca} crt {pem}\n",
            socket = at("socket"),
            host = bank.url.trim_start_matches("https://"),
            ca = bank.ca_file.display(),
            pem = at("client.pem"),
        );
        std::fs::write(at("haproxy.cfg"), config).unwrap();
        let mut command = Command::new("haproxy");
        command.args(["-db", "-q", "-f", &at("haproxy.cfg")]);
        Self::start(command, files)
    }

    /// stunnel with the key: a pipe that wraps what it is given into TLS, and knows of no request.
    pub(crate) fn stunnel(bank: &ScriptedBank) -> Option<Self> {
        let files = tempfile::tempdir().unwrap();
        let at = |name: &str| files.path().join(name).display().to_string();
        let config = format!(
            "foreground = quiet\npid =\n[bank]\nclient = yes\naccept = {socket}\nconnect = {host}\ncert = {cert}\nkey = {key}\n\
             CAfile = {ca}\nverifyChain = yes\n",
            socket = at("socket"),
            host = bank.url.trim_start_matches("https://"),
            cert = bank.certificate_file.display(),
            key = bank.key_file.display(),
            ca = bank.ca_file.display(),
        );
        std::fs::write(at("stunnel.conf"), config).unwrap();
        let mut command = Command::new("stunnel");
        command.arg(at("stunnel.conf"));
        Self::start(command, files)
    }

    /// A Python service that writes down what it is about to do and what came of it, as the guide's tables have it.
    pub(crate) fn python(bank: impl Into<BankPlace>) -> Option<Self> {
        let bank = bank.into();
        let program = std::env::var("KASPID_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let files = tempfile::tempdir().unwrap();
        std::fs::write(files.path().join("service.py"), SERVICE).unwrap();
        let mut command = Command::new(program);
        command.args(["-m", "uvicorn", "service:app", "--no-access-log", "--log-level", "critical", "--uds"]);
        command.arg(files.path().join("socket")).current_dir(files.path());
        command.env("BANK", &bank.url).env("CA", &bank.ca_file);
        command.env("CERT", &bank.certificate_file).env("KEY", &bank.key_file);
        Self::start(command, files)
    }

    fn start(mut command: Command, files: tempfile::TempDir) -> Option<Self> {
        let socket = files.path().join("socket");
        let error = std::fs::File::create(files.path().join("stderr")).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(error).spawn().ok()?;
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(stream) = UnixStream::connect(&socket) {
                return Some(Self { child, stream: BufReader::new(stream), socket, _files: files });
            }
            if Instant::now() > until || child.try_wait().is_ok_and(|ended| ended.is_some()) {
                let said = std::fs::read_to_string(files.path().join("stderr")).unwrap_or_default();
                eprintln!("{command:?} does not start: {}", said.lines().last().unwrap_or_default());
                let _ = child.kill();
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A connection of its own: a peer may have closed one that rested.
    pub(crate) fn connect(&mut self) {
        self.stream = BufReader::new(UnixStream::connect(&self.socket).unwrap());
    }

    pub(crate) fn call(&mut self, method: &str, target: &str, body: Option<&str>) {
        ask(&mut self.stream, method, target, body);
    }
}

/// A call over a connection that stays.
pub(crate) fn ask(stream: &mut BufReader<UnixStream>, method: &str, target: &str, body: Option<&str>) {
    let text = String::from_utf8(request(method, target, &[], body)).unwrap().replace("Connection: close\r\n", "");
    stream.get_mut().write_all(text.as_bytes()).unwrap();
    let answer = read_answer(stream).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// curl for one call, as a shell script or PHP's `exec` has it.
pub(crate) fn curl(bank: impl Into<BankPlace>, target: &str, body: &str) {
    let bank = bank.into();
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "10", "-o", "/dev/null", "-d", body, "--cacert"]).arg(&bank.ca_file);
    curl.arg("--cert").arg(&bank.certificate_file).arg("--key").arg(&bank.key_file);
    assert!(curl.arg(format!("{}{target}", bank.url)).status().unwrap().success());
}
