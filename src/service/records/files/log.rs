//! Taking in the guide's KaspiPayLog: history, and the payments that can be refunded from now on.
//!
//! The file is read twice, so that its size costs no memory: once to find every bad row, while everybody else goes
//! on, and once inside of the one transaction that takes all rows in.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;

use super::earlier::Earlier;
use super::judge::{KnownBefore, RowJudge};
use super::numbers::{Numbers, is_own};
use super::spool::{Spooled, again};
use super::sums::FileSums;
use super::verdict::RowVerdict;
use super::wanted::LOG;
use super::{NO_ROWS, aside, spool};
use crate::domain::{Actor, Dialect, Kind, OperationType, State};
use crate::failure::Failure;
use crate::id::{PaymentId, PaymentRef, QrPaymentId};
use crate::operation::{BadRows, Imported, Reply};
use crate::service::Context;
use crate::service::payment::REMOTE_LIFE;
use crate::service::select::settled;
use crate::sheet::{Rows, TableRow, Understood, Unreadable};
use crate::store::{
    Change, ConfigRow, Counterparty, Doubt, ImportedRow, Note, PaymentRow, Reading, Refused, Store, Writing,
};
use crate::transfer::{Transferred, Upload};

/// What came of a file.
#[derive(Default)]
struct ImportCounts {
    imported: u64,
    skipped: u64,
    adopted: u64,
    sums: FileSums,
}

impl ImportCounts {
    fn add(&mut self, row: &ImportedRow, verdict: &RowVerdict) {
        let is_new = !matches!(verdict, RowVerdict::Known);
        self.sums.add(row, is_new);
        self.imported += u64::from(is_new);
        self.skipped += u64::from(!is_new);
        self.adopted += u64::from(matches!(verdict, RowVerdict::Adopt(_)));
    }
}

/// Takes an earlier log in; touches history, and the payments of it that are not here.
pub(in crate::service) struct LogImports {
    store: Store,
    /// One at a time: each reads its file and the whole log.
    turn: tokio::sync::Mutex<()>,
}

impl LogImports {
    pub(in crate::service) fn new(store: Store) -> Self {
        Self { store, turn: tokio::sync::Mutex::default() }
    }

    pub(in crate::service) async fn import_log(
        &self,
        context: &Context,
        mut upload: Upload,
        dry_run: bool,
    ) -> Result<Transferred, Failure> {
        let Spooled { file, sha } = spool::on_disk(&mut upload, &context.settings.config.daemon.state_dir).await?;
        // Behind the upload: a client that is slow with its file keeps nobody else's waiting.
        let _turn = self.turn.lock().await;
        let store = self.store.clone();
        let (settings, scope) = (Arc::clone(&context.settings), context.scope.clone());
        let (understood, file) = aside(move || Ok((understood(&file), file))).await?;
        let understood = match understood {
            Ok(understood) => understood,
            Err(Unreadable { line, detail }) => return Ok(Transferred::Refused(BadRows::of(line, detail))),
        };
        let earlier = Earlier::gather(&store).await?;
        let judged = aside(move || {
            let configs = store.read(|reading| Ok(reading.configs()?))?;
            let configs = configs.into_iter().map(|row| (row.organization_bin.clone(), row)).collect();
            let mut known = KnownBefore { settings, scope, understood, configs, earlier, own: HashSet::new() };
            let (bad, looked) = check(&store, &mut known, again(&file)?)?;
            Ok(if bad.is_empty() { Ok((known, file, looked)) } else { Err(bad) })
        })
        .await?;
        let (known, file, (looked, unknown_columns)) = match judged {
            Ok(judged) => judged,
            Err(bad) => return Ok(Transferred::Refused(bad)),
        };
        let understood = known.understood.to_string();
        let actor = context.caller.actor();
        let counts = match dry_run {
            true => looked,
            false => self.store.write_alone(move |writing| take_in(writing, &known, &file, actor, &sha)).await?,
        };
        let ImportCounts { imported, skipped, adopted, sums } = counts;
        let done = Imported { dry_run, imported, skipped, adopted, unknown_columns, understood, sums: sums.list() };
        Ok(Transferred::Reply(Box::new(Reply::Imported(done))))
    }
}

/// What a file would come to, and the columns nobody knows.
type Looked = (ImportCounts, Vec<String>);

/// Every bad row, and what comes of the file where there is none; notes which rows are this daemon's own.
fn check(store: &Store, known: &mut KnownBefore, file: File) -> Result<(BadRows, Looked), Failure> {
    let mut bad = BadRows { understood: known.understood.to_string(), ..BadRows::default() };
    let mut rows = match Rows::open(&known.understood, file, LOG) {
        Ok(rows) => rows,
        Err(Unreadable { line, detail }) => {
            bad.add(line, detail);
            return Ok((bad, Looked::default()));
        }
    };
    let (mut judge, mut numbers, mut place) = (RowJudge::default(), Numbers::default(), 0);
    let mut counts = ImportCounts::default();
    store.read(|reading| {
        while let Some(row) = rows.next() {
            place += 1;
            match row {
                Err(Unreadable { line, detail }) => bad.add(line, detail),
                Ok(row) => {
                    numbers.take(&row, &mut bad);
                    match check_row(reading, known, &mut judge, (place, &row))? {
                        Ok((read, verdict)) => counts.add(&read, &verdict),
                        Err(detail) => bad.add(row.line, detail),
                    }
                }
            }
        }
        Ok(())
    })?;
    if place == 0 {
        bad.add(1, NO_ROWS);
    }
    bad.rows.sort_by_key(|row| row.line);
    Ok((bad, (counts, rows.unknown())))
}

fn check_row(
    reading: &Reading,
    known: &mut KnownBefore,
    judge: &mut RowJudge,
    (place, row): (u64, &TableRow),
) -> Result<Result<(ImportedRow, RowVerdict), String>, Refused> {
    let read = match known.row(row) {
        Ok(read) => read,
        Err(detail) => return Ok(Err(detail)),
    };
    if is_own(reading, row, &read)? {
        known.own.insert(place);
        return Ok(Ok((read, RowVerdict::Known)));
    }
    let find = |id: &QrPaymentId| reading.payment(&PaymentRef::QrPaymentId(id.clone()));
    Ok(match judge.judge(row.line, &read, known, find)? {
        RowVerdict::Bad(detail) => Err(detail),
        verdict => {
            if matches!(verdict, RowVerdict::Adopt(_)) {
                config(known, &read)?;
            }
            Ok((read, verdict))
        }
    })
}

fn understood(file: &File) -> Result<Understood, Unreadable> {
    let open = || again(file).map_err(|failure| Unreadable { line: 1, detail: failure.detail });
    Understood::of(open, &LOG)
}

/// The config that a payment is taken in with: only with a dialect that is known can it be refunded.
fn config<'k>(known: &'k KnownBefore, row: &ImportedRow) -> Result<(&'k ConfigRow, Counterparty), Failure> {
    let config = row.organization_bin.as_ref().and_then(|bin| known.configs.get(bin));
    let config = config.ok_or_else(|| Failure::invalid("a payment without an organisation"))?;
    Ok((config, settled(&known.settings, config)?))
}

/// Takes all rows in, in a transaction of its own: a failure leaves nothing.
fn take_in(
    writing: &mut Writing<'_>,
    known: &KnownBefore,
    file: &File,
    actor: Actor,
    sha: &str,
) -> Result<ImportCounts, Refused> {
    let changed = |line, detail: &str| Failure::invalid(format!("line {line}: {detail}; nothing was taken in"));
    let mut rows = Rows::open(&known.understood, again(file)?, LOG).map_err(|bad| changed(bad.line, &bad.detail))?;
    let (mut judge, mut counts) = (RowJudge::default(), ImportCounts::default());
    let mut place = 0;
    while let Some(row) = rows.next() {
        place += 1;
        let row = row.map_err(|bad| changed(bad.line, &bad.detail))?;
        let imported = known.row(&row).map_err(|detail| changed(row.line, &detail))?;
        let verdict = match known.own.contains(&place) {
            true => RowVerdict::Known,
            false => judge.judge(row.line, &imported, known, |id| writing.payment_by_qr(id))?,
        };
        counts.add(&imported, &verdict);
        match verdict {
            RowVerdict::Known => {}
            RowVerdict::Bad(detail) => return Err(changed(row.line, &detail).into()),
            verdict => {
                let change = change(writing, known, imported, verdict)?;
                writing.append(Some(actor.clone()), change)?;
            }
        }
    }
    if counts.imported > 0 {
        let some = |count, what| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
        let (rows, payments) = (some(counts.imported, "row"), some(counts.adopted, "payment"));
        let said = format!("{rows}, {payments}; SHA-256 of the file {sha}");
        let note = Note { error: Some(said), ..Note::done(OperationType::Import) };
        writing.append(Some(actor), Change::Noted(note))?;
    }
    Ok(counts)
}

/// The event of a row.
fn change(
    writing: &Writing<'_>,
    known: &KnownBefore,
    row: ImportedRow,
    verdict: RowVerdict,
) -> Result<Change, Refused> {
    let here = match (&verdict, &row.external_id) {
        (RowVerdict::Cancelled | RowVerdict::Refunded | RowVerdict::About, Some(id)) => writing.payment_by_qr(id)?,
        _ => None,
    };
    let (about, becomes) = match verdict {
        RowVerdict::Adopt(id) => {
            let payment = adopted(known, &row, &id)?;
            (Some(payment.id), Some(payment))
        }
        RowVerdict::Cancelled | RowVerdict::Refunded => {
            let after = here.map(|mut payment| {
                happened(&mut payment, &row);
                payment
            });
            (after.as_ref().map(|payment| payment.id), after)
        }
        RowVerdict::About => (here.map(|payment| payment.id), None),
        RowVerdict::Known | RowVerdict::History | RowVerdict::Bad(_) => (None, None),
    };
    Ok(Change::Imported { row: Box::new(row), payment: about, becomes: becomes.map(Box::new) })
}

/// What a row says that happened to a payment.
fn happened(payment: &mut PaymentRow, row: &ImportedRow) {
    match row.operation {
        OperationType::Cancel => payment.cancelled_earlier(row.created_at),
        _ => payment.refunded_earlier(row.amount.unwrap_or_default(), row.created_at),
    }
}

fn adopted(known: &KnownBefore, row: &ImportedRow, id: &QrPaymentId) -> Result<PaymentRow, Failure> {
    let (config, with) = config(known, row)?;
    let kind = match row.operation {
        OperationType::Link => Kind::Link,
        OperationType::Qr => Kind::Qr,
        _ => Kind::Remote,
    };
    let life = if kind == Kind::Remote { REMOTE_LIFE } else { known.settings.config.payments.link_life };
    let amount = row.amount.unwrap_or_default();
    let mut payment = PaymentRow {
        id: PaymentId::made_at(row.created_at),
        qr_payment_id: Some(id.clone()),
        // It was billed; what the customer did then, a look at Kaspi tells.
        state: State::Waiting,
        expires_at: Some(row.created_at.after(life)),
        // A file may mix organisations up; the guide's dialect has no details that could tell.
        doubt: (with.dialect == Dialect::Bank).then_some(Doubt::Unproven),
        ..PaymentRow::frozen(config, &with, kind, amount, row.created_at)
    };
    known.earlier.waiting_for(id).iter().for_each(|row| happened(&mut payment, row));
    Ok(payment)
}
