/** A CommonJS program: it requires every subpath, and gets what an import gets. */
const { exports: entries } = require('evergrant/package.json')

async function main() {
  for (const subpath of Object.keys(entries).filter((each) => each !== './package.json')) {
    const specifier = `evergrant${subpath.slice(1)}`
    const [required, imported] = [require(specifier), await import(specifier)]
    for (const name of Object.keys(imported))
      if (required[name] !== imported[name]) throw new Error(`require('${specifier}').${name} is another one.`)
  }
  console.log('required')
}

void main()
