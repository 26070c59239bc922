"""An HTTP/1.1 server on Trio: bytes become a `Request`, a `Response` becomes bytes.

`head`, `body` and `wire` are the protocol without I/O, `channel` the socket, `exchange` a request and its
answer, `connection` one client's requests one after the other, `house` what the connections share, `server`
all of them, `turns` who has to wait, `asgi` the way in for applications of that kind.
"""
