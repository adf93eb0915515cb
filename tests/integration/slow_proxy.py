"""A TCP proxy on the loopback that holds every message for as long as it is told. Standard library only."""

import heapq
import selectors
import socket
import threading
import time


class SlowProxy:
    """Between clients and 127.0.0.1:`port`. `delay_seconds` applies to each direction and may be changed at any time."""

    def __init__(self, port):
        self.delay_seconds = 0.0
        self._server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake_read, self._wake_write = socket.socketpair()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._peers = {}
        self._held = []
        self._number = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self):
        return self._listener.getsockname()[1]

    def close(self):
        self._wake_write.close()
        self._thread.join(10)

    def _serve(self):
        while True:
            wait = max(self._held[0][0] - time.monotonic(), 0) if self._held else None
            for key, _ in self._selector.select(wait):
                if key.fileobj is self._wake_read:
                    for one in [self._listener, self._wake_read, *self._peers]:
                        one.close()
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._receive(key.fileobj)
            now = time.monotonic()
            while self._held and self._held[0][0] <= now:
                _, _, target, data = heapq.heappop(self._held)
                self._send(target, data)

    def _accept(self):
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self._server_port), 5)
        except OSError:
            client.close()
            return
        for one, other in ((client, server), (server, client)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _receive(self, source):
        if source not in self._peers:
            return
        try:
            data = source.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self._end(source)
            return
        self._number += 1
        # The end of a connection is passed on at once; what was held then is lost, as on a real way.
        heapq.heappush(self._held, (time.monotonic() + self.delay_seconds, self._number, self._peers[source], data))

    def _send(self, target, data):
        if target not in self._peers:
            return
        try:
            target.sendall(data)
        except OSError:
            self._end(target)

    def _end(self, one):
        other = self._peers.pop(one, None)
        if other is None:
            return
        self._peers.pop(other, None)
        for each in (one, other):
            self._selector.unregister(each)
            each.close()
