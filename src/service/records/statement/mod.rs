//! The statement: what an accountant closes a month with. It is read from one state of the log into a file without a name,
//! and handed over from there: a client that takes its time holds up nobody, and a statement that could not be made whole is
//! a failure in words.

mod columns;
mod written;

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::PathBuf;

use super::files::nameless;
use super::report::{Reports, Told};
use crate::failure::{Code, Failure};
use crate::operation::{FileFormat, StatementQuery};
use crate::service::Context;
use crate::transfer::{Download, Transferred};
use written::StatementFile;

/// Writes statements; touches nothing.
pub(in crate::service) struct Statements {
    reports: Reports,
    state_dir: PathBuf,
}

impl Statements {
    pub(in crate::service) fn new(reports: Reports, state_dir: PathBuf) -> Self {
        Self { reports, state_dir }
    }

    /// The lines of these days, and behind them the sums of the report.
    pub(in crate::service) async fn statement(
        &self,
        context: &Context,
        query: StatementQuery,
    ) -> Result<Transferred, Failure> {
        let zone = context.settings.config.daemon.timezone.clone();
        let timezone = zone.iana_name().unwrap_or("UTC").to_owned();
        if query.lang.is_some() && query.format != FileFormat::Excel {
            return Err(Failure::invalid(
                "lang is for format=excel: csv and jsonl are for programs and have one language",
            ));
        }
        let days = self.reports.days_of(context, &query)?;
        let file = nameless(&self.state_dir).map_err(|error| not_kept(&error))?;
        let file = StatementFile::begin(file, (query.format, query.lang.unwrap_or_default()), zone)?;
        let reported = self.reports.with_lines(context, (days, query.bin), file, StatementFile::line).await?;
        let (mut written, organizations, told) = reported;
        let file = super::files::aside(move || {
            organizations.iter().try_for_each(|organization| written.total(organization))?;
            let mut file = written.end()?;
            file.seek(SeekFrom::Start(0)).map_err(|error| not_kept(&error))?;
            Ok(file)
        });
        Ok(Transferred::Download(handed_over(file.await?, query.format, (told, timezone))))
    }
}

fn handed_over(file: File, format: FileFormat, (told, timezone): (Told, String)) -> Download {
    let (sender, mut download) = Download::channel(format.content_type());
    download.length = file.metadata().ok().map(|metadata| metadata.len());
    download.headers = vec![
        ("x-kaspid-log-head", told.head),
        ("x-kaspid-timezone", timezone),
        ("x-kaspid-not-asked", told.not_asked.to_string()),
    ];
    tokio::spawn(async move {
        if let Err(error) = sender.file(file).await {
            tracing::error!("a statement could not be read back: {error}");
        }
    });
    download
}

fn not_kept(error: &std::io::Error) -> Failure {
    Failure::new(Code::StorageFailed, format!("the statement could not be kept in the state directory: {error}"))
}
