//! Reports: what days brought, by organisation, added up from one state of the log. They are read as far from the
//! threads that answer others as an export, and hold no row longer than it takes to add it.

mod ask;
mod lists;
mod tally;
mod with_lines;

use std::sync::Arc;

use crate::day::{Day, NamedDay, NotADay};
use crate::failure::Failure;
use crate::id::OrganizationBin;
use crate::moment::Moment;
use crate::operation::{DayQuery, DayReport, KeptHead, RangeQuery, RangeReport, Reply};
use crate::service::Context;
use crate::service::organisation::not_enrolled;
use crate::service::payment::Statuses;
use crate::service::stop::Stopping;
use crate::store::{ConfigRow, Fact, PaymentRow, Refused, Store, Walk, Window, facts, is_booked_since, log_head};
use ask::OpenPayments;
use tally::ReportTally;
pub(super) use with_lines::Told;

/// The longest range: a year.
const DAYS: usize = 366;

/// The days of a report.
pub(super) struct Days {
    /// Each with its first instant; never empty.
    each: Vec<(Day, Moment)>,
    window: Window,
    from: Day,
    to: Day,
    timezone: String,
}

impl Days {
    pub(super) fn new(context: &Context, from: NamedDay, to: NamedDay) -> Result<Self, Failure> {
        let zone = &context.settings.config.daemon.timezone;
        let timezone = zone.iana_name().unwrap_or("UTC").to_owned();
        let now = Moment::now();
        let wrong = |error: NotADay| Failure::invalid(error.to_string());
        let (from, to) = (from.at(now, zone).map_err(wrong)?, to.at(now, zone).map_err(wrong)?);
        if from > to {
            // Who has named a day reads that day; today is what was not named, as often as not.
            let today = Day::of(now, zone).is_ok_and(|today| today == to);
            let to = if today { format!("today, {to}") } else { to.to_string() };
            return Err(Failure::invalid(format!("from={from} is after to={to}")));
        }
        let (mut each, mut day) = (Vec::new(), Some(from));
        while let Some(next) = day.filter(|day| *day <= to) {
            if each.len() == DAYS {
                let detail = format!("a range has at most {DAYS} days; {from} to {to} has more");
                return Err(Failure::invalid(detail).with_hint("Ask for each year or month by itself."));
            }
            each.push((next, next.begin(zone).map_err(wrong)?));
            // The calendar ends with its last day.
            day = next.next().ok();
        }
        let end = day.and_then(|day| day.begin(zone).ok()).unwrap_or(Moment::from_millis(i64::MAX));
        let window = Window { begin: from.begin(zone).map_err(wrong)?, end };
        Ok(Self { each, window, from, to, timezone })
    }
}

/// Adds up days; touches nothing, and asks about what is still open.
#[derive(Clone)]
pub(in crate::service) struct Reports {
    store: Store,
    open: OpenPayments,
    /// One is added up at a time, whatever its days: who asks for a page finds a place beside it.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Reports {
    pub(in crate::service) fn new(store: Store, statuses: Arc<Statuses>, stop: Stopping) -> Self {
        let open = OpenPayments::new(store.clone(), statuses, stop);
        Self { store, open, turn: Arc::default() }
    }

    pub(in crate::service) async fn report_day(&self, context: &Context, query: DayQuery) -> Result<Reply, Failure> {
        let date = query.date.unwrap_or(NamedDay::Today);
        let days = Days::new(context, date, date)?;
        self.begun(context, &days)?;
        let asking = self.open.ask(context, days.window, query.bin.as_ref()).await?;
        let tally = ReportTally::new(days.each.clone(), false, asking);
        let (mut tally, head, ()) = self.tally(context, (days.window, query.bin), tally, |_, _| Ok(())).await?;
        let organizations = tally.organizations()?;
        Ok(Reply::Day(DayReport { date: days.from, timezone: days.timezone, head, organizations }))
    }

    pub(in crate::service) async fn report_range(
        &self,
        context: &Context,
        query: RangeQuery,
    ) -> Result<Reply, Failure> {
        let days = Days::new(context, query.from, query.to.unwrap_or(NamedDay::Today))?;
        self.begun(context, &days)?;
        let tally = ReportTally::new(days.each.clone(), true, self.open.unasked());
        let (mut tally, head, ()) = self.tally(context, (days.window, query.bin), tally, |_, _| Ok(())).await?;
        let (organizations, daily) = (tally.organizations()?, tally.daily()?);
        let Days { from, to, timezone, .. } = days;
        Ok(Reply::Range(RangeReport { from, to, timezone, head, organizations, days: daily }))
    }

    /// Days that lie ahead have brought nothing; unless the bank's clock, or an earlier one of ours, has put money
    /// there. A month that is still running may be named by its last day.
    fn begun(&self, context: &Context, days: &Days) -> Result<(), Failure> {
        let today = Day::of(Moment::now(), &context.settings.config.daemon.timezone);
        let today = today.map_err(|error| Failure::invalid(error.to_string()))?;
        let Days { from, timezone, window, .. } = days;
        if *from <= today || self.store.read(|reading| Ok(is_booked_since(reading, window.begin)?))? {
            return Ok(());
        }
        Err(Failure::invalid(format!("{from} has not begun yet: in {timezone} it is {today}")))
    }

    /// Adds up what the caller sees, reads `more` from the same state, and names the end of the log.
    async fn tally<T: Send + 'static>(
        &self,
        context: &Context,
        (window, bin): (Window, Option<OrganizationBin>),
        mut tally: ReportTally,
        more: impl FnOnce(&Walk<'_>, &dyn Fn(&PaymentRow) -> bool) -> Result<T, Refused> + Send + 'static,
    ) -> Result<(ReportTally, String, T), Failure> {
        let (store, context) = (self.store.clone(), context.clone());
        let _turn = self.turn.lock().await;
        self.store
            .aside(move |walker| {
                let is_asked = |found: &OrganizationBin| bin.as_ref().is_none_or(|bin| bin == found);
                let sees = |row: &PaymentRow| is_asked(&row.organization_bin) && context.sees(row);
                let sees_config = |row: &&ConfigRow| {
                    is_asked(&row.organization_bin) && context.scope.allows(row.shop_id, &row.organization_bin)
                };
                let (head, more) = walker.read(|walk| {
                    walk.configs()?.iter().filter(sees_config).for_each(|row| tally.know(row));
                    let mut tell = |fact: Fact<'_>| match sees(fact.payment()) {
                        true => tally.take(&fact).map_err(Refused::from),
                        false => Ok(()),
                    };
                    facts(walk, window, &|| store.may_read_on(), &mut tell)?;
                    let more = more(walk, &sees)?;
                    let (seq, sha) = log_head(walk)?;
                    Ok((String::from(KeptHead { seq, sha }), more))
                })?;
                match bin {
                    Some(bin) if !tally.knows(&bin) => Err(not_enrolled(&bin)),
                    _ => Ok((tally, head, more)),
                }
            })
            .await
    }
}
