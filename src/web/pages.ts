/** What draws the pages of a handler. */
export { drawPage } from './pages/draw.ts'
export { finishPage } from './pages/finish.ts'
export { contentOf } from './pages/texts.ts'
export { CONNECT_SCRIPT, closingPage } from './pages/window.ts'
