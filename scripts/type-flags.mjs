const [major, minor] = process.versions.node.split('.').map(Number)
const stripsTypes = major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18)

/** What `NODE_OPTIONS` needs so that this Node runs TypeScript files: nothing from 22.18 on. */
export const TYPE_FLAGS = stripsTypes ? '' : '--experimental-strip-types --disable-warning=ExperimentalWarning'
