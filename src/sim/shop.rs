//! One life of the daemon, from its start on what the disk kept to its death or its end: the product's store, service
//! and background work, without its socket.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::fate;
use super::wire::Line;
use crate::access::{Caller, Rules};
use crate::failure::Failure;
use crate::operation::{Operation, Reply};
use crate::service::{Live, Service, Settings};
use crate::store::Store;
use crate::store::tests::disk::Disk;

/// `[payments] refund_settle` of the configuration below.
pub(super) const SETTLE: Duration = Duration::from_secs(20);

const CONFIG: &str = r#"
[kaspi]
url = "https://bank.example"
timeout = "10s"
# No connection is made ahead: there is nobody to connect to.
idle = "0s"
[identity]
certificate_file = "client.cer"
key_file = "client.key"
[payments]
refund_settle = "20s"
"#;

thread_local! {
    /// What every life has the same; its folder is gone once it is read.
    static SETTINGS: OnceCell<Settings> = const { OnceCell::new() };
}

fn read_settings() -> Settings {
    let dir = TempDir::new().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
    write("client.cer", certificate.pem());
    write("client.key", key.serialize_pem());
    write("kaspid.toml", CONFIG.to_owned());
    Settings::load(&dir.path().join("kaspid.toml")).unwrap()
}

/// Who calls the daemon, and whom it calls; a cheap handle.
#[derive(Clone)]
pub(super) struct Shop {
    service: Service,
    pub(super) store: Store,
    rules: Arc<Rules>,
    pub(super) line: Line,
}

impl Shop {
    /// Opens what is on the disk and recovers. None if the daemon died of it.
    pub(super) async fn open(disk: &Disk, line: &Line) -> Option<Self> {
        let store = match disk.store_among_tasks() {
            Ok(store) => store,
            Err(_) if fate::is_dead() => return None,
            Err(error) => {
                fate::broken(format!("the state does not open: {error}"));
                return None;
            }
        };
        let settings = SETTINGS.with(|settings| settings.get_or_init(read_settings).over(line.wire())).unwrap();
        let rules = settings.rules.clone();
        let (service, background) = Service::new(store.clone(), Arc::new(Live::new(PathBuf::new(), settings)));
        match service.recover().await {
            Ok(_) => {}
            Err(_) if fate::is_dead() => return None,
            // The disk may fail just then; the start is tried again.
            Err(_) => {
                fate::die("recovery");
                return None;
            }
        }
        service.watch(background);
        Some(Self { service, store, rules, line: line.clone() })
    }

    /// As SIGTERM.
    pub(super) fn stop(&self) {
        self.service.stop();
    }

    /// What the door does with a request of root.
    pub(super) async fn run(&self, key: Option<&str>, operation: impl Into<Operation>) -> Result<Reply, Failure> {
        let root = Caller { uid: 0, gid: 0, pid: None, groups: Arc::default(), name: None };
        let admitted = self.rules.admit(&root, key.map(|key| key.parse().unwrap()), operation.into())?;
        self.service.run(admitted).await
    }
}
