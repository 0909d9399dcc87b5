//! Facts of the store added up.

use std::collections::BTreeMap;

use super::ask::Inquiry;
use super::lists::{ListRoom, Listed};
use crate::day::Day;
use crate::domain::{Kind, PaidAtSource, State};
use crate::failure::{Code, Failure};
use crate::id::{Description, OrganizationBin};
use crate::moment::Moment;
use crate::money::{Amount, Total};
use crate::operation::{
    ByKind, BySource, DayTotals, ListCounts, OrganizationReport, OrganizationTotals, Part, ReportPayment, ReportRefund,
};
use crate::store::{ConfigRow, Fact, PaymentRow};

/// Days times organisations in a range: a report fits into one answer.
const TOTALS: usize = 8000;

/// Money that moved.
#[derive(Clone, Copy, Default)]
struct Sums {
    payments: u64,
    taken: Total,
    refunds: u64,
    refunded: Total,
    elsewhere: Total,
}

impl Sums {
    fn take(&mut self, amount: Amount) -> Result<(), Failure> {
        self.payments = one_more(self.payments)?;
        add(&mut self.taken, amount)
    }

    fn pay_back(&mut self, amount: Amount) -> Result<(), Failure> {
        self.refunds = one_more(self.refunds)?;
        add(&mut self.refunded, amount)
    }

    fn pay_back_elsewhere(&mut self, amount: Total) -> Result<(), Failure> {
        self.elsewhere = self.elsewhere.plus(amount).ok_or_else(too_much)?;
        Ok(())
    }

    fn net(&self) -> Result<Total, Failure> {
        let net = self.taken.minus(self.refunded).and_then(|rest| rest.minus(self.elsewhere));
        net.ok_or_else(too_much)
    }
}

fn add(total: &mut Total, amount: Amount) -> Result<(), Failure> {
    *total = total.with(amount).ok_or_else(too_much)?;
    Ok(())
}

fn one_more(count: u64) -> Result<u64, Failure> {
    count.checked_add(1).ok_or_else(too_much)
}

fn too_much() -> Failure {
    Failure::new(Code::TooLarge, "the sums of this report do not fit into 64 bits").with_hint("Ask for fewer days.")
}

/// An organisation so far.
#[derive(Default)]
struct Organization {
    description: Option<Description>,
    /// It takes payments: reported even when nothing has happened.
    is_active: bool,
    is_touched: bool,
    sums: Sums,
    by_kind: ByKind,
    by_source: BySource,
    open: Listed<ReportPayment>,
    unknown: Listed<ReportPayment>,
    late: Listed<ReportPayment>,
    refunds_pending: Listed<ReportRefund>,
}

/// What is left for each kind of list.
#[derive(Clone, Copy, Default)]
struct ListRooms {
    open: ListRoom,
    unknown: ListRoom,
    late: ListRoom,
    refunds: ListRoom,
}

/// A report so far.
pub(super) struct ReportTally {
    /// Each day and its first instant.
    days: Vec<(Day, Moment)>,
    organizations: BTreeMap<OrganizationBin, Organization>,
    /// By day, where a range wants that: the place in `days`, and whose.
    daily: Option<BTreeMap<(usize, OrganizationBin), Sums>>,
    room: ListRooms,
    asking: Inquiry,
}

impl ReportTally {
    pub(super) fn new(days: Vec<(Day, Moment)>, is_daily: bool, asking: Inquiry) -> Self {
        let daily = is_daily.then(BTreeMap::new);
        Self { days, organizations: BTreeMap::new(), daily, room: ListRooms::default(), asking }
    }

    /// An organisation the caller sees.
    pub(super) fn know(&mut self, config: &ConfigRow) {
        let organization = self.organizations.entry(config.organization_bin.clone()).or_default();
        organization.description.clone_from(&config.description);
        organization.is_active = config.is_active;
    }

    /// Whether there is anything to tell of an organisation, or the caller sees it.
    pub(super) fn knows(&self, bin: &OrganizationBin) -> bool {
        self.organizations.contains_key(bin)
    }

    /// One more fact.
    pub(super) fn take(&mut self, fact: &Fact<'_>) -> Result<(), Failure> {
        match *fact {
            Fact::Paid(row, at) => self.paid(row, at),
            Fact::FoundLate(row) => {
                self.late(row);
                Ok(())
            }
            Fact::PaidBack(row, refund) => {
                organization(&mut self.organizations, row).sums.pay_back(refund.amount)?;
                self.on_day(row, refund.at, |sums| sums.pay_back(refund.amount))
            }
            Fact::InDoubt(row, refund) => {
                let line = ReportRefund { id: refund.id, payment: row.id, amount_tiyn: refund.amount, at: refund.at };
                organization(&mut self.organizations, row);
                let which: fn(&mut Organization) -> &mut Listed<ReportRefund> = |found| &mut found.refunds_pending;
                self.room.refunds.list(&mut self.organizations, (&row.organization_bin, which), (line, false));
                Ok(())
            }
            Fact::PaidBackElsewhere(row, amount, at) => {
                organization(&mut self.organizations, row).sums.pay_back_elsewhere(amount)?;
                self.on_day(row, at, |sums| sums.pay_back_elsewhere(amount))
            }
            Fact::Unfinished(row) => {
                self.unfinished(row);
                Ok(())
            }
        }
    }

    fn paid(&mut self, row: &PaymentRow, at: Moment) -> Result<(), Failure> {
        let found = organization(&mut self.organizations, row);
        found.sums.take(row.amount)?;
        let kind = match row.kind {
            Kind::Remote => &mut found.by_kind.remote,
            Kind::Link => &mut found.by_kind.link,
            Kind::Qr => &mut found.by_kind.qr,
        };
        let source = match row.paid_at_source {
            Some(PaidAtSource::Bank) => &mut found.by_source.bank,
            Some(PaidAtSource::Seen) | None => &mut found.by_source.seen,
        };
        for Part { payments, taken_tiyn } in [kind, source] {
            *payments = one_more(*payments)?;
            add(taken_tiyn, row.amount)?;
        }
        if row.late {
            self.late(row);
        }
        self.on_day(row, at, |sums| sums.take(row.amount))
    }

    /// What a person has seen to needs nobody any more: told again, goods would leave twice.
    fn late(&mut self, row: &PaymentRow) {
        if row.acknowledged {
            return;
        }
        self.list(row, |room| &mut room.late, |found| &mut found.late);
    }

    fn unfinished(&mut self, row: &PaymentRow) {
        match may_have_been_paid(row) {
            true => self.list(row, |room| &mut room.unknown, |found| &mut found.unknown),
            false => self.list(row, |room| &mut room.open, |found| &mut found.open),
        }
    }

    fn list(
        &mut self,
        row: &PaymentRow,
        room: fn(&mut ListRooms) -> &mut ListRoom,
        which: fn(&mut Organization) -> &mut Listed<ReportPayment>,
    ) {
        let line = self.line(row);
        let is_not_asked = line.not_asked.is_some();
        organization(&mut self.organizations, row);
        let whose = (&row.organization_bin, which);
        room(&mut self.room).list(&mut self.organizations, whose, (line, is_not_asked));
    }

    fn on_day(
        &mut self,
        row: &PaymentRow,
        at: Moment,
        count: impl FnOnce(&mut Sums) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Some(daily) = &mut self.daily else { return Ok(()) };
        let day = self.days.partition_point(|(_, begin)| *begin <= at).saturating_sub(1);
        count(daily.entry((day, row.organization_bin.clone())).or_default())?;
        if daily.len() > TOTALS {
            let detail = format!("a range has at most {TOTALS} lines of days and organisations, and this has more");
            return Err(Failure::invalid(detail).with_hint("Ask for fewer days, or for one organisation."));
        }
        Ok(())
    }

    fn line(&self, row: &PaymentRow) -> ReportPayment {
        ReportPayment {
            id: row.id,
            qr_payment_id: row.qr_payment_id.clone(),
            kind: row.kind,
            state: row.state,
            amount_tiyn: row.amount,
            invoice: row.invoice.clone(),
            created_at: row.created_at,
            paid_at: row.paid_at,
            may_have_been_paid: may_have_been_paid(row),
            not_asked: self.asking.not_asked(row.id),
            last_asked: self.asking.last_asked(row.id),
        }
    }

    /// Those that take payments, and those that the days touched.
    pub(super) fn organizations(&mut self) -> Result<Vec<OrganizationReport>, Failure> {
        let found = std::mem::take(&mut self.organizations).into_iter();
        found.filter(|(_, found)| found.is_active || found.is_touched).map(|(bin, found)| found.report(bin)).collect()
    }

    /// The days on which money moved, where they were wanted.
    pub(super) fn daily(&mut self) -> Result<Vec<DayTotals>, Failure> {
        let mut days: Vec<DayTotals> = Vec::new();
        for ((day, bin), sums) in self.daily.take().into_iter().flatten() {
            let Some((date, _)) = self.days.get(day) else { continue };
            let totals = sums.totals(bin)?;
            match days.last_mut() {
                Some(last) if last.date == *date => last.organizations.push(totals),
                _ => days.push(DayTotals { date: *date, organizations: vec![totals] }),
            }
        }
        Ok(days)
    }
}

/// The organisation of a payment, which has now something to tell.
fn organization<'o>(all: &'o mut BTreeMap<OrganizationBin, Organization>, row: &PaymentRow) -> &'o mut Organization {
    let found = all
        .entry(row.organization_bin.clone())
        .or_insert_with(|| Organization { description: row.description.clone(), ..Organization::default() });
    found.is_touched = true;
    found
}

fn may_have_been_paid(row: &PaymentRow) -> bool {
    matches!(row.state, State::Unknown | State::Abandoned) || row.is_disputed()
}

impl Organization {
    fn report(self, organization_bin: OrganizationBin) -> Result<OrganizationReport, Failure> {
        let net_tiyn = self.sums.net()?;
        let Self { description, sums, by_kind, by_source, open, unknown, late, refunds_pending, .. } = self;
        let ((open, opens), (unknown, unknowns)) = (open.told(), unknown.told());
        let ((late, lates), (refunds_pending, refunds)) = (late.told(), refunds_pending.told());
        let lists = ListCounts { open: opens, unknown: unknowns, late: lates, refunds_pending: refunds };
        Ok(OrganizationReport {
            organization_bin,
            description,
            payments: sums.payments,
            taken_tiyn: sums.taken,
            refunds: sums.refunds,
            refunded_tiyn: sums.refunded,
            refunded_elsewhere_tiyn: sums.elsewhere,
            net_tiyn,
            by_kind,
            by_paid_at_source: by_source,
            open,
            unknown,
            late,
            refunds_pending,
            unlisted: lists.unlisted(),
            lists,
        })
    }
}

impl Sums {
    fn totals(&self, organization_bin: OrganizationBin) -> Result<OrganizationTotals, Failure> {
        Ok(OrganizationTotals {
            organization_bin,
            payments: self.payments,
            taken_tiyn: self.taken,
            refunds: self.refunds,
            refunded_tiyn: self.refunded,
            refunded_elsewhere_tiyn: self.elsewhere,
            net_tiyn: self.net()?,
        })
    }
}
