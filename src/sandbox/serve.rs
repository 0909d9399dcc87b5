//! `serve`: a bank and a daemon kept up, to play with and to write one's own software against.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use hyper::Method;
use serde::{Deserialize, Serialize};

use super::daemon::{CannotRun, DaemonFiles};
use super::shop::{CannotOpen, GuideOrganisation, MAIN, SECOND, SandboxShop};
use super::stop::Stop;
use super::{Bank, CannotStart, Dialect, Options, PLACES, Places, RunningBank};
use crate::client::{Client, ClientError};
use crate::failure::{Code, Failure};
use crate::id::NotAnId;
use crate::moment::Moment;
use crate::operation::{Enrol, GetConfig, RegisterDevice, VerifyConfig};

/// Why there is nothing to play with.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Bank or daemon did not start.
    #[error(transparent)]
    Open(#[from] CannotOpen),
    /// The daemon ended.
    #[error(transparent)]
    Daemon(#[from] CannotRun),
    /// The daemon gave no answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The daemon refused to enrol an organisation.
    #[error("an organisation could not be enrolled: {failure}; {}", failure.remedy())]
    Enrol {
        /// What it said.
        failure: Box<Failure>,
    },
    /// An identifier of the sandbox's own.
    #[error(transparent)]
    Id(#[from] NotAnId),
    /// What the directory holds was made in another dialect.
    #[error("{directory} holds a shop whose bank speaks another dialect: use --dialect {kept} or another --dir")]
    OtherDialect {
        /// The directory.
        directory: String,
        /// What it was made in.
        kept: &'static str,
    },
    /// Signals.
    #[error("cannot wait for signals")]
    Signals(#[from] io::Error),
}

/// What an earlier run in the same directory has left of its bank.
#[derive(Deserialize)]
struct Kept {
    url: String,
    control_url: String,
    dialect: Dialect,
}

impl Kept {
    fn of(directory: Option<&Path>) -> Option<Self> {
        let text = fs::read_to_string(directory?.join(PLACES)).ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// What was asked for; `None` is what the directory's last run had, else a default.
#[derive(Debug)]
pub(super) struct ServeOptions {
    pub(super) options: Options,
    pub(super) dialect: Option<Dialect>,
    pub(super) port: Option<u16>,
    pub(super) control_port: Option<u16>,
}

/// Runs until it is told to stop.
pub(super) async fn run(wish: ServeOptions, mut stop: Stop) -> Result<(), ServeError> {
    let directory = wish.options.directory.clone();
    let continued = directory.as_ref().is_some_and(|directory| DaemonFiles::of(directory).state_dir.exists());
    let mut shop = open(wish, continued).await?;
    let client = shop.client().await?;
    for who in [MAIN, SECOND] {
        enrol(&client, &shop.bank, who).await?;
    }
    drop(client);
    announce(&shop, directory.is_some(), continued);
    tokio::select! {
        () = stop.told() => {}
        ended = shop.daemon.ended() => return Err(ended.into()),
    }
    Ok(shop.close().await?)
}

/// What was wished for, where it was before; and whether it may be elsewhere, since nobody has named a port.
struct Continued {
    options: Options,
    may_move: bool,
}

impl Continued {
    fn of(ServeOptions { mut options, dialect, port, control_port }: ServeOptions, kept: Option<&Kept>) -> Self {
        options.dialect = dialect.or(kept.map(|kept| kept.dialect)).unwrap_or_default();
        let last = |url: fn(&Kept) -> &str| kept.and_then(|kept| port_of(url(kept))).unwrap_or(0);
        options.port = port.unwrap_or_else(|| last(|kept| &kept.url));
        options.control_port = control_port.unwrap_or_else(|| last(|kept| &kept.control_url));
        Self { options, may_move: port.is_none() && control_port.is_none() }
    }

    /// The same on any ports.
    fn elsewhere(self) -> Options {
        Options { port: 0, control_port: 0, ..self.options }
    }
}

/// Opens the shop where it was: same dialect, same ports while nobody else has them.
async fn open(wish: ServeOptions, continued: bool) -> Result<SandboxShop, ServeError> {
    let directory = wish.options.directory.clone();
    let kept = Kept::of(directory.as_deref());
    if let (Some(kept), Some(directory)) = (&kept, &directory)
        && continued
        && wish.dialect.is_some_and(|dialect| dialect != kept.dialect)
    {
        return Err(ServeError::OtherDialect { directory: directory.display().to_string(), kept: kept.dialect.word() });
    }
    let mut wanted = Continued::of(wish, kept.as_ref());
    if continued {
        number_on(&mut wanted.options);
    }
    match SandboxShop::open(wanted.options.clone()).await {
        Err(CannotOpen::Bank(CannotStart::Listen { .. })) if wanted.may_move => {
            Ok(SandboxShop::open(wanted.elsewhere()).await?)
        }
        opened => Ok(opened?),
    }
}

/// The same for a bank alone, whose daemon somebody else keeps up and knows by its address.
pub(super) async fn bank_alone(wish: ServeOptions) -> Result<RunningBank, CannotStart> {
    let kept = Kept::of(wish.options.directory.as_deref());
    let mut wanted = Continued::of(wish, kept.as_ref());
    if kept.is_some() {
        number_on(&mut wanted.options);
    }
    match Bank::start(wanted.options.clone()).await {
        Err(CannotStart::Listen { .. }) if wanted.may_move => Bank::start(wanted.elsewhere()).await,
        started => started,
    }
}

/// Payments get numbers above those of all banks before: milliseconds run faster than anybody makes payments.
fn number_on(options: &mut Options) {
    options.first_payment = u64::try_from(Moment::now().millis()).unwrap_or(options.first_payment);
}

fn port_of(url: &str) -> Option<u16> {
    url.rsplit_once(':')?.1.parse().ok()
}

/// Enrols an organisation; one that is enrolled already gets a device at this bank, which is a new one.
async fn enrol(client: &Client, bank: &RunningBank, who: GuideOrganisation) -> Result<(), ServeError> {
    let enrol = Enrol {
        shop_id: None,
        organization_bin: who.bin.parse()?,
        trade_point_id: None,
        device_token: None,
        is_default: who.bin == MAIN.bin,
        description: Some(who.name.parse()?),
    };
    let organization_bin = enrol.organization_bin.clone();
    let known = GetConfig { organization_bin: organization_bin.clone() };
    match client.call(None, None, known).await? {
        Ok(known) => {
            // It may have moved since to a trade point that this bank has not opened yet; one that is there is no mistake.
            let place = format!("/trade-points/{organization_bin}/{}", known.trade_point_id);
            let _ = bank.control(&Method::POST, &place, &serde_json::Value::Null);
            let verify = VerifyConfig { organization_bin: organization_bin.clone() };
            client.call(None, None, verify).await?.map_err(refused)?;
            let register = RegisterDevice { organization_bin, trade_point_id: None };
            client.call(None, None, register).await?.map_err(refused)?;
        }
        Err(failure) if failure.code == Code::NotFound => {
            client.call(None, None, enrol).await?.map_err(refused)?;
        }
        Err(failure) => return Err(refused(failure)),
    }
    Ok(())
}

fn refused(failure: Failure) -> ServeError {
    ServeError::Enrol { failure: Box::new(failure) }
}

/// All that a program needs to take part.
#[derive(Serialize)]
struct Announcement<'a> {
    #[serde(flatten)]
    daemon: &'a DaemonFiles,
    daemon_pid: u32,
    #[serde(flatten)]
    bank: &'a Places,
}

/// One line for programs on stdout, the rest for people on stderr. Nobody may be listening: not an error.
fn announce(shop: &SandboxShop, kept: bool, continued: bool) {
    let (files, places) = (&shop.daemon.files, &shop.bank.places);
    let announcement = Announcement { daemon: files, daemon_pid: shop.daemon.pid(), bank: places };
    let line = serde_json::to_string(&announcement).unwrap_or_default() + "\n";
    let _ = io::stdout().write_all(line.as_bytes()).and_then(|()| io::stdout().flush());
    let _ = io::stderr().write_all(for_people(files, places, kept, continued).as_bytes());
}

fn for_people(files: &DaemonFiles, places: &Places, kept: bool, continued: bool) -> String {
    let socket = files.socket.to_string_lossy();
    let socket = shlex::try_quote(&socket).unwrap_or_default();
    let (control, dialect) = (&places.control_url, places.dialect.word());
    let dir = places.directory.to_string_lossy();
    let dir = shlex::try_quote(&dir).unwrap_or_default();
    let again = match continued {
        true => {
            "\nThe daemon goes on with its organisations, payments and log. The bank is a new one: it does not know\n\
             the payments of the run before, and they can be neither paid nor refunded any more.\n"
        }
        false => "",
    };
    let end = match kept {
        true => format!("Ctrl-C ends both; {} stays, and serve --dir goes on with it.", places.directory.display()),
        false => "Ctrl-C ends both and removes their files; serve --dir DIR keeps them.".to_owned(),
    };
    format!(
        "\nkaspid and a bank that speaks the {dialect} dialect are up. No real money, no real Kaspi.\n{again}\n\
         Two organisations take money:\n  \
           {MAIN} when a payment names none\n  \
           {SECOND} with --bin {second}\n\n\
         Take a payment, in another terminal:\n  \
           export KASPID_SOCKET={socket}\n  \
           kaspictl pay 150.50 --phone 77015211545 --wait=3m\n\
         (without an installed kaspictl: cargo run --release --bin kaspictl -- pay …)\n\n\
         The same over HTTP, from any language:\n  \
           curl --unix-socket $KASPID_SOCKET http://kaspid/v1/payments \\\n    \
             -H 'Idempotency-Key: order-1' -H 'Content-Type: application/json' \\\n    \
             -d '{{\"kind\":\"remote\",\"amount_tiyn\":15050,\"phone_number\":\"77015211545\"}}'\n\n\
         Be the customer, in a browser (phone, scanner, refunds, faults):\n  \
           {phone}\n\n\
         Or in a terminal; NUMBER is the payment's QrPaymentId:\n  \
           kaspi-sandbox pay NUMBER --dir {dir}    (or decline)\n  \
           curl {control}/    (all else: scan, expire, faults, time, trade points)\n\n\
         The daemon's log: {log}\n{end}\n",
        second = SECOND.bin,
        phone = places.phone_url,
        log = files.log_file.display(),
    )
}
