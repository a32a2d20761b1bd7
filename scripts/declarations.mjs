/**
 * The package's declarations: one file for each entry, and one with what entries share. A declaration is in them when an exported one
 * names it, so nothing internal is published, and what is marked `@internal` is left out.
 */
import { rolldown } from 'rolldown'
import { dts } from 'rolldown-plugin-dts'

/**
 * Makes the declarations of entries such as `seal/index`.
 * @param {string} root
 * @param {readonly string[]} entries
 * @returns {Promise<{ readonly fileName: string, readonly code: string }[]>}
 */
export async function declarationsOf(root, entries) {
  const bundle = await rolldown({
    cwd: root,
    // A peer's types are those of the application's own copy.
    external: /^@opentelemetry\//,
    input: Object.fromEntries(entries.map((entry) => [entry, `src/${entry}.ts`])),
    plugins: [
      dts({
        cwd: root,
        emitDtsOnly: true,
        oxc: { stripInternal: true },
        sourcemap: false,
        tsconfig: false,
      }),
    ],
  })
  const { output } = await bundle.generate({
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    // Names stay readable where editors show them.
    minifyInternalExports: false,
    codeSplitting: { groups: [{ name: 'shared.d', minShareCount: 2, test: /src\/(?!providers\/)/ }] },
  })
  await bundle.close()
  return output.map(({ fileName, code }) => ({ fileName, code: code.endsWith('\n') ? code : `${code}\n` }))
}
