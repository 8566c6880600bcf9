"""What may be published is looked into first."""

import struct
import tempfile
import unittest
from pathlib import Path

from delivery import Refusal
from delivery.connection import processor
from delivery.layers import ARCHITECTURES, PROGRAMS, LayerZip, is_ours
from tests.aws import layer_zip

ARN = "arn:aws:lambda:eu-central-1:123456789012:layer:"


class LayerZips(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_a_zip_of_the_layer_is_read(self):
        for architecture in ("x86_64", "arm64"):
            self.assertEqual(
                LayerZip.read(layer_zip(self.folder, architecture), architecture).architecture, architecture
            )

    def test_another_content_is_another_key(self):
        keys = {LayerZip.read(layer_zip(self.folder, "arm64", content), "arm64").key for content in (b"1", b"2", b"1")}
        self.assertEqual(len(keys), 2)

    def test_what_is_no_layer_is_refused(self):
        faults = {
            "is not for x86_64": layer_zip(self.folder, "arm64"),
            "is not executable": layer_zip(self.folder, "x86_64", mode=0o644),
        }
        for said, path in faults.items():
            with self.assertRaisesRegex(Refusal, said):
                LayerZip.read(path, "x86_64")

    def test_a_script_in_place_of_a_program_is_refused(self):
        with self.assertRaisesRegex(Refusal, "is not a Linux executable"):
            LayerZip.read(layer_zip(self.folder, "x86_64", magic=b"#!/b"), "x86_64")

    def test_a_missing_program_is_named(self):
        with self.assertRaisesRegex(Refusal, "lrap-wrapper/wrapper"):
            LayerZip.read(layer_zip(self.folder, "x86_64", programs=PROGRAMS[:1]), "x86_64")

    def test_a_missing_zip_says_how_to_build_it(self):
        with self.assertRaisesRegex(Refusal, "missing dependency.*make layer"):
            LayerZip.read(f"{self.folder}/none.zip", "x86_64")

    def test_on_this_machine_the_layer_for_the_other_processor_need_not_be_built(self):
        (other,) = ARCHITECTURES.keys() - {processor()}
        layer = LayerZip.read(f"{self.folder}/none.zip", other, "local")
        self.assertEqual(LayerZip.read(layer.path, other, "dev").content, layer.content)
        self.assertEqual(layer.key, LayerZip.read(f"{self.folder}/none.zip", other, "local").key)
        for architecture, stage in ((processor(), "local"), (other, "dev")):
            with self.assertRaisesRegex(Refusal, "missing dependency.*make layer"):
                LayerZip.read(f"{self.folder}/none.zip", architecture, stage)

    def test_links_to_a_build_are_for_the_stage_on_this_machine_only(self):
        program = Path(self.folder, "program")
        program.write_bytes(b"\x7fELF" + bytes(14) + struct.pack("<H", ARCHITECTURES["arm64"][1]))
        path = layer_zip(self.folder, "arm64", link=program)
        self.assertEqual(LayerZip.read(path, "arm64", "local").architecture, "arm64")
        with self.assertRaisesRegex(Refusal, "links to a build on this machine, which only STAGE=local runs"):
            LayerZip.read(path, "arm64", "prod")
        with self.assertRaisesRegex(Refusal, "is not for x86_64"):
            LayerZip.read(path, "x86_64", "local")
        program.unlink()
        with self.assertRaisesRegex(Refusal, "missing dependency: .* links to .*program, which does not exist"):
            LayerZip.read(path, "arm64", "local")

    def test_the_layer_is_known_by_its_name(self):
        self.assertTrue(
            all(is_ours(ARN + name) for name in ("lrap-arm64-dev:1", "lrap-x86_64-prod:12", "lrap-arm64:3"))
        )
        self.assertFalse(any(is_ours(ARN + name) for name in ("lrap-arm64-dev-tools:1", "other:1")))
