"""Stand in for a Redis that speaks TLS, which the embedded server is not built with."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack, suppress
from threading import Thread
from typing import TYPE_CHECKING, Self

import trustme

if TYPE_CHECKING:
    from pathlib import Path


class FakeTlsFront:
    """Take TLS connections with a certificate of its own authority and pass on what they say.

    ``ca_file`` is the authority's certificate, ``port`` the port on ``localhost``.
    """

    def __init__(self, folder: Path, target_port: int) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self._context)
        self._target_port = target_port
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
