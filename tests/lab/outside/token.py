#!/usr/bin/python3
"""token.py DIRECTORY: plays auth.docker.io, as the registry's token specification has it (docs/spec/auth/token.md).

Whoever logs in as `customer` may pull and push everything; others may pull what is not below sesam/.
"""
import base64, binascii, json, os, subprocess, sys, time, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

directory = sys.argv[1]
accounts = dict(line.strip().split(":", 1) for line in open(os.path.join(directory, "accounts")))
certificate = open(os.path.join(directory, "token.pem")).read()
certificate = "".join(line for line in certificate.splitlines() if not line.startswith("-----"))


def encoded(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def signature(message):
    """ES256: openssl gives the two numbers in DER, a token has them bare, 32 bytes each."""
    key = os.path.join(directory, "token.key")
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=message, capture_output=True, check=True).stdout
    numbers, at = b"", 2
    for _ in range(2):
        length = der[at + 1]
        numbers += der[at + 2 : at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + length
    return numbers


def token(account, service, scopes):
    access = []
    for scope in scopes:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        wanted = set(actions.split(","))
        if account == "customer":
            granted = wanted & {"pull", "push", "delete"}
        else:
            granted = wanted & {"pull"} if not name.startswith("sesam/") else set()
        access.append({"type": kind, "name": name, "actions": sorted(granted)})
    now = int(time.time())
    header = {"typ": "JWT", "alg": "ES256", "x5c": [certificate]}
    claims = {"iss": "auth.docker.io", "sub": account, "aud": service, "exp": now + 300, "nbf": now - 60, "iat": now, "jti": os.urandom(8).hex(), "access": access}
    message = b".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return (message + b"." + encoded(signature(message))).decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def grant(self, query):
        account = ""
        kind, _, login = self.headers.get("Authorization", "").partition(" ")
        if kind:
            try:
                account, _, password = base64.b64decode(login).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                password = None
            if kind.lower() != "basic" or accounts.get(account) != password:
                return self.answer(401, {"details": "incorrect username or password"})
        scopes = [scope for words in query.get("scope", []) for scope in words.split()]
        made = token(account, query.get("service", [""])[0], scopes)
        return self.answer(200, {"token": made, "access_token": made, "expires_in": 300})

    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        if address.path != "/token":
            return self.answer(404, {})
        return self.grant(urllib.parse.parse_qs(address.query))

    def do_POST(self):
        # Only clients that hold a refresh token ask so; the docker client then falls back to GET.
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(404, {})


ThreadingHTTPServer(("127.0.0.1", 5001), Handler).serve_forever()
