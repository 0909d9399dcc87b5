//! Groups of processes with their own share of a processor and of memory, as a unit of systemd has them: made and removed by
//! the bench, below its own group, so that what bounds the bench bounds them.

use std::fs::{create_dir, read_to_string, remove_dir, write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the kernel is told of a group.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// Its part beside its siblings; the usual is 100.
    Weight(u64),
    /// Of one processor, in hundredths.
    Processor(u64),
    /// In MiB, without swap.
    Memory(u64),
}

impl Bound {
    fn controller(self) -> &'static str {
        match self {
            Self::Weight(_) | Self::Processor(_) => "cpu",
            Self::Memory(_) => "memory",
        }
    }

    /// The files to write, in version 2 or 1; those that need not be there end with `?`.
    fn files(self, is_v2: bool) -> Vec<(&'static str, String)> {
        let mib = |mib: u64| (mib << 20).to_string();
        match (self, is_v2) {
            (Self::Weight(weight), true) => vec![("cpu.weight", weight.to_string())],
            (Self::Weight(weight), false) => vec![("cpu.shares", (weight * 1024 / 100).to_string())],
            (Self::Processor(share), true) => vec![("cpu.max", format!("{} 100000", share * 1000))],
            (Self::Processor(share), false) => {
                vec![("cpu.cfs_period_us", "100000".to_owned()), ("cpu.cfs_quota_us", (share * 1000).to_string())]
            }
            (Self::Memory(most), true) => vec![("memory.max", mib(most)), ("memory.swap.max?", "0".to_owned())],
            (Self::Memory(most), false) => {
                vec![("memory.limit_in_bytes", mib(most)), ("memory.memsw.limit_in_bytes?", mib(most))]
            }
        }
    }
}

/// A group; removed when dropped, behind its processes.
pub(crate) struct Group {
    /// One in version 2, one for each controller in version 1.
    folders: Vec<PathBuf>,
}

impl Group {
    /// Why not, where this machine lets none be made.
    pub(crate) fn new(name: &str, bounds: &[Bound]) -> Result<Self, String> {
        Self::below(None, name, bounds)
    }

    /// The same inside of another one. In version 2 that one hands its controllers on, and holds no process itself.
    pub(crate) fn inside(&self, name: &str, bounds: &[Bound]) -> Result<Self, String> {
        Self::below(Some(self), name, bounds)
    }

    fn below(outer: Option<&Self>, name: &str, bounds: &[Bound]) -> Result<Self, String> {
        let mut group = Self { folders: Vec::new() };
        for bound in bounds {
            let (home, is_v2) = match outer {
                Some(outer) => outer.home(bound.controller())?,
                None => home_of(bound.controller())?,
            };
            let folder = home.join(format!("kaspid-bench-{}-{name}", std::process::id()));
            if !group.folders.contains(&folder) {
                create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
                group.folders.push(folder.clone());
            }
            for (file, value) in bound.files(is_v2) {
                let path = folder.join(file.trim_end_matches('?'));
                match write(&path, value) {
                    Err(error) if !file.ends_with('?') => return Err(format!("{}: {error}", path.display())),
                    Ok(()) | Err(_) => {}
                }
            }
        }
        Ok(group)
    }

    fn home(&self, controller: &str) -> Result<(PathBuf, bool), String> {
        let is_v2 = |folder: &Path| folder.join("cgroup.subtree_control").exists();
        let has = |folder: &&PathBuf| is_v2(folder) || folder.join("cpu.shares").exists() == (controller == "cpu");
        let folder =
            self.folders.iter().find(has).ok_or_else(|| format!("no group with {controller} to be inside of"))?;
        if is_v2(folder) {
            let path = folder.join("cgroup.subtree_control");
            write(&path, format!("+{controller}")).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok((folder.clone(), is_v2(folder)))
    }

    /// For a shell that puts itself there and becomes what the words behind it say.
    pub(crate) fn words(&self) -> Vec<String> {
        let enter: Vec<String> = (1..=self.folders.len()).map(|n| format!("echo $$ > \"${n}/cgroup.procs\"")).collect();
        let script = format!("{} && shift {} && exec \"$@\"", enter.join(" && "), self.folders.len());
        let folders = self.folders.iter().map(|folder| folder.display().to_string());
        ["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()].into_iter().chain(folders).collect()
    }

    /// A number that the kernel keeps of it, under its name in version 2 or 1: a whole file, or a line of `FILE:LINE`.
    pub(crate) fn number(&self, names: [&str; 2]) -> Option<u64> {
        let read = |folder: &PathBuf, name: &str| {
            let (file, line) = name.split_once(':').unwrap_or((name, ""));
            let text = read_to_string(folder.join(file)).ok()?;
            text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok())
        };
        names.iter().find_map(|name| self.folders.iter().find_map(|folder| read(folder, name)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that was waited for leaves its group a moment later.
        for folder in &self.folders {
            let gone = (0..100).any(|_| {
                let gone = remove_dir(folder).is_ok();
                if !gone {
                    std::thread::sleep(Duration::from_millis(10));
                }
                gone
            });
            if !gone {
                eprintln!("{} is left: rmdir it", folder.display());
            }
        }
    }
}

/// Where a group with this controller can be made, and whether that is of version 2.
fn home_of(controller: &str) -> Result<(PathBuf, bool), String> {
    let own = read_to_string("/proc/self/cgroup").map_err(|error| format!("/proc/self/cgroup: {error}"))?;
    let mounts = read_to_string("/proc/self/mounts").map_err(|error| format!("/proc/self/mounts: {error}"))?;
    let path_of = |fits: &dyn Fn(&str) -> bool| {
        own.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            fits(controllers).then(|| path.trim_start_matches('/').to_owned())
        })
    };
    let mount_of = |fits: &dyn Fn(&str, &str) -> bool| {
        mounts.lines().find_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            let (at, kind, options) = (words.next()?, words.next()?, words.next()?);
            fits(kind, options).then(|| PathBuf::from(at))
        })
    };
    let has = |list: &str| list.split(',').any(|word| word == controller);
    if let (Some(at), Some(path)) = (mount_of(&|kind, options| kind == "cgroup" && has(options)), path_of(&has)) {
        return Ok((at.join(path), false));
    }
    let unified = mount_of(&|kind, _| kind == "cgroup2").zip(path_of(&str::is_empty));
    let (at, path) = unified.ok_or("no cgroups are mounted here")?;
    // A group that holds processes cannot hand controllers on: the nearest above that does.
    let hands_on = |folder: &&Path| {
        read_to_string(folder.join("cgroup.subtree_control"))
            .is_ok_and(|text| text.split_whitespace().any(|word| word == controller))
    };
    let own = at.join(path);
    let found = own.ancestors().take_while(|folder| folder.starts_with(&at)).find(hands_on);
    found.map(|folder| (folder.to_owned(), true)).ok_or_else(|| format!("no group here hands {controller} on"))
}
