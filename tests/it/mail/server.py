"""A mail server that behaves as its first argument says; mails go to the folder of the second.

It prints its port, and ends when its input does.
"""
import asyncio
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

behaviour, folder = sys.argv[1:3]


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if behaviour == "refuses-the-sender":
            return "550 5.7.1 not you"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if behaviour == "refuses-the-recipient":
            return "550 5.1.1 nobody of that name"
        if behaviour == "greylists":
            return "450 4.2.0 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if behaviour == "is-slow":
            await asyncio.sleep(60)
        if behaviour == "breaks-off":
            server.transport.abort()
            return "451 gone"
        if behaviour == "refuses-the-content":
            return "554 5.6.0 not this"
        with open(os.path.join(folder, "received.eml"), "wb") as file:
            file.write(envelope.original_content)
        with open(os.path.join(folder, "received.to"), "w") as file:
            file.write("\n".join(envelope.rcpt_tos))
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    right = data.login == b"bob" and data.password == b"s3cret word"
    return AuthResult(success=right, handled=False)


def protocol():
    asks = behaviour == "asks-who"
    return SMTP(
        Handler(),
        enable_SMTPUTF8=True,
        auth_required=asks,
        auth_require_tls=False,
        authenticator=authenticate if asks else None,
    )


async def main():
    tls = None
    if behaviour == "speaks-tls":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
