"""Certificates for tests, made by the openssl command."""
import datetime
import pathlib
import subprocess


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=60)


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder, name):
        self.folder, self.name = pathlib.Path(folder), name
        self.key, self.cert = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-out", self.cert, "-days", 2, "-subj", f"/CN={name}")

    def issue(self, name, expired=False, names="IP:127.0.0.1,IP:::1,DNS:localhost"):
        """(certificate file, key file) of a leaf for this machine, or for other names."""
        key, csr, cert = (self.folder / f"{self.name}-{name}.{end}" for end in ("key", "csr", "pem"))
        extensions = self.folder / "extensions"
        extensions.write_text(f"subjectAltName={names}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", csr,
                "-subj", f"/CN={name}")
        if not expired:
            openssl("x509", "-req", "-in", csr, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-out", cert,
                    "-days", 1, "-extfile", extensions)
            return cert, key
        # `openssl ca` alone can date a certificate into the past
        (self.folder / "index").write_text("")
        (self.folder / "serial").write_text("01\n")
        config = self.folder / "ca.cnf"
        config.write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.folder}/index\nserial={self.folder}/serial\n"
                          f"new_certs_dir={self.folder}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
        past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=10)
        openssl("ca", "-batch", "-config", config, "-in", csr, "-out", cert, "-cert", self.cert, "-keyfile", self.key,
                "-notext", "-startdate", past.strftime("%y%m%d%H%M%SZ"),
                "-enddate", (past + datetime.timedelta(days=1)).strftime("%y%m%d%H%M%SZ"))
        return cert, key
