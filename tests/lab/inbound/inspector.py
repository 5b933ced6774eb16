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


def pump(source, sink):
    try:
        while data := source.recv(4096):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def serve(peer):
    try:
        peer = outside.wrap_socket(peer, server_side=True)
        machine = inside.wrap_socket(socket.create_connection((to, int(to_port))))
    except OSError:
        return
    threading.Thread(target=pump, args=(peer, machine), daemon=True).start()
    pump(machine, peer)
    peer.close()


listener = socket.create_server((address, int(port)))
open(f"{directory}/inspecting", "w").close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
