//! The audit log as a file that loads back into the guide's table.

use jiff::tz::TimeZone;

use super::super::bounds::sees_row;
use super::cells::{not_written, values};
use super::{LOG_COLUMNS, MORE_COLUMNS, as_list, excel};
use crate::access::Scope;
use crate::failure::Failure;
use crate::operation::{ExportQuery, FileFormat, LogRow};
use crate::service::Context;
use crate::store::{Store, Walk, Walker, log_head, log_page};
use crate::transfer::{Download, DownloadSender, Gone, Transferred};

/// Why an export did not come to its end.
enum Cut {
    /// The client went away.
    Gone,
    Failure(Failure),
}

impl From<Gone> for Cut {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Failure> for Cut {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Writes the log out; touches nothing.
pub(in crate::service) struct Exports {
    store: Store,
}

impl Exports {
    pub(in crate::service) fn new(store: Store) -> Self {
        Self { store }
    }

    /// All rows up to the end the log has now, which is told in a header.
    pub(in crate::service) fn log_export(&self, context: &Context, query: ExportQuery) -> Result<Transferred, Failure> {
        let (last, sha) = self.store.read(|reading| Ok(log_head(reading)?))?;
        let sha: String = sha.iter().map(|byte| format!("{byte:02x}")).collect();
        let zone = context.settings.config.daemon.timezone.clone();
        let (sender, mut download) = Download::channel(query.format.content_type());
        download.headers.push(("x-kaspid-log-head", format!("{last}:{sha}")));
        download.headers.push(("x-kaspid-timezone", zone.iana_name().unwrap_or("UTC").to_owned()));
        let (store, scope) = (self.store.clone(), context.scope.clone());
        let pages = Pages { store, scope, list: as_list(&query), format: query.format, zone, last };
        tokio::spawn(async move {
            if let Err(Cut::Failure(failure)) = pages.give(sender).await {
                tracing::error!(kaspid.code = failure.code.word(), "an export was cut off: {}", failure.detail);
            }
        });
        Ok(Transferred::Download(download))
    }
}

/// An export under way.
struct Pages {
    store: Store,
    scope: Scope,
    list: crate::operation::LogQuery,
    format: FileFormat,
    zone: TimeZone,
    last: u64,
}

impl Pages {
    async fn give(self, sender: DownloadSender) -> Result<(), Cut> {
        match self.format {
            FileFormat::Csv => sender.piece(header()?).await?,
            FileFormat::Excel => sender.piece(excel::header()?).await?,
            FileFormat::Jsonl => {}
        }
        let (mut pages, mut after) = (self, Some(0));
        while let Some(from) = after {
            let store = pages.store.clone();
            let page = store.aside(move |walker| {
                let (text, next) = pages.page(walker, from)?;
                Ok((pages, text, next))
            });
            let text;
            (pages, text, after) = page.await?;
            if !text.is_empty() {
                sender.piece(text).await?;
            }
        }
        sender.end().await;
        Ok(())
    }

    /// The text of the rows behind an event, and the event to go on behind.
    fn page(&self, walker: &Walker, after: u64) -> Result<(Vec<u8>, Option<u64>), Failure> {
        let visible = |shop, bin: Option<&_>| sees_row(&self.scope, shop, bin);
        let read = |walk: &Walk<'_>| Ok(log_page(walk, &self.list, (after, self.last), visible)?);
        let (rows, next) = walker.read(read)?;
        let text = match self.format {
            FileFormat::Csv => csv_lines(&rows, &self.zone),
            FileFormat::Excel => excel::lines(&rows, &self.zone),
            FileFormat::Jsonl => json_lines(&rows),
        };
        Ok((text?, next))
    }
}

fn header() -> Result<Vec<u8>, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(LOG_COLUMNS.iter().chain(&MORE_COLUMNS)).map_err(|error| not_written(&error))?;
    writer.into_inner().map_err(|error| not_written(&error))
}

fn csv_lines(rows: &[LogRow], zone: &TimeZone) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(values(row, zone)).map_err(|error| not_written(&error))?;
    }
    writer.into_inner().map_err(|error| not_written(&error))
}

fn json_lines(rows: &[LogRow]) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut text, row).map_err(|error| not_written(&error))?;
        text.push(b'\n');
    }
    Ok(text)
}
