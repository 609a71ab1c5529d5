import { createHash } from 'node:crypto';
import { Html } from './html.js';

const css = `
:root { color-scheme: light dark; --text: #1c2024; --soft: #5b6570; --line: #d9dee3; --box: #f5f7f9; --link: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e8ec; --soft: #9aa5b1; --line: #343c45; --box: #1d2228; --link: #7db8f5; }
  body { background: #14181c; }
}
* { box-sizing: border-box; }
body { max-width: 56rem; margin: 0 auto; padding: 1rem; color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--link); }
code, pre { font: 0.9em/1.45 ui-monospace, monospace; }
h1 small, nav small, .type, figcaption { color: var(--soft); font-weight: normal; }
h2 { margin: 2.5rem 0 0.5rem; border-bottom: 1px solid var(--line); }
nav h2 { margin: 1rem 0 0; border: 0; font-size: 1rem; }
nav ul, .content { margin: 0; padding-left: 1.25rem; }
nav li { padding: 0.15rem 0; }
.operation { margin: 1.5rem 0 2.5rem; }
h3 { margin: 0; }
h4 { margin: 1rem 0 0.25rem; }
.method, .status { padding: 0.1rem 0.4rem; border: 1px solid var(--line); border-radius: 0.3rem; font-size: 0.85em; }
.summary { margin: 0.25rem 0; font-weight: 600; }
.required { color: var(--soft); font-size: 0.85em; font-style: italic; }
dl { margin: 0.5rem 0; }
dt { margin-top: 0.6rem; }
dd { margin: 0 0 0 1rem; }
details { margin: 0.35rem 0; }
details > dl { padding-left: 0.75rem; border-left: 2px solid var(--line); }
summary { padding: 0.15rem 0; cursor: pointer; }
figure { margin: 0.75rem 0; }
pre { margin: 0.25rem 0; padding: 0.75rem; overflow-x: auto; border-radius: 0.4rem; background: var(--box); overflow-wrap: normal; }
:target { outline: 2px solid var(--link); outline-offset: 0.3rem; }
`;

/** The style sheet of the page. It is hashed to the last space, so it stands in no template. */
export const styleElement = new Html(`<style>${css}</style>`);

/** Its name in a content security policy. */
export const stylesSource = `'sha256-${createHash('sha256').update(css).digest('base64')}'`;
