//! People whom no identity provider manages: administrators create, change and delete them, by the same use cases by
//! which a directory does it to its own. Whom a directory manages, nobody else changes.

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{DirectoryId, GrantId, UserId};
use scim::dialect::Dialect;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use store::{AdminScope, DirectoryScope, directories, external_requests, people};
use utoipa::ToSchema;

use super::PersonView;
use crate::App;
use crate::error::AppError;
use crate::handovers::Chosen;
use crate::provision::Start;
use crate::tenants::RuleOutcome;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A local person to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPerson {
    /// Their name, unique among the tenant's local people.
    #[schema(example = "hana@acme.example", min_length = 1)]
    pub user_name: String,
    /// Display name.
    pub display_name: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// E-mail address.
    #[schema(example = "hana@acme.example")]
    pub email: Option<String>,
    /// Title.
    pub title: Option<String>,
    /// Department, which mapping rules may turn into a home.
    pub department: Option<String>,
    /// Whether they are let in; yes, unless said otherwise.
    pub active: Option<bool>,
    /// What they are given by hand from the start.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub gives: Vec<RuleOutcome>,
    /// Somebody whom the caller sees: all that they were given by hand is given too, but for what ends on a day that was named.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub like: Option<UserId>,
}

/// What is to be changed of a local person: what is left out stays, what is null goes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePerson {
    /// Their name, unique among the tenant's local people.
    pub user_name: Option<String>,
    /// Display name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub display_name: Edit,
    /// Given name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub given_name: Edit,
    /// Family name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub family_name: Edit,
    /// E-mail address.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub email: Edit,
    /// Title.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub title: Edit,
    /// Department, which mapping rules may turn into a home.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub department: Edit,
    /// Whether they are let in.
    pub active: Option<bool>,
    /// Who is to get what they leave, if they leave a place by this: somebody active who has a role there. Whoever cannot receive
    /// it keeps nobody in: the handover fails, and waits for an administrator. Without it, what they leave goes to nobody.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub hand_over_to: Option<UserId>,
}

/// What becomes of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Edit {
    /// It stays: it was left out.
    #[default]
    Keep,
    /// It goes: it was null.
    Clear,
    /// It is this now.
    Set(String),
}

impl<'de> Deserialize<'de> for Edit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

impl NewPerson {
    /// The same in SCIM, where null says that there is nothing.
    pub(crate) fn into_scim(self) -> Value {
        json!({
            "schemas": [USER, ENTERPRISE],
            "userName": self.user_name,
            "displayName": self.display_name,
            "name": {"givenName": self.given_name, "familyName": self.family_name},
            "emails": self.email.map(as_emails),
            "title": self.title,
            "active": self.active.unwrap_or(true),
            ENTERPRISE: {"department": self.department},
        })
    }
}

impl ChangePerson {
    /// The same in SCIM.
    fn into_scim(self) -> Value {
        let set = |path: &str, value: Value| json!({"op": "replace", "path": path, "value": value});
        let edit = |path: &str, edit: Edit, value: fn(String) -> Value| match edit {
            Edit::Keep => None,
            Edit::Clear => Some(json!({"op": "remove", "path": path})),
            Edit::Set(text) => Some(set(path, value(text))),
        };
        let changes = [
            self.user_name.map(|name| set("userName", Value::String(name))),
            self.active.map(|active| set("active", Value::Bool(active))),
            edit("displayName", self.display_name, Value::String),
            edit("name.givenName", self.given_name, Value::String),
            edit("name.familyName", self.family_name, Value::String),
            edit("emails", self.email, as_emails),
            edit("title", self.title, Value::String),
            edit(&format!("{ENTERPRISE}:department"), self.department, Value::String),
        ];
        let operations: Vec<Value> = changes.into_iter().flatten().collect();
        json!({"schemas": [PATCH], "Operations": operations})
    }

    fn is_empty(&self) -> bool {
        let Self {
            user_name,
            display_name,
            given_name,
            family_name,
            email,
            title,
            department,
            active,
            hand_over_to: _,
        } = self;
        let given = [display_name, given_name, family_name, email, title, department];
        user_name.is_none() && active.is_none() && given.iter().all(|it| **it == Edit::Keep)
    }
}

fn as_emails(address: String) -> Value {
    let email = [("value".to_owned(), Value::String(address)), ("primary".to_owned(), Value::Bool(true))];
    Value::Array(vec![Value::Object(email.into_iter().collect())])
}

/// An address that could be one: something, `@`, a domain.
pub(crate) fn check_address(address: Option<&str>) -> Result<(), AppError> {
    let fine = |address: &str| {
        address
            .split_once('@')
            .is_some_and(|(who, domain)| !who.is_empty() && !domain.is_empty() && !domain.contains('@'))
            && !address.contains(char::is_whitespace)
    };
    match address {
        Some(address) if !fine(address) => Err(AppError::Invalid("email is no e-mail address".to_owned())),
        _ => Ok(()),
    }
}

impl App {
    /// Creates a local person. Active, they claim a seat or a place in line.
    pub async fn create_person(
        &self,
        admin: &AdminScope,
        mut new: NewPerson,
    ) -> Result<PersonView, AppError> {
        check_address(new.email.as_deref())?;
        let local = self.local_people(admin).await?;
        let mut gives = std::mem::take(&mut new.gives);
        gives.extend(self.given_to(admin, new.like).await?);
        let start = Start { gives, ..Start::default() };
        let view = self.create_user_with(&local, new.into_scim(), &Dialect::strict(), start).await?;
        self.as_they_are(admin, view.id).await
    }

    /// Changes a local person; `active` shuts them out or lets them in again.
    pub async fn change_person(
        &self,
        admin: &AdminScope,
        id: UserId,
        change: ChangePerson,
    ) -> Result<PersonView, AppError> {
        let local = self.manager_of(admin, id).await?;
        if let Edit::Set(address) = &change.email {
            check_address(Some(address))?;
        }
        if change.is_empty() {
            return self.show_person(admin, id).await;
        }
        let chosen = Chosen::of(admin, change.hand_over_to);
        let (change, dialect) = (change.into_scim(), Dialect::strict());
        let view = self.patch_user_who_leaves(&local, id, change, &dialect, chosen).await?;
        self.as_they_are(admin, view.id).await
    }

    /// What somebody whom the caller sees was given by hand, for good.
    pub(crate) async fn given_to(
        &self,
        admin: &AdminScope,
        like: Option<UserId>,
    ) -> Result<Vec<RuleOutcome>, AppError> {
        let Some(like) = like else { return Ok(Vec::new()) };
        let like = self.show_person(admin, like).await?.id;
        let grants = self.list_grants(admin, like).await?;
        let ids: Vec<GrantId> = grants.iter().map(|grant| grant.id).collect();
        let mut tx = self.db.read(admin.scope()).await?;
        let lent = external_requests::lent(&mut tx, &ids).await?;
        tx.finish().await?;
        Ok(grants.into_iter().filter(|grant| !lent.contains(&grant.id)).map(|grant| grant.gives).collect())
    }

    /// A local person who was just written.
    async fn as_they_are(&self, admin: &AdminScope, id: UserId) -> Result<PersonView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let person = people::find(&mut tx, id).await?;
        tx.finish().await?;
        person.map(|row| PersonView::of(row, &policy.blueprint)).ok_or(AppError::NotFound("user"))
    }

    /// Deletes a local person; what they leave goes to whom is named, if they can receive it, else to nobody.
    pub async fn delete_person(
        &self,
        admin: &AdminScope,
        id: UserId,
        hand_over_to: Option<UserId>,
    ) -> Result<(), AppError> {
        let local = self.manager_of(admin, id).await?;
        self.delete_user_who_leaves(&local, id, None, Chosen::of(admin, hand_over_to)).await
    }

    /// What an administrator may do to local people, refused for somebody whom a directory manages.
    pub(crate) async fn manager_of(
        &self,
        admin: &AdminScope,
        id: UserId,
    ) -> Result<DirectoryScope, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let managed = directories::managing(&mut tx, id).await?;
        let local = directories::local_people(&mut tx, admin).await?;
        tx.finish().await?;
        match managed {
            Some((directory, name)) => Err(AppError::Managed { what: "user", directory, name }),
            None => local.ok_or(AppError::NotFound("user")),
        }
    }

    /// The same for whoever is to be created: the tenant's directory of local people is made with the first of them.
    pub(crate) async fn local_people(&self, admin: &AdminScope) -> Result<DirectoryScope, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let found = directories::local_people(&mut tx, admin).await?;
        tx.finish().await?;
        if let Some(found) = found {
            return Ok(found);
        }
        let now = self.now();
        let fresh = DirectoryId::generate(now, &*self.entropy);
        let mut tx = self.db.begin(admin.scope()).await?;
        directories::create_local(&mut tx, fresh, now).await?;
        let local = directories::local_people(&mut tx, admin).await?;
        let local = local.ok_or_else(|| AppError::Internal("there is no local directory".to_owned()))?;
        if local.directory() == fresh {
            let event = AuditEvent::new(Action::DirectoryCreate, fresh).after(json!({"kind": "local"}));
            self.commit(tx, Audit::of(event), now).await?;
        } else {
            tx.nothing_changed().await?;
        }
        Ok(local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays_and_what_is_null_goes() {
        let change: ChangePerson =
            serde_json::from_value(json!({"title": null, "department": "Sales", "active": false})).unwrap();

        let operations = change.into_scim()["Operations"].clone();

        assert_eq!(
            operations,
            json!([
                {"op": "replace", "path": "active", "value": false},
                {"op": "remove", "path": "title"},
                {"op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Sales"},
            ])
        );
    }

    #[test]
    fn an_address_has_somebody_and_a_domain() {
        for fine in [None, Some("hana@acme.example"), Some("花子@例え.example")] {
            check_address(fine).unwrap();
        }
        for wrong in ["", "hana", "@acme.example", "hana@", "hana@a@b", "ha na@acme.example"] {
            check_address(Some(wrong)).unwrap_err();
        }
    }
}
