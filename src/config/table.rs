//! Every setting, one row each. `packaging/kaspid.toml` and `docs/settings.md` are written from here:
//! `KASPID_BLESS=1 cargo test --lib config`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::ConfigError;
use super::row::{Layers, Section, SectionRows, Setting, SettingRow, last_word, settings};
use super::value::{PhonePrefix, ShopRule, StatusVersion, Supersede};
use crate::domain::Dialect;
use crate::id::{BankUrl, ShopId};
use crate::money::Amount;

settings! {
    /// The daemon itself.
    [daemon] DaemonSettings {
        /// The socket to listen on when systemd passes none (with kaspid.socket it always does).
        socket: PathBuf = "/run/kaspid/kaspid.sock", at_start();

        /// The database, backups and, where the daemon keeps it, the key. Never shared between two daemons.
        state_dir: PathBuf = "/var/lib/kaspid", at_start();

        /// The shop of calls that name none.
        shop_id: ShopId = 1;

        /// What a day is in reports, and the zone of times in CSV exports.
        timezone: TimeZone = "Asia/Almaty";
    }

    /// The bank.
    [kaspi] KaspiSettings {
        /// Where the bank is: `https://HOST` or `https://HOST:PORT`.
        url: BankUrl = "https://qrapi-cert-ip.kaspi.kz";

        /// Addresses that the same bank had before. A payment belongs to the address it was made with: at another one
        /// its number may be somebody else's payment, so it is not asked about, cancelled or refunded there and stands
        /// among the problems, unless its address stands here. A test bank is another bank.
        formerly: Vec<BankUrl> = [], example("formerly = [\"https://old-address.example\"]");

        /// `"auto"` learns it for each organisation from Kaspi's list of trade points, and never guesses where money
        /// moves. `"bank"` and `"guide"` insist.
        dialect: Option<Dialect> = "auto";

        /// Kaspi's own CA, added to the system's roots. May be missing as long as it is not set here.
        ca_file: Option<PathBuf> = "/etc/kaspid/kaspi-ca.crt";

        /// The version in `/r3/{version}/payment/status/`.
        status_version: StatusVersion = "v01";

        /// One call to Kaspi, from connecting to the last byte of the answer.
        timeout: Duration = "30s", from(1);

        /// A call that moves money does not use a connection that has been silent for longer.
        idle: Duration = "30s";
    }

    /// Where the key and certificate are. Leave this section out to let the daemon keep the key itself:
    /// `kaspictl identity generate` or `import`. A systemd credential kaspid.key (with kaspid.crt) comes before both.
    [identity] IdentitySettings as Option {
        /// The certificate that the bank issued, in PEM, DER, PKCS#7 or PKCS#12, with its chain in any order.
        certificate_file: PathBuf, example("certificate_file = \"client.cer\"");

        /// The key that belongs to it, in any form that openssl writes; may be the same file.
        key_file: PathBuf, example("key_file = \"client.key\"");

        /// The passphrase of an encrypted key or PKCS#12 file, alone in a file.
        passphrase_file: Option<PathBuf>, example("passphrase_file = \"client.pass\"");
    }

    /// Users or @groups for each right; a user may be written as a number, too. `!name` has the right of its list no
    /// more, whatever else the list says. Root is always admin. Who may connect at all is decided by the socket's group.
    [access] AccessSettings {
        /// See the state of the daemon and its organisations. Whoever has another right has this one, too.
        observe: Vec<String> = ["@kaspid"];

        /// Take, follow and cancel payments. kaspid-forward, which connects as one of @kaspid, moves nothing.
        pay: Vec<String> = ["@kaspid", "!kaspid-forward"];

        /// Pay money back.
        refund: Vec<String> = ["@kaspid-refund"];

        /// Read the audit log and the reports.
        audit: Vec<String> = ["@kaspid-audit"];

        /// Set the daemon up. Whoever has this right has all others.
        admin: Vec<String> = ["root"];

        /// Limits a user or group to some shops, and to some of their organisations. Repeat for each.
        shop: Vec<ShopRule> = [], example("[[access.shop]]\nwho = \"@tills\"\nshops = [1]\nbins = [\"891027350515\"]");
    }

    /// Rules of payments.
    [payments] PaymentSettings {
        /// Creates and refunds without an Idempotency-Key are refused.
        require_key: bool = true;

        /// A larger payment is refused as a typing error. 100_000_000 tiyn is 1 000 000 tenge.
        max_amount_tiyn: Amount = 100_000_000, from(1), unit("tiyn");

        /// Customers' numbers are sent as this and ten digits: `"7"` or `"8"`.
        phone_prefix: PhonePrefix = "7";

        /// How long to look for a refund whose answer was lost in the payment's balance.
        /// At least twice `[kaspi] timeout`.
        refund_settle: Duration = "60s";

        /// The same invoice and amount is not billed twice while the first payment is open or paid.
        one_per_invoice: bool = true;

        /// Who may replace a payment of unknown outcome by a new one: `"pay"` or `"admin"`.
        supersede: Supersede = "pay";

        /// How long a link lives where Kaspi does not say (guide dialect).
        link_life: Duration = "5m", from(1);
    }

    /// What callers may use of this machine.
    [limits] LimitSettings {
        /// Connections that are open at once.
        connections: usize = 512, from(1), at_start();

        /// Of them, those of one user.
        connections_per_uid: usize = 256, from(1), at_start();

        /// Requests a second for each user.
        rate_per_uid: u32 = 500, from(1), unit("requests a second"), at_start();

        /// Requests of each user at once, after a pause.
        burst_per_uid: u32 = 1000, from(1), at_start();
    }

    /// Whether each active organisation still has its trade point.
    [verify] VerifySettings {
        /// How often each active organisation's trade point is looked up.
        every: Duration = "6h", from(60);

        /// Absent in two readings at least this far apart stops new payments.
        confirm: Duration = "10m", from(1);
    }

    /// What the daemon asks the bank without being asked.
    [follow] FollowSettings {
        /// When to ask for an unpaid remote invoice that nobody waits for: after it was made, then after each ask of this
        /// list; the last one repeats, at most 40 times, and it is asked for once more when it has run out. Kaspi's
        /// manual forbids asking for invoices at an interval; a few asks in a day is our reading of it. `"off"` asks only
        /// when somebody does.
        remote_sweep: Vec<Duration> = ["10m", "30m", "1h"], from(60);

        /// Reads a second at Kaspi that the daemon makes by itself and no money hangs on: statuses and trade points.
        /// Reads that a caller waits for have ten times as many, a second's worth at once. What creates, cancels and
        /// refunds ask is never held back.
        rate: u32 = 50, from(1), to(100_000), unit("reads a second");
    }

    /// The audit log and the copies of it.
    [log] LogSettings {
        /// Daily backups of the state that are kept beside it, the newest ones.
        daily_backups: usize = 7, from(1), to(366);
    }
}
