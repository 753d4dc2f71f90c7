//! The audit trail's words. Knows who can act, what can be done and to what; does not know where it is kept.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::email_domain::EmailDomain;
use crate::id::{
    AppId, ConnectionId, CredentialId, DirectoryId, ExternalRequestId, GateId, GrantId, GroupId,
    InvitationId, InvitationLinkId, MappingRuleId, OAuthClientId, OrgUnitId, PasskeyId, ReceiverId,
    SchemaExtensionId, SeatPoolId, SessionId, TenantId, UserId, WorkspaceId,
};

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Actor {
    /// The operator of this installation, through the API.
    Operator {
        /// The credential that was shown.
        credential: CredentialId,
    },
    /// Somebody on the way to signing in, before it is known who.
    SignIn,
    /// An administrator's program.
    Admin {
        /// The credential it showed.
        credential: CredentialId,
    },
    /// A person, for whom a program asks that administers the tenant.
    Person {
        /// The person.
        user: UserId,
        /// The credential that the program showed.
        credential: CredentialId,
    },
    /// A provisioning client.
    Directory {
        /// The directory it writes to.
        directory: DirectoryId,
        /// The credential it showed.
        credential: CredentialId,
    },
    /// A signed-in person.
    Session {
        /// The session.
        session: SessionId,
        /// The person.
        user: UserId,
    },
    /// An app, for itself.
    App {
        /// Which one.
        app: AppId,
    },
    /// A receiver, with the token of its stream.
    Receiver {
        /// Which one.
        receiver: ReceiverId,
    },
    /// A job of the house itself.
    Job {
        /// Which one.
        name: String,
    },
    /// Somebody at the command line of the machine.
    Cli,
}

impl Actor {
    /// The person who acts by the grant rules of the product, if it is one.
    pub fn person(&self) -> Option<UserId> {
        match self {
            Self::Person { user, .. } => Some(*user),
            _ => None,
        }
    }

    /// Whether somebody acts by hand: then what would break a rule is refused. What a directory or a sign-in brings is an
    /// identity provider's word.
    pub fn by_hand(&self) -> bool {
        match self {
            Self::Operator { .. }
            | Self::Admin { .. }
            | Self::Person { .. }
            | Self::Session { .. }
            | Self::Cli => true,
            Self::SignIn
            | Self::Directory { .. }
            | Self::App { .. }
            | Self::Receiver { .. }
            | Self::Job { .. } => false,
        }
    }
}

macro_rules! names {
    ($(#[$doc:meta])* $enum:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $enum {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $enum {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, as stored and served.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl fmt::Display for $enum {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $enum {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                Self::ALL.iter().copied().find(|it| it.name() == text).ok_or(UnknownName { what: $what })
            }
        }

        impl Serialize for $enum {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $enum {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

/// The text is not one of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}")]
pub struct UnknownName {
    what: &'static str,
}

names! {
    /// What was done.
    Action, "action" {
        /// A tenant was created.
        TenantCreate = "tenant.create",
        /// A tenant was changed.
        TenantUpdate = "tenant.update",
        /// A unit of the organisation was created.
        OrgUnitCreate = "org_unit.create",
        /// A unit of the organisation was changed or moved.
        OrgUnitUpdate = "org_unit.update",
        /// A unit of the organisation was deleted.
        OrgUnitDelete = "org_unit.delete",
        /// A workspace was created.
        WorkspaceCreate = "workspace.create",
        /// A workspace was changed.
        WorkspaceUpdate = "workspace.update",
        /// A workspace was deleted.
        WorkspaceDelete = "workspace.delete",
        /// A directory was created.
        DirectoryCreate = "directory.create",
        /// A directory was changed.
        DirectoryUpdate = "directory.update",
        /// A directory shut out more people within an hour than its limit.
        DirectoryAlarm = "directory.alarm",
        /// A directory was deleted.
        DirectoryDelete = "directory.delete",
        /// A domain of e-mail addresses was claimed.
        DomainClaim = "domain.claim",
        /// A claimed domain was proved to be the tenant's.
        DomainVerify = "domain.verify",
        /// The proof of a verified domain was not found any more for too long.
        DomainLapse = "domain.lapse",
        /// A claim to a domain was given up.
        DomainRelease = "domain.release",
        /// A credential was issued.
        CredentialIssue = "credential.issue",
        /// A credential was replaced by another, and its end set.
        CredentialRotate = "credential.rotate",
        /// A credential was revoked.
        CredentialRevoke = "credential.revoke",
        /// An OAuth client was created.
        OAuthClientCreate = "oauth_client.create",
        /// An OAuth client was revoked, and with it the access tokens that it had fetched.
        OAuthClientRevoke = "oauth_client.revoke",
        /// An app was registered.
        AppCreate = "app.create",
        /// An app was changed.
        AppUpdate = "app.update",
        /// An app got another secret, and the end of the old one was set.
        AppRotate = "app.rotate",
        /// An app was deleted, and every token that it had ended.
        AppDelete = "app.delete",
        /// A person was signed in to an app.
        AppSignIn = "app.sign_in",
        /// An app fetched an access token for itself.
        AppToken = "app.token",
        /// An app gave back what it had got by a sign-in.
        AppRelease = "app.release",
        /// A code or a refresh token of an app was shown twice, and what had come of the sign-in ended.
        AppReuse = "app.reuse",
        /// A gate was set up.
        GateCreate = "gate.create",
        /// A gate was changed.
        GateUpdate = "gate.update",
        /// A gate got another secret, and the end of the old one was set.
        GateRotate = "gate.rotate",
        /// A gate was taken down, and everything that it had let in ended.
        GateDelete = "gate.delete",
        /// A person got a pass for one host of a gate.
        GatePass = "gate.pass",
        /// A connection was created.
        ConnectionCreate = "connection.create",
        /// A connection was changed.
        ConnectionUpdate = "connection.update",
        /// A sign-in was to be tried out at a connection.
        ConnectionTry = "connection.try",
        /// A connection was deleted.
        ConnectionDelete = "connection.delete",
        /// A receiver was created.
        ReceiverCreate = "receiver.create",
        /// A receiver was changed: set up, paused, disabled, enabled.
        ReceiverUpdate = "receiver.update",
        /// A receiver's secret or token was replaced by another, and its end set.
        ReceiverRotate = "receiver.rotate",
        /// A receiver was sent a test or a verification.
        ReceiverTest = "receiver.test",
        /// Deliveries to a receiver are to be made again.
        ReceiverReplay = "receiver.replay",
        /// A receiver was deleted, with its log and all that waited for it.
        ReceiverDelete = "receiver.delete",
        /// A mapping rule was created.
        MappingRuleCreate = "mapping_rule.create",
        /// A mapping rule was changed.
        MappingRuleUpdate = "mapping_rule.update",
        /// A mapping rule was deleted.
        MappingRuleDelete = "mapping_rule.delete",
        /// A role of the tenant's own was made.
        RoleCreate = "role.create",
        /// A role was changed: its name, what it gives, or that it is the default.
        RoleUpdate = "role.update",
        /// A role was deleted.
        RoleDelete = "role.delete",
        /// What becomes of what leavers leave behind was decided.
        HandoverPolicySet = "tenant.handover_policy.set",
        /// What the tenant has of the product was said.
        OfferSet = "tenant.offer.set",
        /// A schema extension was declared.
        SchemaExtensionCreate = "schema_extension.create",
        /// A schema extension was declared anew.
        SchemaExtensionUpdate = "schema_extension.update",
        /// A schema extension was withdrawn.
        SchemaExtensionDelete = "schema_extension.delete",
        /// A seat pool was set.
        SeatPoolSet = "seat_pool.set",
        /// What says how many seats are held does not all say the same.
        SeatPoolDiffer = "seat_pool.differs",
        /// A person was provisioned.
        UserProvision = "user.provision",
        /// A person's attributes were changed.
        UserUpdate = "user.update",
        /// A person was shut out.
        UserDeactivate = "user.deactivate",
        /// A person was let in again.
        UserReactivate = "user.reactivate",
        /// A person was shut out by an administrator, whatever a directory says.
        UserFreeze = "user.freeze",
        /// That was taken back.
        UserThaw = "user.thaw",
        /// A person was deleted.
        UserDelete = "user.delete",
        /// A person was linked to their identity at a connection.
        UserLink = "user.link",
        /// A departure was held, to wait for an administrator.
        UserHold = "user.hold",
        /// A departure that was held was approved or refused.
        UserHoldDecide = "user.hold.decide",
        /// A local person was found to be one whom a directory manages, and became them.
        UserAdopt = "user.adopt",
        /// A local person was found not to be one whom a directory manages.
        UserAdoptDecline = "user.adopt.decline",
        /// What a person leaves behind at a place is to be handed over.
        HandoverOpen = "user.handover.open",
        /// The product was told that it is to hand something over.
        HandoverDue = "user.handover.due",
        /// The product handed something over.
        HandoverDone = "user.handover.done",
        /// Something could not be handed over, and waits for an administrator.
        HandoverFail = "user.handover.fail",
        /// What could not be handed over is tried again.
        HandoverRetry = "user.handover.retry",
        /// Somebody else is to get what a person leaves behind.
        HandoverRedirect = "user.handover.redirect",
        /// A person is back before it was handed over, and keeps what they had.
        HandoverCancel = "user.handover.cancel",
        /// A person's home was set by hand.
        UserMove = "user.move",
        /// A group was created.
        GroupCreate = "group.create",
        /// A group was changed.
        GroupUpdate = "group.update",
        /// A group was deleted.
        GroupDelete = "group.delete",
        /// Members were added to a group.
        GroupMembersAdd = "group.members.add",
        /// Members were removed from a group.
        GroupMembersRemove = "group.members.remove",
        /// A grant was given by hand.
        GrantCreate = "grant.create",
        /// A grant given by hand was taken back.
        GrantDelete = "grant.delete",
        /// A person's effective access changed.
        AccessChange = "access.change",
        /// A directory took a role from its last holder that the tenant must not run out of.
        AccessAlarm = "access.alarm",
        /// A person got a seat.
        SeatGrant = "seat.grant",
        /// A person began to wait for a seat.
        SeatWait = "seat.wait",
        /// A person was refused a seat.
        SeatRefuse = "seat.refuse",
        /// A person gave back a seat or a place in the queue.
        SeatRelease = "seat.release",
        /// A person who waited got a seat.
        SeatPromote = "seat.promote",
        /// A person signed in.
        SessionStart = "session.start",
        /// A person signed out.
        SessionEnd = "session.end",
        /// Sessions of a person were ended for them.
        SessionRevoke = "session.revoke",
        /// A sign-in was refused.
        LoginRefuse = "login.refuse",
        /// Somebody signed in by a passkey, past every identity provider.
        LoginProtected = "login.protected",
        /// Through which connections people sign in only was decided.
        LoginEnforce = "login.enforce",
        /// Somebody was invited to register a passkey.
        PasskeyInvite = "passkey.invite",
        /// A passkey was registered.
        PasskeyRegister = "passkey.register",
        /// A passkey was renamed.
        PasskeyUpdate = "passkey.update",
        /// A passkey was removed.
        PasskeyRemove = "passkey.remove",
        /// Somebody was invited.
        InvitationCreate = "invitation.create",
        /// An invitation was sent again, by a new link.
        InvitationResend = "invitation.resend",
        /// An invitation was taken back.
        InvitationCancel = "invitation.cancel",
        /// Somebody accepted an invitation.
        InvitationAccept = "invitation.accept",
        /// A link for several people was made.
        InvitationLinkCreate = "invitation_link.create",
        /// A link for several people was made to rest, or not to any more.
        InvitationLinkUpdate = "invitation_link.update",
        /// A link for several people was removed.
        InvitationLinkDelete = "invitation_link.delete",
        /// Somebody invited themselves by a link for several people.
        InvitationLinkUse = "invitation_link.use",
        /// The mail with an invitation could not be delivered.
        InvitationUndelivered = "invitation.undelivered",
        /// An invitation ran out.
        InvitationExpire = "invitation.expire",
        /// Somebody asked that a person of another company be let in.
        ExternalRequest = "external_request.create",
        /// A person of another company was let in.
        ExternalApprove = "external_request.approve",
        /// A person of another company was not let in.
        ExternalReject = "external_request.reject",
        /// The time of a person of another company was over, or of the request for them.
        ExternalExpire = "external_request.expire",
        /// A provider said that somebody had signed out there, and their sessions through it ended.
        ProviderLogout = "connection.logout",
        /// A provider's word that somebody had signed out there did not hold, and they stay signed in.
        ProviderLogoutRefuse = "connection.logout_refuse",
        /// A provider wanted a person to be signed out of everything, and they were.
        ProviderRevocation = "connection.revocation",
        /// Who tells us security events of a connection's people was decided, or that nobody does.
        TransmitterSet = "connection.transmitter",
        /// A security event of a connection's person was told, and sessions ended for it.
        SecurityEventHeard = "connection.security_event",
    }
}

names! {
    /// What kind of thing was acted on.
    TargetKind, "target kind" {
        /// A tenant.
        Tenant = "tenant",
        /// A unit of the organisation.
        OrgUnit = "org_unit",
        /// A workspace.
        Workspace = "workspace",
        /// A directory.
        Directory = "directory",
        /// A domain of e-mail addresses; its id is its name.
        Domain = "domain",
        /// A credential.
        Credential = "credential",
        /// An OAuth client.
        OAuthClient = "oauth_client",
        /// An app.
        App = "app",
        /// A gate.
        Gate = "gate",
        /// A connection.
        Connection = "connection",
        /// A receiver.
        Receiver = "receiver",
        /// A mapping rule.
        MappingRule = "mapping_rule",
        /// A role; its id is its id in the tenant.
        Role = "role",
        /// A schema extension.
        SchemaExtension = "schema_extension",
        /// A seat pool.
        SeatPool = "seat_pool",
        /// A person.
        User = "user",
        /// A group.
        Group = "group",
        /// A grant given by hand.
        Grant = "grant",
        /// A session.
        Session = "session",
        /// A passkey.
        Passkey = "passkey",
        /// An invitation.
        Invitation = "invitation",
        /// A link for several people.
        InvitationLink = "invitation_link",
        /// A request to let somebody of another company in.
        ExternalRequest = "external_request",
    }
}

/// What was acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its kind.
    pub kind: TargetKind,
    /// Its id.
    pub id: String,
    /// What it was called at the time, for a reader after it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl Target {
    /// A role of the tenant, by its id.
    pub fn role(id: &str) -> Self {
        Self { kind: TargetKind::Role, id: id.to_owned(), label: None }
    }

    /// The same target with what it is called.
    #[must_use]
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }
}

macro_rules! targets {
    ($($id:ident => $kind:ident),+ $(,)?) => {$(
        impl From<$id> for Target {
            fn from(id: $id) -> Self {
                Self { kind: TargetKind::$kind, id: id.to_string(), label: None }
            }
        }
    )+};
}

targets! {
    TenantId => Tenant,
    OrgUnitId => OrgUnit,
    WorkspaceId => Workspace,
    DirectoryId => Directory,
    CredentialId => Credential,
    OAuthClientId => OAuthClient,
    AppId => App,
    GateId => Gate,
    ConnectionId => Connection,
    ReceiverId => Receiver,
    MappingRuleId => MappingRule,
    SchemaExtensionId => SchemaExtension,
    SeatPoolId => SeatPool,
    UserId => User,
    GroupId => Group,
    GrantId => Grant,
    SessionId => Session,
    PasskeyId => Passkey,
    InvitationId => Invitation,
    InvitationLinkId => InvitationLink,
    ExternalRequestId => ExternalRequest,
}

impl From<&EmailDomain> for Target {
    fn from(domain: &EmailDomain) -> Self {
        Self { kind: TargetKind::Domain, id: domain.to_string(), label: None }
    }
}

/// One thing that was done. Who did it, when and by which request is known to the transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// What was done.
    pub action: Action,
    /// To what.
    pub target: Target,
    /// How it was, as far as it matters. Never a secret. Events that say the same may share it.
    #[serde(default, with = "shared", skip_serializing_if = "Option::is_none")]
    pub before: Option<Arc<Value>>,
    /// How it is now, as far as it matters. Never a secret.
    #[serde(default, with = "shared", skip_serializing_if = "Option::is_none")]
    pub after: Option<Arc<Value>>,
}

/// What is shared is written like what is not.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    #[expect(clippy::ref_option, reason = "this is how serde calls it")]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Arc<Value>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_deref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<Value>>, D::Error> {
        Ok(Option::<Value>::deserialize(deserializer)?.map(Arc::new))
    }
}

impl AuditEvent {
    /// That something was done to something.
    pub fn new(action: Action, target: impl Into<Target>) -> Self {
        Self { action, target: target.into(), before: None, after: None }
    }

    /// The same event with how it was.
    #[must_use]
    pub fn before(mut self, before: impl Into<Arc<Value>>) -> Self {
        self.before = Some(before.into());
        self
    }

    /// The same event with how it is now.
    #[must_use]
    pub fn after(mut self, after: impl Into<Arc<Value>>) -> Self {
        self.after = Some(after.into());
        self
    }
}

/// What a transaction did: one event or more. A write without one cannot be committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit {
    first: AuditEvent,
    more: Vec<AuditEvent>,
}

impl Audit {
    /// An audit of one event.
    pub fn of(event: AuditEvent) -> Self {
        Self { first: event, more: Vec::new() }
    }

    /// The same audit with one more event at its end.
    #[must_use]
    pub fn and(mut self, event: AuditEvent) -> Self {
        self.more.push(event);
        self
    }

    /// An audit of these events in their order; none if there are none.
    pub fn from_events(events: impl IntoIterator<Item = AuditEvent>) -> Option<Self> {
        let mut events = events.into_iter();
        let first = events.next()?;
        Some(Self { first, more: events.collect() })
    }

    /// Puts one more event at the end.
    pub fn push(&mut self, event: AuditEvent) {
        self.more.push(event);
    }

    /// The events in the order in which they were noted.
    pub fn events(&self) -> impl Iterator<Item = &AuditEvent> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// The events, given away.
    pub fn into_events(self) -> Vec<AuditEvent> {
        std::iter::once(self.first).chain(self.more).collect()
    }
}

impl From<AuditEvent> for Audit {
    fn from(event: AuditEvent) -> Self {
        Self::of(event)
    }
}

impl Extend<AuditEvent> for Audit {
    fn extend<T: IntoIterator<Item = AuditEvent>>(&mut self, events: T) {
        self.more.extend(events);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    const ID: &str = "0198c2f0-7a3b-7c4d-8e5f-0123456789ab";

    #[test]
    fn every_name_reads_back_and_none_is_used_twice() {
        let mut seen = BTreeSet::new();
        for action in Action::ALL {
            assert_eq!(action.name().parse(), Ok(*action));
            assert!(action.name().contains('.'));
            assert!(seen.insert(action.name()));
        }
        for kind in TargetKind::ALL {
            assert_eq!(kind.name().parse(), Ok(*kind));
        }
        assert!("user.destroy".parse::<Action>().is_err());
    }

    #[test]
    fn an_action_is_about_a_kind_of_target_or_a_happening() {
        let happenings = ["access", "seat", "login"];
        for action in Action::ALL {
            let subject = action.name().split('.').next().unwrap();
            assert!(
                subject.parse::<TargetKind>().is_ok() || happenings.contains(&subject),
                "{action} names neither"
            );
        }
    }

    #[test]
    fn the_stored_form_of_an_actor_is_stable() {
        let actor = Actor::Directory { directory: ID.parse().unwrap(), credential: ID.parse().unwrap() };
        let stored = json!({"kind": "directory", "directory": ID, "credential": ID});

        assert_eq!(serde_json::to_value(&actor).unwrap(), stored);
        assert_eq!(serde_json::from_value::<Actor>(stored).unwrap(), actor);
        assert_eq!(serde_json::to_value(Actor::Cli).unwrap(), json!({"kind": "cli"}));
    }

    #[test]
    fn the_stored_form_of_an_event_is_stable() {
        let user: UserId = ID.parse().unwrap();
        let event = AuditEvent::new(Action::UserDeactivate, Target::from(user).labelled("mina"))
            .before(json!({"active": true}))
            .after(json!({"active": false}));

        assert_eq!(
            serde_json::to_value(&event).unwrap(),
            json!({
                "action": "user.deactivate",
                "target": {"kind": "user", "id": ID, "label": "mina"},
                "before": {"active": true},
                "after": {"active": false},
            })
        );
    }

    #[test]
    fn an_audit_has_at_least_one_event_and_keeps_their_order() {
        let user: UserId = ID.parse().unwrap();
        let one = AuditEvent::new(Action::UserDeactivate, user);
        let two = AuditEvent::new(Action::SeatRelease, user);

        assert_eq!(Audit::from_events([]), None);
        let audit = Audit::of(one.clone()).and(two.clone());
        assert_eq!(audit.events().collect::<Vec<_>>(), [&one, &two]);
        assert_eq!(Audit::from_events([one.clone(), two.clone()]), Some(audit.clone()));
        assert_eq!(audit.into_events(), [one, two]);
    }
}
