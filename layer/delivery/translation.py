"""SAM templates as CloudFormation sees them."""

import copy

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from delivery.evaluation import REGION, Evaluation, variants

SAM = "AWS::Serverless-2016-10-31"
# What our templates use it for: policies of deletion that depend on the stage.
LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"
POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")


class Untranslatable(Exception):
    """A SAM template that CloudFormation would refuse to expand."""


def evaluations(template):
    """The template under each set of parameters that makes a difference, as CloudFormation would make it a stack."""
    for given in variants(template.parameters):
        yield given, Evaluation(translated(template.document, given), given)


def translated(document, given):
    """The document itself, or what the SAM transform makes of it."""
    if SAM not in _transforms(document):
        return document
    document = copy.deepcopy(document)
    _upload_nothing(document)
    # The translator asks the session for nothing but its region.
    session = boto3.Session(region_name=REGION, aws_access_key_id="none", aws_secret_access_key="none")
    translator = Translator({}, Parser(), boto_session=session)
    try:
        return translator.translate(document, dict(given))
    except InvalidDocumentException as invalid:
        raise Untranslatable("; ".join(cause.message for cause in invalid.causes)) from invalid
    finally:
        # To nobody; it complains when it is not told to.
        translator.metrics.publish()


def plain(document, given):
    """A translated document without the transform that is left: CloudFormation then shows every change before it is made."""
    evaluation = Evaluation(document, given)
    for resource in document["Resources"].values():
        for policy in POLICIES:
            if policy in resource:
                resource[policy] = evaluation.value_of(resource[policy])
    rest = [transform for transform in _transforms(document) if transform != LANGUAGE_EXTENSIONS]
    return {name: rest if name == "Transform" else member for name, member in document.items() if name != "Transform" or rest}


def _transforms(document):
    transform = document.get("Transform", [])
    return transform if isinstance(transform, list) else [transform]


def _upload_nothing(document):
    """Puts an address in place of what packaging would upload: a folder on this machine is not an address."""
    for resource in document.get("Resources", {}).values():
        properties = resource.get("Properties", {})
        for name in ("CodeUri", "ContentUri", "DefinitionUri"):
            if isinstance(properties.get(name), str) and not properties[name].startswith("s3://"):
                properties[name] = "s3://packaged/" + properties[name].lstrip("./")
