import { connect, createServer, type Socket } from 'node:net'

/** An address on loopback that leads to one server now and to another later, as a name or a virtual IP does; or to none. */
export interface Address {
  readonly port: number
  /** Cuts the connections there are; new ones go to that port. */
  lead(port: number | undefined): void
  close(): Promise<void>
}

/** Opens an address that leads to the server at that port of loopback. */
export async function openAddress(target: number): Promise<Address> {
  const sockets = new Set<Socket>()
  let port: number | undefined = target
  const hold = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
  }
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const server = createServer((socket) => {
    hold(socket)
    if (port === undefined) {
      socket.destroy()
      return
    }
    const upstream = hold(connect(port, '127.0.0.1'))
    socket.pipe(upstream).pipe(socket)
    socket.once('close', () => upstream.destroy())
    upstream.once('close', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    lead: (next) => {
      port = next
      cut()
    },
    close: async () => {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
