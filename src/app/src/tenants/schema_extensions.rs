//! Schema extensions: what a tenant's people and groups may hold besides the attributes that everybody has.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::SchemaExtensionId;
use scim::schema::{self, Attribute, AttributeType, Mutability, Returned, Schema, Uniqueness};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::extensions::{self, ExtensionRow};
use store::{AdminScope, WriteTx};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;

/// An extension, as it is declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclareExtension {
    /// Which resources it extends.
    pub resource_type: ExtendedType,
    /// Its URN. No other URN of the tenant may begin with it and a colon.
    #[schema(example = "urn:acme:params:scim:schemas:extension:workplace:2.0:User", max_length = 200)]
    pub urn: String,
    /// A name for people.
    #[schema(example = "Workplace", min_length = 1, max_length = 1000)]
    pub name: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub description: String,
    /// Its attributes, 1 to 100.
    #[schema(min_items = 1, max_items = 100)]
    pub attributes: Vec<AttributeDeclaration>,
}

/// What can be extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ExtendedType {
    /// People.
    User,
    /// Groups.
    Group,
}

/// An attribute, with the characteristics of RFC 7643 §7.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttributeDeclaration {
    /// Its name: a letter, then letters, digits, hyphens and underscores.
    #[schema(example = "badge", min_length = 1, max_length = 64)]
    pub name: String,
    /// Its type.
    #[serde(default)]
    pub r#type: DeclaredType,
    /// Whether it is a list.
    #[serde(default)]
    pub multi_valued: bool,
    /// What it means.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub description: String,
    /// Whether whoever has the extension must have this.
    #[serde(default)]
    pub required: bool,
    /// Whether case matters when values are compared: false for strings and true for references and binary values, if it
    /// is not given.
    pub case_exact: Option<bool>,
    /// Suggested values of a string; others are taken too.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub canonical_values: Vec<String>,
    /// What a reference may point to: `external`, `uri`, `User`, `Group`.
    #[serde(default)]
    pub reference_types: Vec<String>,
    /// Who may change it, and when.
    #[serde(default)]
    pub mutability: DeclaredMutability,
    /// When it is shown.
    #[serde(default)]
    pub returned: DeclaredReturned,
    /// How unique it is: not at all, because no index holds the values of extensions.
    #[serde(default)]
    pub uniqueness: DeclaredUniqueness,
    /// The parts of a complex attribute, 1 to 30; each is one simple value.
    #[serde(default)]
    #[schema(no_recursion, max_items = 30)]
    pub sub_attributes: Vec<AttributeDeclaration>,
}

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeclaredType {
    /// Text.
    #[default]
    String,
    /// Yes or no.
    Boolean,
    /// A number with a fraction.
    Decimal,
    /// A whole number.
    Integer,
    /// A moment.
    DateTime,
    /// A URI.
    Reference,
    /// Base64 data.
    Binary,
    /// An object of sub-attributes.
    Complex,
}

/// Who may change an attribute. There is no `writeOnly`: what nobody may read is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeclaredMutability {
    /// Nobody.
    ReadOnly,
    /// Directories, at any time.
    #[default]
    ReadWrite,
    /// Directories, while it has no value.
    Immutable,
}

/// When an attribute is shown. There is no `never`: what nobody may read is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeclaredReturned {
    /// In every answer.
    Always,
    /// Unless it is excluded.
    #[default]
    Default,
    /// To who asks for it by name.
    Request,
}

/// How unique a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeclaredUniqueness {
    /// Not at all.
    #[default]
    None,
    /// In the tenant. It is refused.
    Server,
    /// Everywhere. It is refused.
    Global,
}

/// A declared extension.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: SchemaExtensionId,
    /// Which resources it extends.
    pub resource_type: ExtendedType,
    /// Its URN.
    pub urn: String,
    /// A name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its attributes.
    pub attributes: Vec<AttributeDeclaration>,
    /// When it was declared.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl App {
    /// Declares an extension. Directories can use it at once with this process, within seconds with others.
    pub async fn declare_extension(
        &self,
        admin: &AdminScope,
        new: DeclareExtension,
    ) -> Result<ExtensionView, AppError> {
        let now = self.now();
        let id = SchemaExtensionId::generate(now, &*self.entropy);
        let row = ExtensionRow {
            id: id.as_uuid(),
            resource_type: new.resource_type.as_str().to_owned(),
            urn: new.urn.clone(),
            declaration: checked(&new)?,
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.db.begin(admin.scope()).await?;
        extensions::begin_change(&mut tx).await?;
        let others = extensions::all(&mut tx).await?;
        if others.len() >= schema::MOST_EXTENSIONS {
            return Err(AppError::Conflict(format!(
                "a tenant has at most {} extensions",
                schema::MOST_EXTENSIONS
            )));
        }
        if let Some(other) = others.iter().find(|other| schema::urns_collide(&other.urn, &new.urn)) {
            return Err(AppError::Conflict(format!(
                "{} is declared, and the two could be confused",
                other.urn
            )));
        }
        extensions::add(&mut tx, &row).await?;
        let event = AuditEvent::new(Action::SchemaExtensionCreate, id).after(row.declaration.clone());
        self.commit_extensions(tx, event).await?;
        view(&row)
    }

    /// Declares it anew. Where resources have values of it, only so that all of them stay valid.
    pub async fn redeclare_extension(
        &self,
        admin: &AdminScope,
        id: SchemaExtensionId,
        new: DeclareExtension,
    ) -> Result<ExtensionView, AppError> {
        let now = self.now();
        let declaration = checked(&new)?;
        let mut tx = self.db.begin(admin.scope()).await?;
        let row = begin_change_of(&mut tx, id).await?;
        let before = read(&row)?;
        if (before.resource_type, &before.urn) != (new.resource_type, &new.urn) {
            let why = "the URN and the resource type of an extension stay; declare another".to_owned();
            return Err(AppError::Invalid(why));
        }
        if let Some(why) = schema::breaks_data(&before.schema(), &new.schema()) {
            let used = extensions::used(&mut tx, &row).await?;
            if used > 0 {
                return Err(AppError::Conflict(format!("{} have values of it: {why}", counted(&row, used))));
            }
        }
        extensions::update(&mut tx, id, &declaration, now).await?;
        let event = AuditEvent::new(Action::SchemaExtensionUpdate, id)
            .before(row.declaration.clone())
            .after(declaration.clone());
        self.commit_extensions(tx, event).await?;
        view(&ExtensionRow { declaration, updated_at: now, ..row })
    }

    /// Withdraws an extension that no resource has values of.
    pub async fn withdraw_extension(
        &self,
        admin: &AdminScope,
        id: SchemaExtensionId,
    ) -> Result<(), AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        let row = begin_change_of(&mut tx, id).await?;
        let used = extensions::used(&mut tx, &row).await?;
        if used > 0 {
            let why =
                format!("{} have values of it, which would be lost; remove those first", counted(&row, used));
            return Err(AppError::Conflict(why));
        }
        extensions::remove(&mut tx, id).await?;
        let event = AuditEvent::new(Action::SchemaExtensionDelete, id).before(row.declaration);
        self.commit_extensions(tx, event).await
    }

    /// All extensions, oldest first.
    pub async fn list_extensions(&self, admin: &AdminScope) -> Result<Vec<ExtensionView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = extensions::all(&mut tx).await?;
        tx.finish().await?;
        rows.iter().map(view).collect()
    }

    async fn commit_extensions(&self, tx: WriteTx, event: AuditEvent) -> Result<(), AppError> {
        let tenant = tx.scope().tenant();
        self.commit(tx, Audit::of(event), self.now()).await?;
        self.types.forget(tenant);
        Ok(())
    }
}

/// Finds one and keeps everybody from writing documents with an extension.
async fn begin_change_of(tx: &mut WriteTx, id: SchemaExtensionId) -> Result<ExtensionRow, AppError> {
    extensions::begin_change(tx).await?;
    let found = extensions::all(tx).await?.into_iter().find(|row| row.id == id.as_uuid());
    found.ok_or(AppError::NotFound("schema extension"))
}

fn checked(new: &DeclareExtension) -> Result<Value, AppError> {
    schema::check_extension(&new.schema()).map_err(AppError::Invalid)?;
    serde_json::to_value(new).map_err(|error| AppError::Internal(error.to_string()))
}

pub(crate) fn read(row: &ExtensionRow) -> Result<DeclareExtension, AppError> {
    let stored = |error: serde_json::Error| AppError::Internal(format!("the stored extension: {error}"));
    DeclareExtension::deserialize(&row.declaration).map_err(stored)
}

fn view(row: &ExtensionRow) -> Result<ExtensionView, AppError> {
    let DeclareExtension { resource_type, urn, name, description, attributes } = read(row)?;
    Ok(ExtensionView {
        id: SchemaExtensionId::from_uuid(row.id),
        resource_type,
        urn,
        name,
        description,
        attributes,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn counted(row: &ExtensionRow, used: i64) -> String {
    let plural = if used == 1 { "" } else { "s" };
    format!("{used} {}{plural}", row.resource_type.to_lowercase())
}

impl ExtendedType {
    /// The name of the resource type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }
}

impl DeclareExtension {
    /// What the engine enforces.
    pub(crate) fn schema(&self) -> Schema {
        Schema {
            id: self.urn.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            attributes: self.attributes.iter().map(|declared| Arc::new(declared.attribute())).collect(),
        }
    }
}

impl AttributeDeclaration {
    fn attribute(&self) -> Attribute {
        let kind = self.r#type.into();
        let exact = matches!(kind, AttributeType::Reference | AttributeType::Binary);
        Attribute {
            name: self.name.clone(),
            description: self.description.clone(),
            kind,
            multi_valued: self.multi_valued,
            required: self.required,
            case_exact: self.case_exact.unwrap_or(exact),
            canonical_values: self.canonical_values.clone(),
            closed: false,
            reference_types: self.reference_types.clone(),
            mutability: match self.mutability {
                DeclaredMutability::ReadOnly => Mutability::ReadOnly,
                DeclaredMutability::ReadWrite => Mutability::ReadWrite,
                DeclaredMutability::Immutable => Mutability::Immutable,
            },
            returned: match self.returned {
                DeclaredReturned::Always => Returned::Always,
                DeclaredReturned::Default => Returned::Default,
                DeclaredReturned::Request => Returned::Request,
            },
            uniqueness: match self.uniqueness {
                DeclaredUniqueness::None => Uniqueness::None,
                DeclaredUniqueness::Server => Uniqueness::Server,
                DeclaredUniqueness::Global => Uniqueness::Global,
            },
            sub_attributes: self.sub_attributes.iter().map(|part| Arc::new(part.attribute())).collect(),
        }
    }
}

impl From<DeclaredType> for AttributeType {
    fn from(declared: DeclaredType) -> Self {
        match declared {
            DeclaredType::String => Self::String,
            DeclaredType::Boolean => Self::Boolean,
            DeclaredType::Decimal => Self::Decimal,
            DeclaredType::Integer => Self::Integer,
            DeclaredType::DateTime => Self::DateTime,
            DeclaredType::Reference => Self::Reference,
            DeclaredType::Binary => Self::Binary,
            DeclaredType::Complex => Self::Complex,
        }
    }
}
