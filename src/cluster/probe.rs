//! Asks a Postgres socket whether it takes connections. Knows the first two messages of the protocol; does not
//! know SQL.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const PROTOCOL: u32 = 196_608;
const PATIENCE: Duration = Duration::from_secs(2);
/// SQLSTATE `cannot_connect_now`: starting, recovering or shutting down.
const NOT_NOW: &[u8] = b"C57P03";
/// SQLSTATE of a role that does not exist or may not log in.
const NO_ROLE: &[u8] = b"C28000";
/// SQLSTATE of a database that does not exist.
const NO_DATABASE: &[u8] = b"C3D000";

/// What the socket said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It takes connections, of this role to this database.
    Ready,
    /// It takes connections, but role or database are still to be made.
    NotSetUp,
    /// A server is there and starting, recovering, stopping or too busy to say.
    Busy,
    /// Nobody listens.
    Silent,
}

/// Who asks, for which database.
#[derive(Debug, Clone, Copy)]
pub(super) enum As {
    /// The superuser, which is there from the beginning.
    Superuser,
    /// The running role, which is there when everything is set up.
    App,
}

/// Connects, says who is there, and reads the first word of the answer.
pub(super) fn ask(socket: &Path, who: As) -> Answer {
    match converse(socket, who) {
        Ok(answer) => answer,
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => Answer::Silent,
            _ => Answer::Busy,
        },
    }
}

fn converse(socket: &Path, who: As) -> std::io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&hello(who))?;
    let mut kind = [0_u8; 1];
    stream.read_exact(&mut kind)?;
    match &kind {
        b"R" => {
            // Terminate: the politeness keeps the server's log clean. It may be gone already; no matter.
            stream.write_all(&[b'X', 0, 0, 0, 4]).ok();
            Ok(Answer::Ready)
        }
        b"E" => {
            let mut fields = Vec::new();
            stream.take(4096).read_to_end(&mut fields)?;
            Ok(refusal(fields.get(4..).unwrap_or_default()))
        }
        _ => Ok(Answer::Busy),
    }
}

/// What an error message with these fields (zero-terminated, one letter of type each) means.
fn refusal(fields: &[u8]) -> Answer {
    let said = |code: &[u8]| fields.split(|byte| *byte == 0).any(|field| field == code);
    if said(NOT_NOW) {
        Answer::Busy
    } else if said(NO_ROLE) || said(NO_DATABASE) {
        Answer::NotSetUp
    } else {
        // Too many connections, for one: it takes them.
        Answer::Ready
    }
}

fn hello(who: As) -> Vec<u8> {
    let body: &[u8] = match who {
        As::Superuser => b"user\0postgres\0database\0postgres\0\0",
        As::App => b"user\0usher_app\0database\0usher\0\0",
    };
    let length = u32::try_from(body.len().saturating_add(8)).unwrap_or_default();
    [length.to_be_bytes().as_slice(), PROTOCOL.to_be_bytes().as_slice(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::super::tests::eventually;
    use super::*;

    #[test]
    fn refusals_are_told_apart_by_their_sqlstate() {
        assert_eq!(refusal(b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"), Answer::Busy);
        assert_eq!(refusal(b"SFATAL\0C28000\0Mrole \"usher_app\" does not exist\0\0"), Answer::NotSetUp);
        assert_eq!(refusal(b"SFATAL\0C3D000\0Mdatabase \"usher\" does not exist\0\0"), Answer::NotSetUp);
        assert_eq!(refusal(b"SFATAL\0C53300\0Msorry, too many clients already\0\0"), Answer::Ready);
    }

    #[test]
    fn a_socket_without_listener_is_silent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        assert_eq!(ask(&path, As::App), Answer::Silent);

        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());

        // A child that another test starts at this moment holds the listener until it is another program.
        eventually("nobody listens", || ask(&path, As::App) == Answer::Silent);
    }
}
