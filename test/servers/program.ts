import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Ends the program, and removes its folder, when this process ends in whatever way: then the shell's input is closed. */
const TIED = `folder=$1; shift
exec 3<&0
"$@" 3<&- </dev/null & program=$!
echo $program
{ read -r _ <&3; kill -9 $program; sleep 1; rm -rf -- "$folder"; } >/dev/null 2>&1 & reader=$!
exec 3<&-
wait $program
kill $reader`

const SHOWN = 4_000

/** Time after the request to end, after which a program is killed. */
const LATE_MS = 10_000

/** A server's program that runs until it is stopped, or until this process ends. */
export class Program {
  readonly pid: number
  readonly #exit: Promise<void>
  #output = ''
  #running = true

  private constructor(shell: ChildProcess, pid: number) {
    this.pid = pid
    this.#exit = new Promise((resolve) => shell.once('close', () => resolve()))
    void this.#exit.then(() => (this.#running = false))
    for (const stream of [shell.stdout, shell.stderr]) {
      stream?.on('data', (data: Buffer) => (this.#output = (this.#output + data.toString()).slice(-SHOWN)))
    }
  }

  static async start(
    command: string,
    args: readonly string[],
    options: { user?: User | undefined; folder: Folder },
  ): Promise<Program> {
    const { user, folder } = options
    const shell = spawn('sh', ['-c', TIED, 'sh', folder.path, command, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: folder.path,
      ...user,
    })
    const pid = await new Promise<number>((resolve, reject) => {
      shell.once('error', reject)
      shell.stdout.once('data', (data: Buffer) => resolve(Number.parseInt(data.toString(), 10)))
    })
    return new Program(shell, pid)
  }

  get running(): boolean {
    return this.#running
  }

  /** The end of what it has written. */
  get output(): string {
    return this.#output
  }

  /** Ends it, and resolves when it has ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.#running) return
    this.#signal(signal)
    const late = setTimeout(() => this.#signal('SIGKILL'), LATE_MS)
    await this.#exit
    clearTimeout(late)
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(this.pid, signal)
    } catch {
      // It ended before.
    }
  }
}

/** Whose process it is. */
export interface User {
  readonly uid: number
  readonly gid: number
}

/** A user other than root, which PostgreSQL and pgbouncer require. Undefined if this process does not run as root. */
export async function userOtherThanRoot(): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find(([each]) => each === name) ?? []
    if (uid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error("This machine has neither a user 'postgres' nor 'nobody': run the tests as another user than root.")
}

/** A temporary folder of one program. */
export interface Folder {
  readonly path: string
  remove(): Promise<void>
}

/** Makes a temporary folder, the user's alone. */
export async function folderFor(user: User | undefined): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'evergrant-server-'))
  await chmod(path, 0o700)
  if (user !== undefined) await chown(path, user.uid, user.gid)
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Resolves when `attempt` does; tries again until the program has ended or the time is over. */
export async function until<T>(
  what: string,
  attempt: () => Promise<T>,
  options: { program?: Program; limitMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + (options.limitMs ?? 30_000)
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const { program } = options
      if (Date.now() > deadline || program?.running === false) {
        throw new Error(`${what} did not come about: ${String(error)}\n${program?.output ?? ''}`, { cause: error })
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
