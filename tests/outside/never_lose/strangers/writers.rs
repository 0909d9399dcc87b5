//! Three rows of the guide's KaspiPayLog, as the programs of shops write them.

use crate::support::scripted_bank::BIN;

/// The guide's columns.
pub(super) const COLUMNS: [&str; 10] = [
    "id",
    "shop_id",
    "kaspi_config_id",
    "operation_type",
    "external_id",
    "organization_bin",
    "amount",
    "status",
    "error_message",
    "created_at",
];

/// What a row is before it is written.
pub(super) type Cells = [Option<String>; 10];

/// The text that a file must bring over unharmed: everything that some writer escapes, but a bar.
pub(super) fn message(number: u64) -> String {
    format!("нет \"связи\", путь C:\\new; {number}")
}

/// A payment of 150.50, 50 of it paid back, and a create that failed with [`message`].
pub(super) fn rows(number: u64) -> Vec<Cells> {
    let text = |text: &str| Some(text.to_owned());
    let row = |id: &str, operation, of: Option<&u64>, amount, status, error, at| {
        let external = of.map(ToString::to_string);
        [text(id), text("8"), None, text(operation), external, text(BIN), text(amount), text(status), error, text(at)]
    };
    let of = Some(&number);
    vec![
        row("1", "create", of, "15050", "success", None, "2025-01-02 10:00:00"),
        row("2", "refund", of, "5000", "success", None, "2025-01-02 11:00:00"),
        row("3", "create", None, "700", "failed", Some(message(number)), "2025-01-02 12:00:00"),
    ]
}

/// How a program writes a table.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    pub(super) separator: &'static str,
    pub(super) end: &'static str,
    pub(super) header: bool,
    /// Its word for none.
    pub(super) none: &'static str,
    pub(super) value: fn(&str) -> String,
}

impl Writer {
    pub(super) fn write(&self, rows: &[Cells]) -> String {
        let line = |cells: Vec<String>| cells.join(self.separator) + self.end;
        let header = COLUMNS.map(|name| (self.value)(name)).to_vec();
        let cell = |cell: &Option<String>| cell.as_deref().map_or_else(|| self.none.to_owned(), self.value);
        let lines = rows.iter().map(|cells| line(cells.iter().map(cell).collect()));
        self.header.then(|| line(header)).into_iter().chain(lines).collect()
    }
}

/// RFC 4180: quotes where they are needed.
pub(super) fn doubled(text: &str) -> String {
    match text.contains(['"', ',', ';', '\t', '\n', ' ']) {
        true => all(text),
        false => text.to_owned(),
    }
}

/// Quotes around everything.
pub(super) fn all(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// MySQL's and PostgreSQL's text.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
}

/// MySQL's ENCLOSED BY '"'.
pub(super) fn enclosed(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// MySQL's OPTIONALLY ENCLOSED BY '"': numbers are bare.
pub(super) fn optionally(text: &str) -> String {
    match text.len() < 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.to_owned(),
        false => enclosed(text),
    }
}

/// Just so.
pub(super) fn bare(text: &str) -> String {
    text.to_owned()
}

/// One object for each row.
pub(super) fn objects(rows: &[Cells]) -> Vec<serde_json::Value> {
    let mut objects = Vec::new();
    for cells in rows {
        let pairs = COLUMNS.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), cell.clone().into()));
        objects.push(serde_json::Value::Object(pairs.collect()));
    }
    objects
}

pub(super) fn json_lines(rows: &[Cells]) -> String {
    objects(rows).iter().map(|object| format!("{object}\n")).collect()
}
