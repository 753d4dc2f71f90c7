"""An app that signs people in through Usher, asks what they may do, and hears when they are gone.

    pip install -r requirements.txt && env $(cat app.env) python app.py      (docs/integrate.md says how app.env is made)

    APP_URL, PORT             where browsers find this app, and the port at which it listens (of APP_URL, if not said)
    ISSUER                    Usher as the OpenID provider of one tenant
    CLIENT_ID, CLIENT_SECRET  what `usher app create` printed
    API, API_TOKEN            the tenant's API, and a credential that may ask there
    PERMISSION                what is asked about

Sessions are in memory: an app of several processes keeps them in a database, so that each hears of every end.
"""

import os
import secrets
import time
from urllib.parse import quote, urlencode, urlsplit

import requests
from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask, redirect, render_template_string, request, session
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

APP_URL = os.environ.get("APP_URL", "http://127.0.0.1:3002")
ISSUER, CLIENT_ID, CLIENT_SECRET = (os.environ[name] for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"))
API, API_TOKEN = os.environ["API"], os.environ["API_TOKEN"]
PERMISSION = os.environ.get("PERMISSION", "materials.approve")
HOURS = 12
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

if ISSUER.startswith("http://127.0.0.1"):
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # http is for a provider on this machine

SECURE = APP_URL.startswith("https:")  # then no other host can set the cookie (__Host-)
app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(32),  # signs the cookie; another one with each start is good enough here
    SESSION_COOKIE_NAME="__Host-python-example" if SECURE else "python-example",
    SESSION_COOKIE_SECURE=SECURE,
    SESSION_COOKIE_HTTPONLY=True,
    SESSION_COOKIE_SAMESITE="Lax",
    MAX_CONTENT_LENGTH=65_536,
)
# Authlib makes state, nonce and the verifier, keeps them in the cookie of this browser, and checks the ID token.
usher = OAuth(app).register(
    "usher",
    client_id=CLIENT_ID,
    client_secret=CLIENT_SECRET,
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile roles organisation", "code_challenge_method": "S256"},
)

# What the cookie names: who is signed in, until when, and the provider's name of the session (`sid`).
sessions = {}


# ---- Signing in

@app.get("/login")
def login():
    return usher.authorize_redirect(f"{APP_URL}/callback")


@app.get("/callback")
def callback():
    try:
        tokens = usher.authorize_access_token()
        who = tokens["userinfo"]
    except (OAuthError, JoseError, KeyError, requests.RequestException) as error:
        app.logger.warning("a sign-in failed: %s", error)
        return page('<p>The sign-in did not work. <a href="/login">Try again</a></p>'), 400
    sessions.pop(session.get("id"), None)  # whoever signs in gets another session, never the one before
    for key, known in list(sessions.items()):
        if known["until"] < time.time():
            sessions.pop(key, None)
    session.clear()
    session["id"] = secrets.token_urlsafe(32)
    sessions[session["id"]] = {"who": who, "sid": who["sid"], "id_token": tokens["id_token"], "until": time.time() + HOURS * 3600}
    return redirect("/")


def signed_in():
    known = sessions.get(session.get("id"))
    return known if known and known["until"] > time.time() else None


# ---- What somebody may do

def decide(who, permission):
    """May this person do this where they belong, and why? Usher says no of whoever is gone; without an answer it is no, too.

    With `obligations` it is yes if the product sees to these conditions, which only the product knows.
    """
    here = {"orgUnit": who["org_unit"]["key"]} if "org_unit" in who else {}
    address = f"{API}/users/{who['sub']}/permissions/{quote(permission, safe='')}"
    try:
        answer = requests.get(address, params=here, headers={"authorization": f"Bearer {API_TOKEN}"}, timeout=5)
        answer.raise_for_status()
        return answer.json()
    except requests.RequestException as error:
        app.logger.warning("nothing was decided: %s", error)
        return {"allowed": False, "obligations": [], "reasons": [{"sentence": "The question could not be asked."}]}


@app.get("/")
def home():
    known = signed_in()
    if not known:
        return page('<p>Nobody is signed in. <a href="/login">Sign in</a></p>')
    who = known["who"]
    return page("""
        <p>Signed in: <b>{{ who.name or who.preferred_username }}</b></p>
        <p>Roles: {{ who.roles | join(", ") or "none" }}. Workspaces: {{ who.workspaces | join(", ") or "none" }}.</p>
        <p>{{ permission }}: <b>{{ "allowed" if decision.allowed else "refused" }}</b></p>
        <ul>{% for condition in decision.obligations %}<li>To be seen to: {{ condition.en }}.</li>{% endfor %}
        {% for reason in decision.reasons %}<li>{{ reason.sentence }}</li>{% endfor %}</ul>
        <form method="post" action="/logout"><button>Sign out</button></form>""",
        who=who, permission=PERMISSION, decision=decide(who, PERMISSION))


# ---- Signing out, here and elsewhere

@app.post("/logout")
def logout():
    known = signed_in()
    sessions.pop(session.get("id"), None)
    session.clear()
    if not known:
        return redirect("/", 303)
    question = {"id_token_hint": known["id_token"], "post_logout_redirect_uri": f"{APP_URL}/"}
    return redirect(f"{usher.load_server_metadata()['end_session_endpoint']}?{urlencode(question)}", 303)


@app.post("/backchannel-logout")
def backchannel_logout():
    """OpenID Connect Back-Channel Logout 1.0 §2.6. Told twice, it ends nothing twice."""
    try:
        sid = ended_session(request.form.get("logout_token", ""))
    except (JoseError, ValueError) as error:
        app.logger.warning("a logout token was refused: %s", error)
        return page("refused"), 400
    for key, known in list(sessions.items()):
        if known["sid"] == sid:
            sessions.pop(key, None)
    return "", 204


def ended_session(token):
    read = verified(token)
    essential = {"essential": True}
    jwt.JWTClaimsRegistry(
        leeway=5,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": CLIENT_ID},
        iat=essential, exp=essential, jti=essential, sid=essential, events=essential,
    ).validate(read.claims)
    about = read.claims["events"]
    if read.header.get("typ") != "logout+jwt" or "nonce" in read.claims or not isinstance(about, dict) or LOGOUT_EVENT not in about:
        raise ValueError("not a logout token")
    return read.claims["sid"]


keys_looked_for = 0.0


def verified(token):
    """A token that the provider signed. Its keys change: one that is not known is looked for, but not for every stranger."""
    global keys_looked_for
    algorithms = usher.load_server_metadata()["id_token_signing_alg_values_supported"]
    try:
        return jwt.decode(token, KeySet.import_key_set(usher.fetch_jwk_set()), algorithms=algorithms)
    except InvalidKeyIdError:
        if time.monotonic() < keys_looked_for + 30:
            raise
        keys_looked_for = time.monotonic()
        return jwt.decode(token, KeySet.import_key_set(usher.fetch_jwk_set(force=True)), algorithms=algorithms)


# ---- HTTP

def page(body, **values):
    frame = '<!doctype html><html lang="en"><title>Python example</title><h1>Python example</h1>'
    return render_template_string(frame + body + "</html>", **values)


@app.after_request
def close_to_others(response):
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    return response


if __name__ == "__main__":
    print(f"The app is at {APP_URL}", flush=True)
    app.run("127.0.0.1", int(os.environ.get("PORT") or urlsplit(APP_URL).port))
