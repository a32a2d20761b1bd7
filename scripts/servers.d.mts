/** The installed servers' programs; undefined: not installed. */
export function findPrograms(): {
  readonly postgres: string | undefined
  readonly initdb: string | undefined
  readonly redis: string | undefined
  readonly pgbouncer: string | undefined
  readonly mariadb: string | undefined
  readonly mariadbInstall: string | undefined
}
