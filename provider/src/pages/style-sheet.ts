/** The style of every page, light and dark. */
export const styleSheet = `:root {
  color-scheme: light dark;
  --ground: #f2f4f1;
  --card: #ffffff;
  --ink: #1c2420;
  --soft: #5a665f;
  --line: #d5dcd6;
  --accent: #1f6f4a;
  --accent-ink: #ffffff;
  --wash: #e9f3ed;
  --alarm: #a3281f;
  --alarm-wash: #fcebe9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121614;
    --card: #1b211e;
    --ink: #e8eeea;
    --soft: #a3b0a9;
    --line: #37423c;
    --accent: #6fcf9f;
    --accent-ink: #0c1a13;
    --wash: #22332a;
    --alarm: #ff9c92;
    --alarm-wash: #3b211f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0;
  min-height: 100vh;
  display: grid;
  place-content: center;
  grid-template-columns: minmax(0, 27rem);
  gap: 1rem;
  padding: 1.25rem;
  background: var(--ground);
  color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main {
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 1rem;
  padding: 2rem 1.75rem;
}
.brand { display: flex; align-items: center; gap: .5rem; margin: 0 0 1.25rem; color: var(--soft); font-size: .875rem; }
.brand svg { width: 1.5rem; height: 1.5rem; color: var(--accent); }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; font-weight: 650; overflow-wrap: anywhere; }
p { margin: 0 0 1rem; }
.soft, footer { color: var(--soft); }
footer { font-size: .8125rem; text-align: center; }
footer p { margin: 0; }
a { color: var(--accent); }
form { margin: 0; }
label { display: block; }
.field { margin: 0 0 1rem; }
.field label { margin-bottom: .25rem; font-weight: 600; font-size: .9375rem; }
input[type=text], input[type=password] {
  width: 100%;
  padding: .625rem .75rem;
  border: 1px solid var(--soft);
  border-radius: .5rem;
  background: transparent;
  color: inherit;
  font: inherit;
}
.code input { text-transform: uppercase; letter-spacing: .15em; text-align: center; font-size: 1.25rem; }
.user-code { font: 600 1.75rem/1.2 ui-monospace, monospace; letter-spacing: .08em; text-align: center; }
button, .button {
  display: inline-block;
  padding: .625rem 1.25rem;
  border: 1px solid var(--accent);
  border-radius: .5rem;
  background: var(--accent);
  color: var(--accent-ink);
  font: inherit;
  font-weight: 600;
  text-decoration: none;
  cursor: pointer;
}
button.quiet { background: transparent; border-color: var(--line); color: var(--ink); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.5rem; }
.actions button { flex: 1 1 8rem; }
.hint { background: var(--wash); border-radius: .5rem; padding: .75rem 1rem; margin: 0 0 1.25rem; font-size: .9375rem; }
.hint p { margin: 0 0 .25rem; }
fieldset + .hint { margin-top: .75rem; }
.hint ul { margin: 0; padding-left: 1.125rem; }
.alarm { background: var(--alarm-wash); color: var(--alarm); border-radius: .5rem; padding: .75rem 1rem; }
code { font: .875em ui-monospace, "SF Mono", Menlo, monospace; overflow-wrap: anywhere; }
fieldset { margin: 0; padding: 0; border: 0; min-width: 0; }
legend { padding: 0; margin-bottom: .25rem; font-weight: 600; }
.scopes, .accounts { list-style: none; margin: 0; padding: 0; }
.scopes li { border-top: 1px solid var(--line); }
.scopes label { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .125rem .75rem; padding: .75rem 0; cursor: pointer; }
.scopes input { width: 1.125rem; height: 1.125rem; margin: .2rem 0 0; accent-color: var(--accent); }
.scopes code { grid-column: 2; color: var(--soft); font-size: .8125rem; }
.accounts { border-top: 1px solid var(--line); margin-top: 1.25rem; }
.accounts li { border-bottom: 1px solid var(--line); }
.account {
  display: grid;
  grid-template-columns: auto minmax(0, 1fr);
  align-items: center;
  gap: .75rem;
  width: 100%;
  padding: .75rem .25rem;
  border: 0;
  border-radius: .5rem;
  background: transparent;
  color: var(--ink);
  text-align: left;
  font-weight: 400;
  text-decoration: none;
}
.account:hover { background: var(--wash); }
.account strong, .account small { display: block; overflow-wrap: anywhere; }
.account small { color: var(--soft); }
.face {
  display: grid;
  place-content: center;
  width: 2.25rem;
  height: 2.25rem;
  border-radius: 50%;
  background: var(--accent);
  color: var(--accent-ink);
  font-weight: 650;
}
.who { display: flex; align-items: center; gap: .625rem; margin: 1rem 0 1.25rem; color: var(--soft); }
dl { margin: 0; }
dt { margin-top: .75rem; font-weight: 600; font-size: .875rem; }
dd { margin: 0; }
`
