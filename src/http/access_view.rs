//! Effective access as it is shown. Knows how each reason gets its sentence; does not know how access came about.

use std::borrow::Cow;

use app::AppError;
use domain::access::{EffectiveAccess, Reason};
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// What a person may do, and beside each reason a `sentence` that says it in English.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct AccessView(Value);

impl AccessView {
    pub(super) fn of(access: &EffectiveAccess) -> Result<Self, AppError> {
        let mut view = serde_json::to_value(access).map_err(|error| AppError::Internal(error.to_string()))?;
        explain(&mut view);
        Ok(Self(view))
    }
}

/// A reason is an object with `because`, wherever it stands.
fn explain(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(explain),
        Value::Object(object) => {
            if object.contains_key("because")
                && let Ok(reason) = serde_json::from_value::<Reason>(Value::Object(object.clone()))
            {
                object.insert("sentence".to_owned(), Value::from(reason.sentence()));
            }
            object.values_mut().for_each(explain);
        }
        _ => {}
    }
}

impl PartialSchema for AccessView {
    fn schema() -> RefOr<Schema> {
        let text = |description: &str| {
            ObjectBuilder::new().schema_type(Type::String).description(Some(description)).build()
        };
        let reason = ObjectBuilder::new()
            .property("because", text("The kind of reason; its other members depend on it."))
            .required("because")
            .property("sentence", text("The reason in English."))
            .description(Some("Why."))
            .build();
        let reasons = ArrayBuilder::new().items(reason).build();
        let scope = ObjectBuilder::new()
            .property("kind", text("`environment`, `orgUnit` or `workspace`."))
            .required("kind")
            .property("id", text("The unit or workspace."))
            .property("key", text("Its key."))
            .property("name", text("Its name."))
            .build();
        let obligations = ArrayBuilder::new().items(text("What the product must see to.")).build();
        let held = |id: &str| {
            let held = ObjectBuilder::new()
                .property(id, text("Its id in the blueprint."))
                .required(id)
                .property("scope", scope.clone())
                .property("obligations", obligations.clone())
                .property("of", text("What it is held for, of a permission that is held one by one."))
                .property("level", text("`admin` or `org_admin`, for roles that make one; of a permission that has levels, its own."))
                .property("reasons", reasons.clone())
                .required("reasons")
                .build();
            ArrayBuilder::new().items(held).build()
        };
        let status = ObjectBuilder::new()
            .property("kind", text("`granted`, `inactive`, `waitingForSeat`, `noSeat` or `blocked`."))
            .required("kind")
            .property("position", ObjectBuilder::new().schema_type(Type::Integer).build())
            .build();
        let home = ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::Object, Type::Null]))
            .property("orgUnit", text("The unit."))
            .property("key", text("Its key."))
            .property("name", text("Its name."))
            .property("depth", ObjectBuilder::new().schema_type(Type::Integer).build())
            .property("reasons", reasons.clone())
            .build();
        let class = ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("Its class; nothing if they need no seat."));
        let seat = ObjectBuilder::new()
            .property("class", class.build())
            .required("class")
            .property("reasons", reasons.clone())
            .required("reasons")
            .description(Some("Which seat they need, where it is not just any."))
            .build();
        ObjectBuilder::new()
            .description(Some("What a person may do now, and why."))
            .property("status", status)
            .property("home", home)
            .property("roles", held("role"))
            .property("flags", held("flag"))
            .property("permissions", held("permission"))
            .property("restrictions", held("restriction"))
            .property("seat", seat)
            .property("dropped", held("id"))
            .property("reasons", reasons)
            .required("status")
            .required("home")
            .required("roles")
            .required("flags")
            .required("permissions")
            .required("dropped")
            .required("reasons")
            .into()
    }
}

impl ToSchema for AccessView {
    fn name() -> Cow<'static, str> {
        "EffectiveAccess".into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_reason_is_followed_by_its_sentence() {
        let mut access =
            json!({"status": {"kind": "granted"}, "roles": [{"reasons": [{"because": "active"}]}]});

        explain(&mut access);

        assert_eq!(access["roles"][0]["reasons"][0]["sentence"], "The person is active.");
    }
}
