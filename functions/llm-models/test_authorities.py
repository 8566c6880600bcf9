"""The bundle of certificate authorities: what is made of a list, what is refused, and what is in the repository."""

import importlib.machinery
import importlib.util
import ssl
import tempfile
import unittest
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def module():
    loader = importlib.machinery.SourceFileLoader("authorities", str(HERE / "authorities"))
    spec = importlib.util.spec_from_loader("authorities", loader)
    found = importlib.util.module_from_spec(spec)
    loader.exec_module(found)
    return found


authorities = module()
ONE = '# Issuer: CN=A\n# Label: "A"\n# Serial: 1\n-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n'


class Bundle(unittest.TestCase):
    def test_each_certificate_comes_under_its_name(self):
        made = authorities.bundle(ONE * 80, "list==1")
        self.assertTrue(made.startswith("# Mozilla's list of certificate authorities as list==1 has it."))
        self.assertEqual(made.count("\n# A\n-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"), 80)
        self.assertNotIn("Serial", made)

    def test_a_list_of_another_form_is_refused(self):
        for text in (ONE, ONE * 80 + ONE.replace("# Label", "# Name")):
            with self.assertRaisesRegex(SystemExit, "certificates with a label"):
                authorities.bundle(text, "list==1")

    def test_is_made_of_a_wheel(self):
        with tempfile.TemporaryDirectory() as folder:
            wheel, made = Path(folder) / "list.whl", Path(folder) / "ca.pem"
            with zipfile.ZipFile(wheel, "w") as archive:
                archive.writestr(authorities.INSIDE, ONE * 80)
            authorities.main(["--wheel", str(wheel), "--bundle", str(made)])
            self.assertEqual(made.read_text().count("BEGIN CERTIFICATE"), 80)

    def test_the_one_here_is_of_the_pinned_list_and_every_certificate_can_be_read(self):
        text = authorities.BUNDLE.read_text()
        pinned = authorities.PIN.read_text().split("\n")[1].split()[0]
        self.assertIn(pinned, text.partition("\n")[0])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=text)
        self.assertGreaterEqual(context.cert_store_stats()["x509_ca"], authorities.LEAST)


if __name__ == "__main__":
    unittest.main()
