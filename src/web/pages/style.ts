/** The style of all pages. The text's colors are the system's, so that any `--accent` leaves it readable. */
export const STYLE = `:root{color-scheme:light dark;--accent:#1a56c4;font:1rem/1.5 system-ui,sans-serif}
@media(prefers-color-scheme:dark){:root{--accent:#8ab4ff}}
body{margin:0;background:Canvas;color:CanvasText}
main{box-sizing:border-box;max-width:36rem;margin:8vh auto;padding:1rem;overflow-wrap:anywhere}
h1{margin:0;font-size:1.5rem;line-height:1.25}
h2{margin:0;font-size:1rem}
ul{margin:1.5rem 0;padding:0;list-style:none}
li{padding:1rem 0;border-top:1px solid GrayText}
li p{margin:0}
div{display:flex;flex-wrap:wrap;gap:.75rem;margin:1rem 0}
form{margin:0}
a,button{box-sizing:border-box;min-height:2.75rem;padding:.5rem 1rem;border:2px solid var(--accent);border-radius:.5rem;background:Canvas;color:CanvasText;font:inherit;text-decoration:none;cursor:pointer}
main>div>a:first-child{background:color-mix(in srgb,var(--accent) 15%,Canvas)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
summary{padding:.5rem 0;cursor:pointer}
`
