/** How npm is run: by its own script where that is known, because Windows starts no `npm.cmd` without a shell.
 * @returns {[command: string, args: string[]]} */
export function npm(...args) {
  const script = process.env.npm_execpath ?? ''
  if (/npm-cli\.[cm]?js$/.test(script)) return [process.execPath, [script, ...args]]
  return process.platform === 'win32' ? ['cmd.exe', ['/d', '/s', '/c', 'npm', ...args]] : ['npm', args]
}
