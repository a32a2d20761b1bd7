/** What `NODE_OPTIONS` needs so that this Node runs TypeScript files. */
export const TYPE_FLAGS: string
