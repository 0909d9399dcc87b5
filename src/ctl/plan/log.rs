//! `log …` and `import …` as operations.

use std::path::Path;

use super::usage::Usage;
use crate::ctl::args::{ImportArgs, ImportCommand, LogCommand, LogExportArgs, LogFollowArgs, LogListArgs, ReportArgs};
use crate::ctl::invocation::{Goal, Invocation, Transfer};
use crate::ctl::shell::quoted;
use crate::ctl::when::Zone;
use crate::moment::Span;
use crate::operation::{
    DayQuery, ExportQuery, FileFormat, ImportConfigs, ImportLog, LogQuery, Operation, Order, RangeQuery, VerifyQuery,
};

pub(super) fn ask(command: LogCommand, zone: &Zone, json: bool) -> Result<Invocation, Usage> {
    Ok(match command {
        LogCommand::List(args) => Invocation::once(query(args, zone)?),
        LogCommand::Follow(args) => follow(args),
        LogCommand::Export(args) => export(args, zone, json)?,
        LogCommand::Verify(args) => Invocation::once(VerifyQuery { head: args.head, rebuild: !args.chain }),
    })
}

fn query(args: LogListArgs, zone: &Zone) -> Result<LogQuery, Usage> {
    Ok(LogQuery {
        from: args.from.map(|text| zone.begin(&text)).transpose()?,
        to: args.to.map(|text| zone.end(&text)).transpose()?,
        bin: args.bin,
        payment: args.payment,
        operation: args.operation,
        status: args.status,
        after: args.after,
        limit: args.limit,
        order: args.newest_first.then_some(Order::Desc),
        wait: None,
    })
}

fn follow(args: LogFollowArgs) -> Invocation {
    let wait = Some(Span::from_secs(60));
    let query = LogQuery { bin: args.bin, after: args.after, wait, ..LogQuery::default() };
    Invocation { goal: Goal::Follow, ..Invocation::once(query) }
}

/// One day, or a range.
pub(super) fn report(args: ReportArgs) -> Invocation {
    let ReportArgs { date, from, to, bin } = args;
    match from {
        Some(from) => Invocation::once(RangeQuery { from, to, bin }),
        None => Invocation::once(DayQuery { date, bin }),
    }
}

/// Whoever wants JSON on stdout gets the rows so, unless they say otherwise.
fn export(args: LogExportArgs, zone: &Zone, json: bool) -> Result<Invocation, Usage> {
    let ending = args.output.as_deref().and_then(format_of);
    if let Some(output) = args.output.as_deref() {
        is_written_as_named(output, args.format.is_some() || args.excel)?;
    }
    let output = args.output.filter(|output| output.as_os_str() != "-");
    let usual = if json && output.is_none() { FileFormat::Jsonl } else { FileFormat::Csv };
    let query = ExportQuery {
        format: if args.excel { FileFormat::Excel } else { args.format.or(ending).unwrap_or(usual) },
        from: args.from.map(|text| zone.begin(&text)).transpose()?,
        to: args.to.map(|text| zone.end(&text)).transpose()?,
        bin: args.bin,
    };
    Ok(Invocation { transfer: Some(Transfer::Save(output)), ..Invocation::once(query) })
}

pub(super) fn import(command: ImportCommand) -> Invocation {
    let (ImportCommand::Configs(args) | ImportCommand::Log(args)) = &command;
    // The daemon reads it as what it is.
    let format = args.format.or_else(|| format_of(&args.file)).unwrap_or_default();
    let (operation, file): (Operation, _) = match command {
        ImportCommand::Configs(ImportArgs { file, dry_run, .. }) => (ImportConfigs { format, dry_run }.into(), file),
        ImportCommand::Log(ImportArgs { file, dry_run, .. }) => (ImportLog { format, dry_run }.into(), file),
    };
    Invocation { transfer: Some(Transfer::Send(file)), ..Invocation::once(operation) }
}

/// Whoever opens the file goes by its name. A workbook is a kind of its own, whatever was said of the format: Excel calls one
/// that is text broken, and opens the same text under another name. Of others, whoever named the format means it.
fn is_written_as_named(file: &Path, is_format_named: bool) -> Result<(), Usage> {
    let Some(ending) = ending_of(file) else { return Ok(()) };
    // `day.csv.gz` is named for what is packed in it.
    let is_named =
        file.file_stem().is_some_and(|stem| Path::new(stem).extension().is_some_and(|ending| ending == "csv"));
    let csv = file.with_extension(if is_named { "" } else { "csv" });
    let csv = csv.to_string_lossy();
    let csv = quoted([csv.as_ref()].into_iter());
    let (kind, instead) = match ending.as_str() {
        "xlsx" | "xls" | "xlsm" | "xlsb" | "ods" | "fods" | "numbers" => {
            ("a workbook", format!("add --excel and name it -o {csv}, which a spreadsheet opens"))
        }
        _ if is_format_named => return Ok(()),
        "tsv" | "tab" => ("a table with tabs", format!("name it -o {csv}, or add --format csv")),
        "sql" | "db" | "sqlite" | "sqlite3" | "parquet" => {
            ("a database", format!("name it -o {csv}, and load that (kaspictl log export --help shows how)"))
        }
        "gz" | "zst" | "xz" | "bz2" | "zip" | "7z" | "rar" => {
            ("a compressed file", format!("name it -o {csv}, and compress that"))
        }
        "xml" | "html" | "htm" | "pdf" | "doc" | "docx" => {
            ("a document", format!("name it -o {csv}, or -o FILE.jsonl for JSON lines"))
        }
        _ => return Ok(()),
    };
    Err(Usage::OtherFile { name: file.display().to_string(), kind, instead })
}

fn ending_of(file: &Path) -> Option<String> {
    file.extension()?.to_str().map(str::to_ascii_lowercase)
}

/// How a file is written, by the ending of its name.
fn format_of(file: &Path) -> Option<FileFormat> {
    match ending_of(file)?.as_str() {
        "csv" => Some(FileFormat::Csv),
        "jsonl" | "ndjson" | "json" => Some(FileFormat::Jsonl),
        _ => None,
    }
}
