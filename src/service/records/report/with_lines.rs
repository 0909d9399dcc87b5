//! A report with the lines that its sums are made of, all from one state of the log.

use super::{Days, Reports, tally::ReportTally};
use crate::day::NamedDay;
use crate::failure::Failure;
use crate::id::OrganizationBin;
use crate::moment::Moment;
use crate::operation::{OrganizationReport, StatementQuery};
use crate::service::Context;
use crate::store::{StatementEntry, statement};

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
        let days = Days::new(context, query.from.unwrap_or(NamedDay::Date(last.first_of_month())), to)?;
        self.begun(context, &days)?;
        Ok(days)
    }

    /// Tells each line to `file` by `write`; the file comes back with the report and its head.
    pub(in crate::service::records) async fn with_lines<F: Send + 'static>(
        &self,
        context: &Context,
        (days, bin): (Days, Option<OrganizationBin>),
        mut file: F,
        write: fn(&mut F, &StatementEntry<'_>) -> Result<(), Failure>,
    ) -> Result<(F, Vec<OrganizationReport>, String), Failure> {
        let (store, window) = (self.store.clone(), days.window);
        let tally = ReportTally::new(days.each, false, self.open.unasked());
        let (mut tally, head, file) = self
            .tally(context, (window, bin), tally, move |walk, seen| {
                let mut tell = |entry: &StatementEntry<'_>| Ok(write(&mut file, entry)?);
                statement(walk, window, (seen, &|| store.may_read_on()), &mut tell)?;
                Ok(file)
            })
            .await?;
        Ok((file, tally.organizations()?, head))
    }
}
