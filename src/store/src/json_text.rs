//! JSON as text, on its way out of columns of jsonb and into them. Knows the form that it travels in; reads nothing of it.

use std::io::Write as _;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

/// The first byte of a value of jsonb says how the rest is written: 1 is text.
const TEXT: u8 = 1;

/// A value of jsonb as text. What the database writes differs from what we write in spaces and in the order of names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, FromSqlRow, AsExpression)]
#[diesel(sql_type = Jsonb)]
pub(crate) struct JsonText(Box<str>);

impl JsonText {
    /// The text of a value of ours.
    pub(crate) fn of(value: &impl Serialize) -> Result<Self, StoreError> {
        Ok(Self(serde_json::to_string(value).map_err(StoreError::corrupt)?.into()))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What the text says.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_str(&self.0).map_err(StoreError::corrupt)
    }
}

impl FromSql<Jsonb, Pg> for JsonText {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            [TEXT, text @ ..] => Ok(Self(std::str::from_utf8(text)?.into())),
            _ => Err("jsonb that is not sent as text".into()),
        }
    }
}

impl ToSql<Jsonb, Pg> for JsonText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[TEXT])?;
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}
