"""``AWS::ApiGatewayV2::Api`` of HTTP with its ``Body``, an OpenAPI document of which routes, integrations and authorizers are made.

SAM writes every HTTP API that way. What the document says is made by the API of the service, as ``ImportApi`` would.
"""

from ministack.services.cloudformation import provisioners

from clients import own, parameters

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}
ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
AUTHORIZER = "x-amazon-apigateway-authorizer"
SIGNED = {"x-amazon-apigateway-authtype": "awsSigv4"}
MADE_WITH = {
    "Name",
    "Description",
    "Version",
    "ProtocolType",
    "RouteSelectionExpression",
    "CorsConfiguration",
    "DisableExecuteApiEndpoint",
    "FailOnWarnings",
    "Tags",
    "Body",
}

of_web_sockets = dict(provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"])
of_authorizers = dict(provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Authorizer"])


def create_authorizer(logical_id, properties, stack_name):
    return of_authorizers["create"](logical_id, asked_always(properties), stack_name)


def update_authorizer(authorizer, old, new, stack_name):
    return of_authorizers["update"](authorizer, old, asked_always(new), stack_name)


def asked_always(properties):
    """A Lambda authorizer without identity sources is asked about every request; ministack would give it ``Authorization`` as one."""
    return {"IdentitySource": [], **properties} if properties.get("AuthorizerType") == "REQUEST" else properties


def create(logical_id, properties, stack_name):
    if properties.get("ProtocolType") == "WEBSOCKET":
        return of_web_sockets["create"](logical_id, properties, stack_name)
    client = own("apigatewayv2")
    given = {**in_api_form(logical_id, properties, stack_name), "ProtocolType": "HTTP", "Tags": tags(properties)}
    api = client.create_api(**parameters(client, "CreateApi", given))["ApiId"]
    import_document(client, api, properties.get("Body") or {})
    return api, attributes(client, api)


def update(api, old, new, stack_name, logical_id=None):
    if new.get("ProtocolType") == "WEBSOCKET":
        return of_web_sockets["update"](api, old, new, stack_name, logical_id)
    client = own("apigatewayv2")
    given = in_api_form(logical_id or api, new, stack_name)
    client.update_api(ApiId=api, **parameters(client, "UpdateApi", given))
    if cors(old) and not cors(new):
        client.delete_cors_configuration(ApiId=api)
    if old.get("Body") != new.get("Body"):
        forget_document(client, api, old.get("Body") or {})
        import_document(client, api, new.get("Body") or {})
    return api, attributes(client, api)


def delete(api, properties):
    if properties.get("ProtocolType") == "WEBSOCKET":
        of_web_sockets["delete"](api, properties)
        return
    client = own("apigatewayv2")
    try:
        client.delete_api(ApiId=api)
    except client.exceptions.NotFoundException:
        return


def in_api_form(logical_id, properties, stack_name):
    unknown = sorted(set(properties) - MADE_WITH)
    if unknown:
        raise ValueError(f"AWS::ApiGatewayV2::Api: {', '.join(unknown)} not supported on this machine")
    information = (properties.get("Body") or {}).get("info", {})
    name = properties.get("Name") or information.get("title") or f"{stack_name}-{logical_id}"
    given = {"Name": name, "Version": information.get("version"), "Description": information.get("description")}
    given.update((key, properties[key]) for key in ("Version", "Description", "DisableExecuteApiEndpoint") if key in properties)
    if cors(properties):
        given["CorsConfiguration"] = cors(properties)
    return {key: value for key, value in given.items() if value is not None}


def cors(properties):
    """By whichever of the two says so; a document's names begin with small letters."""
    written = (properties.get("Body") or {}).get("x-amazon-apigateway-cors", {})
    return properties.get("CorsConfiguration") or {key[:1].upper() + key[1:]: value for key, value in written.items()}


def tags(properties):
    written = (properties.get("Body") or {}).get("tags", [])
    valued = [tag for tag in written if "x-amazon-apigateway-tag-value" in tag]
    return {**{tag["name"]: tag["x-amazon-apigateway-tag-value"] for tag in valued}, **(properties.get("Tags") or {})}


def import_document(client, api, document):
    schemes = document.get("components", {}).get("securitySchemes", {})
    authorizers = {name: make_authorizer(client, api, name, scheme) for name, scheme in schemes.items() if AUTHORIZER in scheme}
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            if method.lower() in METHODS:
                make_route(client, api, route_key(path, method), operation, schemes, authorizers)


def forget_document(client, api, document):
    """Those that the document made; what was made beside it stays."""
    keys = {route_key(path, method) for path, operations in document.get("paths", {}).items() for method in operations}
    for route in client.get_routes(ApiId=api)["Items"]:
        if route["RouteKey"] in keys:
            client.delete_route(ApiId=api, RouteId=route["RouteId"])
            client.delete_integration(ApiId=api, IntegrationId=route["Target"].rpartition("/")[2])
    schemes = document.get("components", {}).get("securitySchemes", {})
    for authorizer in client.get_authorizers(ApiId=api)["Items"]:
        if authorizer["Name"] in schemes:
            client.delete_authorizer(ApiId=api, AuthorizerId=authorizer["AuthorizerId"])


def route_key(path, method):
    if path in ("/$default", "$default"):
        return "$default"
    return f"{'ANY' if method == ANY else method.upper()} {path}"


def make_authorizer(client, api, name, scheme):
    written = scheme[AUTHORIZER]
    source = written.get("identitySource", "$request.header.Authorization")
    given = {
        "Name": name,
        "AuthorizerType": "JWT" if written["type"] == "jwt" else "REQUEST",
        "IdentitySource": [part.strip() for part in source.split(",")] if isinstance(source, str) else source,
        "AuthorizerUri": written.get("authorizerUri"),
        "AuthorizerPayloadFormatVersion": written.get("authorizerPayloadFormatVersion"),
        "AuthorizerResultTtlInSeconds": written.get("authorizerResultTtlInSeconds"),
        "EnableSimpleResponses": written.get("enableSimpleResponses"),
        "AuthorizerCredentialsArn": written.get("authorizerCredentials"),
    }
    if "jwtConfiguration" in written:
        tokens = written["jwtConfiguration"]
        given["JwtConfiguration"] = {"Issuer": tokens["issuer"], "Audience": tokens["audience"]}
    given = {key: value for key, value in given.items() if value is not None}
    made = client.create_authorizer(ApiId=api, **parameters(client, "CreateAuthorizer", given))
    return {"id": made["AuthorizerId"], "type": "JWT" if written["type"] == "jwt" else "CUSTOM"}


def make_route(client, api, key, operation, schemes, authorizers):
    made = client.create_integration(ApiId=api, **parameters(client, "CreateIntegration", integration(key, operation)))
    given = {"RouteKey": key, "Target": f"integrations/{made['IntegrationId']}", **authorization(operation, schemes, authorizers)}
    client.create_route(ApiId=api, **given)


def integration(key, operation):
    if INTEGRATION not in operation:
        raise ValueError(f"AWS::ApiGatewayV2::Api: Body: {key} has no {INTEGRATION}")
    written = operation[INTEGRATION]
    given = {
        "IntegrationType": written["type"].upper(),
        "IntegrationUri": written.get("uri"),
        "IntegrationMethod": written.get("httpMethod"),
        "PayloadFormatVersion": written.get("payloadFormatVersion"),
        "TimeoutInMillis": written.get("timeoutInMillis"),
    }
    return {name: value for name, value in given.items() if value is not None}


def authorization(operation, schemes, authorizers):
    """Of the first requirement, as a route has only one."""
    name, scopes = next(iter((operation.get("security") or [{}])[0].items()), (None, []))
    if name in authorizers:
        found = authorizers[name]
        asked = {"AuthorizationScopes": scopes} if scopes else {}
        return {"AuthorizationType": found["type"], "AuthorizerId": found["id"], **asked}
    if schemes.get(name, {}).items() >= SIGNED.items():
        return {"AuthorizationType": "AWS_IAM"}
    if name in (None, "NONE"):
        return {}
    raise ValueError(f"AWS::ApiGatewayV2::Api: Body: {name} is not an authorizer of this document")


def attributes(client, api):
    return {"ApiId": api, "ApiEndpoint": client.get_api(ApiId=api)["ApiEndpoint"]}
