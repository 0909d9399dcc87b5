//! A look at the bank with an identity that is not in use yet: a handshake, and a read behind it, for TLS 1.3 lets the
//! server refuse a certificate only after the handshake.

use crate::domain::Standing;
use crate::failure::{Code, Failure};
use crate::identity::ClientIdentity;
use crate::kaspi::{CallError, Probe, ProbeObstacle, ProbeStep, Question, RefusalKind, probe};
use crate::service::Settings;
use crate::store::{ConfigRow, Store};

/// Asks; touches nothing.
#[derive(Clone)]
pub(in crate::service) struct Looks {
    store: Store,
}

impl Looks {
    pub(in crate::service) fn new(store: Store) -> Self {
        Self { store }
    }

    /// What the bank says to the identity in `settings`, for people.
    ///
    /// # Errors
    /// `certificate_refused`, or `kaspi_unavailable` where nobody can tell now.
    pub(in crate::service::upkeep) async fn ask(&self, settings: &Settings) -> Result<String, Failure> {
        let rows = self.store.read(|reading| Ok(reading.configs()?))?;
        // What another bank was seen to list says nothing of this one.
        let bank = settings.config.kaspi.bank();
        let is_here = |row: &&ConfigRow| row.learned_from.as_ref().is_some_and(|url| bank.is(url));
        let active = rows.iter().filter(|row| row.is_active && !row.is_retired);
        let asked = active.filter(is_here).min_by_key(|row| rank(row));
        let question = asked.map_or(Question::Ping, |row| Question::TradePoints(row.organization_bin.clone()));
        let kaspi = settings.kaspi()?;
        let probe = probe(&settings.config.kaspi.url, Some(kaspi), Some(&question)).await;
        judged(&probe, asked)
    }
}

/// The surest to be listed first: what it says of the certificate is then the certificate's doing.
fn rank(row: &ConfigRow) -> u8 {
    match row.standing {
        Standing::Verified => 0,
        Standing::Unverified => 1,
        Standing::Suspended => 2,
    }
}

fn judged(probe: &Probe, asked: Option<&ConfigRow>) -> Result<String, Failure> {
    for (step, what) in [(&probe.dns, "its name has no address"), (&probe.tcp, "there is no connection")] {
        if let ProbeStep::Failed(obstacle) = step {
            return Err(unreachable(probe, &format!("{what}: {obstacle}")));
        }
    }
    match &probe.tls {
        ProbeStep::Failed(ProbeObstacle::OurCertificate(why)) => return Err(refused_because(why)),
        ProbeStep::Failed(obstacle) => return Err(unreachable(probe, &obstacle.to_string())),
        ProbeStep::Done(_) | ProbeStep::Untried => {}
    }
    match (&probe.answer, asked) {
        (ProbeStep::Done(_), Some(row)) => Ok(format!("it lists the trade points of config {}", row.id)),
        (ProbeStep::Done(_), None) => Ok("it takes the certificate".to_owned()),
        (ProbeStep::Failed(ProbeObstacle::OurCertificate(why)), _) => Err(refused_because(why)),
        (ProbeStep::Failed(ProbeObstacle::Answer(trouble)), asked) => answered(probe, trouble, asked),
        (ProbeStep::Failed(obstacle), _) => Err(unreachable(probe, &obstacle.to_string())),
        (ProbeStep::Untried, _) => Err(unreachable(probe, "it was not asked")),
    }
}

/// An answer that is no *yes* came all the same through a connection that our certificate has opened.
fn answered(probe: &Probe, trouble: &CallError, asked: Option<&ConfigRow>) -> Result<String, Failure> {
    match (trouble, asked) {
        (CallError::Refused(refusal), _) if refusal.kind == RefusalKind::ClientCertificate => {
            Err(refused_because("it has seen none"))
        }
        (CallError::Refused(refusal), Some(row)) if row.standing == Standing::Verified => {
            let code = refusal.code.map_or_else(String::new, |code| format!(" (code {code})"));
            let detail = format!("with it the bank does not list the trade points of config {}{code}", row.id);
            Err(refused(&detail).with_provider(refusal.code, None).with_bin(&row.organization_bin))
        }
        (CallError::Refused(_), _) => Ok("it takes the certificate".to_owned()),
        // The guide's dialect has no ping. Any other page may be a proxy's that has seen no certificate of ours.
        (trouble, None) if trouble.is_no_such_path() => Ok("it takes the certificate".to_owned()),
        // No text of it is the bank's own.
        (CallError::MayHaveHappened { why, .. }, _) => {
            Err(unreachable(probe, &format!("there is no usable answer: {why}")))
        }
        _ => Err(unreachable(probe, "there is no usable answer")),
    }
}

fn refused_because(why: &str) -> Failure {
    refused(&format!("the bank refuses the certificate: {why}"))
}

fn refused(detail: &str) -> Failure {
    let hint =
        "Is it the certificate of this bank and for this machine's address? Ask the bank; what was in use stays.";
    Failure::new(Code::CertificateRefused, detail).with_hint(hint).with_retryable(false)
}

fn unreachable(probe: &Probe, why: &str) -> Failure {
    let detail = format!("the bank at {} port {} could not be asked: {why}", probe.host, probe.port);
    let hint = "See what is in the way: kaspictl doctor. To take the key and certificate all the same, unchecked: add \
                --unchecked";
    Failure::new(Code::KaspiUnavailable, detail).with_hint(hint)
}

/// Whether an identity still works: then nothing unproven takes its place.
pub(in crate::service) fn is_good(identity: Option<&ClientIdentity>) -> bool {
    identity.is_some_and(|identity| identity.check(crate::moment::Moment::now()).is_ok())
}
