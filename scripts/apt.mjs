import { existsSync } from 'node:fs'

import { run } from './child.mjs'
import { during } from './progress.mjs'

/** Whether this is Debian or a relative of it, and packages may be installed. */
export const canInstall = () => process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')

/** Installs Debian's packages. What went wrong shows when they are looked for again. */
export async function install(packages) {
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const apt = async (...args) => (await run('apt-get', args, { env, held: true })).status === 0
  const attempt = async () =>
    (await apt('update', '-qq')) && (await apt('install', '-y', '-qq', '--no-install-recommends', ...packages))
  await during(`Installing ${packages.join(', ')}`, async () => (await attempt()) || (await attempt()))
}
