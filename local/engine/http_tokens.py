"""JWT authorizers of HTTP APIs: signatures of tokens are verified here, because ministack does so only if a library is there that it does not bring along,
and refuses every token without.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

import base64
import hashlib
import hmac
import json

from ministack.services import apigateway

# What AWS takes, and what RFC 8017 puts before a digest (section 9.2, note 1).
HASHES = {"RS256": "sha256", "RS384": "sha384", "RS512": "sha512"}
PREFIXES = {
    "sha256": "3031300d060960864801650304020105000420",
    "sha384": "3041300d060960864801650304020205000430",
    "sha512": "3051300d060960864801650304020305000440",
}
SHORTEST_KEY_BYTES = 256

validate = apigateway._validate_jwt_authorizer


def complete():
    apigateway._verify_rs256_signature = is_signed
    apigateway._validate_jwt_authorizer = validate_with_end


async def validate_with_end(route, authorizer, headers, query):
    """A token without an end is not valid; ministack lets it pass."""
    claims, scopes, refusal = await validate(route, authorizer, headers, query)
    if refusal is None and "exp" not in claims:
        return None, None, apigateway._jwt_unauthorized()
    return claims, scopes, refusal


def is_signed(token, key):
    """By RSASSA-PKCS1-v1_5: the signature, raised to the key's exponent, is the padded digest of the token's first two parts."""
    signed, _, signature = token.rpartition(".")
    try:
        digest = HASHES[json.loads(decoded(signed.partition(".")[0]))["alg"]]
        modulus, exponent = number(key["n"]), number(key["e"])
        given = decoded(signature)
    except (KeyError, TypeError, ValueError):
        return False
    length = (modulus.bit_length() + 7) // 8
    if key.get("kty") != "RSA" or length < SHORTEST_KEY_BYTES or len(given) != length:
        return False
    opened = pow(int.from_bytes(given, "big"), exponent, modulus).to_bytes(length, "big")
    return hmac.compare_digest(opened, padded(hashlib.new(digest, signed.encode()).digest(), digest, length))


def padded(digest, name, length):
    info = bytes.fromhex(PREFIXES[name]) + digest
    return b"\0\1" + b"\xff" * (length - len(info) - 3) + b"\0" + info


def number(text):
    return int.from_bytes(decoded(text), "big")


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
