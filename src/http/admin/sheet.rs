//! `/tenants/{tenant}/users.csv`: the list of people as a file. Knows RFC 4180, encodings and what spreadsheets do to text; does
//! not know columns.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::{Bytes, Data};
use app::people::SheetForm;
use domain::blueprint::Encoding;
use encoding_rs::SHIFT_JIS;
use futures_util::StreamExt as _;
use futures_util::future::ready;
use futures_util::stream::{once, try_unfold};
use utoipa::IntoParams;

use super::super::caller::ActingCaller;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::Answer;
use super::answer::{ForPerson, InTenant, ReadRefusals};
use super::people::{Which, which};

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct Form {
    /// `ja`, `en` or `fr`: the language of headings and words; the product's own if absent.
    #[param(pattern = "^(ja|en|fr)$")]
    language: Option<String>,
    /// `utf8-bom` or `shift-jis`, as far as the product has them; the first that it has if absent. What `Shift_JIS` cannot say is `?`.
    #[param(pattern = "^(utf8-bom|shift-jis)$")]
    encoding: Option<String>,
    /// Dates and times are so many minutes east of UTC.
    #[param(minimum = -720, maximum = 840, default = 0)]
    minutes_east: Option<i64>,
}

/// The list of people as a file, in the product's columns. Asked for a person, those whom the product's grant rules let that
/// person export. A cell that a spreadsheet would take for a formula begins with `'`.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/users.csv",
    operation_id = "export_users",
    tag = "People",
    params(InTenant, ForPerson, Which, Form),
    responses((status = 200, description = "The file.", body = String, content_type = "text/csv"), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn export(caller: ActingCaller, query: Query, state: Data<AppState>) -> Answer {
    let app = state.app.clone();
    // What is wrong with the question is said before the first line.
    let mut sheet = app.begin_sheet(&caller.0, which(&query)?, form(&query)?).await?;
    let encoding = sheet.encoding;
    let (mark, charset) = match encoding {
        Encoding::Utf8Bom => ("\u{feff}", "utf-8"),
        Encoding::ShiftJis => ("", "shift_jis"),
    };
    let mut first = format!("{mark}{}", line(&sheet.headings()));
    if let Some(part) = app.next_of_sheet(&caller.0, &mut sheet).await? {
        first.extend(part.iter().map(|cells| line(cells)));
    }
    let rest = try_unfold((app, caller.0, sheet), move |(app, scope, mut sheet)| async move {
        let part = app.next_of_sheet(&scope, &mut sheet).await.map_err(Refused::from)?;
        let text = part.map(|part| part.iter().map(|cells| line(cells)).collect::<String>());
        Ok::<_, Refused>(text.map(|text| (encoded(&text, encoding), (app, scope, sheet))))
    });
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"users.csv\""))
        .content_type(format!("text/csv; charset={charset}; header=present"))
        .streaming(once(ready(Ok::<_, Refused>(encoded(&first, encoding)))).chain(rest)))
}

fn form(query: &Query) -> Result<SheetForm<'_>, Refused> {
    let encoding = match query.get("encoding")? {
        None => None,
        Some("utf8-bom") => Some(Encoding::Utf8Bom),
        Some("shift-jis") => Some(Encoding::ShiftJis),
        Some(_) => return Err(Refused::parameter("encoding", "is utf8-bom or shift-jis")),
    };
    let language = query.get("language")?;
    if language.is_some_and(|it| !["ja", "en", "fr"].contains(&it)) {
        return Err(Refused::parameter("language", "is ja, en or fr"));
    }
    let minutes_east = i32::try_from(query.number("minutesEast", -720..=840, 0)?).unwrap_or_default();
    Ok(SheetForm { language, encoding, minutes_east })
}

/// One line (RFC 4180 §2).
fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| quoted(&harmless(text))).collect();
    cells.join(",") + "\r\n"
}

/// A text that no spreadsheet takes for a formula, whatever its width and what stands before it.
fn harmless(text: &str) -> String {
    let formula =
        |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '\t' | '\r' | '\n');
    let begins = |text: &str| text.starts_with(formula);
    if begins(text) || begins(text.trim_start()) { format!("'{text}") } else { text.to_owned() }
}

/// RFC 4180 §2: "Fields containing line breaks (CRLF), double quotes, and commas should be enclosed in double-quotes."
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n', ';']) || text != text.trim() {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn encoded(text: &str, encoding: Encoding) -> Bytes {
    match encoding {
        Encoding::Utf8Bom => Bytes::copy_from_slice(text.as_bytes()),
        Encoding::ShiftJis => Bytes::from(shift_jis(text)),
    }
}

/// The library writes what the encoding lacks as a reference for HTML, which in a file is no character at all.
fn shift_jis(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        let mut buffer = [0; 4];
        match SHIFT_JIS.encode(character.encode_utf8(&mut buffer)) {
            (known, _, false) => bytes.extend_from_slice(&known),
            (_, _, true) => bytes.push(b'?'),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cells: &[&str]) -> String {
        line(&cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn lines_are_those_of_rfc_4180() {
        assert_eq!(written(&["a", "", "b c"]), "a,,b c\r\n");
        assert_eq!(
            written(&["a,b", "say \"x\"", "two\nlines"]),
            "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\r\n"
        );
        assert_eq!(written(&[" a", "b;c"]), "\" a\",\"b;c\"\r\n");
    }

    #[test]
    fn nothing_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1", "　=1", "\"=1"] {
            let cell = harmless(text);

            assert!(cell.starts_with('\'') || text.starts_with('"'), "{cell:?}");
        }
        for text in ["", "a=1", "山田-太郎", "'=1"] {
            assert_eq!(harmless(text), text);
        }
    }

    #[test]
    fn what_shift_jis_lacks_is_a_question_mark() {
        assert_eq!(shift_jis("氏名◯"), [0x8e, 0x81, 0x96, 0xbc, 0x81, 0xfc]);
        assert_eq!(shift_jis("a😀é,"), b"a??,");
    }
}
