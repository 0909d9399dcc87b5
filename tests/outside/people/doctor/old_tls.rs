//! A server that offers only what is no longer safe: named, with what to do, by doctor and by the call that failed.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::doctor;
use crate::support::daemon::{Daemon, Home};
use crate::support::scripted_bank::{BIN, ScriptedBank};

/// Longer than openssl needs to listen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// `openssl s_server`; ends when dropped.
struct OldServer {
    child: Child,
    address: SocketAddr,
}

impl OldServer {
    fn start(bank: &ScriptedBank, how: &[&str]) -> Option<Self> {
        let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-accept", &address.to_string()]).args(how);
        command.arg("-cert").arg(&bank.certificate_file).arg("-key").arg(&bank.key_file);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let server = Self { child, address };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "openssl s_server does not listen");
            std::thread::yield_now();
        }
        Some(server)
    }
}

impl Drop for OldServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Only TLS 1.0 and 1.1, and only CBC: neither is spoken by kaspid, and nobody must guess why nothing works.
#[test]
fn a_server_of_old_tls_is_named() {
    let bank = ScriptedBank::start();
    std::fs::set_permissions(&bank.key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let old: [&[&str]; 2] = [
        &["-tls1_1", "-cipher", "ALL@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:AES128-SHA@SECLEVEL=0"],
    ];
    for how in old {
        let Some(server) = OldServer::start(&bank, how) else { return eprintln!("SKIPPED: needs openssl") };
        let home = Home::new(&bank, &format!("[kaspi]\nurl = \"https://{}\"\ntimeout = \"3s\"", server.address));
        let daemon = Daemon::start(&home);
        let problem = daemon.door.post("/v1/configs", &json!({"organization_bin": BIN})).problem("kaspi_unavailable");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("no TLS in common") && detail.contains("ECDHE"), "{how:?}: {problem}");
        let said = doctor(daemon.socket(), &home.config());
        said.blames("tls", "speaks no TLS that kaspid does", "openssl s_client -connect 127.0.0.1:");
    }
}
