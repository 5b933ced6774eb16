#!/usr/bin/env python3
"""Servers that do what no proper server does; what is proper in the lab is done by real ones.

odd.py DIRECTORY, inside the lab's internet. Addresses 203.0.113.N and 2001:db8:113::N, port 443 unless said otherwise.
"""
import asyncio
import socket
import ssl
import struct
import sys

DIRECTORY = sys.argv[1]


def reset(writer):
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def cut(reader, writer):
    await reader.read(100)
    reset(writer)


async def hang(reader, writer):
    while await reader.read(1000):
        pass


async def plain_http(reader, writer):
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


async def byte_a_second(reader, writer):
    record = b"\x16\x03\x03\x40\x00\x02\x00\x00\x46" + bytes(16000)
    for byte in record:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1)


async def sent(writer, data):
    writer.write(data)
    await writer.drain()
    # drain returns at once while the kernel takes all, also from a connection that the other side has reset: nobody else,
    # and not even the news of that reset, would ever get a turn.
    await asyncio.sleep(0)


async def many_certificates(reader, writer):
    await reader.read(2000)
    hello = b"\x03\x03" + bytes(32) + b"\x00" + b"\xc0\x2b" + b"\x00"
    message = b"\x02" + len(hello).to_bytes(3, "big") + hello
    writer.write(b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message)
    left = 16_000_000
    first = b"\x0b" + left.to_bytes(3, "big")
    while left > 0:
        part = first + bytes(16000 - len(first))
        first = b""
        await sent(writer, b"\x16\x03\x03" + len(part).to_bytes(2, "big") + part)
        left -= len(part)


async def endless_head(reader, writer):
    await reader.read(100)
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        await sent(writer, b"X-More: " + b"a" * 1000 + b"\r\n")


async def slow_head(reader, writer):
    await reader.read(100)
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.5)


async def slow_answer(reader, writer):
    await reader.read(2000)
    await asyncio.sleep(2.5)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nlab")
    await writer.drain()
    writer.close()


async def not_http(reader, writer):
    await reader.read(100)
    writer.write(b"\x00\x01\x02 something else entirely\r\n\r\n")
    await writer.drain()
    writer.close()


async def closes(reader, writer):
    await reader.read(100)
    writer.close()


async def ssh(reader, writer):
    writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    await writer.drain()
    await reader.read(1000)
    writer.close()


async def proxy_binary(reader, writer):
    await reader.read(100)
    writer.write(b"\x05\xff\x00\x00binary\x00")
    await writer.drain()
    writer.close()


async def proxy_bad_gateway(reader, writer):
    await reader.read(100)
    writer.write(b"HTTP/1.1 502 Bad Gateway\r\nVia: 1.1 lab-proxy\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


async def socks_forbids(reader, writer):
    await reader.read(100)
    writer.write(b"\x05\x00")
    await reader.read(300)
    writer.write(b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00")
    await writer.drain()
    writer.close()


def name_of(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode().lower())
        at += packet[at] + 1
    return ".".join(labels), packet[12 : at + 5]


def pointer_record(owner, kind, data):
    return owner + struct.pack(">HHIH", kind, 1, 60, len(data)) + data


def packed(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def reply(packet, question, code, answers=(), additional=b"", flags=0x8180):
    return (
        packet[:2]
        + struct.pack(">HHHHH", flags | code, 1, len(answers), 0, 1 if additional else 0)
        + question
        + b"".join(answers)
        + additional
    )


def extended_error(number, text):
    data = struct.pack(">HHH", 15, 2 + len(text), number) + text
    return b"\0" + struct.pack(">HHIH", 41, 1232, 0, len(data)) + data


async def forwarded(packet):
    loop = asyncio.get_running_loop()
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.setblocking(False)
    try:
        client.connect(("10.99.0.1", 53))
        await loop.sock_sendall(client, packet)
        return await asyncio.wait_for(loop.sock_recv(client, 4096), 2)
    finally:
        client.close()


async def odd_names(packet):
    """Name server 10.99.0.53: odd about names below sesam.io, or about CAA, by what the file `dns-mode` says."""
    name, question = name_of(packet)
    with open(DIRECTORY + "/dns-mode") as file:
        mode = file.read().strip()
    if mode == "no-caa":
        is_caa = question[-4:-2] == b"\x01\x01"
        return reply(packet, question, 5) if is_caa else await forwarded(packet)
    if not name.endswith("sesam.io"):
        return await forwarded(packet)
    checking_disabled = packet[3] & 0x10
    if mode == "servfail":
        return reply(packet, question, 2)
    if mode == "dnssec-ede":
        return reply(packet, question, 2, additional=extended_error(6, b"signature expired"))
    if mode == "dnssec-cd":
        return await forwarded(packet) if checking_disabled else reply(packet, question, 2)
    if mode == "loop":
        here, there = packed(name), packed("loop.example")
        return reply(packet, question, 0, [pointer_record(here, 5, there), pointer_record(there, 5, here)])
    if mode == "filtered":
        return reply(packet, question, 3, additional=extended_error(17, b"policy"))
    if mode == "garbage":
        return b"\xff" * 40
    if mode == "truncated-packet":
        return (await forwarded(packet))[:20]
    if mode == "wrong-id":
        answer = await forwarded(packet)
        return bytes([answer[0] ^ 1]) + answer[1:]
    if mode == "tc":
        return reply(packet, question, 0, flags=0x8380)
    raise ValueError(mode)


async def all_garbage(packet):
    """Name server 10.99.0.54."""
    return b"this is no DNS message at all, whatever is asked"


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer):
        self.answer = answer

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        async def later():
            self.transport.sendto(await self.answer(data), address)

        asyncio.ensure_future(later())


async def over_tcp(answer, reader, writer):
    while head := await reader.read(2):
        packet = await reader.readexactly(int.from_bytes(head, "big"))
        with open(DIRECTORY + "/dns-mode") as file:
            mode = file.read().strip()
        data = await forwarded(packet) if mode == "tc" else await answer(packet)
        writer.write(len(data).to_bytes(2, "big") + data)
        await writer.drain()
    writer.close()


async def main():
    open(DIRECTORY + "/dns-mode", "w").close()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(DIRECTORY + "/ca/good-both.pem")
    plain = {
        100: cut,
        101: hang,
        102: plain_http,
        103: byte_a_second,
        104: many_certificates,
        107: ssh,
    }
    encrypted = {105: endless_head, 108: hang, 109: slow_head, 110: slow_answer, 111: not_http, 112: closes}
    for handlers, tls in ((plain, None), (encrypted, context)):
        for number, handler in handlers.items():
            for address in (f"203.0.113.{number}", f"2001:db8:113::{number}"):
                await asyncio.start_server(handler, address, 443, ssl=tls)
    for port, handler in ((3128, hang), (3129, proxy_binary), (3130, proxy_bad_gateway), (3131, cut), (3132, endless_head), (1080, socks_forbids)):
        await asyncio.start_server(handler, "203.0.113.41", port)
    loop = asyncio.get_running_loop()
    for address, answer in (("10.99.0.53", odd_names), ("10.99.0.54", all_garbage)):
        await loop.create_datagram_endpoint(lambda answer=answer: Datagrams(answer), local_addr=(address, 53))
        await asyncio.start_server(lambda r, w, answer=answer: over_tcp(answer, r, w), address, 53)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
