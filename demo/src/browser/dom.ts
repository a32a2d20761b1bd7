/** The element; a page without it is not the page this script belongs to. */
export function find(selector: string, root: ParentNode = document): HTMLElement {
  const element = root.querySelector(selector)
  if (!(element instanceof HTMLElement)) throw new Error(`Expected the page to have ${selector}.`)
  return element
}

/** The same for a part of a drawing. */
export function findShape(selector: string): SVGElement {
  const element = document.querySelector(selector)
  if (!(element instanceof SVGElement)) throw new Error(`Expected the page to have ${selector}.`)
  return element
}

/** Sets a text when it is another: screen readers are told of changes only. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** Makes an element; strings become text, never markup. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

/** Tells screen readers. */
export function announce(text: string): void {
  setText(find('#news'), text)
}

/** Whether the visitor wants things to stay still. */
export function wantsStillness(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches
}
