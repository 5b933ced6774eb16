"""The clinic's Traefik and the clinic's node: what a client sees of the real ones, with faults on demand.

part.py traefik   serves TLS on 443 with the certificate of its store (a certificate of its own where there is none), leads
                  80 there, and passes requests on to the node
part.py node      answers /api/ping, /api/health and /api/license on 9042, as files in /tmp say: unwell, unlicensed, mute
"""
import base64
import http.client
import http.server
import json
import os
import shutil
import socketserver
import ssl
import sys
import threading
import time

STORE = "/letsencrypt/acme.json"
OWN = "/etc/traefik/certs"


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_words):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Redirect(Answers):
    def do_GET(self):
        if self.path.startswith("/.well-known/acme-challenge/"):
            return self.answer(404, b"404 page not found\n")
        host = (self.headers.get("Host") or "").split(":")[0]
        return self.answer(301, b"Moved Permanently", Location=f"https://{host}{self.path}")

    do_HEAD = do_GET


class Relay(Answers):
    def do_GET(self):
        host = (self.headers.get("Host") or "").split(":")[0]
        if os.environ.get("DOMAIN") and host != os.environ["DOMAIN"]:
            return self.answer(404, b"404 page not found\n")
        try:
            node = http.client.HTTPConnection("sesam-node", 9042, timeout=20)
            passed_on = {"Authorization": self.headers["Authorization"]} if "Authorization" in self.headers else {}
            node.request("GET", self.path, headers=passed_on)
            reply = node.getresponse()
            kind = reply.getheader("Content-Type", "application/octet-stream")
            return self.answer(reply.status, reply.read(), **{"Content-Type": kind})
        except OSError:
            return self.answer(502, b"Bad Gateway")

    do_HEAD = do_GET


LICENSES = {
    "unlicensed": (200, b'{"valid": false, "reason": "the signature is wrong"}'),
    "expired-license": (200, b'{"valid": false, "expires": "2020-01-01T00:00:00"}'),
    "no-license": (404, b'{"detail": "no license"}'),
    "token-refused": (403, b'{"detail": "forbidden"}'),
    "odd-license": (200, b'{"name": "weekly"}'),
}


class Node(Answers):
    def do_GET(self):
        if os.path.exists("/tmp/mute"):
            time.sleep(3600)
        if os.path.exists("/tmp/slow"):
            time.sleep(4)
        if os.path.exists("/tmp/page"):
            return self.answer(200, b"<html>It works</html>", **{"Content-Type": "text/html"})
        kind = {"Content-Type": "application/json"}
        if self.path == "/api/ping":
            return self.answer(200, b'{"response": "pong"}', **kind)
        if self.path == "/api/health":
            unwell = os.path.exists("/tmp/unwell")
            return self.answer(503 if unwell else 200, b'{"status": "ok"}', **kind)
        if self.path == "/api/license":
            for name, (status, body) in LICENSES.items():
                if os.path.exists(f"/tmp/{name}"):
                    return self.answer(status, body, **kind)
            return self.answer(200, b'{"valid": true}', **kind)
        return self.answer(404, b"{}", **kind)

    do_HEAD = do_GET


def pair():
    """The files of the certificate and key to serve."""
    if os.path.exists("/tmp/default"):
        return "/default.pem", None
    if os.path.exists("/tmp/kept.pem"):
        return "/tmp/kept.pem", None
    try:
        with open(STORE, encoding="utf-8") as file:
            for resolver in json.load(file).values():
                for entry in resolver.get("Certificates") or []:
                    # Each thread has a file of its own, and the latest can be looked at.
                    own = f"/tmp/served-{threading.get_ident()}.pem"
                    with open(own, "wb") as served:
                        served.write(base64.b64decode(entry["certificate"]) + base64.b64decode(entry["key"]))
                    shutil.copyfile(own, "/tmp/served.pem")
                    return own, None
    except (OSError, ValueError, KeyError, AttributeError):
        pass
    try:
        names = sorted(os.listdir(OWN))
        chain = next(name for name in names if name.endswith((".crt", ".pem")))
        key = next(name for name in names if name.endswith(".key"))
        return f"{OWN}/{chain}", f"{OWN}/{key}"
    except (OSError, StopIteration):
        return "/default.pem", None


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain, key = pair()
    if os.path.exists("/tmp/old-tls"):
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = ssl.TLSVersion.TLSv1
        made.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        made.load_cert_chain(chain, key)
    except (ssl.SSLError, OSError):
        made.load_cert_chain("/default.pem")
    if chain.startswith("/tmp/served-"):
        os.unlink(chain)
    return made


class Tls(Server):
    def get_request(self):
        connection, address = self.socket.accept()
        return connection, address

    def finish_request(self, request, client_address):
        # The store is read anew for each connection, as Traefik watches it.
        request.settimeout(20)
        with context().wrap_socket(request, server_side=True) as wrapped:
            self.RequestHandlerClass(wrapped, client_address, self)

    def handle_error(self, *_words):
        pass


def serve(kind, *arguments):
    threading.Thread(target=kind(*arguments).serve_forever, daemon=True).start()


if sys.argv[1] == "traefik":
    serve(Server, ("", 80), Redirect)
    serve(Server if os.path.exists("/tmp/plain") else Tls, ("", 443), Relay)
else:
    serve(Server, ("", 9042), Node)

# Process 1 handles the signals that end it itself.
import signal  # noqa: E402

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
signal.signal(signal.SIGINT, lambda *_: os._exit(0))
while True:
    signal.pause()
