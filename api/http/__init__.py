"""An HTTP/1.1 server on Trio: bytes become a `Request`, a `Response` becomes bytes.

`head` and `body` are the protocol without I/O, `channel` the socket, `connection` one client's requests one
after the other, `server` all of them, `asgi` the way in for applications of that kind.
"""
