#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tags-server.py PORTFILE LOGFILE: lists of tags in pages, true and hostile ones, by the repository's name. The
log has the path and query of each request, and its Authorization."""
import http.server
import json
import sys
import urllib.parse

PORTFILE, LOGFILE = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for head and body, or each answer waits for an acknowledgement

    def log_message(self, *args):
        pass

    def answer(self, body, link=None, status=200):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for value in [link] if isinstance(link, str) else link or []:
            self.send_header("Link", value)
        self.end_headers()
        self.wfile.write(data)

    def page(self, name, query, base):
        """Tags t0 to t249, by the number that is asked for, at most 100 a time."""
        start, n = int(query.get("last", ["-1"])[0]) + 1, min(int(query["n"][0]), 100)
        tags = [f"t{i}" for i in range(start, min(start + n, 250))]
        last = start + len(tags) - 1
        link = f'<{base}?last={last}&n={n}>; rel="next"' if last < 249 else None
        self.answer({"name": name, "tags": tags}, link)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        with open(LOGFILE, "a") as log:
            print(self.path, self.headers.get("Authorization", "-"), file=log)
        name = url.path[len("/v2/"):-len("/tags/list")]
        last = int(query.get("last", ["0"])[0])
        if name == "pages":
            self.page(name, query, f"/v2/{name}/tags/list")
        elif name == "elsewhere":
            other = query.get("other", [""])[0] or "127.0.0.1:1"
            self.page(name, query, f"http://{other}/v2/other/tags/list")
        elif name == "secret" and "Authorization" not in self.headers:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif name == "secret":
            self.page(name, query, "http://other.invalid/v2/secret/tags/list")
        elif name == "unsorted":
            self.answer({"tags": ["b", "a", "c"]}, ['</x?n=1>; rel="prev"', '</y?n=2>; rel="first"'])
        elif name == "null":
            self.answer({"name": name, "tags": None})
        elif name == "endless":
            self.answer({"tags": []}, f'<?last={last + 1}>; rel="next"')
        elif name == "loop":
            self.answer({"tags": ["a"]}, '<?last=7>; rel="next"')
        elif name == "nowhere":
            self.answer({"tags": ["a"]}, '</v2/nowhere/tags/list>; rel="next"')
        elif name == "huge":
            self.answer(b'{"tags": [' + b'"a",' * (5 << 20) + b'"a"]}')
        elif name == "heavy":
            tags = [f"{last}-{i:06}".rjust(100, "x") for i in range(20000)]
            self.answer({"tags": tags}, f'<?last={last + 1}>; rel="next"')
        elif name == "many":
            self.answer({"tags": ["a"] * 100000}, f'<?last={last + 1}>; rel="next"')
        elif name == "escape":
            self.answer({"tags": ["\x1b]0;owned\x07"]})
        elif name == "list":
            self.answer(["a"])
        elif name == "html":
            self.answer(b"<html>")
        else:
            self.answer({"errors": [{"code": "NAME_UNKNOWN", "message": "unknown"}]}, status=404)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(PORTFILE, "w") as f:
    f.write(str(server.server_address[1]))
server.serve_forever()
