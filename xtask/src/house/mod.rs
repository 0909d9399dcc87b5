//! The measure of the house: one table of what a reader may rely on, what it is now, and the wall it stays behind.
//!
//! [`source`] reads what ships; [`scope`] finds what a name leads to and [`methods`] what a call does; [`arrows`] and
//! [`circles`] are made of these. [`walls`] are the numbers, in this one place.

pub mod arrows;
pub mod circles;
pub mod citations;
pub mod functions;
pub mod methods;
pub mod scope;
pub mod source;
pub mod stored;
pub mod walls;

use std::collections::BTreeMap;
use std::path::Path;

use arrows::Arrows;
use methods::Methods;
use scope::{Place, Scope};
use source::Source;

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    /// What is measured.
    pub what: &'static str,
    /// How it is.
    pub now: String,
    /// What it may be at most.
    pub wall: usize,
    /// Whether it stays behind its wall.
    pub holds: bool,
    /// What is meant, by name.
    pub which: Vec<String>,
}

impl Row {
    /// Things that are counted.
    fn count(what: &'static str, wall: usize, which: Vec<String>) -> Self {
        Self { what, now: which.len().to_string(), wall, holds: which.len() <= wall, which }
    }
}

/// The whole table.
///
/// # Errors
///
/// The source cannot be read.
pub fn measure(root: &Path) -> Result<Vec<Row>, String> {
    let sources = source::sources(root)?;
    let scope = Scope::of(&sources);
    let methods = Methods::of(&sources, &scope);
    let (names, calls) = arrows::arrows(&sources, &scope, &methods);
    let all: Arrows = names.iter().zip(&calls).map(|(names, calls)| names | calls).collect();
    let says = |error: std::io::Error| error.to_string();
    Ok(vec![
        files(&sources),
        functions(&sources),
        spread(&sources, &methods),
        circled(
            "circles of files, calls counted in",
            walls::CIRCLES,
            &sources,
            &circles::without_fronts(&all, &sources),
        ),
        circled("the same, a room's front counted in", walls::CIRCLES_WITH_FRONTS, &sources, &all),
        Row::count("type names used for more than one thing", walls::NAMES, twice(&sources)),
        Row::count("citations that lead nowhere", walls::CITATIONS, citations::lost(root).map_err(says)?.1),
        Row::count("direct dependencies", walls::DEPENDENCIES, dependencies(root).map_err(says)?),
        pinned(&stored::stored(root, &sources, &scope).map_err(says)?),
    ])
}

/// The table as people read it.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let line = |what: &str, now: &str, wall: &str| format!("{what:<42}{now:>22}{wall:>8}\n");
    let lines = rows.iter().map(|row| {
        let mark = if row.holds { "" } else { "   BROKEN" };
        format!("{}{mark}\n", line(row.what, &row.now, &row.wall.to_string()).trim_end())
    });
    std::iter::once(line("", "now", "wall")).chain(lines).collect()
}

/// The middle, the ninth of ten, and the longest.
fn lengths(mut lengths: Vec<usize>) -> String {
    lengths.sort_unstable();
    let at = |tenths: usize| lengths.get(lengths.len().saturating_sub(1) * tenths / 10).copied().unwrap_or(0);
    format!("{} / {} / {}", at(5), at(9), at(10))
}

fn files(sources: &[Source]) -> Row {
    let long = sources.iter().filter(|source| source.lines > walls::FILE);
    let which: Vec<String> = long.map(|source| format!("{} {}", source.lines, source.path.display())).collect();
    let now = lengths(sources.iter().map(|source| source.lines).collect());
    Row { what: "lines of a file: median / p90 / longest", now, wall: walls::FILE, holds: which.is_empty(), which }
}

fn functions(sources: &[Source]) -> Row {
    let mut found = functions::functions(sources);
    found.retain(|function| {
        !walls::CATALOGUES.iter().any(|(file, name)| function.place.starts_with(file) && function.name == *name)
    });
    let long = found.iter().filter(|function| function.lines > walls::FUNCTION);
    let which: Vec<String> = long.map(|long| format!("{} {} {}", long.lines, long.name, long.place)).collect();
    let now = lengths(found.iter().map(|function| function.lines).collect());
    Row { what: "lines of a function, the catalogue apart", now, wall: walls::FUNCTION, holds: which.is_empty(), which }
}

fn spread(sources: &[Source], methods: &Methods) -> Row {
    let mut spread: Vec<(usize, &str, Vec<String>)> = Vec::new();
    for (place, homes) in &methods.homes {
        let Place::Thing(_, name) = place else { continue };
        let mut files = homes.clone();
        files.dedup();
        let paths = files.iter().filter_map(|file| Some(sources.get(*file)?.path.display().to_string())).collect();
        spread.push((files.len(), name, paths));
    }
    spread.sort();
    let (count, name, which) = spread.pop().unwrap_or_default();
    let now = format!("{count} ({name})");
    Row { what: "files over which one type is spread", now, wall: walls::SPREAD, holds: count <= walls::SPREAD, which }
}

fn circled(what: &'static str, wall: usize, sources: &[Source], arrows: &Arrows) -> Row {
    let named = |circle: Vec<usize>| {
        let paths = circle.iter().filter_map(|file| sources.get(*file));
        format!(
            "{}: {}",
            circle.len(),
            paths.map(|source| source.path.display().to_string()).collect::<Vec<_>>().join(" ")
        )
    };
    let circles: Vec<String> = circles::circles(arrows).into_iter().map(named).collect();
    Row::count(what, wall, circles)
}

fn twice(sources: &[Source]) -> Vec<String> {
    let mut where_used: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.path.starts_with("src/sandbox")) {
        for name in scope::types(source) {
            where_used.entry(name).or_default().push(source.path.display().to_string());
        }
    }
    let twice = where_used.into_iter().filter(|(_, files)| files.len() > 1);
    twice.map(|(name, files)| format!("{name}: {}", files.join(" "))).collect()
}

/// The names below `[dependencies]`, however they are grouped there.
fn dependencies(root: &Path) -> std::io::Result<Vec<String>> {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml"))?;
    let behind = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let section = behind.lines().take_while(|line| !line.starts_with('['));
    let names = section.filter(|line| !line.starts_with(['#', ' '])).filter_map(|line| line.split_once(" = "));
    Ok(names.map(|(name, _)| name.to_owned()).collect())
}

fn pinned(stored: &[(String, bool)]) -> Row {
    let which: Vec<String> = stored.iter().filter(|(_, is)| !is).map(|(name, _)| name.clone()).collect();
    let now = format!("{} of {}", which.len(), stored.len());
    Row {
        what: "stored types without pinned bytes",
        now,
        wall: walls::UNPINNED,
        holds: walls::UNPINNED.checked_sub(which.len()).is_some(),
        which,
    }
}
