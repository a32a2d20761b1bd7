import type { Provider } from '../../src/model/provider.ts'
import { github as realGithub } from '../../src/providers/github.ts'
import { google as realGoogle } from '../../src/providers/google.ts'
import { scripted } from './sample-provider.ts'

/** The presets of the pages' samples: with the scripted provider as their server. */
export const google: Provider = { ...realGoogle, server: scripted.provider.server }
export const github: Provider = { ...realGithub, server: scripted.provider.server }
