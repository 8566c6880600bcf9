"""What outlives its stack: everywhere but in development, whatever cannot be made again."""

DEVELOPMENT = ("dev", "local")
# A function cannot be rolled back to a layer version that is gone, and nobody gets a table's items back.
LASTING = ("AWS::DynamoDB::Table", "AWS::Lambda::LayerVersion", "AWS::SecretsManager::Secret", "AWS::KMS::Key")


def check(template):
    """Resources that a stack takes with it where it must not, or leaves behind in development."""
    found = set()
    for given, evaluation in template.evaluations:
        for name, resource in evaluation.resources.items():
            if resource["Type"] in LASTING:
                found.update(f"{template.name}: {name}: {problem}" for problem in _problems(resource, given["Stage"]))
    yield from sorted(found)


def kept(evaluation):
    """Logical names of what stays when the stack is deleted."""
    return [name for name, resource in evaluation.resources.items() if _deletion(resource).startswith("Retain")]


def _problems(resource, stage):
    policies = (_deletion(resource), resource.get("UpdateReplacePolicy", "Delete"))
    protected = resource.get("Properties", {}).get("DeletionProtectionEnabled", False)
    if stage in DEVELOPMENT:
        if any(policy != "Delete" for policy in policies) or protected:
            yield f"is not deleted when {stage} is destroyed"
        return
    if "Delete" in policies:
        yield f"is deleted with its stack, or replaced, in {stage}"
    if resource["Type"] == "AWS::DynamoDB::Table" and not protected:
        yield f"has no deletion protection in {stage}"


def _deletion(resource):
    return resource.get("DeletionPolicy", "Delete")
