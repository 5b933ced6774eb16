"""A device that breaks TLS open: inspector.py DIRECTORY ADDRESS PORT CERTIFICATE TO-ADDRESS TO-PORT"""
import socket
import ssl
import sys
import threading

directory, address, port, certificate, to, to_port = sys.argv[1:]
inside = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
inside.check_hostname = False
inside.verify_mode = ssl.CERT_NONE
outside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
outside.load_cert_chain(f"{directory}/{certificate}.pem", f"{directory}/{certificate}.key")


def serve(peer):
    """One request and its answer, in turns: no socket is read and written at once, which some versions of Python hang on."""
    try:
        peer = outside.wrap_socket(peer, server_side=True)
        machine = inside.wrap_socket(socket.create_connection((to, int(to_port))))
        head = b""
        while b"\r\n\r\n" not in head:
            more = peer.recv(4096)
            if not more:
                return
            head += more
        machine.sendall(head)
        while data := machine.recv(4096):
            peer.sendall(data)
    except OSError:
        pass
    finally:
        peer.close()


listener = socket.create_server((address, int(port)))
open(f"{directory}/inspecting", "w").close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
