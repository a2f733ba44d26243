"""Commands over a real NATS: whatever happens at the far end, the caller gets an answer that says it."""

from __future__ import annotations

import asyncio
import logging
from typing import ClassVar

import orjson
import psycopg
import pytest
from nats.aio.client import Client

from shared.bus.connection import connect, new_broker, running
from shared.bus.rpc import CommandClient, serve_command
from shared.contracts.base import Command, Record
from shared.problems import BadInput, Conflict, Fault, Forbidden, NotFound, Problem, Unavailable, error_of

pytestmark = pytest.mark.timeout(60)


class Ask(Command):
    command_name: ClassVar[str] = "oracle.ask"
    question: str
    how: str = "answer"


class AskAgain(Command):
    command_name: ClassVar[str] = "oracle.ask_again"
    question: str = ""


class Answer(Record):
    words: str


async def _oracle(ask: Ask) -> Answer:
    match ask.how:
        case "refuse":
            raise Conflict("bus.no_stream", stream="X", field="question")
        case "crash":
            raise ZeroDivisionError("a bug")
        case "database":
            raise psycopg.OperationalError("the connection is closed")
        case "sleep":
            await asyncio.sleep(30)
        case "inner timeout":
            raise TimeoutError
        case "shout":
            return Answer(words="x" * 65 * 1024 * 1024)
    return Answer(words=ask.question.upper())


@pytest.fixture
async def client(nats_server, nc: Client):
    broker = new_broker(nats_server.url, name="oracle")
    serve_command(broker, Ask, _oracle, queue="oracle")
    async with running(broker):
        yield CommandClient(nc, timeout=5.0)


async def _raw(client: CommandClient, subject: str, body: bytes) -> Problem:
    message = await client._nc.request(subject, body, timeout=5)
    return Problem.model_validate(orjson.loads(message.data)["problem"])


async def test_result(client):
    assert await client.send(Ask(question="雨多大?"), Answer) == Answer(words="雨多大?")


async def test_refusal_arrives_as_itself(client):
    with pytest.raises(Conflict) as caught:
        await client.send(Ask(question="?", how="refuse"), Answer)
    assert (caught.value.code, caught.value.field) == ("bus.no_stream", "question")
    assert caught.value.params == {"stream": "X"}


@pytest.mark.parametrize("how", ["crash", "inner timeout"])
async def test_unexpected_exception_is_a_fault_with_its_incident_in_the_log(client, caplog, how):
    with pytest.raises(Fault) as caught:
        await client.send(Ask(question="?", how=how), Answer)
    assert caught.value.code == "bus.unexpected"
    assert any(getattr(r, "incident", "") == caught.value.params["incident"] for r in caplog.records)


async def test_a_database_that_is_away_is_unavailable(client):
    with pytest.raises(Unavailable) as caught:
        await client.send(Ask(question="?", how="database"), Answer)
    assert caught.value.code == "bus.database"


async def test_slow_handler_is_answered_before_the_caller_gives_up(client):
    quick = CommandClient(client._nc, timeout=0.5)
    with pytest.raises(Unavailable) as caught:
        await quick.send(Ask(question="?", how="sleep"), Answer)
    assert caught.value.params["seconds"] == pytest.approx(0.45)  # the server's word, not the client's timeout


async def test_slow_commands_do_not_hold_up_others(client):
    slow = asyncio.create_task(CommandClient(client._nc, timeout=0.5).send(Ask(question="?", how="sleep"), Answer))
    assert await CommandClient(client._nc, timeout=1).send(Ask(question="a"), Answer) == Answer(words="A")
    with pytest.raises(Unavailable):
        await slow


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"", "input.not_json", None),
        (b"{not json", "input.not_json", None),
        (b"\xff\xfe\x00", "input.not_json", None),
        (b"[1]", "input.not_object", None),
        (b"{}", "input.missing", "question"),
        (b'{"question": 3}', "input.not_text", "question"),
        (b'{"question": "?", "colour": "red"}', "input.unknown", "colour"),
    ],
)
async def test_unreadable_body_names_the_field_in_both_languages(client, body, code, field):
    problem = await _raw(client, "tw.commands.oracle.ask", body)
    assert (problem.status, problem.code, problem.field) == (422, code, field)
    assert isinstance(error_of(problem), BadInput)
    for language in ("zh", "en"):
        assert field is None or field in problem.words(language)


async def test_unknown_command_lists_the_known(client):
    with pytest.raises(NotFound) as caught:
        await client.send(AskAgain(), Answer)
    assert caught.value.params == {"command": "oracle.ask_again", "service": "oracle", "known": "ask"}


async def test_service_not_running(nc):
    with pytest.raises(Unavailable) as caught:
        await CommandClient(nc).send(Ask(question="?"), Answer)
    assert caught.value.code == "bus.no_responders"
    assert "tailwarden serve oracle" in caught.value.words("zh")


async def test_answer_of_another_shape_is_a_fault(client):
    with pytest.raises(Fault) as caught:
        await client.send(Ask(question="?"), Ask)
    assert caught.value.code == "bus.reply_unreadable"


async def test_too_large_both_ways(client):
    with pytest.raises(Fault) as caught:
        await CommandClient(client._nc, timeout=20).send(Ask(question="?", how="shout"), Answer)
    assert caught.value.code == "bus.too_large"
    with pytest.raises(BadInput) as refused:
        await client.send(Ask(question="x" * 65 * 1024 * 1024), Answer)
    assert refused.value.code == "bus.too_large"


async def test_server_restart(client, nats_server):
    nats_server.kill()
    with pytest.raises(Unavailable):
        await CommandClient(client._nc, timeout=0.3).send(Ask(question="?"), Answer)
    nats_server.start()

    async with asyncio.timeout(20):
        while True:
            try:
                assert (await CommandClient(client._nc, timeout=1).send(Ask(question="a"), Answer)).words == "A"
                return
            except Unavailable:
                await asyncio.sleep(0.05)


async def test_no_server_is_said_within_the_limit():
    with pytest.raises(Unavailable) as caught:
        await connect("nats://user:geheim@127.0.0.1:1", limit=0.7)
    assert "127.0.0.1:1" in str(caught.value)
    assert "geheim" not in str(caught.value)
    with pytest.raises(Unavailable):
        async with running(new_broker("nats://127.0.0.1:1", name="x"), limit=0.7):
            pass


async def test_refused_login(tmp_path):
    from tests.integration.bus.conftest import NatsServer

    server = NatsServer(tmp_path, 'authorization { users: [{user: "a", password: "b"}] }')
    server.start()
    try:
        with pytest.raises(Forbidden):
            await connect(server.url, "a", "wrong", limit=5)
        with pytest.raises(Forbidden):
            async with running(new_broker(server.url, "a", "wrong", name="x"), limit=5):
                pass
        client = await connect(server.url, "a", "b")
        async with running(new_broker(server.url, "a", "b", name="x")):
            await client.close()
    finally:
        server.kill()


async def test_a_refusal_in_between_does_not_deafen_anybody(tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "shared.bus")
    from tests.integration.bus.conftest import NatsServer

    def users(password):
        return f'authorization {{ users: [{{user: "a", password: "{password}"}}] }}\n'

    server = NatsServer(tmp_path, users("b"))
    right = server.config.read_text()
    server.start()
    try:
        nc = await connect(server.url, "a", "b")
        broker = new_broker(server.url, "a", "b", name="oracle")
        serve_command(broker, Ask, _oracle, queue="oracle")
        async with running(broker):
            server.kill()
            server.config.write_text(right.replace(users("b"), users("changed")))
            server.start()
            async with asyncio.timeout(10):
                while caplog.text.lower().count("authorization violation") < 4:  # both have been refused by now
                    await asyncio.sleep(0.05)
            server.kill()
            server.config.write_text(right)
            server.start()
            async with asyncio.timeout(10):
                while True:
                    try:
                        assert (await CommandClient(nc, timeout=1).send(Ask(question="a"), Answer)).words == "A"
                        break
                    except Unavailable:
                        await asyncio.sleep(0.05)
        await nc.close()
    finally:
        server.kill()
