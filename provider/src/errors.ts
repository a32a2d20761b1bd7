/** The port that was asked for belongs to another program. */
export class PortInUseError extends Error {
  /** As Node.js names it. */
  readonly code = 'EADDRINUSE'
  /** The port that was asked for. */
  readonly port: number

  constructor(host: string, port: number, cause: unknown) {
    super(`Port ${port} on ${host} is already in use. End what listens there, or choose another port.`, { cause })
    this.name = 'PortInUseError'
    this.port = port
  }
}
