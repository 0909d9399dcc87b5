//! Taking in the guide's KaspiPayLog: history, and the payments that can be refunded from now on.
//!
//! The file is read twice, so that its size costs no memory: once to find every bad row, while everybody else goes
//! on, and once inside of the one transaction that takes all rows in.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::sync::Arc;

use super::judge::{Judge, Known, Verdict};
use super::source::{Rows, Unreadable};
use super::spool::{Spooled, again};
use super::{LOG_COLUMNS, aside, spool};
use crate::domain::{Actor, Dialect, Kind, OperationType, State};
use crate::failure::Failure;
use crate::id::{PaymentId, PaymentRef, QrPaymentId};
use crate::operation::{BadRows, FileFormat, Imported, Reply};
use crate::service::life::REMOTE_LIFE;
use crate::service::select::settled;
use crate::service::{Request, Service};
use crate::store::{Change, ConfigRow, Counterparty, Doubt, ImportedRow, Note, PaymentRow, Refused, Store, Writing};
use crate::transfer::{Transferred, Upload};

/// Columns of our own export that are known and not taken in: they are the other daemon's, not facts of Kaspi.
const IGNORED: &[&str] = &[
    "payment_id",
    "kaspi_status",
    "actor",
    "actor_uid",
    "actor_name",
    "actor_gid",
    "actor_pid",
    "request_key",
    "x_request_id",
    "provider_code",
    "duration_ms",
];

/// What came of a file.
#[derive(Default)]
struct Counts {
    imported: u64,
    skipped: u64,
    adopted: u64,
}

impl Service {
    pub(in crate::service) async fn import_log(
        &self,
        request: &Request,
        format: FileFormat,
        mut upload: Upload,
    ) -> Result<Transferred, Failure> {
        let Spooled { file, sha } = spool::on_disk(&mut upload, &request.settings.config.daemon.state_dir).await?;
        // Behind the upload: a client that is slow with its file keeps nobody else's waiting.
        let _turn = self.state.import.lock().await;
        let store = self.store.clone();
        let (settings, scope) = (Arc::clone(&request.settings), request.scope.clone());
        let (known, file, bad, unknown_columns) = aside(move || {
            let configs = store.read(|reading| Ok(reading.configs()?))?;
            let configs = configs.into_iter().map(|row| (row.organization_bin.clone(), row)).collect();
            let known = Known { settings, scope, format, configs, fingerprints: fingerprints(&store)? };
            let (bad, unknown) = check(&store, &known, again(&file)?)?;
            Ok((known, file, bad, unknown))
        })
        .await?;
        if !bad.is_empty() {
            return Ok(Transferred::Refused(bad));
        }
        let actor = request.caller.actor();
        let taken = self.store.write_alone(move |writing| take_in(writing, &known, &file, actor, &sha)).await?;
        let Counts { imported, skipped, adopted } = taken;
        Ok(Transferred::Reply(Box::new(Reply::Imported(Imported { imported, skipped, adopted, unknown_columns }))))
    }
}

/// Of the rows that earlier imports took in.
fn fingerprints(store: &Store) -> Result<HashSet<[u8; 16]>, Failure> {
    let (mut found, mut after) = (HashSet::new(), Some(0));
    while let Some(from) = after {
        after = store.read(|reading| Ok(reading.imported(from, &mut found)?))?;
    }
    Ok(found)
}

/// Every bad row, and the columns nobody knows.
fn check(store: &Store, known: &Known, file: File) -> Result<(BadRows, Vec<String>), Failure> {
    let mut bad = BadRows::default();
    let mut rows = match open(known.format, file) {
        Ok(rows) => rows,
        Err(Unreadable { line, detail }) => {
            bad.add(line, detail);
            return Ok((bad, Vec::new()));
        }
    };
    let mut judge = Judge::default();
    store.read(|reading| {
        while let Some(row) = rows.next() {
            let read = row.map_err(|Unreadable { line, detail }| (line, detail));
            match read.and_then(|row| known.row(&row).map(|read| (row.line, read)).map_err(|detail| (row.line, detail)))
            {
                Err((line, detail)) => bad.add(line, detail),
                Ok((line, row)) => {
                    let find = |id: &QrPaymentId| reading.payment(&PaymentRef::QrPaymentId(id.clone()));
                    match judge.judge(line, &row, known, find)? {
                        Verdict::Bad(detail) => bad.add(line, detail),
                        Verdict::Adopt(_) => drop(config(known, &row)?),
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok((bad, rows.unknown()))
}

fn open(format: FileFormat, file: File) -> Result<Rows<File>, Unreadable> {
    Rows::open(format, file, &LOG_COLUMNS, IGNORED)
}

/// The config that a payment is taken in with: only with a dialect that is known can it be refunded.
fn config<'k>(known: &'k Known, row: &ImportedRow) -> Result<(&'k ConfigRow, Counterparty), Failure> {
    let config = row.organization_bin.as_ref().and_then(|bin| known.configs.get(bin));
    let config = config.ok_or_else(|| Failure::invalid("a payment without an organisation"))?;
    Ok((config, settled(&known.settings, config)?))
}

/// Takes all rows in, in a transaction of its own: a failure leaves nothing.
fn take_in(writing: &mut Writing<'_>, known: &Known, file: &File, actor: Actor, sha: &str) -> Result<Counts, Refused> {
    let changed = |line, detail: &str| Failure::invalid(format!("line {line}: {detail}; nothing was taken in"));
    let mut rows = open(known.format, again(file)?).map_err(|bad| changed(bad.line, &bad.detail))?;
    let (mut judge, mut taken, mut counts) = (Judge::default(), HashMap::new(), Counts::default());
    while let Some(row) = rows.next() {
        let row = row.map_err(|bad| changed(bad.line, &bad.detail))?;
        let imported = known.row(&row).map_err(|detail| changed(row.line, &detail))?;
        let verdict = judge.judge(row.line, &imported, known, |id| writing.payment_by_qr(id))?;
        match verdict {
            Verdict::Known => counts.skipped += 1,
            Verdict::Bad(detail) => return Err(changed(row.line, &detail).into()),
            verdict => {
                counts.adopted += u64::from(matches!(verdict, Verdict::Adopt(_)));
                let change = change(writing, known, &mut taken, imported, verdict)?;
                writing.append(Some(actor.clone()), change)?;
                counts.imported += 1;
            }
        }
    }
    if counts.imported > 0 {
        let said = format!("{} rows, {} payments; SHA-256 of the file {sha}", counts.imported, counts.adopted);
        let note = Note { error: Some(said), ..Note::done(OperationType::Import) };
        writing.append(Some(actor), Change::Noted(note))?;
    }
    Ok(counts)
}

/// The event of a row.
fn change(
    writing: &Writing<'_>,
    known: &Known,
    taken: &mut HashMap<QrPaymentId, PaymentId>,
    row: ImportedRow,
    verdict: Verdict,
) -> Result<Change, Refused> {
    let becomes = match &verdict {
        Verdict::Adopt(id) => {
            let payment = adopted(known, &row, id)?;
            taken.insert(id.clone(), payment.id);
            Some(payment)
        }
        Verdict::Cancelled(id) => writing.payment_by_qr(id)?.map(|mut payment| {
            payment.cancelled_earlier(row.created_at);
            payment
        }),
        Verdict::Refunded(id, amount) => writing.payment_by_qr(id)?.map(|mut payment| {
            payment.refunded_earlier(*amount, row.created_at);
            payment
        }),
        Verdict::Known | Verdict::History | Verdict::About | Verdict::Bad(_) => None,
    };
    let about = row.external_id.as_ref().and_then(|id| taken.get(id)).copied();
    Ok(Change::Imported { row: Box::new(row), payment: about, becomes: becomes.map(Box::new) })
}

fn adopted(known: &Known, row: &ImportedRow, id: &QrPaymentId) -> Result<PaymentRow, Failure> {
    let (config, with) = config(known, row)?;
    let kind = match row.operation {
        OperationType::Link => Kind::Link,
        OperationType::Qr => Kind::Qr,
        _ => Kind::Remote,
    };
    let life = if kind == Kind::Remote { REMOTE_LIFE } else { known.settings.config.payments.link_life };
    let amount = row.amount.unwrap_or_default();
    Ok(PaymentRow {
        id: PaymentId::made_at(row.created_at),
        qr_payment_id: Some(id.clone()),
        // It was billed; what the customer did then, a look at Kaspi tells.
        state: State::Waiting,
        expires_at: Some(row.created_at.after(life)),
        // A file may mix organisations up; the guide's dialect has no details that could tell.
        doubt: (with.dialect == Dialect::Bank).then_some(Doubt::Unproven),
        ..PaymentRow::frozen(config, &with, kind, amount, row.created_at)
    })
}
