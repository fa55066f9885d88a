"""A host behind TLS with an authority of its own, and a proxy that only knows CONNECT, as companies have them. openssl and the standard
library only."""

import os
import socket
import ssl
import subprocess
import threading


def make_authority(folder, *names):
    """(path of the authority's certificate, of a server certificate for those names, of its key)"""
    def run(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Authority of acme")
    run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tls.key", "-out", "tls.csr", "-subj", "/CN=" + names[0])
    with open(os.path.join(folder, "names"), "w", encoding="utf-8") as out:
        out.write("subjectAltName=" + ",".join("DNS:" + name for name in names))
    run("x509", "-req", "-in", "tls.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-out", "tls.pem",
        "-extfile", "names")
    return tuple(os.path.join(folder, name) for name in ("ca.pem", "tls.pem", "tls.key"))


def cover(fake, name, certificate, key):
    """The fake's server speaks only TLS from now on, as `name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    fake.server.socket = context.wrap_socket(fake.server.socket, server_side=True, do_handshake_on_connect=False)
    fake.url = "https://%s:%d" % (name, fake.server.server_port)


class Proxy:
    """CONNECT NAME:PORT leads to that port of this machine, whatever the name is: nobody else could know the way."""

    def __init__(self):
        self.asked, self.listener = [], socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(one,), daemon=True).start()

    def serve(self, one):
        head = b""
        while b"\r\n\r\n" not in head:
            more = one.recv(4096)
            if not more:
                one.close()
                return
            head += more
        line = head.split(b"\r\n")[0].decode()
        self.asked.append(line)
        method, target, _ = line.split(" ")
        if method != "CONNECT":
            one.sendall(b"HTTP/1.1 405 Only CONNECT\r\nContent-Length: 0\r\n\r\n")
            one.close()
            return
        other = socket.create_connection(("127.0.0.1", int(target.rsplit(":", 1)[1])))
        one.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=pass_on, args=(other, one), daemon=True)
        back.start()
        pass_on(one, other)
        back.join()
        one.close()
        other.close()

    def close(self):
        self.listener.close()


def pass_on(source, sink):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
