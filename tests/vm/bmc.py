# SPDX-License-Identifier: GPL-3.0-or-later
"""The BMC behind the guest's KCS interface: a server that QEMU's device ipmi-bmc-extern connects to.

It speaks the protocol of OpenIPMI's "VM" serial codec: a message is the bytes
(sequence number, network function << 2, command, data..., checksum) with a mark
behind it, where marks inside are escaped. An answer has the network function + 1
and the completion code before its data.

    with Bmc(folder) as bmc:
        Machine(..., devices=bmc.devices())

The guest steers it by lines on /dev/ttyS1, each answered with "ok" but for "watts":

    watts W TIME    what the node drew up to TIME (s since 1970): the statistics are renewed
    silent          requests are not answered (nor later)
    code N          all DCMI requests get completion code N
    short           Get Power Reading gets 5 bytes
    other-group     answers carry another group's byte than DCMI's
    inactive        the reading is said not to be active
    reset           statistics begin anew, and the BMC is starting (0xD2) until it is told `normal`
    normal          as at first

(QEMU 7.2 ends with an error when the connection is lost while a request is under way, so it is kept.)

Sources: IPMI 2.0, DCMI 1.5, OpenIPMI's lanserv/README.vm.
"""
import os
import pathlib
import socket
import struct
import tempfile
import threading

END_OF_MESSAGE, END_OF_COMMAND, ESCAPE = 0xa0, 0xa1, 0xaa
APPLICATION, GROUP_EXTENSION, DCMI = 0x06, 0x2c, 0xdc

OK, UNKNOWN_COMMAND, STARTING = 0x00, 0xc1, 0xd2

# Get Device ID: device 0x20, revision 1, firmware 9.08, IPMI 2.0, manufacturer 0x1291, product 0xf02.
DEVICE_ID = bytes([0x20, 0x01, 0x09, 0x08, 0x02, 0x9f, 0x91, 0x12, 0x00, 0x02, 0x0f, 0, 0, 0, 0])

# What the kernel's driver asks beside that; its flags and enables are kept nowhere.
PLAIN_ANSWERS = {0x2e: b"", 0x2f: b"\x00", 0x30: b"", 0x31: b"\x00", 0x42: bytes([0x0f, 0x0c, 0x05, 0x80, 0xf2, 0x1b, 0, 0, 0])}


def framed(message):
    """With checksum and marks."""
    message = bytes(message) + bytes([-sum(message) & 0xff])
    out = bytearray()
    for byte in message:
        out += bytes([ESCAPE, byte | 0x10]) if byte in (END_OF_MESSAGE, END_OF_COMMAND, ESCAPE) else bytes([byte])
    return bytes(out) + bytes([END_OF_MESSAGE])


class Frames:
    """Takes bytes as they come and gives whole messages, without checksum; the device's own commands are passed over."""

    def __init__(self):
        self.bytes, self.escaped = bytearray(), False

    def feed(self, data):
        for byte in data:
            if byte == END_OF_MESSAGE:
                if len(self.bytes) > 3 and sum(self.bytes) & 0xff == 0:
                    yield bytes(self.bytes[:-1])
                self.bytes.clear()
            elif byte == END_OF_COMMAND:
                self.bytes.clear()
            elif byte == ESCAPE:
                self.escaped = True
            else:
                self.bytes.append(byte & ~0x10 if self.escaped else byte)
                self.escaped = False


class Statistics:
    """What the BMC says about the power: whole watts. Its clock is the guest's, whose time may be virtual."""

    def __init__(self):
        self.began_s = self.time_s = self.now_w = self.least_w = self.most_w = self.sum_w = self.n = 0

    def renew(self, watts, time_s):
        self.began_s = self.began_s or time_s
        self.time_s, self.now_w = time_s, watts
        self.least_w = min(self.least_w, watts) if self.n else watts
        self.most_w = max(self.most_w, watts)
        self.sum_w += watts
        self.n += 1

    def reading(self, active):
        words = (round(w) for w in (self.now_w, self.least_w, self.most_w, self.sum_w / max(self.n, 1)))
        return struct.pack("<HHHHIIB", *words, int(self.time_s), int((self.time_s - self.began_s) * 1000),
                           0x40 if active else 0)


class Bmc:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="wattstep-bmc-"))
        self.statistics, self.lock = Statistics(), threading.Lock()
        self.mode, self.ended = ["normal"], False
        self.servers = [self.listen("bmc", self.serve), self.listen("control", self.obey)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        for server, path in self.servers:
            server.close()
            os.unlink(path)
        self.folder.rmdir()

    def devices(self):
        return ["-chardev", f"socket,id=bmc,path={self.folder}/bmc,reconnect=1", "-device", "ipmi-bmc-extern,id=bmc0,chardev=bmc",
                "-device", "isa-ipmi-kcs,bmc=bmc0",
                "-chardev", f"socket,id=control,path={self.folder}/control,reconnect=1", "-serial", "chardev:control"]

    # ---- connections ----

    def listen(self, name, talk):
        server = socket.socket(socket.AF_UNIX)
        path = str(self.folder / name)
        server.bind(path)
        server.listen()
        threading.Thread(target=self.accept, args=(server, talk), daemon=True).start()
        return server, path

    def accept(self, server, talk):
        while not self.ended:
            try:
                link, _ = server.accept()
            except OSError:
                return
            with link:
                talk(link)

    @staticmethod
    def received(link):
        while True:
            try:
                data = link.recv(4096)
            except OSError:
                return
            if not data:
                return
            yield data

    def serve(self, link):
        frames = Frames()
        for data in self.received(link):
            for sequence, function, command, *rest in frames.feed(data):
                with self.lock:
                    answer = self.answer(function >> 2, command, bytes(rest))
                if answer is None:
                    continue
                try:
                    link.sendall(framed([sequence, function | 4, command, *answer]))
                except OSError:
                    return

    def obey(self, link):
        text = b""
        for data in self.received(link):
            text += data
            *lines, text = text.split(b"\n")
            for line in lines:
                words = line.decode(errors="replace").split() or ["normal"]
                self.command(words)
                if words[:1] != ["watts"]:
                    link.sendall(b"ok\n")

    def command(self, words):
        with self.lock:
            if words[0] == "watts":
                self.statistics.renew(float(words[1]), float(words[2]))
                return
            self.mode = words
            if words[0] == "reset":
                self.statistics = Statistics()

    # ---- answers: completion code and data; None: silence ----

    def answer(self, function, command, data):
        mode = self.mode[0]
        if mode == "silent":
            return None
        if mode == "reset":
            return bytes([STARTING])
        if function == APPLICATION and command == 0x01:
            return bytes([OK]) + DEVICE_ID
        if function == APPLICATION and command in PLAIN_ANSWERS:
            return bytes([OK]) + PLAIN_ANSWERS[command]
        if function != GROUP_EXTENSION or data[:1] != bytes([DCMI]):
            return bytes([UNKNOWN_COMMAND])
        group = 0xdd if mode == "other-group" else DCMI
        if mode == "code":
            return bytes([int(self.mode[1], 0), group])
        return self.dcmi(command, data, group)

    def dcmi(self, command, data, group):
        if command == 0x01 and data[1:2] == b"\x01":  # capabilities: DCMI 1.5, power management, in-band
            return bytes([OK, group, 1, 5, 2, 0, 1, 1])
        if command == 0x02 and data[1:2] == b"\x01":
            reading = self.statistics.reading(self.mode[0] != "inactive")
            return bytes([OK, group]) + (reading[:3] if self.mode[0] == "short" else reading)
        return bytes([UNKNOWN_COMMAND, group])
