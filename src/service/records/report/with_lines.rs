//! A report with the lines that its sums are made of, all from one state of the log.

use super::{Days, Reports, tally::ReportTally};
use crate::day::NamedDay;
use crate::failure::Failure;
use crate::id::OrganizationBin;
use crate::moment::Moment;
use crate::operation::{OrganizationReport, StatementQuery};
use crate::service::Context;
use crate::store::{Refused, StatementEntry, statement};

/// Takes lines, one after the other.
pub(in crate::service::records) trait Lines: Send + 'static {
    /// One more.
    fn line(&mut self, entry: &StatementEntry<'_>) -> Result<(), Refused>;
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
        let days = Days::new(context, query.from.unwrap_or(NamedDay::Date(last.first_of_month())), to)?;
        self.begun(context, &days)?;
        Ok(days)
    }

    /// Gives the lines to `lines`, which comes back with the report and its head.
    pub(in crate::service::records) async fn with_lines<L: Lines>(
        &self,
        context: &Context,
        days: Days,
        bin: Option<OrganizationBin>,
        lines: L,
    ) -> Result<(L, Vec<OrganizationReport>, String), Failure> {
        let (store, window) = (self.store.clone(), days.window);
        let tally = ReportTally::new(days.each, false, self.open.unasked());
        let (mut tally, head, lines) = self
            .tally(context, (window, bin), tally, move |walk, seen| {
                let mut lines = lines;
                statement(walk, window, (seen, &|| store.may_read_on()), &mut |entry| lines.line(entry))?;
                Ok(lines)
            })
            .await?;
        Ok((lines, tally.organizations()?, head))
    }
}
