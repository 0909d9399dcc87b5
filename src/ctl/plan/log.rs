//! `log …` and `import …` as operations.

use std::path::{Path, PathBuf};

use super::usage::Usage;
use crate::ctl::args::{
    ImportArgs, ImportCommand, LogCommand, LogExportArgs, LogFollowArgs, LogListArgs, ReportArgs, StatementArgs,
};
use crate::ctl::invocation::{Goal, Invocation, Transfer};
use crate::ctl::shell::quoted;
use crate::ctl::when::Person;
use crate::day::NamedDay;
use crate::language::{Language, of_locale};
use crate::moment::Span;
use crate::operation::{
    DayQuery, ExportQuery, FileFormat, ImportConfigs, ImportLog, LogQuery, Operation, Order, RangeQuery,
    StatementQuery, VerifyQuery,
};

pub(super) fn ask(command: LogCommand, reader: &Person, json: bool) -> Result<Invocation, Usage> {
    Ok(match command {
        LogCommand::List(args) => Invocation::once(query(args, reader)?),
        LogCommand::Follow(args) => follow(args),
        LogCommand::Export(args) => export(args, reader, json)?,
        LogCommand::Verify(args) => Invocation::once(VerifyQuery { head: args.head, rebuild: !args.chain }),
    })
}

fn query(args: LogListArgs, reader: &Person) -> Result<LogQuery, Usage> {
    Ok(LogQuery {
        from: args.from.map(|text| reader.begin(&text)).transpose()?,
        to: args.to.map(|text| reader.end(&text)).transpose()?,
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
    let ReportArgs { date, from, to, bin, html } = args;
    // A page has days, also of one day.
    if html.is_some() {
        let (from, to) = match from {
            Some(from) => (from, to),
            None => (date.unwrap_or(NamedDay::Today), Some(date.unwrap_or(NamedDay::Today))),
        };
        return Invocation { page: html, ..Invocation::once(RangeQuery { from, to, bin }) };
    }
    match from {
        Some(from) => Invocation::once(RangeQuery { from, to, bin }),
        None => Invocation::once(DayQuery { date, bin }),
    }
}

/// A file that is asked for, and how.
struct AskedFile {
    output: Option<PathBuf>,
    format: Option<FileFormat>,
    is_excel: bool,
    is_json: bool,
}

impl AskedFile {
    /// How it is written, and where to. Whoever wants JSON on stdout gets the rows so, unless they say otherwise.
    fn settled(self) -> Result<(FileFormat, Transfer), Usage> {
        let Self { output, format, is_excel, is_json } = self;
        let ending = output.as_deref().and_then(format_of);
        if let Some(output) = output.as_deref() {
            is_written_as_named(output, format.is_some() || is_excel)?;
        }
        let output = output.filter(|output| output.as_os_str() != "-");
        let usual = if is_json && output.is_none() { FileFormat::Jsonl } else { FileFormat::Csv };
        let format = if is_excel { FileFormat::Excel } else { format.or(ending).unwrap_or(usual) };
        Ok((format, Transfer::Save(output)))
    }
}

/// The lines of some days.
pub(super) fn statement(args: StatementArgs, lang: Option<Language>, json: bool) -> Result<Invocation, Usage> {
    let StatementArgs { from, to, bin, format, excel, output } = args;
    let (format, transfer) = AskedFile { output, format, is_excel: excel, is_json: json }.settled()?;
    if lang.is_some() && format != FileFormat::Excel {
        return Err(Usage::Incomplete("--lang is for --excel: csv and jsonl are for programs and have one language"));
    }
    // Words are those of the reader; a program has none.
    let lang = match format {
        FileFormat::Excel => Some(lang.unwrap_or_else(of_locale)),
        FileFormat::Csv | FileFormat::Jsonl => None,
    };
    let query = StatementQuery { from, to, bin, format, lang };
    Ok(Invocation { transfer: Some(transfer), ..Invocation::once(query) })
}

fn export(args: LogExportArgs, reader: &Person, json: bool) -> Result<Invocation, Usage> {
    let LogExportArgs { format, excel, from, to, bin, output } = args;
    let (format, transfer) = AskedFile { output, format, is_excel: excel, is_json: json }.settled()?;
    let query = ExportQuery {
        format,
        from: from.map(|text| reader.begin(&text)).transpose()?,
        to: to.map(|text| reader.end(&text)).transpose()?,
        bin,
    };
    Ok(Invocation { transfer: Some(transfer), ..Invocation::once(query) })
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
