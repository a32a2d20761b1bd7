import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let folder

/** The folder of all temporary files of this command. What the command starts gets it as the system's own. */
export function temporaryFolder() {
  if (folder === undefined) {
    folder = mkdtempSync(join(tmpdir(), 'evergrant-'))
    // PostgreSQL runs as another user than root, in a folder of its own below.
    chmodSync(folder, 0o711)
  }
  return folder
}

/** The environment in which programs find that folder, on every system. */
export const temporaryEnv = () => ({ TMPDIR: temporaryFolder(), TEMP: temporaryFolder(), TMP: temporaryFolder() })

/** Removes the folder. Nothing may still write there. */
export function removeTemporaryFolder() {
  if (folder === undefined) return
  for (const mount of mountsIn(folder)) spawnSync('umount', [mount])
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  folder = undefined
}

/** A proof that was interrupted leaves its small disk mounted. */
function mountsIn(path) {
  if (process.platform !== 'linux') return []
  const points = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
  return points.filter((point) => point.startsWith(`${path}/`))
}
