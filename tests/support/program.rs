//! Programs of others, run beside the tests. Knows how one is started, waited for and ended; does not know what any of them is.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a program may take to start, on a machine that does other things besides.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ends the program when its own input ends, and itself when the program does. A program in the background has no input.
const GUARDIAN: &str = r#"exec 3<&0
    "$@" 3<&- & program=$!
    trap 'kill "$program"' INT TERM HUP
    { read -r _ <&3; kill "$program"; } >/dev/null 2>&1 & reader=$!
    wait "$program"; status=$?
    kill "$reader"; exit "$status""#;

/// How one knows that a program can be asked.
#[derive(Debug, Clone, Copy)]
pub enum Up {
    /// It says `up` in a line of its own.
    Says,
    /// It listens at this port.
    Listens(u16),
}

/// A program that ends with this value, and with this process, however that ends: the pipe closes.
#[derive(Debug)]
pub struct Program {
    guardian: Child,
    said: File,
}

impl Program {
    /// Starts it and waits until it is up, and once more if it is not. It has a process group of its own: Apache ends all of its
    /// group.
    #[track_caller]
    pub fn start(command: &Command, up: Up) -> Self {
        let mut first = Self::spawn(command);
        if first.comes(up).is_ok() {
            return first;
        }
        let mut second = Self::spawn(command);
        if let Err(why) = second.comes(up) {
            panic!("{command:?} {why}: {}\n\nand before: {}", second.says(), first.says());
        }
        second
    }

    fn spawn(command: &Command) -> Self {
        let said = tempfile::tempfile().unwrap();
        let mut guarded = Command::new("sh");
        guarded
            .process_group(0)
            .args(["-c", GUARDIAN, "guardian"])
            .arg(command.get_program())
            .args(command.get_args())
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::piped())
            .stdout(said.try_clone().unwrap())
            .stderr(said.try_clone().unwrap());
        Self { guardian: guarded.spawn().unwrap(), said }
    }

    /// Waits until it is up, or else tells what came instead.
    fn comes(&mut self, up: Up) -> Result<(), String> {
        let since = Instant::now();
        while !self.is(up) {
            if let Some(status) = self.guardian.try_wait().unwrap() {
                return Err(format!("ended at once ({status})"));
            }
            if since.elapsed() > PATIENCE {
                return Err(format!("is not up after {PATIENCE:?}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn is(&self, up: Up) -> bool {
        match up {
            Up::Says => self.says().lines().any(|line| line == "up"),
            Up::Listens(port) => TcpStream::connect(("127.0.0.1", port)).is_ok(),
        }
    }

    /// Everything that it has written so far.
    fn says(&self) -> String {
        let mut all = vec![0; usize::try_from(self.said.metadata().unwrap().len()).unwrap()];
        self.said.read_exact_at(&mut all, 0).unwrap();
        String::from_utf8_lossy(&all).into_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
    }
}

/// A port below those that the system gives to anybody, and given once: nobody takes it before the program does.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = std::process::id() * 100 + GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + u16::try_from(next % 12_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Command, Duration, Instant, PATIENCE, Program, Up};

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    #[should_panic(expected = "no such door")]
    fn a_program_that_ends_before_it_is_up_is_not_waited_for() {
        Program::start(&shell("echo no such door >&2; exit 3"), Up::Says);
    }

    #[test]
    fn a_program_ends_with_what_stands_for_it() {
        let program = Program::start(&shell("echo $$; echo up; exec sleep 1000"), Up::Says);
        let process = format!("/proc/{}", program.says().lines().next().unwrap());
        assert!(Path::new(&process).exists());

        drop(program);

        let since = Instant::now();
        while Path::new(&process).exists() {
            assert!(since.elapsed() < PATIENCE, "{process}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
