"""A small web server, for what pingap fetches from one or pushes to it."""

import http.server
import ssl
import threading


class Web:
    """Answers each request with what `answer(request, body)` gives: status, fields, body.

    `request` has a command, a path and headers. On `port` if there is one; over TLS with the
    certificate `tls`. Runs inside `with`.
    """

    def __init__(self, answer, port=0, tls=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self):
                size = int(self.headers.get("Content-Length", 0))
                status, fields, body = answer(self, self.rfile.read(size))
                self.send_response(status)
                for name, value in {**fields, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = _answer

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        if tls:
            settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            settings.load_cert_chain(tls.cert, tls.key)
            self._server.socket = settings.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
