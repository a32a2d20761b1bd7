import { type Folder, freePort, Program, until, type User } from './program.ts'

/** A server of the tests' own, on loopback, in a temporary folder. */
export interface OwnServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Ends it as a crash would, or in order; its data stay. */
  halt(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and data. */
  resume(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** How one kind of server is run. */
interface Kind {
  readonly name: string
  readonly command: string
  readonly folder: Folder
  /** Whose process it is; undefined: this process's user. */
  readonly user?: User | undefined
  readonly args: (port: number) => readonly string[]
  readonly urlAt: (port: number) => string
  /** Fails unless a connection can be made. */
  readonly connect: (url: string) => Promise<void>
  /** Ends it in order. */
  readonly orderly: NodeJS.Signals
  /** Ends it at once: its data are not needed again. */
  readonly immediate: NodeJS.Signals
}

/** Runs a server of this kind on a free port. */
export async function runServer(kind: Kind): Promise<OwnServer> {
  const { name, command, folder, user, orderly, immediate } = kind
  const port = await freePort()
  const url = kind.urlAt(port)
  const start = async (): Promise<Program> => {
    const program = await Program.start(command, kind.args(port), { user, folder })
    await until(`A connection to ${name}`, () => kind.connect(url), { program })
    return program
  }
  let program = await start()
  return {
    url,
    port,
    get pid() {
      return program.pid
    },
    halt: (signal = orderly) => program.stop(signal),
    resume: async () => {
      program = await start()
    },
    stop: async () => {
      await program.stop(immediate)
      await folder.remove()
    },
  }
}
