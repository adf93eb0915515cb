"""Certificates of our own, and the configuration of a Kafka and a Postgres that take TLS alone. Needs openssl."""

import pathlib
import subprocess

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """Signs certificates; its own stands in `certificate`."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder)
        self.name = name
        self.certificate = self.folder / f"{name}.crt"
        openssl("req", "-x509", *KEY, "-days", 2, "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign", "-keyout", self._key(name), "-out", self.certificate)

    def sign(self, name, alternative=None):
        """Makes a key and its certificate; returns the two files. Without an alternative name it is a client's."""
        request, certificate = self.folder / f"{name}.csr", self.folder / f"{name}.crt"
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n" if alternative else "extendedKeyUsage=clientAuth\n")
        openssl("req", *KEY, "-subj", f"/CN={name}", "-keyout", self._key(name), "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key(self.name), "-CAcreateserial",
                "-days", 2, "-extfile", extensions, "-out", certificate)
        return self._key(name), certificate

    def _key(self, name):
        return self.folder / f"{name}.key"


def kafka_properties(plain, controller, secure, mutual, keystore, truststore, password):
    """Two listeners more: SASL over TLS, and TLS with a certificate of the client. Between ./dev and the broker all stays as it was."""
    return f"""
listeners=BROKER://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},SECURE://127.0.0.1:{secure},MUTUAL://127.0.0.1:{mutual}
advertised.listeners=BROKER://127.0.0.1:{plain},SECURE://127.0.0.1:{secure},MUTUAL://127.0.0.1:{mutual}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL,MUTUAL:SSL
listener.name.secure.sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_openrun="{password}";
listener.name.mutual.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
"""


# The superuser is the tests' own; openrun comes by TLS, with a certificate and a password, or not at all.
HBA = """
local   all all      trust
host    all postgres 127.0.0.1/32 trust
hostssl all openrun  127.0.0.1/32 scram-sha-256 clientcert=verify-ca
"""
