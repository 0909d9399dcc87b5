//! The one number that says how a state file is laid out: its tables, what their keys and values are, and how the bytes
//! of a value are read. Every other number follows from it: a record of the log begins with the layout it was written
//! under, and the header of a backup repeats that of the file inside (data-file §7).

/// The layout that this program reads and writes.
pub(super) const LAYOUT: u8 = 5;
