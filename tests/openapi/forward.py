"""Hands connections of a port of 127.0.0.1 on to a Unix socket: forward.py SOCKET. Prints the port.

Tools that speak only TCP reach a sandbox by it. Never put one before a daemon that takes real money: whoever may connect
to the port is to the daemon the user who runs this.
"""

import asyncio
import sys


async def copy(source, sink):
    try:
        while piece := await source.read(65536):
            sink.write(piece)
            await sink.drain()
        sink.write_eof()
    except OSError:
        sink.close()


async def forward(socket, reader, writer):
    try:
        far_reader, far_writer = await asyncio.open_unix_connection(socket)
    except OSError as error:
        print(f"forward: {error}", file=sys.stderr)
        writer.close()
        return
    await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))
    far_writer.close()
    writer.close()


async def main(socket):
    server = await asyncio.start_server(lambda reader, writer: forward(socket, reader, writer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(sys.argv[1]))
