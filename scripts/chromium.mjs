import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { canInstall, install } from './apt.mjs'

const PLACES = {
  darwin: () =>
    ['Google Chrome', 'Chromium', 'Microsoft Edge'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`),
  linux: () =>
    ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].map((name) => `/usr/bin/${name}`),
  win32: () =>
    [process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA]
      .filter((folder) => folder !== undefined)
      .flatMap((folder) => [
        join(folder, 'Google', 'Chrome', 'Application', 'chrome.exe'),
        join(folder, 'Chromium', 'Application', 'chrome.exe'),
        join(folder, 'Microsoft', 'Edge', 'Application', 'msedge.exe'),
      ]),
}

/** The path of a Chromium: `CHROMIUM_PATH`, or where this system has it. */
export function findChromium() {
  const places = PLACES[process.platform]?.() ?? []
  return [process.env.CHROMIUM_PATH, ...places].find((path) => path && existsSync(path))
}

/**
 * Finds a Chromium for the browser tests, or installs Debian's as root.
 * @returns {Promise<{ missing?: string }>}
 */
export async function ensureChromium() {
  if (findChromium() === undefined && canInstall()) await install(['chromium'])
  if (findChromium() !== undefined) return {}
  return {
    missing:
      'No Chromium or Chrome was found, which the browser tests need. Install one (Debian: apt-get install chromium) or set CHROMIUM_PATH. Without it these tests are skipped; with CI=true they fail.',
  }
}
