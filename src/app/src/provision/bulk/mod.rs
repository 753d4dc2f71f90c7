//! A directory asks for many things at once (RFC 7644 §3.7). Knows in which order they are done and what becomes of each;
//! each is done by the use case that does it alone.
//!
//! | what | how |
//! |---|---|
//! | people created one after the other | up to `TOGETHER` in one transaction; where it is refused, each half in its own |
//! | resources that refer to each other | created without the references, which are added then; all of them or none |
//! | everything else | one operation, one transaction |

mod circle;
mod jobs;
mod journal;
mod perform;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use scim::ScimType;
use scim::bulk::{Ask, BulkRequest, Heading, Ids, Operation, Outcome, Step, response};
use scim::dialect::Dialect;
use scim::resource::Resource;
use serde_json::Value;
use store::DirectoryScope;

use super::types::TenantTypes;
use crate::App;
use crate::error::AppError;
pub(crate) use jobs::Jobs;
use journal::Journal;
use perform::Done;

/// The most people who are created in one transaction.
const TOGETHER: usize = 100;
/// No client waits longer than this and one operation; what is not begun by then is refused, to be sent again.
const PATIENCE: chrono::Duration = chrono::Duration::seconds(45);

/// How the door answers operations.
#[derive(Debug, Clone)]
pub struct BulkVoice {
    /// The base of all SCIM addresses, without a slash at the end.
    pub base: String,
    /// How a refusal is said.
    pub say: fn(AppError) -> scim::Error,
}

impl App {
    /// Does what a bulk request asks for, as far as it can be done, and says what came of each operation.
    pub async fn bulk(
        &self,
        directory: &DirectoryScope,
        request: BulkRequest,
        dialect: &Dialect,
        voice: &BulkVoice,
    ) -> Result<Value, AppError> {
        // Whether the credential is good is everybody's question; asked by the first operation, it would be its answer.
        self.db.read(directory.scope()).await?.finish().await?;
        let mut work = Work::new(self, directory, request, dialect, voice);
        work.until = self.now().checked_add_signed(PATIENCE);
        work.run().await;
        Ok(work.response())
    }
}

/// A bulk request on its way.
struct Work<'a> {
    app: &'a App,
    directory: &'a DirectoryScope,
    dialect: &'a Dialect,
    voice: &'a BulkVoice,
    fail_on_errors: Option<usize>,
    tasks: Vec<Task>,
    steps: Vec<Step>,
    /// What is known of the resources that are created.
    ids: Ids,
    /// People who are to be created together with the next.
    newcomers: Vec<(usize, Resource)>,
    /// What they were read by.
    types: Option<Arc<TenantTypes>>,
    errors: usize,
    until: Option<DateTime<Utc>>,
    /// Where it is done after its answer: what of it is kept.
    journal: Option<Journal>,
}

/// An operation, and its answer when there is one.
struct Task {
    heading: Heading,
    ask: Option<Result<Ask, scim::Error>>,
    /// The resource that it was about, if it was done before a process died.
    found: Option<String>,
    answer: Option<Value>,
}

impl From<Operation> for Task {
    fn from(operation: Operation) -> Self {
        Self { heading: operation.heading, ask: Some(operation.ask), found: None, answer: None }
    }
}

impl<'a> Work<'a> {
    fn new(
        app: &'a App,
        directory: &'a DirectoryScope,
        request: BulkRequest,
        dialect: &'a Dialect,
        voice: &'a BulkVoice,
    ) -> Self {
        Self {
            app,
            directory,
            dialect,
            voice,
            fail_on_errors: request.fail_on_errors,
            ids: Ids::of(&request),
            steps: request.steps(),
            tasks: request.operations.into_iter().map(Task::from).collect(),
            newcomers: Vec::new(),
            types: None,
            errors: 0,
            until: None,
            journal: None,
        }
    }

    async fn run(&mut self) {
        for step in std::mem::take(&mut self.steps) {
            self.keep_hold().await;
            if self.is_over() {
                break;
            }
            match step {
                Step::One(n) => self.one(n).await,
                Step::Circle(circle) => {
                    self.create_newcomers().await;
                    if !self.is_over() {
                        self.circle(&circle).await;
                    }
                }
            }
        }
        self.create_newcomers().await;
    }

    /// The answers to all operations that were processed.
    fn response(self) -> Value {
        let job = self.journal.as_ref().map(Journal::job);
        let answers = self.tasks.into_iter().zip(0_usize..).filter_map(|(task, n)| {
            let mut answer = task.answer?;
            // The name that RFC 9967 §2.5.1.2 gives to the result of each operation.
            if let (Some(job), Some(answer)) = (job, answer.as_object_mut()) {
                answer.insert("txn".to_owned(), format!("{job}:{n}").into());
            }
            Some(answer)
        });
        response(&answers.collect::<Vec<_>>())
    }

    /// RFC 7644 §3.7: "The "failOnErrors" attribute defines the number of errors that the service provider should accept
    /// before failing the remaining operations returning the response."
    fn is_over(&self) -> bool {
        self.is_lost() || self.fail_on_errors.is_some_and(|most| self.errors >= most)
    }

    fn take(&mut self, n: usize) -> Option<Result<Ask, scim::Error>> {
        self.tasks.get_mut(n)?.ask.take()
    }

    /// One operation, whose references are all known or wait to be created with `newcomers`.
    async fn one(&mut self, n: usize) {
        if let Some(id) = self.tasks.get(n).and_then(|task| task.found.clone()) {
            return self.answer_found(n, &id);
        }
        let Some(ask) = self.take(n) else { return };
        let ask = match ask {
            Ok(Ask::Create { endpoint, data }) if endpoint == perform::USERS => {
                if self.ids.is_pending(&data) {
                    self.create_newcomers().await;
                }
                match self.newcomer(data).await {
                    Ok(newcomer) => {
                        self.newcomers.push((n, newcomer));
                        if self.newcomers.len() >= TOGETHER {
                            self.create_newcomers().await;
                        }
                        return;
                    }
                    Err(error) => Err(error),
                }
            }
            other => other.map_err(AppError::from),
        };
        self.create_newcomers().await;
        if self.is_over() {
            return;
        }
        let done = match ask {
            Ok(ask) => self.attempt(n, ask).await,
            Err(error) => Err(error),
        };
        self.answer(n, done).await;
    }

    async fn attempt(&mut self, n: usize, ask: Ask) -> Result<Done, AppError> {
        loop {
            let done = self.perform(n, ask.clone()).await;
            match &done {
                Err(error) if self.may_try_again(error).await => {}
                _ => return done,
            }
        }
    }

    /// Those who are created together are read by the same types.
    async fn newcomer(&mut self, data: Value) -> Result<Resource, AppError> {
        let types = match self.types.take().filter(|_| !self.newcomers.is_empty()) {
            Some(types) => types,
            None => self.app.types(self.directory).await?,
        };
        let types = self.types.insert(types);
        let data = self.ids.resolve(data)?;
        Ok(Resource::for_create(types.types().user(), data, self.dialect)?)
    }

    /// Creates the people who wait for it. Those of a transaction that is refused are tried by halves, in their order, so
    /// that in the end each refusal is of one person.
    async fn create_newcomers(&mut self) {
        let Some(types) = self.types.take() else { return };
        let mut runs = vec![std::mem::take(&mut self.newcomers)];
        while let Some(run) = runs.pop() {
            self.keep_hold().await;
            if run.is_empty() || self.is_over() {
                continue;
            }
            let (places, people): (Vec<usize>, Vec<Resource>) = run.into_iter().unzip();
            let created = if self.is_late() {
                Err((late(), people))
            } else {
                let scope = self.scope(&places);
                self.app.create_people(&scope, &types, people, self.dialect).await
            };
            match created {
                Ok(views) => {
                    for (n, view) in places.into_iter().zip(views) {
                        self.answer(n, Ok(Done::person(&view))).await;
                    }
                }
                Err((error, people)) if people.len() > 1 && is_of_one(&error) => {
                    let mut first: Vec<_> = places.into_iter().zip(people).collect();
                    runs.push(first.split_off(first.len().div_ceil(2)));
                    runs.push(first);
                }
                Err((error, people)) => {
                    if self.may_try_again(&error).await {
                        runs.push(places.into_iter().zip(people).collect());
                        continue;
                    }
                    let mut refusal = (self.voice.say)(error);
                    if refusal.scim_type == Some(ScimType::Uniqueness)
                        && let ([n], [person]) = (places.as_slice(), people.as_slice())
                    {
                        let scope = self.scope(&places);
                        match self.app.take_up(&scope, &types, person.clone()).await {
                            Ok(Some(view)) => {
                                self.answer(*n, Ok(Done::person(&view))).await;
                                continue;
                            }
                            Ok(None) => {}
                            Err(error) => refusal = (self.voice.say)(error),
                        }
                    }
                    for n in places {
                        self.refuse(n, refusal.clone()).await;
                    }
                }
            }
        }
    }

    fn is_late(&self) -> bool {
        self.until.is_some_and(|until| self.app.now() >= until)
    }

    async fn answer(&mut self, n: usize, done: Result<Done, AppError>) {
        match done {
            Ok(done) => self.done(n, &done),
            Err(error) => self.refuse(n, (self.voice.say)(error)).await,
        }
    }

    fn done(&mut self, n: usize, done: &Done) {
        let Some(task) = self.tasks.get_mut(n) else { return };
        if let (Some("POST"), Some(bulk_id)) = (task.heading.method, &task.heading.bulk_id) {
            self.ids.created(bulk_id, done.id.clone());
        }
        let location = format!("{}/{}/{}", self.voice.base, done.endpoint, done.id);
        let outcome = Outcome::Done { status: done.status, version: done.version };
        task.answer = Some(task.heading.answer(Some(&location), &outcome));
    }

    async fn refuse(&mut self, n: usize, refusal: scim::Error) {
        self.note_refusal(n, &refusal).await;
        self.refused(n, refusal);
    }

    fn refused(&mut self, n: usize, refusal: scim::Error) {
        let Some(task) = self.tasks.get_mut(n) else { return };
        self.errors = self.errors.saturating_add(1);
        task.ask = None;
        if let (Some("POST"), Some(bulk_id)) = (task.heading.method, &task.heading.bulk_id) {
            self.ids.failed(bulk_id);
        }
        let location = task.heading.resource.as_ref().and_then(|place| {
            let id = self.ids.id(&place.id).ok()?;
            Some(format!("{}/{}/{id}", self.voice.base, place.endpoint))
        });
        task.answer = Some(task.heading.answer(location.as_deref(), &Outcome::Refused(refusal)));
    }
}

fn late() -> AppError {
    AppError::Unavailable("the time for a bulk request is over".to_owned())
}

/// Whether somebody alone may be the reason, so that others could be created.
fn is_of_one(error: &AppError) -> bool {
    !matches!(error, AppError::Unavailable(_) | AppError::Unauthorized | AppError::Internal(_))
}
