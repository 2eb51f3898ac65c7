"""Evaluates the Pulumi program in this process, without CLI or cloud, into a resolved `Graph`.

The SDK talks to its engine through a "monitor"; ours records each registration and answers with
the outputs that the real provider would compute (`emulators.outputs`). The program runs as in a
preview, so an output that nobody modelled arrives as unknown, and is refused here by name.
"""

import asyncio
import contextvars
import json
import pickle
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import struct_pb2
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_in_stack

from emulators.graph import Graph, Resource
from emulators.outputs import outputs
from emulators.stack import STAND_INS, stack_config
from infra.program import program

_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the wire's mark of a secret value
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_PROVIDER = "__provider"


class EvaluationError(Exception):
    """The program cannot be evaluated: says which resource, and what is wrong with it."""


def evaluate(
    stack: str,
    overlay: Mapping[str, str],
    run: Callable[[], None] = program,
) -> Graph:
    """The graph of `stack`, its configuration overlaid by `overlay` (which brings the secrets).

    Raises:
        EvaluationError: a name registered twice, an unknown value in an input, an invoke.
    """
    config = {**stack_config(stack), **overlay}
    monitor = _Monitor(config)
    context = contextvars.Context()
    context.run(_run, monitor, stack, config, run)
    if monitor.error is not None:
        raise monitor.error
    return Graph(
        stack=stack,
        project=config["gcp:project"],
        project_number=config["segue:projectNumber"],
        region=config["segue:regions"].split(",")[0].strip(),
        resources=tuple(sorted(monitor.recorded.values(), key=lambda it: it.urn)),
        secrets=tuple(sorted(monitor.secrets)),
    )


def _run(
    monitor: "_Monitor", stack: str, config: Mapping[str, str], run: Callable[[], None]
) -> None:
    settings.configure(
        mocks.MockSettings(
            monitor=monitor,
            project="segue",
            stack=stack,
            dry_run=True,
            organization="segue",
            outputs=set(),  # else what a refused evaluation left behind would be awaited here
        )
    )
    settings.ROOT.set(None)
    set_all_config(dict(config), list(STAND_INS))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # The SDK wraps these anew for every dynamic resource and leaves them wrapped.
    pickling = {name: getattr(pickle._Pickler, name) for name in ("_batch_setitems", "save_dict")}
    try:
        loop.run_until_complete(run_in_stack(lambda: _settle(run)))
    except Exception as error:
        if monitor.error is None:
            raise EvaluationError(str(error)) from error
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
        asyncio.set_event_loop(None)
        for name, method in pickling.items():
            setattr(pickle._Pickler, name, method)


async def _settle(run: Callable[[], None]) -> None:
    """Run the program and wait for what it set going, all at once.

    The SDK would do so too, but waits for one task after the other among all that are left.
    """
    run()
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        done, _ = await asyncio.wait(others, return_when=asyncio.FIRST_EXCEPTION)
        if any(not it.cancelled() and it.exception() for it in done):
            return  # the SDK tells it


class _Monitor(mocks.MockMonitor):
    """Records registrations. They arrive on several threads."""

    def __init__(self, config: Mapping[str, str]) -> None:
        super().__init__(_NoMocks())
        self.config = config
        self.recorded: dict[str, Resource] = {}
        self.secrets: set[str] = set()
        self.error: EvaluationError | None = None
        self._lock = threading.Lock()

    def RegisterResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        try:
            return self._register(request, urn)
        except EvaluationError as error:
            self.error = self.error or error
            raise

    def _register(self, request: Any, urn: str) -> Any:
        with self._lock:
            if urn in self.recorded:
                raise EvaluationError(f"{urn} is registered twice")
            inputs = {
                key: self._value(value, f"{urn}#{key}")
                for key, value in sorted(request.object.fields.items())
                if key != _PROVIDER
            }
            identity, computed = outputs(request.type, request.name, inputs, self.config)
            given = {**computed, "id": identity} if request.custom else computed
            self.recorded[urn] = Resource(
                urn,
                request.type,
                request.name,
                {**inputs, **given},
                computed=tuple(sorted(key for key in given if inputs.get(key) is None)),
                after=tuple(sorted(request.dependencies)),
                protected=request.protect,
            )
        answer = struct_pb2.Struct()
        answer.CopyFrom(request.object)
        for key, value in computed.items():
            # A computed output never replaces an input: secret marks must survive.
            if key not in answer.fields or answer.fields[key].WhichOneof("kind") == "null_value":
                answer.update({key: value})
        return resource_pb2.RegisterResourceResponse(urn=urn, id=identity, object=answer)

    def _value(self, value: Any, path: str) -> Any:
        """A wire value as plain data. Ints come back as ints; secrets are noted by path."""
        kind = value.WhichOneof("kind")
        if kind == "struct_value":
            fields = value.struct_value.fields
            mark = fields[rpc._special_sig_key].string_value if _special(fields) else None
            if mark == _SECRET:
                self.secrets.add(path)
                return self._value(fields["value"], path)
            if mark in (_ASSET, _ARCHIVE):
                return _asset(self, fields, path)
            if mark == _RESOURCE:
                return fields["urn"].string_value
            return {key: self._value(item, f"{path}.{key}") for key, item in sorted(fields.items())}
        if kind == "list_value":
            return [
                self._value(item, f"{path}[{at}]")
                for at, item in enumerate(value.list_value.values)
            ]
        if kind == "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        if kind == "string_value":
            if value.string_value == rpc.UNKNOWN:
                raise EvaluationError(
                    f"{path} is unknown: model its source in emulators/outputs.py"
                )
            if "Calling __str__ on an Output" in value.string_value:
                raise EvaluationError(f"{path} is an Output put into a string: use Output.format")
            return value.string_value
        return value.bool_value if kind == "bool_value" else None

    def Invoke(self, request: Any) -> Any:
        self.error = EvaluationError(f"{request.tok}: the program must not ask the cloud")
        raise self.error

    def ReadResource(self, request: Any) -> Any:
        self.error = EvaluationError(f"{request.type} {request.name}: get() is not for the program")
        raise self.error


def _special(fields: Any) -> bool:
    return rpc._special_sig_key in fields


def _asset(monitor: _Monitor, fields: Any, path: str) -> dict[str, Any]:
    """An asset as {"path"} or {"text"}; an archive as {"files": {name: asset}}."""
    if "assets" in fields:
        inner = fields["assets"].struct_value.fields
        return {
            "files": {
                name: monitor._value(item, f"{path}.{name}") for name, item in sorted(inner.items())
            }
        }
    if "path" in fields:  # reading an absent key of a protobuf map would insert it
        return {"path": fields["path"].string_value}
    return {"text": fields["text"].string_value}


class _NoMocks(mocks.Mocks):
    """The base class wants one; the overrides above never ask it."""

    def call(self, args: Any) -> Any:
        raise EvaluationError(f"{args.token}: not modelled")

    def new_resource(self, args: Any) -> Any:
        raise EvaluationError(f"{args.typ}: not recorded")


def main() -> None:
    """`python -m emulators.evaluate OUT < {"stack", "overlay"}`: write the graph as JSON."""
    request = json.load(sys.stdin)
    try:
        graph = evaluate(request["stack"], request["overlay"])
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
    graph.dump(Path(sys.argv[1]))


if __name__ == "__main__":
    pulumi.log.debug = lambda *_a, **_k: None
    main()
