/**
 * A fresh process that imports the modules it is told, and says what that took. `--modules`: says which modules were loaded instead;
 * looking takes time of its own.
 */
import { registerHooks } from 'node:module'

const modules = process.argv.slice(2).filter((argument) => argument !== '--modules')
const loaded = []
if (process.argv.includes('--modules')) {
  registerHooks({
    load: (url, context, next) => {
      loaded.push(url)
      return next(url, context)
    },
  })
}

// The first import of a process loads what imports need: that is no package's.
await import('data:text/javascript,')
loaded.length = 0
const rss = process.memoryUsage.rss()
const started = performance.now()
for (const module of modules) await import(module)
const ms = performance.now() - started
console.log(JSON.stringify({ ms, rssBytes: process.memoryUsage.rss() - rss, loaded }))
