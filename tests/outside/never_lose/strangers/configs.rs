//! The guide's KaspiPayConfig: tokens are read to the letter, and never shown.

use serde_json::json;

use super::Stranger;
use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;

const COLUMNS: &str = "id,shop_id,organization_bin,trade_point_id,device_token,is_active,is_default,created_at,updated_at,last_verified_at,description";

/// With what stands for separator, true, false, none and a description in quotes.
fn table(separator: &str, header: bool, [yes, no, none, never]: [&str; 4], description: &str) -> String {
    let first =
        ["1", "8", "891027350515", "104039", "SECRET-1", yes, yes, "2025-01-01 10:00:00", none, never, description];
    let second = ["2", "8", "210440028324", "104040", "SECRET-2", yes, no, none, none, "2025-01-01 10:00:00", none];
    let header = if header { COLUMNS.replace(',', separator) + "\n" } else { String::new() };
    header + &first.join(separator) + "\n" + &second.join(separator) + "\n"
}

/// The same two organisations, by every program's words for yes, no and never.
#[test]
fn organisations_are_read_as_they_were_written() {
    let till = Till::bare(Dialect::Bank, "");
    let never = "0000-00-00 00:00:00";
    let outfile = table("\t", false, ["1", "0", "\\N", never], "\"Main\" \\\\ BIN");
    let files = [
        Stranger::new("configs: mysql INTO OUTFILE", outfile, "no header (the guide's columns in its order)"),
        Stranger::new(
            "configs: mysql --batch, BIT",
            table("\t", true, ["\u{1}", "\\0", "NULL", never], "x"),
            "NULL, \\N or nothing",
        ),
        Stranger::new("configs: phpMyAdmin, BIT", table(",", true, ["b'1'", "b'0'", "NULL", never], "x"), "commas"),
        Stranger::new("configs: psql \\copy CSV", table(",", true, ["t", "f", "", ""], "x"), "quotes doubled"),
        Stranger::new("configs: psql text", table("\t", false, ["t", "f", "\\N", "\\N"], "x"), "\\N or nothing"),
        Stranger::new("configs: sqlite3 -list", table("|", true, ["1", "0", "", ""], "x"), "bars"),
        Stranger::new("configs: Excel", table(";", true, ["TRUE", "FALSE", "", ""], "x"), "semicolons"),
        Stranger::new("configs: Excel in Russian", table(";", true, ["ИСТИНА", "ЛОЖЬ", "", ""], "x"), "semicolons"),
    ];
    for (place, file) in files.iter().enumerate() {
        let said = file.import(&till, "configs").expect(200);
        // Equal to what is there, token and all, or it would be refused.
        let wanted = if place == 0 { (2, 0) } else { (0, 2) };
        assert_eq!(
            (&said["imported"], &said["skipped"]),
            (&json!(wanted.0), &json!(wanted.1)),
            "{}: {said}",
            file.name
        );
        let understood = said["understood"].as_str().unwrap();
        assert!(understood.contains(file.says) && !said.to_string().contains("SECRET"), "{}: {said}", file.name);
        file.tell(understood, "taken in");
    }
    let config = |bin: &str| till.daemon.door.get(&format!("/v1/configs/{bin}")).expect(200);
    let (first, second) = (config("891027350515"), config("210440028324"));
    assert_eq!((&first["description"], &first["is_default"]), (&json!("\"Main\" \\ BIN"), &json!(true)));
    assert_eq!((&second["description"], &second["is_default"]), (&json!(null), &json!(false)));
    assert!(second["created_at"].as_str().unwrap() > "2025-06", "none is none: {second}");
}

/// A secret in the place of a name, of a number, of anything: nobody is shown it.
#[test]
fn a_secret_is_never_told() {
    let till = Till::bare(Dialect::Bank, "");
    let good = table(",", true, ["1", "0", "", ""], "x");
    let files = [
        (
            1,
            Stranger::new(
                "configs: no header, another order",
                "8,891027350515,SECRET-1,104039\n",
                "the first line is no header",
            ),
        ),
        (
            1,
            Stranger::new(
                "configs: no header and one column too many",
                format!("{},SECRET-3\n", good.lines().nth(1).unwrap()),
                "the first line is no header",
            ),
        ),
        (1, Stranger::new("configs: a header of data", "SECRET-1,SECRET-2,status\n", "the first line is no header")),
        (
            2,
            Stranger::new(
                "configs: columns mixed up",
                good.replace("device_token", "SECRET")
                    .replace("description", "device_token")
                    .replace("SECRET", "description")
                    .replace(",x\n", ",\n"),
                "device_token is missing",
            ),
        ),
        (
            2,
            Stranger::new(
                "configs: a token where a BIN is",
                good.replace("891027350515", "SECRET-1"),
                "organization_bin: ",
            ),
        ),
        (2, Stranger::new("configs: a token where a yes is", good.replace(",1,1,", ",SECRET-1,1,"), "is_active: ")),
        (1, Stranger::new("configs: a token as a key", "{\"SECRET-1\":1}\n", "shop_id is missing")),
    ];
    for (line, file) in &files {
        file.is_refused(&till, "configs", *line);
    }
    // Too large for a table of organisations: is it the other one?
    let log =
        Stranger::new("configs: a log", vec![b'x'; (4 << 20) + 1], "").import(&till, "configs").problem("too_large");
    assert!(log["remedy"].as_str().unwrap().contains("kaspictl import log"), "{log}");
    // A column that nobody knows is told by its name where that is one.
    let more = good
        .replace(",description\n", ",description,owner,SECRET-9\n")
        .replace(",x\n", ",x,a,b\n")
        .replace(",\n", ",,a,b\n");
    let said = Stranger::new("configs: columns nobody knows", more, "").import(&till, "configs").expect(200);
    assert_eq!(said["unknown_columns"], json!(["column 13 (its name is not shown)", "owner"]));
    assert!(!till.home.stderr().contains("SECRET"));
}
