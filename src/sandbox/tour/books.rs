//! What really happened, by the bank's own count.

use serde_json::{Map, Value, json};

use super::error::{TourError, must};
use super::page::TourPage;
use super::sums::{CANCELLED, INVOICE, LINK, REFUND};
use crate::sandbox::ledger::Effects;
use crate::sandbox::shop::{GuideOrganisation, MAIN, SECOND, SandboxShop};

/// All that the tour has done, and nothing else.
fn expected() -> [(GuideOrganisation, Effects); 2] {
    let main = Effects {
        registrations: 1,
        invoices: 1,
        asked_tiyn: INVOICE.tiyn,
        paid: 1,
        paid_tiyn: INVOICE.tiyn,
        refunds: 1,
        refunded_tiyn: REFUND.tiyn,
        ..Effects::default()
    };
    let second = Effects {
        // Once more after the bank had forgotten the device.
        registrations: 2,
        links: 1,
        invoices: 1,
        asked_tiyn: LINK.tiyn + CANCELLED.tiyn,
        paid: 1,
        paid_tiyn: LINK.tiyn,
        cancels: 1,
        ..Effects::default()
    };
    [(MAIN, main), (SECOND, second)]
}

/// Compares the bank's books with what the tour has shown; any difference is a failure.
pub(super) fn compare(shop: &SandboxShop, page: &mut TourPage) -> Result<(), TourError> {
    let really = shop.bank.state().ledger.effects().clone();
    for (who, wanted) in expected() {
        let found = really.get(who.bin).copied().unwrap_or_default();
        must(found == wanted, || differences(who, &found, &wanted))?;
        page.text(&format!("{who}: {}", sentence(&found)));
    }
    let strangers = really.keys().find(|bin| ![MAIN.bin, SECOND.bin].contains(&bin.as_str()));
    must(strangers.is_none(), || format!("the bank did something for {strangers:?}"))
}

/// The counts that are not 0, in words.
fn sentence(effects: &Effects) -> String {
    let counts = [
        (effects.invoices, "invoice"),
        (effects.links, "link"),
        (effects.paid, "payment"),
        (effects.refunds, "refund"),
        (effects.cancels, "cancel"),
    ];
    let happened = counts.iter().filter(|(count, _)| *count > 0);
    let said: Vec<String> =
        happened.map(|(count, what)| format!("{count} {what}{}", if *count == 1 { "" } else { "s" })).collect();
    said.join(", ")
}

fn differences(who: GuideOrganisation, found: &Effects, wanted: &Effects) -> String {
    let (found, wanted) = (counts(found), counts(wanted));
    let differ = wanted.iter().filter(|(name, wanted)| found.get(*name) != Some(wanted));
    let said: Vec<String> = differ
        .map(|(name, wanted)| format!("{name} {} instead of {wanted}", found.get(name).unwrap_or(&Value::Null)))
        .collect();
    format!("the bank's books of {who} differ from what was shown: {}", said.join(", "))
}

fn counts(effects: &Effects) -> Map<String, Value> {
    match json!(effects) {
        Value::Object(counts) => counts,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named() {
        let twice = Effects { invoices: 2, paid: 1, ..Effects::default() };
        let once = Effects { invoices: 1, paid: 1, ..Effects::default() };
        assert_eq!(
            differences(MAIN, &twice, &once),
            "the bank's books of 891027350515 (Main BIN) differ from what was shown: invoices 2 instead of 1"
        );
        assert_eq!(sentence(&twice), "2 invoices, 1 payment");
    }
}
