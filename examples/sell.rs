//! A till in Rust: takes a payment by phone over the native socket and says what to do.
//!
//! ```text
//! cargo run --example sell -- SOCKET BIN TIYN PHONE KEY
//! ```
//!
//! The key names one intention. Whoever repeats the command with the same key gets what came of the first.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use kaspid::client::Client;
use kaspid::domain::Kind;
use kaspid::id::RequestKey;
use kaspid::moment::Span;
use kaspid::money::Amount;
use kaspid::operation::CreatePayment;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    writeln!(std::io::stdout(), "{}", run(&words)?)?;
    Ok(())
}

/// The sale that the words of the command line ask for, and what came of it.
pub(crate) fn run(words: &[String]) -> Result<String, Box<dyn Error>> {
    let [socket, bin, tiyn, phone, key] = words else {
        return Err("sell SOCKET BIN TIYN PHONE KEY".into());
    };
    let sale = CreatePayment {
        kind: Kind::Remote,
        amount_tiyn: Amount::from_tiyn(tiyn.parse()?)?,
        phone_number: Some(phone.parse()?),
        comment: None,
        invoice: None,
        repeat_invoice: false,
        shop_id: None,
        organization_bin: Some(bin.parse()?),
        wait: Some(Span::from_secs(60)),
        supersedes: None,
        reason: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(sell(Path::new(socket), &key.parse()?, sale))
}

/// What the cashier has to know.
async fn sell(socket: &Path, key: &RequestKey, sale: CreatePayment) -> Result<String, Box<dyn Error>> {
    let client = Client::connect(socket, "sell").await?;
    // A lost connection says nothing about the money: ask again with the same key.
    Ok(match client.call(Some(key), None, sale).await? {
        Ok(payment) => format!("{:?} to {}", payment.state, payment.organization_bin),
        Err(failure) => format!("{:?}, money {:?}: {}", failure.code, failure.money, failure.remedy()),
    })
}
