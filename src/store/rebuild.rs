//! Whether the projections are what the log makes of them.

use super::scratch::Rebuild;
use super::{Refused, Store};
use crate::failure::Failure;
use crate::operation::Difference;

impl Store {
    /// Rebuilds every projection and names the first row of each that is not as stored. Blocks; one at a time.
    pub(crate) fn differences(&self) -> Result<Vec<Difference>, Failure> {
        let state = self.shared.place.as_ref().map(|place| place.file.as_path());
        let mut rebuild = Rebuild::begin(state).map_err(|error| Failure::from(&error))?;
        let store = self.clone();
        // In pages first, each with a read transaction of its own: the writer cannot reuse pages meanwhile.
        while !self.read(|reading| Ok(rebuild.page(reading)?))? {}
        self.read(|reading| {
            while !rebuild.page(reading)? {
                store.may_read_on()?;
            }
            rebuild.differences(reading, &|| store.may_read_on()).map_err(Refused::from)
        })
    }
}
