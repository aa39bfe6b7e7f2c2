"""Runs code in a session of kgents, which keeps names and files between calls, by the workflow's updates."""

import asyncio
import base64
import uuid

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from run_code import connect


async def main() -> None:
    client: Client = await connect()
    session_id = f"python-session-{uuid.uuid4()}"

    # Start the session and run the first call in one round trip.
    first = await client.execute_update_with_start_workflow(
        "run",
        {"code": "x = 20"},
        start_workflow_operation=WithStartWorkflowOperation(
            "codeSession",
            {"language": "python", "idleTimeout": "5m"},
            id=session_id,
            task_queue="kgents",
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        ),
    )
    print(first["status"], first["kernel"])

    session = client.get_workflow_handle(session_id)
    second = await session.execute_update("run", {"code": "x + 1"})
    print(second["displays"][0]["text/plain"]["data"], second["kernel"])

    # Files stay, too. An update that is sent again with the same id is not carried out again.
    await session.execute_update("writeFiles", {"files": [{"name": "a.txt", "content": "kept"}]}, id="write-1")
    await session.execute_update("writeFiles", {"files": [{"name": "a.txt", "content": "kept"}]}, id="write-1")
    read = await session.execute_update("readFiles", {"patterns": ["*.txt"]})
    print(base64.b64decode(read["files"][0]["base64"]).decode())

    # A call that cannot be carried out fails as a run does.
    try:
        await session.execute_update("run", {"code": "x", "timeout": -1})
    except WorkflowUpdateFailedError as error:
        if not isinstance(error.cause, ApplicationError):
            raise
        print(error.cause.type, error.cause.details[0]["field"])

    print((await session.query("state"))["status"])
    print((await session.execute_update("close"))["reason"])


if __name__ == "__main__":
    asyncio.run(main())
