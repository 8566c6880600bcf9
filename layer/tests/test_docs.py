"""The pages about publishing: their commands run as they stand there, what they name exists, and their links lead somewhere."""

import json
import re
import unittest

from delivery.templates import FOLDERS, STACKS, Template, deployed
from delivery.translation import evaluations
from tests.aws import REPOSITORY, layer_zip
from tests.test_aws import ROLE, TRUST, policy
from tests.test_deploying import WithFunctions

PAGES = [
    REPOSITORY / page
    for page in (
        "layer/README.md",
        "docs/upgrading.md",
        "docs/troubleshooting.md",
        "docs/moving-from-step-functions-agent.md",
        "docs/operating.md",
        "docs/deploying.md",
    )
]
# Everything else in the blocks of the layer's page is built, not deployed.
VERBS = "deploy|diff|destroy|dead-letters|redrive|attach|detach|publish-x86|publish-arm"


def commands(page):
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if re.match(f"make ({VERBS})\\b", line)]


class Commands(WithFunctions):
    def setUp(self):
        super().setUp()
        self.client("iam").create_role(RoleName="function", AssumeRolePolicyDocument=policy(TRUST))
        self.addCleanup(self.client("iam").delete_role, RoleName="function")
        self.content_table("AgentContext")
        code = {"ZipFile": layer_zip(self.folder, "arm64").read_bytes()}
        self.client("lambda").create_function(
            FunctionName="my-function",
            Runtime="python3.13",
            Handler="a.b",
            Role=ROLE,
            Code=code,
            Architectures=["arm64"],
        )
        self.addCleanup(self.client("lambda").delete_function, FunctionName="my-function")

    def queues_of_dead_letters(self):
        """As the stack of messages makes them. Returns what removes them: they would be in its way."""
        queues = self.client("sqs")
        dead = queues.create_queue(QueueName="rez-agent-notifications-dead-letters-dev")["QueueUrl"]
        arn = queues.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy_of_source = {"deadLetterTargetArn": arn, "maxReceiveCount": "3"}
        source = queues.create_queue(
            QueueName="rez-agent-notifications-dev", Attributes={"RedrivePolicy": json.dumps(policy_of_source)}
        )["QueueUrl"]
        return [lambda url=url: queues.delete_queue(QueueUrl=url) for url in (dead, source)]

    def test_each_does_what_it_says(self):
        for page in PAGES:
            with self.subTest(page.name):
                self.assertGreaterEqual(len(commands(page)), 2)
                made = self.queues_of_dead_letters() if page.name == "operating.md" else []
                for typed in commands(page):
                    words = re.findall(r'(?:[^\s"]|"[^"]*")+', typed)[1:]
                    self.succeeds(*[word.replace('"', "") for word in words], *self.zips, f"ZIPS={self.folder}")
                for remove in made:
                    remove()
                # A layer that is attached could not go with the next page's stage.
                self.client("lambda").update_function_configuration(FunctionName="my-function", Layers=[])


class Names(unittest.TestCase):
    def test_variables_of_make_are_the_makefiles(self):
        makefile = (REPOSITORY / "Makefile").read_text()
        for page in PAGES:
            for name in re.findall(r"`([A-Z_0-9]+)=[…`]", page.read_text()):
                with self.subTest(page=page.name, name=name):
                    self.assertTrue(f"$({name})" in makefile or self.is_setting(name))

    def is_setting(self, name):
        return f"`{name}`" in (REPOSITORY / "README.md").read_text()

    def test_stacks_and_exports_are_those_of_the_templates(self):
        page, every = PAGES[0].read_text(), PAGES[-1].read_text()
        for template in deployed():
            self.assertIn(f"`{template.stack}-{{stage}}`", every)
            self.assertIn(template.path.name, every)
        for template in (template for template in deployed() if template.path.parent == FOLDERS["layer"]):
            self.assertIn(f"`{template.stack}-{{stage}}`", page)
            for _, evaluation in evaluations(template):
                for name in evaluation.exports:
                    self.assertIn(f"`{name.rpartition('-')[0]}-{{stage}}`", page)

    def test_parameters_are_those_of_the_templates(self):
        documented = re.search(r"`PARAMETERS` are those of the templates\s+\(([^)]*)\)", PAGES[0].read_text())[1]
        optional = [
            name for name, given in Template.read(STACKS / "long-content.yaml").parameters.items() if "Default" in given
        ]
        names = re.findall(r"`(\w+)`", documented)
        self.assertEqual(names, [name for name in optional if not name.startswith("Held")])

    def test_every_error_has_its_first_look(self):
        source = (REPOSITORY / "extension/src/error.rs").read_text()
        named = re.findall(r'Self::\w+ => "(\w+)",', source)
        self.assertEqual(len(named), 9)
        page = PAGES[2].read_text()
        self.assertEqual([name for name in named if f"| `LongContent.{name}` |" not in page], [])

    def test_what_the_log_says_is_in_the_source(self):
        folders = ("extension/src", "wrapper/src", "layer/delivery")
        paths = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.[rp][sy]")]
        source = "".join(path.read_text() for path in paths)
        for said in (
            "cannot execute ", "no command to run", "no Runtime API proxy at", "reference kept", "Extension.PortTaken",
            "Extension.ConfigInvalid", "response sent without offloading", "stack busy", "stack broken", "export in use",
            "resource exists", "missing dependency", "permission denied", "no region",
        ):  # fmt: skip
            with self.subTest(said):
                self.assertIn(said, source)
                self.assertIn(said.strip(), PAGES[2].read_text().replace("\n   ", " "))


class Links(unittest.TestCase):
    def test_lead_somewhere(self):
        for page in PAGES:
            for target, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", page.read_text()):
                with self.subTest(page=page.name, target=target, anchor=anchor):
                    path = (page.parent / target) if target else page
                    self.assertTrue(path.exists())
                    self.assertTrue(not anchor or anchor in headings(path))


def headings(page):
    """As the anchors that are made of them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


class Decisions(unittest.TestCase):
    def test_each_has_a_number_of_its_own_which_its_heading_repeats(self):
        pages = sorted((REPOSITORY / "docs/adr").glob("[0-9]*.md"))
        numbers = [int(page.name[:4]) for page in pages]
        self.assertEqual(numbers, list(range(1, len(pages) + 1)))
        for number, page in zip(numbers, pages):
            self.assertRegex(page.read_text(), rf"^# (ADR )?{number}[.:]", page.name)
