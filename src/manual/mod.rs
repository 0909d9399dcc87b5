//! The manual pages in packaging/man and the journal's catalogue in systemd, written from what the programs say of themselves.
//! `KASPID_BLESS=1 cargo test --lib manual` writes them anew.

mod errors;

use std::fmt::Write as _;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;

use crate::config::SECTIONS;
use crate::door::routes::RouteId;
use crate::failure::Code;
use crate::frame::{MAX_BODY, PROTOCOL};
use crate::{ctl, daemon, notice, sandbox};

const SOURCE: &str = concat!("kaspid ", env!("CARGO_PKG_VERSION"));

/// What clap_mangen writes of an apostrophe is told here.
const APOSTROPHE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// Longer lines are text, and filled.
const LINE: usize = 76;

/// A page but for what is told of its own.
fn head(name: &str, section: u8, about: &str) -> String {
    let title = name.to_uppercase();
    format!(
        "{APOSTROPHE}.TH {title} {section} \"\" \"{SOURCE}\" \"Kaspi Pay for a shop\"\n.SH NAME\n{name} \\- {}\n",
        prose(about)
    )
}

/// A heading and text that is filled.
fn told(page: &mut String, heading: &str, text: &str) {
    let _ = write!(page, ".SH {heading}\n{}\n", prose(text));
}

/// Lines that stay as they are, and paragraphs among them.
fn literal(page: &mut String, text: &str) {
    page.push_str(".nf\n");
    for line in text.lines() {
        let _ = match line.chars().count() > LINE && !line.starts_with(' ') {
            true => writeln!(page, ".fi\n{}\n.nf", escaped(line)),
            false => writeln!(page, "{}", escaped(line)),
        };
    }
    page.push_str(".fi\n");
}

/// One of many things, and what it is.
fn item(page: &mut String, name: &str, text: &str) {
    let _ = write!(page, ".TP\n.B \"{}\"\n{}\n", escaped(name).replace('"', "\\(dq"), prose(text));
}

/// Words without the marks of Markdown, no line of which is a request to the formatter.
fn prose(text: &str) -> String {
    text.replace('`', "").lines().map(|line| escaped(line.trim())).collect::<Vec<_>>().join("\n")
}

fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

/// What clap_mangen writes of one part of a command, without its heading.
fn part(render: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    render(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let body = text.split_once("\n.SH ").map_or(text.as_str(), |(_, behind)| behind);
    body.split_once('\n').map_or("", |(_, body)| body).to_owned()
}

/// A command with its options and what stands behind its help, and the same of each command below it.
fn command(page: &mut String, command: Command, path: &str, heading: &str) {
    let after = command.get_after_help().map(ToString::to_string);
    let below: Vec<Command> = command.get_subcommands().filter(|below| !below.is_hide_set()).cloned().collect();
    let options = command.get_arguments().any(|argument| !argument.is_hide_set());
    let man = Man::new(command.bin_name(path.to_owned()).disable_help_subcommand(true));
    if heading == ".SS" {
        let _ = writeln!(page, "{heading} \"{path}\"");
        page.push_str(&part(|to| man.render_description_section(to)));
        page.push_str(".PP\n");
    } else {
        page.push_str(".SH SYNOPSIS\n");
    }
    page.push_str(&part(|to| man.render_synopsis_section(to)));
    if heading == ".SH" {
        page.push_str(".SH OPTIONS\n");
    }
    if options {
        page.push_str(&part(|to| man.render_options_section(to)));
    }
    if let Some(after) = after {
        page.push_str(if heading == ".SH" { ".SH NOTES\n" } else { ".PP\n" });
        literal(page, &after);
    }
    if heading == ".SH" && !below.is_empty() {
        page.push_str(".SH COMMANDS\n");
    }
    for each in below.into_iter().filter(|each| each.get_name() != "help") {
        let path = format!("{path} {}", each.get_name());
        // What every command has is told once, of the program.
        let each = each.mut_args(|argument| {
            let is_told = argument.is_global_set() || argument.get_id() == "help";
            argument.hide(is_told)
        });
        self::command(page, each, &path, ".SS");
    }
}

fn of_program(mut program: Command, section: u8, more: &[(&str, &str)]) -> String {
    program.build();
    let (name, about) = (program.get_name().to_owned(), program.get_about().unwrap().to_string());
    let mut page = head(&name, section, about.trim_end_matches('.'));
    command(&mut page, program, &name, ".SH");
    for (heading, text) in more {
        told(&mut page, heading, text);
    }
    page
}

fn kaspid_toml() -> String {
    let mut page = head("kaspid.toml", 5, "configuration of kaspid");
    told(
        &mut page,
        "DESCRIPTION",
        "The file /etc/kaspid/kaspid.toml, and behind it the files of /etc/kaspid/conf.d whose names end with .toml, in the order of their names: of each setting holds what the last of them says, and of [[access.shop]] all that they say. kaspid check judges them, kaspictl reload applies them and says what it changed. Times are written as \
         \"500ms\", \"30s\", \"10m\", \"6h\", \"7d\"; relative paths start at the file they stand in; an unknown key is an error.",
    );
    for section in SECTIONS {
        told(&mut page, &format!("\"[{}]\"", section.name), &section.about.join("\n"));
        for row in section.rows {
            item(&mut page, row.key, &row.words.join("\n"));
            let restart = if row.at_start { "Changed by a restart only." } else { "" };
            let default = row.default.map(|default| format!("Default: {default}.")).unwrap_or_default();
            let words = ["Written:", &format!("{}.", row.kind), &default, restart].join(" ");
            let _ = writeln!(page, "{}", prose(&words));
        }
    }
    told(&mut page, "\"SEE ALSO\"", "kaspid(8), kaspictl(1)");
    page
}

fn protocol() -> String {
    let mut page = head("kaspid-protocol", 7, "what is spoken over the socket of kaspid");
    told(
        &mut page,
        "DESCRIPTION",
        "kaspid answers on one Unix socket, /run/kaspid/kaspid.sock, in two encodings, told apart by the first byte: HTTP/1.1 with JSON, \
         and frames. Who asks is what the kernel says of the process; what it may is said by [access] of kaspid.toml(5). \
         The description of the HTTP interface for programs is served at /openapi.json.",
    );
    page.push_str(".SH HTTP\nThe host is kaspid or localhost. A request that moves money takes an Idempotency\\-Key; the same one again answers with what came of the first.\n");
    for row in RouteId::all().map(RouteId::row) {
        let right = row.right.name();
        item(&mut page, &format!("{} {}", row.method, row.path), &format!("{} (right: {right})", row.summary));
    }
    told(
        &mut page,
        "FRAMES",
        &format!(
            "A frame is a length of four bytes, the highest first, and so many bytes of postcard, at most {MAX_BODY}. The caller begins with Hello, \
             whose protocol is {PROTOCOL}; the daemon answers Welcome. Then any number of calls, each with a number of the caller's, and an \
             answer with that number for each, in the order they end. The number 0 tells why a conversation ends. The types are those of the Rust \
             library in the sources of kaspid (src/frame.rs)."
        ),
    );
    told(
        &mut page,
        "ERRORS",
        "A failure is application/problem+json with these codes and HTTP statuses. Each says whether money moved, whether it may be repeated, and what to do.",
    );
    for code in Code::ALL {
        item(&mut page, code.word(), &format!("{}", code.status()));
    }
    told(&mut page, "EXAMPLE", "");
    literal(&mut page, "curl --unix-socket /run/kaspid/kaspid.sock http://kaspid/v1/health");
    told(&mut page, "\"SEE ALSO\"", "kaspid(8), kaspictl(1), kaspid.toml(5)");
    page
}

const KASPID: [(&str, &str); 3] = [
    (
        "FILES",
        "/etc/kaspid/kaspid.toml and /etc/kaspid/conf.d: the configuration. /var/lib/kaspid: payments, the audit log, device tokens, backups \
         and, where the daemon keeps it, the key. /run/kaspid/kaspid.sock: the socket, which systemd holds (kaspid.socket).",
    ),
    (
        "GROUPS",
        "Members of kaspid may connect and take payments; members of kaspid-refund may pay back as well, of kaspid-audit read the log. \
         [access] of kaspid.toml says otherwise where it is set.",
    ),
    ("\"SEE ALSO\"", "kaspictl(1), kaspid.toml(5), kaspid-protocol(7), systemd.socket(5)"),
];

/// Promise: what the pages say is what the programs say.
#[test]
fn pages_are_written_from_the_programs() {
    let pages = [
        ("kaspid.8", of_program(daemon::arguments(), 8, &KASPID)),
        (
            "kaspictl.1",
            of_program(ctl::arguments(), 1, &[("\"SEE ALSO\"", "kaspid(8), kaspid.toml(5), kaspid-protocol(7)")]),
        ),
        ("kaspi-sandbox.1", of_program(sandbox::cli::arguments(), 1, &[("\"SEE ALSO\"", "kaspid(8), kaspictl(1)")])),
        ("kaspid.toml.5", kaspid_toml()),
        ("kaspid-protocol.7", protocol()),
    ];
    for (file, made) in pages {
        is_committed(&Path::new("packaging/man").join(file), &made);
    }
}

fn is_committed(file: &Path, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("KASPID_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let file = file.display();
    assert!(committed == made, "{file} is old: look at the change with KASPID_BLESS=1 cargo test --lib manual");
}

/// Promise: what `journalctl -x` says below a line is what the daemon means by it, every number is a line of its own, and a
/// field that is named is one that lines have.
#[test]
fn the_catalogue_is_written_from_the_notices() {
    let mut catalogue =
        String::from("# What journalctl -x shows below the lines of kaspid, written from src/notice.rs.\n");
    let mut ids = std::collections::HashSet::new();
    for (name, notice) in notice::ALL {
        let is_id = notice.id.len() == 32 && notice.id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        assert!(is_id && ids.insert(notice.id), "{name}: {}", notice.id);
        let _ = writeln!(catalogue, "\n-- {}\nSubject: {}\nDefined-By: kaspid\n", notice.id, notice.subject);
        for line in notice.advice.lines() {
            let _ = writeln!(catalogue, "{}", textwrap(line));
        }
    }
    is_committed(Path::new("systemd/kaspid.catalog"), &catalogue);
}

/// Words in lines that a terminal of 80 columns shows whole. What is set in, to be typed, stays as it is.
fn textwrap(text: &str) -> String {
    if text.starts_with(' ') {
        return text.to_owned();
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().unwrap();
        if !line.is_empty() && line.len() + 1 + word.len() > LINE {
            lines.push(word.to_owned());
        } else {
            let line = lines.last_mut().unwrap();
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines.join("\n")
}
