"""What may answer on a machine's inbound ports: server.py DIRECTORY MODE ADDRESS PORT [CERTIFICATE [STATUS]]"""
import socket
import ssl
import sys
import threading
import time

directory, mode, address, port = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
certificate = sys.argv[5] if len(sys.argv) > 5 else None
status = sys.argv[6] if len(sys.argv) > 6 else "200 OK"


def answer(status, body="", headers=""):
    return (f"HTTP/1.1 {status}\r\nServer: lab\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}").encode()


def redirect(to):
    return answer("301 Moved Permanently", "", f"Location: {to}\r\n")


def reply(path, host):
    if mode == "redirect":
        return redirect(f"https://{host}{path}")
    if mode == "circle":
        return redirect(f"http://{host}{path}")
    if mode == "other-port":
        return redirect(f"https://{host}:8443{path}")
    if mode == "other-host":
        return redirect(f"https://elsewhere.example.com{path}")
    if mode == "plain":
        return answer("200 OK", "It works!")
    if mode == "blocked":
        return answer("403 Forbidden", "<html>Access to this site has been blocked by the web filter of Acme</html>")
    if mode == "router":
        return answer("200 OK", "Router administration. sesam-doctor listen\n")
    if mode == "other-doctor":
        return answer("200 OK", "sesam-doctor listen\nproof " + "00" * 32 + "\ncertificate " + "00" * 32 + "\n")
    if mode == "node":
        return answer(status, "pong") if path.startswith("/api/ping") else answer("404 Not Found", "404 page not found\n")
    if mode == "babble":
        return b"SSH-2.0-OpenSSH_9.2\r\n"
    if mode == "head-without-end":
        return b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100000
    raise SystemExit(f"no mode {mode}")


def serve(connection):
    try:
        if mode == "silent":
            time.sleep(3600)
        if mode == "cut":
            connection.recv(1)
            return
        if certificate:
            connection = context.wrap_socket(connection, server_side=True)
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(4096)
            if more[:1] == b"\x16":
                connection.sendall(answer("400 Bad Request", "no TLS here"))
                return
            if not more:
                return
            head += more
        lines = head.decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1]
        host = next((l.split(":", 1)[1].strip() for l in lines if l.lower().startswith("host:")), "?")
        connection.sendall(reply(path, host))
    except (OSError, ssl.SSLError):
        pass
    finally:
        connection.close()


context = None
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/{certificate}.pem", f"{directory}/{certificate}.key")
family = socket.AF_INET6 if ":" in address else socket.AF_INET
listener = socket.socket(family, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if family == socket.AF_INET6:
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
listener.bind((address, port))
listener.listen(64)
open(f"{directory}/ready", "w").close()
while True:
    peer, _ = listener.accept()
    threading.Thread(target=serve, args=(peer,), daemon=True).start()
