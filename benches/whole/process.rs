//! What the kernel knows of a process.

use std::fs::read_to_string;
use std::process::Command;
use std::time::Duration;

/// This process, and all that it starts from now on, on the last processor.
pub(crate) fn on_one_processor() {
    let last = std::thread::available_parallelism().map_or(1, usize::from) - 1;
    let held = Command::new("taskset").args(["-cp", &last.to_string(), &std::process::id().to_string()]).output();
    if !held.is_ok_and(|output| output.status.success()) {
        eprintln!("taskset is not here: on all processors");
    }
}

/// A field of `/proc/PID/…` in KiB.
pub(crate) fn kib(pid: u32, file: &str, name: &str) -> u64 {
    let text = read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// What its threads have had of processors, to the nanosecond.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of_a_task = |task: std::fs::DirEntry| -> Option<u64> {
        read_to_string(task.path().join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
    };
    Duration::from_nanos(tasks.filter_map(of_a_task).sum())
}
