"""Who leaves a Postgres server no connection for others. Standard library only."""

import socket
import struct
import threading


class Greedy:
    """Takes every connection that the server gives, the superuser's reserve included, until it is closed."""

    def __init__(self, port):
        self.port = port
        self.held = []
        self.refused = threading.Event()
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()

    def _take(self):
        while not self.ending.is_set():
            connection = socket.create_connection(("127.0.0.1", self.port), 5)
            names = b"user\0postgres\0database\0openrun\0application_name\0greedy\0\0"
            connection.sendall(struct.pack("!ii", len(names) + 8, 196608) + names)
            if connection.recv(1) == b"R":
                self.held.append(connection)
                continue
            connection.close()
            self.refused.set()
            self.ending.wait(0.02)

    def close(self):
        self.ending.set()
        self.thread.join(10)
        for connection in self.held:
            connection.close()
