"""Canaille as Acme's identity provider. Knows Canaille; does not know the gateway's answers.

One process, http://localhost:PORT, that is all three at once:
- an OpenID provider with a real password form and a groups claim;
- a SCIM server at /scim/v2, through which an HR system (the demo, a test) creates, changes and locks people with HR_TOKEN;
- a SCIM client that pushes every such change to SCIM_BASE with SCIM_TOKEN. What it sends and what it is answered is appended
  to TRACE, one JSON object per exchange, so that somebody else can show it.

Nobody is in it at the start. Leave SCIM_BASE unset for sign-in only.
"""

import datetime
import json
import os
import secrets
import sys
import wsgiref.simple_server
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain http on loopback
import httpx
import newer_models  # noqa: F401
from canaille import create_app
from canaille.app import models
from canaille.scim import client as scim_client
from pytest_iam import JWKRegistry

PORT = int(os.environ.get("PORT", "8088"))
LISTEN = os.environ.get("LISTEN", "localhost")
GATEWAY = os.environ.get("GATEWAY", "http://127.0.0.1:9000")
REDIRECT_URI = os.environ.get("REDIRECT_URI", GATEWAY + "/oidc/acme/canaille/callback")
CLIENT_SECRET = os.environ.get("CLIENT_SECRET", "gateway-secret")
HR_TOKEN = os.environ.get("HR_TOKEN", "hr-token")
SCIM_BASE = os.environ.get("SCIM_BASE")
SCIM_TOKEN = os.environ.get("SCIM_TOKEN", "")
TRACE = os.environ.get("TRACE")


def record(response):
    """Appends one finished exchange of Canaille's SCIM client to the trace."""
    response.read()
    request = response.request
    exchange = {
        "method": request.method,
        "url": str(request.url),
        "request_headers": dict(request.headers),
        "request_body": request.content.decode("utf-8", "replace"),
        "status": response.status_code,
        "response_headers": dict(response.headers),
        "response_body": response.text,
    }
    with open(TRACE, "a", encoding="utf-8") as trace:
        trace.write(json.dumps(exchange) + "\n")


class TracingClient(httpx.Client):
    """The HTTP client that Canaille's SCIM client would use anyway, watched."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, event_hooks={"response": [record]}, **kwargs)


class QuietHandler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_args):
        pass


def build_app():
    key = JWKRegistry.generate_key("RSA", 2048)
    key.ensure_kid()
    return create_app({
        "TESTING": False,
        "ENV_FILE": None,
        "SECRET_KEY": secrets.token_hex(16),
        "WTF_CSRF_ENABLED": False,
        "SERVER_NAME": f"localhost:{PORT}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {
            "DATABASE": "memory",
            "ENABLE_REGISTRATION": False,
            "JAVASCRIPT": False,
            "LOGGING": None,
            "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc", "edit_self"], "READ": ["user_name", "groups", "lock_date"], "WRITE": ["emails"]}},
        },
        "CANAILLE_OIDC": {
            "ACTIVE_JWKS": [key.as_dict(private=True)],
            # Its default is the display name, which names nobody.
            "USERINFO_MAPPING": {"PREFERRED_USERNAME": "{{ user.user_name }}"},
        },
        "CANAILLE_SCIM": {"ENABLE_SERVER": True, "ENABLE_CLIENT": bool(SCIM_BASE)},
    })


def bearer(client, name, value):
    """A token without a subject: Canaille lets it use SCIM in the client's own name."""
    return models.Token(
        token_id=name, access_token=value, refresh_token=secrets.token_hex(16), subject=None, client=client, audience=[client],
        scope=["openid"], issue_date=datetime.datetime.now(datetime.UTC), lifetime=30 * 24 * 3600,
    )


def register(backend, client_id, **fields):
    client = models.Client(client_id=client_id, client_name=client_id, contacts=["it@acme.test"],
                           client_id_issued_at=datetime.datetime.now(datetime.UTC), **fields)
    backend.save(client)
    client.audience = [client]
    backend.save(client)
    return client


def register_gateway(backend):
    """The gateway. Canaille trusts a client whose `client_uri` is on 127.0.0.1, skips the consent page for it, and tells it of
    every change; the same `client_uri` is the SCIM base address."""
    gateway = register(
        backend, "gateway", client_secret=CLIENT_SECRET, client_uri=SCIM_BASE or GATEWAY, redirect_uris=[REDIRECT_URI],
        post_logout_redirect_uris=[REDIRECT_URI.removesuffix("/callback") + "/signed-out"],
        grant_types=["authorization_code", "refresh_token"], response_types=["code"],
        token_endpoint_auth_method="client_secret_basic", scope=["openid", "profile", "email", "groups"],
    )
    if SCIM_BASE:
        backend.save(bearer(gateway, "push", SCIM_TOKEN))


def register_hr(backend):
    """The HR system: no address of its own, so nothing is pushed to it."""
    backend.save(bearer(register(backend, "hr", client_secret=secrets.token_hex(16), client_uri=""), "hr", HR_TOKEN))


def push_token(client):
    """The token to push with. Canaille asks for one without a subject, but its memory backend answers with whoever signed in."""
    return next(token for token in app.backend.query(models.Token, client=client) if token.token_id == "push")


scim_client.get_or_create_token = push_token
if TRACE:
    scim_client.httpx_client = TracingClient
app = build_app()
with app.app_context():
    register_gateway(app.backend)
    register_hr(app.backend)
server = wsgiref.simple_server.make_server(LISTEN, PORT, app, handler_class=QuietHandler)
print("up", flush=True)
server.serve_forever()
