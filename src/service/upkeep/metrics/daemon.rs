//! The daemon's own doings: the log, the disk, the door, the follower, the backups.

use std::sync::atomic::Ordering;

use super::super::backup::Backups;
use crate::metrics::{DoorMeters, Limit, Page, Type};
use crate::service::follow::Following;
use crate::store::Store;

pub(super) fn write_store(page: &mut Page, store: &Store) {
    let meters = store.meters();
    page.gauge("kaspid_log_head_sequence", "The number of the last durable event of the log.", store.head_seq());
    page.family(
        "kaspid_store_commit_duration_seconds",
        Type::Histogram,
        "How long durable commits took, their flush included.",
    )
    .histogram(&[], &meters.commits);
    let help = "Commits that did not become durable: the disk failed or is full.";
    page.counter("kaspid_store_write_failures_total", help, meters.failures.get());
    if let Ok(bytes) = store.size() {
        page.gauge("kaspid_store_bytes", "Size of the state file.", bytes);
    }
}

pub(super) fn write_follower(page: &mut Page, following: &Following) {
    let queue = following.queue.load(Ordering::Relaxed);
    page.gauge("kaspid_follow_queue", "Payments that the follower will look at again.", queue);
}

pub(super) fn write_backups(page: &mut Page, backups: &Backups) {
    let help = "1 while the daily backup cannot be made.";
    page.gauge("kaspid_backup_failing", help, backups.is_failing());
    if let Some(at) = backups.last_backup() {
        page.gauge("kaspid_backup_last_timestamp_seconds", "When the last daily backup was made.", at);
    }
}

pub(super) fn write_door(page: &mut Page, door: &DoorMeters) {
    page.gauge("kaspid_connections", "Connections that are open.", door.open());
    page.counter("kaspid_connections_total", "Connections that were let in.", door.accepted.get());
    let mut refused = page.family("kaspid_limit_refusals_total", Type::Counter, "What [limits] have refused.");
    for limit in Limit::ALL {
        refused.sample(&[("limit", &limit.word())], door.refused(limit).get());
    }
    let help = "Requests by route and HTTP status; 499 is a client that went away, none a path that does not exist.";
    let mut requests = page.family("kaspid_requests_total", Type::Counter, help);
    for ((encoding, method, route, status), count) in door.requests() {
        requests.sample(&[("encoding", &encoding), ("method", &method), ("route", &route), ("status", &status)], count);
    }
}
