"""Publishing a layer version without a stack. It is the layer that the stack would make: its properties are the template's."""

from delivery.account import FromFile
from delivery.evaluation import Evaluation
from delivery.layers import CONTENT_TABLE, EXEC_WRAPPER, WRAPPER, version
from delivery.templates import STACKS, Template

TEMPLATE = STACKS / "extension-layer.yaml"


def publish(account, layer_zip, stage):
    """Publishes ``layer_zip``, and says how to attach what came of it. Returns the ARN, or ``None`` in a dry run."""
    properties = layer_properties(layer_zip.architecture, stage)
    published = account.change(
        "lambda", "publish_layer_version", **properties, Content={"ZipFile": FromFile(layer_zip.path)}
    )
    if published is None:
        return None
    arn = published["LayerVersionArn"]
    account.say(f"""{arn}

Attach it:     make attach FUNCTION=… STAGE={stage} LAYER_ARN={arn}
or by hand, the layer after the function's own, with two variables:
{EXEC_WRAPPER}={WRAPPER}
{CONTENT_TABLE}=AgentContext-{stage}
If the stage has no table yet, `make deploy ONLY=layer STAGE={stage}` makes it.""")
    return arn


def layer_properties(architecture, stage):
    """Of the layer for ``architecture`` in the template: everything but where the zip lies."""
    template = Template.read(TEMPLATE)
    evaluation = Evaluation(template.document, {"Stage": stage, "Version": version()})
    layers = [layer["Properties"] for layer in evaluation.of_type("AWS::Lambda::LayerVersion").values()]
    (properties,) = [layer for layer in layers if layer["CompatibleArchitectures"] == [architecture]]
    return {name: value for name, value in properties.items() if name != "Content"}
