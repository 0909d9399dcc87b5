//! The way to the bank as checks: the first step that fails is the cause, what comes after it is skipped.

use std::time::Duration;

use super::super::problems::{RENEW_DAYS, renewal};
use crate::kaspi::{CallError, Probe, ProbeObstacle, ProbeStep, Question, RefusalKind};
use crate::moment::Moment;
use crate::operation::Check;
use crate::service::Settings;
use crate::store::ConfigRow;

/// Above the first the clock is worth a look, above the second times in the log mislead. A Date header has whole
/// seconds.
const SKEW: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(60));

pub(super) fn checks(
    settings: &Settings,
    probe: &Probe,
    question: Option<&Question>,
    rows: &[ConfigRow],
) -> Vec<Check> {
    vec![
        step("dns", &probe.dns, "there is no way to the bank yet", |obstacle| dns(probe, obstacle)),
        step("tcp", &probe.tcp, "needs the bank's address", |obstacle| tcp(probe, obstacle)),
        step("tls", &probe.tls, nothing_before_tls(settings, probe), |obstacle| tls(settings, probe, obstacle)),
        certificate(settings, probe),
        api(settings, probe, question, rows),
        clock(probe),
    ]
}

fn step(word: &str, step: &ProbeStep, before: &str, failed: impl Fn(&ProbeObstacle) -> Check) -> Check {
    match step {
        ProbeStep::Done(said) => Check::ok(word, said),
        ProbeStep::Untried => Check::skipped(word, before),
        // Said once, by the certificate.
        ProbeStep::Failed(ProbeObstacle::OurCertificate(_)) => {
            Check::skipped(word, "the bank hung up because of our certificate")
        }
        ProbeStep::Failed(obstacle) => failed(obstacle),
    }
}

fn nothing_before_tls(settings: &Settings, probe: &Probe) -> &'static str {
    match &probe.tcp {
        ProbeStep::Done(_) if settings.identity().is_none() => "needs a key and certificate",
        _ => "needs a connection",
    }
}

fn dns(probe: &Probe, obstacle: &ProbeObstacle) -> Check {
    let why = match obstacle {
        ProbeObstacle::TimedOut(_) => format!("the name service does not answer: {obstacle}"),
        other => other.to_string(),
    };
    let found = format!("no address for {}: {why}; is the url right, and is this machine on the network?", probe.host);
    Check::failed("dns", found, format!("getent ahosts {}", probe.host))
}

fn tcp(probe: &Probe, obstacle: &ProbeObstacle) -> Check {
    let Probe { host, port, .. } = probe;
    let why = match obstacle {
        ProbeObstacle::TimedOut(_) => {
            format!("{obstacle}; a firewall, or the bank does not know this machine's address")
        }
        other => other.to_string(),
    };
    let command = format!("curl -v --connect-timeout 5 -o /dev/null {}", url(probe));
    Check::failed("tcp", format!("no connection to {host} port {port}: {why}"), command)
}

fn url(Probe { host, port, .. }: &Probe) -> String {
    match host.contains(':') {
        true => format!("https://[{host}]:{port}/"),
        false => format!("https://{host}:{port}/"),
    }
}

fn tls(settings: &Settings, probe: &Probe, obstacle: &ProbeObstacle) -> Check {
    let Probe { host, port, .. } = probe;
    let show = format!("openssl s_client -connect {host}:{port} -showcerts < /dev/null");
    match obstacle {
        ProbeObstacle::UntrustedServer => {
            let ca = match &settings.config.kaspi.ca_file {
                Some(file) => format!("neither the system's CAs nor {} have", file.display()),
                None => "the system's CAs have not".to_owned(),
            };
            let found = format!("{ca} signed the certificate of {host}: name the bank's CA in [kaspi] ca_file");
            Check::failed("tls", found, show)
        }
        ProbeObstacle::OtherHost => {
            let found = format!("the server has another host's certificate, not one for {host}: is [kaspi] url right?");
            Check::failed("tls", found, show)
        }
        ProbeObstacle::NotValidNow => {
            let found = format!("the certificate of {host} is not valid at this machine's time, {}", Moment::now());
            Check::failed("tls", found, "timedatectl status")
        }
        ProbeObstacle::TimedOut(_) => {
            let found = format!(
                "{host} took the connection and no handshake: {obstacle}; a firewall or proxy on the way, or the bank does \
                 not know this machine's address"
            );
            Check::failed("tls", found, show)
        }
        ProbeObstacle::NothingInCommon => {
            let found = format!(
                "no secure connection with {host}: {obstacle}; the command shows what it offers, and whoever runs it must \
                 switch TLS 1.2 with ECDHE on"
            );
            Check::failed(
                "tls",
                found,
                format!(
                    "openssl s_client -connect {host}:{port} -legacy_server_connect -cipher ALL@SECLEVEL=0 < /dev/null"
                ),
            )
        }
        other => Check::failed("tls", format!("no secure connection with {host}: {other}"), show),
    }
}

/// Our certificate: how long it lives, and whether the bank takes it.
fn certificate(settings: &Settings, probe: &Probe) -> Check {
    let (what, command) = renewal(settings);
    let Some(identity) = settings.identity() else { return Check::skipped("certificate", "there is none yet") };
    let view = identity.view(Moment::now());
    let life = view.life();
    let refused = [&probe.tls, &probe.answer].into_iter().find_map(|step| match step {
        ProbeStep::Failed(ProbeObstacle::OurCertificate(why)) => Some(*why),
        ProbeStep::Failed(ProbeObstacle::Answer(CallError::Refused(refusal))) => {
            (refusal.kind == RefusalKind::ClientCertificate).then_some("it has seen no certificate")
        }
        ProbeStep::Failed(_) | ProbeStep::Done(_) | ProbeStep::Untried => None,
    });
    let answered =
        matches!(&probe.answer, ProbeStep::Done(_) | ProbeStep::Failed(ProbeObstacle::Answer(CallError::Refused(_))));
    let failed = |found: String| Check::failed("certificate", found, command);
    match (refused, view.days_left, settings.unfit(Moment::now())) {
        (Some(_), days, _) if days < 0 => failed(format!("it {life}, and the bank refuses it: {what}")),
        (Some(why), _, Some(unfit)) => failed(format!("the bank refuses it ({why}): {unfit}")),
        (Some(why), _, None) => Check::failed(
            "certificate",
            format!("the bank refuses it, though it {life} ({why}): ask the bank"),
            "kaspictl identity show",
        ),
        (None, days, _) if days < 0 => failed(format!("it {life}: {what}")),
        (None, _, Some(unfit)) => failed(unfit.to_string()),
        (None, days, None) if days < RENEW_DAYS => {
            Check::warning("certificate", format!("it {life}: {what} now"), command)
        }
        (None, _, None) if answered => Check::ok("certificate", format!("{life}, and the bank takes it")),
        (None, _, None) => Check::ok("certificate", life),
    }
}

fn api(settings: &Settings, probe: &Probe, question: Option<&Question>, rows: &[ConfigRow]) -> Check {
    let certificate = |refusal: &crate::kaspi::Refusal| refusal.kind == RefusalKind::ClientCertificate;
    match (&probe.answer, question) {
        (ProbeStep::Done(said), _) => Check::ok("api", said),
        (ProbeStep::Untried, None) if matches!(probe.tls, ProbeStep::Done(_)) => {
            Check::skipped("api", "the guide's dialect has no ping, and no organisation is enrolled to ask about")
                .with_command("kaspictl bin add BIN")
        }
        (ProbeStep::Untried, _) => Check::skipped("api", "needs a secure connection"),
        (ProbeStep::Failed(ProbeObstacle::OurCertificate(_)), _) => {
            Check::skipped("api", "the bank takes no certificate of ours")
        }
        (ProbeStep::Failed(ProbeObstacle::Answer(CallError::Refused(refusal))), _) if certificate(refusal) => {
            Check::skipped("api", "the bank takes no certificate of ours")
        }
        (ProbeStep::Failed(ProbeObstacle::Answer(trouble)), Some(Question::TradePoints(bin))) => {
            let found = format!("the bank does not list trade points: {}", said(trouble));
            let check = Check::failed("api", found, format!("kaspictl bin verify {bin}"));
            rows.iter().find(|row| row.organization_bin == *bin).map_or(check.clone(), |row| check.of(bin, row.id))
        }
        (ProbeStep::Failed(ProbeObstacle::Answer(trouble)), _)
            if rows.is_empty() && settings.config.kaspi.dialect.is_none() =>
        {
            // A bank of the guide's dialect has no ping: nothing says yet that this one should.
            Check::skipped("api", format!("no answer to a ping ({}); an organisation tells the dialect", said(trouble)))
                .with_command("kaspictl bin add BIN")
        }
        (ProbeStep::Failed(ProbeObstacle::Answer(trouble)), _) => {
            Check::failed("api", format!("the bank does not answer a ping: {}", said(trouble)), "kaspictl doctor")
        }
        (ProbeStep::Failed(late @ ProbeObstacle::TimedOut(_)), _) => {
            let found = format!("the bank takes the question and does not answer: {late}");
            Check::failed("api", found, "kaspictl doctor")
        }
        (ProbeStep::Failed(other), _) => {
            Check::failed("api", format!("the connection broke before an answer: {other}"), "kaspictl doctor")
        }
    }
}

/// Why, without the bank's own words: they may repeat what is secret.
fn said(trouble: &CallError) -> String {
    match trouble {
        CallError::Refused(refusal) => match refusal.code {
            Some(code) => format!("it refuses with code {code} ({:?})", refusal.kind),
            None => format!("it refuses ({:?})", refusal.kind),
        },
        CallError::MayHaveHappened { why, provider: Some((Some(code), _)) } => format!("{why} (code {code})"),
        CallError::MayHaveHappened { why, .. } => why.clone(),
        CallError::NeverSent { .. } => "the question could not be sent".to_owned(),
        CallError::NotInDialect => "its dialect has no such call".to_owned(),
        CallError::OtherBank(_) => "the question is of another bank".to_owned(),
        CallError::OtherDialect(dialect) => format!("it answers in the {dialect} dialect"),
    }
}

fn clock(probe: &Probe) -> Check {
    let Some((bank, ours)) = probe.clocks else {
        let found = match &probe.answer {
            ProbeStep::Done(_) | ProbeStep::Failed(ProbeObstacle::Answer(_)) => "the bank does not say what time it is",
            ProbeStep::Failed(_) | ProbeStep::Untried => "needs an answer of the bank",
        };
        return Check::skipped("clock", found);
    };
    let (skew, way) = if bank > ours { (bank.since(ours), "behind") } else { (ours.since(bank), "ahead of") };
    let found = format!("this machine's clock is {} {way} the bank's", seconds(skew));
    match skew {
        skew if skew > SKEW.1 => Check::failed("clock", found, "timedatectl set-ntp true"),
        skew if skew > SKEW.0 => Check::warning("clock", found, "timedatectl set-ntp true"),
        skew => Check::ok("clock", format!("within {} s of the bank's", skew.as_secs() + 1)),
    }
}

fn seconds(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds >= 120 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{seconds} s"),
    }
}
