//! The table of the house (`cargo xtask house`): what is measured stays behind its wall.

use xtask::house::{measure, table};
use xtask::tree::root;

/// Promise: lengths, circles, names, citations, dependencies and pinned bytes are no worse than they were made.
#[test]
fn the_house_stays_behind_its_walls() {
    let rows = measure(&root()).unwrap();
    let broken: Vec<_> = rows.iter().filter(|row| !row.holds).map(|row| (row.what, &row.which)).collect();
    assert!(broken.is_empty(), "{}\n{broken:#?}", table(&rows));
}
