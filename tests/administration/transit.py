"""A local server that speaks the encrypt and decrypt calls of Vault's transit engine."""

import base64
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from cogmill.kit.crypto import seal, unseal


class TransitService:
    """One key named `cogmill`, for callers with the token."""

    def __init__(self, token):
        self.token, self.key = token, os.urandom(32)
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                code, data = service.answer(self.path, self.headers.get("X-Vault-Token"), body)
                answer = json.dumps({"data": data} if code == 200 else {"errors": [data]}).encode()
                self.send_response(code)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/transit/keys/cogmill"

    def answer(self, path, token, body):
        if token != self.token:
            return 403, "permission denied"
        if path == "/v1/transit/encrypt/cogmill":
            return 200, {"ciphertext": "vault:v1:" + seal(self.key, base64.b64decode(body["plaintext"]), "")}
        if path == "/v1/transit/decrypt/cogmill":
            plain = unseal(self.key, body["ciphertext"].removeprefix("vault:v1:"), "")
            return 200, {"plaintext": base64.b64encode(plain).decode()}
        return 404, "no such key"

    def __enter__(self):
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
