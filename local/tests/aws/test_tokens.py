"""JWT authorizers of HTTP APIs: which tokens of an issuer pass, and what the function is told of them."""

import base64
import functools
import hashlib
import http.client
import http.server
import json
import tempfile
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from tests.aws import REGION, OnAws

ECHO = """
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event["requestContext"]["authorizer"])}
"""
AUDIENCE = "the-api"
LINE = '{"route":"$context.routeKey","status":"$context.status","length":"$context.responseLength","error":"$context.error.message","id":"$context.requestId"}'
KEY_ID = "of-this-test"
# A key that is used for nothing else.
MODULUS = int(
    "b6dd15256b0f84cb7fc188e68264d3cb7ae6c516fae57638accc9af62ea71e472583fb02d397f5c9ac148bd8a8160bce6a4468ac22379a0eba0b968b6ef6d953"
    "5e9865d6223676d5566cc26838b7a2ab5c5a1295f0ce27a31efa3bcfa562becee0d3b55d23e08528b309d5c5e3b07837717b574e219859ad4714f153e80cdd7e"
    "f270d4f828fa2b2399acc54f8ce61fb526274260b51fff25cff37471cc348ff488028ea250717688a7a321d798e2f7e0d1ac89bc7aad5251f1a790649dd8bc34"
    "ff53007ce976ecbf28aa3ab4a14295e7dea309ac8e65cef30932e4304a30c8b1f003acf2c1205c04d6aaccb5b609438dca1a57b85792124751ff508d8a82babb",
    16,
)
PRIVATE_EXPONENT = int(
    "fb951a38161e390a965a2389ffc67872c5997979d9a098bb4b575f0614696d5eb5093f9999436dafbe45b0f6adf55188f64092974051a9c2ae7402f5bd54cb95"
    "c7da23ec2d1081ad96ef4b08835522986016b6e5fe1cf8ab93e847cc5c3334110180eea4eb6c9a71c43663c63e8680dec6b7cb05d372a798f392a74853ef09f5"
    "fbdb3b111b3ab07f5c7d3df2f44c03f64f852b50a3efe6b134135c2062a9829fe5cf804e7134985ca0c5b593432a9b237ae43b942bad27726b9bb2c4f5ebf353"
    "997b3da55b24acaea5dd56c2f046e3c9466d87403293ee96b73b5958a470c1976913c082370c868a5db00071bf5484270a279fa151c86389c83f049be9733e1",
    16,
)
EXPONENT = 65537
# What stands before a SHA-256 digest, by RFC 8017.
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


def encoded(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(claims, header=None, exponent=PRIVATE_EXPONENT):
    head = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID, **(header or {})}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
    info = SHA256 + hashlib.sha256(text.encode()).digest()
    padded = b"\0\1" + b"\xff" * (256 - len(info) - 3) + b"\0" + info
    return f"{text}.{encoded(pow(int.from_bytes(padded, 'big'), exponent, MODULUS).to_bytes(256, 'big'))}"


class Issuer(http.server.ThreadingHTTPServer):
    """Gives out its key, and says where: two files in a folder."""

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), functools.partial(Pages, directory=folder))
        self.url = f"http://127.0.0.1:{self.server_port}"
        key = {"kty": "RSA", "kid": KEY_ID, "alg": "RS256", "use": "sig", "e": encoded(EXPONENT.to_bytes(3, "big"))}
        pages = {
            ".well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "keys": {"keys": [{**key, "n": encoded(MODULUS.to_bytes(256, "big"))}]},
        }
        for name, page in pages.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(page))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def end(self):
        self.shutdown()
        self.server_close()


class Pages(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Tokens(OnAws):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.issuer = Issuer(folder.name)
        cls.addClassCleanup(cls.issuer.end)

    def setUp(self):
        apis, name = self.client("apigatewayv2"), f"t{uuid.uuid4().hex[:8]}"
        self.api = apis.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
        function = self.function(name, ECHO)
        given = {"IntegrationType": "AWS_PROXY", "IntegrationUri": function, "PayloadFormatVersion": "2.0"}
        target = f"integrations/{apis.create_integration(ApiId=self.api, **given)['IntegrationId']}"
        authorizer = apis.create_authorizer(
            ApiId=self.api,
            Name="tokens",
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": self.issuer.url, "Audience": [AUDIENCE]},
        )["AuthorizerId"]
        for key, scopes in (("GET /open", []), ("GET /scoped", ["notes/read", "notes/write"])):
            options = {"AuthorizationScopes": scopes} if scopes else {}
            apis.create_route(ApiId=self.api, RouteKey=key, Target=target, AuthorizationType="JWT", AuthorizerId=authorizer, **options)
        self.log = f"/access/{name}"
        self.client("logs").create_log_group(logGroupName=self.log)
        group = f"arn:aws:logs:{REGION}:123456789012:log-group:{self.log}:*"
        settings = {"DestinationArn": group, "Format": LINE}
        apis.create_stage(ApiId=self.api, StageName="$default", AutoDeploy=True, AccessLogSettings=settings)

    def claims(self, **more):
        now = int(time.time())
        return {"iss": self.issuer.url, "aud": AUDIENCE, "sub": "alice", "iat": now - 10, "exp": now + 600, **more}

    def ask(self, path, token=None):
        """The status and the body of the answer."""
        connection = http.client.HTTPConnection(urlsplit(self.machine.endpoint).netloc)
        self.addCleanup(connection.close)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", path, headers={"Host": f"{self.api}.execute-api.localhost", **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def test_a_valid_token_reaches_the_function_with_its_claims(self):
        status, told = self.ask("/open", signed(self.claims(scope="notes/read other")))
        self.assertEqual(status, 200, told)
        self.assertEqual((told["jwt"]["claims"]["sub"], told["jwt"]["claims"]["iss"]), ("alice", self.issuer.url))
        audiences = self.claims(aud=["another", AUDIENCE])
        self.assertEqual(self.ask("/open", signed(audiences))[0], 200)

    def test_a_token_that_is_not_valid_is_refused(self):
        now = int(time.time())
        refused = {
            "none": None,
            "no token": "a.b.c",
            "another audience": signed(self.claims(aud="another-api")),
            "another issuer": signed(self.claims(iss="http://127.0.0.1:1")),
            "expired": signed(self.claims(exp=now - 1)),
            "without an end": signed({name: value for name, value in self.claims().items() if name != "exp"}),
            "not valid yet": signed(self.claims(nbf=now + 600)),
            "signed by another key": signed(self.claims(), exponent=EXPONENT),
            "of an unknown key": signed(self.claims(), {"kid": "unknown"}),
            "not signed": signed(self.claims(), {"alg": "none"}),
            "changed": ".".join([*(valid := signed(self.claims()).split("."))[:1], encoded(json.dumps(self.claims(sub="mallory")).encode()), valid[2]]),
        }
        for what, token in refused.items():
            with self.subTest(what):
                self.assertEqual(self.ask("/open", token), (401, {"message": "Unauthorized"}))

    def test_a_token_expires_by_the_clock(self):
        token = signed(self.claims())
        self.assertEqual(self.ask("/open", token)[0], 200)
        self.addCleanup(self.machine.clock, {"advance": -700})
        self.advance(700)
        self.assertEqual(self.ask("/open", token)[0], 401)

    def test_a_route_wants_one_of_its_scopes(self):
        self.assertEqual(self.ask("/scoped", signed(self.claims(scope="notes/write")))[0], 200)
        for scope in ({}, {"scope": "notes"}, {"scope": "notes/read-all other"}):
            self.assertEqual(self.ask("/scoped", signed(self.claims(**scope))), (403, {"message": "Forbidden"}))

    def logged(self):
        events = self.client("logs").filter_log_events(logGroupName=self.log)["events"]
        return [json.loads(event["message"]) for event in events]

    def test_each_request_leaves_a_line_in_the_access_log(self):
        self.assertEqual(self.ask("/open", signed(self.claims()))[0], 200)
        (line,) = self.eventually(self.logged, "the line of a request that reached the function")
        self.assertEqual((line["route"], line["status"], line["error"]), ("GET /open", "200", "-"))
        self.assertGreater(int(line["length"]), 10)
        self.assertRegex(line["id"], ".{8,}")
        self.assertEqual((self.ask("/open")[0], self.ask("/nowhere")[0]), (401, 404))
        lines = self.eventually(lambda: len(self.logged()) == 3 and self.logged(), "the lines of those that did not")
        self.assertEqual(sorted((line["status"], line["error"]) for line in lines[1:]), [("401", "Unauthorized"), ("404", "Not Found")])
        self.assertEqual(len({line["id"] for line in lines}), 3)
