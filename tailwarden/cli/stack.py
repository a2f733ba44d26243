"""``tailwarden stack``: what the full stack of docker-compose.yml needs: secrets, loggers, streams."""

from __future__ import annotations

from pathlib import Path

import typer

__all__ = ["register"]

DIRECTORY = typer.Option(Path("deploy/secrets"), "--directory", help="Where the secrets lie. / 密钥目录。")
HOSTS = typer.Option(
    None, "--host", show_default=False,
    help="A name or address loggers reach this host by; may be repeated. / 采集器访问本机所用的域名或地址，可重复。",
)  # fmt: skip
POND = typer.Argument(None, help="The pond's id. / 尾矿库编号。", show_default=False)
GATEWAY = typer.Option(
    False, "--gateway", help="A telemetry centre that sends for all ponds. / 代所有库上报的遥测中心。"
)
REVOKE = typer.Option(False, "--revoke", help="Take the user away. / 撤销该用户。")


def register(app: typer.Typer) -> None:
    """Add ``stack`` to *app*."""
    stack = typer.Typer(no_args_is_help=True)
    stack.command(short_help="Make every secret that is missing. / 生成缺少的全部密钥。")(secrets)
    stack.command(short_help="Give a pond's logger its user. / 为一座库的采集器建立用户。")(logger)
    stack.command(short_help="Make the streams and the subscribers' copy. / 建立消息流及订阅者副本。")(streams)
    words = "The full stack of docker-compose.yml. / docker-compose.yml 的完整部署。"
    app.add_typer(stack, name="stack", help=words, short_help=words)


def secrets(directory: Path = DIRECTORY, host: list[str] | None = HOSTS) -> None:
    """Make every secret that is missing: passwords, addresses, a development authority. / 生成缺少的全部密钥。

    What is there stays; run it again to add a --host or to renew the certificate.
    已有的保持不变；可再次运行以增加 --host 或更新证书。
    """
    from deploy.stack.secrets import make_secrets
    from shared.words import language, say

    words = language()
    made = make_secrets(directory, host or ())
    for name in made:
        typer.echo(f"  {name}")
    typer.echo(say("stack.made" if made else "stack.nothing", words, count=len(made), directory=directory))
    typer.echo(say("stack.guard", words, directory=directory))


def logger(
    pond: str | None = POND, gateway: bool = GATEWAY, revoke: bool = REVOKE, directory: Path = DIRECTORY
) -> None:
    """Give the logger of a pond its user and password, for that pond's readings only. / 为一座库的采集器建立用户。

    The NATS server reads the list again on: docker compose kill -s HUP nats
    之后执行 docker compose kill -s HUP nats 生效。
    """
    from deploy.stack.loggers import add_logger, remove_logger
    from shared.problems import BadInput
    from shared.words import language, say

    words = language()
    if gateway == (pond is not None):
        raise BadInput("stack.one_of", field="pond")
    if revoke:
        typer.echo(say("stack.revoked", words, user=remove_logger(directory, pond)))
    else:
        user, password = add_logger(directory, pond)
        typer.echo(say("stack.logger", words, user=user, password=password))
        typer.echo(say("stack.topics", words, topic="tw/telemetry/" + ("#" if pond is None else f"{pond}/…")))
    typer.echo(say("stack.reload", words))


def streams() -> None:
    """Make the streams and the subscribers' copy where they are missing. / 建立消息流及订阅者副本。

    With the address and the user `admin` from the environment; TAILWARDEN_STREAM_REPLICAS copies in a cluster.
    地址与 admin 用户取自环境变量；集群的副本数为 TAILWARDEN_STREAM_REPLICAS。
    """
    import asyncio

    from shared.bus.connection import connect
    from shared.bus.copies import provision_copy
    from shared.bus.streams import provision
    from shared.settings import Settings
    from shared.words import language, say

    settings = Settings.load()
    words = language(settings.language)

    async def make() -> None:
        nc = await connect(settings.connection(), name="tailwarden-stack-streams", limit=30.0)
        try:
            for report in await provision(nc.jetstream(timeout=10.0), settings.stream_replicas):
                action = say(f"stack.{report.action}", words)
                typer.echo(say("stack.stream", words, stream=report.stream, action=action))
            action = await provision_copy(nc, settings.stream_replicas)
            typer.echo(say("stack.copy", words, action=say(f"stack.{action.replace(' ', '_')}", words)))
        finally:
            await nc.close()

    asyncio.run(make())
