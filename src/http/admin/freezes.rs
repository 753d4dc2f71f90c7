//! `/tenants/{tenant}/freezes`: several people frozen at once, named one by one or by a sheet. Knows what stands in a sheet; does not know
//! what freezing is.

use actix_web::web::Data;
use app::handovers::LeftView;
use app::people::{FreezeRow, FreezeSeveral};
use csv::{ReaderBuilder, Trim};
use domain::id::UserId;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::super::body::Body;
use super::super::caller::ActingCaller;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ForPerson, InTenant, Items, WriteRefusals};
use super::{Answer, answer};

const LONGEST_REASON: usize = 500;

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct WithSheet {
    /// Beside a sheet: whether it is only tried.
    dry_run: Option<bool>,
    /// Beside a sheet: why, for whoever looks later.
    #[param(max_length = 500)]
    because: Option<String>,
    /// Beside a sheet: who is to get what each of them leaves, as when one is frozen. None of those who are frozen can.
    #[param(value_type = Option<String>, format = Uuid)]
    hand_over_to: Option<String>,
}

/// What became of one of several.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FreezeRowView {
    /// The address or name, as it was given.
    #[schema(example = "mina@acme.example")]
    named: String,
    /// Who that is.
    #[schema(value_type = Option<String>, format = Uuid)]
    user: Option<UserId>,
    /// `frozen`, `would_be_frozen` (of a dry run) or `refused`.
    #[schema(example = "frozen")]
    outcome: &'static str,
    /// What they leave, where the product hands things over, and to whom it goes: at the places that the caller sees.
    left: Vec<LeftView>,
    /// Why they were refused: the code that a request about them alone is refused by.
    code: Option<&'static str>,
    /// The same in words.
    detail: Option<String>,
}

/// Freezes several people, each by themselves: what is wrong with one keeps nobody else in. Who is meant stands in a list, or in a sheet
/// (`text/csv`, in UTF-8 or `Shift_JIS`) with the column of the product's own sheet that has the e-mail addresses. With `dryRun` it is only
/// tried.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/freezes",
    operation_id = "freeze_several",
    tag = "People",
    params(InTenant, ForPerson, WithSheet),
    request_body(content((FreezeSeveral = "application/json"), (String = "text/csv"))),
    responses(
        (status = 200, description = "What became of each, in the order in which they were named.", body = Items<FreezeRowView>),
        WriteRefusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn freeze(caller: ActingCaller, body: Body, query: Query, state: Data<AppState>) -> Answer {
    let several: FreezeSeveral = if body.is_sheet() {
        let because = query.text("because", LONGEST_REASON)?.map(str::to_owned);
        let dry_run = query.truth("dryRun")?.unwrap_or(false);
        let hand_over_to = query.id("handOverTo")?;
        let headings = state.app.headings_of_people(&caller.0).await?;
        let people = named_in(&body.sheet(&state).await?, &headings)?;
        FreezeSeveral { people, because, hand_over_to, dry_run }
    } else {
        body.json(&state).await?
    };
    let done = if several.dry_run { "would_be_frozen" } else { "frozen" };
    let rows = state.app.freeze_several(&caller.0, several).await?;
    Ok(answer::items(rows.into_iter().map(|row| view(row, done)).collect()))
}

fn view(row: FreezeRow, done: &'static str) -> FreezeRowView {
    let (outcome, left, refused) = match row.outcome {
        Ok(left) => (done, left, None),
        Err(error) => ("refused", Vec::new(), Some(Refused::from(error))),
    };
    FreezeRowView {
        named: row.named,
        user: row.user,
        outcome,
        left,
        code: refused.as_ref().map(Refused::code),
        detail: refused.map(|refused| refused.detail().into_owned()),
    }
}

/// What stands below one of these headings, line by line; empty cells are nobody.
fn named_in(sheet: &str, headings: &[String]) -> Result<Vec<String>, Refused> {
    let broken = |error: csv::Error| Refused::Body(format!("The sheet cannot be read: {error}"));
    let mut lines = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(sheet.as_bytes());
    let first = lines.headers().map_err(broken)?;
    let is_known = |heading: &str| headings.iter().any(|known| known.eq_ignore_ascii_case(heading));
    let Some(column) = first.iter().position(is_known) else {
        return Err(Refused::Body(format!("No column of the sheet is called {}.", headings.join(" or "))));
    };
    let mut named = Vec::new();
    for line in lines.records() {
        let line = line.map_err(broken)?;
        named.extend(line.get(column).filter(|cell| !cell.is_empty()).map(str::to_owned));
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headings() -> Vec<String> {
        ["メールアドレス", "email"].map(str::to_owned).to_vec()
    }

    #[test]
    fn who_is_meant_stands_below_a_known_heading_wherever_that_is() {
        let sheet = "氏名,メールアドレス,停止日\r\n\"佐藤, 美奈\",mina@acme.example,\r\n,,\r\nKen, ken@acme.example \r\n";
        assert_eq!(named_in(sheet, &headings()).unwrap(), ["mina@acme.example", "ken@acme.example"]);
        assert_eq!(named_in("Email\nmina\n", &headings()).unwrap(), ["mina"]);
    }

    #[test]
    fn a_sheet_that_does_not_say_who_is_meant_is_refused() {
        for sheet in ["", "氏名\nMina\n", "mina@acme.example\n"] {
            assert!(named_in(sheet, &headings()).is_err(), "{sheet:?}");
        }
    }
}
