#!/usr/bin/env python3
"""A receiver's checks by others (Python's own HMAC, joserfc). Knows Standard Webhooks and RFC 8417; does not know Usher.

    signals.py webhook SECRET ID TIMESTAMP SIGNATURES    checks the body on standard input; prints how many of the signatures hold
    signals.py token JWKS                                verifies the token on standard input with this key set; prints header
                                                         and claims
"""

import base64
import hashlib
import hmac
import json
import sys

from joserfc import jws
from joserfc.jwk import KeySet


def webhook(secret, message_id, timestamp, signatures):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + sys.stdin.buffer.read()
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return sum(hmac.compare_digest(expected, one) for one in signatures.split(" "))


def token(keys):
    keys = KeySet.import_key_set(json.loads(keys))
    verified = jws.deserialize_compact(sys.stdin.read().strip(), keys, algorithms=["ES256"])
    return json.dumps({"header": verified.headers(), "claims": json.loads(verified.payload)})


print({"webhook": webhook, "token": token}[sys.argv[1]](*sys.argv[2:]))
