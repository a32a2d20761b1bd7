/** The tools that the package is tried with, by name. */
export const TOOLS: Readonly<Record<string, { readonly packages: readonly string[]; readonly program: string }>>
/** The path of a tool's program; undefined: not installed. */
export function findTool(name: string): string | undefined
/** Finds a tool, or installs it; undefined: it could not be installed. */
export function ensureTool(name: string): string | undefined
