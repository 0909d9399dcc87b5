//! `cargo xtask`: what people who work on kaspid do daily.

use std::process::ExitCode;

use xtask::{crates, daily, house, notices, sbom, tree};

const USAGE: &str = "\
cargo xtask house [--which]     the table of the house; --which names what is counted
cargo xtask world [ARGS]        a bank and a daemon to play with (kaspi-sandbox serve ARGS)
cargo xtask test PROMISE [ARGS] the outside tests of one promise, or those with a word in their name
cargo xtask fixtures            every generated file anew
cargo xtask crates              whether what is linked in may be, by deny.toml
cargo xtask notices FOLDER      whose code is in the programs: copyright and third-party-licenses
cargo xtask sbom VERSION FILE   the same for programs that look for holes, as CycloneDX
cargo xtask docs [--open]       the book of the crate, with what is private in it";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all went well.
fn run(arguments: &[String]) -> Result<bool, String> {
    let root = tree::root();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let status = match (words.as_slice(), arguments) {
        (["house", rest @ ..], _) => return table(rest.contains(&"--which")),
        (["world", ..], [_, rest @ ..]) => daily::world(&root, rest),
        (["crates"], _) => {
            let against = crates::against_the_rules(&root)?;
            against.iter().for_each(|one| println!("{one}"));
            return Ok(against.is_empty());
        }
        (["notices", folder], _) => return notices::write(&root, folder.as_ref()).map(|()| true),
        (["sbom", version, file], _) => return sbom::write(&root, version, file.as_ref()).map(|()| true),
        (["test", word, ..], [_, _, rest @ ..]) => daily::test(&root, word, rest),
        (["test"], _) => return Err(format!("which promise? {}", daily::promises(&root).map_err(says)?.join(", "))),
        (["fixtures"], _) => daily::fixtures(&root),
        (["docs", ..], [_, rest @ ..]) => daily::docs(&root, rest),
        _ => return Err(format!("what shall it be?\n{USAGE}")),
    };
    status.map(|status| status.success()).map_err(says)
}

fn says(error: std::io::Error) -> String {
    error.to_string()
}

/// Prints the table, and what stands behind a figure where it broke its wall or was asked for.
fn table(which: bool) -> Result<bool, String> {
    let rows = house::measure(&tree::root())?;
    print!("{}", house::table(&rows));
    for row in rows.iter().filter(|row| which || !row.holds) {
        println!("\n{}", row.what);
        row.which.iter().for_each(|one| println!("  {one}"));
    }
    Ok(rows.iter().all(|row| row.holds))
}
