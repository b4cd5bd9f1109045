"""A TCP proxy whose packets can vanish, as on a network that is cut without a word."""

from __future__ import annotations

import ctypes
import socket
import struct
from contextlib import ExitStack, suppress
from threading import Lock, Thread
from typing import Final, Self

# A socket filter of one instruction, "return 0", drops every packet that arrives, before TCP sees it: it is
# neither acknowledged nor answered, as if the cable were cut (https://docs.kernel.org/networking/filter.html).
_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_DROP: Final = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0), 8)
_PROGRAM: Final = struct.pack("HL", 1, ctypes.addressof(_DROP))


class Proxy:
    """A proxy on a port of this machine for one on another port.

    Between :meth:`cut` and :meth:`join` packets vanish in both directions, and connections cannot be made.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._resources = ExitStack()
        self._lock = Lock()
        self._sockets: set[socket.socket] = set()
        self._is_cut = False

    def __enter__(self) -> Self:
        self._listener = self._resources.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port: int = self._listener.getsockname()[1]
        self._watch(self._listener)
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            for each in self._sockets:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._resources.close()

    @property
    def connections(self) -> int:
        """Return the number of connections that are open."""
        with self._lock:
            return (len(self._sockets) - 1) // 2

    def cut(self) -> None:
        """Let every packet vanish, until :meth:`join`."""
        self._set_cut(is_cut=True)

    def join(self) -> None:
        """Let packets pass again."""
        self._set_cut(is_cut=False)

    def _set_cut(self, *, is_cut: bool) -> None:
        with self._lock:
            self._is_cut = is_cut
            for each in self._sockets:
                self._filter(each)

    def _filter(self, each: socket.socket) -> None:
        with suppress(OSError):  # it had no filter, or was closed
            if self._is_cut:
                each.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _PROGRAM)
            else:
                each.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)

    def _watch(self, *sockets: socket.socket) -> None:
        with self._lock:
            self._sockets.update(sockets)
            if self._is_cut:
                for each in sockets:
                    self._filter(each)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._target_port)) as server:
            self._watch(client, server)
            back = Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            _pass_on(client, server)
            back.join()
            with self._lock:
                self._sockets -= {client, server}


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
