//! What reading a document costs. Knows the processor time of a thread and the memory of a process; does not know XML.

use std::io::{BufRead as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::time::{ClockId, clock_gettime};

use crate::base::{Attack, Base, Profile};

/// 50 ms. Without optimisation our own part takes some four times as long.
const MOST_TIME: Duration = Duration::from_millis(if cfg!(debug_assertions) { 200 } else { 50 });
/// In kilobytes: 20 MB.
const MOST_MEMORY: u64 = 20_000;

/// Documents that took too long, and the slowest of the others.
#[derive(Default)]
pub(crate) struct Slowest {
    taken: Duration,
    name: String,
    too_slow: Vec<String>,
}

impl Slowest {
    /// Runs it; once more, up to four times, if it took long: what the machine did meanwhile is not the document's.
    pub(crate) fn of<T>(&mut self, name: &str, run: impl Fn() -> T) -> T {
        let (result, mut taken) = timed(&run);
        for _ in 0..4 {
            if taken > MOST_TIME {
                taken = taken.min(timed(&run).1);
            }
        }
        if taken > MOST_TIME {
            self.too_slow.push(format!("{name}: {taken:?}"));
        } else if taken > self.taken {
            (self.taken, self.name) = (taken, name.to_owned());
        }
        result
    }

    pub(crate) fn assert_bound(&self) {
        println!("the slowest: {} in {:?}", self.name, self.taken);
        assert!(self.too_slow.is_empty(), "{}", self.too_slow.join("\n"));
    }
}

fn timed<T>(run: impl Fn() -> T) -> (T, Duration) {
    let before = thread_time();
    let result = run();
    (result, thread_time().saturating_sub(before))
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

/// Reads them in a process that does nothing else, and asks the kernel for the most that was ever resident there: libxml2
/// and OpenSSL do not ask Rust for their memory. What it is before the first of them, an honest one has told.
pub(crate) fn assert_memory(attacks: impl Iterator<Item = Attack>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "documents_are_read_one_by_one", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut documents = child.stdin.take().unwrap();
    writeln!(documents, "{}", STANDARD.encode(Base::new(Profile::PLAIN).document)).unwrap();
    for attack in attacks {
        writeln!(documents, "{}", STANDARD.encode(attack.message)).unwrap();
    }
    drop(documents);
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let said =
        |what: &str| output.lines().find_map(|line| line.strip_prefix(what)).unwrap().parse::<u64>().unwrap();
    let grown = said("after: ") - said("before: ");

    println!("all of them took {grown} kB");
    assert!(said("read: ") > 100);
    assert!(grown <= MOST_MEMORY, "{grown} kB");
}

/// The other side: reads each line of standard input, and says what it took.
pub(crate) fn report_memory(read: impl Fn(&str)) {
    let (mut count, mut line) = (0, String::new());
    let mut lines = std::io::stdin().lock();
    while lines.read_line(&mut line).unwrap() > 0 {
        read(line.trim_end());
        line.clear();
        if count == 0 {
            println!("\nbefore: {}", most_resident());
        }
        count += 1;
    }
    println!("after: {}\nread: {count}", most_resident());
}

fn most_resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
