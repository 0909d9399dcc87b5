//! A report with the lines that its sums are made of, all from one state of the log.

use super::{Days, Reports, tally::ReportTally};
use crate::day::{Day, NamedDay};
use crate::failure::Failure;
use crate::id::OrganizationBin;
use crate::moment::Moment;
use crate::operation::{OrganizationReport, StatementQuery};
use crate::service::Context;
use crate::store::{StatementEntry, statement};

/// What is told beside the lines.
pub(in crate::service::records) struct Told {
    /// The end of the log that they were read from.
    pub(in crate::service::records) head: String,
    /// For how many open payments Kaspi could not be asked: each may have been paid since.
    pub(in crate::service::records) not_asked: usize,
}

impl Reports {
    /// The days of a statement: those of a month so far, where it does not say.
    pub(in crate::service::records) fn days_of(
        &self,
        context: &Context,
        query: &StatementQuery,
    ) -> Result<Days, Failure> {
        let to = query.to.unwrap_or(NamedDay::Today);
        let zone = &context.settings.config.daemon.timezone;
        let last = to.at(Moment::now(), zone).map_err(|error| Failure::invalid(error.to_string()))?;
        let today = Day::of(Moment::now(), zone).map_err(|error| Failure::invalid(error.to_string()))?;
        // A month that is still running may be asked for by a day that lies ahead.
        let days = Days::new(context, query.from.unwrap_or(NamedDay::Date(last.min(today).first_of_month())), to)?;
        self.begun(context, &days)?;
        Ok(days)
    }

    /// Asks Kaspi about what is open, as the report of a day does, then tells each line to `file` by `write`; the file comes
    /// back with the report and what is told beside it.
    pub(in crate::service::records) async fn with_lines<F: Send + 'static>(
        &self,
        context: &Context,
        (days, bin): (Days, Option<OrganizationBin>),
        mut file: F,
        write: fn(&mut F, &StatementEntry<'_>) -> Result<(), Failure>,
    ) -> Result<(F, Vec<OrganizationReport>, Told), Failure> {
        let (store, window) = (self.store.clone(), days.window);
        let asking = self.open.ask(context, window, bin.as_ref()).await?;
        let not_asked = asking.how_many_not();
        let tally = ReportTally::new(days.each, false, asking);
        let (mut tally, head, file) = self
            .tally(context, (window, bin), tally, move |walk, seen| {
                let mut tell = |entry: &StatementEntry<'_>| Ok(write(&mut file, entry)?);
                statement(walk, window, (seen, &|| store.may_read_on()), &mut tell)?;
                Ok(file)
            })
            .await?;
        Ok((file, tally.organizations()?, Told { head, not_asked }))
    }
}
