"""What the reader promises, on real files."""

import base64
import hashlib
import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import document_reader as reader


class ReaderTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.outside = Path(folder.name).resolve()
        self.root = self.outside / "documents"
        self.root.mkdir()

    def write(self, name, content):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def ask(self, path):
        with mock.patch.dict(os.environ, {"DOCUMENT_ROOT": str(self.root)}):
            return reader.handler({"path": path}, None)

    def test_describes_the_document(self):
        content = "# Grüße\n\nzwei".encode()
        self.write("guide.md", content)
        answer = self.ask("guide.md")
        self.assertEqual(
            answer["document"],
            {
                "name": "guide.md",
                "media_type": "text/markdown",
                "bytes": 15,
                "sha256": hashlib.sha256(content).hexdigest(),
                "encoding": "utf-8",
                "lines": 3,
            },
        )
        self.assertEqual(answer["text"], "# Grüße\n\nzwei")

    def test_text_is_exact_to_the_byte(self):
        texts = [b"", b"\n", b"a\r\nb\rc\n", b"\xef\xbb\xbfbom", b"\x00\x1f\x7f", "\u2028\u2029\x85\x0b\x0c".encode(), "😀é".encode()]
        for content in texts:
            with self.subTest(content=content):
                self.write("text", content)
                answer = json.loads(json.dumps(self.ask("text")))
                self.assertEqual(answer["document"]["encoding"], "utf-8")
                self.assertEqual(answer["text"].encode("utf-8"), content)

    def test_what_is_not_utf8_comes_as_base64(self):
        surrogate, overlong, truncated = b"\xed\xa0\x80", b"\xc0\x80", b"ab\xe2\x82"
        for content in [b"\xff\xfe", surrogate, overlong, truncated, bytes(range(256)) * 7]:
            with self.subTest(content=content):
                self.write("data.bin", content)
                answer = self.ask("data.bin")
                self.assertEqual(answer["document"]["encoding"], "base64")
                self.assertEqual(base64.b64decode(answer["text"], validate=True), content)

    def test_counts_lines(self):
        for content, lines in [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2), (b"a\r\nb\r\n", 2)]:
            self.assertEqual(reader.count_lines(content), lines, content)

    def test_guesses_the_media_type_from_the_name_then_from_the_content(self):
        self.assertEqual(reader.media_type("a.rst", "utf-8"), "text/x-rst")
        self.assertEqual(reader.media_type("a.html", "utf-8"), "text/html")
        self.assertEqual(reader.media_type("LICENSE", "utf-8"), "text/plain")
        self.assertEqual(reader.media_type("LICENSE", "base64"), "application/octet-stream")

    def test_an_absolute_path_below_the_root_is_fine(self):
        file = self.write("a/b.txt", b"text")
        self.assertEqual(self.ask(str(file))["document"]["name"], "b.txt")
        self.assertEqual(self.ask("a/../a/b.txt")["text"], "text")

    def test_refuses_what_leads_outside(self):
        (self.outside / "secret.txt").write_text("secret")
        (self.outside / "documents-too").mkdir()
        (self.root / "link.txt").symlink_to(self.outside / "secret.txt")
        (self.root / "up").symlink_to(self.outside)
        paths = ["../secret.txt", "/etc/passwd", "link.txt", "up/secret.txt", "../documents-too/x", str(self.outside)]
        for path in paths:
            with self.subTest(path=path), self.assertRaises(reader.PathOutsideRoot):
                self.ask(path)

    def test_a_link_that_stays_below_the_root_is_followed(self):
        self.write("real.txt", b"text")
        (self.root / "link.txt").symlink_to("real.txt")
        self.assertEqual(self.ask("link.txt")["text"], "text")

    def test_what_is_missing_is_not_found(self):
        self.write("file", b"")
        (self.root / "circle").symlink_to("circle")
        for path in ["missing", "file/below", "circle"]:
            with self.subTest(path=path), self.assertRaises(reader.DocumentNotFound):
                self.ask(path)

    def test_only_a_regular_file_is_a_document(self):
        os.mkfifo(self.root / "pipe")
        with self.assertRaises(reader.NotADocument):
            self.ask("pipe")
        (self.root / "folder").mkdir()
        with self.assertRaises(reader.NotADocument):
            self.ask("folder")

    def test_an_event_without_a_path_is_invalid(self):
        for event in [{}, {"path": None}, {"path": ""}, {"path": 1}, {"path": "a\0b"}, [], "path", None]:
            with self.subTest(event=event), self.assertRaises(reader.InvalidEvent):
                reader.requested_path(event)

    def test_says_what_is_wrong_with_the_root(self):
        for environment in [{}, {"DOCUMENT_ROOT": ""}, {"DOCUMENT_ROOT": str(self.root / "none")}]:
            with self.subTest(environment=environment), self.assertRaisesRegex(reader.ConfigurationError, "DOCUMENT_ROOT"):
                reader.document_root(environment)

    def test_a_warmup_reads_nothing(self):
        self.assertEqual(reader.handler({"warmup": True}, None), {"warmup": True})


if __name__ == "__main__":
    unittest.main()
