//! Makes a new data directory. Knows `initdb`; does not know roles or running servers.

use std::fs::File;
use std::os::unix::fs::DirBuilderExt;

use super::binaries::Binaries;
use super::error::ClusterError;
use super::layout::{Layout, MARK, not_writable};
use super::run_as::{RunAs, run};

/// Who may connect: whoever may enter the socket's folder. There is no line for TCP.
const ACCESS: &str = "# Usher's private cluster: the socket's folder has mode 700, and TCP is off.\n\
                      local all all trust\n";

/// Makes the data directory whole or not at all: it is built beside its place and moved there when it is finished.
pub(super) fn initialise(layout: &Layout, binaries: &Binaries, run_as: &RunAs) -> Result<(), ClusterError> {
    let draft = &layout.draft;
    if draft.exists() {
        std::fs::remove_dir_all(draft).map_err(not_writable(draft))?;
    }
    std::fs::DirBuilder::new().mode(0o700).create(draft).map_err(not_writable(draft))?;
    run_as.own(draft)?;
    run_as.check_enterable(draft)?;
    tracing::info!(folder = %layout.data.display(), postgres = binaries.major(), "Making a private Postgres cluster");
    let mut initdb = run_as.command(&binaries.program("initdb"));
    initdb
        .arg("-D")
        .arg(draft)
        .args(["--username=postgres", "--encoding=UTF8", "--locale=C", "--data-checksums", "--auth=trust"])
        .arg("--no-instructions");
    run(initdb, "initdb")?;
    std::fs::write(draft.join("pg_hba.conf"), ACCESS).map_err(not_writable(draft))?;
    let mark = draft.join(MARK);
    std::fs::write(&mark, "").map_err(not_writable(&mark))?;
    run_as.own(&mark)?;
    std::fs::rename(draft, &layout.data).map_err(not_writable(&layout.data))?;
    File::open(&layout.root).and_then(|folder| folder.sync_all()).map_err(not_writable(&layout.root))
}
