//! What a shell completes at the TAB key: commands and options from the command line itself, BINs and payments from the daemon,
//! of which whoever types sees what their rights show.

use std::time::Duration;

use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use crate::client::Client;
use crate::operation::{ConfigQuery, PaymentQuery, Request};

/// Nobody waits longer for a TAB.
const PATIENCE: Duration = Duration::from_millis(500);

/// As many as a screen shows.
const PAYMENTS: u32 = 20;

/// The organisations.
pub(super) fn bins() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let configs = told(ConfigQuery { shop_id: None }).map(|told| told.configs).unwrap_or_default();
        let candidate = |config: crate::operation::Config| {
            let help = config.description.map(|text| text.to_string().into());
            CompletionCandidate::new(config.organization_bin.to_string()).help(help)
        };
        configs.into_iter().map(candidate).collect()
    })
}

/// The latest payments, by Kaspi's number where there is one.
pub(super) fn payments() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let query = PaymentQuery { limit: Some(PAYMENTS), ..PaymentQuery::default() };
        let payments = told(query).map(|told| told.payments).unwrap_or_default();
        let candidate = |payment: crate::operation::Payment| {
            let name = payment.qr_payment_id.map_or_else(|| payment.id.to_string(), |number| number.to_string());
            let help = format!("{}, {} ₸", payment.state, payment.amount_tiyn.to_tenge());
            CompletionCandidate::new(name).help(Some(help.into()))
        };
        payments.into_iter().map(candidate).collect()
    })
}

/// The daemon's answer, if one comes in time; a shell is told nothing else.
fn told<R: Request>(request: R) -> Option<R::Reply> {
    let socket = super::socket::named(None, std::env::var_os("KASPID_SOCKET"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let ask = async {
        let client = Client::connect(&socket, "kaspictl").await.ok()?;
        client.call(None, Some(PATIENCE), request).await.ok()?.ok()
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, ask).await.ok().flatten() })
}
