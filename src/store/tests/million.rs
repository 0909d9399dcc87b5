//! A state with a million events, for measuring how long it takes to open: made through the store, without a bank.
//! `KASPID_MILLION=DIR cargo test --release --lib a_million_events -- --ignored`

use std::path::PathBuf;

use super::day::{Step, day, write};
use crate::seal::Seals;
use crate::store::{Change, Store};

/// Steps written by one job: as fast as the disk, not as slow as the bank.
const TOGETHER: usize = 5_000;

#[tokio::test]
#[allow(clippy::print_stdout, reason = "a measurement says what it measured")]
#[ignore = "makes a state of several hundred megabytes for a measurement; see the crash tests"]
async fn a_million_events() {
    let dir = PathBuf::from(std::env::var("KASPID_MILLION").unwrap());
    let events = std::env::var("KASPID_EVENTS").map_or(1_000_000, |text| text.parse().unwrap());
    let store = Store::open(&dir, &Seals::default()).unwrap();
    write(&store, &Step::Enrol, &[]).await.unwrap();
    // Without the enrolment, which is there.
    let steps = day(u64::try_from(events).unwrap() / 3).split_off(1);
    let mut begun = std::collections::HashMap::new();
    let mut number = 1;
    for (chunk, steps) in steps.chunks(TOGETHER).enumerate() {
        let steps = steps.to_vec();
        let known = std::mem::take(&mut begun);
        let job = move |writing: &mut crate::store::Writing<'_>| {
            let mut begun: std::collections::HashMap<usize, u64> = known;
            for (offset, step) in steps.into_iter().enumerate() {
                let index = 1 + chunk * TOGETHER + offset;
                match step {
                    Step::Enrol => {}
                    Step::Write(change) => {
                        begun.insert(index, writing.append(None, change)?);
                    }
                    Step::End(step, outcome) => {
                        let intent = begun.remove(&step).unwrap();
                        writing.append(None, Change::Ended { intent, outcome })?;
                    }
                }
            }
            Ok((begun, writing.head().0))
        };
        (begun, number) = store.write(job).await.unwrap();
        begun.retain(|step, _| *step + 8 > (chunk + 1) * TOGETHER);
    }
    store.close();
    println!("{number} events, {} bytes", dir.join("kaspid.redb").metadata().unwrap().len());
}
