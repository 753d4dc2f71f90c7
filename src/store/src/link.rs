//! A connection with a transaction on it, and what waits to be sent over it. Knows flights; does not know tables.
//!
//! Each answer that is waited for costs a round trip, so a statement whose answer nobody needs yet only *waits*: it goes
//! out with the next one that is needed, in one flight, and with the last of them goes COMMIT. The opening of the
//! transaction waits like that too. The first error of a flight is the error of whatever asked for the flight.
//!
//! A flight keeps its order only where the connection has prepared each of its statements: preparing one takes a trip of
//! its own, and by then those behind it would be out. So a flight with a statement that is new to the connection goes
//! one step at a time. What goes at once goes in one poll, which no scheduler's budget may cut short.

use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join, join_all};
use tokio::runtime::Handle;
use tokio::task::unconstrained;

use crate::connector::{Pool, Pooled, Prepared};
use crate::credentials;
use crate::error::StoreError;
use crate::scope::Scope;
use crate::statement::{Statement, statement};
use crate::workers::Passage;

/// What goes out in a flight, and the answer to it.
trait Ask: Sync {
    type Answer: Send;

    /// The statements in it that a connection prepares; none if one of them is not to be kept.
    fn prepares(&self) -> Option<Vec<&Cow<'static, str>>>;

    /// Sends it, all in one go or one step at a time.
    fn send<'a>(&'a self, conn: &'a AsyncPgConnection, at_once: bool) -> Sent<'a, Self::Answer>;
}

type Sent<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A statement of which only an error matters.
struct Done(Statement<'static>);

impl Done {
    fn ending(text: &'static str) -> Self {
        Self(statement(text))
    }
}

impl Ask for Done {
    type Answer = ();

    fn prepares(&self) -> Option<Vec<&Cow<'static, str>>> {
        self.0.is_kept().then(|| vec![self.0.text()])
    }

    fn send<'a>(&'a self, mut conn: &'a AsyncPgConnection, _: bool) -> Sent<'a, ()> {
        async move {
            let statement = &self.0;
            statement.execute(&mut conn).await?;
            Ok(())
        }
        .boxed()
    }
}

/// Nothing more.
impl Ask for () {
    type Answer = ();

    fn prepares(&self) -> Option<Vec<&Cow<'static, str>>> {
        Some(Vec::new())
    }

    fn send<'a>(&'a self, _: &'a AsyncPgConnection, _: bool) -> Sent<'a, ()> {
        std::future::ready(Ok(())).boxed()
    }
}

/// A statement whose rows are wanted.
struct Rows<'s, R>(&'s Statement<'static>, PhantomData<fn() -> R>);

impl<R: QueryableByName<Pg> + Send + 'static> Ask for Rows<'_, R> {
    type Answer = Vec<R>;

    fn prepares(&self) -> Option<Vec<&Cow<'static, str>>> {
        self.0.is_kept().then(|| vec![self.0.text()])
    }

    fn send<'a>(&'a self, mut conn: &'a AsyncPgConnection, _: bool) -> Sent<'a, Vec<R>> {
        async move { Ok(self.0.load::<R>(&mut conn).await?) }.boxed()
    }
}

/// One thing and then another.
impl<A: Ask, B: Ask> Ask for (A, B) {
    type Answer = (A::Answer, B::Answer);

    fn prepares(&self) -> Option<Vec<&Cow<'static, str>>> {
        Some([self.0.prepares()?, self.1.prepares()?].concat())
    }

    fn send<'a>(&'a self, conn: &'a AsyncPgConnection, at_once: bool) -> Sent<'a, Self::Answer> {
        let (one, other) = (self.0.send(conn, at_once), self.1.send(conn, at_once));
        async move {
            if at_once {
                let (one, other) = join(one, other).await;
                Ok((one?, other?))
            } else {
                Ok((one.await?, other.await?))
            }
        }
        .boxed()
    }
}

/// What waits for the next flight.
enum Waiting {
    /// Text without parameters.
    Text(String),
    /// The question whether the credential that a scope stands on is still good.
    Credential(Statement<'static>),
    Statement(Done),
}

/// All that waits, in its order.
impl Ask for Vec<Waiting> {
    type Answer = ();

    fn prepares(&self) -> Option<Vec<&Cow<'static, str>>> {
        let mut all = Vec::new();
        for waiting in self {
            match waiting {
                Waiting::Text(_) => {}
                Waiting::Credential(statement) => all.push(statement.text()),
                Waiting::Statement(done) => all.extend(done.prepares()?),
            }
        }
        Some(all)
    }

    fn send<'a>(&'a self, conn: &'a AsyncPgConnection, at_once: bool) -> Sent<'a, ()> {
        let each = self.iter().map(move |waiting| waiting.send(conn));
        async move {
            if at_once {
                join_all(each).await.into_iter().collect()
            } else {
                for one in each {
                    one.await?;
                }
                Ok(())
            }
        }
        .boxed()
    }
}

impl Waiting {
    fn send<'a>(&'a self, mut conn: &'a AsyncPgConnection) -> Sent<'a, ()> {
        match self {
            Self::Text(text) => async move { Ok(conn.batch_execute(text).await?) }.boxed(),
            Self::Credential(statement) => async move {
                let good = credentials::is_good(statement, conn).await?;
                if good { Ok(()) } else { Err(StoreError::Revoked) }
            }
            .boxed(),
            Self::Statement(done) => done.send(conn, true),
        }
    }
}

/// How far a transaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has been sent.
    Unsent,
    /// The first flight is out.
    Sent,
    /// The first flight was answered.
    Begun,
}

/// A pooled connection with a transaction on it.
pub(crate) struct Link {
    pool: Pool,
    connection: Option<Pooled>,
    waiting: Vec<Waiting>,
    stage: Stage,
    runtime: Handle,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl Link {
    /// Takes a connection. The opening, and the question whether the credential that `scope` stands on is good, go out
    /// with the first statement.
    pub(crate) async fn open(
        pool: Pool,
        runtime: Handle,
        opening: Vec<Statement<'static>>,
        scope: Option<&Scope>,
    ) -> Result<Self, StoreError> {
        let connection = Some(take(&pool).await?);
        let waiting = beginning(opening, scope);
        Ok(Self { pool, connection, waiting, stage: Stage::Unsent, runtime })
    }

    /// Sends a statement of which only an error matters: with whatever is asked next.
    pub(crate) fn later(&mut self, statement: Statement<'static>) {
        self.waiting.push(Waiting::Statement(Done(statement)));
    }

    /// Sends text without parameters, with whatever is asked next.
    pub(crate) fn later_text(&mut self, text: String) {
        self.waiting.push(Waiting::Text(text));
    }

    /// The rows of one statement.
    pub(crate) async fn load<R>(&mut self, statement: Statement<'static>) -> Result<Vec<R>, StoreError>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        self.flight(&Rows(&statement, PhantomData)).await
    }

    /// The rows of two statements, of which the second runs when the first has.
    pub(crate) async fn load_both<A, B>(
        &mut self,
        one: Statement<'static>,
        other: Statement<'static>,
    ) -> Result<(Vec<A>, Vec<B>), StoreError>
    where
        A: QueryableByName<Pg> + Send + 'static,
        B: QueryableByName<Pg> + Send + 'static,
    {
        self.flight(&(Rows(&one, PhantomData), Rows(&other, PhantomData))).await
    }

    /// The rows of one statement, which is the last but the ending.
    pub(crate) async fn load_and_close<R>(
        mut self,
        statement: Statement<'static>,
        ending: &'static str,
    ) -> Result<Vec<R>, StoreError>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        let (rows, ()) = self.flight(&(Rows(&statement, PhantomData), Done::ending(ending))).await?;
        self.connection = None; // ended: back to the pool
        Ok(rows)
    }

    /// The connection, when all that waited has been sent.
    pub(crate) fn conn(&mut self) -> Sent<'_, &mut AsyncPgConnection> {
        async move {
            if !self.waiting.is_empty() {
                self.flight(&()).await?;
            }
            Ok(&mut self.prepared().conn)
        }
        .boxed()
    }

    /// Sends what waits and ends the transaction.
    pub(crate) async fn close(mut self, ending: &'static str) -> Result<(), StoreError> {
        self.flight(&Done::ending(ending)).await?;
        self.connection = None; // ended: back to the pool
        Ok(())
    }

    /// Ends a transaction that is to change nothing: what waits is not sent.
    pub(crate) async fn abandon(mut self) -> Result<(), StoreError> {
        self.waiting.clear();
        if self.stage == Stage::Unsent { Ok(()) } else { self.close("ROLLBACK").await }
    }

    /// The connection. It is there from `open` until `close` or the drop, which both consume the link.
    #[expect(clippy::expect_used, reason = "only the endings and drop take it, and they consume the link")]
    fn prepared(&mut self) -> &mut Prepared {
        self.connection.as_deref_mut().expect("the link is open")
    }

    /// Sends what waits and then `last`. A connection that broke while it lay in the pool (the server was restarted) is
    /// thrown away and the next one tried: nothing has been done on it yet.
    fn flight<'a, A: Ask>(&'a mut self, last: &'a A) -> Sent<'a, A::Answer> {
        async move {
            let waiting = std::mem::take(&mut self.waiting);
            let all = (waiting, last);
            let mut attempts = self.pool.status().max_size;
            loop {
                let begun = self.stage == Stage::Begun;
                if !begun {
                    self.stage = Stage::Sent;
                }
                match self.send(&all).await {
                    Ok(((), answer)) => {
                        self.stage = Stage::Begun;
                        return Ok(answer);
                    }
                    Err(StoreError::Unavailable(_)) if !begun && attempts > 0 => {
                        attempts -= 1;
                        drop(self.connection.take().map(Pooled::take));
                        self.stage = Stage::Unsent;
                        self.connection = Some(take(&self.pool).await?);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        .boxed()
    }

    async fn send<A: Ask>(&mut self, all: &A) -> Result<A::Answer, StoreError> {
        let Prepared { conn, seen } = self.prepared();
        let prepares = all.prepares();
        let at_once = prepares.as_ref().is_some_and(|texts| texts.iter().all(|text| seen.contains(*text)));
        let answer = unconstrained(all.send(conn, at_once)).await?;
        if !at_once {
            seen.extend(prepares.into_iter().flatten().cloned());
        }
        Ok(answer)
    }
}

impl<A: Ask> Ask for &A {
    type Answer = A::Answer;

    fn prepares(&self) -> Option<Vec<&Cow<'static, str>>> {
        (**self).prepares()
    }

    fn send<'a>(&'a self, conn: &'a AsyncPgConnection, at_once: bool) -> Sent<'a, A::Answer> {
        (**self).send(conn, at_once)
    }
}

/// The rows of one statement in a transaction of its own, on a connection where others are under way. All of it is sent
/// before the first answer is awaited, so that a caller who goes away leaves no transaction open behind them. None if
/// this flight may have been mixed up with another and found nothing for that.
pub(crate) async fn in_passing<R>(
    lane: &Passage,
    opening: Vec<Statement<'static>>,
    scope: Option<&Scope>,
    statement: &Statement<'static>,
) -> Result<Option<Vec<R>>, StoreError>
where
    R: QueryableByName<Pg> + Send + 'static,
{
    let whole = (beginning(opening, scope), (Rows(statement, PhantomData), Done::ending("COMMIT")));
    let texts = whole.prepares().unwrap_or_default();
    let preparing = lane.begin(&texts);
    let in_order = preparing.is_none() && lane.is_calm();
    match unconstrained(whole.send(lane.connection(), true)).await {
        Ok(((), (rows, ()))) => {
            if let Some(preparing) = preparing {
                preparing.done(&texts);
            }
            Ok((in_order || !rows.is_empty()).then_some(rows))
        }
        Err(StoreError::Revoked) if !in_order => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a transaction begins with: its opening, and the question whether the credential that `scope` stands on is good.
fn beginning(opening: Vec<Statement<'static>>, scope: Option<&Scope>) -> Vec<Waiting> {
    let mut waiting: Vec<_> = opening.into_iter().map(|each| Waiting::Statement(Done(each))).collect();
    waiting.extend(scope.and_then(credentials::still_good).map(Waiting::Credential));
    waiting
}

async fn take(pool: &Pool) -> Result<Pooled, StoreError> {
    pool.get().await.map_err(|error| StoreError::Unavailable(error.to_string()))
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if self.stage == Stage::Unsent {
            return;
        }
        self.runtime.spawn(async move {
            // Whatever was under way is answered before this is, because the protocol keeps its order.
            if connection.conn.batch_execute("ROLLBACK").await.is_err() {
                let _ = Pooled::take(connection);
            }
        });
    }
}
