"""What a packaged function holds, and that nothing of the machine gets into it."""

import hashlib
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

FUNCTIONS = Path(__file__).resolve().parent


class PackageTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def package(self, function, name="function.zip"):
        """The zip, and how making it ended."""
        path = self.folder / name
        ended = subprocess.run(
            [sys.executable, FUNCTIONS / "package", function, path], cwd=self.folder, capture_output=True, text=True
        )
        return path, ended

    def names(self, function):
        path, ended = self.package(function)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()

    def write(self, name, content="", mode=0o644):
        file = self.folder / "mine" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(mode)
        return file

    def wheel(self):
        """One that has a module, a program, and nothing else."""
        path = self.folder / "tiny-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("tiny.py", "def run(): pass\n")
            archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
            archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr("tiny-1.0.dist-info/entry_points.txt", "[console_scripts]\ntiny = tiny:run\n")
            archive.writestr("tiny-1.0.dist-info/RECORD", "")
        return path

    def test_s3_04_the_handler_lies_where_its_name_says(self):
        package = "spec3_mcp_lambda"
        self.assertEqual(
            self.names(FUNCTIONS / "spec3-mcp"),
            [
                f"{package}/__init__.py",
                f"{package}/handlers/__init__.py",
                f"{package}/handlers/spec3_lambda.py",
                f"{package}/server.py",
                f"{package}/tools.py",
            ],
        )

    def test_the_node_function_is_modules_at_the_root(self):
        self.assertEqual(self.names(FUNCTIONS / "document-splitter"), ["split.mjs", "splitter.mjs", "utf8.mjs"])

    def test_is_the_same_whatever_the_time_modes_and_compiled_modules(self):
        file = self.write("src/a.py", "a = 1\n")
        first, _ = self.package(self.folder / "mine", "first.zip")
        os.utime(file, (1, 1))
        self.write("src/__pycache__/a.cpython-311.pyc", "compiled")
        file.chmod(0o600)
        second, _ = self.package(self.folder / "mine", "second.zip")
        self.assertEqual(*(hashlib.sha256(path.read_bytes()).hexdigest() for path in (first, second)))

    def test_everybody_may_read_its_files(self):
        self.write("src/a.py", mode=0o600)
        path, _ = self.package(self.folder / "mine")
        with zipfile.ZipFile(path) as archive:
            self.assertEqual({entry.external_attr >> 16 for entry in archive.infolist()}, {0o100644})

    def test_requirements_lie_beside_the_source_without_their_programs(self):
        self.write("src/a.py")
        self.write("requirements.txt", str(self.wheel()))
        names = self.names(self.folder / "mine")
        self.assertEqual([name for name in names if ".dist-info/" not in name], ["a.py", "tiny.py"])
        self.assertIn("tiny-1.0.dist-info/METADATA", names)
        self.assertNotIn("tiny-1.0.dist-info/RECORD", names)

    def test_what_is_not_there_as_a_wheel_ends_it(self):
        self.write("src/a.py")
        self.write("requirements.txt", str(self.folder / "gone-1.0-py3-none-any.whl"))
        path, ended = self.package(self.folder / "mine")
        self.assertEqual((ended.returncode, path.exists()), (1, False))
        self.assertIn("requirements.txt", ended.stderr)

    def test_a_function_without_source_ends_it(self):
        path, ended = self.package(self.folder)
        self.assertEqual((ended.returncode, path.exists()), (1, False))
        self.assertIn("src is not a folder", ended.stderr)


if __name__ == "__main__":
    unittest.main()
