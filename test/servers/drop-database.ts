/** Drops a database when the process that made it has ended in whatever way: then the standard input ends. */
import { Client } from 'pg'

const [, , url = '', name = ''] = process.argv
// Ctrl+C reaches all processes of a terminal, and this one's work comes after it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
for await (const _ of process.stdin);
const client = new Client({ connectionString: url })
await client.connect()
await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
await client.end()
