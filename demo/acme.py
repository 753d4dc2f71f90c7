"""Who works at Acme and how Acme is set up. Knows the cast; does not know programs, HTTP or printing."""

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

SEATS = 100
TENANT = "acme"
DIRECTORY = "canaille"
CONNECTION = "canaille"

# key, name, key of the parent
ORG_UNITS = [
    ("acme", "Acme", None),
    ("sales", "Sales", "acme"),
    ("sales-osaka", "Sales / Osaka", "sales"),
    ("unassigned", "Unassigned", "acme"),
]

# what `usher mapping-rule create` is told, after the tenant
MAPPING_RULES = [
    ["--priority", "10", "--group", "acme-admins", "--flag", "admin_flag"],
    ["--priority", "20", "--group", "acme-approvers", "--flag", "materials.upload", "--flag", "materials.approve"],
    ["--priority", "30", "--attribute", f"{ENTERPRISE}:department", "--home", "{value}", "--fallback", "unassigned"],
]

HANA = ("hana", "Hana", "Mori", "acme")
KEN = ("ken", "Ken", "Ito", "sales-osaka")
MINA = ("mina", "Mina", "Sato", "sales")
NAO = ("nao", "Nao", "Abe", "sales")
COLLEAGUES = [
    (f"colleague{number:02}", "Colleague", f"No{number:02}", ["sales", "sales-osaka", "design"][number % 3])
    for number in range(4, SEATS + 1)
]


def person(user_name, given, family, department):
    """The person as the HR system knows them, password and all."""
    return {
        "schemas": [CORE, ENTERPRISE],
        "userName": user_name,
        "name": {"givenName": given, "familyName": family, "formatted": f"{given} {family}"},
        "displayName": f"{given} {family}",
        "emails": [{"value": f"{user_name}@acme.example"}],
        "password": password(user_name),
        "active": True,
        ENTERPRISE: {"department": department},
    }


def password(user_name):
    return f"{user_name}-knows-it"


def group(display_name, members):
    return {"schemas": [GROUP], "displayName": display_name, "members": members}


def switched_off():
    return {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}
