//! The program and its process, under the names every exporter uses for them.

use crate::metrics::{Page, Type};
use crate::moment::Moment;

pub(super) fn write(page: &mut Page, started: Moment) {
    page.family("kaspid_build_info", Type::Gauge, "The running program.")
        .sample(&[("version", &env!("CARGO_PKG_VERSION"))], 1_u64);
    page.gauge("process_start_time_seconds", "When the daemon started, in seconds since 1970.", started);
    if let Some(bytes) = resident() {
        page.gauge("process_resident_memory_bytes", "Memory in RAM.", bytes);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        // One is the reading itself.
        let count = open.count().saturating_sub(1);
        page.gauge("process_open_fds", "Open file descriptors.", count);
    }
}

/// proc(5): `VmRSS:      5120 kB`.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1024)
}
