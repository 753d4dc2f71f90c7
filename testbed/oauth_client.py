#!/usr/bin/env python3
"""An OAuth client by others (Authlib, joserfc). Knows RFC 6749, 7523 and 8414; does not know Usher.

    oauth_client.py key ALGORITHM                        a new private key, as a JSON Web Key
    oauth_client.py public                               the public half of the key on standard input, as a key set
    oauth_client.py sign HEADER CLAIMS                   a token signed with the key on standard input
    oauth_client.py push METHOD BASE CLIENT USER_NAME    fetches an access token, with the secret or key on standard input, by the
                                                         server's own metadata; creates a person; prints what was answered

METHOD is client_secret_basic, client_secret_post or private_key_jwt.
"""

import json
import os
import sys

import httpx
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk, jwt

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback
KINDS = {"RS256": ("RSA", 2048), "PS256": ("RSA", 2048), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}


def key(algorithm):
    kind, size = KINDS[algorithm]
    made = jwk.generate_key(kind, size, parameters={"alg": algorithm, "use": "sig", "kid": "k1"}, private=True)
    return made.as_dict(private=True)


def public():
    return {"keys": [jwk.import_key(json.load(sys.stdin)).as_dict(private=False)]}


def sign(header, claims):
    header = json.loads(header)
    return jwt.encode(header, json.loads(claims), jwk.import_key(json.load(sys.stdin)), algorithms=[header["alg"]])


def push(method, base, client_id, user_name):
    proof = sys.stdin.read()
    metadata = httpx.get(base + "/.well-known/oauth-authorization-server").raise_for_status().json()
    assert method in metadata["token_endpoint_auth_methods_supported"], metadata
    # The server listens elsewhere than it says, as behind a proxy.
    endpoint = base + metadata["token_endpoint"].removeprefix(metadata["issuer"])
    if method == "private_key_jwt":
        loaded = jwk.import_key(json.loads(proof))
        algorithm = loaded.get("alg")
        assert algorithm in metadata["token_endpoint_auth_signing_alg_values_supported"], metadata
        client = OAuth2Client(client_id, loaded, token_endpoint_auth_method=method, scope="scim")
        headers = {"kid": loaded.get("kid")}
        client.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"], headers=headers, alg=algorithm))
    else:
        client = OAuth2Client(client_id, proof, token_endpoint_auth_method=method, scope="scim")
    token = client.fetch_token(endpoint, grant_type="client_credentials")
    person = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": user_name}
    created = client.post(base + "/scim/v2/Users", json=person, headers={"content-type": "application/scim+json"})
    return {"token": {**token, "access_token": token["access_token"][:9]}, "status": created.status_code, "person": created.json()}


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    said = {"key": key, "public": public, "sign": sign, "push": push}[verb](*arguments)
    print(said if isinstance(said, str) else json.dumps(said))
