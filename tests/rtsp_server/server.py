#!/usr/bin/env python3
"""A small RTSP server for tests: many mounts of one H.264 file, and cameras that misbehave on command.

    ffmpeg -i clip.mp4 -an -c:v libx264 -bf 0 -g 5 -bsf:v h264_mp4toannexb clip.264
    server.py --file clip.264 --mounts 50 --fps 5

Prints `READY port` once it listens on 127.0.0.1, then obeys lines on standard input, each answered by one line of JSON:

    stall NAME     sends no more pictures, but keeps connections and answers requests
    hang NAME      reads requests and answers none
    kill NAME      breaks its connections and refuses new ones by breaking them too
    restart NAME   is well again
    stats          {"NAME": {"sent": frames, "skipped": frames, "plays": times a client pressed play, "open": connections}}
    quit

The mount `locked` always asks for a password, `audio` announces no video. RTP (RFC 3550) over UDP or interleaved TCP (RFC 2326
§10.12), H.264 by RFC 6184 (single NAL units and FU-A), sender reports every second unless --no-reports; --clock-offset shifts
their wall clock, to tell it from ours.
"""
import argparse
import asyncio
import base64
import json
import os
import random
import re
import socket
import struct
import sys
import time

MTU = 1400
NTP_EPOCH = 2208988800


def access_units(data):
    """Annex B bytes as a list of pictures, each a list of NAL units; SPS and PPS apart."""
    nals = [n.rstrip(b"\0") for n in re.split(b"\0\0\1", data) if n.rstrip(b"\0")]
    units, parameter_sets, current = [], {}, []
    for nal in nals:
        kind = nal[0] & 31
        if kind in (7, 8):
            parameter_sets[kind] = nal
        elif kind in (1, 5):
            if nal[1] & 0x80 and any(n[0] & 31 in (1, 5) for n in current):
                units.append(current)
                current = []
            current.append(nal)
    if current:
        units.append(current)
    for unit in units:
        if unit[0][0] & 31 == 5:
            unit[:0] = [parameter_sets[7], parameter_sets[8]]
    return units, parameter_sets[7], parameter_sets[8]


def payloads(nal):
    if len(nal) <= MTU:
        yield nal
        return
    indicator, kind = (nal[0] & 0xE0) | 28, nal[0] & 31
    parts = [nal[i : i + MTU] for i in range(1, len(nal), MTU)]
    for i, part in enumerate(parts):
        yield bytes([indicator, kind | (0x80 if i == 0 else 0) | (0x40 if i == len(parts) - 1 else 0)]) + part


class Mount:
    def __init__(self):
        self.state = "well"
        self.sent = self.skipped = self.plays = 0
        self.sessions = set()


class Session:
    """One connection of one client."""

    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        self.mount = None
        self.udp = None
        self.player = None

    async def run(self):
        try:
            while True:
                lead = await self.reader.readexactly(1)
                if lead == b"$":
                    _, size = struct.unpack(">BH", await self.reader.readexactly(3))
                    await self.reader.readexactly(size)
                    continue
                head = lead + await self.reader.readuntil(b"\r\n\r\n")
                if not await self.answer(head.decode("latin1")):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            self.close()

    def close(self):
        if self.player:
            self.player.cancel()
        if self.udp:
            for s in self.udp[0]:
                s.close()
            self.udp = None
        if self.mount:
            self.mount.sessions.discard(self)
        self.writer.transport.abort()

    async def answer(self, head):
        method, url, _ = head.split(" ", 2)
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        name = url.split("://", 1)[1].split("/", 1)[1].split("/")[0].split("?")[0] if "/" in url.split("://", 1)[-1] else ""
        mount = self.server.mounts.get(name)
        reply = lambda status, extra="", body="": self.writer.write(
            f"RTSP/1.0 {status}\r\nCSeq: {fields.get('CSeq', 0)}\r\n{extra}"
            f"{f'Content-Length: {len(body)}' + chr(13) + chr(10) if body else ''}\r\n{body}".encode())
        if mount:
            self.mount = mount
            mount.sessions.add(self)
            if mount.state == "kill":
                return False
            if mount.state == "hang":
                return True
        if method == "OPTIONS":
            reply("200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n")
        elif name == "locked":
            reply("401 Unauthorized", 'WWW-Authenticate: Basic realm="test"\r\n')
        elif not mount and name != "audio":
            reply("404 Not Found")
        elif method == "DESCRIBE":
            reply("200 OK", f"Content-Type: application/sdp\r\nContent-Base: {url}/\r\n", self.server.sdp(name))
        elif method == "SETUP":
            transport = fields.get("Transport", "")
            ports = re.search(r"client_port=(\d+)-(\d+)", transport)
            if ports:
                sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
                for s in sockets:
                    s.bind(("127.0.0.1", 0))
                peer = self.writer.get_extra_info("peername")[0]
                self.udp = sockets, [(peer, int(p)) for p in ports.groups()]
                own = "-".join(str(s.getsockname()[1]) for s in sockets)
                transport = f"RTP/AVP/UDP;unicast;client_port={ports[1]}-{ports[2]};server_port={own}"
            reply("200 OK", f"Transport: {transport}\r\nSession: 1;timeout=60\r\n")
        elif method == "PLAY" and mount:
            reply("200 OK", "Session: 1\r\nRange: npt=0-\r\n")
            mount.plays += 1
            self.player = asyncio.create_task(self.play())
        elif method == "TEARDOWN":
            reply("200 OK", "Session: 1\r\n")
            return False
        else:
            reply("200 OK", "Session: 1\r\n")
        return True

    def packet(self, channel, data):
        if self.udp:
            try:
                self.udp[0][channel].sendto(data, self.udp[1][channel])
            except OSError:
                pass  # the client is gone; its TCP connection says so
        else:
            self.writer.write(b"$" + struct.pack(">BH", channel, len(data)) + data)

    def report(self, rtp_time, now, ssrc, packets, octets):
        ntp = now + NTP_EPOCH + self.server.args.clock_offset
        whole = int(ntp)
        self.packet(1, struct.pack(">BBHIIIIII", 0x80, 200, 6, ssrc, whole, int((ntp - whole) * 2**32), rtp_time, packets, octets))

    async def play(self):
        args, mount = self.server.args, self.mount
        ssrc, sequence, base = random.getrandbits(32), random.getrandbits(16), random.getrandbits(32)
        start, last_report, packets, octets, number = time.monotonic(), -10.0, 0, 0, 0
        while True:
            now = time.monotonic()
            rtp_time = (base + int((now - start) * 90000)) & 0xFFFFFFFF
            if mount.state == "well":
                if not args.no_reports and now - last_report >= 1:
                    self.report(rtp_time, time.time(), ssrc, packets, octets)
                    last_report = now
                unit = self.server.units[number % len(self.server.units)]
                if self.writer.transport.get_write_buffer_size() > 1 << 18:
                    mount.skipped += 1
                else:
                    for i, nal in enumerate(unit):
                        parts = list(payloads(nal))
                        for j, part in enumerate(parts):
                            marker = 0x80 if i == len(unit) - 1 and j == len(parts) - 1 else 0
                            self.packet(0, struct.pack(">BBHII", 0x80, 96 | marker, sequence, rtp_time, ssrc) + part)
                            sequence = (sequence + 1) & 0xFFFF
                            packets, octets = packets + 1, octets + len(part)
                    mount.sent += 1
                number += 1
            await asyncio.sleep(max(0.0, start + (int((now - start) * args.fps + 1e-6) + 1) / args.fps - time.monotonic()))


class Server:
    def __init__(self, args):
        self.args = args
        with open(args.file, "rb") as f:
            self.units, self.sps, self.pps = access_units(f.read())
        self.mounts = {f"cam{i}": Mount() for i in range(args.mounts)}

    def sdp(self, name):
        if name == "audio":
            return "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=control:track0\r\n"
        sprop = ",".join(base64.b64encode(p).decode() for p in (self.sps, self.pps))
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
            f"a=rtpmap:96 H264/90000\r\na=framerate:{self.args.fps:g}\r\n"
            f"a=fmtp:96 packetization-mode=1;profile-level-id={self.sps[1:4].hex()};sprop-parameter-sets={sprop}\r\n"
            "a=control:track0\r\n")

    def obey(self, line):
        verb, *rest = line.split()
        if verb == "stats":
            return {n: {"sent": m.sent, "skipped": m.skipped, "plays": m.plays, "open": len(m.sessions)} for n, m in self.mounts.items()}
        mount = self.mounts[rest[0]]
        if verb == "restart":
            if mount.state == "hang":  # what waited for an answer will not get one any more
                for session in list(mount.sessions):
                    session.close()
            mount.state = "well"
        else:
            assert verb in ("stall", "hang", "kill"), verb
            mount.state = verb
        if verb == "kill":
            for session in list(mount.sessions):
                session.close()
        return {"ok": line}

    async def run(self):
        listener = await asyncio.start_server(lambda r, w: Session(self, r, w).run(), "127.0.0.1", self.args.port, backlog=256)
        print("READY", listener.sockets[0].getsockname()[1], flush=True)
        commands = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        while line := (await commands.readline()).decode().strip():
            if line == "quit":
                break
            try:
                print(json.dumps(self.obey(line)), flush=True)
            except (KeyError, IndexError, AssertionError, ValueError) as e:
                print(json.dumps({"error": f"{line}: {e!r}"}), flush=True)
        os._exit(0)  # breaks every connection, as a power cut would


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", required=True, help="H.264 in Annex B form, no B-frames")
    parser.add_argument("--mounts", type=int, default=1, help="cam0 … camN-1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fps", type=float, default=5)
    parser.add_argument("--no-reports", action="store_true", help="send no RTCP sender reports")
    parser.add_argument("--clock-offset", type=float, default=0, help="seconds added to the wall clock in sender reports")
    asyncio.run(Server(parser.parse_args()).run())


if __name__ == "__main__":
    main()
