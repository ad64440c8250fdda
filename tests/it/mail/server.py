"""A mail server that behaves as its first argument says, or a file of that name says by now.

Mails go to the folder of the second argument, numbered. It listens on the port of the third,
if there is one, prints its port, and ends when its input does.
"""
import asyncio
import itertools
import os
import ssl
import sys
import time

from aiosmtpd.smtp import SMTP, AuthResult

first_behaviour, folder = sys.argv[1:3]
port = int(sys.argv[3]) if len(sys.argv) > 3 else 0
numbers = itertools.count()


def behaviour():
    try:
        with open(os.path.join(folder, "behaviour")) as file:
            return file.read()
    except FileNotFoundError:
        return first_behaviour


def keep(envelope):
    name = os.path.join(folder, f"{next(numbers):04}")
    with open(name + ".to", "w") as file:
        file.write("\n".join(envelope.rcpt_tos))
    with open(name + ".tmp", "wb") as file:
        file.write(envelope.original_content)
    os.rename(name + ".tmp", name + ".eml")


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        if behaviour() == "takes-seven-bits":
            responses.remove("250-8BITMIME")
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        if behaviour() == "refuses-the-sender":
            return "550 5.7.1 not you"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if behaviour() == "refuses-the-recipient" or address.startswith("nobody"):
            return f"550 5.1.1 <{address}>: no user of that name"
        if behaviour() == "greylists":
            return "450 4.2.0 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        how = behaviour()
        if how.startswith("takes-in-"):
            await asyncio.sleep(int(how.removeprefix("takes-in-")) / 1000)
        if how.startswith("takes-one-in-"):
            # Nothing else happens meanwhile: mails come one after the other.
            time.sleep(int(how.removeprefix("takes-one-in-")) / 1000)
        if how == "is-slow":
            open(os.path.join(folder, "slow"), "w").close()
        if how == "is-slow" or envelope.rcpt_tos[0].startswith("slow"):
            await asyncio.sleep(60)
        if how == "drips-its-answer":
            while not server.transport.is_closing():
                server.transport.write(b"250-in a while\r\n")
                await asyncio.sleep(0.2)
        if how == "breaks-off":
            server.transport.abort()
            return "451 gone"
        if how == "refuses-the-content":
            return "554 5.6.0 not this"
        keep(envelope)
        if how == "takes-and-breaks-off":
            server.transport.abort()
        if how == "takes-and-is-silent":
            await asyncio.sleep(60)
        return "250 OK"


class Dripping(SMTP):
    """Never comes to the end of its greeting."""

    def _handle_client(self):
        return self.drip()

    async def drip(self):
        while not self.transport.is_closing():
            self.transport.write(b"220-in a while\r\n")
            await asyncio.sleep(0.2)


def authenticate(server, session, envelope, mechanism, data):
    right = data.login == b"bob" and data.password == b"s3cret word"
    return AuthResult(success=right, handled=False)


def certificate():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
    return context


def protocol():
    how = behaviour()
    asks = how in ("asks-who", "speaks-tls-when-asked")
    return (Dripping if how == "drips-its-greeting" else SMTP)(
        Handler(),
        enable_SMTPUTF8=True,
        auth_required=asks,
        auth_require_tls=how == "speaks-tls-when-asked",
        authenticator=authenticate if asks else None,
        tls_context=certificate() if how == "speaks-tls-when-asked" else None,
        require_starttls=how == "speaks-tls-when-asked",
    )


async def main():
    tls = certificate() if first_behaviour == "speaks-tls" else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", port, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
