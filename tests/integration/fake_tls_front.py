"""Stand in for a Redis that speaks TLS, which the embedded server is not built with."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack, suppress
from threading import Thread
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from trustme import CA


class FakeTlsFront:
    """Take TLS connections on ``localhost`` and pass on what they say to a server that speaks none.

    Its certificate comes from ``authority``; with ``of_clients`` a client needs one of that authority.
    """

    def __init__(self, target_port: int, authority: CA, *, of_clients: CA | None = None) -> None:
        self._target_port = target_port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self._context)
        if of_clients is not None:
            self._context.verify_mode = ssl.CERT_REQUIRED
            of_clients.configure_trust(self._context)
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        self._listener = self._resources.enter_context(socket.create_server(("localhost", 0)))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._resources.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with (
            suppress(OSError),
            self._context.wrap_socket(plain, server_side=True) as client,
            socket.create_connection(("localhost", self._target_port)) as server,
        ):
            back = Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            _pass_on(client, server)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
