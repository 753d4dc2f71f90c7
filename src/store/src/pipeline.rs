//! A socket to Postgres on which a flight is answered as a whole. Knows the messages of the protocol; does not know
//! statements.
//!
//! The driver ends each statement by a Sync, and Postgres sends what it has at each Sync: a flight of five statements
//! wakes both ends five times. So where another statement leaves in the same write, the Sync before it is left out
//! here, and the `ReadyForQuery` that the driver waits for is put in where the statement's answer ends.
//!
//! After an error Postgres passes over everything up to the next Sync. What was passed over is answered here, as
//! Postgres answers in a transaction that failed. That COMMIT was among it does not matter to whoever asked: they are told
//! the error, and roll back.
//!
//! Source: the PostgreSQL documentation, "Message Flow" ("Extended Query", "Pipelining") and "Message Formats".

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const BIND: u8 = b'B';
const EXECUTE: u8 = b'E';
const SYNC: u8 = b'S';
const QUERY: u8 = b'Q';

const COMMAND_COMPLETE: u8 = b'C';
const EMPTY_QUERY: u8 = b'I';
const ERROR: u8 = b'E';
const READY: u8 = b'Z';

const SYNC_MESSAGE: &[u8] = b"S\0\0\0\x04";
const READY_IN_TRANSACTION: &[u8] = b"Z\0\0\0\x05T";
const READY_AFTER_ERROR: &[u8] = b"Z\0\0\0\x05E";
/// What Postgres says of a statement in a transaction that failed (SQLSTATE `in_failed_sql_transaction`).
const PASSED_OVER: &[u8] = b"E\0\0\0\x43SERROR\0VERROR\0C25P02\0Mcurrent transaction is aborted, not run\0\0";

/// How many bytes a connection keeps room for. More than that to be sent waits with the driver.
const KEPT: usize = 1 << 14;

/// Where a stream of messages stands: each is its kind, its length without the kind, and as much content.
#[derive(Debug, Clone, Copy)]
enum Place {
    Start,
    Length { kind: u8, bytes: u8, value: usize },
    Content { kind: u8, left: usize },
}

impl Place {
    /// The first message to a server has no kind.
    const STARTUP: Self = Self::Length { kind: 0, bytes: 0, value: 0 };

    /// The kind of the message that the stream is in.
    fn kind(self) -> Option<u8> {
        match self {
            Self::Start => None,
            Self::Length { kind, .. } | Self::Content { kind, .. } => Some(kind),
        }
    }

    /// Goes on to the end of the message, or of the bytes: how many belong to it.
    fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        while let Some((byte, rest)) = bytes.get(passed..).and_then(<[u8]>::split_first) {
            *self = match *self {
                Self::Start => Self::Length { kind: *byte, bytes: 0, value: 0 },
                Self::Length { kind, bytes, value } => {
                    let value = value << 8 | usize::from(*byte);
                    match (bytes, value.saturating_sub(4)) {
                        (0..3, _) => Self::Length { kind, bytes: bytes + 1, value },
                        (_, 0) => Self::Start,
                        (_, left) => Self::Content { kind, left },
                    }
                }
                Self::Content { kind, left } => {
                    let here = left.min(rest.len() + 1);
                    passed += here - 1;
                    if here == left { Self::Start } else { Self::Content { kind, left: left - here } }
                }
            };
            passed += 1;
            if matches!(self, Self::Start) {
                break;
            }
        }
        passed
    }
}

/// A piece of one message.
struct Piece<'a> {
    kind: u8,
    bytes: &'a [u8],
    begins: bool,
    ends: bool,
}

/// Cuts the next piece off.
fn cut<'a>(place: &mut Place, bytes: &mut &'a [u8]) -> Option<Piece<'a>> {
    let begins = matches!(place, Place::Start);
    let kind = place.kind().or(bytes.first().copied())?;
    let (piece, rest) = bytes.split_at_checked(place.pass(bytes))?;
    *bytes = rest;
    (!piece.is_empty()).then_some(Piece { kind, bytes: piece, begins, ends: matches!(place, Place::Start) })
}

/// Where the driver is to be told that the server is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ready {
    /// By us: the Sync was left out.
    Ours,
    /// By the server.
    Theirs,
}

/// What the driver has said since the last Sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Bound,
    Executed,
    Other,
}

/// What goes to the server.
struct Sending {
    place: Place,
    said: Said,
    /// A Sync that leaves only if no statement follows.
    held: bool,
    bytes: Vec<u8>,
    sent: usize,
}

impl Sending {
    fn push(&mut self, mut bytes: &[u8], ready: &mut VecDeque<Ready>) {
        while let Some(piece) = cut(&mut self.place, &mut bytes) {
            if piece.begins {
                if self.held && piece.kind == BIND {
                    self.held = false;
                    ready.push_back(Ready::Ours);
                }
                self.release(ready);
                self.said = match (self.said, piece.kind) {
                    (said, SYNC) => said,
                    (Said::Nothing, BIND) => Said::Bound,
                    (Said::Bound, EXECUTE) => Said::Executed,
                    _ => Said::Other,
                };
            }
            if piece.kind != SYNC {
                self.bytes.extend_from_slice(piece.bytes);
            }
            match piece.kind {
                SYNC if piece.ends => {
                    self.held = true;
                    if self.said != Said::Executed {
                        self.release(ready);
                    }
                    self.said = Said::Nothing;
                }
                QUERY if piece.ends => {
                    ready.push_back(Ready::Theirs);
                    self.said = Said::Nothing;
                }
                _ => {}
            }
        }
    }

    /// The Sync that was held leaves.
    fn release(&mut self, ready: &mut VecDeque<Ready>) {
        if std::mem::take(&mut self.held) {
            self.bytes.extend_from_slice(SYNC_MESSAGE);
            ready.push_back(Ready::Theirs);
        }
    }

    fn drain<S: AsyncWrite + Unpin>(&mut self, socket: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut *socket).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.sent += written,
            }
        }
        self.bytes.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

/// What comes from the server.
struct Hearing {
    place: Place,
    /// An error came where the Sync was left out: what follows, up to the next Sync, was passed over.
    passed_over: bool,
    /// What the driver has not read yet.
    bytes: VecDeque<u8>,
}

impl Hearing {
    /// How many of these bytes are for the driver as they are. The others, with what was put in, are kept here.
    fn take(&mut self, mut bytes: &[u8], ready: &mut VecDeque<Ready>) -> usize {
        let mut as_they_are = 0;
        while let Some(piece) = cut(&mut self.place, &mut bytes) {
            if piece.begins && piece.kind == READY {
                self.answer_for_the_passed_over(ready);
            }
            if self.bytes.is_empty() {
                as_they_are += piece.bytes.len();
            } else {
                self.bytes.extend(piece.bytes);
            }
            if !piece.ends {
                continue;
            }
            match piece.kind {
                READY => drop(ready.pop_front()),
                COMMAND_COMPLETE | EMPTY_QUERY if ready.front() == Some(&Ready::Ours) => {
                    ready.pop_front();
                    self.bytes.extend(READY_IN_TRANSACTION);
                }
                ERROR if ready.front() == Some(&Ready::Ours) => {
                    ready.pop_front();
                    self.bytes.extend(READY_AFTER_ERROR);
                    self.passed_over = true;
                }
                _ => {}
            }
        }
        as_they_are
    }

    fn answer_for_the_passed_over(&mut self, ready: &mut VecDeque<Ready>) {
        if !std::mem::take(&mut self.passed_over) {
            return;
        }
        while ready.front() == Some(&Ready::Ours) {
            ready.pop_front();
            self.bytes.extend(PASSED_OVER);
            self.bytes.extend(READY_AFTER_ERROR);
        }
        self.bytes.extend(PASSED_OVER); // the one whose Sync the server answers now
    }

    fn hand_over(&mut self, buf: &mut ReadBuf<'_>) {
        let (front, _) = self.bytes.as_slices();
        let count = front.len().min(buf.remaining());
        buf.put_slice(front.get(..count).unwrap_or_default());
        self.bytes.drain(..count);
        if self.bytes.is_empty() {
            self.bytes.shrink_to(KEPT);
        }
    }
}

/// A socket to Postgres, from the first byte on.
pub(crate) struct Pipeline<S> {
    socket: S,
    sending: Sending,
    hearing: Hearing,
    ready: VecDeque<Ready>,
}

impl<S> Pipeline<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self {
            socket,
            sending: Sending {
                place: Place::STARTUP,
                said: Said::Nothing,
                held: false,
                bytes: Vec::new(),
                sent: 0,
            },
            hearing: Hearing { place: Place::Start, passed_over: false, bytes: VecDeque::new() },
            ready: VecDeque::new(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Pipeline<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.hearing.bytes.is_empty() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
            let heard = buf.filled().get(before..).unwrap_or_default();
            let as_they_are = this.hearing.take(heard, &mut this.ready);
            buf.set_filled(before + as_they_are);
        }
        this.hearing.hand_over(buf);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Pipeline<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.sending.bytes.len() >= KEPT {
            ready!(this.sending.drain(&mut this.socket, cx))?;
        }
        let taken = buf.len().min(KEPT);
        this.sending.push(buf.get(..taken).unwrap_or_default(), &mut this.ready);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.sending.release(&mut this.ready);
        ready!(this.sending.drain(&mut this.socket, cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    /// What the driver may send.
    #[derive(Debug, Clone, Copy)]
    enum Request {
        /// Bind, Execute, Sync: so many bytes come of it, or an error.
        Run(Option<usize>),
        /// Parse, Describe, Sync.
        Prepare,
        /// Query.
        Text,
    }

    fn message(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len() + 4).unwrap();
        [&[kind], &length.to_be_bytes()[..], content].concat()
    }

    impl Request {
        fn messages(self) -> Vec<u8> {
            match self {
                Self::Run(size) => {
                    let size = size.map_or(u32::MAX, |size| u32::try_from(size).unwrap());
                    let execute = message(EXECUTE, &[0; 5]);
                    [message(BIND, &size.to_be_bytes()), execute, SYNC_MESSAGE.to_vec()].concat()
                }
                Self::Prepare => {
                    [message(b'P', b"SELECT\0"), message(b'D', b"S\0"), SYNC_MESSAGE.to_vec()].concat()
                }
                Self::Text => message(QUERY, b"ROLLBACK\0"),
            }
        }
    }

    async fn next(socket: &mut (impl AsyncRead + Unpin)) -> Option<(u8, Vec<u8>)> {
        let kind = socket.read_u8().await.ok()?;
        let length = usize::try_from(socket.read_u32().await.unwrap()).unwrap();
        let mut content = vec![0; length - 4];
        socket.read_exact(&mut content).await.unwrap();
        Some((kind, content))
    }

    /// A server that keeps to the rules: it answers where it is asked to, and passes over what follows an error.
    async fn serve(mut socket: DuplexStream) -> usize {
        let length = usize::try_from(socket.read_u32().await.unwrap()).unwrap();
        socket.read_exact(&mut vec![0; length - 4]).await.unwrap();
        socket.write_all(&[message(b'R', &[0; 4]), message(READY, b"I")].concat()).await.unwrap();
        let (mut answer, mut failed, mut syncs, mut size) = (Vec::new(), false, 0, 0);
        while let Some((kind, content)) = next(&mut socket).await {
            match kind {
                SYNC => {
                    syncs += 1;
                    answer.extend(message(READY, if failed { b"E" } else { b"T" }));
                    socket.write_all(&std::mem::take(&mut answer)).await.unwrap();
                    failed = false;
                }
                _ if failed => {}
                BIND => size = u32::from_be_bytes(content[..4].try_into().unwrap()),
                EXECUTE if size == u32::MAX => {
                    answer.extend(message(ERROR, b"SERROR\0C23505\0\0"));
                    failed = true;
                }
                EXECUTE => {
                    answer.extend(
                        [message(b'2', b""), message(b'D', &vec![READY; usize::try_from(size).unwrap()])]
                            .concat(),
                    );
                    answer.extend(message(COMMAND_COMPLETE, b"SELECT 1\0"));
                }
                b'P' => answer.extend([message(b'1', b""), message(b'N', b"a notice\0")].concat()),
                b'D' => answer.extend([message(b't', &[0; 2]), message(b'n', b"")].concat()),
                QUERY => {
                    answer.extend([message(COMMAND_COMPLETE, b"ROLLBACK\0"), message(READY, b"I")].concat());
                    socket.write_all(&std::mem::take(&mut answer)).await.unwrap();
                }
                other => panic!("{other}"),
            }
        }
        syncs
    }

    /// What the driver is to hear for each request of a flight, and how often the server is to be asked for answers.
    fn expected(flight: &[Request]) -> (Vec<String>, usize) {
        let (mut heard, mut syncs, mut failed) = (Vec::new(), 0, false);
        for (n, request) in flight.iter().enumerate() {
            let followed = matches!(flight.get(n + 1), Some(Request::Run(_)));
            let answer = match request {
                Request::Run(_) if failed => "E25P02 Z".to_owned(),
                Request::Run(None) => "E23505 Z".to_owned(),
                Request::Run(Some(size)) => format!("2 D{size} C Z"),
                Request::Prepare => "1 N t n Z".to_owned(),
                Request::Text => "C Z".to_owned(),
            };
            failed = matches!(request, Request::Run(_)) && answer.starts_with('E');
            match request {
                Request::Run(_) if followed => {}
                Request::Text => failed = false,
                _ => (syncs, failed) = (syncs + 1, false),
            }
            heard.push(answer);
        }
        (heard, syncs)
    }

    /// The next answer that the driver hears, up to the word that the server is ready.
    async fn answer(pipeline: &mut (impl AsyncRead + Unpin)) -> String {
        let mut heard = Vec::new();
        loop {
            let (kind, content) = next(pipeline).await.unwrap();
            let letter = char::from(kind);
            heard.push(match kind {
                b'D' => format!("D{}", content.len()),
                ERROR => {
                    let text = String::from_utf8_lossy(&content).into_owned();
                    format!("E{}", text.split('\0').find_map(|field| field.strip_prefix('C')).unwrap())
                }
                _ => letter.to_string(),
            });
            if kind == READY {
                return heard.join(" ");
            }
        }
    }

    fn request() -> impl Strategy<Value = Request> {
        prop_oneof![
            6 => (0..40_usize).prop_map(|size| Request::Run(Some(size))),
            1 => Just(Request::Run(Some(3 * KEPT))),
            2 => Just(Request::Run(None)),
            1 => Just(Request::Prepare),
            1 => Just(Request::Text),
        ]
    }

    proptest! {
        #[test]
        fn every_request_has_its_answer_and_a_flight_is_answered_at_once(
            flights in prop::collection::vec(prop::collection::vec(request(), 1..9), 1..6),
            room in 1..200_usize,
            piece in 1..60_usize,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                let (near, far) = duplex(room);
                let server = tokio::spawn(serve(far));
                let mut pipeline = Pipeline::new(near);
                pipeline.write_all(&message(0, b"\0\x03\0\0user\0usher\0\0")[1..]).await.unwrap();
                pipeline.flush().await.unwrap();
                assert_eq!(answer(&mut pipeline).await, "R Z");
                let mut syncs = 0;
                for flight in &flights {
                    let sent: Vec<u8> = flight.iter().flat_map(|request| request.messages()).collect();
                    let (heard, asked) = expected(flight);
                    let (mut reader, mut writer) = tokio::io::split(&mut pipeline);
                    let write = async {
                        for part in sent.chunks(piece) {
                            writer.write_all(part).await.unwrap();
                        }
                        writer.flush().await.unwrap();
                    };
                    let read = async {
                        for expected in heard {
                            assert_eq!(answer(&mut reader).await, expected);
                        }
                    };
                    futures_util::future::join(write, read).await;
                    syncs += asked;
                }
                assert!(pipeline.ready.is_empty());
                drop(pipeline);
                assert_eq!(server.await.unwrap(), syncs);
            });
        }
    }

    #[test]
    fn what_is_put_in_is_well_formed() {
        for bytes in [SYNC_MESSAGE, READY_IN_TRANSACTION, READY_AFTER_ERROR, PASSED_OVER] {
            let length = u32::from_be_bytes(bytes[1..5].try_into().unwrap());
            assert_eq!(usize::try_from(length).unwrap() + 1, bytes.len());
        }
    }
}
