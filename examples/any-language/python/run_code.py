"""Runs code with kgents: starts by workflow type, waits, queries, cancels, catches a typed failure."""

import asyncio
import uuid
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError


async def connect() -> Client:
    """Connects as the standard variables such as TEMPORAL_ADDRESS say, or to localhost."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    return await Client.connect(**config)


async def start(client: Client, run_id: str, request: dict[str, Any]) -> WorkflowHandle:
    """Starts a run. If a run with this id exists, returns that run instead."""
    try:
        return await client.start_workflow(
            "executeCode",
            request,
            id=run_id,
            task_queue="kgents",
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )
    except WorkflowAlreadyStartedError:
        return client.get_workflow_handle(run_id)


async def wait_for_code(handle: WorkflowHandle) -> str:
    """Waits until the cell is ready or the run has ended, and returns the phase."""
    while True:
        phase = await handle.query("phase")
        running = (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
        if phase != "provisioning" or not running:
            return phase
        await asyncio.sleep(0.1)


async def main() -> None:
    client = await connect()

    request = {"code": "echo hello from $WHO", "language": "sh", "env": {"WHO": "Python"}, "timeout": "30s"}
    run_id = f"python-{uuid.uuid4()}"
    result = await (await start(client, run_id, request)).result()
    print(result["status"], result["exitCode"], result["stdout"]["text"].strip())
    again = await (await start(client, run_id, request)).result()
    print("the same run:", again["runId"] == result["runId"])

    # Cancel the workflow. The run cleans up, and completes with the status cancelled.
    long = await start(client, f"python-{uuid.uuid4()}", {"code": "sleep 600", "language": "sh", "timeout": "15m"})
    print(await wait_for_code(long))
    await long.cancel()
    print((await long.result())["status"])

    # A run that cannot be carried out fails. The failure's type is the kind; its first detail has the remedy.
    refused = await start(client, f"python-{uuid.uuid4()}", {"code": "print(1)", "timeout": -1})
    try:
        await refused.result()
    except WorkflowFailureError as error:
        if not isinstance(error.cause, ApplicationError):
            raise
        detail = error.cause.details[0]
        print(error.cause.type, error.cause.non_retryable, detail.get("field"), detail["remedy"], sep=" | ")


if __name__ == "__main__":
    asyncio.run(main())
