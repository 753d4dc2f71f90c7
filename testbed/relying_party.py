#!/usr/bin/env python3
"""A relying party by others (Authlib, joserfc). Knows the standards; does not know Usher.

    relying_party.py METHOD     signs somebody in with the session cookie in COOKIE and prints what it was told

METHOD is client_secret_basic, client_secret_post, private_key_jwt (its key is on standard input) or none. ISSUER is the provider,
CLIENT_ID and CLIENT_SECRET are the app's, CALLBACK is its redirect URI. The provider believes to be at PUBLIC and listens at SERVER.
"""

import json
import os
import secrets
import sys

import httpx
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwk, jwt

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback
HERE = os.environ


def real(address):
    return address.replace(HERE["PUBLIC"], HERE["SERVER"])


def client_of(method, metadata):
    client = OAuth2Client(
        HERE["CLIENT_ID"],
        HERE.get("CLIENT_SECRET"),
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        scope="openid profile roles",
        redirect_uri=HERE["CALLBACK"],
        code_challenge_method="S256",
        trust_env=False,
    )
    if method == "private_key_jwt":
        client.client_secret = jwk.import_key(json.load(sys.stdin))
        client.register_client_auth_method(PrivateKeyJWT(metadata["issuer"], headers={"kid": "k1"}, alg="ES256"))
    return client


def id_token(tokens, metadata, nonce):
    keys = jwk.KeySet.import_key_set(httpx.get(real(metadata["jwks_uri"]), trust_env=False).json())
    read = jwt.decode(tokens["id_token"], keys, algorithms=metadata["id_token_signing_alg_values_supported"])
    options = {"iss": {"essential": True, "value": metadata["issuer"]}, "aud": {"essential": True, "value": HERE["CLIENT_ID"]}}
    params = {"nonce": nonce, "client_id": HERE["CLIENT_ID"], "access_token": tokens["access_token"]}
    claims = CodeIDToken(read.claims, read.header, options, params)
    claims.validate(leeway=5)
    return dict(claims)


def refusal(ask):
    try:
        return ask() and "tokens"
    except OAuthError as error:
        return error.error


def main(method):
    metadata = httpx.get(real(HERE["ISSUER"] + "/.well-known/openid-configuration"), trust_env=False).json()
    client = client_of(method, metadata)
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    address, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
    cookie = {"cookie": HERE["COOKIE"]}
    answer = httpx.get(real(address), headers=cookie, trust_env=False)
    endpoint = real(metadata["token_endpoint"])
    location = answer.headers["location"]
    first = dict(client.fetch_token(endpoint, authorization_response=location, state=state, code_verifier=verifier))
    claims = id_token(first, metadata, nonce)
    second = dict(client.refresh_token(endpoint, first["refresh_token"]))
    userinfo = client.get(real(metadata["userinfo_endpoint"])).raise_for_status().json()
    # Whoever shows the first one again is a thief, or the one who was robbed.
    stolen = refusal(lambda: client.refresh_token(endpoint, first["refresh_token"]))
    robbed = refusal(lambda: client.refresh_token(endpoint, second["refresh_token"]))
    after = httpx.get(real(metadata["userinfo_endpoint"]), headers={"authorization": "Bearer " + second["access_token"]}, trust_env=False)
    print(json.dumps({"claims": claims, "userinfo": userinfo, "stolen": stolen, "robbed": robbed, "after": after.status_code}))


if __name__ == "__main__":
    main(sys.argv[1])
