import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'

const src = join(import.meta.dirname, '../../src')
const PROGRAM = 'program'

/**
 * What is loaded at once of the names that a program imports from `evergrant`, and of other entries, by their files; parts
 * that are imported later are left out.
 */
async function loadedAtOnce(
  names: readonly string[],
  others: Readonly<Record<string, readonly string[]>> = {},
): Promise<{ files: string[]; packages: string[]; bytes: number }> {
  const program = Object.entries({ 'index.ts': names, ...others })
    .map(([file, all]) => `export { ${all.join(', ')} } from ${JSON.stringify(join(src, file))}`)
    .join('\n')
  const modules: string[] = []
  const bundle = await rolldown({
    input: PROGRAM,
    platform: 'neutral',
    external: /^(node:|jose|oauth4webapi)/,
    plugins: [
      {
        name: 'at-once',
        resolveId: (id, _importer, { kind }) =>
          id === PROGRAM ? id : kind === 'dynamic-import' ? { id, external: true } : undefined,
        load: (id) => (id === PROGRAM ? program : undefined),
        moduleParsed: ({ id }) => void modules.push(id),
      },
    ],
  })
  const { output } = await bundle.generate({ minify: true })
  await bundle.close()
  const [{ code, imports }] = output
  const files = modules
    .filter((id) => id.startsWith(src))
    .map((id) => id.slice(src.length + 1).replaceAll('\\', '/'))
    .sort()
  return { files, packages: imports, bytes: gzipSync(code, { level: 9 }).length }
}

/** What only applications need that import it, or that come to use it. */
const LATER =
  /^(providers|testing|undici|web)\/|^seal\/(?!lazy-keys\.ts)|^stores\/(\w+\/|backend|row-|store-over|swap)|^client\/(flows\/(?!return-to)|endpoints|operations)|^refresh\/redeem/

test('importing evergrant loads no protocol library, seal, database code or provider data', async () => {
  const { files, packages } = await loadedAtOnce(['OAuth2Client', 'OAuth2Session', 'Grants', 'memoryStore'])
  expect(files.length).toBeGreaterThan(50)
  expect(files.filter((file) => LATER.test(file))).toEqual([])
  expect(packages).toEqual([])
})

test.each([
  ['client and session', ['OAuth2Client', 'OAuth2Session'], 30_000],
  ['the same with Grants', ['OAuth2Client', 'OAuth2Session', 'Grants'], 36_000],
])('%s are loaded at once, minified and compressed, in few bytes', async (_, names, most) => {
  const { bytes } = await loadedAtOnce(names)
  expect(bytes).toBeGreaterThan(10_000)
  expect(bytes).toBeLessThanOrEqual(most)
})

test.each([
  ['connectHandler', ['connectHandler']],
  ['Node', ['connectHandler', 'toNodeHandler']],
  ['Fastify', ['connectHandler', 'toFastifyPlugin']],
])('evergrant/web (%s) adds at most 10 KB to an application that has the core', async (_, names) => {
  const core = ['OAuth2Client', 'OAuth2Session', 'Grants']
  const [without, with_] = await Promise.all([loadedAtOnce(core), loadedAtOnce(core, { 'web/index.ts': names })])
  expect(with_.packages).toEqual([])
  expect(without.files.filter((file) => file.startsWith('web/'))).toEqual([])
  expect(with_.bytes - without.bytes).toBeGreaterThan(2000)
  expect(with_.bytes - without.bytes).toBeLessThanOrEqual(10_000)
})
