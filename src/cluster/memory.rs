//! How much memory there is. Knows where Linux says it; does not know what it is for.

use std::path::{Path, PathBuf};

/// Bytes that this process and its children may use: the machine's, or less where a control group allows less.
/// None where the kernel does not say.
pub(super) fn available() -> Option<u64> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let machine = of_machine(&read(Path::new("/proc/meminfo"))?)?;
    let groups = read(Path::new("/proc/self/cgroup")).map(|text| groups_of(&text)).unwrap_or_default();
    let limits = groups.iter().filter_map(|group| of_group(&read(&group.join("memory.max"))?));
    Some(limits.fold(machine, u64::min))
}

/// `MemTotal`, which is in KiB (`proc_meminfo(5)`).
fn of_machine(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The folders of a process' control group and of those above it, each of which may have a limit (`cgroups(7)`). In a
/// container the first is the root.
fn groups_of(cgroup: &str) -> Vec<PathBuf> {
    let Some(group) = cgroup.lines().find_map(|line| line.strip_prefix("0::/")) else { return Vec::new() };
    let root = Path::new("/sys/fs/cgroup");
    root.join(group).ancestors().take_while(|folder| folder.starts_with(root)).map(Path::to_owned).collect()
}

/// `memory.max`, in bytes; `max` is no limit.
fn of_group(limit: &str) -> Option<u64> {
    limit.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_memory_is_read_in_bytes() {
        assert_eq!(of_machine("MemTotal:       24550332 kB\nMemFree: 1 kB\n"), Some(24_550_332 * 1024));
        assert_eq!(of_machine("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn each_group_above_may_have_a_limit() {
        let folders =
            ["/sys/fs/cgroup/system.slice/usher.service", "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup"];
        assert_eq!(groups_of("1:name=old:/\n0::/system.slice/usher.service\n"), folders.map(PathBuf::from));
        assert_eq!(groups_of("0::/\n"), [PathBuf::from("/sys/fs/cgroup")]);
        assert_eq!((of_group("536870912\n"), of_group("max\n")), (Some(536_870_912), None));
    }

    #[test]
    fn this_machine_says_it() {
        let memory = available().unwrap();
        assert!(memory > 64 << 20, "{memory}");
    }
}
