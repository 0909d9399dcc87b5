//! Tables in the dialects of their writers: whatever is in them reads back the same, or is refused; never as something else.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

use proptest::prelude::*;

use super::*;

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

const WANTED: WantedTable = WantedTable {
    table: "kaspi_test",
    columns: &["shop_id", "description", "comment"],
    needed: &["shop_id"],
    ignored: &[&["id"]],
    refused: &[("tenge", "not in tenge")],
    guide: &[("id", is_number), ("shop_id", is_number), ("description", |_| true), ("comment", |_| true)],
};

/// What a file is understood as, its rows as `line: values`, its unknown columns; or what is wrong.
fn read(text: &[u8]) -> (String, Vec<String>, Vec<String>) {
    let understood = match Understood::of(|| Ok(text), &WANTED) {
        Ok(understood) => understood,
        Err(Unreadable { line, detail }) => return (String::new(), vec![format!("{line}! {detail}")], vec![]),
    };
    let mut rows = match Rows::open(&understood, text, WANTED) {
        Ok(rows) => rows,
        Err(Unreadable { line, detail }) => return (understood.to_string(), vec![format!("{line}! {detail}")], vec![]),
    };
    let mut said = Vec::new();
    while let Some(row) = rows.next() {
        said.push(match row {
            Ok(row) => {
                let values: Vec<_> =
                    row.values.iter().map(|value| value.as_ref().map_or("-", |value| value.as_str())).collect();
                format!("{}: {}", row.line, values.join("|"))
            }
            Err(Unreadable { line, detail }) => format!("{line}! {detail}"),
        });
    }
    (understood.to_string(), said, rows.unknown())
}

#[track_caller]
fn reads(text: &str, understood: &str, rows: &[&str]) {
    let (said, found, _) = read(text.as_bytes());
    assert_eq!(found, rows, "{text:?} as {said:?}");
    assert!(said.contains(understood), "{said:?} is not {understood:?}");
}

/// Refused as a whole, in one place, with these words.
#[track_caller]
fn refuses(text: &[u8], line: u64, words: &str) {
    let (_, found, _) = read(text);
    let [only] = found.as_slice() else { panic!("{found:?} of {text:?}") };
    assert!(only.starts_with(&format!("{line}! ")) && only.contains(words), "{only:?} is not {words:?}");
}

#[test]
fn csv_is_read_as_the_databases_write_it() {
    let text = "\u{feff}Description,id,note,SHOP_ID,comment\r\n\"a \"\"b\"\"\nc\",1,x,8,\r\n\r\n\\N,2,x,NULL,\r\nshort,3\r\n,4,x,9,";
    let (understood, rows, unknown) = read(text.as_bytes());
    assert_eq!(rows, ["2: 8|a \"b\"\nc|-", "5: -|-|-", "6! it has 2 values and the header 5", "7: 9|-|-"]);
    assert_eq!(unknown, ["note"]);
    assert!(understood.contains("byte order mark: commas") && understood.contains("quotes doubled"), "{understood}");
}

#[test]
fn every_writer_is_understood() {
    // MySQL: INTO OUTFILE and --tab, --batch, ENCLOSED BY.
    reads(
        "1\t8\ta\\\tb\\\nc\\\\\t\\N\n2\t8\t\"M\"\t\\N\n",
        "tabs, backslash escapes",
        &["1: 8|a\tb\nc\\|-", "3: 8|\"M\"|-"],
    );
    reads("id\tshop_id\tdescription\tcomment\n1\t8\ta\\tb\\nc\tNULL\n", "NULL, \\N or nothing", &["2: 8|a\tb\nc|-"]);
    reads(
        "\"1\",\"8\",\"a \\\"b\\\" \\\\\",\\N\n\"2\",\"8\",\"c, d\",\"e\"\n",
        "values in quotes with backslash",
        &["1: 8|a \"b\" \\|-", "2: 8|c, d|e"],
    );
    // PostgreSQL: CSV and text.
    reads("id,shop_id,description,comment\n1,8,\"a,\"\"b\"\"\",\n", "quotes doubled", &["2: 8|a,\"b\"|-"]);
    reads("1\t8\ta\\tb\t\\N\n2\t8\tNULL\t\\N\n\\.\n", "\\N or nothing", &["1: 8|a\tb|-", "2: 8|NULL|-"]);
    // SQLite: CSV without a header, list mode.
    reads("1,8,\"a b\",\r\n2,8,c,d\r\n", "CRLF, no header", &["1: 8|a b|-", "2: 8|c|d"]);
    reads("id|shop_id|description|comment\n1|8|say \"a\" \\ b|\n", "bars, neither quotes", &["2: 8|say \"a\" \\ b|-"]);
    // Excel: semicolons and a mark; tabs with quotes; carriage returns alone.
    reads("\u{feff}shop_id;description\r\n8;\"a;\"\"b\"\"\"\r\n", "semicolons", &["2: 8|a;\"b\"|-"]);
    reads("shop_id\tdescription\r\n8\t\"a \"\"b\"\"\"\r\n", "tabs, quotes doubled", &["2: 8|a \"b\"|-"]);
    reads("shop_id,description\r8,a\r9,b\r", "lines end with CR,", &["2: 8|a|-", "3: 9|b|-"]);
    // JSON: lines, with a mark, over several lines, in a list.
    reads(
        "\u{feff}{\"shop_id\":8,\"description\":\"a\\nb\"}\n\n{\"shop_id\":9}\n",
        "one object after",
        &["1: 8|a\nb|-", "3: 9|-|-"],
    );
    reads(
        "[\n  {\n    \"shop_id\": 8,\n    \"description\": \"}\"\n  },\n  {\"shop_id\": 9}\n]\n",
        "a list",
        &["2: 8|}|-", "6: 9|-|-"],
    );
    reads("{\"shop_id\":12345678901234567890123,\"comment\":true}", "JSON", &["1: 12345678901234567890123|-|true"]);
}

/// What a spreadsheet or a copy from a page has put where nobody sees it.
#[test]
fn unseen_letters_and_texts_of_digits_are_read_as_meant() {
    reads("\u{feff}\u{feff}\"shop_id\";\u{a0}description\u{a0}\r\n8;a\r\n", "byte order mark", &["2: 8|a|-"]);
    reads("\u{feff}\u{feff}{\"shop_id\":8}", "JSON", &["1: 8|-|-"]);
    reads("shop_id;description\r\n\"=\"\"08\"\"\";a\r\n=\"09\";=b\r\n", "semicolons", &["2: 08|a|-", "3: 09|=b|-"]);
    refuses(b"shop_id;description\r\n=\"09\"x;b\r\n", 2, "behind a closing quote");
}

#[test]
fn what_is_no_table_is_named() {
    refuses(b"", 1, "empty");
    refuses(b" \r\n\t\n", 1, "empty");
    refuses(b"1,2\n", 1, "the first line is no header");
    refuses(b"1,8,a,b,c\n", 1, "has not the 4 columns");
    refuses(b"1,x,a,b\n", 1, "value 2 is no shop_id");
    refuses(b"description,comment\na,b\n", 1, "does not name shop_id");
    refuses(b"shop_id,shop_id\n", 1, "names shop_id twice");
    refuses(b"shop_id,tenge\n8,1\n", 1, "not in tenge");
    refuses(b"shop_id,description\n8,\xEE\xEF\xE8\n", 2, "CP1251");
    refuses(b"shop_id,description\n8,\xAF\xE0\xA8\n", 2, "CP866");
    refuses(b"\xFF\xFEs\0h\0", 1, "UTF-16");
    refuses(b"s\0h\0o\0p\0", 1, "iconv -f UTF-16LE");
    refuses(b"\0s\0h\0o\0p", 1, "iconv -f UTF-16BE");
    refuses(b"\xFF\xFE\0\0s\0\0\0", 1, "iconv -f UTF-32 ");
    refuses(b"s\0\0\0h\0\0\0", 1, "iconv -f UTF-32LE");
    refuses(b"shop_id,description\n8,a\n9,\0\n", 3, "a zero byte stands on this line");
    refuses(b"shop_id,description\n8,\xCF\xDB\xC9\xC2\xCB\xC1\n", 2, "iconv -f KOI8-R");
    let cut = ["shop_id,description\n8,связи\n9,".as_bytes(), b"\xD0\n"].concat();
    refuses(&cut, 3, "UTF-8 but for one broken letter");
    refuses(b"PK\x03\x04", 1, "workbook");
    refuses(b"\x1F\x8B\x08", 1, "zcat");
    refuses(b"-- MySQL dump 10.13\n", 1, "it is SQL");
    refuses(b"INSERT INTO kaspi_pay_log VALUES (1);\n", 1, "it is SQL");
    refuses(b"+----+---------+\n| id | shop_id |\n", 1, "prints for people");
    refuses(b" id | shop_id \n----+---------\n  1 |       8\n", 1, "prints for people");
    refuses(b"SQLite format 3\0", 1, "SQLite database");
    refuses(b"<?xml version=\"1.0\"?>", 1, "HTML or XML");
    let open = format!("shop_id\n1\n\"{}", "x\n".repeat(ROW));
    assert!(read(open.as_bytes()).1.last().unwrap().contains("is a quote left open"));
    let long = format!("{{\"shop_id\":1}}\n{{\"comment\":\"{}", "x".repeat(2 * ROW));
    assert!(read(long.as_bytes()).1[1].starts_with("2! a row has at most"));
    assert!(read(b"{\"shop_id\":1}\n{\"shop_id\"").1[1].starts_with("2! the object that begins here has no end"));
    assert!(read(b"[{\"shop_id\":1},").1[1].contains("the list has no end"));
    assert!(read(b"[{\"shop_id\":1}] x").1[1].contains("behind the end"));
    let not = "it is not a JSON object of texts, numbers, booleans and nulls";
    assert_eq!(
        read(b"{\"shop_id\":8}\n[1]\n{\"shop_id\":[8]}\n{\"SHOP_ID\":8}").1,
        [
            "1: 8|-|-".into(),
            format!("2! {not}"),
            "3! shop_id is a list or an object: write its value alone".into(),
            "4: 8|-|-".into()
        ]
    );
    // As node-mysql writes a BIT; what is not wanted may be anything.
    assert!(read(b"{\"shop_id\":{\"type\":\"Buffer\",\"data\":[0]}}").1[0].contains("is a list or an object"));
    assert_eq!(read(b"{\"shop_id\":8,\"id\":[1,{}]}").1, ["1: 8|-|-"]);
    assert!(read(b"{\"shop_id\":8,\"Shop_Id\":9}").1[0].contains("names shop_id twice"));
    assert!(read(b"shop_id,description\n8,a\n\\.\n9,b\n").1[1].contains("is it two files"));
}

/// A text that could be read in two ways is nobody's guess.
#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for (text, place) in [
        ("\"1\",\"8\",\"a\",\"b\"\n\"2\",\"8\",\"a \\\\ b\",\"c\"\n", "2! a quote or a backslash in value 3 "),
        ("shop_id\tdescription\n7\tMain\n8\t\"Main\"\n", "3! a quote or a backslash in value 2 "),
        ("shop_id|description\n8|\"Main\"\n", "2! a quote or a backslash in value 2 "),
        ("1,8,a,b\n2,8,a\\nb,c\n", "2! a quote or a backslash in value 3 "),
        (
            "\"shop_id\",\"description\",\"comment\"\n\"7\",\"x\",NULL\n\"8\",\"C:\\\\new\",NULL\n",
            "3! a quote or a backslash in value 2 ",
        ),
    ] {
        let (_, rows, _) = read(text.as_bytes());
        let is_told = rows.len() == 1 && rows[0].starts_with(place) && rows[0].contains("does not tell which");
        assert!(is_told, "{rows:?} of {text:?}");
    }
    // Who writes NULL would have escaped the backslash, if it did.
    let php = "\"shop_id\",\"description\",\"comment\"\n\"8\",\"C:\\new\",NULL\n";
    reads(php, "quotes doubled", &["2: 8|C:\\new|-"]);
    let all = "\"shop_id\",\"description\",\"comment\"\n\"8\",\"C:\\new \"\"a\"\"\",\"x\"\n";
    reads(all, "quotes doubled", &["2: 8|C:\\new \"a\"|x"]);
    // Something else in the file tells.
    reads("shop_id,description,comment\n8,\"a \\\\ b\",\n", "quotes doubled", &["2: 8|a \\\\ b|-"]);
    reads("shop_id\tdescription\tcomment\n8\t\"Main\"\tNULL\n", "backslash escapes", &["2: 8|\"Main\"|-"]);
}

/// The first line of a file without a header, and keys of objects, are values: none is shown.
#[test]
fn a_value_is_never_told_as_a_name() {
    let secret = "577b4b39-1e7e-43d2-83c3-a0116118ef16";
    for text in [
        format!("8,{secret},description\n"),
        format!("shop_id,{secret}\n8,x\n"),
        format!("shop_id,description\r8,{secret}\r"),
        format!("{{\"shop_id\":8,\"{secret}\":1}}\n"),
        format!("description\n{secret}\n"),
    ] {
        let (understood, rows, unknown) = read(text.as_bytes());
        let said = format!(
            "{understood}{unknown:?}{}",
            rows.iter().filter(|row| row.contains('!')).cloned().collect::<String>()
        );
        assert!(!said.contains("577b"), "{said}");
    }
    assert_eq!(
        read(format!("shop_id,{secret},owner,имя\n8,x,y,z\n").as_bytes()).2,
        ["column 2 (its name is not shown)", "owner", "имя"]
    );
}

/// A writer of tables: how a row is written, and whether it can write a text at all.
struct Writer {
    name: &'static str,
    separator: &'static str,
    end: &'static str,
    header: bool,
    none: &'static str,
    value: fn(&str) -> String,
    can: fn(&str) -> bool,
}

fn doubled(text: &str) -> String {
    match text.contains(['"', ',', ';', '\t', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

fn escaped(text: &str, how: &[(char, &str)]) -> String {
    text.chars()
        .map(|c| how.iter().find(|(from, _)| *from == c).map_or_else(|| c.to_string(), |(_, to)| (*to).to_owned()))
        .collect()
}

/// MySQL writes the line feed itself behind the backslash, PostgreSQL and --batch a letter.
const OUTFILE: &[(char, &str)] = &[('\\', "\\\\"), ('\n', "\\\n"), ('\t', "\\\t")];
const ENCLOSED: &[(char, &str)] = &[('\\', "\\\\"), ('\n', "\\\n"), ('"', "\\\"")];
const LETTERS: &[(char, &str)] = &[('\\', "\\\\"), ('\n', "\\n"), ('\t', "\\t"), ('\r', "\\r")];
const BATCH: &[(char, &str)] = &[('\\', "\\\\"), ('\n', "\\n"), ('\t', "\\t")];

/// No word for none, no spreadsheet's text, and nothing that ends with the carriage return of a line end.
fn is_told(text: &str) -> bool {
    !text.starts_with("=\"") && !matches!(text, "NULL" | "\\N" | "") && !text.ends_with('\r')
}

const WRITERS: [Writer; 10] = [
    Writer { name: "psql csv", separator: ",", end: "\n", header: true, none: "", value: doubled, can: is_told },
    Writer { name: "sqlite csv", separator: ",", end: "\r\n", header: false, none: "", value: doubled, can: is_told },
    Writer { name: "excel", separator: ";", end: "\r\n", header: true, none: "", value: doubled, can: is_told },
    Writer { name: "excel tabs", separator: "\t", end: "\r\n", header: true, none: "", value: doubled, can: is_told },
    Writer {
        name: "outfile",
        separator: "\t",
        end: "\n",
        header: false,
        none: "\\N",
        value: |text| escaped(text, OUTFILE),
        can: |text| is_told(text) || text == "\\N",
    },
    Writer {
        name: "outfile enclosed",
        separator: ",",
        end: "\n",
        header: false,
        none: "\\N",
        value: |text| format!("\"{}\"", escaped(text, ENCLOSED)),
        can: |text| is_told(text) || text == "\\N",
    },
    Writer {
        name: "psql text",
        separator: "\t",
        end: "\n",
        header: false,
        none: "\\N",
        value: |text| escaped(text, LETTERS),
        can: |text| is_told(text) || text == "\\N",
    },
    Writer {
        name: "batch",
        separator: "\t",
        end: "\n",
        header: true,
        none: "NULL",
        value: |text| escaped(text, BATCH),
        can: is_told,
    },
    Writer {
        name: "tabs",
        separator: "\t",
        end: "\n",
        header: true,
        none: "",
        value: str::to_owned,
        can: |text| is_told(text) && !text.contains(['\t', '\n', '\r']),
    },
    Writer {
        name: "list",
        separator: "|",
        end: "\n",
        header: true,
        none: "",
        value: str::to_owned,
        can: |text| is_told(text) && !text.contains(['|', '\n', '\r']),
    },
];

type Table = Vec<(u32, Option<String>, Option<String>)>;

impl Writer {
    fn write(&self, table: &Table) -> String {
        let value = |text: Option<&str>| text.map_or_else(|| self.none.to_owned(), self.value);
        let mut lines = Vec::new();
        if self.header {
            lines.push(["id", "shop_id", "description", "comment"].map(str::to_owned).join(self.separator));
        }
        for (number, (shop, description, comment)) in table.iter().enumerate() {
            let cells = [Some(number.to_string()), Some(shop.to_string()), description.clone(), comment.clone()];
            lines.push(cells.map(|cell| value(cell.as_deref())).join(self.separator));
        }
        lines.into_iter().map(|line| line + self.end).collect()
    }
}

fn cell() -> impl Strategy<Value = Option<String>> {
    let text = prop_oneof![
        "[a-zА-Яәқ0-9 ,;|\"'\\\\\n\t\r=+@N.{}:-]{1,12}",
        "\"[a-z\\\\\"]{0,4}\"",
        Just("NULL".to_owned()),
        Just("\\N".to_owned()),
        Just("\\.".to_owned())
    ];
    prop_oneof![3 => text.prop_map(Some), 1 => Just(None)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Any table, by any writer that can write it, reads back the same. Where the file can be read in two ways it is
    /// refused instead; a value that is none in the file, as the guide's tables have them, settles most of that.
    #[test]
    fn a_table_reads_back_the_same_or_is_refused(table in proptest::collection::vec((0..9_u32, cell(), cell()), 1..5)) {
        for writer in &WRITERS {
            let texts = || table.iter().flat_map(|(_, one, other)| [one, other]).flatten();
            if !texts().all(|text| (writer.can)(text)) {
                continue;
            }
            let text = writer.write(&table);
            let (understood, rows, _) = read(text.as_bytes());
            let bare = |row: &String| row.split_once(": ").map(|(_, row)| row.to_owned());
            let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let wanted: Vec<_> = table.iter().map(|(shop, one, other)| Some(format!("{shop}|{}|{}", shown(one), shown(other)))).collect();
            let refused = rows.len() == 1 && rows[0].contains("! a quote or a backslash in value ");
            let has_none = table.iter().any(|(_, one, other)| one.is_none() || other.is_none());
            let is_plain = texts().all(|text| !text.contains(['"', '\\', '\t', '\n', '\r']));
            prop_assert!(!refused || !is_plain, "{}: {text:?} is refused", writer.name);
            prop_assert!(!refused || !has_none || matches!(writer.name, "list" | "tabs"), "{}: {text:?} is refused", writer.name);
            if !refused {
                prop_assert_eq!(rows.iter().map(bare).collect::<Vec<_>>(), wanted, "{}: {:?} read as {} gives {:?}", writer.name, text, understood, rows);
            }
        }
    }

    /// Whatever the bytes, there is an end and no panic.
    #[test]
    fn any_bytes_are_judged(bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(b'\n'), Just(b'\t'), Just(b','), Just(b'{'), Just(b'}'), any::<u8>()], 0..200)) {
        let headed = [b"shop_id,description\n".as_slice(), &bytes].concat();
        for text in [&bytes, &headed] {
            read(text);
        }
    }
}
