/** A process of the system. */
export interface SystemProcess {
  readonly pid: number
  readonly parent: number
  readonly group: number
  /** Tells it from a later process with the same id. */
  readonly started: string
  readonly command: string
}

/** All processes of the system that still run; none on Windows. */
export function processes(): SystemProcess[]

/** The processes that descend from this one, without itself. */
export function descendantsOf(pid: number, all?: readonly SystemProcess[]): SystemProcess[]
