"""Schedules that keep one sandbox of each function in Rust warm, and the role that invokes them. Off unless asked for."""


def warm_up(of):
    """Every schedule and the role, by logical names."""
    warm = [function for function in of.functions if function.warm]
    return {"WarmUpRole": _warm_up_role(warm), **{f"{function.logical}WarmUp": _schedule(function) for function in warm}}


def _schedule(function):
    return {
        "Type": "AWS::Scheduler::Schedule",
        "Condition": "IsKeptWarm",
        "Properties": {
            "Name": {"Fn::Sub": f"warm-up-{function.name}"},
            "ScheduleExpression": {"Ref": "WarmUpExpression"},
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": {"Fn::Sub": _arn(function)},
                "RoleArn": {"Fn::GetAtt": ["WarmUpRole", "Arn"]},
                "Input": '{"warmup":true}',
                "RetryPolicy": {"MaximumRetryAttempts": 0},
            },
        },
    }


def _warm_up_role(functions):
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    invoke = {
        "Sid": "WarmUp",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": [{"Fn::Sub": _arn(function)} for function in functions],
    }
    return {
        "Type": "AWS::IAM::Role",
        "Condition": "IsKeptWarm",
        "Properties": {
            "AssumeRolePolicyDocument": _policy(trusted),
            "PermissionsBoundary": {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]},
            "Policies": [{"PolicyName": "invoke", "PolicyDocument": _policy(invoke)}],
            "Tags": [{"Key": "Project", "Value": "lrap"}, {"Key": "Stage", "Value": {"Ref": "Stage"}}],
        },
    }


def _arn(function):
    return "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:" + function.name


def _policy(statement):
    return {"Version": "2012-10-17", "Statement": [statement]}
